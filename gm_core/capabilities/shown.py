"""What can be asked of the data alone, whatever the model: its examples."""

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
