"""Continuous coins: a density for grey values between 0 and 1 that has the shape of a coin's probability.

    p(x; l) = C(l) theta^x (1 - theta)^(1 - x) = e^(l x) l / (e^l - 1),        0 <= x <= 1,  theta = sigmoid(l)

Loaiza-Ganem & Cunningham 2019, "The continuous Bernoulli", arXiv:1907.06845, eq. 1 to 8, written with logits l. Without
the normaliser C it is the cross-entropy that so many VAEs are trained with, which is no density. All in nats; results
stay apart for each dimension.
"""

from __future__ import annotations

import torch
from torch import Tensor

NEAR = 0.4
"""Below this |l| the closed forms lose digits (0/0 at 0), and their Taylor series are exact to float64."""


def log_normaliser(logits: Tensor) -> Tensor:
    """A(l) = ln of the integral of e^(l x) over 0..1 = ln((e^l - 1) / l); ln 1 = 0 at l = 0."""
    half = 0.5 * logits
    near = half.abs() < 0.5 * NEAR
    far = torch.where(near, torch.ones_like(half), half).abs()
    closed = far + (-(-2.0 * far).exp()).log1p() - (2.0 * far).log()
    square = torch.where(near, half, torch.zeros_like(half)).square()
    # ln(sinh h / h), the even part of A
    series = square * (1 / 6 + square * (-1 / 180 + square * (1 / 2835 + square * (-1 / 37800 + square / 467775))))
    return half + torch.where(near, series, closed)


def log_prob(x: Tensor, logits: Tensor) -> Tensor:
    """ln p(x; l) = l x - A(l) for x in 0..1; it integrates to 1."""
    return logits * x - log_normaliser(logits)


def mean(logits: Tensor) -> Tensor:
    """E[x] = dA/dl = 1/2 + (coth(l / 2) - 2 / l) / 2; not theta: 1/2 + l / 12 for small l."""
    half = 0.5 * logits
    near = half.abs() < 0.5 * NEAR
    far = torch.where(near, torch.ones_like(half), half)
    closed = far.sign() * (1.0 + 2.0 / torch.expm1(2.0 * far.abs())) - 1.0 / far
    kept = torch.where(near, half, torch.zeros_like(half))
    square = kept.square()
    series = kept * (1 / 3 + square * (-1 / 45 + square * (2 / 945 + square * (-1 / 4725 + square * 2 / 93555))))
    return 0.5 + 0.5 * torch.where(near, series, closed)


def quantile(uniform: Tensor, logits: Tensor) -> Tensor:
    """The x below which the share `uniform` of all draws lies: ln(1 + u (e^l - 1)) / l, without overflow."""
    down = -logits.abs()
    flat = down > -1e-30
    rate = torch.where(flat, -torch.ones_like(down), down)
    share = torch.where(logits > 0, 1.0 - uniform, uniform)
    fallen = torch.where(flat, share, (share * torch.expm1(rate)).log1p() / rate)
    return torch.where(logits > 0, 1.0 - fallen, fallen).clamp(0.0, 1.0)


def draw(logits: Tensor, rng: torch.Generator) -> Tensor:
    """x ~ p(x; l) by the inverse of the cumulative distribution."""
    uniform = torch.rand(tuple(logits.shape), generator=rng, device=rng.device, dtype=logits.dtype)
    return quantile(uniform.to(logits.device), logits)
