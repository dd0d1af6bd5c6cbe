"""How far apart two categorical distributions are, in nats, with 0 ln 0 = 0.

`p` and `q` are probabilities on the last axis: (..., k), each summing to 1. Results have shape (...). For discrete
variables entropy and cross-entropy are never negative; for continuous ones (see `gaussian`) they can be.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor


def entropy(p: Tensor) -> Tensor:
    """H(p) = -sum p ln p; ln k at most."""
    return -torch.xlogy(p, p).sum(-1)


def cross_entropy(p: Tensor, q: Tensor) -> Tensor:
    """H(p, q) = -sum p ln q: the nats that p costs when coded as if it were q; infinite where q misses some of p."""
    return -torch.xlogy(p, q).sum(-1)


def kl(p: Tensor, q: Tensor) -> Tensor:
    """KL(p || q) = sum p ln(p / q): never negative, zero only for p = q, infinite where q misses some of p."""
    return (torch.xlogy(p, p) - torch.xlogy(p, q)).sum(-1)


def js(p: Tensor, q: Tensor) -> Tensor:
    """Jensen-Shannon divergence: the mean KL of p and q to their middle (p + q) / 2; symmetric, ln 2 at most.

    The middle is not formed: half of the smallest positive number is 0, and the divergence would be infinite.
    """
    both = p + q
    return 0.5 * (torch.xlogy(p, p) + torch.xlogy(q, q) - torch.xlogy(both, both) + math.log(2.0) * both).sum(-1)


def total_variation(p: Tensor, q: Tensor) -> Tensor:
    """Half the sum of |p - q|: the largest difference in probability that any event can show; 1 at most."""
    return 0.5 * (p - q).abs().sum(-1)
