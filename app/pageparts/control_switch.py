"""A mixture on a line, made from a switch: what each setting adds, what x tells about the switch, and in nats."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from app.pageparts.arranging import arrange
from app.widgets.figure import Figure, Handle
from app.widgets.figuremarks import Bars, Dots, Line, Mark, Rule
from gm_core.concepts import control_switch as concept

TOP, LOW = 0.46, -0.08
SPREAD = float(np.sqrt(2 * np.pi))
SETTINGS = tuple(f"z = {k + 1}" for k in range(concept.KINDS))
ENDS = (-concept.REACH, concept.REACH)


class SwitchPicture(QWidget):
    """Setter: draw(frame, mu, sigma). Signals: shaped(number from 0, mean, standard deviation) when a top is dragged,
    looked(x) when the place is."""

    shaped = Signal(int, float, float)
    looked = Signal(float)

    def __init__(self) -> None:
        super().__init__()
        self.joint, self.posterior = Figure("Joint and marginal"), Figure("Posterior of the switch over x")
        self.here, self.nats = Figure("The switch before and after x is seen"), Figure("Nats about the switch")
        self.joint.set_axes("x", "density", ENDS, (LOW, TOP))
        self.posterior.set_axes("x", "p(z|x)", ENDS, (0.0, 1.0))
        self.here.set_axes("", "", (-0.6, concept.KINDS - 0.4), (0.0, 1.0), names=SETTINGS)
        self.nats.set_axes("", "nats", (-0.6, 2.6), (0.0, 1.2), names=("H(z)", "H(z|x) here", "I(x;z)"))
        self.joint.moved.connect(self._move)
        self.posterior.moved.connect(lambda _key, x, _y: self.looked.emit(x))
        for figure in (self.joint, self.posterior):
            figure.clicked.connect(lambda x, _y: self.looked.emit(x))
        arrange([([(self.joint, 5), (self.here, 3)], 3), ([(self.posterior, 5), (self.nats, 3)], 2)], self)
        self._prior = np.full(concept.KINDS, 1 / concept.KINDS)

    def draw(self, frame: concept.SwitchFrame, mu: tuple[float, ...], sigma: tuple[float, ...]) -> None:
        """Everything."""
        n, x = frame.numbers, frame.numbers["x"]
        kinds = range(concept.KINDS)
        self._prior = np.asarray(frame.prior_here)
        lanes = LOW * (0.25 + 0.25 * frame.switches)
        marks: list[Mark] = [Rule(0.0, "y", colour="edge")]
        marks += [Line(frame.x, frame.joint[k], fill=True, name=f"p(z={k + 1}, x)", colour=k) for k in kinds]
        marks += [Line(frame.x, frame.marginal, width=2.6, name="p(x)", colour="text")]
        marks += [
            Dots(frame.drawn[frame.switches == k], lanes[frame.switches == k], 1.8, alpha=170, colour=k) for k in kinds
        ]
        self.joint.set_marks([*marks, Rule(x, colour="text", dashed=True)])
        tops = [min(self._prior[k] / (sigma[k] * SPREAD), 0.96 * TOP) for k in kinds]
        self.joint.set_handles(
            [Handle(str(k), mu[k], float(tops[k]), k, "xy", f"Top of {SETTINGS[k]}: mean and height") for k in kinds]
            + [Handle("x", x, min(n["p_x"], 0.96 * TOP), "text", "x", "Place that is looked at")]
        )
        over: list[Mark] = [
            Line(frame.x, frame.posterior[k], fill=True, name=f"p(z={k + 1}|x)", colour=k) for k in kinds
        ]
        self.posterior.set_marks([*over, Rule(x, colour="text", dashed=True)])
        self.posterior.set_handles([Handle("x", x, 0.5, "text", "x", "Place that is looked at")])
        at = np.arange(concept.KINDS)
        seen: list[Mark] = [Bars(at - 0.2, frame.prior_here, 0.36, name="p(z), before", colour="muted")]
        seen += [Bars(np.array([k + 0.2]), frame.posterior_here[k : k + 1], 0.36, colour=k) for k in kinds]
        self.here.set_title("Before and after x is seen")
        self.here.set_marks(seen)
        told = np.array([n["h_z"], n["h_here"], n["information"]])
        self.nats.set_marks(
            [Bars(np.arange(3), told, 0.6, colour="accent"), Rule(n["h_z"], "y", colour="edge", dashed=True)]
        )

    def _move(self, key: str, x: float, y: float) -> None:
        if key == "x":
            self.looked.emit(x)
        else:
            k = int(key)
            self.shaped.emit(k, x, float(self._prior[k]) / (max(y, 0.004) * SPREAD))
