"""How fillings come to be: drawn from noise, rolled anew from a pixel on, and taken back."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.panels.sites.filling import Filling, begin, of_examples
from gm_core import api

if TYPE_CHECKING:
    from app.panels.sites import SitesPanel

FRAMES = 400
"""Portions in which pixels are sent: of 784 each by itself, of thousands a few together."""
MOST_UNDO = 30


@dataclass(frozen=True)
class Aim:
    """What the filling on its way is for: all examples from noise, or what comes after a rank.

    `row` -1 is all examples; `base` is the filling whose beginning is kept, already cut off. `start` is the site at
    which playing begins when the first frame comes; -1 stays where the picture is.
    """

    row: int = -1
    base: Filling | None = None
    start: int = 0


class Rolling:
    """Owns the filling in front, `film`, and the one that is on its way to take its place, `coming`."""

    def __init__(self, panel: SitesPanel) -> None:
        self._panel = panel
        self.film: Filling | None = None
        self.coming: Filling | None = None
        self.past: list[tuple[Filling, int, int]] = []
        self.rolls = 0
        self.number = self.total = 0
        self.done_at = 0.0
        self._aim = Aim()
        self._began = 0.0
        self.busy = False

    # asking

    def fill(self, start: int = 0) -> None:
        """Draw all examples from noise; -1 keeps the place where the picture stands."""
        panel = self._panel
        self.past.clear()
        self.rolls = 0
        self._aim = Aim(start=start)
        self._ask(api.FillQuery(
            seed=panel.seed_value, n=panel.controls.examples(), y=panel.controls.y(),
            temperature=panel.controls.temperature(), order=panel.controls.order_name(), frames=FRAMES,
        ))  # fmt: skip

    def roll(self, site: int, value: int | None = None, everywhere: bool = False) -> bool:
        """Draw anew from a site on, or what comes after it once it has that value; whether it can be done."""
        panel, film = self._panel, self.film
        if film is None or not 0 <= site < film.sites or int(film.ranks[site]) > film.reached:
            return False
        row, rank = panel.row, int(film.ranks[site]) + (value is not None)
        n = panel.controls.examples() if everywhere else 1
        self._keep()
        self.rolls += 1
        base = film.from_rank(
            rank, row, site if value is not None else -1, value or 0, n if everywhere else 0
        )  # fmt: skip
        base.real = False
        given = base.picture(0 if everywhere else row)
        self._aim = Aim(-1 if everywhere else row, base, rank)
        if rank >= film.sites:  # the last pixel of all: nothing comes after it
            self.cancel()
            base.done = True
            self.film = base
            panel.film_changed(rank, play=False)
            return True
        self._ask(api.FillQuery(
            seed=panel.seed_value + 7919 * self.rolls, n=n, y=panel.controls.y() if panel.controls.y() is not None
            else panel.inquiry.y(), temperature=panel.controls.temperature(), order=panel.controls.order_name(),
            given=given, draw_from=rank, frames=FRAMES,
        ))  # fmt: skip
        return True

    def _ask(self, query: api.FillQuery) -> None:
        self.busy, self.number, self.total = True, 0, 0
        self._panel.ask("fill", query, at_once=True)
        self._panel.touch()

    def _keep(self) -> None:
        assert self.film is not None
        self.past = [*self.past[-MOST_UNDO + 1 :], (self.film, self._panel.row, self._panel.place)]

    def undo(self) -> bool:
        """Back to what was there before the last roll."""
        if not self.past:
            return False
        self.cancel()
        self.film, row, place = self.past.pop()
        self.film.done = True
        self._panel.row = min(row, self.film.count - 1)
        self._panel.film_changed(place, play=False)
        return True

    def cancel(self) -> None:
        """Give up what is on its way; what came of it stays."""
        if self.busy:
            self._panel.cancel("fill")
        self.coming, self.busy = None, False
        if self.film is not None:
            self.film.done = True

    def show_real(self, found: api.ExamplesFrame, like: Filling) -> None:
        """Real examples in place of drawn ones."""
        self.cancel()
        self.past.clear()
        self.film = of_examples(found, like)
        self._panel.row = min(self._panel.row, self.film.count - 1)
        self._panel.film_changed(self.film.sites, play=False)

    def forget(self) -> None:
        """Another run."""
        self.film = self.coming = None
        self.past.clear()
        self.busy = False

    # hearing

    def hear(self, answer: api.Answered, card: api.DataCard) -> None:
        """One more portion of pixels."""
        frame = answer.frame
        if isinstance(frame, api.Filled):
            if frame.start is not None:
                self._first(frame, card, answer.step)
            elif self.coming is not None or self.film is not None:
                target = self.coming if self.coming is not None else self.film
                assert target is not None
                target.take(frame, self._aim.row if self._aim.row >= 0 else None)
            self.number, self.total = frame.number, frame.total
        if self.coming is not None and (answer.last or self.coming.reached >= self._panel.place):
            self.film, self.coming = self.coming, None
            self._panel.film_changed(self._panel.place, play=None)
        if answer.last and self.film is not None:
            self.film.done, self.busy = True, False
            self.done_at = time.monotonic()
            self._panel.film_ended()
        self._panel.touch()

    def _first(self, frame: api.Filled, card: api.DataCard, step: int) -> None:
        """A new filling begins: at once in front where it is to be watched, else behind until it has come as far."""
        aim = self._aim
        self._began = time.monotonic()
        if aim.base is None:
            made = begin(frame, card, step)
        else:
            base = aim.base
            made = base.from_rank(base.reached, max(aim.row, 0))
            made.step = step
        if aim.start >= 0 or self.film is None:
            self.film, self.coming = made, None
            self._aim = Aim(aim.row, aim.base, -1)  # asked again by the desk, it takes its place unseen
            self._panel.row = min(self._panel.row, made.count - 1)
            self._panel.film_changed(max(aim.start, 0), play=True)
        else:
            self.coming = made

    def rate(self) -> float:
        """Pixels per second that come at the moment; without end where none are waited for."""
        spent = time.monotonic() - self._began
        if not self.busy or self.film is None or spent < 0.3:
            return math.inf
        return self.number / self.film.channels / spent

    def words(self) -> str:
        """How far the drawing has come and how long it will take: 'pixel 300 of 784, about 4 s left'."""
        if not self.busy or not self.total:
            return "drawing" if self.busy else ""
        film = self.coming if self.coming is not None else self.film
        c = film.channels if film is not None else 1
        done = f"pixel {self.number // c:,} of {-(-self.total // c):,}"
        spent = time.monotonic() - self._began
        if self.number < 2 or spent < 0.3:
            return done
        left = spent / self.number * (self.total - self.number)
        return f"{done}, {seconds_words(left)} left"


def seconds_words(left: float) -> str:
    """A time that is still to wait, in words."""
    if left < 1:
        return "less than 1 s"
    return f"about {left:.0f} s" if left < 100 else f"about {left / 60:.0f} min"
