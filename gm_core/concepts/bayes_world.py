"""Two Gaussian classes on the plane: their joint distribution, what one coordinate tells, and the least error."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

GRID = 321
FAR = 12.0
"""Sums over one coordinate go from -FAR to FAR."""


@dataclass(frozen=True, slots=True)
class World:
    """Two Gaussian classes: means, standard deviations along both axes, correlations, and p(y=1).

    With `shared` the second class takes the covariance of the first.
    """

    mean_0: tuple[float, float] = (-0.5, -0.9)
    mean_1: tuple[float, float] = (0.5, 0.9)
    spread_0: float = 0.9
    spread_1: float = 0.9
    tilt_0: float = 0.8
    tilt_1: float = 0.8
    shared: bool = True
    prior: float = 0.5

    def covariances(self) -> torch.Tensor:
        """(2, 2, 2) float64."""
        import torch

        second = (self.spread_0, self.tilt_0) if self.shared else (self.spread_1, self.tilt_1)
        made = [[[s * s, r * s * s], [r * s * s, s * s]] for s, r in ((self.spread_0, self.tilt_0), second)]
        return torch.tensor(made, dtype=torch.float64)

    def means(self) -> torch.Tensor:
        """(2, 2) float64."""
        import torch

        return torch.tensor([self.mean_0, self.mean_1], dtype=torch.float64)

    def log_priors(self) -> torch.Tensor:
        """ln p(y) (2,)."""
        import torch

        return torch.tensor([1 - self.prior, self.prior], dtype=torch.float64).log()

    def log_joint(self, x: torch.Tensor) -> torch.Tensor:
        """ln p(x, y) for x (n, 2): (n, 2)."""
        import torch

        from gm_core.maths import gaussian

        root = torch.linalg.cholesky(self.covariances())
        return gaussian.log_prob_root(x[:, None], self.means(), root) + self.log_priors()

    def log_joint_of(self, axis: int, x: torch.Tensor) -> torch.Tensor:
        """ln p(x_axis, y) for numbers x (n,), the other coordinate summed out: (n, 2)."""
        from gm_core.maths import gaussian

        variance = self.covariances()[:, axis, axis]
        return gaussian.log_prob(x[:, None], self.means()[:, axis], variance.log()) + self.log_priors()


WORLD = World()


def over_plane(reach: float, side: int) -> torch.Tensor:
    """Middles of the cells of a square grid, row by row from the lowest: (side * side, 2)."""
    import torch

    middles = (2 * torch.arange(side, dtype=torch.float64) + 1) * (reach / side) - reach
    return torch.stack(torch.meshgrid(middles, middles, indexing="xy"), -1).reshape(-1, 2)


def bayes_error(world: World) -> float:
    """How often the best rule errs: the sum of min_y p(x, y), in closed form along x_2 and by a sum along x_1.

    For a given x_1 the log-odds are a parabola in x_2: between its roots the rule says one class, beyond them the
    other.
    """
    import torch

    from gm_core.maths import classifiers

    line = wide_line()
    bend, w, bias = classifiers.log_odds(world.means(), world.covariances(), world.prior)
    a = bend[1, 1] if abs(float(bend[1, 1])) > 1e-12 else torch.tensor(1e-12, dtype=torch.float64)
    b = 2 * bend[0, 1] * line + w[1]
    c = bend[0, 0] * line**2 + w[0] * line + bias
    inner = b**2 - 4 * a * c
    q = -0.5 * (b + torch.where(b < 0, -1.0, 1.0) * inner.clamp(min=0).sqrt())
    roots = torch.stack((q / a, c / q), 1).nan_to_num(0.0).sort(1).values
    mean, variance = other_given(world, line)
    below = classifiers.normal_mass((roots[:, :, None] - mean[:, None]) / variance.sqrt())  # (n, root, class)
    between = torch.where((inner > 0)[:, None], below[:, 1] - below[:, 0], 0.0)
    one = between if float(a) < 0 else 1 - between  # the chance that the rule says 1, for either class
    mass = world.log_joint_of(0, line).exp() * (line[1] - line[0])
    return float((mass[:, 0] * one[:, 0] + mass[:, 1] * (1 - one[:, 1])).sum())


def wide_line() -> torch.Tensor:
    """Numbers from -FAR to FAR, fine enough for sums to be integrals: (3 * GRID - 2,)."""
    import torch

    return torch.linspace(-FAR, FAR, 3 * (GRID - 1) + 1, dtype=torch.float64)


def other_given(world: World, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Means (n, 2) and variances (2,) of x_2 given x_1 = x (n,) in each class."""
    c, means = world.covariances(), world.means()
    slope = c[:, 0, 1] / c[:, 0, 0]
    return means[:, 1] + slope * (x[:, None] - means[:, 0]), c[:, 1, 1] - slope * c[:, 0, 1]
