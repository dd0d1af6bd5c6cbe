"""Truth, model and examples; two curves over a parameter that differ by a constant; where best parameters fall."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from app.pageparts.arranging import arrange, ladder
from app.widgets.figure import Figure, Handle
from app.widgets.figuremarks import Arrows, Bars, Dots, Line, Rule, Words
from gm_core.concepts import monte_carlo as concept

TRUTH, MODEL, DIVERGENCE, DATA = 0, 1, 2, 3
"""Series of the theme, the same on the whole page; what is measured by the model (cross-entropy) has its colour."""
TOP = 0.8
SPREAD = float(np.sqrt(2 * np.pi))
HIGH = (4.0, 8.0, 16.0, 40.0, 100.0, 300.0, 1000.0)


class LikelihoodPicture(QWidget):
    """Setter: draw(frame, theta, sigma). Signals: shaped(mean, standard deviation), chosen(theta)."""

    shaped = Signal(float, float)
    chosen = Signal(float)

    def __init__(self) -> None:
        super().__init__()
        self.densities, self.curves = Figure("Truth, model and examples"), Figure("Curves over the parameter")
        self.minima = Figure("Best parameters of 200 data sets")
        self.densities.set_axes("x", "density", (-concept.DRAWN, concept.DRAWN), (-0.06, TOP))
        self.densities.moved.connect(lambda _key, x, y: self.shaped.emit(x, 1 / (max(y, 0.05) * SPREAD)))
        self.curves.moved.connect(lambda _key, x, _y: self.chosen.emit(x))
        self.curves.clicked.connect(lambda x, _y: self.chosen.emit(x))
        arrange([([(self.densities, 1)], 4), ([(self.curves, 3), (self.minima, 2)], 5)], self)

    def draw(self, frame: concept.LikelihoodFrame, sigma: float) -> None:
        """All three figures."""
        n = frame.numbers
        self.densities.set_marks(
            [
                Rule(0.0, "y", colour="edge"),
                Line(frame.x, frame.p, fill=True, name="truth p", colour=TRUTH),
                Line(frame.x, frame.model, fill=True, name="model", colour=MODEL),
                Dots(frame.examples, np.full(len(frame.examples), -0.03), 2.6, alpha=150, name="examples", colour=DATA),
            ]
        )
        top = min(1 / (sigma * SPREAD), 0.98 * TOP)
        self.densities.set_handles([Handle("model", n["theta"], top, MODEL, "xy", "Top of the model: mean and height")])
        high = ladder(1.1 * float(max(frame.cross.max(), frame.empirical.max())), HIGH)
        self.curves.set_axes("θ", "nats", (-concept.THETA, concept.THETA), (0.0, high))
        at = n["theta"]
        gap = np.array([n["cross"] - n["kl"]])
        self.curves.set_marks(
            [
                Line(frame.theta, frame.cross, name="−E ln p(x|θ)", colour=MODEL),
                Line(frame.theta, frame.kl, width=2.4, name="KL(p || model)", colour=DIVERGENCE),
                Line(frame.theta, frame.empirical, dashed=True, name="by the examples", colour=DATA),
                Arrows(np.array([at]), np.array([n["kl"]]), np.zeros(1), gap, colour="muted"),
                Words(at + 0.12, n["kl"] + 0.5 * float(gap[0]), f"h(p) = {n['h']:.2f}", "left", colour="text"),
                Rule(n["best"], colour=DIVERGENCE, dashed=True),
                Rule(n["found"], colour=DATA, dashed=True),
                Dots(np.array([at]), np.array([n["cross"]]), 4.0, colour=MODEL),
            ]
        )
        self.curves.set_handles([Handle("theta", at, n["kl"], DIVERGENCE, "x", "Parameter of the model")])
        self.minima.set_title("Best θ of 200 data sets")
        width = float(frame.bins[1] - frame.bins[0])
        self.minima.set_axes("θ", "density", (-2.5, 2.5), (0.0, 1.25 * float(frame.normal.max())))
        self.minima.set_marks(
            [
                Bars(frame.bins, frame.share, width, colour=DATA),
                Line(frame.bins, frame.normal, width=2.0, name="width sd(x)/√N", colour="text"),
                Rule(n["best"], colour=DIVERGENCE, dashed=True),
                Rule(n["found"], colour=DATA, dashed=True, name="this one"),
            ]
        )
