"""The plane on which two-dimensional models live: data, samples, densities, arrows and paths in switchable layers."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import Signal
from PySide6.QtGui import QColor, QResizeEvent
from PySide6.QtWidgets import QVBoxLayout, QWidget

from app.shell import theme
from app.widgets import colormap, kit
from app.widgets.legend import LegendRow
from app.widgets.planecanvas import Canvas, Kind, Layer, density_scale, diverging_scale, isolines
from app.widgets.view2d import Extent, extent_of

__all__ = ["Kind", "Layer", "PlaneView", "density_scale", "isolines", "square"]
COLUMNS = {"points": 2, "arrows": 4}
DEPTHS = {"paths": 2, "ways": 2, "mesh": 3}
LOW = 260
"""Height of the design below which the legend has one line."""


class PlaneView(QWidget):
    """A plane with layers; the words of the legend switch them.

    Setters: set_layer(key, label, kind, data, extent=None, colour=None, cmap='density', visible=True, limits=None)
    where data is points (n, 2), image (h, w) with row 0 the lowest y, contour (h, w), arrows (n, 4) as x, y, dx, dy,
    paths and ways (k, t, 2), or mesh (g, g, 3) as x, y and how strongly the cell above and right of a knot is filled,
    0 to 1, and `limits` are the ends of the colours; remove_layer(key), clear(),
    set_visible(key, bool), set_extent(x0, x1, y0, y1), set_axes(x, y), set_empty(title, hint), fit(),
    set_at(key, 0..1) (how much of ways is past), set_moving(points or None) (drawn above all, cheap to change),
    set_draggable(bool). Getters: layers(), canvas (for export). Signals: hovered(x, y), clicked(x, y),
    toggled(key, shown), pointed(key), dragged(x, y, 'begin' | 'more' | 'move' | 'end') where draggable.
    """

    hovered = Signal(float, float)
    clicked = Signal(float, float)
    toggled = Signal(str, bool)
    pointed = Signal(str)
    dragged = Signal(float, float, str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._layers: dict[str, Layer] = {}
        self._own_extent = False
        self.legend = LegendRow()
        self.canvas = Canvas(self)
        self.canvas.hovered.connect(self.hovered)
        self.canvas.clicked.connect(self.clicked)
        self.canvas.dragged.connect(self.dragged)
        self.legend.toggled.connect(self._switch)
        self.legend.pointed.connect(self.pointed)
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(4)
        box.addWidget(self.legend)
        box.addWidget(self.canvas, 1)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Where it is low, the words leave their room to the picture."""
        super().resizeEvent(event)
        self.legend.set_short(event.size().height() < theme.px(LOW))

    def set_layer(
        self, key: str, label: str, kind: Kind, data: np.ndarray, extent: Extent | None = None,
        colour: str | None = None,
        cmap: str = "density", visible: bool = True, limits: tuple[float, float] | None = None,
    ) -> None:  # fmt: skip
        """Add a layer, or replace what it shows; an existing layer keeps the state of its switch."""
        a = np.asarray(data, float)
        wanted, depth = COLUMNS.get(kind), DEPTHS.get(kind)
        fits = (a.ndim == 2 and a.shape[1] == wanted) if wanted else a.ndim == (3 if depth else 2)
        if not fits or (depth and a.shape[2] != depth):
            raise ValueError(f"a layer of kind {kind!r} cannot be drawn from an array of shape {a.shape}")
        old = self._layers.get(key)
        shown, at = (old.visible, old.at) if old else (visible, 1.0)
        self._layers[key] = Layer(label, kind, a, extent, colour, cmap, shown, limits, at)
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

    def set_at(self, key: str, at: float) -> None:
        """How much of the ways of a layer is past, 0 to 1."""
        if key in self._layers:
            self._layers[key].at = at
            self.canvas.rebuild()

    def set_moving(self, points: np.ndarray | None, colour: str = "") -> None:
        """Points above everything that move; None takes them away."""
        self.canvas.moving = points
        self.canvas.moving_colour = QColor(colour or theme.current().text)
        self.canvas.update()

    def set_draggable(self, on: bool) -> None:
        """Whether the left button draws on the plane; see `dragged`."""
        self.canvas.draggable = on

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
        if layer.kind == "image" and layer.cmap == "diverging":
            return "#{:02x}{:02x}{:02x}".format(*diverging_scale()[225])
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
            kind = {"points": "points", "image": "area", "mesh": "area"}.get(layer.kind, "line")
            self.legend.put(key, layer.label, self.colour_of(key), kind)
            self.legend.set_shown(key, layer.visible)
        self.canvas.rebuild()


def square(extent: Extent) -> Extent:
    """The smallest square around an extent."""
    x0, x1, y0, y1 = extent
    half = max(x1 - x0, y1 - y0) / 2
    cx, cy = (x0 + x1) / 2, (y0 + y1) / 2
    return cx - half, cx + half, cy - half, cy + half


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
