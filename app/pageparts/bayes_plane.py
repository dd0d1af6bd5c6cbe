"""Two classes on the plane: maps, boundaries and curves of the page on Bayes' rule."""

from __future__ import annotations

import numpy as np

from app.widgets.figure import Handle
from app.widgets.figuremarks import Bars, Contours, Dots, Image, Line, Mark, Rule, Words
from gm_core.concepts import bayes_learning as learning
from gm_core.concepts import bayes_plane as concept
from gm_core.concepts.bayes_world import World

NEAR = (-concept.REACH, concept.REACH, -concept.REACH, concept.REACH)
FAR = (-concept.WIDE, concept.WIDE, -concept.WIDE, concept.WIDE)
SIGMAS = (np.exp(-2.0), np.exp(-0.5))
"""Heights of a Gaussian, as parts of its top, at two and at one standard deviation."""
LOWEST = -30.0
"""ln p(x) below this looks the same."""
WAYS = ("both seen", "summed", "mean", "E[x₂|x₁]")
"""What is done about x_2."""
WAY_COLOURS: tuple[int | str, ...] = ("muted", 2, 4, 3)
RULE_NAMES = ("Gaussians, one covariance", "Gaussians, one each", "logistic regression")
RULE_COLOURS: tuple[int | str, ...] = (2, 3, "text")


def posterior_map(values: np.ndarray, extent: tuple[float, float, float, float] = NEAR) -> list[Mark]:
    """p(y=1|x) in the colours of the classes, with the line at one half."""
    return [
        Image(values, extent, "diverging", (-0.35, 1.35)),
        Contours(values, extent, (0.5,), 2.0, name="p(y|x) = ½", colour="text"),
    ]


def class_rings(classes: np.ndarray) -> list[Mark]:
    """One and two standard deviations of either class."""
    return [
        Contours(values, NEAR, [float(values.max()) * s for s in SIGMAS], 1.6, name=f"p(x|y={k})", colour=k)
        for k, values in enumerate(classes)
    ]


def mean_handles(world: World) -> list[Handle]:
    """The middles of both classes."""
    return [
        Handle("mu_0", *world.mean_0, 0, "xy", "Mean of class 0"),
        Handle("mu_1", *world.mean_1, 1, "xy", "Mean of class 1"),
    ]


def plane_marks(frame: concept.PlaneFrame, shows: str, probe: tuple[float, float]) -> list[Mark]:
    """The plane with what should be seen of it as ground."""
    ground: list[Mark] = posterior_map(frame.posterior)
    if shows == "evidence":
        ground[0] = Image(frame.density, NEAR, "density", (0.0, max(float(frame.density.max()), 0.05)))
    elif shows == "likelihoods":
        most = max(float(frame.classes.max()), 1e-6)
        ground[0] = Image((frame.classes[1] - frame.classes[0]) / most, NEAR, "diverging", (-1.0, 1.0))
    return [*ground, *class_rings(frame.classes), Rule(probe[0], dashed=True, colour="accent")]


def split_marks(line: np.ndarray, parts: np.ndarray, names: tuple[str, str, str]) -> list[Mark]:
    """A density over one coordinate and the two parts, one of each class, that it is the sum of."""
    return [
        Line(line, parts.sum(0), 1.6, name=names[2], colour="text"),
        Line(line, parts[0], fill=True, name=names[0], colour=0),
        Line(line, parts[1], fill=True, name=names[1], colour=1),
    ]


def missing_marks(frame: concept.MissingFrame) -> list[Mark]:
    """The plane, with all the places where the example may lie, and where two guesses put it."""
    n = frame.numbers
    return [
        *posterior_map(frame.posterior),
        *class_rings(frame.classes),
        Rule(n["x"], name="known: x₁", colour="accent"),
        Rule(n["mean"], "y", dashed=True, colour=WAY_COLOURS[2]),
        Dots(np.array([n["x"]]), np.array([n["mean"]]), 5.0, name="x₂ := mean", colour=WAY_COLOURS[2]),
        Dots(np.array([n["x"]]), np.array([n["guess"]]), 5.0, name="x₂ := E[x₂|x₁]", colour=WAY_COLOURS[3]),
    ]


def told_marks(frame: concept.MissingFrame) -> list[Mark]:
    """What the three ways say of every x_1."""
    n = frame.numbers
    curves = ((frame.summed, 1, "summed"), (frame.filled, 2, "filled"), (frame.guessed, 3, "guessed"))
    marks: list[Mark] = [Rule(0.5, "y", colour="edge"), Rule(n["x"], colour="accent")]
    for values, way, key in curves:
        colour = WAY_COLOURS[way]
        marks.append(Line(frame.x, values, 2.6 if way == 1 else 1.8, name=WAYS[way], colour=colour))
        marks.append(Dots(np.array([n["x"]]), np.array([n[key]]), 4.0, colour=colour))
    return marks


