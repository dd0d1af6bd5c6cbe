"""The plane: layers that cost nothing when off, the truth beside the model, honest numbers, ways that one drags."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QEnterEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.panels.plane import PlanePanel
from app.panels.plane.layers import Found
from app.panels.plane.numbers import figures, number
from app.panels.plane.settings import PlaneState
from app.panels.plane.ways import Film
from app.shell import theme
from gm_core import api
from tests.app.fake_core import Bench
from tests.app.plane_bench import cancelled, last, on_plane, purposes

pytestmark = pytest.mark.usefixtures("dressed")

LEFT = Qt.MouseButton.LeftButton


# ---- layers


def test_layers_that_are_off_are_not_asked_for_and_densities_take_turns(qtbot: QtBot) -> None:
    panel, bench = on_plane(qtbot, state=PlaneState(numbers=False))
    assert purposes(bench) == {"samples", "truth", "score"}
    panel.view.legend.chips["model"].click()
    bench.pass_time()
    assert isinstance(last(bench, "compare"), api.CompareQuery)
    assert {key for key, layer in panel.view._layers.items() if layer.visible} == {"model", "samples", "score"}
    panel.view.legend.chips["model"].click()
    bench.pass_time()
    assert cancelled(bench, "compare")
    panel.view.legend.chips["score"].click()
    bench.pass_time()
    assert cancelled(bench, "score")


def test_data_that_were_changed_on_the_way_are_those_of_the_step(qtbot: QtBot) -> None:
    """Without a change the truth is asked for once, whatever step one looks at; after one it is that of the step."""
    panel, bench = on_plane(qtbot)
    assert panel.card is not None
    first, second = panel.card.kept[1:3]
    bench.desk.seek(first)
    bench.pass_time()
    truths = bench.engine.asks("plane/truth")
    assert len(truths) == 1 and truths[0].step is None
    bench.desk.take([api.Edited("ring-ddpm", 1500, "data", {"kind": "moons"}, {"kind": "ring"})])
    bench.desk.seek(second)
    bench.pass_time()
    assert [ask.step for ask in bench.engine.asks("plane/truth")][1:] == [second]
    bench.desk.seek(None)
    bench.pass_time()
    assert bench.engine.asks("plane/truth")[-1].step is None and len(bench.engine.asks("plane/truth")) == 3


def test_where_it_is_low_the_words_leave_their_room_to_the_plane(qtbot: QtBot) -> None:
    panel, bench = on_plane(qtbot, size=(460, 300))
    bench.pass_time()
    QApplication.processEvents()
    assert panel.view.legend.folded() and panel.view.legend.height() < theme.px(30)
    rows = {label.y() for label in panel.figures._labels.values() if not label.isHidden()}
    assert len(rows) == 1 and panel.view.canvas.height() > 0.4 * panel.height()
    panel.resize(460, 640)
    QApplication.processEvents()
    assert not panel.view.legend.folded() and not any(x.isHidden() for x in panel.figures._labels.values())


def test_a_bound_is_named_and_learned_and_exact_share_the_ends_of_their_colours(qtbot: QtBot) -> None:
    panel, bench = on_plane(qtbot)
    assert "1.698 nats" in panel.status.side.text()
    panel.view.legend.chips["model"].click()
    bench.pass_time()
    learned = panel.view._layers["model"]
    assert "bound" in learned.label
    panel.view.legend.chips["exact"].click()
    bench.pass_time()
    exact = panel.view._layers["exact"]
    assert exact.limits == learned.limits and exact.limits is not None and exact.limits[0] == 0.0
    panel.view.legend.chips["difference"].click()
    bench.pass_time()
    gap = panel.view._layers["difference"]
    assert gap.limits is not None and gap.limits[0] == -gap.limits[1], "no difference lies in the middle of the scale"


def test_the_best_discriminator_is_p_over_p_plus_q_and_silent_where_nothing_is(qtbot: QtBot) -> None:
    panel, bench = on_plane(qtbot)
    panel.view.legend.chips["best"].click()
    bench.pass_time()
    shown = panel.view._layers["best"]
    found = panel._found.compared
    assert found is not None and found.exact is not None and shown.limits == (0.0, 1.0)
    p, q = np.exp(found.exact.astype(float)), np.exp(found.learned.astype(float))
    there = np.isfinite(shown.data)
    assert np.allclose(shown.data[there], (p / (p + q))[there], atol=1e-6)
    assert np.isnan(shown.data[0, 0]) and 0.05 < there.mean() < 0.9


def test_the_arrows_that_a_model_has_are_offered_once_they_are_known(qtbot: QtBot) -> None:
    panel, bench = on_plane(qtbot)
    assert "velocity" in panel.view.legend.chips and "energy_gradient" not in panel.view.legend.chips
    panel.view.legend.chips["velocity"].click()
    bench.pass_time()
    assert last(bench, "velocity").kind == "velocity"  # type: ignore[attr-defined]
    assert len(panel.view._layers["velocity"].data)


def test_a_model_whose_own_field_is_not_a_score_shows_that_instead(qtbot: QtBot) -> None:
    panel, _ = on_plane(qtbot)
    points = np.zeros((4, 2), np.float32)
    panel.show_frame(api.Arrows(points, points, "velocity", ("velocity",), (1.0, 0.0)), 2400)
    panel.redraw()
    assert "score" not in panel.view.legend.chips and panel.view.legend.chips["velocity"].isChecked()


def test_arrows_that_were_on_come_back_before_it_is_known_which_there_are(qtbot: QtBot) -> None:
    panel, bench = on_plane(qtbot, state=PlaneState(shown="velocity"))
    assert last(bench, "velocity").kind == "velocity"  # type: ignore[attr-defined]
    assert panel.view.legend.chips["velocity"].isChecked() and not panel.view.legend.chips["score"].isChecked()
    assert cancelled(bench, "score")


# ---- noise


def test_noise_moves_density_scores_and_points_alike(qtbot: QtBot) -> None:
    panel, bench = on_plane(qtbot)
    still = panel.view._layers["samples"].data.copy()
    panel.noise.set_value(0.5)
    panel.noise.changed.emit(0.5)
    panel.redraw()
    assert "KL …" in panel.figures.text(), "numbers of another noise are not left standing"
    bench.pass_time()
    for purpose in ("truth", "compare", "score"):
        assert last(bench, purpose).noise == pytest.approx(0.5)  # type: ignore[attr-defined]
    moved = panel.view._layers["samples"].data
    a = b = np.sqrt(0.5)
    eps = (moved - a * still) / b
    assert abs(eps.mean()) < 0.1 and eps.std() == pytest.approx(1.0, abs=0.08)
    assert "KL ≤ 0.17" in panel.figures.text()
    assert "x_t = 0.707 x₀ + 0.707 ε" in panel.status.text()


def test_a_model_without_a_field_has_no_noise(qtbot: QtBot) -> None:
    panel, bench = on_plane(qtbot, state=PlaneState(noise=0.5), offers=frozenset({"samples", "density"}))
    assert panel.noise.isHidden() and last(bench, "truth").noise == 0.0  # type: ignore[attr-defined]
    assert "score" not in panel.view.legend.chips and not panel.view.canvas.draggable


# ---- numbers


def test_an_estimate_says_that_it_is_one_and_what_a_perfect_model_would_read() -> None:
    grid = np.zeros((4, 4), np.float32)
    found = api.Compared(
        grid, grid, (0, 1, 0, 1), "estimate", (1.0, 0.0), 0.2, 0.3, 0.05, (0.01, 0.02, 0.004), (0.06, 0.02),
        (1.0, 1.0), 0.012, False, 2000, 0.11,
    )  # fmt: skip
    kl, js = figures(found, None)
    assert kl.text == "≈ 0.2 ± 0.01" and js.text == "≈ 0.05 ± 0.004"
    assert "estimate from 2,000 samples" in kl.tip and "perfect model would read 0.06" in kl.tip
    assert "1.2 % of the truth lies outside" in kl.tip
    exact = {f.name: f for f in figures(replace(found, kind="exact", errors=(0.0, 0.0, 0.0)), None)}
    assert exact["KL"].text == "0.2" and "sum over a grid" in exact["KL"].tip
    coarse = figures(replace(found, coarse=True), None)
    assert [f.text for f in coarse] == ["–"] and "too wide" in coarse[0].tip
    assert figures(replace(found, exact=None), None) == []
    summed = replace(found, kind="unnormalised", log_z=1.25, score_gap=0.4, score_size=2.0)
    energy = {f.name: f for f in figures(summed, None)}
    assert energy["ln Z"].text == "1.25" and energy["score off by"].text == "0.4 (20 %)"
    assert number(float("inf")) == "∞" and number(float("nan")) == "–"


# ---- three planes


def test_three_planes_show_the_same_place_in_the_same_colours(qtbot: QtBot) -> None:
    panel, bench = on_plane(qtbot, (900, 480))
    panel.controls.beside.click()
    bench.pass_time()
    views = panel.beside.views
    assert panel.stack.currentWidget() is panel.beside and list(views) == ["model", "exact", "difference"]
    assert panel.beside.captions["model"].text() == "learned (bound)"
    assert views["model"]._layers["model"].limits == views["exact"]._layers["exact"].limits
    views["exact"].canvas.zoom_by(2.0)
    assert {round(view.canvas.pixel(), 9) for view in views.values()} == {round(views["exact"].canvas.pixel(), 9)}
    panel.controls.beside.click()
    bench.pass_time()
    assert panel.stack.currentWidget() is panel.view


# ---- ways


def drag(panel: PlanePanel, points: list[tuple[float, float]], shift: bool = False) -> None:
    canvas = panel.view.canvas
    places = [canvas.to_screen(*point).toPoint() for point in points]
    key = Qt.KeyboardModifier.ShiftModifier if shift else Qt.KeyboardModifier.NoModifier
    QTest.mousePress(canvas, LEFT, key, places[0])
    for place in places[1:]:
        QTest.mouseMove(canvas, place)
    QTest.mouseRelease(canvas, LEFT, key, places[-1])


def test_a_dragged_point_sends_a_way_from_exactly_there(qtbot: QtBot) -> None:
    panel, bench = on_plane(qtbot)
    drag(panel, [(-1.0, 1.5)])
    bench.pass_time()
    query = last(bench, "ways")
    assert isinstance(query, api.TrajectoryQuery) and query.raw and query.begin == 0.0 and query.n == 1
    pixel = panel.view.canvas.pixel()
    assert query.given == pytest.approx(np.array([[-1.0, 1.5]]), abs=pixel)
    way = panel.view._layers["ways"]
    assert way.kind == "ways" and way.data.shape == (1, 11, 2) and np.allclose(way.data[:, 0], query.given)
    assert np.hypot(*way.data[0, -1]) == pytest.approx(2.0, abs=1e-5) and not panel.ways.bar.isHidden()
    drag(panel, [(1.0, -0.5)], shift=True)
    bench.pass_time()
    assert last(bench, "ways").n == 2, "Shift adds another"  # type: ignore[attr-defined]
    panel.ways.bar.moved.emit(0.4)
    assert panel.view._layers["ways"].at == 0.4
    panel.ways.bar.clear.click()
    assert "ways" not in panel.view.layers() and panel.ways.bar.isHidden() and cancelled(bench, "ways")


def test_a_press_on_a_start_takes_hold_of_it(qtbot: QtBot) -> None:
    panel, bench = on_plane(qtbot)
    panel.ways._dragged(0.5, 0.5, "begin")
    panel.ways._dragged(0.5, 0.5, "begin")
    panel.ways._dragged(1.5, -0.5, "move")
    assert panel.ways.starts.points == [(1.5, -0.5)]
    bench.pass_time()
    assert last(bench, "ways").given == pytest.approx(np.array([[1.5, -0.5]]))  # type: ignore[attr-defined]


def test_half_a_way_is_never_shown() -> None:
    film = Film()
    frames = [api.StepFrame(np.full((1, 2), k, np.float32), {}, k / 2, "", {}, k, 2) for k in range(3)]
    for k, frame in enumerate(frames):
        assert film.take(api.Answered("r", "t", 1, 10, k, frame, k == 2)) == (k == 2)
    assert film.whole is not None and film.at(0.25) == pytest.approx(np.full((1, 2), 0.5))
    for k, frame in enumerate(frames):  # as the worker ends an answer: with a word that is no frame
        assert not film.take(api.Answered("r", "t", 2, 11, k, frame, False))
    assert film.take(api.Answered("r", "t", 2, 11, 3, None, True)) and film.step == 11
    film.take(api.Answered("r", "t", 3, 12, 0, frames[0], False))
    assert film.whole.shape == (3, 1, 2), "the last whole way stays until its successor is whole"


def test_resting_on_the_button_runs_noise_into_data_and_leaving_takes_it_away(qtbot: QtBot) -> None:
    panel, bench = on_plane(qtbot)
    button = panel.controls.morph
    QApplication.sendEvent(button, QEnterEvent(QPointF(2, 2), QPointF(2, 2), QPointF(2, 2)))
    bench.pass_time()
    morph = panel.ways.morph
    assert last(bench, "morph").n == 600 and morph.runner.running()  # type: ignore[attr-defined]
    assert panel.view.canvas.moving is not None and len(panel.view.canvas.moving) == 600
    asked = len(bench.engine.asks("plane/morph"))
    QApplication.sendEvent(button, QEvent(QEvent.Type.Leave))
    assert panel.view.canvas.moving is None and not morph.runner.running()
    QApplication.sendEvent(button, QEnterEvent(QPointF(2, 2), QPointF(2, 2), QPointF(2, 2)))
    bench.pass_time()
    assert len(bench.engine.asks("plane/morph")) == asked and morph.runner.running(), "the same ways will do"
    morph.stop()


# ---- remembering, narrow, empty


def test_what_was_set_is_remembered(qtbot: QtBot) -> None:
    state = PlaneState(
        count=250, noise=0.25, shown="difference data", numbers=False, beside=True, starts=(0.5, 0.25, -1.0, 2.0),
        at=0.5,
    )  # fmt: skip
    panel, bench = on_plane(qtbot, state=state)
    assert panel.state() == state
    assert last(bench, "ways").given == pytest.approx(np.array([[0.5, 0.25], [-1.0, 2.0]]))  # type: ignore[attr-defined]


@pytest.mark.parametrize("dress", ["dark", "light"])
@pytest.mark.parametrize("width", [320, 700])
def test_it_fits_narrow_and_wide_in_both_themes(qtbot: QtBot, qapp: object, width: int, dress: str) -> None:
    theme.apply(qapp, dress)  # type: ignore[arg-type]
    panel, bench = on_plane(qtbot, (width, 560))
    panel.ways._dragged(0.5, 0.5, "begin")
    bench.pass_time()
    qtbot.wait(30)  # for the layout of the new chip
    assert panel.minimumSizeHint().width() <= 320 and panel.width() == width
    assert panel.view.canvas.height() > 200 and not panel.grab().isNull()
    right = panel.contentsRect().right()
    for chip in (*panel.view.legend.chips.values(), *panel.figures._labels.values()):
        assert chip.mapTo(panel, QPoint(chip.width(), 0)).x() <= right + 1


def test_without_a_run_it_says_what_to_do(qtbot: QtBot) -> None:
    panel = PlanePanel()
    qtbot.addWidget(panel)
    panel.bind(Bench().desk)
    panel.show()
    assert not panel.view.canvas.has_content() and not panel.grab().isNull()


def test_points_without_a_known_density_are_shown_with_an_estimate_alone() -> None:
    grid = np.log(np.full((4, 4), 0.1, np.float32))
    found = Found(compared=api.Compared(grid, None, (0, 1, 0, 1), "estimate", (1.0, 0.0), samples=2000, kernel=0.1))
    learned = found.layer("model")
    assert learned is not None and learned[2] == (0.0, pytest.approx(0.1)) and found.layer("difference") is None
    assert found.label("model") == "learned (estimate)"


def test_the_plane_is_written_as_a_picture_and_as_vectors(qtbot: QtBot, tmp_path: Path) -> None:
    panel, bench = on_plane(qtbot)
    panel.ways._dragged(0.5, 0.5, "begin")
    bench.pass_time()
    for export in panel.exports():
        target = tmp_path / f"plane{export.suffix}"
        export.write(target)
        assert target.stat().st_size > 1000
    panel.controls.beside.click()
    bench.pass_time()
    assert [bool(export.reason) for export in panel.exports()] == [False, True, True]
