"""The best denoiser there can be, known exactly, and what noise makes of the shape that it leads back to.

    r(x) = E[x_0 | x] = x + sigma^2 grad ln p_sigma(x),       x = x_0 + sigma eps              (Tweedie's formula)

Least squares is minimised by the conditional mean, so no network can do better (Alain & Bengio 2014, arXiv:1211.4246).
Its moves point uphill on ln p_sigma, so that denoising again and again climbs to a ridge or a top of p_sigma.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from gm_core.concepts.base import Column, Columns, ConceptFrame, Query, answers_alone
from gm_core.concepts.geometry_shapes import BOX, RADIUS, Shape, exact_of

if TYPE_CHECKING:
    import torch

    from gm_core.data.exact import Plane

SIDE = 36
ARROWS = 15
STARTS = 5
STEPS = 24
LINE = 201


@lru_cache(maxsize=16)
def law_of(shape: Shape, sigma: float) -> Plane:
    """p_sigma, the distribution of x_0 + sigma eps."""
    return exact_of(shape).noised(1.0, sigma)


def climb(shape: Shape, sigma: float, x: torch.Tensor, steps: int = STEPS) -> torch.Tensor:
    """The way of points (n, 2) when they are denoised again and again: (steps + 1, n, 2)."""
    import torch

    law, way = law_of(shape, sigma), [x]
    for _ in range(steps):
        way.append(way[-1] + sigma**2 * law.score(way[-1]))
    return torch.stack(way)


def spread_points(side: int, part: float = 1.0) -> torch.Tensor:
    """Middles of the cells of a square grid over the inner part of BOX, row by row from the lowest: (side^2, 2)."""
    import torch

    middles = (2 * torch.arange(side, dtype=torch.float64) + 1) / side - 1
    half = BOX[1] * part
    return torch.stack(torch.meshgrid(half * middles, half * middles, indexing="xy"), -1).reshape(-1, 2)


@dataclass(frozen=True, slots=True)
class DenoiserQuery(Query):
    """The best denoiser of a shape for noise of size sigma, applied `steps` times from a point."""

    shape: Shape = "moons"
    sigma: float = 0.3
    probe: tuple[float, float] = (-1.5, -1.2)
    steps: int = 10


@dataclass(frozen=True, slots=True)
class DenoiserFrame(ConceptFrame):
    """Over the plane: ln p_sigma (SIDE, SIDE), row 0 lowest, points (a, 2) with their moves (a, 2), and the ways of
    some points (s, steps + 1, 2). Of the point: its way (STEPS + 1, 2) with the energies -ln p_sigma on it in nats,
    and the energy along the level line through it (LINE,)."""

    log_density: Column
    points: Column
    moves: Column
    ways: Column
    way: Column
    energy: Column
    line: Column
    cut: Column

    def columns(self) -> Columns:
        """The way of the point, and the cut."""
        return {
            "step": np.arange(len(self.way)), "x1": self.way[:, 0], "x2": self.way[:, 1], "energy (nats)": self.energy,
            "cut x1": self.line, "cut energy (nats)": self.cut,
        }  # fmt: skip


@answers_alone(DenoiserQuery)
def _denoiser(query: DenoiserQuery, rng: torch.Generator) -> Iterator[DenoiserFrame | None]:
    import torch

    shape, sigma = query.shape, query.sigma
    log_density, points, moves, ways = _field(shape, sigma)
    yield None
    law = law_of(shape, sigma)
    probe = torch.tensor([query.probe], dtype=torch.float64)
    way = climb(shape, sigma, probe)[:, 0]
    energy = -law.log_prob(way)
    line = torch.linspace(BOX[0], BOX[1], LINE, dtype=torch.float64)
    cut = -law.log_prob(torch.stack((line, torch.full_like(line, query.probe[1])), 1))
    first = way[1] - way[0]
    numbers = {
        "sigma": sigma, "x_1": query.probe[0], "x_2": query.probe[1], "r_1": float(way[1, 0]), "r_2": float(way[1, 1]),
        "score_1": float(first[0]) / sigma**2, "score_2": float(first[1]) / sigma**2, "move": float(first.norm()),
        "energy": float(energy[0]), "after": float(energy[query.steps]), "steps": float(query.steps),
        "last": float((way[query.steps] - way[max(query.steps - 1, 0)]).norm()),
    }  # fmt: skip
    yield DenoiserFrame(
        numbers,
        log_density,
        points,
        moves,
        ways[:, : query.steps + 1],
        way.numpy(),
        energy.numpy(),
        line.numpy(),
        cut.numpy(),
    )


@lru_cache(maxsize=8)
def _field(shape: Shape, sigma: float) -> tuple[Column, Column, Column, Column]:
    """ln p_sigma, arrows and ways over the plane; kept, since a point is dragged far more often than sigma."""
    law = law_of(shape, sigma)
    log_density = law.log_prob(spread_points(SIDE)).reshape(SIDE, SIDE)
    points = spread_points(ARROWS)
    ways = climb(shape, sigma, spread_points(STARTS, 0.92)).permute(1, 0, 2)
    return log_density.numpy(), points.numpy(), (sigma**2 * law.score(points)).numpy(), ways.numpy()


@dataclass(frozen=True, slots=True)
class BendQuery(Query):
    """A circle of radius RADIUS without any width and noise of size sigma; a point at distance rho is denoised."""

    sigma: float = 0.4
    rho: float = 1.6


@dataclass(frozen=True, slots=True)
class BendFrame(ConceptFrame):
    """Over distances (LINE,): the move r(rho) - rho outwards. Over noises (LINE,): the radius at which the denoiser
    rests, and RADIUS - sigma^2 / (2 RADIUS), its beginning. Over the plane: p_sigma (SIDE, SIDE), row 0 lowest, and
    points (a, 2) with their moves (a, 2)."""

    rho: Column
    move: Column
    noises: Column
    rest: Column
    nearly: Column
    density: Column
    points: Column
    moves: Column

    def columns(self) -> Columns:
        """Both curves."""
        return {"rho": self.rho, "move": self.move, "sigma": self.noises, "rest": self.rest, "nearly": self.nearly}


def pull(rho: torch.Tensor, sigma: torch.Tensor | float) -> torch.Tensor:
    """How far from the middle a point at rho is denoised to: R I_1(R rho / sigma^2) / I_0(R rho / sigma^2)."""
    import torch

    z = RADIUS * rho / sigma**2
    pulled: torch.Tensor = RADIUS * torch.special.i1e(z) / torch.special.i0e(z)
    return pulled


def rest_of(sigma: torch.Tensor) -> torch.Tensor:
    """The outermost distance at which the denoiser leaves points where they are, by bisection; 0 from R / sqrt 2 on."""
    import torch

    low, high = torch.full_like(sigma, 1e-9), torch.full_like(sigma, RADIUS)
    for _ in range(50):
        middle = (low + high) / 2
        outwards = pull(middle, sigma) > middle
        low, high = torch.where(outwards, middle, low), torch.where(outwards, high, middle)
    return torch.where(sigma < RADIUS / 2**0.5, high, 0.0)


@answers_alone(BendQuery)
def _bend(query: BendQuery, rng: torch.Generator) -> Iterator[BendFrame]:
    import torch

    sigma = query.sigma
    rho = torch.linspace(0.0, 2.2, LINE, dtype=torch.float64)
    noises = torch.linspace(0.02, 1.2, LINE, dtype=torch.float64)
    points = spread_points(ARROWS)
    far = points.norm(dim=1, keepdim=True)
    place = spread_points(SIDE).norm(dim=1)
    z = RADIUS * place / sigma**2
    density = torch.special.i0e(z) * torch.exp(-0.5 * ((place - RADIUS) / sigma) ** 2) / (2 * torch.pi * sigma**2)
    here = torch.tensor([query.rho], dtype=torch.float64)
    rest = float(rest_of(torch.tensor([sigma], dtype=torch.float64)))
    numbers = {
        "sigma": sigma, "rho": query.rho, "pulled": float(pull(here, sigma)), "rest": rest, "radius": RADIUS,
        "shrunk": RADIUS - rest, "nearly": RADIUS - sigma**2 / (2 * RADIUS), "collapse": RADIUS / 2**0.5,
    }  # fmt: skip
    yield BendFrame(
        numbers,
        rho.numpy(),
        (pull(rho, sigma) - rho).numpy(),
        noises.numpy(),
        rest_of(noises).numpy(),
        (RADIUS - noises**2 / (2 * RADIUS)).numpy(),
        density.reshape(SIDE, SIDE).numpy(),
        points.numpy(),
        (points * (pull(far, sigma) / far.clamp(min=1e-12) - 1)).numpy(),
    )
