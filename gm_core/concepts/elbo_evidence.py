"""The evidence, exact and by draws from the prior: right on average, and hopeless where the prior misses the posterior.

    p(x) = E_{z ~ p(z)} p(x|z),   estimate: (1/N) sum_i p(x|z_i),   Var = (1/N) (E p(x|z)^2 - p(x)^2)

The notes' variant weighs draws from the prior with p(z_i) a second time; it would be wrong by far.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from gm_core.concepts import elbo_model
from gm_core.concepts.base import Column, Columns, ConceptFrame, Query, answers_alone
from gm_core.concepts.elbo_model import Decoder, Model

if TYPE_CHECKING:
    import torch

XS = 81
X_REACH = 4.0
"""The noise of the estimate is drawn for x from -X_REACH to X_REACH."""
PARABOLA_REACH = 8.0
"""A parabola explains every such x by codes within so much."""
RUNS, MOST = 6, 4096
"""Estimates that are followed, and draws of each."""
SHOWN = 200
"""Draws that are shown one by one."""


@dataclass(frozen=True, slots=True)
class EvidenceQuery(Query):
    """A model, and the x whose probability is wanted, estimated with `draws` codes from the prior."""

    decoder: Decoder = "line"
    w: float = 1.0
    s: float = 0.3
    x: float = 1.5
    draws: int = 100


@dataclass(frozen=True, slots=True)
class EvidenceFrame(ConceptFrame):
    """Decoder, prior and posterior over codes z (n,); codes drawn from the prior (SHOWN,), what is drawn from them, and
    the share of each in the estimate, 1 at most; estimates over p(x) by number of draws n (RUNS, k) and their exact
    standard deviation (k,); by x (XS,): ln p(x) and draws that an error of 10 % takes."""

    z: Column
    decoded: Column
    prior: Column
    posterior: Column
    codes: Column
    outcomes: Column
    shares: Column
    n: Column
    runs: Column
    deviation: Column
    xs: Column
    log_evidence: Column
    needed: Column

    def columns(self) -> Columns:
        """Curves, the run of the first estimate, and the noise by x."""
        return {
            "z": self.z, "g(z)": self.decoded, "p(z)": self.prior, "p(z|x)": self.posterior, "N": self.n,
            "estimate/p(x)": self.runs[0], "exact standard deviation": self.deviation, "x": self.xs,
            "ln p(x)": self.log_evidence, "draws for 10 %": self.needed,
        }  # fmt: skip


@answers_alone(EvidenceQuery)
def _evidence(query: EvidenceQuery, rng: torch.Generator) -> Iterator[EvidenceFrame]:
    import torch

    model = Model(query.decoder, query.w, query.s)
    known = elbo_model.know(model, query.x)
    codes = torch.randn(RUNS, MOST, generator=rng, dtype=torch.float64)
    weights = (elbo_model.log_likelihood(model, query.x, codes) - known.evidence).exp()
    n = torch.unique(torch.logspace(0, math.log10(MOST), 80).round().long())
    runs = weights.cumsum(1)[:, n - 1] / n
    relative = _relative_variance(model, query.x)
    xs, evidences, needed = _by_x(model)
    shares = weights[0, : query.draws]
    shares = shares / shares.max().clamp(min=1e-300)
    outcomes = elbo_model.decode(model, codes[0]) + query.s * torch.randn(MOST, generator=rng, dtype=torch.float64)
    shown = min(SHOWN, query.draws)
    estimate = float(weights[0, : query.draws].mean())
    every = elbo_model.seen()
    effective = float(shares.sum() ** 2 / (shares**2).sum().clamp(min=1e-300))
    numbers = {
        "evidence": math.exp(known.evidence), "log_evidence": known.evidence,
        "estimate": estimate * math.exp(known.evidence),
        "log_estimate": math.log(max(estimate, 1e-300)) + known.evidence,
        "error": math.sqrt(relative / query.draws), "needed": 100.0 * relative, "width": known.deviation,
        "mean": known.mean, "effective": effective, "n": float(query.draws),
    }  # fmt: skip
    yield EvidenceFrame(
        numbers, known.z[every].numpy(), elbo_model.decode(model, known.z[every]).numpy(),
        elbo_model.log_prior(known.z[every]).exp().numpy(), known.log_posterior[every].exp().numpy(),
        codes[0, :shown].numpy(), outcomes[:shown].numpy(), shares[:shown].numpy(), n.numpy(), runs.numpy(),
        (relative / n.double()).sqrt().numpy(), xs.numpy(), evidences.numpy(), needed.numpy(),
    )  # fmt: skip


def _relative_variance(model: Model, x: float) -> float:
    """Var p(x|z) / p(x)^2 of one draw from the prior."""
    known = elbo_model.know(model, x)
    return elbo_model.chi_square(model, x, known, 0.0, 1.0)


@lru_cache(maxsize=16)
def _by_x(model: Model) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """x, ln p(x) and 100 Var p(x|z) / p(x)^2: the draws for a standard error of a tenth; only x is dragged often."""
    import torch

    odd = model.decoder != "parabola"  # then -x is like x
    xs = torch.linspace(-X_REACH, X_REACH, XS, dtype=torch.float64)
    seen = xs[XS // 2 :] if odd else xs
    z = elbo_model.grid()[::2]
    z = z if odd else z[z.abs() <= PARABOLA_REACH]
    step = float(z[1] - z[0])
    given = elbo_model.log_likelihood(model, seen[:, None], z)
    prior = elbo_model.log_prior(z) + math.log(step)
    first = torch.logsumexp(given + prior, 1)
    second = torch.logsumexp(2.0 * given + prior, 1)
    needed = 100.0 * torch.expm1(second - 2.0 * first)
    if odd:
        first, needed = (torch.cat((values[1:].flip(0), values)) for values in (first, needed))
    return xs, first, needed
