"""The race: all start together and are measured alike, nothing comes to the front by itself, and who leads is told."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from app import export
from app.panels.race import RacePanel, RaceState
from app.panels.race.entrants import data_choices, entrants, first_ticked, spec_of, unequal_data
from app.panels.race.lanes import Runner, due, ranked
from app.panels.race.steward import PICTURES, POINTS, PREFIX
from app.shell import theme
from gm_core import api
from tests.app.fake_core import Bench
from tests.app.fake_model import data_card, run_card

CARDS = tuple(
    api.ModelCard(name, title, "", f"{title} learns.", (), frozenset({"samples", *extra}), frozenset(accepts), ())
    for name, title, extra, accepts in (
        ("ddpm", "Diffusion", ("stepwise",), ("points", "continuous", "images", "levels")),
        ("gan", "GAN", (), ("points", "continuous", "images", "levels")),
        ("vae", "VAE", (), ("points", "continuous", "images", "levels", "binary")),
        ("pixel_cnn", "PixelCNN", ("sitewise",), ("images", "levels", "binary")),
    )
)
DATA = (
    api.DataKind("ring", "Ring", "", (), group="toys"),
    api.DataKind("moons", "Moons", "", (), group="toys"),
    api.DataKind("digits", "Digits", "", (), group="images"),
    api.DataKind("sprites", "Sprites", "", (), group="images"),
)


def preset(name: str, model: str, data: str, **extra: Any) -> api.Preset:
    spec = {
        "name": name,
        "model": {"kind": model, "width": 7},
        "data": {"kind": data, **extra},
        "train": {"lr": 0.5, "batch": 32},
    }
    return api.Preset(name, f"{model} on {data}", "Look.", spec)


PRESETS = (
    preset("ddpm-moons", "ddpm", "moons"),
    preset("gan-ring", "gan", "ring"),
    preset("gan-ring-collapse", "gan", "ring", sigma=0.02),
    preset("gan-wgan-ring", "gan", "ring"),
    preset("vae-digits", "vae", "digits", binarisation="threshold"),
    preset("ddpm-digits", "ddpm", "digits", centred=True),
)
CATALOGUE = api.Catalogue(CARDS, DATA, (), api.DeviceCard("cpu", "CPU", 1))


@pytest.fixture(autouse=True)
def dressed(qapp: object) -> Iterator[None]:
    """Panels are drawn in the program's own dress."""
    theme.load_fonts()
    theme.apply(qapp, "dark")  # type: ignore[arg-type]
    yield


