"""Density: the model says how probable an example is, exactly, by a bound, or as it honestly can."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from gm_core.capabilities.base import Capability, Scene, answers, from_picture
from gm_core.protocol.commands import Query
from gm_core.protocol.events import Array, Frame

if TYPE_CHECKING:
    import torch
    from torch import Tensor

DensityKind = Literal["exact", "bound", "solver", "unnormalised"]


class Density(Capability):
    """Scores examples in nats. Law: `exact` sums or integrates to 1; a `bound` never exceeds the truth on average."""

    word = "density"
    density_kind: ClassVar[DensityKind]

    @abstractmethod
    def log_prob(self, x: Tensor, rng: torch.Generator, y: Tensor | None = None, samples: int = 0) -> Tensor:
        """log p(x), (n,), in nats; `samples` asks a stochastic bound for so many draws (0: the model's own number)."""


@dataclass(frozen=True, slots=True)
class LogProbQuery(Query):
    """Score `n` examples of a split, chosen by the seed, or the given pictures."""

    n: int = 500
    split: str = "test"
    samples: int = 0
    given: Array | None = None


@dataclass(frozen=True, slots=True)
class LogProbs(Frame):
    """log p of each example, in nats, float32 (n,), and honestly of which kind."""

    values: Array
    kind: DensityKind


@dataclass(frozen=True, slots=True)
class DensityGridQuery(Query):
    """log p on a grid of the plane: `size` x `size` points over the box (x0, x1, y0, y1)."""

    box: tuple[float, float, float, float] = (-3.0, 3.0, -3.0, 3.0)
    size: int = 96
    samples: int = 0


@dataclass(frozen=True, slots=True)
class Surface(Frame):
    """Values on a grid, float32 (size, size), row 0 at the smallest y."""

    values: Array
    box: tuple[float, float, float, float]
    kind: DensityKind


@answers(Density.word, LogProbQuery)
def score(query: LogProbQuery, scene: Scene) -> Iterator[LogProbs | None]:
    """Score examples in portions."""
    import torch

    y = None
    if query.given is not None:
        x = from_picture(query.given, scene.model.card, scene.device)
    else:
        chosen = torch.randperm(scene.data.count(query.split), generator=scene.rng, device=scene.rng.device)[: query.n]
        x, y = scene.data.examples(query.split, chosen, scene.rng)
    values = []
    for start in range(0, len(x), 100):
        part = slice(start, start + 100)
        values.append(scene.model.log_prob(x[part], scene.rng, None if y is None else y[part], query.samples))
        yield None
    yield LogProbs(torch.cat(values).float().cpu().numpy(), scene.model.density_kind)


@answers(Density.word, DensityGridQuery)
def surface(query: DensityGridQuery, scene: Scene) -> Iterator[Surface | None]:
    """Score a grid of the plane in portions of rows."""
    import torch

    x0, x1, y0, y1 = query.box
    across = torch.linspace(x0, x1, query.size, device=scene.device)
    up = torch.linspace(y0, y1, query.size, device=scene.device)
    points = torch.stack(torch.meshgrid(across, up, indexing="xy"), -1).reshape(-1, 2)
    values = []
    for part in points.split(2048):
        values.append(scene.model.log_prob(part, scene.rng, None, query.samples))
        yield None
    grid = torch.cat(values).reshape(query.size, query.size).float().cpu().numpy()
    yield Surface(grid, query.box, scene.model.density_kind)
