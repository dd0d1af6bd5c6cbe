"""The keys of a speaker, pressed on a window that presents: cues, black screen, red dot, and the way out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QLineEdit, QWidget

from app.shell import theme
from app.shell.window import Window
from app.stage import seeing
from app.stage.cues import Cue
from tests.app.stages import press, stocked


@pytest.fixture
def shown(window: Window) -> Window:
    """A window with a run of one's own, which trains, and two examples."""
    return stocked(window)


@pytest.fixture
def stage(shown: Window, qtbot: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Window]:
    """A window that presents the first of three cues; its text stays as it is, for dressing all anew takes a second."""
    monkeypatch.setattr(theme, "set_scale", lambda _app, factor: factor)
    shown.stage.new()
    panels = (("gallery",), ("latent",), ("gallery", "latent"))
    for i, names in enumerate(panels):
        cue = Cue(title=f"cue {i}", top=names, panels={"gallery": {"count": ("16", "36", "64")[i]}})
        shown.stage.script.add(cue)
    shown.stage.go(0)
    shown.activateWindow()
    shown.setFocus()
    qtbot.waitUntil(shown.isActiveWindow, timeout=2000)
    press(shown, Qt.Key.Key_F5, shown)
    assert shown.presenter.on and shown.stage.script.at == 0
    yield shown
    shown.presenter.stop()  # the size of the text is the application's


def open_docks(window: Window) -> set[str]:
    return {name for name, dock in window.docks.all.items() if not dock.isHidden()}


def test_page_down_and_page_up_step_through_the_cues_and_rest_at_the_ends(stage: Window) -> None:
    seen = []
    for key in (Qt.Key.Key_PageDown,) * 3 + (Qt.Key.Key_PageUp,) * 3:
        press(stage, key)
        seen.append(stage.stage.script.at)
    assert seen == [1, 2, 2, 1, 0, 0]


def test_only_the_panels_of_the_cue_are_seen_while_presenting(stage: Window) -> None:
    assert open_docks(stage) == {"gallery"} and stage.menuBar().isHidden()
    press(stage, Qt.Key.Key_PageDown)
    assert open_docks(stage) == {"latent"}
    press(stage, Qt.Key.Key_PageDown)
    assert open_docks(stage) == {"gallery", "latent"}
    panel = stage.docks.all["gallery"].panel
    assert panel is not None and panel.state().plain()["count"] == "64"


def test_no_title_of_a_panel_is_seen_on_stage_though_it_was_never_open_before(stage: Window) -> None:
    stage.stage.script.edit(1, stage=("race",))
    press(stage, Qt.Key.Key_PageDown)
    dock = stage.docks.all["race"]
    assert not dock.isHidden() and dock.title.isHidden()
    press(stage, Qt.Key.Key_Escape)
    assert not dock.title.isHidden()


def test_the_number_of_the_cue_is_seen_for_a_second_and_fades(stage: Window, qtbot: Any) -> None:
    press(stage, Qt.Key.Key_PageDown)
    number = stage.stage.number
    assert number.isVisible() and number.text == "2 / 3"
    qtbot.waitUntil(number.isHidden, timeout=4000)


def test_cue_keys_work_wherever_the_focus_is_but_in_text(stage: Window, qtbot: Any) -> None:
    panel = stage.docks.all["gallery"].panel
    assert panel is not None
    for widget in panel.findChildren(QWidget):
        if widget.isVisible() and widget.focusPolicy() != Qt.FocusPolicy.NoFocus and not isinstance(widget, QLineEdit):
            stage.stage.go(0)
            widget.setFocus()
            if QApplication.focusWidget() is widget:
                press(stage, Qt.Key.Key_PageDown, widget)
                assert stage.stage.script.at == 1, type(widget).__name__
                break
    line = QLineEdit(stage)
    line.show()
    line.setFocus()
    qtbot.waitUntil(line.hasFocus, timeout=2000)
    press(stage, Qt.Key.Key_PageDown, line)
    press(stage, Qt.Key.Key_B, line)
    assert stage.stage.script.at == 1 and line.text() == "b" and not stage.stage.curtain.down


@pytest.mark.parametrize("key", [Qt.Key.Key_B, Qt.Key.Key_Escape, Qt.Key.Key_PageDown, Qt.Key.Key_PageUp])
def test_b_blanks_the_screen_and_each_of_these_keys_returns_to_the_same_cue(stage: Window, key: Qt.Key) -> None:
    curtain = stage.stage.curtain
    press(stage, Qt.Key.Key_PageDown)
    press(stage, Qt.Key.Key_B)
    assert curtain.isVisible() and curtain.geometry() == stage.rect()
    picture = stage.grab().toImage()
    assert {picture.pixelColor(x, y).name() for x in (5, 300, 700) for y in (5, 200, 500)} == {"#000000"}
    press(stage, key)
    assert curtain.isHidden() and stage.presenter.on and stage.stage.script.at == 1


