"""Coins: probabilities of zeros and ones, from logits so that no logarithm of zero is ever taken. All in nats.

Results stay apart for each dimension. softplus(l) = ln(1 + e^l), so ln theta = -softplus(-l).
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, softplus


def log_prob(x: Tensor, logits: Tensor) -> Tensor:
    """x ln theta + (1 - x) ln(1 - theta) = x l - softplus(l), theta = sigmoid(l).

    For x in {0, 1} this is a log probability. For grey x between 0 and 1 it is a (negative) cross-entropy, **not** a
    log density: theta^x (1 - theta)^(1-x) does not integrate to 1 over [0, 1] (0.472 at theta = 0.7).
    """
    if x.shape != logits.shape:
        x, logits = torch.broadcast_tensors(x, logits)
    return -binary_cross_entropy_with_logits(logits, x, reduction="none")


def draw(logits: Tensor, rng: torch.Generator) -> Tensor:
    """Zeros and ones with probability sigmoid(logits) of a one, in the type of the logits."""
    uniform = torch.rand(tuple(logits.shape), generator=rng, device=rng.device, dtype=logits.dtype)
    return (uniform.to(logits.device) < logits.sigmoid()).to(logits.dtype)


def entropy(logits: Tensor) -> Tensor:
    """-theta ln theta - (1 - theta) ln(1 - theta) of each coin; ln 2 at most."""
    return softplus(logits) - logits * logits.sigmoid()


def cross_entropy(logits0: Tensor, logits1: Tensor) -> Tensor:
    """The nats that coin 0 costs when coded as if it were coin 1."""
    return softplus(logits1) - logits1 * logits0.sigmoid()


def kl(logits0: Tensor, logits1: Tensor) -> Tensor:
    """KL(coin 0 || coin 1) for each coin: theta0 (l0 - l1) - softplus(l0) + softplus(l1)."""
    return logits0.sigmoid() * (logits0 - logits1) - softplus(logits0) + softplus(logits1)
