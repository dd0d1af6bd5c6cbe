"""What stays as it is while something else moves: values that are made once, and parts of a widget painted once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar

from PySide6.QtCore import Qt
from PySide6.QtGui import QPainter, QPixmap
from PySide6.QtWidgets import QWidget

from app.widgets.chart.wide import pixels

T = TypeVar("T")


class Latest(Generic[T]):
    """The value that was made last, for as long as it is asked for under the same key."""

    def __init__(self) -> None:
        self.key: Any = None
        self._value: T | None = None

    def of(self, key: object, make: Callable[[], T]) -> T:
        """That value, or another one under another key."""
        if self._value is None or self.key != key:
            self.key, self._value = key, make()
        return self._value


class Kept:
    """A picture of part of a widget, made anew when what it depends on is another, or when the widget has grown."""

    def __init__(self, opaque: bool = False) -> None:
        self._opaque = opaque
        self._picture = Latest[QPixmap]()

    def draw(self, p: QPainter, widget: QWidget, key: object, paint: Callable[[QPainter], None]) -> None:
        """Draw it over the whole widget; an export, in vectors or larger, is painted as if nothing were kept."""
        ratio = widget.devicePixelRatioF()
        if pixels(p) != ratio:
            paint(p)
            return

        def make() -> QPixmap:
            made = QPixmap(widget.size() * ratio)
            made.setDevicePixelRatio(ratio)
            if not self._opaque:
                made.fill(Qt.GlobalColor.transparent)
            inner = QPainter(made)
            inner.setRenderHints(p.renderHints())
            paint(inner)
            inner.end()
            return made

        p.drawPixmap(0, 0, self._picture.of((key, widget.size(), ratio), make))
