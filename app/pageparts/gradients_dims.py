"""The noise of one gradient by dimension, and what it does to a descent."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from app.pageparts.arranging import arrange
from app.pageparts.gradients_two import SCORE, THROUGH
from app.widgets.figure import Figure
from app.widgets.figuremarks import Dots, Line, Rule
from gm_core.concepts import gradients_dims as concept

BASED, OWN = 2, 4
SPANS = {"square": (-0.5, 20.0), "sine": (-1.1, 1.1), "sigmoid": (-0.05, 1.05), "step": (-0.05, 1.05)}


class DimsPicture(QWidget):
    """Setter: draw(frame, function). Signal: counted(dimension)."""

    counted = Signal(float)

    def __init__(self) -> None:
        super().__init__()
        self.noise, self.descent = Figure("Noise by dimension"), Figure("Descent")
        self.noise.set_axes("D", "deviation of one draw", (0.9, 140.0), (1e-2, 1e4), log_x=True, log_y=True)
        self.noise.clicked.connect(lambda x, _y: self.counted.emit(x))
        arrange([([(self.noise, 1)], 1), ([(self.descent, 1)], 1)], self)

    def draw(self, frame: concept.DimsFrame, function: str) -> None:
        """Both figures."""
        n = frame.numbers
        curves = (
            (frame.bare, "score, no baseline", SCORE), (frame.based, "score, mean as baseline", BASED),
            (frame.through, "reparameterised", THROUGH),
        )  # fmt: skip
        order = (1, 2, 0)  # rows of what was measured
        at = np.array([n["d"]])
        self.noise.set_marks(
            [
                Line(frame.d, frame.own, dashed=True, name="score, own term alone", colour=OWN),
                *[Line(frame.d, curve, name=name, colour=c) for curve, name, c in curves],
                *[Dots(frame.d, frame.measured[i], 3.0, colour=c) for i, (_, _, c) in zip(order, curves, strict=True)],
                Rule(n["d"], colour="edge"),
                *[Dots(at, np.array([n[k]]), 6.0, hollow=True, colour=c)
                  for k, c in (("bare", SCORE), ("based", BASED), ("through", THROUGH))],
            ]
        )  # fmt: skip
        values = (frame.bare_value, frame.based_value, frame.through_value)
        low, high = SPANS[function]
        top = max(n["start"] * 1.3, 3.0) if function == "square" else high
        self.descent.set_axes("step", "E f per coordinate", (0.0, float(frame.step[-1])), (low, min(top, high)))
        lines = zip(values, curves, strict=True)
        self.descent.set_marks([Line(frame.step, v, width=2.2, name=name, colour=c) for v, (_, name, c) in lines])
