"""What can be laid over the picture: heat maps with their scales in nats, the order, and the receptive field."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QBrush, QColor, QImage, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.panels.sites.filling import Filling
from app.shell import theme
from app.widgets import colormap, images
from gm_core import api

NAMES = {
    "none": "picture alone",
    "log_prob": "log-probability",
    "entropy": "entropy",
    "order": "order",
    "field": "receptive field",
}
TIPS = {
    "none": "Only what is drawn",
    "log_prob": "How probable the model found each pixel, given those before it",
    "entropy": "How undecided the model was at each pixel, given those before it",
    "order": "When each pixel comes",
    "field": "What the model looks at when it draws the pixel under the pointer",
}
DECADES = 4
"""Powers of ten of influence that the receptive field shows below its strongest pixel."""
FLOORS = (-0.7, -1.5, -3.0, -5.0, -8.0, -12.0, -20.0, -40.0, -80.0)
"""Ends of the scale of log-probabilities: steps, so that the scale stays still while pixels come."""


@dataclass(frozen=True)
class Layer:
    """A picture to lay over another, uint8 (h, w, 4), and what its legend says."""

    rgba: np.ndarray
    title: str
    scale: str
    lo: str
    hi: str


def layer(kind: str, filling: Filling, row: int, place: int, levels: int, bars: api.SiteBars | None) -> Layer | None:
    """The overlay of that kind for one example when `place` sites are there; None where there is none."""
    if kind == "order":
        return _order(filling, place)
    if kind == "field":
        return None if bars is None else _field(filling, bars)
    if kind not in ("log_prob", "entropy"):
        return None
    per_site = (filling.log_probs if kind == "log_prob" else filling.entropies)[row].astype(float)
    shown = np.where(filling.ranks < place, per_site, np.nan)
    grid = shown.reshape(filling.channels, -1).sum(0).reshape(filling.shape[1:])
    colours = " of its colours" if filling.channels > 1 else ""
    if kind == "entropy":
        top = np.log(max(levels, 2)) * filling.channels
        rgba = colormap.colorize(grid, "viridis", 0.0, top)
        return Layer(rgba, f"entropy of each pixel{colours}, nats", "viridis", "0", f"{top:.2f}")
    whole = filling.log_probs.reshape(filling.count, filling.channels, -1).sum(1)
    floor = floor_of(whole)
    rgba = colormap.colorize(grid, "viridis", floor, 0.0)
    return Layer(rgba, f"log p of each pixel{colours}, nats", "viridis", f"≤ {floor:g}", "0")


def floor_of(values: np.ndarray) -> float:
    """The end of the scale below which only one in a hundred lies."""
    good = values[np.isfinite(values)]
    low = float(np.percentile(good, 1)) if len(good) else 0.0
    return next((f for f in FLOORS if f <= low), FLOORS[-1])


def _order(filling: Filling, place: int) -> Layer:
    first = filling.ranks.reshape(filling.channels, -1).min(0).reshape(filling.shape[1:])
    rgba = colormap.colorize(first, "viridis", 0, max(1, filling.sites - 1))
    rgba[..., 3] = np.where(first < place, 255, 150)  # what is still to come is paler
    return Layer(rgba, "place in the order", "viridis", "first", "last")


def _field(filling: Filling, bars: api.SiteBars) -> Layer:
    influence = np.sqrt(np.square(bars.influence.astype(float)).reshape(filling.channels, -1).sum(0))
    most = influence.max()
    with np.errstate(divide="ignore"):
        grid = np.where(influence > 0, np.log10(np.maximum(influence / max(most, 1e-30), 10.0**-DECADES)), np.nan)
    rgba = colormap.colorize(grid.reshape(filling.shape[1:]), "viridis", -DECADES, 0)
    rgba[..., 3] = (rgba[..., 3] * 0.85).astype(np.uint8)
    return Layer(rgba, "influence on this pixel, log scale", "viridis", f"1e-{DECADES}", "1")


@dataclass(frozen=True)
class Field:
    """Three kinds of pixels, each bool (h, w), seen from one site: what it may look at, the past that it never sees,
    and what comes later."""

    support: np.ndarray
    blind: np.ndarray
    later: np.ndarray


def field_of(filling: Filling, bars: api.SiteBars) -> Field:
    """The declared receptive field of a site beside its past. A pixel counts as seen if one of its colours is."""
    pixel = bars.site % filling.pixels
    support = bars.support.reshape(filling.channels, -1).any(0)
    past = (filling.ranks < filling.ranks[bars.site]).reshape(filling.channels, -1).any(0)
    blind = past & ~support
    blind[pixel] = False
    later = ~past
    later[pixel] = False
    shape = filling.shape[1:]
    return Field(support.reshape(shape), blind.reshape(shape), later.reshape(shape))


class Legend(QWidget):
    """One line under the picture: what the colours mean, from which number to which. Setter: set_layer(layer | None,
    field=False); with `field`, the outline and the hatching are explained as well."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._layer: Layer | None = None
        self._field = False
        self._ramps: dict[str, QImage] = {}
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.setAccessibleName("Legend")

    def set_layer(self, shown: Layer | None, field: bool = False) -> None:
        """Explain another layer."""
        words = (shown.title, shown.lo, shown.hi) if shown is not None else ()
        old = (self._layer.title, self._layer.lo, self._layer.hi) if self._layer is not None else ()
        self._layer = shown
        self.setVisible(shown is not None)
        if words != old or field != self._field:
            self._field = field
            self.setAccessibleDescription(" ".join(words))
            self.update()

    def sizeHint(self) -> QSize:
        """One line."""
        return QSize(theme.px(200), theme.px(18))

    def paintEvent(self, _event: QPaintEvent) -> None:
        """The words, the ramp between its ends, the outline and the hatching."""
        if self._layer is None:
            return
        p, t = QPainter(self), theme.current()
        p.setFont(theme.ui_font(-1.5))
        p.setPen(QColor(t.muted))
        line = QRectF(self.rect())
        middle = Qt.AlignmentFlag.AlignVCenter
        x = 0.0

        def word(text: str) -> None:
            nonlocal x
            p.setPen(QColor(t.muted))
            p.drawText(QRectF(x, 0, line.width() - x, line.height()), middle, text)
            x += p.fontMetrics().horizontalAdvance(text) + theme.px(5)

        word(self._layer.lo)
        ramp = self._ramps.setdefault(self._layer.scale, images.to_qimage(colormap.table(self._layer.scale)[None]))
        high = theme.px(8)
        box = QRectF(x, (line.height() - high) / 2, theme.px(54), high)
        p.drawImage(box, ramp)
        x = box.right() + theme.px(5)
        word(self._layer.hi)
        if self._field:
            x += theme.px(6)
            for kind, text in (("support", "can see"), ("blind", "earlier, but unseen")):
                paint_swatch(p, QRectF(x, (line.height() - high) / 2 - 1, high + 2, high + 2), kind)
                x += high + theme.px(6)
                word(text)
        x += theme.px(4)
        room = max(0, int(line.width() - x))
        p.setPen(QColor(t.muted))
        words = p.fontMetrics().elidedText(self._layer.title, Qt.TextElideMode.ElideRight, room)
        p.drawText(QRectF(x, 0, room, line.height()), middle, words)


