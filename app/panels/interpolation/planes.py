"""The plane: decoded points, or codes of two numbers, with the ways among the data and the play head on each."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen
from PySide6.QtWidgets import QWidget

from app.panels.interpolation.looks import colour_of
from app.panels.interpolation.stops import letter
from app.shell import theme
from app.widgets.view2d import View2D, extent_of, polygon
from gm_core import api


class WaysPlane(View2D):
    """Setters: set_found(frame | None), set_place(frame number), set_chosen(name), show_only(name; '' shows all)."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._found: api.ComparedPaths | None = None
        self._place, self._chosen, self._only = 0, "", ""
        self._own_extent = False
        self.setAccessibleName("The ways on the plane")
        self.setMinimumSize(theme.px(140), theme.px(110))

    def set_found(self, found: api.ComparedPaths | None) -> None:
        """Show these ways."""
        self._found = found
        if found is not None and not self._own_extent:
            clouds = [self._places(way) for way in found.ways]
            if len(found.dots):
                clouds.append(np.asarray(found.dots, float))
            self.set_extent(*extent_of(np.concatenate(clouds)))
        if found is not None:
            self.set_axes(*(("", "") if shows_items(found) else ("z 1", "z 2")))
        self.rebuild()

    def set_box(self, low: float, high: float) -> None:
        """The part of the plane that is worth showing; without it the data say."""
        self._own_extent = True
        self.set_extent(low, high, low, high)

    def free(self) -> None:
        """Let the data say which part is shown."""
        self._own_extent = False
        self.set_found(None)

    def set_place(self, frame: int) -> None:
        """Where the play head stands."""
        self._place = frame
        self.update()

    def set_chosen(self, name: str) -> None:
        """The way that is drawn strongest."""
        if name != self._chosen:
            self._chosen = name
            self.rebuild()

    def show_only(self, name: str) -> None:
        """One way alone, or '' for all."""
        self._only = name
        self.rebuild()

    def has_content(self) -> bool:
        """Whether there are ways that can be drawn here."""
        return shows_items(self._found) or shows_codes(self._found)

    def _ways(self) -> list[api.PathWay]:
        found = self._found
        return [] if found is None else [way for way in found.ways if self._only in ("", way.way)]

    def _places(self, way: api.PathWay) -> np.ndarray:
        return np.asarray(way.items if shows_items(self._found) else way.z, float)

    def paint_scene(self, p: QPainter) -> None:
        """Examples, ways, stops."""
        found, t = self._found, theme.current()
        if found is None:
            return
        if len(found.dots):
            quiet = QColor(theme.mix(t.base, t.muted, 0.42))
            self.draw_points(p, np.asarray(found.dots, float), quiet, theme.px(2.5))
        p.setBrush(Qt.BrushStyle.NoBrush)
        for way in sorted(self._ways(), key=lambda way: way.way == self._chosen):
            strong = way.way == self._chosen
            p.setPen(QPen(QColor(colour_of(way.way)), 2.6 if strong else 1.5))
            p.drawPolyline(polygon(self.screen_array(self._places(way))))
        stops = np.asarray(found.stop_items if shows_items(found) else found.stops, float)
        p.setFont(theme.ui_font(-1, bold=True))
        for i, at in enumerate(self.screen_array(stops).tolist()):
            r = theme.px(8)
            box = QRectF(at[0] - r, at[1] - r, 2 * r, 2 * r)
            p.setPen(QPen(QColor(t.text), 1))
            p.setBrush(QColor(t.raised))
            p.drawEllipse(box)
            p.drawText(box, Qt.AlignmentFlag.AlignCenter, letter(i))

    def paint_over(self, p: QPainter) -> None:
        """The play head on each way."""
        t, r = theme.current(), theme.px(4.5)
        for way in self._ways():
            at = self.screen_array(self._places(way)[self._place : self._place + 1])
            if len(at):
                p.setPen(QPen(QColor(t.base), 1.5))
                p.setBrush(QColor(colour_of(way.way)))
                p.drawEllipse(QPointF(*at[0].tolist()), r, r)


def shows_items(found: api.ComparedPaths | None) -> bool:
    """Whether what is decoded are points of the plane."""
    return found is not None and found.ways[0].items.ndim == 2 and found.ways[0].items.shape[1] == 2


def shows_codes(found: api.ComparedPaths | None) -> bool:
    """Whether the codes have two numbers."""
    return found is not None and found.ways[0].z.shape[1] == 2
