"""The plane of two players with their run, the eigenvalues of one step, and how far the players are from rest."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from app.pageparts.arranging import arrange, ladder
from app.widgets.figure import Figure, Handle
from app.widgets.figuremarks import Arrows, Dots, Line, Rule
from gm_core.concepts import game_dynamics as concept

COLOURS: dict[str, int] = {"simultaneous": 3, "alternating": 4, "extragradient": 0, "penalty": 2}
"""Colours of the rules."""
TURN = np.linspace(0.0, 2 * np.pi, 181)
FIRST = 60
"""Steps that are drawn as dots; later ones would hide one another."""


class DynamicsPicture(QWidget):
    """Setter: draw(frame, query). Signals: started(x, y) where the start was put, counted(steps)."""

    started = Signal(float, float)
    counted = Signal(float)

    def __init__(self) -> None:
        super().__init__()
        self.plane, self.values = Figure("Plane of the two players"), Figure("Eigenvalues of one step")
        self.distances = Figure("Distance from rest")
        self.plane.moved.connect(lambda _key, x, y: self.started.emit(x, y))
        self.plane.clicked.connect(self.started)
        self.distances.clicked.connect(lambda x, _y: self.counted.emit(x))
        arrange([([(self.plane, 6)], 1)], left := QWidget())
        arrange([([(self.values, 1)], 6), ([(self.distances, 1)], 5)], right := QWidget())
        arrange([([(left, 6), (right, 5)], 1)], self)

    def draw(self, frame: concept.DynamicsFrame, query: concept.DynamicsQuery) -> None:
        """All three figures."""
        colour, start = COLOURS[query.rule], frame.numbers["start"]
        names = ("x (generator)", "y (critic)")
        room = 1.15 * concept.ROOM
        self.plane.set_axes(*names, (-room, room), (-room, room), equal=True)
        reach = 0.9 * 2 * concept.ROOM / (concept.ARROWS - 1)
        self.plane.set_marks(
            [
                Arrows(frame.at_x, frame.at_y, reach * frame.toward_x, reach * frame.toward_y, colour="muted"),
                Line(start * np.cos(TURN), start * np.sin(TURN), 1.2, free=True, name="as far as the start",
                     colour="edge", dashed=True),
                Line(frame.x, frame.y, 1.6, free=True, name=query.rule, colour=colour),
                Dots(frame.x[:FIRST], frame.y[:FIRST], 2.2, colour=colour),
                Dots(np.zeros(1), np.zeros(1), 4.0, name="rest", colour="text"),
                *self._end(frame, colour),
            ]
        )  # fmt: skip
        self.plane.set_handles([Handle("start", query.x, query.y, "accent", "xy", "Start of both players")])
        self._draw_values(frame, query)
        self.distances.set_axes(
            "step", "distance from rest", (0.0, float(max(query.steps, 1))), (1e-3, 1e2), log_y=True
        )
        count = np.arange(frame.distances.shape[1], dtype=float)
        lines = [
            Line(count, np.maximum(run, 1e-4), 2.6 if rule == query.rule else 1.2, name=rule, colour=COLOURS[rule])
            for rule, run in zip(concept.RULES, frame.distances, strict=True)
        ]
        self.distances.set_marks([Rule(start, "y", colour="edge", dashed=True), *lines])

    def _end(self, frame: concept.DynamicsFrame, colour: int) -> list[Dots]:
        there = np.isfinite(frame.x).nonzero()[0][-1:]
        return [Dots(frame.x[there], frame.y[there], 5.0, colour=colour)]

    def _draw_values(self, frame: concept.DynamicsFrame, query: concept.DynamicsQuery) -> None:
        modulus = frame.numbers["modulus"]
        far = 1.15 * float(max(np.abs(frame.real - 1.0).max(), np.abs(frame.imaginary).max()))
        reach = ladder(far, (0.35, 1.25, 2.6, 7.0))
        across = (1.0 - 1.4 * reach, 1.0 + 0.6 * reach) if reach < 1 else (-reach, max(reach, 1.6))
        self.values.set_axes("real part", "imaginary part", across, (-reach, reach), equal=True)
        others = [
            Dots(frame.all_real[2 * at : 2 * at + 2], frame.all_imaginary[2 * at : 2 * at + 2], 3.5, hollow=True,
                 colour=COLOURS[rule])
            for at, rule in enumerate(concept.RULES) if rule != query.rule
        ]  # fmt: skip
        verdict = "outwards" if modulus > 1 + 1e-9 else "inwards" if modulus < 1 - 1e-9 else "neither in nor out"
        self.values.set_marks(
            [
                Rule(0.0, "y", width=1.0, colour="edge"),
                Rule(0.0, width=1.0, colour="edge"),
                Line(np.cos(TURN), np.sin(TURN), 1.6, free=True, name="modulus 1", colour="muted"),
                *others,
                Dots(frame.real, frame.imaginary, 5.5, name=f"one step, {query.rule}: {verdict}",
                     colour=COLOURS[query.rule]),
            ]
        )  # fmt: skip
