"""Data, generator and discriminator on a line, and the value of the game against its largest value."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from app.pageparts.arranging import arrange, ladder
from app.pageparts.game_players import TOP, D, P, Q, tops
from app.widgets.figure import Figure, Handle
from app.widgets.figuremarks import Band, Line, Rule
from gm_core.concepts import game as concept

FLOOR = -3.0
"""Values of the game below it lie off the picture."""


DEPTHS = (0.4, 0.8, 1.6, 4.0)
"""Ends of the axis of the integrand, which so moves seldom."""


class ValuePicture(QWidget):
    """Setter: draw(frame, query). Signals: placed("p1", "p2" or "q", mean, height) for a density, held(0 to 2, D) for
    the discriminator by hand, went(share) along the way to the best one."""

    placed = Signal(str, float, float)
    held = Signal(int, float)
    went = Signal(float)

    def __init__(self) -> None:
        super().__init__()
        self.densities, self.critic = Figure("Densities of data and generator"), Figure("Discriminator")
        self.values, self.integrands = Figure("Value on the way to the best"), Figure("Where the value comes from")
        reach = (-concept.DRAWN, concept.DRAWN)
        self.densities.set_axes("x", "density", reach, (0.0, TOP))
        self.critic.set_axes("x", "D(x)", reach, (0.0, 1.0))
        self.values.set_axes("share of the way from the parabola to D*", "V, nats", (0.0, 1.0), (FLOOR, 0.1))
        self.densities.moved.connect(self.placed)
        self.critic.moved.connect(lambda key, _x, y: self.held.emit(int(key), y))
        self.values.moved.connect(lambda _key, x, _y: self.went.emit(x))
        self.values.clicked.connect(lambda x, _y: self.went.emit(x))
        arrange([([(self.densities, 5), (self.values, 4)], 1), ([(self.critic, 5), (self.integrands, 4)], 1)], self)

    def draw(self, frame: concept.ValueFrame, query: concept.ValueQuery) -> None:
        """All four figures."""
        n = frame.numbers
        self.densities.set_marks(
            [
                Line(frame.x, frame.p, fill=True, name="data p", colour=P),
                Line(frame.x, frame.q, fill=True, name="generator q", colour=Q),
            ]
        )
        self.densities.set_handles(tops(query.data, query.mu, query.sigma))
        by_hand = query.critic == "by hand"
        started = [] if query.learned == 0 else [Line(frame.x, frame.first, width=1.2, name="parabola", colour="muted")]
        self.critic.set_marks(
            [
                Rule(0.5, "y", width=1.0, colour="edge"),
                Line(frame.x, frame.best, width=2.4, name="D* = p/(p+q)", colour="text", dashed=True),
                *started,
                Line(frame.x, frame.present, width=2.4, name="D", colour=D),
            ]
        )
        logits = np.array(query.logits)
        heights = 1.0 / (1.0 + np.exp(-logits))
        self.critic.set_handles(
            [
                Handle(str(at), place, float(height), D, "y", f"D at x = {place:g}")
                for at, (place, height) in enumerate(zip(concept.PLACES, heights, strict=True))
            ]
            if by_hand
            else []
        )
        self.values.set_marks(
            [
                Rule(n["blind"], "y", name="−ln 4 (D = ½)", colour="muted", dashed=True),
                Rule(n["from_js"], "y", name="2 JS − ln 4", colour="text", dashed=True),
                Line(frame.way, frame.value, width=2.4, name="V", colour=D),
            ]
        )
        self.values.set_handles([Handle("way", query.learned, max(n["v"], FLOOR), D, "x", "Share of the way to D*")])
        deep = ladder(-1.05 * float(frame.integrand.min()), DEPTHS)
        self.integrands.set_axes("x", "p ln D + q ln(1 − D)", (-concept.DRAWN, concept.DRAWN), (-deep, 0.05 * deep))
        self.integrands.set_marks(
            [
                Rule(0.0, "y", colour="edge"),
                Band(frame.x, frame.integrand, frame.best_integrand, name="lost", colour="bad"),
                Line(frame.x, frame.best_integrand, name="with D*", colour="text", dashed=True),
                Line(frame.x, frame.integrand, name="with D", colour=D),
            ]
        )
