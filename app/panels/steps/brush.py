"""Hands on x_t: pixels painted on one sample of a gallery, or a point dragged over the plane."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QEvent, QObject, QPointF, Qt, Signal
from PySide6.QtGui import QMouseEvent

from app.panels.steps.branches import Paint
from app.shell import theme
from app.widgets.mosaic import Mosaic
from app.widgets.plane import PlaneView


class PixelBrush(QObject):
    """Paints on the samples of a gallery while it is active; what it changes can be seen at once.

    Setters: set_active(bool), set_ink(value 0 to 255 or its colours), set_size(pixels), clear(). Getter: paint().
    Signal: painted() after each stroke.
    """

    painted = Signal()

    def __init__(self, mosaic: Mosaic, parent: QObject | None = None) -> None:
        super().__init__(parent or mosaic)
        self._mosaic = mosaic
        self._active = False
        self._ink: tuple[int, ...] = (255,)
        self._size = 1
        self._under: np.ndarray | None = None
        self._last: tuple[int, float, float] | None = None
        self._mask: np.ndarray | None = None
        mosaic.installEventFilter(self)

    def set_active(self, on: bool) -> None:
        """Whether a press paints."""
        self._active = on
        self._mosaic.setCursor(Qt.CursorShape.CrossCursor if on else Qt.CursorShape.ArrowCursor)
        if not on:
            self.clear()

    def active(self) -> bool:
        """Whether a press paints."""
        return self._active

    def set_ink(self, *levels: int) -> None:
        """What is painted: one level, or one for each channel."""
        self._ink = levels

    def set_size(self, pixels: int) -> None:
        """How many pixels of the picture the brush is wide."""
        self._size = max(1, int(pixels))

    def clear(self) -> None:
        """Take away what was painted and not used."""
        if self._under is not None and self._mask is not None:
            self._mosaic.set_images(self._under)
        self.forget()

    def forget(self) -> None:
        """Another picture has taken the place of the painted one."""
        self._under = self._mask = self._last = None

    def paint(self) -> Paint | None:
        """What was painted, or None."""
        shown = self._mosaic._images
        if self._mask is None or shown is None or not self._mask.any():
            return None
        n, h, w, c = shown.shape
        samples, places = np.nonzero(self._mask.reshape(n, h * w))
        values = shown.reshape(n, h * w, c)[samples, places]
        return Paint(
            (h, w, c),
            tuple(samples.tolist()),
            tuple(places.tolist()),
            tuple(tuple(map(float, value)) for value in values.tolist()),
        )

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Presses and moves of the left button paint."""
        if not self._active or not isinstance(event, QMouseEvent):
            return False
        if event.type() == QEvent.Type.MouseButtonPress and event.button() == Qt.MouseButton.LeftButton:
            self._last = None
            self._dab(event.position())
            return True
        if event.type() == QEvent.Type.MouseMove and event.buttons() & Qt.MouseButton.LeftButton:
            self._dab(event.position())
            return True
        if event.type() == QEvent.Type.MouseButtonRelease and event.button() == Qt.MouseButton.LeftButton:
            self._last = None
            if self.paint() is not None:
                self.painted.emit()
            return True
        return False

    def _dab(self, where: QPointF) -> None:
        shown = self._mosaic._images
        sample = self._mosaic.index_at(where.toPoint())
        if shown is None or sample < 0:
            return
        box = self._mosaic.tile_rect(sample)
        h, w, c = shown.shape[1:]
        x, y = (where.x() - box.left()) / box.width() * w, (where.y() - box.top()) / box.height() * h
        if self._mask is None:
            self._under, self._mask = shown, np.zeros(shown.shape[:3], bool)
        ink = np.array(self._ink if len(self._ink) == c else self._ink[:1] * c, np.uint8)
        made = shown.copy()
        before = self._last if self._last is not None and self._last[0] == sample else (sample, x, y)
        steps = max(1, int(np.ceil(max(abs(x - before[1]), abs(y - before[2])) * 2)))
        for part in np.linspace(0.0, 1.0, steps + 1):
            at_x, at_y = before[1] + part * (x - before[1]), before[2] + part * (y - before[2])
            left, top = (int(np.floor(v - (self._size - 1) / 2)) for v in (at_x, at_y))
            rows, columns = slice(max(0, top), max(0, top + self._size)), slice(max(0, left), max(0, left + self._size))
            made[sample, rows, columns] = ink
            self._mask[sample, rows, columns] = True
        self._last = (sample, x, y)
        self._mosaic.set_images(made)


class PointDrag(QObject):
    """Drags a point of the layer "x" of a plane while it is active.

    Signals: moved(int sample, float x, float y) while it is dragged, dropped(the same) when it is let go.
    """

    moved = Signal(int, float, float)
    dropped = Signal(int, float, float)

    def __init__(self, plane: PlaneView, parent: QObject | None = None) -> None:
        super().__init__(parent or plane)
        self._plane = plane
        self._active = False
        self._points: np.ndarray | None = None
        self._held = -1
        plane.canvas.installEventFilter(self)

    def set_active(self, on: bool) -> None:
        """Whether points can be dragged."""
        self._active, self._held = on, -1
        self._plane.canvas.setCursor(Qt.CursorShape.OpenHandCursor if on else Qt.CursorShape.CrossCursor)

    def set_points(self, points: np.ndarray | None) -> None:
        """The points (n, 2) as they stand."""
        if self._held < 0:
            self._points = points

    def near(self, where: QPointF) -> int:
        """The point under the pointer, or -1."""
        if self._points is None or not len(self._points):
            return -1
        at = self._plane.canvas.screen_array(np.asarray(self._points, float))
        off = np.hypot(at[:, 0] - where.x(), at[:, 1] - where.y())
        found = int(np.argmin(off))
        return found if off[found] <= theme.px(10) else -1

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Presses take the nearest point, moves carry it, a release drops it."""
        if not self._active or not isinstance(event, QMouseEvent):
            return False
        if event.type() == QEvent.Type.MouseButtonPress and event.button() == Qt.MouseButton.LeftButton:
            self._held = self.near(event.position())
            return self._held >= 0
        if self._held < 0:
            return False
        x, y = self._plane.canvas.to_plane(event.position())
        if event.type() == QEvent.Type.MouseMove:
            self.moved.emit(self._held, x, y)
            return True
        if event.type() == QEvent.Type.MouseButtonRelease:
            held, self._held = self._held, -1
            self.dropped.emit(held, x, y)
            return True
        return False
