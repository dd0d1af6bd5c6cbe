"""The panel of talks: its list by hand and by keys, notes, what is on stage, and its words while it is empty."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLineEdit

from app.panel import find_panels
from app.panels.talk import TalkPanel, TalkState
from app.shell import theme
from app.shell.window import Window
from app.stage import files
from app.stage.cues import Cue, Talk
from app.stage.script import Script
from app.widgets.cuelist import CueList
from app.widgets.images import from_qimage

pytestmark = pytest.mark.usefixtures("dressed")
LEFT, CTRL = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.ControlModifier


@pytest.fixture
def script(tmp_path: Path) -> Script:
    made = Script(tmp_path / "talks")
    cues = tuple(Cue(title=f"cue {name}", notes=f"say {name}", top=("gallery", "latent")) for name in "abcd")
    files.write_talk(made.folder / "one.yaml", Talk(title="One", cues=cues))
    assert made.open(made.folder / "one.yaml")
    return made


@pytest.fixture
def panel(qtbot: Any, script: Script) -> TalkPanel:
    made = TalkPanel()
    qtbot.addWidget(made)
    made.read(script)
    made.resize(320, 620)
    made.show()
    made.activateWindow()
    made.list.setFocus()
    qtbot.waitUntil(made.list.hasFocus, timeout=2000)
    return made


def titles(script: Script) -> str:
    return "".join(cue.title[-1] for cue in script.cues)


def row(cues: CueList, number: int) -> QPoint:
    """The middle of a row."""
    return cues.visualItemRect(cues.item(number)).center()


# ---- the list


@pytest.mark.parametrize("by", ["double click", "Return"])
def test_a_cue_is_wished_by_double_click_and_by_return(panel: TalkPanel, script: Script, qtbot: Any, by: str) -> None:
    with qtbot.waitSignal(script.cue_wished) as wished:
        if by == "Return":
            panel.list.setCurrentRow(2)
            QTest.keyClick(panel.list, Qt.Key.Key_Return)
        else:
            qtbot.mouseClick(panel.list.viewport(), LEFT, pos=row(panel.list, 2))
            qtbot.mouseDClick(panel.list.viewport(), LEFT, pos=row(panel.list, 2))
    assert wished.args == [2]


def test_f2_renames_in_place_and_an_empty_title_is_not_taken(panel: TalkPanel, script: Script) -> None:
    for text, kept in (("Bayes", "Bayes"), ("", "Bayes")):
        panel.list.setCurrentRow(1)
        QTest.keyClick(panel.list, Qt.Key.Key_F2)
        editor = panel.list.findChild(QLineEdit)
        assert editor is not None
        editor.selectAll()
        QTest.keyClick(editor, Qt.Key.Key_Delete)
        QTest.keyClicks(editor, text)
        QTest.keyClick(editor, Qt.Key.Key_Return)
        QApplication.processEvents()
        assert script.cues[1].title == kept and panel.list.item(1).text() == kept


def test_ctrl_and_arrows_move_a_cue_and_the_row_moves_with_it(panel: TalkPanel, script: Script) -> None:
    panel.list.setCurrentRow(0)
    QTest.keyClick(panel.list, Qt.Key.Key_Down, CTRL)
    QTest.keyClick(panel.list, Qt.Key.Key_Down, CTRL)
    assert titles(script) == "bcad" and panel.list.currentRow() == 2
    QTest.keyClick(panel.list, Qt.Key.Key_Up, CTRL)
    assert titles(script) == "bacd"
    for _ in range(3):
        QTest.keyClick(panel.list, Qt.Key.Key_Up, CTRL)
    assert titles(script) == "abcd", "at the top it rests"


@pytest.mark.parametrize(("start", "end", "below", "order"), [(0, 2, 8, "bcad"), (3, 0, -8, "dabc"), (1, 1, 0, "abcd")])
def test_a_cue_is_dragged_to_another_place(
    panel: TalkPanel, script: Script, qtbot: Any, start: int, end: int, below: int, order: str
) -> None:
    port = panel.list.viewport()
    target = row(panel.list, end) + QPoint(0, below)
    qtbot.mousePress(port, LEFT, pos=row(panel.list, start))
    qtbot.mouseMove(port, row(panel.list, start) + QPoint(0, 3))
    qtbot.mouseMove(port, target)
    qtbot.mouseRelease(port, LEFT, pos=target)
    assert titles(script) == order


def test_delete_and_duplicate_and_undo_and_redo_by_keys(panel: TalkPanel, script: Script) -> None:
    panel.list.setCurrentRow(1)
    QTest.keyClick(panel.list, Qt.Key.Key_Delete)
    assert titles(script) == "acd"
    QTest.keyClick(panel.list, Qt.Key.Key_D, CTRL)
    assert [cue.title for cue in script.cues] == ["cue a", "cue c", "cue c (copy)", "cue d"]
    QTest.keyClick(panel.list, Qt.Key.Key_Z, CTRL)
    QTest.keyClick(panel.list, Qt.Key.Key_Z, CTRL)
    assert titles(script) == "abcd" and panel.list.count() == 4
    QTest.keyClick(panel.list, Qt.Key.Key_Y, CTRL)
    assert titles(script) == "acd"


def test_the_buttons_do_what_the_keys_do(panel: TalkPanel, script: Script, qtbot: Any) -> None:
    panel.list.setCurrentRow(3)
    panel.remove.click()
    panel.double.click()
    assert [cue.title for cue in script.cues] == ["cue a", "cue b", "cue c", "cue c (copy)"]
    panel.undo.click()
    panel.undo.click()
    assert titles(script) == "abcd" and not panel.undo.isEnabled() and panel.redo.isEnabled()
    with qtbot.waitSignal(script.update_wished) as wished:
        panel.list.setCurrentRow(1)
        panel.renew.click()
    assert wished.args == [1]
    with qtbot.waitSignal(script.add_wished):
        panel.add.click()


# ---- notes, stage, place


def test_notes_are_kept_when_one_goes_to_another_cue(panel: TalkPanel, script: Script) -> None:
    panel.list.setCurrentRow(0)
    assert panel.notes.toPlainText() == "say a"
    panel.notes.setFocus()
    panel.notes.selectAll()
    QTest.keyClicks(panel.notes, "begin slowly")
    panel.list.setCurrentRow(1)
    assert panel.notes.toPlainText() == "say b"
    assert [cue.notes for cue in script.cues[:2]] == ["begin slowly", "say b"]
    script.undo()
    assert script.cues[0].notes == "say a"


def test_notes_are_kept_by_themselves_after_a_moment(panel: TalkPanel, script: Script, qtbot: Any) -> None:
    panel.notes.setFocus()
    QTest.keyClicks(panel.notes, "!")
    qtbot.waitUntil(lambda: "!" in script.cues[0].notes, timeout=4000)
    assert panel.notes.hasFocus() and "!" in panel.notes.toPlainText()


def test_the_place_and_the_bar_follow_the_cue_in_front(panel: TalkPanel, script: Script) -> None:
    assert panel.place.text() == "4 cues"
    script.go(2)
    assert panel.place.text() == "3 / 4" and panel.list.front == 2 and panel.list.currentRow() == 2
    script.move(2, 0)
    assert panel.place.text() == "1 / 4" and panel.list.front == 0


def test_what_is_on_stage_is_chosen_among_the_panels_of_the_cue(panel: TalkPanel, script: Script) -> None:
    words = [panel.stage.itemText(i) for i in range(panel.stage.count())]
    assert words == ["all that is in front", *(find_panels()[name].title for name in ("gallery", "latent"))]
    panel.stage.setCurrentIndex(2)
    panel.stage.activated.emit(2)
    assert script.cues[0].stage == ("latent",) and panel.stage.currentIndex() > 0
    panel.stage.setCurrentIndex(0)
    panel.stage.activated.emit(0)
    assert script.cues[0].stage == ()


def test_the_talk_is_renamed_in_its_title(panel: TalkPanel, script: Script) -> None:
    panel.heading.line.selectAll()
    QTest.keyClicks(panel.heading.line, "Lecture 4")
    QTest.keyClick(panel.heading.line, Qt.Key.Key_Return)
    assert script.talk.title == "Lecture 4"


def test_the_menu_lists_the_shipped_talk_and_ones_own(panel: TalkPanel, script: Script) -> None:
    panel.menu.aboutToShow.emit()
    words = [action.text() for action in panel.menu.actions() if action.text()]
    assert words == ["The path of the notes", "One", "New talk", "Close the talk"]
    panel.menu.actions()[0].trigger()
    assert len(script.cues) == 20 and panel.list.count() == 20
    panel.menu.aboutToShow.emit()
    panel.menu.actions()[-1].trigger()
    assert not script.is_open and panel.list.count() == 0


# ---- the panel


def test_the_open_talk_is_found_again(qtbot: Any, panel: TalkPanel, script: Script) -> None:
    state = panel.state()
    assert isinstance(state, TalkState) and state.talk.endswith("one.yaml")
    other = TalkPanel()
    qtbot.addWidget(other)
    other.restore(state)
    fresh = Script(script.folder)
    other.read(fresh)
    assert fresh.path == script.path and other.state() == state


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_without_a_talk_it_says_what_to_do(qtbot: Any, qapp: Any, tmp_path: Path, mode: str) -> None:
    theme.apply(qapp, mode)  # type: ignore[arg-type]
    empty = TalkPanel()
    qtbot.addWidget(empty)
    empty.resize(300, 560)
    empty.show()
    assert not empty.notes.isEnabled() and not empty.remove.isEnabled() and not empty.exports()
    picture = from_qimage(empty.list.grab().toImage())[..., :3]
    assert picture.std() > 5, "the empty list says something"


def test_the_talk_is_exported_as_its_file(panel: TalkPanel, script: Script, tmp_path: Path) -> None:
    (wanted,) = panel.exports()
    wanted.write(tmp_path / "copy.yaml")
    assert files.read_talk(tmp_path / "copy.yaml") == script.talk


def test_the_list_paints_its_numbers_and_the_bar(panel: TalkPanel, script: Script) -> None:
    before = from_qimage(panel.list.grab().toImage())
    script.go(3)
    assert not np.array_equal(before, from_qimage(panel.list.grab().toImage()))


# ---- in the window


def test_add_update_and_jump_from_the_panel(window: Window, make_window: Callable[..., Window]) -> None:
    window.stage.new()
    panel = window.docks.show("talk").panel
    assert isinstance(panel, TalkPanel)
    window.desk.new_noise()
    panel.add.click()
    window.desk.new_noise()
    panel.add.click()
    assert [cue.seed for cue in window.stage.script.cues] == [1, 2] and window.stage.script.at == 1
    panel.list.chosen.emit(0)
    assert window.desk.seed == 1 and window.stage.script.at == 0
    window.desk.new_noise()
    panel.renew.click()
    assert [cue.seed for cue in window.stage.script.cues] == [2, 2]
    assert not window.docks.all["talk"].isHidden(), "a cue leaves the panel of talks where it is"
