"""Tables of counts for binary pixels that look at some pixels before them: counted, scored and drawn in closed form.

    p(x_i = v | context) = (count_i(v, context) + a) / (count_i(context) + 2 a)          (Laplace for a = 1)

`near` (m, sites) names the m pixels that each pixel looks at, and the number of sites where there is none, which counts
as a pixel that is off. A sum over examples of ln p needs no example: it is a sum over the cells of the table. Cells
that were counted alike cost alike, so that a new `a` costs some thousand logarithms however many examples there are.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Whole = npt.NDArray[np.int64]
Real = npt.NDArray[np.float64]


def contexts(x: Whole, near: Whole) -> Whole:
    """The number of the context of every pixel of x (n, sites): its first neighbour is the highest digit."""
    padded = np.concatenate((x, np.zeros((len(x), 1), np.int64)), 1)
    code = np.zeros_like(x)
    for row in near:
        code = 2 * code + padded[:, row]
    return code


def count(x: Whole, near: Whole, shared: bool = False) -> Whole:
    """How often each pixel was off and on in each context: (sites, 2^m, 2), or (1, 2^m, 2) for one table for all."""
    sites, width = x.shape[1], 2 ** len(near)
    table = np.zeros(sites, np.int64) if shared else np.arange(sites)
    cell = (table * width + contexts(x, near)) * 2 + x
    made = np.bincount(cell.ravel(), minlength=(1 if shared else sites) * width * 2)
    return made.reshape(-1, width, 2)


def probability(counts: Whole, a: float) -> Real:
    """p(on) in each context, from counts (..., 2)."""
    made: Real = (counts[..., 1] + a) / (counts.sum(-1) + 2 * a)
    return made


@dataclass(frozen=True)
class Kinds:
    """The cells of a table that are met, by what they hold: how often a kind is met, its count, its context's."""

    met: Real
    count: Real
    total: Real

    def nats(self, a: float) -> float:
        """-ln p of all that was met together, with `a` added to each count."""
        return float(-(self.met * (np.log(self.count + a) - np.log(self.total + 2 * a))).sum())


def kinds(learned: Whole, met: Whole) -> Kinds:
    """The kinds of cells of a table `learned` (..., 2) that examples counted as `met` (same shape) ask for."""
    where = np.nonzero(met.ravel())[0]
    count_ = learned.ravel()[where]
    total = learned.sum(-1).ravel()[where // 2]
    base = int(total.max(initial=0)) + 1
    keys, place = np.unique(total * base + count_, return_inverse=True)
    weight = np.bincount(place, weights=met.ravel()[where], minlength=len(keys)).astype(np.float64)
    return Kinds(weight, (keys % base).astype(np.float64), (keys // base).astype(np.float64))


def draw(on: Real, near: Whole, order: Whole, uniform: Real) -> Whole:
    """Draw pixels one after another: on (sites or 1, 2^m) holds p(on | context), uniform (n, sites) decides."""
    n, sites = uniform.shape
    x = np.zeros((n, sites + 1), np.int64)  # the last column is the neighbour that is not there
    digits = 2 ** np.arange(len(near) - 1, -1, -1)
    tables = np.broadcast_to(on, (sites, on.shape[1]))
    for site in order.tolist():
        code = x[:, near[:, site]] @ digits if len(near) else np.zeros(n, np.int64)
        x[:, site] = uniform[:, site] < tables[site, code]
    return x[:, :-1]
