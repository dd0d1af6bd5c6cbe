"""Curves: their arithmetic, and their hands."""

from __future__ import annotations

import time
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QColor, QWheelEvent
from PySide6.QtWidgets import QApplication, QVBoxLayout, QWidget
from pytestqt.qtbot import QtBot

from app.widgets import kit, series
from app.widgets.chart import ticks
from app.widgets.chart.ends import spread
from app.widgets.chart.frame import Frame
from app.widgets.chart.trace import trace
from app.widgets.curves import CurvePlot
from app.widgets.status import StillLabel

pytestmark = pytest.mark.usefixtures("dressed")

LEFT = Qt.MouseButton.LeftButton


def naive(y: np.ndarray, w: float) -> np.ndarray:
    out, s, n = np.full(len(y), np.nan), 0.0, 0
    for i, v in enumerate(y):
        if np.isfinite(v):
            n += 1
            s = w * s + (1 - w) * v
            out[i] = s / (1 - w**n)
    return out


@pytest.mark.parametrize("w", [0.0, 0.5, 0.9, 0.99, 0.999])
@pytest.mark.parametrize("n", [1, 2, 63, 64, 65, 5000])
def test_the_moving_average_equals_the_loop(w: float, n: int) -> None:
    y = np.random.default_rng(n).normal(size=n) + 5
    y[3::17] = np.nan
    np.testing.assert_allclose(series.ema(y, w), naive(y, w) if w else y, rtol=1e-9, atol=1e-9)


def test_a_constant_stays_constant_under_smoothing() -> None:
    np.testing.assert_allclose(series.ema(np.full(1000, 7.0), 0.99), 7.0)


@given(cuts=st.lists(st.integers(1, 400), max_size=6), w=st.sampled_from([0.5, 0.97]))
def test_a_growing_series_is_smoothed_as_if_it_had_come_at_once(cuts: list[int], w: float) -> None:
    y = np.random.default_rng(1).normal(size=400)
    smoother = series.Smoother()
    for n in sorted(cuts):
        smoother(y[:n], w)
    np.testing.assert_allclose(smoother(y, w), series.ema(y, w), rtol=1e-8, atol=1e-10)


def test_a_million_points_are_smoothed_quickly() -> None:
    y = np.random.default_rng(0).normal(size=1_000_000)
    series.ema(y[:1000], 0.99)
    start = time.perf_counter()
    series.ema(y, 0.99)
    assert time.perf_counter() - start < 1.5  # a Python loop takes many seconds; a quiet machine needs 0.05


def test_going_back_gives_up_what_came_after() -> None:
    x = np.array([0, 1, 2, 3, 4, 2, 3, 4, 5, 1, 2])
    present, given_up = series.lineage(x)
    assert x[present].tolist() == [0, 1, 2]
    assert [x[s].tolist() for s in given_up] == [[1, 2, 3, 4], [2, 3, 4, 5]]


def test_thinning_keeps_peaks_and_the_newest_value() -> None:
    x = np.arange(100_000.0)
    y = np.sin(x / 900)
    y[54_321] = 9.0
    frame = Frame(0, 0, 500, 100, 0, 1e5, -2, 10)
    (points,) = trace(frame, x, y)
    assert len(points) < 3000 and (np.diff(points[:, 0]) >= 0).all()
    assert points[:, 1].min() == pytest.approx(frame.py(9.0)), "the peak is the highest place on the screen"
    assert abs(points[-1, 0] - frame.px(float(x[-1]))) <= 1


def test_outliers_can_be_left_out_of_the_range() -> None:
    y = np.append(np.random.default_rng(0).uniform(1, 2, 999), 1e6)
    assert series.value_range([y], False, False)[1] > 1e5
    assert series.value_range([y], True, False)[1] < 3
    assert series.value_range([np.array([-1.0, 0.0])], False, True) is None


@pytest.fixture
def plot(qtbot) -> CurvePlot:
    w = CurvePlot()
    qtbot.addWidget(w)
    w.resize(700, 400)
    w.show()
    return w


