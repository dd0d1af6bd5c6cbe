"""Bayes' rule: on a table, on a test, on the plane; generative against discriminative classifiers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
from PySide6.QtWidgets import QGridLayout, QWidget

from app.page import Page, PageState
from app.pageparts import bayes_plane as planes
from app.pageparts import bayes_table as tables
from app.pageparts.bayes_words import SECTIONS
from app.shell import theme
from app.widgets.figure import Figure, Handle
from app.widgets.figuremarks import Dots, Rule
from gm_core import api
from gm_core.concepts import bayes as concept
from gm_core.concepts import bayes_learning as learning
from gm_core.concepts import bayes_plane as plane
from gm_core.concepts.base import ConceptFrame, Query
from gm_core.concepts.bayes_world import World

PRESSURE = Literal["very low", "low", "high", "very high"]
WEATHER = Literal["sun", "cloud", "rain"]


class BayesState(PageState):
    """A joint table, a test, two classes on the plane, and a training set."""

    joint: tuple[float, ...] = api.param(
        concept.EXAMPLES["weather"], "Probabilities of the table, row by row.", lo=0.0, hi=1.0
    )
    table: Literal["weather", "independent", "deterministic", "by hand"] = api.param(
        "weather", "A table to begin with; dragging a cell makes it one's own."
    )
    pressure: PRESSURE = api.param("very low", "The column that is looked at: x, the air pressure.")
    weather: WEATHER = api.param("rain", "The row that is looked at: y, the weather.")
    cell: float = api.param(0.2, "Probability of the cell; all others keep their proportions.", lo=0.0, hi=0.97)
    prior: float = api.param(0.01, "Share of people who are ill.", lo=1e-4, hi=0.5, log=True)
    sensitivity: float = api.param(0.9, "Share of the ill whose test is positive.", lo=0.01, hi=0.999)
    specificity: float = api.param(0.95, "Share of the healthy whose test is negative.", lo=0.01, hi=0.999)
    tests: int = api.param(1, "Independent tests in a row.", lo=1, hi=5)
    mu_0: tuple[float, float] = api.param((-0.5, -0.9), "Mean of class 0.", lo=-4.0, hi=4.0)
    mu_1: tuple[float, float] = api.param((0.5, 0.9), "Mean of class 1.", lo=-4.0, hi=4.0)
    probe: tuple[float, float] = api.param((1.2, 0.4), "The point x.", lo=-4.0, hi=4.0)
    stranger: tuple[float, float] = api.param((5.0, 6.0), "The point x, near or far.", lo=-10.0, hi=10.0)
    p_1: float = api.param(0.5, "p(y=1), how frequent class 1 is.", lo=0.02, hi=0.98)
    sigma_0: float = api.param(0.9, "Standard deviation of class 0 along both axes.", lo=0.3, hi=2.0)
    sigma_1: float = api.param(0.9, "Standard deviation of class 1 along both axes.", lo=0.3, hi=2.0)
    rho_0: float = api.param(0.8, "Correlation of the two coordinates within class 0.", lo=-0.9, hi=0.9)
    rho_1: float = api.param(0.8, "Correlation of the two coordinates within class 1.", lo=-0.9, hi=0.9)
    one_covariance: bool = api.param(True, "Class 1 has the covariance of class 0.")
    shows: Literal["posterior", "evidence", "likelihoods"] = api.param(
        "posterior", "Ground of the plane: p(y=1|x), p(x), or p(x|y=1) − p(x|y=0)."
    )
    x_1: float = api.param(1.5, "The coordinate that is known.", lo=-4.0, hi=4.0)
    turned_away: float = api.param(
        0.01, "Share of true data that may be turned away as none of these.", lo=0.0005, hi=0.3, log=True
    )
    truth: learning.Truth = api.param(
        "own", "Where examples come from: Gaussians with one covariance or one each, or a class with outliers."
    )
    idle_coordinates: int = api.param(
        0, "Further coordinates that tell nothing about the class.", lo=0, hi=learning.IDLE
    )
    n: int = api.param(32, "Training examples, half of either class.", lo=4, hi=1024, log=True)


class BayesPage(Page):
    """Six sections: table, test, plane, learning curves, a missing coordinate, none of the classes."""

    name = "bayes"
    State = BayesState
    sections = SECTIONS

    def set(self, **changes: Any) -> None:
        """As every page; a table, its cell and its name follow one another."""
        s = self._now()
        if changes.get("table", "by hand") != "by hand":
            changes["joint"] = concept.EXAMPLES[changes["table"]]
        elif "cell" in changes:
            value = min(max(float(changes["cell"]), 0.0), 0.97)
            at = _at(changes.get("pressure", s.pressure), changes.get("weather", s.weather))
            changes |= {"joint": concept.with_cell(s.joint, at, value), "table": "by hand"}
        if {"joint", "pressure", "weather"} & changes.keys():
            at = _at(changes.get("pressure", s.pressure), changes.get("weather", s.weather))
            changes["cell"] = changes.get("joint", s.joint)[at]
        super().set(**changes)

    def build(self, section: str) -> QWidget:
        """The figures of a section."""
        return {
            "table": self._build_table, "test": self._build_test, "plane": self._build_plane,
            "learning": self._build_learning, "missing": self._build_missing, "none": self._build_outside,
        }[section]()  # fmt: skip

    def _build_table(self) -> QWidget:
        self.joint = tables.JointTable()
        self.joint.chosen.connect(self._choose)
        self.joint.dragged.connect(lambda x, y, p: self.set(cell=p))
        self.y_given_x, self.x_given_y = Figure("p(y|x), a column over its sum"), Figure("p(x|y), a row over its sum")
        self.y_given_x.set_axes("", "", (-0.6, 2.6), (0.0, 1.15), names=tables.WEATHERS)
        self.x_given_y.set_axes("", "", (-0.6, 3.6), (0.0, 1.15), names=tables.PRESSURES)
        return _grid(((self.joint, 0, 0, 2, 1), (self.y_given_x, 0, 1, 1, 1), (self.x_given_y, 1, 1, 1, 1)), (3, 2))

    def _build_test(self) -> QWidget:
        self.areas, self.people, self.update_ = Figure("Areas"), Figure("A thousand people"), Figure("Before and after")
        self.areas.set_title("Areas are probabilities")
        self.areas.set_axes("share of people", "positive", (0.0, 1.0), (0.0, 1.0))
        self.people.set_title("1000 people, filled if positive")
        self.people.set_axes("", "", (-1.0, tables.ACROSS), (-1.0, tables.UP), bare=True)
        self.update_.set_axes("p(ill) before the test", "p(ill) after", (1e-4, 0.5), (0.0, 1.0), log_x=True)
        self.areas.moved.connect(self._drag_area)
        self.update_.moved.connect(lambda _key, x, _y: self.set(prior=x))
        return _grid(((self.areas, 0, 0, 1, 1), (self.people, 0, 1, 1, 1), (self.update_, 1, 0, 1, 2)), (1, 1), (5, 4))

    def _build_plane(self) -> QWidget:
        self.plane = _square("Two classes on the plane", 4.0)
        self.first, self.second = Figure("Marginal of x1"), Figure("Conditional of x2 given x1")
        self.first.set_axes("x₁", "", (-4.0, 4.0), (0.0, 0.8))
        self.second.set_axes("x₂", "", (-4.0, 4.0), (0.0, 1.0))
        self.plane.moved.connect(lambda key, x, y: self.set(**{key: (x, y)}))
        self.first.moved.connect(lambda _key, x, _y: self.set(probe=(x, self._now().probe[1])))
        return _grid(((self.plane, 0, 0, 2, 1), (self.first, 0, 1, 1, 1), (self.second, 1, 1, 1, 1)), (5, 3))

    def _build_learning(self) -> QWidget:
        self.sample, self.curve = Figure("Examples and boundaries"), Figure("Learning curves")
        self.sample.set_axes("x₁", "x₂", learning.REACH[:2], learning.REACH[2:], equal=True)
        self.curve.set_axes("training examples", "error on fresh data", (3.6, 1150.0), (0.05, 0.5), log_x=True)
        self.curve.moved.connect(lambda _key, x, _y: self.set(n=x))
        return _grid(((self.sample, 0, 0, 1, 1), (self.curve, 0, 1, 1, 1)), (1, 1), (1,))

    def _build_missing(self) -> QWidget:
        self.lacking = _square("An example whose x2 is missing", 4.0)
        self.told, self.errors = Figure("What is said of y"), Figure("How often each way errs")
        self.told.set_axes("x₁", "p(y=1)", (-4.0, 4.0), (0.0, 1.0))
        self.errors.set_axes("", "error", (-0.6, 3.6), (0.0, 1.0), names=planes.WAYS)
        self.lacking.moved.connect(self._drag_lacking)
        return _grid(((self.lacking, 0, 0, 2, 1), (self.told, 0, 1, 1, 1), (self.errors, 1, 1, 1, 1)), (5, 3))

    def _build_outside(self) -> QWidget:
        self.sure, self.knows = _square("p(y=1|x) far and wide", 10.0), _square("p(x) far and wide", 10.0)
        self.sure.set_title("p(y|x): one of the two")
        self.knows.set_title("p(x): or neither")
        self.way, self.fall = Figure("How sure, on the way out"), Figure("ln p(x), on the way out")
        self.way.set_axes("distance from the middle", "", (0.0, 15.0), (0.45, 1.05))
        self.fall.set_axes("distance from the middle", "", (0.0, 15.0), (planes.LOWEST, 0.0))
        for figure in (self.sure, self.knows):
            figure.moved.connect(lambda key, x, y: self.set(**{key: (x, y)}))
        boxes = ((self.sure, 0, 0, 1, 1), (self.knows, 0, 1, 1, 1), (self.way, 1, 0, 1, 1), (self.fall, 1, 1, 1, 1))
        return _grid(boxes, (1, 1), (3, 2))

    def queries(self) -> Mapping[str, Query]:
        """What the section that is open shows."""
        s = self._now()
        world = World(s.mu_0, s.mu_1, s.sigma_0, s.sigma_1, s.rho_0, s.rho_1, s.one_covariance, s.p_1)
        if s.section == "table":
            whole = len(s.joint) == concept.ROWS * concept.COLUMNS and sum(s.joint) > 0
            joint = s.joint if whole else concept.EXAMPLES["weather"]
            column, row = tables.PRESSURES.index(s.pressure), tables.WEATHERS.index(s.weather)
            return {"table": concept.TableQuery(0, joint, column, row)}
        if s.section == "test":
            return {"test": concept.MedicalQuery(0, s.prior, s.sensitivity, s.specificity, s.tests)}
        if s.section == "plane":
            return {"plane": plane.PlaneQuery(0, world, s.probe)}
        if s.section == "learning":
            return {
                "fit": learning.FitQuery(s.seed, s.truth, s.idle_coordinates, s.n),
                "curve": learning.CurveQuery(0, s.truth, s.idle_coordinates),
            }
        if s.section == "missing":
            return {"missing": plane.MissingQuery(0, world, s.x_1)}
        return {"none": plane.OutsideQuery(0, world, s.stranger, s.turned_away)}

    def draw(self, purpose: str, frame: ConceptFrame) -> None:
        """The figures of the section."""
        s = self._now()
        world = World(s.mu_0, s.mu_1)
        if isinstance(frame, concept.TableFrame):
            self._draw_table(s, frame)
        elif isinstance(frame, concept.MedicalFrame):
            n = dict(frame.numbers)
            self.areas.set_marks(tables.area_marks(n))
            self.areas.set_handles(tables.area_handles(n))
            self.people.set_marks(tables.people_marks(frame.people))
            self.update_.set_marks(tables.update_marks(frame))
            self.update_.set_handles([Handle("prior", s.prior, n["posterior"], tables.ILL, "x", "Belief before")])
        elif isinstance(frame, plane.PlaneFrame):
            self._draw_plane(s, frame, world)
        elif isinstance(frame, learning.FitFrame | learning.CurveFrame):
            self._draw_learning(s)
        elif isinstance(frame, plane.MissingFrame):
            self.lacking.set_marks(planes.missing_marks(frame))
            known = Handle("x_1", s.x_1, -3.7, "accent", "x", "The coordinate that is known")
            self.lacking.set_handles([*planes.mean_handles(world), known])
            self.told.set_marks(planes.told_marks(frame))
            self.errors.set_marks(planes.error_marks(frame))
        elif isinstance(frame, plane.OutsideFrame):
            point = Handle("stranger", *s.stranger, "accent", "xy", "The point x")
            for figure, marks in zip((self.sure, self.knows), planes.outside_marks(frame, s.stranger), strict=True):
                figure.set_marks(marks)
                figure.set_handles([*planes.mean_handles(world), point])
            for figure, marks in zip((self.way, self.fall), planes.way_out_marks(frame), strict=True):
                figure.set_marks(marks)

    def colours(self) -> Mapping[str, str]:
        """Numbers of a class in its colour."""
        series = theme.current().series
        if self.settings.section == "test":
            return {name: series[tables.ILL] for name in ("hit", "prior")} | {
                name: series[tables.WELL] for name in ("false_alarm", "well")
            }
        if self.settings.section == "missing":
            return {"summed": series[2], "filled": series[4], "error_summed": series[2], "error_filled": series[4]}
        return {"error_shared": series[2], "error_own": series[3], "error_logistic": theme.current().text}

    # ---- drawing

    def _draw_table(self, s: BayesState, frame: concept.TableFrame) -> None:
        x, y = tables.PRESSURES.index(s.pressure), tables.WEATHERS.index(s.weather)
        self.joint.show_table(frame, x, y)
        self.y_given_x.set_title(f"p(y | {s.pressure} pressure)")
        self.y_given_x.set_marks(tables.conditional_marks(frame.y_given_x[:, x], frame.p_y, y, (0, 1, 2)))
        self.x_given_y.set_title(f"p(x | {s.weather})")
        self.x_given_y.set_marks(tables.conditional_marks(frame.x_given_y[y], frame.p_x, x, (y,) * concept.COLUMNS))

    def _draw_plane(self, s: BayesState, frame: plane.PlaneFrame, world: World) -> None:
        self.plane.set_marks(planes.plane_marks(frame, s.shows, s.probe))
        self.plane.set_handles([*planes.mean_handles(world), Handle("probe", *s.probe, "accent", "xy", "The point x")])
        names = ("p(x₁, y=0)", "p(x₁, y=1)", "p(x₁)")
        self.first.set_marks(
            [*planes.split_marks(frame.line, frame.first, names), Rule(s.probe[0], dashed=True, colour="accent")]
        )
        self.first.set_handles([Handle("probe", s.probe[0], 0.0, "accent", "x", "x1 of the point")])
        names = ("p(x₂, y=0 | x₁)", "p(x₂, y=1 | x₁)", "p(x₂ | x₁)")
        here = Dots(np.array([s.probe[1]]), np.array([0.0]), 5.0, colour="accent")
        self.second.set_marks([*planes.split_marks(frame.line, frame.conditional, names), here])

    def _draw_learning(self, s: BayesState) -> None:
        fit, curve = self.frames.get("fit"), self.frames.get("curve")
        if isinstance(fit, learning.FitFrame):
            self.sample.set_marks(planes.fit_marks(fit))
        if isinstance(curve, learning.CurveFrame):
            self.curve.set_marks(planes.curve_marks(curve, fit if isinstance(fit, learning.FitFrame) else None, s.n))
            self.curve.set_handles([Handle("n", s.n, 0.05, "accent", "x", "Training examples")])

    # ---- hands

    def _choose(self, x: int, y: int) -> None:
        self.set(pressure=tables.PRESSURES[x], weather=tables.WEATHERS[y])

    def _drag_area(self, key: str, x: float, y: float) -> None:
        root = max(y, 1e-6) ** (1 / self._now().tests)
        self.set(**{"prior": {"prior": x}, "hit": {"sensitivity": root}}.get(key, {"specificity": 1 - root}))

    def _drag_lacking(self, key: str, x: float, y: float) -> None:
        self.set(**({"x_1": x} if key == "x_1" else {key: (x, y)}))

    def _now(self) -> BayesState:
        assert isinstance(self.settings, BayesState)
        return self.settings


def _at(pressure: str, weather: str) -> int:
    return tables.WEATHERS.index(weather) * concept.COLUMNS + tables.PRESSURES.index(pressure)


def _square(name: str, reach: float) -> Figure:
    made = Figure(name)
    made.set_axes("x₁", "x₂", (-reach, reach), (-reach, reach), equal=True)
    return made


def _grid(
    boxes: tuple[tuple[QWidget, int, int, int, int], ...], wide: tuple[int, ...], high: tuple[int, ...] = (1, 1)
) -> QWidget:
    made = QWidget()
    layout = QGridLayout(made)
    layout.setContentsMargins(0, 0, 0, 0)
    for widget, row, column, rows, columns in boxes:
        layout.addWidget(widget, row, column, rows, columns)
    for at, stretch in enumerate(wide):
        layout.setColumnStretch(at, stretch)
    for at, stretch in enumerate(high):
        layout.setRowStretch(at, stretch)
    return made
