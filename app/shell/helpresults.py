"""The results of a search in the help: a row each with its title and the piece of text that was hit."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QPainter, QTextCharFormat, QTextLayout, QTextOption
from PySide6.QtWidgets import QListWidget, QListWidgetItem, QStyle, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from app.shell import theme
from app.shell.helpsearch import Hit, Span

HIT, GROUP = Qt.ItemDataRole.UserRole, Qt.ItemDataRole.UserRole + 1
MOST_LINES = 2


def _lines(
    text: str, font: QFont, marked: Sequence[Span], mark: QTextCharFormat, width: float, most: int
) -> QTextLayout:
    """A text broken into at most so many lines; what does not fit into the last is cut off with dots."""
    layout = _laid(text, font, marked, mark, width)
    if layout.lineCount() > most:
        last = layout.lineAt(most - 1)
        text = text[: last.textStart() + last.textLength()].rstrip(" …")
    while layout.lineCount() > most and " " in text:
        text = text.rpartition(" ")[0].rstrip()
        layout = _laid(f"{text} …", font, [span for span in marked if span[1] <= len(text)], mark, width)
    return layout


def _laid(text: str, font: QFont, marked: Sequence[Span], mark: QTextCharFormat, width: float) -> QTextLayout:
    layout = QTextLayout(text, font)
    option = QTextOption()
    option.setWrapMode(QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere)
    layout.setTextOption(option)
    formats = []
    for start, end in marked:
        one = QTextLayout.FormatRange()
        one.start, one.length, one.format = start, end - start, mark
        formats.append(one)
    layout.setFormats(formats)
    layout.beginLayout()
    y = 0.0
    while (line := layout.createLine()).isValid():
        line.setLineWidth(width)
        line.setPosition(QPointF(0, y))
        y += line.height()
    layout.endLayout()
    return layout


class _Row(QStyledItemDelegate):
    """Draws one result: its title, the group it is of, and two lines of its text with the hits marked."""

    def __init__(self, view: QListWidget) -> None:
        super().__init__(view)
        self._view = view

    def _parts(self, index: QModelIndex | QPersistentModelIndex, width: float) -> tuple[QTextLayout, QTextLayout]:
        hit: Hit = index.data(HIT)
        mark = QTextCharFormat()
        mark.setForeground(QColor(theme.current().accent))
        mark.setFontWeight(QFont.Weight.DemiBold)
        room = width - QFontMetricsF(theme.ui_font(-1)).horizontalAdvance(index.data(GROUP)) - theme.px(10)
        title = _lines(hit.title, theme.ui_font(0, bold=True), hit.title_marks, mark, room, MOST_LINES)
        return title, _lines(hit.snippet, theme.ui_font(-1), hit.snippet_marks, mark, width, MOST_LINES)

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> QSize:
        title, text = self._parts(index, self._view.viewport().width() - theme.px(20))
        return QSize(theme.px(60), round(title.boundingRect().height() + text.boundingRect().height() + theme.px(18)))

    def paint(self, p: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> None:
        t = theme.current()
        r = QRectF(option.rect)
        inner = r.adjusted(theme.px(10), theme.px(7), -theme.px(10), 0)
        p.save()
        p.setRenderHint(QPainter.RenderHint.Antialiasing)
        if option.state & QStyle.StateFlag.State_Selected:
            p.setPen(Qt.PenStyle.NoPen)
            p.setBrush(QColor(t.accent_soft))
            p.drawRoundedRect(r.adjusted(2, 1, -2, -1), 4, 4)
        title, text = self._parts(index, inner.width())
        p.setPen(QColor(t.text))
        title.draw(p, inner.topLeft())
        p.setPen(QColor(t.muted))
        p.setFont(theme.ui_font(-1))
        corner = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignTop
        p.drawText(inner.adjusted(0, 1, 0, 0), corner, index.data(GROUP))
        text.draw(p, inner.topLeft() + QPointF(0, title.boundingRect().height() + theme.px(2)))
        p.restore()


class Results(QListWidget):
    """Topics that were found, best first. Setter: set_hits(hits, groups). Signal: currentRowChanged of the list."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName("Search results")
        self.setItemDelegate(_Row(self))
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollMode(QListWidget.ScrollMode.ScrollPerPixel)
        self.setResizeMode(QListWidget.ResizeMode.Adjust)

    def set_hits(self, hits: Sequence[Hit], groups: Sequence[str]) -> None:
        """Show these, the first chosen; `groups` says of each what it is on, for those who cannot see."""
        was = self.blockSignals(True)  # emptied row by row, it would choose each of the others in turn
        self.clear()
        self.blockSignals(was)
        for hit, group in zip(hits, groups, strict=True):
            item = QListWidgetItem()
            item.setData(HIT, hit)
            item.setData(GROUP, group)
            item.setData(Qt.ItemDataRole.AccessibleTextRole, f"{hit.title}, {group}. {hit.snippet}")
            self.addItem(item)
        self.setCurrentRow(0 if hits else -1)

    def hit(self) -> Hit | None:
        """The result that is chosen."""
        item = self.currentItem()
        found: Hit | None = item.data(HIT) if item is not None else None
        return found

    def step(self, by: int) -> None:
        """Choose the next or an earlier result; the ends hold."""
        if self.count():
            self.setCurrentRow(min(self.count() - 1, max(0, self.currentRow() + by)))
