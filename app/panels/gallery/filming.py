"""The film of a training: the same noise drawn at every kept step, one sheet after another."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from app import export
from app.panel import Export, films
from app.widgets import film
from app.widgets.status import step_words
from app.widgets.transport import Transport
from gm_core import api

if TYPE_CHECKING:
    from app.panels.gallery import GalleryPanel

FPS = 8.0
MOST_STEPS = 60  # a film of more sheets takes long to collect and tells no more


class Filming:
    """Collects sheets over the kept steps and plays them. `on` says whether the film is what the gallery shows.

    It asks for one sheet at a time, so that training and other views go on between them.
    """

    def __init__(self, panel: GalleryPanel) -> None:
        self._panel = panel
        self.on = False
        self.sheets: list[tuple[int, np.ndarray]] = []
        self.todo: list[int] = []
        self.total = 0
        self._then: list[Callable[[], None]] = []
        self.transport = Transport(fps=FPS)
        self.transport.setAccessibleName("Film of the training")
        self.transport.hide()
        self.transport.index_changed.connect(self.show)

    @property
    def busy(self) -> bool:
        """Whether sheets are still to come."""
        return self.on and bool(self.todo)

    def begin(self) -> bool:
        """Start collecting, oldest step first; False where too few steps are kept."""
        panel = self._panel
        view = panel.desk.views.get(panel.run)
        kept = list(view.kept) if view is not None else []
        if len(kept) < 2:
            panel.say("A film needs at least two kept steps; train a little first.", "warn")
            return False
        if len(kept) > MOST_STEPS:
            kept = [kept[i] for i in np.linspace(0, len(kept) - 1, MOST_STEPS).round().astype(int)]
        self.on, self.sheets, self.todo, self.total = True, [], kept, len(kept)
        self.transport.set_count(0)
        self.transport.show()
        self.ask_next()
        return True

    def ask_next(self) -> None:
        """The next step, or the end: write what was waiting for it."""
        if not self.on:
            return
        if self.todo:
            self._panel.ask("film", self._panel.query(), step=self.todo.pop(0), at_once=True)
        else:
            waiting, self._then = self._then, []
            for write in waiting if self.sheets else ():
                write()
        self._panel.touch()

    def take(self, answer: api.Answered) -> None:
        """One more sheet."""
        if not self.on:
            return
        if isinstance(answer.frame, api.Sheet):
            at_end = self.transport.index() >= len(self.sheets) - 1
            if not self.sheets or self.sheets[-1][0] != answer.step:
                self.sheets.append((answer.step, answer.frame.items))
            self.transport.set_count(len(self.sheets))
            if at_end and not self.transport.playing():
                self.transport.set_index(len(self.sheets) - 1)
                self.show(len(self.sheets) - 1)
        if answer.last:
            self.ask_next()

    def halt(self) -> None:
        """Keep what has been collected and ask for no more."""
        self.todo, self._then = [], []
        if self.on:
            self._panel.cancel("film")
            self._panel.touch()

    def leave(self) -> None:
        """Back to the present."""
        self.halt()
        self.on, self.sheets = False, []
        self.transport.set_playing(False)
        self.transport.hide()

    def show(self, index: int) -> None:
        """Show one sheet of the film."""
        if 0 <= index < len(self.sheets):
            self._panel.mosaic.set_images(self.sheets[index][1])
            self._panel.touch()

    def words(self) -> str:
        """What the film shows, or how far it has come."""
        done = len(self.sheets)
        if self.todo or not done:
            return f"sheet {done} of {self.total}"
        step = self.sheets[min(self.transport.index(), done - 1)][0]
        return f"film of {done} kept steps  ·  {step_words(step)}"

    def exports(self) -> list[Export]:
        """The film in each format; one that is not collected yet is collected first and written then."""
        ready = films("Film of the training", self.frames, lambda: FPS, self._panel.settings_text)
        if self.on and self.sheets and not self.todo:
            return ready
        return [replace(one, write=self.write, gather=None) for one in ready]

    def frames(self) -> list[np.ndarray]:
        """The sheets with their steps under them."""
        return [film.captioned(film.sheet(items), step_words(step)) for step, items in self.sheets]

    def write(self, path: Path) -> None:
        """Write the film that is there, or collect it first and write it then."""
        panel = self._panel
        if self.on and self.sheets and not self.todo:
            export.save_animation(self.frames(), path, fps=FPS, settings=panel.settings_text())
            return

        def later() -> None:
            try:
                self.write(path)
            except (OSError, ValueError) as problem:
                panel.say(str(problem), "error")
            else:
                panel.say(f"The film is saved as {path.name}.")

        panel.reel.setChecked(True)
        if self.on:
            self._then.append(later)
            panel.say("The film is written as soon as its sheets are drawn.")
