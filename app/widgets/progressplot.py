"""A small plot over the progress of a trajectory, from noise to data, with error bars and a moment to drag."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QLineF, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.shell import theme
from app.widgets import kit
from app.widgets.view2d import polygon


@dataclass(frozen=True)
class ProgressCurve:
    """A curve: `x` in 0 to 1 and `y` (n,), NaN where nothing is known; `errors` (n,) are drawn as bars up and down."""

    name: str
    x: np.ndarray
    y: np.ndarray
    errors: np.ndarray | None = None
    faint: bool = False

ENDS = ("noise", "data")
"""Words under both ends of the axis."""


class ProgressPlot(kit.Painted):
    """Curves over progress. Setters: set_curves(curves), set_range(lo, hi | None: as the curves need), set_level(y |
    None, words) a dashed line, set_at(progress | None) (silent).

    Getters: at(), curves(). Signal: picked(float). Keys: Left and Right move by a hundredth.
    """

    picked = Signal(float)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._curves: tuple[ProgressCurve, ...] = ()
        self._lo, self._hi = 0.0, 1.0
        self._fixed: tuple[float, float | None] = (0.0, 1.0)
        self._level: tuple[float, str] | None = None
        self._at: float | None = None
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self.setMinimumSize(140, 72)
        self.setAccessibleName("Plot over progress")
        self.setToolTip("Drag to choose a moment")

    def set_curves(self, curves: Sequence[ProgressCurve]) -> None:
        """Replace the curves."""
        for curve in curves:
            sizes = {len(curve.x), len(curve.y), len(curve.x if curve.errors is None else curve.errors)}
            if len(sizes) != 1:
                raise ValueError(f"curve {curve.name!r} needs x, y and errors of one length; found {sorted(sizes)}")
        self._curves = tuple(curves)
        self._scale()

    def curves(self) -> tuple[ProgressCurve, ...]:
        """What is drawn."""
        return self._curves

    def set_range(self, lo: float, hi: float | None) -> None:
        """The ends of the upright axis; None takes what the curves need."""
        self._fixed = (lo, hi)
        self._scale()

    def set_level(self, y: float | None, words: str = "") -> None:
        """A dashed line across, with a word above it."""
        self._level = None if y is None else (float(y), words)
        self.update()

    def set_at(self, progress: float | None) -> None:
        """Mark a moment without a signal."""
        self._at = progress
        self.setAccessibleDescription("" if progress is None else f"{100 * progress:.0f} %")
        self.update()

    def at(self) -> float | None:
        """The marked moment."""
        return self._at

    def _scale(self) -> None:
        lo, hi = self._fixed
        tops = [np.nanmax(c.y + (0 if c.errors is None else c.errors)) for c in self._curves if np.isfinite(c.y).any()]
        self._lo = lo
        self._hi = hi if hi is not None else kit.nice_step(max([float(t) for t in tops] or [1.0])) if tops else 1.0
        self._hi = self._hi if self._hi > self._lo else self._lo + 1.0
        self.update()

    def sizeHint(self) -> QSize:
        """Wide and low."""
        return QSize(320, theme.px(120))

    def _area(self) -> QRectF:
        left, top = theme.px(34), theme.px(22)
        return QRectF(left, top, self.width() - left - theme.px(8), max(8, self.height() - top - theme.px(18)))

    def _place(self, x: float, y: float) -> QPointF:
        a = self._area()
        return QPointF(a.left() + x * a.width(), a.bottom() - (y - self._lo) / (self._hi - self._lo) * a.height())

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Names, frame, curves with their bars, the moment."""
        p, t = QPainter(self), theme.current()
        if not self._curves:
            kit.paint_empty(p, self.rect(), *self._empty)
            return
        p.setRenderHint(QPainter.RenderHint.Antialiasing)
        a = self._area()
        p.fillRect(a, QColor(t.base))
        self._paint_frame(p, a)
        left = a.left()
        for k, curve in enumerate(self._curves):
            colour = QColor(t.series[k % len(t.series)])
            self._paint_curve(p, curve, QColor(theme.mix(t.base, colour.name(), 0.45)) if curve.faint else colour)
            left = self._paint_name(p, curve, colour, left)
        if self._at is not None:
            x = self._place(self._at, 0.0).x()
            p.setPen(QPen(QColor(t.accent), 1.5))
            p.drawLine(QLineF(x, a.top(), x, a.bottom()))
        if self.show_ring:
            kit.paint_focus(p, a.adjusted(-2, -2, 2, 2))

    def _paint_frame(self, p: QPainter, a: QRectF) -> None:
        t = theme.current()
        p.setFont(theme.number_font(-1.5))
        for y in (self._lo, (self._lo + self._hi) / 2, self._hi):
            at = self._place(0.0, y).y()
            p.setPen(QPen(QColor(theme.mix(t.base, t.border, 0.6)), 1))
            p.drawLine(QLineF(a.left(), at, a.right(), at))
            p.setPen(QColor(t.muted))
            box = QRectF(0, at - theme.px(7), a.left() - theme.px(4), theme.px(14))
            p.drawText(box, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, kit.number_text(y, 3))
        foot = QRectF(a.left(), a.bottom() + theme.px(1), a.width(), theme.px(16))
        for flag, words in zip((Qt.AlignmentFlag.AlignLeft, Qt.AlignmentFlag.AlignRight), ENDS, strict=True):
            p.drawText(foot, flag, words)
        if self._level is not None and self._lo <= self._level[0] <= self._hi:
            y = self._place(0.0, self._level[0]).y()
            p.setPen(QPen(QColor(t.muted), 1, Qt.PenStyle.DashLine))
            p.drawLine(QLineF(a.left(), y, a.right(), y))
            p.drawText(QPointF(a.left() + theme.px(4), y - theme.px(3)), self._level[1])
        p.setPen(QPen(QColor(t.border), 1))
        p.drawRect(a)

    def _paint_curve(self, p: QPainter, curve: ProgressCurve, colour: QColor) -> None:
        known = np.isfinite(curve.y)
        places = [self._place(float(x), float(y)) for x, y in zip(curve.x[known], curve.y[known], strict=True)]
        p.setPen(QPen(colour, 1.0 if curve.faint else 1.8))
        p.drawPolyline(polygon(np.array([(q.x(), q.y()) for q in places]).reshape(-1, 2)))
        if curve.errors is None:
            return
        p.setPen(QPen(colour, 1.2))
        cap = theme.px(3)
        for x, y, error in zip(curve.x[known], curve.y[known], curve.errors[known], strict=True):
            up, down = (self._place(float(x), min(max(v, self._lo), self._hi)) for v in (y + error, y - error))
            p.drawLine(up, down)
            for end in (up, down):
                p.drawLine(QPointF(end.x() - cap, end.y()), QPointF(end.x() + cap, end.y()))
        p.setPen(Qt.PenStyle.NoPen)
        p.setBrush(colour)
        for place in places:
            p.drawEllipse(place, theme.px(2.5), theme.px(2.5))
        p.setBrush(Qt.BrushStyle.NoBrush)

    def _paint_name(self, p: QPainter, curve: ProgressCurve, colour: QColor, left: float) -> float:
        t = theme.current()
        p.setFont(theme.ui_font(-1))
        words = curve.name
        known = np.isfinite(curve.y)
        if self._at is not None and known.any():
            value = float(np.interp(self._at, curve.x[known], curve.y[known]))
            words = f"{curve.name}  {kit.number_text(value, 3)}"
        p.setPen(QPen(colour, 2.2))
        p.drawLine(QLineF(left, theme.px(10), left + theme.px(12), theme.px(10)))
        left += theme.px(17)
        p.setPen(QColor(t.text))
        p.drawText(QPointF(left, theme.px(14)), words)
        return left + p.fontMetrics().horizontalAdvance(f"{curve.name}  0.000") + theme.px(12)

    def _pick(self, x: float) -> None:
        a = self._area()
        self.set_at(min(1.0, max(0.0, (x - a.left()) / a.width())))
        self.picked.emit(float(self._at or 0.0))

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Go to the moment pressed."""
        if self._curves and event.button() == Qt.MouseButton.LeftButton:
            self._pick(event.position().x())

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Drag the moment."""
        if self._curves and event.buttons() & Qt.MouseButton.LeftButton:
            self._pick(event.position().x())

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Left and Right move the moment."""
        if self._curves and event.key() in (Qt.Key.Key_Left, Qt.Key.Key_Right):
            step = 0.01 if event.key() == Qt.Key.Key_Right else -0.01
            self.set_at(min(1.0, max(0.0, (self._at or 0.0) + step)))
            self.picked.emit(float(self._at or 0.0))
        else:
            super().keyPressEvent(event)


def _demo() -> QWidget:
    plot = ProgressPlot()
    x = np.linspace(0, 0.9, 9)
    y = 0.1 + 0.9 / (1 + np.exp(-12 * (x - 0.45)))
    plot.set_curves([ProgressCurve("agreement", x, y, 0.08 * np.sqrt(y * (1 - y)) + 0.01)])
    plot.set_level(0.1, "chance")
    plot.set_at(0.4)
    return plot


if __name__ == "__main__":
    import sys

    from app.widgets.demo import run

    sys.exit(run(_demo, (420, 160)))
