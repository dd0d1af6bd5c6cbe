"""One length in its parts, with a mark: what a whole is made of."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.shell import theme
from app.widgets import kit


@dataclass(frozen=True)
class Piece:
    """One part: its name, length and colour."""

    label: str
    value: float
    colour: str


class SplitBar(kit.Painted):
    """Parts end to end, each with its name and length under it. Setters: set_pieces(pieces, unit), set_mark(at | None,
    words). A part below 0 (by chance of an estimate) has no length, but its number is told."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._pieces: tuple[Piece, ...] = ()
        self._unit = ""
        self._mark: float | None = None
        self._mark_words = ""
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName("Parts of a whole")

    def set_pieces(self, pieces: tuple[Piece, ...], unit: str = "") -> None:
        """Show these parts."""
        self._pieces, self._unit = pieces, unit
        self.setAccessibleDescription("; ".join(f"{p.label} {p.value:.2f} {unit}" for p in pieces))
        self.update()

    def set_mark(self, at: float | None, words: str = "") -> None:
        """An upright line at a length, with words above it."""
        self._mark, self._mark_words = at, words
        self.update()

    def sizeHint(self) -> QSize:
        """Mark, bar and names."""
        return QSize(260, theme.px(76))

    def minimumSizeHint(self) -> QSize:
        """As high as its words."""
        return QSize(theme.px(120), theme.px(76))

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Bar, mark, names."""
        p, t = QPainter(self), theme.current()
        p.setRenderHint(QPainter.RenderHint.Antialiasing)
        p.setFont(theme.ui_font(-0.5))
        metrics = QFontMetricsF(p.font())
        area = QRectF(self.rect()).adjusted(theme.px(4), metrics.height() + theme.px(3), -theme.px(4), 0)
        bar = QRectF(area.left(), area.top(), area.width(), theme.px(16))
        whole = sum(max(0.0, piece.value) for piece in self._pieces)
        reach = max(whole, self._mark or 0.0) * 1.02
        p.setPen(Qt.PenStyle.NoPen)
        p.setBrush(QColor(t.surface))
        p.drawRoundedRect(bar, 3, 3)
        x, y = bar.left(), bar.bottom() + theme.px(3)
        at = area.left()
        for piece in self._pieces:
            long = bar.width() * max(0.0, piece.value) / reach if reach > 0 else 0.0
            p.setPen(Qt.PenStyle.NoPen)
            p.setBrush(QColor(piece.colour))
            p.drawRect(QRectF(x, bar.top(), long, bar.height()))
            x += long
            dot = QRectF(at, y + metrics.height() / 2 - theme.px(4), theme.px(8), theme.px(8))
            p.drawRoundedRect(dot, 2, 2)
            words = f"{piece.label} {piece.value:.2f} {self._unit}"
            p.setPen(QColor(t.text))
            p.drawText(QPointF(at + theme.px(12), y + metrics.ascent()), words)
            at += theme.px(26) + metrics.horizontalAdvance(words)
            if at > area.right() - theme.px(100):  # the next name takes another line
                at, y = area.left(), y + metrics.height()
        if self._mark is not None and reach > 0:
            place = bar.left() + bar.width() * self._mark / reach
            p.setPen(QPen(QColor(t.text), 1.5))
            p.drawLine(QPointF(place, bar.top() - theme.px(3)), QPointF(place, bar.bottom() + theme.px(2)))
            p.setPen(QColor(t.muted))
            wide = metrics.horizontalAdvance(self._mark_words)
            left = min(max(area.left(), place - wide / 2), area.right() - wide)
            p.drawText(QPointF(left, metrics.ascent()), self._mark_words)
        if self.show_ring and self.hasFocus():
            kit.paint_focus(p, QRectF(self.rect()))


def _demo() -> QWidget:
    bar, t = SplitBar(), theme.current()
    bar.set_pieces((Piece("about the example", 6.7, t.accent), Piece("off the prior", 12.1, t.edge)), "nats")
    bar.set_mark(6.91, "ln 1,000 = 6.91")
    return bar


if __name__ == "__main__":
    from app.widgets import demo

    raise SystemExit(demo.run(_demo, (420, 90)))