class Course:
    """A panel over a fake worker that makes runs, trains them by as much as the test wishes, and measures them."""

    def __init__(self, qtbot: QtBot, front: api.RunCard | None = None, **state: Any) -> None:
        self.bench = Bench(front)
        self.bench.desk.take([api.Ready(CATALOGUE)])
        self.panel = RacePanel()
        self.panel.presets = PRESETS
        qtbot.addWidget(self.panel)
        self.panel.restore(RaceState(**state))
        self.panel.resize(640, 640)
        self.panel.bind(self.bench.desk)
        self.panel.show()
        self.cards: dict[str, api.RunCard] = {}
        self._read = len(self.bench.engine.sent)
        self._tickets: set[int] = set()

    @property
    def sent(self) -> list[api.Command]:
        """What the worker has not obeyed yet."""
        return self.bench.engine.sent[self._read :]

    def obey(self, offers: frozenset[str] | None = None) -> list[api.Command]:
        """Make, rest and resume runs as told; returns the commands."""
        obeyed = []
        while self.sent:
            command = self.sent[0]
            self._read += 1
            obeyed.append(command)
            if isinstance(command, api.Start):
                name = str(command.spec["name"])
                words = offers or frozenset({"samples", *({"stepwise"} if "ddpm" in name else ())})
                spec, steps = dict(command.spec), int(command.spec["train"]["steps"])
                card = run_card(name, True, spec=spec, offers=words, step=0, steps=steps, state="paused", kept=())
                self._change(replace(card, data=data_card(spec["data"]["kind"] != "digits")))
            elif isinstance(command, api.Pause | api.Resume | api.Stop) and command.run in self.cards:
                state = {api.Pause: "paused", api.Resume: "training", api.Stop: "stopped"}[type(command)]
                self._change(replace(self.cards[command.run], state=state))
        return obeyed

    def _change(self, card: api.RunCard) -> None:
        self.cards[card.run] = card
        self.bench.desk.take([api.RunChanged(card)])

    def train(self, run: str, to: int, seconds_each: float = 0.01) -> None:
        """Steps until `to`, at so many seconds each."""
        card = self.cards[run]
        steps = np.arange(card.step + 1, to + 1)
        values = np.ones((len(steps), 1), np.float32)
        self.bench.desk.take([api.Scalars(run, ("total",), steps, steps * seconds_each, values)])
        self._change(replace(card, step=to, state="finished" if to >= card.steps else card.state))

    def measure(self, **values: float) -> list[api.Ask]:
        """Let a second pass, and answer what is asked: by default the more steps, the better."""
        self.settle()
        asks = [a for a in self.bench.engine.asks(PREFIX) if a.ticket not in self._tickets]
        for ask in asks:
            self._tickets.add(ask.ticket)
            if isinstance(ask.query, api.ExamplesQuery):
                shown = api.ExamplesFrame(np.zeros((5, 2), np.float32), np.zeros(5, np.int64), np.arange(5))
                self.bench.desk.take([api.Answered(ask.run, ask.topic, ask.ticket, 0, 0, shown, True)])
                continue
            assert isinstance(ask.query, api.QualityQuery)
            step = self.cards[ask.run].step if ask.step is None else ask.step
            mmd = values.get(ask.run.split("-")[1], 1.0 / (1 + step)) + 1.0 / max(1, ask.query.steps or 100)
            cost = ask.query.steps or (100 if "ddpm" in ask.run else 1)
            items = np.zeros((ask.query.shown, 2), np.float32) if ask.query.shown else None
            frame = api.Quality(
                ("mmd", "coverage"),
                np.array([mmd, 0.5]),
                np.array([0.01, np.nan]),
                np.array([0.001, 0.97]),
                {"": "Estimates."},
                1000,
                cost,
                items,
            )
            self.bench.desk.take(
                [
                    api.Answered(ask.run, ask.topic, ask.ticket, step, 0, frame, False),
                    api.Answered(ask.run, ask.topic, ask.ticket, step, 1, None, True, 0.1),
                ]
            )
        self.settle()
        return asks

    def settle(self) -> None:
        """Two ticks: asks leave with the next one, and so do drawings."""
        for _ in range(2):
            self.bench.clock += 1.0
            self.bench.desk.take([])

    def begin(self) -> list[str]:
        """Start the race that is planned; the names of its runs."""
        self.panel.plan.go.click()
        self.obey()
        return [runner.run for runner in self.panel.steward.runners]


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


# ---- on the way


def test_each_is_measured_untrained_at_the_marks_and_at_the_end(qtbot: QtBot) -> None:
    course = Course(qtbot, data="ring", families="gan,vae", budget=240)
    gan, vae = course.begin()
    assert {ask.run for ask in course.measure()} == {gan, vae}
    course.train(gan, 1)
    assert not course.measure()  # step 1 of 240 is no mark
    course.train(gan, 30)
    asks = course.measure()
    assert [ask.run for ask in asks] == [gan] and asks[0].step is None
    assert asks[0].query.n == POINTS and asks[0].query.metrics == ()
    course.train(gan, 240)
    assert [ask.run for ask in course.measure()] == [gan]
    runner = course.panel.steward.runners[0]
    assert [m.step for m in runner.record] == [0, 30, 240]
    assert [m.examples for m in runner.record] == [0, 30 * 256, 240 * 256]
    assert runner.record[1].seconds == pytest.approx(0.3)
    assert not course.measure()


def test_measuring_goes_on_while_nobody_looks(qtbot: QtBot) -> None:
    course = Course(qtbot, data="ring", families="gan,vae", budget=240)
    gan, _ = course.begin()
    course.measure()
    course.panel.hide()
    course.train(gan, 100)
    assert [ask.run for ask in course.measure()] == [gan]


def test_with_a_budget_in_seconds_each_is_called_in_when_its_own_are_spent(qtbot: QtBot) -> None:
    course = Course(qtbot, data="ring", families="gan,vae", budget=5, unit="seconds")
    gan, vae = course.begin()
    course.train(gan, 100, 0.02)
    course.train(vae, 100, 0.06)  # six seconds
    commands = course.obey()
    assert [c.run for c in commands if isinstance(c, api.Pause)] == [vae]
    assert course.cards[gan].state == "training" and course.cards[vae].state == "paused"
    course.panel.steward.pause()
    course.obey()
    course.panel.steward.resume()
    assert [c.run for c in course.obey() if isinstance(c, api.Resume)] == [gan]  # the other has nothing left


