"""Mixtures fitted by expectation and maximisation: p(x) = sum_k pi_k p(x|k), the simplest model with a latent.

Each round computes the posterior p(k|x) of every example and then the weighted maximum-likelihood parameters; the
likelihood never falls (Dempster, Laird and Rubin 1977).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

RIDGE = 1e-3
"""Added to the variances of a Gaussian component, in squared units of the data, so that none collapses on a point."""
COUNT = 0.5
"""Imagined examples of each value of a pixel in a Bernoulli component, so that no pixel becomes impossible."""


@dataclass(frozen=True)
class GaussianMixture:
    """Log weights (k,), means (k, d), lower Cholesky factors of the covariances (k, d, d)."""

    log_weights: Tensor
    means: Tensor
    roots: Tensor

    def joint(self, x: Tensor) -> Tensor:
        """ln pi_k + ln N(x; mean_k, covariance_k) (n, k) of points (n, d)."""
        d = x.shape[1]
        whiten = torch.linalg.solve_triangular(
            self.roots, torch.eye(d, dtype=x.dtype).expand_as(self.roots), upper=False
        )
        white = torch.einsum("kij,nj->nki", whiten, x) - torch.einsum("kij,kj->ki", whiten, self.means)
        logdet = self.roots.diagonal(dim1=-2, dim2=-1).log().sum(-1)
        found: Tensor = self.log_weights - 0.5 * (white**2).sum(-1) - logdet - 0.5 * d * math.log(2 * math.pi)
        return found

    def draw(self, n: int, rng: torch.Generator) -> Tensor:
        """Points (n, d)."""
        k = torch.multinomial(self.log_weights.exp(), n, replacement=True, generator=rng)
        noise = torch.randn(n, self.means.shape[1], 1, generator=rng, dtype=self.means.dtype)
        return self.means[k] + (self.roots[k] @ noise).squeeze(-1)


@dataclass(frozen=True)
class BernoulliMixture:
    """Log weights (k,), probabilities of a pixel being on (k, d)."""

    log_weights: Tensor
    on: Tensor

    def joint(self, x: Tensor) -> Tensor:
        """ln pi_k + ln p(x|k) (n, k) of binary rows (n, d)."""
        return self.log_weights + x @ self.on.log().T + (1 - x) @ (1 - self.on).log().T

    def draw(self, n: int, rng: torch.Generator) -> Tensor:
        """Binary rows (n, d)."""
        k = torch.multinomial(self.log_weights.exp(), n, replacement=True, generator=rng)
        return torch.bernoulli(self.on[k], generator=rng)


def fit_gaussians(x: Tensor, k: int, rounds: int, rng: torch.Generator) -> Iterator[GaussianMixture]:
    """The mixture of k Gaussians after each round, from random examples as first means; x is (n, d)."""
    n, d = x.shape
    means = x[torch.randperm(n, generator=rng)[:k]]
    spread = torch.cov(x.T).reshape(d, d) / max(1, k) ** (2 / d)
    now = GaussianMixture(
        torch.full((k,), -math.log(k), dtype=x.dtype), means, torch.linalg.cholesky(spread).repeat(k, 1, 1)
    )
    ridge = RIDGE * torch.eye(d, dtype=x.dtype)
    for _ in range(rounds):
        share = now.joint(x).softmax(1)
        total = share.sum(0) + 1e-9
        means = share.T @ x / total[:, None]
        off = x[:, None] - means
        covariance = torch.einsum("nk,nki,nkj->kij", share, off, off) / total[:, None, None] + ridge
        now = GaussianMixture((total / total.sum()).log(), means, torch.linalg.cholesky(covariance))
        yield now


def fit_bernoullis(x: Tensor, k: int, rounds: int, rng: torch.Generator) -> Iterator[BernoulliMixture]:
    """The mixture of k products of Bernoullis after each round, from random examples; x is (n, d) of 0 and 1."""
    first = x[torch.randperm(len(x), generator=rng)[:k]]
    now = BernoulliMixture(torch.full((k,), -math.log(k), dtype=x.dtype), 0.25 + 0.5 * first)
    for _ in range(rounds):
        share = now.joint(x).softmax(1)
        total = share.sum(0) + 1e-9
        on = (share.T @ x + COUNT) / (total[:, None] + 2 * COUNT)
        now = BernoulliMixture((total / total.sum()).log(), on)
        yield now
