"""A density guessed from examples alone: a small Gaussian put on each of them.

    p(x) = 1/n sum_i N(x; x_i, h^2 C)          Parzen 1962; Silverman 1986, "Density Estimation", eq. 4.1

It is an estimate, never the truth: it is smeared by h, and it flatters a model that repeats its examples. In many
dimensions it says next to nothing (Theis et al. 2015, arXiv:1511.01844).
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from torch import Tensor

from gm_core.maths.gaussian import LOG_2PI
from gm_core.maths.moments import mean_and_covariance
from gm_core.maths.two_sample import Steps, as_points, rows_at_once, squares, whole
from gm_core.spec import SpecError

NARROWER = tuple(2.0 ** (-i / 2) for i in range(13))
"""Parts of Scott's bandwidth that `likely_bandwidth` tries: from itself to a 64th."""


def scott(n: int, d: int) -> float:
    """The factor n^(-1 / (d + 4)) by which the covariance's root is shrunk (Scott 1992, eq. 6.42)."""
    return float(n ** (-1 / (d + 4)))


def silverman(n: int, d: int) -> float:
    """The factor (n (d + 2) / 4)^(-1 / (d + 4)), best for a Gaussian (Silverman 1986, eq. 4.14)."""
    return float((n * (d + 2) / 4) ** (-1 / (d + 4)))


def log_kde(points: Tensor, at: Tensor, bandwidth: float | None = None) -> Tensor:
    """log p(x) at `at` (m, d) of the kernel estimate from `points` (n, d): (m,) float64, in nats.

    `bandwidth` is the standard deviation of a round kernel; without it the kernel has the shape of the points'
    covariance times Scott's factor, which smears what has several modes: `likely_bandwidth` finds a better one.
    """
    return torch.cat(list(log_kde_parts(points, at, bandwidth)))


def log_kde_parts(points: Tensor, at: Tensor, bandwidth: float | None = None) -> Iterator[Tensor]:
    """`log_kde` in portions of a few milliseconds, in order; raises SpecError where all points are equal."""
    points = as_points(points, "points", 1)
    at = at.to(points)
    n, d = points.shape
    middle = points.mean(0)
    points, at = points - middle, at - middle
    if bandwidth is None:
        inverse, logdet = _shape(points)
        points, at, h = points @ inverse.T, at @ inverse.T, 1.0
    else:
        if not bandwidth > 0:
            raise SpecError("bandwidth", f"bandwidth is {bandwidth:g}; expected a number above 0")
        h, logdet = bandwidth, 0.0
    norm = math.log(n) + d * (0.5 * LOG_2PI + math.log(h)) + logdet
    for part in at.split(rows_at_once(n)):
        yield torch.logsumexp(squares(part, points).mul_(-0.5 / h**2), 1) - norm


def likely_bandwidth_steps(points: Tensor) -> Steps[float]:
    """See `likely_bandwidth`."""
    points = as_points(points, "points", 2)
    n, d = points.shape
    points = points - points.mean(0)
    # A point that is there twice is no neighbour to learn from: it would ask for a width of 0.
    widest = float(points.square().mean().sqrt()) * scott(n, d)
    if not widest > 0:
        raise SpecError("points", f"all {n} points are equal; expected some to differ: draw more or other points")
    widths = torch.tensor([widest * part for part in NARROWER], dtype=torch.float64, device=points.device)
    totals, first = torch.zeros_like(widths), 0
    for part in points.split(rows_at_once(4 * n)):
        apart = squares(part, points)
        apart[torch.arange(len(part)), torch.arange(first, first + len(part))] = math.inf
        apart[apart <= (1e-6 * widest) ** 2] = math.inf
        for i, width in enumerate(widths):
            totals[i] += (torch.logsumexp(apart * (-0.5 / width**2), 1) - d * width.log()).sum()
        first += len(part)
        yield None
    return float(widths[int(totals.nan_to_num(-math.inf).argmax())])


def likely_bandwidth(points: Tensor) -> float:
    """The round bandwidth, of thirteen from Scott's down to a 64th of it, under which each point is likeliest given
    all others (Silverman 1986, 3.4.4). Follows narrow modes where Scott's rule smears them."""
    return whole(likely_bandwidth_steps(points))


def _shape(points: Tensor) -> tuple[Tensor, float]:
    """The inverse of the root of Scott's covariance, (d, d), and the logarithm of the root's determinant."""
    n, d = points.shape
    if n <= d:
        raise SpecError("points", f"there are {n} points in {d} dimensions; expected more than {d}: draw more")
    _, covariance = mean_and_covariance(points)
    root, failed = torch.linalg.cholesky_ex(covariance * (n / (n - 1)) * scott(n, d) ** 2)
    scale = float(points.square().mean())
    if int(failed) or float(torch.diagonal(root).min()) ** 2 <= 1e-14 * scale:
        raise SpecError(
            "points", f"all {n} points lie on one line or are equal; expected them to spread: give a bandwidth instead"
        )
    eye = torch.eye(d, dtype=root.dtype, device=root.device)
    return torch.linalg.solve_triangular(root, eye, upper=False), float(torch.diagonal(root).log().sum())
