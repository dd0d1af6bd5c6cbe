"""Two densities on one grid: how far apart they are, in nats, by sums over its cells.

    KL(p || q) = integral p ln(p / q),   JS = 1/2 KL(p || m) + 1/2 KL(q || m),  m = (p + q) / 2

Midpoint sums, exact to many figures for densities that are smooth against a cell; `coarse` says where they are not.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Gap:
    """Divergences in nats, and the mass of either density that lies on the grid."""

    kl: float
    reverse: float
    js: float
    mass_p: float
    mass_q: float


def middles(box: Box, size: int) -> Tensor:
    """The middles (size^2, 2) of the cells of a grid, float64, row by row from the smallest y."""
    x0, x1, y0, y1 = box
    unit = (torch.arange(size, dtype=torch.float64) + 0.5) / size
    across, up = x0 + unit * (x1 - x0), y0 + unit * (y1 - y0)
    return torch.stack(torch.meshgrid(across, up, indexing="xy"), -1).reshape(-1, 2)


def cell(box: Box, size: int) -> float:
    """The area of a cell."""
    return (box[1] - box[0]) * (box[3] - box[2]) / size**2


def log_mass(log_q: Tensor, area: float) -> float:
    """ln of the integral of exp(log_q) over the grid: the ln Z of what is not normalised."""
    return float(log_q.double().logsumexp(0)) + math.log(area)


def gap(log_p: Tensor, log_q: Tensor, area: float) -> Gap:
    """How far apart two densities are whose logarithms (n,) are known at the middles of cells of one area.

    What lies off the grid counts for nothing; KL is infinite where the second density is zero and the first is not.
    """
    log_p, log_q = log_p.double(), log_q.double()
    p, q = log_p.exp(), log_q.exp()
    middle = torch.logaddexp(log_p, log_q) - math.log(2.0)

    def mean(weight: Tensor, above: Tensor, below: Tensor) -> float:
        there = weight > 0
        return float((weight[there] * (above[there] - below[there])).sum()) * area

    js = 0.5 * (mean(p, log_p, middle) + mean(q, log_q, middle))
    return Gap(mean(p, log_p, log_q), mean(q, log_q, log_p), js, float(p.sum()) * area, float(q.sum()) * area)


def blurred(log_q: Tensor, box: Box, a: float, b: float) -> Tensor:
    """ln of the density of a x + b eps on the grid (size, size) on which that of x is known: a sum over all cells.

    Needs noise that is wide against a cell; see `fits`.
    """
    size = len(log_q)

    def kernel(lo: float, hi: float) -> Tensor:
        at = lo + (torch.arange(size, dtype=torch.float64) + 0.5) / size * (hi - lo)
        z = (at[:, None] - a * at) / b
        return torch.exp(-0.5 * z.square()) * ((hi - lo) / size / (b * math.sqrt(2 * math.pi)))

    p = kernel(box[2], box[3]) @ log_q.double().exp() @ kernel(box[0], box[1]).T
    return p.clamp(min=1e-300).log()


def fits(box: Box, size: int, a: float, b: float) -> bool:
    """Whether noise is wide enough for sums over the cells: three quarters of a cell err by 3e-5."""
    return b > 0.75 * a * max(box[1] - box[0], box[3] - box[2]) / size
