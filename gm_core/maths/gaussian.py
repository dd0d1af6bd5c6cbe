"""Gaussians: densities, entropies, divergences and draws that let gradients through. All in nats.

A diagonal Gaussian is given by its mean `mu` and the logarithm of its variances, `logvar`, of one shape; results
stay apart for each dimension, so that a caller sums over the axes that it means. Full covariances end in `_full`, those
given by their Cholesky factor L (covariance = L L', lower triangular, positive diagonal) in `_root`.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

LOG_2PI = math.log(2.0 * math.pi)


def noise_like(like: Tensor, rng: torch.Generator, shape: tuple[int, ...] | None = None) -> Tensor:
    """Standard normal numbers with the device and type of `like`, drawn where the generator lives."""
    eps = torch.randn(tuple(like.shape) if shape is None else shape, generator=rng, device=rng.device, dtype=like.dtype)
    return eps.to(like.device)


def draw(mu: Tensor, logvar: Tensor, rng: torch.Generator, times: int | None = None) -> Tensor:
    """A draw through which gradients flow: mu + sigma * eps (Kingma & Welling 2013, eq. 10).

    `times` puts so many independent draws on a new first axis: (times, *mu.shape).
    """
    shape = tuple(mu.shape) if times is None else (times, *mu.shape)
    return mu + (0.5 * logvar).exp() * noise_like(mu, rng, shape)


def log_prob(x: Tensor, mu: Tensor, logvar: Tensor) -> Tensor:
    """log N(x; mu, exp(logvar)) of each dimension: -1/2 [ln 2 pi + logvar + (x - mu)^2 / var]."""
    return -0.5 * (LOG_2PI + logvar + (x - mu).square() * (-logvar).exp())


def log_prob_at(x: Tensor, mu: float | Tensor, sigma: float) -> Tensor:
    """log N(x; mu, sigma^2) on the line; the shape that x and mu have together."""
    return -0.5 * (LOG_2PI + ((x - mu) / sigma).square()) - math.log(sigma)


def log_prob_standard(x: Tensor) -> Tensor:
    """log N(x; 0, 1) of each dimension."""
    return -0.5 * (LOG_2PI + x.square())


def entropy(logvar: Tensor) -> Tensor:
    """Differential entropy of each dimension, 1/2 ln(2 pi e var); negative where the Gaussian is narrow."""
    return 0.5 * (1.0 + LOG_2PI + logvar)


def cross_entropy(mu0: Tensor, logvar0: Tensor, mu1: Tensor, logvar1: Tensor) -> Tensor:
    """The nats that N0 costs when coded as if it were N1, for each dimension: H(N0) + KL(N0 || N1)."""
    return 0.5 * (LOG_2PI + logvar1 + ((mu0 - mu1).square() + logvar0.exp()) * (-logvar1).exp())


def kl_standard(mu: Tensor, logvar: Tensor) -> Tensor:
    """KL(N(mu, var) || N(0, 1)) of each dimension (Kingma & Welling 2013, appendix B)."""
    return 0.5 * (mu.square() + logvar.exp() - 1.0 - logvar)


def kl(mu0: Tensor, logvar0: Tensor, mu1: Tensor, logvar1: Tensor) -> Tensor:
    """KL(N0 || N1) of two diagonal Gaussians, for each dimension."""
    return 0.5 * (logvar1 - logvar0 - 1.0 + ((mu0 - mu1).square() + logvar0.exp()) * (-logvar1).exp())


def log_prob_full(x: Tensor, mean: Tensor, covariance: Tensor) -> Tensor:
    """log N(x; mean, covariance) for x (..., d), mean (..., d), covariance (..., d, d); shape (...)."""
    root = torch.linalg.cholesky(covariance)
    white: Tensor = torch.linalg.solve_triangular(root, (x - mean).unsqueeze(-1), upper=False).squeeze(-1)
    return -0.5 * (x.shape[-1] * LOG_2PI + _logdet(root) + white.square().sum(-1))


def log_prob_root(x: Tensor, mean: Tensor, root: Tensor) -> Tensor:
    """log N(x; mean, L L') for x (..., n, d) or (..., 1, d), mean (n, d) and L (n, d, d); shape (..., n)."""
    eye = torch.eye(root.shape[-1], dtype=root.dtype, device=root.device)
    inverse: Tensor = torch.linalg.solve_triangular(root, eye, upper=False)
    white = torch.einsum("nij,...nj->...ni", inverse, x - mean)
    return -0.5 * (x.shape[-1] * LOG_2PI + _logdet(root) + white.square().sum(-1))


def kl_standard_root(mean: Tensor, root: Tensor) -> Tensor:
    """KL(N(mean, L L') || N(0, I)) = 1/2 (|L|^2 + |mean|^2 - d - ln det L L'); shapes (..., d), (..., d, d), (...)."""
    return 0.5 * (root.square().sum((-2, -1)) + mean.square().sum(-1) - mean.shape[-1] - _logdet(root))


def entropy_full(covariance: Tensor) -> Tensor:
    """Differential entropy 1/2 ln det(2 pi e covariance); covariance (..., d, d), shape (...)."""
    return 0.5 * (covariance.shape[-1] * (1.0 + LOG_2PI) + _logdet(torch.linalg.cholesky(covariance)))


def kl_full(mean0: Tensor, covariance0: Tensor, mean1: Tensor, covariance1: Tensor) -> Tensor:
    """KL(N0 || N1) = 1/2 [tr(S1^-1 S0) + (m1-m0)' S1^-1 (m1-m0) - d + ln det S1 - ln det S0]; shape (...)."""
    root0, root1 = torch.linalg.cholesky(covariance0), torch.linalg.cholesky(covariance1)
    spread: Tensor = torch.linalg.solve_triangular(root1, root0, upper=False).square().sum((-2, -1))
    shift: Tensor = torch.linalg.solve_triangular(root1, (mean1 - mean0).unsqueeze(-1), upper=False)
    return 0.5 * (spread + shift.square().sum((-2, -1)) - mean0.shape[-1] + _logdet(root1) - _logdet(root0))


def _logdet(root: Tensor) -> Tensor:
    diagonal: Tensor = torch.diagonal(root, dim1=-2, dim2=-1)
    logdet: Tensor = 2.0 * diagonal.log().sum(-1)
    return logdet
