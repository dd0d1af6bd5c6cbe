"""Bars for a named vector, such as the KL of each latent dimension."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QEvent, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from app.shell import theme
from app.widgets import kit


class Bars(kit.Painted):
    """One bar for each number of a vector, largest first if sorted, those near zero drawn quietly.

    Setters: set_values(array | None, unit='', name='dimension'), set_sorted(bool), set_log(bool), set_threshold(v),
    set_empty(title, hint). Getters: values(), order(). Signals: hovered(int; -1 outside), clicked(int) with the number
    in the vector, not the place on the screen.
    """

    hovered = Signal(int)
    clicked = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._values: np.ndarray | None = None
        self._unit, self._name = "", "dimension"
        self._sorted, self._log = True, False
        self._threshold = 0.01
        self._hover = -1
        self._empty = ("No values yet", "")
        self.setMouseTracking(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(120, 90)
        self.setAccessibleName("Bars")

    def set_values(self, values: np.ndarray | None, unit: str = "", name: str = "dimension") -> None:
        """Show a vector; None empties the view."""
        self._values = None if values is None else np.nan_to_num(np.asarray(values, float).ravel())
        self._unit, self._name = unit, name
        if self._values is not None:
            used = int((self._values > self._threshold).sum())
            self.setAccessibleDescription(f"{len(self._values)} values, {used} above {self._threshold:g} {unit}")
        self.update()

    def values(self) -> np.ndarray | None:
        """The vector as it was given."""
        return self._values

    def set_sorted(self, on: bool) -> None:
        """Largest first, or in the order of the vector."""
        self._sorted = on
        self.update()

    def set_log(self, on: bool) -> None:
        """A logarithmic axis from the threshold's tenth up."""
        self._log = on
        self.update()

    def set_threshold(self, value: float) -> None:
        """Bars at or below this are drawn quietly."""
        self._threshold = value
        self.update()

    def order(self) -> list[int]:
        """Which number of the vector stands at each place."""
        if self._values is None:
            return []
        if not self._sorted:
            return list(range(len(self._values)))
        return [int(i) for i in np.argsort(-self._values, kind="stable")]

    def sizeHint(self) -> QSize:
        """A comfortable size."""
        return QSize(360, 220)

    # geometry

    def _area(self) -> QRectF:
        m = theme.px
        return QRectF(self.rect()).adjusted(m(46), m(10), -m(10), -m(24))

    def _range(self) -> tuple[float, float]:
        assert self._values is not None
        top = float(self._values.max()) if len(self._values) else 1.0
        if self._log:
            return self._threshold / 10, max(top, self._threshold) * 1.3
        low = min(0.0, float(self._values.min())) if len(self._values) else 0.0
        return low, max(top, low + 1e-6) * 1.05 if top > 0 else low + 1.0

    def _fraction(self, value: float) -> float:
        lo, hi = self._range()
        if self._log:
            return float(np.clip(np.log(max(value, lo) / lo) / np.log(hi / lo), 0, 1))
        return float(np.clip((value - lo) / (hi - lo), 0, 1))

    def _bar(self, place: int) -> QRectF:
        area, n = self._area(), max(1, len(self.order()))
        width = area.width() / n
        gap = min(4.0, width * 0.25) if width > 3 else 0.0
        value = float(self._values[self.order()[place]])  # type: ignore[index]
        lo, _ = self._range()
        zero = area.bottom() - area.height() * (self._fraction(0.0) if not self._log and lo < 0 else 0.0)
        y = area.bottom() - area.height() * self._fraction(value)
        top, bottom = min(y, zero), max(y, zero)
        return QRectF(area.left() + place * width + gap / 2, top, width - gap, max(1.0, bottom - top))

    # painting

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Axis, bars, names."""
        p, t = QPainter(self), theme.current()
        p.fillRect(self.rect(), QColor(t.base))
        if self._values is None or not len(self._values):
            kit.paint_empty(p, self.rect(), *self._empty, icon="chart")
            return
        area, order = self._area(), self.order()
        self._paint_axis(p, area)
        font = theme.number_font(-1.5)
        p.setFont(font)
        width = area.width() / len(order)
        every = max(1, int(np.ceil((p.fontMetrics().horizontalAdvance(str(len(order))) + 6) / max(width, 0.5))))
        for place, index in enumerate(order):
            r = self._bar(place)
            quiet = self._values[index] <= self._threshold
            colour = QColor(t.edge if quiet else t.series[0])
            if index == self._hover:
                colour = QColor(t.accent if quiet else theme.mix(t.series[0], t.text, 0.35))
            p.fillRect(r, colour)
            if place % every == 0:
                p.setPen(QColor(t.text if index == self._hover else t.muted))
                below = QRectF(r.center().x() - 30, area.bottom() + 2, 60, theme.px(18))
                p.drawText(below, Qt.AlignmentFlag.AlignCenter, str(index + 1))
        if self.show_ring:
            kit.paint_focus(p, QRectF(self.rect()))

    def _paint_axis(self, p: QPainter, area: QRectF) -> None:
        t = theme.current()
        lo, hi = self._range()
        p.setFont(theme.number_font(-1.5))
        if self._log:
            ticks = [10.0**k for k in range(int(np.ceil(np.log10(lo))), int(np.floor(np.log10(hi))) + 1)]
        else:
            ticks = kit.nice_ticks(lo, hi, max(2, int(area.height() / theme.px(34))))
        for value in ticks:
            y = round(area.bottom() - area.height() * self._fraction(value)) + 0.5
            p.setPen(QPen(QColor(t.border), 1))
            p.drawLine(int(area.left()), int(y), int(area.right()), int(y))
            p.setPen(QColor(t.muted))
            box = QRectF(0, y - 10, area.left() - 6, 20)
            p.drawText(box, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, kit.number_text(value))

    # hands

    def _at(self, x: float) -> int:
        area, order = self._area(), self.order()
        place = int((x - area.left()) // (area.width() / len(order))) if order and x >= area.left() else -1
        return order[place] if 0 <= place < len(order) else -1

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Tell the value under the pointer."""
        index = self._at(event.position().x())
        if index != self._hover:
            self._hover = index
            self.hovered.emit(index)
            self.update()
        if index >= 0 and self._values is not None:
            words = f"{self._name} {index + 1}: {self._values[index]:.3g} {self._unit}"
            QToolTip.showText(event.globalPosition().toPoint(), words, self)

    def leaveEvent(self, event: QEvent) -> None:
        """Forget the outline."""
        self._hover = -1
        self.hovered.emit(-1)
        self.update()
        super().leaveEvent(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Choose a bar."""
        if (index := self._at(event.position().x())) >= 0:
            self.clicked.emit(index)


def _demo() -> QWidget:
    bars = Bars()
    bars.set_values(np.random.default_rng(0).exponential(1.0, 20) * (np.arange(20) % 3 > 0), "nats")
    return bars


if __name__ == "__main__":
    import sys

    from app.widgets.demo import run

    sys.exit(run(_demo))
