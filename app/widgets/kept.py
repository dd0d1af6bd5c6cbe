"""Part of a widget as a picture: what stays as it is while something else moves is painted once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtGui import QPainter, QPixmap
from PySide6.QtWidgets import QWidget

from app.widgets.chart.wide import pixels


class Kept:
    """A picture of part of a widget, made anew when what it depends on is another, or when the widget has grown."""

    def __init__(self, opaque: bool = False) -> None:
        self._opaque = opaque
        self._key: Any = None
        self._picture = QPixmap()

    def draw(self, p: QPainter, widget: QWidget, key: object, paint: Callable[[QPainter], None]) -> None:
        """Draw it over the whole widget; an export, in vectors or larger, is painted as if nothing were kept."""
        ratio = widget.devicePixelRatioF()
        if pixels(p) != ratio:
            paint(p)
            return
        if self._key != (key, widget.size(), ratio):
            self._picture = QPixmap(widget.size() * ratio)
            self._picture.setDevicePixelRatio(ratio)
            if not self._opaque:
                self._picture.fill(Qt.GlobalColor.transparent)
            inner = QPainter(self._picture)
            inner.setRenderHints(p.renderHints())
            paint(inner)
            inner.end()
            self._key = (key, widget.size(), ratio)
        p.drawPixmap(0, 0, self._picture)
