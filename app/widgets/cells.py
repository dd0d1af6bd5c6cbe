"""A picture divided into cells: some outlined, one chosen, those that were changed marked."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QImage, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from app.shell import theme
from app.widgets import images, kit

MOVES = {
    Qt.Key.Key_Left: (0, -1), Qt.Key.Key_Right: (0, 1), Qt.Key.Key_Up: (-1, 0), Qt.Key.Key_Down: (1, 0)
}  # fmt: skip


class Cells(kit.Painted):
    """A picture under a grid of cells.

    Setters: set_picture(uint8 (h, w, c) | None), set_cells(numbers (rows, columns) | None), set_outlined(mask | None),
    set_changed(mask | None), set_chosen((row, column) | None), set_empty(title, hint). Getters: chosen().
    Signals: picked(row, column), let_go(), hovered(row, column; -1 outside).
    Keys: arrows move the choice, Escape lets go of it.
    """

    picked = Signal(int, int)
    let_go = Signal()
    hovered = Signal(int, int)

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._picture: QImage | None = None
        self._numbers: np.ndarray | None = None
        self._outlined: np.ndarray | None = None
        self._changed: np.ndarray | None = None
        self._chosen: tuple[int, int] | None = None
        self._hover = (-1, -1)
        self._empty = ("Nothing yet", "")
        self.setMouseTracking(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(72, 72)
        self.setAccessibleName(name)

    # ---- what is shown

    def set_picture(self, picture: np.ndarray | None) -> None:
        """Show a picture; None empties the view."""
        self._picture = None if picture is None else images.to_qimage(picture)
        self.update()

    def set_cells(self, numbers: np.ndarray | None) -> None:
        """The number of each cell, which also says how many cells there are."""
        self._numbers = numbers
        if numbers is None or (self._chosen is not None and not _inside(self._chosen, numbers.shape)):
            self._chosen = None
        self._describe()
        self.update()

    def set_outlined(self, mask: np.ndarray | None) -> None:
        """Outline these cells."""
        self._outlined = mask
        self.update()

    def set_changed(self, mask: np.ndarray | None) -> None:
        """Mark these cells as changed by hand."""
        self._changed = mask
        self.update()

    def set_chosen(self, cell: tuple[int, int] | None) -> None:
        """Frame one cell strongly."""
        self._chosen = cell
        self._describe()
        self.update()

    def chosen(self) -> tuple[int, int] | None:
        """The chosen cell."""
        return self._chosen

    def sizeHint(self) -> QSize:
        """A comfortable size."""
        return QSize(180, 180)

    def _describe(self) -> None:
        if self._numbers is None:
            words = "empty"
        elif self._chosen is None:
            words = f"{self._numbers.shape[0]} by {self._numbers.shape[1]} cells"
        else:
            words = self._words(*self._chosen)
        self.setAccessibleDescription(words)

    def _words(self, row: int, column: int) -> str:
        assert self._numbers is not None
        return f"row {row + 1}, column {column + 1}: code {int(self._numbers[row, column]) + 1}"

    # ---- geometry

    def frame(self) -> QRectF:
        """Where the picture lies: as large as fits, in its own shape."""
        if self._picture is None:
            return QRectF(self.rect())
        w, h = self._picture.width(), self._picture.height()
        scale = min((self.width() - 4) / w, (self.height() - 4) / h)
        wide, high = max(1.0, w * scale), max(1.0, h * scale)
        return QRectF(round((self.width() - wide) / 2), round((self.height() - high) / 2), round(wide), round(high))

    def cell_rect(self, row: int, column: int) -> QRectF:
        """Where a cell lies in the widget."""
        assert self._numbers is not None
        box, (rows, columns) = self.frame(), self._numbers.shape
        high, wide = box.height() / rows, box.width() / columns
        return QRectF(box.left() + column * wide, box.top() + row * high, wide, high)

    def cell_at(self, where: QPointF) -> tuple[int, int]:
        """The cell at a point of the widget, or (-1, -1)."""
        box = self.frame()
        if self._numbers is None or self._picture is None or not box.contains(where):
            return (-1, -1)
        rows, columns = self._numbers.shape
        row = int((where.y() - box.top()) / box.height() * rows)
        column = int((where.x() - box.left()) / box.width() * columns)
        return (min(row, rows - 1), min(column, columns - 1))

    # ---- painting

    def paintEvent(self, _event: QPaintEvent) -> None:
        """The picture, then the outlines."""
        painter, t = QPainter(self), theme.current()
        if self._picture is None or self._numbers is None:
            kit.paint_empty(painter, self.rect(), *self._empty)
            if self.show_ring:
                kit.paint_focus(painter, QRectF(self.rect()))
            return
        painter.drawImage(self.frame(), self._picture)
        ground = QColor(t.base)
        for mask, colour, width in ((self._outlined, t.series[1], 2.0), (self._changed, t.warn, 2.0)):
            if mask is not None and mask.shape == self._numbers.shape:
                for row, column in np.argwhere(mask):
                    self._outline(painter, (int(row), int(column)), ground, QColor(colour), width)
        if self._hover != (-1, -1):
            self._outline(painter, self._hover, ground, QColor(t.text), 1.0)
        if self._chosen is not None:
            self._outline(painter, self._chosen, ground, QColor(t.accent), 3.0)
        if self.show_ring:
            kit.paint_focus(painter, QRectF(self.rect()))

    def _outline(
        self, painter: QPainter, cell: tuple[int, int], ground: QColor, colour: QColor, width: float
    ) -> None:
        """A frame inside a cell, upon one of the ground's colour, so that it is seen on black and on white."""
        box = self.cell_rect(*cell).adjusted(width / 2, width / 2, -width / 2, -width / 2)
        painter.setPen(QPen(ground, width + 2))
        painter.drawRect(box)
        painter.setPen(QPen(colour, width))
        painter.drawRect(box)

    # ---- hands

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Say which code the cell under the pointer has."""
        cell = self.cell_at(event.position())
        if cell != self._hover:
            self._hover = cell
            self.hovered.emit(*cell)
            self.update()
        if cell != (-1, -1):
            QToolTip.showText(event.globalPosition().toPoint(), self._words(*cell), self)

    def leaveEvent(self, event: QEvent) -> None:
        """Nothing is pointed at any more."""
        super().leaveEvent(event)
        self._hover = (-1, -1)
        self.hovered.emit(-1, -1)
        self.update()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Choose a cell; the chosen one again lets go."""
        cell = self.cell_at(event.position())
        if event.button() != Qt.MouseButton.LeftButton or cell == (-1, -1):
            return
        self._choose(None if cell == self._chosen else cell)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Arrows and Escape."""
        move = MOVES.get(Qt.Key(event.key()))
        if move is not None and self._numbers is not None:
            at = self._chosen or (0, 0)
            there = at if self._chosen is None else (at[0] + move[0], at[1] + move[1])
            if _inside(there, self._numbers.shape):
                self._choose(there)
        elif event.key() == Qt.Key.Key_Escape and self._chosen is not None:
            self._choose(None)
        else:
            super().keyPressEvent(event)

    def _choose(self, cell: tuple[int, int] | None) -> None:
        self.set_chosen(cell)
        if cell is None:
            self.let_go.emit()
        else:
            self.picked.emit(*cell)


def _inside(cell: tuple[int, int], shape: tuple[int, ...]) -> bool:
    return 0 <= cell[0] < shape[0] and 0 <= cell[1] < shape[1]


def _demo() -> QWidget:
    from app.widgets.demo import digits

    cells = Cells("Cells")
    cells.set_picture(digits(1)[0])
    numbers = np.arange(16).reshape(4, 4) % 5
    cells.set_cells(numbers)
    cells.set_outlined(numbers == 2)
    cells.set_changed(numbers == 4)
    cells.set_chosen((1, 1))
    return cells


if __name__ == "__main__":
    import sys

    from app.widgets.demo import run

    sys.exit(run(_demo, (320, 320)))
