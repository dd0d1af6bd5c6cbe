"""A mean of random draws, its error bar, and the square root of N.

    I = E_p[f(x)] ~ I_N = 1/N sum_i f(x_i),  x_i ~ p = N(0, 1)        E[I_N] = I        sd(I_N) = sigma_f / sqrt(N)

The error bar of one run is the standard deviation of its own terms over sqrt(N). It can be trusted as far as sigma_f is
finite: of exp(x^2/3) the mean is sqrt(3) and the variance infinite, and the bars of most runs are far too short.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Literal

from gm_core.concepts.base import Column, Columns, ConceptFrame, Query, answers_alone

if TYPE_CHECKING:
    import torch
    from torch import Tensor

Function = Literal["x²", "exp(x)", "x > 1.5", "exp(x²/3)"]
MOST, REPEATS, SHOWN = 1000, 200, 12
"""Draws at most, repetitions of the whole estimate, and how many of those are drawn as curves."""
CUT = 1.5
TAIL = 0.5 * math.erfc(CUT / math.sqrt(2.0))
EXACT: dict[str, tuple[float, float]] = {
    "x²": (1.0, math.sqrt(2.0)),
    "exp(x)": (math.exp(0.5), math.sqrt(math.exp(2.0) - math.exp(1.0))),
    "x > 1.5": (TAIL, math.sqrt(TAIL * (1.0 - TAIL))),
    "exp(x²/3)": (math.sqrt(3.0), math.inf),
}
"""Mean and standard deviation of f(x)."""
SCALE: dict[str, float] = {"x²": 1.4, "exp(x)": 2.2, "x > 1.5": 0.25, "exp(x²/3)": 3.0}
"""A typical size of f's spread, for axes; finite for all."""
BINS = 32


@dataclass(frozen=True, slots=True)
class EstimateQuery(Query):
    """The function whose mean is wanted, and the number of draws."""

    function: Function = "x²"
    draws: int = 100


@dataclass(frozen=True, slots=True)
class EstimateFrame(ConceptFrame):
    """For growing n (k,): running means (12, k), the standard error that the first run states of itself (k,), the root
    mean square error over 200 runs (k,) and sigma_f/sqrt(n) (k,). At N: a histogram of the 200 estimates (middles of
    bins, densities) and the normal density that it should follow, at the same places; all in units of f."""

    n: Column
    runs: Column
    stated: Column
    rms: Column
    law: Column
    bins: Column
    share: Column
    normal: Column

    def columns(self) -> Columns:
        """The run and the error by number of draws, and the histogram."""
        return {
            "n": self.n, "estimate": self.runs[0], "stated error": self.stated, "rms error of 200 runs": self.rms,
            "sigma/sqrt(n)": self.law, "estimates": self.bins, "density": self.share, "normal density": self.normal,
        }  # fmt: skip


@answers_alone(EstimateQuery)
def _estimate(query: EstimateQuery, rng: torch.Generator) -> Iterator[EstimateFrame]:
    import torch

    exact, sigma = EXACT[query.function]
    at = min(max(query.draws, 2), MOST)
    values, sums = _table(rng.initial_seed(), query.function)
    n = torch.unique(torch.logspace(math.log10(2), math.log10(MOST), 60).round().long().clamp(2, MOST))
    means = sums[n - 1] / n[:, None]
    squares = values[:, 0].square().cumsum(0)[n - 1] / n
    stated = ((squares - means[:, 0].square()).clamp(min=0) / (n - 1)).sqrt()
    rms = (means - exact).square().mean(1).sqrt()
    here, errors = sums[at - 1] / at, values[:at].std(0) / math.sqrt(at)
    off = (here - exact).abs()
    law = sigma / math.sqrt(at)
    reach = 4.0 * (law if math.isfinite(law) else SCALE[query.function] / math.sqrt(at))
    edges = torch.linspace(exact - reach, exact + reach, BINS + 1, dtype=torch.float64)
    middle, width = (edges[1:] + edges[:-1]) / 2, 2.0 * reach / BINS
    share = torch.histc(here, BINS, float(edges[0]), float(edges[-1])) / (REPEATS * width)
    normal = torch.exp(-0.5 * ((middle - exact) / law).square()) / (law * math.sqrt(2 * math.pi))
    numbers = {
        "exact": exact, "estimate": float(here[0]), "error": float(errors[0]), "sigma": sigma, "law": law,
        "rms": float(off.square().mean().sqrt()), "inside": 100.0 * float((off <= 2.0 * errors).double().mean()),
        "mean": float(here.mean()), "n": float(at),
    }  # fmt: skip
    yield EstimateFrame(
        numbers,
        n.numpy(),
        means[:, :SHOWN].T.numpy(),
        stated.numpy(),
        rms.numpy(),
        (sigma / n.double().sqrt()).numpy(),
        middle.numpy(),
        share.numpy(),
        (normal if math.isfinite(sigma) else torch.full_like(normal, math.nan)).numpy(),
    )


@lru_cache(maxsize=4)
def _table(seed: int, function: Function) -> tuple[Tensor, Tensor]:
    """f of all draws (MOST, REPEATS) and their running sums: more draws are more of the same, so both are kept."""
    import torch

    rng = torch.Generator().manual_seed(seed)
    values = _values(function, torch.randn(MOST, REPEATS, generator=rng, dtype=torch.float64))
    return values, values.cumsum(0)


def _values(function: Function, x: Tensor) -> Tensor:
    if function == "x²":
        return x.square()
    if function == "exp(x)":
        return x.exp()
    if function == "x > 1.5":
        return (x > CUT).double()
    return (x.square() / 3.0).exp()
