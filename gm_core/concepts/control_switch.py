"""Control signals that are a switch: a mixture on a line, made by choosing z first and then x given z.

    p(x) = sum_z p(z) p(x|z)        p(z|x) = p(z) p(x|z) / p(x)        I(x; z) = H(z) - E H(z|x)

Three Gaussians on a line. The information is what x tells about the switch: never more than H(z), and 0 where the
Gaussians are one and the same.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from gm_core.concepts.base import Column, Columns, ConceptFrame, Query, answers_alone

if TYPE_CHECKING:
    import torch

KINDS = 3
REACH = 6.0
"""Densities are drawn from -REACH to REACH; a wider grid is integrated over, for tails reach further."""
WIDE, GRID = 14.0, 1121
"""Half of the grid and its points: 40 points to a unit, eight within the narrowest deviation of 0.2."""
SHOWN = slice(320, 801)

Three = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class SwitchQuery(Query):
    """Three Gaussians N(mu, sigma^2) chosen in proportion to `weights`; a place `x` to look at; `draws` to make, with
    the switch `held` at 1, 2 or 3, or (0) drawn as well."""

    mu: Three = (-2.5, 0.5, 2.5)
    sigma: Three = (0.7, 1.0, 0.5)
    weights: Three = (0.3, 0.5, 0.2)
    x: float = 1.4
    draws: int = 200
    held: int = 0


@dataclass(frozen=True, slots=True)
class SwitchFrame(ConceptFrame):
    """Over x (k,): p(z) p(x|z) and p(z|x), each (3, k), and p(x) (k,), per unit of x; p(z) and p(z|x) at the place,
    each (3,); drawn switches (n,) from 0 and the x drawn after them (n,)."""

    x: Column
    joint: Column
    marginal: Column
    posterior: Column
    prior_here: Column
    posterior_here: Column
    switches: Column
    drawn: Column

    def columns(self) -> Columns:
        """Curves and draws."""
        return {
            "x": self.x, "p(x)": self.marginal,
            **{f"p(z={k + 1}) p(x|z={k + 1})": self.joint[k] for k in range(KINDS)},
            **{f"p(z={k + 1}|x)": self.posterior[k] for k in range(KINDS)},
            "drawn z": self.switches + 1, "drawn x": self.drawn,
        }  # fmt: skip


@answers_alone(SwitchQuery)
def _switch(query: SwitchQuery, rng: torch.Generator) -> Iterator[SwitchFrame]:
    import torch

    from gm_core.maths import divergences, gaussian

    mu, sigma = (torch.tensor(v, dtype=torch.float64)[:, None] for v in (query.mu, query.sigma))
    weights = torch.tensor(query.weights, dtype=torch.float64)
    prior = weights / weights.sum()

    def log_joint(x: torch.Tensor) -> torch.Tensor:
        return prior.log()[:, None] + gaussian.log_prob(x, mu, 2 * sigma.log())

    x = torch.linspace(-WIDE, WIDE, GRID, dtype=torch.float64)
    log_both = log_joint(x)
    posterior = log_both.softmax(0)
    marginal = log_both.exp().sum(0)
    left = float(torch.trapezoid(marginal * divergences.entropy(posterior.T), x))
    here = log_joint(torch.tensor([query.x], dtype=torch.float64))[:, 0]
    known = here.softmax(0)
    whole = float(divergences.entropy(prior))
    uniform = torch.rand(query.draws, generator=rng, dtype=torch.float64)
    noise = torch.randn(query.draws, generator=rng, dtype=torch.float64)
    drawn_z = torch.bucketize(uniform, prior.cumsum(0)[:-1], right=True)
    z = torch.full_like(drawn_z, query.held - 1) if query.held else drawn_z
    numbers = {
        "p_x": float(here.exp().sum()), "h_z": whole, "h_here": float(divergences.entropy(known)),
        "h_left": left, "information": max(0.0, whole - left), "x": query.x,
        "share": (whole - left) / whole if whole > 0 else math.nan,
        **{f"joint_{k + 1}": float(here[k].exp()) for k in range(KINDS)},
        **{f"posterior_{k + 1}": float(known[k]) for k in range(KINDS)},
    }  # fmt: skip
    yield SwitchFrame(
        numbers,
        x[SHOWN].numpy(),
        log_both.exp()[:, SHOWN].numpy(),
        marginal[SHOWN].numpy(),
        posterior[:, SHOWN].numpy(),
        prior.numpy(),
        known.numpy(),
        z.numpy().astype(np.int64),
        (mu[z, 0] + sigma[z, 0] * noise).numpy(),
    )
