"""A map of two dimensions of a latent space that takes hands: a crosshair to decode at, a lasso."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QPointF, Qt, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent, QPainter
from PySide6.QtWidgets import QWidget

from app.widgets import padpaint
from app.widgets.padscene import PadScene
from app.widgets.track import speed

STEP_PX = 6


class LatentPad(PadScene):
    """The latent plane: drag to decode at the pointer, lasso examples.

    Setters: those of PadScene (points, densities, contours, pictures), set_axes(x, y), fit(), set_lasso(bool).
    Signals: moved(x, y) while the left button drags and by arrow keys, hovered(x, y), picked(x, y) for each click
    without a drag, lassoed(loop (m, 2)), settled() when pan and zoom rest.
    Hands: Shift and drag draws a lasso, as plain dragging does after set_lasso(True); Shift makes arrow keys finer,
    Ctrl coarser.
    """

    moved = Signal(float, float)
    picked = Signal(float, float)
    lassoed = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._drag = ""
        self._press: QPointF | None = None
        self._moved_far = False
        self._lasso = False
        self._loop: list[QPointF] = []
        self.set_empty("No latent map yet", "A model with a latent space of two or more dimensions draws its map here.")
        self.setAccessibleName("Latent map")
        self.setCursor(Qt.CursorShape.CrossCursor)

    def is_held(self) -> bool:
        """Whether a hand drags something at present."""
        return self._press is not None

    def set_lasso(self, on: bool) -> None:
        """Whether plain dragging draws a lasso."""
        self._lasso = on

    def paint_over(self, painter: QPainter) -> None:
        """What lies above the map, and the lasso that is being drawn."""
        super().paint_over(painter)
        if self._drag == "lasso" and len(self._loop) > 1:
            padpaint.lasso(painter, self._loop)

    # hands

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Take the crosshair, or begin a lasso."""
        if event.button() == Qt.MouseButton.LeftButton:
            self._press, self._moved_far = event.position(), False
            self._drag = "cursor"
            if self._lasso or event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
                self._drag, self._loop = "lasso", [event.position()]
        else:
            super().mousePressEvent(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Drag what was taken."""
        if self._press is None:
            super().mouseMoveEvent(event)
            return
        self._moved_far = self._moved_far or (event.position() - self._press).manhattanLength() > 3
        if not self._moved_far:
            return
        x, y = self.to_plane(event.position())
        if self._drag == "cursor":
            self.set_cursor(x, y)
            self.moved.emit(x, y)
        elif self._drag == "lasso":
            self._loop.append(event.position())
            self.update()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """A press without a drag picks the point; the end of a lasso chooses what it holds."""
        if event.button() != Qt.MouseButton.LeftButton or self._press is None:
            super().mouseReleaseEvent(event)
            return
        self._press = None
        if self._drag == "lasso" and self._moved_far:
            loop, self._loop, self._drag = self._loop, [], ""
            self.update()
            if len(loop) > 2:
                self.lassoed.emit(np.array([self.to_plane(where) for where in loop]))
        elif not self._moved_far:
            x, y = self.to_plane(event.position())
            self.set_cursor(x, y)
            self.moved.emit(x, y)
            self.picked.emit(x, y)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Arrows walk the crosshair, Return picks."""
        step = STEP_PX * self._per_px * speed(event.modifiers())
        ways = {Qt.Key.Key_Left: (-1, 0), Qt.Key.Key_Right: (1, 0), Qt.Key.Key_Up: (0, 1), Qt.Key.Key_Down: (0, -1)}
        turn = ways.get(Qt.Key(event.key()))
        if turn:
            self.set_cursor(self._cursor[0] + turn[0] * step, self._cursor[1] + turn[1] * step)
            self.moved.emit(*self._cursor)
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.picked.emit(*self._cursor)
        else:
            super().keyPressEvent(event)


def inside(points: np.ndarray, loop: np.ndarray) -> np.ndarray:
    """Which points (n, 2) lie inside a closed loop (m, 2), by the even-odd rule: bool (n,)."""
    x, y = points[:, 0:1], points[:, 1:2]
    x0, y0 = loop[:, 0][None], loop[:, 1][None]
    x1, y1 = np.roll(loop[:, 0], -1)[None], np.roll(loop[:, 1], -1)[None]
    crosses = (y0 > y) != (y1 > y)
    with np.errstate(divide="ignore", invalid="ignore"):
        at = x0 + (y - y0) / (y1 - y0) * (x1 - x0)
    found: np.ndarray = (crosses & (x < at)).sum(1) % 2 == 1
    return found


def _demo() -> QWidget:
    from app.widgets.demo import digits

    rng = np.random.default_rng(1)
    labels = rng.integers(0, 10, 1600)
    turn = labels / 10 * 2 * np.pi
    xy = np.stack([np.cos(turn), np.sin(turn)], 1) * (1.2 + 0.5 * (labels % 2))[:, None] + rng.normal(
        0, 0.26, (1600, 2)
    )
    pad = LatentPad()
    pad.set_axes("z 3", "z 6")
    pad.set_points(xy, labels)
    pad.set_ellipses(xy[:40], np.tile(np.diag([0.02, 0.05]), (40, 1, 1)), labels[:40])
    pad.set_cursor(0.7, 1.1)
    pad.set_cursor_image(digits(3)[2], True, "2.4x the usual distance", digits(3)[1])
    return pad


if __name__ == "__main__":
    import sys

    from app.widgets.demo import run

    sys.exit(run(_demo, (520, 520)))
