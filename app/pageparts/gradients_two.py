"""What each estimate sees of a function, single gradients of both kinds, the wanted slope, and both runs."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from app.pageparts.arranging import arrange, ladder
from app.pageparts.elbo_bound import peak, width_of
from app.widgets.figure import Figure, Handle
from app.widgets.figuremarks import Band, Bars, Dots, Line, Rule
from gm_core.concepts import gradients as concept

THROUGH, SCORE = 0, 1
HEIGHTS = {"square": (-2.0, 10.0), "sine": (-1.6, 2.6), "sigmoid": (-0.3, 2.4), "step": (-0.3, 2.4)}


class TwoPicture(QWidget):
    """Setter: draw(frame, function, offset, mu, sigma, by). Signals: placed(mu, sigma), moved(parameter)."""

    placed = Signal(float, float)
    moved = Signal(float)

    def __init__(self) -> None:
        super().__init__()
        self.function, self.singles = Figure("Function and draws"), Figure("Single gradients")
        self._scale = 1.0
        self.expected, self.runs = Figure("Expected value"), Figure("Means of the gradients")
        self.function.moved.connect(lambda _key, x, y: self.placed.emit(x, width_of(y / self._scale)))
        self.expected.clicked.connect(lambda x, _y: self.moved.emit(x))
        arrange([([(self.function, 1), (self.singles, 1)], 1), ([(self.expected, 1), (self.runs, 1)], 1)], self)

    def draw(self, frame: concept.TwoFrame, function: str, offset: float, mu: float, sigma: float, by: str) -> None:
        """All four figures."""
        n = frame.numbers
        low, high = HEIGHTS[function]
        low, high = low + min(offset, 0.0), high + max(offset, 0.0)
        self.function.set_axes("z", "f(z)", (-concept.Z_REACH, concept.Z_REACH), (low, high))
        half, self._scale = 0.18, 0.3 * high
        self.function.set_marks(
            [
                Rule(0.0, "y", colour="edge"),
                Line(frame.z, self._scale * frame.density, fill=True, name="q(z), not to scale", colour="muted"),
                Line(frame.z, frame.f, width=2.0, name="f", colour="text"),
                *[
                    Line(np.array([z - half, z + half]), np.array([y - half * k, y + half * k]), 2.4, name="its slope",
                         colour=THROUGH, free=True)
                    for z, y, k in zip(frame.draws, frame.heights, frame.slopes, strict=True)
                ],
                Dots(frame.draws, frame.heights, 3.2, name="its height", colour=SCORE),
            ]
        )  # fmt: skip
        top = min(self._scale * peak(sigma), 0.97 * high)
        self.function.set_handles([Handle("q", mu, top, "accent", "xy", "Top of q: mean and height")])
        self._draw_singles(frame)
        self._draw_expected(frame, by, mu if by == "mu" else sigma, n["value"], n["exact"])
        far = ladder(
            max(6.0 * n["score_error"], 6.0 * n["through_error"], 1.6 * abs(n["bias"])) + 1e-9, concept.REACHES
        )
        self.runs.set_axes("N", "mean", (5.0, max(n["n"], 20.0)), (n["exact"] - far, n["exact"] + far), log_x=True)
        runs = ((SCORE, "score function", frame.score_mean, frame.score_error),
                (THROUGH, "reparameterised", frame.through_mean, frame.through_error))  # fmt: skip
        self.runs.set_marks(
            [
                *[Band(frame.n, mean - 2 * error, mean + 2 * error, colour=c) for c, _, mean, error in runs],
                *[Line(frame.n, mean, width=2.0, name=name, colour=c) for c, name, mean, _ in runs],
                Rule(n["exact"], "y", name="exact", colour="text", dashed=True),
            ]
        )

    def _draw_singles(self, frame: concept.TwoFrame) -> None:
        width = float(frame.cells[1] - frame.cells[0])
        high = ladder(float(max(frame.through.max(), frame.score.max())), (0.1, 0.2, 0.5, 1.02))
        self.singles.set_axes("gradient of one draw", "share", (-frame.reach, frame.reach), (0.0, high))
        self.singles.set_marks(
            [
                Bars(frame.cells, frame.score, width, name="score function", colour=SCORE),
                Bars(frame.cells, frame.through, width, name="reparameterised", colour=THROUGH),
                Rule(frame.numbers["exact"], name="exact", colour="text", dashed=True, width=2.0),
            ]
        )

    def _draw_expected(self, frame: concept.TwoFrame, by: str, at: float, value: float, slope: float) -> None:
        ends = (float(frame.places[0]), float(frame.places[-1]))
        self.expected.set_axes("μ" if by == "mu" else "σ", "E f(z)", ends, None)
        reach = 0.16 * (ends[1] - ends[0])
        tangent = np.array([at - reach, at + reach])
        self.expected.set_marks(
            [
                Line(frame.places, frame.expected, width=2.0, name="E f", colour="text"),
                Line(tangent, value + slope * (tangent - at), 2.4, name="gradient wanted", colour="good", free=True),
                Dots(np.array([at]), np.array([value]), 5.0, colour="good"),
            ]
        )
