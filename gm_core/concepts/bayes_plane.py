"""Bayes' rule on the plane: two Gaussian classes, what is seen of both, what one coordinate tells, and what is neither.

    p(x, y) = p(y) N(x; mu_y, C_y)      p(x) = sum_y p(x, y)      p(y=1|x) = p(x, y=1) / p(x)

A generative classifier holds p(x, y). So it can leave out a coordinate that is missing, by summing over it, and say of
an x that fits no class how rare it is. One that holds p(y|x) alone must be given all of x and knows nothing of p(x).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from gm_core.concepts.base import Column, Columns, ConceptFrame, Query, answers_alone
from gm_core.concepts.bayes_world import FAR, GRID, WORLD, World, bayes_error, other_given, over_plane, wide_line

if TYPE_CHECKING:
    import torch

REACH = 4.0
"""The picture shows -REACH to REACH along both axes."""
SIDE = 81


@lru_cache(maxsize=4)
def _map_of(world: World, reach: float) -> torch.Tensor:
    """ln p(x, y) over the picture (SIDE^2, 2); kept, since a point is dragged far more often than a class."""
    return world.log_joint(over_plane(reach, SIDE))


@dataclass(frozen=True, slots=True)
class PlaneQuery(Query):
    """Two classes, and a point at which Bayes' rule is worked out."""

    world: World = WORLD
    probe: tuple[float, float] = (0.3, 0.2)


@dataclass(frozen=True, slots=True)
class PlaneFrame(ConceptFrame):
    """Over a grid (SIDE, SIDE), row 0 lowest: p(y=1|x), p(x) and each class's p(x|y) (2, SIDE, SIDE). Over a line
    (GRID,): the marginals p(x_1, y) and p(x_2, y) (2, GRID), and p(x_2, y | x_1) at the point's x_1 (2, GRID)."""

    posterior: Column
    density: Column
    classes: Column
    line: Column
    first: Column
    second: Column
    conditional: Column

    def columns(self) -> Columns:
        """The curves."""
        return {
            "x": self.line, "p(x1,y=0)": self.first[0], "p(x1,y=1)": self.first[1], "p(x2,y=0)": self.second[0],
            "p(x2,y=1)": self.second[1], "p(x2,y=0|x1)": self.conditional[0], "p(x2,y=1|x1)": self.conditional[1],
        }  # fmt: skip


@answers_alone(PlaneQuery)
def _plane(query: PlaneQuery, rng: torch.Generator) -> Iterator[PlaneFrame]:
    import torch

    world = query.world
    joint = _map_of(world, REACH)
    line = torch.linspace(-REACH, REACH, GRID, dtype=torch.float64)
    first, second = (world.log_joint_of(axis, line).exp().T for axis in (0, 1))
    probe = torch.tensor([query.probe], dtype=torch.float64)
    here = world.log_joint(probe)[0]
    mean, variance = (part.squeeze(0) for part in other_given(world, probe[:, 0]))
    share = torch.softmax(world.log_joint_of(0, probe[:, 0])[0], 0)
    ahead = torch.exp(-0.5 * (line - mean[:, None]) ** 2 / variance[:, None])
    conditional = share[:, None] * ahead / (2 * torch.pi * variance[:, None]).sqrt()
    likelihood = (here - world.log_priors()).exp()
    numbers = {
        "prior": world.prior, "likelihood_0": float(likelihood[0]), "likelihood_1": float(likelihood[1]),
        "evidence": float(here.exp().sum()), "posterior": float(torch.softmax(here, 0)[1]),
        "log_odds": float(here[1] - here[0]), "error": bayes_error(world),
    }  # fmt: skip
    shape = (SIDE, SIDE)
    yield PlaneFrame(
        numbers,
        torch.sigmoid(joint[:, 1] - joint[:, 0]).reshape(shape).numpy(),
        joint.exp().sum(1).reshape(shape).numpy(),
        (joint - world.log_priors()).exp().T.reshape(2, *shape).numpy(),
        line.numpy(),
        first.numpy(),
        second.numpy(),
        conditional.numpy(),
    )


@dataclass(frozen=True, slots=True)
class MissingQuery(Query):
    """Two classes, and an example of which x_1 is known but x_2 is missing."""

    world: World = WORLD
    x: float = 1.0


@dataclass(frozen=True, slots=True)
class MissingFrame(ConceptFrame):
    """Over x_1 (GRID,): p(y=1|x_1), and p(y=1|x) with x_2 filled in by its mean and by its mean given x_1; the errors
    (4,) of these three and of the rule that sees both coordinates, in the order both, summed, mean, mean given x_1;
    p(x|y) of either class over a grid (2, SIDE, SIDE), row 0 lowest, with p(y=1|x) (SIDE, SIDE)."""

    x: Column
    summed: Column
    filled: Column
    guessed: Column
    errors: Column
    classes: Column
    posterior: Column

    def columns(self) -> Columns:
        """The curves."""
        return {
            "x1": self.x, "p(y=1|x1)": self.summed, "x2 by its mean": self.filled, "x2 by E[x2|x1]": self.guessed
        }  # fmt: skip


