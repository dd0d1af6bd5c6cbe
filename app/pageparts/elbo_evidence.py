"""The plane of code and observation, the prior beside the posterior, and how draws from the prior estimate p(x)."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from app.pageparts.arranging import arrange
from app.widgets.figure import Figure, Handle
from app.widgets.figuremarks import Band, Bars, Dots, Line, Rule
from gm_core.concepts import elbo_evidence as concept

POSTERIOR, DECODER, WEIGHT = 1, 2, 4
Z_SHOWN, TALLEST = 3.6, 2.5


class EvidencePicture(QWidget):
    """Setter: draw(frame, x, s, draws). Signal: observed(x) by dragging the level of x, or a click."""

    observed = Signal(float)

    def __init__(self) -> None:
        super().__init__()
        self.plane, self.codes = Figure("Code and observation"), Figure("Prior and posterior")
        self.runs, self.needed = Figure("Estimates by number of draws"), Figure("Draws needed by x")
        self.plane.set_axes("z", "x", (-Z_SHOWN, Z_SHOWN), (-4.4, 4.4))
        self.codes.set_axes("z", "density", (-Z_SHOWN, Z_SHOWN), (0.0, TALLEST))
        self.runs.set_axes("N", "estimate / p(x)", (1.0, float(concept.MOST)), (0.0, 3.0), log_x=True)
        self.needed.set_axes("x", "draws for ±10 %", (-4.0, 4.0), (10.0, 1e7), log_y=True)
        self.plane.moved.connect(lambda _key, _x, y: self.observed.emit(y))
        self.needed.clicked.connect(lambda x, _y: self.observed.emit(x))
        arrange([([(self.plane, 1), (self.runs, 1)], 1), ([(self.codes, 1), (self.needed, 1)], 1)], self)

    def draw(self, frame: concept.EvidenceFrame, x: float, s: float, draws: int) -> None:
        """All four figures."""
        z, g = frame.z, frame.decoded
        self.plane.set_marks(
            [
                Band(z, g - 2 * s, g + 2 * s, name="p(x|z), ± 2s", colour=DECODER),
                Dots(frame.codes, frame.outcomes, 1.8, alpha=150, name="drawn from the model", colour="muted"),
                Line(z, g, width=2.2, name="g(z)", colour=DECODER),
                Rule(x, "y", name="x observed", colour="text", dashed=True),
            ]
        )
        self.plane.set_handles([Handle("x", Z_SHOWN * 0.93, x, "text", "y", "What was observed")])
        counted = frame.shares > 0.01
        self.codes.set_marks(
            [
                Line(z, frame.prior, fill=True, name="p(z)", colour="muted"),
                Line(z, np.minimum(frame.posterior, TALLEST), fill=True, name="p(z|x)", colour=POSTERIOR),
                Bars(frame.codes[counted], frame.shares[counted], 0.012, name="weight of a draw", colour=WEIGHT),
                Dots(frame.codes, np.full(len(frame.codes), 0.03), 1.8, alpha=170, colour="text"),
            ]
        )
        self.runs.set_marks(
            [
                Band(frame.n, np.maximum(1 - frame.deviation, 0), 1 + frame.deviation, name="± 1 deviation", colour=0),
                *[Line(frame.n, run, width=1.0, name="others", colour="muted") for run in frame.runs[1:]],
                Line(frame.n, frame.runs[0], width=2.4, name="one run", colour=0),
                Rule(1.0, "y", name="exact", colour="text", dashed=True),
                Rule(float(draws), colour="edge"),
            ]
        )
        here = np.array([min(max(frame.numbers["needed"], 10.0), 1e7)])
        self.needed.set_marks(
            [
                Line(frame.xs, frame.needed, width=2.2, name="exact", colour=0),
                Rule(x, name="x", colour="text", dashed=True),
                Dots(np.array([x]), here, 5.0, colour=0),
                Rule(float(draws), "y", name="N now", colour="edge"),
            ]
        )
