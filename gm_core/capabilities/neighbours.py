"""Neighbours: which real examples lie nearest to a picture or a code, so that one sees what was learned by heart.

    pixels:  d(a, b) = sqrt(mean_i (a_i - b_i)^2)   over the numbers of an example, in the card's range
    codes:   the same, over the means of the codes, and only along the axes that carry information

Every model can be asked for neighbours by pixels, since only the data are looked at; by codes where it encodes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from gm_core.capabilities.base import Scene, answers, from_picture, labels, to_picture
from gm_core.capabilities.encodes import Encodes, carrying
from gm_core.capabilities.latent import Latent, codes
from gm_core.capabilities.shown import ALWAYS
from gm_core.protocol.commands import Query
from gm_core.protocol.events import Array, Frame
from gm_core.spec import SpecError

if TYPE_CHECKING:
    from torch import Tensor

PORTION = 500
"""Examples between two safe points."""
REFERENCE = 200
"""Examples whose own nearest neighbours say what distance is usual."""


@dataclass(frozen=True, slots=True)
class NearestQuery(Query):
    """The `n` examples of a split nearest to the pictures `given`, uint8 (m, h, w, c) or float32 (m, d), or to codes z.

    Codes `z` (m, k) are decoded where the space is "pixels"; pictures are encoded where it is "codes". `among` so many
    examples, chosen by the seed, is searched; `y` is the class by which a conditional model decodes or encodes.
    """

    given: Array | None = None
    z: Array | None = None
    n: int = 5
    split: str = "train"
    space: Literal["pixels", "codes"] = "pixels"
    among: int = 5000
    y: int | None = None


@dataclass(frozen=True, slots=True)
class Nearest(Frame):
    """The nearest examples of each query, nearest first.

    items uint8 (m, n, h, w, c) or float32 (m, n, d); distances float32 (m, n); indices int64 (m, n) in the split;
    labels int64 (m, n), or None where there are none. `typical` is the median distance from a real example to the
    nearest other one: a distance of more than about 2 * typical is off the data. 95 of 100 real examples have another
    within `far`. Both are nan where there is but one.
    """

    items: Array
    distances: Array
    indices: Array
    typical: float
    labels: Array | None = None
    far: float = float("nan")


@answers(ALWAYS, NearestQuery)
def nearest(query: NearestQuery, scene: Scene) -> Iterator[Nearest | None]:
    """Search in portions, so that training can go on between them; the distances are exact, by brute force."""
    import torch

    if query.n < 1 or query.among < 1:
        raise SpecError("n", f"n is {query.n} among {query.among}; expected at least 1 of each")
    model, card = scene.model, scene.model.card
    wanted = _wanted(query, scene)
    count = scene.data.count(query.split)
    chosen = torch.randperm(count, generator=scene.rng, device=scene.rng.device)[: query.among]
    taken = min(query.n, len(chosen))
    best: list[Tensor] = []  # distances, examples, indices, labels: of each query, the nearest so far
    axes = reference = lowest = None
    done = 0
    for part in chosen.split(PORTION):
        x, y = scene.data.examples(query.split, part, scene.rng)
        found, std = model.encode(x, y) if query.space == "codes" else (x.flatten(1), None)
        if axes is None or reference is None or lowest is None:
            axes = torch.ones_like(found[0], dtype=torch.bool) if std is None else carrying(found, std)
            axes = axes if bool(axes.any()) else ~axes
            wanted, reference = wanted[:, axes], found[:REFERENCE, axes].float()
            lowest = torch.full_like(reference[:, 0], torch.inf)
        found = found[:, axes].float()
        among_themselves = root_mean_squares(reference, found)
        own = torch.arange(done, max(done, min(len(reference), done + len(found))), device=found.device)
        among_themselves[own, own - done] = torch.inf  # an example is not its own neighbour
        lowest = torch.minimum(lowest, among_themselves.min(1).values)
        here = root_mean_squares(wanted, found)
        near = here.topk(min(taken, len(found)), largest=False)
        places = near.indices
        classes = torch.full_like(part, -1) if y is None else y
        new = [near.values, x[places], part.to(x.device)[places], classes.to(x.device)[places]]
        best = _merge(best, new, taken) if best else new
        done += len(part)
        yield None
    assert lowest is not None
    distances, items, indices, found_labels = best
    usual = lowest[lowest.isfinite()]
    pictures = to_picture(items.flatten(0, 1), card)
    yield Nearest(
        items=pictures.reshape(len(wanted), taken, *pictures.shape[1:]),
        distances=distances.float().cpu().numpy(),
        indices=indices.cpu().numpy(),
        typical=float(usual.median().cpu()) if len(usual) else float("nan"),
        labels=found_labels.cpu().numpy() if card.classes else None,
        far=float(usual.float().quantile(0.95).cpu()) if len(usual) else float("nan"),
    )


def root_mean_squares(a: Tensor, b: Tensor) -> Tensor:
    """Root mean squared differences (m, n) between the rows of a (m, d) and b (n, d), by one matrix product.

    Both are moved by the same vector first, since |a|^2 + |b|^2 - 2ab loses its digits far from the origin.
    """
    middle = b.mean(0)
    a, b = a - middle, b - middle
    squares = a.square().sum(1)[:, None] + b.square().sum(1)[None] - 2.0 * (a @ b.T)
    found: Tensor = (squares.clamp_min(0.0) / max(a.shape[1], 1)).sqrt()
    return found


def _wanted(query: NearestQuery, scene: Scene) -> Tensor:
    """What is to be compared with the examples, (m, d): pixels or means of codes."""
    model, card = scene.model, scene.model.card
    if (query.given is None) == (query.z is None):
        found = "neither pictures nor codes are" if query.given is None else "pictures and codes are both"
        raise SpecError("given", f"{found} given; expected one of the two: ask for the neighbours of either")
    word = Encodes.word if query.space == "codes" else Latent.word
    if (query.space == "codes" or query.z is not None) and word not in model.offers():
        lacks = "no encoder" if word == Encodes.word else "no codes"
        raise SpecError("space", f"{type(model).title} has {lacks}; give pictures, and ask for neighbours by pixels")
    if query.z is not None:
        z = codes(query.z, scene)
        found_z: Tensor = z if query.space == "codes" else model.decode(z, labels(query.y, len(z), scene)).flatten(1)
        return found_z.float()
    assert query.given is not None
    shape = (*card.shape[1:], card.shape[0]) if card.kind == "images" else card.shape
    if len(query.given) == 0 or query.given.shape[1:] != shape:
        found = f"pictures of shape {query.given.shape} are given"
        raise SpecError("given", f"{found}; expected (m, {', '.join(map(str, shape))}): give pictures of that size")
    x = from_picture(query.given, card, scene.device)
    if query.space == "pixels":
        return x.flatten(1)
    mu: Tensor = model.encode(x, labels(query.y, len(x), scene))[0]
    return mu.float()


def _merge(old: list[Tensor], new: list[Tensor], n: int) -> list[Tensor]:
    """The n nearest of two lists of (distances, examples, indices, labels), each (m, some, ...)."""
    import torch

    both = [torch.cat(pair, 1) for pair in zip(old, new, strict=True)]
    order = both[0].topk(min(n, both[0].shape[1]), largest=False).indices
    rows = torch.arange(len(order), device=order.device)[:, None]
    return [part[rows, order] for part in both]
