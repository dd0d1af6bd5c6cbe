"""The discretised logistic: a bell curve cut into levels, so that every level of a picture has a true probability.

    P(x = v) = F((v + step/2 - m) / s) - F((v - step/2 - m) / s),        F(a) = sigmoid(a)

Salimans et al. 2017, "PixelCNN++", arXiv:1701.05517, eq. 2; Kingma et al. 2016, arXiv:1606.04934, section 5. The lowest
level takes the whole lower tail and the highest the upper one, so that the levels lo, lo + step, ..., hi sum to 1.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

EXACT_LEVELS = 64
"""Up to so many levels a mean is summed level by level."""


def scale_of(sigma: Tensor) -> Tensor:
    """The s of a logistic whose standard deviation is sigma: sigma sqrt(3) / pi."""
    return sigma * (math.sqrt(3.0) / math.pi)


def log_mass(x: Tensor, m: Tensor, s: Tensor, span: tuple[float, float], levels: int) -> Tensor:
    """ln P(x) for x on one of the levels of `span`, in nats, each dimension apart.

    sigmoid(b) - sigmoid(a) = sigmoid(b) sigmoid(-a) (1 - e^(a - b)), a sum of logarithms that never cancel.
    """
    lo, hi = span
    step = (hi - lo) / (levels - 1)
    below = logsigmoid((x + 0.5 * step - m) / s)
    above = logsigmoid((m - x + 0.5 * step) / s)
    inner = below + above + (-torch.expm1(-step / s)).log()
    return torch.where(x < lo + 0.5 * step, below, torch.where(x > hi - 0.5 * step, above, inner))


def mean(m: Tensor, s: Tensor, span: tuple[float, float], levels: int) -> Tensor:
    """E[x] = lo + step * sum over the borders between levels of P(x above the border).

    Beyond EXACT_LEVELS the sum is replaced by its integral, which is off by less than half a level.
    """
    lo, hi = span
    step = (hi - lo) / (levels - 1)
    if levels > EXACT_LEVELS:
        softplus = torch.nn.functional.softplus
        return (lo + s * (softplus((m - lo) / s) - softplus((m - hi) / s))).clamp(lo, hi)
    total = torch.zeros_like(m)
    for border in range(levels - 1):
        total = total + ((m - (lo + (border + 0.5) * step)) / s).sigmoid()
    return lo + step * total


def draw(m: Tensor, s: Tensor, span: tuple[float, float], levels: int, rng: torch.Generator) -> Tensor:
    """A level, by rounding m + s ln(u / (1 - u)) to the nearest."""
    lo, hi = span
    step = (hi - lo) / (levels - 1)
    uniform = torch.rand(tuple(m.shape), generator=rng, device=rng.device, dtype=m.dtype).to(m.device)
    place = (m + s * torch.logit(uniform) - lo) / step
    return lo + step * place.round().clamp(0, levels - 1)
