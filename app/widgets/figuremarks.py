"""What a figure is made of: lines, bars, dots, rules, bands, pictures, contours, arrows and words, as plain values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from PySide6.QtCore import QLineF, QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPen

from app.shell import theme
from app.widgets import colormap, images
from app.widgets.chart.frame import Frame
from app.widgets.chart.trace import arrows, path_of, polygon, trace
from app.widgets.chart.wide import stroke
from app.widgets.planecanvas import density_scale, diverging_scale, isolines
from app.widgets.view2d import Extent

Colour = int | str
"""A series of the theme by number, a role (accent, text, muted, good, warn, bad), or #rrggbb."""

FINE_BAR = 3.0
"""Bars narrower than so many pixels have no outline."""
ROLES = {"accent", "text", "muted", "good", "warn", "bad", "edge"}


def paint_colour(colour: Colour) -> QColor:
    """A colour as the present theme has it."""
    t = theme.current()
    if isinstance(colour, int):
        return QColor(t.series[colour % len(t.series)])
    return QColor(getattr(t, colour)) if colour in ROLES else QColor(colour)


@dataclass(frozen=True)
class Mark:
    """Anything in a figure. `name` is its word in the legend (none, if empty); `dashed` is for lines."""

    name: str = field(default="", kw_only=True)
    colour: Colour = field(default=0, kw_only=True)
    dashed: bool = field(default=False, kw_only=True)

    def box(self) -> Extent | None:
        """The part of the axes that it fills (x0, x1, y0, y1), for axes that fit themselves; None where it has none."""
        return None

    def paint(self, p: QPainter, f: Frame) -> None:
        """Draw it; the painter is clipped to the axes already."""
        raise NotImplementedError


@dataclass(frozen=True)
class Line(Mark):
    """A curve y(x) with x in rising order, or any path where `free`; NaN leaves a gap. `fill` shades down to 0."""

    x: np.ndarray
    y: np.ndarray
    width: float = 1.8
    fill: bool = False
    free: bool = False

    def box(self) -> Extent | None:
        return _box(self.x, self.y, floor=self.fill)

    def paint(self, p: QPainter, f: Frame) -> None:
        x, colour = f.lift_x(self.x), paint_colour(self.colour)
        if self.free:
            lifted = f.lift(self.y)
            good = np.isfinite(x) & np.isfinite(lifted)
            edges = np.flatnonzero(np.diff(np.concatenate(([False], good, [False])).astype(np.int8)))
            all_ = np.column_stack((f.left + (x - f.x0) * f.wide, f.bottom - (lifted - f.y0) * f.high))
            runs = [all_[i:j] for i, j in edges.reshape(-1, 2)]
        else:
            runs = trace(f, x, np.asarray(self.y, np.float64))
        zero = f.bottom if f.log else f.py(max(f.y0, min(f.y1, 0.0)))
        for run in runs:
            if self.fill and len(run) > 1:
                ground = QColor(colour)
                ground.setAlpha(56)
                p.setPen(Qt.PenStyle.NoPen)
                p.setBrush(ground)
                ends = np.array([[run[-1, 0], zero], [run[0, 0], zero]])
                p.drawPolygon(polygon(np.concatenate((run, ends))))
                p.setBrush(Qt.BrushStyle.NoBrush)
        stroke(p, runs, colour, _width(self.width), self.dashed)


@dataclass(frozen=True)
class Bars(Mark):
    """Bars of a width (in units of x) around x from `base` (0) to base + height; `errors` are half lengths."""

    x: np.ndarray
    heights: np.ndarray
    width: float = 0.8
    base: np.ndarray | float = 0.0
    errors: np.ndarray | None = None
    hollow: bool = False

    def box(self) -> Extent | None:
        base = np.broadcast_to(np.asarray(self.base, float), np.shape(self.heights))
        x, half = np.asarray(self.x, float), self.width / 2
        return _box(np.concatenate((x - half, x + half)), np.concatenate((base, base + self.heights)), floor=True)

    def paint(self, p: QPainter, f: Frame) -> None:
        colour = paint_colour(self.colour)
        ground = QColor(colour)
        ground.setAlpha(0 if self.hollow else 190)
        heights = np.asarray(self.heights, float)
        base = np.broadcast_to(np.asarray(self.base, float), heights.shape)
        good = np.isfinite(heights)
        top, foot = (np.nan_to_num(f.lift(v), nan=f.y0, neginf=f.y0) for v in (base + heights, base))
        high, low = (f.bottom - (v[good] - f.y0) * f.high for v in (top, foot))
        left = f.left + (np.asarray(self.x, float)[good] - self.width / 2 - f.x0) * f.wide
        wide = self.width * f.wide
        sides = np.column_stack((left, np.minimum(high, low), np.full_like(left, wide), np.abs(low - high)))
        fine = (
            wide < FINE_BAR
        )  # outlines of bars so narrow would be all that one sees, and take a hundred times as long
        p.setPen(QPen(Qt.PenStyle.NoPen) if fine else _pen(colour, 1.2))
        p.setBrush(ground)
        p.setRenderHint(QPainter.RenderHint.Antialiasing, not fine)
        p.drawRects([QRectF(*side) for side in sides.tolist()])
        p.setRenderHint(QPainter.RenderHint.Antialiasing)
        if self.errors is not None:
            p.setPen(_pen(paint_colour("text"), 1.4))
            ends = np.asarray(self.errors, float)
            upper, lower = (f.bottom - (f.lift(base + heights + e)[good] - f.y0) * f.high for e in (ends, -ends))
            lower = np.where(np.isfinite(lower), lower, f.bottom)
            p.drawLines([QLineF(x + wide / 2, a, x + wide / 2, b) for x, a, b in zip(left, lower, upper, strict=True)])
        p.setBrush(Qt.BrushStyle.NoBrush)


