"""Ways from one code to another: straight lines, arcs on which a code keeps its distance from the origin, and lines
whose codes are given that distance afterwards.

In many dimensions a normal code lies near a sphere of radius sqrt(k); a straight line cuts through the empty middle,
an arc stays where the codes are. The way that is shortest as the decoder sees it is in `geodesics`.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from gm_core.maths.pacing import moments
from gm_core.spec import SpecError

ClosedForm = Literal["straight", "spherical", "norm-corrected"]


def straight(a: Tensor, b: Tensor, t: Tensor) -> Tensor:
    """(1 - t) a + t b for a, b (..., k) and t (..., 1); exactly a at t = 0 and b at t = 1."""
    return a * (1.0 - t) + b * t


def spherical(a: Tensor, b: Tensor, t: Tensor) -> Tensor:
    """Along the great circle from a to b; a, b (..., k), t (..., 1); exactly a at t = 0 and b at t = 1.

    The direction turns evenly and the length grows evenly: |z(t)| = (1 - t)|a| + t|b|. (Weighting a and b themselves by
    sines, as slerp is often written, makes the length swing when |a| and |b| differ.) Between opposite directions all
    great circles are equally short; the one through the axis that lies most across a is taken. A code at the origin,
    or a space of one dimension, leaves only the straight line.
    """
    length_a, length_b = a.norm(dim=-1, keepdim=True), b.norm(dim=-1, keepdim=True)
    tiny = torch.finfo(a.dtype).tiny
    u, v = a / length_a.clamp_min(tiny), b / length_b.clamp_min(tiny)
    # This form of the angle is as accurate near 0 and pi as between; arccos is not.
    angle = 2.0 * torch.atan2((u - v).norm(dim=-1, keepdim=True), (u + v).norm(dim=-1, keepdim=True))
    sideways = v - (u * v).sum(-1, keepdim=True) * u
    size = sideways.norm(dim=-1, keepdim=True)
    sure = size > 1e3 * torch.finfo(a.dtype).eps
    across = _square(torch.where(sure, sideways / size.clamp_min(tiny), _across(u)), u)
    length = (1.0 - t) * length_a + t * length_b
    arc = length * (torch.cos(t * angle) * u + torch.sin(t * angle) * across)
    nowhere = (length_a <= tiny) | (length_b <= tiny)
    if a.shape[-1] == 1:
        nowhere = torch.ones_like(nowhere)
    path: Tensor = torch.where(nowhere, straight(a, b, t), arc)
    return torch.where(t == 0.0, a, torch.where(t == 1.0, b, path))


def norm_corrected(a: Tensor, b: Tensor, t: Tensor) -> Tensor:
    """The straight line, each code of it brought to the length that lies evenly between those of the ends.

    z(t) = ((1 - t)|a| + t|b|) m / |m| with m = (1 - t) a + t b, for a, b (..., k) and t (..., 1); exactly a at t = 0
    and b at t = 1. The length grows as on the arc of `spherical`, in the same plane; but the direction turns unevenly,
    fastest in the middle. Between opposite directions m runs through the origin, and the code jumps there from the one
    side to the other without turning; at the origin itself, where m has no direction, that of a is kept. From a code
    at the origin the straight line is left.
    """
    line = straight(a, b, t)
    size = line.norm(dim=-1, keepdim=True)
    length_a, length_b = a.norm(dim=-1, keepdim=True), b.norm(dim=-1, keepdim=True)
    length = (1.0 - t) * length_a + t * length_b
    tiny = torch.finfo(a.dtype).tiny
    # Below the rounding of the ends, what is left of the line is noise and points nowhere.
    lost = size <= torch.finfo(a.dtype).eps * torch.maximum(length_a, length_b)
    unit = torch.where(lost, a / length_a.clamp_min(tiny), line / size.clamp_min(tiny))
    nowhere = (length_a <= tiny) | (length_b <= tiny)
    path: Tensor = torch.where(nowhere, line, length * unit)
    return torch.where(t == 0.0, a, torch.where(t == 1.0, b, path))


def along(stops: Tensor, leg: Tensor, t: Tensor, path: ClosedForm = "straight") -> Tensor:
    """Codes at the fractions t (n,) of the legs (n,) between the stops (m, k): (n, k); leg i goes from stop i to i + 1.

    Exactly the stop where t is 0 or 1.
    """
    a, b, at = stops[leg], stops[(leg + 1).clamp_max(len(stops) - 1)], t.to(stops.dtype).unsqueeze(-1)
    if path == "straight":
        return straight(a, b, at)
    return spherical(a, b, at) if path == "spherical" else norm_corrected(a, b, at)


def polyline(stops: Tensor, n: int, path: ClosedForm = "straight") -> Tensor:
    """`n` codes at even times through all stops (m, k), from the first to the last: (n, k).

    The ends are exact, and so is every stop that falls on one of the n times; n = 1 gives the first stop.
    """
    if stops.ndim != 2 or len(stops) == 0 or n < 1:
        shape = tuple(stops.shape)
        raise SpecError("stops", f"stops has shape {shape} and n is {n}; expected (m, k) with m and n at least 1")
    leg, t = when(moments(n, len(stops) - 1), stops)
    return along(stops, leg, t, path)


def when(places: list[tuple[int, float]], like: Tensor) -> tuple[Tensor, Tensor]:
    """Legs and fractions as tensors on the device of the codes: int64 (n,) and (n,), as `along` takes them."""
    leg = torch.tensor([place[0] for place in places], device=like.device)
    return leg, torch.tensor([place[1] for place in places], dtype=like.dtype, device=like.device)


def _across(u: Tensor) -> Tensor:
    """A unit vector at right angles to each unit vector u (..., k), always the same one for the same u."""
    axis = torch.zeros_like(u).scatter_(-1, u.abs().argmin(-1, keepdim=True), 1.0)
    return _square(axis, u)


def _square(v: Tensor, u: Tensor) -> Tensor:
    """The part of v at right angles to the unit vector u, of length 1."""
    rest = v - (v * u).sum(-1, keepdim=True) * u
    unit: Tensor = rest / rest.norm(dim=-1, keepdim=True).clamp_min(torch.finfo(u.dtype).tiny)
    return unit
