"""The pixel-by-pixel viewer: how an autoregressive model draws, what it thinks at each pixel, and what if not."""

from __future__ import annotations

import time
from typing import Any, Literal

import numpy as np
from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QKeyEvent, QResizeEvent
from PySide6.QtWidgets import QWidget

from app.bridge.desk import Desk
from app.panel import Export, PanelState
from app.panels.sites import writing
from app.panels.sites.filling import Filling
from app.panels.sites.inquiry import Inquiry
from app.panels.sites.rolling import Rolling
from app.panels.sites.touching import Touching
from app.widgets import film as films
from gm_core import api

PAUSE = 6.0
MORE = 1.5
"""While it is only watched, examples are drawn anew after a pause of seconds, when this much more was trained."""
TELL = 0.5
"""Seconds between two looks at how far training is, for the line at the bottom."""
SLOW = 6
"""Pixels per second up to which the distribution of each newly drawn pixel is asked for while playing."""


class SitesState(PanelState):
    """What the viewer remembers."""

    count: int = api.param(16, "How many examples are drawn together.", lo=1, hi=100)
    overlay: Literal["none", "log_prob", "entropy", "order", "field"] = api.param("none", "What lies over the picture.")
    temperature: float = api.param(0.0, "Temperature; 0 takes the model's own.", lo=0.0, hi=5.0)
    pace: int = api.param(0, "Pixels per second; 0 suits the size of the picture.", lo=0, hi=10_000)
    loop: bool = api.param(False, "Begin again at the end.")


