"""A picture as a handle: dragging it, or the arrow keys on it, says how far one wishes to go."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, QPointF, Qt, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent
from PySide6.QtWidgets import QWidget

from app.widgets.track import speed

STEP = 0.02
"""What an arrow key moves by, as a part of the picture's side."""


class PictureDrag(QObject):
    """Watches a widget. Signal: moved(dx, dy), parts of its shorter side, up positive; Shift is finer, Ctrl coarser.

    Setters: set_enabled(bool), set_hint(words).
    """

    moved = Signal(float, float)

    def __init__(self, picture: QWidget) -> None:
        super().__init__(picture)
        self._picture = picture
        self._last: QPointF | None = None
        self._on = True
        picture.installEventFilter(self)
        self.set_enabled(True)

    def set_enabled(self, on: bool) -> None:
        """Whether the picture can be dragged at present."""
        self._on = on
        self._last = None
        self._picture.setCursor(Qt.CursorShape.SizeAllCursor if on else Qt.CursorShape.ArrowCursor)

    def set_hint(self, words: str) -> None:
        """What dragging does, as the picture's tip and for screen readers."""
        self._picture.setToolTip(words)
        self._picture.setAccessibleDescription(words)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Take the left button and the arrow keys; all else goes on to the picture."""
        if not self._on or watched is not self._picture:
            return False
        kind = event.type()
        if isinstance(event, QMouseEvent) and kind == QEvent.Type.MouseButtonPress:
            if event.button() == Qt.MouseButton.LeftButton:
                self._last = event.position()
                self._picture.setFocus(Qt.FocusReason.MouseFocusReason)
                return True
        elif isinstance(event, QMouseEvent) and kind == QEvent.Type.MouseMove and self._last is not None:
            step = (event.position() - self._last) * speed(event.modifiers())
            self._last = event.position()
            side = max(1, min(self._picture.width(), self._picture.height()))
            self.moved.emit(step.x() / side, -step.y() / side)
            return True
        elif isinstance(event, QMouseEvent) and kind == QEvent.Type.MouseButtonRelease and self._last is not None:
            self._last = None
            return True
        elif isinstance(event, QKeyEvent) and kind == QEvent.Type.KeyPress:
            ways = {Qt.Key.Key_Left: (-1, 0), Qt.Key.Key_Right: (1, 0), Qt.Key.Key_Up: (0, 1), Qt.Key.Key_Down: (0, -1)}
            way = ways.get(Qt.Key(event.key()))
            if way is not None:
                by = STEP * speed(event.modifiers())
                self.moved.emit(way[0] * by, way[1] * by)
                return True
        return False
