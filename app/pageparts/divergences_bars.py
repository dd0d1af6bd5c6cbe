"""Two distributions over a few outcomes, whose bars are dragged, and what each outcome adds to their divergences."""

from __future__ import annotations

import math

import numpy as np
from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from app.pageparts.arranging import arrange, ladder
from app.pageparts.divergences_ledger import BACK, FORTH, Ledger, P, Q
from app.widgets.figure import Figure, Handle
from app.widgets.figuremarks import Bars, Rule, Words
from gm_core.concepts import divergences as concept

NAMES = ("A", "B", "C", "D", "E", "F")
ASIDE, WIDTH = 0.19, 0.34


class BarsPicture(QWidget):
    """Setter: draw(frame, unit). Signal: dragged("p" or "q", outcome, height)."""

    dragged = Signal(str, int, float)

    def __init__(self) -> None:
        super().__init__()
        self.shares = Figure("Probabilities under p and q")
        self.shares.set_axes("", "probability", (-0.5, 5.5), (0.0, 1.0), names=NAMES)
        self.shares.moved.connect(lambda key, _x, y: self.dragged.emit(key[0], int(key[1:]), y))
        self.terms, self.ledger = Figure("What each outcome adds"), Ledger("Entropies and divergences")
        arrange([([(self.shares, 1)], 6), ([(self.terms, 1), (self.ledger, 1)], 5)], self)

    def draw(self, frame: concept.BarsFrame, unit: str) -> None:
        """Bars with their handles, terms, and the sums."""
        at, per_nat = np.arange(concept.OUTCOMES), concept.PER_NAT[unit]
        self.shares.set_marks(
            [
                Bars(at - ASIDE, frame.p, WIDTH, name="p", colour=P),
                Bars(at + ASIDE, frame.q, WIDTH, name="q", colour=Q),
            ]
        )
        sides = (("p", frame.p, -ASIDE, P), ("q", frame.q, ASIDE, Q))
        self.shares.set_handles(
            [
                Handle(f"{name}{i}", i + aside, float(v), colour, "y", f"Probability of {NAMES[i]} under {name}")
                for name, shares, aside, colour in sides
                for i, v in enumerate(shares)
            ]
        )
        both = np.concatenate((frame.terms, frame.back))
        top = per_nat * ladder(1.05 * float(both[np.isfinite(both)].max(initial=0.0)) / per_nat, (1.0, 2.0, 5.0))
        self.terms.set_title("")
        self.terms.set_axes("", f"added, {unit}", (-0.5, 5.5), (-0.5 * per_nat, top), names=NAMES)
        marks = [
            Bars(at - ASIDE, _through(frame.terms, top), WIDTH, name="p log(p/q)", colour=FORTH),
            Bars(at + ASIDE, _through(frame.back, top), WIDTH, name="q log(q/p)", colour=BACK),
            Rule(0.0, "y", colour="edge"),
        ]
        for missed, aside in ((frame.missed_by_q, -ASIDE), (frame.missed_by_p, ASIDE)):
            marks += [Words(i + aside, 0.5 * top, "∞", colour="text", bold=True) for i in missed]
        self.terms.set_marks(marks)
        self.terms.set_title(_reason(frame))
        self.ledger.set_numbers(frame.numbers, "H", unit, per_nat)


def _through(terms: np.ndarray, top: float) -> np.ndarray:
    return np.where(terms == math.inf, 2 * top, terms)


def _reason(frame: concept.BarsFrame) -> str:
    """Why a divergence is infinite; empty, if none is."""
    told = [
        f"{other} never gives {NAMES[missed[0]]}: KL({of} || {other}) = ∞"
        for missed, of, other in ((frame.missed_by_q, "p", "q"), (frame.missed_by_p, "q", "p"))
        if missed
    ]
    return ";  ".join(told)
