"""The head of a page: its number and title, and the sections that it has, one of which is open."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QWidget

from app.shell import theme
from app.widgets import kit
from app.widgets.chips import Chips

if TYPE_CHECKING:
    from app.page import Section


LONGEST = 32


class PageBar(QWidget):
    """Title and sections. Setter: set_chosen(name) (silent). Signal: chosen(name)."""

    chosen = Signal(str)

    def __init__(self, number: int, title: str, sections: Sequence[Section]) -> None:
        super().__init__()
        self._names = [section.name for section in sections]
        self.title = kit.label(f"{number}  {title}", "title")
        self.chips = Chips("Sections", longest=LONGEST)
        self.chips.set_chips([section.title for section in sections])
        self.chips.setVisible(len(sections) > 1)
        self.chips.changed.connect(lambda at: self.chosen.emit(self._names[at]))
        box = QHBoxLayout(self)
        box.setContentsMargins(theme.px(6), 0, 0, 0)
        box.setSpacing(theme.px(16))
        box.addWidget(self.title)
        box.addWidget(self.chips, 1)
        if len(sections) < 2:
            box.addStretch(1)

    def set_chosen(self, name: str) -> None:
        """Show which section is open."""
        self.chips.set_value(self._names.index(name))
