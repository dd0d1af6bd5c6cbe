"""Why the score function tires with dimension: the reward of all coordinates is the noise of each.

    F(z) = offset + sum_i f(z_i),   d/d mu_1:   f'(z_1)   against   (F(z) - b) (z_1 - mu) / sigma^2

The variance of the first does not know D; that of the second grows as D with the best of constants, as D^2 without one.
Only f(z_1) depends on mu_1, so that all other terms may be left out ("own term"), where one knows that.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gm_core.concepts import gradients_functions as functions
from gm_core.concepts.base import Column, Columns, ConceptFrame, Query, answers_alone
from gm_core.concepts.gradients_functions import Function, Moments

if TYPE_CHECKING:
    import torch

MOST = 128
DRAWS = 256
STEPS = 30


@dataclass(frozen=True, slots=True)
class DimsQuery(Query):
    """f in each of `dims` coordinates; both gradients descend from mu at a step size, averaged over `batch` draws."""

    function: Function = "square"
    steepness: float = 10.0
    offset: float = 0.0
    mu: float = -1.0
    sigma: float = 0.8
    dims: int = 16
    batch: int = 4
    rate: float = 0.05


@dataclass(frozen=True, slots=True)
class DimsFrame(ConceptFrame):
    """By dimension d (k,): exact standard deviation of one draw, reparameterised, by score function with no baseline,
    with the mean as baseline, and with the own term alone; the first three measured (k,). By step (STEPS + 1,): E f per
    coordinate when both descend, the score function with and without the mean as baseline."""

    d: Column
    through: Column
    bare: Column
    based: Column
    own: Column
    measured: Column
    step: Column
    through_value: Column
    bare_value: Column
    based_value: Column

    def columns(self) -> Columns:
        """Deviations by dimension, values by step."""
        return {
            "D": self.d, "reparameterised": self.through, "score, no baseline": self.bare, "score, mean": self.based,
            "score, own term": self.own, "step": self.step, "E f reparameterised": self.through_value,
            "E f score, no baseline": self.bare_value, "E f score, mean": self.based_value,
        }  # fmt: skip


@answers_alone(DimsQuery)
def _dims(query: DimsQuery, rng: torch.Generator) -> Iterator[DimsFrame]:
    import numpy as np
    import torch

    kind, steep = query.function, query.steepness
    known = functions.moments(kind, steep, 0.0, query.mu, query.sigma, "mu")
    d = 2 ** np.arange(8)
    t = torch.randn(DRAWS, MOST, generator=rng, dtype=torch.float64)
    z = query.mu + query.sigma * t
    totals = functions.evaluate(kind, steep, z).cumsum(1)[:, torch.from_numpy(d - 1)].numpy() + query.offset
    score = (t[:, :1] / query.sigma).numpy()
    slopes = functions.slope(kind, steep, z[:, 0]).numpy()
    centred = totals - (d * known.mean + query.offset)
    measured = np.stack([np.full(len(d), slopes.std()), (totals * score).std(0), (centred * score).std(0)])
    means = d * known.mean + query.offset
    bare = np.array([_deviation(known, int(n), query.offset, 0.0) for n in d])
    based = np.array([_deviation(known, int(n), query.offset, b) for n, b in zip(d, means, strict=True)])
    own = math.sqrt(known.score_variance(known.mean))
    yield None  # type: ignore[misc]  # a safe point
    noise = torch.randn(STEPS, query.batch, query.dims, generator=rng, dtype=torch.float64)
    ways = _descend(query, noise)
    here = query.dims * known.mean + query.offset
    numbers = {
        "through": math.sqrt(known.slope_variance()), "bare": _deviation(known, query.dims, query.offset, 0.0),
        "based": _deviation(known, query.dims, query.offset, here), "own": own, "exact": known.gradient,
        "d": float(query.dims), "through_end": float(ways[0][-1]), "bare_end": float(ways[1][-1]),
        "based_end": float(ways[2][-1]), "start": known.mean,
    }  # fmt: skip
    yield DimsFrame(
        numbers, d, np.full(len(d), numbers["through"]), bare, based, np.full(len(d), own), measured,
        np.arange(STEPS + 1), ways[0], ways[1], ways[2],
    )  # fmt: skip


def _deviation(known: Moments, dims: int, offset: float, baseline: float) -> float:
    """Of one draw of (F - b) s: what the other coordinates add is independent of s, with a mean and a variance."""
    rest = (dims - 1) * known.mean + offset
    others = (dims - 1) * max(known.square - known.mean**2, 0.0) * known.information
    return math.sqrt(known.score_variance(baseline - rest) + others)


def _descend(query: DimsQuery, noise: torch.Tensor) -> Column:
    """E f per coordinate by step, for three descents at once, on the same noise: (3, STEPS + 1)."""
    import numpy as np
    import torch

    places, values = (v.numpy() for v in functions.expected(query.function, query.steepness, query.sigma, "mu"))
    mu = torch.full((3, query.dims), query.mu, dtype=torch.float64)
    told = np.empty((3, STEPS + 1))
    share = 1.0 / (query.sigma * query.batch)
    for step in range(STEPS + 1):
        now = np.interp(mu.numpy(), places, values)
        told[:, step] = now.mean(1)
        if step == STEPS:
            break
        z = mu[:, None, :] + query.sigma * noise[step]
        through = functions.slope(query.function, query.steepness, z[0]).mean(0)
        rewards = functions.evaluate(query.function, query.steepness, z[1:]).sum(2)
        less = torch.tensor([-query.offset, float(now[2].sum())], dtype=torch.float64)
        score = (rewards - less[:, None]) @ noise[step] * share
        mu = (mu - query.rate * torch.cat((through[None], score))).clamp_(-functions.MU_REACH, functions.MU_REACH)
    return told
