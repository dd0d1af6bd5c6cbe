"""More distributions on the plane with a known truth, each by its own closed form."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from gm_core.data.exact import Plane, around
from gm_core.data.exact_noised import Dust, Smeared, SoftBoard


class Circles(Plane):
    """Noise of size sigma around circles about the middle, all drawn equally often.

    With rho = |x| the angle integrates to a Bessel function:
    p(x) = 1/J sum_j 1/(2 pi sigma^2) exp(-(rho^2 + r_j^2) / (2 sigma^2)) I_0(rho r_j / sigma^2).
    """

    def __init__(self, radii: tuple[float, ...], sigma: float) -> None:
        self.radii = torch.tensor(radii, dtype=torch.float64)
        self.sigma = sigma
        self.box = around(torch.tensor([[-max(radii)] * 2, [max(radii)] * 2], dtype=torch.float64), sigma)
        self.step = sigma / 2

    def _joint(self, rho: Tensor) -> Tensor:
        """log of each circle's share at distance rho (n, 1), with i0e = exp(-z) I_0(z) against overflow."""
        r, v = self.radii.to(rho), self.sigma**2
        bessel = torch.special.i0e(rho * r / v).log()
        joint: Tensor = bessel - (rho - r).square() / (2 * v) - math.log(2 * math.pi * v * len(r))
        return joint

    def _log_prob(self, x: Tensor) -> Tensor:
        return torch.logsumexp(self._joint(x.norm(dim=1, keepdim=True)), 1)

    def _score(self, x: Tensor) -> Tensor:
        rho, r, v = x.norm(dim=1, keepdim=True), self.radii.to(x), self.sigma**2
        z = rho * r / v
        slope = (r * torch.special.i1e(z) / torch.special.i0e(z) - rho) / v
        outward = (torch.softmax(self._joint(rho), 1) * slope).sum(1, keepdim=True)
        score: Tensor = outward * x / rho.clamp(min=1e-300)
        return score

    def _noised(self, a: float, b: float) -> Circles:
        """Smaller circles with more noise around them."""
        return Circles(tuple((a * self.radii).tolist()), math.hypot(a * self.sigma, b))

    def draw(self, n: int, rng: torch.Generator) -> tuple[Tensor, Tensor]:
        """A circle, an angle, then noise."""
        at = rng.device
        y = torch.randint(len(self.radii), (n,), generator=rng, device=at)
        angle = 2 * math.pi * torch.rand(n, generator=rng, device=at)
        x = self.radii.float().to(at)[y, None] * torch.stack([angle.cos(), angle.sin()], 1)
        return x + self.sigma * torch.randn(n, 2, generator=rng, device=at), y


class Board(Plane):
    """Uniform on the black squares of a board: p = 1 / area inside, 0 outside.

    The board is `cells` squares wide and high, of side `side`, about the middle; the square whose corner is the
    middle's lower left is black. The score is 0 inside; on the edges and outside, where it does not exist, it is
    given as 0. The entropy is ln area.
    """

    def __init__(self, cells: int, side: float) -> None:
        self.cells, self.side = cells, side
        half = cells * side / 2
        self.box = (-half, half, -half, half)
        self.step = side / 8
        row, column = torch.meshgrid(torch.arange(cells), torch.arange(cells), indexing="ij")
        black = (row + column) % 2 == 0
        self.corners = torch.stack([column[black], row[black]], 1).float() * side - half

    def _log_prob(self, x: Tensor) -> Tensor:
        cell = ((x + self.cells * self.side / 2) / self.side).floor()
        inside = ((cell >= 0) & (cell < self.cells)).all(1) & (cell.sum(1) % 2 == 0)
        return torch.where(inside, -self._measure(), -math.inf).to(x)

    def _score(self, x: Tensor) -> Tensor:
        return torch.zeros_like(x)

    def _measure(self) -> float:
        return math.log(len(self.corners) * self.side**2)

    def draw(self, n: int, rng: torch.Generator) -> tuple[Tensor, Tensor]:
        """A black square, then a place in it."""
        at = rng.device
        y = torch.randint(len(self.corners), (n,), generator=rng, device=at)
        place = torch.rand(n, 2, generator=rng, device=at).clamp(max=1 - 2**-18)  # float32 must not round onto an edge
        return self.corners.to(at)[y] + self.side * place, y

    def _noised(self, a: float, b: float) -> Board | SoftBoard:
        """The same squares, smaller, each with soft edges."""
        smaller = Board(self.cells, a * self.side)
        return SoftBoard(smaller, b) if b > 0 else smaller


