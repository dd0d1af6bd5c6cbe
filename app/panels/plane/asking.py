"""What the plane asks: a query for each purpose, following from what is seen, and never twice the same."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from app.bridge.resting import Rest
from app.panels.plane.layers import COMPARED, FIELDS
from gm_core import api

DATA_POINTS = 2000
GRID = 112
MODEL_GRID, SLOW_GRID = 72, 52
"""A model's density costs a network evaluation at each place, or (the second) a hundred."""
DRAWS = 16
KERNELS = 2000
"""Samples from which a density is guessed where the model has none."""
MEASURED = 1000
ARROWS = 30
WIDER = 1.5
"""Grids reach beyond the box of the data, so that a wide panel has no bare margins."""
MEASURES = ("compare", "quality")


@dataclass(frozen=True)
class Wish:
    """One thing to ask: the query, whether it follows training, and whether it is of no step (the data's own)."""

    query: api.Query
    follow: bool = False
    timeless: bool = False


@dataclass(frozen=True)
class Look:
    """All that decides what is asked: the run's data and traits, the layers seen, and the settings."""

    data: api.DataCard
    traits: frozenset[str]
    seen: frozenset[str]
    kinds: tuple[str, ...]
    noise: float
    numbers: bool
    seed: int
    count: int
    locked: bool
    dated: bool
    """Whether the data were changed while the run trained, so that they and their truth are those of a step."""

    def box(self) -> tuple[float, float, float, float]:
        """The part of the plane that is asked for."""
        lo, hi = self.data.range
        middle, half = (lo + hi) / 2, (hi - lo) / 2 * WIDER
        return middle - half, middle + half, middle - half, middle + half

    def wishes(self) -> dict[str, Wish]:
        """What to ask, by purpose; what nobody sees is not among it."""
        box, seen = self.box(), self.seen
        found: dict[str, Wish] = {}
        if "samples" in seen:
            found["samples"] = Wish(api.SampleQuery(seed=self.seed, n=self.count), self.locked)
        if "data" in seen:
            found["data"] = Wish(api.ExamplesQuery(seed=0, n=DATA_POINTS, split="train"), timeless=not self.dated)
        if {"exact", "exact_score"} & seen:
            truth = api.TruthQuery(box=box, size=GRID, score_size=ARROWS, noise=self.noise)
            found["truth"] = Wish(truth, timeless=not self.dated)
        for key in FIELDS:
            if key in seen:
                own = not self.kinds or key == self.kinds[0]
                query = api.FieldQuery(box=box, size=ARROWS, noise=self.noise, kind="" if own else key)
                found[key] = Wish(query, follow=True)
        if COMPARED & seen or (self.numbers and "exact" in self.traits and self.traits & {"density", "samples"}):
            scores = self.traits >= {"field", "exact"} and bool({"score", "exact_score"} & seen)
            # The numbers alone are not worth a solver's time at each place of a grid: samples tell them as well.
            slow, drawn = "stepwise" in self.traits, bool(COMPARED & seen)
            compare = api.CompareQuery(
                box=box, size=SLOW_GRID if slow and drawn and "density" in self.traits else MODEL_GRID,
                noise=self.noise, n=KERNELS, draws=DRAWS, score=scores, kernel=slow and not drawn,
            )  # fmt: skip
            found["compare"] = Wish(compare, follow=drawn)
        if self.numbers and "samples" in self.traits:
            found["quality"] = Wish(api.QualityQuery(seed=self.seed, n=MEASURED, metrics=("mmd", "sliced")))
        return found


class Asking:
    """Keeps what was asked, so that only what is new is asked and what nobody sees is given up."""

    def __init__(self, ask: Callable[[str, Wish], object], cancel: Callable[[str], None]) -> None:
        self._ask, self._cancel = ask, cancel
        self.settled = False
        self._asked: dict[str, Wish] = {}
        self._rest, self._measured = Rest(), -1
        self._waits = 0
        self._open: set[str] = set()

    def clear(self) -> None:
        """Another run: nothing was asked of it, and its numbers wait until something is seen."""
        self._asked.clear()
        self._open.clear()
        self._rest, self._measured, self.settled, self._waits = Rest(), -1, False, 0

    def put(self, look: Look, again: tuple[str, ...] = ()) -> None:
        """Ask for what is seen and was not asked yet, or should be asked again."""
        wishes = look.wishes()
        for purpose in [purpose for purpose in self._asked if purpose not in wishes]:
            self._cancel(purpose)
            self._open.discard(purpose)
            del self._asked[purpose]
        for purpose, wish in wishes.items():
            if self._asked.get(purpose) != wish or purpose in again:
                self._asked[purpose] = wish
                self._open.add(purpose)
                self._ask(purpose, wish)

    def heard(self, purpose: str, answer: api.Answered, now: float) -> None:
        """An answer to the numbers: how long they have to rest."""
        self._open.discard(purpose)
        if purpose in MEASURES:
            self._rest.took(purpose, answer.seconds, now)

    def failed(self, purpose: str) -> None:
        """There is no answer, and none to wait for."""
        self._open.discard(purpose)

    def waited(self, times: int) -> bool:
        """Wait once more; whether that was often enough."""
        self._waits += 1
        return self._waits >= times

    def due(self, step: int, now: float, hurry: bool = False) -> bool:
        """Whether there is something newer to measure, and the last measure is there and has had its rest; in a `hurry`
        (nothing trains) it needs none.

        One that is still computed is not asked again: its successor would go first, and both would never come.
        """
        if step == self._measured or not (hurry or self._rest.over(now)) or self._open & set(MEASURES):
            return False
        self._measured = step
        return True

    def resting(self) -> tuple[str, ...]:
        """The numbers that must be asked for again; those that follow training by themselves are not among them."""
        return tuple(key for key in MEASURES if key in self._asked and not self._asked[key].follow)
