"""Learned, exact and their difference in three small planes that move together and share their colours."""

from __future__ import annotations

from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QBoxLayout, QLabel, QVBoxLayout, QWidget

from app.panels.plane.layers import MAPS, Found, ink
from app.shell import theme
from app.widgets import kit
from app.widgets.plane import PlaneView

SHOWN = ("model", "exact", "difference")
WIDE = 1.2
"""Side by side from this many times as wide as high; below, one above the other."""


class Beside(QWidget):
    """Three planes. Setters: show_found(found), set_extent(x0, x1, y0, y1), clear(), fit()."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.views: dict[str, PlaneView] = {}
        self.captions: dict[str, QLabel] = {}
        self._row = QBoxLayout(QBoxLayout.Direction.LeftToRight, self)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.setSpacing(6)
        for key in SHOWN:
            view = self.views[key] = PlaneView()
            view.legend.hide()
            view.canvas.setMinimumSize(theme.px(80), theme.px(80))
            view.canvas.setAccessibleName(key)
            view.set_empty("Computing", "")
            view.canvas.looked.connect(lambda which=key: self._follow(which))
            self.captions[key] = kit.label("", "caption")
            column = QVBoxLayout()
            column.setSpacing(0)
            column.addWidget(self.captions[key])
            column.addWidget(view, 1)
            self._row.addLayout(column, 1)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Beside each other where there is room, else below each other."""
        super().resizeEvent(event)
        wide = self.width() >= WIDE * self.height()
        way = QBoxLayout.Direction.LeftToRight if wide else QBoxLayout.Direction.TopToBottom
        if way != self._row.direction():
            self._row.setDirection(way)

    def set_extent(self, x0: float, x1: float, y0: float, y1: float) -> None:
        """The part of the plane that is shown at first, in all three."""
        for view in self.views.values():
            view.set_extent(x0, x1, y0, y1)

    def show_found(self, found: Found) -> None:
        """Draw what there is."""
        for key, view in self.views.items():
            self.captions[key].setText(found.label(key))
            layer = found.layer(key)
            if layer is None:
                view.remove_layer(key)
            else:
                data, box, limits = layer
                view.set_layer(key, found.label(key), "image", data, box, None, MAPS.get(key, "viridis"), limits=limits)
            points = {"model": "samples", "exact": "data"}.get(key)
            cloud = found.layer(points) if points is not None else None
            if points is not None and cloud is not None and layer is not None:
                view.set_layer(points, points, "points", cloud[0][:600], None, ink(points, {"exact"}))

    def clear(self) -> None:
        """Nothing."""
        for view in self.views.values():
            view.clear()

    def fit(self) -> None:
        """Show the whole extent."""
        for view in self.views.values():
            view.fit()

    def _follow(self, key: str) -> None:
        for other, view in self.views.items():
            if other != key:
                view.canvas.look_like(self.views[key].canvas)
