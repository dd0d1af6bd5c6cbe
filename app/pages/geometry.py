"""Autoencoders as geometry: the best denoiser, what noise bends, and the manifolds that trained ones have learned."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from PySide6.QtWidgets import QGridLayout, QWidget

from app.page import Page, PageState
from app.pageparts import geometry_marks as marks
from app.pageparts.geometry_words import SECTIONS
from app.shell import theme
from app.widgets.figure import Figure, Handle
from gm_core import api
from gm_core.concepts import geometry as concept
from gm_core.concepts import geometry_learned as learned
from gm_core.concepts.base import ConceptFrame, Query
from gm_core.concepts.geometry_shapes import BOX, Shape

PENALTIES = ("0", "0.01", "0.03", "0.1", "0.3", "1")


class GeometryState(PageState):
    """A shape, noise, and which of the trained autoencoders is looked at from where."""

    shape: Shape = api.param("moons", "What the examples lie around.")
    sigma: float = api.param(0.3, "Standard deviation of the noise.", lo=0.08, hi=1.2, log=True)
    steps: int = api.param(10, "How often the denoiser is applied.", lo=1, hi=concept.STEPS)
    probe: tuple[float, float] = api.param((-1.4, -0.6), "The point.", lo=-2.2, hi=2.2)
    noise: float = api.param(0.4, "Standard deviation of the noise around the circle.", lo=0.05, hi=1.2)
    rho: float = api.param(1.8, "Distance of the point from the middle.", lo=0.0, hi=2.2)
    trained_on: Shape = api.param("circle", "What the autoencoder was trained on.")
    noise_level: int = api.param(2, "Which of the trained ones: 0.1, 0.17, 0.3, 0.45, 0.6.", lo=1, hi=5)
    penalty_level: int = api.param(4, "Which of the trained ones: 0, 0.01, 0.03, 0.1, 0.3, 1.", lo=1, hi=6)
    shows: Literal["across", "along", "ratio"] = api.param(
        "across", "Ground: the second singular value, the first, or second over first."
    )
    code: float = api.param(0.3, "A code that is decoded.", lo=0.0, hi=1.0)
    ground: Literal["code", "error"] = api.param("code", "Ground: the code of each place, or |x − r(x)|.")


class GeometryPage(Page):
    """Five sections: the best denoiser, what noise bends, learned to denoise, contractive, one number as code."""

    name = "geometry"
    State = GeometryState
    sections = SECTIONS

    def build(self, section: str) -> QWidget:
        """A plane on the left and two figures beside it."""
        plane = Figure("Plane")
        plane.set_axes("x₁", "x₂", BOX[:2], BOX[2:], equal=True)
        upper = Figure("Upper curves")
        lower = Figure("Lower curves")
        if section == "denoiser":
            self.denoiser = (plane, upper, lower)
            upper.set_axes("steps", "nats", (0.0, float(concept.STEPS)), (-1.0, 11.0))
            lower.set_axes("x₁", "nats", BOX[:2], (-1.0, 11.0))
            lower.moved.connect(lambda _key, x, _y: self.set(probe=(x, self._now().probe[1])))
        elif section == "bend":
            self.bend = (plane, upper, lower)
            upper.set_axes("ρ", "", (0.0, 2.2), (-1.3, 0.9))
            lower.set_axes("σ", "ρ", (0.0, 1.2), (0.0, 1.35))
            upper.moved.connect(lambda _key, x, _y: self.set(rho=x))
            lower.moved.connect(lambda _key, x, _y: self.set(noise=x))
            plane.moved.connect(lambda _key, x, y: self.set(rho=(x**2 + y**2) ** 0.5))
        elif section == "learned":
            self.learned = (plane, upper, lower)
            upper.set_axes("step", "length of the step", (0.0, float(learned.STEPS)), (1e-4, 3.0), log_y=True)
            lower.set_axes("σ", "", (0.08, 0.62), (0.0, 0.2))
        elif section == "contractive":
            self.contractive = (plane, upper, lower)
            for figure in (upper, lower):
                figure.set_axes("λ", "", (-0.3, 5.3), (0.0, 1.15), names=PENALTIES)
        else:
            self.bottleneck = (plane, upper)
            upper.set_axes("code", "", (0.0, 1.0), (-2.0, 2.0))
            upper.moved.connect(lambda _key, x, _y: self.set(code=x))
            plane.moved.connect(lambda _key, x, y: self.set(probe=(x, y)))
            return _beside(plane, upper, None)
        if section != "bend":
            plane.moved.connect(lambda _key, x, y: self.set(probe=(x, y)))
        return _beside(plane, upper, lower)

    def queries(self) -> Mapping[str, Query]:
        """One query for the section that is open."""
        s = self._now()
        if s.section == "denoiser":
            return {"denoiser": concept.DenoiserQuery(0, s.shape, s.sigma, s.probe, s.steps)}
        if s.section == "bend":
            return {"bend": concept.BendQuery(0, s.noise, s.rho)}
        if s.section == "learned":
            return {"learned": learned.LearnedQuery(0, s.shape, s.noise_level, s.probe)}
        if s.section == "contractive":
            return {"contractive": learned.ContractiveQuery(0, s.trained_on, s.penalty_level, s.probe)}
        return {"bottleneck": learned.BottleneckQuery(0, s.trained_on, s.probe, s.code)}

    def draw(self, purpose: str, frame: ConceptFrame) -> None:
        """The figures of the section."""
        s = self._now()
        point = Handle("probe", *s.probe, "accent", "xy", "The point")
        if isinstance(frame, concept.DenoiserFrame):
            plane, upper, lower = self.denoiser
            plane.set_marks(marks.denoiser_marks(frame, s.shape, s.steps))
            for figure, made in zip((upper, lower), marks.climb_marks(frame, s.steps), strict=True):
                figure.set_marks(made)
            lower.set_handles([Handle("x", s.probe[0], frame.numbers["energy"], "accent", "x", "x1 of the point")])
        elif isinstance(frame, concept.BendFrame):
            plane, upper, lower = self.bend
            plane.set_marks(marks.bend_marks(frame))
            point = Handle("probe", s.rho * 0.8, s.rho * 0.6, "accent", "xy", "The point, by its distance")
            for figure, made in zip((upper, lower), marks.radial_marks(frame), strict=True):
                figure.set_marks(made)
            n = frame.numbers
            upper.set_handles([Handle("rho", s.rho, n["pulled"] - s.rho, "accent", "x", "Distance of the point")])
            lower.set_handles([Handle("noise", s.noise, n["rest"], "accent", "x", "Noise")])
        elif isinstance(frame, learned.LearnedFrame):
            plane, upper, lower = self.learned
            plane.set_marks(marks.learned_marks(frame, s.shape))
            for figure, made in zip((upper, lower), marks.learned_curves(frame), strict=True):
                figure.set_marks(made)
        elif isinstance(frame, learned.ContractiveFrame):
            plane, upper, lower = self.contractive
            plane.set_marks(marks.contractive_marks(frame, s.trained_on, s.shows, s.probe))
            for figure, made in zip((upper, lower), marks.singular_marks(frame, s.penalty_level), strict=True):
                figure.set_marks(made)
        elif isinstance(frame, learned.BottleneckFrame):
            plane, upper = self.bottleneck
            plane.set_marks(marks.bottleneck_marks(frame, s.trained_on, s.ground))
            upper.set_marks(marks.coordinate_marks(frame))
            upper.set_handles([Handle("code", s.code, frame.numbers["g_1"], marks.BEST, "x", "Code")])
        else:
            return
        plane.set_handles([point])

    def colours(self) -> Mapping[str, str]:
        """Numbers of the learned and of the best in their colours, and both directions in theirs."""
        series = theme.current().series
        best, mine = (series[c] for c in (marks.BEST, marks.LEARNED) if isinstance(c, int))
        named = {"best_1": best, "best_2": best, "learned_1": mine, "learned_2": mine, "rest": best}
        return named | {"along": series[marks.ALONG], "across": series[marks.ACROSS]}

    def _now(self) -> GeometryState:
        assert isinstance(self.settings, GeometryState)
        return self.settings


def _beside(plane: QWidget, upper: QWidget, lower: QWidget | None) -> QWidget:
    made = QWidget()
    layout = QGridLayout(made)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.addWidget(plane, 0, 0, 2, 1)
    layout.addWidget(upper, 0, 1, 1 if lower is not None else 2, 1)
    if lower is not None:
        layout.addWidget(lower, 1, 1)
        layout.setRowStretch(0, 1)
        layout.setRowStretch(1, 1)
    layout.setColumnStretch(0, 5)
    layout.setColumnStretch(1, 3)
    return made
