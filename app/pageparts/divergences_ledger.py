"""Entropies and divergences of p and q as bars that add up: H(p,q) is H(p) with KL(p||q) on top of it."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from app.pageparts.arranging import ladder
from app.widgets.figure import Figure
from app.widgets.figuremarks import Bars, Colour, Line, Mark, Rule, Words

P, Q, FORTH, BACK, BOTH = 0, 1, 2, 3, 4
"""Series of the theme for p, q, KL(p||q), KL(q||p) and JS, the same on the whole page."""
HIGH = (3.0, 6.0, 12.0, 25.0, 50.0, 100.0, 200.0, 400.0, 800.0)
LOW = (0.0, 1.0, 3.0)
WIDTH = 0.62


class Ledger(Figure):
    """Five columns. Setter: set_numbers(h_p, h_q, cross, cross_back, kl, back, js, most by name; letter of entropies;
    unit)."""

    def set_numbers(self, n: Mapping[str, float], letter: str, unit: str, per_nat: float) -> None:
        """Draw the columns; an infinite one goes through the roof and says so."""
        finite = [v for v in n.values() if math.isfinite(v)]
        top = per_nat * ladder(1.08 * max(finite) / per_nat, HIGH)
        low = -per_nat * ladder(-min(0.0, *finite) / per_nat, LOW)
        names = (f"{letter}(p)", f"{letter}(p,q)", f"{letter}(q)", f"{letter}(q,p)", "JS")
        self.set_axes("", unit, (-0.55, 4.55), (low, top), names=names)
        marks = [Rule(0.0, "y", colour="edge")]
        marks += _column(0, n["h_p"], 0.0, P) + _column(1, n["h_p"], 0.0, P)
        marks += _column(1, n["kl"], n["h_p"], FORTH, "KL(p || q)", top)
        marks += _column(2, n["h_q"], 0.0, Q) + _column(3, n["h_q"], 0.0, Q)
        marks += _column(3, n["back"], n["h_q"], BACK, "KL(q || p)", top)
        marks += _column(4, n["js"], 0.0, BOTH)
        most = np.full(2, n["most"])
        marks.append(Line(np.array([3.6, 4.4]), most, dashed=True, name="most of JS", colour="text"))
        self.set_marks(marks)


def _column(at: int, height: float, base: float, colour: Colour, name: str = "", top: float = 0.0) -> list[Mark]:
    if math.isfinite(height):
        return [Bars(np.array([at]), np.array([height]), WIDTH, base=base, name=name, colour=colour)]
    through = Bars(np.array([at]), np.array([2 * top - base]), WIDTH, base=base, name=name, colour=colour)
    return [through, Words(float(at), base + 0.6 * (top - base), "∞", colour="text", bold=True)]
