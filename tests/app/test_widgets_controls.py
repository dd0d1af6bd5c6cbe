"""Sliders, number boxes, the time bar, the player, the palette and the messages, used by hand and by keys."""

from __future__ import annotations

import numpy as np
import pytest
import shiboken6
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QLabel, QWidget

from app.shell import theme
from app.widgets import kit
from app.widgets.number import NumberBox, NumberSlider
from app.widgets.palette import CommandPalette, match
from app.widgets.scrub import ScrubBar
from app.widgets.slider import LatentSlider, SliderStack
from app.widgets.toast import LogList, Toasts
from app.widgets.track import Track
from app.widgets.transport import Transport

pytestmark = pytest.mark.usefixtures("dressed")

LEFT = Qt.MouseButton.LeftButton


def shown(qtbot, widget: QWidget, width: int = 400, height: int = 60) -> QWidget:
    qtbot.addWidget(widget)
    widget.resize(width, height)
    widget.show()
    return widget


# sliders


def test_a_logarithmic_track_has_its_geometric_mean_in_the_middle() -> None:
    t = Track(1e-4, 1e-2, 1e-3, log=True)
    assert t.fraction(1e-3) == pytest.approx(0.5)
    assert t.at_fraction(0.5) == pytest.approx(1e-3)


def test_shift_moves_ten_times_finer(qtbot) -> None:
    t = shown(qtbot, Track(0, 1, 0.5))
    qtbot.keyClick(t, Qt.Key.Key_Right)
    assert t.value() == pytest.approx(0.51)
    qtbot.keyClick(t, Qt.Key.Key_Right, Qt.KeyboardModifier.ShiftModifier)
    assert t.value() == pytest.approx(0.511)
    qtbot.keyClick(t, Qt.Key.Key_Left, Qt.KeyboardModifier.ControlModifier)
    assert t.value() == pytest.approx(0.461)


def test_a_double_click_restores_the_default_and_says_so(qtbot) -> None:
    t = shown(qtbot, Track(-3, 3, 0.0))
    t.set_value(2.0)
    with qtbot.waitSignal(t.changed) as got:
        qtbot.mouseDClick(t, LEFT, pos=QPoint(200, 12))
    assert got.args == [0.0]


def test_dragging_reports_each_move_and_the_end(qtbot) -> None:
    t = shown(qtbot, Track(0, 1, 0.0))
    moves, ends = [], []
    t.changing.connect(moves.append)
    t.changed.connect(ends.append)
    qtbot.mousePress(t, LEFT, pos=QPointF(t.x_of(0), 12).toPoint())
    for f in (0.25, 0.5):
        qtbot.mouseMove(t, QPointF(t.x_of(f), 12).toPoint())
    qtbot.mouseRelease(t, LEFT, pos=QPointF(t.x_of(0.5), 12).toPoint())
    assert len(moves) >= 2 and len(ends) == 1
    assert ends[0] == pytest.approx(0.5, abs=0.01)


def test_setting_a_value_is_silent(qtbot) -> None:
    s = shown(qtbot, LatentSlider(2))
    with qtbot.assertNotEmitted(s.changed):
        s.set_value(1.5)
    assert s.value() == 1.5 and s.name == "z 3"


def test_sliders_are_sorted_by_use_and_dead_ones_folded(qtbot) -> None:
    s = shown(qtbot, SliderStack(), 400, 400)
    s.set_dimensions(5, use=np.array([0.2, 0.0, 3.0, 0.001, 1.0]))
    assert s.order() == [2, 4, 0, 3, 1]
    assert [r.index for r in s.rows if r.isVisible()] == [0, 2, 4]
    y = {r.index: r.y() for r in s.rows}
    assert y[2] < y[4] < y[0]
    assert s.fold.isVisible() and s.fold.text() == "2 unused"
    qtbot.mouseClick(s.fold, LEFT)
    assert all(r.isVisible() for r in s.rows)


def test_a_stack_keeps_the_order_of_the_model_in_its_values(qtbot) -> None:
    s = shown(qtbot, SliderStack(), 400, 400)
    s.set_dimensions(3, use=np.array([0.1, 2.0, 1.0]))
    s.set_values(np.array([0.5, -1.0, 2.0]))
    assert s.values().dtype == np.float32 and s.values().tolist() == [0.5, -1.0, 2.0]
    with qtbot.waitSignal(s.changed) as got:
        s.rows[1].track.nudge(10)
    assert got.args[0][1] == pytest.approx(-0.4, abs=1e-3)
    s.set_use(np.array([3.0, 2.0, 1.0]))
    assert s.values().tolist() == pytest.approx([0.5, -0.4, 2.0])


