"""Probabilities of named classes as horizontal bars, with a tick where the prior stands."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy

from app.shell import theme
from app.widgets import kit


class ClassBars(kit.Painted):
    """One bar a class; the most probable one stands out.

    Setters: set_values(probabilities (k,) | None, names, prior (k,) | None), set_empty(title, hint). Getter: values().
    """

    def __init__(self) -> None:
        super().__init__()
        self._values: np.ndarray | None = None
        self._prior: np.ndarray | None = None
        self._names: tuple[str, ...] = ()
        self._empty = ("No classes yet", "")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(130, 90)
        self.setAccessibleName("Probabilities of the classes")

    def set_values(
        self, values: np.ndarray | None, names: tuple[str, ...] = (), prior: np.ndarray | None = None
    ) -> None:
        """Show these probabilities."""
        self._values, self._names, self._prior = values, names, prior
        if values is not None and len(names) == len(values):
            best = int(np.argmax(values))
            self.setAccessibleDescription(f"{names[best]} with {100 * values[best]:.1f} %")
        self.update()

    def values(self) -> np.ndarray | None:
        """The probabilities that are shown."""
        return self._values

    def sizeHint(self) -> QSize:
        """A comfortable size."""
        return QSize(220, 220)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Names, bars, percentages."""
        painter, t = QPainter(self), theme.current()
        values = self._values
        if values is None or not len(values):
            kit.paint_empty(painter, self.rect(), *self._empty, icon="chart")
            return
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        height = self.height() / len(values)
        tight = height < QFontMetricsF(theme.ui_font(-0.5)).height()
        painter.setFont(theme.ui_font(-2.5 if tight else -0.5))
        metrics = QFontMetricsF(painter.font())
        left = min(max(metrics.horizontalAdvance(n) for n in self._names) + 8, 0.35 * self.width())
        right = metrics.horizontalAdvance("100.0 %") + 8
        room = max(10.0, self.width() - left - right)
        best = int(np.argmax(values))
        spoken = legible(values, height, 0.85 * metrics.height())
        for i, value in enumerate(values):
            y = i * height
            name = metrics.elidedText(self._names[i], Qt.TextElideMode.ElideRight, left - 4)
            painter.setPen(QColor(t.text if i == best else t.muted))
            side = Qt.AlignmentFlag.AlignVCenter
            middle = y + height / 2 - metrics.height() / 2
            if i in spoken:
                beside = QRectF(0, middle, left - 6, metrics.height())
                painter.drawText(beside, Qt.AlignmentFlag.AlignRight | side, name)
            bar = QRectF(left, y + 0.18 * height, room, 0.64 * height)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(t.border))
            painter.drawRoundedRect(bar, 2, 2)
            filled = QRectF(bar.left(), bar.top(), room * float(value), bar.height())
            painter.setBrush(QColor(t.accent if i == best else t.edge))
            painter.drawRoundedRect(filled, 2, 2)
            if self._prior is not None:
                x = left + room * float(self._prior[i])
                painter.setPen(QPen(QColor(t.text), 1.5))
                painter.drawLine(QPointF(x, bar.top() - 1), QPointF(x, bar.bottom() + 1))
            if i not in spoken:
                continue
            painter.setPen(QColor(t.text if i == best else t.muted))
            words = f"{100 * float(value):.1f} %" if value >= 5e-4 else "0 %"
            beside = QRectF(left + room, middle, right, metrics.height())
            painter.drawText(beside, Qt.AlignmentFlag.AlignRight | side, words)
        if self.show_ring and self.hasFocus():
            kit.paint_focus(painter, QRectF(self.rect()))


def legible(values: np.ndarray, height: float, words: float) -> set[int]:
    """The rows that find room for words of this height: the most probable first, none over another."""
    chosen: set[int] = set()
    for i in np.argsort(-values, kind="stable"):
        if all(abs(int(i) - other) * height >= words for other in chosen):
            chosen.add(int(i))
    return chosen


def _demo() -> ClassBars:
    values = np.random.default_rng(0).dirichlet(np.full(10, 0.3))
    bars = ClassBars()
    bars.set_values(values, tuple("0123456789"), np.full(10, 0.1))
    return bars


if __name__ == "__main__":
    from app.widgets import demo

    raise SystemExit(demo.run(_demo, (320, 320)))
