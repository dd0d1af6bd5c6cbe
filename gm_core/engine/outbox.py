"""The outbox: where the worker leaves events and from which the window takes them, at its own pace."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable

from gm_core.protocol.events import Event


class Outbox:
    """Events from one thread to another. Facts are never lost; views of the present are latest-wins by topic."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._queue: deque[tuple[str, Event]] = deque()
        self._latest: dict[str, Event] = {}
        self.waiting = threading.Event()
        self._call: Callable[[], None] | None = None

    def announce(self, call: Callable[[], None]) -> None:
        """Call this, on the worker's thread, when the next event is left; once."""
        self._call = call

    def append(self, event: Event) -> None:
        """Leave an event that must arrive."""
        with self._lock:
            self._queue.append(("", event))
        self._tell()

    def latest(self, topic: str, event: Event) -> None:
        """Leave an event that replaces an earlier one of its topic that nobody has taken yet."""
        with self._lock:
            if topic not in self._latest:
                self._queue.append((topic, event))
            self._latest[topic] = event
        self._tell()

    def _tell(self) -> None:
        self.waiting.set()
        call, self._call = self._call, None
        if call is not None:
            call()

    def drain(self) -> list[Event]:
        """Take everything, in order of arrival."""
        with self._lock:
            taken = [self._latest.get(topic, event) if topic else event for topic, event in self._queue]
            self._queue.clear()
            self._latest.clear()
            self.waiting.clear()
        return taken
