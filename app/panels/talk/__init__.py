"""The talk: its cues in their order, what the speaker wants to say, and where one is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import QComboBox, QMenu, QPlainTextEdit, QPushButton, QSplitter, QVBoxLayout, QWidget

from app.faces import find_faces
from app.panel import Export, Panel, PanelState
from app.panels.talk.title import TalkTitle
from app.shell import theme
from app.stage import files
from app.stage.script import Script
from app.widgets import kit
from app.widgets.cuelist import CueList
from gm_core import api

TYPED_MS = 800
"""After the last letter, before the notes are kept as one step."""
NONE = ("No talk is open", "A talk is a list of cues: the window as it should look, one moment after the other. "
        "Choose one above, or set the window up and press Add cue.")  # fmt: skip
BARE = ("No cues yet", "Set the window up as the audience should see it, then press Add cue (Ctrl+T).")
ALL = "all that is in front"
Wish = Callable[[Script, int], object]
"""What to do with the script and the current cue."""


class TalkState(PanelState):
    """What the panel of talks remembers."""

    talk: str = api.param("", "The file of the talk that was open.")


class TalkPanel(Panel):
    """Lists the cues of the open talk. All that it does goes to the script; the window hears of it from there."""

    name = "talk"
    title = "Talk"
    icon = "present"
    tip = "Cues for a lecture: the window as it should look, moment by moment."
    slot = "left"
    order = 20
    State = TalkState

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.script: Script | None = None
        self._wanted = ""
        self._of = -1
        self._titles = {face.name: face.title for face in find_faces()}
        self._typed = QTimer(self)
        self._typed.setSingleShot(True)
        self._typed.setInterval(TYPED_MS)
        self._typed.timeout.connect(self.keep_notes)
        self._build()

    def _build(self) -> None:
        self.heading = TalkTitle()
        self.menu = QMenu(self)
        self.menu.aboutToShow.connect(self._fill_menu)
        self.heading.open.setMenu(self.menu)
        self.heading.retitled.connect(lambda text: self._do(lambda script: script.retitle(text)))
        self.list = CueList()
        self.list.setAccessibleName("Cues")
        self.list.setToolTip("Return or a double click shows a cue; F2 renames; drag, or Ctrl with arrows, moves")
        self.list.setMinimumHeight(theme.px(90))
        self.list.chosen.connect(lambda number: self._do(lambda script: script.cue_wished.emit(number)))
        self.list.renamed.connect(lambda number, text: self._do(lambda script: script.edit(number, title=text)))
        self.list.moved.connect(lambda number, to: self._do(lambda script: script.move(number, to)))
        self.list.deleted.connect(lambda number: self._do(lambda script: script.delete(number)))
        self.list.duplicated.connect(lambda number: self._do(lambda script: script.duplicate(number)))
        self.list.undo_wished.connect(lambda: self._do(lambda script: script.undo()))
        self.list.redo_wished.connect(lambda: self._do(lambda script: script.redo()))
        self.list.picked.connect(self._show_cue)
        self.add = QPushButton("Add cue")
        self.add.setToolTip("Add the window as it is, behind the cue in front  (Ctrl+T)")
        self.add.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.add.clicked.connect(lambda: self._do(lambda script: script.add_wished.emit()))
        self.place = kit.label("", "muted")
        self.renew = _button("loop", "Update the cue from the window", lambda s, n: s.update_wished.emit(n), self)
        self.double = _button("copy", "Duplicate the cue", Script.duplicate, self, "Ctrl+D")
        self.remove = _button("trash", "Delete the cue", Script.delete, self, "Del")
        self.undo = _button("undo", "Take the last change of the talk back", lambda s, _n: s.undo(), self, "Ctrl+Z")
        self.redo = _button("redo", "Make the change again", lambda s, _n: s.redo(), self, "Ctrl+Y")
        self.stage = QComboBox()
        self.stage.setAccessibleName("Seen while presenting")
        self.stage.setToolTip("What the audience sees at this cue")
        self.stage.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.stage.setMinimumContentsLength(10)
        self.stage.activated.connect(self._stage_chosen)
        self.notes = QPlainTextEdit()
        self.notes.setAccessibleName("Speaker notes")
        self.notes.setPlaceholderText("Speaker notes: the audience does not see them")
        self.notes.setTabChangesFocus(True)
        self.notes.setMinimumHeight(theme.px(48))
        self.notes.textChanged.connect(self._typed.start)
        below = QWidget()
        inner = QVBoxLayout(below)
        inner.setContentsMargins(0, 4, 0, 0)
        inner.setSpacing(4)
        seen = kit.row(kit.label("On stage", "caption"), self.stage, spacing=8)
        seen.setStretch(1, 1)
        inner.addLayout(seen)
        inner.addWidget(self.notes, 1)
        self.split = QSplitter(Qt.Orientation.Vertical)
        self.split.setChildrenCollapsible(False)
        self.split.addWidget(self.list)
        self.split.addWidget(below)
        self.split.setStretchFactor(0, 3)
        self.split.setStretchFactor(1, 1)
        box = QVBoxLayout(self)
        box.setContentsMargins(8, 6, 8, 8)
        box.setSpacing(6)
        box.addWidget(self.heading)
        box.addLayout(kit.row(self.add, None, self.place, spacing=6))
        box.addWidget(self.split, 1)
        box.addLayout(kit.row(self.renew, self.double, self.remove, None, self.undo, self.redo, spacing=2))
        self.setMinimumWidth(240)
        self._fill()

    # ---- life

    def read(self, script: Script) -> None:
        """Show this script from now on, and open the talk that was open last."""
        self.script = script
        script.changed.connect(self._fill)
        script.moved.connect(self._moved)
        if not script.is_open and self._wanted and Path(self._wanted).is_file():
            script.open(Path(self._wanted))
        self._fill()

    def state(self) -> TalkState:
        """The talk that is open."""
        script = self.script
        return TalkState(talk=self._wanted if script is None else str(script.path or ""))

    def restore(self, state: PanelState) -> None:
        """Open that talk again, once there is a script."""
        if isinstance(state, TalkState):
            self._wanted = state.talk

    def engaged(self) -> bool:
        """No cue changes the talk that it belongs to."""
        return True

    # ---- what a hand wishes

    def do_with(self, wish: Wish) -> None:
        """Let a wish act on the script and the current cue, after what was typed is kept."""
        self.keep_notes()
        if self.script is not None:
            wish(self.script, self.list.currentRow())

    def _do(self, wish: Callable[[Script], object]) -> None:
        self.do_with(lambda script, _number: wish(script))

    def keep_notes(self) -> None:
        """What was typed becomes one step of the talk."""
        self._typed.stop()
        script, text = self.script, self.notes.toPlainText()
        if script is not None and 0 <= self._of < len(script.cues) and script.cues[self._of].notes != text:
            script.edit(self._of, notes=text)

    def _stage_chosen(self, _place: int) -> None:
        name = str(self.stage.currentData() or "")
        number = self.list.currentRow()
        self._do(lambda script: script.edit(number, stage=(name,) if name else ()))

    def _fill_menu(self) -> None:
        script, menu = self.script, self.menu
        menu.clear()
        if script is None:
            return
        for held in files.find_talks(script.folder):
            action = menu.addAction(files.title_of(held.path))
            action.setCheckable(True)
            action.setChecked(held.path == script.path)
            action.setToolTip("Ships with the program" if held.shipped else str(held.path))
            action.triggered.connect(lambda _on=False, path=held.path: self._do(lambda s: s.open(path)))
        menu.addSeparator()
        menu.addAction("New talk").triggered.connect(lambda: self._do(lambda s: s.new()))
        close = menu.addAction("Close the talk")
        close.setEnabled(script.is_open)
        close.triggered.connect(lambda: self._do(lambda s: s.close()))

    # ---- what is shown

    def _fill(self) -> None:
        script = self.script
        self.list.set_empty(*(BARE if script is not None and script.is_open else NONE))
        self.list.set_titles([cue.title for cue in script.cues] if script is not None else [])
        self.heading.show_talk(script.talk.title if script is not None and script.is_open else "")
        self._moved(script.at if script is not None else -1, follow=False)
        self._show_cue(self.list.currentRow())

    def _moved(self, number: int, follow: bool = True) -> None:
        self.list.set_front(number)
        if follow:
            self.keep_notes()
            self.list.set_current(number)
            self._show_cue(self.list.currentRow())
        self.place.setText(self.script.place() if self.script is not None and self.script.cues else "")

    def _show_cue(self, number: int) -> None:
        script = self.script
        cue = script.cues[number] if script is not None and 0 <= number < len(script.cues) else None
        if self._typed.isActive() and number != self._of:
            self.keep_notes()
        self._of = number if cue is not None else -1
        text = cue.notes if cue is not None else ""
        if self.notes.toPlainText() != text and not (self._typed.isActive() and self.notes.hasFocus()):
            was = self.notes.blockSignals(True)
            self.notes.setPlainText(text)
            self.notes.blockSignals(was)
        self.stage.clear()
        if cue is not None:
            self.stage.addItem(ALL, "")
            for name in dict.fromkeys((*cue.stage, *cue.top)):
                self.stage.addItem(self._titles.get(name, name), name)
            if len(cue.stage) > 1:
                self.stage.setItemText(0, ", ".join(self._titles.get(name, name) for name in cue.stage))
            elif cue.stage:
                self.stage.setCurrentIndex(self.stage.findData(cue.stage[0]))
        for widget in (self.stage, self.notes, self.renew, self.double, self.remove):
            widget.setEnabled(cue is not None)
        self.undo.setEnabled(script is not None and script.can_undo)
        self.redo.setEnabled(script is not None and script.can_redo)

    # ---- export

    def exports(self) -> list[Export]:
        """The talk as its file, to give to somebody."""
        script = self.script
        if script is None or not script.is_open:
            return []
        return [Export("Talk as YAML", ".yaml", lambda path: files.write_to(path, script.talk))]


def _button(icon: str, text: str, wish: Wish, panel: TalkPanel, hint: str = "") -> kit.IconButton:
    button = kit.IconButton(icon, text, hint)
    button.clicked.connect(lambda: panel.do_with(wish))
    return button
