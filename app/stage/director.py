"""The director: the talk that is open, brought onto the window cue by cue, and what a speaker does while presenting."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, QTimer
from PySide6.QtWidgets import QFileDialog

from app.panel import Panel
from app.shell import theme
from app.stage import files, seeing, telling
from app.stage.cues import Cue
from app.stage.curtain import CueNumber, Curtain, Pointer
from app.stage.script import NOWHERE, Script

if TYPE_CHECKING:
    from app.shell.window import Window

AHEAD_MS = 400
"""After a cue, before the panels of the next one are made."""


@dataclass(frozen=True)
class Before:
    """The window as it was before the talk."""

    cue: Cue
    panels: dict[str, Any]
    form: dict[str, Any] | None


class Director(QObject):
    """Owns the script and brings its cues onto the window; panels wish through the script's signals."""

    def __init__(self, window: Window, folder: Path) -> None:
        super().__init__(window)
        self.window = window
        self.script = Script(folder, self)
        self.curtain = Curtain(window)
        self.number = CueNumber(window)
        self.pointer = Pointer()
        self._before: Before | None = None
        self._awaited: Cue | None = None
        self._theme = ""
        self._hints: list[str] = []
        self._ahead = QTimer(self)
        self._ahead.setSingleShot(True)
        self._ahead.setInterval(AHEAD_MS)
        self._ahead.timeout.connect(self._prepare)
        self.curtain.pressed.connect(self.curtain.lift)
        script = self.script
        script.said.connect(window.say)
        script.cue_wished.connect(self.go)
        script.add_wished.connect(self.add)
        script.update_wished.connect(self.update)
        script.changed.connect(window.actions_.refresh)
        window.desk.current_changed.connect(lambda _card: self._arrived())

    def attach(self, panel: Panel) -> None:
        """Give the panel of talks its script; all other panels know of none."""
        if panel.name == seeing.OWN:
            from app.panels.talk import TalkPanel

            assert isinstance(panel, TalkPanel)
            panel.read(self.script)

    # ---- stepping

    @property
    def has_cues(self) -> bool:
        """Whether there is a cue to go to."""
        return bool(self.script.cues)

    @property
    def can_step(self) -> bool:
        """Whether one can go on: while no talk is open, the next cue is the first of the one that ships."""
        return self.has_cues or not self.script.is_open

    @property
    def in_talk(self) -> bool:
        """Whether a cue was shown, so that one can return to the window before it."""
        return self._before is not None

    def next(self) -> None:
        """The next cue; from a black screen, back to the one that is in front."""
        self._step(1)

    def previous(self) -> None:
        """The cue before."""
        self._step(-1)

    def _step(self, by: int) -> None:
        if self.curtain.down:
            self.curtain.lift()
            return
        if not self.script.is_open and by > 0:
            held = files.find_talks(files.shipped_folder())
            if not held or not self.script.open(held[0].path):
                return
        last, at = len(self.script.cues) - 1, self.script.at
        self.go(min(last, max(0, at + by)) if at != NOWHERE else 0)

    def go(self, number: int) -> None:
        """Bring a cue onto the window."""
        if not 0 <= number < len(self.script.cues):
            return
        self.curtain.lift()
        again = number == self.script.at and self.window.presenter.on
        if not again:  # at either end a further step must not undo what the speaker has moved
            self.script.go(number)  # first: a cue that fails must not hold up the one behind it
            self.apply(self.script.cues[number])
        if self.window.presenter.on:
            self.number.flash(self.script.place())

    def apply(self, cue: Cue) -> None:
        """The run in front, noise, settings, layout and step of a cue. No run is lost, and none stops training."""
        window, said = self.window, dict[str, str]()

        def tell(level: str, words: str) -> None:
            said.setdefault(words, level)

        if self._before is None:
            self._before = self._look()
        self._awaited = None
        if not window.presenter.on:
            window.reader.stop()
        telling.missing(window, cue, tell)
        there = telling.bring_front(window, cue.front, telling.needs_of(window, cue), tell)
        if window.desk.seed != cue.seed:
            window.desk.seed = cue.seed
            window.desk.same_noise()
        renewed = telling.bring_panels(window, cue.panels, tell)
        telling.arrange(window, cue, window.presenter.on)
        for name in renewed:
            if seeing.is_seen(window.docks.all[name]):
                window.docks.show(name)
        if there:
            telling.bring_step(window, cue, tell)
        else:
            self._awaited = cue  # its run is being opened; the rest follows when it is there
        self._dress(cue)
        if window.presenter.on:
            self._hold_focus()
        for words in self._hints:
            window.toasts.take_back(words)
        for words, level in said.items():
            window.say(level, words)
        self._hints = list(said)
        self._ahead.start()

    def _arrived(self) -> None:
        """The run that a cue waited for is in front."""
        cue, self._awaited = self._awaited, None
        if cue is not None:
            telling.arrange(self.window, cue, self.window.presenter.on)
            telling.bring_step(self.window, cue, self.window.say)

    def _hold_focus(self) -> None:
        focus = self.window.focusWidget()
        if focus is None or not focus.isVisible():
            self.window.setFocus()

    def _dress(self, cue: Cue) -> None:
        wished = cue.theme if self.window.presenter.on else ""
        if wished != self._theme:
            self._theme = wished
            theme.apply(theme.application(), wished or self.window.settings.theme)

    def _prepare(self) -> None:
        """Make one panel of the next cue that the audience does not see now; the next one after a moment."""
        window, at = self.window, self.script.at
        if not window.presenter.on or at == NOWHERE or at + 1 >= len(self.script.cues):
            return
        cue = self.script.cues[at + 1]
        for name in telling.on_stage(window, cue):
            dock = window.docks.all[name]
            given = {name: cue.panels[name]} if name in cue.panels else {}
            if not dock.isHidden():
                telling.foresee(dock, given)
                continue
            telling.bring_panels(window, given, lambda *_: None)
            if dock.panel is None:
                window.docks.make(dock)
                self._ahead.start()
                return

    # ---- presenting

    def present(self) -> bool:
        """The window presents from now on; whether a cue says what is seen."""
        if not self.has_cues:
            return False
        if self.script.at == NOWHERE:
            self.go(0)
        else:
            cue = self.script.cues[self.script.at]
            telling.arrange(self.window, cue, True)
            self._dress(cue)
            self.number.flash(self.script.place())
        return True

    def unpresent(self) -> None:
        """The window is itself again: no black screen, no dot, and colours of its own."""
        self.curtain.lift()
        self.number.clear()
        self.pointer.stop()
        if self._theme:
            self._theme = ""
            theme.apply(theme.application(), self.window.settings.theme)

    def resettle(self) -> None:
        """The window has its own layout again: the panels of the cue come to the top."""
        if self.script.at != NOWHERE:
            self.window.reader.stop()
            telling.arrange(self.window, self.script.cues[self.script.at], False)

    def blank(self) -> None:
        """The screen black, or back."""
        if self.curtain.down:
            self.curtain.lift()
        elif self.window.presenter.on:
            self.number.clear()
            self.curtain.drop()

    # ---- the talk

    def add(self) -> None:
        """One more cue: the window as it is."""
        number = self.script.add(seeing.capture(self.window))
        self.script.go(number)
        self.window.say("info", f"Added as cue {number + 1}: {self.script.cues[number].title}.")

    def update(self, number: int) -> None:
        """The window as it is, in the place of a cue; its title, its notes and what is on stage stay."""
        if 0 <= number < len(self.script.cues):
            old = self.script.cues[number]
            now = seeing.capture(self.window, old.title, old.notes)
            stage = now.stage or tuple(name for name in old.stage if name in now.shown)
            self.script.replace(number, now.model_copy(update={"stage": stage, "theme": old.theme}))
            self.script.go(number)

    def open_talk(self) -> None:
        """Ask which talk, beginning with those of one's own."""
        folder = self.script.folder if self.script.folder.is_dir() else files.shipped_folder()
        dialog = QFileDialog(self.window, "Open a talk", str(folder), f"Talks (*{files.ENDING})")
        dialog.setSidebarUrls([*dialog.sidebarUrls(), *_places(self.script.folder)])
        dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
        dialog.fileSelected.connect(lambda path: self.open(Path(path)))
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    def open(self, path: Path) -> bool:
        """Open a talk and show its cues."""
        opened = self.script.open(path)
        if opened:
            self.window.docks.show(seeing.OWN)
        return opened

    def new(self) -> None:
        """Begin a talk."""
        self.script.new()
        self.window.docks.show(seeing.OWN)

    def leave(self) -> None:
        """The window as it was before the first cue: layout, settings, run in front, form. The talk stays open."""
        before, self._before = self._before, None
        if before is None:
            return
        self.window.presenter.stop()
        self.script.at = NOWHERE
        self.script.moved.emit(NOWHERE)
        self.apply(before.cue)
        self._before = None
        known = [n for n in before.panels | self.window.settings.panels if n in self.window.docks.all]
        unseen = {n: before.panels.get(n, {}) for n in known if n not in before.cue.panels}
        telling.bring_panels(self.window, unseen, lambda *_: None)
        if before.form is not None:
            self.window.experiment.plan(before.form)

    def _look(self) -> Before:
        experiment = self.window.experiment
        form = experiment.form.spec() if experiment.planning else None
        return Before(seeing.capture(self.window, "Before the talk"), dict(self.window.settings.panels), form)


def _places(folder: Path) -> list[Any]:
    from PySide6.QtCore import QUrl

    return [QUrl.fromLocalFile(str(place)) for place in (folder, files.shipped_folder()) if place.is_dir()]
