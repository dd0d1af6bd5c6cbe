"""Two seconds in which the noise becomes data: the net of codes walks to where the generator puts it."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QElapsedTimer, QEvent, QObject, QTimer, Signal
from PySide6.QtWidgets import QToolButton

SECONDS, HOLD = 2.0, 1.0
TICK_MS = 33


def eased(at: float) -> float:
    """Slow at both ends."""
    at = min(max(at, 0.0), 1.0)
    return at * at * (3.0 - 2.0 * at)


def between(codes: np.ndarray, grid: np.ndarray, at: float) -> np.ndarray:
    """The net on its way: (g, g, 2)."""
    return codes + eased(at) * (grid - codes)


class Morph(QObject):
    """Runs while the pointer rests on a button, or once where it is pressed. Signals: moved(0..1), ended()."""

    moved = Signal(float)
    ended = Signal()

    def __init__(self, button: QToolButton) -> None:
        super().__init__(button)
        self._button = button
        self._clock = QElapsedTimer()
        self._timer = QTimer(self)
        self._timer.setInterval(TICK_MS)
        self._timer.timeout.connect(self._tick)
        button.installEventFilter(self)
        button.clicked.connect(self.begin)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Begin when the pointer comes, end when it goes."""
        if event.type() == QEvent.Type.Enter and self._button.isEnabled():
            self.begin()
        elif event.type() == QEvent.Type.Leave:
            self.stop()
        return False

    @property
    def running(self) -> bool:
        """Whether it runs now."""
        return self._timer.isActive()

    def begin(self) -> None:
        """From the noise on."""
        self._clock.start()
        self._timer.start()
        self.moved.emit(0.0)

    def stop(self) -> None:
        """Where the data are."""
        if self.running:
            self._timer.stop()
            self.ended.emit()

    def _tick(self) -> None:
        seconds = self._clock.elapsed() / 1000.0
        self.moved.emit(min(1.0, seconds / SECONDS))
        if seconds >= SECONDS + HOLD:
            self.stop()
