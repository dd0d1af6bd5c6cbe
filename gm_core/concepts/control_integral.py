"""Control signals that are numbers: from a sum over a switch to the integral over z, on a bent line in the plane.

    p(x) = integral p(x|z) p(z) dz ~ 1/K sum_k p(x|z_k)
    z ~ N(0, 1)        x | z ~ N(f(z), noise^2 I)        f(z) = (2.2 z, bend sin(2.6 z))

The z_k are the middles of K slices of the prior that are equally likely. With K = 1 there is one blob, with a few a
string of beads, and with many the density no longer changes: the integral.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from gm_core.concepts.base import Column, Columns, ConceptFrame, Query, answers_alone

if TYPE_CHECKING:
    import torch

STRETCH, WAVE = 2.2, 2.6
PLANE = (-10.0, 10.0, -3.4, 3.4)
CELLS = (188, 64)
FINE, FAR = 1201, 6.0
"""Points of z that stand for the integral, and how far they reach: neighbours lie closer than the smallest noise."""
SHOWN = 3.5
MOST = 64
ROOT_2PI = math.sqrt(2 * math.pi)


@dataclass(frozen=True, slots=True)
class IntegralQuery(Query):
    """A line bent by `bend` with noise around it, `points` values of z to sum over, a place (x, y) whose cause is
    wanted, a chosen z, and `draws` to make."""

    bend: float = 1.5
    noise: float = 0.4
    points: int = 8
    x: float = 1.3
    y: float = 0.2
    z: float = -1.0
    draws: int = 200


@dataclass(frozen=True, slots=True)
class IntegralFrame(ConceptFrame):
    """Density of the sum on the plane (64, 188), row 0 lowest; the line (k, 2); where the z_k (K,) lead (K, 2); draws
    (n, 2); over z (k,): prior and posterior per unit of z; where the chosen z leads (2,)."""

    density: Column
    line: Column
    nodes: Column
    beads: Column
    drawn: Column
    z: Column
    prior: Column
    posterior: Column
    led: Column

    def columns(self) -> Columns:
        """Over z: line, prior and posterior; and the draws."""
        return {
            "z": self.z, "f(z) x": self.line[:, 0], "f(z) y": self.line[:, 1], "p(z)": self.prior,
            "p(z|x)": self.posterior, "z_k": self.nodes, "drawn x": self.drawn[:, 0], "drawn y": self.drawn[:, 1],
        }  # fmt: skip


def led_to(z: Column, bend: float) -> Column:
    """The line: z (n,) to points of the plane (n, 2)."""
    made: Column = np.stack((STRETCH * z, bend * np.sin(WAVE * z)), -1)
    return made


@cache
def slices(points: int) -> Column:
    """Middles, in probability, of equally likely slices of N(0, 1): quantiles at (k - 1/2) / K."""
    import torch

    at = (torch.arange(points, dtype=torch.float64) + 0.5) / points
    made: Column = torch.special.ndtri(at).numpy()
    return made


@cache
def _fine() -> tuple[Column, Column]:
    z = np.linspace(-FAR, FAR, FINE)
    return z, np.exp(-0.5 * z**2) / ROOT_2PI


def _bell(off: Column, noise: float) -> Column:
    made: Column = np.exp(-0.5 * (off / noise) ** 2) / (noise * ROOT_2PI)
    return made


@answers_alone(IntegralQuery)
def _integral(query: IntegralQuery, rng: torch.Generator) -> Iterator[IntegralFrame]:
    import torch

    nodes = slices(query.points)
    beads = led_to(nodes, query.bend)
    z, prior = _fine()
    line = led_to(z, query.bend)
    x0, x1, y0, y1 = PLANE
    across = x0 + (np.arange(CELLS[0]) + 0.5) * (x1 - x0) / CELLS[0]
    upward = y0 + (np.arange(CELLS[1]) + 0.5) * (y1 - y0) / CELLS[1]
    # A round Gaussian is a product of one along x and one along y: the sum over z is one product of two tables.
    density = _bell(upward[:, None] - beads[:, 1], query.noise) @ _bell(across[:, None] - beads[:, 0], query.noise).T
    place = np.array([query.x, query.y])
    seen = -0.5 * ((line - place) ** 2).sum(-1) / query.noise**2 - 0.5 * z**2
    shape = np.exp(seen - seen.max())
    step = z[1] - z[0]
    posterior = shape / (shape.sum() * step)
    mean = float((posterior * z).sum() * step)
    spread = math.sqrt(max(0.0, float((posterior * (z - mean) ** 2).sum() * step)))
    whole = float(np.exp(seen.max()) * shape.sum() * step) / (query.noise**2 * (2 * math.pi) ** 1.5)
    each = np.exp(-0.5 * ((beads - place) ** 2).sum(-1) / query.noise**2) / (2 * math.pi * query.noise**2)
    drawn_z = torch.randn(query.draws, generator=rng, dtype=torch.float64).numpy()
    around = torch.randn(query.draws, 2, generator=rng, dtype=torch.float64).numpy()
    numbers = {
        "sum": float(each.mean()), "integral": whole, "points": query.points, "z_mean": mean, "z_spread": spread,
        "off": 100 * (float(each.mean()) / whole - 1) if whole > 0 else math.nan, "z": query.z,
    }  # fmt: skip
    some = np.abs(z) <= SHOWN
    yield IntegralFrame(
        numbers,
        density / query.points,
        line[some],
        nodes,
        beads,
        led_to(drawn_z, query.bend) + query.noise * around,
        z[some],
        prior[some],
        posterior[some],
        led_to(np.array([query.z]), query.bend)[0],
    )
