"""The duel: surfaces, arrows, who learns, one step of either, the morph, and what it says in words."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QEvent
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.panels.duel import DuelPanel, DuelState
from app.panels.duel.morph import between, eased
from app.panels.duel.words import direction, sample_words, summary, value_words
from app.shell import theme
from gm_core import api
from tests.app.fake_core import Bench
from tests.app.fake_frames import verdicts
from tests.app.fake_model import run_card
from tests.app.opening import opened

pytestmark = pytest.mark.usefixtures("dressed")

OFFERS = frozenset({"samples", "latent", "critic"})
BOTH = ("discriminator", "generator")


def card(points: bool = True, **changes: Any) -> api.RunCard:
    run = "gan-ring" if points else "gan-digits"
    return run_card(run, points, **{"offers": OFFERS, "folder": "/runs/gan", "phases": BOTH, **changes})


def duelling(qtbot: QtBot, given: api.RunCard | None = None) -> tuple[DuelPanel, Bench]:
    return opened(qtbot, DuelPanel, given or card(), (520, 620), rounds=4)


def frame(points: bool = True, **changes: Any) -> api.Verdicts:
    return replace(verdicts(api.CriticQuery(n=30, size=8, lattice=4), points, np.random.default_rng(0)), **changes)


# ---- what is shown


def test_the_plane_shows_what_the_discriminator_says_and_where_samples_should_go(qtbot: QtBot) -> None:
    panel, _ = duelling(qtbot)
    assert panel.stack.currentWidget() is panel.view
    assert set(panel.view.layers()) == {"surface", "best", "grid", "real", "fake", "wishes"}
    on = {key for key, layer in panel.view._layers.items() if layer.visible}
    assert on == {"surface", "real", "fake", "wishes"}
    assert "guessing -1.386" in panel.value.text() and "best ≈ -0.900" in panel.value.text()
    assert "let it learn" in panel.caption.text()


def test_colours_are_stretched_around_one_half_and_those_of_the_best_are_not(qtbot: QtBot) -> None:
    panel, _ = duelling(qtbot)
    lo, hi = panel.view._layers["surface"].limits or (0.0, 0.0)
    assert lo + hi == pytest.approx(1.0) and 0.1 < hi - lo < 0.5, "narrower than 0..1, as D is here"
    assert panel.view._layers["best"].limits == (0.0, 1.0)


def test_of_the_two_surfaces_one_is_seen_at_a_time(qtbot: QtBot) -> None:
    panel, bench = duelling(qtbot)
    panel.view._switch("best", True)
    bench.pass_time(1)
    assert panel.view._layers["best"].visible and not panel.view._layers["surface"].visible
    panel.view._switch("surface", True)
    bench.pass_time(1)
    assert panel.view._layers["surface"].visible and not panel.view._layers["best"].visible


def test_a_game_without_a_best_or_a_net_leaves_those_layers_out(qtbot: QtBot) -> None:
    panel, bench = duelling(qtbot)
    panel._frame = frame(best=None, best_value=None, grid=None, codes=None, log_density=None)
    panel.touch()
    bench.pass_time(1)
    assert not {"best", "grid"} & set(panel.view.layers())
    assert panel.controls.morph.isHidden() and "best" not in panel.value.text()


def test_pictures_get_histograms_and_are_sorted_by_what_is_said_of_them(qtbot: QtBot) -> None:
    panel, _ = duelling(qtbot, card(points=False))
    assert panel.stack.currentWidget() is panel.judged
    assert [group.label for group in panel.judged.plot._groups] == ["real", "generated"]
    sheet = panel.judged.sheets["fake"]
    before, said = panel.caption.text(), []
    for index in range(sheet.count()):
        sheet.hovered.emit(index)
        said.append(int(panel.caption.text().removeprefix("D finds this generated example ").split("%")[0]))
    assert len(said) == 60 and said == sorted(said) and said[0] < said[-1]
    sheet.hovered.emit(-1)
    assert panel.caption.text() == before


def test_vectors_have_histograms_and_no_pictures(qtbot: QtBot) -> None:
    panel, _ = duelling(qtbot, card(points=False))
    panel.judged.show_frame(frame(points=True), pictures=False)
    assert all(sheet.isHidden() for sheet in panel.judged.sheets.values())


# ---- who learns


def test_the_buttons_switch_phases_and_show_what_the_worker_says(qtbot: QtBot) -> None:
    panel, bench = duelling(qtbot)
    assert panel.controls.who["both"].isChecked()
    panel.controls.who["D"].click()
    assert bench.engine.sent[-1] == api.SwitchPhases("gan-ring", ("generator",))
    assert panel.controls.who["both"].isChecked(), "until the worker has done it"
    bench.desk.take([api.RunChanged(card(off=("generator",)))])
    assert panel.controls.who["D"].isChecked()
    panel.controls.who["both"].click()
    assert bench.engine.sent[-1] == api.SwitchPhases("gan-ring", ())


def test_one_step_of_either_player_names_it_and_returns_to_the_present(qtbot: QtBot) -> None:
    panel, bench = duelling(qtbot)
    bench.desk.seek(800)
    panel.controls.steps["G"].click()
    assert bench.engine.sent[-1] == api.Advance("gan-ring", 1, ("generator",))
    assert bench.desk.now is None
    panel.controls.steps["D"].click()
    assert bench.engine.sent[-1] == api.Advance("gan-ring", 1, ("discriminator",))


def test_an_example_that_came_with_the_program_cannot_be_switched(qtbot: QtBot) -> None:
    panel, _ = duelling(qtbot, card(folder=""))
    assert not any(button.isEnabled() for button in panel.controls.who.values())
    assert not any(button.isEnabled() for button in panel.controls.steps.values())


def test_a_class_is_asked_for_where_the_run_knows_some(qtbot: QtBot) -> None:
    panel, bench = duelling(qtbot)
    assert panel.controls.classes.isHidden()
    panel, bench = duelling(qtbot, card(points=False, offers=OFFERS | {"conditional"}))
    assert panel.controls.classes.count() == 1 + len(panel.card.data.classes)  # type: ignore[union-attr]
    panel.controls.classes.setCurrentIndex(3)
    bench.pass_time(1)
    assert bench.engine.asks("duel/verdicts")[-1].query.y == 2  # type: ignore[attr-defined]


# ---- the morph


def test_the_net_walks_from_the_noise_to_the_data() -> None:
    codes, grid = np.zeros((2, 2, 2)), np.ones((2, 2, 2))
    assert np.array_equal(between(codes, grid, 0.0), codes) and np.array_equal(between(codes, grid, 1.0), grid)
    path = [eased(at) for at in np.linspace(0, 1, 50)]
    assert path == sorted(path) and eased(0.5) == 0.5


def test_the_pointer_on_the_button_runs_the_morph_and_leaving_ends_it(qtbot: QtBot) -> None:
    panel, bench = duelling(qtbot)
    assert not panel.view._layers["grid"].visible
    QApplication.sendEvent(panel.controls.morph, QEvent(QEvent.Type.Enter))
    assert panel.morph.running and panel.view._layers["grid"].visible
    assert panel._frame is not None and panel._frame.codes is not None
    assert np.allclose(panel.view._layers["grid"].data[..., :2], panel._frame.codes)
    QApplication.sendEvent(panel.controls.morph, QEvent(QEvent.Type.Leave))
    bench.pass_time(1)
    assert not panel.morph.running and not panel.view._layers["grid"].visible


# ---- words


def test_eight_directions_have_words() -> None:
    assert direction(1, 0) == "right" and direction(0, 1) == "up" and direction(-1, 0.01) == "left"
    assert direction(1, 1) == "up and right" and direction(-1, -1) == "down and left" and direction(0, -1) == "down"


def test_a_sample_is_told_where_it_should_go_or_that_it_learns_nothing() -> None:
    found = frame()
    assert sample_words(found, 0) == f"D finds this sample {found.fake_says[0]:.0%} real: it should move right."
    flat = frame(wishes=np.zeros((30, 2), np.float32))
    assert "G learns nothing" in sample_words(flat, 0)
    assert "value of" in sample_words(frame(unit="value"), 0)


@pytest.mark.parametrize(
    ("value", "best", "words"),
    [
        (-1.3, -0.9, "D is behind"),
        (-1.35, -1.33, "G is close to the data"),
        (-0.5, -0.45, "it is G's turn"),
        (-1.37, None, "hardly tell"),
        (-0.01, None, "nearly always right"),
        (-0.8, None, "still tells them apart"),
    ],
)
def test_the_summary_says_whose_turn_it_is(value: float, best: float | None, words: str) -> None:
    assert words in summary(frame(value=value, best_value=best))


def test_a_critic_without_probabilities_is_held_against_no_guessing() -> None:
    found = frame(unit="value", value=3.25, best_value=None)
    assert value_words(found) == "V = 3.250" and "The scale is its own" in summary(found)
    assert f"{-math.log(4):.3f}" in value_words(frame())


def test_pointing_at_a_sample_changes_the_sentence(qtbot: QtBot) -> None:
    panel, _ = duelling(qtbot)
    before = panel.caption.text()
    assert panel._frame is not None
    x, y = (float(v) for v in panel._frame.fake[5])
    panel.view.hovered.emit(x, y)
    assert "it should move right" in panel.caption.text() != before
    panel.view.hovered.emit(1e6, 1e6)
    assert panel.caption.text() == before


# ---- the rest


def test_settings_come_back_and_unknown_layers_are_passed_over(qtbot: QtBot) -> None:
    panel = DuelPanel()
    qtbot.addWidget(panel)
    panel.restore(DuelState(shown="best nonsense fake"))
    assert panel.state() == DuelState(shown="best fake")


@pytest.mark.parametrize("points", [True, False])
def test_everything_that_is_offered_is_written(qtbot: QtBot, tmp_path: Path, points: bool) -> None:
    panel, _ = duelling(qtbot, card(points=points))
    found = panel.exports()
    assert [e.suffix for e in found] == ([".png", ".svg", ".pdf"] if points else [".png"])
    for number, entry in enumerate(found):
        path = tmp_path / f"duel{number}{entry.suffix}"
        entry.write(path)
        assert path.stat().st_size > 1000


def test_without_a_game_there_is_nothing(qtbot: QtBot) -> None:
    panel, bench = duelling(qtbot)
    bench.desk.take([api.RunChanged(card(offers=frozenset({"samples"})))])
    assert panel._frame is None and not panel.view.layers() and panel.exports() == []


@pytest.mark.parametrize("name", ["dark", "light"])
@pytest.mark.parametrize("width", [320, 700])
def test_it_is_painted_in_both_themes_at_both_widths(qtbot: QtBot, qapp: QApplication, name: str, width: int) -> None:
    theme.apply(qapp, name)  # type: ignore[arg-type]
    panel, bench = duelling(qtbot)
    panel.view._switch("grid", True)
    bench.pass_time(1)
    panel.resize(width, 560)
    image = panel.grab().toImage()
    assert image.width() > 0 and panel.minimumSizeHint().width() <= 320
