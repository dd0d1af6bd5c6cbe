"""What a plane view paints: points, pictures of densities, contours, arrows and ways, from plain arrays."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Literal

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QImage, QMouseEvent, QPainter, QPen

from app.shell import theme
from app.widgets import colormap, images
from app.widgets.chart.trace import arrows, path_of, polygon
from app.widgets.view2d import Extent, View2D

if TYPE_CHECKING:
    from app.widgets.plane import PlaneView

Kind = Literal["points", "image", "arrows", "paths", "contour", "ways", "mesh"]


@dataclass
class Layer:
    """One thing drawn on the plane."""

    label: str
    kind: Kind
    data: np.ndarray
    extent: Extent | None
    colour: str | None
    cmap: str
    visible: bool
    limits: tuple[float, float] | None = None
    at: float = 1.0
    picture: QImage | None = None


class Canvas(View2D):
    """Paints the layers of a PlaneView."""

    clicked = Signal(float, float)
    dragged = Signal(float, float, str)

    def __init__(self, owner: PlaneView) -> None:
        super().__init__(owner)
        self._owner = owner
        self._press: QPointF | None = None
        self.draggable = False
        self.moving: np.ndarray | None = None
        self.moving_colour = QColor()
        self.setAccessibleName("Plane")
        self.setCursor(Qt.CursorShape.CrossCursor)
        self.set_empty("Nothing on the plane yet", "Data appear as soon as a two-dimensional data set is chosen.")

    def has_content(self) -> bool:
        return any(len(layer.data) for layer in self._owner._layers.values())

    def paint_scene(self, painter: QPainter) -> None:
        order = {"image": 0, "contour": 1, "mesh": 2, "points": 3, "paths": 4, "arrows": 5, "ways": 6}
        for key, layer in sorted(self._owner._layers.items(), key=lambda pair: order[pair[1].kind]):
            if layer.visible and len(layer.data):
                colour = QColor(self._owner.colour_of(key))
                getattr(self, f"_paint_{layer.kind}")(painter, layer, colour)

    def _paint_image(self, painter: QPainter, layer: Layer, _colour: QColor) -> None:
        name = f"{layer.cmap}/{theme.current().name}"
        if layer.picture is None or layer.picture.text("scale") != name:
            lo, hi = layer.limits or (0.0 if layer.cmap == "density" else None, None)
            made = {"density": density_scale, "diverging": diverging_scale}.get(layer.cmap)
            scale = made() if made is not None else layer.cmap
            rgba = colormap.colorize(layer.data, scale, lo=lo, hi=hi)
            layer.picture = images.to_qimage(np.ascontiguousarray(rgba[::-1]))  # row 0 is the lowest
            layer.picture.setText("scale", name)
        ground = layer.picture.pixelColor(0, 0)
        # What is the same in all corners goes on, so that no bare margin is left.
        right, low = layer.picture.width() - 1, layer.picture.height() - 1
        corners = {layer.picture.pixelColor(x, y).rgba() for x in (0, right) for y in (0, low)}
        if corners == {ground.rgba()} and ground.alpha() == 255:
            painter.fillRect(self.area(), ground)
        self.draw_image(painter, layer.picture, layer.extent or self._home)

    def _paint_contour(self, painter: QPainter, layer: Layer, colour: QColor) -> None:
        x0, x1, y0, y1 = layer.extent or self._home
        h, w = layer.data.shape
        levels = np.quantile(layer.data[np.isfinite(layer.data)], (0.7, 0.85, 0.95))
        ends = isolines(layer.data, *levels.tolist()).reshape(-1, 2)
        places = np.array([x0, y0]) + ends * np.array([(x1 - x0) / (w - 1), (y1 - y0) / (h - 1)])
        painter.strokePath(path_of(self.screen_array(places).reshape(-1, 2, 2)), QPen(colour, 1.2))

    def _paint_mesh(self, painter: QPainter, layer: Layer, colour: QColor) -> None:
        """A net of g x g knots: each cell filled as strongly as its first knot says, the threads thin above."""
        g, h, _ = layer.data.shape
        knots = self.screen_array(layer.data[..., :2].reshape(-1, 2)).reshape(g, h, 2)
        painter.setPen(Qt.PenStyle.NoPen)
        for i, j in np.argwhere(layer.data[:-1, :-1, 2] > 0.02):
            fill = QColor(colour)
            fill.setAlphaF(float(min(1.0, layer.data[i, j, 2])))
            painter.setBrush(fill)
            round_ = (knots[i, j], knots[i, j + 1], knots[i + 1, j + 1], knots[i + 1, j])
            painter.drawPolygon(polygon(np.array(round_)))
        thin = QColor(colour)
        thin.setAlpha(120)
        painter.strokePath(path_of((*knots, *knots.transpose(1, 0, 2))), QPen(thin, 0.8))

    def _paint_points(self, painter: QPainter, layer: Layer, colour: QColor) -> None:
        many = len(layer.data) > 2000
        colour.setAlpha(130 if many else 190)
        self.draw_points(painter, layer.data[:20_000], colour, theme.px(3 if many else 4))

    def _paint_arrows(self, painter: QPainter, layer: Layer, colour: QColor) -> None:
        start = self.screen_array(layer.data[:, :2])
        step = layer.data[:, 2:] * (1 / self._per_px, -1 / self._per_px)
        length = np.hypot(step[:, 0], step[:, 1])
        typical = np.percentile(length[np.isfinite(length)], 95) if len(length) else 1.0
        step = step * (theme.px(18) / max(typical, 1e-9))  # length shows relative strength, never hides the neighbours
        step *= np.minimum(1.0, theme.px(24) / np.maximum(np.hypot(step[:, 0], step[:, 1]), 1e-9))[:, None]
        painter.strokePath(path_of(arrows(start, step, theme.px(4))), QPen(colour, 1.2))

    def _paint_paths(self, painter: QPainter, layer: Layer, colour: QColor) -> None:
        k, t, _ = layer.data.shape
        flat = self.screen_array(layer.data.reshape(k * t, 2)).reshape(k, t, 2)
        colour.setAlpha(150 if k < 200 else 70)
        painter.strokePath(path_of(flat), QPen(colour, 1.0))
        colour.setAlpha(255)
        self.draw_points(painter, layer.data[:, -1], colour, theme.px(4))

    def _paint_ways(self, painter: QPainter, layer: Layer, colour: QColor) -> None:
        """Past solid, future faint, with a white casing, so that the way is seen on any ground."""
        k, t, _ = layer.data.shape
        flat = self.screen_array(layer.data.reshape(k * t, 2)).reshape(k, t, 2)
        now = min(max(layer.at, 0.0), 1.0) * (t - 1)
        last = int(now)
        here = flat[:, last] + (flat[:, min(last + 1, t - 1)] - flat[:, last]) * (now - last)
        past = path_of(np.concatenate((flat[:, : last + 1], here[:, None]), 1))
        future = path_of(np.concatenate((here[:, None], flat[:, last + 1 :]), 1))
        join = (Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap, Qt.PenJoinStyle.RoundJoin)
        faint, wide = QColor(colour), theme.px(2)
        faint.setAlpha(150)
        painter.strokePath(future, QPen(QColor(255, 255, 255, 120), wide + theme.px(1), *join))
        painter.strokePath(future, QPen(faint, theme.px(1), *join))
        painter.strokePath(past, QPen(QColor(255, 255, 255, 235), wide + theme.px(3), *join))
        painter.strokePath(past, QPen(colour, wide, *join))
        for x, y in flat[:, 0]:
            painter.setPen(QPen(colour, wide))
            painter.setBrush(QColor("white"))
            painter.drawEllipse(QPointF(x, y), theme.px(4), theme.px(4))
        painter.setPen(QPen(QColor("white"), wide))
        painter.setBrush(colour)
        for x, y in here:
            painter.drawEllipse(QPointF(x, y), theme.px(5), theme.px(5))

    def paint_over(self, painter: QPainter) -> None:
        if self.moving is not None:
            self.draw_points(painter, self.moving, self.moving_colour, theme.px(4))
        if self.pointer is None:
            return
        t = theme.current()
        text = f"{self.pointer[0]:.3f}, {self.pointer[1]:.3f}"
        extra = self._owner.value_at(*self.pointer)
        text += f"   {extra}" if extra else ""
        painter.setFont(theme.number_font(-1))
        width = painter.fontMetrics().horizontalAdvance(text) + theme.px(12)
        area = self.area()
        box = QRectF(area.right() - width - theme.px(6), area.top() + theme.px(6), width, theme.px(20))
        painter.setPen(QPen(QColor(t.border), 1))
        painter.setBrush(theme.color(t.raised, 235))
        painter.drawRoundedRect(box, 4, 4)
        painter.setPen(QColor(t.text))
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, text)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self._press = event.position() if event.button() == Qt.MouseButton.LeftButton else None
        if self._press is not None and self.draggable and self.area().contains(self._press):
            more = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
            self.dragged.emit(*self.to_plane(self._press), "more" if more else "begin")
        super().mousePressEvent(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        super().mouseMoveEvent(event)
        if self._press is not None and self.draggable:
            self.dragged.emit(*self.to_plane(event.position()), "move")

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if self._press is not None:
            if (event.position() - self._press).manhattanLength() <= 3:
                self.clicked.emit(*self.to_plane(event.position()))
            if self.draggable:
                self.dragged.emit(*self.to_plane(event.position()), "end")
        self._press = None
        super().mouseReleaseEvent(event)

    def mouseDoubleClickEvent(self, _event: QMouseEvent) -> None:
        self.fit()


def density_scale() -> np.ndarray:
    """A quiet scale for densities, from the ground of the theme to its accent, on which points keep their colours."""
    t = theme.current()
    return _ramp((t.base, t.accent), tuple(np.linspace(0, 0.72, 256).tolist()))


def diverging_scale() -> np.ndarray:
    """From blue over the ground of the theme to red, so that what is alike is quiet in both themes."""
    t = theme.current()
    low, high = ("#4f9be8", "#f0705a") if t.dark else ("#2166ac", "#b2182b")
    parts = np.abs(np.linspace(-1, 1, 256))
    below, above = (
        _ramp((t.base, end), tuple(part.tolist())) for end, part in zip((low, high), (parts[:128], parts[128:]))
    )
    return np.concatenate((below, above))


@lru_cache(maxsize=16)
def _ramp(ends: tuple[str, str], parts: tuple[float, ...]) -> np.ndarray:
    """Colours uint8 (parts, 3) between two; kept, for pictures of the plane are painted many times a second."""
    return np.array([QColor(theme.mix(*ends, part)).getRgb()[:3] for part in parts], np.uint8)


def isolines(values: np.ndarray, *levels: float) -> np.ndarray:
    """Segments (n, 4) along which a grid of values passes the levels, by marching squares; saddles give both lines."""
    v, at = np.nan_to_num(np.asarray(values, float), nan=-np.inf), np.asarray(levels, float)
    above = v > at[:, None, None]
    high = above[:, :-1, :-1].astype(np.int8) + above[:, :-1, 1:] + above[:, 1:, 1:] + above[:, 1:, :-1]
    which, rows, cols = np.nonzero((high > 0) & (high < 4))  # a level passes few of the cells
    offsets = ((0, 0), (1, 0), (1, 1), (0, 1))
    corners = [v[rows + dy, cols + dx] - at[which] for dx, dy in offsets]
    crossing = []
    for e in range(4):
        a, b = corners[e], corners[(e + 1) % 4]
        (ax, ay), (bx, by) = offsets[e], offsets[(e + 1) % 4]
        with np.errstate(divide="ignore", invalid="ignore"):
            f = np.where(np.isfinite(a) & np.isfinite(b) & (a != b), a / (a - b), 0.5)
        hit = (a > 0) != (b > 0)
        crossing.append((hit, cols + ax + f * (bx - ax), rows + ay + f * (by - ay)))
    segments = []
    alone = sum(c[0].astype(int) for c in crossing) == 2
    for i in range(4):
        for j in range(i + 1, 4):
            both = crossing[i][0] & crossing[j][0]
            take = both & (alone | ((i, j) in ((0, 1), (2, 3))))
            segments.append(np.stack([crossing[i][1], crossing[i][2], crossing[j][1], crossing[j][2]], -1)[take])
    return np.concatenate(segments)
