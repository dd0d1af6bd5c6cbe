"""The shapes on the plane whose geometry autoencoders learn, and the small arrays of trained ones that are shipped."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Literal

import numpy as np

from gm_core.concepts.base import Floats
from gm_core.resources import resource

if TYPE_CHECKING:
    import torch

    from gm_core.data.exact import Plane

Shape = Literal["moons", "circle"]
SHAPES: tuple[Shape, ...] = ("moons", "circle")
"""The order of the shapes in the shipped arrays."""
BOX = (-2.2, 2.2, -2.2, 2.2)
RADIUS = 1.2
NOISE = 0.05
"""Standard deviation of the examples around the shape itself."""


@cache
def exact_of(shape: Shape) -> Plane:
    """The distribution of the examples: two moons or one circle with a little noise."""
    from gm_core.data.exact_forms import Circles
    from gm_core.data.toys import Moons

    if shape == "moons":
        return Moons(Moons.Spec(noise=NOISE)).exact
    return Circles((RADIUS,), NOISE)


@cache
def outline(shape: Shape) -> Floats:
    """The shape without noise, as a path (n, 2) with a row of NaN between its parts."""
    t = np.linspace(0, np.pi, 101)
    if shape == "moons":
        upper = np.column_stack((np.cos(t) - 0.5, np.sin(t) - 0.25))
        return np.concatenate((upper, [[np.nan, np.nan]], -upper))
    return RADIUS * np.column_stack((np.cos(2 * t), np.sin(2 * t)))


def grid(side: int) -> torch.Tensor:
    """Points of a square grid from edge to edge of BOX, row by row from the lowest: (side * side, 2) float32."""
    import torch

    x = torch.linspace(BOX[0], BOX[1], side)
    y = torch.linspace(BOX[2], BOX[3], side)
    return torch.stack(torch.meshgrid(x, y, indexing="xy"), -1).reshape(-1, 2)


@cache
def shipped(kind: str) -> dict[str, Floats]:
    """What packaging/make_concept_arrays.py kept of a kind of autoencoder, as float64."""
    with np.load(resource("concepts", f"geometry-{kind}.npz"), allow_pickle=False) as file:
        return {name: file[name].astype(np.float64) for name in file.files}


def between(values: Floats, at: Floats) -> Floats:
    """A field (side, side, k) on such a grid at points (n, 2), linear between its points; held at the edges: (n, k)."""
    side = len(values)
    low, wide = np.array([BOX[0], BOX[2]]), np.array([BOX[1] - BOX[0], BOX[3] - BOX[2]])
    place = np.clip((at - low) / wide * (side - 1), 0.0, side - 1)
    cell = np.minimum(place.astype(np.int64), side - 2)
    part = place - cell
    (i, j), (u, v) = (cell[:, 0], cell[:, 1]), (part[:, :1], part[:, 1:])
    below = (1 - u) * values[j, i] + u * values[j, i + 1]
    above = (1 - u) * values[j + 1, i] + u * values[j + 1, i + 1]
    result: Floats = (1 - v) * below + v * above
    return result