def test_a_message_does_not_shine_through_the_black_screen(stage: Window, qtbot: Any) -> None:
    press(stage, Qt.Key.Key_B)
    stage.say("warn", "The disk is full.")
    qtbot.wait(20)
    picture = stage.grab().toImage()
    assert picture.pixelColor(stage.width() - 60, stage.height() - 60).name() == "#000000"


def test_a_click_on_the_black_screen_lifts_it(stage: Window, qtbot: Any) -> None:
    press(stage, Qt.Key.Key_B)
    qtbot.mouseClick(stage.stage.curtain, Qt.MouseButton.LeftButton)
    assert not stage.stage.curtain.down


def test_b_and_l_do_nothing_outside_of_presenting(shown: Window) -> None:
    shown.setFocus()
    press(shown, Qt.Key.Key_B, shown)
    press(shown, Qt.Key.Key_L, shown)
    assert not shown.stage.curtain.down and not shown.stage.pointer.on


def test_escape_brings_the_window_back_with_the_panels_of_the_cue(stage: Window) -> None:
    press(stage, Qt.Key.Key_PageDown)
    press(stage, Qt.Key.Key_L)
    assert stage.stage.pointer.on and QApplication.overrideCursor() is not None
    press(stage, Qt.Key.Key_Escape)
    assert not stage.presenter.on and not stage.menuBar().isHidden()
    assert {"experiment", "gallery", "latent", "curves"} <= open_docks(stage)
    assert seeing.is_seen(stage.docks.all["latent"])
    assert QApplication.overrideCursor() is None and stage.stage.number.isHidden()


def test_the_columns_are_as_wide_after_presenting_as_before(shown: Window, qtbot: Any) -> None:
    def widths() -> list[int]:
        return [shown.docks.all[name].width() for name in ("experiment", "gallery", "latent")]

    shown.resize(1280, 720)
    qtbot.wait(50)
    before = widths()
    for _ in range(2):
        shown.presenter.start()
        qtbot.wait(20)
        shown.presenter.stop()
        qtbot.waitUntil(lambda: widths() == pytest.approx(before, abs=2), timeout=3000)
    assert shown.width() == 1280


def test_a_cue_may_have_colours_of_its_own_and_gives_them_back(stage: Window, qapp: Any) -> None:
    theme.apply(qapp, "dark")
    stage.settings = stage.settings.model_copy(update={"theme": "dark"})
    stage.stage.script.edit(1, theme="light")
    press(stage, Qt.Key.Key_PageDown)
    assert theme.current().name == "light"
    press(stage, Qt.Key.Key_PageDown)
    assert theme.current().name == "dark"
    press(stage, Qt.Key.Key_PageUp)
    press(stage, Qt.Key.Key_Escape)
    assert theme.current().name == "dark"


def test_the_panels_of_the_next_cue_are_ready_before_they_are_seen(stage: Window, qtbot: Any) -> None:
    dock = stage.docks.all["sites"]
    assert dock.panel is None or not dock.panel.isVisible()
    stage.stage.script.edit(1, stage=("sites",))
    stage.stage.go(1)
    stage.stage.go(0)
    dock.renew()
    qtbot.waitUntil(lambda: dock.panel is not None, timeout=4000)
    assert dock.isHidden()


def test_without_a_talk_presenting_is_as_ever(shown: Window) -> None:
    shown.docks.show("gallery")
    press(shown, Qt.Key.Key_F5)
    assert shown.presenter.on and shown.docks.all["experiment"].isHidden() and shown.stage.number.isHidden()
    shown.presenter.stop()
    assert not shown.docks.all["experiment"].isHidden()


def test_a_cue_added_while_presenting_remembers_what_was_on_stage(stage: Window) -> None:
    press(stage, Qt.Key.Key_PageDown)
    stage.stage.add()
    cue = stage.stage.script.cues[2]
    assert cue.stage == ("latent",) and stage.stage.script.at == 2


def test_while_no_talk_is_open_page_down_begins_the_one_that_ships(window: Window) -> None:
    assert not window.stage.script.is_open and window.stage.can_step
    window.stage.previous()
    assert not window.stage.script.is_open
    window.stage.next()
    assert window.stage.script.shipped and window.stage.script.at == 0 and len(window.stage.script.cues) == 20


def test_an_empty_talk_of_ones_own_stays_empty(window: Window) -> None:
    window.stage.new()
    window.stage.next()
    assert window.stage.script.cues == () and not window.stage.script.shipped
