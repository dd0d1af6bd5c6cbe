"""Small parts of the experiment: the buttons of its two pages, and what a run is in one line."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QPushButton

from gm_core import api


def page_button(text: str, tip: str) -> QPushButton:
    """One of the two buttons that turn the page of the panel."""
    button = QPushButton(text)
    button.setCheckable(True)
    button.setToolTip(tip)
    button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
    return button


def facts(card: api.RunCard) -> str:
    """What a run is, in one line."""
    parts = [card.title or card.run, f"{card.parameters:,} weights"]
    splits = card.data.splits.get("train", 0)
    if splits:
        parts.append(f"{splits:,} examples of {card.data.title}")
    if card.parent:
        parts.append(f"branched from {card.parent} at step {card.parent_step:,}")
    return ", ".join(parts) + "."
