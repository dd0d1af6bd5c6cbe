"""Two gradients of one ln p(x): in the parameters, which learning follows, and in x, the score, which sampling follows.

p(x) = 1/2 N(x; mu_1, s^2) + 1/2 N(x; mu_2, s^2)
d ln p / d mu_2 = r_2(x) (x - mu_2) / s^2             with r_k(x) the share of peak k at x
d ln p / d x    = -sum_k r_k(x) (x - mu_k) / s^2      no normalising constant: it does not depend on x

Tweedie: E[x_0 | x_t] = (x_t + (1 - abar) d ln p_t / dx_t) / sqrt(abar)          Efron 2011; Ho et al. 2020, Eq. 15
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from gm_core.concepts.base import Column, Columns, ConceptFrame, Query, answers_alone
from gm_core.concepts.diffusion_peaks import Peaks, draws

if TYPE_CHECKING:
    import torch

REACH = 4.0
GRID = 321
LEFT = -1.5
"""Mean of the peak that stays."""


@dataclass(frozen=True, slots=True)
class ScoreQuery(Query):
    """A left peak at LEFT, a right one at `theta`, both of standard deviation `width`; the gradients at x."""

    theta: float = 1.5
    width: float = 0.7
    x: float = 0.4


@dataclass(frozen=True, slots=True)
class ScoreFrame(ConceptFrame):
    """Over x (GRID,): ln p(x; theta) and its slope. Over theta (GRID,), at the one x: ln p(x; theta) and its slope."""

    x: Column
    log_density: Column
    score: Column
    thetas: Column
    log_likelihood: Column
    gradient: Column

    def columns(self) -> Columns:
        """Both curves and both gradients."""
        return {
            "x": self.x, "ln p(x)": self.log_density, "d ln p / dx": self.score,
            "theta": self.thetas, "ln p(x; theta)": self.log_likelihood, "d ln p / d theta": self.gradient,
        }  # fmt: skip


def log_density(x: Column, theta: Column, width: float) -> tuple[Column, Column, Column]:
    """ln p(x; theta), its slope in x and its slope in theta, for x and theta that broadcast."""
    far = [-((x - LEFT) ** 2) / (2 * width**2), -((x - theta) ** 2) / (2 * width**2)]
    both = np.logaddexp(far[0], far[1])
    right = np.exp(far[1] - both)
    value = both - math.log(2.0 * width) - 0.5 * math.log(2 * math.pi)
    in_theta = right * (x - theta) / width**2
    return value, -(1.0 - right) * (x - LEFT) / width**2 - in_theta, in_theta


@answers_alone(ScoreQuery)
def _score(query: ScoreQuery, rng: torch.Generator) -> Iterator[ScoreFrame]:
    line, here, mine = np.linspace(-REACH, REACH, GRID), np.array([query.x]), np.array([query.theta])
    value, in_x, _ = log_density(line, mine, query.width)
    likelihood, _, in_theta = log_density(here, line, query.width)
    at = [float(v[0]) for v in log_density(here, mine, query.width)]
    odds = ((query.x - query.theta) ** 2 - (query.x - LEFT) ** 2) / (2 * query.width**2)
    numbers = {
        "x": query.x, "theta": query.theta, "log_density": at[0], "score": at[1], "gradient": at[2],
        "share": 0.5 * (1.0 - math.tanh(0.5 * odds)),
    }  # fmt: skip
    yield ScoreFrame(numbers, line, value, in_x, line, likelihood, in_theta)


PAIRS = 8000
SEEN = 1200
"""So many of the pairs are drawn as dots."""
STRIPES = 24
WIDTH = 0.25
DISTANCE = 1.2


@dataclass(frozen=True, slots=True)
class TweedieQuery(Query):
    """Two peaks at -DISTANCE and DISTANCE, of which a share `alpha_bar` of the variance is kept, and one x_t."""

    alpha_bar: float = 0.6
    x_t: float = 0.5


@dataclass(frozen=True, slots=True)
class TweedieFrame(ConceptFrame):
    """Drawn pairs (2, SEEN) of x_t and x_0. Over x_t (GRID,): the mean of x_0 by Tweedie's formula, the score and the
    density of x_t. By stripes of x_t: their mean x_t, mean x_0, and its standard error (k,), of all PAIRS."""

    pairs: Column
    x: Column
    mean: Column
    score: Column
    density: Column
    places: Column
    counted: Column
    error: Column

    def columns(self) -> Columns:
        """The curve and the stripes."""
        return {
            "x_t": self.x, "E[x_0|x_t] by Tweedie": self.mean, "score": self.score, "p(x_t)": self.density,
            "stripe at": self.places, "mean of x_0 there": self.counted, "standard error": self.error,
        }  # fmt: skip


@answers_alone(TweedieQuery)
def _tweedie(query: TweedieQuery, rng: torch.Generator) -> Iterator[TweedieFrame]:
    kept = query.alpha_bar
    root, data = math.sqrt(kept), Peaks(DISTANCE, WIDTH)
    noisy = data.noised(kept)
    x0 = data.draw(PAIRS, rng)
    xt = root * x0 + math.sqrt(1.0 - kept) * draws(rng, PAIRS)
    line = np.linspace(-REACH, REACH, GRID)
    score = noisy.score(line)
    stripe = np.clip(((xt + REACH) / (2 * REACH) * STRIPES).astype(np.int64), 0, STRIPES - 1)
    counts = np.bincount(stripe, minlength=STRIPES)
    good = counts >= 20
    n = counts[good]
    places, means, squares = (np.bincount(stripe, v, STRIPES)[good] / n for v in (xt, x0, x0**2))
    here = float(noisy.score(np.array([query.x_t]))[0])
    # The posterior of x_0 in closed form, peak by peak: another way to the same mean.
    turn = math.tanh(noisy.distance * query.x_t / noisy.width**2)
    pull = root * WIDTH**2 / noisy.width**2
    exact = DISTANCE * turn + pull * (query.x_t - noisy.distance * turn)
    numbers = {
        "alpha_bar": kept, "x_t": query.x_t, "score": here, "tweedie": (query.x_t + (1.0 - kept) * here) / root,
        "by_bayes": exact, "noise": -math.sqrt(1.0 - kept) * here,
    }  # fmt: skip
    yield TweedieFrame(
        numbers,
        np.stack((xt[:SEEN], x0[:SEEN])),
        line,
        (line + (1.0 - kept) * score) / root,
        score,
        noisy.density(line),
        places,
        means,
        np.sqrt(np.maximum(squares - means**2, 0.0) / n),
    )
