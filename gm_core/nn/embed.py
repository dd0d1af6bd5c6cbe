"""What a network is told beside its input: the time as many waves, and the class as learned features."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
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


class ClassEmbedding(nn.Module):
    """Turns classes into features (n, size) that are learned: one row a class, and a last one for no class at all.

    A class is a label y (n,) int64 in 0..classes, where `classes` means none (the empty class of classifier-free
    guidance, Ho & Salimans 2022, section 3.2), or weights (n, classes + 1) that mix the rows. All rows begin at zero.
    """

    def __init__(self, classes: int, size: int) -> None:
        super().__init__()
        self.classes = classes
        self.table = nn.Parameter(torch.zeros(classes + 1, size))

    def forward(self, y: Tensor | None, n: int) -> Tensor:
        """Features of n labels, of n rows of weights, or of no class where y is None: (n, size)."""
        if y is None:
            y = torch.full((1,), self.classes, device=self.table.device)
        # A product rather than indexing for labels too: its gradient is the same on every device, in any order.
        weights = F.one_hot(y, self.classes + 1) if y.ndim == 1 else y
        features: Tensor = weights.to(self.table.dtype) @ self.table
        return features


def class_embedding(classes: int, size: int) -> ClassEmbedding | None:
    """Features of classes, or nothing where there are none; a network without classes has the weights it ever had."""
    return ClassEmbedding(classes, size) if classes else None


def told(time: Tensor, labels: ClassEmbedding | None, y: Tensor | None) -> Tensor:
    """Features of time (n, size) with those of the classes added; raises ValueError for classes nobody learned."""
    if labels is not None:
        both: Tensor = time + labels(y, len(time))
        return both
    if y is not None:
        raise ValueError("a network without classes was told some; leave y out, or build it with classes")
    return time