def error_marks(frame: concept.MissingFrame) -> list[Mark]:
    """How often each way errs, beside a coin."""
    marks: list[Mark] = [Rule(0.5, "y", dashed=True, name="a coin", colour="muted")]
    for at, (value, colour) in enumerate(zip(frame.errors, WAY_COLOURS, strict=True)):
        marks.append(Bars(np.array([at]), np.array([value]), 0.6, colour=colour))
        marks.append(Words(at, float(value) + 0.055, f"{value:.3f}", colour="text"))
    return marks


def outside_marks(frame: concept.OutsideFrame, at: tuple[float, float]) -> tuple[list[Mark], list[Mark]]:
    """Two maps of the same plane with what either says of the point: p(y|x), and p(x)."""
    n = frame.numbers
    sure = posterior_map(frame.posterior, FAR)
    knows: list[Mark] = [
        Image(np.maximum(frame.log_density, LOWEST), FAR, "density", (LOWEST, 0.0)),
        Contours(frame.log_density, FAR, (n["level"],), 2.0, name="threshold of ln p(x)", colour="text"),
    ]
    place = at[1] + (1.5 if at[1] < concept.WIDE - 2.5 else -1.5)
    said = f"class {int(n['posterior'] > 0.5)}, {_surely(n['sure'])}"
    verdict = "one of them" if n["inside"] else "none of these"
    return (
        [*sure, Words(at[0], place, said, colour="text", bold=True)],
        [*knows, Words(at[0], place, verdict, colour="text", bold=True)],
    )


def _surely(p: float) -> str:
    return "surely" if p > 0.999 else f"{100 * p:.0f} %"


def way_out_marks(frame: concept.OutsideFrame) -> tuple[list[Mark], list[Mark]]:
    """The same two along the way from the middle through the point."""
    n = frame.numbers
    here = Rule(n["distance"], colour="accent")
    sure = [
        here,
        Line(frame.distance, frame.sure, 2.2, name="p(likelier class | x)", colour="text"),
        Dots(np.array([n["distance"]]), np.array([n["sure"]]), 4.5, colour="accent"),
    ]
    known = [
        here,
        Rule(n["level"], "y", dashed=True, name="threshold", colour="text"),
        Line(frame.distance, np.maximum(frame.log_along, 4 * LOWEST), 2.2, name="ln p(x)", colour=2),
        Dots(np.array([n["distance"]]), np.array([max(n["log_density"], LOWEST)]), 4.5, colour="accent"),
    ]
    return sure, known


def fit_marks(frame: learning.FitFrame) -> list[Mark]:
    """The examples and the boundaries that were made of them."""
    size = 4.0 if len(frame.y) <= 64 else 2.6
    marks: list[Mark] = []
    for k in (0, 1):
        some = frame.y == k
        marks.append(Dots(frame.x[some, 0], frame.x[some, 1], size, alpha=170, name=f"y = {k}", colour=k))
    marks.append(Contours(frame.true_odds, learning.REACH, (0.0,), 1.4, dashed=True, name="best", colour="muted"))
    for odds, name, colour in zip(frame.odds, RULE_NAMES, RULE_COLOURS, strict=True):
        marks.append(Contours(odds, learning.REACH, (0.0,), 2.0, name=name, colour=colour))
    return marks


def curve_marks(curve: learning.CurveFrame, fit: learning.FitFrame | None, n: int) -> list[Mark]:
    """The mean errors with their standard errors, the least error of all, and this one training set's errors."""
    marks: list[Mark] = [
        Rule(curve.numbers["least"], "y", dashed=True, name="least of all", colour="muted"),
        Rule(float(n), colour="edge"),
    ]
    for at, (name, colour) in enumerate(zip(RULE_NAMES, RULE_COLOURS, strict=True)):
        marks.append(Line(curve.n, curve.mean[at], 2.0, name=name, colour=colour))
        marks.append(Dots(curve.n, curve.mean[at], 2.5, np.nan_to_num(curve.error[at]), colour=colour))
        if fit is not None:
            value = fit.numbers[f"error_{learning.RULES[at]}"]
            marks.append(Dots(np.array([float(n)]), np.array([value]), 5.0, hollow=True, colour=colour))
    return marks
