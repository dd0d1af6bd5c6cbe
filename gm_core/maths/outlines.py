"""Signed distances to the outlines of simple shapes: negative inside, zero on the outline, in the shape's own units.

Every function takes coordinates u (to the right) and v (downwards) of one shape and returns distances of that shape;
each shape fits the unit circle, and its outermost points lie on it. Distances are exact but for the ellipse, whose
f / |grad f| is exact on the outline and good to second order beside it. For polygons and the method see I. Quilez,
"2D distance functions" (iquilezles.org/articles/distfunctions2d).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

HALF = math.sqrt(0.5)
THIN = 0.55
"""Height of the ellipse by its width."""
SIDE = 1.12
"""Side of the heart's square; with it the round parts just touch the unit circle."""
ARM = 0.32
"""Half the width of the cross's arms."""


def box(u: Tensor, v: Tensor, a: float, b: float) -> Tensor:
    """Distance to a rectangle of half sides a and b."""
    x, y = u.abs() - a, v.abs() - b
    return torch.hypot(x.clamp(min=0), y.clamp(min=0)) + torch.maximum(x, y).clamp(max=0)


def square(u: Tensor, v: Tensor) -> Tensor:
    """Distance to the square with its corners on the unit circle."""
    return box(u, v, HALF, HALF)


def ellipse(u: Tensor, v: Tensor) -> Tensor:
    """Distance to the ellipse of half axes 1 and THIN: f / |grad f| for f = |p| - 1, p the point on the unit circle."""
    first = torch.hypot(u, v / THIN)
    second = torch.hypot(u, v / THIN**2)
    return (first - 1) * first / second.clamp(min=1e-6)


def cross(u: Tensor, v: Tensor) -> Tensor:
    """Distance to an upright cross whose arms end on the unit circle; exact outside and near the outline."""
    length = math.sqrt(1 - ARM**2)
    return torch.minimum(box(u, v, length, ARM), box(u, v, ARM, length))


def polygon(u: Tensor, v: Tensor, corners: tuple[tuple[float, float], ...]) -> Tensor:
    """Distance to a convex polygon, corners clockwise as seen (v points down)."""
    nearest = torch.full_like(u, math.inf)
    outside = torch.full_like(u, -math.inf)
    for (x0, y0), (x1, y1) in zip(corners, (*corners[1:], corners[0])):
        dx, dy = x1 - x0, y1 - y0
        length = math.hypot(dx, dy)
        along = (((u - x0) * dx + (v - y0) * dy) / length**2).clamp(0, 1)
        nearest = torch.minimum(nearest, torch.hypot(u - x0 - along * dx, v - y0 - along * dy))
        outside = torch.maximum(outside, ((u - x0) * dy - (v - y0) * dx) / length)
    return torch.where(outside > 0, nearest, -nearest)


def triangle(u: Tensor, v: Tensor) -> Tensor:
    """Distance to the triangle of equal sides that points up, its corners on the unit circle."""
    across = math.sqrt(3) / 2
    return polygon(u, v, ((0.0, -1.0), (across, 0.5), (-across, 0.5)))


def heart(u: Tensor, v: Tensor) -> Tensor:
    """Distance to a heart: a square that stands on its tip (0, 1), with a circle on each of its two upper sides."""
    middle = 1 - SIDE * HALF  # of the square, below the middle of the unit circle
    x, y = (u + v - middle) * HALF, (v - middle - u) * HALF
    across = SIDE * HALF / 2
    circle = torch.hypot(u.abs() - across, v - middle + across) - SIDE / 2
    return torch.minimum(circle, box(x, y, SIDE / 2, SIDE / 2))
