"""The same quantities for two mixtures of two Gaussians on a line, by quadrature.

    KL(p||q) = integral p(x) ln(p(x)/q(x)) dx        h(p) = -integral p ln p dx        JS as for outcomes

Sums over 4000 cells from -30 to 30: for mixtures whose components are no narrower than 0.25, and no wider than 3 with
means within 6, they agree with adaptive quadrature to 1e-6. Log-densities are computed from the components, so that
ratios stay finite far out where both densities are 0 in floating point.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from gm_core.concepts.base import Column, Columns, ConceptFrame, Query, answers_alone
from gm_core.concepts.divergences import PER_NAT, Unit

if TYPE_CHECKING:
    import torch
    from torch import Tensor

REACH, CELLS = 30.0, 4000
"""What is summed over: CELLS cells from -REACH to REACH, half of a hundredth wide."""
DRAWN = 7.0
"""What is drawn: -DRAWN to DRAWN."""


class Mixture(NamedTuple):
    """Two Gaussians: the share of the first, mean and standard deviation of each."""

    weight: float = 0.5
    mu_1: float = -2.0
    sigma_1: float = 0.6
    mu_2: float = 2.0
    sigma_2: float = 0.6


P = Mixture(0.6, -2.0, 0.7, 2.2, 0.6)
Q = Mixture(0.3, -0.5, 1.2, 2.8, 0.8)


@lru_cache(maxsize=64)
def tensors(mixture: Mixture) -> tuple[Tensor, Tensor, Tensor]:
    """Weights, means and widths (2,) as gm_core.maths.line_mixture wants them, float64."""
    import torch

    w, *rest = mixture
    weights, means, widths = [w, 1.0 - w], [rest[0], rest[2]], [rest[1], rest[3]]
    return tuple(torch.tensor(v, dtype=torch.float64) for v in (weights, means, widths))  # type: ignore[return-value]


@lru_cache(maxsize=1)
def middles() -> Tensor:
    """The middles of the cells (CELLS,)."""
    import torch

    return (torch.arange(CELLS, dtype=torch.float64) + 0.5) / CELLS * (2 * REACH) - REACH


@lru_cache(maxsize=16)
def log_density(mixture: Mixture) -> Tensor:
    """ln p at the middles of all cells (CELLS,); kept, since most moves leave one of the two as it was."""
    from gm_core.maths import line_mixture

    return line_mixture.log_prob(middles(), *tensors(mixture))


@dataclass(frozen=True, slots=True)
class LineQuery(Query):
    """Two mixtures, and the unit of the answer."""

    p: Mixture = field(default=P)
    q: Mixture = field(default=Q)
    unit: Unit = "nats"


@dataclass(frozen=True, slots=True)
class LineFrame(ConceptFrame):
    """Over x (k,): densities p, q per unit of x, the integrands of KL(p||q), KL(q||p) and JS, per unit of x."""

    x: Column
    p: Column
    q: Column
    forth: Column
    back: Column
    both: Column

    def columns(self) -> Columns:
        """All curves."""
        return {
            "x": self.x, "p(x)": self.p, "q(x)": self.q, "p log(p/q)": self.forth, "q log(q/p)": self.back,
            "integrand of JS": self.both,
        }  # fmt: skip


@answers_alone(LineQuery)
def _line(query: LineQuery, rng: torch.Generator) -> Iterator[LineFrame]:
    import math

    import torch

    from gm_core.maths import on_grid

    unit, area = PER_NAT[query.unit], 2 * REACH / CELLS
    log_p, log_q = log_density(query.p), log_density(query.q)
    gap = on_grid.gap(log_p, log_q, area)
    p, q = log_p.exp(), log_q.exp()
    h_p, h_q = (-float((v * log_v).sum()) * area for v, log_v in ((p, log_p), (q, log_q)))
    middle = torch.logaddexp(log_p, log_q) - math.log(2.0)
    forth, back = p * (log_p - log_q), q * (log_q - log_p)
    both = 0.5 * (p * (log_p - middle) + q * (log_q - middle))
    numbers = {
        "h_p": h_p, "h_q": h_q, "kl": gap.kl, "back": gap.reverse, "js": gap.js, "cross": h_p + gap.kl,
        "cross_back": h_q + gap.reverse, "most": math.log(2.0),
    }  # fmt: skip
    x = middles()
    seen = (x.abs() <= DRAWN).nonzero().squeeze(1)[::3]
    curves = [x[seen], p[seen], q[seen], unit * forth[seen], unit * back[seen], unit * both[seen]]
    yield LineFrame({name: v * unit for name, v in numbers.items()}, *(c.numpy() for c in curves))
