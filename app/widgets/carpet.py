"""A picture of more of the plane than is seen, painted once and only moved while one pans."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QImage, QPainter

MARGIN = 0.5
"""How far the carpet reaches beyond each side of what is seen, as a part of its width and height."""


class Carpet:
    """Keeps what a view has painted. `paint(painter, area)` is called with the area, in pixels of the widget, to fill.

    It is painted anew when the key changes (scale, size, theme, contents) or when one has panned beyond its margin.
    """

    def __init__(self, paint: Callable[[QPainter, QRectF], None]) -> None:
        self._paint = paint
        self._key: tuple[object, ...] | None = None
        self._image: QImage | None = None
        self._centre = QPointF()
        self.painted = 0

    def drop(self) -> None:
        """The contents have changed."""
        self._image = None

    def lay(
        self, painter: QPainter, area: QRectF, centre: QPointF, per_px: float, ratio: float, key: tuple[object, ...]
    ) -> None:
        """Draw the part that is seen; `centre` is the point of the plane in the middle of `area`."""
        whole = (per_px, ratio, area.width(), area.height(), key)
        shift = QPointF((self._centre.x() - centre.x()) / per_px, (centre.y() - self._centre.y()) / per_px)
        wide, high = MARGIN * area.width(), MARGIN * area.height()
        if self._image is None or whole != self._key or abs(shift.x()) > wide or abs(shift.y()) > high:
            self._key, self._centre, shift = whole, QPointF(centre), QPointF(0, 0)
            self._image = self._painted(area, wide, high, ratio)
        whole_pixels = QPointF(round(shift.x() * ratio) / ratio, round(shift.y() * ratio) / ratio)
        painter.drawImage(area.topLeft() + whole_pixels - QPointF(wide, high), self._image)

    def _painted(self, area: QRectF, wide: float, high: float, ratio: float) -> QImage:
        self.painted += 1
        size = (area.size() * (1 + 2 * MARGIN) * ratio).toSize()
        image = QImage(size, QImage.Format.Format_ARGB32_Premultiplied)
        image.setDevicePixelRatio(ratio)
        image.fill(Qt.GlobalColor.transparent)
        painter = QPainter(image)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.translate(QPointF(wide, high) - area.topLeft())
        self._paint(painter, area.adjusted(-wide, -high, wide, high))
        painter.end()
        return image
