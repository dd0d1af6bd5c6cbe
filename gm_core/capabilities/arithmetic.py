"""Arithmetic with codes: the mean code of some examples minus that of others, added to the code of a picture.

    z(a) = mu(x) + a v,      v = mean_{x in plus} mu(x) - mean_{x in minus} mu(x)

Larsen et al. 2016, arXiv:1512.09300, section 4.2 (attribute vectors); White 2016, arXiv:1609.04468, section 3.2. The
model must both encode and decode. An attribute is only as good as its two sets: whatever else differs between them,
such as thickness or slant, is added as well.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gm_core.capabilities.base import Scene, answers, from_picture, labels, to_picture
from gm_core.capabilities.encodes import Encodes
from gm_core.capabilities.latent import Latent
from gm_core.protocol.commands import Query
from gm_core.protocol.events import Array, Frame
from gm_core.spec import SpecError

if TYPE_CHECKING:
    from torch import Tensor

PORTION = 500
"""Examples looked at between two safe points."""


@dataclass(frozen=True, slots=True)
class MeansQuery(Query):
    """The mean code of each class, and of all examples alike, from `among` examples of each in a split.

    `y` is the class by which a conditional model decodes.
    """

    split: str = "train"
    among: int = 200
    y: int | None = None


@dataclass(frozen=True, slots=True)
class Means(Frame):
    """Decoded mean codes: uint8 (classes + 1, h, w, c) or float32 (classes + 1, d), the last that of all examples.

    z float32 (classes + 1, k); counts int64 (classes + 1,), how many examples each is the mean of. A class without an
    example in the split has count 0, and the mean of all in its place.
    """

    items: Array
    z: Array
    counts: Array


@dataclass(frozen=True, slots=True)
class ArithmeticQuery(Query):
    """Add `amount` times (the mean code of `plus` - the mean code of `minus`) to a picture, in `n` equal parts.

    The picture is `given`, uint8 (1, h, w, c) or float32 (1, d), or else example `index` of the split. Each side is a
    class, or the examples at given indices, or, where neither is said, the mean of all examples. `among` so many
    examples of a class, chosen by the seed, are averaged; `y` is the class by which a conditional model decodes.
    """

    given: Array | None = None
    index: int = 0
    plus: int | None = None
    minus: int | None = None
    plus_indices: tuple[int, ...] = ()
    minus_indices: tuple[int, ...] = ()
    amount: float = 1.0
    n: int = 9
    split: str = "train"
    among: int = 200
    y: int | None = None


@dataclass(frozen=True, slots=True)
class Sums(Frame):
    """A picture that takes on an attribute, from amount 0 (its reconstruction) to the whole.

    items uint8 (n, h, w, c) or float32 (n, d), z float32 (n, k), amounts float32 (n,); `base` is the picture itself,
    (1, ...); `means` the decoded mean codes of plus and minus, (2, ...), `means_z` (2, k) those codes, `counts` (2,)
    what they are means of; `norm` is |v|, and `typical` the median distance of a code from the mean of all.
    """

    items: Array
    z: Array
    amounts: Array
    base: Array
    means: Array
    means_z: Array
    counts: Array
    norm: float
    typical: float


@answers(Encodes.word, MeansQuery)
def means(query: MeansQuery, scene: Scene) -> Iterator[Means | None]:
    """Decode the mean of each class, to be chosen from."""
    import numpy as np
    import torch

    _needs_decoder(scene)
    wanted: list[int | None] = [*range(len(scene.model.card.classes)), None]
    gathered = yield from _gather(wanted, query, scene)
    z = torch.stack([gathered[each if len(gathered[each]) else None].mean(0) for each in wanted])
    items = to_picture(scene.model.decode(z, labels(query.y, len(z), scene)), scene.model.card)
    yield Means(items, _numbers(z), np.array([len(gathered[each]) for each in wanted], np.int64))


@answers(Encodes.word, ArithmeticQuery)
def add(query: ArithmeticQuery, scene: Scene) -> Iterator[Sums | None]:
    """Average both sides, and walk from the picture along their difference."""
    import numpy as np
    import torch

    _needs_decoder(scene)
    if query.n < 2:
        raise SpecError("n", f"n is {query.n}; expected 2 pictures or more: the picture itself and the sum")
    model, card = scene.model, scene.model.card
    sides = ((query.plus, query.plus_indices, "plus"), (query.minus, query.minus_indices, "minus"))
    for label, _, name in sides:
        labels(label, 1, scene, name)
    wanted: list[int | None] = [None, *[label for label, indices, _ in sides if label is not None and not indices]]
    gathered = yield from _gather(list(dict.fromkeys(wanted)), query, scene)
    both = [_chosen(indices, query.split, scene)[1] if indices else gathered[label] for label, indices, _ in sides]
    for (label, _, name), side in zip(sides, both, strict=True):
        if not len(side):
            raise SpecError(name, f"the {query.split} split has no example of class {label}; choose another class")
    plus, minus = (side.mean(0) for side in both)
    if query.given is not None:
        base = from_picture(query.given, card, scene.device)
        if len(base) != 1 or base.shape[1:] != card.shape:
            found = f"pictures of shape {tuple(query.given.shape)} are given"
            raise SpecError("given", f"{found}; expected one of this model's size, {card.shape}")
        start = model.encode(base, labels(query.y, 1, scene))[0]
    else:
        base, start = _chosen((query.index,), query.split, scene)
    amounts = torch.linspace(0.0, query.amount, query.n, device=scene.device)
    direction = plus - minus
    z = start + amounts[:, None] * direction
    ends = torch.stack([plus, minus])
    everyone = gathered[None]
    yield Sums(
        items=to_picture(model.decode(z, labels(query.y, query.n, scene)), card),
        z=_numbers(z),
        amounts=_numbers(amounts),
        base=to_picture(base, card),
        means=to_picture(model.decode(ends, labels(query.y, 2, scene)), card),
        means_z=_numbers(ends),
        counts=np.array([len(side) for side in both], np.int64),
        norm=float(direction.norm().cpu()),
        typical=float((everyone - everyone.mean(0)).norm(dim=1).median().cpu()),
    )


def _gather(
    wanted: Sequence[int | None], query: MeansQuery | ArithmeticQuery, scene: Scene
) -> Generator[None, None, dict[int | None, Tensor]]:
    """The codes (n, k) of at most `among` examples of each class, and of all alike under None; gives way in between.

    The same seed looks at the same examples, so that means and sums agree.
    """
    import torch

    data, split = scene.data, query.split
    order = torch.randperm(data.count(split), generator=scene.rng, device=scene.rng.device)
    found: dict[int | None, list[Tensor]] = {each: [] for each in wanted}
    missing = dict.fromkeys(wanted, query.among)
    for part in order.split(PORTION):
        x, y = data.examples(split, part, scene.rng)
        for each in wanted:
            if missing[each] <= 0 or (each is not None and y is None):
                continue
            mine = slice(None) if each is None else y == each
            chosen = x[mine][: missing[each]]
            if len(chosen):
                found[each].append(scene.model.encode(chosen, None if y is None else y[mine][: missing[each]])[0])
                missing[each] -= len(chosen)
        yield None
        if max(missing.values()) <= 0:
            break
    nothing = torch.empty(0, scene.model.latent_size, device=scene.device)
    return {each: torch.cat(codes) if codes else nothing for each, codes in found.items()}


def _chosen(indices: Sequence[int], split: str, scene: Scene) -> tuple[Tensor, Tensor]:
    """Examples at these indices and their codes."""
    import torch

    last = scene.data.count(split) - 1
    if not 0 <= min(indices) <= max(indices) <= last:
        found = next(i for i in indices if not 0 <= i <= last)
        raise SpecError("indices", f"example {found} is asked for; the {split} split has the examples 0 to {last}")
    x, y = scene.data.examples(split, torch.tensor(indices, device=scene.rng.device), scene.rng)
    return x, scene.model.encode(x, y)[0]


def _needs_decoder(scene: Scene) -> None:
    if Latent.word not in scene.model.offers():
        title = type(scene.model).title
        raise SpecError("model", f"{title} encodes but does not decode; arithmetic needs a model that does both")


def _numbers(z: Tensor) -> Array:
    return z.float().cpu().numpy()
