"""Means and covariances that grow batch by batch, without ever holding all examples."""

from __future__ import annotations

from torch import Tensor


def mean_and_covariance(x: Tensor) -> tuple[Tensor, Tensor]:
    """Mean (d,) and covariance (d, d) of x (n, d), divided by n (the maximum likelihood, not by n - 1)."""
    mean = x.mean(0)
    away = x - mean
    return mean, away.T @ away / len(x)


def merge(
    mean: Tensor, covariance: Tensor, other_mean: Tensor, other_covariance: Tensor, share: Tensor
) -> tuple[Tensor, Tensor]:
    """Mean and covariance of a mixture in which the other part has the weight `share`, a number in 0..1.

    C = (1 - s) C_0 + s C_1 + s (1 - s) (m_1 - m_0)(m_1 - m_0)'. With s = n_1 / (n_0 + n_1) these are the moments of
    both sets together, exactly (Chan et al. 1983); with a constant s they forget the past. Never indefinite.
    """
    step = other_mean - mean
    spread = covariance + share * step.outer(step)
    return mean + share * step, (1.0 - share) * spread + share * other_covariance
