"""Reconstructs: the model can pass an example through its bottleneck and give it back."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from gm_core.capabilities.base import Capability, Scene, answers, from_picture, to_picture
from gm_core.protocol.cards import DataCard
from gm_core.protocol.commands import Query
from gm_core.protocol.events import Array, Frame
from gm_core.spec import SpecError

if TYPE_CHECKING:
    import torch
    from torch import Tensor

Measure = Literal["squared", "cross_entropy"]
PORTION = 250
"""Examples reconstructed between two safe points."""


class Reconstructs(Capability):
    """Gives back what it was shown, as well as it can. Law: the shape and range of x are kept."""

    word = "reconstructs"

    @abstractmethod
    def reconstruct(self, x: Tensor, rng: torch.Generator, y: Tensor | None = None) -> Tensor:
        """The mean reconstruction of x (n, *card.shape), same shape, in the card's range."""


@dataclass(frozen=True, slots=True)
class ReconstructQuery(Query):
    """Reconstruct `n` examples of a split, chosen by the seed, or those at `indices`, or the pictures that are given.

    `given` is uint8 (n, h, w, c) or float32 (n, d). `measure` says what the errors are: see `measured`.
    """

    n: int = 16
    split: str = "test"
    given: Array | None = None
    indices: tuple[int, ...] = ()
    measure: Measure = "squared"


@dataclass(frozen=True, slots=True)
class Pairs(Frame):
    """Originals and reconstructions in the same order, with the error of each, by the query's measure.

    labels and indices int64 (n,) say what the examples are, or None where they are not of the data.
    """

    originals: Array
    reconstructions: Array
    errors: Array
    labels: Array | None = None
    indices: Array | None = None


@dataclass(frozen=True, slots=True)
class ErrorsQuery(Query):
    """How well `n` examples of a split, chosen by the seed, are reconstructed."""

    n: int = 1000
    split: str = "test"
    measure: Measure = "squared"


@dataclass(frozen=True, slots=True)
class Errors(Frame):
    """The error of each example, float32 (done,), with its index in the split, int64 (done,), and label or None.

    `done` of `total` examples are there.
    """

    values: Array
    indices: Array
    labels: Array | None
    done: int
    total: int


def measured(x: Tensor, back: Tensor, card: DataCard, measure: Measure) -> Tensor:
    """The error of reconstructions `back` of x, both (n, *card.shape): (n,).

        squared         mean_i (r_i - x_i)^2, in the card's range
        cross_entropy   -sum_i x_i ln r_i + (1 - x_i) ln(1 - r_i) in nats, both brought to 0..1

    The cross-entropy is -ln p(x | z) of a decoder whose numbers are coins; for grey values it is no likelihood and has
    a floor above 0. A reconstruction that is all but certain (within 1e-6 of an end) counts as 1e-6 away from it.
    Raises SpecError for points and vectors, whose numbers are no coins.
    """
    if measure == "squared":
        return (back - x).flatten(1).square().mean(1)
    if card.kind != "images" and card.values != "binary":
        found = f"measure is 'cross_entropy', but the numbers of {card.title} are no coins"
        raise SpecError("measure", f"{found}; expected binary data or pictures: choose 'squared'")
    lo, hi = card.range
    unit = ((x - lo) / (hi - lo)).flatten(1)
    chance = ((back - lo) / (hi - lo)).flatten(1).clamp(1e-6, 1 - 1e-6)
    return -(unit * chance.log() + (1 - unit) * (-chance).log1p()).sum(1)


@answers(Reconstructs.word, ReconstructQuery)
def pair(query: ReconstructQuery, scene: Scene) -> Iterator[Pairs]:
    """Originals beside their reconstructions."""
    import torch

    card = scene.model.card
    y = indices = None
    if query.given is not None:
        x = from_picture(query.given, card, scene.device)
    else:
        count = scene.data.count(query.split)
        if query.indices:
            if not 0 <= min(query.indices) <= max(query.indices) < count:
                raise SpecError(
                    "indices", f"the {query.split} split has {count} examples; ask for indices 0 to {count - 1}"
                )
            indices = torch.tensor(query.indices, device=scene.rng.device)
        else:
            indices = torch.randperm(count, generator=scene.rng, device=scene.rng.device)[: query.n]
        x, y = scene.data.examples(query.split, indices, scene.rng)
    back = scene.model.reconstruct(x, scene.rng, y)
    errors = measured(x, back, card, query.measure).float().cpu().numpy()
    yield Pairs(to_picture(x, card), to_picture(back, card), errors, _numpy(y), _numpy(indices))


@answers(Reconstructs.word, ErrorsQuery)
def survey(query: ErrorsQuery, scene: Scene) -> Iterator[Errors | None]:
    """Errors in portions; what is known so far is sent now and then."""
    import torch

    if query.n < 1:
        raise SpecError("n", f"n is {query.n}; expected at least 1 example")
    count = scene.data.count(query.split)
    chosen = torch.randperm(count, generator=scene.rng, device=scene.rng.device)[: query.n]
    values: list[Tensor] = []
    kinds: list[Tensor] = []
    done = 0
    for part in chosen.split(PORTION):
        x, y = scene.data.examples(query.split, part, scene.rng)
        back = scene.model.reconstruct(x, scene.rng, y)
        values.append(measured(x, back, scene.model.card, query.measure))
        if y is not None:
            kinds.append(y)
        done += len(part)
        if done < len(chosen) and len(values) % 4:
            yield None
            continue
        found = torch.cat(values).float().cpu().numpy()
        labels = _numpy(torch.cat(kinds)) if kinds else None
        yield Errors(found, chosen[:done].cpu().numpy(), labels, done, len(chosen))


def _numpy(found: Tensor | None) -> Array | None:
    return None if found is None else found.cpu().numpy()
