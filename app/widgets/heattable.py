"""A table of numbers as shades: how much each row has to do with each column."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFontMetricsF, QKeyEvent, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.shell import theme
from app.widgets import kit

TALLEST = 44


class HeatTable(kit.Painted):
    """Numbers from 0 to 1 as shades, with figures where they fit, named rows and columns.

    Setters: set_values(array (r, c) | None, rows, notes=(), columns=()) (notes stand at the right end of each row),
    set_titles(columns), set_empty(title, hint). Getters: values(), pointed_at(). Signals: pointed(row, column; -1
    outside). Arrows move the outline.
    """

    pointed = Signal(int, int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._values: np.ndarray | None = None
        self._rows: tuple[str, ...] = ()
        self._notes: tuple[str, ...] = ()
        self._columns: tuple[str, ...] = ()
        self._title = ""
        self._at = (-1, -1)
        self._empty = ("No values yet", "")
        self.setMouseTracking(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(120, 70)
        self.setAccessibleName("Table of shades")

    def set_values(
        self,
        values: np.ndarray | None,
        rows: tuple[str, ...] = (),
        notes: tuple[str, ...] = (),
        columns: Sequence[str] = (),
    ) -> None:
        """Show a table; None empties the view. Columns without names are numbered from 1."""
        self._values = None if values is None or not values.size else np.nan_to_num(np.asarray(values, float))
        self._rows, self._notes = rows, notes
        count = 0 if self._values is None else self._values.shape[1]
        self._columns = tuple(columns) or tuple(str(j + 1) for j in range(count))
        if self._values is None:
            self._at = (-1, -1)
        else:
            best = self._values.argmax(1)
            told = [f"{name}: most in {self._columns[column]}" for name, column in zip(rows, best, strict=True)]
            self.setAccessibleDescription("; ".join(told))
        self.update()

    def values(self) -> np.ndarray | None:
        """The table that is shown."""
        return self._values

    def pointed_at(self) -> tuple[int, int]:
        """Row and column of the outlined cell, -1 where there is none."""
        return self._at

    def set_titles(self, columns: str) -> None:
        """What the columns are, above them."""
        self._title = columns
        self.update()

    def sizeHint(self) -> QSize:
        """A comfortable size."""
        return QSize(300, 180)

    # ---- painting

    def _grid(self) -> QRectF:
        """The cells: as wide as there is room, no taller than needed."""
        metrics = QFontMetricsF(theme.ui_font(-0.5))
        left = max((metrics.horizontalAdvance(name) for name in self._rows), default=0.0)
        right = max((metrics.horizontalAdvance(note) for note in self._notes), default=0.0)
        left, right = min(left, 0.35 * self.width()) + theme.px(10), right + theme.px(8 if right else 2)
        top = 2.0 * metrics.height() + theme.px(6)
        rows = len(self._rows)
        room = max(1.0, self.height() - top - theme.px(4))
        tall = min(room / max(rows, 1), float(theme.px(TALLEST)))
        return QRectF(left, top, max(1.0, self.width() - left - right), tall * rows)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Shades, figures, names."""
        p, t = QPainter(self), theme.current()
        p.fillRect(self.rect(), QColor(t.base))
        if self._values is None:
            kit.paint_empty(p, self.rect(), *self._empty, icon="grid")
            return
        box, (rows, columns) = self._grid(), self._values.shape
        wide, tall = box.width() / columns, box.height() / rows
        p.setFont(theme.number_font(-1.5))
        metrics = QFontMetricsF(p.font())
        figures = wide >= metrics.horizontalAdvance("0.00") + 4 and tall >= metrics.height()
        for i in range(rows):
            for j in range(columns):
                value = float(np.clip(self._values[i, j], 0, 1))
                ground = theme.mix(t.surface, t.accent, value)
                cell = QRectF(box.left() + j * wide, box.top() + i * tall, max(1.0, wide - 1), tall - 1)
                p.fillRect(cell, QColor(ground))
                if figures and value >= 0.005:
                    strong = theme.contrast(t.text, ground) >= theme.contrast(t.base, ground)
                    p.setPen(QColor(t.text if strong else t.base))
                    p.drawText(cell, Qt.AlignmentFlag.AlignCenter, f"{self._values[i, j]:.2f}")
                if (i, j) == self._at:
                    p.setPen(QColor(t.text))
                    p.drawRect(cell)
        self._paint_names(p, box, wide, tall)
        if self.show_ring and self.hasFocus():
            kit.paint_focus(p, QRectF(self.rect()))

    def _paint_names(self, p: QPainter, box: QRectF, wide: float, tall: float) -> None:
        t = theme.current()
        p.setFont(theme.ui_font(-0.5))
        metrics = QFontMetricsF(p.font())
        middle = Qt.AlignmentFlag.AlignVCenter
        if tall >= 0.8 * metrics.height():
            for i, name in enumerate(self._rows):
                y = box.top() + i * tall
                p.setPen(QColor(t.text))
                short = metrics.elidedText(name, Qt.TextElideMode.ElideRight, box.left() - theme.px(8))
                beside = QRectF(0, y, box.left() - theme.px(6), tall)
                p.drawText(beside, Qt.AlignmentFlag.AlignRight | middle, short)
                if i < len(self._notes):
                    p.setPen(QColor(t.muted))
                    after = QRectF(box.right() + theme.px(4), y, self.width() - box.right() - theme.px(6), tall)
                    p.drawText(after, Qt.AlignmentFlag.AlignRight | middle, self._notes[i])
        p.setPen(QColor(t.muted))
        p.drawText(QRectF(box.left(), 0, box.width(), metrics.height()), Qt.AlignmentFlag.AlignCenter, self._title)
        p.setFont(theme.number_font(-1.5))
        metrics = QFontMetricsF(p.font())
        longest = max(metrics.horizontalAdvance(name) for name in self._columns)
        every = max(1, int(np.ceil((longest + 6) / max(wide, 0.5))))
        for j in range(0, len(self._columns), every):
            above = QRectF(box.left() + (j + 0.5) * wide - 30, box.top() - metrics.height() - 2, 60, metrics.height())
            p.drawText(above, Qt.AlignmentFlag.AlignCenter, self._columns[j])

    # ---- hands

    def _point(self, row: int, column: int) -> None:
        if (row, column) != self._at:
            self._at = (row, column)
            self.pointed.emit(row, column)
            self.update()

    def _cell(self, where: QPointF) -> tuple[int, int]:
        box = self._grid()
        if self._values is None or not box.contains(where):
            return -1, -1
        rows, columns = self._values.shape
        row = int((where.y() - box.top()) / box.height() * rows)
        column = int((where.x() - box.left()) / box.width() * columns)
        return min(rows - 1, row), min(columns - 1, column)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Outline the cell under the pointer."""
        self._point(*self._cell(event.position()))

    def leaveEvent(self, event: QEvent) -> None:
        """Nothing is pointed at any more."""
        super().leaveEvent(event)
        self._point(-1, -1)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Arrows move the outline."""
        moves = {Qt.Key.Key_Left: (0, -1), Qt.Key.Key_Right: (0, 1), Qt.Key.Key_Up: (-1, 0), Qt.Key.Key_Down: (1, 0)}
        move = moves.get(Qt.Key(event.key()))
        if move is None or self._values is None:
            super().keyPressEvent(event)
            return
        rows, columns = self._values.shape
        row, column = max(0, self._at[0]), max(0, self._at[1])
        if self._at != (-1, -1):
            row, column = row + move[0], column + move[1]
        self._point(min(rows - 1, max(0, row)), min(columns - 1, max(0, column)))


def _demo() -> QWidget:
    rng = np.random.default_rng(0)
    table = HeatTable()
    values = np.clip(0.1 * rng.random((5, 10)) + np.eye(5, 10)[:, rng.permutation(10)] * 0.8, 0, 1)
    table.set_values(values, ("shape", "scale", "rotation", "x", "y"), tuple(f"{v:.2f}" for v in values.max(1)))
    table.set_titles("number of the code")
    return table


if __name__ == "__main__":
    from app.widgets import demo

    raise SystemExit(demo.run(_demo, (420, 260)))
