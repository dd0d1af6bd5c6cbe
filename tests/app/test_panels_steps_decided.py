"""When the class is decided, numbers over progress, and what the step viewer shows and remembers."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.panels.steps.deciding import halfway
from app.panels.steps.growing import cloud
from app.panels.steps.ways import Origin, StepsState, Way, read_origin, read_way
from app.widgets.progressplot import ProgressCurve, ProgressPlot
from gm_core import api
from tests.app.fake_model import IMAGES, POINTS
from tests.app.steps_bench import asked, opened

pytestmark = pytest.mark.usefixtures("dressed")


# ---- when the class is decided


def test_the_decision_speaks_of_what_is_on_screen_and_is_drawn_with_its_errors(qtbot: QtBot) -> None:
    panel, bench = opened(qtbot)
    panel.lanes["a"].head.set_way(Way("ddpm", 50))
    panel.controls.lower.setCurrentText("class decided")
    panel.lower.ask.click()
    assert panel.deciding.busy
    bench.pass_time(3)
    query = bench.engine.asks("steps/decision")[-1].query
    assert isinstance(query, api.DecisionQuery)
    assert (query.seed, query.n, query.sampler, query.steps) == (panel.seed, 9, "ddpm", 50)
    curve = panel.lower.plot.curves()[0]
    assert curve.errors is not None and np.isfinite(curve.y).all() and not panel.deciding.busy
    assert "half decided at" in panel.lower.told.text() and "97.0 ± 1.0 % right" in panel.lower.told.text()
    panel.lower.plot.picked.emit(0.25)
    assert panel.progress == 0.25
    panel.controls.changed.emit()
    assert panel.deciding.found is None, "another question: the answer to the old one is gone"


def test_a_sampler_without_noise_is_told_apart_and_data_without_classes_say_why(qtbot: QtBot) -> None:
    panel, bench = opened(qtbot)
    panel.lanes["a"].head.set_way(Way("ddim", 20))
    panel.controls.lower.setCurrentText("class decided")
    panel.lower.ask.click()
    bench.pass_time(3)
    assert "adds no noise" in panel.lower.told.text()
    panel, bench = opened(qtbot, POINTS, points=True)
    panel.controls.lower.setCurrentText("class decided")
    assert not panel.lower.ask.isEnabled() and "have no classes" in panel.lower.told.text()


def test_halfway_is_where_the_agreement_passes_the_middle_between_chance_and_one() -> None:
    def found(agreement: list[float]) -> api.Decision:
        x = np.linspace(0, 0.8, len(agreement)).astype(np.float32)
        y = np.array(agreement, np.float32)
        return api.Decision(x, y, y, y[None], np.zeros((5, 2)), np.zeros(1), 5, 5, 8, "fork", True, 0.2, 1.0, 0.0, 9)

    assert halfway(found([0.2, 0.4, 0.8, 0.9, 1.0])) == pytest.approx(0.3)
    assert halfway(found([0.9, 0.9, 0.9, 0.9, 1.0])) is None
    assert halfway(found([0.2, 0.2, 0.2, 0.2, 0.3])) == 1.0


def test_numbers_are_drawn_over_progress_for_every_lane(qtbot: QtBot) -> None:
    panel, bench = opened(qtbot)
    panel.controls.compare.click()
    bench.pass_time(3)
    panel.controls.lower.setCurrentText("score norm")
    curves = panel.lower.plot.curves()
    assert [len(curve.x) for curve in curves] == [41, 41]
    assert curves[0].y == pytest.approx(1 + curves[0].x)


def test_a_plot_over_progress_refuses_ragged_curves_and_tells_where_it_is_pressed(qtbot: QtBot) -> None:
    plot = ProgressPlot()
    qtbot.addWidget(plot)
    plot.resize(300, 100)
    with pytest.raises(ValueError, match="one length"):
        plot.set_curves([ProgressCurve("a", np.zeros(3), np.zeros(2))])
    plot.set_curves([ProgressCurve("a", np.linspace(0, 1, 5), np.full(5, np.nan))])
    picked: list[float] = []
    plot.picked.connect(picked.append)
    area = plot._area()
    qtbot.mouseClick(plot, Qt.MouseButton.LeftButton, pos=QPoint(int(area.center().x()), 50))
    assert picked[0] == pytest.approx(0.5, abs=0.01)
    qtbot.keyClick(plot, Qt.Key.Key_Left)
    assert picked[1] == pytest.approx(picked[0] - 0.01)


# ---- views, keys, memory


def test_views_are_switched_for_all_lanes_and_remembered(qtbot: QtBot) -> None:
    panel, bench = opened(qtbot)
    assert list(panel.lanes["a"].galleries) == ["x", "x0", "noise"], "the score is there, but not shown at first"
    {a.text(): a for a in panel.controls.views_menu().actions()}["score"].trigger()
    {a.text(): a for a in panel.controls.views_menu().actions()}["predicted noise"].trigger()
    assert list(panel.lanes["a"].galleries) == ["x", "x0", "score"]
    panel.controls.compare.click()
    bench.pass_time(3)
    assert list(panel.lanes["b"].galleries) == ["x", "x0", "score"]
    assert panel.state().views == ("x0", "score")


def test_comma_and_full_stop_step_while_the_panel_has_the_focus(qtbot: QtBot) -> None:
    panel, _ = opened(qtbot)
    panel.slider.setValue(20)
    override = QKeyEvent(QKeyEvent.Type.ShortcutOverride, Qt.Key.Key_Comma, Qt.KeyboardModifier.NoModifier, ",")
    override.ignore()
    QApplication.sendEvent(panel, override)
    assert override.isAccepted(), "claimed before the window takes it for the time bar"
    qtbot.keyClick(panel, Qt.Key.Key_Comma)
    assert panel.transport.index() == 19
    qtbot.keyClick(panel, Qt.Key.Key_Period)
    qtbot.keyClick(panel, Qt.Key.Key_Period)
    assert panel.transport.index() == 21


def test_all_of_it_is_remembered_and_asked_again_the_same(qtbot: QtBot) -> None:
    panel, bench = opened(qtbot)
    panel.classes.chips.chips._buttons[3].click()
    panel.classes.strength.box.changed.emit(2.0)
    panel.controls.compare.click()
    panel.lanes["b"].head.set_way(Way("ddim", 20, 5.0, 400))
    panel.origin.set_origin(Origin("train", 5), 0.7)
    panel.origin.changed.emit()
    bench.pass_time(3)
    panel.slider.setValue(10)
    panel.growing.fork()
    bench.pass_time(3)
    state = panel.state()
    other, again = opened(qtbot, state=StepsState.read(json.loads(json.dumps(state.plain()))))
    again.pass_time(4)
    assert other.state().plain() == state.plain()
    for lane in ("a", "b"):
        old, new = asked(bench, lane), asked(again, lane)
        assert np.array_equal(old.given, new.given)  # type: ignore[arg-type]
        for name in ("seed", "n", "y", "sampler", "steps", "guidance", "mix", "begin", "turns"):
            assert getattr(old, name) == getattr(new, name), name


@pytest.mark.parametrize("text", ["", "noise", "own 8x8x1 ???", "own 3x3 AAAA", "own axb AA==", "test x"])
def test_a_beginning_that_cannot_be_read_is_noise(text: str) -> None:
    assert not read_origin(text).given


@pytest.mark.parametrize("text", ["", "[]", "{", '{"steps": "many"}', "null"])
def test_a_way_that_cannot_be_read_is_the_models_own(text: str) -> None:
    assert read_way(text) == Way()
    assert read_way(Way("ddim", 7, 0.0, 12).text()) == Way("ddim", 7, 0.0, 12)


def test_a_cloud_of_points_is_brightest_where_most_of_them_are() -> None:
    points = np.concatenate([np.full((50, 2), 2.5), np.array([[-2.5, -2.5]])])
    picture = cloud(points, (-3.0, 3.0), 6)
    ground = picture[2, 2].astype(int)
    assert np.abs(picture[0, 5] - ground).sum() > np.abs(picture[5, 0] - ground).sum() > 0


@pytest.mark.parametrize("width", [320, 450, 700])
@pytest.mark.parametrize("points", [False, True])
def test_every_row_fits_into_narrow_docks(qtbot: QtBot, width: int, points: bool) -> None:
    offers = (POINTS if points else IMAGES) | {"renoise", "conditional", "guided"}
    panel, bench = opened(qtbot, offers, points, (width, 640))
    for tool in panel.controls.tools.values():
        tool.setChecked(True)
    panel.slider.setValue(10)
    panel.growing.fork()
    bench.pass_time(3)
    qtbot.wait(20)
    assert panel.width() == width
    for child in (panel.controls.first, panel.classes, panel.origin, panel.tree, panel.transport, panel.lanes["a"]):
        assert child.x() >= 0 and child.x() + child.width() <= width, type(child).__name__
