"""Bounds from many draws, and why the logarithm of an unbiased estimate is biased.

    L_k = E ln (1/k) sum_i w_i,   w_i = p(x, z_i) / q(z_i),   z_i ~ q        (Burda, Grosse & Salakhutdinov 2015, eq. 8)
    ELBO = L_1 <= L_2 <= ... -> ln p(x),   ln p(x) - L_k ~ Var(w) / (2 k p(x)^2)   where that variance is finite

The last is the delta method: ln(1 + e) = e - e^2/2 + ..., with e of mean 0 and variance Var(w) / (k p(x)^2).
With z drawn from p(z), w is p(x|z), and the same numbers say how the log of the plain estimate of p(x) is biased.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gm_core.concepts import elbo_model
from gm_core.concepts.base import Column, Columns, ConceptFrame, Query, answers_alone
from gm_core.concepts.elbo_model import Decoder, Model

if TYPE_CHECKING:
    import torch

DOUBLINGS = 10
DRAWS = 2**15
CELLS = 160
Z_REACH = 4.0
BARS = 60


@dataclass(frozen=True, slots=True)
class ManyQuery(Query):
    """A model, an x, a Gaussian q, and the k draws of the bound that is looked at."""

    decoder: Decoder = "line"
    w: float = 1.0
    s: float = 0.5
    x: float = 1.5
    mu: float = 0.5
    sigma: float = 0.8
    k: int = 8


@dataclass(frozen=True, slots=True)
class ManyFrame(ConceptFrame):
    """Densities over codes z (n,); the density of a code that is chosen among k draws of q by its weight, in cells
    (CELLS,); and for k = 1, 2, 4... (m,): L_k - ln p(x) in nats, its standard error, and the delta method's value."""

    z: Column
    posterior: Column
    q: Column
    cells: Column
    chosen: Column
    k: Column
    gap: Column
    error: Column
    delta: Column

    def columns(self) -> Columns:
        """The bounds by k, and the densities."""
        return {
            "k": self.k, "L_k - ln p(x)": self.gap, "standard error": self.error, "delta method": self.delta,
            "z": self.z, "p(z|x)": self.posterior, "q(z)": self.q, "cell": self.cells, "chosen": self.chosen,
        }  # fmt: skip


@answers_alone(ManyQuery)
def _many(query: ManyQuery, rng: torch.Generator) -> Iterator[ManyFrame | None]:
    import torch

    from gm_core.maths import gaussian
    from gm_core.maths.estimators import effective_sample_size, importance_bound

    model = Model(query.decoder, query.w, query.s)
    known = elbo_model.know(model, query.x)
    z = query.mu + query.sigma * torch.randn(DRAWS, generator=rng, dtype=torch.float64)
    ratios = (
        elbo_model.log_likelihood(model, query.x, z) + elbo_model.log_prior(z)
        - gaussian.log_prob_at(z, query.mu, query.sigma) - known.evidence
    )  # fmt: skip
    k, gap, error = doubled(ratios)
    spread = elbo_model.chi_square(model, query.x, known, query.mu, query.sigma)
    yield None  # a safe point
    used = DRAWS // query.k * query.k
    groups = ratios[:used].reshape(-1, query.k).T
    bounds = importance_bound(groups)
    shares = torch.softmax(groups, 0).T.reshape(-1)
    at = ((z[:used] + Z_REACH) * (CELLS / (2.0 * Z_REACH))).long().clamp(-1, CELLS) + 1
    chosen = torch.bincount(at, shares, CELLS + 2)[1:-1] / shares.sum() * (CELLS / (2.0 * Z_REACH))
    mu, sigma = torch.tensor([query.mu], dtype=torch.float64), torch.tensor([query.sigma], dtype=torch.float64)
    elbo = float(elbo_model.bound(model, query.x, mu, sigma))
    here = float(bounds.mean())
    every = elbo_model.seen()
    numbers = {
        "evidence": known.evidence, "elbo": elbo, "bound": known.evidence + here, "gap": -here,
        "error": float(bounds.std()) / math.sqrt(len(bounds)), "k": float(query.k), "spread": spread,
        "delta": spread / (2.0 * query.k), "effective": float(effective_sample_size(groups).mean()),
        "elbo_gap": known.evidence - elbo,
    }  # fmt: skip
    yield ManyFrame(
        numbers, known.z[every].numpy(), known.log_posterior[every].exp().numpy(),
        gaussian.log_prob_at(known.z[every], query.mu, query.sigma).exp().numpy(),
        (-Z_REACH + 2.0 * Z_REACH * (torch.arange(CELLS, dtype=torch.float64) + 0.5) / CELLS).numpy(),
        chosen.numpy(), k.numpy(), gap.numpy(), error.numpy(), (-spread / (2.0 * k.double())).numpy(),
    )  # fmt: skip


