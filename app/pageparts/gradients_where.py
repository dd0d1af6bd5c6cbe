"""A small table of where which gradient applies, tried out."""

from __future__ import annotations

import math

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout, QLabel, QVBoxLayout, QWidget

from app.pageparts.arranging import ladder
from app.pageparts.gradients_two import SCORE, THROUGH
from app.shell import theme
from app.widgets import kit
from app.widgets.figure import Figure
from app.widgets.figuremarks import Dots, Rule
from gm_core.concepts import gradients_where as concept

HEAD = ("draw", "f", "by", "exact", "reparameterised", "score function")
CASES = (
    ("N(μ, σ²)", "(z − 1)²", "μ"),
    ("N(μ, σ²)", "|z|", "μ"),
    ("N(μ, σ²)", "1 for z > 0", "μ"),
    ("U(0, 2σ)", "z²", "its end"),
    ("coin", "(z − 0.45)²", "its logit"),
    ("mixture", "(z − 1)²", "its switch"),
)
NAMES = ("(z−1)²", "|z|", "step", "U(0, b)", "coin", "mixture")
WORKS = ((True, True), (True, True), (False, True), (True, False), (False, True), (False, True))
"""Whether the reparameterised gradient and the score function are right, by case."""
REACHES = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0)


class WherePicture(QWidget):
    """Setter: draw(frame)."""

    def __init__(self) -> None:
        super().__init__()
        self.figure = Figure("Estimate less truth")
        table = QWidget()
        grid = QGridLayout(table)
        grid.setContentsMargins(theme.px(8), theme.px(4), theme.px(8), theme.px(4))
        grid.setVerticalSpacing(theme.px(4))
        for column, text in enumerate(HEAD):
            grid.addWidget(_cell(text, "muted", column), 0, column)
            grid.setColumnStretch(column, 3 if column > 2 else 2)
        self.cells: list[list[QLabel]] = []
        for row, words in enumerate(CASES):
            for column, text in enumerate(words):
                grid.addWidget(_cell(text, "", column), row + 1, column)
            made = [_cell("", "heading", 3)]
            made += [_cell("", "good" if works else "bad", 4) for works in WORKS[row]]
            for column, label in enumerate(made, 3):
                grid.addWidget(label, row + 1, column)
            self.cells.append(made)
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.addWidget(self.figure, 1)
        box.addWidget(table)

    def draw(self, frame: concept.WhereFrame) -> None:
        """Figure and table."""
        for row, labels in enumerate(self.cells):
            labels[0].setText(_number(frame.exact[row]))
            for label, value, works in zip(labels[1:], (frame.through[row], frame.score[row]), WORKS[row], strict=True):
                sign = "✓" if works else "✗"
                label.setText(f"{_number(value)}  {sign}" if math.isfinite(value) else f"no way  {sign}")
        at = np.arange(concept.CASES)
        away = frame.through - frame.exact, frame.score - frame.exact
        far = ladder(float(np.nanmax(np.abs(np.stack(away)))) + 2 * float(np.nanmax(frame.score_error)), REACHES)
        self.figure.set_axes("", "estimate − exact", (-0.5, concept.CASES - 0.5), (-far, far), names=NAMES)
        self.figure.set_marks(
            [
                Rule(0.0, "y", name="right", colour="text", dashed=True),
                Dots(at - 0.1, away[0], 5.0, 2 * frame.through_error, name="reparameterised", colour=THROUGH),
                Dots(at + 0.1, away[1], 5.0, 2 * frame.score_error, name="score function ± 2 s. e.", colour=SCORE),
            ]
        )


def _cell(text: str, role: str, column: int) -> QLabel:
    made = kit.label(text, role)
    side = Qt.AlignmentFlag.AlignLeft if column < 3 else Qt.AlignmentFlag.AlignRight
    made.setAlignment(side | Qt.AlignmentFlag.AlignVCenter)
    return made


def _number(value: float) -> str:
    return f"{value + 0.0:.3f}".replace("-", "−")
