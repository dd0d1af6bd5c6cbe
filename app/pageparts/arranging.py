"""Pictures of a page beside and under one another."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from app.shell import theme

Row = Sequence[tuple[QWidget, int]]


def arrange(rows: Sequence[tuple[Row, int]], parent: QWidget) -> None:
    """Lay out widgets in rows within a parent: ([(widget, share of the width), ...], share of the height) each."""
    box = QVBoxLayout(parent)
    box.setContentsMargins(0, 0, 0, 0)
    box.setSpacing(theme.px(4))
    for row, high in rows:
        line = QHBoxLayout()
        line.setSpacing(theme.px(6))
        for widget, wide in row:
            line.addWidget(widget, wide)
        box.addLayout(line, high)


def ink(picture: np.ndarray, empty: float = 0.0) -> np.ndarray:
    """A picture (h, w) of ink from `empty` to 1, first row on top, as grey values uint8 (h, w) for an `Image`."""
    share = (np.asarray(picture, float)[::-1] - empty) / (1.0 - empty)
    made: np.ndarray = np.round(255 * share.clip(0.0, 1.0)).astype(np.uint8)
    return made


def ladder(value: float, steps: Sequence[float]) -> float:
    """The first step that a value does not pass, else the last: the end of an axis that moves seldom."""
    return next((step for step in steps if value <= step), steps[-1])
