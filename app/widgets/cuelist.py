"""A numbered list that is rearranged by hand: rename in place, drag, keys for all of it."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QModelIndex, QPersistentModelIndex, QPoint, QRect, QSize, Qt, Signal
from PySide6.QtGui import QColor, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import (
    QAbstractItemView,
    QApplication,
    QListWidget,
    QListWidgetItem,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QWidget,
)

from app.shell import theme
from app.widgets import kit

HEIGHT = 28
NUMBER = 30
"""Room for the number, in pixels of the design."""
Index = QModelIndex | QPersistentModelIndex
CTRL = Qt.KeyboardModifier.ControlModifier


class CueList(QListWidget):
    """Titles in an order. Numbers stand before them; the one in front has a bar.

    Setters (silent): set_titles(titles), set_front(number | -1), set_current(number), set_empty(title, hint).
    Signals: chosen(number) by double click or Return, renamed(number, title), moved(number, to), deleted(number),
    duplicated(number), undo_wished(), redo_wished(), picked(number) when another row is current.
    """

    chosen = Signal(int)
    renamed = Signal(int, str)
    moved = Signal(int, int)
    deleted = Signal(int)
    duplicated = Signal(int)
    picked = Signal(int)
    undo_wished = Signal()
    redo_wished = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._titles: list[str] = []
        self._front = -1
        self._empty = ("", "")
        self._pressed: QPoint | None = None
        self._gap = -1
        self.setItemDelegate(_Line(self))
        self.setUniformItemSizes(True)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        triggers = QAbstractItemView.EditTrigger.EditKeyPressed | QAbstractItemView.EditTrigger.SelectedClicked
        self.setEditTriggers(triggers)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.itemChanged.connect(self._changed)
        self.itemDoubleClicked.connect(lambda item: self.chosen.emit(self.row(item)))
        self.currentRowChanged.connect(lambda row: self.picked.emit(row))

    # ---- setters

    def set_titles(self, titles: Sequence[str]) -> None:
        """Show these; the current row stays where it is."""
        if list(titles) == self._titles:
            return
        row, was = self.currentRow(), self.blockSignals(True)
        self._titles = list(titles)
        while self.count() > len(titles):
            self.takeItem(self.count() - 1)
        for i, title in enumerate(titles):
            if i == self.count():
                item = QListWidgetItem()
                item.setFlags(item.flags() | Qt.ItemFlag.ItemIsEditable)
                self.addItem(item)
            self.item(i).setText(title)
            self.item(i).setToolTip(title)
            self.item(i).setData(Qt.ItemDataRole.AccessibleTextRole, f"Cue {i + 1}: {title}")
        if titles:
            self.setCurrentRow(min(max(row, 0), len(titles) - 1))
        self.blockSignals(was)
        self.viewport().update()

    def set_front(self, number: int) -> None:
        """Which cue is on the window."""
        if number != self._front:
            self._front = number
            self.viewport().update()

    def set_current(self, number: int) -> None:
        """The row that keys and buttons mean."""
        if number != self.currentRow() and 0 <= number < self.count():
            was = self.blockSignals(True)
            self.setCurrentRow(number)
            self.blockSignals(was)
            self.scrollToItem(self.item(number))
            self.viewport().update()

    def set_empty(self, title: str, hint: str) -> None:
        """What to say while there is nothing in the list."""
        self._empty = (title, hint)
        self.viewport().update()

    @property
    def front(self) -> int:
        """The cue on the window, or -1."""
        return self._front

    def _changed(self, item: QListWidgetItem) -> None:
        row = self.row(item)
        title = item.text().strip()
        if not title:  # a cue without a title could not be found again
            was = self.blockSignals(True)
            item.setText(self._titles[row])
            self.blockSignals(was)
        elif title != self._titles[row]:
            self._titles[row] = title
            self.renamed.emit(row, title)

    # ---- keys

    def event(self, event: QEvent) -> bool:
        """Undo and the arrows with Ctrl belong to the list while it has the focus."""
        if event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent) and self._own(event):
            event.accept()
            return True
        return super().event(event)

    def _own(self, event: QKeyEvent) -> bool:
        plain = event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier
        key = Qt.Key(event.key())
        if plain & CTRL:
            return key in (Qt.Key.Key_Z, Qt.Key.Key_Y, Qt.Key.Key_D, Qt.Key.Key_Up, Qt.Key.Key_Down)
        return key in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Delete, Qt.Key.Key_F2)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Return jumps, F2 renames, Del deletes, Ctrl with arrows moves, Ctrl+D doubles, Ctrl+Z takes back."""
        row, key = self.currentRow(), Qt.Key(event.key())
        shift = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
        if not self._own(event) or key == Qt.Key.Key_F2:
            super().keyPressEvent(event)
        elif key in (Qt.Key.Key_Up, Qt.Key.Key_Down):
            self._move(row, row + (1 if key == Qt.Key.Key_Down else -1))
        elif key == Qt.Key.Key_Y or (key == Qt.Key.Key_Z and shift):
            self.redo_wished.emit()
        elif key == Qt.Key.Key_Z:
            self.undo_wished.emit()
        elif row >= 0:
            signal = {Qt.Key.Key_Delete: self.deleted, Qt.Key.Key_D: self.duplicated}.get(key, self.chosen)
            signal.emit(row)

    def _move(self, row: int, to: int) -> None:
        if 0 <= row < self.count() and 0 <= to < self.count() and row != to:
            was = self.blockSignals(True)
            self.setCurrentRow(to)  # the row moves with its cue
            self.blockSignals(was)
            self.moved.emit(row, to)

    # ---- dragging

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """A drag may begin here."""
        at = event.position().toPoint()
        left = event.button() == Qt.MouseButton.LeftButton and self.itemAt(at) is not None
        self._pressed = at if left else None
        super().mousePressEvent(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Show between which rows the cue would come."""
        at = event.position().toPoint()
        if self._pressed is None:
            return
        if self._gap < 0 and (at - self._pressed).manhattanLength() < QApplication.startDragDistance():
            return
        self._gap = self._gap_at(at)
        self.viewport().update()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Put it there."""
        gap, pressed, self._gap, self._pressed = self._gap, self._pressed, -1, None
        item = self.itemAt(pressed) if pressed is not None else None
        if gap < 0 or item is None:
            super().mouseReleaseEvent(event)
            return
        self.setState(QAbstractItemView.State.NoState)
        row = self.row(item)
        self._move(row, gap - 1 if gap > row else gap)
        self.viewport().update()

    def _gap_at(self, at: QPoint) -> int:
        for row in range(self.count()):
            if at.y() < self.visualItemRect(self.item(row)).center().y():
                return row
        return self.count()

    def paintEvent(self, event: QPaintEvent) -> None:
        """The rows, the place where one would come, or what to do while there are none."""
        super().paintEvent(event)
        painter = QPainter(self.viewport())
        if not self.count():
            kit.paint_empty(painter, self.viewport().rect(), *self._empty, "present")
        elif self._gap >= 0:
            last = self._gap == self.count()
            rect = self.visualItemRect(self.item(self._gap - 1 if last else self._gap))
            y = rect.bottom() if last else rect.top()
            painter.setPen(QPen(QColor(theme.current().accent), theme.px(2)))
            painter.drawLine(rect.left(), y, rect.right(), y)


class _Line(QStyledItemDelegate):
    """One row: its number, its title, a bar where it is in front."""

    def __init__(self, owner: CueList) -> None:
        super().__init__(owner)
        self._owner = owner

    def sizeHint(self, _option: QStyleOptionViewItem, _index: Index) -> QSize:
        """Rows of one height."""
        return QSize(theme.px(80), theme.px(HEIGHT))

    def updateEditorGeometry(self, editor: QWidget, option: QStyleOptionViewItem, _index: Index) -> None:
        """The editor leaves the number to be read."""
        rect: QRect = option.rect
        editor.setGeometry(rect.adjusted(theme.px(NUMBER + 4), 0, 0, 0))

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        """Number, title, bar."""
        t = theme.current()
        rect: QRect = option.rect
        state = option.state
        row, front = index.row(), index.row() == self._owner.front
        painter.save()
        if state & QStyle.StateFlag.State_Selected:
            painter.fillRect(rect, QColor(t.accent_soft))
        elif state & QStyle.StateFlag.State_MouseOver:
            painter.fillRect(rect, QColor(t.hover))
        if front:
            painter.fillRect(rect.left(), rect.top(), theme.px(3), rect.height(), QColor(t.accent))
        middle = Qt.AlignmentFlag.AlignVCenter
        painter.setFont(theme.number_font(-0.5))
        painter.setPen(QColor(t.text if front else t.muted))
        number = QRect(rect.left(), rect.top(), theme.px(NUMBER), rect.height())
        painter.drawText(number, middle | Qt.AlignmentFlag.AlignRight, str(row + 1))
        painter.setFont(theme.ui_font(0, bold=front))
        painter.setPen(QColor(t.text))
        words = rect.adjusted(theme.px(NUMBER + 8), 0, -theme.px(6), 0)
        title = painter.fontMetrics().elidedText(str(index.data()), Qt.TextElideMode.ElideRight, words.width())
        painter.drawText(words, middle | Qt.AlignmentFlag.AlignLeft, title)
        painter.restore()


def _demo() -> QWidget:
    shown = CueList()
    shown.set_titles(["What a generative model is", "Counting parameters", "A chain of pixels draws digits", "Bayes"])
    shown.set_front(1)
    return shown


if __name__ == "__main__":
    import sys

    from app.widgets.demo import run

    sys.exit(run(_demo, (320, 300)))
