"""Histograms over one axis: several sets of numbers as outlines, single numbers as marks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFontMetricsF, QMouseEvent, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.shell import theme
from app.widgets import kit
from app.widgets.chart import ticks

BINS = 40
"""Bins over the whole axis."""
WIDE = 30.0
"""Where the largest magnitude is so many times the smallest, the axis becomes logarithmic by itself."""


@dataclass(frozen=True)
class Group:
    """One set of numbers; a single number is drawn as a mark."""

    label: str
    colour: str
    values: np.ndarray


class Histogram(kit.Painted):
    """Outlines of several histograms with shared bins, each of area 1, so that sets of different size compare.

    Setters: set_groups(groups), set_unit(text), set_pin(value | None), set_empty(title, hint).
    Getters: is_log(), pin(). Signals: hovered(value; not a number outside), picked(value).
    A logarithmic axis shows -ln p growing to the left, if all values are negative.
    """

    hovered = Signal(float)
    picked = Signal(float)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._groups: list[Group] = []
        self._unit = ""
        self._hover = self._pin = float("nan")
        self._empty = ("No values yet", "")
        self.setMouseTracking(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(160, 110)
        self.setAccessibleName("Histogram")

    def set_groups(self, groups: list[Group]) -> None:
        """Show these sets; empty ones and numbers that are not finite are left out."""
        kept = [Group(g.label, g.colour, g.values[np.isfinite(g.values)].astype(float)) for g in groups]
        self._groups = [g for g in kept if len(g.values)]
        words = [f"{g.label}: median {_words(np.median(g.values))}" for g in self._groups]
        self.setAccessibleDescription("; ".join(words))
        self.update()

    def set_unit(self, text: str) -> None:
        """What the axis counts."""
        self._unit = text
        self.update()

    def set_pin(self, value: float | None) -> None:
        """A line that stays, or none."""
        self._pin = float("nan") if value is None else value
        self.update()

    def pin(self) -> float:
        """Where the line stands, or not a number."""
        return self._pin

    def is_log(self) -> bool:
        """Whether the axis is logarithmic now."""
        lo, hi = self._limits()
        return hi < 0 and lo / hi > WIDE

    def sizeHint(self) -> QSize:
        """A comfortable size."""
        return QSize(420, 200)

    # ---- geometry

    def _limits(self) -> tuple[float, float]:
        if not self._groups:
            return 0.0, 1.0
        lo = min(float(g.values.min()) for g in self._groups)
        hi = max(float(g.values.max()) for g in self._groups)
        return (lo, hi) if hi > lo else (lo - 1.0, hi + 1.0 if hi >= 0 else hi * 0.9)

    def _scaled(self, values: np.ndarray | float, log: bool) -> np.ndarray:
        v = np.asarray(values, float)
        return -np.log10(np.maximum(-v, 1e-12)) if log else v

    def _frame(self) -> QRectF:
        line = QFontMetricsF(theme.ui_font(-1.5)).height()
        return QRectF(self.rect()).adjusted(10, line + 6, -10, -2.2 * line - 4)

    def _axis(self) -> tuple[QRectF, float, float, bool]:
        log = self.is_log()
        lo, hi = (float(v) for v in self._scaled(np.array(self._limits()), log))
        air = 0.03 * (hi - lo)
        return self._frame(), lo - air, hi + air, log

    # ---- painting

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Axis, outlines, marks, legend, and the line under the pointer."""
        painter = QPainter(self)
        if not self._groups:
            kit.paint_empty(painter, self.rect(), *self._empty, icon="chart")
            return
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self._paint_axis(painter)
        self._paint_groups(painter)
        self._paint_legend(painter)
        self._paint_lines(painter)
        if self.show_ring and self.hasFocus():
            kit.paint_focus(painter, QRectF(self.rect()))

    def _paint_axis(self, painter: QPainter) -> None:
        t, (box, lo, hi, log) = theme.current(), self._axis()
        painter.setFont(theme.ui_font(-1.5))
        metrics = QFontMetricsF(painter.font())
        painter.setPen(QPen(QColor(t.border), 1))
        painter.drawLine(box.bottomLeft(), box.bottomRight())
        about = max(2, int(box.width() / theme.px(90)))
        if log:
            marks = [(-m.at, f"-{m.words}" if m.words else "") for m in ticks.logarithmic(-hi, -lo, about)]
        else:
            marks = [(m.at, m.words) for m in ticks.linear(lo, hi, about)]
        for at, words in marks:
            x = box.left() + (at - lo) / (hi - lo) * box.width()
            painter.setPen(QPen(QColor(t.border), 1))
            painter.drawLine(QPointF(x, box.top() if words else box.bottom()), QPointF(x, box.bottom() + 4))
            painter.setPen(QColor(t.muted))
            painter.drawText(
                QRectF(x - 60, box.bottom() + 4, 120, metrics.height()), Qt.AlignmentFlag.AlignHCenter, words
            )
        below = QRectF(box.left(), box.bottom() + 4 + metrics.height(), box.width(), metrics.height())
        painter.setPen(QColor(t.muted))
        painter.drawText(below, Qt.AlignmentFlag.AlignHCenter, self._unit + (", logarithmic axis" if log else ""))

    def _paint_groups(self, painter: QPainter) -> None:
        box, lo, hi, log = self._axis()
        edges = np.linspace(lo, hi, BINS + 1)
        heights = []
        for group in self._groups:
            counts, _ = np.histogram(self._scaled(group.values, log), edges)
            heights.append(counts / max(1, counts.sum()))
        top = max((h.max() for g, h in zip(self._groups, heights, strict=True) if len(g.values) > 1), default=1.0)
        xs = box.left() + (edges - lo) / (hi - lo) * box.width()
        for group, height in zip(self._groups, heights, strict=True):
            if len(group.values) == 1:
                x = box.left() + (float(self._scaled(group.values, log)[0]) - lo) / (hi - lo) * box.width()
                painter.setPen(QPen(QColor(group.colour), 2))
                painter.drawLine(QPointF(x, box.top()), QPointF(x, box.bottom()))
                painter.setBrush(QColor(group.colour))
                painter.setPen(Qt.PenStyle.NoPen)
                painter.drawEllipse(QPointF(x, box.top()), 4, 4)
                continue
            ys = box.bottom() - height / top * (box.height() - 2)
            line = [QPointF(xs[0], box.bottom())]
            for i, y in enumerate(ys):
                line += [QPointF(xs[i], y), QPointF(xs[i + 1], y)]
            line.append(QPointF(xs[-1], box.bottom()))
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.color(group.colour, 46))
            painter.drawPolygon(QPolygonF(line))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(QColor(group.colour), 1.5))
            painter.drawPolyline(QPolygonF(line))

    def _paint_legend(self, painter: QPainter) -> None:
        t = theme.current()
        painter.setFont(theme.ui_font(-1.5))
        metrics = QFontMetricsF(painter.font())
        x, y = 10.0, 2.0
        for group in self._groups:
            words = f"{group.label}  {_words(np.median(group.values))}"
            width = metrics.horizontalAdvance(words) + theme.px(26)
            if x + width > self.width() - 6:
                break
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(group.colour))
            painter.drawRoundedRect(QRectF(x, y + metrics.height() / 2 - 4, 8, 8), 2, 2)
            painter.setPen(QColor(t.text))
            painter.drawText(QPointF(x + 13, y + metrics.ascent()), words)
            x += width

    def _paint_lines(self, painter: QPainter) -> None:
        t, (box, lo, hi, log) = theme.current(), self._axis()
        for value, colour in ((self._pin, t.accent), (self._hover, t.edge)):
            if np.isfinite(value):
                x = box.left() + (float(self._scaled(value, log)) - lo) / (hi - lo) * box.width()
                painter.setPen(QPen(QColor(colour), 1, Qt.PenStyle.DashLine))
                painter.drawLine(QPointF(x, box.top()), QPointF(x, box.bottom()))

    # ---- hands

    def _value_at(self, x: float) -> float:
        box, lo, hi, log = self._axis()
        place = lo + (min(max(x, box.left()), box.right()) - box.left()) / max(box.width(), 1.0) * (hi - lo)
        return float(-(10.0**-place)) if log else float(place)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Tell which value the pointer is at."""
        if self._groups:
            self._hover = self._value_at(event.position().x())
            self.hovered.emit(self._hover)
            self.update()

    def leaveEvent(self, event: QEvent) -> None:
        """Nothing is pointed at any more."""
        super().leaveEvent(event)
        self._hover = float("nan")
        self.hovered.emit(self._hover)
        self.update()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """A click keeps the line."""
        if self._groups and event.button() == Qt.MouseButton.LeftButton:
            self.set_pin(self._value_at(event.position().x()))
            self.picked.emit(self._pin)


def _words(value: float) -> str:
    """A median: one decimal for nats, three places for small numbers."""
    return f"{value:,.1f}" if abs(value) >= 2 else kit.number_text(float(value), 3)


def _demo() -> QWidget:
    rng = np.random.default_rng(0)
    colours = theme.current().series
    widget = Histogram()
    widget.set_unit("log p(x), nats")
    widget.set_groups(
        [
            Group("test", colours[0], rng.normal(-90, 20, 500)),
            Group("train", colours[2], rng.normal(-88, 19, 500)),
            Group("noise", colours[1], rng.normal(-2900, 60, 500)),
            Group("blank", colours[3], np.array([-31.0])),
        ]
    )
    return widget


if __name__ == "__main__":
    from app.widgets import demo

    raise SystemExit(demo.run(_demo, (640, 300)))
