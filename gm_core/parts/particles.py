"""Particles: several drawings compete to be one completion, weighted by how well they explain what is known.

    w_i = prod over known sites of p(x_site | particle i so far),     p(known) ~ mean_i w_i          (in stages)
    effective sample size = 1 / sum_i W_i^2 with W the weights normalised, from 1 to the number of particles

Doucet & Johansen 2009, "A tutorial on particle filtering and smoothing", sections 3.3 to 3.5: particles are drawn anew
by weight as soon as fewer than half of them count.
"""

from __future__ import annotations

import torch
from torch import Tensor

from gm_core.maths.estimators import effective_sample_size, log_mean_exp


def precise(device: torch.device) -> torch.dtype:
    """float64, except on devices that have none."""
    return torch.float32 if device.type == "mps" else torch.float64


class Particles:
    """Log weights of n groups of `many` particles each; groups never mix."""

    def __init__(self, n: int, many: int, device: torch.device) -> None:
        self.n, self.many = n, many
        self._logs = torch.zeros(n, many, dtype=precise(device), device=device)
        self._past = torch.zeros_like(self._logs[:, 0])
        self.effective = torch.full_like(self._past, many)
        """Effective sample size of each group, (n,), after the last weighing."""

    def weigh(self, log_prob: Tensor) -> None:
        """Multiply each particle's weight by a probability, given as its logarithm (n * many,)."""
        self._logs = self._logs + log_prob.to(self._logs.dtype).reshape(self.n, self.many)
        self.effective = effective_sample_size(self._logs.T)

    def renew(self, rng: torch.Generator) -> Tensor:
        """Rows (n * many,) to go on with: drawn by weight in groups that are short of particles, as they are elsewhere.

        Never waits for the device: which groups are short is decided there.
        """
        scarce = self.effective < 0.5 * self.many
        share = self._logs.softmax(-1).to(rng.device)
        drawn = torch.multinomial(share, self.many, replacement=True, generator=rng).to(self._logs.device)
        stay = torch.arange(self.many, device=drawn.device).expand(self.n, self.many)
        self._past = self._past + torch.where(scarce, self._mean(), 0.0)
        self._logs = torch.where(scarce[:, None], 0.0, self._logs)
        first = self.many * torch.arange(self.n, device=drawn.device)[:, None]
        return (torch.where(scarce[:, None], drawn, stay) + first).flatten()

    def pick(self, rng: torch.Generator) -> Tensor:
        """One row of each group, (n,), drawn by weight."""
        chosen = torch.multinomial(self._logs.softmax(-1).to(rng.device), 1, generator=rng).to(self._logs.device)[:, 0]
        return torch.arange(self.n, device=chosen.device) * self.many + chosen

    def evidence(self) -> Tensor:
        """The estimate of log p(known) by each group, (n,); its exponential is right on average."""
        return self._past + self._mean()

    def _mean(self) -> Tensor:
        """The logarithm of the mean weight of each group."""
        return log_mean_exp(self._logs, -1)
