"""The timeline: snapshots at geometric steps within a memory budget, which make the past of a run live."""

from __future__ import annotations

import math
from bisect import bisect_left, insort

from gm_core.weights.snapshot import Snapshot

RATIO = 1.1


class Timeline:
    """Keeps snapshots by step. The next is due when the step has grown by a tenth; when the budget is spent, the
    one whose neighbours are closest (in the ratio of steps) is let go. Pinned ones, the first and the last stay."""

    def __init__(self, budget: int) -> None:
        self.budget = budget
        self._held: dict[int, Snapshot] = {}
        self._steps: list[int] = []
        self.pinned: set[int] = set()

    def due(self, step: int) -> bool:
        """Whether a snapshot should be taken after this many steps."""
        if not self._steps:
            return True
        last = self._steps[-1]
        return step >= max(last + 1, math.ceil(last * RATIO))

    def add(self, snapshot: Snapshot) -> None:
        """Keep a snapshot (replacing one of the same step), then let go of what the budget no longer holds."""
        if snapshot.step not in self._held:
            insort(self._steps, snapshot.step)
        self._held[snapshot.step] = snapshot
        while self.bytes > self.budget and self._drop_one():
            pass

    def _drop_one(self) -> bool:
        inner = [i for i in range(1, len(self._steps) - 1) if self._steps[i] not in self.pinned]
        if not inner:
            return False
        crowded = min(inner, key=lambda i: (self._steps[i + 1] + 1) / (self._steps[i - 1] + 1))
        del self._held[self._steps.pop(crowded)]
        return True

    def cut(self, after: int) -> None:
        """Forget every snapshot later than a step: that future has been abandoned."""
        self._steps = [step for step in self._steps if step <= after]
        self._held = {step: self._held[step] for step in self._steps}
        self.pinned &= set(self._steps)

    def pin(self, step: int, pinned: bool) -> None:
        """Keep a held step whatever the budget says, or no longer."""
        if pinned and step in self._held:
            self.pinned.add(step)
        elif not pinned:
            self.pinned.discard(step)

    def nearest(self, step: int) -> Snapshot | None:
        """The held snapshot closest to a step; the earlier one of two equally close."""
        if not self._steps:
            return None
        at = bisect_left(self._steps, step)
        near = self._steps[max(0, at - 1) : at + 1]
        return self._held[min(near, key=lambda s: abs(s - step))]

    def before(self, step: int) -> Snapshot | None:
        """The latest held snapshot at or before a step."""
        earlier = [s for s in self._steps if s <= step]
        return self._held[earlier[-1]] if earlier else None

    @property
    def steps(self) -> tuple[int, ...]:
        """The held steps in order."""
        return tuple(self._steps)

    @property
    def bytes(self) -> int:
        """Memory that all of them hold."""
        return sum(snapshot.bytes for snapshot in self._held.values())

    def __getitem__(self, step: int) -> Snapshot:
        return self._held[step]
