"""A proposal that is dragged: densities, the terms that it gives, how they spread for every proposal, and the runs."""

from __future__ import annotations

import math

import numpy as np
from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from app.pageparts.arranging import arrange
from app.widgets.figure import Figure, Handle
from app.widgets.figuremarks import Band, Contours, Dots, Image, Line, Mark, Rule, Words
from gm_core.concepts import monte_carlo_importance as concept

P, PROPOSAL, WANTED = 0, 1, 2
TOP = 0.95
SPREAD = float(np.sqrt(2 * np.pi))
FLOOR, ROOF = 1e-3, 1e3
"""Ends of the axis of terms; a term of nothing is drawn at the lower one."""
LEVELS = (-1.0, -0.75, -0.5, -0.25, 0.0, 0.25, 0.5, 1.0, 1.5, 2.0, 3.0)
LOW_WIDTH, HIGH_WIDTH = (math.log(width) for width in concept.WIDTHS)


class WeightsPicture(QWidget):
    """Setters: draw(frame, words for p and for what q should follow, mu, sigma), draw_map(frame).

    Signal: shaped(mean, standard deviation) when the proposal is moved on the densities or on the map.
    """

    shaped = Signal(float, float)

    def __init__(self, ends: tuple[float, float], letter: str) -> None:
        super().__init__()
        self.ends, self.letter = ends, letter
        self.densities, self.terms = Figure("Densities and the proposal"), Figure("Terms of the average")
        self.map, self.runs = Figure("Spread of every proposal"), Figure("Estimates by number of draws")
        self.densities.set_axes(letter, "density", ends, (0.0, TOP))
        self.terms.set_axes(letter, "term / truth", ends, (FLOOR, ROOF), log_y=True)
        self.map.set_axes("μ of q", "ln σ of q", ends, (LOW_WIDTH, HIGH_WIDTH))
        self.map.set_title("log₁₀ of the spread of a term")
        self.densities.moved.connect(lambda _key, x, y: self.shaped.emit(x, 1 / (max(y, 0.02) * SPREAD)))
        self.map.moved.connect(lambda _key, x, y: self.shaped.emit(x, math.exp(y)))
        self.map.clicked.connect(lambda x, y: self.shaped.emit(x, math.exp(y)))
        arrange([([(self.densities, 5), (self.map, 4)], 1), ([(self.terms, 5), (self.runs, 4)], 1)], self)
        self._ground: list[Mark] = []

    def draw(self, frame: concept.WeightsFrame, names: tuple[str, str], mu: float, sigma: float) -> None:
        """Everything that moves with the proposal."""
        n = frame.numbers
        wanted = frame.wanted * (0.85 * TOP / max(float(frame.wanted.max()), 1e-300))
        self.densities.set_marks(
            [
                Line(frame.x, wanted, fill=True, name=names[1], colour=WANTED),
                Line(frame.x, frame.p, name=names[0], colour=P),
                Line(frame.x, frame.q, width=2.4, fill=True, name="q", colour=PROPOSAL),
            ]
        )
        top = min(1 / (sigma * SPREAD), 0.98 * TOP)
        self.densities.set_handles([Handle("q", mu, top, PROPOSAL, "xy", "Top of the proposal: mean and height")])
        drawn = np.clip(frame.drawn_term, FLOOR * 1.15, ROOF / 1.15)
        bad = not math.isfinite(n["spread"])
        self.terms.set_marks(
            [
                Rule(1.0, "y", name="perfect: all alike", colour="good", dashed=True),
                Line(frame.x, np.where(frame.term > 0, frame.term, np.nan), name="f p / q", colour=WANTED),
                Dots(frame.drawn, drawn, 3.0, alpha=150, name="draws from q", colour=PROPOSAL),
            ]
        )
        self.map.set_marks(
            [
                *self._ground,
                Rule(math.log(n["narrowest"]), "y", colour="bad", dashed=True),
                Words(
                    0.5 * (self.ends[0] + self.ends[1]),
                    0.5 * (math.log(n["narrowest"]) + LOW_WIDTH),
                    "∞  infinite variance: q too narrow",
                    colour="bad",
                    bold=bad,
                ),
            ]
        )
        self.map.set_handles([Handle("q", mu, math.log(sigma), PROPOSAL, "xy", "Mean and width of the proposal")])
        self.runs.set_axes("N", "estimate / truth", (2.0, float(concept.MOST)), (0.0, 2.0), log_x=True)
        told = "± 2 errors, meaningless" if bad else "± 2 standard errors"
        self.runs.set_marks(
            [
                Line(frame.n, frame.plain, name="from p", colour=P),
                Band(frame.n, frame.estimate - 2 * frame.error, frame.estimate + 2 * frame.error, colour=PROPOSAL),
                Line(frame.n, frame.estimate, width=2.2, name="from q", colour=PROPOSAL),
                Line(frame.n[:1], frame.n[:1] * np.nan, width=6.0, name=told, colour="bad" if bad else "muted"),
                Rule(1.0, "y", colour="good", dashed=True),
            ]
        )

    def draw_map(self, frame: concept.MapFrame) -> None:
        """The spread of every proposal, with level lines."""
        (rows, columns), (x0, x1) = frame.spread.shape, self.ends
        half_x, half_y = (x1 - x0) / (columns - 1) / 2, (HIGH_WIDTH - LOW_WIDTH) / (rows - 1) / 2
        extent = (x0 - half_x, x1 + half_x, LOW_WIDTH - half_y, HIGH_WIDTH + half_y)
        least = float(np.nanmin(frame.spread))
        first = int(np.isfinite(frame.spread[:, 0]).argmax())  # below it all are infinite, wherever the mean is
        foot = extent[2] + first * 2 * half_y
        self._ground = [
            Image(-frame.spread, extent, "density", (-least - 2.5, -least)),
            Contours(frame.spread[first:], (*extent[:2], foot, extent[3]), LEVELS, 0.8, colour="edge"),
        ]
