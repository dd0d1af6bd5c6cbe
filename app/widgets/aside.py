"""Slow work beside the window: one thread, one piece after another, and the result back on the window's own thread."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from PySide6.QtCore import QObject, QTimer

LOOK_MS = 40


class Aside(QObject):
    """Runs work that touches no widget. `run(work, done)` calls `done(future)` on the thread of the window.

    No signal crosses threads: a timer looks whether the work is finished, and rests while there is none. What has been
    begun is finished even if the window is closed meanwhile. Getter: busy().
    """

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._pool: ThreadPoolExecutor | None = None
        self._waiting: list[tuple[Future[Any], Callable[[Future[Any]], None]]] = []
        self._timer = QTimer(self)
        self._timer.setInterval(LOOK_MS)
        self._timer.timeout.connect(self._look)

    def run(self, work: Callable[[], Any], done: Callable[[Future[Any]], None]) -> None:
        """Begin (or queue) a piece of work."""
        if self._pool is None:
            self._pool = ThreadPoolExecutor(1, thread_name_prefix="writing")
        self._waiting.append((self._pool.submit(work), done))
        self._timer.start()

    def busy(self) -> bool:
        """Whether something is still to come."""
        return bool(self._waiting)

    def _look(self) -> None:
        while self._waiting and self._waiting[0][0].done():
            future, done = self._waiting.pop(0)
            done(future)
        if not self._waiting:
            self._timer.stop()
