"""Two players, each going downhill for itself: whether they meet, circle or part is decided by how they take turns.

    x . y          the generator lowers x y in x, the critic raises it in y
    Dirac-GAN      data at 0, generator a point at x, D = sigmoid(y times the place):
                   V = ln D(0) + ln(1 - D(x)) = -ln 2 + ln sigmoid(-x y);   the generator lowers V, or -ln D(x)

Mescheder, Geiger and Nowozin, Which Training Methods for GANs do actually Converge?, 2018. Both rest at (0, 0) only.
With w the strength of the turning there (1 for x y, 1/2 for the Dirac-GAN) one step of size h is near the rest the
linear map whose eigenvalues are

    simultaneous     1 +- i h w                                modulus sqrt(1 + h^2 w^2) > 1: always outwards
    alternating      trace 2 - h^2 w^2, product 1              modulus 1 up to h w = 2: on a closed line
    extragradient    1 - h^2 w^2 +- i h w                      modulus sqrt(1 - h^2 w^2 + h^4 w^4): inwards, h w < 1
    penalty          1 + h (-g +- sqrt(g^2 - 4 w^2)) / 2       inwards for h < g / w^2 while g < 2 w

The penalty is g/2 times the squared slope of D's logit at the data, g/2 y^2 here (R1). For x y the map is exact
everywhere; for the Dirac-GAN it holds near the rest.
"""

from __future__ import annotations

import cmath
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from gm_core.concepts.base import Column, Columns, ConceptFrame, Query, answers_alone

if TYPE_CHECKING:
    import torch

Game = Literal["x · y", "Dirac-GAN", "Dirac-GAN, non-saturating"]
Rule = Literal["simultaneous", "alternating", "extragradient", "penalty"]
RULES: tuple[Rule, ...] = ("simultaneous", "alternating", "extragradient", "penalty")
MOST = 400
"""Steps at most."""
ROOM = 2.0
"""Arrows are drawn, and starts may lie, from -ROOM to ROOM in both directions."""
ARROWS = 11
FAR = 1e4
"""Distance beyond which a run is followed no further."""


@dataclass(frozen=True, slots=True)
class DynamicsQuery(Query):
    """A game, a rule, the size of a step, the strength of the penalty (only where that is the rule), the start (x of
    the generator, y of the critic), and steps."""

    game: Game = "x · y"
    rule: Rule = "simultaneous"
    step_size: float = 0.2
    strength: float = 0.5
    x: float = 1.0
    y: float = 0.0
    steps: int = 100


@dataclass(frozen=True, slots=True)
class DynamicsFrame(ConceptFrame):
    """The run x, y (steps + 1,), NaN once it is too far away; the distance to (0, 0) by step for all rules
    (4, steps + 1) in the order of RULES; where the players would go from places of a grid: arrows at_x, at_y, by
    toward_x, toward_y (ARROWS^2,), none longer than 1; the eigenvalues of one step (2,), real and imaginary parts, and
    those of all other rules."""

    x: Column
    y: Column
    distances: Column
    at_x: Column
    at_y: Column
    toward_x: Column
    toward_y: Column
    real: Column
    imaginary: Column
    all_real: Column
    all_imaginary: Column

    def columns(self) -> Columns:
        """The run, and the distances."""
        made: dict[str, Column] = {"x": self.x, "y": self.y}
        made |= {f"distance, {rule}": run for rule, run in zip(RULES, self.distances, strict=True)}
        return made


