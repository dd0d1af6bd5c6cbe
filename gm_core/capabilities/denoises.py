"""Denoises: the model repairs a spoilt example; on the plane, its repairs are arrows that estimate the score.

The best repair r of Gaussian noise of width sigma, in squared error, is the mean of all that could have been there:

    r(x) = E[clean | x] = x + sigma^2 grad ln p_sigma(x)      (Tweedie; Vincent 2011; Alain & Bengio 2014, theorem 1)

where p_sigma is the data's density with that noise added. So r(x) - x points to where data lie.
"""

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
    from torch import Tensor

CorruptionName = Literal["gaussian", "masking", "salt_and_pepper"]


class Denoises(Capability):
    """Repairs what was spoilt. Law: the shape of x is kept; pictures come back in the card's range."""

    word = "denoises"

    @abstractmethod
    def denoise(self, x: Tensor, sigma: float | None = None, y: Tensor | None = None) -> Tensor:
        """The model's best guess of the clean examples behind x (n, *card.shape), same shape.

        `sigma` is the standard deviation of Gaussian noise in the units of x, where it is known; a model that was
        trained at one level takes no notice of it.
        """

    @abstractmethod
    def undoes(self) -> tuple[CorruptionName | Literal["none"], float]:
        """The kind and amount of corruption that the model learns to undo; ("none", 0) if it was shown only clean x."""


@dataclass(frozen=True, slots=True)
class CorruptQuery(Query):
    """Spoil `n` examples of a split, chosen by the seed, or the pictures that are given, and have them repaired.

    `amount` is the standard deviation of Gaussian noise (for pictures as a part of their range), else the part of the
    numbers that is spoilt. `given` is uint8 (n, h, w, c) or float32 (n, d); `spoilt`, of the same shape, brings
    examples that were spoilt by hand: then `kind` and `amount` play no part, and without `given` they are taken as the
    originals too.
    """

    n: int = 16
    split: str = "test"
    kind: CorruptionName = "gaussian"
    amount: float = 0.3
    given: Array | None = None
    spoilt: Array | None = None


@dataclass(frozen=True, slots=True)
class Repairs(Frame):
    """Originals, their spoilt copies and the repairs, in the same order: uint8 (n, h, w, c) or float32 (n, d).

    errors and damage (n,): mean squared error of the repair and of the spoilt copy against the original, in the
    card's range (before the copy is clipped for drawing). `trained_kind` and `trained_amount` say what the model
    learned to undo, "none" where it never saw anything spoilt.
    """

    originals: Array
    corrupted: Array
    repaired: Array
    errors: Array
    damage: Array
    trained_kind: str = "none"
    trained_amount: float = 0.0


@dataclass(frozen=True, slots=True)
class RepairFieldQuery(Query):
    """Arrows of repair on a grid of the plane: `size` x `size` points over the box (x0, x1, y0, y1).

    `sigma` is the width of the noise in the units of the plane; 0 takes the one that the model was trained with.
    """

    box: tuple[float, float, float, float] = (-3.0, 3.0, -3.0, 3.0)
    size: int = 20
    sigma: float = 0.0


@dataclass(frozen=True, slots=True)
class RepairField(Frame):
    """Repairs r(x) - x at points x, both float32 (n, 2), for noise of width `sigma` (0 where the width is not known).

    `exact` is sigma^2 grad ln p_sigma(x), which the best repair would equal; None where the truth is not known or
    the model was not trained on Gaussian noise.
    """

    points: Array
    vectors: Array
    exact: Array | None
    sigma: float


@answers(Denoises.word, CorruptQuery)
def spoil(query: CorruptQuery, scene: Scene) -> Iterator[Repairs]:
    """Spoil, repair, and measure both."""
    import torch

    from gm_core.maths.corruption import CORRUPTIONS

    card = scene.model.card
    if query.given is None and query.spoilt is None:
        chosen = torch.randperm(scene.data.count(query.split), generator=scene.rng, device=scene.rng.device)[: query.n]
        x, _ = scene.data.examples(query.split, chosen, scene.rng)
    else:
        x = from_picture(query.spoilt if query.given is None else query.given, card, scene.device)
    if query.spoilt is not None:
        spoilt = from_picture(query.spoilt, card, scene.device)
        if spoilt.shape != x.shape:
            found = f"the spoilt examples have the shape {tuple(spoilt.shape)}, the given ones {tuple(x.shape)}"
            raise SpecError("spoilt", f"{found}; give as many, of the same size")
    elif query.kind not in CORRUPTIONS:
        raise SpecError("kind", f"kind is {query.kind!r}; expected one of: {', '.join(CORRUPTIONS)}")
    else:
        spoilt = CORRUPTIONS[query.kind](x, query.amount, card, scene.rng)
    gaussian = query.spoilt is None and query.kind == "gaussian"
    repaired = scene.model.denoise(spoilt, _width(query.amount, card) if gaussian else None)
    errors, damage = ((back - x).flatten(1).square().mean(1).float().cpu().numpy() for back in (repaired, spoilt))
    pictures = [to_picture(each, card) for each in (x, spoilt, repaired)]
    yield Repairs(pictures[0], pictures[1], pictures[2], errors, damage, *scene.model.undoes())


@answers(Denoises.word, RepairFieldQuery)
def repair_field(query: RepairFieldQuery, scene: Scene) -> Iterator[RepairField]:
    """The repairs of a regular grid, with the truth beside them where it is known."""
    import torch

    card = scene.model.card
    if card.kind != "points":
        raise SpecError("data", f"{card.title} does not lie on the plane; arrows of repair need points of two numbers")
    kind, amount = scene.model.undoes()
    sigma = query.sigma or (_width(amount, card) if kind == "gaussian" else 0.0)
    x0, x1, y0, y1 = query.box
    across = torch.linspace(x0, x1, query.size, device=scene.device)
    up = torch.linspace(y0, y1, query.size, device=scene.device)
    points = torch.stack(torch.meshgrid(across, up, indexing="xy"), -1).reshape(-1, 2)
    vectors = scene.model.denoise(points, sigma or None) - points
    truth = None
    if card.exact and sigma > 0:
        truth = scene.data.exact.diffused(sigma)  # type: ignore[attr-defined]  # promised by the trait "exact"
    exact = None if truth is None else (sigma**2 * truth.score(points)).float().cpu().numpy()
    yield RepairField(points.cpu().numpy(), vectors.float().cpu().numpy(), exact, sigma)


def _width(amount: float, card: DataCard) -> float:
    from gm_core.maths.corruption import noise_width

    return noise_width(amount, card)
