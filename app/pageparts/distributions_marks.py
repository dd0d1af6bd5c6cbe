"""What the pictures of Bernoulli, categorical and Gaussian are made of, from their answers."""

from __future__ import annotations

import math

import numpy as np

from app.pageparts.arranging import ink
from app.widgets.figure import Handle
from app.widgets.figuremarks import Bars, Contours, Dots, Image, Line, Mark, Rule, Words
from gm_core.concepts import distributions as discrete
from gm_core.concepts import distributions_gaussian as gaussian

MU, LOG_SIGMA = gaussian.MU_RANGE, gaussian.LOG_SIGMA_RANGE
CORNERS = ("1", "2", "3")
TRIANGLE = np.array([[0.0, 0.0], [1.0, 0.0], [0.5, discrete.HIGH], [0.0, 0.0]])
BESIDE = ((-0.04, -0.04), (1.04, -0.04), (0.5, discrete.HIGH + 0.05))
"""Where the names of the corners stand."""
BELOW = (0.05, 0.2, 0.5, 1.0, 2.0)
"""By how many nats a draw the lines on a surface lie below its top."""
MODEL, COUNTED = 0, 1


def bars_beside(seen: np.ndarray, model: np.ndarray) -> list[Mark]:
    """Shares that were seen and probabilities of the model, outcome by outcome."""
    at = np.arange(len(seen))
    return [
        Bars(at - 0.2, seen, 0.36, name="draws", colour="muted"),
        Bars(at + 0.2, model, 0.36, name="model", colour=MODEL),
    ]


def coin_curve(frame: discrete.BernoulliFrame, truth: float) -> list[Mark]:
    """The likelihood over p with its top, the truth and the way of the gradient."""
    return [
        Line(frame.p, frame.log_likelihood, name="likelihood", colour="text", width=2.2),
        Rule(frame.numbers["mle"], name="share of ones", colour=COUNTED, dashed=True),
        Rule(truth, name="truth", colour="muted", dashed=True),
        Dots(frame.path, frame.path_log_likelihood, 2.6, name="gradient", colour=MODEL),
    ]


def triangle(frame: discrete.CategoricalFrame) -> list[Mark]:
    """The likelihood over all triples of probabilities, with what was counted and the way of the gradient."""
    top = discrete.place(frame.counts / frame.counts.sum())
    likely = np.nan_to_num(np.exp(frame.surface - frame.numbers["best"]))
    return [
        Image(likely, (0.0, 1.0, 0.0, discrete.HIGH), "density", (0.0, 1.0)),
        Line(TRIANGLE[:, 0], TRIANGLE[:, 1], free=True, colour="edge"),
        *(Words(x, y, word, colour="muted", bold=True) for (x, y), word in zip(BESIDE, CORNERS, strict=True)),
        Dots(frame.path[:, 0], frame.path[:, 1], 2.4, name="gradient", colour=MODEL),
        Dots(top[:1], top[1:], 5.0, name="shares that were counted", colour=COUNTED, hollow=True),
    ]


def bell(frame: gaussian.GaussianFrame) -> list[Mark]:
    """The density of the model over the draws."""
    return [
        Line(frame.x, frame.density, fill=True, name="model", colour=MODEL),
        Dots(frame.draws, np.full(len(frame.draws), 0.02), 3.0, name="draws", colour="muted"),
    ]


def gaussian_surface(frame: gaussian.GaussianFrame) -> list[Mark]:
    """The likelihood over mean and ln of the deviation, with its top and the way of the gradient."""
    n, box = frame.numbers, (*MU, *LOG_SIGMA)
    top = np.array([n["mle_mu"], math.log(n["mle_sigma"] + 1e-9)])
    levels = [n["best"] - nats for nats in BELOW]
    return [
        # A tenth of a nat a draw is a shade; far from the top all is equally bad.
        Image(np.exp(np.maximum(frame.surface - n["best"], -6.0)), box, "density", (0.0, 1.0)),
        Contours(frame.surface, box, levels, width=1.0, name="0.05, 0.2, 0.5, 1, 2 nats below", colour="muted"),
        Dots(frame.path[:, 0], frame.path[:, 1], 2.4, name="gradient", colour=MODEL),
        Dots(top[:1], top[1:], 5.0, name="by formula", colour=COUNTED, hollow=True),
    ]


def grey_curves(frame: gaussian.GreyFrame) -> list[Mark]:
    """The formula of a coin over grey values, and the density that it becomes when divided by its integral."""
    return [
        Line(frame.x, frame.density, fill=True, name="continuous Bernoulli, integrates to 1", colour=MODEL),
        Line(frame.x, frame.formula, dashed=True, name="p^x (1−p)^(1−x)", colour=COUNTED),
        Rule(frame.numbers["mean"], name="its mean", colour=MODEL, dashed=True),
        Rule(frame.numbers["p"], name="p", colour=COUNTED, dashed=True),
    ]


def grey_integral(frame: gaussian.GreyFrame) -> list[Mark]:
    """What the formula integrates to, for every p."""
    return [
        Line(frame.p, frame.integral, name="integral of p^x (1−p)^(1−x)", colour=COUNTED, width=2.2),
        Rule(1.0, "y", name="a density", colour=MODEL, dashed=True),
    ]


def tossed(frame: gaussian.GreyFrame) -> list[Mark]:
    """A digit in grey, and a coin tossed for each of its pixels, three times."""
    return [
        Image(ink(picture), (1.1 * k, 1.1 * k + 1, 0.0, 1.0), smooth=False)
        for k, picture in enumerate((frame.digit, *frame.tossed))
    ]


def plane(frame: gaussian.PlaneFrame, mean: tuple[float, float], point: tuple[float, float]) -> list[Mark]:
    """Draws, the ellipses of 1, 2 and 3 deviations, and the way from the mean to the point."""
    rings = [
        Line(ring[:, 0], ring[:, 1], 2.0 - 0.4 * k, free=True, name="" if k else "1, 2, 3 deviations", colour=MODEL)
        for k, ring in enumerate(frame.ellipses)
    ]
    way = np.array([mean, point])
    return [
        Dots(frame.draws[:, 0], frame.draws[:, 1], 1.5, name="draws", colour="muted"),
        *rings,
        Line(way[:, 0], way[:, 1], free=True, dashed=True, colour="text"),
    ]


def plane_handles(frame: gaussian.PlaneFrame, mean: tuple[float, float], point: tuple[float, float]) -> list[Handle]:
    """The mean, the ends of both axes, and the point."""
    ends = frame.ends
    return [
        Handle("mean", *mean, MODEL, "xy", "Mean"),
        Handle("long", float(ends[0, 0]), float(ends[0, 1]), MODEL, "xy", "End of the first axis"),
        Handle("short", float(ends[1, 0]), float(ends[1, 1]), MODEL, "xy", "End of the second axis"),
        Handle("point", *point, "text", "xy", "Point that is scored"),
    ]


def three_terms(frame: gaussian.PlaneFrame) -> list[Mark]:
    """The terms of the log-likelihood and their sum."""
    n = frame.numbers
    terms = np.array([n["constant"], n["volume"], n["distance"], n["log_p"]])
    return [
        Bars(np.arange(3), terms[:3], 0.6, colour=COUNTED),
        Bars(np.array([3]), terms[3:], 0.6, colour="accent"),
        Rule(0.0, "y", colour="edge"),
    ]
