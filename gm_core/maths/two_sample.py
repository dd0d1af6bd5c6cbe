"""How far two sets of examples are apart: distances between distributions of which only draws are known.

    MMD^2 = E k(x, x') + E k(y, y') - 2 E k(x, y)         Gretton et al. 2012, JMLR 13, eq. 3 (unbiased)
    SW2^2 = E_theta W2^2(<theta, x>, <theta, y>)          Bonneel et al. 2015, J. Math. Imaging Vis. 51
    C2ST  = how often a classifier tells x from y         Lopez-Paz & Oquab 2016, arXiv:1610.06545
    F     = |m_x - m_y|^2 + tr(S_x + S_y - 2 (S_x S_y)^(1/2))      Frechet distance of two Gaussians

x (n, d) are the real examples, y (m, d) those of a model; all is computed in float64 where they lie. Each comes as a
generator, `..._steps`, that offers safe points and returns a Measure, and as a plain function.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Literal, TypeVar

import torch
from torch import Tensor

from gm_core.maths.moments import mean_and_covariance
from gm_core.maths.probes import linear_probe, neighbour_votes
from gm_core.spec import SpecError

PAIRS = 2**18
"""Pairs of examples compared between two safe points: a few milliseconds."""
SCALES = (0.25, 0.5, 1.0, 2.0, 4.0)
"""Bandwidths of the sum of kernels, as parts of the median distance between real examples."""
MEDIAN_OF = 1000
"""So many real examples, spread evenly, decide the median distance."""
PROJECTIONS = 500
FOLDS = 5

Result = TypeVar("Result")
Steps = Generator[None, None, Result]


@dataclass(frozen=True, slots=True)
class Measure:
    """A number estimated from examples, and its standard error (nan where none is known)."""

    value: float
    error: float = math.nan

    def __float__(self) -> float:
        return self.value


def whole(steps: Steps[Result]) -> Result:
    """Run a computation that offers safe points to its end, without using them."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            result: Result = end.value
            return result


def as_points(x: Tensor, name: str, least: int = 2) -> Tensor:
    """Examples as float64 rows (n, d); raises SpecError where there are too few, or some are not finite."""
    x = (x.cpu() if x.device.type == "mps" else x).double().flatten(1)
    if len(x) < least:
        raise SpecError(name, f"{name} holds {len(x)} examples; expected {least} or more: draw more")
    broken = int((~x.isfinite().all(1)).sum())
    if broken:
        raise SpecError(
            name, f"{broken} of {len(x)} {name} examples are not finite; expected numbers: go back to a good step"
        )
    return x


def squares(x: Tensor, y: Tensor) -> Tensor:
    """|x_i - y_j|^2 of rows (n, d) and (m, d): (n, m), never below 0."""
    found = torch.addmm(y.square().sum(1), x, y.T, alpha=-2.0) + x.square().sum(1, keepdim=True)
    return found.clamp_(min=0.0)


