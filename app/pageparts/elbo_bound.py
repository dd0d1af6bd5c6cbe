"""q on the posterior, ln p(x) as stacked bars, and the bound over every q there is."""

from __future__ import annotations

import math

import numpy as np
from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from app.pageparts.arranging import arrange, ladder
from app.widgets.figure import Figure, Handle
from app.widgets.figuremarks import Bars, Contours, Dots, Image, Line, Mark, Rule, Words
from gm_core.concepts import elbo_bound as concept

Q, POSTERIOR, RECONSTRUCTION, COST, GAP = 0, 1, 2, 4, "bad"
TALLEST = 2.2
LEVELS = (0.1, 0.5, 1.0, 2.0, 4.0, 8.0)
NAMES = ("ln p(x)", "ELBO + KL", "its parts")
DEPTHS = tuple(2.0**power for power in range(2, 15))


def peak(sigma: float) -> float:
    """The height of a Gaussian."""
    return 1.0 / (sigma * math.sqrt(2.0 * math.pi))


def width_of(height: float) -> float:
    """The standard deviation of a Gaussian so high."""
    return 1.0 / (max(height, 0.05) * math.sqrt(2.0 * math.pi))


def top_of_q(mu: float, sigma: float) -> Handle:
    """The handle by which q is dragged: its mean and its height."""
    return Handle("q", mu, min(peak(sigma), TALLEST * 0.97), Q, "xy", "Top of q: mean and height")


def _at(x: float, y: float) -> tuple[np.ndarray, np.ndarray]:
    return np.array([x]), np.array([y])


class BoundPicture(QWidget):
    """Setter: draw(frame, mu, sigma, s). Signal: placed(mu, sigma of q)."""

    placed = Signal(float, float)

    def __init__(self) -> None:
        super().__init__()
        self.codes, self.map, self.bars = Figure("q and the posterior"), Figure("Bound by q"), Figure("Stacked bars")
        self.codes.set_axes("z", "density", (-3.6, 3.6), (0.0, TALLEST))
        reach = (-concept.MU_REACH, concept.MU_REACH)
        self.map.set_axes("μ", "σ", reach, (concept.LEAST, concept.MOST), log_y=True)
        self.codes.moved.connect(lambda _key, x, y: self.placed.emit(x, width_of(y)))
        self.map.moved.connect(lambda _key, x, y: self.placed.emit(x, y))
        self.map.clicked.connect(lambda x, y: self.placed.emit(x, y))
        left = QWidget()
        arrange([([(self.codes, 1)], 1), ([(self.map, 1)], 1)], left)
        arrange([([(left, 5), (self.bars, 4)], 1)], self)

    def draw(self, frame: concept.BoundFrame, mu: float, sigma: float, s: float) -> None:
        """All three figures."""
        n = frame.numbers
        self.codes.set_marks(
            [
                Line(frame.z, frame.prior, name="p(z)", colour="muted"),
                Line(frame.z, np.minimum(frame.posterior, 9.0), fill=True, name="p(z|x)", colour=POSTERIOR),
                Line(frame.z, np.minimum(frame.q, 9.0), fill=True, name="q(z)", colour=Q),
            ]
        )
        self.codes.set_handles([top_of_q(mu, sigma)])
        ends = (math.log10(concept.LEAST), math.log10(concept.MOST))
        extent = (-concept.MU_REACH, concept.MU_REACH, *ends)
        self.map.set_marks(
            [
                Image(np.exp(-frame.gaps), extent, "density", (0.0, 1.0)),
                Contours(frame.gaps, extent, LEVELS, name="KL = 0.1, 0.5, 1, 2, 4, 8", colour="text"),
                Dots(*_at(n["best_mu"], n["best_sigma"]), 5.0, hollow=True, name="best q", colour="good"),
            ]
        )
        self.map.set_handles([Handle("q", mu, sigma, Q, "xy", "Mean and width of q")])
        self._draw_bars(frame, s)

    def _draw_bars(self, frame: concept.BoundFrame, s: float) -> None:
        n = frame.numbers
        evidence, elbo, told = n["evidence"], n["elbo"], n["reconstruction"]
        top = max(-math.log(s) - 0.92, evidence)
        floor = evidence - ladder(1.25 * n["kl"], DEPTHS)
        room = top - floor
        self.bars.set_axes("", "nats", (-0.55, 2.55), (floor, top + 0.09 * room), names=NAMES)
        below = max(elbo, floor)

        def bar(at: float, low: float, high: float, name: str, colour: int | str) -> Bars:
            return Bars(np.array([at]), np.array([max(high - low, 0.0)]), 0.62, low, name=name, colour=colour)

        def words(at: float, low: float, high: float, text: str, colour: str = "#ffffff") -> list[Mark]:
            room_for = high - low > 0.06 * room
            return [Words(at, (low + high) / 2, text, bold=True, colour=colour)] if room_for else []

        self.bars.set_marks(
            [
                bar(0, floor, evidence, "", "muted"),
                bar(1, floor, below, "ELBO", Q),
                bar(1, below, evidence, "KL(q || p(z|x))", GAP),
                bar(2, floor, below, "", Q),
                bar(2, below, max(told, floor), "KL(q || p(z))", COST),
                Rule(evidence, "y", colour="text", dashed=True),
                Line(np.array([1.65, 2.35]), np.array([told, told]), 3.0, name="E ln p(x|z)", colour=RECONSTRUCTION),
                Words(0, evidence + 0.04 * room, f"{evidence:.3f}".replace("-", "−"), bold=True, colour="text"),
                *words(1, floor, below, f"{elbo:.3f}".replace("-", "−")),
                *words(1, below, evidence, f"{n['kl']:.3f}"),
                *words(2, below, max(told, floor), f"{n['cost']:.3f}", "text"),  # white on amber would be hard to read
                Words(2, max(told, floor) + 0.04 * room, f"{told:.3f}".replace("-", "−"), bold=True, colour="text"),
            ]
        )
