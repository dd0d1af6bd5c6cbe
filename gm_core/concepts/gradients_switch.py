"""A draw that cannot be moved a little: the gradient through a coin, exact, by score function, and by relaxation.

    z ~ Bernoulli(theta), theta = sigmoid(l), f(z) = (z - a)^2,   d/dl E f = theta (1 - theta) (f(1) - f(0))
    score function:   (f(z) - b) (z - theta)
    Gumbel-softmax:   y = sigmoid((l + L) / tau), L ~ Logistic(0, 1), gradient f'(y) y (1 - y) / tau

The relaxed gradient is that of another problem: biased for tau > 0, ever noisier for tau -> 0, where z = 1 for y > 1/2
has the right law (Jang et al. 2017, arXiv:1611.01144; Maddison et al. 2017, arXiv:1611.00712). With
b = (1 - theta) f(1) + theta f(0) the score function has no variance at all, but then the answer is known already.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from gm_core.concepts.base import Column, Columns, ConceptFrame, Query, answers_alone
from gm_core.concepts.gradients_functions import Baseline

if TYPE_CHECKING:
    import torch

LEAST, MOST, TAUS = 0.05, 5.0, 61
CELLS = 61
REACHES = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
NODES, REACH = 1601, 40.0


@dataclass(frozen=True, slots=True)
class SwitchQuery(Query):
    """A coin, the number `a` that it should come close to, a temperature, and draws to average over."""

    theta: float = 0.4
    target: float = 0.45
    tau: float = 0.5
    baseline: Baseline = "none"
    draws: int = 1000


@dataclass(frozen=True, slots=True)
class SwitchFrame(ConceptFrame):
    """Over y (n,): f(y), and the share of relaxed draws in each cell; shares of single gradients in cells (CELLS,) of
    half width `reach`; over temperatures tau (TAUS,): absolute bias, standard deviation of one draw, and root mean
    square error of a mean of `draws`, all exact."""

    y: Column
    f: Column
    relaxed: Column
    cells: Column
    gumbel: Column
    score: Column
    tau: Column
    bias: Column
    deviation: Column
    error: Column
    reach: float

    def columns(self) -> Columns:
        """Histograms, and bias and noise by temperature."""
        return {
            "y": self.y, "f(y)": self.f, "share of y": self.relaxed, "gradient": self.cells,
            "share Gumbel": self.gumbel, "share score": self.score, "temperature": self.tau, "|bias|": self.bias,
            "deviation": self.deviation, "error of the mean": self.error,
        }  # fmt: skip


@cache
def _grid() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    import torch

    v = torch.linspace(-REACH, REACH, NODES, dtype=torch.float64)
    share = v.sigmoid()
    return v, share, share * (1.0 - share)


def relaxed_moments(logit: float, target: float, taus: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean and mean square of the relaxed gradient of one draw, for temperatures (k,): two of (k,).

    With l + L = tau v the integrand is smooth in v at every temperature: y = sigmoid(v), and v has density
    tau p(tau v - l), p that of the logistic.
    """
    v, share, bump = _grid()
    away = (taus[:, None] * v - logit).sigmoid()
    density = away * (1.0 - away) * (2.0 * REACH / (NODES - 1))
    rise = 2.0 * (share - target) * bump
    return density @ rise, density @ rise**2 / taus


@answers_alone(SwitchQuery)
def _switch(query: SwitchQuery, rng: torch.Generator) -> Iterator[SwitchFrame]:
    import torch

    theta, a = query.theta, query.target
    logit = math.log(theta / (1.0 - theta))
    zero, one = a**2, (1.0 - a) ** 2
    exact = theta * (1.0 - theta) * (one - zero)
    expected = theta * one + (1.0 - theta) * zero
    base = {"none": 0.0, "mean": expected, "best": (1.0 - theta) * one + theta * zero}[query.baseline]
    up, down = (one - base) * (1.0 - theta), -(zero - base) * theta
    score_variance = max(theta * up**2 + (1.0 - theta) * down**2 - exact**2, 0.0)
    taus = LEAST * (MOST / LEAST) ** torch.linspace(0.0, 1.0, TAUS, dtype=torch.float64)
    at = torch.cat((taus, torch.tensor([query.tau], dtype=torch.float64)))
    mean, square = relaxed_moments(logit, a, at)
    variance = (square - mean**2).clamp(min=0.0)
    error = ((mean - exact) ** 2 + variance / query.draws).sqrt()
    u = torch.rand(max(4000, query.draws), generator=rng, dtype=torch.float64).clamp(1e-12, 1.0 - 1e-12)
    y = ((logit + u.logit()) / query.tau).sigmoid()
    gumbel = 2.0 * (y - a) * y * (1.0 - y) / query.tau
    coin = u.logit() > -logit
    score = torch.tensor([down, up], dtype=torch.float64)[coin.long()]
    deviation = float(variance[-1].sqrt())
    farthest = abs(exact) + 3.0 * max(deviation, math.sqrt(score_variance), abs(up), abs(down)) / 2.0
    reach = next((r for r in REACHES if farthest <= r), REACHES[-1])
    middles = (torch.arange(CELLS, dtype=torch.float64) + 0.5) / CELLS
    edge = reach * (1.0 - 0.5 / CELLS)
    mean_gumbel, mean_score = float(gumbel[: query.draws].mean()), float(score[: query.draws].mean())
    numbers = {
        "exact": exact, "gumbel": mean_gumbel, "score": mean_score, "relaxed": float(mean[-1]),
        "bias": float(mean[-1]) - exact, "gumbel_deviation": deviation, "score_deviation": math.sqrt(score_variance),
        "gumbel_error": float(error[-1]), "score_error": math.sqrt(score_variance / query.draws), "base": base,
        "value": expected, "tau": query.tau, "best_tau": float(taus[int(error[:-1].argmin())]),
    }  # fmt: skip
    yield SwitchFrame(
        numbers, middles.numpy(), ((middles - a) ** 2).numpy(), (torch.histc(y, CELLS, 0.0, 1.0) / len(y)).numpy(),
        (reach * (2.0 * middles - 1.0)).numpy(),
        (torch.histc(gumbel.clamp(-edge, edge), CELLS, -reach, reach) / len(gumbel)).numpy(),
        (torch.histc(score.clamp(-edge, edge), CELLS, -reach, reach) / len(score)).numpy(),
        taus.numpy(), (mean[:-1] - exact).abs().numpy(), variance[:-1].sqrt().numpy(), error[:-1].numpy(), reach,
    )  # fmt: skip
