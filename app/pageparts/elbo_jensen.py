"""A curve with points that one drags, the area in which their mean must lie, and the gap as they draw together."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from app.pageparts.arranging import arrange, ladder
from app.widgets.figure import Figure, Handle
from app.widgets.figuremarks import Dots, Line, Rule, Words
from gm_core.concepts import elbo as concept

OUTSIDE, INSIDE = 0, 1
FLOORS = {"ln x": (-3.4, 2.6), "√x": (-0.4, 3.2), "straight": (-0.3, 2.8), "x²/8": (-0.9, 8.6)}


class JensenPicture(QWidget):
    """Setter: draw(frame, curve). Signal: dragged(number of the point, x)."""

    dragged = Signal(int, float)

    def __init__(self) -> None:
        super().__init__()
        self.curve, self.gaps = Figure("Curve and points"), Figure("Gap by spread")
        self.curve.moved.connect(lambda key, x, _y: self.dragged.emit(int(key), x))
        arrange([([(self.curve, 1)], 5), ([(self.gaps, 1)], 3)], self)

    def draw(self, frame: concept.JensenFrame, curve: str) -> None:
        """Both figures."""
        n, (low, high) = frame.numbers, FLOORS[curve]
        floor = low + 0.04 * (high - low)
        self.curve.set_axes("x", f"f(x) = {curve if curve != 'straight' else '0.3 x'}", (0.0, 8.4), (low, high))
        drops = [
            Line(np.array([x, x]), np.array([floor, y]), width=1.0, colour="edge", dashed=True, free=True)
            for x, y in zip(frame.points, frame.heights, strict=True)
        ]
        mean, gap = n["mean"], np.array([n["inside"], n["outside"]])
        self.curve.set_marks(
            [
                *drops,
                Line(frame.area_x, frame.area_y, width=1.4, free=True, name="room of (E X, E f(X))", colour="muted"),
                Line(frame.x, frame.f, width=2.2, name="f", colour="text"),
                Dots(frame.points, frame.heights, 3.5, colour="accent"),
                Line(
                    np.array([mean, mean]),
                    gap,
                    3.0,
                    free=True,
                    name="gap",
                    colour="bad",
                ),
                Dots(np.array([mean]), np.array([n["outside"]]), 5.0, name="f(E X)", colour=OUTSIDE),
                Dots(np.array([mean]), np.array([n["inside"]]), 5.0, name="E f(X)", colour=INSIDE),
                Words(mean, max(gap) + 0.09 * (high - low), "E X", colour="muted"),
            ]
        )
        self.curve.set_handles(
            [
                Handle(str(i), float(x), floor, "accent", "x", f"Point {i + 1}, probability {share:.2f}")
                for i, (x, share) in enumerate(zip(frame.points, frame.shares, strict=True))
            ]
        )
        most = ladder(float(max(abs(frame.gap).max(), abs(frame.second_order).max())), (0.1, 0.3, 1.0, 2.0, 4.0, 8.0))
        ends = (-most, 0.1 * most) if curve == "x²/8" else (-0.1 * most, most)
        self.gaps.set_axes("share of the spread", "f(E X) − E f(X)", (0.0, 1.03), ends)
        self.gaps.set_marks(
            [
                Rule(0.0, "y", colour="edge"),
                Line(frame.t, frame.second_order, dashed=True, name="−½ f″(E X) Var X", colour="muted"),
                Line(frame.t, frame.gap, width=2.4, name="gap when all points draw together", colour="bad"),
                Dots(np.array([1.0]), np.array([n["gap"]]), 5.0, colour="bad"),
            ]
        )
