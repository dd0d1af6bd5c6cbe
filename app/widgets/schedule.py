"""A small plot of how much signal and noise there is at each time of a diffusion, with the present time marked."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from PySide6.QtCore import QLineF, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.shell import theme
from app.widgets import kit
from app.widgets.view2d import polygon


class SchedulePlot(kit.Painted):
    """Curves over the time t, each scaled to its own range if it leaves 0 to 1, with a marker that can be dragged.

    Setters: set_curves({name: (t, y)}), set_t(t | None) (silent). Getter: t(). Signal: t_picked(float).
    """

    t_picked = Signal(float)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._curves: dict[str, tuple[np.ndarray, np.ndarray]] = {}
        self._t: float | None = None
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self.setMinimumSize(140, 72)
        self.setAccessibleName("Noise schedule")
        self.setToolTip("Drag to choose a time")

    def set_curves(self, curves: Mapping[str, tuple[np.ndarray, np.ndarray]]) -> None:
        """Replace the curves."""
        self._curves = {}
        for name, (t, y) in curves.items():
            ts, ys = np.asarray(t, float), np.asarray(y, float)
            if ts.shape != ys.shape or ts.ndim != 1:
                raise ValueError(f"curve {name!r} needs t and y of one length; found {ts.shape} and {ys.shape}")
            self._curves[name] = (ts, ys)
        self.update()

    def set_t(self, t: float | None) -> None:
        """Mark a time without a signal."""
        self._t = None if t is None else float(t)
        self.setAccessibleDescription("" if t is None else f"t = {kit.number_text(float(t))}")
        self.update()

    def t(self) -> float | None:
        """The marked time."""
        return self._t

    def sizeHint(self) -> QSize:
        """Wide and low."""
        return QSize(320, theme.px(120))

    def _area(self) -> QRectF:
        top = theme.px(22)
        return QRectF(theme.px(8), top, self.width() - theme.px(16), max(8, self.height() - top - theme.px(20)))

    def _span(self) -> tuple[float, float]:
        ends = [v for t, _ in self._curves.values() if len(t) for v in (t.min(), t.max())]
        lo, hi = (min(ends), max(ends)) if ends else (0.0, 1.0)
        return float(lo), float(hi if hi > lo else lo + 1)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Words with values, curves, marker."""
        p = QPainter(self)
        t = theme.current()
        if not self._curves:
            kit.paint_empty(p, self.rect(), "No schedule", "Models that add noise step by step show it here.")
            return
        p.setRenderHint(QPainter.RenderHint.Antialiasing)
        a = self._area()
        lo, hi = self._span()
        p.fillRect(a, QColor(t.base))
        grid = QPen(QColor(theme.mix(t.base, t.border, 0.6)), 1)
        p.setPen(grid)
        p.drawLine(QLineF(a.left(), a.center().y(), a.right(), a.center().y()))
        left = a.left()
        for k, (name, (ts, ys)) in enumerate(self._curves.items()):
            colour = QColor(t.series[k % len(t.series)])
            top, low = max(1.0, float(np.nanmax(ys))), min(0.0, float(np.nanmin(ys)))
            pixels = np.stack(
                [a.left() + (ts - lo) / (hi - lo) * a.width(), a.bottom() - (ys - low) / (top - low) * a.height()], 1
            )
            p.setPen(QPen(colour, 1.6))
            p.drawPolyline(polygon(pixels[np.isfinite(pixels).all(1)]))
            value = ""
            if self._t is not None and len(ts):
                order = np.argsort(ts)
                y = float(np.interp(self._t, ts[order], ys[order]))
                value = kit.number_text(y, 3)
                at = QPointF(
                    a.left() + (self._t - lo) / (hi - lo) * a.width(), a.bottom() - (y - low) / (top - low) * a.height()
                )
                p.setPen(QPen(QColor(t.base), 1.5))
                p.setBrush(colour)
                p.drawEllipse(at, theme.px(4), theme.px(4))
                p.setBrush(Qt.BrushStyle.NoBrush)
            p.setPen(QPen(colour, 2.2))
            p.drawLine(QLineF(left, theme.px(10), left + theme.px(12), theme.px(10)))
            left += theme.px(17)
            p.setPen(QColor(t.text))
            p.setFont(theme.ui_font(-1))
            p.drawText(QPointF(left, theme.px(14)), name)
            left += p.fontMetrics().horizontalAdvance(name) + theme.px(5)
            p.setPen(QColor(t.muted))
            p.setFont(theme.number_font(-1))
            p.drawText(QPointF(left, theme.px(14)), value)
            left += p.fontMetrics().horizontalAdvance("0.0000") + theme.px(12)  # a fixed place: the row must not jitter
        p.setPen(QPen(QColor(t.border), 1))
        p.drawRect(a)
        p.setFont(theme.number_font(-1.5))
        p.setPen(QColor(t.muted))
        foot = QRectF(a.left(), a.bottom() + theme.px(2), a.width(), theme.px(16))
        p.drawText(foot, Qt.AlignmentFlag.AlignLeft, f"t = {kit.number_text(lo)}")
        p.drawText(foot, Qt.AlignmentFlag.AlignRight, kit.number_text(hi))
        if self._t is not None:
            x = a.left() + (self._t - lo) / (hi - lo) * a.width()
            p.setPen(QPen(QColor(t.accent), 1.5))
            p.drawLine(QLineF(x, a.top(), x, a.bottom()))
            words = f"t = {kit.number_text(self._t)}"
            width = p.fontMetrics().horizontalAdvance(words) + 8
            box = QRectF(min(max(a.left(), x - width / 2), a.right() - width), foot.top(), width, foot.height())
            p.fillRect(box, QColor(t.window))
            p.setPen(QColor(t.text))
            p.drawText(box, Qt.AlignmentFlag.AlignHCenter, words)
        if self.show_ring:
            kit.paint_focus(p, a.adjusted(-2, -2, 2, 2))

    def _pick(self, x: float) -> None:
        a, (lo, hi) = self._area(), self._span()
        t = lo + min(1.0, max(0.0, (x - a.left()) / a.width())) * (hi - lo)
        self.set_t(t)
        self.t_picked.emit(t)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Go to the time pressed."""
        if self._curves and event.button() == Qt.MouseButton.LeftButton:
            self._pick(event.position().x())

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Drag the time."""
        if self._curves and event.buttons() & Qt.MouseButton.LeftButton:
            self._pick(event.position().x())

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Left and Right move by a hundredth."""
        lo, hi = self._span()
        if self._curves and event.key() in (Qt.Key.Key_Left, Qt.Key.Key_Right):
            step = (hi - lo) / 100 * (1 if event.key() == Qt.Key.Key_Right else -1)
            self.set_t(min(hi, max(lo, (self._t if self._t is not None else lo) + step)))
            self.t_picked.emit(float(self._t or 0.0))
        else:
            super().keyPressEvent(event)
