"""Columns of rows and rows of columns, each part with its share of the room, and rows of buttons."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtWidgets import QPushButton, QWidget

from app.pageparts.arranging import arrange
from app.widgets import kit

Part = tuple[QWidget, int]


def beside(*parts: Part) -> QWidget:
    """Parts from left to right, each with its share of the width."""
    return _arranged([(parts, 1)])


def under(*parts: Part) -> QWidget:
    """Parts from top to bottom, each with its share of the height; a share of 0 takes what it needs."""
    return _arranged([([(part, 1)], share) for part, share in parts])


def _arranged(rows: Sequence[tuple[Sequence[Part], int]]) -> QWidget:
    made = QWidget()
    arrange(rows, made)
    return made


def buttons(*named: tuple[str, Callable[[], None]]) -> QWidget:
    """A row of buttons, each with its words and what it does."""
    made, row = QWidget(), []
    for words, deed in named:
        button = QPushButton(words)
        button.setMinimumWidth(40)
        button.clicked.connect(lambda _checked=False, deed=deed: deed())
        row.append(button)
    made.setLayout(kit.row(*row))
    return made
