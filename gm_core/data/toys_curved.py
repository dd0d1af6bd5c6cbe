"""More toy distributions on the plane: spirals, circles, a board, a pinwheel, and one plain Gaussian."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from gm_core.data.base import dataset
from gm_core.data.exact import Curves
from gm_core.data.exact_forms import Board, Circles, Normal, Pinwheel
from gm_core.data.toys import Toy, ToySpec, numbered, reach
from gm_core.spec import SpecError, param


class SpiralsSpec(ToySpec):
    """Choices for the spirals."""

    turns: float = param(1.5, "How often each arm winds around the middle.", lo=0.25, hi=3.0)
    noise: float = param(0.1, "Standard deviation of the noise around the arms.", lo=0.05, hi=1.0, log=True)


@dataset("spirals", "Two spirals", "toys")
class Spirals(Toy):
    """Two arms wound into one another: a thin, long shape that is hard to follow.

    c(a) = +-(a / 3) (-cos a, sin a) for angles a = 2 pi turns sqrt(u), u uniform: nearly even along the arm.
    """

    Spec = SpiralsSpec

    def __init__(self, spec: SpiralsSpec) -> None:
        super().__init__(spec)
        last = 2 * math.pi * spec.turns

        def arm(t: Tensor) -> Tensor:
            angle = (t + 1) * (last / 2)
            return torch.stack([-angle.cos(), angle.sin()], -1) * (angle / 3)[..., None]

        exact = Curves(
            (arm, lambda t: -arm(t)),
            last * math.sqrt(1 + last**2) / 3,
            spec.noise,
            density=lambda t: t + 1,
            inverse=lambda u: 2 * u.sqrt() - 1,
        )
        self.hold(spec, exact, reach(torch.tensor([last / 3]), spec.noise), numbered(2, "arm"))


class CirclesSpec(ToySpec):
    """Choices for the circles."""

    noise: float = param(0.05, "Standard deviation of the noise around the circles.", lo=0.01, hi=1.0, log=True)
    factor: float = param(0.5, "Radius of the inner circle; the outer has 1.", lo=0.05, hi=0.95)


@dataset("circles", "Two circles", "toys")
class TwoCircles(Toy):
    """A circle inside a circle: no straight line can part them, and each has a hole."""

    Spec = CirclesSpec

    def __init__(self, spec: CirclesSpec) -> None:
        super().__init__(spec)
        self.hold(
            spec,
            Circles((1.0, spec.factor), spec.noise),
            reach(torch.tensor([1.0]), spec.noise),
            ("outer circle", "inner circle"),
        )


class BoardSpec(ToySpec):
    """Choices for the checkerboard."""

    cells: int = param(4, "Squares along one side.", lo=2, hi=20)
    side: float = param(2.0, "Side of one square.", lo=0.1, hi=10.0, log=True)


@dataset("checkerboard", "Checkerboard", "toys")
class Checkerboard(Toy):
    """Uniform on the black squares of a board: sharp edges, which smooth models blur."""

    Spec = BoardSpec

    def __init__(self, spec: BoardSpec) -> None:
        super().__init__(spec)
        self.hold(spec, Board(spec.cells, spec.side), reach(torch.tensor([1.125 * spec.cells * spec.side / 2]), 0.0))


class PinwheelSpec(ToySpec):
    """Choices for the pinwheel."""

    arms: int = param(5, "How many arms.", lo=1, hi=16)
    radius: float = param(2.0, "Distance of the middle of an arm from the centre.", lo=0.1, hi=10.0, log=True)
    along: float = param(0.6, "Standard deviation along an arm.", lo=0.02, hi=5.0, log=True)
    across: float = param(0.2, "Standard deviation across an arm.", lo=0.02, hi=5.0, log=True)
    twist: float = param(
        0.5, "Angle by which a point is turned for each unit of its distance.", lo=-3.0, hi=3.0, unit="rad"
    )


@dataset("pinwheel", "Pinwheel", "toys")
class PinwheelToy(Toy):
    """Arms of a star wound up like a pinwheel: curved parts that meet in the middle."""

    Spec = PinwheelSpec

    def __init__(self, spec: PinwheelSpec) -> None:
        super().__init__(spec)
        exact = Pinwheel(spec.arms, spec.radius, spec.along, spec.across, spec.twist)
        side = reach(torch.tensor([spec.radius]), max(spec.along, spec.across))
        self.hold(spec, exact, side, numbered(spec.arms, "arm"))


class GaussianSpec(ToySpec):
    """Choices for one Gaussian."""

    mean: tuple[float, ...] = param((0.0, 0.0), "The middle: x, y.", lo=-20.0, hi=20.0)
    spread: tuple[float, ...] = param((1.0, 0.5), "Standard deviations of x and y.", lo=0.01, hi=10.0)
    correlation: float = param(0.6, "Correlation of x and y.", lo=-0.99, hi=0.99)


@dataset("gaussian", "Gaussian", "toys")
class Gaussian(Toy):
    """One Gaussian, stretched and tilted: the case in which everything can be computed by hand."""

    Spec = GaussianSpec

    def __init__(self, spec: GaussianSpec) -> None:
        super().__init__(spec)
        for name, pair in (("mean", spec.mean), ("spread", spec.spread)):
            if len(pair) != 2:
                raise SpecError(f"data.{name}", f"data.{name} holds {len(pair)} numbers; expected two, for x and y")
        a, b = spec.spread
        c = spec.correlation * a * b
        mean = torch.tensor(spec.mean, dtype=torch.float64)
        exact = Normal(mean, torch.tensor([[a * a, c], [c, b * b]], dtype=torch.float64))
        self.hold(spec, exact, reach(mean, max(a, b)))
