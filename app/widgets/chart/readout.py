"""The small box beside the pointer that reads the values of all curves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QPointF, Qt
from PySide6.QtWidgets import QLabel, QWidget

from app.shell import theme
from app.widgets import kit

MOST = 12


@dataclass(frozen=True)
class Row:
    """One curve: its name, colour, smoothed and raw value."""

    name: str
    colour: str
    soft: float
    raw: float


class Readout(QLabel):
    """Setters: dress() after a change of theme, show_at(where, heading, rows)."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setTextFormat(Qt.TextFormat.RichText)
        self.hide()

    def dress(self) -> None:
        """Take the colours of the theme."""
        t = theme.current()
        self.setStyleSheet(
            f"background: {t.raised}; color: {t.text}; border: 1px solid {t.border}; border-radius: 4px; padding: 6px;"
        )

    def show_at(self, where: QPointF, heading: str, rows: Sequence[Row]) -> None:
        """Read these values beside a point of the parent, without leaving it."""
        import html  # with the names of two thousand characters: it waits for the first pointer on a curve

        muted = theme.current().muted
        lines = [f"<span style='color:{muted}'>{html.escape(heading)}</span>"]
        for row in rows[:MOST]:
            both = f" <span style='color:{muted}'>({kit.number_text(row.raw)})</span>" if row.soft != row.raw else ""
            lines.append(
                f"<span style='color:{row.colour}'>■</span> {html.escape(row.name)} "
                f"<b>{kit.number_text(row.soft)}</b>{both}"
            )
        self.setText("<br>".join(lines))
        self.adjustSize()
        home = self.parentWidget()
        right = where.x() + 16 + self.width() < home.width()
        y = min(max(4, int(where.y()) - self.height() // 2), max(4, home.height() - self.height() - 4))
        self.move(int(where.x()) + 16 if right else int(where.x()) - 16 - self.width(), y)
        self.show()
