"""A confusion matrix: how often each class (row) was taken for each (column)."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QEvent, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFontMetricsF, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy

from app.shell import theme
from app.widgets import kit


class ConfusionView(kit.Painted):
    """Counts as squares: the right ones on the diagonal, the wrong ones in the colour of warnings.

    Setters: set_counts(int (k, k) | None, names), set_empty(title, hint). Signals: pointed(row, column; -1 outside),
    picked(row, column).
    """

    pointed = Signal(int, int)
    picked = Signal(int, int)

    def __init__(self) -> None:
        super().__init__()
        self._counts: np.ndarray | None = None
        self._names: tuple[str, ...] = ()
        self._hover = (-1, -1)
        self._empty = ("Nothing classified yet", "")
        self.setMouseTracking(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(140, 140)
        self.setAccessibleName("Confusion matrix")

    def set_counts(self, counts: np.ndarray | None, names: tuple[str, ...] = ()) -> None:
        """Show these counts; rows are the true classes."""
        self._counts, self._names = counts, names
        if counts is not None and counts.sum():
            off = counts * (1 - np.eye(len(counts), dtype=counts.dtype))
            row, column = np.unravel_index(off.argmax(), off.shape)
            words = f"{100 * np.trace(counts) / counts.sum():.1f} % right"
            if off.max():
                words += f"; most often {names[row]} is taken for {names[column]} ({off.max()} times)"
            self.setAccessibleDescription(words)
        self.update()

    def sizeHint(self) -> QSize:
        """A comfortable size."""
        return QSize(260, 260)

    def _grid(self) -> tuple[QRectF, float]:
        assert self._counts is not None
        metrics = QFontMetricsF(theme.ui_font(-1.5))
        left = max((metrics.horizontalAdvance(name) for name in self._names), default=0.0)
        left = min(left, 0.3 * self.width()) + 2 * metrics.height()
        top = 2.2 * metrics.height()
        side = min(self.width() - left - 6, self.height() - top - 4) / len(self._counts)
        extra = (self.width() - left - side * len(self._counts)) / 2
        return QRectF(left + max(0.0, extra), top, side * len(self._counts), side * len(self._counts)), side

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Squares, names, and what the axes mean."""
        painter, t = QPainter(self), theme.current()
        if self._counts is None or not self._counts.sum():
            kit.paint_empty(painter, self.rect(), *self._empty, icon="grid")
            return
        box, side = self._grid()
        share = self._counts / np.maximum(self._counts.sum(1, keepdims=True), 1)
        widest = max((str(int(v)) for v in self._counts.ravel()), key=len)
        for points in (-1.5, -2.5, -3.5):  # in small squares, smaller figures
            painter.setFont(theme.ui_font(points))
            metrics = QFontMetricsF(painter.font())
            if metrics.horizontalAdvance(widest) < side - 3:
                break
        for i in range(len(share)):
            for j in range(len(share)):
                cell = QRectF(box.left() + j * side, box.top() + i * side, side - 1, side - 1)
                strong = float(share[i, j]) if i == j else min(1.0, 3 * float(share[i, j]))
                ground = theme.mix(t.base, t.accent if i == j else t.warn, 0.85 * strong)
                painter.fillRect(cell, QColor(ground))
                words = str(int(self._counts[i, j]))
                if self._counts[i, j] and metrics.horizontalAdvance(words) < side - 3:
                    ink = t.text if theme.contrast(t.text, ground) >= theme.contrast(t.base, ground) else t.base
                    painter.setPen(QColor(ink))
                    painter.drawText(cell, Qt.AlignmentFlag.AlignCenter, words)
                if (i, j) == self._hover:
                    painter.setPen(QColor(t.text))
                    painter.drawRect(cell)
        painter.setFont(theme.ui_font(-1.5))
        metrics = QFontMetricsF(painter.font())
        painter.setPen(QColor(t.muted))
        every = max(1, int(np.ceil(metrics.height() / max(side, 1))))
        for i, name in enumerate(self._names[: len(share)]):
            if i % every:
                continue
            beside = QRectF(0, box.top() + i * side, box.left() - 4, side)
            short = metrics.elidedText(name, Qt.TextElideMode.ElideRight, max(box.left() - 4, 1))
            painter.drawText(beside, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, short)
            if metrics.horizontalAdvance(name) <= side * every:
                above = QRectF(box.left() + i * side, box.top() - metrics.height() - 1, side, metrics.height())
                painter.drawText(above, Qt.AlignmentFlag.AlignCenter, name)
        title = QRectF(box.left(), 0, box.width(), metrics.height())
        painter.drawText(title, Qt.AlignmentFlag.AlignCenter, "taken for")
        painter.save()
        painter.translate(max(metrics.height(), box.left() - 3 * metrics.height()), box.center().y())
        painter.rotate(-90)
        painter.drawText(QRectF(-60, -metrics.height(), 120, metrics.height()), Qt.AlignmentFlag.AlignCenter, "is")
        painter.restore()
        if self.show_ring and self.hasFocus():
            kit.paint_focus(painter, QRectF(self.rect()))

    def _cell_at(self, event: QMouseEvent) -> tuple[int, int]:
        if self._counts is None or not self._counts.sum():
            return -1, -1
        box, side = self._grid()
        if not box.contains(event.position()):
            return -1, -1
        k = len(self._counts) - 1
        place = event.position()
        return min(k, int((place.y() - box.top()) / side)), min(k, int((place.x() - box.left()) / side))

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Tell which cell the pointer is on."""
        found = self._cell_at(event)
        if found != self._hover:
            self._hover = found
            self.pointed.emit(*found)
            self.update()

    def leaveEvent(self, event: QEvent) -> None:
        """Nothing is pointed at any more."""
        super().leaveEvent(event)
        self._hover = (-1, -1)
        self.pointed.emit(-1, -1)
        self.update()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Pick a cell."""
        found = self._cell_at(event)
        if found != (-1, -1):
            self.picked.emit(*found)


def _demo() -> ConfusionView:
    rng = np.random.default_rng(0)
    view = ConfusionView()
    view.set_counts(rng.integers(0, 5, (10, 10)) + 60 * np.eye(10, dtype=int), tuple("0123456789"))
    return view


if __name__ == "__main__":
    from app.widgets import demo

    raise SystemExit(demo.run(_demo, (360, 340)))
