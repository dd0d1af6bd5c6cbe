"""What can be asked of the data alone, whatever the model: its examples, and its truth on the plane."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from gm_core.capabilities.base import Scene, answers, to_picture
from gm_core.protocol.commands import Query
from gm_core.protocol.events import Array, Frame
from gm_core.spec import SpecError

ALWAYS = "data"


@dataclass(frozen=True, slots=True)
class ExamplesQuery(Query):
    """Show `n` examples of a split, chosen by the seed, or those at `indices`."""

    n: int = 64
    split: str = "train"
    indices: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class ExamplesFrame(Frame):
    """Examples as pictures or points, with their labels (empty where there are none) and indices."""

    items: Array
    labels: Array
    indices: Array


@dataclass(frozen=True, slots=True)
class TruthQuery(Query):
    """The exact log density (and score, if asked) of a toy distribution on a grid."""

    box: tuple[float, float, float, float] = (-3.0, 3.0, -3.0, 3.0)
    size: int = 128
    score_size: int = 20


@dataclass(frozen=True, slots=True)
class Truth(Frame):
    """Exact log density (size, size), row 0 at the smallest y; score arrows at points; entropy in nats."""

    values: Array
    box: tuple[float, float, float, float]
    points: Array
    vectors: Array
    entropy: float


@answers(ALWAYS, ExamplesQuery)
def show(query: ExamplesQuery, scene: Scene) -> Iterator[ExamplesFrame]:
    """A few real examples."""
    import numpy as np
    import torch

    count = scene.data.count(query.split)
    if query.indices:
        if not 0 <= min(query.indices) <= max(query.indices) < count:
            last = count - 1
            raise SpecError("indices", f"the {query.split} split has {count} examples; ask for indices 0 to {last}")
        chosen = torch.tensor(query.indices, device=scene.rng.device)
    else:
        chosen = torch.randperm(count, generator=scene.rng, device=scene.rng.device)[: query.n]
    x, y = scene.data.examples(query.split, chosen, scene.rng)
    labels = np.empty(0, np.int64) if y is None else y.cpu().numpy()
    yield ExamplesFrame(to_picture(x, scene.data.card), labels, chosen.cpu().numpy())


@answers("exact", TruthQuery)
def truth(query: TruthQuery, scene: Scene) -> Iterator[Truth]:
    """The truth on the plane; asked only where the data card says `exact`."""
    import torch

    exact = scene.data.exact  # type: ignore[attr-defined]  # promised by the trait "exact"

    def grid(size: int) -> torch.Tensor:
        x0, x1, y0, y1 = query.box
        across, up = torch.linspace(x0, x1, size), torch.linspace(y0, y1, size)
        return torch.stack(torch.meshgrid(across, up, indexing="xy"), -1).reshape(-1, 2).double()

    values = exact.log_prob(grid(query.size)).reshape(query.size, query.size)
    points = grid(query.score_size)
    vectors = exact.score(points)
    yield Truth(
        values.float().cpu().numpy(),
        query.box,
        points.float().numpy(),
        vectors.float().cpu().numpy(),
        float(exact.entropy),
    )
