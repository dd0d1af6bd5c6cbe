"""The evidence lower bound: what is left of ln p(x) when a Gaussian q stands for the posterior.

    ln p(x) = ELBO + KL(q || p(z|x)),   ELBO = E_q ln p(x|z) - KL(q || p(z))           (Kingma & Welling 2013, eq. 1, 3)

All three sides are computed on their own: the bound in closed form, the divergence by a sum over q, the evidence in
closed form or by a sum over codes. The bound is one of one x; of a data set the logarithms are summed, not the
probabilities, as the notes' log of a sum would have it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gm_core.concepts import elbo_model
from gm_core.concepts.base import Column, Columns, ConceptFrame, Query, answers_alone
from gm_core.concepts.elbo_model import Decoder, Known, Model

if TYPE_CHECKING:
    import torch

MU_REACH = 3.0
LEAST, MOST = 0.1, 2.0
"""Standard deviations of q that the map shows, on a logarithmic axis."""
WIDE, HIGH = 72, 48


@dataclass(frozen=True, slots=True)
class BoundQuery(Query):
    """A model, an x, and the Gaussian q that stands for the posterior of its code."""

    decoder: Decoder = "line"
    w: float = 1.0
    s: float = 0.5
    x: float = 1.5
    mu: float = -0.5
    sigma: float = 0.8


@dataclass(frozen=True, slots=True)
class BoundFrame(ConceptFrame):
    """Densities over codes z (n,); KL(q || p(z|x)) in nats for every q on a grid (HIGH, WIDE), rows by ln sigma from
    LEAST to MOST, columns by mu from -MU_REACH to MU_REACH, both at the middles of cells."""

    z: Column
    prior: Column
    posterior: Column
    q: Column
    gaps: Column

    def columns(self) -> Columns:
        """The densities."""
        return {"z": self.z, "p(z)": self.prior, "p(z|x)": self.posterior, "q(z)": self.q}


@answers_alone(BoundQuery)
def _bound(query: BoundQuery, rng: torch.Generator) -> Iterator[BoundFrame]:
    import torch

    from gm_core.maths import gaussian

    model = Model(query.decoder, query.w, query.s)
    known = elbo_model.know(model, query.x)
    mu, sigma = torch.tensor(query.mu, dtype=torch.float64), torch.tensor(query.sigma, dtype=torch.float64)
    reconstruction = float(elbo_model.reconstruction(model, query.x, mu, sigma))
    cost = float(gaussian.kl_standard(mu, 2.0 * sigma.log()))
    gaps, mus, sigmas = _map(model, query.x, known.evidence)
    best = int(gaps.argmin())
    part = elbo_model.seen()
    every = known.z[part]
    numbers = {
        "evidence": known.evidence, "elbo": reconstruction - cost, "kl": divergence(model, query.x, known, query),
        "reconstruction": reconstruction, "cost": cost, "best_mu": float(mus.expand_as(gaps).flatten()[best]),
        "best_sigma": float(sigmas.expand_as(gaps).flatten()[best]), "least": float(gaps.min()),
        "mean": known.mean, "width": known.deviation,
    }  # fmt: skip
    yield BoundFrame(
        numbers, every.numpy(), elbo_model.log_prior(every).exp().numpy(), known.log_posterior[part].exp().numpy(),
        gaussian.log_prob_at(every, query.mu, query.sigma).exp().numpy(), gaps.numpy(),
    )  # fmt: skip


def divergence(model: Model, x: float, known: Known, query: BoundQuery) -> float:
    """KL(q || p(z|x)) in nats by a sum over q itself, wherever q lies."""
    import torch

    from gm_core.maths import gaussian

    t = torch.linspace(-9.0, 9.0, 1201, dtype=torch.float64)
    z = query.mu + query.sigma * t
    log_posterior = elbo_model.log_likelihood(model, x, z) + elbo_model.log_prior(z) - known.evidence
    ratio = gaussian.log_prob_at(z, query.mu, query.sigma) - log_posterior
    return float((elbo_model.log_prior(t).exp() * ratio).sum()) * 18.0 / 1200


def _map(model: Model, x: float, evidence: float) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    import torch

    mus = -MU_REACH + 2.0 * MU_REACH * (torch.arange(WIDE, dtype=torch.float64) + 0.5) / WIDE
    rise = math.log(MOST / LEAST)
    sigmas = LEAST * (rise * (torch.arange(HIGH, dtype=torch.float64) + 0.5) / HIGH).exp().unsqueeze(1)
    return (evidence - elbo_model.bound(model, x, mus, sigmas)).clamp(min=0.0), mus, sigmas
