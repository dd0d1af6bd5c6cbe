"""Distributions on the plane whose truth is known: log density, score and entropy, in nats and float64 inside."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from gm_core.data.base import Exact

PORTION = 2**21
"""So many pairs of a point and a component are held at once."""
FEW = 64
"""Up to so many Gaussians, each has a grid of its own when the entropy is summed."""


class Plane(Exact):
    """A distribution on the plane with parts that can be told apart, such as the arms of a spiral.

    `box` (x0, x1, y0, y1) holds all mass but 1e-12; `step` is fine enough for sums over a grid to be exact.
    """

    box: tuple[float, float, float, float]
    step: float

    @abstractmethod
    def draw(self, n: int, rng: torch.Generator) -> tuple[Tensor, Tensor]:
        """Draw x (n, 2) float32 and the part y (n,) that each came from, where the generator lives."""

    def noised(self, a: float, b: float) -> Plane:
        """The distribution of a x + b eps, eps ~ N(0, I), which a diffusion has at some moment; known for all of these.

        With b = 0 nothing but the size changes, with a = 0 all that is left is the noise. Raises ValueError for
        negative numbers and where both are 0.
        """
        if not (a >= 0 and b >= 0 and a + b > 0):
            raise ValueError(f"a is {a}, b is {b}; expected neither below 0, and not both 0")
        if a == 0:
            return Blobs(torch.zeros(1, 2), b)
        return self if (a, b) == (1.0, 0.0) else self._noised(a, b)

    def diffused(self, sigma: float) -> Plane:
        """The distribution of x + sigma eps."""
        return self.noised(1.0, sigma)

    @abstractmethod
    def _noised(self, a: float, b: float) -> Plane:
        """The distribution of a x + b eps for a > 0 and b >= 0."""

    @abstractmethod
    def _log_prob(self, x: Tensor) -> Tensor:
        """log p of float64 points."""

    @abstractmethod
    def _score(self, x: Tensor) -> Tensor:
        """Gradient of log p at float64 points."""

    def log_prob(self, x: Tensor) -> Tensor:
        """log p(x) for x (n, 2), computed in float64, in the type and place of x."""
        return self._log_prob(double(x)).to(x)

    def score(self, x: Tensor) -> Tensor:
        """The gradient of log p at x (n, 2), computed in float64, in the type and place of x."""
        return self._score(double(x)).to(x)

    def _measure(self) -> float:
        """The entropy; by a sum over a grid unless a subclass knows better."""
        return sum_over_grid(self._log_prob, self.box, self.step)

    @cached_property
    def _entropy(self) -> float:
        return self._measure()

    @property
    def entropy(self) -> float:
        """Differential entropy in nats, computed when first asked."""
        return self._entropy

    def sample(self, n: int, rng: torch.Generator) -> Tensor:
        """Draw x (n, 2), float32."""
        return self.draw(n, rng)[0]


class Blobs(Plane):
    """A mixture of round Gaussians: p(x) = sum_k w_k N(x; m_k, sigma^2 I)."""

    def __init__(self, centres: Tensor, sigma: float, weights: Tensor | None = None) -> None:
        self.centres = centres.double()
        self.sigma = sigma
        w = torch.ones(len(centres)) if weights is None else weights
        self.weights = w.double() / w.double().sum()
        self.box = around(self.centres, sigma)
        self.step = sigma / 2

    def _log_prob(self, x: Tensor) -> Tensor:
        return torch.cat([torch.logsumexp(self._joint(part), 1) for part in self._portions(x)])

    def _score(self, x: Tensor) -> Tensor:
        made = []
        for part in self._portions(x):
            share = torch.softmax(self._told_apart(part), 1)
            made.append((share @ self.centres.to(part) - part) / self.sigma**2)
        return torch.cat(made) if len(made) > 1 else made[0]

    def draw(self, n: int, rng: torch.Generator) -> tuple[Tensor, Tensor]:
        """A component by its weight, then noise around its centre."""
        at = rng.device
        y = torch.multinomial(self.weights.float().to(at), n, replacement=True, generator=rng)
        return self.centres.float().to(at)[y] + self.sigma * torch.randn(n, 2, generator=rng, device=at), y

    def modes(self) -> tuple[Tensor, float, Tensor] | None:
        """The Gaussians themselves."""
        return self.centres, self.sigma, self.weights

    def _noised(self, a: float, b: float) -> Plane:
        """The same centres moved inwards, each Gaussian as much wider."""
        return Blobs(a * self.centres, math.hypot(a * self.sigma, b), self.weights)

    def _measure(self) -> float:
        """The entropy, by whichever sum is the smaller."""
        return self._by_centres() if len(self.centres) <= FEW else self._by_tiles()

    def _by_centres(self) -> float:
        """H = -sum_k w_k E_k[log p], each by a grid around its centre: small blobs far apart stay cheap."""
        offsets = grid_line(-9.0, 9.0, 0.25)
        points = torch.stack(torch.meshgrid(offsets, offsets, indexing="xy"), -1).reshape(-1, 2)
        mass = torch.exp(-0.5 * points.square().sum(1))
        mass /= mass.sum()
        total = torch.zeros((), dtype=torch.float64)
        for weight, centre in zip(self.weights, self.centres):
            total -= weight * (mass @ self._log_prob(centre + self.sigma * points))
        return float(total)

    def _by_tiles(self) -> float:
        """The sum over a grid, tile by tile, with the centres within 9 sigmas of a tile: the rest is below 1e-17."""
        x0, _, y0, _ = self.box
        side, points = 16 * self.step, torch.arange(16, dtype=torch.float64) * self.step
        tile = torch.cartesian_prod(points, points)
        origin = torch.tensor([x0, y0], dtype=torch.float64)
        # Tiles that hold a centre, and those around them: 9 sigmas are 18 steps, which reach into the second tile.
        held = ((self.centres - origin) / side).floor().long().unique(dim=0)
        around_it = torch.cartesian_prod(torch.arange(-2, 3), torch.arange(-2, 3))
        total = torch.zeros((), dtype=torch.float64)
        for place in (held[:, None] + around_it).reshape(-1, 2).unique(dim=0):
            corner = origin + place * side
            beyond = (self.centres - corner - side / 2).abs() - side / 2
            near = (beyond < 9 * self.sigma).all(1).nonzero().squeeze(1)
            if len(near):
                log_p = torch.logsumexp(self._joint(corner + tile, near), 1)
                total -= torch.special.xlogy(log_p.exp(), log_p.exp()).sum()
        return float(total) * self.step**2

    @cached_property
    def _own(self) -> Tensor:
        """What of the joint density belongs to the component alone, (K,)."""
        return self.weights.log() - 0.5 * self.sigma**-2 * self.centres.square().sum(1)

    def _joint(self, x: Tensor, some: Tensor | slice = slice(None)) -> Tensor:
        """log w_k + log N(x; m_k, sigma^2 I), (n, K), for all or some k; a weight of zero gives minus infinity."""
        rest = 0.5 * self.sigma**-2 * x.square().sum(1, keepdim=True) + math.log(2 * math.pi * self.sigma**2)
        return self._told_apart(x, some) - rest

    def _told_apart(self, x: Tensor, some: Tensor | slice = slice(None)) -> Tensor:
        """The same without what all k have in common: |x - m|^2 multiplied out, so that no (n, K, 2) arises."""
        return torch.addmm(self._own[some].to(x), self.sigma**-2 * x, self.centres[some].to(x).T)

    def _portions(self, x: Tensor) -> tuple[Tensor, ...]:
        return torch.split(x, max(1, PORTION // len(self.centres)))


Curve = Callable[[Tensor], Tensor]
"""From the parameter t (n,) in -1..1 to points (n, 2)."""


class Curves(Blobs):
    """Noise of size sigma around curves: p(x) = sum_j 1/J integral w(t) N(x; c_j(t), sigma^2 I) dt.

    The integral is a Gauss-Legendre sum with nodes a quarter of sigma apart at the curve's fastest, so that the
    truth is a mixture of many round Gaussians: exact to 1e-10 wherever log p > -50. Much farther out, where log p
    is about minus thousands, it errs by a nat or two.
    Points lie on a curve by t in -1..1 with the given `density`, uniform unless said otherwise; `inverse` maps
    uniform numbers in 0..1 to such t. `length` is 2 times the largest speed of the curve.
    """

    def __init__(
        self,
        curves: tuple[Curve, ...],
        length: float,
        sigma: float,
        density: Callable[[Tensor], Tensor] = torch.ones_like,
        inverse: Callable[[Tensor], Tensor] = lambda u: 2 * u - 1,
    ) -> None:
        self.curves, self.length, self.density, self.inverse = curves, length, density, inverse
        t, w = _legendre(max(64, math.ceil(4 * length / sigma)))
        w = w * density(t)
        super().__init__(torch.cat([curve(t) for curve in curves]), sigma, w.repeat(len(curves)))

    def modes(self) -> None:
        """None: a curve has no modes that could be counted."""

    def _noised(self, a: float, b: float) -> Curves:
        """The same curves, smaller, with more noise around them; the wider the noise, the fewer nodes are needed."""
        smaller = tuple(_scaled(curve, a) for curve in self.curves)
        return Curves(smaller, a * self.length, math.hypot(a * self.sigma, b), self.density, self.inverse)

    def draw(self, n: int, rng: torch.Generator) -> tuple[Tensor, Tensor]:
        """A curve, a place on it, then noise."""
        at = rng.device
        y = torch.randint(len(self.curves), (n,), generator=rng, device=at)
        t = self.inverse(torch.rand(n, generator=rng, device=at))
        x = torch.stack([curve(t) for curve in self.curves])[y, torch.arange(n, device=at)]
        return x + self.sigma * torch.randn(n, 2, generator=rng, device=at), y


def _scaled(curve: Curve, a: float) -> Curve:
    return lambda t: a * curve(t)


def _legendre(n: int) -> tuple[Tensor, Tensor]:
    """At least n nodes and weights on -1..1, float64: panels of 16-point Gauss-Legendre quadrature."""
    nodes, weights = np.polynomial.legendre.leggauss(16)
    panels = math.ceil(n / 16)
    middles = (2 * torch.arange(panels, dtype=torch.float64) + 1) / panels - 1
    t = middles[:, None] + torch.from_numpy(nodes) / panels
    return t.flatten(), torch.from_numpy(weights).div(panels).repeat(panels)


def sum_over_grid(log_prob: Callable[[Tensor], Tensor], box: tuple[float, float, float, float], step: float) -> float:
    """-sum p log p dx dy, which for smooth p with all its mass in the box converges faster than any power of step."""
    x0, x1, y0, y1 = box
    across, up = grid_line(x0, x1, step), grid_line(y0, y1, step)
    total = torch.zeros((), dtype=torch.float64)
    for rows in up.split(max(1, 2**16 // len(across))):
        log_p = log_prob(torch.stack(torch.meshgrid(across, rows, indexing="xy"), -1).reshape(-1, 2))
        total -= torch.special.xlogy(log_p.exp(), log_p.exp()).sum()
    return float(total) * step**2


def double(x: Tensor) -> Tensor:
    """Float64 where the device has it; MPS has not."""
    return x.cpu().double() if x.device.type == "mps" else x.double()


def grid_line(lo: float, hi: float, step: float) -> Tensor:
    """Points from lo to at least hi, exactly one step apart."""
    return lo + step * torch.arange(math.ceil((hi - lo) / step) + 1, dtype=torch.float64)


def around(points: Tensor, sigma: float) -> tuple[float, float, float, float]:
    """The box of points with nine sigmas of margin."""
    lo, hi = points.amin(0) - 9 * sigma, points.amax(0) + 9 * sigma
    return float(lo[0]), float(hi[0]), float(lo[1]), float(hi[1])
