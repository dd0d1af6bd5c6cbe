"""The pump: a timer that takes the engine's events to the desk, all of one tick at once: a tick is one redraw."""

from __future__ import annotations

import contextlib
import time
from typing import Any

from PySide6.QtCore import QObject, Qt, QTimer, Signal

from app.bridge.desk import Desk

INTERVAL_MS = 20
CALM_MS = 50
"""Between two ticks while nobody asks for anything: each tick takes the interpreter from the training thread."""
LIVELY = 1.0
"""So many seconds after something was asked for, ticks come as quickly as they can."""
EAGER = 0.3
"""So many seconds after such a move."""
SLOW = 0.5
"""While a tick takes more than this share of the interval, the next one waits longer, so that input is heard."""


class Pump(QObject):
    """Drains the engine fifty times a second while something is asked for, twenty times while one only watches.

    `late` is the longest time between two ticks since `forget()`. What is answered at once does not wait for a tick:
    `news` comes from the worker's thread.
    """

    news = Signal()

    def __init__(self, engine: Any, desk: Desk, parent: QObject | None = None, interval_ms: int = INTERVAL_MS) -> None:
        super().__init__(parent)
        self.engine, self.desk = engine, desk
        self.interval_ms = interval_ms
        self.ticks = 0
        self.last = time.monotonic()
        self.late = 0.0
        self._lively_until = self._eager_until = 0.0
        self._pressed = False
        self.timer = QTimer(self)
        self.timer.setTimerType(Qt.TimerType.PreciseTimer)
        self.timer.timeout.connect(self.tick)
        desk.asked.connect(self.hurry)
        desk.hurried.connect(self.press)
        self.news.connect(self._hear, Qt.ConnectionType.QueuedConnection)

    def start(self) -> None:
        """Begin to tick."""
        self.last = time.monotonic()
        self.timer.start(self.interval_ms)

    def stop(self) -> None:
        """Tick no more."""
        self.timer.stop()

    def hurry(self) -> None:
        """Something was asked for: the next tick comes soon, and so do those that bring the answer."""
        self._lively_until = time.monotonic() + LIVELY
        if self.timer.isActive() and self.timer.interval() > self.interval_ms + 4:
            self.timer.start(self.interval_ms)

    def press(self) -> None:
        """Something was asked for that is answered at once: it is sent now, and its answer does not wait for a tick."""
        self._eager_until = time.monotonic() + EAGER
        if self.timer.isActive() and not self._pressed:
            self._pressed = True
            QTimer.singleShot(0, self, self._send)

    def _send(self) -> None:
        self._pressed = False
        self.tick()

    def tick(self) -> None:
        """One turn: everything that has come goes to the desk, which redraws once."""
        began = time.monotonic()
        self.late = max(self.late, began - self.last)
        self.last = began
        self.ticks += 1
        if began < self._eager_until:  # before the drain: what comes after it calls
            self.engine.announce(self._wake)
        self.desk.take(self.engine.drain())
        spent_ms = 1000 * (time.monotonic() - began)
        least = self.interval_ms if began < self._lively_until else max(self.interval_ms, CALM_MS)
        wished = least if spent_ms < SLOW * self.interval_ms else max(least, round(self.interval_ms / 2 + spent_ms))
        if self.timer.isActive() and abs(wished - self.timer.interval()) > 4:
            self.timer.setInterval(wished)

    def _wake(self) -> None:
        with contextlib.suppress(RuntimeError):  # the window is gone
            self.news.emit()

    def _hear(self) -> None:
        if self.timer.isActive():  # not once the window has stopped listening
            self.tick()

    def forget(self) -> None:
        """Begin to measure anew."""
        self.ticks, self.late = 0, 0.0