@answers_alone(MissingQuery)
def _missing(query: MissingQuery, rng: torch.Generator) -> Iterator[MissingFrame]:
    import torch

    world = query.world
    line = wide_line()
    marginal = world.log_joint_of(0, line)
    summed = torch.sigmoid(marginal[:, 1] - marginal[:, 0])
    mean = float(world.log_priors().exp() @ world.means()[:, 1])
    guess = (torch.softmax(marginal, 1) * other_given(world, line)[0]).sum(1)

    def told(x_2: torch.Tensor) -> torch.Tensor:
        joint = world.log_joint(torch.stack((line, x_2), 1))
        return torch.sigmoid(joint[:, 1] - joint[:, 0])

    filled, guessed = told(torch.full_like(line, mean)), told(guess)
    mass = marginal.exp() * (line[1] - line[0])
    ways = [float(torch.where(p > 0.5, mass[:, 0], mass[:, 1]).sum()) for p in (summed, filled, guessed)]
    both = bayes_error(world)
    at = int((line - query.x).abs().argmin())
    numbers = {
        "x": query.x, "mean": mean, "guess": float(guess[at]), "summed": float(summed[at]),
        "filled": float(filled[at]), "guessed": float(guessed[at]), "error_both": both, "error_summed": ways[0],
        "error_filled": ways[1], "error_guessed": ways[2],
    }  # fmt: skip
    joint = _map_of(world, REACH)
    near = line.abs() <= REACH + 1e-9
    yield MissingFrame(
        numbers,
        line[near].numpy(),
        summed[near].numpy(),
        filled[near].numpy(),
        guessed[near].numpy(),
        np.array([both, *ways]),
        (joint - world.log_priors()).exp().T.reshape(2, SIDE, SIDE).numpy(),
        torch.sigmoid(joint[:, 1] - joint[:, 0]).reshape(SIDE, SIDE).numpy(),
    )


FINE = 121
WIDE = 10.0
"""The picture of what belongs to no class shows -WIDE to WIDE."""


@lru_cache(maxsize=4)
def _ranks(world: World) -> tuple[torch.Tensor, torch.Tensor]:
    """Log densities in rising order, and the mass of all places that are at most so dense, by a sum over a grid."""
    ordered = world.log_joint(over_plane(FAR, FINE)).logsumexp(1).sort().values
    mass = ordered.exp().cumsum(0)
    return ordered, mass / mass[-1]


@dataclass(frozen=True, slots=True)
class OutsideQuery(Query):
    """Two classes, a point that may lie anywhere, and the share of the data that one is ready to turn away."""

    world: World = WORLD
    probe: tuple[float, float] = (6.0, 5.0)
    turned_away: float = 0.01


@dataclass(frozen=True, slots=True)
class OutsideFrame(ConceptFrame):
    """Over a grid (SIDE, SIDE), row 0 lowest: p(y=1|x) and ln p(x); along the way from the middle of the data through
    the point: distances (GRID,), the probability of the likelier class, and ln p(x)."""

    posterior: Column
    log_density: Column
    distance: Column
    sure: Column
    log_along: Column

    def columns(self) -> Columns:
        """The way out."""
        return {"distance": self.distance, "max p(y|x)": self.sure, "ln p(x)": self.log_along}


@answers_alone(OutsideQuery)
def _outside(query: OutsideQuery, rng: torch.Generator) -> Iterator[OutsideFrame]:
    import torch

    world = query.world
    joint = _map_of(world, WIDE)
    probe = torch.tensor(query.probe, dtype=torch.float64)
    middle = world.log_priors().exp() @ world.means()
    away = float((probe - middle).norm())
    towards = (probe - middle) / away if away > 1e-9 else torch.tensor([1.0, 0.0], dtype=torch.float64)
    distance = torch.linspace(0.0, 1.5 * WIDE, GRID, dtype=torch.float64)
    along = world.log_joint(middle + distance[:, None] * towards)
    here = world.log_joint(probe[None])[0]
    log_here = float(here.logsumexp(0))
    ordered, mass = _ranks(world)
    level = float(ordered[int(torch.searchsorted(mass, query.turned_away).clamp(max=len(mass) - 1))])
    below = int(torch.searchsorted(ordered, log_here))
    posterior = float(torch.softmax(here, 0)[1])
    numbers = {
        "posterior": posterior, "sure": max(posterior, 1 - posterior), "log_odds": float(here[1] - here[0]),
        "log_density": log_here, "level": level, "rarer": float(mass[below - 1]) if below else 0.0,
        "inside": float(log_here >= level), "distance": away,
    }  # fmt: skip
    yield OutsideFrame(
        numbers,
        torch.sigmoid(joint[:, 1] - joint[:, 0]).reshape(SIDE, SIDE).numpy(),
        joint.logsumexp(1).reshape(SIDE, SIDE).numpy(),
        distance.numpy(),
        along.softmax(1).amax(1).numpy(),
        along.logsumexp(1).numpy(),
    )
