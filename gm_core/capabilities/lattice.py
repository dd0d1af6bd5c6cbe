"""Lattice: what the decoder makes of each place on a plane through the latent space, and of each axis by itself.

A plane is a centre c and two orthonormal directions p_1, p_2. The code at (u, v) keeps of a base code z what lies at
right angles to the plane, and only its part within the plane is replaced:

    z(u, v) = z + (u - (z - c) . p_1) p_1 + (v - (z - c) . p_2) p_2

With c = 0 and two unit vectors this sets two coordinates and leaves the others as they are.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gm_core.capabilities.base import Scene, answers, labels, to_picture
from gm_core.capabilities.latent import Latent, codes
from gm_core.protocol.commands import Query
from gm_core.protocol.events import Array, Frame
from gm_core.spec import SpecError

if TYPE_CHECKING:
    from torch import Tensor

PORTION = 200
"""Codes decoded between two safe points."""
LARGEST = 64
AROUND = 16
"""Codes around which the effect of an axis is averaged where none are given."""
REFERENCE = 256
"""Codes that say how wide an axis is."""


@dataclass(frozen=True, slots=True)
class LatticeQuery(Query):
    """Decode a lattice of `size` x `size` places, the middles of equal cells of `box` (x0, x1, y0, y1) on a plane.

    `plane` (2, k) holds two orthonormal directions and `centre` (k,) the code at (0, 0); without them the plane is
    that of the two `axes`. `base` (k,) is the code whose other coordinates are kept; the centre where none is given.
    """

    box: tuple[float, float, float, float] = (-3.0, 3.0, -3.0, 3.0)
    size: int = 20
    axes: tuple[int, int] = (0, 1)
    base: Array | None = None
    plane: Array | None = None
    centre: Array | None = None
    y: int | None = None


@dataclass(frozen=True, slots=True)
class Lattice(Frame):
    """items uint8 (size, size, h, w, c) or float32 (size, size, d), row 0 at the smallest v; z (size, size, k)."""

    items: Array
    z: Array
    box: tuple[float, float, float, float]
    size: int


@dataclass(frozen=True, slots=True)
class EffectQuery(Query):
    """How much the picture changes when one axis moves by one standard deviation to either side.

    Averaged around the codes z (m, k), or where none are given around codes of real examples. The standard deviation is
    that of the aggregate posterior. Where the model has no encoder, the prior stands for both.
    """

    z: Array | None = None
    y: int | None = None


@dataclass(frozen=True, slots=True)
class Effects(Frame):
    """effect (k,): mean squared change of the decoded numbers, in the card's range; sigma (k,) what was moved by."""

    effect: Array
    sigma: Array


@answers(Latent.word, LatticeQuery)
def lattice(query: LatticeQuery, scene: Scene) -> Iterator[Lattice | None]:
    """Decode in portions, so that training can go on between them."""
    import numpy as np
    import torch

    n = query.size
    x0, x1, y0, y1 = query.box
    if not (2 <= n <= LARGEST and x0 < x1 and y0 < y1):
        raise SpecError(
            "box", f"the box is {query.box} with {n} places a side; expected x0 < x1, y0 < y1 and 2 to {LARGEST} places"
        )
    plane, centre = _plane(query, scene)
    base = centre if query.base is None else codes(query.base[None], scene)[0]
    device = scene.device
    across = x0 + (torch.arange(n, device=device) + 0.5) * ((x1 - x0) / n)
    up = y0 + (torch.arange(n, device=device) + 0.5) * ((y1 - y0) / n)
    places = torch.stack(torch.meshgrid(across, up, indexing="xy"), -1).flatten(0, 1)
    z = base + (places - plane @ (base - centre)) @ plane
    made = []
    for part in z.split(PORTION):
        made.append(to_picture(scene.model.decode(part, labels(query.y, len(part), scene)), scene.model.card))
        yield None
    items = np.concatenate(made)
    grid = items.reshape(n, n, *items.shape[1:])
    yield Lattice(grid, z.reshape(n, n, -1).float().cpu().numpy(), query.box, n)


def _plane(query: LatticeQuery, scene: Scene) -> tuple[Tensor, Tensor]:
    """Two orthonormal directions (2, k) and the code at the middle (k,); raises SpecError where they do not fit."""
    import torch

    size = scene.model.latent_size
    centre = torch.zeros(size, device=scene.device) if query.centre is None else codes(query.centre[None], scene)[0]
    if query.plane is None:
        first, second = query.axes
        if first == second or not (0 <= first < size and 0 <= second < size):
            found = f"the axes are {first} and {second}"
            raise SpecError("axes", f"{found}; expected two different ones from 0 to {size - 1}")
        return torch.eye(size, device=scene.device)[[first, second]], centre
    plane = codes(query.plane, scene)
    products = plane @ plane.T
    if len(plane) != 2 or bool((products - torch.eye(2, device=scene.device)).abs().max() > 1e-3):
        raise SpecError("plane", "the plane's directions are not orthonormal; give two unit vectors at right angles")
    return plane, centre


@answers(Latent.word, EffectQuery)
def effects(query: EffectQuery, scene: Scene) -> Iterator[Effects | None]:
    """Decode the codes and their neighbours along each axis."""
    import torch

    model = scene.model
    real, sigma = _aggregate(scene)
    z = real[:AROUND] if query.z is None else codes(query.z, scene)
    here = model.decode(z, labels(query.y, len(z), scene)).flatten(1)
    both = torch.cat([here, here])
    found = []
    for axis in range(model.latent_size):
        step = torch.zeros_like(z[0])
        step[axis] = sigma[axis]
        moved = model.decode(torch.cat([z + step, z - step]), labels(query.y, 2 * len(z), scene)).flatten(1)
        found.append((moved - both).square().mean())
        yield None
    yield Effects(torch.stack(found).float().cpu().numpy(), sigma.float().cpu().numpy())


def _aggregate(scene: Scene) -> tuple[Tensor, Tensor]:
    """Codes (m, k) of real examples and the width of their aggregate posterior (k,); of the prior without encoder.

    The width counts the posteriors' own, sqrt(Var(mu) + E[std^2]): a dead axis of a VAE is moved by 1.
    """
    model = scene.model
    if "encodes" not in model.offers():
        z = model.prior(REFERENCE, scene.rng)
        return z, z.std(0)
    import torch

    count = scene.data.count("validation")
    chosen = torch.randperm(count, generator=scene.rng, device=scene.rng.device)[:REFERENCE]
    mu, std = model.encode(*scene.data.examples("validation", chosen, scene.rng))
    return mu, (mu.var(0, unbiased=False) + std.square().mean(0)).sqrt()
