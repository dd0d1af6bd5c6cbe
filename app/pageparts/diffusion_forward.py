"""Pictures of what a schedule keeps, and of the one step back that is known if the data are."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from app.pageparts.arranging import arrange, ink, ladder
from app.widgets.figure import Figure, Handle
from app.widgets.figuremarks import Band, Bars, Dots, Image, Line, Mark, Rule, Words
from gm_core.concepts import diffusion as concept

MINE, LINEAR, COSINE = "accent", "muted", "edge"
DATA, NOISY, BACK = 0, 1, 2
"""Colours of x_0 and what comes from it, of x_t, and of what both say together."""
GAP = 0.12


class SchedulePicture(QWidget):
    """Setter: draw(frame, digit). Signals: bent(tuple of four) by a handle, timed(t) by the handle on the curve."""

    bent = Signal(object)
    timed = Signal(float)

    def __init__(self) -> None:
        super().__init__()
        self.kept, self.ratio = Figure("Share of the variance that is kept"), Figure("Signal to noise")
        self.pictures, self.classes = Figure("A digit"), Figure("Classes")
        self.toy = Figure("Two moons")
        ends = (0.0, float(concept.STEPS))
        self.kept.set_axes("t", "ᾱ", ends, (0.0, 1.04))
        self.ratio.set_axes("t", "ln SNR", ends, (-11.0, 11.0))
        self.pictures.set_axes("", "", (-0.04, 3.04 + 2 * GAP), (-0.2, 1.02), equal=True, bare=True)
        self.classes.set_title("which class?")
        self.classes.set_axes("", "p(class | x at t)", (-0.6, 9.6), (0.0, 1.04), names=[str(k) for k in range(10)])
        self.toy.set_axes("", "", (-3.4, 3.4), (-3.0, 3.0), equal=True)
        self.toy.set_title("two moons at t")
        self.kept.moved.connect(self._moved)
        self._hand = np.zeros(len(concept.HANDLES))
        top = [(self.kept, 3), (self.ratio, 2)]
        arrange([(top, 5), ([(self.pictures, 5), (self.classes, 3), (self.toy, 3)], 4)], self)

    def draw(self, frame: concept.ScheduleFrame, digit: int) -> None:
        """All five figures."""
        n, t = frame.numbers, frame.times
        self._hand = np.asarray(frame.handles, float)
        now = Rule(n["t"], colour="text", dashed=True)
        self.kept.set_marks(
            [
                Line(t, frame.others[0], 1.4, dashed=True, name="linear (Ho et al.)", colour="muted"),
                Line(t, frame.others[1], 1.4, dashed=True, name="cosine", colour="good"),
                Line(t, frame.alpha_bar, 2.6, name="this schedule", colour=DATA),
                now,
            ]
        )
        spots = zip(concept.HANDLES, frame.handles.tolist(), strict=True)
        handles = [Handle(str(k), at, y, DATA, "y", f"Kept at t = {at}") for k, (at, y) in enumerate(spots)]
        self.kept.set_handles([*handles, Handle("t", n["t"], n["alpha_bar"], "accent", "x", "Time t")])
        self.ratio.set_marks(
            [
                Rule(0.0, "y", colour="edge"),
                Line(t, frame.others_log_snr[0], 1.4, dashed=True, colour="muted"),
                Line(t, frame.others_log_snr[1], 1.4, dashed=True, colour="good"),
                Line(t, frame.log_snr, 2.6, colour=DATA),
                now,
                Dots(np.array([n["t"]]), np.array([n["log_snr"]]), 5.0, colour="accent"),
            ]
        )
        marks: list[Mark] = []
        for k, (picture, words) in enumerate(zip(frame.pictures, ("x₀", "x at t", "E[x₀ | x at t]"), strict=True)):
            left = k * (1.0 + GAP)
            marks.append(Image(ink(picture, -1.0), (left, left + 1.0, 0.0, 1.0), smooth=False))
            marks.append(Words(left + 0.5, -0.11, words, colour="text"))
        self.pictures.set_marks(marks)
        own = np.arange(10) == digit
        k = np.arange(10)
        self.classes.set_marks(
            [
                Bars(k[~own], frame.classes[~own], 0.7, colour="muted"),
                Bars(k[own], frame.classes[own], 0.7, colour=DATA),
            ]
        )
        self.toy.set_marks([Dots(frame.toy_noised[:, 0], frame.toy_noised[:, 1], 2.2, labels=frame.labels, alpha=200)])

    def _moved(self, key: str, x: float, y: float) -> None:
        if key == "t":
            self.timed.emit(x)
            return
        at, made = int(key), self._hand.tolist()
        above = made[at - 1] if at else 1.0
        below = made[at + 1] if at + 1 < len(made) else 0.0
        made[at] = min(max(y, below + 0.002), above - 0.002)
        self.bent.emit(tuple(round(v, 4) for v in made))


class PosteriorPicture(QWidget):
    """Setter: draw(frame). Signals: data_moved(x), noisy_moved(x), timed(t) by handles."""

    data_moved = Signal(float)
    noisy_moved = Signal(float)
    timed = Signal(float)

    def __init__(self) -> None:
        super().__init__()
        self.line, self.weights, self.ways = Figure("Densities"), Figure("Weights"), Figure("Bridges")
        self.weights.set_axes("t", "weight", (0.5, concept.FEW + 0.5), (0.0, 1.05))
        self.ways.set_axes("t", "x", (0.0, float(concept.FEW)), (-3.5, 3.5))
        self.line.moved.connect(lambda key, x, _y: (self.data_moved if key == "x_0" else self.noisy_moved).emit(x))
        self.ways.moved.connect(self._bridge_moved)
        self.weights.moved.connect(lambda _key, x, _y: self.timed.emit(x))
        arrange([([(self.line, 1)], 6), ([(self.ways, 3), (self.weights, 2)], 5)], self)

    def draw(self, frame: concept.PosteriorFrame) -> None:
        """All three figures."""
        n = frame.numbers
        tall = max(float(curve.max()) for curve in (frame.posterior, frame.prior, frame.likelihood))
        top = ladder(1.1 * tall, (2.4, 5.0, 10.0, 20.0))
        self.line.set_axes("x at t−1", "density", (-3.5, 3.5), (0.0, top))
        self.line.set_marks(
            [
                Line(frame.x, frame.posterior, 2.4, fill=True, name="posterior", colour=BACK),
                Line(frame.x, frame.prior, name="q(x at t−1 | x₀)", colour=DATA),
                Line(frame.x, frame.likelihood, name="q(x at t | x at t−1), scaled", colour=NOISY),
                Line(frame.x, frame.product, 1.6, dashed=True, name="product, scaled", colour="text"),
                Rule(n["mean"], colour=BACK, dashed=True),
                Words(n["x_0"], 0.09 * top, "x₀", colour="text", bold=True),
                Words(n["x_t"], 0.09 * top, "x at t", colour="text", bold=True),
            ]
        )
        self.line.set_handles(
            [
                Handle("x_0", n["x_0"], 0.0, DATA, "x", "The data x0"),
                Handle("x_t", n["x_t"], 0.0, NOISY, "x", "The noisy value at t"),
            ]
        )
        times = np.arange(len(frame.bridges), dtype=float)
        gaps = np.full((1, frame.bridges.shape[1]), np.nan)
        paths = np.concatenate((frame.bridges, gaps)).T.ravel()
        along = np.tile(np.append(times, np.nan), frame.bridges.shape[1])
        spread = 2.0 * frame.deviation
        self.ways.set_marks(
            [
                Band(times, frame.mean - spread, frame.mean + spread, name="± 2 standard deviations", colour=BACK),
                Line(along, paths, 0.9, free=True, name="step by step from x at t back to x₀", colour="muted"),
                Line(times, frame.mean, 2.4, colour=BACK),
            ]
        )
        self.ways.set_handles(
            [
                Handle("x_0", 0.0, n["x_0"], DATA, "y", "The data x0"),
                Handle("x_t", n["t"], n["x_t"], NOISY, "xy", "The noisy value, and t"),
            ]
        )
        self.weights.set_marks(
            [
                Line(frame.times, frame.weight_0, 2.0, name="x₀", colour=DATA),
                Line(frame.times, frame.weight_t, 2.0, name="x at t", colour=NOISY),
                Line(frame.times, frame.beta, 1.4, dashed=True, name="β, forward", colour="muted"),
                Line(frame.times, frame.beta_back, 2.0, name="β, step back", colour=BACK),
                Rule(n["t"], colour="text", dashed=True),
                *[
                    Dots(np.array([n["t"]]), np.array([n[name]]), 4.0, colour=colour)
                    for name, colour in (("weight_0", DATA), ("weight_t", NOISY))
                ],
            ]
        )
        self.weights.set_handles([Handle("t", n["t"], n["variance"], BACK, "x", "Time t")])

    def _bridge_moved(self, key: str, x: float, y: float) -> None:
        if key == "x_0":
            self.data_moved.emit(y)
            return
        self.timed.emit(x)
        self.noisy_moved.emit(y)
