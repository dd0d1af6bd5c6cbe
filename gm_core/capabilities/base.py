"""What a capability is: a law that a model keeps, a query that a window may ask, a frame that comes back.

Each file of this package holds one capability: the law (an abstract class that a model inherits), its Query, its
Frame and `answer()`. They can be imported without torch; `answer()` imports it inside.
"""

from __future__ import annotations

import importlib
import pkgutil
from abc import ABC
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from gm_core.protocol.cards import DataCard
from gm_core.protocol.commands import Query
from gm_core.protocol.events import Frame

if TYPE_CHECKING:
    import torch
    from torch import Tensor


class Capability(ABC):
    """A word in a model's class line. `word` is what cards and panels call it.

    `refines` names the capability whose queries ask for this one too, where it has none of its own.
    """

    word: ClassVar[str]
    refines: ClassVar[str] = ""


class Examples(Protocol):
    """What an answer may ask of the data: see `gm_core.data.feed.Feed`."""

    card: DataCard
    factor_names: tuple[str, ...]
    """The known causes of the examples, for data made from such; none for most."""

    def factors(self, split: str, indices: Tensor) -> Tensor | None:
        """The known causes (n, f) of examples by index, on the CPU, or None where they are not known."""
        ...

    def examples(self, split: str, indices: Tensor, rng: torch.Generator) -> tuple[Tensor, Tensor | None]:
        """Examples by index on the device and in the card's range: x (n, ...), y (n,) or None."""
        ...

    def count(self, split: str) -> int:
        """Examples in a split."""
        ...

    def elsewhere(self, wish: Mapping[str, Any]) -> Examples:
        """Another data set, made binary or scaled as this one is; raises SpecError where its examples do not fit."""
        ...


@dataclass(frozen=True)
class Scene:
    """All that an answer may look at: a model in eval mode, its data, and a generator of its own."""

    model: Any
    data: Examples
    rng: torch.Generator
    device: torch.device


Answer = Callable[[Any, Scene], Iterator[Frame | None]]
ANSWERS: dict[type[Query], tuple[str, Answer]] = {}


def answers(word: str, query: type[Query]) -> Callable[[Answer], Answer]:
    """Say that a function answers a kind of query, for models that offer `word`."""

    def register(answer: Answer) -> Answer:
        ANSWERS[query] = (word, answer)
        return answer

    return register


def find_answers() -> dict[type[Query], tuple[str, Answer]]:
    """Import every file of this package; kinds of queries to the word that a model must offer, and the answer."""
    package = importlib.import_module("gm_core.capabilities")
    for found in pkgutil.iter_modules(package.__path__):
        importlib.import_module(f"gm_core.capabilities.{found.name}")
    return ANSWERS


AloneAnswer = Callable[[Any, "torch.Generator"], Iterator[Frame | None]]
ALONE_ANSWERS: dict[type[Query], AloneAnswer] = {}


def answers_alone(query: type[Query]) -> Callable[[AloneAnswer], AloneAnswer]:
    """Say that a function answers a kind of query that needs no run: it gets the query and a generator."""

    def register(answer: AloneAnswer) -> AloneAnswer:
        ALONE_ANSWERS[query] = answer
        return answer

    return register


def answer(query: Query, scene: Scene) -> Iterator[Frame | None]:
    """Answer any query: a generator of frames, None where there is only a safe point to offer."""
    return ANSWERS[type(query)][1](query, scene)


def labels(y: int | None, n: int, scene: Scene, name: str = "y") -> Tensor | None:
    """The label of a query, repeated for n examples, or None; raises SpecError where there is no such class.

    `name` is what the query calls it.
    """
    import torch

    from gm_core.spec import SpecError

    classes = scene.model.card.classes
    if y is not None and not 0 <= y < len(classes):
        wanted = f"0 to {len(classes) - 1}" if classes else "none, since the data have no classes"
        raise SpecError(name, f"{name} is {y}; expected {wanted}: choose one of the classes")
    return None if y is None else torch.full((n,), y, dtype=torch.int64, device=scene.device)


def to_pixels(x: Tensor, card: DataCard) -> Any:
    """Images (n, c, h, w) in the card's range as uint8 (n, h, w, c) for drawing; clipped, never wrapped."""
    lo, hi = card.range
    scaled = (x.detach().float() - lo) * (255.0 / (hi - lo))
    return scaled.clamp(0, 255).round().byte().permute(0, 2, 3, 1).contiguous().cpu().numpy()


def to_picture(x: Tensor, card: DataCard) -> Any:
    """Examples as a window draws them: uint8 (n, h, w, c) for images, float32 (n, d) for points and vectors."""
    return to_pixels(x, card) if card.kind == "images" else x.detach().float().cpu().numpy()


def from_picture(picture: Any, card: DataCard, device: torch.device) -> Tensor:
    """Pictures from the window, uint8 (n, h, w, c) or float32 (n, d), as examples in the card's range on the device."""
    import torch

    x = torch.as_tensor(picture, device=device)
    if card.kind != "images":
        return x.float()
    lo, hi = card.range
    return x.permute(0, 3, 1, 2).float() * ((hi - lo) / 255.0) + lo
