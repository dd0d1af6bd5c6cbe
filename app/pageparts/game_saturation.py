"""A generator that is moved along the line, the gradients of both of its losses there, and the losses over logits."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from app.pageparts.arranging import arrange, ladder
from app.pageparts.game_players import MINIMAX, NON_SATURATING, D, P, Q, tops
from app.widgets.figure import Figure, Handle
from app.widgets.figuremarks import Arrows, Dots, Line, Rule
from gm_core.concepts import game_saturation as concept

LONGEST = 4.0
"""Arrows of the steps are no longer, in units of x."""
LEAST = 1e-8
"""The lower end of the logarithmic axis."""


class SaturationPicture(QWidget):
    """Setter: draw(frame, query, logarithmic). Signals: placed("p1", "p2" or "q", mean, height), moved_to(mean)."""

    placed = Signal(str, float, float)
    moved_to = Signal(float)

    def __init__(self) -> None:
        super().__init__()
        self.densities = Figure("Densities, discriminator and the steps of the generator")
        self.gradients, self.losses = Figure("Gradients over the mean of the generator"), Figure("Losses over logits")
        self.densities.set_axes("x", "density, D", (-concept.DRAWN, concept.DRAWN), (0.0, 1.06))
        self.densities.moved.connect(self.placed)
        self.gradients.moved.connect(lambda _key, x, _y: self.moved_to.emit(x))
        self.gradients.clicked.connect(lambda x, _y: self.moved_to.emit(x))
        ends = (-concept.LOGITS, concept.LOGITS)
        self.losses.set_axes("logit l of a fake", "loss, nats", ends, ends)
        arrange([([(self.densities, 1)], 1), ([(self.gradients, 3), (self.losses, 2)], 1)], self)

    def draw(self, frame: concept.SaturationFrame, query: concept.SaturationQuery, logarithmic: bool) -> None:
        """All three figures."""
        n = frame.numbers
        felt = (
            (n["minimax"], MINIMAX, 0.93, "step of ln(1 − D)"),
            (n["non_saturating"], NON_SATURATING, 0.83, "of −ln D"),
        )
        steps = []
        for gradient, colour, height, name in felt:
            far = float(np.clip(-gradient, -LONGEST, LONGEST))
            at, up = np.array([query.mu]), np.array([height])
            steps += [
                Dots(at, up, 2.5, colour=colour),
                Arrows(at, up, np.array([far]), np.zeros(1), 2.6, name=name, colour=colour),
            ]
        self.densities.set_marks(
            [
                Line(frame.x, frame.p, fill=True, name="data p", colour=P),
                Line(frame.x, frame.q, fill=True, name="generator q", colour=Q),
                Line(frame.x, frame.d, name="D", colour=D),
                *steps,
            ]
        )
        self.densities.set_handles(tops(query.data, query.mu, query.sigma))
        self._draw_gradients(frame, query.mu, logarithmic)
        at = float(np.clip(n["logit"], -concept.LOGITS, concept.LOGITS))
        here = [float(np.interp(at, frame.logit, v)) for v in (frame.minimax_loss, frame.non_saturating_loss)]
        self.losses.set_marks(
            [
                Rule(0.0, "y", colour="edge"),
                Rule(at, name="mean logit of the fakes", colour=Q, dashed=True),
                Line(frame.logit, frame.minimax_loss, width=2.4, name="ln(1 − D)", colour=MINIMAX),
                Line(frame.logit, frame.non_saturating_loss, width=2.4, name="−ln D", colour=NON_SATURATING),
                Dots(np.array([at]), np.array(here[:1]), 4.5, colour=MINIMAX),
                Dots(np.array([at]), np.array(here[1:]), 4.5, colour=NON_SATURATING),
            ]
        )

    def _draw_gradients(self, frame: concept.SaturationFrame, mu: float, logarithmic: bool) -> None:
        reach = (-concept.DRAWN, concept.DRAWN)
        runs = [frame.minimax, frame.non_saturating]
        here = [frame.numbers["minimax"], frame.numbers["non_saturating"]]
        if logarithmic:
            runs, here = [np.maximum(np.abs(run), LEAST / 10) for run in runs], [abs(v) for v in here]
            self.gradients.set_axes("mean of q", "|gradient|", reach, (LEAST, 1e3), log_y=True)
        else:
            most = ladder(float(np.abs(runs[1]).max()) * 1.02, (1.0, 2.0, 5.0, 10.0, 15.0, 20.0, 30.0, 60.0))
            self.gradients.set_axes("mean of q", "gradient, nats per unit of x", reach, (-most, most))
        self.gradients.set_marks(
            [
                *([] if logarithmic else [Rule(0.0, "y", colour="edge")]),
                Line(frame.mu, runs[1], width=2.4, name="of −ln D", colour=NON_SATURATING),
                Line(frame.mu, runs[0], width=2.4, name="of ln(1 − D)", colour=MINIMAX),
                Rule(mu, width=1.0, colour="muted", dashed=True),
            ]
        )
        self.gradients.set_handles(
            [
                Handle("minimax", mu, max(here[0], LEAST) if logarithmic else here[0], MINIMAX, "x", "Mean of q"),
                Handle(
                    "non_saturating",
                    mu,
                    max(here[1], LEAST) if logarithmic else here[1],
                    NON_SATURATING,
                    "x",
                    "Mean of q, on the other curve",
                ),
            ]
        )
