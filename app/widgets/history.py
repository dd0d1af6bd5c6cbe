"""A past that can be walked: what was, step by step, and what was taken back. Without Qt."""

from __future__ import annotations

from typing import Generic, TypeVar

MOST_UNDO = 100
T = TypeVar("T")


class History(Generic[T]):
    """One value with a past. What changes between `begin` and `end` is one step, however often it changed.

    Values are never changed in place; a subclass whose values cannot be compared by == says how (`same`).
    """

    def __init__(self, now: T) -> None:
        self.now = now
        self._past: list[T] = []
        self._future: list[T] = []
        self._before: T | None = None

    def same(self, one: T, other: T) -> bool:
        """Whether two values are alike, so that no step lies between them."""
        return one == other

    def begin(self) -> None:
        """A stroke or a drag begins."""
        self._before = self.now

    def end(self) -> bool:
        """The stroke ends; whether it changed anything."""
        before, self._before = self._before, None
        return before is not None and self._keep(before)

    def put(self, value: T) -> bool:
        """Another value: a part of the stroke that is underway, else a step of its own; whether it differs."""
        before, self.now = self.now, value
        return not self.same(before, value) if self._before is not None else self._keep(before)

    def load(self, value: T) -> None:
        """This value, without a past."""
        self.now, self._past, self._future, self._before = value, [], [], None

    def undo(self) -> bool:
        """One step back, if there is one."""
        if not self._past:
            return False
        self._future.append(self.now)
        self.now = self._past.pop()
        return True

    def redo(self) -> bool:
        """One step forward again, if there is one."""
        if not self._future:
            return False
        self._past.append(self.now)
        self.now = self._future.pop()
        return True

    @property
    def can_undo(self) -> bool:
        """Whether there is a step to take back."""
        return bool(self._past)

    @property
    def can_redo(self) -> bool:
        """Whether there is a step to take again."""
        return bool(self._future)

    def _keep(self, before: T) -> bool:
        if self.same(before, self.now):
            return False
        self._past = [*self._past[-MOST_UNDO + 1 :], before]
        self._future = []
        return True
