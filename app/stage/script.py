"""The talk that is open: its cues, where one is, every change as a step that can be undone, saved as it is made."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QObject, Signal

from app.stage import files
from app.stage.cues import Cue, Talk, placed
from app.widgets.history import History
from gm_core import api

NOWHERE = -1


class Script(QObject):
    """One open talk, or none.

    Signals: changed() when the cues or the talk are others, moved(number) when another cue is in front,
    said(level, words); cue_wished(number), add_wished() and update_wished(number) are wishes to the window.
    """

    changed = Signal()
    moved = Signal(int)
    said = Signal(str, str)
    cue_wished = Signal(int)
    add_wished = Signal()
    update_wished = Signal(int)

    def __init__(self, folder: Path, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.folder = folder
        self.path: Path | None = None
        self.at = NOWHERE
        self._history: History[Talk] = History(Talk())
        self._complained = ""

    # ---- what there is

    @property
    def is_open(self) -> bool:
        """Whether a talk is open."""
        return self.path is not None

    @property
    def talk(self) -> Talk:
        """The talk as it is now; an empty one where none is open."""
        return self._history.now

    @property
    def cues(self) -> tuple[Cue, ...]:
        """The cues in their order."""
        return self.talk.cues

    @property
    def shipped(self) -> bool:
        """Whether the file is one of the program's own, so that the first change makes a copy."""
        return self.path is not None and files.is_shipped(self.path)

    @property
    def can_undo(self) -> bool:
        """Whether a change can be taken back."""
        return self._history.can_undo

    @property
    def can_redo(self) -> bool:
        """Whether a change can be made again."""
        return self._history.can_redo

    def place(self) -> str:
        """Where one is, as people read it."""
        return placed(self.at, len(self.cues))

    # ---- which talk

    def open(self, path: Path) -> bool:
        """Open a talk; says in one sentence why it cannot, and keeps the one that was open."""
        try:
            talk = files.read_talk(path)
        except api.SpecError as error:
            self.said.emit("error", f"{error.message}.")
            return False
        self._load(path, talk)
        return True

    def new(self, title: str = "A talk") -> None:
        """Begin a talk without cues in the user's folder."""
        path = files.free_path(self.folder, title)
        self._load(path, Talk(title=title))
        self._save()
        self.changed.emit()

    def close(self) -> None:
        """No talk."""
        self._load(None, Talk())

    def _load(self, path: Path | None, talk: Talk) -> None:
        self.path, self.at, self._complained = path, NOWHERE, ""
        self._history.load(talk)
        self.changed.emit()
        self.moved.emit(self.at)

    # ---- changes

    def retitle(self, title: str) -> None:
        """Call the talk otherwise."""
        if title.strip():
            self._put(self.talk.model_copy(update={"title": title.strip()}))

    def add(self, cue: Cue) -> int:
        """Put a cue behind the one in front (at the end, where none is); returns its number."""
        number = self.at + 1 if self.at != NOWHERE else len(self.cues)
        self._change((*self.cues[:number], cue, *self.cues[number:]), number)
        return number

    def replace(self, number: int, cue: Cue) -> None:
        """Another cue in the place of one."""
        if self._has(number):
            self._change((*self.cues[:number], cue, *self.cues[number + 1 :]), self.at)

    def edit(self, number: int, **values: str | tuple[str, ...]) -> None:
        """Change the title, the notes or the stage of a cue."""
        if self._has(number):
            self.replace(number, Cue.read(self.cues[number].plain() | values))

    def delete(self, number: int) -> None:
        """Take a cue away; it comes back by undo."""
        if self._has(number):
            at = self.at - 1 if number <= self.at else self.at
            at = max(at, 0) if number == self.at and len(self.cues) > 1 else at
            self._change(self.cues[:number] + self.cues[number + 1 :], at)

    def duplicate(self, number: int) -> None:
        """The same cue once more, behind it."""
        if self._has(number):
            copy = self.cues[number].model_copy(update={"title": f"{self.cues[number].title} (copy)"})
            at = self.at + 1 if self.at > number else self.at
            self._change((*self.cues[: number + 1], copy, *self.cues[number + 1 :]), at)

    def move(self, number: int, to: int) -> None:
        """Put a cue at another place; the one in front stays in front."""
        if self._has(number) and self._has(to) and number != to:
            order = list(range(len(self.cues)))
            order.insert(to, order.pop(number))
            at = order.index(self.at) if self._has(self.at) else self.at
            self._change(tuple(self.cues[i] for i in order), at)

    def undo(self) -> None:
        """Take the last change back."""
        if self._history.undo():
            self._arrived(min(self.at, len(self.cues) - 1))

    def redo(self) -> None:
        """Make the change again."""
        if self._history.redo():
            self._arrived(min(self.at, len(self.cues) - 1))

    # ---- where one is

    def go(self, number: int) -> None:
        """A cue comes to the front; the window has shown it."""
        if self._has(number) and number != self.at:
            self.at = number
            self.moved.emit(number)

    def _has(self, number: int) -> bool:
        return 0 <= number < len(self.cues)

    def _change(self, cues: tuple[Cue, ...], at: int) -> None:
        self._put(self.talk.with_cues(cues), at)

    def _put(self, talk: Talk, at: int | None = None) -> None:
        if talk == self.talk:
            return
        if self.path is None:
            self.path = files.free_path(self.folder, talk.title)
        elif self.shipped:
            self.path = files.free_path(self.folder, self.path.stem)
            self.said.emit("info", f"This talk ships with the program; your changes are in a copy, {self.path.name}.")
        self._history.put(talk)
        self._arrived(self.at if at is None else at)

    def _arrived(self, at: int) -> None:
        moved, self.at = at != self.at, at
        self._save()
        self.changed.emit()
        if moved:
            self.moved.emit(at)

    def _save(self) -> None:
        words = files.write_talk(self.path, self.talk) if self.path is not None else ""
        if words and words != self._complained:  # once, not at every letter
            self.said.emit("warn", words)
        self._complained = words
