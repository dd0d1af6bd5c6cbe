"""Levels of noise: data with noise added, sigma_1 > ... > sigma_L in a geometric series, and the walks back to data.

    x_t = x_0 + sigma(t) eps,  sigma(t) = sigma_L (sigma_1 / sigma_L)^t,  t in 0..1          Song et al. 2021, Eq. 9, VE
    sigma_i = sigma_1 (sigma_L / sigma_1)^((i-1) / (L-1))                                    Song & Ermon 2019, 3.1

Nothing is taken from the data, so that the score of x_t is that of a sum of data and noise at every t.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, get_args

import torch
from torch import Tensor

from gm_core.parts.langevin import Score, Stand, annealed, reverse

WayName = Literal["annealed", "ula", "reverse", "corrected", "ode"]
WAYS: tuple[WayName, ...] = get_args(WayName)
BINS = 10


@dataclass(frozen=True)
class NoiseLevels:
    """The levels from `largest` to `smallest`, `count` of them; `between` trains at any noise in between too."""

    largest: float
    smallest: float
    count: int
    between: bool = False

    @cached_property
    def rungs(self) -> tuple[float, ...]:
        """sigma_1 .. sigma_L, falling; a single level is the smallest."""
        if self.count == 1:
            return (self.smallest,)
        return tuple(self.sigma(1.0 - i / (self.count - 1)) for i in range(self.count))

    def sigma(self, t: float) -> float:
        """The noise at time t in 0..1."""
        grown: float = (self.largest / self.smallest) ** min(max(t, 0.0), 1.0)
        return self.smallest * grown

    def rung(self, t: float) -> float:
        """The level that a walk down the ladder stands on at time t: each takes an equal part of the way."""
        return self.rungs[min(int((1.0 - t) * self.count + 1e-9), self.count - 1)]

    def time_of(self, sigma: Tensor) -> Tensor:
        """The time at which the noise is sigma (n,)."""
        span = math.log(self.largest / self.smallest)
        return (sigma / self.smallest).log() / span if span else torch.zeros_like(sigma)

    @property
    def bins(self) -> int:
        """Into how many parts the levels are put to show how the error depends on them: at most ten."""
        return BINS if self.between else min(self.count, BINS)

    @property
    def shares(self) -> Tensor:
        """Which part of all draws falls into each bin, (bins,): not all alike where they do not divide the levels."""
        if self.between:
            return torch.full((BINS,), 1.0 / BINS)
        return (torch.arange(self.count) * self.bins // self.count).bincount(minlength=self.bins) / self.count

    def drawn(self, u: Tensor) -> tuple[Tensor, Tensor]:
        """The noise of examples by numbers u (n,) in 0..1, and the bin that it falls into, from the smallest on."""
        ratio = math.log(self.largest / self.smallest)
        if self.between:
            return self.smallest * (ratio * u).exp(), (u * BINS).long().clamp(max=BINS - 1)
        level = (u * self.count).long().clamp(max=self.count - 1)
        sigma = self.smallest * (ratio * level.to(u.dtype) / max(self.count - 1, 1)).exp()
        return sigma, level * self.bins // self.count

    def curves(self, step: float) -> Mapping[str, Any]:
        """Over t = 0..1: sigma, the level that a walk down the ladder stands on, and its step size `step` level^2."""
        times = [k / 200 for k in range(201)]
        levels = torch.tensor([self.rung(t) for t in times], dtype=torch.float64)
        tables = {
            "t": torch.tensor(times, dtype=torch.float64),
            "sigma": torch.tensor([self.sigma(t) for t in times], dtype=torch.float64),
            "level": levels,
            "step": step * levels.square(),
        }
        return {name: table.numpy() for name, table in tables.items()}


@dataclass(frozen=True)
class Way:
    """How to walk from noise to data.

    annealed    Langevin steps of size `step` sigma^2, down the levels; `clean` ends with a jump to the mean of the data
    ula         the same at the smallest level alone
    reverse     the reverse stochastic equation, over sigma(t) at even times
    corrected   with so many Langevin `corrections` after each of its steps
    ode         the ordinary equation of the same laws, by Euler in sigma
    """

    name: WayName
    step: float = 0.2
    corrections: int = 1
    clean: bool = True

    def walk(
        self, levels: NoiseLevels, score: Score, x: Tensor, times: Sequence[float], rng: torch.Generator
    ) -> Iterator[Stand]:
        """Walk from x (n, ...) at times[0] over times that fall and end above 0: len(times) + 1 stands, or one."""
        low = levels.rungs[-1]
        if not times:
            return iter([Stand(0, low, x, score(x, low))])
        if self.name in ("annealed", "ula"):
            sigmas = [levels.rung(t) if self.name == "annealed" else low for t in times]
            return annealed(score, x, sigmas, self.step, rng, self.clean)
        corrections = self.corrections if self.name == "corrected" else 0
        sigmas = [levels.sigma(t) for t in times]
        return reverse(score, x, sigmas, rng, noise=self.name != "ode", corrections=corrections, step=self.step)

    def evaluations(self, steps: int, total: int) -> int:
        """How often the score was asked to come so many steps far of all."""
        extra = self.corrections if self.name == "corrected" else 0
        return steps + extra * max(0, min(steps, total - 1))
