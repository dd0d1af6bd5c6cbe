"""Two estimates of one gradient, draw by draw: through the draw, or by how good the draw was.

    d/dtheta E_{z ~ N(mu, sigma^2)} f(z) = E[f'(z) dz/dtheta] = E[(f(z) - b) d ln q(z) / dtheta]

The first holds where f has slopes everywhere that matter; the second holds for every f and every constant b, at the
price of noise. The other parts of the page lie in gradients_dims, gradients_switch and gradients_where.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gm_core.concepts import gradients_functions as functions
from gm_core.concepts.base import Column, Columns, ConceptFrame, Query, answers_alone
from gm_core.concepts.gradients_functions import Baseline, Function, Parameter

if TYPE_CHECKING:
    import torch

SHOWN = 24
CELLS = 61
POINTS = 50
Z_REACH = 4.0
REACHES = tuple(k * 10.0**n for n in range(-1, 4) for k in (1.0, 1.5, 2.0, 3.0, 5.0, 7.0))


@dataclass(frozen=True, slots=True)
class TwoQuery(Query):
    """f + offset under N(mu, sigma^2), the parameter whose gradient is wanted, a baseline for the score function."""

    function: Function = "square"
    steepness: float = 10.0
    offset: float = 0.0
    mu: float = 0.0
    sigma: float = 0.8
    by: Parameter = "mu"
    baseline: Baseline = "none"
    draws: int = 1000


@dataclass(frozen=True, slots=True)
class TwoFrame(ConceptFrame):
    """f and the density over z (n,); some draws with f and f' (SHOWN,); E f over the parameter (m,); shares of single
    gradients of both kinds in cells (CELLS,), those outside in the outermost; means and standard errors of both over
    the first n draws (k,); `reach` is the half width of the cells."""

    z: Column
    f: Column
    density: Column
    draws: Column
    heights: Column
    slopes: Column
    places: Column
    expected: Column
    cells: Column
    through: Column
    score: Column
    n: Column
    through_mean: Column
    through_error: Column
    score_mean: Column
    score_error: Column
    reach: float

    def columns(self) -> Columns:
        """Curves, histograms and runs."""
        return {
            "z": self.z, "f(z)": self.f, "q(z)": self.density, "parameter": self.places, "E f": self.expected,
            "gradient": self.cells, "share reparameterised": self.through, "share score": self.score, "N": self.n,
            "reparameterised": self.through_mean, "its error": self.through_error, "score": self.score_mean,
            "score's error": self.score_error,
        }  # fmt: skip


@answers_alone(TwoQuery)
def _two(query: TwoQuery, rng: torch.Generator) -> Iterator[TwoFrame]:
    import torch

    kind, steep, mu, sigma = query.function, query.steepness, query.mu, query.sigma
    known = functions.moments(kind, steep, query.offset, mu, sigma, query.by)
    base = known.baseline(query.baseline)
    t = torch.randn(query.draws, generator=rng, dtype=torch.float64)
    draws = mu + sigma * t
    f, rise = functions.evaluate(kind, steep, draws) + query.offset, functions.slope(kind, steep, draws)
    through = rise * (1.0 if query.by == "mu" else t)
    score = (f - base) * (t if query.by == "mu" else t * t - 1.0) / sigma
    score_deviation, through_deviation = math.sqrt(known.score_variance(base)), math.sqrt(known.slope_variance())
    farthest = abs(known.gradient) + 2.2 * max(score_deviation, through_deviation)
    reach = next((r for r in REACHES if farthest <= r), REACHES[-1])
    n = torch.unique(torch.logspace(0.7, math.log10(query.draws), POINTS).round().long().clamp(2, query.draws))
    runs = [_run(values, n) for values in (through, score)]
    z = torch.linspace(-Z_REACH, Z_REACH, 401, dtype=torch.float64)
    density = (-0.5 * ((z - mu) / sigma) ** 2).exp() / (sigma * math.sqrt(2.0 * math.pi))
    places, expected = functions.expected(kind, steep, sigma if query.by == "mu" else mu, query.by)
    cells = -reach + 2.0 * reach * (torch.arange(CELLS, dtype=torch.float64) + 0.5) / CELLS
    wide = known.slope_variance()
    numbers = {
        "exact": known.gradient, "through": float(runs[0][0][-1]), "through_error": float(runs[0][1][-1]),
        "score": float(runs[1][0][-1]), "score_error": float(runs[1][1][-1]), "through_deviation": through_deviation,
        "score_deviation": score_deviation, "bias": known.slope - known.gradient, "value": known.mean, "base": base,
        "ratio": known.score_variance(base) / wide if wide > 1e-300 else math.inf, "n": float(query.draws),
    }  # fmt: skip
    yield TwoFrame(
        numbers, z.numpy(), (functions.evaluate(kind, steep, z) + query.offset).numpy(), density.numpy(),
        draws[:SHOWN].numpy(), f[:SHOWN].numpy(), rise[:SHOWN].numpy(), places.numpy(),
        (expected + query.offset).numpy(), cells.numpy(), _shares(through, reach).numpy(),
        _shares(score, reach).numpy(),
        n.numpy(), runs[0][0].numpy(), runs[0][1].numpy(), runs[1][0].numpy(), runs[1][1].numpy(), reach,
    )  # fmt: skip


def _run(values: torch.Tensor, n: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    mean = values.cumsum(0)[n - 1] / n
    square = (values**2).cumsum(0)[n - 1] / n
    return mean, ((square - mean**2).clamp(min=0) / (n - 1).double()).sqrt()


def _shares(values: torch.Tensor, reach: float) -> torch.Tensor:
    import torch

    edge = reach * (1.0 - 0.5 / CELLS)
    return torch.histc(values.clamp(-edge, edge), CELLS, -reach, reach) / len(values)