@answers_alone(DynamicsQuery)
def _dynamics(query: DynamicsQuery, rng: torch.Generator) -> Iterator[DynamicsFrame]:
    import numpy as np

    h, g, w = query.step_size, query.strength, turning(query.game)
    runs = {rule: np.array(follow(query.game, rule, h, g, (query.x, query.y), query.steps)) for rule in RULES}
    distances = np.stack([np.hypot(*runs[rule].T) for rule in RULES])
    strength = g if query.rule == "penalty" else 0.0
    values = {rule: eigenvalues(rule, h, g, w) for rule in RULES}
    both = values[query.rule]
    modulus = max(abs(both[0]), abs(both[1]))
    middle, square = (both[0] + both[1]) / 2, ((both[0] - both[1]) / 2) ** 2  # both are real for every rule
    run, own = runs[query.rule], distances[RULES.index(query.rule)]
    last = int(np.isfinite(own).nonzero()[0][-1])
    numbers = {
        "middle": middle.real, "square": square.real, "modulus": modulus, "other": min(map(abs, both)),
        "distance": float(own[last]), "start": float(own[0]), "x": float(run[last, 0]), "y": float(run[last, 1]),
        "growth": float((own[last] / own[0]) ** (1 / last)) if last and own[0] else math.nan, "steps": last,
        "turn": math.degrees(abs(cmath.phase(both[0]))), "h": h, "w": w, "g": strength,
    }  # fmt: skip
    side = np.linspace(-ROOM, ROOM, ARROWS)
    at_x, at_y = (v.ravel() for v in np.meshgrid(side, side))
    field = np.array([motion(query.game, a, b, strength) for a, b in zip(at_x.tolist(), at_y.tolist(), strict=True)])
    field /= max(1e-12, float(np.hypot(*field.T).max()))
    everything = np.array([values[rule] for rule in RULES])
    yield DynamicsFrame(
        numbers, run[:, 0], run[:, 1], distances, at_x, at_y, field[:, 0], field[:, 1], np.array(both).real,
        np.array(both).imag, everything.real.ravel(), everything.imag.ravel(),
    )  # fmt: skip


def turning(game: Game) -> float:
    """w: how strongly the players drive each other around where they rest."""
    return 1.0 if game == "x · y" else 0.5


def motion(game: Game, x: float, y: float, strength: float = 0.0) -> tuple[float, float]:
    """Where both players go at (x, y): minus the gradient of the generator's loss in x, plus that of V in y less the
    penalty; `strength` is the g of the penalty."""
    if game == "x · y":
        return -y, x - strength * y
    fooled = _sigmoid(x * y)  # D at the generator's point
    pull = fooled if game == "Dirac-GAN" else 1.0 - fooled
    return y * pull, -x * fooled - strength * y


def stepped(game: Game, rule: Rule, h: float, g: float, x: float, y: float) -> tuple[float, float]:
    """One step of a rule from (x, y): the generator's x, the critic's y."""
    dx, dy = motion(game, x, y, g if rule == "penalty" else 0.0)
    if rule == "alternating":
        x += h * dx
        return x, y + h * motion(game, x, y)[1]
    if rule == "extragradient":  # look ahead, come back, and go as one would from there
        dx, dy = motion(game, x + h * dx, y + h * dy)
    return x + h * dx, y + h * dy


def follow(game: Game, rule: Rule, h: float, g: float, start: tuple[float, float], steps: int) -> list[list[float]]:
    """The run (steps + 1, 2) of a rule; NaN from where it is farther away than FAR."""
    x, y = start
    run = [[x, y]]
    for _ in range(steps):
        x, y = stepped(game, rule, h, g, x, y)
        if not abs(x) + abs(y) < FAR:
            return run + [[math.nan, math.nan]] * (steps + 1 - len(run))
        run.append([x, y])
    return run


def eigenvalues(rule: Rule, h: float, g: float, w: float) -> tuple[complex, complex]:
    """Both eigenvalues of one step near (0, 0), in closed form; the upper one first."""
    hw = h * w
    if rule == "simultaneous":
        return complex(1, hw), complex(1, -hw)
    if rule == "extragradient":
        return complex(1 - hw**2, hw), complex(1 - hw**2, -hw)
    if rule == "alternating":
        middle, root = 1 - hw**2 / 2, cmath.sqrt((1 - hw**2 / 2) ** 2 - 1)
        return middle + root, middle - root
    root = cmath.sqrt(g**2 - 4 * w**2)
    return 1 + h * (-g + root) / 2, 1 + h * (-g - root) / 2


def _sigmoid(t: float) -> float:
    return 1.0 / (1.0 + math.exp(-t)) if t >= 0 else math.exp(t) / (1.0 + math.exp(t))
