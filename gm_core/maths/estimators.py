"""Estimates from weighted draws: how to average in log space, and how far such an average can be trusted."""

from __future__ import annotations

import math

import torch
from torch import Tensor


def log_mean_exp(values: Tensor, dim: int = 0) -> Tensor:
    """ln of the mean of e^values along an axis, without overflow: logsumexp - ln k."""
    return torch.logsumexp(values, dim) - math.log(values.shape[dim])


def importance_bound(log_weights: Tensor) -> Tensor:
    """L_k = ln (1/k) sum_i w_i for log weights (k, n): (n,) in nats (Burda et al. 2015, eq. 8).

    With w = p(x, z) / q(z | x) and z ~ q, e^(L_k) is an unbiased estimate of p(x), so L_k itself lies below ln p(x) on
    average, and comes closer with every draw; k = 1 is the ELBO.
    """
    return log_mean_exp(log_weights, 0)


def effective_sample_size(log_weights: Tensor) -> Tensor:
    """(sum w)^2 / sum w^2 for log weights (k, n): (n,), from 1 (one draw decides) to k (all count the same)."""
    return (2.0 * torch.logsumexp(log_weights, 0) - torch.logsumexp(2.0 * log_weights, 0)).exp()


def standard_error(values: Tensor) -> Tensor:
    """How far the mean of independent values (n,) may be off: their standard deviation over sqrt(n); n >= 2."""
    return values.std(unbiased=True) / math.sqrt(values.shape[0])
