"""Maximum likelihood is minimum KL: two curves over a parameter that differ by a constant, and their noisy brother.

    KL(p || p_theta) = -E_p[ln p_theta(x)] - h(p)        E_p[ln p_theta(x)] ~ 1/N sum_i ln p_theta(x_i),  x_i ~ p

p is a mixture of two Gaussians of width 1, d to the left and to the right of 0; the model is N(theta, sigma^2) with a
sigma that is not learned, so that the likelihood of N examples is highest at their mean.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from gm_core.concepts.base import Column, Columns, ConceptFrame, Query, answers_alone
from gm_core.concepts.divergences_line import CELLS, REACH, Mixture, log_density, middles

if TYPE_CHECKING:
    import torch
    from torch import Tensor

DRAWN = 5.0
"""What is drawn: x from -DRAWN to DRAWN."""
THETA = 3.0
"""Parameters from -THETA to THETA."""
MOST, REPEATS = 500, 200
"""Examples at most, and how many data sets are drawn to see where their best parameters fall."""


@dataclass(frozen=True, slots=True)
class LikelihoodQuery(Query):
    """The truth's half distance of peaks, the model's parameter and its fixed width, and the number of examples."""

    separation: float = 1.5
    theta: float = 1.0
    sigma: float = 1.2
    examples: int = 20


@dataclass(frozen=True, slots=True)
class LikelihoodFrame(ConceptFrame):
    """Over x (k,): densities of truth and model. Over theta (m,), in nats: the cross-entropy -E_p[ln p_theta], the
    KL divergence, and the mean of -ln p_theta over the examples. The examples (N,), and the best theta of each of 200
    data sets (200,) as a histogram: middles of bins, densities, and the normal density that it should follow."""

    x: Column
    p: Column
    model: Column
    theta: Column
    cross: Column
    kl: Column
    empirical: Column
    examples: Column
    bins: Column
    share: Column
    normal: Column

    def columns(self) -> Columns:
        """Curves over the parameter, the examples, and the histogram."""
        return {
            "theta": self.theta, "cross-entropy (nats)": self.cross, "KL (nats)": self.kl,
            "-mean log-likelihood (nats)": self.empirical, "x_i": self.examples, "best theta": self.bins,
            "density of best thetas": self.share, "normal density": self.normal,
        }  # fmt: skip


@answers_alone(LikelihoodQuery)
def _likelihood(query: LikelihoodQuery, rng: torch.Generator) -> Iterator[LikelihoodFrame]:
    import torch

    from gm_core.maths import gaussian

    d, sigma, n = query.separation, query.sigma, min(max(query.examples, 1), MOST)
    truth = Mixture(0.5, -d, 1.0, d, 1.0)
    noise, side = _draws(rng.initial_seed())
    drawn = noise[:n] + d * side[:n]
    mine, means = drawn[:, 0], drawn.mean(0)

    log_p, width = log_density(truth), 2 * REACH / CELLS
    h = -float((log_p.exp() * log_p).sum()) * width
    variance = 1.0 + d * d
    floor = math.log(sigma) + 0.5 * gaussian.LOG_2PI
    theta = torch.linspace(-THETA, THETA, 241, dtype=torch.float64)
    here = torch.tensor([query.theta], dtype=torch.float64)
    sample_mean, sample_variance = float(mine.mean()), float(mine.var(unbiased=False))

    def crossed(at: Tensor, mean: float, spread: float) -> Tensor:
        return floor + 0.5 * ((at - mean).square() + spread) / sigma**2

    x = middles()
    seen = (x.abs() <= DRAWN).nonzero().squeeze(1)[::3]
    error = math.sqrt(variance / n)
    edges = torch.linspace(-4.0 * error, 4.0 * error, 33, dtype=torch.float64)
    middle, bin_width = (edges[1:] + edges[:-1]) / 2, float(edges[1] - edges[0])
    count = torch.histc(means, 32, float(edges[0]), float(edges[-1]))
    cross = float(crossed(here, 0.0, variance))
    numbers = {
        "h": h, "cross": cross, "kl": cross - h, "mean_log": -float(crossed(here, sample_mean, sample_variance)),
        "exact_log": -cross, "theta": query.theta, "best": 0.0, "found": sample_mean, "error": error,
        "lowest": float(crossed(torch.zeros(1).double(), 0.0, variance)) - h, "spread": float(means.std()),
        "n": float(n),
    }  # fmt: skip
    yield LikelihoodFrame(
        numbers,
        x[seen].numpy(),
        log_p[seen].exp().numpy(),
        gaussian.log_prob(x[seen], here, 2 * here.new_full((1,), sigma).log()).exp().numpy(),
        theta.numpy(),
        crossed(theta, 0.0, variance).numpy(),
        (crossed(theta, 0.0, variance) - h).numpy(),
        crossed(theta, sample_mean, sample_variance).numpy(),
        mine.numpy(),
        middle.numpy(),
        (count / (REPEATS * bin_width)).numpy(),
        gaussian.log_prob(middle, middle.new_zeros(()), middle.new_tensor(2 * math.log(error))).exp().numpy(),
    )


@lru_cache(maxsize=2)
def _draws(seed: int) -> tuple[Tensor, Tensor]:
    """Standard normal numbers and signs (MOST, REPEATS): more examples are more of the same, so they are kept."""
    import torch

    rng = torch.Generator().manual_seed(seed)
    noise = torch.randn(MOST, REPEATS, generator=rng, dtype=torch.float64)
    return noise, 2.0 * torch.randint(0, 2, (MOST, REPEATS), generator=rng).double() - 1.0
