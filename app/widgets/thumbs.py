"""Two small decoded pictures below a slider: what its dimension makes of the code at its low and at its high end."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QPoint, QRectF, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QWidget

from app.shell import theme
from app.widgets import images, kit

SIDE = 56


class Thumbs(QWidget):
    """A card that floats over its parent and lets all hands through.

    Setters: show_pair(low, high, names, x_low, x_high, top, bottom) with uint8 pictures (h, w, c), where on the parent
    the two ends lie, and the upper and lower edge of the row that it must not cover; hide().
    """

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self._pair: list[QImage] = []
        self._names = ("", "")
        self._middles = (0.0, 0.0)
        self.hide()

    def show_pair(
        self,
        low: np.ndarray,
        high: np.ndarray,
        names: tuple[str, str],
        x_low: float,
        x_high: float,
        top: int,
        bottom: int,
    ) -> None:
        """Stand below the row, or above it where there is no room below."""
        self._pair = [images.to_qimage(low), images.to_qimage(high)]
        self._names = names
        side, pad = theme.px(SIDE), theme.px(6)
        high_px = side + theme.px(16) + 2 * pad
        room = self.parentWidget().rect()
        left = int(max(0, min(x_low, x_high - side - pad) - side / 2 - pad))
        right = int(min(room.width(), max(x_high, x_low + side + pad) + side / 2 + pad))
        below = bottom + high_px <= room.height() or top < high_px
        self.setGeometry(left, bottom if below else top - high_px, right - left, high_px)
        half = side / 2 + pad
        middles = [min(max(x - left, half), right - left - half) for x in (x_low, x_high)]
        self._middles = (middles[0], max(middles[1], middles[0] + side + pad))
        kit.show(self, True)
        self.raise_()
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        """A card, two pictures, two numbers."""
        t = theme.current()
        p = QPainter(self)
        p.setRenderHint(QPainter.RenderHint.Antialiasing)
        p.setPen(QPen(QColor(t.border), 1))
        p.setBrush(QColor(t.raised))
        p.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), 6, 6)
        side, pad = theme.px(SIDE), theme.px(6)
        p.setFont(theme.ui_font(-1.5))
        for picture, name, middle in zip(self._pair, self._names, self._middles, strict=True):
            zoom = min(side / picture.width(), side / picture.height())
            zoom = float(int(zoom)) if zoom >= 1 else zoom
            box = QRectF(0, 0, picture.width() * zoom, picture.height() * zoom)
            box.moveCenter(QRectF(middle - side / 2, pad, side, side).center())
            p.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, zoom < 1)
            p.drawImage(box, picture)
            p.setPen(QColor(t.muted))
            p.drawText(QRectF(middle - side, side + pad, 2 * side, theme.px(16)), Qt.AlignmentFlag.AlignCenter, name)

    def row_of(self, row: QWidget) -> tuple[int, int]:
        """Upper and lower edge of a row on the parent."""
        top = row.mapTo(self.parentWidget(), QPoint(0, 0)).y()
        return top, top + row.height()
