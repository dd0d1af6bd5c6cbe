"""Time as many waves, so that a network can tell early from late and one step from the next."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn


def sinusoid(t: Tensor, size: int, longest: float = 10_000.0) -> Tensor:
    """Sines and cosines of t at frequencies from 1 down to 1 / `longest`: t (n,) to (n, size); `size` is even.

    Vaswani et al. 2017, section 3.5, with all cosines before all sines.
    """
    half = size // 2
    frequencies = torch.exp(torch.arange(half, device=t.device, dtype=t.dtype) * (-math.log(longest) / half))
    angles = t[:, None] * frequencies
    return torch.cat([angles.cos(), angles.sin()], -1)


class TimeEmbedding(nn.Module):
    """Turns times in 0..1 (n,) into features (n, size): waves, then a small perceptron.

    Times are stretched to 0..1000, the scale at which the waves resolve single steps whatever T is.
    """

    def __init__(self, size: int, waves: int = 32) -> None:
        super().__init__()
        self.waves = waves
        self.mix = nn.Sequential(nn.Linear(waves, size), nn.SiLU(), nn.Linear(size, size), nn.SiLU())

    def forward(self, t: Tensor) -> Tensor:
        """Features of the times t (n,), already through a SiLU, so that blocks only need a linear layer."""
        features: Tensor = self.mix(sinusoid(1000.0 * t, self.waves))
        return features
