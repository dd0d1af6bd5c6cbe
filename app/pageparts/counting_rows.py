"""Assumptions with the exact numbers of their parameters, and the largest of them written out to its last digit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.shell import theme
from app.widgets import kit
from app.widgets.figuremarks import Colour, paint_colour

ROW = 21
WRITTEN = 27
"""Longest number (with commas) that stands in its row; a longer one stands there in words."""


@dataclass(frozen=True)
class CountRow:
    """One assumption: its name, its colour, its exact count and the same in words."""

    name: str
    colour: Colour
    count: int
    words: str
    dashed: bool = False


class CountRows(kit.Painted):
    """Names, counts and words in three columns, and under them all digits of the largest count.

    Setter: set_rows(rows).
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setAccessibleName("Parameters by assumption")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self._rows: tuple[CountRow, ...] = ()

    def set_rows(self, rows: Sequence[CountRow]) -> None:
        """Show other counts."""
        self._rows = tuple(rows)
        self.setAccessibleDescription("; ".join(f"{row.name}: {row.words}" for row in self._rows))
        self.update()

    def sizeHint(self) -> QSize:
        """Room for seven rows and three lines of digits."""
        return QSize(theme.px(340), theme.px(ROW * 10))

    def minimumSizeHint(self) -> QSize:
        """Little: it shares its height with a figure."""
        return QSize(theme.px(160), theme.px(ROW * 2))

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Rows as close as they must stand, then the digits where room is left."""
        p = QPainter(self)
        p.setRenderHint(QPainter.RenderHint.Antialiasing)
        t = theme.current()
        p.fillRect(self.rect(), QColor(t.base))
        if not self._rows:
            kit.paint_empty(p, self.rect(), *self._empty)
            return
        high = min(float(theme.px(ROW)), self.height() / len(self._rows))
        words_font, number_font = theme.ui_font(-0.5), theme.number_font(-0.5, bold=True)
        names = QFontMetricsF(words_font)
        name_wide = max(names.horizontalAdvance(row.name) for row in self._rows)
        left = theme.px(32.0)
        edge = min(left + name_wide + theme.px(24) + self._widest(), self.width() - theme.px(8.0))
        for at, row in enumerate(self._rows):
            box = QRectF(0, at * high, self.width(), high)
            pen = QPen(paint_colour(row.colour), 3, Qt.PenStyle.DotLine if row.dashed else Qt.PenStyle.SolidLine)
            p.setPen(pen)
            p.drawLine(QPointF(theme.px(8), box.center().y()), QPointF(theme.px(24), box.center().y()))
            p.setFont(words_font)
            p.setPen(QColor(t.text))
            p.drawText(box.adjusted(left, 0, 0, 0), Qt.AlignmentFlag.AlignVCenter, row.name)
            p.setFont(number_font)
            count = QRectF(left, box.top(), edge - left, high)
            p.drawText(count, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight, self._number(row))
            p.setFont(words_font)
            p.setPen(QColor(t.muted))
            said = box.adjusted(edge + theme.px(18), 0, -theme.px(4), 0)
            if names.horizontalAdvance(self._said(row)) <= said.width():
                p.drawText(said, Qt.AlignmentFlag.AlignVCenter, self._said(row))
        self._paint_digits(p, len(self._rows) * high)

    def _widest(self) -> float:
        metrics = QFontMetricsF(theme.number_font(-0.5, bold=True))
        return max(theme.px(120.0), *(metrics.horizontalAdvance(self._number(row)) for row in self._rows))

    def _number(self, row: CountRow) -> str:
        text = f"{row.count:,}"
        return text if len(text) <= WRITTEN else row.words

    def _said(self, row: CountRow) -> str:
        digits = len(str(row.count))
        if len(f"{row.count:,}") > WRITTEN:
            return f"a number of {digits} digits"
        return row.words if row.count >= 1_000_000 else ""

    def _paint_digits(self, p: QPainter, top: float) -> None:
        most = max(self._rows, key=lambda row: row.count)
        if len(f"{most.count:,}") <= WRITTEN:
            return
        t = theme.current()
        font = theme.mono_font(-1.5)
        metrics = QFontMetricsF(font)
        room = QRectF(self.rect()).adjusted(theme.px(8), top + theme.px(6), -theme.px(8), -theme.px(2))
        line = max(1, int(room.width() / metrics.horizontalAdvance("0")))
        lines = int(room.height() / metrics.height())
        digits = str(most.count)
        rows = [digits[at : at + line] for at in range(0, len(digits), line)]
        if lines < len(rows):
            return  # all of it or nothing: a part of a number says something else
        p.setFont(font)
        p.setPen(QColor(t.muted))
        for at, row in enumerate(rows):
            y = room.top() + at * metrics.height()
            p.drawText(QRectF(room.left(), y, room.width(), metrics.height()), Qt.AlignmentFlag.AlignVCenter, row)