def test_what_cannot_be_measured_is_said_once_and_tried_again_at_the_next_mark(qtbot: QtBot) -> None:
    course = Course(qtbot, data="ring", families="gan,vae", budget=240)
    gan = course.begin()[0]
    course.measure()
    course.train(gan, 100)
    course.settle()
    ask = course.bench.engine.asks(PREFIX)[-1]
    course._tickets.add(ask.ticket)
    words = "3 of 1000 drawn examples are not finite numbers"
    course.bench.desk.take([api.Trouble(words, ask.topic, gan, ticket=ask.ticket)])
    assert not course.measure()
    runner = course.panel.steward.runners[0]
    assert runner.note == words and len(runner.record) == 1
    course.train(gan, 110)
    assert len(course.measure()) == 1 and runner.note == ""


def test_a_run_that_was_faster_than_its_measuring_is_measured_at_its_kept_steps_once_all_rest(qtbot: QtBot) -> None:
    course = Course(qtbot, data="ring", families="gan,vae", budget=240)
    gan, vae = course.begin()
    course.measure()
    for run in (gan, vae):
        course._change(replace(course.cards[run], kept=(0, 60, 62, 120, 240)))
        course.train(run, 240)
    asks = [ask for _ in range(6) for ask in course.measure()]
    assert [ask.step for ask in asks if ask.run == gan] == [None, 60, 120]  # 62 lies between no two marks
    assert [m.step for m in course.panel.steward.runners[0].record] == [0, 60, 120, 240]


def test_a_run_that_was_taken_back_forgets_what_it_measured_beyond(qtbot: QtBot) -> None:
    course = Course(qtbot, data="ring", families="gan,vae", budget=240)
    gan = course.begin()[0]
    course.measure()
    course.train(gan, 100)
    course.measure()
    course._change(replace(course.cards[gan], step=30, state="paused"))
    assert [m.step for m in course.panel.steward.runners[0].record] == [0]
    assert [ask.run for ask in course.measure()] == [gan]
    assert [m.step for m in course.panel.steward.runners[0].record] == [0, 30]


def test_marks_are_even_shares_of_the_budget() -> None:
    runner = Runner(entrants("ring", CATALOGUE, PRESETS)[0], "x", 0, "x", "training")
    seen = []
    for step in range(0, 1001):
        runner.step = step
        if due(runner, 1000, "steps"):
            seen.append(step)
            runner.tried = (step, 0.0)
    assert seen[:3] == [0, 10, 25] and seen[-1] == 1000 and len(seen) == 27


def test_cost_is_tried_with_fewer_steps_for_those_that_draw_step_by_step(qtbot: QtBot) -> None:
    course = Course(qtbot, data="ring", families="ddpm,gan", budget=240, axis="cost")
    ddpm = course.begin()[0]
    asked = [ask for _ in range(10) for ask in course.measure()]
    steps = [ask.query.steps for ask in asked if isinstance(ask.query, api.QualityQuery) and ask.run == ddpm]
    assert steps == [0, 1, 2, 5, 10, 20, 50]
    first, second = course.panel.steward.runners
    x, y = first.series("mmd", "cost", 100.0)
    assert x.tolist() == [1, 2, 5, 10, 20, 50, 100] and (np.diff(y) < 0).all()
    x, y = second.series("mmd", "cost", 100.0)
    assert x.tolist() == [1, 100] and y[0] == y[1]  # a level line: more cost brings it nothing
    assert course.panel.plot.keys() == ["ddpm", "gan", "(real)"]


def test_cost_can_be_asked_for_after_the_race(qtbot: QtBot) -> None:
    course = Course(qtbot, data="ring", families="ddpm,gan", budget=240)
    ddpm = course.begin()[0]
    course.train(ddpm, 240)
    course.measure()
    panel = course.panel
    panel.axis.setCurrentIndex(panel.axis.findData("cost"))
    panel.axis.activated.emit(panel.axis.currentIndex())
    for _ in range(8):
        course.measure()
    assert panel.steward.runners[0].series("mmd", "cost", 100.0)[0].tolist() == [1, 2, 5, 10, 20, 50, 100]
    assert [m.step for m in panel.steward.runners[0].by_cost] == [240] * 7


# ---- what is shown


