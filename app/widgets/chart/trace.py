"""Points become polylines: at most two for each column of pixels, so that a million cost as much as a thousand."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PySide6.QtCore import QByteArray, QDataStream
from PySide6.QtGui import QPainterPath, QPolygonF

from app.widgets.chart.frame import Frame

NEVER = -1e30
"""A pixel left of everything."""


def trace(frame: Frame, x: np.ndarray, y: np.ndarray, since: float = NEVER) -> list[np.ndarray]:
    """The visible part of a curve as polylines (n, 2) in logical pixels; gaps (NaN) cut it into several.

    x must not go back. A column of pixels with more than two points keeps its lowest and its highest one, and runs up
    in even and down in odd columns, so that each pixel is met about once. What comes out for a column depends on the
    points in it alone; therefore the columns from pixel `since` on can be painted anew beside the ones that stay.
    """
    if not len(x):
        return []
    a, b = _visible(frame, x, since)
    xs, ys = np.asarray(x[a:b], np.float64), frame.lift(y[a:b])
    if not len(xs):
        return []
    px = frame.left + (xs - frame.x0) * frame.wide
    py = frame.bottom - (ys - frame.y0) * frame.high
    points = _thin(px, py, frame.dpr)
    good = np.isfinite(points[:, 1])
    if good.all():
        return [points]
    edges = np.flatnonzero(np.diff(np.concatenate(([False], good, [False])).astype(np.int8)))
    return [points[i:j] for i, j in edges.reshape(-1, 2)]


def _visible(frame: Frame, x: np.ndarray, since: float) -> tuple[int, int]:
    """The points that are seen, with one whole column before them, so that the line comes in from outside."""
    b = min(len(x), int(np.searchsorted(x, frame.x1, side="right")) + 1)
    a = int(np.searchsorted(x, max(frame.x0, frame.x_at(since))))
    if a == 0:
        return 0, b
    column = np.floor(frame.px(float(x[a - 1])) * frame.dpr) / frame.dpr
    return max(0, int(np.searchsorted(x, frame.x_at(column))) - 1), b


def _thin(px: np.ndarray, py: np.ndarray, dpr: float) -> np.ndarray:
    n = len(px)
    column = np.floor(px * dpr).astype(np.int64)
    starts = np.concatenate(([0], np.flatnonzero(np.diff(column)) + 1))
    if 2 * len(starts) > n and (n < 3 or np.diff(np.append(starts, n)).max() <= 2):
        return np.column_stack((px, py))
    ends = np.append(starts[1:], n)
    many = ends - starts > 2
    low, high = np.fmin.reduceat(py, starts), np.fmax.reduceat(py, starts)
    up = column[starts] % 2 == 0
    made = np.empty((len(starts), 2, 2))
    middle = (column[starts] + 0.5) / dpr
    made[:, 0, 0] = np.where(many, middle, px[starts])
    made[:, 1, 0] = np.where(many, middle, px[ends - 1])
    made[:, 0, 1] = np.where(many, np.where(up, low, high), py[starts])
    made[:, 1, 1] = np.where(many, np.where(up, high, low), py[ends - 1])
    kept = np.ones((len(starts), 2), bool)
    kept[:, 1] = ends - starts > 1
    return made[kept]


def polygon(points: np.ndarray) -> QPolygonF:
    """A QPolygonF from points (n, 2) in one go; making a QPointF for each would take ten times as long."""
    data = len(points).to_bytes(4, "big") + points.astype(">f8").tobytes()
    stream, made = QDataStream(QByteArray(data)), QPolygonF()
    stream >> made
    return made


ELEMENT = np.dtype([("kind", ">i4"), ("x", ">f8"), ("y", ">f8")])
"""One element of a path as Qt streams it; kind 0 moves, 1 draws a line."""


def path_of(runs: Sequence[np.ndarray] | np.ndarray) -> QPainterPath:
    """Polylines (n, 2), or segments (n, 2, 2), as one path in one go; drawn at once it costs half of many lines."""
    points = np.concatenate(runs) if len(runs) else np.empty((0, 2))
    elements = np.ones(len(points), ELEMENT)
    elements["x"], elements["y"] = points[:, 0], points[:, 1]
    begins = np.cumsum([0, *map(len, runs)])
    elements["kind"][begins[begins < len(points)]] = 0
    ends = b"\0" * 8  # where its last part begins, and how it is filled
    stream, made = QDataStream(QByteArray(len(points).to_bytes(4, "big") + elements.tobytes() + ends)), QPainterPath()
    stream >> made
    return made


def arrows(begin: np.ndarray, way: np.ndarray, tip: float) -> np.ndarray:
    """Segments (k, 2, 2) of arrows from `begin` by `way` (n, 2), heads at most `tip` long; tiny ones are left out."""
    length = np.hypot(way[:, 0], way[:, 1])
    seen = (length > 1.0) & (length < 1e5)  # not where it is NaN either
    begin, way, length = begin[seen], way[seen], length[seen, None]
    end, along = begin + way, way / length
    head = np.minimum(tip, length / 2)
    foot, side = end - along * head, along[:, ::-1] * [-1.0, 1.0] * (head * 0.55)
    return np.concatenate([np.stack(pair, 1) for pair in ((begin, end), (foot + side, end), (foot - side, end))])
