"""The shell: which panels fit, actions and keys, presenting, the time bar."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QLineEdit, QWidget

from app.bridge.recorded import Recording
from app.panel import find_panels
from app.shell import bench, theme
from app.shell.table import MENUS, TABLE
from app.shell.window import Window
from gm_core import api
from tests.app.fake_model import run_card
from tests.app.windows import ReplayEngine, ready

# ---- which panels fit


def test_a_panel_opens_exactly_when_what_it_needs_is_offered() -> None:
    card = run_card("one", points=True)
    for needs in (frozenset[str](), frozenset({"points"}), frozenset({"samples", "points"})):
        assert bench.why_not(needs, card) == ""
    assert "images" in bench.why_not(frozenset({"images"}), card)


def test_the_reason_names_what_is_missing_and_what_to_do() -> None:
    reason = bench.why_not(frozenset({"stepwise"}), run_card("one", offers=frozenset({"samples"})))
    assert "step by step" in reason and "one" in reason
    assert "preset" in bench.why_not(frozenset({"stepwise"}), None)


def test_every_word_that_a_panel_needs_is_explained() -> None:
    for kind in find_panels().values():
        assert kind.needs <= set(bench.WORDS), kind.name


def test_a_panel_that_does_not_fit_is_greyed_with_its_reason_and_opens_when_it_does(window: Window) -> None:
    ready(window, run_card("one", offers=frozenset({"samples"})))
    dock = window.docks.all["steps"]
    assert not dock.fit.fits and dock.stack.currentWidget() is dock.reason
    window.docks.menu(window.menuBar().addMenu("test"))
    assert not dock.toggleViewAction().isEnabled() and "step by step" in dock.toggleViewAction().text()
    window.docks.show("steps")
    assert dock.stack.currentWidget() is dock.reason
    window.desk.take([api.RunChanged(run_card("one"))])
    assert dock.fit.fits and dock.stack.currentWidget() is dock.panel


def test_a_panel_made_for_the_kind_of_data_comes_to_the_top(window: Window, qtbot: Any) -> None:
    ready(window, run_card("ring", points=True))
    qtbot.waitUntil(lambda: window.docks.all["plane"].panel is not None, timeout=3000)
    assert not window.docks.all["plane"].visibleRegion().isEmpty()


def test_panels_have_names_titles_tips_and_slots_of_their_own() -> None:
    kinds = find_panels()
    assert {"experiment", "curves", "gallery", "latent", "steps", "plane", "runs", "log"} <= set(kinds)
    places = [(kind.slot, kind.order) for kind in kinds.values()]
    assert len(set(places)) == len(places)
    for kind in kinds.values():
        assert kind.title and kind.tip and theme.icon(kind.icon) is not None


# ---- actions


def test_action_names_and_keys_are_unique_and_all_are_explained() -> None:
    names = [entry.name for entry in TABLE]
    assert len(set(names)) == len(names)
    keys = [QKeySequence(key).toString() for entry in TABLE for key in entry.keys]
    assert len(set(keys)) == len(keys)
    assert all(keys), "Qt understands every key"
    for entry in TABLE:
        assert entry.text and entry.menu in MENUS


def test_the_keys_that_users_expect_do_what_they_expect() -> None:
    by_key = {key: entry.name for entry in TABLE for key in entry.keys}
    expected = {
        "Space": "train", ".": "step", "Shift+.": "ten-steps", "R": "new-noise", "Shift+R": "same-noise",
        "N": "lock-noise",
        "Left": "time-back", "Right": "time-forward", "Home": "time-first", "End": "back-to-live", "Ctrl+Z": "undo",
        "Ctrl+Y": "redo", "Ctrl+K": "palette", "Ctrl+E": "export", "Ctrl+Shift+C": "copy-view", "F5": "present",
        "F11": "full-screen", "Ctrl+0": "usual-text", "?": "keys", "Esc": "leave",
    }  # fmt: skip
    assert {key: by_key.get(key) for key in expected} == expected


def test_every_action_can_be_found_in_the_palette(window: Window) -> None:
    window.palette_box.open_palette()
    assert set(window.palette_box.names()) == {entry.text.removesuffix("...") for entry in TABLE}
    window.palette_box.close()


def test_space_pauses_and_resumes(window: Window, engine: ReplayEngine) -> None:
    ready(window, run_card("one"))
    window.actions_.refresh()
    window.setFocus()
    window.activateWindow()
    QTest.keyClick(window, Qt.Key.Key_Space)
    assert api.Pause("one") in engine.sent
    window.desk.take([api.RunChanged(run_card("one", state="paused"))])
    QTest.keyClick(window, Qt.Key.Key_Space)
    assert api.Resume("one") in engine.sent


def test_letters_typed_into_a_text_box_do_nothing_else(window: Window, qtbot: Any) -> None:
    ready(window, run_card("one"))
    line = QLineEdit(window)
    line.show()
    window.activateWindow()
    line.setFocus()
    qtbot.waitUntil(line.hasFocus, timeout=2000)
    seed = window.desk.seed
    QTest.keyClicks(line, "rn.p ?")
    assert line.text() == "rn.p ?"
    assert window.desk.seed == seed and window.desk.noise_locked
    window.setFocus()
    QTest.keyClick(window, Qt.Key.Key_R)
    assert window.desk.seed == seed + 1


def test_arrows_belong_to_sliders_players_and_lists_and_elsewhere_to_the_time_bar(window: Window, qtbot: Any) -> None:
    from PySide6.QtCore import QEvent
    from PySide6.QtGui import QKeyEvent

    from app.shell.actions import needs_key
    from app.widgets.transport import Transport

    def press(widget: QWidget, key: Qt.Key) -> bool:
        return needs_key(widget, QKeyEvent(QEvent.Type.ShortcutOverride, key, Qt.KeyboardModifier.NoModifier))

    player = Transport()
    qtbot.addWidget(player)
    assert press(player.findChildren(QAbstractButton)[0], Qt.Key.Key_Left)
    assert press(window.timebar.bar, Qt.Key.Key_Left)
    assert not press(window, Qt.Key.Key_Left)
    button = window.experiment.go
    assert press(button, Qt.Key.Key_Space) and not press(button, Qt.Key.Key_Left)
    assert press(next(iter(window.experiment.cards.cards.values())), Qt.Key.Key_Space)
    assert not press(window.timebar.bar, Qt.Key.Key_Space), "after a drag of the time bar, Space still trains"


def test_escape_leaves_presenting_and_never_quits(window: Window, qtbot: Any) -> None:
    left: list[int] = []
    window.leaving.connect(lambda: left.append(1))
    scale = theme.scale()
    window.presenter.start()
    assert window.menuBar().isHidden() and theme.scale() == pytest.approx(min(3.0, 1.5 * scale))
    window.actions_.refresh()
    QTest.keyClick(window, Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: not window.presenter.on, timeout=2000)
    assert not window.menuBar().isHidden() and theme.scale() == pytest.approx(scale)
    QTest.keyClick(window, Qt.Key.Key_Escape)
    assert not left and window.isVisible()


def test_presenting_hides_the_form_and_brings_it_back(window: Window) -> None:
    form = window.docks.all["experiment"]
    assert not form.isHidden()
    window.presenter.start()
    assert form.isHidden()
    window.presenter.stop()
    assert not form.isHidden()


def test_a_larger_window_gives_its_room_to_what_there_is_to_see(window: Window, qtbot: Any) -> None:
    side = window.docks.all["experiment"]
    window.resize(1300, 850)
    ready(window, run_card("one"))
    qtbot.wait(300)
    window.docks.size_up()
    qtbot.wait(50)
    window.docks.size_up()  # nothing moves, and yet the width is known
    for wished in (0, 420):
        if wished:
            window.resizeDocks([side], [wished], Qt.Orientation.Horizontal)
        qtbot.waitUntil(lambda: side.width() < 330 if not wished else side.width() > 350, timeout=5000)  # noqa: B023
        qtbot.wait(100)
        before = side.width()
        for width in (1700, 1500, 1900, 1910, 1920, 1930, 1940):
            window.resize(width, 850)
            qtbot.waitUntil(lambda: window.width() == width, timeout=5000)  # noqa: B023
            near = pytest.approx(before, abs=12)
            qtbot.waitUntil(lambda: side.width() == near, timeout=5000)  # noqa: B023
            qtbot.wait(50)  # no hand moves anything in the same moment


@pytest.mark.parametrize("way", ["presenting", "reading"])
def test_panels_are_as_wide_after_large_text_as_before(
    window: Window, qtbot: Any, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    """Also where the window had the whole screen before, so that no new size comes."""
    for change in ("showFullScreen", "showNormal", "showMaximized"):
        monkeypatch.setattr(window, change, lambda: None)
    window.resize(1400, 900)
    ready(window, run_card("one"))
    qtbot.wait(300)
    before = window.experiment.width()
    if way == "presenting":
        window.presenter.start()
    else:
        window.reader.open("overview")
        window.reader.toggle_size()
    qtbot.wait(50)
    (window.presenter if way == "presenting" else window.reader).stop()
    near = pytest.approx(before, abs=4)  # a row that was dressed meanwhile may ask for a pixel more
    qtbot.waitUntil(lambda: window.experiment.width() == near, timeout=5000)
    qtbot.wait(300)
    assert window.experiment.width() == near, "and they stay so"


def test_text_grows_shrinks_and_returns(window: Window) -> None:
    window.deeds.scale_text(1.1)
    assert window.settings.text_size == pytest.approx(1.1)
    window.deeds.scale_text(0)
    assert theme.scale() == 1.0


def test_stopping_is_said_at_once(window: Window, engine: ReplayEngine) -> None:
    ready(window, run_card("one"))
    window.deeds.stop()
    assert window.controls.words.text() == "stopping..."
    assert api.Stop("one") in engine.sent


def test_the_list_of_keys_opens_without_blocking(window: Window) -> None:
    from app.shell import dialogs

    dialog = dialogs.show_keys(window)
    assert dialog.isVisible()
    dialog.close()


def test_the_first_picture_is_alive_with_a_recorded_example(window: Window) -> None:
    items = np.random.default_rng(0).integers(0, 255, (64, 8, 8, 1), np.uint8)
    window.desk.show_recordings([Recording(run_card("example:small", state="viewed"), {"samples": items})])
    window.start()
    assert window.docks.all["gallery"].panel.mosaic.count() == 64  # type: ignore[union-attr]
    assert not window.desk.is_ready


# ---- the time bar


def test_the_time_bar_moves_all_panels_to_a_kept_step_and_back(window: Window) -> None:
    ready(window, run_card("one"))
    window.timebar.go(810.0)
    assert window.desk.now == 800
    assert window.controls.count.text() == "000800"
    window.timebar.move_by(-1)
    assert window.desk.now == 400
    window.timebar.first()
    assert window.desk.now == 0
    for _ in range(10):
        window.timebar.move_by(+1)
    assert window.desk.now is None


def test_the_time_bar_at_its_right_end_is_the_present(window: Window) -> None:
    ready(window, run_card("one"))
    window.timebar.go(100.0)
    window.timebar.go(2400.0)
    assert window.desk.now is None
