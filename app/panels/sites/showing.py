"""What the pixel-by-pixel viewer draws: pictures, overlays, the distribution of a pixel, and the words about them."""

from __future__ import annotations

from typing import Any

import numpy as np
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QWidget

from app.panels.sites import overlays
from app.panels.sites.canvas import absent
from app.panels.sites.filling import Filling, Screen, level
from app.panels.sites.parts import Parts

COLOURS = ("red", "green", "blue")


class Showing(Parts):
    """Draws what the panel below holds: its `film` at `place`, example `row`."""

    film: Filling | None
    place: int
    row: int
    channel: int
    seed_value: int
    rolling: Any
    inquiry: Any

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._screen = Screen()
        self._drawn: tuple[object, ...] = ()

    def redraw(self) -> None:
        """What has changed since: pictures, overlay, the distribution, the words."""
        film = self.film
        if film is None or self.card is None:
            self.describe()
            return
        self.row = min(self.row, film.count - 1)
        shown = (film, self.place, self.row, absent())
        if shown != self._drawn:
            rgba = self._screen.show(film, self.place)
            ground = np.array(QColor(absent()).getRgb()[:3], np.uint8)
            self.sheet.set_images(np.where(rgba[..., 3:] > 0, rgba[..., :3], ground), self._names(film))
            self.sheet.set_selected(self.row)
            self.canvas.set_picture(rgba[self.row])
            self.canvas.set_marks(frozenset(s % film.pixels for r, s in film.marks if r == self.row))
            done = self.place >= film.sites
            self.canvas.set_head(-1 if done or not self.place else int(film.order[self.place - 1]) % film.pixels)
            self._drawn = shown
        overlay = self.controls.shown_overlay()
        if overlay in ("log_prob", "entropy"):
            self.inquiry.complete_maps()
        self.inquiry.guess_class()
        bars = self.inquiry.bars
        layer = overlays.layer(overlay, film, self.row, self.place, self.levels(), bars)
        self.canvas.set_overlay(None if layer is None else layer.rgba)
        seen = overlays.field_of(film, bars) if overlay == "field" and bars is not None else None
        self.canvas.set_field(seen)
        ranks = film.ranks.reshape(film.shape)[0] // film.channels + 1 if overlay == "order" else None
        self.canvas.set_numbers(ranks)
        if self.legend.isHidden() != (layer is None):
            self.legend.set_layer(layer, seen is not None)
            self.refit()
        self.legend.set_layer(layer, seen is not None)
        self.canvas.set_pixel(self.inquiry.site % film.pixels if self.inquiry.site >= 0 else -1)
        self.show_bars()
        self.describe()

    def _names(self, film: Filling) -> list[str] | None:
        if not film.labels or self.card is None or not self.card.data.classes:
            return None
        return [self.card.data.classes[y] if 0 <= y < len(self.card.data.classes) else "" for y in film.labels]

    def levels(self) -> int:
        """Levels of a pixel."""
        return max(self.card.data.levels, 2) if self.card is not None else 2

    def describe(self) -> None:
        """The line at the bottom."""
        film, rolling = self.film, self.rolling
        self.undo_button.setEnabled(bool(rolling.past))
        if self.card is None:
            return
        if film is not None:
            self.player.set_caption(f"{self.place // film.channels:,} / {film.pixels:,} pixels")
        self.status.set_progress(rolling.number, max(rolling.total, 1) if rolling.busy else 0)
        words = [self.step_words(film.step if film is not None else None, stays=True)]
        words += ["real examples"] if film is not None and film.real else [f"seed {self.seed_value}"]
        if rolling.words():
            words.append(rolling.words())
        elif film is not None and film.reached < film.sites:
            words.append(f"stopped at pixel {film.units():,} of {film.pixels:,}")
        self.status.tell(*words)
        total = float("nan")
        if film is not None and self.place:
            total = float(film.log_probs[self.row, film.order[: self.place]].astype(float).sum())
        self.status.set_side(f"log p {total:,.1f} nats" if np.isfinite(total) else "")

    def show_bars(self) -> None:
        """The distribution of the site looked at, and what is to be said of it."""
        film, inquiry = self.film, self.inquiry
        assert film is not None
        site, bars = inquiry.site, inquiry.bars
        for button in self.channels:
            button.setVisible(film.channels == 3)
        self.roll_button.setEnabled(site >= 0 and inquiry.tellable(film, site))
        if site < 0:
            self.bars.set_bars(None)
            self.bars.set_empty("", "Point at a pixel to see its distribution.")
            self.facts.setText("")
            return
        where = self.words_of(site)
        if not inquiry.tellable(film, site):
            self.bars.set_bars(None)
            self.bars.set_empty("Not drawn yet", "Its distribution is known once every pixel before it is there.")
            self.facts.setText(where)
            return
        if bars is None or bars.site != site:
            self.bars.set_empty("", "Asking the model...")
            self.bars.set_stale(True)
            self.facts.setText(where)
            return
        drawn = self.level_of(site)
        self.bars.set_bars(bars.probabilities, drawn, bars.continuous)
        words = f"entropy {bars.entropy:.2f}"
        words += f"  ·  log p {round(bars.log_prob, 2) + 0.0:.2f} nats" if drawn >= 0 else " nats"
        seen, past = int(bars.support.sum()), int(film.ranks[site])
        sees = f"sees {seen:,} of {past:,} before it" if seen else "sees no other pixel"
        y, card = inquiry.y(), self.card
        if y is not None and card is not None and y < len(card.data.classes):
            sees += f"  ·  as class {card.data.classes[y]}"
        self.facts.setText(f"{where}<br>{words}<br>{sees}")

    def words_of(self, site: int) -> str:
        """Where a site is and when it comes."""
        film = self.film
        if film is None or site < 0:
            return ""
        channel, pixel = divmod(site, film.pixels)
        row, column = divmod(pixel, film.shape[2])
        colour = f", {COLOURS[channel]}" if film.channels == 3 else ""
        turn = int(film.ranks[site]) // film.channels + 1
        return f"row {row + 1}, column {column + 1}{colour}  ·  pixel {turn:,} of {film.pixels:,}"

    def level_of(self, site: int) -> int:
        """The level that was drawn at a site of the example in front; -1 where none is."""
        film = self.film
        if film is None or site < 0 or int(film.ranks[site]) >= film.reached:
            return -1
        return level(int(film.values[self.row, site]), self.levels())

    def head(self) -> int:
        """The site that was drawn last in the picture shown, in the channel chosen; -1 where nothing is drawn."""
        film = self.film
        if film is None or not self.place:
            return -1
        return self.site_of(int(film.order[self.place - 1]) % film.pixels)

    def site_of(self, pixel: int) -> int:
        """The site of a pixel in the channel that is looked at."""
        film = self.film
        return -1 if film is None or pixel < 0 else min(self.channel, film.channels - 1) * film.pixels + pixel
