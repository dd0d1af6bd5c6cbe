"""A dependency graph as a mark of a figure: circles with names, arrows, and dashes where one was taken away."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QLineF, QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPen, QPolygonF

from app.shell import theme
from app.widgets.chart.frame import Frame
from app.widgets.figuremarks import Colour, Mark, paint_colour
from app.widgets.view2d import Extent

Edge = tuple[int, int]


@dataclass(frozen=True)
class Graph(Mark):
    """Nodes at x, y with `names` and `colours`; `edges` are drawn, `missing` are dashed; `words` stand on edges.

    `side` is a node's radius in the axes' units, `chosen` the node with a ring (-1: none), `strong` the weight of each
    edge, 0 to 1, which its line shows.
    """

    x: Sequence[float]
    y: Sequence[float]
    names: Sequence[str]
    colours: Sequence[Colour]
    edges: Sequence[Edge] = ()
    missing: Sequence[Edge] = ()
    words: Sequence[tuple[Edge, str]] = ()
    strong: Sequence[float] = ()
    side: float = 0.14
    chosen: int = -1

    def box(self) -> Extent | None:
        return None

    def paint(self, p: QPainter, f: Frame) -> None:
        at = [QPointF(f.px(x), f.py(y)) for x, y in zip(self.x, self.y, strict=True)]
        side = self.side * f.wide
        for i, j in self.missing:
            pen = QPen(paint_colour("edge"), 1.3)
            pen.setStyle(Qt.PenStyle.DashLine)
            p.setPen(pen)
            p.drawLine(_between(at[i], at[j], side))
        strong = self.strong or [0.5] * len(self.edges)
        for (i, j), weight in zip(self.edges, strong, strict=True):
            self._arrow(p, _between(at[i], at[j], side), 1.4 + 3.6 * weight)
        for (i, j), text in self.words:
            self._words(p, (at[i] + at[j]) / 2, text, kept=(i, j) in self.edges)
        self._nodes(p, at, side)

    def _arrow(self, p: QPainter, line: QLineF, width: float) -> None:
        colour = paint_colour("text")
        p.setPen(QPen(colour, width))
        head = theme.px(6) + 1.6 * width
        length = max(line.length(), 1e-6)
        u = QPointF(line.dx(), line.dy()) / length
        foot, across = line.p2() - u * head, QPointF(-u.y(), u.x()) * (head * 0.55)
        p.drawLine(QLineF(line.p1(), foot))
        p.setPen(Qt.PenStyle.NoPen)
        p.setBrush(colour)
        p.drawPolygon(QPolygonF([line.p2(), foot + across, foot - across]))
        p.setBrush(Qt.BrushStyle.NoBrush)

    def _words(self, p: QPainter, middle: QPointF, text: str, kept: bool) -> None:
        font = theme.ui_font(-1)
        metrics = QFontMetricsF(font)
        lines = text.split("\n")
        wide = max(metrics.horizontalAdvance(line) for line in lines) + theme.px(8)
        high = metrics.height() * len(lines)
        box = QRectF(middle.x() - wide / 2, middle.y() - high / 2, wide, high)
        p.fillRect(box, QColor(theme.current().base))
        p.setFont(font)
        p.setPen(paint_colour("text" if kept else "muted"))
        p.drawText(box, Qt.AlignmentFlag.AlignCenter, text)

    def _nodes(self, p: QPainter, at: list[QPointF], side: float) -> None:
        p.setFont(theme.ui_font(1, bold=True))
        for number, (spot, name, colour) in enumerate(zip(at, self.names, self.colours, strict=True)):
            fill = paint_colour(colour)
            ring = "text" if number == self.chosen else "edge"
            p.setPen(QPen(paint_colour(ring), 3.0 if number == self.chosen else 1.2))
            p.setBrush(fill)
            p.drawEllipse(spot, side, side)
            light = theme.contrast(fill.name(), "#ffffff") >= theme.contrast(fill.name(), "#101114")
            p.setPen(QColor("#ffffff" if light else "#101114"))
            p.drawText(QRectF(spot.x() - side, spot.y() - side, 2 * side, 2 * side),
                       Qt.AlignmentFlag.AlignCenter, name)  # fmt: skip
        p.setBrush(Qt.BrushStyle.NoBrush)


def node_at(x: float, y: float, xs: Sequence[float], ys: Sequence[float], reach: float) -> int:
    """The node within reach of a place; -1 if there is none."""
    far = np.hypot(np.asarray(xs) - x, np.asarray(ys) - y)
    nearest = int(far.argmin())
    return nearest if far[nearest] <= reach else -1


def edge_at(
    x: float, y: float, xs: Sequence[float], ys: Sequence[float], edges: Iterable[Edge], reach: float
) -> Edge | None:
    """The edge (there or missing) that runs by a place."""
    found: list[tuple[float, Edge]] = []
    for i, j in edges:
        dx, dy = xs[j] - xs[i], ys[j] - ys[i]
        along = ((x - xs[i]) * dx + (y - ys[i]) * dy) / (dx * dx + dy * dy)
        if 0.05 < along < 0.95:
            found.append((math.hypot(x - xs[i] - along * dx, y - ys[i] - along * dy), (i, j)))
    near = min(found, default=None)
    return near[1] if near is not None and near[0] <= reach else None


def _between(a: QPointF, b: QPointF, side: float) -> QLineF:
    line = QLineF(a, b)
    length = max(line.length(), 1e-6)
    u = QPointF(line.dx(), line.dy()) / length
    return QLineF(a + u * side, b - u * (side + 2))
