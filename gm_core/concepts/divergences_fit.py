"""One Gaussian fitted to a mixture by gradient: KL(p||q) covers all of p, KL(q||p) seeks one mode, JS lies between.

    q = N(mu, sigma^2), theta = (mu, ln sigma)        theta <- theta - eta F^-1 grad D,    F = diag(1/sigma^2, 2)

F is the Fisher information of q: the gradient is measured in units of q's own width (Amari 1998), else a step that
suits a wide q would throw a narrow one off the line. No step is longer than `LONGEST` in that measure. With

    grad KL(p||q) = ((mu - m)/sigma^2, 1 - (v + (m - mu)^2)/sigma^2)                 m, v: mean and variance of p
    grad KL(q||p) = -E_q[s(x) (1, x - mu)] - (0, 1)                                  s = d ln p / dx
    grad JS       = 1/2 E_q[grad ln q ln(q / m)],   m = (p + q)/2

The first has one minimum, in closed form: the moments of p. The others may have several.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Literal

from gm_core.concepts.base import Column, Columns, ConceptFrame, Query, answers_alone
from gm_core.concepts.divergences import PER_NAT, Unit
from gm_core.concepts.divergences_line import CELLS, DRAWN, REACH, Mixture, P, log_density, middles, tensors

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import torch
    from torch import Tensor

    Array = npt.NDArray[np.float64]

Objective = Literal["KL(p || q)", "KL(q || p)", "JS"]
STEPS = 100
RATE: dict[str, float] = {"KL(p || q)": 0.12, "KL(q || p)": 0.12, "JS": 0.6}
"""Step sizes; near p = q JS is a quarter of KL, so that its steps may be larger."""
LONGEST = 0.3
AT_REST = 5e-4
"""A way that moved less than this over its last five steps has come to rest."""
STARTS = ((-5.0, 1.0), (-2.5, 0.5), (0.3, 2.5), (2.5, 0.5), (5.0, 1.0))
"""Means and standard deviations from which q is fitted beside the one that is dragged."""
MEANS, LOG_WIDTHS = (-6.0, 6.0, 41), (math.log(0.2), math.log(4.0), 27)
"""The landscape: ends and number of means, and of ln sigma."""


@dataclass(frozen=True, slots=True)
class FitQuery(Query):
    """A mixture p, what is lowered, where the q begins that is watched, and after how many steps to look."""

    p: Mixture = field(default=P)
    objective: Objective = "KL(q || p)"
    start: tuple[float, float] = (1.0, 0.8)
    step: int = STEPS
    unit: Unit = "nats"


@dataclass(frozen=True, slots=True)
class FitFrame(ConceptFrame):
    """Over x (k,): density p and those of q for each start, the one that is watched first (starts, k). The ways
    (starts, step + 1) of means and ln sigma, and what is lowered, for every step (starts, STEPS + 1)."""

    x: Column
    p: Column
    q: Column
    mu: Column
    log_sigma: Column
    lowered: Column

    def columns(self) -> Columns:
        """Densities, and the fall of what is lowered from every start."""
        made = {"x": self.x, "p(x)": self.p, "q(x)": self.q[0]}
        return made | {f"divergence from start {i}": row for i, row in enumerate(self.lowered)}


@dataclass(frozen=True, slots=True)
class LandscapeQuery(Query):
    """What is lowered, for every Gaussian."""

    p: Mixture = field(default=P)
    objective: Objective = "KL(q || p)"
    unit: Unit = "nats"


@dataclass(frozen=True, slots=True)
class LandscapeFrame(ConceptFrame):
    """What is lowered over ln sigma and mu (27, 41), the narrowest q first."""

    values: Column

    def columns(self) -> Columns:
        """The landscape, row by row."""
        return {"landscape": self.values.ravel()}


@answers_alone(FitQuery)
def _fit(query: FitQuery, rng: torch.Generator) -> Iterator[FitFrame]:
    from gm_core.maths import gaussian, line_mixture, on_grid

    unit, at = PER_NAT[query.unit], min(max(query.step, 0), STEPS)
    mu, log_sigma = fitted(query.p, query.objective, query.start)
    lowered = _way(query.p, query.objective, query.start)
    x, log_p = middles(), log_density(query.p)
    here, spread = float(mu[0, at]), float(log_sigma[0, at])
    log_q = gaussian.log_prob(x, mu[0, at], 2 * log_sigma[0, at])
    gap = on_grid.gap(log_p, log_q, 2 * REACH / CELLS)
    mean, variance = line_mixture.moments(*tensors(query.p))
    values = {"kl": gap.kl, "back": gap.reverse, "js": gap.js, "best": float(lowered[:, -1].min())}
    numbers = {name: value * unit for name, value in values.items()}
    numbers |= {
        "mu": here, "sigma": math.exp(spread), "mean": float(mean), "width": math.sqrt(float(variance)),
        "optima": float(_optima(mu, log_sigma)), "step": float(at),
    }  # fmt: skip
    seen = (x.abs() <= DRAWN).nonzero().squeeze(1)[::3]
    q = gaussian.log_prob(x[seen], mu[:, at, None], 2 * log_sigma[:, at, None]).exp()
    yield FitFrame(
        numbers,
        x[seen].numpy(),
        log_p[seen].exp().numpy(),
        q.numpy(),
        mu[:, : at + 1].numpy(),
        log_sigma[:, : at + 1].numpy(),
        (unit * lowered).numpy(),
    )


def _optima(mu: Tensor, log_sigma: Tensor) -> int:
    """At how many places the ways (starts, STEPS + 1) have come to rest; places closer than 0.05 are one.

    A q that still creeps over the saddle between two modes is at none.
    """
    import torch

    ends = torch.stack((mu[:, -1], log_sigma[:, -1]), 1)
    moved = (ends - torch.stack((mu[:, -6], log_sigma[:, -6]), 1)).norm(dim=1)
    ends = ends[moved < AT_REST]
    return int((torch.cdist(ends, ends) < 0.05).long().argmax(1).unique().numel())


@lru_cache(maxsize=32)
def fitted(p: Mixture, objective: Objective, start: tuple[float, float]) -> tuple[Tensor, Tensor]:
    """The ways (starts, STEPS + 1) of mu and of ln sigma by gradient, `start` first; kept, for they are played."""
    import numpy as np
    import torch

    begin = np.array((start, *STARTS))
    mu, log_sigma = begin[:, 0], np.log(begin[:, 1])
    ways = np.empty((2, len(begin), STEPS + 1))
    ways[:, :, 0] = mu, log_sigma
    rate = RATE[objective]
    for step in range(1, STEPS + 1):
        sigma = np.exp(log_sigma)
        by_mean, by_width = slopes(objective, p, mu, sigma)
        # Both along the natural gradient: sigma^2 d/dmu, in units of sigma, and half of d/dlnsigma.
        far, wider = -rate * sigma * by_mean, -0.5 * rate * by_width
        shrink = LONGEST / np.maximum(np.sqrt(far * far + 2 * wider * wider), LONGEST)
        mu, log_sigma = mu + sigma * far * shrink, log_sigma + wider * shrink
        ways[:, :, step] = mu, log_sigma
    return torch.from_numpy(ways[0]), torch.from_numpy(ways[1])


@lru_cache(maxsize=32)
def _way(p: Mixture, objective: Objective, start: tuple[float, float]) -> Tensor:
    """What is lowered along the ways (starts, STEPS + 1), in nats."""
    mu, log_sigma = fitted(p, objective, start)
    return divergence(objective, p, mu.flatten(), log_sigma.exp().flatten()).reshape(mu.shape)


@answers_alone(LandscapeQuery)
def _landscape(query: LandscapeQuery, rng: torch.Generator) -> Iterator[LandscapeFrame]:
    import torch

    means, logs = (torch.linspace(*ends, dtype=torch.float64) for ends in (MEANS, LOG_WIDTHS))
    log_sigma, mu = torch.meshgrid(logs, means, indexing="ij")
    values = divergence(query.objective, query.p, mu.flatten(), log_sigma.exp().flatten()).reshape(mu.shape)
    values = values * PER_NAT[query.unit]
    yield LandscapeFrame({"lowest": float(values.min())}, values.numpy())


@lru_cache(maxsize=2)
def _nodes(count: int) -> tuple[Tensor, Tensor]:
    """Places z (count,) and weights for expectations under N(0, 1): evenly spaced, and wide enough for 1e-5."""
    import torch

    z = torch.linspace(-4.8, 4.8, count, dtype=torch.float64)
    weights = torch.exp(-0.5 * z.square())
    return z, weights / weights.sum()


def slopes(objective: Objective, p: Mixture, mu: Array, sigma: Array) -> tuple[Array, Array]:
    """Derivatives (n,) of what is lowered by mu and by ln sigma.

    In numpy, whose calls cost a third of those of torch on a few hundred numbers; the tests hold it against autograd.
    """
    import numpy as np

    weight, mu_1, sigma_1, mu_2, sigma_2 = p
    if objective == "KL(p || q)":
        mean = weight * mu_1 + (1 - weight) * mu_2
        square = weight * (sigma_1**2 + mu_1**2) + (1 - weight) * (sigma_2**2 + mu_2**2)
        away = (square - 2 * mean * mu + mu * mu) / sigma**2
        return (mu - mean) / sigma**2, 1 - away
    z, weights = (v.numpy() for v in _nodes(61))
    x = mu[:, None] + sigma[:, None] * z
    first, second = (x - mu_1) / sigma_1, (x - mu_2) / sigma_2
    with np.errstate(divide="ignore", over="ignore"):  # the share of a component may be 0
        log_first = np.log(weight) - math.log(sigma_1) - 0.5 * first * first
        log_second = np.log1p(-weight) - math.log(sigma_2) - 0.5 * second * second
    if objective == "KL(q || p)":
        with np.errstate(over="ignore"):
            share = 1 / (1 + np.exp(log_second - log_first))
        pull = (-second / sigma_2 + share * (second / sigma_2 - first / sigma_1)) * weights
        return -pull.sum(1), -1 - sigma * (pull @ z)
    log_q = -0.5 * z * z - np.log(sigma)[:, None]  # without the constant that both logarithms share
    ratio = np.exp(log_first - log_q) + np.exp(log_second - log_q)  # p / q: q is at least e^-12 at the nodes
    worth = 0.5 * weights * (math.log(2.0) - np.log1p(ratio))  # ln q/m
    return (worth @ z) / sigma, worth @ (z * z - 1)


def divergence(objective: Objective, p: Mixture, mu: Tensor, sigma: Tensor) -> Tensor:
    """What is lowered, in nats, for Gaussians (n,): by expectations under q and under the components of p."""
    import torch

    from gm_core.maths import gaussian, line_mixture

    if objective == "KL(p || q)":
        mean, variance = line_mixture.moments(*tensors(p))
        cross = 0.5 * gaussian.LOG_2PI + sigma.log() + 0.5 * (variance + (mu - mean) ** 2) / sigma**2
        return cross + float((log_density(p).exp() * log_density(p)).sum()) * (2 * REACH / CELLS)
    z, weights = _nodes(51)
    x = mu[:, None] + sigma[:, None] * z
    log_p = line_mixture.log_prob(x, *tensors(p))
    if objective == "KL(q || p)":
        return -gaussian.entropy(torch.zeros(())) - sigma.log() - (log_p * weights).sum(1)
    log_q = gaussian.log_prob_standard(z) - sigma.log()[:, None]
    from_q = ((log_q - torch.logaddexp(log_p, log_q)) * weights).sum(1) + math.log(2.0)
    shares, means, widths = tensors(p)
    places = (means[:, None] + widths[:, None] * z).flatten()  # (2 * nodes,)
    there = (shares[:, None] * weights).flatten()
    log_q = gaussian.log_prob(places, mu[:, None], 2 * sigma.log()[:, None])
    log_p = line_mixture.log_prob(places, *tensors(p))
    from_p = ((log_p - torch.logaddexp(log_p, log_q)) * there).sum(1) + math.log(2.0)
    return 0.5 * (from_q + from_p)