class SitesPanel(Touching):
    """Plays fillings. Every value that came is kept, so that the picture at any moment is exactly what was there."""

    name = "sites"
    title = "Pixel by pixel"
    icon = "grid"
    tip = "Watch an autoregressive model draw, ask it about each pixel, and change its mind."
    needs = frozenset({"sitewise", "images"})
    slot = "centre"
    order = 15
    alive_at_start = True
    State = SitesState

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.place = 0
        self.row = 0
        self.channel = 0
        self.pointed = False
        self.seed_value = 0
        self._following = True
        self._told_at = 0.0
        self._order_of: Filling | None = None
        self.rolling = Rolling(self)
        self.build()
        self.inquiry = Inquiry(self)
        self.connect_parts()

    @property
    def film(self) -> Filling | None:
        """The filling in front."""
        return self.rolling.film

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Leave out what finds no room."""
        super().resizeEvent(event)
        self.refit()
        films.fit_transport(self.player, self.width())

    def refit(self) -> None:
        """The shape of the pictures or of the panel is another."""
        film = self.film
        self.fit_parts(film.shape[2] / film.shape[1] if film is not None else 1.0)

    # ---- asking -----------------------------------------------------------------------------------------------

    def bind(self, desk: Desk) -> None:
        """Look now and then whether the model has learned something since."""
        super().bind(desk)
        desk.ticked.connect(self._renew)

    def begin(self, card: api.RunCard) -> None:
        """Another run: draw from it."""
        self.seed_value = self.desk.seed
        self.controls.seed.set_value(self.seed_value)
        self.controls.set_real(False)
        self.controls.offer_orders(())
        self.controls.fit_to(card, self.desk.catalogue)
        self.inquiry.forget()
        self.rolling.forget()
        self.place, self._order_of, self.pointed = 0, None, False
        self.show_nothing()
        self.draw_anew()

    def vanish(self) -> None:
        """Nothing that draws pixel by pixel."""
        self.rolling.forget()
        self.inquiry.forget()
        self.show_nothing()

    def card_changed(self, card: api.RunCard) -> None:
        """Training has gone on; the picture stays that of the step which it shows."""
        self.touch()

    def noise_moved(self, seed: int) -> None:
        """Draw from this noise."""
        self.seed_value = seed
        self.controls.seed.set_value(seed)
        if self.controls.real.isChecked():
            self.ask_real(True)
        else:
            self.draw_anew()

    def step_moved(self, step: int | None) -> None:
        """The same noise, drawn by other weights; the picture stays at its place until they have come as far."""
        if self.card is None:
            return
        if self.controls.real.isChecked():
            self.inquiry.new_weights()
            self.touch()
        else:
            self._following = step is None
            self.inquiry.guesses.clear()
            self.rolling.fill(start=-1)

    def draw_anew(self) -> None:
        """Draw all examples from the noise, and watch."""
        if self.card is None:
            return
        if self.controls.real.isChecked():
            self.controls.set_real(False)
            self.cancel("real")
        self._following = True
        self.inquiry.guesses.clear()
        self.rolling.fill()

    def ask_real(self, on: bool) -> None:
        """Real examples of the test set, or drawn ones again."""
        if self.card is None:
            return
        if not on:
            self.draw_anew()
            return
        query = api.ExamplesQuery(seed=self.seed_value, n=self.controls.examples(), split="test")
        self.ask("real", query, step=self.step_of_data())

    def _renew(self) -> None:
        """Say how far training is; while somebody only watches, draw again from the same noise when it has moved on."""
        card, film = self.card, self.film
        if card is not None and film is not None and self.isVisible() and time.monotonic() - self._told_at > TELL:
            self._told_at = time.monotonic()
            self.describe()
        if card is None or film is None or not self._following or not self.isVisible() or self.desk.now is not None:
            return
        resting = film.done and not self.player.playing() and not self.rolling.past and not film.real
        if not resting or film.step is None or self.popover.isVisible():
            return
        view = self.desk.views.get(card.run)
        learned = view is not None and view.last_step > film.step * MORE + 10
        ended = card.state != "training" and view is not None and view.last_step > film.step
        if (learned or ended) and time.monotonic() - self.rolling.done_at > PAUSE:
            self.draw_anew()

    # ---- answers ----------------------------------------------------------------------------------------------

    def receive(self, purpose: str, answer: api.Answered) -> None:
        """Pixels, or what was asked about them."""
        if self.card is None:
            return
        if purpose == "fill":
            self.rolling.hear(answer, self.card.data)
        elif purpose == "real":
            like = self._order_of
            if isinstance(answer.frame, api.ExamplesFrame) and like is not None and answer.frame.items.ndim == 4:
                self.rolling.show_real(answer.frame, like)
        else:
            self.inquiry.hear(purpose, answer.frame)

    def failed(self, purpose: str, trouble: api.Trouble) -> None:
        """Keep what is shown, and say why there is nothing newer."""
        if purpose == "fill":
            self.rolling.busy = False
            self.film_ended()
        self.status.warn(trouble.words)

    def film_changed(self, place: int, play: bool | None) -> None:
        """Another filling is in front, to be shown from a place on; `play` None goes on as before."""
        film = self.film
        if film is None:
            return
        self._order_of = film
        units = -(-film.sites // film.channels)
        self.controls.offer_orders(film.orders)
        self.player.set_count((film.units() if film.done else units) + 1)
        self.slider.set_count(self.player.count())
        self.player.suit(units)
        self.refit()
        if self.inquiry.site >= film.sites:
            self.inquiry.look_at(-1)
        if play:
            self.player.set_playing(False)
        self.stand(place)
        if play and not self.pointed:
            self.inquiry.look_at(-1)
        else:
            self.inquiry.renew()
        if play:
            self.player.set_playing(True)

    def film_ended(self) -> None:
        """No more pixels come: playing ends where they end."""
        film = self.film
        if film is not None:
            film.done = True
            self.player.set_count(film.units() + 1)
            self.slider.set_count(film.units() + 1)
            self.touch()

    # ---- where we are -----------------------------------------------------------------------------------------

    def stand(self, place: int) -> None:
        """Show the picture when `place` sites are there, or as many as have come."""
        film = self.film
        if film is None:
            return
        self.place = max(0, min(place, film.reached))
        unit = self.place // film.channels
        self.player.set_index(unit)
        self.slider.set_index(unit)
        self.touch()

    def go(self, unit: int) -> None:
        """Stand at so many pixels, and look at the newest of them."""
        film = self.film
        if film is None:
            return
        self.stand(film.place_of(unit))
        playing = self.player.playing()
        self.pointed = self.pointed and (playing or self.canvas.underMouse())
        if not self.pointed:
            slow = min(self.player.fps(), self.rolling.rate()) <= SLOW
            self.inquiry.look_at(self.head() if not playing or slow else -1)

    # ---- keys, settings and export ----------------------------------------------------------------------------

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Play and step by keys."""
        if not self.play_key(Qt.Key(event.key())):
            super().keyPressEvent(event)

    def changeEvent(self, event: QEvent) -> None:
        """Follow the theme."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange:
            self.touch()

    def state(self) -> SitesState:
        """Count, overlay, temperature, speed."""
        c = self.controls
        return SitesState(
            count=c.examples(), overlay=c.shown_overlay(), temperature=c.temperature(), pace=self.player.pace(),
            loop=self.player.loop(),
        )  # type: ignore[arg-type]  # fmt: skip

    def restore(self, state: PanelState) -> None:
        """Count, overlay, temperature, speed."""
        if isinstance(state, SitesState):
            self.controls.choose(self.controls.count, state.count)
            self.controls.choose(self.controls.overlay, state.overlay)
            if state.temperature:
                self.controls.heat.set_value(state.temperature)
            self.player.set_pace(state.pace)
            self.player.set_loop(state.loop)

    def shown(self) -> dict[str, Any]:
        """The noise, the step and the place that are really shown."""
        film = self.film
        return {"seed": self.seed_value, "shown_step": film.step if film is not None else None, "place": self.place,
                "example": self.row, "rolls": self.rolling.rolls, "class": self.controls.y()}  # fmt: skip

    def picture(self) -> np.ndarray:
        """The example with what lies over it and its legend."""
        shown = [films.grab(part) for part in (self.canvas, self.legend) if not part.isHidden()]
        return films.below(shown)

    def exports(self) -> list[Export]:
        """The view, the examples, the filling as a film, and the numbers."""
        return writing.exports(self)