def rows_at_once(other: int) -> int:
    """So many rows may be compared with `other` rows between two safe points."""
    return max(1, PAIRS // max(1, other))


def median_distance(x: Tensor) -> float:
    """The median distance between two different rows of x (n, d): what `h` is where it is not given.

    Where more than half of all pairs coincide it is the mean distance, and 1 where all do.
    """
    x = as_points(x, "real")
    x = x[torch.linspace(0, len(x) - 1, min(len(x), MEDIAN_OF)).round().long().to(x.device)]
    apart = torch.nn.functional.pdist(x)
    return float(apart.median()) or float(apart.mean()) or 1.0


Kernel = Callable[[Tensor, Tensor], Tensor]


def radial(h: float) -> Kernel:
    """k(x, y) = sum_s exp(-|x - y|^2 / (2 (s h)^2)), s = 1/4, 1/2, 1, 2, 4: five widths, so that none must be right."""

    def kernel(x: Tensor, y: Tensor) -> Tensor:
        # Halving the width raises an exponential to the fourth power, so that one of five must be computed.
        narrower = squares(x, y).mul_(-0.5 / (SCALES[-1] * h) ** 2).exp_()
        total = narrower.clone()
        for _ in SCALES[1:]:
            narrower = narrower.square_().square_()
            total += narrower
        return total

    return kernel


def cubic(x: Tensor, y: Tensor) -> Tensor:
    """k(x, y) = (<x, y> / d + 1)^3: the kernel of the kernel inception distance (Binkowski et al. 2018)."""
    return torch.addmm(torch.ones((), dtype=x.dtype, device=x.device), x, y.T, alpha=1 / x.shape[1]).pow_(3)


@dataclass(frozen=True)
class _Sums:
    """Of a matrix of kernels: the means of its rows and of its columns, and the mean of its squares."""

    rows: Tensor
    columns: Tensor
    square: float

    @property
    def mean(self) -> float:
        return float(self.rows.mean())

    @property
    def interplay(self) -> float:
        """The variance that neither row nor column explains."""
        means = float(self.rows.square().mean() + self.columns.square().mean())
        return max(0.0, self.square - means + self.mean**2)


def _sums(kernel: Kernel, x: Tensor, y: Tensor | None) -> Steps[_Sums]:
    """The sums of k(x_i, y_j), or of k(x_i, x_j) for i other than j."""
    other = x if y is None else y
    columns, rows, square, first = torch.zeros(len(other)).to(other), [], 0.0, 0
    for part in x.split(rows_at_once(len(other))):
        found = kernel(part, other)
        if y is None:
            found[torch.arange(len(part)), torch.arange(first, first + len(part))] = 0.0
        rows.append(found.sum(1))
        columns += found.sum(0)
        square += float(found.square().sum())
        first += len(part)
        yield None
    across, down = (len(x) - 1, len(x) - 1) if y is None else (len(other), len(x))
    return _Sums(torch.cat(rows) / across, columns / down, square / (len(x) * across))


def discrepancy_steps(x: Tensor, y: Tensor, kernel: Kernel) -> Steps[Measure]:
    """MMD^2 by the unbiased U-statistic, and its standard error from both orders of the Hoeffding decomposition.

    The error keeps the second order, which is all that is left where both laws are equal (Serfling 1980, ch. 5).
    """
    n, m = len(x), len(y)
    xx = yield from _sums(kernel, x, None)
    yy = yield from _sums(kernel, y, None)
    xy = yield from _sums(kernel, x, y)
    of_x = float((xx.rows - xy.rows).var()) - xx.interplay / n - xy.interplay / m
    of_y = float((yy.rows - xy.columns).var()) - yy.interplay / m - xy.interplay / n
    second = 2 * xx.interplay / n**2 + 2 * yy.interplay / m**2 + 4 * xy.interplay / (n * m)
    error = math.sqrt(4 * max(of_x, 0.0) / n + 4 * max(of_y, 0.0) / m + second)
    return Measure(xx.mean + yy.mean - 2 * xy.mean, error)


def mmd2_steps(x: Tensor, y: Tensor, h: float | None = None) -> Steps[Measure]:
    """See `mmd2`."""
    x, y = as_points(x, "real"), as_points(y, "drawn")
    measure = yield from discrepancy_steps(x, y, radial(median_distance(x) if h is None else h))
    return measure


def mmd2(x: Tensor, y: Tensor, h: float | None = None) -> Measure:
    """The squared maximum mean discrepancy with the sum of five Gaussian kernels; 0 for equal laws, at most 10.

    Unbiased, so that it comes out a little below 0 now and then. `h` is the middle width; without it, the median
    distance of x, which should be the same wherever numbers are to be compared.
    """
    return whole(mmd2_steps(x, y, h))


def kernel_distance(x: Tensor, y: Tensor) -> Measure:
    """MMD^2 with the cubic kernel, as the kernel inception distance has it, on whatever numbers it is given."""
    return whole(discrepancy_steps(as_points(x, "real"), as_points(y, "drawn"), cubic))


def sliced_wasserstein_steps(
    x: Tensor, y: Tensor, projections: int = PROJECTIONS, rng: torch.Generator | None = None
) -> Steps[Measure]:
    """See `sliced_wasserstein`."""
    x, y = as_points(x, "real", 1), as_points(y, "drawn", 1)
    rng = torch.Generator().manual_seed(0) if rng is None else rng
    ways = torch.randn(projections, x.shape[1], generator=rng, device=rng.device, dtype=torch.float64).to(x.device)
    ways = ways / ways.norm(dim=1, keepdim=True)
    levels = _levels(len(x), len(y)).to(x.device)
    widths = levels.diff()
    middles = levels[:-1] + widths / 2
    at_x, at_y = (middles * len(x)).long(), (middles * len(y)).long()
    total, share_x, share_y = 0.0, torch.zeros(len(x)).to(x), torch.zeros(len(y)).to(y)
    for part in ways.split(rows_at_once(8 * (len(x) + len(y)))):
        a, from_x = (x @ part.T).sort(0)
        b, from_y = (y @ part.T).sort(0)
        total += float(((a[at_x] - b[at_y]).square() * widths[:, None]).sum())
        share_x.scatter_add_(0, from_x.flatten(), _potential(a, b).flatten())
        share_y.scatter_add_(0, from_y.flatten(), _potential(b, a).flatten())
        yield None
    square = max(0.0, total / projections)
    spread = sum(float((s / projections).var()) / len(s) if len(s) > 1 else math.nan for s in (share_x, share_y))
    root = math.sqrt(square)
    return Measure(root, math.sqrt(spread) / (2 * root) if root > 0 else 0.0)


def _levels(n: int, m: int) -> Tensor:
    """Where the quantiles of n or of m sorted numbers change: from 0 to 1, each once, at least two."""
    own, other = (torch.arange(k + 1, dtype=torch.float64) / k for k in (n, m))
    levels: Tensor = torch.cat([own, other]).mul(n * m).round().unique() / (n * m)
    return levels


def _potential(a: Tensor, b: Tensor) -> Tensor:
    """By how much each of the sorted a (n, P) adds to W2^2 to the sorted b (m, P): its Kantorovich potential, (n, P).

    f(a) = integral of 2 (t - T(t)) dt, where T brings a to b in order; central limit theorem of del Barrio & Loubes
    2019, arXiv:1705.01299.
    """
    places = ((torch.arange(len(a), dtype=torch.float64) + 0.5) * (len(b) / len(a))).long().to(a.device)
    off = a - b[places]
    risen = (off[1:] + off[:-1]) * a.diff(dim=0)
    return torch.cat([torch.zeros_like(a[:1]), risen.cumsum(0)])


def sliced_wasserstein(
    x: Tensor, y: Tensor, projections: int = PROJECTIONS, rng: torch.Generator | None = None
) -> Measure:
    """The sliced Wasserstein-2 distance, in the units of the data; a shift by delta in d dimensions: delta / sqrt(d).

    Exact in one dimension by sorting, averaged as a square over random directions, then the root. Two draws of one
    law are not 0 apart but about their noise: compare with real against real. Without `rng` the directions are the
    same at each call.
    """
    return whole(sliced_wasserstein_steps(x, y, projections, rng))


Classifier = Literal["neighbours", "linear"]


def c2st_steps(
    x: Tensor, y: Tensor, rng: torch.Generator | None = None, classifier: Classifier = "neighbours"
) -> Steps[Measure]:
    """See `c2st`."""
    x, y = as_points(x, "real", FOLDS), as_points(y, "drawn", FOLDS)
    rng = torch.Generator().manual_seed(0) if rng is None else rng
    n = min(len(x), len(y))
    x, y = (points.cpu()[torch.randperm(len(points), generator=rng, device=rng.device).cpu()[:n]] for points in (x, y))
    points = torch.cat([x, y])
    labels = torch.arange(2).repeat_interleave(n)
    fold = torch.arange(n).remainder(FOLDS).repeat(2)
    k = 2 * (round(math.sqrt(2 * n)) // 2) + 1
    right = 0.0
    for number in range(FOLDS):
        learn, held = fold != number, fold == number
        if classifier == "linear":
            guesses = yield from linear_probe(points[learn], labels[learn], 2, points[held])
        else:
            guesses = yield from neighbour_votes(points[learn], labels[learn], 2, points[held], k)
        right += float((guesses == labels[held]).sum())
    share = right / (2 * n)
    return Measure(share, math.sqrt(share * (1 - share) / (2 * n)))


def c2st(x: Tensor, y: Tensor, rng: torch.Generator | None = None, classifier: Classifier = "neighbours") -> Measure:
    """How often a classifier that learned from four fifths tells real from drawn in the last fifth, for each fifth.

    1/2: nobody could tell; at most (1 + TV(p, q)) / 2. `neighbours` votes among about sqrt(2 n) of them and finds any
    difference; `linear` only a shift. Equally many of both are used. The error is binomial.
    """
    return whole(c2st_steps(x, y, rng, classifier))


def frechet(x: Tensor, y: Tensor) -> Measure:
    """The squared Wasserstein-2 distance of the Gaussians with the moments of x and y; of features, the FID's formula.

    Biased: two draws of n examples of one law in d dimensions come out about 2 d / n + d^2 / (2 n) apart (where the
    covariance is 1), so compare only where n is the same. The error is that of the first order (delta method).
    """
    x, y = as_points(x, "real"), as_points(y, "drawn")
    (m_x, s_x), (m_y, s_y) = mean_and_covariance(x), mean_and_covariance(y)
    s_x, s_y = s_x * (len(x) / (len(x) - 1)), s_y * (len(y) / (len(y) - 1))
    root = _root(s_x)
    middle = _root(root @ s_y @ root)
    away = m_x - m_y
    value = float(away.square().sum() + s_x.trace() + s_y.trace() - 2 * middle.trace())
    inverse = _root(s_x, -0.5)
    bring = inverse @ middle @ inverse  # y = m_y + A (x - m_x), the best way from one to the other
    back = root @ _root(root @ s_y @ root, -0.5) @ root
    spread = 0.0
    for points, mean, matrix, step in ((x, m_x, bring, away), (y, m_y, back, -away)):
        centred = points - mean
        gain = centred.square().sum(1) - (centred @ matrix * centred).sum(1) + 2 * centred @ step
        spread += float(gain.var()) / len(points)
    return Measure(max(0.0, value), math.sqrt(spread))


def _root(matrix: Tensor, power: float = 0.5) -> Tensor:
    """A power of a symmetric matrix without negative eigenvalues; directions that are 0 stay 0."""
    values, vectors = torch.linalg.eigh((matrix + matrix.T) / 2)
    kept = values > values.amax().clamp(min=0.0) * 1e-12
    powers = torch.where(kept, values.clamp(min=1e-300).pow(power), 0.0)
    root: Tensor = (vectors * powers) @ vectors.T
    return root
