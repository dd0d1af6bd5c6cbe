"""What each runner draws at present, side by side and at one scale; the first picture shows the data."""

from __future__ import annotations

import math

import numpy as np
from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QImage, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.shell import theme
from app.widgets import images, kit, points
from app.widgets.flow import FlowLayout

SIDE = 92
HEAD = 18


class Stall(kit.Painted):
    """A picture of examples under a name and a few words. Signal: chosen() on a click or Return.

    Setters: set_items(points (n, 2) or pictures (n, h, w, c) | None, box), set_words(name, words, colour),
    set_front(bool).
    """

    chosen = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._items: np.ndarray | None = None
        self._box = (-1.0, 1.0)
        self._name, self._words, self._colour, self._front = "", "", "", False
        self._drawn: tuple[int, QImage] | None = None
        self.set_empty("", "")
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)

    def set_items(self, items: np.ndarray | None, box: tuple[float, float]) -> None:
        """Show other examples; `box` is the range of both axes of points, the same for all stalls."""
        if items is not self._items or box != self._box:
            self._items, self._box, self._drawn = items, box, None
            self.update()

    def set_words(self, name: str, words: str, colour: str) -> None:
        """The name in its colour, and what is said under the picture."""
        if (name, words, colour) != (self._name, self._words, self._colour):
            if colour != self._colour:
                self._drawn = None
            self._name, self._words, self._colour = name, words, colour
            self.setAccessibleName(name)
            self.setAccessibleDescription(words)
            self.setToolTip(f"{name}: {words}" if words else name)
            self.update()

    def set_front(self, front: bool) -> None:
        """Whether its run is the one in front."""
        if front != self._front:
            self._front = front
            self.update()

    def sizeHint(self) -> QSize:
        """A square under a line of words, and one below."""
        return QSize(theme.px(SIDE), theme.px(SIDE + 2 * HEAD))

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Name, picture, words."""
        t = theme.current()
        p = QPainter(self)
        p.setRenderHint(QPainter.RenderHint.Antialiasing)
        side, head = theme.px(SIDE), theme.px(HEAD)
        dot = theme.px(4)
        left = 2.0
        if self._colour:
            p.setPen(Qt.PenStyle.NoPen)
            p.setBrush(QColor(self._colour))
            p.drawEllipse(QPointF(left + dot, head / 2), dot, dot)
            left += 2 * dot + theme.px(5)
        p.setFont(theme.ui_font(-0.5, bold=True))
        p.setPen(QColor(t.text))
        self._line(p, QRectF(left, 0, side - left, head), self._name)
        area = QRectF(0.5, head + 0.5, side - 1, side - 1)
        p.setBrush(QColor(t.base))
        p.setPen(QPen(QColor(t.accent if self._front else t.border), 1.5 if self._front else 1))
        p.drawRect(area)
        self._paint_items(p, area.adjusted(1, 1, -1, -1))
        p.setFont(theme.number_font(-1.5))
        p.setPen(QColor(t.muted))
        self._line(p, QRectF(2, head + side, side - 2, head), self._words)
        if self.show_ring:
            kit.paint_focus(p, QRectF(self.rect()))

    def _line(self, p: QPainter, room: QRectF, words: str) -> None:
        words = p.fontMetrics().elidedText(words, Qt.TextElideMode.ElideRight, int(room.width()))
        p.drawText(room, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, words)

    def _paint_items(self, p: QPainter, area: QRectF) -> None:
        if self._items is None or not len(self._items):
            p.setFont(theme.ui_font(-1))
            p.setPen(QColor(theme.current().muted))
            p.drawText(area, Qt.AlignmentFlag.AlignCenter, "not measured yet")
            return
        size = int(area.width())
        if self._drawn is None or self._drawn[0] != size:
            self._drawn = (size, self._draw(size))
        picture = self._drawn[1]
        if self._items.ndim == 2:
            p.drawImage(area.topLeft(), picture)
            return
        p.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, picture.width() > size)
        p.drawImage(area, picture)

    def _draw(self, size: int) -> QImage:
        """The examples as one picture: points stamped by ourselves, or a square of pictures at their own pixels."""
        assert self._items is not None
        if self._items.ndim == 2:
            lo, hi = self._box
            at = (self._items[:, :2] - lo) * (size / (hi - lo))
            at[:, 1] = size - at[:, 1]
            colour = QColor(self._colour or theme.current().muted)
            rgb = np.tile(np.array(colour.getRgb()[:3], np.uint8), (len(at), 1))
            return points.stamp(at, rgb, size, size, 1.2, QColor(theme.current().base))
        columns = max(1, math.isqrt(len(self._items)))
        return images.to_qimage(images.tile(self._items[: columns * columns], columns))

    def changeEvent(self, event: QEvent) -> None:
        """Another theme has another ground, another text size another side."""
        super().changeEvent(event)
        if event.type() in kit.RESTYLE:
            self._drawn = None
            self.updateGeometry()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """A click chooses."""
        if event.button() == Qt.MouseButton.LeftButton and self.rect().contains(event.position().toPoint()):
            self.chosen.emit()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Return and Space choose."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space):
            self.chosen.emit()
        else:
            super().keyPressEvent(event)


class Stalls(QWidget):
    """Stalls in rows. Setter: set_count(n). Getter: stalls. Signal: chosen(index)."""

    chosen = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.stalls: list[Stall] = []
        self._flow = FlowLayout(self, spacing=8)
        rule = QSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Minimum)
        rule.setHeightForWidth(True)
        self.setSizePolicy(rule)
        self.setAccessibleName("What each family draws")

    def set_count(self, n: int) -> None:
        """So many stalls."""
        while len(self.stalls) > n:
            stall = self.stalls.pop()
            self._flow.removeWidget(stall)
            stall.deleteLater()
        while len(self.stalls) < n:
            stall, place = Stall(self), len(self.stalls)
            stall.chosen.connect(lambda place=place: self.chosen.emit(place))
            self._flow.addWidget(stall)
            self.stalls.append(stall)
            stall.show()