def blind_brush() -> QBrush:
    """The hatching of the past that a pixel never sees."""
    return QBrush(QColor("#ff7a59"), Qt.BrushStyle.BDiagPattern)


def support_pen(wide: float = 2.0) -> QPen:
    """The outline of the declared receptive field."""
    pen = QPen(QColor("#ffffff"), wide)
    pen.setCapStyle(Qt.PenCapStyle.SquareCap)
    return pen


def paint_swatch(p: QPainter, box: QRectF, kind: str) -> None:
    """A small sample of an outline or a hatching."""
    p.fillRect(box, QColor("#2a2d36"))
    if kind == "support":
        p.setPen(support_pen(1.5))
        p.setBrush(Qt.BrushStyle.NoBrush)
        p.drawRect(box.adjusted(1, 1, -1, -1))
    else:
        p.fillRect(box, blind_brush())


def outline(mask: np.ndarray, zoom: float, origin: QPointF) -> list[tuple[QPointF, QPointF]]:
    """The edges between True and False of a mask (h, w), as lines on the screen."""
    padded = np.pad(mask, 1)
    lines = []
    for y, x in np.argwhere(padded[1:, 1:-1] != padded[:-1, 1:-1]):
        a = QPointF(origin.x() + x * zoom, origin.y() + y * zoom)
        lines.append((a, QPointF(a.x() + zoom, a.y())))
    for y, x in np.argwhere(padded[1:-1, 1:] != padded[1:-1, :-1]):
        a = QPointF(origin.x() + x * zoom, origin.y() + y * zoom)
        lines.append((a, QPointF(a.x(), a.y() + zoom)))
    return lines
