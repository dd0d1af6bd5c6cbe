"""Whitened principal components: features of pictures that need no learned weights and are the same everywhere.

    f(x) = (V' (x - m)) / sqrt(l)        l_1 >= l_2 >= ..., V from C = V diag(l) V', C the covariance of real examples

On the examples that they were fitted to, features have the covariance 1, so that each direction in which real pictures
differ counts as much as any other.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from gm_core.maths.moments import mean_and_covariance
from gm_core.maths.two_sample import as_points

FEATURES = 64
SMALLEST = 1e-3
"""Directions with less than this part of the largest variance are left out: one lone pixel would outweigh the rest."""


@dataclass(frozen=True)
class Whitening:
    """Features f(x) = (x - mean) @ directions, with mean (d,) and directions (d, k), float64."""

    mean: Tensor
    directions: Tensor

    def __call__(self, x: Tensor) -> Tensor:
        """Features of examples x (n, ...): (n, k), float64; what is not finite stays so."""
        flat = (x.cpu() if x.device.type == "mps" else x).double().flatten(1)
        return (flat.to(self.mean.device) - self.mean) @ self.directions


def whitening(x: Tensor, features: int = FEATURES) -> Whitening:
    """The whitening fitted to real examples x (n, ...): at most `features` directions, and no more than carry anything.

    The sign of a direction is set by its largest entry, so that the features are the same on every machine.
    """
    points = as_points(x, "real")
    mean, covariance = mean_and_covariance(points)
    values, vectors = torch.linalg.eigh(covariance)
    values, vectors = values.flip(0)[:features], vectors.flip(1)[:, :features]
    kept = values > SMALLEST * values[0].clamp(min=1e-30)
    kept[0] = True
    values, vectors = values[kept].clamp(min=1e-30), vectors[:, kept]
    largest = vectors.gather(0, vectors.abs().argmax(0, keepdim=True))
    return Whitening(mean, vectors * torch.where(largest < 0, -1.0, 1.0) / values.sqrt())