@dataclass(frozen=True)
class Dots(Mark):
    """Points; `size` in pixels of the design, `errors` are half lengths of upright error bars, `alpha` 0 to 255.

    `labels` (n,) colours each point by its class.
    """

    x: np.ndarray
    y: np.ndarray
    size: float = 3.0
    errors: np.ndarray | None = None
    alpha: int = 220
    hollow: bool = False
    labels: np.ndarray | None = None

    def box(self) -> Extent | None:
        return _box(self.x, self.y)

    def paint(self, p: QPainter, f: Frame) -> None:
        x, y = f.lift_x(self.x), f.lift(self.y)
        at = np.column_stack((f.left + (x - f.x0) * f.wide, f.bottom - (y - f.y0) * f.high))
        good = np.isfinite(at).all(1)
        if self.errors is not None:
            p.setPen(_pen(paint_colour(self.colour), 1.2))
            low, high = f.lift(np.asarray(self.y) - self.errors), f.lift(np.asarray(self.y) + self.errors)
            for i in np.flatnonzero(good):
                foot = f.bottom if not np.isfinite(low[i]) else f.py(float(low[i]))
                p.drawLine(QLineF(at[i, 0], foot, at[i, 0], f.py(float(high[i]))))
        if self.labels is None:
            self._paint_group(p, at[good], paint_colour(self.colour))
        else:
            for label in np.unique(self.labels[good]):
                self._paint_group(p, at[good & (self.labels == label)], QColor(theme.label_color(int(label))))

    def _paint_group(self, p: QPainter, at: np.ndarray, colour: QColor) -> None:
        side = theme.px(self.size)
        colour.setAlpha(self.alpha)
        if self.hollow:
            p.setPen(_pen(colour, 1.4))
            for px, py in at:
                p.drawEllipse(QPointF(px, py), side, side)
            return
        pen = QPen(colour, 2 * side)
        pen.setCapStyle(Qt.PenCapStyle.RoundCap)
        p.setPen(pen)
        p.drawPoints(polygon(at))  # a thick round pen draws thousands in one go


@dataclass(frozen=True)
class Rule(Mark):
    """A straight line across the whole figure: upright at an x, or (along="y") level at a y."""

    at: float
    along: str = "x"
    width: float = 1.4

    def paint(self, p: QPainter, f: Frame) -> None:
        p.setPen(_pen(paint_colour(self.colour), self.width, self.dashed))
        if self.along == "x":
            x = f.px(float(f.lift_x(np.array([self.at]))[0]))
            p.drawLine(QLineF(x, f.top, x, f.bottom))
        else:
            y = f.py(float(f.lift(np.array([self.at]))[0]))
            p.drawLine(QLineF(f.left, y, f.right, y))


@dataclass(frozen=True)
class Band(Mark):
    """The ground between two curves over x, such as an interval of two standard errors."""

    x: np.ndarray
    low: np.ndarray
    high: np.ndarray

    def box(self) -> Extent | None:
        return _box(np.concatenate((self.x, self.x)), np.concatenate((self.low, self.high)))

    def paint(self, p: QPainter, f: Frame) -> None:
        x, low, high = f.lift_x(self.x), f.lift(self.low), f.lift(self.high)
        low = np.where(np.isfinite(low), low, f.y0)
        good = np.isfinite(x) & np.isfinite(high)
        px = f.left + (x[good] - f.x0) * f.wide
        edge = [np.column_stack((px, f.bottom - (v[good] - f.y0) * f.high)) for v in (low, high)]
        ground = paint_colour(self.colour)
        ground.setAlpha(60)
        p.setPen(Qt.PenStyle.NoPen)
        p.setBrush(ground)
        p.drawPolygon(polygon(np.concatenate((edge[0], edge[1][::-1]))))
        p.setBrush(Qt.BrushStyle.NoBrush)


