"""The title of a talk, renamed in place, and the button that opens others."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QLineEdit, QToolButton, QVBoxLayout, QWidget

from app.widgets import kit


class TalkTitle(QWidget):
    """Setter (silent): show_talk(title, "" for none). Signal: retitled(title). `open` takes a menu of talks."""

    retitled = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.line = QLineEdit()
        self.line.setAccessibleName("Title of the talk")
        self.line.setPlaceholderText("No talk is open")
        self.line.editingFinished.connect(self._edited)
        self.open = kit.IconButton("folder", "Choose a talk")
        self.open.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.addLayout(kit.row(self.line, self.open, spacing=4))
        self._title = ""
        self.show_talk("")

    def show_talk(self, title: str) -> None:
        """The talk that is open."""
        self._title = title
        if self.line.text() != title:
            self.line.setText(title)
            self.line.setCursorPosition(0)
        self.line.setEnabled(bool(title))

    def _edited(self) -> None:
        text = self.line.text().strip()
        if not text:
            self.line.setText(self._title)
        elif text != self._title:
            self._title = text
            self.retitled.emit(text)
