"""Runs on their way: data that take long to read come in portions, so that the worker hears everything meanwhile."""

from __future__ import annotations

from collections.abc import Callable

from gm_core.data.registry import prepare_data
from gm_core.engine.outbox import Outbox
from gm_core.protocol.events import Progress
from gm_core.spec import RunSpec

TOPIC = "Start"


class Birth:
    """A run that was wished for and whose data are not all read yet."""

    def __init__(self, spec: RunSpec, paused: bool) -> None:
        self.spec, self.paused = spec, paused
        self._portions = prepare_data(spec.data)
        self._progress: Progress | None = None

    def advance(self) -> bool:
        """Read one portion; False when nothing is left to read. Raises as making the data does."""
        for view in self._portions:
            if view is not None:
                words = f"reading {view.done:,} of {view.total:,} files"
                self._progress = Progress(TOPIC, view.done, view.total, words)
            return True
        return False

    def progress(self) -> Progress | None:
        """How far reading is, once for each time that it has moved on far enough to be told."""
        told, self._progress = self._progress, None
        return told

    def close(self) -> None:
        """Give up; what was read is kept for the next one."""
        self._portions.close()


class Births:
    """All runs on their way, the oldest first."""

    def __init__(self) -> None:
        self._waiting: list[Birth] = []

    def add(self, wished: Birth) -> None:
        """One more; the same wish made twice, by an impatient hand, is one."""
        if all(other.spec != wished.spec for other in self._waiting):
            self._waiting.append(wished)

    def advance(self, outbox: Outbox, born: Callable[[Birth], None], failed: Callable[[Exception], None]) -> bool:
        """One portion for the oldest; once all is read it is `born`. False where there is none."""
        if not self._waiting:
            return False
        wished = self._waiting[0]
        try:
            if wished.advance():
                told = wished.progress()
                if told is not None:
                    outbox.latest(TOPIC, told)
                return True
            self._waiting.remove(wished)
            born(wished)
        except Exception as error:
            self._waiting = [other for other in self._waiting if other is not wished]
            failed(error)
        return True

    def drop(self) -> None:
        """Give up all of them."""
        while self._waiting:
            self._waiting.pop().close()