def test_a_number_box_takes_scientific_numbers_and_refuses_the_rest(qtbot) -> None:
    b = shown(qtbot, NumberBox(1e-6, 0.1, 1e-3, log=True))
    b.setFocus()
    b.selectAll()
    with qtbot.waitSignal(b.changed) as got:
        qtbot.keyClicks(b, "3e-4")
        qtbot.keyClick(b, Qt.Key.Key_Return)
    assert got.args == [3e-4]
    b.selectAll()
    qtbot.keyClicks(b, "99")
    qtbot.keyClick(b, Qt.Key.Key_Return)
    assert b.value() == 3e-4 and "outside" in b.error and b.property("invalid")
    qtbot.keyClick(b, Qt.Key.Key_Escape)
    assert not b.error


def test_a_whole_number_stays_whole(qtbot) -> None:
    s = shown(qtbot, NumberSlider(1, 512, 100, integer=True, name="batch"))
    s.box.step_by(1)
    assert s.value() == 101 and isinstance(s.value(), int)
    with qtbot.waitSignal(s.changed) as got:
        s.track.nudge(1)
    assert isinstance(got.args[0], int)


def test_a_narrow_number_keeps_its_room_when_the_text_grows(qtbot, qapp) -> None:
    s = shown(qtbot, NumberSlider(0.1, 2.0, 1.0, name="temperature"))
    s.set_room(42, 122)
    assert (s.box.width(), s.width()) == (theme.px(42), theme.px(122))
    before = s.width()
    theme.set_scale(qapp, 1.5)
    qtbot.wait(10)
    try:
        assert (s.box.width(), s.width()) == (theme.px(42), theme.px(122)) and s.width() > 1.4 * before
        assert s.box.font().pointSizeF() == theme.number_font().pointSizeF(), "and its figures grow with all other text"
        moved = shown(qtbot, QWidget())
        s.setParent(moved)
        s.show()
        qtbot.wait(10)
        assert s.box.font().pointSizeF() == theme.number_font().pointSizeF(), "also when it moves into a pop-up"
    finally:
        theme.set_scale(qapp, 1.0)


def test_a_fixed_size_grows_with_the_text_and_leaves_with_its_widget(qtbot, qapp) -> None:
    wide, gone = QLabel("a label"), QLabel("another")
    qtbot.addWidget(wide)
    kit.Room(wide, 100)
    kit.Room(gone, 24, 24)
    shiboken6.delete(gone)
    tall = wide.maximumHeight()
    theme.set_scale(qapp, 1.5)
    try:
        assert wide.minimumWidth() == wide.maximumWidth() == 150 and wide.maximumHeight() == tall
    finally:
        theme.set_scale(qapp, 1.0)
    assert wide.minimumWidth() == 100


def test_an_error_is_shown_under_its_row(qtbot) -> None:
    s = shown(qtbot, NumberSlider(0, 20, 4, name="beta"))
    s.set_error("beta is 99; the range is 0 to 20")
    assert s.message.isVisible() and "99" in s.message.text()
    s.set_error("")
    assert not s.message.isVisible()


# time


@pytest.fixture
def bar(qtbot) -> ScrubBar:
    b = ScrubBar()
    shown(qtbot, b)
    b.set_range(0, 1000)
    b.set_ticks([0, 10, 100, 1000])
    return b


def test_a_live_bar_follows_the_end(bar: ScrubBar) -> None:
    bar.set_range(0, 2000)
    assert bar.is_live() and bar.value() == 2000


def test_keys_go_from_mark_to_mark(qtbot, bar: ScrubBar) -> None:
    with qtbot.waitSignal(bar.changed) as got:
        qtbot.keyClick(bar, Qt.Key.Key_Left)
    assert got.args == [100.0] and not bar.is_live()
    qtbot.keyClick(bar, Qt.Key.Key_Home)
    assert bar.value() == 0
    qtbot.keyClick(bar, Qt.Key.Key_Right)
    assert bar.value() == 10
    with qtbot.waitSignal(bar.live_requested):
        qtbot.keyClick(bar, Qt.Key.Key_End)
    assert bar.is_live()


