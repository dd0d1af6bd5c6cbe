"""Pictures of walks: both samplers of the misprints side by side, and Langevin dynamics at three sizes of step."""

from __future__ import annotations

import numpy as np
from PySide6.QtWidgets import QWidget

from app.pageparts.arranging import arrange
from app.widgets.figure import Figure
from app.widgets.figuremarks import Line, Mark, Rule
from gm_core.concepts import diffusion_langevin as langevin
from gm_core.concepts import diffusion_misprints as misprints

HO, NOTES = 0, 1
TRUTH = "good"
LIMIT = 40.0
"""Walkers that have run away are drawn no farther out than this."""


def strands(ways: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Ways (steps + 1, n) as one broken path, NaN between them: numbers of steps, places."""
    steps, n = ways.shape
    padded = np.concatenate((np.clip(ways, -LIMIT, LIMIT), np.full((1, n), np.nan)))
    return np.tile(np.append(np.arange(steps, dtype=float), np.nan), n), padded.T.ravel()


def outline(middles: np.ndarray, heights: np.ndarray, colour: int, name: str = "") -> Line:
    """A histogram as one filled line, which is painted five times as fast as its bars."""
    half = 0.5 * float(middles[1] - middles[0])
    x = np.column_stack((middles - half, middles + half)).ravel()
    return Line(x, np.repeat(heights, 2), 1.6, fill=True, name=name, colour=colour)


class MisprintsPicture(QWidget):
    """Two columns, Ho's and the notes': forward, back, and where it ends; beside them correlation and variance."""

    def __init__(self) -> None:
        super().__init__()
        names = ("Ho et al.", "the notes")
        self.forward = [Figure(f"Forward, {name}") for name in names]
        self.back = [Figure(f"Back, {name}") for name in names]
        self.ends = [Figure(f"End, {name}") for name in names]
        self.correlation, self.variance = Figure("Correlation with the data"), Figure("Variance on the way back")
        for k, name in enumerate(names):
            self.forward[k].set_title(f"forward, {name}")
            self.back[k].set_title(f"back, {name}")
            self.ends[k].set_title(f"end, {name}")
        left, right = QWidget(), QWidget()
        arrange([([(f, 1) for f in row], 1) for row in (self.forward, self.back, self.ends)], left)
        arrange([([(self.correlation, 1)], 1), ([(self.variance, 1)], 1)], right)
        arrange([([(left, 7), (right, 3)], 1)], self)

    def draw(self, frame: misprints.MisprintsFrame) -> None:
        """All eight figures."""
        n = frame.numbers
        steps = n["steps"]
        for k, colour in enumerate((HO, NOTES)):
            for figure, ways, words in (
                (self.forward[k], frame.forward[k], "t"), (self.back[k], frame.back[k], "steps back from t = T")
            ):  # fmt: skip
                figure.set_axes(words, "", (0.0, steps), (-3.0, 3.0))
                figure.set_marks([Rule(0.0, "y", colour="edge"), Line(*strands(ways), 1.0, free=True, colour=colour)])
            self.ends[k].set_axes("x₀", "", (-misprints.REACH, misprints.REACH), (0.0, 2.0))
            self.ends[k].set_marks(
                [
                    outline(frame.middles, frame.ends[k], colour),
                    Line(frame.x, frame.density, 2.2, name="data, exactly", colour=TRUTH),
                ]
            )
        times = np.arange(frame.correlation.shape[1])
        self.correlation.set_title("correlation of x₀ and x at t")
        self.correlation.set_axes("t", "", (0.0, steps), (0.0, 1.04))
        self.correlation.set_marks(
            [
                Line(times, frame.correlation[0], 2.2, name="Ho et al.", colour=HO),
                Line(times, frame.correlation[1], 2.2, name="the notes", colour=NOTES),
            ]
        )
        self.variance.set_title("variance, Gaussian data")
        self.variance.set_axes("steps back", "", (0.0, steps), (1e-3, 1e3), log_y=True)
        self.variance.set_marks(
            [
                Rule(n["variance"], "y", name="data", colour=TRUTH, dashed=True),
                Line(times, frame.exact_variance[0], 2.2, colour=HO),
                Line(times, frame.exact_variance[1], 2.2, colour=NOTES),
            ]
        )


class LangevinPicture(QWidget):
    """Three columns: chains over steps, and where they stand now beside the target."""

    COLOURS = (1, 0, 3)

    def __init__(self) -> None:
        super().__init__()
        self.words = ("too small", "right", "too large")
        self.chains = [Figure(f"Chains, step {word}") for word in self.words]
        self.stand = [Figure(f"Where chains stand, step {word}") for word in self.words]
        for figure in self.chains:
            figure.set_axes("steps", "x", (0.0, float(langevin.MOST)), (-langevin.REACH, langevin.REACH))
        for figure in self.stand:
            figure.set_axes("x", "density", (-langevin.REACH, langevin.REACH), (0.0, 1.0))
        arrange([([(f, 1) for f in self.chains], 5), ([(f, 1) for f in self.stand], 4)], self)

    def draw(self, frame: langevin.LangevinFrame) -> None:
        """All six figures."""
        n = frame.numbers
        for k, (name, colour) in enumerate(zip(("small", "right", "large"), self.COLOURS, strict=True)):
            self.chains[k].set_title(f"{self.words[k]}: η = {n[f'eta_{name}']:.3g}")
            marks: list[Mark] = [
                Line(*strands(frame.chains[k]), 1.0, free=True, colour=colour),
                Rule(n["steps"], colour="edge"),
            ]
            self.chains[k].set_marks(marks)
            self.stand[k].set_marks(
                [
                    outline(frame.middles, frame.stand[k], colour, "all chains now"),
                    Line(frame.x, frame.density, 2.2, name="target", colour=TRUTH),
                ]
            )
