"""The log: everything that was reported, in plain words, with the full story for those who ask."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtWidgets import QVBoxLayout, QWidget

from app.panel import Export, Panel
from app.widgets.toast import LogList


class LogPanel(Panel):
    """Messages, newest last."""

    name = "log"
    title = "Messages"
    icon = "info"
    tip = "What was reported; hover for the full story."
    slot = "bottom"
    order = 90

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.list = LogList()
        box = QVBoxLayout(self)
        box.setContentsMargins(8, 4, 8, 8)
        box.addWidget(self.list)

    def add(self, level: str, words: str, details: str = "") -> None:
        """Note a message; level is info, warn or error."""
        self.list.add(level, words, details)  # type: ignore[arg-type]

    def engaged(self) -> bool:
        """The messages are in no state."""
        return True

    def exports(self) -> list[Export]:
        """The messages as text."""
        return [Export("Messages as text", ".txt", self._write)]

    def _write(self, path: Path) -> None:
        path.write_text(self.list.text(), encoding="utf-8")
