"""Gaussians on a line and on the plane, and grey values taken for probabilities.

    ln N(x; mu, S) = -D/2 ln 2 pi - 1/2 ln det S - 1/2 (x - mu)^T S^-1 (x - mu)

Likelihood is highest at the mean of the data and their mean squared distance from it (1/N, not 1/(N - 1)). The formula
p^x (1 - p)^(1 - x) for a grey value x in [0, 1] integrates to (2p - 1) / ln(p / (1 - p)) and not to 1: divided by
that it is the continuous Bernoulli (Loaiza-Ganem and Cunningham 2019).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from gm_core.concepts import small_digits
from gm_core.concepts.base import Column, Columns, ConceptFrame, Query, answers_alone, normal_density

if TYPE_CHECKING:
    import torch

MU_RANGE, LOG_SIGMA_RANGE = (-3.0, 3.0), (math.log(0.2), math.log(4.0))
GRID = 64
CURVE = 201
STEPS = 80
PLANE = 4.0
ELLIPSE = 121


@dataclass(frozen=True, slots=True)
class GaussianQuery(Query):
    """`samples` draws of N(true_mu, true_sigma^2); the model says (mu, sigma) and follows the gradient of the mean
    log-likelihood in (mu, ln sigma) at `rate`."""

    true_mu: float = 0.5
    true_sigma: float = 1.0
    samples: int = 20
    mu: float = -1.5
    sigma: float = 2.0
    rate: float = 0.2


@dataclass(frozen=True, slots=True)
class GaussianFrame(ConceptFrame):
    """Mean log-likelihood in nats over ln sigma (rows) and mu (columns) (GRID, GRID), row 0 lowest; the draws (n,);
    the way of the gradient (STEPS + 1, 2) as mu, ln sigma; the model's density over x (CURVE,)."""

    surface: Column
    draws: Column
    path: Column
    x: Column
    density: Column

    def columns(self) -> Columns:
        """Draws and the way up."""
        return {"draws": self.draws, "mu along the gradient": self.path[:, 0], "ln sigma along it": self.path[:, 1]}


@answers_alone(GaussianQuery)
def _gaussian(query: GaussianQuery, rng: torch.Generator) -> Iterator[GaussianFrame]:
    import torch

    noise = torch.randn(query.samples, generator=rng, dtype=torch.float64).numpy()
    draws = query.true_mu + query.true_sigma * noise
    mean, var = float(draws.mean()), float(draws.var())

    def score(mu: Column | float, log_sigma: Column | float) -> Column:
        off = var + (mean - np.asarray(mu)) ** 2
        found: Column = -0.5 * math.log(2 * math.pi) - log_sigma - 0.5 * off * np.exp(-2 * np.asarray(log_sigma))
        return found

    at, path = np.array([query.mu, math.log(query.sigma)]), []
    for _ in range(STEPS + 1):
        path.append(at)
        precision = math.exp(-2 * at[1])
        step = np.array([(mean - at[0]) * precision, (var + (mean - at[0]) ** 2) * precision - 1])
        at = at + query.rate * np.clip(step, -5.0, 5.0)  # far off the slope is so steep that a step would leap
        at[1] = min(max(at[1], LOG_SIGMA_RANGE[0]), LOG_SIGMA_RANGE[1])
    mus = np.linspace(*MU_RANGE, GRID)
    logs = np.linspace(*LOG_SIGMA_RANGE, GRID)
    x = np.linspace(-6.0, 6.0, CURVE)
    here = float(score(query.mu, math.log(query.sigma)))
    numbers = {
        "each": here, "log_likelihood": query.samples * here, "mle_mu": mean, "mle_sigma": math.sqrt(var),
        "unbiased": math.sqrt(var * query.samples / max(1, query.samples - 1)), "mu": query.mu, "sigma": query.sigma,
        "best": float(score(mean, 0.5 * math.log(max(var, 1e-12)))), "n": query.samples,
        "reached_mu": float(path[-1][0]), "reached_sigma": math.exp(path[-1][1]),
    }  # fmt: skip
    density = normal_density(x, query.mu, query.sigma)
    yield GaussianFrame(numbers, score(mus[None], logs[:, None]), draws, np.array(path), x, density)


@dataclass(frozen=True, slots=True)
class GreyQuery(Query):
    """A grey value x under the formula of a Bernoulli with probability p; and the digit number `example`."""

    p: float = 0.8
    x: float = 0.5
    example: int = 3


@dataclass(frozen=True, slots=True)
class GreyFrame(ConceptFrame):
    """Over x (CURVE,): the formula and the density. Over p (CURVE,): what the formula integrates to. A digit in grey
    (8, 8), three coin tosses of it (3, 8, 8)."""

    x: Column
    formula: Column
    density: Column
    p: Column
    integral: Column
    digit: Column
    tossed: Column

    def columns(self) -> Columns:
        """The curves."""
        return {
            "x": self.x, "p^x (1-p)^(1-x)": self.formula, "density": self.density, "p": self.p,
            "integral": self.integral,
        }  # fmt: skip


