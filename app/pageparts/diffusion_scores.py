"""Pictures of two gradients of one logarithm, and of Tweedie's formula."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from app.pageparts.arranging import arrange
from app.widgets.figure import Figure, Handle
from app.widgets.figuremarks import Arrows, Dots, Line, Mark, Rule
from gm_core.concepts import diffusion_score as concept

IN_X, IN_THETA, BEST = 0, 1, 2
LENGTH = 0.3
"""Length of an arrow for each unit of slope."""
LONGEST = 1.6
HALF = 0.9
"""Half the width of a tangent."""


class GradientsPicture(QWidget):
    """Setter: draw(frame). Signals: point_moved(x), peak_moved(theta) by handles."""

    point_moved = Signal(float)
    peak_moved = Signal(float)

    def __init__(self) -> None:
        super().__init__()
        self.over_x, self.over_theta = Figure("Over x"), Figure("Over theta")
        self.score, self.gradient = Figure("Slope in x"), Figure("Slope in theta")
        ends = (-concept.REACH, concept.REACH)
        for figure, below in ((self.over_x, "x"), (self.over_theta, "θ")):
            figure.set_axes(below, "ln p(x; θ)", ends, (-9.0, 1.0))
        for figure, below in ((self.score, "x"), (self.gradient, "θ")):
            figure.set_axes(below, "", ends, (-8.0, 8.0))
        self.over_x.set_title("the model held, x moves")
        self.over_theta.set_title("the point held, θ moves")
        for figure in (self.over_x, self.score):
            figure.moved.connect(lambda _key, x, _y: self.point_moved.emit(x))
        for figure in (self.over_theta, self.gradient):
            figure.moved.connect(lambda _key, x, _y: self.peak_moved.emit(x))
        arrange([([(self.over_x, 1), (self.over_theta, 1)], 3), ([(self.score, 1), (self.gradient, 1)], 2)], self)

    def draw(self, frame: concept.ScoreFrame) -> None:
        """All four figures."""
        n = frame.numbers
        level = n["log_density"]
        rows = (
            (self.over_x, self.score, frame.x, frame.log_density, frame.score, n["x"], n["score"], IN_X, "score"),
            (
                self.over_theta, self.gradient, frame.thetas, frame.log_likelihood, frame.gradient, n["theta"],
                n["gradient"], IN_THETA, "gradient",
            ),
        )  # fmt: skip
        for upper, lower, line, values, slopes, at, slope, colour, key in rows:
            ends = np.array([at - HALF, at + HALF])
            step = float(np.clip(LENGTH * slope, -LONGEST, LONGEST))
            marks: list[Mark] = [
                Line(line, values, 2.2, colour=colour),
                Line(ends, level + slope * (ends - at), 1.4, dashed=True, colour="text"),
                Rule(at, colour="edge"),
                Arrows(*(np.array([v]) for v in (at, 0.4, step, 0.0)), 2.6, name="uphill", colour="accent"),
            ]
            upper.set_marks(marks)
            words = "score: slope in x" if key == "score" else "slope in θ"
            lower.set_marks([Rule(0.0, "y", colour="edge"), Line(line, slopes, 2.2, name=words, colour=colour)])
            name = "The point x" if key == "score" else "The peak theta"
            upper.set_handles([Handle(key, at, level, colour, "x", name)])
            lower.set_handles([Handle(key, at, slope, colour, "x", name)])


class TweediePicture(QWidget):
    """Setter: draw(frame). Signal: noisy_moved(x_t) by a handle."""

    noisy_moved = Signal(float)

    def __init__(self) -> None:
        super().__init__()
        self.pairs, self.density, self.score = Figure("Pairs"), Figure("Density at t"), Figure("Score at t")
        ends = (-3.5, 3.5)
        self.pairs.set_axes("x at t", "x₀", ends, (-2.4, 2.4))
        self.density.set_axes("x at t", "", ends, (0.0, 1.0))
        self.score.set_axes("x at t", "", ends, (-7.0, 7.0))
        for figure in (self.pairs, self.score):
            figure.moved.connect(lambda _key, x, _y: self.noisy_moved.emit(x))
        right = QWidget()
        arrange([([(self.density, 1)], 1), ([(self.score, 1)], 1)], right)
        arrange([([(self.pairs, 3), (right, 2)], 1)], self)

    def draw(self, frame: concept.TweedieFrame) -> None:
        """All three figures."""
        n = frame.numbers
        here = Rule(n["x_t"], colour="edge")
        self.pairs.set_marks(
            [
                Dots(frame.pairs[0], frame.pairs[1], 1.6, alpha=70, name="drawn pairs", colour="muted"),
                here,
                Rule(0.0, "y", colour="edge"),
                Line(frame.x, frame.mean, 2.6, name="E[x₀ | x at t] by Tweedie", colour=BEST),
                Dots(frame.places, frame.counted, 3.6, 2 * frame.error, name="counted in stripes", colour="text"),
            ]
        )
        self.pairs.set_handles([Handle("x_t", n["x_t"], n["tweedie"], "accent", "x", "The noisy value")])
        self.density.set_marks(
            [here, Line(frame.x, frame.density, 2.2, fill=True, name="density of x at t", colour=IN_X)]
        )
        self.score.set_marks(
            [Rule(0.0, "y", colour="edge"), here, Line(frame.x, frame.score, 2.2, name="its score", colour=IN_X)]
        )
        self.score.set_handles([Handle("x_t", n["x_t"], n["score"], "accent", "x", "The noisy value")])
