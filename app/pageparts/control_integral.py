"""A line in the plane with noise around it: beads that become an integral, and which z lies behind a point."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from app.pageparts.arranging import arrange
from app.widgets.figure import Figure, Handle
from app.widgets.figuremarks import Dots, Image, Line, Rule
from gm_core.concepts import control_integral as concept

PRIOR, POSTERIOR, CHOSEN = 1, 2, 3
AROUND = np.linspace(0.0, 2 * np.pi, 73)
CIRCLE = np.stack((np.cos(AROUND), np.sin(AROUND)))
TOP = 3.0
SEEN = (-8.0, 8.0), (-2.7, 2.7)


class IntegralPicture(QWidget):
    """Setter: draw(frame, place, noise). Signals: placed(x, y) when the point is dragged, chose(z)."""

    placed = Signal(float, float)
    chose = Signal(float)

    def __init__(self) -> None:
        super().__init__()
        self.plane, self.causes = Figure("The plane of x"), Figure("The line of z")
        self.plane.set_axes("x₁", "x₂", *SEEN, equal=True)
        self.causes.set_axes("z", "density", (-concept.SHOWN, concept.SHOWN), (0.0, TOP))
        self.plane.moved.connect(lambda _key, x, y: self.placed.emit(x, y))
        self.plane.clicked.connect(self.placed)
        self.causes.moved.connect(lambda _key, x, _y: self.chose.emit(x))
        self.causes.clicked.connect(lambda x, _y: self.chose.emit(x))
        arrange([([(self.plane, 1)], 5), ([(self.causes, 1)], 3)], self)

    def draw(self, frame: concept.IntegralFrame, place: tuple[float, float], noise: float) -> None:
        """Everything."""
        z = frame.numbers["z"]
        ring = frame.led[:, None] + 2 * noise * CIRCLE
        self.plane.set_marks(
            [
                Image(frame.density, concept.PLANE),
                Dots(frame.drawn[:, 0], frame.drawn[:, 1], 1.6, alpha=150, name="draws of x", colour="muted"),
                Line(frame.line[:, 0], frame.line[:, 1], free=True, name="f(z)", colour=PRIOR),
                Dots(frame.beads[:, 0], frame.beads[:, 1], 3.4, name="f(z_k) of the sum", colour=PRIOR),
                Line(ring[0], ring[1], free=True, width=2.2, name="p(x|z), 2 deviations", colour=CHOSEN),
                Dots(frame.led[:1], frame.led[1:], 4.0, colour=CHOSEN),
            ]
        )
        self.plane.set_handles([Handle("x", *place, "text", "xy", "Point whose cause is wanted")])
        self.causes.set_marks(
            [
                Line(frame.z, frame.prior, fill=True, name="p(z)", colour=PRIOR),
                Line(frame.z, frame.posterior, fill=True, name="p(z|x) of the point", colour=POSTERIOR),
                Dots(frame.nodes, np.zeros(len(frame.nodes)), 3.4, name="z_k", colour=PRIOR),
                Rule(z, name="chosen z", colour=CHOSEN, dashed=True),
            ]
        )
        self.causes.set_handles([Handle("z", z, 0.5 * TOP, CHOSEN, "x", "Chosen z")])
