"""What noise makes of those distributions on the plane that are no mixtures: a board, a pinwheel."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from gm_core.data.exact import PORTION, Blobs, Plane, around, grid_line

if TYPE_CHECKING:
    from gm_core.data.exact_forms import Board, Pinwheel


class SoftBoard(Plane):
    """A board whose points got noise: each square is a product of two differences of normal distribution functions.

    p(x) = 1/J sum_j prod_i [Phi((x_i - a_ji) / sigma) - Phi((x_i - a_ji - side) / sigma)] / side, with corners a_j.
    """

    def __init__(self, board: Board, sigma: float) -> None:
        self.board, self.sigma = board, sigma
        self.corners = board.corners.double()
        self.box = around(torch.cat([self.corners, self.corners + board.side]), sigma)
        self.step = sigma / 2

    def _edges(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """How many sigmas x lies beyond the lower and the upper edges of each square, (n, J, 2)."""
        lower = (x[:, None] - self.corners.to(x)) / self.sigma
        return lower, lower - self.board.side / self.sigma

    def _log_shares(self, x: Tensor) -> Tensor:
        """log [Phi(u) - Phi(v)], (n, J, 2), from the tail in which both are small, so that nothing cancels."""
        u, v = self._edges(x)
        far = u + v > 0
        u, v = torch.where(far, -v, u), torch.where(far, -u, v)
        top: Tensor = torch.special.log_ndtr(u)
        return top + (-torch.expm1(torch.special.log_ndtr(v) - top)).log()

    def _log_prob(self, x: Tensor) -> Tensor:
        joint = self._log_shares(x).sum(2)
        return torch.logsumexp(joint, 1) - math.log(len(self.corners) * self.board.side**2)

    def _score(self, x: Tensor) -> Tensor:
        shares = self._log_shares(x)
        # Where a square is millions of sigmas away, rounding must not overflow: its share of the score is 0 there.
        inward = [torch.exp((-0.5 * edge.square() - shares).clamp(max=80.0)) for edge in self._edges(x)]
        slopes = (inward[0] - inward[1]) / (self.sigma * math.sqrt(2 * math.pi))
        score: Tensor = (torch.softmax(shares.sum(2), 1)[..., None] * slopes).sum(1)
        return score

    def draw(self, n: int, rng: torch.Generator) -> tuple[Tensor, Tensor]:
        """A point of the board, then noise."""
        x, y = self.board.draw(n, rng)
        return x + self.sigma * torch.randn(n, 2, generator=rng, device=rng.device), y

    def _noised(self, a: float, b: float) -> Plane:
        """Smaller, and softer still."""
        return self.board.noised(a, math.hypot(a * self.sigma, b))

    def _measure(self) -> float:
        """A sum over a grid whose lines crowd around the edges of the squares: p is level far from them.

        On a grid p = F B F' / J, where F holds the profile of each column of squares and B says which are black.
        """
        cells, side = self.board.cells, self.board.side
        lines, weights = self._lines()
        edges = (torch.arange(cells + 1, dtype=torch.float64) - cells / 2) * side
        below = torch.special.ndtr((lines[:, None] - edges) / self.sigma)
        above = torch.special.ndtr((edges - lines[:, None]) / self.sigma)
        # From the tail in which both are small, as above.
        middle = lines[:, None] > (edges[:-1] + edges[1:]) / 2
        profile = torch.where(middle, above[:, 1:] - above[:, :-1], below[:, :-1] - below[:, 1:]) / side
        number = torch.arange(cells)
        black = ((number[:, None] + number) % 2 == 0).double()
        p = profile @ black @ profile.T / len(self.corners)
        return float(-(weights @ torch.xlogy(p, p) @ weights))

    def _lines(self) -> tuple[Tensor, Tensor]:
        """Places along an axis and their weights: even where the edges are wide, else 8 to each two sigmas near one."""
        cells, side, sigma = self.board.cells, self.board.side, self.sigma
        half = cells * side / 2
        if side < 20 * sigma:
            even = grid_line(-half - 10 * sigma, half + 10 * sigma, sigma / 2)
            return even, torch.full_like(even, sigma / 2)
        near = torch.arange(-10, 11, 2, dtype=torch.float64) * sigma
        edges = (torch.arange(cells + 1, dtype=torch.float64) - cells / 2) * side
        borders = (edges[:, None] + near).flatten()
        nodes, weights = (torch.from_numpy(a) for a in np.polynomial.legendre.leggauss(8))
        reach = (borders[1:] - borders[:-1])[:, None] / 2
        return ((borders[1:] + borders[:-1])[:, None] / 2 + reach * nodes).flatten(), (reach * weights).flatten()


class Smeared(Plane):
    """A pinwheel with a little noise: p_b(x) = E[p(x - b z)], z ~ N(0, I), by Gauss-Hermite nodes.

    For b below the width of an arm, so that the sum converges: it errs by less than 1e-6 where log p > -20.
    """

    def __init__(self, pinwheel: Pinwheel, b: float) -> None:
        self.pinwheel, self.b = pinwheel, b
        reach = pinwheel.box[1] + 9 * b
        self.box = (-reach, reach, -reach, reach)
        self.step = pinwheel.width / 2
        # The error falls as (r^2 / (1 + r^2))^n, r = b / width, and more slowly in the tails.
        ratio = (b / pinwheel.width) ** 2
        n = min(32, max(8, math.ceil(24 / math.log1p(1 / ratio))))
        nodes, weights = (torch.from_numpy(a) for a in np.polynomial.hermite_e.hermegauss(n))
        self.nodes = torch.cartesian_prod(nodes, nodes)
        self.shares = torch.cartesian_prod(weights, weights).prod(1).div(2 * math.pi).log()

    def _joint(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Where each node looks from each point, (n, K, 2), and the log of what it adds, (n, K)."""
        places = x[:, None] - self.b * self.nodes.to(x)
        log_p = self.pinwheel.log_prob(places.reshape(-1, 2)).reshape(len(x), -1)
        return places, log_p + self.shares.to(x)

    def _log_prob(self, x: Tensor) -> Tensor:
        return torch.cat([torch.logsumexp(self._joint(part)[1], 1) for part in self._portions(x)])

    def _score(self, x: Tensor) -> Tensor:
        made = []
        for part in self._portions(x):
            places, joint = self._joint(part)
            scores = self.pinwheel.score(places.reshape(-1, 2)).reshape(places.shape)
            made.append((torch.softmax(joint, 1)[..., None] * scores).sum(1))
        return torch.cat(made)

    def draw(self, n: int, rng: torch.Generator) -> tuple[Tensor, Tensor]:
        """A point of the pinwheel, then noise."""
        return _with_noise(self.pinwheel, self.b, n, rng)

    def _noised(self, a: float, b: float) -> Plane:
        return self.pinwheel.noised(a, math.hypot(a * self.b, b))

    def _portions(self, x: Tensor) -> tuple[Tensor, ...]:
        return torch.split(x, max(1, PORTION // (4 * len(self.nodes))))


class Dust(Blobs):
    """A pinwheel with much noise: a cloud of round Gaussians on a fine grid, each as heavy as the pinwheel there.

    p_b(x) = sum_k h^2 p(y_k) N(x; y_k, b^2 I), which errs by less than 1e-6 where log p > -20: the step h is below
    the width of p(y) N(x; y, b^2 I).
    """

    def __init__(self, pinwheel: Pinwheel, b: float, width: float) -> None:
        self.pinwheel = pinwheel
        line = grid_line(pinwheel.box[0], pinwheel.box[1], 0.9 / math.hypot(1 / b, 1 / width))
        places = torch.cartesian_prod(line, line)
        mass = pinwheel.log_prob(places).exp()
        held = mass > 1e-13 * float(mass.max())
        super().__init__(places[held], b, mass[held])

    def draw(self, n: int, rng: torch.Generator) -> tuple[Tensor, Tensor]:
        """A point of the pinwheel, then noise."""
        return _with_noise(self.pinwheel, self.sigma, n, rng)

    def _noised(self, a: float, b: float) -> Plane:
        return self.pinwheel.noised(a, math.hypot(a * self.sigma, b))


def _with_noise(plane: Plane, b: float, n: int, rng: torch.Generator) -> tuple[Tensor, Tensor]:
    x, y = plane.draw(n, rng)
    return x + b * torch.randn(n, 2, generator=rng, device=rng.device), y
