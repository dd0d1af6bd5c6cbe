"""Do the examples of a model lie where real ones do, and are all kinds of real ones among them?

    precision  share of drawn examples inside a ball around a real one    recall  the same with the parts exchanged
    density    how many balls of real examples hold a drawn one, over k   coverage  share of real balls that hold one

The balls reach to the k-th nearest neighbour of their own kind. Kynkaanniemi et al. 2019, arXiv:1904.06991 (precision,
recall); Naeem et al. 2020, arXiv:2002.09797 (density, coverage). Where the centres of the modes are known, as on the
ring, `mode_coverage` counts them instead.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from gm_core.maths.two_sample import Measure, Steps, as_points, rows_at_once, squares, whole
from gm_core.spec import SpecError

NEAREST = 5
WITHIN = 3.0
"""A sample belongs to a mode within so many sigmas of its centre."""
LEAST = 0.01
"""A mode is hit where at least this share of all samples belongs to it."""


@dataclass(frozen=True, slots=True)
class Balls:
    """What balls of nearest neighbours say of n real and m drawn examples."""

    precision: Measure
    recall: Measure
    density: Measure
    coverage: Measure


def balls_steps(real: Tensor, drawn: Tensor, k: int = NEAREST) -> Steps[Balls]:
    """See `precision_recall_density_coverage`."""
    real, drawn = as_points(real, "real", k + 1), as_points(drawn, "drawn", k + 1)
    reach = yield from _reach(real, k)
    reach_drawn = yield from _reach(drawn, k)
    held = torch.zeros(len(drawn)).to(drawn)  # how many real balls hold each drawn example
    found, covered = [], []
    for part, radius in zip(real.split(rows_at_once(len(drawn))), reach.split(rows_at_once(len(drawn)))):
        apart = squares(part, drawn)
        inside = apart <= radius[:, None]
        held += inside.sum(0)
        covered.append(inside.any(1))
        found.append((apart <= reach_drawn).any(1))
        yield None
    dense = held / k
    return Balls(
        _share(held > 0),
        _share(torch.cat(found)),
        Measure(float(dense.mean()), float(dense.std()) / math.sqrt(len(drawn))),
        _share(torch.cat(covered)),
    )


def precision_recall_density_coverage(real: Tensor, drawn: Tensor, k: int = NEAREST) -> Balls:
    """Precision, recall, density and coverage of drawn (m, d) against real (n, d) examples, by k nearest neighbours.

    None reaches 1 where both laws are equal; `equal_coverage` says what coverage then is. The errors take examples
    for independent, which the balls are not quite. Raises SpecError for fewer than k + 1 examples.
    """
    return whole(balls_steps(real, drawn, k))


def equal_coverage(n: int, m: int, k: int = NEAREST) -> float:
    """The mean coverage where n real and m drawn examples have one law: 1 - prod_(i<k) (n - 1 - i) / (n + m - 1 - i).

    A ball holds no drawn example where the k nearest of the n - 1 + m others are all real (Naeem et al. 2020, lemma 2;
    about 1 - 2^-k for n = m).
    """
    return 1.0 - math.prod((n - 1 - i) / (n + m - 1 - i) for i in range(k))


def _reach(x: Tensor, k: int) -> Steps[Tensor]:
    """The squared distance of each row of x (n, d) to its k-th nearest other row, (n,)."""
    found, first = [], 0
    for part in x.split(rows_at_once(len(x))):
        apart = squares(part, x)
        apart[torch.arange(len(part)), torch.arange(first, first + len(part))] = math.inf
        found.append(apart.topk(k, largest=False).values[:, -1])
        first += len(part)
        yield None
    return torch.cat(found)


def _share(yes: Tensor) -> Measure:
    share = float(yes.double().mean())
    return Measure(share, math.sqrt(share * (1 - share) / len(yes)))


@dataclass(frozen=True, slots=True)
class Modes:
    """Which of K known modes were found: `hit` of `total`, the share within 3 sigma of some centre, the shares (K,).

    `kl` is KL(shares || weights) in nats among the samples near a centre; by chance alone it is about (K - 1) / 2N.
    """

    hit: int
    total: int
    high_quality: Measure
    shares: Tensor
    kl: float


def perfect_quality(d: int = 2) -> float:
    """The share of a Gaussian's own draws within 3 sigma of its centre: on the plane 1 - e^(-9/2) = 0.9889, never 1."""
    half = torch.tensor(d / 2, dtype=torch.float64)
    return float(torch.special.gammainc(half, torch.tensor(WITHIN**2 / 2, dtype=torch.float64)))


def mode_coverage(x: Tensor, centres: Tensor, sigma: float, weights: Tensor | None = None) -> Modes:
    """Count the modes that samples x (n, d) found, for modes with centres (K, d) and deviation sigma.

    Each sample belongs to its nearest centre, if that is within 3 sigma. A mode is hit where it gets 1 % of all
    samples (a quarter of its due where that is less). `weights` (K,): how often each is due; equally often without.
    """
    x, centres = as_points(x, "drawn", 1), as_points(centres, "centres", 1).to(x.device)
    if not sigma > 0:
        raise SpecError("sigma", f"sigma is {sigma:g}; expected a number above 0")
    due = torch.ones(len(centres)).to(x) if weights is None else weights.to(x)
    due = due / due.sum()
    nearest = squares(x - centres.mean(0), centres - centres.mean(0)).min(1)
    near = nearest.values <= (WITHIN * sigma) ** 2
    counts = torch.bincount(nearest.indices[near], minlength=len(centres)).double()
    shares = counts / len(x)
    hit = (shares >= torch.minimum(torch.tensor(LEAST).to(due), due / 4)) & (counts > 0)
    kl = math.nan
    if bool(near.any()):
        p = counts / counts.sum()
        kl = float((torch.special.xlogy(p, p) - torch.special.xlogy(p, due)).sum())
    return Modes(int(hit.sum()), len(centres), _share(near), shares, kl)