@dataclass(frozen=True)
class Image(Mark):
    """Values (h, w) with row 0 at the lowest y, coloured by a map, or a picture uint8 (h, w) or (h, w, 3) as it is.

    `cmap` is "density", "diverging" or a name of the colour maps; `limits` are the ends of its colours.
    """

    values: np.ndarray
    extent: Extent
    cmap: str = "density"
    limits: tuple[float, float] | None = None
    smooth: bool = True

    def box(self) -> Extent | None:
        return self.extent

    def paint(self, p: QPainter, f: Frame) -> None:
        if self.values.dtype == np.uint8:
            rgba = self.values
        else:
            lo, hi = self.limits or (0.0 if self.cmap == "density" else None, None)
            made = {"density": density_scale, "diverging": diverging_scale}.get(self.cmap)
            rgba = colormap.colorize(self.values, made() if made is not None else self.cmap, lo=lo, hi=hi)
        picture = images.to_qimage(np.ascontiguousarray(rgba[::-1]))
        x0, x1, y0, y1 = self.extent
        p.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, self.smooth)
        p.drawImage(QRectF(QPointF(f.px(x0), f.py(y1)), QPointF(f.px(x1), f.py(y0))), picture)


@dataclass(frozen=True)
class Contours(Mark):
    """The lines along which values (h, w), row 0 at the lowest y, pass the levels; values lie at middles of cells."""

    values: np.ndarray
    extent: Extent
    levels: Sequence[float]
    width: float = 1.3

    @cached_property
    def _lines(self) -> np.ndarray:
        """The segments (n, 2, 2) of all levels; kept, for a ground often stays as it is while something moves on it."""
        return isolines(self.values, *self.levels).reshape(-1, 2, 2)

    def box(self) -> Extent | None:
        return self.extent

    def paint(self, p: QPainter, f: Frame) -> None:
        h, w = self.values.shape
        x0, x1, y0, y1 = self.extent
        xs, ys = x0 + (self._lines[..., 0] + 0.5) * (x1 - x0) / w, y0 + (self._lines[..., 1] + 0.5) * (y1 - y0) / h
        places = np.stack((f.left + (xs - f.x0) * f.wide, f.bottom - (ys - f.y0) * f.high), -1)
        p.strokePath(path_of(places), _pen(paint_colour(self.colour), self.width, self.dashed))


@dataclass(frozen=True)
class Arrows(Mark):
    """Arrows from (x, y) by (dx, dy), all in units of the axes; tiny ones are left out."""

    x: np.ndarray
    y: np.ndarray
    dx: np.ndarray
    dy: np.ndarray
    width: float = 1.3

    def box(self) -> Extent | None:
        return _box(self.x, self.y)

    def paint(self, p: QPainter, f: Frame) -> None:
        x, y, dx, dy = (np.asarray(v, float) for v in (self.x, self.y, self.dx, self.dy))
        begin = np.column_stack(((f.left + (x - f.x0) * f.wide).ravel(), (f.bottom - (y - f.y0) * f.high).ravel()))
        way = np.column_stack(((dx * f.wide).ravel(), (-dy * f.high).ravel()))
        p.strokePath(path_of(arrows(begin, way, theme.px(5))), _pen(paint_colour(self.colour), self.width))


@dataclass(frozen=True)
class Words(Mark):
    """A few words at a place of the axes; `align` puts the place at their left, middle or right."""

    x: float
    y: float
    text: str
    align: str = "middle"
    bold: bool = False

    def paint(self, p: QPainter, f: Frame) -> None:
        font = theme.ui_font(-1, bold=self.bold)
        metrics = QFontMetricsF(font)
        wide = metrics.horizontalAdvance(self.text)
        left = f.px(self.x) - {"left": 0.0, "middle": wide / 2, "right": wide}[self.align]
        p.setFont(font)
        p.setPen(paint_colour(self.colour))
        p.drawText(QPointF(left, f.py(self.y) + metrics.ascent() / 2 - metrics.descent() / 2), self.text)


def _width(width: float) -> float:
    """Lines grow with the text, though less."""
    return width * max(1.0, theme.scale() ** 0.5)


def _pen(colour: QColor, width: float, dashed: bool = False) -> QPen:
    pen = QPen(colour, _width(width))
    pen.setStyle(Qt.PenStyle.DashLine if dashed else Qt.PenStyle.SolidLine)
    pen.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
    return pen


def _box(x: np.ndarray, y: np.ndarray, floor: bool = False) -> Extent | None:
    xs, ys = np.asarray(x, float), np.asarray(y, float)
    good = np.isfinite(xs) & np.isfinite(ys)
    if not good.any():
        return None
    low = min(0.0, float(ys[good].min())) if floor else float(ys[good].min())
    return float(xs[good].min()), float(xs[good].max()), low, max(float(ys[good].max()), low)
