"""Density: the model says how probable an example is, exactly, by a bound, or as it honestly can."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from gm_core.capabilities.base import Capability, Scene, answers, from_picture, to_picture
from gm_core.protocol.commands import Query
from gm_core.protocol.events import Array, Frame

if TYPE_CHECKING:
    import torch
    from torch import Tensor

DensityKind = Literal["exact", "bound", "solver", "unnormalised"]
PORTION = 100
"""Examples scored between two safe points."""


class Density(Capability):
    """Scores examples in nats. Law: `exact` sums or integrates to 1; a `bound` never exceeds the truth on average."""

    word = "density"

    @property
    @abstractmethod
    def density_kind(self) -> DensityKind:
        """What `log_prob` is; a class attribute, or a property where the spec or the data decide."""

    @abstractmethod
    def log_prob(self, x: Tensor, rng: torch.Generator, y: Tensor | None = None, samples: int = 0) -> Tensor:
        """log p(x), (n,), in nats; `samples` asks a stochastic bound for so many draws (0: the model's own number)."""


Source = Literal["split", "noise", "shuffled", "inverted", "blank", "other"]


@dataclass(frozen=True, slots=True)
class LogProbQuery(Query):
    """Score `n` examples of a source, chosen by the seed, or the given pictures.

    `source`: a `split` of the run's own data; `noise`, every number uniform among its levels (or in its range);
    `shuffled` and `inverted`, examples of the split whose pixels changed places, or black for white; `blank`, one
    example of the smallest value; `other`, the split of another data set, `other` being its spec with `kind`.
    Labels play no part: a model of p(x|y) sums over y.
    """

    n: int = 500
    split: str = "test"
    samples: int = 0
    given: Array | None = None
    source: Source = "split"
    other: Mapping[str, Any] | None = None
    pictures: bool = False


@dataclass(frozen=True, slots=True)
class LogProbs(Frame):
    """log p of each example, in nats, float32 (n,), and honestly of which kind.

    `done` of `total` examples are scored; `items` holds the pictures, uint8 (n, h, w, c) or float32 (n, d), if wished.
    """

    values: Array
    kind: DensityKind
    done: int = 0
    total: int = 0
    items: Array | None = None


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
    """Score examples in portions; what is known so far is sent now and then."""
    import torch

    if query.given is None:
        x = _gathered(query, scene)
    else:
        x = from_picture(query.given, scene.model.card, scene.device)
    values: list[Tensor] = []
    for part in x.split(PORTION):
        values.append(scene.model.log_prob(part, scene.rng, None, query.samples))
        done = PORTION * (len(values) - 1) + len(part)
        if done < len(x) and len(values) % 4:
            yield None
            continue
        scored = torch.cat(values).float().cpu().numpy()
        items = to_picture(x[:done], scene.model.card) if query.pictures else None
        yield LogProbs(scored, scene.model.density_kind, done, len(x), items)


def _gathered(query: LogProbQuery, scene: Scene) -> Tensor:
    """The examples that a query means, (n, *card.shape) in the card's range."""
    import torch

    card = scene.model.card
    lo, hi = float(card.range[0]), float(card.range[1])
    if query.source == "blank":
        return torch.full((1, *card.shape), lo, device=scene.device)
    if query.source == "noise":
        u = torch.rand((query.n, *card.shape), generator=scene.rng, device=scene.rng.device).to(scene.device)
        if card.levels:
            u = (u * card.levels).floor().clamp(max=card.levels - 1) / (card.levels - 1)
        return lo + (hi - lo) * u
    data = scene.data if query.other is None else scene.data.elsewhere(query.other)
    chosen = torch.randperm(data.count(query.split), generator=scene.rng, device=scene.rng.device)[: query.n]
    x, _ = data.examples(query.split, chosen, scene.rng)
    if query.source == "inverted":
        return lo + hi - x
    if query.source == "shuffled":
        keys = torch.rand((len(x), card.size), generator=scene.rng, device=scene.rng.device)
        return x.flatten(1).gather(1, keys.argsort(-1).to(x.device)).reshape(x.shape)
    return x


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
