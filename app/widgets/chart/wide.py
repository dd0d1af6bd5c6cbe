"""Smooth curves wider than a pixel, quickly.

Qt draws an antialiased line of one pixel twenty times as fast as one of two, whose outline it computes and fills. So on
the screen a wide curve is drawn as several lines of one pixel side by side, which nobody can tell from it; dashes, pale
colours and pictures made of vectors get the real one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QPaintEngine, QPainter, QPen

from app.widgets.chart.trace import path_of, polygon

APART = 0.55
"""Pixels between two lines at most: across a diagonal, where they are thinnest, no gap may be seen between them."""
WIDEST = 2.2
"""Pixels; so many lines as a wider curve needs would take as long as the real one."""
FEW = 8
"""More lines are cheaper as one path."""


def pixels(p: QPainter) -> float:
    """How many pixels of the picture one logical pixel has; 0 where the picture is made of vectors."""
    return float(p.deviceTransform().m11()) if p.paintEngine().type() == QPaintEngine.Type.Raster else 0.0


def stroke(p: QPainter, runs: Sequence[np.ndarray], colour: QColor, width: float, dashed: bool = False) -> None:
    """Draw polylines (n, 2) in logical pixels, `width` of them wide."""
    if not runs:
        return
    fine = pixels(p)
    across = width * fine
    count = math.ceil(across / APART) if across > 1.0 else 1
    if dashed or not fine or colour.alpha() < 255 or across > WIDEST:
        pen = QPen(colour, width, Qt.PenStyle.DashLine if dashed else Qt.PenStyle.SolidLine)
        pen.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
        _draw(p, runs, pen)
        return
    pen = QPen(colour, 1.0)
    pen.setCosmetic(True)
    _draw(p, _side_by_side(runs, across, count, fine) if count > 1 else runs, pen)


def _draw(p: QPainter, runs: Sequence[np.ndarray], pen: QPen) -> None:
    if len(runs) > FEW:
        p.strokePath(path_of(runs), pen)
        return
    p.setPen(pen)
    for run in runs:
        p.drawPolyline(polygon(run))


def _side_by_side(runs: Sequence[np.ndarray], across: float, count: int, fine: float) -> list[np.ndarray]:
    """Lines of one pixel that cover lines of `across` pixels."""
    points, lengths = np.concatenate(runs), np.array([len(run) for run in runs])
    ends = np.cumsum(lengths)
    sideways = _sideways(points, np.repeat(ends - lengths, lengths), np.repeat(ends - 1, lengths))
    thin = np.abs(sideways).max(1, keepdims=True)  # of a line of one pixel across its own direction
    reach = (across - thin) / (2.0 * fine) * sideways
    moved = [points + place * reach for place in np.linspace(-1.0, 1.0, count)]
    return [line for whole in moved for line in np.split(whole, ends[:-1])]


def _sideways(points: np.ndarray, first: np.ndarray, last: np.ndarray) -> np.ndarray:
    """Unit vectors across a polyline at each of its points (n, 2); `first` and `last` (n,) are the ends of its own."""
    here = np.arange(len(points))
    along = points[np.minimum(here + 1, last)] - points[np.maximum(here - 1, first)]
    length = np.hypot(along[:, 0], along[:, 1])
    still = length < 1e-9  # it goes back where it came from, or nowhere
    along[still], length[still] = (1.0, 0.0), 1.0
    along /= length[:, None]
    return np.column_stack((-along[:, 1], along[:, 0]))
