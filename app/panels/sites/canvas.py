"""The large picture of one example: sharp pixels, what lies over them, and a pixel to point at."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QEvent, QPoint, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QBrush,
    QColor,
    QContextMenuEvent,
    QImage,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
)
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.panels.sites.overlays import Field, blind_brush, outline, support_pen
from app.shell import theme
from app.widgets import images, kit

STEPS = {
    Qt.Key.Key_Left: (-1, 0), Qt.Key.Key_Right: (1, 0), Qt.Key.Key_Up: (0, -1), Qt.Key.Key_Down: (0, 1)
}  # fmt: skip
PLAYS = (*STEPS, Qt.Key.Key_Home, Qt.Key.Key_End, Qt.Key.Key_Space)
"""Keys that the panel around the picture understands."""
NUMBERS_FROM = 21
"""Screen pixels per picture pixel from which there is room for a number in each."""


class SiteCanvas(kit.Painted):
    """One picture, uint8 (h, w, 4), as large as whole zooms allow; transparent pixels are not there yet.

    Setters: set_picture(rgba | None), set_overlay(rgba | None), set_numbers(int (h, w) | None), set_field(Field |
    None), set_head(pixel | -1) (the newest), set_pixel(pixel | -1) (the one looked at), set_marks(pixels) (overwritten
    by hand), set_empty(title, hint). Getters: pixel(), rect_of(pixel), pixel_at(QPoint).
    Signals: hovered(pixel | -1), clicked(pixel), menu_wished(pixel, global QPoint).
    Keys: Shift with arrows moves the pixel looked at, Return clicks it, Menu opens its menu.
    """

    hovered = Signal(int)
    clicked = Signal(int)
    menu_wished = Signal(int, QPoint)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._shape = (0, 0)
        self._picture: QImage | None = None
        self._overlay: QImage | None = None
        self._numbers: np.ndarray | None = None
        self._field: Field | None = None
        self._head = self._pixel = self._hover = -1
        self._marks: frozenset[int] = frozenset()
        self._empty = ("Nothing drawn yet", "")
        self.setMouseTracking(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(96, 80)
        self.setAccessibleName("The example, pixel by pixel")

    def sizeHint(self) -> QSize:
        """A comfortable size."""
        return QSize(320, 320)

    # what is shown

    def set_picture(self, rgba: np.ndarray | None) -> None:
        """The example as far as it is drawn."""
        self._picture = None if rgba is None else _screen(rgba)
        self._shape = (0, 0) if rgba is None else (rgba.shape[0], rgba.shape[1])
        self.update()

    def set_overlay(self, rgba: np.ndarray | None) -> None:
        """A heat map over the picture."""
        self._overlay = None if rgba is None else _screen(rgba)
        self.update()

    def set_numbers(self, numbers: np.ndarray | None) -> None:
        """A number in each pixel, where there is room."""
        self._numbers = numbers
        self.update()

    def set_field(self, field: Field | None) -> None:
        """The receptive field of the pixel looked at."""
        self._field = field
        self.update()

    def set_head(self, pixel: int) -> None:
        """The pixel that was drawn last."""
        if pixel != self._head:
            self._head = pixel
            self.update()

    def set_pixel(self, pixel: int) -> None:
        """The pixel looked at."""
        if pixel != self._pixel:
            self._pixel = pixel
            self._describe()
            self.update()

    def set_marks(self, pixels: frozenset[int]) -> None:
        """The pixels that a person has overwritten."""
        if pixels != self._marks:
            self._marks = pixels
            self.update()

    def set_empty(self, title: str, hint: str = "") -> None:
        """What to say while there is nothing."""
        self._empty = (title, hint)
        self.update()

    def pixel(self) -> int:
        """The pixel looked at, or -1."""
        return self._pixel

    def _describe(self) -> None:
        _, width = self._shape
        if self._pixel >= 0 and width:
            self.setAccessibleDescription(f"row {self._pixel // width + 1}, column {self._pixel % width + 1}")

    # geometry

    def frame(self) -> QRectF:
        """Where the picture lies."""
        height, width = self._shape
        if not height:
            return QRectF()
        zoom = min((self.width() - 3) / width, (self.height() - 3) / height)
        zoom = float(int(zoom)) if zoom >= 1 else max(zoom, 0.01)
        w, h = width * zoom, height * zoom
        return QRectF(int((self.width() - w) / 2), int((self.height() - h) / 2), w, h)

    def rect_of(self, pixel: int) -> QRectF:
        """Where a pixel lies."""
        frame, width = self.frame(), max(1, self._shape[1])
        zoom = frame.width() / width
        return QRectF(frame.left() + pixel % width * zoom, frame.top() + pixel // width * zoom, zoom, zoom)

    def pixel_at(self, where: QPointF | QPoint) -> int:
        """The pixel at a point of the widget, or -1."""
        frame = self.frame()
        if frame.isEmpty() or not frame.contains(QPointF(where)):
            return -1
        zoom = frame.width() / self._shape[1]
        column, row = int((where.x() - frame.left()) / zoom), int((where.y() - frame.top()) / zoom)
        return min(row, self._shape[0] - 1) * self._shape[1] + min(column, self._shape[1] - 1)

    # painting

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Ground, picture, overlay, field, numbers, marks."""
        p, t = QPainter(self), theme.current()
        p.fillRect(self.rect(), QColor(t.base))
        frame = self.frame()
        if self._picture is None or frame.isEmpty():
            kit.paint_empty(p, self.rect(), *self._empty, icon="grid")
            return
        p.fillRect(frame, QColor(absent()))
        p.fillRect(frame, QBrush(theme.color(t.text, 40), Qt.BrushStyle.Dense6Pattern))
        p.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, frame.width() < self._shape[1])
        for picture in (self._picture, self._overlay):
            if picture is not None:
                p.drawImage(frame, picture)
        zoom = frame.width() / self._shape[1]
        if self._field is not None:
            self._paint_field(p, frame, zoom)
        if self._numbers is not None and zoom >= theme.px(NUMBERS_FROM):
            self._paint_numbers(p)
        p.setBrush(Qt.BrushStyle.NoBrush)
        p.setPen(QPen(QColor(t.edge), 1))
        p.drawRect(frame.adjusted(-1, -1, 0, 0))
        for pixel in self._marks:
            box = self.rect_of(pixel)
            side = max(3.0, zoom * 0.34)
            p.fillRect(QRectF(box.right() - side, box.top(), side, side), QColor(t.warn))
        for pixel, colour, wide in ((self._head, t.good, 2.0), (self._pixel, t.accent, 2.0)):
            if pixel >= 0:
                box = self.rect_of(pixel)
                p.setPen(QPen(QColor(0, 0, 0, 170), wide + 2))
                p.drawRect(box)
                p.setPen(QPen(QColor(colour), wide))
                p.drawRect(box)
        if self.show_ring:
            kit.paint_focus(p, QRectF(self.rect()))

    def _paint_field(self, p: QPainter, frame: QRectF, zoom: float) -> None:
        assert self._field is not None
        p.setPen(Qt.PenStyle.NoPen)
        p.setBrush(QColor(20, 22, 28, 120))
        for row, column in np.argwhere(self._field.later):
            p.drawRect(QRectF(frame.left() + column * zoom, frame.top() + row * zoom, zoom, zoom))
        p.setBrush(blind_brush())
        for row, column in np.argwhere(self._field.blind):
            p.drawRect(QRectF(frame.left() + column * zoom, frame.top() + row * zoom, zoom, zoom))
        lines = outline(self._field.support, zoom, frame.topLeft())
        for pen in (QPen(QColor(0, 0, 0, 200), 4.0), support_pen()):
            p.setPen(pen)
            for a, b in lines:
                p.drawLine(a, b)

    def _paint_numbers(self, p: QPainter) -> None:
        assert self._numbers is not None
        p.setFont(theme.number_font(-2))
        flat = self._numbers.ravel()
        most = max(1, int(flat.max()))
        for pixel, number in enumerate(flat):  # dark words on the light end of the ramp, light ones on the dark end
            p.setPen(QColor("#101218" if number > 0.55 * most else "#ffffff"))
            p.drawText(self.rect_of(pixel), Qt.AlignmentFlag.AlignCenter, f"{number}")

    # hands

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Tell the pixel under the pointer."""
        pixel = self.pixel_at(event.position())
        if pixel != self._hover:
            self._hover = pixel
            self.hovered.emit(pixel)

    def leaveEvent(self, event: QEvent) -> None:
        """Nothing is under the pointer."""
        if self._hover >= 0:
            self._hover = -1
            self.hovered.emit(-1)
        super().leaveEvent(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """A click on a pixel."""
        pixel = self.pixel_at(event.position())
        if event.button() == Qt.MouseButton.LeftButton and pixel >= 0:
            self.clicked.emit(pixel)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """The menu of a pixel, by the right button or the key."""
        by_key = event.reason() == QContextMenuEvent.Reason.Keyboard
        pixel = self._pixel if by_key else self.pixel_at(event.pos())
        if pixel >= 0:
            where = self.mapToGlobal(self.rect_of(pixel).bottomRight().toPoint()) if by_key else event.globalPos()
            self.menu_wished.emit(pixel, where)

    def event(self, event: QEvent) -> bool:
        """Claim the keys of playing before the window's shortcuts see them."""
        if event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent):
            strong = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.AltModifier
            if event.key() in PLAYS and not event.modifiers() & strong:
                event.accept()
                return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Walk over the picture by keys; what moves through time is left to the panel."""
        key, (height, width) = Qt.Key(event.key()), self._shape
        if key in STEPS and event.modifiers() & Qt.KeyboardModifier.ShiftModifier and height:
            row, column = divmod(max(0, self._pixel), width)
            dx, dy = STEPS[key]
            row, column = min(height - 1, max(0, row + dy)), min(width - 1, max(0, column + dx))
            self.hovered.emit(row * width + column)
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self._pixel >= 0:
            self.clicked.emit(self._pixel)
        else:
            super().keyPressEvent(event)


def absent() -> str:
    """The colour of what is not drawn yet, which no grey picture holds."""
    return theme.mix(theme.current().base, theme.current().accent, 0.34)


def _screen(rgba: np.ndarray) -> QImage:
    return images.to_qimage(rgba).convertToFormat(QImage.Format.Format_ARGB32_Premultiplied)
