"""The sample gallery: what the model draws from fixed noise, so that sheets from different steps can be compared."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any, Literal

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtGui import QKeyEvent, QResizeEvent
from PySide6.QtWidgets import QComboBox, QVBoxLayout, QWidget

from app import export
from app.bridge.desk import Desk
from app.panel import Export, Panel, PanelState
from app.panels.gallery.classes import MOST_GUIDANCE, OWN, ClassPick
from app.panels.gallery.drawn import Drawn
from app.panels.gallery.filming import Filming
from app.widgets import film, kit
from app.widgets.folding import FoldingRow
from app.widgets.grid import GridMosaic
from app.widgets.number import NumberBox
from app.widgets.status import StatusLine
from gm_core import api

COUNTS = (16, 36, 64, 100)


class GalleryState(PanelState):
    """What the gallery remembers."""

    count: Literal["16", "36", "64", "100"] = api.param("64", "How many samples a sheet shows.")
    zoom: int = api.param(0, "Screen pixels per image pixel; 0 fits the sheet into the panel.", lo=0, hi=32)
    y: int = api.param(-1, "The class that is drawn; -1 draws from all.", lo=-1, hi=100_000)
    guidance: float = api.param(OWN, "Guidance towards the class; -1 is the model's own.", lo=-1.0, hi=MOST_GUIDANCE)


class GalleryPanel(Panel):
    """A sheet of samples that follows training; noise is fixed unless the user asks for other noise."""

    name = "gallery"
    title = "Samples"
    icon = "grid"
    tip = "What the model draws, always from the same noise, so that you see it learn."
    needs = frozenset({"samples"})
    slot = "centre"
    order = 10
    alive_at_start = True
    State = GalleryState

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._shown: tuple[int, np.ndarray] | None = None
        self._before: tuple[int, np.ndarray] | None = None
        self._seed, self._asked_at = 0, 0.0
        self._seconds = 0.0
        self._drawn, self._wished = Drawn(), True
        self._build()

    def _build(self) -> None:
        self.dice = kit.IconButton("dice", "New noise", "R")
        self.dice.clicked.connect(lambda: self.desk.new_noise())
        self.seed = NumberBox(0, 2**31 - 1, 0, integer=True, name="Seed of the noise", step=1)
        self.seed.set_room(64)
        self.seed.changed.connect(self._take_seed)
        self.lock = kit.IconButton("lock", "Keep the noise while training goes on", "N", checkable=True)
        self.lock.setChecked(True)
        self.lock.toggled.connect(lambda on: self.desk.lock_noise(on))
        self.count = QComboBox()
        self.count.addItems([str(n) for n in COUNTS])
        self.count.setCurrentText("64")
        self.count.setAccessibleName("Samples in a sheet")
        self.count.currentIndexChanged.connect(lambda _: self._ask())
        self.previous = kit.IconButton("eye", "Hold to see the sheet before this one", "\\")
        self.previous.pressed.connect(lambda: self._show_before(True))
        self.previous.released.connect(lambda: self._show_before(False))
        self.out = kit.IconButton("zoom-out", "Smaller pixels", "-")
        self.fit = kit.IconButton("zoom-fit", "Fit the sheet", "0")
        self.closer = kit.IconButton("zoom-in", "Larger pixels", "+")
        self.out.clicked.connect(lambda: self.mosaic.set_zoom(self.mosaic.zoom() - 1))
        self.fit.clicked.connect(lambda: self.mosaic.set_zoom(None))
        self.closer.clicked.connect(lambda: self.mosaic.set_zoom(self.mosaic.zoom() + 1))
        self.reel = kit.IconButton("film", "Film of the training: this sheet at every kept step", checkable=True)
        self.reel.toggled.connect(self._toggle_film)
        row = self.header = FoldingRow(self)
        row.add(self.dice, priority=9)
        row.add(self.seed, "seed", priority=5)
        row.add(self.lock, priority=8)
        row.add(self.count, "samples", priority=6)
        self.classes = ClassPick(row)
        self.classes.changed.connect(self._ask)
        row.add_space()
        for widget, priority in ((self.previous, 4), (self.out, 1), (self.fit, 3), (self.closer, 2), (self.reel, 7)):
            row.add(widget, priority=priority)
        self.mosaic = GridMosaic(self)
        self.mosaic.setAccessibleName("Samples")
        self.film = Filming(self)
        self.status = StatusLine(self)
        self.status.cancelled.connect(self._halt)
        box = QVBoxLayout(self)
        box.setContentsMargins(8, 6, 8, 4)
        box.setSpacing(6)
        box.addWidget(row)
        box.addWidget(self.mosaic, 1)
        box.addWidget(self.film.transport)
        box.addWidget(self.status)
        self.setMinimumSize(220, 180)
        self._say_empty()

    def bind(self, desk: Desk) -> None:
        """Listen for the tick too: without the lock each new sheet has noise of its own."""
        super().bind(desk)
        desk.ticked.connect(self._unlocked)
        self.seed.set_value(desk.seed)
        self.lock.setChecked(desk.noise_locked)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Leave out what finds no room."""
        super().resizeEvent(event)
        film.fit_transport(self.film.transport, self.width())

    # ---- asking -----------------------------------------------------------------------------------------------

    @property
    def _n(self) -> int:
        return int(self.count.currentText())

    def begin(self, card: api.RunCard) -> None:
        """Another run: forget the sheets of the old one as soon as the new one has drawn."""
        self._before = None
        self.reel.setChecked(False)
        self._seed = self.desk.seed
        self.seed.set_value(self._seed)
        self.mosaic.set_stale(self._shown is not None)
        self.classes.fit_to(card)
        self._say_empty()
        self._ask()

    def vanish(self) -> None:
        """Nothing to draw from."""
        self._shown = self._before = None
        self.mosaic.set_images(None)
        self._say_empty()
        self.status.set_text("")

    def noise_moved(self, seed: int) -> None:
        """Other noise, or the same once more."""
        self._seed = seed
        self.seed.set_value(seed)
        if self.lock.isChecked() != self.desk.noise_locked:
            self.lock.blockSignals(True)
            self.lock.setChecked(self.desk.noise_locked)
            self.lock.blockSignals(False)
        self.lock.set_icon("lock" if self.desk.noise_locked else "unlock")
        self._ask()

    def card_changed(self, card: api.RunCard) -> None:
        """Training went on or stopped."""
        self.touch()

    def step_moved(self, step: int | None) -> None:
        """The desk asks again by itself; a film gives way to the step that is wanted."""
        self.reel.setChecked(False)
        self.mosaic.set_stale(self._shown is not None)

    def _ask(self) -> None:
        if self.card is None or not self._drawable():
            return
        if self.film.on:
            self.film.begin()
            return
        self._asked_at = time.monotonic()
        self._wished = True
        self.ask("sheet", self.query(), follow=self.desk.noise_locked)

    def _halt(self) -> None:
        """Stop waiting: for the sheets of a film, or for a sheet that is drawn pixel by pixel."""
        self.film.halt()
        if self._drawn.busy:
            self.cancel("sheet")
            self._drawn = Drawn()
            self.touch()

    def query(self) -> api.SampleQuery:
        """The sheet that is wished: the same seed draws the same noise at every step."""
        return api.SampleQuery(self._seed, self._n, self.classes.label(), self.classes.guidance())

    def _take_seed(self, value: object) -> None:
        self.desk.seed = int(value)  # type: ignore[call-overload]
        self.desk.same_noise()

    def _unlocked(self) -> None:
        """Without the lock, ask for a sheet from other noise when training has moved on, twice a second at most."""
        card = self.card
        if card is None or self.desk.noise_locked or self.desk.now is not None or self.film.on:
            return
        if not self.isVisible():
            return
        view = self.desk.views.get(card.run)
        moved = view is not None and self._shown is not None and view.last_step != self._shown[0]
        if card.state == "training" and moved and time.monotonic() - self._asked_at > 0.5:
            self._seed += 1
            self.seed.set_value(self._seed)
            self._ask()

    def _drawable(self) -> bool:
        return self.card is not None and self.card.data.kind == "images"

    def _say_empty(self) -> None:
        if self.card is not None and not self._drawable():
            self.mosaic.set_images(None)
            self._shown = None
            self.mosaic.set_empty("Samples are points", "See them in the plane panel, beside the data they imitate.")
        else:
            self.mosaic.set_empty("No samples yet", "Press Train: the first sheet appears after a moment and sharpens.")

    # ---- answers ----------------------------------------------------------------------------------------------

    def receive(self, purpose: str, answer: api.Answered) -> None:
        """A sheet of the present or of the shared step, or one more for the film."""
        frame = answer.frame
        if isinstance(frame, api.Sheet) and frame.done < frame.total:
            self._take_part(frame, purpose)
        elif purpose == "film":
            self.film.take(answer)
        elif isinstance(frame, api.Sheet):
            self._drawn, self._wished = Drawn(), False
            self.show_frame(frame, answer.step)
            self._seconds = answer.seconds
            self.touch()

    def _take_part(self, frame: api.Sheet, purpose: str) -> None:
        """A sheet on its way. It is watched as it grows if a hand asked for it; one that only follows training comes
        when it is whole."""
        self._drawn = self._drawn.moved(frame.done, frame.total, time.monotonic())
        if purpose == "sheet" and frame.items.ndim == 4 and not self.film.on and (self._wished or self._shown is None):
            self.mosaic.set_images(frame.items)
        self.touch()

    def show_frame(self, frame: api.Sheet, step: int) -> None:
        """Show a sheet, from a run or from a recording."""
        if frame.items.ndim != 4:
            self.mosaic.set_images(None)
            return
        if self._shown is not None and self._shown[0] != step:
            self._before = self._shown
        self._shown = (step, frame.items)
        if not self.previous.isDown() and not self.film.on:
            self.mosaic.set_images(frame.items)
        self.touch()

    def failed(self, purpose: str, trouble: api.Trouble) -> None:
        """Keep what is shown; a step that a film cannot have is left out."""
        if purpose == "film":
            self.film.ask_next()
        else:
            self.status.warn(trouble.words)

    def redraw(self) -> None:
        """The line under the sheet."""
        if self._drawn.busy and not self.film.on:
            self.status.set_progress(self._drawn.done, self._drawn.total)
            self.status.set_text(self._drawn.words())
            self.status.set_side("")
            return
        left = len(self.film.todo)
        self.status.set_progress(self.film.total - left, self.film.total if self.film.busy else 0)
        if self.film.on:
            self.status.set_text(f"{self.film.words()}  ·  seed {self._seed}")
            self.status.set_side("")
            return
        if self._shown is None or self.card is None:
            return
        words = [self.step_words(self._shown[0]), f"{len(self._shown[1])} samples"]
        words.append(f"seed {self._seed}" if self.desk.noise_locked else "fresh noise each time")
        words.append(self.classes.words())
        self.status.tell(*words)
        self.status.set_side(f"{self._seconds * 1000:,.0f} ms" if self._seconds >= 0.001 else "")

    # ---- before and after -------------------------------------------------------------------------------------

    def _show_before(self, held: bool) -> None:
        sheet = self._before if held else self._shown
        if sheet is not None and not self.film.on:
            self.mosaic.set_images(sheet[1])
            if held:
                self.status.set_text(f"before: step {sheet[0]:,}")
            else:
                self.touch()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Holding the backslash shows the sheet before this one."""
        if event.key() == Qt.Key.Key_Backslash:
            if not event.isAutoRepeat():
                self._show_before(True)
        else:
            super().keyPressEvent(event)

    def keyReleaseEvent(self, event: QKeyEvent) -> None:
        """Back to the present sheet."""
        if event.key() == Qt.Key.Key_Backslash:
            if not event.isAutoRepeat():
                self._show_before(False)
        else:
            super().keyReleaseEvent(event)

    def _toggle_film(self, on: bool) -> None:
        if on:
            self.cancel("sheet")
            if not self._drawable() or not self.film.begin():
                self.reel.setChecked(False)
        elif self.film.on:
            self.film.leave()
            if self._shown is not None:
                self.mosaic.set_images(self._shown[1])
            self._ask()
            self.touch()

    # ---- settings and export ----------------------------------------------------------------------------------

    def state(self) -> GalleryState:
        """Count, zoom and class."""
        y, guidance = self.classes.choice()
        return GalleryState(
            count=self.count.currentText(),  # type: ignore[arg-type]
            zoom=self.mosaic._zoom or 0,
            y=y,
            guidance=guidance,
        )

    def restore(self, state: PanelState) -> None:
        """Count, zoom and class."""
        if isinstance(state, GalleryState):
            self.count.blockSignals(True)
            self.count.setCurrentText(state.count)
            self.count.blockSignals(False)
            self.mosaic.set_zoom(state.zoom or None)
            self.classes.set_choice(state.y, state.guidance)

    def shown(self) -> dict[str, Any]:
        """What this sheet really shows."""
        step = self._shown[0] if self._shown else None
        return {"seed": self._seed, "samples": self._n, "shown_step": step}

    def picture(self) -> np.ndarray | QWidget:
        """The sheet itself, without the panel around it."""
        shown = self.mosaic.image()
        return self if shown is None else film.enlarge(shown, 560)

    def exports(self) -> list[Export]:
        """The sheet, and the film of the training."""
        if self._shown is None:
            return []
        made = [Export("Sheet as PNG", ".png", self._write_sheet)]
        view = self.desk.views.get(self.run)
        if view is not None and len(view.kept) > 1:
            made += self.film.exports()
        return made

    def _write_sheet(self, path: Path) -> None:
        shown = self.mosaic.image()
        if shown is not None:
            export.export_png(film.enlarge(shown, 560), path, self.settings_text(), 1.0)