def test_curves_of_a_group_share_a_colour(plot: CurvePlot) -> None:
    x = np.arange(20.0)
    plot.set_series("t", "train", x, x, group="loss")
    plot.set_series("v", "validation", x, x, group="loss", dashed=True)
    plot.set_series("k", "KL", x, x)
    assert plot.colour_of("t") == plot.colour_of("v") != plot.colour_of("k")


def test_a_legend_word_switches_its_curve(qtbot, plot: CurvePlot) -> None:
    plot.set_series("a", "loss", np.arange(20.0), np.arange(20.0))
    assert drawn_in(plot)
    with qtbot.waitSignal(plot.toggled) as got:
        qtbot.mouseClick(plot.legend.chips["a"], LEFT)
    assert got.args == ["a", False]
    assert not drawn_in(plot)


def drawn_in(plot: CurvePlot) -> bool:
    """Whether the colour of the first curve is anywhere in the picture of the plot."""
    wanted = QColor(plot.colour_of(plot.keys()[0])).rgb()
    picture = plot.plot.grab().toImage()
    return any(picture.pixel(x, y) == wanted for x in range(picture.width()) for y in range(picture.height()))


def test_a_click_picks_the_step_under_it(qtbot, plot: CurvePlot) -> None:
    plot.set_series("a", "loss", np.arange(1000.0), np.random.default_rng(0).normal(size=1000))
    frame = plot.plot.frame()
    with qtbot.waitSignal(plot.step_picked) as got:
        qtbot.mouseClick(plot.plot, LEFT, pos=QPoint(round(frame.px(400.0)), 100))
    assert got.args[0] == pytest.approx(400, abs=4)


def test_values_are_read_from_the_present_after_a_rewind(plot: CurvePlot) -> None:
    x = np.concatenate([np.arange(100), np.arange(50, 120)])
    y = np.concatenate([np.zeros(100), np.ones(70)])
    plot.set_series("a", "loss", x, y)
    assert plot.values_at(70.2)[0][:3] == ("a", 70.0, 1.0)
    assert plot.values_at(20)[0][2] == 0.0


def test_gaps_log_axis_flags_and_few_points_draw_without_complaint(plot: CurvePlot) -> None:
    plot.set_series("a", "loss", np.arange(30.0), np.where(np.arange(30) % 7, 1.0, np.nan))
    plot.set_series("e", "empty", np.empty(0), np.empty(0))
    plot.set_flags([(3.0, "lr 1e-3")])
    plot.set_step(12.0)
    plot.set_smoothing(0.9)
    plot.set_log_y(True)
    plot.set_ignore_outliers(True)
    assert not plot.grab().isNull()
    plot.set_series("a", "loss", np.arange(2.0), np.array([-1.0, 0.0]))
    plot.clear()
    assert plot.keys() == [] and not plot.grab().isNull()


def test_sparse_validation_is_not_smoothed_away(plot: CurvePlot) -> None:
    plot.set_series("t", "train", np.arange(5000.0), np.ones(5000))
    plot.set_series("v", "validation", np.arange(0, 5000.0, 200), np.linspace(9, 1, 25))
    plot.set_smoothing(0.95)
    assert plot.values_at(4800)[-1][3] == pytest.approx(1.0) or plot.values_at(4800)[0][3] == pytest.approx(1.0)


def test_a_curve_that_grew_is_painted_as_if_it_had_come_at_once(qtbot) -> None:
    rng = np.random.default_rng(3)
    x, y = np.arange(9000.0), 5 + rng.normal(size=9000)
    y[2000:2100] = np.nan
    pictures = []
    for parts in ((9000,), (8400, 8401, 8500, 8700, 8999, 9000)):
        w = CurvePlot()
        qtbot.addWidget(w)
        w.resize(640, 320)
        w.set_smoothing(0.9)
        w.show()
        for n in parts:
            w.set_series("a", "loss", x[:n], y[:n])
            w.plot.set_range(-50, 9500, 0, 10, False)  # the same axes for both
            w._follow = False
            w.plot.grab()
        w._read_at = 0.0
        w.set_series("a", "loss", x, y)
        pictures.append(w.plot.grab().toImage())
    assert pictures[0] == pictures[1]