def integral(p: Column) -> Column:
    """Of p^x (1 - p)^(1 - x) over x in [0, 1]: (1 - p) times that of e^(l x), l the logit of p; 1/2 at p = 1/2."""
    import torch

    from gm_core.maths.continuous_bernoulli import log_normaliser

    logit = torch.from_numpy(np.log(p) - np.log1p(-p))
    made: Column = (1 - p) * log_normaliser(logit).exp().numpy()
    return made


@answers_alone(GreyQuery)
def _grey(query: GreyQuery, rng: torch.Generator) -> Iterator[GreyFrame]:
    import torch

    from gm_core.maths.continuous_bernoulli import mean as mean_of

    x, p = np.linspace(0.0, 1.0, CURVE), np.linspace(0.005, 0.995, CURVE)
    formula = query.p**x * (1 - query.p) ** (1 - x)
    whole = float(integral(np.array([query.p]))[0])
    here = query.p**query.x * (1 - query.p) ** (1 - query.x)
    mean = float(mean_of(torch.tensor(math.log(query.p) - math.log1p(-query.p), dtype=torch.float64)))
    values, _ = small_digits.grey()
    digit = values[query.example % len(values)].reshape(small_digits.SIDE, small_digits.SIDE)
    uniform: npt.NDArray[np.float64] = torch.rand(3, 8, 8, generator=rng, dtype=torch.float64).numpy()
    numbers = {
        "value": here, "log_value": math.log(here), "integral": whole, "constant": 1 / whole, "density": here / whole,
        "mean": mean, "p": query.p, "lost": -math.log(whole),
        "lost_image": float(-np.log(integral(_inside(digit))).sum()),
    }  # fmt: skip
    yield GreyFrame(numbers, x, formula, formula / whole, p, integral(p), digit, (uniform < digit).astype(np.float64))


def _inside(p: Column) -> Column:
    return np.asarray(np.clip(p, 1e-3, 1 - 1e-3), np.float64)


@dataclass(frozen=True, slots=True)
class PlaneQuery(Query):
    """A Gaussian on the plane with standard deviations `long` and `short` along axes turned by `angle` degrees, and a
    point (x, y)."""

    mu_x: float = 0.3
    mu_y: float = -0.2
    long: float = 1.6
    short: float = 0.6
    angle: float = 30.0
    x: float = 1.5
    y: float = 1.2
    samples: int = 300


@dataclass(frozen=True, slots=True)
class PlaneFrame(ConceptFrame):
    """Draws (n, 2), ellipses of 1, 2 and 3 deviations (3, ELLIPSE, 2), the covariance (2, 2), and the ends of both axes
    at one deviation (2, 2)."""

    draws: Column
    ellipses: Column
    covariance: Column
    ends: Column

    def columns(self) -> Columns:
        """Draws."""
        return {"x": self.draws[:, 0], "y": self.draws[:, 1]}


@answers_alone(PlaneQuery)
def _plane(query: PlaneQuery, rng: torch.Generator) -> Iterator[PlaneFrame]:
    import torch

    turn = math.radians(query.angle)
    axes = np.array([[math.cos(turn), math.sin(turn)], [-math.sin(turn), math.cos(turn)]])
    spread = np.array([query.long, query.short])
    mean = np.array([query.mu_x, query.mu_y])
    covariance = axes.T @ np.diag(spread**2) @ axes
    noise = torch.randn(query.samples, 2, generator=rng, dtype=torch.float64).numpy()
    draws = mean + (noise * spread) @ axes
    off = np.array([query.x, query.y]) - mean
    white = (axes @ off) / spread
    distance = float(white @ white)
    first, second, third = -math.log(2 * math.pi), -float(np.log(spread).sum()), -0.5 * distance
    round_ = np.linspace(0.0, 2 * math.pi, ELLIPSE)
    circle = np.stack((np.cos(round_), np.sin(round_)), -1)
    numbers = {
        "constant": first, "volume": second, "distance": third, "log_p": first + second + third,
        "mahalanobis": math.sqrt(distance), "det": float(np.prod(spread) ** 2), "inside": 1 - math.exp(-0.5 * distance),
        "correlation": float(covariance[0, 1] / math.sqrt(covariance[0, 0] * covariance[1, 1])),
        "s_xx": float(covariance[0, 0]), "s_xy": float(covariance[0, 1]), "s_yy": float(covariance[1, 1]),
        "entropy": 1 + math.log(2 * math.pi) + float(np.log(spread).sum()),
    }  # fmt: skip
    rings = np.stack([mean + k * (circle * spread) @ axes for k in (1, 2, 3)])
    yield PlaneFrame(numbers, draws, rings, covariance, mean + spread[:, None] * axes)
