"""A time bar: where we are in a training or a trajectory, and which moments can be gone back to."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PySide6.QtCore import QEvent, QLineF, QPoint, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QContextMenuEvent,
    QHelpEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QPixmap,
    QPolygonF,
    QWheelEvent,
)
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from app.shell import theme
from app.widgets import kit


class ScrubBar(kit.Painted):
    """A track with a handle; marks show the kept moments, pins the ones kept for ever, flags the edits.

    Setters (all silent): set_range(lo, hi), set_ticks(values), set_pins(values), set_flags([(value, text)]),
    set_value(v), set_live(bool), set_scale('linear' | 'log'), set_unit(text). Getters: value(),
    is_live(). Signals: changing(float) while dragging, changed(float) when let go or by keys, live_requested() when the
    handle is brought to the right end or 'now' is clicked, pin_requested(float) on P or a right click.
    Keys: Left and Right go to the neighbouring mark, Home to the first, End to now.
    """

    changing = Signal(float)
    changed = Signal(float)
    live_requested = Signal()
    pin_requested = Signal(float)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._lo, self._hi, self._value = 0.0, 1.0, 0.0
        self._ticks = np.empty(0)
        self._pins = np.empty(0)
        self._flags: list[tuple[float, str]] = []
        self._live, self._log = True, False
        self._unit = "step"
        self._dragging, self._hover = False, -1.0
        self._ground = QPixmap()
        self._ground_key: tuple[object, ...] = ()
        self.setMouseTracking(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName("Time bar")
        self._describe()

    # what is shown

    def set_range(self, lo: float, hi: float) -> None:
        """The first and the last moment; a live handle stays at the end."""
        self._lo, self._hi = float(lo), float(max(lo, hi))
        self._value = self._hi if self._live else min(self._hi, max(self._lo, self._value))
        self._describe()

    def set_ticks(self, values: Sequence[float] | np.ndarray) -> None:
        """The moments that were kept and can be gone back to."""
        self._ticks = _each_once(values)
        self.update()

    def set_pins(self, values: Sequence[float] | np.ndarray) -> None:
        """The moments that the user asked to keep for ever."""
        self._pins = _each_once(values)
        self.update()

    def set_flags(self, flags: Sequence[tuple[float, str]]) -> None:
        """Where a setting was edited, and what was edited."""
        self._flags = [(float(v), str(text)) for v, text in flags]
        self.update()

    def set_value(self, value: float) -> None:
        """Move the handle without a signal; leaves the live state."""
        self._live = False
        self._value = min(self._hi, max(self._lo, float(value)))
        self._describe()

    def set_live(self, live: bool) -> None:
        """Follow the end of the bar (or stay where the handle is)."""
        self._live = bool(live)
        if live:
            self._value = self._hi
        self._describe()

    def set_scale(self, scale: str) -> None:
        """'linear', or 'log' where early moments deserve more room."""
        if scale not in ("linear", "log"):
            raise ValueError(f"scale is {scale!r}; it is 'linear' or 'log'")
        self._log = scale == "log"
        self.update()

    def set_unit(self, unit: str) -> None:
        """The word before numbers in tips: step, frame, t."""
        self._unit = unit
        self._describe()

    def value(self) -> float:
        """The moment under the handle."""
        return self._value

    def is_live(self) -> bool:
        """Whether the handle follows the present."""
        return self._live

    def _describe(self) -> None:
        state = "now" if self._live else f"{self._unit} {kit.number_text(self._value)}"
        self.setAccessibleDescription(f"{state} of {kit.number_text(self._hi)}")
        self.update()

    # geometry

    def _track(self) -> QRectF:
        pad, right = theme.px(10), theme.px(58)
        return QRectF(pad, self.height() * 0.56, max(1, self.width() - pad - right), 0)

    def _now_rect(self) -> QRectF:
        return QRectF(self.width() - theme.px(40), self.height() * 0.56 - theme.px(9), theme.px(38), theme.px(18))

    def _fraction(self, value: float | np.ndarray) -> np.ndarray:
        v = np.asarray(value, float) - self._lo
        span = self._hi - self._lo
        if span <= 0:
            return np.ones_like(v) if self._live else np.zeros_like(v)
        v = np.clip(v, 0, span)
        return np.log1p(v) / np.log1p(span) if self._log else v / span

    def x_of(self, value: float) -> float:
        """Where a moment lies, in pixels from the left edge."""
        r = self._track()
        return r.left() + float(self._fraction(value)) * r.width()

    def value_at(self, x: float) -> float:
        """The moment at a pixel, at the nearest kept one where there are some."""
        r = self._track()
        f = min(1.0, max(0.0, (x - r.left()) / r.width()))
        span = self._hi - self._lo
        raw = self._lo + (np.expm1(f * np.log1p(span)) if self._log else f * span)
        stops = self._stops()
        if not len(stops):
            return float(raw)
        return float(stops[np.argmin(np.abs(self._fraction(stops) - f))])

    def _stops(self) -> np.ndarray:
        stops = np.union1d(self._ticks, self._pins)
        return stops[(stops >= self._lo) & (stops <= self._hi)]

    def sizeHint(self) -> QSize:
        """One text line and the track."""
        return QSize(420, theme.px(40))

    def minimumSizeHint(self) -> QSize:
        """Narrow enough for a small dock."""
        return QSize(160, theme.px(40))

    # painting

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Track, marks, flags and the word 'now' from a kept picture; then the handle and its words."""
        t = theme.current()
        p = QPainter(self)
        p.drawPixmap(0, 0, self._kept_ground())
        p.setRenderHint(QPainter.RenderHint.Antialiasing)
        r = self._track()
        y, x = r.top(), self.x_of(self._value)
        if x > r.left():
            colour = QColor(t.accent if self.isEnabled() else t.edge)
            p.setPen(QPen(colour, theme.px(4), Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
            p.drawLine(QPointF(r.left(), y), QPointF(x, y))
        handle = theme.px(7)
        p.setPen(QPen(QColor(t.window), 2))
        p.setBrush(QColor(t.text if not self._live else t.accent))
        p.drawEllipse(QPointF(x, y), handle, handle)
        if self.show_ring:
            p.setPen(QPen(QColor(t.accent), 1.5))
            p.setBrush(Qt.BrushStyle.NoBrush)
            p.drawEllipse(QPointF(x, y), handle + 3, handle + 3)
        self._paint_words(p, x)

    def _kept_ground(self) -> QPixmap:
        """Everything that stays while the handle moves; painted anew only when it has changed."""
        ratio = self.devicePixelRatioF()
        places = tuple(self._pixels(values).tobytes() for values in (self._ticks, self._pins))
        flags = tuple(round(self.x_of(value)) for value, _ in self._flags)
        key = (self.size().toTuple(), ratio, theme.current().name, theme.scale(), self._live, places, flags)
        if key != self._ground_key:
            self._ground_key = key
            self._ground = QPixmap(self.size() * ratio)
            self._ground.setDevicePixelRatio(ratio)
            self._ground.fill(Qt.GlobalColor.transparent)
            with QPainter(self._ground) as p:
                self._paint_ground(p)
        return self._ground

    def _pixels(self, values: np.ndarray) -> np.ndarray:
        """Where moments lie, in whole pixels, each pixel once."""
        r = self._track()
        return _each_once(np.round(r.left() + self._fraction(values) * r.width()))

    def _paint_ground(self, p: QPainter) -> None:
        t, r, now = theme.current(), self._track(), self._now_rect()
        y = r.top()
        p.setRenderHint(QPainter.RenderHint.Antialiasing)
        p.setPen(QPen(QColor(t.border), theme.px(4), Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
        p.drawLine(QPointF(r.left(), y), QPointF(r.right(), y))
        self._paint_marks(p, y)
        p.setPen(QPen(QColor(t.accent if self._live else t.border), 1))
        p.setBrush(QColor(t.accent_soft) if self._live else Qt.BrushStyle.NoBrush)
        p.drawRoundedRect(now.adjusted(0.5, 0.5, -0.5, -0.5), 4, 4)
        p.setFont(theme.ui_font(-1, bold=self._live))
        p.setPen(QColor(t.text if self._live else t.muted))
        p.drawText(now, Qt.AlignmentFlag.AlignCenter, "now")

    def _paint_marks(self, p: QPainter, y: float) -> None:
        t = theme.current()
        top = y + theme.px(6)
        p.setPen(QPen(QColor(t.edge), 1))
        high = theme.px(4)
        p.drawLines([QLineF(px + 0.5, top, px + 0.5, top + high) for px in self._pixels(self._ticks).tolist()])
        p.setPen(Qt.PenStyle.NoPen)
        p.setBrush(QColor(t.accent))
        for px in self._pixels(self._pins).tolist():
            s = theme.px(4)
            p.drawPolygon(
                QPolygonF(
                    [QPointF(px, top - 1), QPointF(px + s, top + s), QPointF(px, top + 2 * s), QPointF(px - s, top + s)]
                )
            )
        p.setBrush(QColor(t.warn))
        for v, _text in self._flags:
            px, s, base = self.x_of(v), theme.px(6), y - theme.px(3)
            p.drawPolygon(
                QPolygonF([QPointF(px, base - s * 1.7), QPointF(px + s, base - s * 1.2), QPointF(px, base - s * 0.7)])
            )
            p.fillRect(QRectF(px - 0.5, base - s * 1.7, 1, s * 1.7), QColor(t.warn))

    def _paint_words(self, p: QPainter, x: float) -> None:
        t = theme.current()
        shown = self._hover if self._hover >= 0 else self._value
        if self._live and self._hover < 0:
            return
        text = f"{self._unit} {kit.number_text(shown)}"
        p.setFont(theme.number_font(-1.5))
        width = p.fontMetrics().horizontalAdvance(text) + 8
        left = min(max(2.0, self.x_of(shown) - width / 2), self.width() - width - 2.0)
        box = QRectF(left, 0, width, p.fontMetrics().height())
        p.setPen(Qt.PenStyle.NoPen)
        p.setBrush(QColor(t.window))
        p.drawRect(box)
        p.setPen(QColor(t.muted if self._hover >= 0 else t.text))
        p.drawText(box, Qt.AlignmentFlag.AlignCenter, text)

    # hands

    def _move_to(self, value: float, finished: bool) -> None:
        self._live = False
        self._value = value
        self._describe()
        (self.changed if finished else self.changing).emit(value)

    def go_live(self) -> None:
        """Return to the present and say so."""
        self.set_live(True)
        self.live_requested.emit()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Jump to the place pressed and drag from there."""
        if event.button() != Qt.MouseButton.LeftButton:
            return
        if self._now_rect().contains(event.position()):
            self.go_live()
            return
        self._dragging = True
        self._hover = -1.0  # the words go with the handle now
        self._move_to(self.value_at(event.position().x()), finished=False)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Drag the handle; otherwise show which moment lies under the pointer."""
        x = event.position().x()
        if self._dragging:
            value = self.value_at(x)
            if value != self._value or self._live:
                self._move_to(value, finished=False)
        else:
            inside = not self._now_rect().contains(event.position())
            self._hover = self.value_at(x) if inside else -1.0
            self.update()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Settle on the moment; past the right end means now."""
        if self._dragging and event.button() == Qt.MouseButton.LeftButton:
            self._dragging = False
            if event.position().x() > self._track().right() + theme.px(6):
                self.go_live()
            else:
                self._move_to(self._value, finished=True)

    def leaveEvent(self, event: QEvent) -> None:
        """Forget the moment under the pointer."""
        self._hover = -1.0
        self.update()
        super().leaveEvent(event)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """A right click asks to pin the moment."""
        self.pin_requested.emit(self.value_at(event.pos().x()))

    def wheelEvent(self, event: QWheelEvent) -> None:
        """The wheel goes from mark to mark."""
        if event.angleDelta().y():
            self._step(-1 if event.angleDelta().y() > 0 else 1)
        event.accept()

    def _step(self, direction: int) -> None:
        stops = self._stops()
        if not len(stops):
            self._move_to(min(self._hi, max(self._lo, self._value + direction * (self._hi - self._lo) / 100)), True)
            return
        later = stops[stops > self._value + 1e-9] if direction > 0 else stops[stops < self._value - 1e-9]
        if len(later):
            self._move_to(float(later[0] if direction > 0 else later[-1]), True)
        elif direction > 0:
            self.go_live()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Move by keys."""
        key = event.key()
        if key in (Qt.Key.Key_Left, Qt.Key.Key_Right):
            self._step(1 if key == Qt.Key.Key_Right else -1)
        elif key == Qt.Key.Key_Home:
            stops = self._stops()
            self._move_to(float(stops[0]) if len(stops) else self._lo, True)
        elif key == Qt.Key.Key_End:
            self.go_live()
        elif key == Qt.Key.Key_P:
            self.pin_requested.emit(self._value)
        else:
            super().keyPressEvent(event)

    def event(self, event: QEvent) -> bool:
        """Tips on flags and pins."""
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            near = [text for v, text in self._flags if abs(self.x_of(v) - event.pos().x()) < theme.px(8)]
            where: QPoint = event.globalPos()
            QToolTip.showText(where, "\n".join(near) or f"Drag to go back in time. Marks are kept {self._unit}s.", self)
            return True
        return super().event(event)


def _demo() -> QWidget:
    from PySide6.QtWidgets import QVBoxLayout

    from app.widgets.transport import Transport

    w = QWidget()
    box = QVBoxLayout(w)
    for log, live in ((True, False), (False, True)):
        bar = ScrubBar()
        bar.set_range(0, 4000)
        bar.set_scale("log" if log else "linear")
        bar.set_ticks([0, *np.geomspace(1, 4000, 24).astype(int)])
        bar.set_pins([60, 900])
        bar.set_flags([(250, "lr 1e-3 → 3e-4"), (1800, "beta 1 → 4")])
        bar.set_live(True) if live else bar.set_value(700)
        box.addWidget(bar)
    transport = Transport()
    transport.set_count(50)
    transport.set_index(17)
    box.addWidget(transport)
    box.addStretch(1)
    return w


if __name__ == "__main__":
    import sys

    from app.widgets.demo import run

    sys.exit(run(_demo, (640, 200)))


def _each_once(values: Sequence[float] | np.ndarray) -> np.ndarray:
    """Values in order, each once. (numpy's `unique` loads masked arrays first: 16 ms of the program's start.)"""
    return np.array(sorted({float(value) for value in values}), float)
