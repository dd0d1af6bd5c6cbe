"""What hands do with the stops: add, replace, move, remove, draw, drop."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtGui import QImage

from app.panels.interpolation import stops as st
from app.panels.interpolation.controls import StopControls
from app.panels.interpolation.editor import Editor
from app.panels.interpolation.stops import Place

if TYPE_CHECKING:
    from app.panels.interpolation import InterpolationPanel
    from gm_core import api

MOST_STOPS = 12


class StopList:
    """The stops of a panel and the controls that change them; after each change the panel asks anew."""

    def __init__(self, panel: InterpolationPanel) -> None:
        self._panel = panel
        self.places: list[Place] = []
        self.editor: Editor | None = None
        self.controls = StopControls()
        self.controls.added.connect(self.add)
        self.controls.again.connect(self.again)
        self.controls.removed.connect(self.remove)
        row = self.row = self.controls.stops
        row.moved.connect(self.move)
        row.chosen.connect(lambda _: self.refresh())
        row.opened.connect(self.open)
        row.dropped.connect(self.drop)

    @property
    def _card(self) -> api.RunCard | None:
        return self._panel.card

    def begin(self, card: api.RunCard) -> None:
        """Another run: keep the stops that it can take."""
        fits = st.fitting(self.places, card)
        self.places = fits if len(fits) >= 2 else st.usual(card)
        if self.editor is not None:
            self.editor.close()

    def fits(self, card: api.RunCard) -> bool:
        """Whether a run can take all of the stops."""
        return st.fitting(self.places, card) == self.places

    def refresh(self) -> None:
        """Grey what cannot be done."""
        self.controls.refresh(self._card, len(self.places))

    def show(self, frame: api.ComparedPaths | None, closed: bool) -> None:
        """The stops with their pictures, as far as they are known."""
        self.row.set_closed(closed)
        pictures = None
        if frame is not None and len(frame.stop_items) == len(self.places) and frame.stop_items.ndim == 4:
            both = zip(frame.originals, frame.stop_items, strict=True)
            pictures = np.stack([item if original is None else original for original, item in both])
        self.row.set_stops(self.places, pictures)

    def put(self, places: Sequence[Place], picked: int | None = None) -> None:
        """Other stops."""
        self.places = list(places)
        self.row.set_stops(self.places, None)
        if picked is not None:
            self.row.set_picked(picked)
        self.refresh()
        self._panel.ask_ways()

    def new_noise(self, seed: int) -> None:
        """Other draws in the place of those from the prior."""
        if any(place.kind == "prior" for place in self.places):
            self.put([replace(p, number=100 * seed + i) if p.kind == "prior" else p for i, p in enumerate(self.places)])

    def _fresh(self, kind: str, card: api.RunCard) -> Place:
        rng = np.random.default_rng()
        if kind == "prior":
            return Place("prior", int(rng.integers(2**31 - 1)))
        return Place("example", int(rng.integers(st.count_of(card))))

    def add(self, kind: str) -> None:
        """One more stop after the picked one."""
        card, at = self._card, self.row.picked() + 1
        if card is None:
            return
        if len(self.places) >= MOST_STOPS:
            self._panel.say(f"There are {MOST_STOPS} stops already; remove one first.", "warn")
        elif kind in ("prior", "example"):
            self.put([*self.places[:at], self._fresh(kind, card), *self.places[at:]], at)
        else:
            channels, height, width = card.data.shape
            blank = np.zeros((height, width, channels), np.uint8)
            self.put([*self.places[:at], Place("picture", picture=blank), *self.places[at:]], at)
            editor = self._open_editor(card, None)
            if kind == "open":
                editor.board.open()
            elif kind == "paste":
                editor.board.paste()

    def take(self, codes: Sequence[np.ndarray]) -> None:
        """Codes that were picked elsewhere: the first two become the ends, the others follow."""
        places = list(self.places)
        for code in codes:
            picked = Place("code", code=tuple(float(number) for number in code), run=self._panel.run)
            at = next((i for i, place in enumerate(places[:2]) if place.kind != "code"), len(places))
            if at < len(places):
                places[at] = picked
            elif len(places) < MOST_STOPS:
                places.append(picked)
            else:
                self._panel.say(f"There are {MOST_STOPS} stops already; remove one first.", "warn")
        if places != self.places:
            self.put(places, len(places) - 1)

    def again(self) -> None:
        """Another code or example in the place of the picked stop; a picture is opened instead."""
        at, card = self.row.picked(), self._card
        if card is None or at >= len(self.places):
            return
        if self.places[at].kind == "picture":
            self.open(at)
        else:
            fresh = self._fresh("example" if self.places[at].kind == "example" else "prior", card)
            self.put([fresh if i == at else place for i, place in enumerate(self.places)])

    def remove(self) -> None:
        """Take the picked stop away; two must stay."""
        at = self.row.picked()
        if len(self.places) > 2:
            self.put([p for i, p in enumerate(self.places) if i != at], min(at, len(self.places) - 2))
        else:
            self._panel.say("A path needs two stops; add another before this one goes.", "warn")

    def move(self, by: int) -> None:
        """The picked stop changes its place with its neighbour."""
        at, to = self.row.picked(), self.row.picked() + by
        if 0 <= to < len(self.places):
            places = list(self.places)
            places[at], places[to] = places[to], places[at]
            self.put(places, to)

    def open(self, at: int) -> None:
        """Draw on a stop: it becomes a picture with the first stroke."""
        card, found = self._card, self._panel.found()
        why = st.why_no_drawing(card)
        if card is None or why:
            self._panel.say(why, "warn")
            return
        picture = self.places[at].picture
        if picture is None and found is not None and at < len(found.originals):
            original = found.originals[at]
            picture = original if original is not None else found.stop_items[at]
        self._open_editor(card, picture)

    def _open_editor(self, card: api.RunCard, picture: np.ndarray | None) -> Editor:
        if self.editor is None:
            self.editor = Editor(self._panel)
            self.editor.drawn.connect(self._drawn)
            self.editor.refused.connect(lambda words: self._panel.say(words, "warn"))
        self.editor.begin(card.data.shape, picture)
        return self.editor

    def _drawn(self, picture: np.ndarray) -> None:
        at = self.row.picked()
        self.put([Place("picture", picture=picture) if i == at else p for i, p in enumerate(self.places)])

    def drop(self, what: object) -> None:
        """A picture that was dropped takes the place of the picked stop, and can be changed on the board."""
        self.open(self.row.picked())
        if self.editor is not None and self.editor.isVisible():
            if isinstance(what, QImage):
                self.editor.take(what)
            else:
                self.editor.board.load(str(what))
