"""Mixtures of many Gaussians of any shape: the truth of a drawing, in nats and float64 inside."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from gm_core.data.exact import Plane

PORTION = 2**21
"""So many pairs of a point and a dab are held at once."""
FAR = 9.0
"""Beyond so many standard deviations nothing is left of a Gaussian: its density is below e^-40 of its peak."""
WIDE = 6.0
"""A cell of the quadrature is at most so many of the smallest standard deviations wide that reach it."""

GROUP = 16
"""So many neighbouring cells are summed at once."""


class Dabs(Plane):
    """A mixture of Gaussians: p(x) = sum_k w_k N(x; m_k, S_k), each of which belongs to a part (its class).

    `means` (K, 2), `covariances` (K, 2, 2), `weights` (K,), of which those of zero are dropped, `parts` (K,) int64.
    log N is a quadratic form, so that all K of them at n points are one product of matrices (n, 6) (6, K).
    """

    def __init__(self, means: Tensor, covariances: Tensor, weights: Tensor, parts: Tensor) -> None:
        there = weights > 0
        self.means, self.covariances = means.double()[there], covariances.double()[there]
        self.weights, self.parts = weights.double()[there], parts[there]
        self.weights = self.weights / self.weights.sum()
        (a, b), d = self.covariances[:, 0].unbind(1), self.covariances[:, 1, 1]
        determinant = a * d - b * b
        self.precisions = torch.stack([d, -b, -b, a], 1).reshape(-1, 2, 2) / determinant[:, None, None]
        self.pulls = torch.einsum("kij,kj->ki", self.precisions, self.means)
        constant = self.weights.log() - 0.5 * (determinant.log() + (self.means * self.pulls).sum(1))
        p = self.precisions
        self._form = torch.stack(
            [-0.5 * p[:, 0, 0], -p[:, 0, 1], -0.5 * p[:, 1, 1], *self.pulls.unbind(1), constant - math.log(2 * math.pi)]
        )
        middle, reach = (a + d) / 2, ((a - d).square() / 4 + b * b).sqrt()
        self.shortest = (determinant / (middle + reach)).sqrt()
        half = FAR * torch.stack([a, d], 1).sqrt()
        low, high = (self.means - half).amin(0).tolist(), (self.means + half).amax(0).tolist()
        self.box = low[0], high[0], low[1], high[1]
        self.step = float(self.shortest.min()) / 2

    def draw(self, n: int, rng: torch.Generator) -> tuple[Tensor, Tensor]:
        """A dab by its weight, then noise of its shape around its middle."""
        at = rng.device
        k = torch.multinomial(self.weights.float().to(at), n, replacement=True, generator=rng)
        root = torch.linalg.cholesky(self.covariances).float().to(at)
        noise = torch.randn(n, 2, generator=rng, device=at)
        x = self.means.float().to(at)[k] + torch.einsum("nij,nj->ni", root[k], noise)
        return x, self.parts.to(at)[k]

    def _noised(self, a: float, b: float) -> Dabs:
        """Means times a, covariances a^2 S + b^2 I."""
        wider = a * a * self.covariances + b * b * torch.eye(2, dtype=torch.float64)
        return Dabs(a * self.means, wider, self.weights, self.parts)

    def _log_prob(self, x: Tensor) -> Tensor:
        return torch.cat([torch.logsumexp(self._joint(part), 1) for part in self._portions(x)])

    def _score(self, x: Tensor) -> Tensor:
        made, pulls, flat = [], self.pulls.to(x), self.precisions.reshape(-1, 4).to(x)
        for part in self._portions(x):
            share = torch.softmax(self._joint(part), 1)
            mixed = (share @ flat).reshape(-1, 2, 2)
            made.append(share @ pulls - torch.einsum("nij,nj->ni", mixed, part))
        return torch.cat(made)

    def _joint(self, x: Tensor, some: Tensor | slice = slice(None)) -> Tensor:
        """log w_k + log N(x; m_k, S_k), (n, K), for all or some k."""
        across, up = x.unbind(1)
        powers = torch.stack([across * across, across * up, up * up, across, up, torch.ones_like(across)], 1)
        return powers @ self._form[:, some].to(x)

    def _portions(self, x: Tensor) -> tuple[Tensor, ...]:
        return torch.split(x, max(1, PORTION // len(self.means)))

    def _measure(self) -> float:
        """-integral p log p by Gauss-Legendre sums over cells that are halved until they suit the dabs they hold.

        Where nothing reaches, there is no cell; where thin dabs lie, cells are small: wide beside thin stays cheap.
        A dab reaches a cell unless every point of it is more than FAR of its standard deviations away.
        """
        nodes, weights = (torch.from_numpy(made) for made in np.polynomial.legendre.leggauss(16))
        places, mass = torch.cartesian_prod(nodes, nodes), torch.cartesian_prod(weights, weights).prod(1)
        total = torch.zeros((), dtype=torch.float64)
        for middles, halves, near in self._cells():
            points = (middles[:, None] + halves[:, None] * places).reshape(-1, 2)
            log_p = torch.logsumexp(self._joint(points, near), 1).reshape(len(middles), len(places))
            total -= (halves.prod(1) * (mass * log_p.exp() * log_p).sum(1)).sum()
        return float(total)

    def _cells(self) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        """Neighbouring cells, a few at a time: middles and halves of their sides (c, 2), and the dabs that reach them.

        All cells are halved at once, each with a list of the dabs that reach it (pairs of a cell and a dab).
        """
        x0, x1, y0, y1 = self.box
        middle = torch.tensor([[(x0 + x1) / 2, (y0 + y1) / 2]], dtype=torch.float64)
        half = torch.tensor([[(x1 - x0) / 2, (y1 - y0) / 2]], dtype=torch.float64)
        dab = torch.arange(len(self.means))
        cell = torch.zeros_like(dab)
        while len(dab):
            off = middle[cell] - self.means[dab]
            away = torch.einsum("pi,pij,pj->p", off, self.precisions[dab], off).sqrt()
            reached = away - half[cell].norm(dim=1) / self.shortest[dab] < FAR - 1
            cell, dab = cell[reached], dab[reached]
            thin = torch.full((len(middle),), math.inf, dtype=torch.float64)
            thin = thin.scatter_reduce(0, cell, self.shortest[dab], "amin")
            small = 2 * half.amax(1) <= WIDE * thin  # cells that nothing reaches have no pairs, and go with these
            if bool(small[cell].any()):
                yield from self._leaves(middle, half, cell[small[cell]], dab[small[cell]])
            large = (~small).nonzero()[:, 0]
            place = torch.full((len(middle),), -1)
            place[large] = torch.arange(len(large))
            pairs = ~small[cell]
            parent, dab = place[cell[pairs]], dab[pairs]
            axis = torch.nn.functional.one_hot(half[large].argmax(1), 2)
            shift = axis * half[large] / 2
            half = (half[large] - shift).repeat_interleave(2, 0)
            middle = torch.stack([middle[large] - shift, middle[large] + shift], 1).reshape(-1, 2)
            cell, dab = torch.cat([2 * parent, 2 * parent + 1]), torch.cat([dab, dab])

    @staticmethod
    def _leaves(middle: Tensor, half: Tensor, cell: Tensor, dab: Tensor) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        """Some of the cells in groups of neighbours, each group with all dabs that reach any of it."""
        order = cell.argsort(stable=True)
        cell, dab = cell[order], dab[order]
        leaves, counts = cell.unique_consecutive(return_counts=True)
        for some, those in zip(leaves.split(GROUP), counts.split(GROUP), strict=True):
            taken, dab = dab[: int(those.sum())], dab[int(those.sum()) :]
            yield middle[some], half[some], taken.unique()