def test_only_the_columns_that_are_new_are_painted_anew(plot: CurvePlot) -> None:
    x = np.arange(9000.0)
    plot.set_series("a", "loss", x[:8900], np.sin(x[:8900]))
    plot.grab()
    painted = plot.plot._since
    plot.set_series("a", "loss", x, np.sin(x))
    frame = plot.plot.frame()
    assert frame.px(8890.0) - 5 < plot.plot._since <= frame.px(8900.0) < painted


def test_thinned_polylines_touch_the_lowest_and_highest_value_of_each_column() -> None:
    rng = np.random.default_rng(0)
    frame = Frame(50, 0, 650, 300, 0, 30_000, -4, 4)
    x, y = np.arange(30_000.0), rng.normal(size=30_000)
    (points,) = trace(frame, x, y)
    assert len(points) <= 2 * 601
    column = np.floor(50 + x * 600 / 30_000).astype(int)
    for c in (51, 300, 649):
        ours, all_of_them = points[np.floor(points[:, 0]) == c][:, 1], frame.py(0) - y[column == c] * frame.high
        assert (ours.min(), ours.max()) == pytest.approx((all_of_them.min(), all_of_them.max()), abs=1e-9)


def test_gaps_cut_a_polyline() -> None:
    y = np.array([1.0, 2.0, np.nan, 3.0, np.inf, 4.0])
    found = trace(Frame(0, 0, 600, 100, 0, 6, 0, 5), np.arange(6.0), y)
    assert [len(part) for part in found] == [2, 1, 1]


@given(st.floats(-1e4, 1e4), st.floats(1e-4, 1e6), st.integers(2, 12))
def test_ticks_are_round_inside_and_as_many_as_fit(lo: float, length: float, about: int) -> None:
    hi = lo + length
    found = ticks.linear(lo, hi, about)
    step = kit.nice_step((hi - lo) / about)
    assert len(found) <= about + 1
    assert len({t.words for t in found}) == len(found)
    for tick in found:
        assert lo - 1e-5 * step <= tick.at <= hi + 1e-5 * step
        assert abs(tick.at / step - round(tick.at / step)) < 1e-6 + 1e-12 * abs(tick.at / step)
    mantissa = step / 10 ** np.floor(np.log10(step) + 1e-9)
    assert min(abs(mantissa - m) for m in (1, 2, 5)) < 1e-6


def test_logarithmic_ticks_name_decades_and_few_decades_also_their_2_and_5() -> None:
    assert [t.words for t in ticks.logarithmic(-2, 3, 6) if t.words] == ["0.01", "0.1", "1", "10", "100", "1,000"]
    assert [t.words for t in ticks.logarithmic(0, 1, 6) if t.words] == ["1", "2", "5", "10"]
    for tick in ticks.logarithmic(1.9, 2.1, 5):
        assert 10**tick.at == pytest.approx(float(tick.words))
    assert 2 <= len([t for t in ticks.logarithmic(-30, 30, 8) if t.words]) <= 13


@given(st.lists(st.floats(0, 200), max_size=9))
def test_names_at_line_ends_never_cover_each_other_and_move_no_more_than_needed(wished: list[float]) -> None:
    found = spread(wished, 14.0, 0.0, 200.0)
    assert found is not None and len(found) == len(wished)
    ranked = sorted(found)
    assert all(b - a >= 14.0 - 1e-6 for a, b in pairwise(ranked))
    assert all(-1e-6 <= at <= 200.0 + 1e-6 for at in found)
    order = sorted(wished)
    if all(b - a >= 14.0 for a, b in pairwise(order)):
        assert found == pytest.approx(wished)


def test_too_many_names_are_left_out() -> None:
    assert spread([1.0, 2.0, 3.0], 14.0, 0.0, 20.0) is None


