"""Conditionals: the distribution of one number given those before it, as an autoregressive model states it.

    Levels            p(x_i = v | x_<i) = softmax(logits)_v, or a coin where there are two levels
    GaussianMixture   p(x_i | x_<i) = sum_k pi_k N(x_i; mu_k, sigma_k^2)           (Uria et al. 2013, eq. 9)

Each draws by a uniform number that comes from outside, so that two ways of computing the same conditionals draw the
same example.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import log_softmax, logsigmoid

from gm_core.maths import bernoulli, gaussian


class Conditional(ABC):
    """The distribution of one site for each of n rows."""

    @abstractmethod
    def log_prob(self, values: Tensor) -> Tensor:
        """log p of the values (n,), in nats: (n,)."""

    @abstractmethod
    def draw(self, uniform: Tensor, temperature: float = 1.0) -> Tensor:
        """Values (n,) from uniform numbers in [0, 1) (n,). Below 1, `temperature` prefers the probable."""

    @abstractmethod
    def entropy(self) -> Tensor:
        """Entropy in nats (differential for continuous values): (n,)."""

    @abstractmethod
    def bars(self, lo: float, hi: float, temperature: float = 1.0) -> tuple[Tensor, Tensor]:
        """What to draw: values in lo..hi (m,), and their probabilities or densities (n, m)."""


class Levels(Conditional):
    """K levels from logits (n, 1) of a coin, or (n, K)."""

    def __init__(self, logits: Tensor) -> None:
        self.logits = logits

    def log_prob(self, values: Tensor) -> Tensor:
        """log p of the levels (n,)."""
        return pick(self.logits, values)

    def draw(self, uniform: Tensor, temperature: float = 1.0) -> Tensor:
        """The first level whose cumulative probability exceeds the uniform number."""
        if self.logits.shape[-1] == 1:
            return (uniform >= (self.logits[:, 0] / -temperature).sigmoid()).long()
        below = log_table(self.logits / temperature).exp().cumsum(-1)[:, :-1]
        return (uniform.to(below.dtype)[:, None] >= below).sum(-1)

    def entropy(self) -> Tensor:
        """-sum p ln p."""
        if self.logits.shape[-1] == 1:
            return bernoulli.entropy(self.logits[:, 0]).clamp(min=0.0)
        table = log_table(self.logits)
        return -(table.exp() * table).sum(-1)

    def bars(self, lo: float, hi: float, temperature: float = 1.0) -> tuple[Tensor, Tensor]:
        """The probability of each level."""
        table = log_table(self.logits / temperature).exp()
        return torch.linspace(lo, hi, table.shape[-1], device=table.device), table


class GaussianMixture(Conditional):
    """Mixtures of Gaussians with `logits`, means `mu` and widths `sigma`, each (n, k)."""

    def __init__(self, logits: Tensor, mu: Tensor, sigma: Tensor) -> None:
        self.logits, self.mu, self.sigma = logits, mu, sigma

    def log_prob(self, values: Tensor) -> Tensor:
        """log sum_k pi_k N(values; mu_k, sigma_k^2): (n,)."""
        return self._log_density(values[:, None])[:, 0]

    def draw(self, uniform: Tensor, temperature: float = 1.0) -> Tensor:
        """The uniform number first chooses the component, then what is left of it the place within."""
        share = (self.logits / temperature).softmax(-1)
        ends = share.cumsum(-1)
        uniform = uniform.to(share.dtype)
        chosen = (uniform[:, None] >= ends[:, :-1]).sum(-1, keepdim=True)
        share, end = share.gather(1, chosen)[:, 0], ends.gather(1, chosen)[:, 0]
        tiny = torch.finfo(share.dtype).eps
        within = ((uniform - (end - share)) / share.clamp(min=tiny)).clamp(tiny, 1 - tiny)
        mu, sigma = self.mu.gather(1, chosen)[:, 0], self.sigma.gather(1, chosen)[:, 0]
        drawn: Tensor = mu + math.sqrt(temperature) * sigma * torch.special.ndtri(within)
        return drawn

    def entropy(self) -> Tensor:
        """-sum_k pi_k E_k[ln p] by Gauss-Hermite quadrature within each component, whatever their widths.

        Exact for one component; where components overlap, a number for a heat map.
        """
        places, weights = np.polynomial.hermite_e.hermegauss(32)
        z = torch.as_tensor(places).to(self.mu)
        weight = torch.as_tensor(weights / weights.sum()).to(self.mu)
        grid = self.mu[:, :, None] + self.sigma[:, :, None] * z
        logs = self._log_density(grid.flatten(1)).unflatten(1, grid.shape[1:])
        nats: Tensor = -(self.logits.softmax(-1) * (logs @ weight)).sum(-1)
        return nats

    def bars(self, lo: float, hi: float, temperature: float = 1.0) -> tuple[Tensor, Tensor]:
        """The density at 200 values of lo..hi."""
        grid = torch.linspace(lo, hi, 200, device=self.mu.device, dtype=self.mu.dtype)
        cooled = GaussianMixture(self.logits / temperature, self.mu, self.sigma * math.sqrt(temperature))
        return grid, cooled._log_density(grid.expand(len(self.mu), -1)).exp()

    def _log_density(self, grid: Tensor) -> Tensor:
        """log p on a grid of its own for each row, (n, m)."""
        each = gaussian.log_prob(grid[:, :, None], self.mu[:, None], 2.0 * self.sigma.log()[:, None])
        return (log_softmax(self.logits, -1)[:, None] + each).logsumexp(-1)


def log_table(logits: Tensor) -> Tensor:
    """Log probabilities of all levels (..., K) from logits (..., 1) of a coin or (..., K)."""
    if logits.shape[-1] == 1:
        return torch.cat([logsigmoid(-logits), logsigmoid(logits)], -1)
    return log_softmax(logits, -1)


def pick(logits: Tensor, values: Tensor) -> Tensor:
    """log p of the levels that are there: logits (..., 1) or (..., K), values (...) int64, to (...)."""
    if logits.shape[-1] == 1:
        logit = logits.squeeze(-1)
        return bernoulli.log_prob(values.to(logit.dtype), logit)
    return logits.gather(-1, values.unsqueeze(-1)).squeeze(-1) - logits.logsumexp(-1)
