"""A relaxed coin, single gradients of both kinds, and bias and noise by temperature."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from app.pageparts.arranging import arrange, ladder
from app.pageparts.gradients_two import SCORE
from app.widgets.figure import Figure
from app.widgets.figuremarks import Bars, Dots, Line, Rule
from gm_core.concepts import gradients_switch as concept

RELAXED = 2
SHARES = (0.05, 0.1, 0.2, 0.5, 1.02)


class SwitchPicture(QWidget):
    """Setter: draw(frame). Signal: heated(temperature) by a click."""

    heated = Signal(float)

    def __init__(self) -> None:
        super().__init__()
        self.draws, self.singles = Figure("Relaxed draws"), Figure("Single gradients")
        self.errors = Figure("Bias and noise by temperature")
        self.errors.clicked.connect(lambda x, _y: self.heated.emit(x))
        arrange([([(self.draws, 1), (self.singles, 1)], 1), ([(self.errors, 1)], 1)], self)

    def draw(self, frame: concept.SwitchFrame) -> None:
        """All three figures."""
        n = frame.numbers
        self.draws.set_axes("y", "share", (0.0, 1.0), (0.0, 1.02))
        width = float(frame.y[1] - frame.y[0])
        self.draws.set_marks(
            [
                Bars(frame.y, frame.relaxed, width, name="relaxed coin y", colour=RELAXED),
                Line(frame.y, frame.f, width=2.2, name="f(y)", colour="text"),
                Dots(np.array([0.0, 1.0]), frame.f[[0, -1]], 5.0, name="all that a coin knows of f", colour=SCORE),
            ]
        )
        wide = float(frame.cells[1] - frame.cells[0])
        high = ladder(float(max(frame.gumbel.max(), frame.score.max())), SHARES)
        self.singles.set_axes("gradient of one draw", "share", (-frame.reach, frame.reach), (0.0, high))
        self.singles.set_marks(
            [
                Bars(frame.cells, frame.score, wide, name="score function", colour=SCORE),
                Bars(frame.cells, frame.gumbel, wide, name="Gumbel-softmax", colour=RELAXED),
                Rule(n["exact"], name="exact", colour="text", dashed=True, width=2.0),
            ]
        )
        self.errors.set_axes("τ", "error", (concept.LEAST, concept.MOST), (1e-4, 3.0), log_x=True, log_y=True)
        self.errors.set_marks(
            [
                Line(frame.tau, frame.deviation, width=1.8, name="deviation of one draw", colour=RELAXED),
                Line(frame.tau, np.maximum(frame.bias, 1e-12), width=2.2, name="|bias|", colour="bad"),
                Line(frame.tau, frame.error, width=2.6, name="error of a mean of N", colour="text"),
                Rule(max(n["score_error"], 1e-12), "y", name="the same by score function", colour=SCORE, dashed=True),
                Rule(n["tau"], colour="edge"),
                Dots(np.array([n["tau"]]), np.array([n["gumbel_error"]]), 6.0, colour="text"),
            ]
        )