def doubled(ratios: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """k = 1, 2, 4..., the mean over disjoint groups of ln (1/k) sum w, and its standard error, for log weights (n,).

    Each level joins the groups of the last one two by two, so that all levels cost no more than two.
    """
    import torch

    from gm_core.maths.estimators import standard_error

    means, errors, level = [], [], ratios
    for at in range(DOUBLINGS + 1):
        if at:
            level = torch.logaddexp(level[0::2], level[1::2]) - math.log(2.0)
        means.append(level.mean())
        errors.append(standard_error(level))
    return 2 ** torch.arange(DOUBLINGS + 1), torch.stack(means), torch.stack(errors)


@dataclass(frozen=True, slots=True)
class LogQuery(Query):
    """A model, an x, and how many draws from the prior an estimate of p(x) has."""

    decoder: Decoder = "line"
    w: float = 1.0
    s: float = 0.5
    x: float = 1.0
    k: int = 8


@dataclass(frozen=True, slots=True)
class LogFrame(ConceptFrame):
    """How often (probability per unit) an estimate over p(x), and its logarithm, fall into cells (BARS,); and for
    k = 1, 2, 4... (m,): the bias of the logarithm in nats, its standard error, and the delta method's value."""

    ratio: Column
    ratio_density: Column
    log_ratio: Column
    log_density: Column
    k: Column
    bias: Column
    error: Column
    delta: Column

    def columns(self) -> Columns:
        """Both histograms and the bias by k."""
        return {
            "estimate/p(x)": self.ratio, "density": self.ratio_density, "ln(estimate/p(x))": self.log_ratio,
            "density of ln": self.log_density, "k": self.k, "bias of ln": self.bias, "standard error": self.error,
            "delta method": self.delta,
        }  # fmt: skip


@answers_alone(LogQuery)
def _log(query: LogQuery, rng: torch.Generator) -> Iterator[LogFrame | None]:
    import torch

    from gm_core.maths.estimators import log_mean_exp

    model = Model(query.decoder, query.w, query.s)
    known = elbo_model.know(model, query.x)
    z = torch.randn(2 * DRAWS, generator=rng, dtype=torch.float64)
    ratios = elbo_model.log_likelihood(model, query.x, z) - known.evidence
    spread = elbo_model.chi_square(model, query.x, known, 0.0, 1.0)
    k, bias, error = doubled(ratios)
    yield None  # a safe point
    used = 2 * DRAWS // query.k * query.k
    logs = log_mean_exp(ratios[:used].reshape(-1, query.k), 1)
    estimates = logs.exp()
    middles, density = _histogram(estimates, 0.0, 4.0)
    log_middles, log_density = _histogram(logs, -6.0, 2.0)
    numbers = {
        "evidence": known.evidence, "mean": float(estimates.mean()), "bias": float(logs.mean()),
        "error": float(logs.std()) / math.sqrt(len(logs)), "delta": -spread / (2.0 * query.k), "k": float(query.k),
        "spread": spread, "below": float((estimates < 1.0).double().mean()),
        "mean_error": math.sqrt(spread / used), "beyond": float((logs < -6.0).double().mean()),
    }  # fmt: skip
    yield LogFrame(
        numbers, middles.numpy(), density.numpy(), log_middles.numpy(), log_density.numpy(), k.numpy(), bias.numpy(),
        error.numpy(), (-spread / (2.0 * k.double())).numpy(),
    )  # fmt: skip


def _histogram(values: torch.Tensor, low: float, high: float) -> tuple[torch.Tensor, torch.Tensor]:
    """Middles of BARS cells and the density in each; what lies outside counts in the whole alone."""
    import torch

    width = (high - low) / BARS
    counts = torch.histc(values, BARS, low, high)
    middles = low + width * (torch.arange(BARS, dtype=torch.float64) + 0.5)
    return middles, counts / (len(values) * width)