def test_a_dragged_box_zooms_a_double_click_fits_and_the_wheel_keeps_its_place(qtbot, plot: CurvePlot) -> None:
    plot.set_live(False)
    plot.set_series("a", "loss", np.arange(1000.0), np.linspace(0, 10, 1000))
    canvas, whole = plot.plot, plot.plot.frame()
    a, b = QPoint(round(whole.px(200)), round(whole.py(8))), QPoint(round(whole.px(500)), round(whole.py(2)))
    qtbot.mousePress(canvas, LEFT, pos=a)
    qtbot.mouseMove(canvas, b)
    with qtbot.assertNotEmitted(plot.step_picked):
        qtbot.mouseRelease(canvas, LEFT, pos=b)
    near = canvas.frame()
    assert (near.x0, near.x1) == pytest.approx((200, 500), abs=4)
    assert (near.y0, near.y1) == pytest.approx((2, 8), abs=0.1)
    plot.set_series("a", "loss", np.arange(1100.0), np.linspace(0, 10, 1100))
    assert canvas.frame().x1 == near.x1  # what was zoomed by hand stays
    where = QPointF(300, 150)
    down = QPoint(0, 120)
    before = canvas.frame().x_at(300), canvas.frame().y_at(150)
    event = QWheelEvent(
        where, where, QPoint(), down, Qt.MouseButton.NoButton, Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    QApplication.sendEvent(canvas, event)
    after = canvas.frame()
    assert after.x1 - after.x0 < near.x1 - near.x0
    assert (after.x_at(300), after.y_at(150)) == pytest.approx(before)
    qtbot.mouseDClick(canvas, LEFT, pos=a)
    assert canvas.frame().x0 < 0 and canvas.frame().x1 > 1099


def test_the_step_line_is_dragged(qtbot, plot: CurvePlot) -> None:
    plot.set_series("a", "loss", np.arange(1000.0), np.linspace(0, 10, 1000))
    plot.set_step(300.0)
    frame = plot.plot.frame()
    start, end = QPoint(round(frame.px(300)), 100), QPoint(round(frame.px(700)), 100)
    qtbot.mousePress(plot.plot, LEFT, pos=start)
    qtbot.mouseMove(plot.plot, end)
    plot.set_step(350.0)  # what the desk says while the hand holds the line does not count
    with qtbot.waitSignal(plot.step_picked) as got:
        qtbot.mouseRelease(plot.plot, LEFT, pos=end)
    assert got.args[0] == pytest.approx(700, abs=3)


def test_the_pointer_reads_values(qtbot, plot: CurvePlot) -> None:
    plot.set_series("a", "loss", np.arange(1000.0), np.full(1000, 7.5))
    with qtbot.waitSignal(plot.hovered) as got:
        qtbot.mouseMove(plot.plot, QPoint(round(plot.plot.frame().px(400)), 100))
    assert got.args[0] == pytest.approx(400, abs=3)
    assert plot._tip.isVisible() and "7.5" in plot._tip.text() and "loss" in plot._tip.text()


def test_words_that_need_no_more_room_ask_for_no_new_layout(qtbot) -> None:
    asked: list[int] = []

    class Home(QWidget):
        def event(self, event: QEvent) -> bool:
            asked.append(1) if event.type() == QEvent.Type.LayoutRequest else None
            return super().event(event)

    home, words = Home(), StillLabel("0000", name="Step")
    qtbot.addWidget(home)
    QVBoxLayout(home).addWidget(words)
    home.show()
    QApplication.processEvents()
    asked.clear()
    for text in ("1111", "12", ""):
        words.setText(text)
        QApplication.processEvents()
    assert not asked and words.text() == "" and words.accessibleName() == "Step"
    words.setText("a hundred thousand")
    QApplication.processEvents()
    assert asked and words.width() >= words.fontMetrics().horizontalAdvance("a hundred thousand")


def test_low_curves_keep_one_line_of_words_also_when_numbers_grow(qtbot: QtBot) -> None:
    plot = CurvePlot()
    qtbot.addWidget(plot)
    plot.resize(420, 120)
    plot.show()
    x = np.arange(50.0)
    for number in range(6):
        plot.set_series(f"k{number}", f"a curve named {number}", x, np.full(50, 1.0, np.float32))
    assert plot.legend.folded()
    plot.set_series("k0", "a curve named 0", x, np.full(50, 123456.7, np.float32))
    QApplication.processEvents()
    assert len({chip.y() for chip in plot.legend.chips.values() if not chip.isHidden()}) == 1
    assert plot.plot.height() > 0.6 * plot.height()
    plot.resize(420, 400)
    QApplication.processEvents()
    assert not plot.legend.folded()
