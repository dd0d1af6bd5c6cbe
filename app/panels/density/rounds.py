"""Rounds: every kind of examples is scored at one and the same step, so that histograms can be compared.

A density may take seconds to compute, and a model that trains is another one by then. So all kinds are asked at a step
that is kept, and what is shown changes only when all of them have come.
"""

from __future__ import annotations

from collections.abc import Iterable

from app.bridge.resting import Rest
from gm_core import api


class Rounds:
    """What is asked, what has come, and what is shown: `scores` by kind, all of `step` (None: nothing has come)."""

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """Another run: nothing was asked, nothing is shown."""
        self.asked: int | None = None
        self.step: int | None = None
        self.scores: dict[str, api.LogProbs] = {}
        self._wanted: set[str] = set()
        self._come: dict[str, api.LogProbs] = {}
        self._found: int | None = None
        self._held = False
        self.rest = Rest()

    def begin(self, step: int | None, kinds: Iterable[str]) -> None:
        """Ask for these kinds at a step (None: the present); what is shown stays until all have come."""
        self.asked, self._wanted, self._come, self.rest = step, set(kinds), {}, Rest()
        self._held = bool(self.scores)

    def add(self, kind: str) -> None:
        """One kind more in this round."""
        self._wanted.add(kind)

    def drop(self, kind: str) -> None:
        """One kind less."""
        self._wanted.discard(kind)
        self._come.pop(kind, None)
        self.scores.pop(kind, None)
        self._show()

    def take(self, kind: str, frame: api.LogProbs, step: int) -> None:
        """Scores of one kind of examples, perhaps not of all of them yet."""
        old = self._come.get(kind)
        if kind not in self._wanted or (old is not None and frame.done < old.done):
            return  # asked once more: the whole ones stay until it has caught up
        self._come[kind], self._found = frame, step
        self._show()

    def due(self, step: int | None, now: float, hurry: bool) -> bool:
        """Whether the next round can be asked at a step: it is a newer one, all of this round has come and had its
        rest; in a `hurry` (nothing trains) it needs none."""
        return self.whole and step != self.asked and (hurry or self.rest.over(now))

    @property
    def whole(self) -> bool:
        """Whether every kind has come to its end."""
        found = [self._come.get(kind) for kind in self._wanted]
        return bool(found) and all(frame is not None and frame.done >= frame.total for frame in found)

    def _show(self) -> None:
        if not self._held or self.whole:
            self._held = False
            self.step, self.scores = self._found, dict(self._come)
