"""Two Gaussian peaks on a line: density, score and what a diffusion makes of them, all in closed form.

    p(x) = w N(x; -d, s^2) + (1 - w) N(x; d, s^2)
    d ln p / dx = (d tanh(d x / s^2 + 1/2 ln((1 - w) / w)) - x) / s^2

A diffusion keeps the form: x_t = sqrt(a) x_0 + sqrt(1 - a) eps has peaks at sqrt(a) d of variance a s^2 + 1 - a.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from gm_core.concepts.base import Floats

if TYPE_CHECKING:
    import torch



@dataclass(frozen=True, slots=True)
class Peaks:
    """Peaks at -distance and +distance of standard deviation `width`; `left` is the weight of the one at -distance."""

    distance: float
    width: float
    left: float = 0.5

    @property
    def lean(self) -> float:
        """Half the log-odds of the right peak."""
        return 0.5 * math.log((1.0 - self.left) / self.left)

    @property
    def mean(self) -> float:
        """Mean."""
        return self.distance * (1.0 - 2.0 * self.left)

    @property
    def variance(self) -> float:
        """Variance: that within the peaks plus that of their places."""
        return self.width**2 + 4.0 * self.left * (1.0 - self.left) * self.distance**2

    def noised(self, kept: float) -> Peaks:
        """The distribution of sqrt(kept) x + sqrt(1 - kept) eps, for 0 <= kept <= 1."""
        return Peaks(math.sqrt(kept) * self.distance, math.sqrt(kept * self.width**2 + 1.0 - kept), self.left)

    def log_density(self, x: Floats) -> Floats:
        """ln p(x), of the shape of x."""
        square = self.width**2
        turn = np.abs(self.distance * x / square + self.lean)
        constant = 0.5 * math.log(self.left * (1.0 - self.left)) - math.log(self.width) - 0.5 * math.log(2 * math.pi)
        made: Floats = turn + np.log1p(np.exp(-2.0 * turn)) - (x**2 + self.distance**2) / (2.0 * square) + constant
        return made

    def density(self, x: Floats) -> Floats:
        """p(x), of the shape of x."""
        made: Floats = np.exp(self.log_density(x))
        return made

    def score(self, x: Floats) -> Floats:
        """The slope of ln p in x, of the shape of x."""
        square = self.width**2
        made: Floats = (self.distance * np.tanh(self.distance * x / square + self.lean) - x) / square
        return made

    def draw(self, n: int, rng: torch.Generator) -> Floats:
        """So many draws, (n,)."""
        import torch

        side = torch.rand(n, generator=rng, dtype=torch.float64) < self.left
        eps = torch.randn(n, generator=rng, dtype=torch.float64)
        made: Floats = (torch.where(side, -self.distance, self.distance) + self.width * eps).numpy()
        return made


def draws(rng: torch.Generator, *shape: int) -> Floats:
    """Standard normal numbers of a shape, float64."""
    import torch

    made: Floats = torch.randn(*shape, generator=rng, dtype=torch.float64).numpy()
    return made


def histogram(values: Floats, low: float, high: float, bins: int) -> Floats:
    """Density of values (n,) in equal bins, (bins,); what lies outside counts as drawn, but is not shown."""
    counts = np.histogram(values, bins, (low, high))[0]
    made: Floats = counts / (len(values) * (high - low) / bins)
    return made
