"""The groove and handle that every slider here is made of; it can carry a histogram and marks behind the handle."""

from __future__ import annotations

import math

import numpy as np
from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen, QPolygonF, QWheelEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.shell import theme
from app.widgets import kit

FINE, COARSE = 0.1, 5.0


class Track(kit.Painted):
    """A horizontal slider over real numbers, linear or logarithmic.

    Constructor: lo, hi, value, log=False, step=None (an arrow key moves by this; None means a hundredth of the range).
    Setters: set_value(v) (silent), set_default(v), set_range(lo, hi), set_histogram(counts, lo, hi), set_marks(values),
    set_tall(bool). Signals: changing(float) while dragging, changed(float) at its end and after each key.
    Hands: drag moves, Shift moves ten times finer, Ctrl five times coarser, a double click restores the default, the
    wheel makes a small step.
    """

    changing = Signal(float)
    changed = Signal(float)

    def __init__(
        self,
        lo: float,
        hi: float,
        value: float,
        log: bool = False,
        step: float | None = None,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        if not lo < hi or (log and lo <= 0):
            raise ValueError(f"a slider needs lo < hi, and lo > 0 where it is logarithmic; found {lo} to {hi}")
        self._lo, self._hi, self._log, self._step = float(lo), float(hi), log, step
        self._value = self._default = float(value)
        self._counts = np.empty(0)
        self._span = (self._lo, self._hi)
        self._marks: list[tuple[float, int]] = []
        self._tall = False
        self._muted = False
        self._grab: tuple[float, float] | None = None
        self._hover = False
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)

    # state

    def set_value(self, value: float) -> None:
        """Move the handle without a signal."""
        if math.isfinite(value) and value != self._value:
            self._value = min(self._hi, max(self._lo, float(value)))
            self.update()

    def value(self) -> float:
        """The number under the handle."""
        return self._value

    def set_default(self, value: float) -> None:
        """What a double click restores."""
        self._default = float(value)

    def default(self) -> float:
        """What a double click restores."""
        return self._default

    def range(self) -> tuple[float, float]:
        """Both ends."""
        return self._lo, self._hi

    def set_range(self, lo: float, hi: float) -> None:
        """Change both ends; the value is kept inside."""
        if not lo < hi or (self._log and lo <= 0):
            raise ValueError(f"a slider needs lo < hi; found {lo} to {hi}")
        self._lo, self._hi = float(lo), float(hi)
        self._value = min(self._hi, max(self._lo, self._value))
        self.update()

    def set_histogram(self, counts: np.ndarray, lo: float, hi: float) -> None:
        """Draw how often each value occurs in the data behind the groove."""
        c = np.asarray(counts, float)
        self._counts = c / c.max() if c.size and c.max() > 0 else np.empty(0)
        self._span = (float(lo), float(hi))
        self.update()

    def set_marks(self, marks: list[tuple[float, int]]) -> None:
        """Ticks as (value, rank): rank 0 is the centre, 1 and 2 are the first and second standard deviation."""
        self._marks = list(marks)
        self.update()

    def set_tall(self, tall: bool) -> None:
        """Leave room for the histogram."""
        self._tall = tall
        self.updateGeometry()

    def set_muted(self, muted: bool) -> None:
        """Draw without accent, for what has no effect."""
        self._muted = muted
        self.update()

    # geometry

    def sizeHint(self) -> QSize:
        """As wide as there is room."""
        return QSize(160, theme.px(32 if self._tall else 24))

    def minimumSizeHint(self) -> QSize:
        """Still usable with a finger's width of travel."""
        return QSize(theme.px(64), theme.px(32 if self._tall else 24))

    def _line(self) -> QRectF:
        pad = theme.px(8)
        y = self.height() - theme.px(10) if self._tall else self.height() / 2
        return QRectF(pad, y, max(1, self.width() - 2 * pad), 0)

    def fraction(self, value: float) -> float:
        """Where a value lies between the ends, from 0 to 1."""
        v = min(self._hi, max(self._lo, value))
        if self._log:
            return math.log(v / self._lo) / math.log(self._hi / self._lo)
        return (v - self._lo) / (self._hi - self._lo)

    def at_fraction(self, f: float) -> float:
        """The value at a place between the ends."""
        f = min(1.0, max(0.0, f))
        if self._log:
            return self._lo * (self._hi / self._lo) ** f
        return self._lo + f * (self._hi - self._lo)

    def x_of(self, value: float) -> float:
        """Where a value lies, in pixels."""
        return self._line().left() + self.fraction(value) * self._line().width()

    # painting

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Histogram, groove, marks, handle."""
        t = theme.current()
        p = QPainter(self)
        p.setRenderHint(QPainter.RenderHint.Antialiasing)
        r = self._line()
        y, x = r.top(), self.x_of(self._value)
        if self._counts.size:
            self._paint_histogram(p, r)
        p.setPen(QPen(QColor(t.border), theme.px(3), Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
        p.drawLine(QPointF(r.left(), y), QPointF(r.right(), y))
        start = self.x_of(0.0) if not self._log and self._lo < 0 < self._hi else r.left()
        lively = self.isEnabled() and not self._muted
        p.setPen(
            QPen(QColor(t.accent if lively else t.edge), theme.px(3), Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap)
        )
        if abs(x - start) > 1:
            p.drawLine(QPointF(start, y), QPointF(x, y))
        p.setPen(QPen(QColor(t.edge), 1))
        for value, rank in self._marks:
            if self._lo <= value <= self._hi:
                px = round(self.x_of(value)) + 0.5
                p.drawLine(QPointF(px, y + theme.px(4)), QPointF(px, y + theme.px(8 if rank < 2 else 6)))
        radius = theme.px(6)
        p.setPen(QPen(QColor(t.window), 1.5))
        p.setBrush(QColor(t.text if self.isEnabled() else t.edge))
        p.drawEllipse(QPointF(x, y), radius, radius)
        if self.show_ring or self._grab is not None or (self.underMouse() and self.isEnabled()):
            p.setPen(QPen(QColor(t.accent), 1.5))
            p.setBrush(Qt.BrushStyle.NoBrush)
            p.drawEllipse(
                QPointF(x, y), radius + (2 if self.show_ring else 0.5), radius + (2 if self.show_ring else 0.5)
            )

    def _paint_histogram(self, p: QPainter, r: QRectF) -> None:
        t = theme.current()
        n = self._counts.size
        lo, hi = self._span
        top = theme.px(3)
        xs = [self.x_of(lo + (hi - lo) * (i + 0.5) / n) for i in range(n)]
        hs = [r.top() - float(c) * (r.top() - top) for c in self._counts]
        outline = [QPointF(x, h) for x, h in zip(xs, hs, strict=True)]
        area = QPolygonF([QPointF(xs[0], r.top()), *outline, QPointF(xs[-1], r.top())])
        p.setPen(Qt.PenStyle.NoPen)
        p.setBrush(QColor(theme.mix(t.window, t.edge if self._muted else t.accent, 0.30)))
        p.drawPolygon(area)

    # hands

    def _commit(self, value: float, finished: bool) -> None:
        self._value = min(self._hi, max(self._lo, value))
        self.update()
        (self.changed if finished else self.changing).emit(self._value)

    def nudge(self, steps: float) -> None:
        """Move by so many steps and report it."""
        if self._log:
            ratio = (self._hi / self._lo) ** (steps / 100)
            self._commit(self._value * ratio, True)
        else:
            self._commit(self._value + steps * (self._step or (self._hi - self._lo) / 100), True)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Take the handle; a press beside it brings it there."""
        if event.button() != Qt.MouseButton.LeftButton:
            return
        x = event.position().x()
        if abs(x - self.x_of(self._value)) > theme.px(9):
            self._commit(self.at_fraction((x - self._line().left()) / self._line().width()), False)
        self._grab = (x, self.fraction(self._value))

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Drag; the modifier may change on the way."""
        if self._grab is None:
            return
        x, f = event.position().x(), self._grab[1]
        f = f + (x - self._grab[0]) / self._line().width() * speed(event.modifiers())
        self._grab = (x, f)
        self._commit(self.at_fraction(f), False)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """The end of a drag."""
        if self._grab is not None and event.button() == Qt.MouseButton.LeftButton:
            self._grab = None
            self._commit(self._value, True)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Back to the default."""
        if event.button() == Qt.MouseButton.LeftButton:
            self._grab = None
            self._commit(self._default, True)

    def wheelEvent(self, event: QWheelEvent) -> None:
        """A small step; without focus the wheel scrolls the page, so that passing over a form changes nothing."""
        turn = event.angleDelta().y() or event.angleDelta().x()
        if not turn or not (self.hasFocus() or self._tall):
            event.ignore()
            return
        self.nudge((1 if turn > 0 else -1) * speed(event.modifiers()))
        event.accept()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Arrows step, Page keys leap, Home and End go to the ends."""
        key, times = Qt.Key(event.key()), speed(event.modifiers())
        steps = {
            Qt.Key.Key_Left: -1, Qt.Key.Key_Down: -1, Qt.Key.Key_Right: 1, Qt.Key.Key_Up: 1,
            Qt.Key.Key_PageUp: 10, Qt.Key.Key_PageDown: -10,
        }  # fmt: skip
        if key in steps:
            self.nudge(steps[key] * times)
        elif key in (Qt.Key.Key_Home, Qt.Key.Key_End):
            self._commit(self._lo if key == Qt.Key.Key_Home else self._hi, True)
        elif key in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace):
            self._commit(self._default, True)
        else:
            super().keyPressEvent(event)


def speed(modifiers: Qt.KeyboardModifier) -> float:
    """How much a hand or a key moves with these modifiers held: Shift is fine, Ctrl coarse."""
    if modifiers & Qt.KeyboardModifier.ShiftModifier:
        return FINE
    return COARSE if modifiers & Qt.KeyboardModifier.ControlModifier else 1.0
