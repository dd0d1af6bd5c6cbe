"""The KL divergence of Gaussians: closed form, its terms, Monte Carlo, and how a fixed variance makes it a distance.

    KL(q||p) = ln(sigma_p / sigma_q) + (sigma_q^2 + (mu_q - mu_p)^2) / (2 sigma_p^2) - 1/2          on a line
    KL(N(mu, diag sigma^2) || N(0, I)) = 1/2 sum_i (mu_i^2 + sigma_i^2 - ln sigma_i^2) - D/2        in D dimensions

The notes print the second one without the constant -D/2; then it would not be 0 where both are equal.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gm_core.concepts.base import Column, Columns, ConceptFrame, Query, answers_alone

if TYPE_CHECKING:
    import torch

GRID = 401
REACH = 8.0
"""Densities are drawn from -REACH to REACH."""
POINTS = 60
"""Places along the run of the Monte Carlo estimate."""


@dataclass(frozen=True, slots=True)
class LineQuery(Query):
    """Two Gaussians on a line, and `samples` draws of the first to estimate the divergence with."""

    mu_q: float = 1.0
    sigma_q: float = 0.8
    mu_p: float = 0.0
    sigma_p: float = 1.0
    samples: int = 1000


@dataclass(frozen=True, slots=True)
class LineFrame(ConceptFrame):
    """Densities q, p and the integrand q ln(q/p) over x (GRID,), all per unit of x; the mean of ln(q/p) over the
    first n draws and its standard error (both in nats; NaN where n is 1), for growing n (k,)."""

    x: Column
    q: Column
    p: Column
    integrand: Column
    n: Column
    estimate: Column
    error: Column

    def columns(self) -> Columns:
        """Curves and the run of the estimate."""
        return {
            "x": self.x, "q(x)": self.q, "p(x)": self.p, "q ln(q/p)": self.integrand,
            "n": self.n, "estimate (nats)": self.estimate, "standard error": self.error,
        }  # fmt: skip


@answers_alone(LineQuery)
def _line(query: LineQuery, rng: torch.Generator) -> Iterator[LineFrame]:
    import torch

    from gm_core.maths import gaussian

    q_at, p_at = (query.mu_q, query.sigma_q), (query.mu_p, query.sigma_p)
    x = torch.linspace(-REACH, REACH, GRID, dtype=torch.float64)
    log_q, log_p = gaussian.log_prob_at(x, *q_at), gaussian.log_prob_at(x, *p_at)
    draws = query.mu_q + query.sigma_q * torch.randn(query.samples, generator=rng, dtype=torch.float64)
    ratios = gaussian.log_prob_at(draws, *q_at) - gaussian.log_prob_at(draws, *p_at)
    n = torch.unique(torch.logspace(0, math.log10(query.samples), POINTS).round().long().clamp(1, query.samples))
    mean = ratios.cumsum(0)[n - 1] / n
    square = (ratios**2).cumsum(0)[n - 1] / n
    error = ((square - mean**2).clamp(min=0) / (n - 1).double()).sqrt()  # NaN or inf for one draw alone
    log_ratio = math.log(query.sigma_p / query.sigma_q)
    spread = query.sigma_q**2 / (2 * query.sigma_p**2)
    shift = (query.mu_q - query.mu_p) ** 2 / (2 * query.sigma_p**2)
    moments = [torch.tensor([v], dtype=torch.float64) for v in (*_moments(q_at), *_moments(p_at))]
    back = gaussian.kl(moments[2], moments[3], moments[0], moments[1])
    numbers = {
        "mu_q": query.mu_q, "sigma_q": query.sigma_q, "mu_p": query.mu_p, "sigma_p": query.sigma_p,
        "kl": log_ratio + spread + shift - 0.5, "reverse": float(back.sum()), "log_ratio": log_ratio,
        "spread": spread, "shift": shift, "estimate": float(mean[-1]), "error": float(error[-1]), "n": query.samples,
    }  # fmt: skip
    yield LineFrame(
        numbers,
        x.numpy(),
        log_q.exp().numpy(),
        log_p.exp().numpy(),
        (log_q.exp() * (log_q - log_p)).numpy(),
        n.numpy(),
        mean.numpy(),
        torch.where(n > 1, error, torch.nan).numpy(),
    )


def _moments(at: tuple[float, float]) -> tuple[float, float]:
    return at[0], 2 * math.log(at[1])


@dataclass(frozen=True, slots=True)
class TermsQuery(Query):
    """N(mu, sigma^2) in each of `dims` dimensions against the standard Gaussian."""

    mu: float = 1.0
    sigma: float = 0.6
    dims: int = 4


@dataclass(frozen=True, slots=True)
class TermsFrame(ConceptFrame):
    """The four terms of the divergence in nats (4,): means, variances, log-variances, the constant -D/2; and the
    divergence for D = 1... (k,) with and without the constant."""

    terms: Column
    dims: Column
    right: Column
    printed: Column

    def columns(self) -> Columns:
        """The divergence by dimension."""
        return {"D": self.dims, "KL (nats)": self.right, "without -D/2": self.printed}


@answers_alone(TermsQuery)
def _terms(query: TermsQuery, rng: torch.Generator) -> Iterator[TermsFrame]:
    import numpy as np

    d, half_square, half_var = query.dims, 0.5 * query.mu**2, 0.5 * query.sigma**2
    terms = np.array([d * half_square, d * half_var, -d * math.log(query.sigma), -0.5 * d])
    dims = np.arange(1, 11)
    each = half_square + half_var - math.log(query.sigma)
    numbers = {
        "kl": float(terms.sum()), "printed": float(terms[:3].sum()), "means": float(terms[0]),
        "variances": float(terms[1]), "logs": float(terms[2]), "constant": float(terms[3]), "d": d,
    }  # fmt: skip
    yield TermsFrame(numbers, terms, dims, (each - 0.5) * dims, each * dims)


@dataclass(frozen=True, slots=True)
class SquaredQuery(Query):
    """-ln N(x; mu, sigma^2) with a variance that is fixed, for one x."""

    x: float = 1.0
    mu: float = 0.0
    sigma: float = 0.5


@dataclass(frozen=True, slots=True)
class SquaredFrame(ConceptFrame):
    """Over predictions mu (GRID,): the negative log-likelihood in nats, the squared error over 2 sigma^2, and the
    same two for sigma = 1."""

    mu: Column
    nll: Column
    squared: Column
    plain: Column

    def columns(self) -> Columns:
        """All curves."""
        return {"mu": self.mu, "-ln p(x)": self.nll, "(x-mu)^2/(2 sigma^2)": self.squared, "(x-mu)^2/2": self.plain}


@answers_alone(SquaredQuery)
def _squared(query: SquaredQuery, rng: torch.Generator) -> Iterator[SquaredFrame]:
    import numpy as np

    mu = np.linspace(-3.0, 3.0, GRID)
    constant = math.log(query.sigma) + 0.5 * math.log(2 * math.pi)
    squared = (query.x - mu) ** 2 / (2 * query.sigma**2)
    here = (query.x - query.mu) ** 2 / (2 * query.sigma**2)
    numbers = {
        "nll": here + constant,
        "squared": here,
        "constant": constant,
        "gradient": (query.mu - query.x) / query.sigma**2,
    }
    yield SquaredFrame(numbers, mu, squared + constant, squared, (query.x - mu) ** 2 / 2)
