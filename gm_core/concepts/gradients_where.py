"""Where which gradient applies: both tried on six cases whose truth is known.

reparameterised   needs z = g(eps, theta) with slopes in theta, and f with slopes wherever z goes
score function    needs ln q with slopes in theta, and a support that does not move with theta
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gm_core.concepts.base import Column, Columns, ConceptFrame, Query, answers_alone

if TYPE_CHECKING:
    import torch

CASES = 6
TARGET = 0.45


@dataclass(frozen=True, slots=True)
class WhereQuery(Query):
    """mu and sigma of the Gaussians; the uniform ends at b = 2 sigma, coin and switch have probability sigmoid(mu)."""

    mu: float = 0.5
    sigma: float = 1.0
    draws: int = 1000


@dataclass(frozen=True, slots=True)
class WhereFrame(ConceptFrame):
    """By case (CASES,): the true gradient; mean and standard error of the reparameterised one (NaN where there is
    none) and of the score function.

    The cases: N(mu, sigma^2) with (z - 1)^2, |z| and the step, by mu; U(0, b) with z^2, by b; a coin with (z - a)^2 and
    a mixture of N(-1, sigma^2) and N(1, sigma^2) with (z - 1)^2, by the logit of the switch.
    """

    exact: Column
    through: Column
    through_error: Column
    score: Column
    score_error: Column

    def columns(self) -> Columns:
        """The table."""
        return {
            "exact": self.exact, "reparameterised": self.through, "its error": self.through_error,
            "score": self.score, "score's error": self.score_error,
        }  # fmt: skip


@answers_alone(WhereQuery)
def _where(query: WhereQuery, rng: torch.Generator) -> Iterator[WhereFrame]:
    import torch

    mu, sigma = query.mu, query.sigma
    t = torch.randn(query.draws, generator=rng, dtype=torch.float64)
    u = torch.rand(query.draws, generator=rng, dtype=torch.float64)
    z, s, b, theta = mu + sigma * t, t / sigma, 2.0 * sigma, 1.0 / (1.0 + math.exp(-mu))
    phi = math.exp(-0.5 * (mu / sigma) ** 2) / (sigma * math.sqrt(2.0 * math.pi))
    coin = (u < theta).double()
    mixed = 2.0 * coin - 1.0 + sigma * t
    none = torch.full_like(t, math.nan)
    exact = [
        2.0 * (mu - 1.0), math.erf(mu / (sigma * math.sqrt(2.0))), phi, 2.0 * b / 3.0,
        theta * (1.0 - theta) * (1.0 - 2.0 * TARGET), -4.0 * theta * (1.0 - theta),
    ]  # fmt: skip
    # No slope of a mixture's draw reaches its switch, so that autograd says 0; through a coin there is no way.
    through = [2.0 * (z - 1.0), z.sign(), t * 0.0, 2.0 * b * u * u, none, t * 0.0]
    score = [
        (z - 1.0) ** 2 * s, z.abs() * s, (z > 0) * s, -((b * u) ** 2) / b,
        (coin - TARGET) ** 2 * (coin - theta), (mixed - 1.0) ** 2 * (coin - theta),
    ]  # fmt: skip
    both = [torch.stack(list(rows)) for rows in (through, score)]
    means = [rows.mean(1) for rows in both]
    errors = [rows.std(1) / math.sqrt(query.draws) for rows in both]
    numbers = {f"exact_{i}": float(value) for i, value in enumerate(exact)}
    for name, values in (("through", means[0]), ("score", means[1])):
        numbers |= {f"{name}_{i}": float(value) for i, value in enumerate(values)}
    yield WhereFrame(
        numbers, torch.tensor(exact, dtype=torch.float64).numpy(), means[0].numpy(), errors[0].numpy(),
        means[1].numpy(), errors[1].numpy(),
    )  # fmt: skip
