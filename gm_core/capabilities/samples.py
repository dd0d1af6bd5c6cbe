"""Samples: the model can draw new examples."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gm_core.capabilities.base import Capability, Scene, answers, labels, to_picture
from gm_core.protocol.commands import Query
from gm_core.protocol.events import Array, Frame

if TYPE_CHECKING:
    import torch
    from torch import Tensor


class Samples(Capability):
    """Draws new examples. Law: the same generator state gives the same samples, in the card's shape and range."""

    word = "samples"

    @abstractmethod
    def sample(self, n: int, rng: torch.Generator, y: Tensor | None = None) -> Tensor:
        """Draw n examples (n, *card.shape) in the card's range; `y` (n,) chooses classes where the model can."""


@dataclass(frozen=True, slots=True)
class SampleQuery(Query):
    """Draw `n` new examples; the same seed uses the same noise, so that sheets from two steps can be compared.

    `y` chooses a class where the model knows p(x|y), `guidance` how strongly it leans towards it where it is `Guided`.
    """

    n: int = 64
    y: int | None = None
    guidance: float | None = None


@dataclass(frozen=True, slots=True)
class Sheet(Frame):
    """A sheet of examples: uint8 (n, h, w, c) images or float32 (n, d) points.

    Models that draw one number after another send sheets on the way: `done` of `total` numbers are there then.
    """

    items: Array
    done: int = 1
    total: int = 1


PORTIONS = 40
"""Unfinished sheets that are sent of a model that draws one number after another."""


@answers(Samples.word, SampleQuery)
def draw(query: SampleQuery, scene: Scene) -> Iterator[Sheet | None]:
    """One sheet. A model that draws step by step or site by site gives way in between; its last state is the sample."""
    from gm_core.capabilities.sitewise import Sitewise
    from gm_core.capabilities.stepwise import Route, Stepwise
    from gm_core.capabilities.travel import check_classes

    model, card, y = scene.model, scene.model.card, labels(query.y, query.n, scene)
    check_classes(model, None, query.guidance)
    x = None
    if isinstance(model, Stepwise):
        for state in model.trajectory(query.n, scene.rng, y, Route(guidance=query.guidance)):
            x = state.x
            yield None
    elif isinstance(model, Sitewise):
        for drawn in model.drawing(query.n, scene.rng, y):
            if drawn.number == drawn.total:
                x = model.to_example(drawn.values)
            elif drawn.number % max(1, drawn.total // PORTIONS):
                yield None
            else:
                yield Sheet(to_picture(model.to_example(drawn.values), card), drawn.number, drawn.total)
    if x is None:
        x = model.sample(query.n, scene.rng, y)
    yield Sheet(to_picture(x, card))
