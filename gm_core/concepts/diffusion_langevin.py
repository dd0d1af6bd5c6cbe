"""Langevin dynamics with three sizes of step at once: one too small, one right, one too large.

    x' = x + eta/2 s(x) + sqrt(eta) z,   s = d ln p / dx                              Roberts & Tweedie 1996 (ULA)
    on N(0, 1), after k steps from x_0:   mean (1 - eta/2)^k x_0,   variance (1 - (1 - eta/2)^{2k}) / (1 - eta/4)
    for eta < 4 the variance settles at 1 / (1 - eta/4), not at 1; from eta = 4 on it grows without end.

With Metropolis' test (MALA) each move is accepted with probability min(1, p(x') q(x|x') / (p(x) q(x'|x))), and what
is left in the end is p at any eta, if it moves at all.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from gm_core.concepts.base import Column, Columns, ConceptFrame, Floats, Query, answers_alone
from gm_core.concepts.diffusion_peaks import Peaks, draws, histogram

if TYPE_CHECKING:
    import torch

MOST = 150
"""Steps of a run."""
CHAINS = 200
SHOWN = 16
START = -3.0
REACH = 4.0
BINS = 40
GRID = 321
SEEN = 50.0
"""Chains are drawn no farther out than this; where they run away, numbers say how far."""
Target = Literal["one peak", "two peaks"]
TARGETS: dict[Target, Peaks] = {"one peak": Peaks(0.0, 1.0), "two peaks": Peaks(1.5, 0.6)}


@dataclass(frozen=True, slots=True)
class LangevinQuery(Query):
    """Three sizes of step on a target, looked at after `steps` steps, with Metropolis' test or without."""

    target: Target = "two peaks"
    small: float = 0.003
    right: float = 0.3
    large: float = 1.3
    steps: int = MOST
    metropolis: bool = False


@dataclass(frozen=True, slots=True)
class LangevinFrame(ConceptFrame):
    """Chains (3, MOST + 1, SHOWN) for the three sizes, NaN beyond the steps done; histograms (3, BINS) of where all
    CHAINS stand now, over the middles of bins; density of the target over x (GRID,)."""

    chains: Column
    middles: Column
    stand: Column
    x: Column
    density: Column

    def columns(self) -> Columns:
        """Histograms and the target."""
        return {
            "x": self.middles, "too small": self.stand[0], "right": self.stand[1], "too large": self.stand[2],
            "x of the target": self.x, "p(x)": self.density,
        }  # fmt: skip


def walk(
    target: Peaks, etas: tuple[float, ...], x: Floats, z: Floats, u: Floats | None = None
) -> tuple[Floats, Floats]:
    """Run chains from x (n,) with the noise z (steps, n), the same for every size of step.

    With `u` (steps, n), uniform, each move is put to Metropolis' test. Returns the ways (steps + 1, len(etas), n) and
    the share of moves accepted by each size.
    """
    eta = np.array(etas)[:, None]
    half, root = 0.5 * eta, np.sqrt(eta)
    at = np.broadcast_to(x, (len(etas), len(x))).copy()
    ways = np.empty((len(z) + 1, *at.shape))
    ways[0] = at
    score, log_p, accepted = target.score(at), target.log_density(at), np.zeros(len(etas))
    odds = np.log(u) if u is not None else None
    for k, noise in enumerate(z):
        if odds is None:
            at = at + half * target.score(at) + root * noise
        else:
            there = at + half * score + root * noise
            new_score, new_log_p = target.score(there), target.log_density(there)
            # ln q(x | x') - ln q(x' | x): the noise that would lead back, against the noise that led here.
            back = (at - there - half * new_score) ** 2 / (2.0 * eta)
            moves = odds[k] < new_log_p - log_p - back + 0.5 * noise**2
            at = np.where(moves, there, at)
            score, log_p = np.where(moves, new_score, score), np.where(moves, new_log_p, log_p)
            accepted += moves.mean(1)
        ways[k + 1] = at
    return ways, accepted / len(z) if u is not None else np.ones(len(etas))


def moments_on_normal(eta: float, steps: int, start: float) -> tuple[float, float]:
    """Mean and variance of unadjusted chains on N(0, 1) after so many steps from `start`."""
    keep = 1.0 - 0.5 * eta
    if eta == 4.0:
        return start * keep**steps, eta * steps
    return start * keep**steps, (1.0 - keep ** (2 * steps)) / (1.0 - 0.25 * eta)


@answers_alone(LangevinQuery)
def _langevin(query: LangevinQuery, rng: torch.Generator) -> Iterator[LangevinFrame]:
    import torch

    target, etas = TARGETS[query.target], (query.small, query.right, query.large)
    steps = min(max(query.steps, 1), MOST)
    z = draws(rng, MOST, CHAINS)[:steps]  # all are drawn, so that a longer run begins like a shorter one
    u = torch.rand(MOST, CHAINS, generator=rng, dtype=torch.float64).numpy()[:steps] if query.metropolis else None
    ways, accepted = walk(target, etas, np.full(CHAINS, START), z, u)
    now = ways[-1]
    chains = np.full((len(etas), MOST + 1, SHOWN), np.nan)
    chains[:, : steps + 1] = np.clip(ways[:, :, :SHOWN], -SEEN, SEEN).transpose(1, 0, 2)
    edges, line = np.linspace(-REACH, REACH, BINS + 1), np.linspace(-REACH, REACH, GRID)
    numbers = {"steps": float(steps), "target_mean": target.mean, "target_variance": target.variance}
    for name, eta, at, share in zip(("small", "right", "large"), etas, now, accepted, strict=True):
        numbers[f"eta_{name}"] = eta
        numbers[f"mean_{name}"], numbers[f"variance_{name}"] = float(at.mean()), float(at.var())
        numbers[f"accepted_{name}"] = float(share)
        numbers[f"settles_{name}"] = 1.0 / (1.0 - 0.25 * eta) if eta < 4.0 else math.inf
        numbers[f"exact_mean_{name}"], numbers[f"exact_{name}"] = moments_on_normal(eta, steps, START)
    yield LangevinFrame(
        numbers,
        chains,
        (edges[:-1] + edges[1:]) / 2,
        np.stack([histogram(at, -REACH, REACH, BINS) for at in now]),
        line,
        target.density(line),
    )
