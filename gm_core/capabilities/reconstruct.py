"""Reconstructs: the model can pass an example through its bottleneck and give it back."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gm_core.capabilities.base import Capability, Scene, answers, from_picture, to_picture
from gm_core.protocol.commands import Query
from gm_core.protocol.events import Array, Frame

if TYPE_CHECKING:
    import torch
    from torch import Tensor


class Reconstructs(Capability):
    """Gives back what it was shown, as well as it can. Law: the shape and range of x are kept."""

    word = "reconstructs"

    @abstractmethod
    def reconstruct(self, x: Tensor, rng: torch.Generator, y: Tensor | None = None) -> Tensor:
        """The mean reconstruction of x (n, *card.shape), same shape, in the card's range."""


@dataclass(frozen=True, slots=True)
class ReconstructQuery(Query):
    """Reconstruct `n` examples of a split, chosen by the seed, or the pictures that are given.

    `given` is uint8 (n, h, w, c) or float32 (n, d).
    """

    n: int = 16
    split: str = "test"
    given: Array | None = None


@dataclass(frozen=True, slots=True)
class Pairs(Frame):
    """Originals and reconstructions in the same order, with the mean squared error of each in the card's range."""

    originals: Array
    reconstructions: Array
    errors: Array


@answers(Reconstructs.word, ReconstructQuery)
def pair(query: ReconstructQuery, scene: Scene) -> Iterator[Pairs]:
    """Originals beside their reconstructions."""
    import torch

    card = scene.model.card
    y = None
    if query.given is not None:
        x = from_picture(query.given, card, scene.device)
    else:
        chosen = torch.randperm(scene.data.count(query.split), generator=scene.rng, device=scene.rng.device)[: query.n]
        x, y = scene.data.examples(query.split, chosen, scene.rng)
    back = scene.model.reconstruct(x, scene.rng, y)
    errors = (back - x).flatten(1).square().mean(1).float().cpu().numpy()
    yield Pairs(to_picture(x, card), to_picture(back, card), errors)
