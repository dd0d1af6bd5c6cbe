"""Bernoulli and categorical: likelihood of counts, and its maximum by counting and by following the gradient.

    ln p(x_1..x_N) = sum_k n_k ln p_k          maximum at p_k = n_k / N

The gradient is taken in logits, where it is n_k / N - p_k for each example: what was seen less what was expected.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from gm_core.concepts.base import Column, Columns, ConceptFrame, Query, answers_alone

if TYPE_CHECKING:
    import torch

CURVE = 199
SIDE = 90
"""Cells along the side of the picture of the triangle."""
STEPS = 60
HIGH = math.sqrt(3) / 2
FLOOR = 1e-12


@dataclass(frozen=True, slots=True)
class BernoulliQuery(Query):
    """`samples` draws of a coin that shows 1 with probability `truth`; the model says `p`, and learns at `rate`."""

    truth: float = 0.7
    samples: int = 20
    p: float = 0.3
    rate: float = 1.0


@dataclass(frozen=True, slots=True)
class BernoulliFrame(ConceptFrame):
    """Log-likelihood of one example in nats over p (CURVE,), the draws (n,), and p along the gradient (STEPS + 1,)."""

    p: Column
    log_likelihood: Column
    draws: Column
    path: Column
    path_log_likelihood: Column

    def columns(self) -> Columns:
        """The curve and the way up."""
        return {
            "p": self.p, "ln p(x) a draw (nats)": self.log_likelihood, "p along the gradient": self.path,
            "ln p(x) along it": self.path_log_likelihood,
        }  # fmt: skip


@answers_alone(BernoulliQuery)
def _bernoulli(query: BernoulliQuery, rng: torch.Generator) -> Iterator[BernoulliFrame]:
    import torch

    uniform = torch.rand(query.samples, generator=rng, dtype=torch.float64).numpy()
    draws = (uniform < query.truth).astype(np.float64)
    share = float(draws.mean())

    def score(p: Column) -> Column:
        found: Column = share * np.log(np.maximum(p, FLOOR)) + (1 - share) * np.log(np.maximum(1 - p, FLOOR))
        return found

    logit, path = math.log(query.p) - math.log1p(-query.p), []
    for _ in range(STEPS + 1):
        p = 1 / (1 + math.exp(-logit))
        path.append(p)
        logit += query.rate * (share - p)
    way, curve = np.array(path), np.linspace(0.005, 0.995, CURVE)
    here = float(score(np.array([query.p]))[0])
    numbers = {
        "ones": float(draws.sum()), "n": query.samples, "mle": share, "p": query.p, "each": here,
        "log_likelihood": query.samples * here, "gradient": share - query.p, "reached": path[-1],
        "best": float(score(np.array([share]))[0]),
        "spread": math.sqrt(query.truth * (1 - query.truth) / query.samples),
    }  # fmt: skip
    yield BernoulliFrame(numbers, curve, score(curve), draws, way, score(way))


@dataclass(frozen=True, slots=True)
class CategoricalQuery(Query):
    """Three outcomes of which `samples` are drawn with the probabilities `truth`; the model says (p1, p2, rest)."""

    truth: tuple[float, float, float] = (0.5, 0.3, 0.2)
    samples: int = 30
    p1: float = 0.2
    p2: float = 0.2
    rate: float = 1.0


@dataclass(frozen=True, slots=True)
class CategoricalFrame(ConceptFrame):
    """Log-likelihood of a draw over the triangle (SIDE, SIDE), NaN outside, row 0 lowest; counts (3,); the way of the
    gradient (STEPS + 1, 2) in the triangle whose corners are (0, 0), (1, 0), (1/2, HIGH); probabilities along it."""

    surface: Column
    counts: Column
    path: Column
    path_probabilities: Column

    def columns(self) -> Columns:
        """Counts and the way up."""
        made = {f"p{k + 1} along the gradient": self.path_probabilities[:, k] for k in range(3)}
        return {"counts": self.counts, **made}


def place(p: Column) -> Column:
    """Probabilities (..., 3) as points of the triangle (..., 2)."""
    made: Column = np.stack((p[..., 1] + 0.5 * p[..., 2], HIGH * p[..., 2]), -1)
    return made


@cache
def _triangle() -> Column:
    line = (np.arange(SIDE) + 0.5) / SIDE
    x, y = np.meshgrid(line, HIGH * line)
    third = y / HIGH
    second = x - 0.5 * third
    made: Column = np.stack((1 - second - third, second, third), -1)
    made[(made < 0).any(-1)] = np.nan
    return made


@answers_alone(CategoricalQuery)
def _categorical(query: CategoricalQuery, rng: torch.Generator) -> Iterator[CategoricalFrame]:
    import torch

    truth = np.array(query.truth) / sum(query.truth)
    uniform = torch.rand(query.samples, generator=rng, dtype=torch.float64).numpy()
    drawn = np.searchsorted(np.cumsum(truth)[:2], uniform, side="right")
    counts = np.bincount(drawn, minlength=3).astype(np.float64)
    share = counts / query.samples
    p = np.array([query.p1, query.p2, 1 - query.p1 - query.p2])
    p = np.maximum(p, 1e-6) / np.maximum(p, 1e-6).sum()
    logits, path = np.log(p), []
    for _ in range(STEPS + 1):
        now = np.exp(logits - logits.max())
        now /= now.sum()
        path.append(now)
        logits = logits + query.rate * (share - now)
    each = float(share @ np.log(p))
    seen = share[share > 0]
    numbers = {
        "n": query.samples, "log_likelihood": query.samples * each, "each": each, "best": float(seen @ np.log(seen)),
        "mle_1": float(share[0]), "mle_2": float(share[1]), "mle_3": float(share[2]),
        "p_1": float(p[0]), "p_2": float(p[1]), "p_3": float(p[2]), "reached": float(share @ np.log(path[-1])),
    }  # fmt: skip
    probabilities = np.array(path)
    with np.errstate(divide="ignore"):
        surface = (share * np.log(np.maximum(_triangle(), FLOOR))).sum(-1)
    yield CategoricalFrame(numbers, surface, counts, place(probabilities), probabilities)
