"""Bounds by number of draws, what weighting makes of q, and the estimates of p(x) beside their logarithms."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from app.pageparts.arranging import arrange, ladder
from app.pageparts.elbo_bound import TALLEST, Q, top_of_q, width_of
from app.widgets.figure import Figure
from app.widgets.figuremarks import Band, Bars, Dots, Line, Rule, Words
from gm_core.concepts import elbo_draws as concept

POSTERIOR, BOUND, LAW = 1, 2, "muted"
STEPS = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0)
HEIGHTS = (1.0, 2.0, 4.0, 8.0, 16.0)


class ManyPicture(QWidget):
    """Setter: draw(frame, mu, sigma). Signals: placed(mu, sigma of q), counted(k)."""

    placed = Signal(float, float)
    counted = Signal(float)

    def __init__(self) -> None:
        super().__init__()
        self.codes, self.bounds = Figure("q, weighted q and the posterior"), Figure("Bounds by number of draws")
        self.codes.set_axes("z", "density", (-3.6, 3.6), (0.0, TALLEST))
        self.codes.moved.connect(lambda _key, x, y: self.placed.emit(x, width_of(y)))
        self.bounds.clicked.connect(lambda x, _y: self.counted.emit(x))
        arrange([([(self.codes, 1)], 1), ([(self.bounds, 1)], 1)], self)

    def draw(self, frame: concept.ManyFrame, mu: float, sigma: float) -> None:
        """Both figures."""
        n = frame.numbers
        width = float(frame.cells[1] - frame.cells[0])
        self.codes.set_marks(
            [
                Bars(frame.cells, frame.chosen, width, name="one of k draws, chosen by weight", colour=BOUND),
                Line(frame.z, np.minimum(frame.posterior, 9.0), width=2.2, name="p(z|x)", colour=POSTERIOR),
                Line(frame.z, np.minimum(frame.q, 9.0), fill=True, name="q(z)", colour=Q),
            ]
        )
        self.codes.set_handles([top_of_q(mu, sigma)])
        deep = ladder(1.15 * n["elbo_gap"] + 1e-6, STEPS)
        self.bounds.set_axes("k", "nats below ln p(x)", (0.9, 1150.0), (-deep, 0.12 * deep), log_x=True)
        some = np.isfinite(frame.delta)
        law = [Line(frame.k[some], frame.delta[some], dashed=True, name="−Var(w) / 2k p(x)²", colour=LAW)]
        self.bounds.set_marks(
            [
                Rule(0.0, "y", name="ln p(x)", colour="text", dashed=True),
                Rule(-n["elbo_gap"], "y", name="ELBO", colour=Q, dashed=True),
                *(law if some.any() else []),
                Band(frame.k, frame.gap - 2 * frame.error, frame.gap + 2 * frame.error, colour=BOUND),
                Line(frame.k, frame.gap, width=2.2, name="L_k ± 2 standard errors", colour=BOUND),
                Dots(frame.k, frame.gap, 3.0, colour=BOUND),
                Rule(n["k"], colour="edge"),
                Dots(np.array([n["k"]]), np.array([-n["gap"]]), 6.0, colour=BOUND),
            ]
        )


class LogPicture(QWidget):
    """Setter: draw(frame). Signal: counted(k)."""

    counted = Signal(float)

    def __init__(self) -> None:
        super().__init__()
        self.ratios, self.logs = Figure("Estimates of p(x)"), Figure("Logarithms of the estimates")
        self.biases = Figure("Bias by number of draws")
        self.biases.clicked.connect(lambda x, _y: self.counted.emit(x))
        arrange([([(self.ratios, 1), (self.logs, 1)], 1), ([(self.biases, 1)], 1)], self)

    def draw(self, frame: concept.LogFrame) -> None:
        """All three figures."""
        n = frame.numbers
        width, log_width = float(frame.ratio[1] - frame.ratio[0]), float(frame.log_ratio[1] - frame.log_ratio[0])
        high = ladder(float(frame.ratio_density.max()), HEIGHTS)
        self.ratios.set_axes("estimate / p(x)", "density", (0.0, 4.0), (0.0, high))
        self.ratios.set_marks(
            [
                Bars(frame.ratio, frame.ratio_density, width, name="estimates", colour=0),
                Rule(1.0, name="p(x)", colour="text", dashed=True),
                Rule(n["mean"], name="their mean", colour="good", width=2.4),
            ]
        )
        high = ladder(float(frame.log_density.max()), HEIGHTS)
        away = f"← {100 * n['beyond']:.0f} % lie further left"
        self.logs.set_axes("ln estimate − ln p(x)", "density", (-6.0, 2.0), (0.0, high))
        self.logs.set_marks(
            [
                Bars(frame.log_ratio, frame.log_density, log_width, name="their logs", colour=BOUND),
                Rule(0.0, name="ln p(x)", colour="text", dashed=True),
                Rule(n["bias"], name="mean of the logs", colour="bad", width=2.4),
                *([Words(-5.8, 0.9 * high, away, "left", colour="bad")] if n["beyond"] >= 0.005 else []),
            ]
        )
        top = ladder(float(-frame.bias.min()), (1e2, 1e4))
        self.biases.set_axes("K", "nats below ln p(x)", (0.9, 1150.0), (1e-4, top), log_x=True, log_y=True)
        self.biases.set_marks(
            [
                Line(frame.k, -frame.delta, dashed=True, name="Var / 2K p(x)²", colour=LAW),
                Dots(
                    frame.k,
                    -frame.bias,
                    4.0,
                    2 * frame.error,
                    name="bias of the log ± 2 s. e.",
                    colour=BOUND,
                ),
                Rule(n["k"], name="K", colour="edge"),
                Dots(np.array([n["k"]]), np.array([-n["bias"]]), 6.0, hollow=True, colour="bad"),
            ]
        )
