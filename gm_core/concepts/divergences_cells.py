"""Discrete against differential entropy: a density cut into cells of width delta.

    P_k = integral of p over cell k        H(P) = -sum_k P_k ln P_k        H(P) + ln delta -> h(p) = -integral p ln p

(Cover & Thomas 2006, theorem 8.3.1.) H(P) is never negative and grows without end as cells shrink; h(p) may be
negative, depends on the unit of x (h of a x is h + ln|a|), and is no number of nats that anything costs.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from gm_core.concepts.base import Column, Columns, ConceptFrame, Query, answers_alone
from gm_core.concepts.divergences import PER_NAT, Unit
from gm_core.concepts.divergences_line import Mixture, log_density, middles, tensors

if TYPE_CHECKING:
    import torch
    from torch import Tensor

Shape = Literal["gaussian", "uniform", "two peaks"]
PEAKS = Mixture(0.5, -0.9, math.sqrt(0.19), 0.9, math.sqrt(0.19))
"""Two peaks whose standard deviation is 1 together."""
HALF_UNIFORM = math.sqrt(3.0)
"""Half the width of a uniform distribution whose standard deviation is 1."""
WIDTHS = 48
FINEST, COARSEST = 0.02, 4.0
DRAWN = 5.0


@dataclass(frozen=True, slots=True)
class CellsQuery(Query):
    """A density of a shape with standard deviation sigma, cut into cells of a width; and the unit of the answer."""

    shape: Shape = "gaussian"
    sigma: float = 1.0
    width: float = 0.5
    unit: Unit = "nats"


@dataclass(frozen=True, slots=True)
class CellsFrame(ConceptFrame):
    """The density over x (k,) and the bars of the histogram: middles and heights, probability over width (cells,);
    the entropy of the cells for widths from fine to coarse (48,), alone and with ln of the width added."""

    x: Column
    density: Column
    middle: Column
    height: Column
    widths: Column
    entropy: Column
    moved: Column

    def columns(self) -> Columns:
        """Curves over widths, and the histogram."""
        return {
            "delta": self.widths, "H": self.entropy, "H + log delta": self.moved, "x": self.middle,
            "P/delta": self.height,
        }  # fmt: skip


@answers_alone(CellsQuery)
def _cells(query: CellsQuery, rng: torch.Generator) -> Iterator[CellsFrame]:
    import torch

    from gm_core.maths import divergences

    unit = PER_NAT[query.unit]
    h = _differential(query.shape) + math.log(query.sigma)
    widths = torch.logspace(math.log10(FINEST), math.log10(COARSEST), WIDTHS, dtype=torch.float64)
    entropy = torch.stack([divergences.entropy(_masses(query.shape, query.sigma, float(d))[1]) for d in widths])
    middle, mass = _masses(query.shape, query.sigma, query.width)
    here = float(divergences.entropy(mass))
    x = torch.linspace(-DRAWN, DRAWN, 1201, dtype=torch.float64)
    seen = mass > 1e-9
    numbers = {
        "discrete": here * unit, "log_width": math.log(query.width) * unit,
        "moved": (here + math.log(query.width)) * unit, "h": h * unit,
        "off": (here + math.log(query.width) - h) * unit, "cells": float(seen.sum()), "width": query.width,
    }  # fmt: skip
    yield CellsFrame(
        numbers,
        x.numpy(),
        _density(query.shape, x / query.sigma).div(query.sigma).numpy(),
        middle[seen].numpy(),
        (mass[seen] / query.width).numpy(),
        widths.numpy(),
        (unit * entropy).numpy(),
        (unit * (entropy + widths.log())).numpy(),
    )


def _masses(shape: Shape, sigma: float, width: float) -> tuple[Tensor, Tensor]:
    """Middles of the cells (n,), one of which lies at 0, and their probabilities (n,)."""
    import torch

    from gm_core.maths import line_mixture

    reach = (HALF_UNIFORM if shape == "uniform" else 7.0) * sigma
    each_side = math.ceil(reach / width + 0.5)
    k = torch.arange(-each_side, each_side + 1, dtype=torch.float64)
    edges = (torch.cat((k, k[-1:] + 1)) - 0.5) * (width / sigma)
    if shape == "uniform":
        below = ((edges + HALF_UNIFORM) / (2 * HALF_UNIFORM)).clamp(0, 1)
    elif shape == "two peaks":
        below = line_mixture.cdf(edges, *tensors(PEAKS))
    else:
        below = torch.special.ndtr(edges)
    return k * width, below.diff().clamp(min=0)


def _density(shape: Shape, x: Tensor) -> Tensor:
    """The density (n,) at x (n,), for the standard deviation 1."""
    from gm_core.maths import gaussian, line_mixture

    if shape == "uniform":
        return (x.abs() <= HALF_UNIFORM).double() / (2 * HALF_UNIFORM)
    if shape == "two peaks":
        return line_mixture.log_prob(x, *tensors(PEAKS)).exp()
    return gaussian.log_prob_standard(x).exp()


def _differential(shape: Shape) -> float:
    """h in nats for the standard deviation 1: closed forms, and a sum over cells for two peaks."""
    if shape == "uniform":
        return math.log(2 * HALF_UNIFORM)
    if shape == "two peaks":
        log_p, x = log_density(PEAKS), middles()
        return -float((log_p.exp() * log_p).sum() * (x[1] - x[0]))
    return 0.5 * math.log(2 * math.pi * math.e)
