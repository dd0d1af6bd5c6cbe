"""The conditional distribution of one pixel as bars, with the value that was drawn; a curve where levels are many."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QMouseEvent, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from app.shell import theme
from app.widgets import kit


class LevelBars(kit.Painted):
    """Probabilities of levels. Setters: set_bars(probabilities | None, drawn=-1, continuous=False),
    set_stale(bool), set_empty(title, hint). Getter: probabilities(). Signal: picked(level), of a click on a bar.
    """

    picked = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._p: np.ndarray | None = None
        self._drawn, self._hover = -1, -1
        self._continuous = self._stale = False
        self._empty = ("", "")
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(96, 72)
        self.setAccessibleName("Distribution of the pixel")

    def sizeHint(self) -> QSize:
        """A comfortable size."""
        return QSize(240, 150)

    def set_bars(self, probabilities: np.ndarray | None, drawn: int = -1, continuous: bool = False) -> None:
        """Probabilities (m,) (densities where continuous), and the number of the value that was drawn."""
        self._p = None if probabilities is None else np.asarray(probabilities, float)
        self._drawn, self._continuous, self._hover, self._stale = drawn, continuous, -1, False
        if self._p is not None:
            best = int(self._p.argmax())
            drew = f", drawn was {drawn} with {self._p[drawn]:.1%}" if 0 <= drawn < len(self._p) else ""
            self.setAccessibleDescription(f"{len(self._p)} levels, most probable {best} with {self._p[best]:.1%}{drew}")
        self.update()

    def set_stale(self, stale: bool) -> None:
        """Dim the bars: they are those of another pixel until the model has answered."""
        if stale != self._stale:
            self._stale = stale
            self.update()

    def set_empty(self, title: str, hint: str = "") -> None:
        """What to say while there is nothing."""
        if (title, hint) != self._empty:
            self._empty = (title, hint)
            self.update()

    def probabilities(self) -> np.ndarray | None:
        """What is shown."""
        return self._p

    # geometry

    def _area(self) -> QRectF:
        m = theme.px
        return QRectF(self.rect()).adjusted(m(38), m(16), -m(8), -m(20))

    def _top(self) -> float:
        assert self._p is not None
        return 1.0 if len(self._p) == 2 else max(float(self._p.max()) * 1.08, 1e-9)

    def bar(self, number: int) -> QRectF:
        """Where the bar of a level stands."""
        assert self._p is not None
        area, n = self._area(), len(self._p)
        wide = min(area.width() / n, theme.px(72))
        left = area.center().x() - wide * n / 2 + number * wide
        gap = min(theme.px(12), wide * 0.2) if wide > 3 else 0.0
        high = area.height() * float(self._p[number]) / self._top()
        return QRectF(left + gap / 2, area.bottom() - high, max(wide - gap, 0.5), high)

    # painting

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Axis, bars or curve, the drawn value."""
        p, t = QPainter(self), theme.current()
        p.fillRect(self.rect(), QColor(t.base))
        if self._p is None or not len(self._p):
            kit.paint_empty(p, self.rect(), *self._empty)
            return
        area = self._area()
        p.setOpacity(0.35 if self._stale else 1.0)
        self._paint_axis(p, area)
        wide = self.bar(0).width()
        if wide >= 2.5 and not self._continuous:
            for number in range(len(self._p)):
                colour = t.series[1] if number == self._drawn else t.series[0]
                p.fillRect(self.bar(number), QColor(theme.mix(colour, t.text, 0.3 if number == self._hover else 0.0)))
        else:
            self._paint_curve(p, area)
        self._paint_names(p, area)
        if 0 <= self._drawn < len(self._p):
            box = self.bar(self._drawn)
            x, s = box.center().x(), theme.px(5)
            p.setRenderHint(QPainter.RenderHint.Antialiasing)
            p.setPen(QPen(QColor(t.series[1]), 1, Qt.PenStyle.DotLine))
            p.drawLine(QPointF(x, area.top()), QPointF(x, area.bottom()))
            p.setPen(Qt.PenStyle.NoPen)
            p.setBrush(QColor(t.series[1]))
            p.drawPolygon(QPolygonF([
                QPointF(x - s, area.top() - s * 1.4), QPointF(x + s, area.top() - s * 1.4), QPointF(x, area.top())
            ]))  # fmt: skip
            self._paint_drawn(p, x, area)

    def _paint_drawn(self, p: QPainter, x: float, area: QRectF) -> None:
        p.setFont(theme.ui_font(-1.5))
        p.setPen(QColor(theme.current().text))
        words = "drawn"
        wide = p.fontMetrics().horizontalAdvance(words)
        left = x + theme.px(8) if x + theme.px(8) + wide < area.right() + theme.px(6) else x - theme.px(8) - wide
        p.drawText(QRectF(left, 0, wide + 2, area.top()), Qt.AlignmentFlag.AlignVCenter, words)

    def _paint_axis(self, p: QPainter, area: QRectF) -> None:
        t, top = theme.current(), self._top()
        p.setFont(theme.number_font(-1.5))
        for value in kit.nice_ticks(0.0, top, max(2, int(area.height() / theme.px(30)))):
            y = round(area.bottom() - area.height() * value / top) + 0.5
            p.setPen(QPen(QColor(t.border), 1))
            p.drawLine(QPointF(area.left(), y), QPointF(area.right(), y))
            p.setPen(QColor(t.muted))
            words = kit.number_text(value, 3) if self._continuous else f"{value * 100:.3g} %"
            box = QRectF(0, y - 10, area.left() - 4, 20)
            p.drawText(box, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, words)

    def _paint_curve(self, p: QPainter, area: QRectF) -> None:
        """More levels than there is room for bars: the outline of the highest in each column of the screen."""
        assert self._p is not None
        t, top = theme.current(), self._top()
        columns = max(2, int(area.width() / 1.5))
        cell = np.minimum((np.arange(len(self._p)) * columns // len(self._p)), columns - 1)
        high = np.zeros(columns)
        np.maximum.at(high, cell, self._p)
        filled = np.flatnonzero(np.bincount(cell, minlength=columns))
        xs = area.left() + (filled + 0.5) / columns * area.width()
        ys = area.bottom() - area.height() * high[filled] / top
        line = [QPointF(x, y) for x, y in zip(xs, ys, strict=True)]
        p.setRenderHint(QPainter.RenderHint.Antialiasing)
        p.setPen(Qt.PenStyle.NoPen)
        p.setBrush(theme.color(t.series[0], 90))
        p.drawPolygon(QPolygonF([QPointF(xs[0], area.bottom()), *line, QPointF(xs[-1], area.bottom())]))
        p.setPen(QPen(QColor(t.series[0]), 1.5))
        p.drawPolyline(QPolygonF(line))

    def _paint_names(self, p: QPainter, area: QRectF) -> None:
        assert self._p is not None
        n = len(self._p)
        p.setFont(theme.ui_font(-1.5))
        p.setPen(QColor(theme.current().muted))
        under = area.bottom() + theme.px(2)
        if n == 2:
            shares = [_percent(float(share)) for share in self._p]
            named = [f"{word} {share}" for word, share in zip(("black", "white"), shares, strict=True)]
            wide, gap = max(p.fontMetrics().horizontalAdvance(words) for words in named), theme.px(6)
            pitch = self.bar(1).x() - self.bar(0).x()
            shares = named if wide + gap <= area.width() / 2 else shares
            apart = max(0.0, (wide + 2 * gap - pitch) / 2) if shares is named else 0.0  # never into one another
            for number, share in enumerate(shares):
                centre = self.bar(number).center().x() + (apart if number else -apart)
                box = QRectF(centre - area.width() / 4, under, area.width() / 2, theme.px(17))
                p.drawText(box, Qt.AlignmentFlag.AlignCenter, share)
            return
        room = p.fontMetrics().horizontalAdvance("0000")
        every = max(1, int(np.ceil(room * n / max(area.width(), 1))))
        every = next(s for s in (1, 2, 4, 8, 16, 32, 64, 128, 10**9) if s >= every)
        for number in range(0, n, every):
            centre = self.bar(number).center().x()
            p.drawText(QRectF(centre - 30, under, 60, theme.px(17)), Qt.AlignmentFlag.AlignCenter, str(number))

    # hands

    def level_at(self, x: float) -> int:
        """The level at a place, or -1."""
        if self._p is None or not len(self._p) or self._continuous:
            return -1
        first, last = self.bar(0), self.bar(len(self._p) - 1)
        if not first.left() - 4 <= x <= last.right() + 4:
            return -1
        middles = np.array([self.bar(i).center().x() for i in range(len(self._p))])
        return int(np.abs(middles - x).argmin())

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Tell the probability under the pointer."""
        level = self.level_at(event.position().x())
        if level != self._hover:
            self._hover = level
            self.update()
        if level >= 0 and self._p is not None:
            words = f"level {level}: {self._p[level]:.3%}\nClick to put it there and draw the rest anew"
            QToolTip.showText(event.globalPosition().toPoint(), words, self)

    def leaveEvent(self, event: QEvent) -> None:
        """Nothing is pointed at."""
        self._hover = -1
        self.update()
        super().leaveEvent(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Choose a level."""
        level = self.level_at(event.position().x())
        if event.button() == Qt.MouseButton.LeftButton and level >= 0:
            self.picked.emit(level)


def _percent(share: float) -> str:
    """A probability in three figures, without the noughts of one that is next to nothing."""
    if 0 < share < 0.001:
        return "< 0.1 %"
    return "> 99.9 %" if 0.999 < share < 1 else f"{100 * share:.3g} %"
