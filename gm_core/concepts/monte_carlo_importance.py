"""Importance sampling with a Gaussian proposal that one moves: a rare event, and the evidence of a latent variable.

    E_p[f] = E_q[f w],  w = p/q        estimate 1/N sum f(x_i) w_i,   self-normalised sum f w / sum w,   x_i ~ q
    N_eff = (sum w)^2 / sum w^2        relative spread of a term: sqrt(E_q[(f w)^2] / E_p[f]^2 - 1), in closed form

Rare event: P(x > c) under N(0, 1). Evidence: p(x) = integral N(z; 0, 1) N(x; z, s^2) dz = N(x; 0, 1 + s^2), whose
perfect proposal is the posterior N(x/(1+s^2), s^2/(1+s^2)). The spread is infinite where the proposal's variance is at
most half of that of what it should follow; then no error bar of a run means anything.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from gm_core.concepts.base import Column, Columns, ConceptFrame, Query, answers_alone

if TYPE_CHECKING:
    import torch
    from torch import Tensor

MOST, SHOWN = 10_000, 150
"""Draws at most, and how many are drawn as dots."""
RARE_RANGE, EVIDENCE_RANGE = (-4.0, 7.0), (-5.5, 5.5)
WIDTHS = (0.15, 4.0)
"""Means and widths of proposals on the maps."""
MAP = (61, 45)
"""Columns and rows of the maps."""


class Target(NamedTuple):
    """What a proposal should follow: total * N(mean, variance), cut off below `above`; and its integral, exactly."""

    mean: float
    variance: float
    log_total: float
    above: float
    exact: float


@dataclass(frozen=True, slots=True)
class RareQuery(Query):
    """Where the rare event begins, mean and width of the proposal, and the number of draws."""

    threshold: float = 3.0
    mu: float = 3.2
    sigma: float = 1.0
    draws: int = 1000


@dataclass(frozen=True, slots=True)
class EvidenceQuery(Query):
    """What was observed, the width of the likelihood, mean and width of the proposal, and the number of draws."""

    observed: float = 2.0
    noise: float = 0.5
    mu: float = 1.0
    sigma: float = 0.8
    draws: int = 1000


@dataclass(frozen=True, slots=True)
class RareMapQuery(Query):
    """The spread of every proposal for the rare event."""

    threshold: float = 3.0


@dataclass(frozen=True, slots=True)
class EvidenceMapQuery(Query):
    """The spread of every proposal for the evidence."""

    observed: float = 2.0
    noise: float = 0.5


@dataclass(frozen=True, slots=True)
class WeightsFrame(ConceptFrame):
    """Over places (k,): the densities p and q, what q should follow (scaled to a density), and the term f w over its
    mean; the first 150 draws and their terms over the mean; for growing n (m,): estimate over truth and its standard
    error, by the proposal and by p itself."""

    x: Column
    p: Column
    q: Column
    wanted: Column
    term: Column
    drawn: Column
    drawn_term: Column
    n: Column
    estimate: Column
    error: Column
    plain: Column
    plain_error: Column

    def columns(self) -> Columns:
        """Densities, draws, and both runs."""
        return {
            "x": self.x, "p": self.p, "q": self.q, "term / truth": self.term, "draw": self.drawn,
            "its term / truth": self.drawn_term, "n": self.n, "estimate / truth": self.estimate, "error": self.error,
            "plain estimate / truth": self.plain, "plain error": self.plain_error,
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class MapFrame(ConceptFrame):
    """log10 of the relative spread of a term over ln sigma and mu of the proposal (45, 61); NaN where infinite."""

    spread: Column

    def columns(self) -> Columns:
        """The map, row by row."""
        return {"log10 spread": self.spread.ravel()}


def rare(threshold: float) -> Target:
    """The tail of N(0, 1) above a threshold."""
    return Target(0.0, 1.0, 0.0, threshold, 0.5 * math.erfc(threshold / math.sqrt(2.0)))


def evidence(observed: float, noise: float) -> Target:
    """N(z; 0, 1) N(observed; z, noise^2) as a function of z."""
    whole = 1.0 + noise**2
    log_total = -0.5 * (math.log(2 * math.pi * whole) + observed**2 / whole)
    return Target(observed / whole, noise**2 / whole, log_total, -math.inf, math.exp(log_total))


@answers_alone(RareQuery)
def _rare(query: RareQuery, rng: torch.Generator) -> Iterator[WeightsFrame]:
    yield _weighed(rare(query.threshold), query.mu, query.sigma, query.draws, RARE_RANGE, rng)


@answers_alone(EvidenceQuery)
def _evidence(query: EvidenceQuery, rng: torch.Generator) -> Iterator[WeightsFrame]:
    target = evidence(query.observed, query.noise)
    yield _weighed(target, query.mu, query.sigma, query.draws, EVIDENCE_RANGE, rng)


@answers_alone(RareMapQuery)
def _rare_map(query: RareMapQuery, rng: torch.Generator) -> Iterator[MapFrame]:
    yield _map(rare(query.threshold), RARE_RANGE)


@answers_alone(EvidenceMapQuery)
def _evidence_map(query: EvidenceMapQuery, rng: torch.Generator) -> Iterator[MapFrame]:
    yield _map(evidence(query.observed, query.noise), EVIDENCE_RANGE)


def spread(target: Target, mu: Tensor, sigma: Tensor) -> Tensor:
    """The standard deviation of a term over its mean, of the shape of mu and sigma; infinite for narrow proposals."""
    from gm_core.maths import importance

    mean, variance = mu.new_tensor(target.mean), mu.new_tensor(target.variance)
    log_square = importance.log_second_moment(mean, variance, mu, sigma, target.above)
    relative = log_square + 2.0 * (target.log_total - math.log(target.exact))
    return relative.expm1().clamp(min=0.0).sqrt()


def narrowest(target: Target) -> float:
    """The width at and below which a proposal has terms of infinite variance."""
    return math.sqrt(0.5 * target.variance)


def _map(target: Target, means: tuple[float, float]) -> MapFrame:
    import torch

    mu = torch.linspace(*means, MAP[0], dtype=torch.float64)
    log_sigma = torch.linspace(math.log(WIDTHS[0]), math.log(WIDTHS[1]), MAP[1], dtype=torch.float64)
    values = spread(target, *torch.broadcast_tensors(mu, log_sigma.exp()[:, None]))
    shown = torch.where(values.isfinite(), values, torch.nan).clamp(min=1e-2).log10()
    numbers = {"narrowest": narrowest(target), "least": float(values.min())}
    return MapFrame(numbers, shown.numpy())


def _weighed(
    target: Target, mu: float, sigma: float, draws: int, ends: tuple[float, float], rng: torch.Generator
) -> WeightsFrame:
    import torch

    from gm_core.maths import estimators, gaussian

    count = min(max(draws, 2), MOST)
    # All are drawn whatever N is, so that more draws are more of the same.
    noise = torch.randn(2, MOST, generator=rng, dtype=torch.float64)[:, :count]

    def log_term(at: Tensor, log_density: Tensor) -> Tensor:
        """ln of what is averaged, f w, over its mean: -inf where f is 0."""
        log_follow = gaussian.log_prob(at, at.new_tensor(target.mean), at.new_tensor(target.variance).log())
        made = target.log_total + log_follow - log_density - math.log(target.exact)
        return torch.where(at > target.above, made, made.new_tensor(-math.inf))

    def log_q(at: Tensor) -> Tensor:
        return gaussian.log_prob(at, at.new_tensor(mu), at.new_tensor(2 * math.log(sigma)))

    places = mu + sigma * noise[0]
    terms = log_term(places, log_q(places)).exp()
    plain = log_term(noise[1], gaussian.log_prob_standard(noise[1])).exp()
    whole = target.above == -math.inf  # then f w itself is the weight of the posterior, else p/q is that of p
    log_weights = log_term(places, log_q(places)) if whole else gaussian.log_prob_standard(places) - log_q(places)
    weights = log_weights.softmax(0)
    value = places if whole else (places > target.above).double()
    n = torch.unique(torch.logspace(math.log10(2), math.log10(count), 50).round().long().clamp(2, count))
    mine, mine_error = _run(terms, n)
    other, other_error = _run(plain, n)
    one, p_like = torch.tensor([mu], dtype=torch.float64), torch.zeros(1, dtype=torch.float64)
    sd, plain_sd = float(spread(target, one, one.new_tensor([sigma]))), float(spread(target, p_like, p_like + 1.0))
    x = torch.linspace(*ends, 401, dtype=torch.float64)
    wanted = log_term(x, torch.zeros_like(x)).exp()
    numbers = {
        "exact": target.exact,
        "estimate": target.exact * float(mine[-1]), "error": target.exact * float(mine_error[-1]),
        "plain": target.exact * float(other[-1]), "plain_error": target.exact * float(other_error[-1]),
        "spread": sd, "plain_spread": plain_sd, "needed": (sd / 0.01) ** 2, "plain_needed": (plain_sd / 0.01) ** 2,
        "ess": float(estimators.effective_sample_size(log_weights[:, None])), "n": float(count),
        "largest": 100.0 * float(weights.max()), "own": float((weights * value).sum()),
        "own_exact": target.mean if whole else target.exact, "narrowest": narrowest(target),
    }  # fmt: skip
    return WeightsFrame(
        numbers,
        x.numpy(),
        gaussian.log_prob_standard(x).exp().numpy(),
        log_q(x).exp().numpy(),
        wanted.numpy(),
        log_term(x, log_q(x)).exp().numpy(),
        places[:SHOWN].numpy(),
        terms[:SHOWN].numpy(),
        n.numpy(),
        mine.numpy(),
        mine_error.numpy(),
        other.numpy(),
        other_error.numpy(),
    )


def _run(terms: Tensor, n: Tensor) -> tuple[Tensor, Tensor]:
    """The mean of the first n terms and its standard error, for each n (m,)."""
    mean = terms.cumsum(0)[n - 1] / n
    square = terms.square().cumsum(0)[n - 1] / n
    return mean, ((square - mean.square()).clamp(min=0) / (n - 1)).sqrt()
