"""Toy distributions on the plane: small, quick, and with the truth beside them."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from gm_core.data.base import SPLITS, Data, DataSpec, Part, SplitName, dataset
from gm_core.data.exact import Blobs, Curves, Plane
from gm_core.protocol.cards import DataCard
from gm_core.spec import SpecError, param


class ToySpec(DataSpec):
    """Choices that every toy shares."""

    train: int = param(10_000, "Training examples.", lo=1, hi=1_000_000, log=True)
    validation: int = param(2000, "Validation examples.", lo=1, hi=1_000_000, log=True)
    test: int = param(5000, "Test examples.", lo=1, hi=1_000_000, log=True)
    seed: int = param(0, "The examples follow from this number.", lo=0, hi=2**31 - 1)


class Toy(Data):
    """Examples drawn once from an exact distribution; each split has a generator of its own."""

    exact: Plane

    def hold(self, spec: ToySpec, exact: Plane, side: float, parts: tuple[str, ...] = ()) -> None:
        """Keep the truth and write the card; `side` is half the side of the box worth drawing."""
        self.exact = exact
        self._sizes: dict[SplitName, int] = {"train": spec.train, "validation": spec.validation, "test": spec.test}
        self._seed = spec.seed
        self._parts: dict[SplitName, Part] = {}
        self.card = DataCard(
            self.name,
            self.title,
            (2,),
            "continuous",
            (-side, side),
            classes=parts,
            splits={split: size for split, size in self._sizes.items()},
            exact=True,
            note="The range is the box worth drawing; density, score and entropy are known exactly.",
        )

    def part(self, split: SplitName) -> Part:
        """The examples of one split, drawn when first asked."""
        if split not in self._parts:
            rng = torch.Generator().manual_seed(len(SPLITS) * self._seed + SPLITS.index(split))
            x, y = self.exact.draw(self._sizes[split], rng)
            self._parts[split] = Part(x, y if self.card.classes else None)
        return self._parts[split]


def reach(points: Tensor, sigma: float) -> float:
    """Half the side of a box that shows points with four sigmas of margin, rounded up to a tenth."""
    return math.ceil(10 * (float(points.abs().max()) + 4 * sigma) - 1e-9) / 10


def numbered(n: int, word: str = "part") -> tuple[str, ...]:
    """Names for parts that have none: part 1, part 2, ..."""
    return tuple(f"{word} {k + 1}" for k in range(n))


class MoonsSpec(ToySpec):
    """Choices for the moons."""

    noise: float = param(0.1, "Standard deviation of the noise around the arcs.", lo=0.02, hi=1.0, log=True)


@dataset("moons", "Two moons", "toys")
class Moons(Toy):
    """Two half circles that grip each other, with noise: the smallest test of curved, separate parts.

    The arcs are scikit-learn's (angles uniform, not on a grid), moved by (-1/2, -1/4) so that the middle is at 0.
    """

    Spec = MoonsSpec

    def __init__(self, spec: MoonsSpec) -> None:
        super().__init__(spec)

        def upper(t: Tensor) -> Tensor:
            angle = (t + 1) * (math.pi / 2)
            return torch.stack([angle.cos() - 0.5, angle.sin() - 0.25], -1)

        self.hold(
            spec,
            Curves((upper, lambda t: -upper(t)), math.pi, spec.noise),
            reach(torch.tensor([1.5]), spec.noise),
            ("upper moon", "lower moon"),
        )


class RingSpec(ToySpec):
    """Choices for the ring."""

    radius: float = param(2.0, "Distance of the centres from the middle.", lo=0.1, hi=20.0, log=True)
    sigma: float = param(0.2, "Standard deviation of each Gaussian.", lo=0.01, hi=5.0, log=True)
    modes: int = param(8, "How many Gaussians.", lo=1, hi=64)


@dataset("ring", "Ring of Gaussians", "toys")
class Ring(Toy):
    """Eight Gaussians on a circle: does a model find them all, or collapse on some?"""

    Spec = RingSpec

    def __init__(self, spec: RingSpec) -> None:
        super().__init__(spec)
        angle = torch.arange(spec.modes, dtype=torch.float64) * (2 * math.pi / spec.modes)
        centres = spec.radius * torch.stack([angle.cos(), angle.sin()], -1)
        self.hold(
            spec, Blobs(centres, spec.sigma), reach(torch.tensor([spec.radius]), spec.sigma), numbered(spec.modes)
        )


class GridSpec(ToySpec):
    """Choices for the grid."""

    side: int = param(5, "Gaussians along one side; 5 gives 25 in all.", lo=1, hi=20)
    spacing: float = param(2.0, "Distance between neighbours.", lo=0.1, hi=10.0, log=True)
    sigma: float = param(0.05, "Standard deviation of each Gaussian.", lo=0.01, hi=5.0, log=True)


@dataset("grid", "Grid of Gaussians", "toys")
class Grid(Toy):
    """Twenty-five narrow Gaussians on a square grid, far apart: the classic test of mode collapse."""

    Spec = GridSpec

    def __init__(self, spec: GridSpec) -> None:
        super().__init__(spec)
        line = (torch.arange(spec.side, dtype=torch.float64) - (spec.side - 1) / 2) * spec.spacing
        centres = torch.cartesian_prod(line, line).reshape(-1, 2)
        self.hold(spec, Blobs(centres, spec.sigma), reach(line, spec.sigma), numbered(len(centres)))


class MixtureSpec(ToySpec):
    """Choices for a mixture of one's own."""

    centres: tuple[float, ...] = param(
        (-1.5, 0.0, 1.5, 0.0, 0.0, 1.8), "Centres as x and y in turn: x1, y1, x2, y2, ...", lo=-20.0, hi=20.0
    )
    weights: tuple[float, ...] = param((), "How often each centre is drawn; empty for equally often.", lo=0.0, hi=1e6)
    sigma: float = param(0.4, "Standard deviation of each Gaussian.", lo=0.01, hi=5.0, log=True)


@dataset("mixture", "Mixture of Gaussians", "toys")
class Mixture(Toy):
    """Gaussians where you put them: edit the centres and their weights."""

    Spec = MixtureSpec

    def __init__(self, spec: MixtureSpec) -> None:
        super().__init__(spec)
        count = len(spec.centres)
        if count < 2 or count % 2:
            raise SpecError("data.centres", f"data.centres holds {count} numbers; expected two (x, y) for each centre")
        if spec.weights and len(spec.weights) != count // 2:
            raise SpecError(
                "data.weights",
                f"data.weights holds {len(spec.weights)} numbers; expected {count // 2}, one for each centre, or none",
            )
        if spec.weights and sum(spec.weights) <= 0:
            raise SpecError("data.weights", "data.weights are all zero; expected at least one above zero")
        centres = torch.tensor(spec.centres, dtype=torch.float64).reshape(-1, 2)
        weights = torch.tensor(spec.weights, dtype=torch.float64) if spec.weights else None
        self.hold(
            spec, Blobs(centres, spec.sigma, weights), reach(centres, spec.sigma), numbered(len(centres), "centre")
        )
