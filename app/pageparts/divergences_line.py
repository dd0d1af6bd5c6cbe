"""Two mixtures on a line whose peaks are dragged, the curves whose areas are the divergences, and their sums."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from app.pageparts.arranging import arrange, ladder
from app.pageparts.divergences_ledger import BACK, BOTH, FORTH, Ledger, P, Q
from app.widgets.figure import Figure, Handle
from app.widgets.figuremarks import Colour, Line, Rule
from gm_core.concepts import divergences_line as concept
from gm_core.concepts.divergences import PER_NAT

TOP = 0.9
REACH = 6.0
SPREAD = float(np.sqrt(2 * np.pi))


def peaks(name: str, mixture: concept.Mixture, colour: Colour) -> list[Handle]:
    """A handle on top of each component: along for its mean, up for its width where it has any share."""
    made = []
    parts = ((mixture.weight, *mixture[1:3]), (1.0 - mixture.weight, *mixture[3:]))
    for at, (share, mean, width) in enumerate(parts, start=1):
        top = min(share / (width * SPREAD), 0.98 * TOP)
        along = "xy" if share > 0.02 else "x"
        made.append(Handle(f"{name}{at}", mean, top, colour, along, f"Peak {at} of {name}: mean and height"))
    return made


def width_for(share: float, height: float) -> float:
    """The standard deviation of a component of a share whose top is so high."""
    return share / (max(height, 0.01) * SPREAD)


class LinePicture(QWidget):
    """Setter: draw(frame, p, q, unit). Signal: dragged("p1" and the like, mean, height)."""

    dragged = Signal(str, float, float)

    def __init__(self) -> None:
        super().__init__()
        self.densities = Figure("Densities of p and q")
        self.densities.set_axes("x", "density", (-REACH, REACH), (0.0, TOP))
        self.densities.moved.connect(self.dragged)
        self.integrands, self.ledger = Figure("Curves whose areas are the divergences"), Ledger("Sums")
        arrange([([(self.densities, 1)], 6), ([(self.integrands, 1), (self.ledger, 1)], 5)], self)

    def draw(self, frame: concept.LineFrame, p: concept.Mixture, q: concept.Mixture, unit: str) -> None:
        """Densities with their handles, integrands, and the sums."""
        self.densities.set_marks(
            [
                Line(frame.x, frame.p, fill=True, name="p", colour=P),
                Line(frame.x, frame.q, fill=True, name="q", colour=Q),
            ]
        )
        self.densities.set_handles([*peaks("p", p, P), *peaks("q", q, Q)])
        per_nat = PER_NAT[unit]
        high = _range((frame.forth, frame.back, frame.both), per_nat)
        self.integrands.set_axes("x", f"{unit} per unit of x", (-REACH, REACH), high)
        self.integrands.set_marks(
            [
                Rule(0.0, "y", colour="edge"),
                Line(frame.x, frame.forth, fill=True, name="p log(p/q)", colour=FORTH),
                Line(frame.x, frame.back, fill=True, name="q log(q/p)", colour=BACK),
                Line(frame.x, frame.both, name="for JS", colour=BOTH),
            ]
        )
        self.ledger.set_numbers(frame.numbers, "h", unit, per_nat)


def _range(curves: Sequence[np.ndarray], per_nat: float) -> tuple[float, float]:
    top = max(float(c.max()) for c in curves) / per_nat
    low = -min(float(c.min()) for c in curves) / per_nat
    steps = (0.3, 1.0, 3.0, 10.0, 30.0, 100.0)
    return -per_nat * ladder(low * 1.05, (0.15, *steps)), per_nat * ladder(top * 1.05, steps)
