"""The plane on which two-dimensional models live: data, samples, densities, arrows and paths in switchable layers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QImage, QMouseEvent, QPainter, QPainterPath, QPen
from PySide6.QtWidgets import QVBoxLayout, QWidget

from app.shell import theme
from app.widgets import colormap, images, kit
from app.widgets.legend import LegendRow
from app.widgets.view2d import Extent, View2D, extent_of

Kind = Literal["points", "image", "arrows", "paths", "contour"]
COLUMNS = {"points": 2, "arrows": 4}


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
    picture: QImage | None = None


class _Canvas(View2D):
    """Paints the layers of a PlaneView."""

    clicked = Signal(float, float)

    def __init__(self, owner: PlaneView) -> None:
        super().__init__(owner)
        self._owner = owner
        self._press: QPointF | None = None
        self.setAccessibleName("Plane")
        self.setCursor(Qt.CursorShape.CrossCursor)
        self.set_empty("Nothing on the plane yet", "Data appear as soon as a two-dimensional data set is chosen.")

    def has_content(self) -> bool:
        return any(len(layer.data) for layer in self._owner._layers.values())

    def paint_scene(self, painter: QPainter) -> None:
        order = {"image": 0, "contour": 1, "points": 2, "paths": 3, "arrows": 4}
        for key, layer in sorted(self._owner._layers.items(), key=lambda pair: order[pair[1].kind]):
            if layer.visible and len(layer.data):
                colour = QColor(self._owner.colour_of(key))
                getattr(self, f"_paint_{layer.kind}")(painter, layer, colour)

    def _paint_image(self, painter: QPainter, layer: Layer, _colour: QColor) -> None:
        name = f"{layer.cmap}/{theme.current().name}"
        if layer.picture is None or layer.picture.text("scale") != name:
            lo = 0.0 if layer.cmap == "density" else None
            rgba = colormap.colorize(layer.data, density_scale() if layer.cmap == "density" else layer.cmap, lo=lo)
            layer.picture = images.to_qimage(np.ascontiguousarray(rgba[::-1]))  # row 0 is the lowest
            layer.picture.setText("scale", name)
        self.draw_image(painter, layer.picture, layer.extent or self._home)

    def _paint_contour(self, painter: QPainter, layer: Layer, colour: QColor) -> None:
        x0, x1, y0, y1 = layer.extent or self._home
        h, w = layer.data.shape
        path = QPainterPath()
        for level in np.quantile(layer.data[np.isfinite(layer.data)], (0.7, 0.85, 0.95)):
            for ax, ay, bx, by in isolines(layer.data, float(level)):
                path.moveTo(self.to_screen(x0 + ax / (w - 1) * (x1 - x0), y0 + ay / (h - 1) * (y1 - y0)))
                path.lineTo(self.to_screen(x0 + bx / (w - 1) * (x1 - x0), y0 + by / (h - 1) * (y1 - y0)))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(colour, 1.2))
        painter.drawPath(path)

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
        path = QPainterPath()
        for (x, y), (dx, dy) in zip(start.tolist(), step.tolist(), strict=True):
            size = (dx * dx + dy * dy) ** 0.5
            if not size > 1.0:
                continue
            ex, ey, ux, uy = x + dx, y + dy, dx / size, dy / size
            head = min(4.0, size * 0.5)
            path.moveTo(x, y)
            path.lineTo(ex, ey)
            path.moveTo(ex - head * (ux - 0.6 * uy), ey - head * (uy + 0.6 * ux))
            path.lineTo(ex, ey)
            path.lineTo(ex - head * (ux + 0.6 * uy), ey - head * (uy - 0.6 * ux))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(colour, 1.2))
        painter.drawPath(path)

    def _paint_paths(self, painter: QPainter, layer: Layer, colour: QColor) -> None:
        k, t, _ = layer.data.shape
        flat = self.screen_array(layer.data.reshape(k * t, 2)).reshape(k, t, 2)
        path = QPainterPath()
        for line in flat.tolist():
            path.moveTo(*line[0])
            for x, y in line[1:]:
                path.lineTo(x, y)
        colour.setAlpha(150 if k < 200 else 70)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(colour, 1.0))
        painter.drawPath(path)
        colour.setAlpha(255)
        self.draw_points(painter, layer.data[:, -1], colour, theme.px(4))

    def paint_over(self, painter: QPainter) -> None:
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
        super().mousePressEvent(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if self._press is not None and (event.position() - self._press).manhattanLength() <= 3:
            self.clicked.emit(*self.to_plane(event.position()))
        self._press = None
        super().mouseReleaseEvent(event)

    def mouseDoubleClickEvent(self, _event: QMouseEvent) -> None:
        self.fit()


class PlaneView(QWidget):
    """A plane with layers; the words of the legend switch them.

    Setters: set_layer(key, label, kind, data, extent=None, colour=None, cmap='density', visible=True) where data is
    points (n, 2), image (h, w) with row 0 the lowest y, contour (h, w), arrows (n, 4) as x, y, dx, dy, or paths
    (k, t, 2); remove_layer(key), clear(), set_visible(key, bool), set_extent(x0, x1, y0, y1), set_axes(x, y),
    set_empty(title, hint), fit(). Getters: layers(), canvas (for export). Signals: hovered(x, y), clicked(x, y),
    toggled(key, shown).
    """

    hovered = Signal(float, float)
    clicked = Signal(float, float)
    toggled = Signal(str, bool)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._layers: dict[str, Layer] = {}
        self._own_extent = False
        self.legend = LegendRow()
        self.canvas = _Canvas(self)
        self.canvas.hovered.connect(self.hovered)
        self.canvas.clicked.connect(self.clicked)
        self.legend.toggled.connect(self._switch)
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(4)
        box.addWidget(self.legend)
        box.addWidget(self.canvas, 1)

    def set_layer(
        self, key: str, label: str, kind: Kind, data: np.ndarray, extent: Extent | None = None,
        colour: str | None = None,
        cmap: str = "density", visible: bool = True,
    ) -> None:  # fmt: skip
        """Add a layer, or replace what it shows; an existing layer keeps the state of its switch."""
        a = np.asarray(data, float)
        wanted = COLUMNS.get(kind)
        fits = (a.ndim == 2 and a.shape[1] == wanted) if wanted else a.ndim == (3 if kind == "paths" else 2)
        if not fits or (kind == "paths" and a.shape[2] != 2):
            raise ValueError(f"a layer of kind {kind!r} cannot be drawn from an array of shape {a.shape}")
        old = self._layers.get(key)
        self._layers[key] = Layer(label, kind, a, extent, colour, cmap, old.visible if old else visible)
        if kind == "points" and not self._own_extent and len(a):
            clouds = [v.data for v in self._layers.values() if v.kind == "points" and len(v.data)]
            self.canvas.set_extent(*square(extent_of(clouds[0])))
        self._refresh()

    def remove_layer(self, key: str) -> None:
        """Take a layer away."""
        if self._layers.pop(key, None) is not None:
            self.legend.drop(key)
            self._refresh()

    def clear(self) -> None:
        """Take all layers away."""
        for key in list(self._layers):
            self.remove_layer(key)

    def layers(self) -> list[str]:
        """The keys of the layers."""
        return list(self._layers)

    def set_visible(self, key: str, visible: bool) -> None:
        """Switch a layer without a signal."""
        if key in self._layers:
            self._layers[key].visible = visible
            self._refresh()

    def set_extent(self, x0: float, x1: float, y0: float, y1: float) -> None:
        """The part of the plane to show; until then the first cloud of points decides."""
        self._own_extent = True
        self.canvas.set_extent(x0, x1, y0, y1)

    def set_axes(self, x: str, y: str) -> None:
        """Name the axes."""
        self.canvas.set_axes(x, y)

    def set_empty(self, title: str, hint: str = "") -> None:
        """What to say while there is nothing."""
        self.canvas.set_empty(title, hint)

    def fit(self) -> None:
        """Show the whole extent."""
        self.canvas.fit()

    def colour_of(self, key: str) -> str:
        """The colour of a layer."""
        layer = self._layers[key]
        if layer.colour:
            return layer.colour
        if layer.kind == "image" and layer.cmap == "density":
            return theme.mix(theme.current().base, theme.current().accent, 0.7)
        if layer.kind == "image":
            return "#{:02x}{:02x}{:02x}".format(*colormap.table(layer.cmap)[150])
        if layer.kind == "arrows":
            return theme.current().text
        plain = [k for k, v in self._layers.items() if v.kind not in ("image", "arrows") and not v.colour]
        return theme.current().series[plain.index(key) % len(theme.current().series)]

    def value_at(self, x: float, y: float) -> str:
        """The number of the uppermost visible image at a point, in words."""
        for layer in reversed(list(self._layers.values())):
            if layer.kind == "image" and layer.visible and layer.extent:
                x0, x1, y0, y1 = layer.extent
                h, w = layer.data.shape
                i, j = int((y - y0) / (y1 - y0) * h), int((x - x0) / (x1 - x0) * w)
                if 0 <= i < h and 0 <= j < w:
                    return f"{layer.label} {kit.number_text(float(layer.data[i, j]), 3)}"
        return ""

    def _switch(self, key: str, shown: bool) -> None:
        self._layers[key].visible = shown
        self._refresh()
        self.toggled.emit(key, shown)

    def _refresh(self) -> None:
        for key, layer in self._layers.items():
            kind = {"points": "points", "image": "area"}.get(layer.kind, "line")
            self.legend.put(key, layer.label, self.colour_of(key), kind)
            self.legend.set_shown(key, layer.visible)
        self.canvas.rebuild()


def density_scale() -> np.ndarray:
    """A quiet scale for densities, from the ground of the theme to its accent, on which points keep their colours."""
    t = theme.current()
    ends = [QColor(theme.mix(t.base, t.accent, f)).getRgb()[:3] for f in np.linspace(0, 0.72, 256)]
    return np.array(ends, np.uint8)


def square(extent: Extent) -> Extent:
    """The smallest square around an extent."""
    x0, x1, y0, y1 = extent
    half = max(x1 - x0, y1 - y0) / 2
    cx, cy = (x0 + x1) / 2, (y0 + y1) / 2
    return cx - half, cx + half, cy - half, cy + half


def isolines(values: np.ndarray, level: float) -> np.ndarray:
    """Segments (n, 4) along which a grid of values passes a level, by marching squares; saddles give both lines."""
    v = np.nan_to_num(np.asarray(values, float), nan=-np.inf) - level
    corners = (v[:-1, :-1], v[:-1, 1:], v[1:, 1:], v[1:, :-1])
    offsets = ((0, 0), (1, 0), (1, 1), (0, 1))
    rows, cols = np.mgrid[0 : v.shape[0] - 1, 0 : v.shape[1] - 1]
    crossing = []
    for e in range(4):
        a, b = corners[e], corners[(e + 1) % 4]
        (ax, ay), (bx, by) = offsets[e], offsets[(e + 1) % 4]
        with np.errstate(divide="ignore", invalid="ignore"):
            f = np.where(np.isfinite(a) & np.isfinite(b) & (a != b), a / (a - b), 0.5)
        hit = (a > 0) != (b > 0)
        crossing.append((hit, cols + ax + f * (bx - ax), rows + ay + f * (by - ay)))
    segments = []
    for i in range(4):
        for j in range(i + 1, 4):
            both = crossing[i][0] & crossing[j][0]
            alone = sum(c[0].astype(int) for c in crossing) == 2
            take = both & (alone | ((i, j) in ((0, 1), (2, 3))))
            segments.append(np.stack([crossing[i][1], crossing[i][2], crossing[j][1], crossing[j][2]], -1)[take])
    return np.concatenate(segments)


def _demo() -> QWidget:
    rng = np.random.default_rng(0)
    turn = rng.integers(0, 8, (2, 900)) / 8 * 2 * np.pi
    ring = np.stack([np.cos(turn), np.sin(turn)], -1) * 2 + rng.normal(0, 0.14, (2, 900, 2))
    g = np.linspace(-3, 3, 90)
    centres = np.stack([np.cos(np.arange(8) / 8 * 2 * np.pi), np.sin(np.arange(8) / 8 * 2 * np.pi)], 1) * 2
    d = sum(np.exp(-((g[None] - cx) ** 2 + (g[:, None] - cy) ** 2) / 0.16) for cx, cy in centres)
    w = PlaneView()
    w.set_layer("density", "exact density", "image", d, (-3, 3, -3, 3))
    w.set_layer("data", "data", "points", ring[0])
    w.set_layer("samples", "samples", "points", ring[1] + 0.05)
    a = np.stack(np.meshgrid(np.linspace(-2.7, 2.7, 14), np.linspace(-2.7, 2.7, 14)), -1).reshape(-1, 2)
    w.set_layer("score", "score", "arrows", np.concatenate([a, -a * (np.hypot(*a.T)[:, None] - 2)], 1))
    w.set_extent(-3, 3, -3, 3)
    return w


if __name__ == "__main__":
    import sys

    from app.widgets.demo import run

    sys.exit(run(_demo, (520, 540)))
