"""Jensen's inequality: the mean of a curved function is not the function of the mean.

    f(E X) - E f(X) >= 0 for concave f, <= 0 for convex f, and about -1/2 f''(E X) Var X where X varies little

The bound of a latent-variable model is this gap for f = ln and X = p(x, z) / q(z). The other parts of the page lie in
elbo_evidence, elbo_bound and elbo_draws.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from gm_core.concepts.base import Column, Columns, ConceptFrame, Query, answers_alone

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import torch

Curve = Literal["ln x", "√x", "straight", "x²/8"]
CURVES: tuple[Curve, ...] = ("ln x", "√x", "straight", "x²/8")
LEAST, MOST = 0.05, 8.0
"""Points may lie from LEAST to MOST."""
GRID = 400


@dataclass(frozen=True, slots=True)
class JensenQuery(Query):
    """A function, and a variable that takes the values `points`: the first with probability `weight`, the others with
    equal shares of the rest."""

    curve: Curve = "ln x"
    points: tuple[float, ...] = (0.5, 6.0)
    weight: float = 0.5


@dataclass(frozen=True, slots=True)
class JensenFrame(ConceptFrame):
    """The function f over x (GRID,); the points as given with f and probability (k,); the corners of the area in
    which (E X, E f(X)) may lie (m,); the gap and its second-order value where all points are drawn towards their mean
    by a factor t (50,)."""

    x: Column
    f: Column
    points: Column
    heights: Column
    shares: Column
    area_x: Column
    area_y: Column
    t: Column
    gap: Column
    second_order: Column

    def columns(self) -> Columns:
        """The function, the points, and the gap by spread."""
        return {
            "x": self.x, "f(x)": self.f, "point": self.points, "probability": self.shares,
            "share of the spread": self.t, "gap": self.gap, "second order": self.second_order,
        }  # fmt: skip


@answers_alone(JensenQuery)
def _jensen(query: JensenQuery, rng: torch.Generator) -> Iterator[JensenFrame]:
    import numpy as np

    given = np.clip(np.asarray(query.points, np.float64), LEAST, MOST)
    others = max(1, len(given) - 1)
    given_shares = np.array([query.weight, *[(1.0 - query.weight) / others] * (len(given) - 1)])
    points, shares = given, given_shares / given_shares.sum()
    heights = evaluate(query.curve, points)
    mean, inside = float(shares @ points), float(shares @ heights)
    variance = float(shares @ (points - mean) ** 2)
    outside = float(evaluate(query.curve, np.array([mean]))[0])
    t = np.linspace(0.0, 1.0, 50)
    drawn = mean + t[:, None] * (points - mean)
    gaps = outside - evaluate(query.curve, drawn) @ shares
    second = -0.5 * bend(query.curve, mean) * variance * t**2
    x = np.linspace(LEAST, MOST, GRID)
    # All points lie on a curve that bends one way, so that each is a corner; the path runs out and straight back.
    corners = np.append(np.argsort(points, kind="stable"), np.argmin(points))
    area_x, area_y = points[corners], heights[corners]
    numbers = {
        "mean": mean, "outside": outside, "inside": inside, "gap": outside - inside, "second_order": float(second[-1]),
        "variance": variance,
    }  # fmt: skip
    yield JensenFrame(numbers, x, evaluate(query.curve, x), points, heights, shares, area_x, area_y, t, gaps, second)


def evaluate(curve: Curve, x: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """f(x), elementwise."""
    import numpy as np

    made = {"ln x": np.log(x), "√x": np.sqrt(x), "straight": 0.3 * x, "x²/8": x * x / 8.0}[curve]
    return np.asarray(made, np.float64)


def bend(curve: Curve, x: float) -> float:
    """f''(x)."""
    return {"ln x": -1.0 / (x * x), "√x": -0.25 / (x * math.sqrt(x)), "straight": 0.0, "x²/8": 0.25}[curve]
