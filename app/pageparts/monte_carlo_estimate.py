"""Runs of an estimate that close in, the estimates of many runs, and the error on two logarithmic axes."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from app.pageparts.arranging import arrange, ladder
from app.widgets.figure import Figure
from app.widgets.figuremarks import Band, Bars, Dots, Line, Rule
from gm_core.concepts import monte_carlo_estimate as concept

RUN, LAW = 0, 2


class EstimatePicture(QWidget):
    """Setter: draw(frame, function). Signal: counted(number of draws) by a click on one of the runs."""

    counted = Signal(float)

    def __init__(self) -> None:
        super().__init__()
        self.runs, self.many = Figure("Runs of the estimate"), Figure("Estimates of 200 runs")
        self.errors = Figure("Error by number of draws")
        for figure in (self.runs, self.errors):
            figure.clicked.connect(lambda x, _y: self.counted.emit(x))
        arrange([([(self.runs, 1)], 1), ([(self.many, 1), (self.errors, 1)], 1)], self)

    def draw(self, frame: concept.EstimateFrame, function: str) -> None:
        """All three figures."""
        n, scale = frame.numbers, concept.SCALE[function]
        ends, here = (2.0, float(concept.MOST)), Rule(n["n"], colour="text", dashed=True)
        self.runs.set_axes("N", "estimate", ends, (n["exact"] - 1.3 * scale, n["exact"] + 1.3 * scale), log_x=True)
        mine, bar = frame.runs[0], 2.0 * frame.stated
        self.runs.set_marks(
            [
                *[Line(frame.n, run, width=1.0, colour="muted") for run in frame.runs[1:]],
                Band(frame.n, mine - bar, mine + bar, name="± 2 standard errors, by its own draws", colour=RUN),
                Line(frame.n, mine, width=2.4, name="one run", colour=RUN),
                Rule(n["exact"], "y", name="truth", colour="good", dashed=True),
                here,
            ]
        )
        self.many.set_title("200 runs of N draws")
        half = 1.3 * 4.0 * scale / np.sqrt(n["n"])
        width = float(frame.bins[1] - frame.bins[0])
        both = np.concatenate((frame.share, frame.normal))
        top = ladder(1.15 * float(np.nanmax(both)), (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0))
        self.many.set_axes("estimate", "density", (n["exact"] - half, n["exact"] + half), (0.0, top))
        self.many.set_marks(
            [
                Bars(frame.bins, frame.share, width, colour=RUN),
                Line(frame.bins, frame.normal, width=2.2, name="normal, width σ/√N", colour=LAW),
                Rule(n["exact"], colour="good", dashed=True),
            ]
        )
        ladders = (scale / 100.0, 1.6 * scale)
        self.errors.set_axes("N", "root mean square error", ends, ladders, log_x=True, log_y=True)
        self.errors.set_marks(
            [
                Line(frame.n, frame.law, width=2.2, dashed=True, name="σ/√N, slope −½", colour=LAW),
                Line(frame.n, frame.rms, width=2.2, name="of 200 runs", colour=RUN),
                Dots(np.array([n["n"]]), np.array([n["rms"]]), 4.5, colour=RUN),
                here,
            ]
        )
