"""The latent explorer: move through the space of codes and see what the decoder makes of each."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
from PySide6.QtCore import QTimer
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QWidget

from app.panel import Export, Panel, PanelState
from app.panels.latent import parts, remembering, writing
from app.panels.latent.asking import Asking
from app.panels.latent.chart import Code
from app.panels.latent.layout import Arrangement
from app.panels.latent.pointing import Pointing
from app.panels.latent.remembering import LatentState
from app.panels.latent.survey import Survey
from app.widgets import film
from gm_core import api

SETTLE_MS = 220
MAP_REST = 0.4
"""Seconds between two drawings of the map; the picture of the code in front is never kept waiting."""
MAP_WAITS = 1.5
"""The same while a hand moves the code, for then the picture must follow it."""
HAND = 2.0
"""Seconds after which a slider that was moved may be sorted to another place."""


class LatentPanel(Panel):
    """Sliders, map and big picture around one code `z`, which all of them show and can change."""

    name = "latent"
    title = "Latent"
    icon = "layers"
    tip = "Drag a slider, the map or the picture and see what the decoder makes of the code."
    needs = frozenset({"latent"})
    slot = "right"
    order = 10
    alive_at_start = True
    State = LatentState

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.z: Code | None = None
        self.wished: tuple[float, ...] = ()
        self._decoded: np.ndarray | None = None
        self._shows: int | None = None
        self._held = -HAND
        self._map: api.LatentMap | None = None
        self._lattice: api.Lattice | None = None
        self._mapped = -MAP_WAITS
        self._settle = QTimer(self)
        self._settle.setSingleShot(True)
        self._settle.setInterval(SETTLE_MS)
        self._settle.timeout.connect(self._settled)
        self.asking = Asking(self)
        parts.build(self)
        self.pointing = Pointing(self)
        self.room = Arrangement(self)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Beside each other where there is room, else below each other."""
        super().resizeEvent(event)
        self.arrange()

    def pick_stop(self) -> None:
        """The code in front becomes a stop of the paths."""
        if self.z is not None:
            self.desk.pick_code(self.run, self.z)
            self.say("This code is a stop in Paths now; the first two that are picked become its ends.")

    def arrange(self) -> None:
        """Give each part its room."""
        self.room.arrange(self.width(), self.height())

    @property
    def survey(self) -> Survey | None:
        """The codes of real data, where the model has an encoder and has been asked."""
        return self.chart.survey

    @property
    def y(self) -> int | None:
        """The class to decode as, for models that learn p(x|z, y)."""
        if self.card is None or "classes" not in self.card.offers or self.classes.currentIndex() < 0:
            return None
        label = int(self.classes.currentData())
        return label if label >= 0 else None

    # ---- asking -----------------------------------------------------------------------------------------------

    def begin(self, card: api.RunCard) -> None:
        """Another run: its codes have another size and meaning, so begin at a code from its prior."""
        self.z = None
        self._map, self._lattice, self._mapped = None, None, -MAP_WAITS
        encoder = "encodes" in card.offers
        parts.fill_classes(self.classes, card)
        self.header.set_shown(self.classes, self.classes.count() > 0)
        self.chart.clear()
        self.chart.bar.set_model(encoder, card.data.kind == "images")
        self.sliding.clear()
        self.sliding.set_encoder(encoder)
        self.pointing.begin(card)
        self.asking.close_gallery()
        self.picture_view.mosaic.set_stale(self._decoded is not None)
        if card.data.kind == "points":
            self.picture_view.set_extent(*card.data.range)
        self.arrange()
        self.ask("decode", api.DecodeQuery(seed=self.desk.seed, y=self.y), follow=True)
        self.asking.map()
        self.asking.effects()

    def vanish(self) -> None:
        """No latent space in front."""
        self.z = self._decoded = None
        self.picture_view.set_items(None)
        self.status.set_text("")

    def card_changed(self, card: api.RunCard) -> None:
        """A newer step of the same run."""
        self.touch()

    def noise_moved(self, seed: int) -> None:
        """New noise: a new code from the prior."""
        self.draw_prior()

    def draw_prior(self) -> None:
        """A code drawn from the prior."""
        self.z = None
        seed = int(np.random.default_rng().integers(2**31))
        self.ask("decode", api.DecodeQuery(seed=seed, y=self.y), follow=True)

    def to_centre(self) -> None:
        """The middle of the prior."""
        if self.z is not None:
            self.move(np.array([row.track.default() for row in self.sliders.rows], np.float32))

    def move(self, z: Code, ask: bool = True) -> None:
        """Take a new code: every control shows it, and its picture is asked for."""
        self.z = np.asarray(z, np.float32).copy()
        self.wished = ()
        self.sliders.set_values(np.round(self.z, 3))
        self.take_code(ask)

    def hold(self) -> None:
        """A hand moves the code: nothing may jump under it, and the picture must follow it."""
        self._held = time.monotonic()

    def slid(self, values: Code) -> None:
        """A slider was moved."""
        self.hold()
        self.z = np.asarray(values, np.float32).copy()
        self.pointing.end_hover()
        self.take_code(True)

    def dragged_picture(self, dx: float, dy: float) -> None:
        """The picture was dragged: move in the plane of the two strongest dimensions."""
        if self.z is None:
            return
        first, second = self.sliders.strongest()
        z, span = self.z.copy(), self.sliding.span()
        z[first] += dx * span
        z[second] += dy * span * (second != first)
        self.hold()
        self.pointing.end_hover()
        self.move(z)

    def take_code(self, ask: bool) -> None:
        """Show the code in front on the map and ask for its picture; what is slow waits until the hand rests."""
        assert self.z is not None
        if not self.pointing.hovering:
            self.chart.set_code(self.z)
        if ask:
            self.ask("decode", api.DecodeQuery(z=self.z[None], y=self.y), follow=True)
        self.pointing.moved()
        self._settle.start()
        self.touch()

    def _settled(self) -> None:
        """The hand rests: look for the nearest training examples, and decode the lattice around the code."""
        if self.z is None or self.card is None:
            return
        self.pointing.search(self.z)
        self.asking.background()
        self.touch()

    def class_changed(self) -> None:
        """Decode as another class."""
        if self.z is not None:
            self.take_code(True)
            self.asking.effects()

    # ---- answers ----------------------------------------------------------------------------------------------

    def receive(self, purpose: str, answer: api.Answered) -> None:
        """Pictures of codes, the map, real examples."""
        match answer.frame:
            case api.Decoded() as frame if purpose == "decode":
                self._take_decoded(frame, answer.step)
            case api.LatentMap() as frame if np.isfinite(frame.mu).all():
                self._map = frame
            case api.Lattice() as frame:
                self._lattice = frame
            case api.Embedding() as frame:
                self.chart.set_embedding(frame)
            case api.Effects() as frame:
                self.sliding.set_effects(frame, self._steady())
                self.pointing.set_hint()
            case api.ExamplesFrame() as frame if purpose == "caught":
                self.caught.set_frame(frame)
            case _:
                self.pointing.receive(purpose, answer)
        self.touch()

    def _take_decoded(self, frame: api.Decoded, step: int) -> None:
        self._decoded, self._shows = frame.items, step
        if self.z is None or len(self.z) != frame.z.shape[1]:
            size = frame.z.shape[1]
            self.sliding.set_size(size)
            self.chart.set_size(size)
            self.arrange()
            self.pointing.set_hint()
            # A code remembered from another session is taken up if this run's codes have its size.
            remembered = len(self.wished) == size
            self.move(np.array(self.wished, np.float32) if remembered else frame.z[0], ask=remembered)
        self.show_decoded()

    def show_decoded(self) -> None:
        """The picture of the code in front, large and at the crosshair."""
        if self._decoded is None or self.z is None:
            return
        self.picture_view.set_items(self._decoded[:1])
        if not self.pointing.hovering and self._decoded.ndim == 4:
            self.pointing.show_here(self._decoded[0], self.z)

    def _steady(self) -> bool:
        """A hand on a slider must not see it jump to another place."""
        return time.monotonic() - self._held <= HAND

    def _take_map(self, frame: api.LatentMap) -> None:
        survey, first = Survey(frame), self.survey is None
        self.sliding.set_survey(survey, self._steady())
        if self.z is not None and len(self.z) == survey.size:
            self.sliders.set_values(np.round(self.z, 3))
            if first:
                self._settle.start()
            else:
                self.pointing.search_again(self.z)
        self.chart.set_survey(survey, self.card.data.classes if self.card is not None else ())
        self.pointing.set_hint()

    # ---- words, settings, export ------------------------------------------------------------------------------

    def _draw_map(self) -> None:
        """The newest lattice, then the newest map: not too often, and seldom while a hand moves the code."""
        if self._map is None and self._lattice is None:
            return
        now = time.monotonic()
        if now - self._mapped < (MAP_REST if now - self._held > MAP_REST else MAP_WAITS):
            self.touch()
            return
        self._mapped = now
        if self._map is not None:
            frame, self._map = self._map, None
            self._take_map(frame)
        if self._lattice is not None:
            lattice, self._lattice = self._lattice, None
            self.chart.set_lattice(lattice)

    def redraw(self) -> None:
        """The newest map, not too often, and the words under the picture and at the foot."""
        if self.card is None:
            return
        self._draw_map()
        words = [self.step_words(self._shows)]
        if self.survey is not None:
            used, size = int(self.survey.frame.active.sum()), self.survey.size
            words.append(f"{used} of {size} dimensions in use")
        words.append(self.chart.words())
        self.status.set_text("  ·  ".join(w for w in words if w))

    def state(self) -> LatentState:
        """What is mapped, how the sliders are sorted, and the code in front."""
        return remembering.state_of(self)

    def restore(self, state: PanelState) -> None:
        """What is mapped, how the sliders are sorted, and the code in front."""
        if isinstance(state, LatentState):
            remembering.restore(self, state)

    def shown(self) -> dict[str, Any]:
        """The step and the class that are really shown."""
        return {"shown_step": self._shows, "class": self.y}

    def picture(self) -> np.ndarray | QWidget:
        """The decoded picture; the panel where points are decoded."""
        shown = self.picture_view.image()
        return self if shown is None else film.enlarge(shown, 400)

    def exports(self) -> list[Export]:
        """The picture, the map, what was caught."""
        return writing.exports(self)