@pytest.mark.parametrize("scale", ["linear", "log"])
def test_a_press_snaps_to_the_nearest_mark(qtbot, bar: ScrubBar, scale: str) -> None:
    bar.set_scale(scale)
    where = QPointF(bar.x_of(100) + 3, bar.height() * 0.56).toPoint()
    qtbot.mouseClick(bar, LEFT, pos=where)
    assert bar.value() == 100


def test_while_dragging_the_words_go_with_the_handle(qtbot, bar: ScrubBar) -> None:
    y = round(bar.height() * 0.56)
    qtbot.mouseMove(bar, QPointF(bar.x_of(900), y).toPoint())
    assert bar._hover > 0
    qtbot.mousePress(bar, LEFT, pos=QPointF(bar.x_of(900), y).toPoint())
    qtbot.mouseMove(bar, QPointF(bar.x_of(100), y).toPoint())
    assert bar._hover < 0


def test_now_returns_to_the_present(qtbot, bar: ScrubBar) -> None:
    bar.set_value(10)
    with qtbot.waitSignal(bar.live_requested):
        qtbot.mouseClick(bar, LEFT, pos=bar._now_rect().center().toPoint())


def test_a_film_plays_to_its_end_and_stops(qtbot) -> None:
    t = Transport(fps=60)
    shown(qtbot, t)
    t.set_count(6)
    t.set_loop(False)
    seen = []
    t.index_changed.connect(seen.append)
    t.set_playing(True)
    qtbot.waitUntil(lambda: not t.playing(), timeout=4000)
    assert seen[-1] == 5 and seen == sorted(seen)


def test_stepping_by_hand_pauses(qtbot) -> None:
    t = Transport()
    shown(qtbot, t)
    t.set_count(10)
    t.set_playing(True)
    qtbot.mouseClick(t.last, LEFT)
    assert (t.index(), t.playing(), t.forward.isEnabled()) == (9, False, False)
    qtbot.mouseClick(t.back, LEFT)
    assert t.index() == 8
    qtbot.keyClick(t, Qt.Key.Key_Home)
    assert t.index() == 0


# palette and messages


def test_letters_match_in_order_and_word_starts_win() -> None:
    assert match("exsvg", "Export figure as SVG") is not None
    assert match("gvs", "Export figure as SVG") is None
    assert match("nn", "New noise")[0] > match("nn", "Running now")[0]


def test_typing_and_return_runs_the_action_and_closes(qtbot) -> None:
    w = QWidget()
    shown(qtbot, w, 800, 600)
    ran = []
    for name in ("Export figure as SVG…", "&Train", "Open run"):
        a = QAction(name, w)
        a.triggered.connect(lambda _on=False, n=name: ran.append(n))
        w.addAction(a)
    p = CommandPalette(w)
    p.open_palette()
    assert p.names() == ["Export figure as SVG", "Open run", "Train"]
    qtbot.keyClicks(p.field, "exsvg")
    qtbot.keyClick(p.field, Qt.Key.Key_Return)
    assert ran == ["Export figure as SVG…"] and not p.isVisible()
    p.open_palette()
    qtbot.keyClick(p.field, Qt.Key.Key_Escape)
    assert not p.isVisible() and len(ran) == 1


def test_messages_do_not_pile_up_and_errors_stay(qtbot) -> None:
    w = QWidget()
    shown(qtbot, w, 600, 400)
    toasts = Toasts(w)
    toasts.show_message("info", "saved", timeout_ms=30)
    toasts.show_message("error", "NaN", "details", timeout_ms=30)
    toasts.show_message("error", "NaN", "details", timeout_ms=30)
    assert toasts.messages() == ["saved", "NaN"]
    qtbot.waitUntil(lambda: toasts.messages() == ["NaN"], timeout=2000)
    for i in range(8):
        toasts.show_message("warn", f"w{i}")
    assert len(toasts.messages()) <= 4


def test_a_message_survives_a_change_of_theme(qtbot, qapp) -> None:
    w = QWidget()
    shown(qtbot, w, 600, 400)
    Toasts(w).show_message("error", "NaN", "details")
    for mode in ("light", "dark"):
        theme.apply(qapp, mode)
    assert not w.grab().isNull()


def test_the_log_keeps_details_for_a_report(qtbot) -> None:
    log = LogList()
    shown(qtbot, log, 400, 200)
    log.add("error", "The loss became NaN.", "Traceback\n  line 2", when=0.0)
    assert log.count() == 1 and "error: The loss became NaN." in log.text() and "    Traceback" in log.text()
    log.clear()
    assert log.count() == 0 and log.empty.isVisible()