def test_the_best_stands_first_and_real_examples_last(qtbot: QtBot) -> None:
    course = Course(qtbot, data="ring", families="ddpm,gan,vae", budget=240)
    course.begin()
    course.measure(ddpm=0.3, gan=0.1, vae=0.2)
    board = course.panel.board
    rows = [[board.topLevelItem(i).text(c) for c in range(3)] for i in range(board.topLevelItemCount())]
    assert [row[0] for row in rows] == ["gan", "vae", "ddpm", "real examples"]
    assert rows[0][1] == "0.11 ± 0.01" and rows[3][1] == "0.001"
    assert [r.entrant.key for r in ranked(course.panel.steward.runners, "coverage")] == ["ddpm", "gan", "vae"]
    assert not board.topLevelItem(0).icon(0).isNull()


def test_each_lane_keeps_its_colour_in_chart_and_pictures_and_the_theme_recolours_all(qtbot: QtBot, qapp: Any) -> None:
    course = Course(qtbot, data="ring", families="ddpm,gan,vae", budget=240)
    course.begin()
    course.measure()
    for name in ("dark", "light"):
        theme.apply(qapp, name)
        qapp.processEvents()
        course.settle()
        series = theme.current().series
        for place, runner in enumerate(course.panel.steward.runners):
            assert course.panel.plot.colour_of(runner.entrant.key) == series[place]
            assert course.panel.stalls.stalls[place + 1]._colour == series[place]
    assert len(course.panel.stalls.stalls) == 4 and course.panel.stalls.stalls[0]._items is not None


def test_a_picture_or_a_row_brings_its_run_to_the_front(qtbot: QtBot) -> None:
    course = Course(qtbot, run_card("mine", state="paused"), data="ring", families="gan,vae", budget=240)
    gan, vae = course.begin()
    course.measure()
    course.panel.stalls.stalls[2].chosen.emit()
    assert course.bench.desk.current == vae
    course.panel.stalls.stalls[0].chosen.emit()  # the data are no run
    assert course.bench.desk.current == vae
    course.panel.board.itemActivated.emit(course.panel.board.topLevelItem(0), 0)
    assert course.bench.desk.current in (gan, vae)


def test_the_y_axis_is_logarithmic_for_distances_only(qtbot: QtBot) -> None:
    course = Course(qtbot, data="ring", families="gan,vae", budget=240)
    course.begin()
    course.measure()
    panel = course.panel
    assert panel.plot._follower.log
    panel.measure.setCurrentIndex(panel.measure.findData("coverage"))
    panel.measure.activated.emit(panel.measure.currentIndex())
    course.settle()
    assert not panel.plot._follower.log and "higher is better" in panel.status.text()


@pytest.mark.parametrize("width", [320, 700])
def test_it_fits_narrow_and_wide_panels_on_both_pages(qtbot: QtBot, width: int) -> None:
    course = Course(qtbot, data="ring", families="ddpm,gan,vae", budget=240)
    course.panel.resize(width, 600)
    assert course.panel.minimumSizeHint().width() <= 320
    assert not course.panel.grab().isNull()
    course.begin()
    course.measure()
    course.panel.resize(width, 600)
    assert course.panel.minimumSizeHint().width() <= 320
    assert not course.panel.grab().isNull()


def test_settings_come_back_and_exports_hold_every_measurement(qtbot: QtBot, tmp_path: Path) -> None:
    state = {"data": "moons", "families": "gan,vae", "budget": 7, "unit": "seconds", "batch": 64, "metric": "coverage"}
    course = Course(qtbot, **state, axis="seconds", log=False)
    assert course.panel.state() == RaceState(**state, axis="seconds", log=False)
    assert all(one.reason for one in course.panel.exports())
    gan, _ = course.begin()
    course.measure()
    course.train(gan, 50)
    course.measure()
    png, _, table = course.panel.exports()
    assert not png.reason
    png.write(tmp_path / "race.png")
    written = export.read_settings(tmp_path / "race.png")
    assert written is not None and '"race1-gan"' in written
    table.write(tmp_path / "race.csv")
    with (tmp_path / "race.csv").open(encoding="utf-8") as written_table:
        rows = list(csv.DictReader(written_table))
    assert [(r["family"], r["step"]) for r in rows] == [
        ("gan", "0"),
        ("gan", "50"),
        ("vae", "0"),
        ("real examples", ""),
    ]
    assert float(rows[1]["mmd"]) == pytest.approx(1 / 51 + 0.01) and rows[1]["coverage_error"] == ""


def test_pictures_are_measured_with_fewer(qtbot: QtBot) -> None:
    course = Course(qtbot, data="digits", families="ddpm,vae", budget=240)
    course.begin()
    asks = [ask for ask in course.measure() if isinstance(ask.query, api.QualityQuery)]
    assert {ask.query.n for ask in asks} == {PICTURES} and {ask.query.shown for ask in asks} == {16}
