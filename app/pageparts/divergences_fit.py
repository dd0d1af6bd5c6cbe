"""One Gaussian that walks down a divergence to a mixture: densities, the fall, and the landscape from above."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from app.pageparts.arranging import arrange, ladder
from app.pageparts.divergences_ledger import BACK, BOTH, FORTH, P, Q
from app.pageparts.divergences_line import REACH, TOP, peaks
from app.widgets.figure import Figure, Handle
from app.widgets.figuremarks import Contours, Dots, Image, Line, Mark, Rule
from gm_core.concepts import divergences_fit as concept
from gm_core.concepts.divergences import PER_NAT
from gm_core.concepts.divergences_line import Mixture

COLOURS = {"KL(p || q)": FORTH, "KL(q || p)": BACK, "JS": BOTH}
FALLS = (0.8, 1.5, 3.0, 6.0, 12.0, 25.0, 50.0)


class FitPicture(QWidget):
    """Setters: draw(frame, p, objective, start, unit), draw_landscape(frame). Signals: dragged("p1", mean, height),
    begun(mean, standard deviation) when the start of q is moved."""

    dragged = Signal(str, float, float)
    begun = Signal(float, float)

    def __init__(self) -> None:
        super().__init__()
        self.densities, self.fall = Figure("Density of p and the fit"), Figure("Fall of the divergence")
        self.densities.set_axes("x", "density", (-REACH, REACH), (0.0, TOP))
        self.densities.moved.connect(self.dragged)
        self.land = Figure("Landscape of the divergence")
        self.land.moved.connect(lambda _key, x, y: self.begun.emit(x, float(np.exp(y))))
        self.land.clicked.connect(lambda x, y: self.begun.emit(x, float(np.exp(y))))
        left = QWidget()
        arrange([([(self.densities, 1)], 6), ([(self.fall, 1)], 5)], left)
        arrange([([(left, 1), (self.land, 1)], 1)], self)
        self._ground: list[Mark] = []
        self._ways: list[Mark] = []

    def draw(self, frame: concept.FitFrame, p: Mixture, objective: str, start: tuple[float, float], unit: str) -> None:
        """Densities and ways; the landscape under the ways stays as it is."""
        others = [Line(frame.x, row, width=1.0, colour="muted") for row in frame.q[1:]]
        self.densities.set_marks(
            [
                Line(frame.x, frame.p, fill=True, name="p", colour=P),
                *others,
                Line(frame.x, frame.q[0], width=2.6, fill=True, name="q", colour=Q),
                Line(frame.x[:1], frame.x[:1] * np.nan, width=1.0, colour="muted", name="from other starts"),
            ]
        )
        self.densities.set_handles(peaks("p", p, P))
        step, per_nat = int(frame.numbers["step"]), PER_NAT[unit]
        steps = np.arange(frame.lowered.shape[1])
        top = per_nat * ladder(1.05 * float(frame.lowered[0].max()) / per_nat, FALLS)
        self.fall.set_axes("step", unit, (0.0, float(concept.STEPS)), (0.0, top))
        colour = COLOURS[objective]
        self.fall.set_marks(
            [
                *[Line(steps, row, width=1.0, colour="muted") for row in frame.lowered[1:]],
                Line(steps, frame.lowered[0], width=2.2, name=objective, colour=colour),
                Rule(float(step), dashed=True, colour="text"),
                Dots(np.array([step]), frame.lowered[0, step : step + 1], 4.0, colour=Q),
            ]
        )
        self.land.set_title(objective)
        low, high = concept.LOG_WIDTHS[:2]
        self.land.set_axes("μ of q", "ln σ of q", concept.MEANS[:2], (low, high))
        self._ways = [
            *[Line(*way, width=1.2, free=True, colour="muted") for way in zip(frame.mu[1:], frame.log_sigma[1:])],
            Dots(frame.mu[1:, -1], frame.log_sigma[1:, -1], 3.5, colour="muted"),
            Line(frame.mu[0], frame.log_sigma[0], width=2.4, free=True, colour=Q),
            Dots(frame.mu[0, -1:], frame.log_sigma[0, -1:], 5.0, colour=Q),
        ]
        self.land.set_marks([*self._ground, *self._ways])
        self.land.set_handles([Handle("start", start[0], float(np.log(start[1])), "text", "xy", "Where q begins")])

    def draw_landscape(self, frame: concept.LandscapeFrame) -> None:
        """The ground under the ways."""
        (x0, x1, wide), (y0, y1, high) = concept.MEANS, concept.LOG_WIDTHS
        half_x, half_y = (x1 - x0) / (wide - 1) / 2, (y1 - y0) / (high - 1) / 2
        extent = (x0 - half_x, x1 + half_x, y0 - half_y, y1 + half_y)
        above = np.log(np.maximum(frame.values - frame.values.min(), 1e-9) + 0.02)
        levels = np.linspace(above.min(), above.max(), 11)[1:-1]
        self._ground = [
            Image(-above, extent, "density", (-float(above.max()), -float(above.min()))),
            Contours(above, extent, levels.tolist(), 0.8, colour="edge"),
        ]
        self.land.set_marks([*self._ground, *self._ways])
