"""Grey levels to numbers: scaled to 0..1, made binary, or spread over their cells so that a density makes sense."""

from __future__ import annotations

import torch
from torch import Tensor

BYTE = 256


def uniform(
    shape: torch.Size, rng: torch.Generator, device: torch.device, dtype: torch.dtype = torch.float32
) -> Tensor:
    """Uniform numbers in [0, 1) drawn where the generator lives and brought to `device`."""
    return torch.rand(shape, generator=rng, device=rng.device, dtype=dtype).to(device, non_blocking=True)


def to_unit(x: Tensor, levels: int) -> Tensor:
    """Levels 0..K-1 as float32 in 0..1: x / (K - 1). Floats are taken to be in 0..1 already."""
    if x.is_floating_point():
        return x
    return x.to(torch.float32).div_(levels - 1)


def binarise(x: Tensor, levels: int, rng: torch.Generator) -> Tensor:
    """Dynamic binarisation: each pixel is 1 with the probability of its grey, so that E[b] = x / (K - 1).

    Salakhutdinov & Murray 2008. uint8 (or float in 0..1) in, float32 zeros and ones of the same shape out. For levels,
    a whole number d drawn evenly from 0..K-2 is below x with probability x / (K - 1), without rounding.
    """
    if x.is_floating_point() or levels > BYTE:
        return (uniform(x.shape, rng, x.device) < to_unit(x, levels)).to(torch.float32)
    drawn = evenly(x.shape, levels - 1, rng).to(x.device, non_blocking=True)
    return torch.lt(drawn, x, out=torch.empty(x.shape, dtype=torch.float32, device=x.device))


def evenly(shape: torch.Size, count: int, rng: torch.Generator) -> Tensor:
    """Whole numbers 0..count-1 (count <= 255), each as likely as the others, as uint8 where the generator lives.

    On the CPU eight bytes come from one draw, which is five times as fast as a draw for each: a byte below the largest
    multiple of `count` gives its remainder, and the few others are drawn anew.
    """
    if rng.device.type != "cpu":
        return torch.randint(count, shape, generator=rng, device=rng.device, dtype=torch.uint8)
    n = shape.numel()
    words = torch.empty(-(-n // 8), dtype=torch.int64).random_(-(2**63), None, generator=rng)
    drawn = words.view(torch.uint8)[:n]
    fair = BYTE - BYTE % count
    if fair < BYTE:
        again = (drawn >= fair).nonzero().squeeze(1)
        drawn[again] = torch.randint(count, again.shape, generator=rng, dtype=torch.uint8)
    if count < fair:
        drawn.remainder_(count)
    return drawn.view(shape)


def threshold(x: Tensor, levels: int) -> Tensor:
    """1 where the grey is above one half, else 0; for 256 levels this is x > 127."""
    if x.is_floating_point():
        return (x > 0.5).to(torch.float32)
    return (x > (levels - 1) // 2).to(torch.float32)


def dequantise(x: Tensor, levels: int, rng: torch.Generator) -> Tensor:
    """Uniform dequantisation: (x + u) / K with u ~ U[0, 1), in [0, 1).

    Theis et al. 2016, eq. 4: the density of the result, integrated over a cell, is the probability of the level.
    """
    spread = uniform(x.shape, rng, x.device).add_(x).div_(levels)
    return spread.clamp_(max=1.0 - 2.0**-24)  # float32 rounds (K - 1 + u) / K up to 1 now and then
