"""What the generator feels: the gradient in its mean of both of its losses, while the discriminator stands still.

    minimax          E_q ln(1 - D(x))      d/d mu = -E_q[D(x) l'(x)]              vanishes where D knows the fakes
    non-saturating   E_q[-ln D(x)]         d/d mu = -E_q[(1 - D(x)) l'(x)]        is largest there

x = mu + sigma u with u standard normal, D = sigmoid(l) held fixed, l' = dl/dx. For the best D (l = l*) the first is
the gradient of 2 JS(p, q), the second that of KL(q||p) - 2 JS(p, q) (Arjovsky and Bottou, Towards Principled Methods
for Training GANs, 2017, theorem 2.5). A D that is not as sure as the best one has c l* with c below 1.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING

from gm_core.concepts.base import Column, Columns, ConceptFrame, Query, answers_alone
from gm_core.concepts.game import DRAWN, Data, log_bell, log_data

if TYPE_CHECKING:
    import torch
    from torch import Tensor

MEANS = 113
"""Means of the generator for which the gradients are drawn, from -DRAWN to DRAWN."""
DEVIATIONS, NODES = 8.0, 481
"""Standard deviations of q on each side over which it is summed, at so many places."""
LOGITS = 10.0
"""Losses are drawn for logits from -LOGITS to LOGITS."""


@dataclass(frozen=True, slots=True)
class SaturationQuery(Query):
    """Data, a generator N(mu, sigma^2), and how sure D is: c in l = c l*."""

    data: Data = field(default=Data())
    mu: float = 3.0
    sigma: float = 0.8
    sure: float = 1.0


@dataclass(frozen=True, slots=True)
class SaturationFrame(ConceptFrame):
    """Over x (k,): p, q per unit of x, and D. Over means of q (MEANS,): both gradients in nats per unit of x. Over
    logits of D (m,): both losses in nats."""

    x: Column
    p: Column
    q: Column
    d: Column
    mu: Column
    minimax: Column
    non_saturating: Column
    logit: Column
    minimax_loss: Column
    non_saturating_loss: Column

    def columns(self) -> Columns:
        """All curves."""
        return {
            "x": self.x, "p(x)": self.p, "q(x)": self.q, "D(x)": self.d, "mu": self.mu,
            "gradient, minimax": self.minimax, "gradient, non-saturating": self.non_saturating, "logit": self.logit,
            "ln(1-D)": self.minimax_loss, "-ln D": self.non_saturating_loss,
        }  # fmt: skip


@answers_alone(SaturationQuery)
def _saturation(query: SaturationQuery, rng: torch.Generator) -> Iterator[SaturationFrame]:
    import torch
    from torch.nn.functional import logsigmoid

    means = torch.linspace(-DRAWN, DRAWN, MEANS, dtype=torch.float64)
    at = torch.cat((torch.tensor([query.mu], dtype=torch.float64), means))[:, None]
    u, weight = _nodes()
    logit, slope = _logit(query, at + query.sigma * u, at)
    d = logit.sigmoid()
    minimax, non_saturating = (-(share * slope) @ weight for share in (d, 1 - d))
    here, fakes = logit[0], d[0]
    losses = [float(v @ weight) for v in (logsigmoid(-here), -logsigmoid(here))]
    felt, wanted = float(minimax[0]), float(non_saturating[0])
    numbers = {
        "minimax": felt, "non_saturating": wanted, "minimax_loss": losses[0], "non_saturating_loss": losses[1],
        "ratio": abs(felt / wanted) if wanted else float("nan"), "fakes": float(fakes @ weight),
        "logit": float(here @ weight),
    }  # fmt: skip
    x = torch.linspace(-DRAWN, DRAWN, 351, dtype=torch.float64)
    log_p, log_q = log_data(query.data, x), log_bell(x, query.mu, query.sigma)
    logits = torch.linspace(-LOGITS, LOGITS, 121, dtype=torch.float64)
    curves = (
        x, log_p.exp(), log_q.exp(), (query.sure * (log_p - log_q)).sigmoid(), means, minimax[1:], non_saturating[1:],
        logits, logsigmoid(-logits), -logsigmoid(logits),
    )  # fmt: skip
    yield SaturationFrame(numbers, *(curve.numpy() for curve in curves))


@lru_cache(maxsize=1)
def _nodes() -> tuple[Tensor, Tensor]:
    """Places u (NODES,) in standard deviations and their weights under the standard Gaussian, which sum to 1."""
    import torch

    u = torch.linspace(-DEVIATIONS, DEVIATIONS, NODES, dtype=torch.float64)
    weight = (-0.5 * u.square()).exp()
    return u, weight / weight.sum()


def _logit(query: SaturationQuery, x: Tensor, mean: Tensor) -> tuple[Tensor, Tensor]:
    """The logit c l* and its slope in x, both of the shape of x, where q has the means (..., 1)."""
    data, sigma = query.data, query.sigma
    score = (mean - x) / sigma**2  # of q
    first = (data.mu_1 - x) / data.sigma**2
    if data.peaks == 1:
        of_data = first
    else:  # each peak's slope counts as much as the peak has a share in x
        between = (data.mu_1 - data.mu_2) / data.sigma**2
        share = (between * (x - (data.mu_1 + data.mu_2) / 2)).sigmoid()
        of_data = (data.mu_2 - x) / data.sigma**2 + share * between
    logit = log_data(data, x) - log_bell(x, mean, sigma)
    return query.sure * logit, query.sure * (of_data - score)