class Normal(Plane):
    """One Gaussian N(mean, C): log p(x) = -log(2 pi) - 1/2 log det C - 1/2 (x - mean)' C^-1 (x - mean)."""

    def __init__(self, mean: Tensor, covariance: Tensor) -> None:
        self.mean, covariance = mean.double(), covariance.double()
        self.factor = torch.linalg.cholesky(covariance)
        self.precision: Tensor = torch.linalg.inv(covariance)
        self.log_volume = float(self.factor.diagonal().log().sum())
        self.box = around(self.mean[None], float(covariance.diagonal().max()) ** 0.5)
        self.step = float(torch.linalg.eigvalsh(covariance)[0]) ** 0.5 / 2

    def _log_prob(self, x: Tensor) -> Tensor:
        away = x - self.mean.to(x)
        squared = (away @ self.precision.to(x) * away).sum(1)
        return -0.5 * squared - (math.log(2 * math.pi) + self.log_volume)

    def _score(self, x: Tensor) -> Tensor:
        return torch.matmul(self.mean.to(x) - x, self.precision.to(x))

    def _measure(self) -> float:
        """1 + log(2 pi) + 1/2 log det C."""
        return 1 + math.log(2 * math.pi) + self.log_volume

    def _noised(self, a: float, b: float) -> Normal:
        """N(a mean, a^2 C + b^2 I)."""
        covariance = a**2 * self.factor @ self.factor.T + b**2 * torch.eye(2, dtype=torch.float64)
        return Normal(a * self.mean, covariance)

    def draw(self, n: int, rng: torch.Generator) -> tuple[Tensor, Tensor]:
        """The factor of the covariance times white noise."""
        white = torch.randn(n, 2, generator=rng, device=rng.device)
        x = white @ self.factor.float().to(white).T + self.mean.float().to(white)
        return x, torch.zeros(n, dtype=torch.int64, device=rng.device)


class Pinwheel(Plane):
    """Arms of a star, long Gaussians, wound up by turning each point by an angle that grows with its distance.

    x = R(twist |f|) f with f from the star, R(a) the rotation by a. The distance stays, so f = R(-twist |x|) x,
    and the determinant of the map is 1: log p(x) = log q(f), and the entropy is that of the star.
    """

    def __init__(self, arms: int, radius: float, along: float, across: float, twist: float) -> None:
        self.arms, self.twist, self.radius, self.along, self.across = arms, twist, radius, along, across
        angle = torch.arange(arms, dtype=torch.float64) * (2 * math.pi / arms)
        self.axes = torch.stack([angle.cos(), angle.sin()], 1)
        reach = radius + 9 * max(along, across)
        self.box = (-reach, reach, -reach, reach)
        self.step = min(along, across) / 2

    def _joint(self, f: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Along and across each arm (n, K), measured from its middle, and the log of each arm's share at f."""
        axes = self.axes.to(f)
        u = f @ axes.T - self.radius
        v = f @ _quarter(axes).T
        constant = math.log(2 * math.pi * self.along * self.across * len(axes))
        return u, v, -0.5 * (u / self.along).square() - 0.5 * (v / self.across).square() - constant

    def _log_prob(self, x: Tensor) -> Tensor:
        return torch.logsumexp(self._joint(_turn(x, -self.twist * x.norm(dim=1)))[2], 1)

    def _score(self, x: Tensor) -> Tensor:
        """With J the quarter turn: grad = w - (twist / rho) x (Jx . w), where w = R(twist rho) grad log q(f)."""
        rho = x.norm(dim=1)
        u, v, joint = self._joint(_turn(x, -self.twist * rho))
        share, axes = torch.softmax(joint, 1), self.axes.to(x)
        along = share * u / self.along**2
        across = share * v / self.across**2
        at_star = -(along @ axes) - across @ _quarter(axes)
        w = _turn(at_star, self.twist * rho)
        wound = (_quarter(x) * w).sum(1) * self.twist / rho.clamp(min=1e-300)
        return torch.sub(w, wound[:, None] * x)

    def _measure(self) -> float:
        """The star's entropy: each arm's mean of -log q over a grid that its Gaussian weighs; by symmetry, of one."""
        line = torch.arange(-72, 73, dtype=torch.float64) / 8
        points = torch.cartesian_prod(line, line)
        mass = torch.exp(-0.5 * points.square().sum(1))
        f = points * torch.tensor([self.along, self.across], dtype=torch.float64)
        f[:, 0] += self.radius
        return -float((mass / mass.sum()) @ torch.logsumexp(self._joint(f)[2], 1))

    def _noised(self, a: float, b: float) -> Pinwheel | Smeared | Dust:
        """A smaller pinwheel; with noise there is no closed form, but sums that are as good.

        An arm turns as it goes outwards, which makes it narrower there: noise below that width is summed at each
        point, wider noise over a fixed cloud of Gaussians.
        """
        smaller = Pinwheel(self.arms, a * self.radius, a * self.along, a * self.across, self.twist / a)
        if b == 0:
            return smaller
        return Smeared(smaller, b) if b < smaller.width else Dust(smaller, b, smaller.width)

    @property
    def width(self) -> float:
        """How wide the narrowest part of an arm is, three sigmas out."""
        outermost = self.radius + 3 * self.along
        return min(self.along, self.across) / math.hypot(1.0, self.twist * outermost)

    def draw(self, n: int, rng: torch.Generator) -> tuple[Tensor, Tensor]:
        """An arm, a place on it, then the turn."""
        at = rng.device
        y = torch.randint(len(self.axes), (n,), generator=rng, device=at)
        noise = torch.randn(n, 2, generator=rng, device=at)
        axis = self.axes.float().to(at)[y]
        f = (self.radius + self.along * noise[:, :1]) * axis + self.across * noise[:, 1:] * _quarter(axis)
        return _turn(f, self.twist * f.norm(dim=1)), y


def _quarter(x: Tensor) -> Tensor:
    """Each vector turned by 90 degrees to the left."""
    return torch.stack([-x[:, 1], x[:, 0]], 1)


def _turn(x: Tensor, angle: Tensor) -> Tensor:
    """Each vector turned by its angle."""
    return angle.cos()[:, None] * x + angle.sin()[:, None] * _quarter(x)
