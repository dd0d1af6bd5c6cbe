"""The part of a picture that a model is shown: drag the rectangle, wheel to make it larger or smaller."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QImage, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen, QWheelEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.shell import theme
from app.widgets import images, kit
from app.widgets.intake import Box, held, middle_box

STEP = 1.12
MOVES = {Qt.Key.Key_Left: (-1, 0), Qt.Key.Key_Right: (1, 0), Qt.Key.Key_Up: (0, -1), Qt.Key.Key_Down: (0, 1)}


class Cropper(kit.Painted):
    """A picture with the rectangle that is cut out of it.

    Setters (silent): set_image(QImage | None, height, width): the rectangle gets the shape height by width and is as
    large as it can be; set_box(box). Getters: box(), image(). Signal: changed(box).
    Keys: arrows move the rectangle, + and - change its size, 0 takes the largest.
    """

    changed = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._image: QImage | None = None
        self._shape = (1, 1)
        self._box: Box = (0.0, 0.0, 1.0)
        self._grab: tuple[QPointF, Box] | None = None
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(64, 56)
        self.setCursor(Qt.CursorShape.SizeAllCursor)
        self.setAccessibleName("Part of the picture that is cut out")
        self.setToolTip("Drag the rectangle; the wheel changes its size.")

    def set_image(self, image: QImage | None, height: int = 1, width: int = 1) -> None:
        """Another picture, and the shape of what is cut out of it."""
        self._image, self._shape = image, (height, width)
        if image is not None:
            self._box = middle_box(image.width(), image.height(), height, width)
        self._describe()

    def set_box(self, box: Box) -> None:
        """Another rectangle."""
        if self._image is not None:
            self._box = held(box, self._image.width(), self._image.height(), *self._shape)
            self._describe()

    def box(self) -> Box:
        """Left, top and width of the rectangle in pixels of the picture."""
        return self._box

    def image(self) -> QImage | None:
        """The whole picture."""
        return self._image

    def sizeHint(self) -> QSize:
        """Small: it only says what is cut."""
        return QSize(140, 110)

    def _describe(self) -> None:
        left, top, wide = (round(v) for v in self._box)
        self.setAccessibleDescription(f"{wide} pixels wide, from {left} across and {top} down" if self._image else "")
        self.update()

    def _frame(self) -> QRectF:
        assert self._image is not None
        zoom = min((self.width() - 4) / self._image.width(), (self.height() - 4) / self._image.height())
        w, h = self._image.width() * zoom, self._image.height() * zoom
        return QRectF((self.width() - w) / 2, (self.height() - h) / 2, w, h)

    def _take(self, box: Box) -> None:
        before = self._box
        self.set_box(box)
        if self._box != before:
            self.changed.emit(self._box)

    def _resize(self, factor: float) -> None:
        left, top, wide = self._box
        more = wide * (factor - 1)
        self._take((left - more / 2, top - more * self._shape[0] / self._shape[1] / 2, wide + more))

    def paintEvent(self, _event: QPaintEvent) -> None:
        """The picture, dark outside the rectangle."""
        p, t = QPainter(self), theme.current()
        p.fillRect(self.rect(), QColor(t.window))
        if self._image is None:
            return
        p.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        frame = self._frame()
        p.drawImage(frame, self._image)
        zoom = frame.width() / self._image.width()
        left, top, wide = self._box
        inner = QRectF(
            frame.left() + left * zoom, frame.top() + top * zoom, wide * zoom,
            wide * zoom * self._shape[0] / self._shape[1],
        )  # fmt: skip
        shade = QColor(0, 0, 0, 140)
        p.fillRect(QRectF(frame.left(), frame.top(), frame.width(), inner.top() - frame.top()), shade)
        p.fillRect(QRectF(frame.left(), inner.bottom(), frame.width(), frame.bottom() - inner.bottom()), shade)
        p.fillRect(QRectF(frame.left(), inner.top(), inner.left() - frame.left(), inner.height()), shade)
        p.fillRect(QRectF(inner.right(), inner.top(), frame.right() - inner.right(), inner.height()), shade)
        p.setBrush(Qt.BrushStyle.NoBrush)
        for colour, width in ((QColor(0, 0, 0, 160), 3.0), (QColor(t.accent), 1.5)):
            p.setPen(QPen(colour, width))
            p.drawRect(inner)
        if self.show_ring:
            kit.paint_focus(p, QRectF(self.rect()))

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Take hold of the rectangle, wherever it is pressed."""
        if self._image is not None and event.button() == Qt.MouseButton.LeftButton:
            self._grab = event.position(), self._box

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Move it."""
        if self._grab is not None and self._image is not None:
            start, (left, top, wide) = self._grab
            zoom = self._frame().width() / self._image.width()
            step = (event.position() - start) / zoom
            self._take((left + step.x(), top + step.y(), wide))

    def mouseReleaseEvent(self, _event: QMouseEvent) -> None:
        """Let go."""
        self._grab = None

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Larger or smaller."""
        if self._image is not None and event.angleDelta().y():
            self._resize(1 / STEP if event.angleDelta().y() > 0 else STEP)
        event.accept()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Move and resize by keys."""
        key = Qt.Key(event.key())
        left, top, wide = self._box
        if self._image is None:
            super().keyPressEvent(event)
        elif key in MOVES:
            x, y = MOVES[key]
            step = max(1.0, wide / 20)
            self._take((left + x * step, top + y * step, wide))
        elif key in (Qt.Key.Key_Plus, Qt.Key.Key_Equal, Qt.Key.Key_Minus):
            self._resize(1 / STEP if key == Qt.Key.Key_Minus else STEP)
        elif key == Qt.Key.Key_0:
            self._take(middle_box(self._image.width(), self._image.height(), *self._shape))
        else:
            super().keyPressEvent(event)


def _demo() -> QWidget:
    across, down = np.meshgrid(np.linspace(0, 255, 300), np.linspace(0, 255, 200))
    cropper = Cropper()
    cropper.set_image(images.to_qimage(np.stack([across, down, 255 - across], -1).astype(np.uint8)), 28, 28)
    return cropper


if __name__ == "__main__":
    import sys

    from app.widgets.demo import run

    sys.exit(run(_demo, (360, 260)))
