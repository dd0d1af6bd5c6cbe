"""Who may race, and the start: all get the same data and budget, and nothing comes to the front by itself."""

from __future__ import annotations

from dataclasses import replace

import pytest
from pytestqt.qtbot import QtBot

from app.panels.race.entrants import data_choices, entrants, first_ticked, spec_of, unequal_data
from gm_core import api
from tests.app.fake_model import run_card
from tests.app.race_bench import CARDS, CATALOGUE, PRESETS, Course

pytestmark = pytest.mark.usefixtures("dressed")


# ---- who may race


def test_on_the_plane_each_family_races_on_the_same_data_with_its_own_preset_or_that_of_another_toy() -> None:
    found = {entrant.key: entrant for entrant in entrants("ring", CATALOGUE, PRESETS)}
    assert list(found) == ["ddpm", "gan", "gan wgan", "vae"]  # PixelCNN takes no points
    assert all(entrant.spec["data"] == {"kind": "ring"} for entrant in found.values())
    assert found["ddpm"].spec["model"]["width"] == 7 and found["ddpm"].spec["train"]["lr"] == 0.5
    assert found["vae"].spec["model"] == {"kind": "vae"}
    assert first_ticked(found.values()) == ("ddpm", "gan", "vae")


def test_on_pictures_presets_race_with_their_own_pixels_and_that_is_said() -> None:
    found = entrants("digits", CATALOGUE, PRESETS)
    assert [entrant.key for entrant in found] == ["ddpm", "vae"]
    assert found[1].spec["data"] == {"kind": "digits", "binarisation": "threshold"}
    assert unequal_data(entrant.spec for entrant in found)
    assert not unequal_data([{"data": {"kind": "digits"}}, {"data": {"kind": "digits", "centred": True}}])
    assert [kind for kind, _ in data_choices(CATALOGUE, PRESETS)] == ["moons", "ring", "digits"]


def test_all_get_the_same_budget_batch_and_seed_and_specs_that_the_core_reads() -> None:
    for entrant in entrants("ring", CATALOGUE, PRESETS):
        spec = api.RunSpec.read(spec_of(entrant, "race1-x", 300, 64, 5))
        assert (spec.name, spec.train.steps, spec.train.batch, spec.train.seed) == ("race1-x", 300, 64, 5)
    own = spec_of(entrants("ring", CATALOGUE, PRESETS)[0], "race1-x", 300, 0, 5)
    assert own["train"]["batch"] == 32


def test_ticks_that_were_remembered_wait_for_families_that_only_the_worker_knows(qtbot: QtBot) -> None:
    """The stored catalogue may be older than the models; what a hand ticked since is not taken back."""
    fewer = replace(CATALOGUE, models=CARDS[:1] + CARDS[2:])
    course = Course(qtbot, data="ring", families="gan,vae")
    panel = course.panel
    panel.desk.catalogue = fewer
    panel._ready()
    assert set(panel.plan.ticks.chosen()) == {"ddpm", "vae"} and panel.state().families == "gan,vae"
    panel.desk.catalogue = CATALOGUE
    panel._ready()
    assert set(panel.plan.ticks.chosen()) == {"gan", "vae"}
    panel.plan.ticks.buttons["ddpm"].click()
    panel._ready()
    assert set(panel.plan.ticks.chosen()) == {"ddpm", "gan", "vae"}
    assert panel.state().families == "ddpm,gan,vae"


# ---- the start


def test_all_are_made_before_any_trains_and_the_run_in_front_stays_there(qtbot: QtBot) -> None:
    course = Course(qtbot, run_card("mine"), data="ring", families="ddpm,gan,vae")
    fronts: list[object] = []
    course.bench.desk.current_changed.connect(fronts.append)
    course.panel.plan.go.click()
    commands = course.obey()
    kinds = [type(command).__name__ for command in commands if not isinstance(command, api.Ask)]
    assert kinds == ["Pause", "Start", "Start", "Start", "Resume", "Resume", "Resume"]
    assert all(command.paused for command in commands if isinstance(command, api.Start))
    assert [r.run for r in course.panel.steward.runners] == ["race1-ddpm", "race1-gan", "race1-vae"]
    assert course.bench.desk.current == "mine" and not fronts
    course.settle()
    assert course.panel.steward.running and course.panel.toggle.accessibleName() == "Pause all"


def test_one_that_cannot_start_says_why_and_the_others_race(qtbot: QtBot) -> None:
    course = Course(qtbot, run_card("mine", state="paused"), data="ring", families="ddpm,gan,vae")
    course.panel.plan.go.click()
    course._read += 1
    course.bench.desk.take([api.Trouble("ddpm takes images; choose other data", "Start")])
    course.obey()
    course.measure()
    first, *others = course.panel.steward.runners
    assert first.trouble == "ddpm takes images; choose other data" and not first.run
    assert all(runner.state == "training" for runner in others)
    words = {course.panel.board.topLevelItem(i).text(6) for i in range(3)}
    assert "ddpm takes images; choose other data" in words


def test_a_second_race_has_names_of_its_own_and_ends_the_first(qtbot: QtBot) -> None:
    course = Course(qtbot, data="ring", families="gan,vae")
    first = course.begin()
    course.panel.new.click()
    assert course.panel.stack.currentIndex() == 0
    second = course.begin()
    assert first == ["race1-gan", "race1-vae"] and second == ["race2-gan", "race2-vae"]
    assert [course.cards[run].state for run in first] == ["stopped", "stopped"]


def test_fewer_than_two_families_cannot_race(qtbot: QtBot) -> None:
    course = Course(qtbot, data="ring", families="gan,vae")
    plan = course.panel.plan
    plan.ticks.buttons["gan"].click()
    assert not plan.go.isEnabled() and plan.words.text() == "Tick at least two families."
    plan.ticks.buttons["ddpm"].click()
    assert plan.go.isEnabled()
