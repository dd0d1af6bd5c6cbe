"""Codebook: the model writes a picture as a small grid of numbered codes, and draws a picture from such a grid."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gm_core.capabilities.base import Capability, Scene, answers, from_picture, to_picture
from gm_core.protocol.commands import Query
from gm_core.protocol.events import Array, Frame
from gm_core.spec import SpecError

if TYPE_CHECKING:
    from torch import Tensor

PORTION = 100
"""Examples or tiles made between two safe points."""


class Codebook(Capability):
    """Writes examples in `codebook_size` codes on a grid of `grid` (h, w) cells.

    Laws: codes lie in 0..codebook_size - 1; `from_codes` is deterministic and has the shape of an example;
    `from_codes(to_codes(x))` is what `reconstruct` gives, where the model reconstructs as well.
    """

    word = "codebook"
    codebook_size: int
    grid: tuple[int, int]

    @abstractmethod
    def to_codes(self, x: Tensor) -> Tensor:
        """The codes of examples x (n, *card.shape): int64 (n, h, w)."""

    @abstractmethod
    def from_codes(self, codes: Tensor) -> Tensor:
        """The mean example of each grid of codes, int64 (n, h, w): (n, *card.shape) in the card's range."""

    @abstractmethod
    def codes_log_prob(self, codes: Tensor) -> Tensor:
        """log p of grids of codes int64 (n, h, w) by the model's prior over codes: (n,), in nats."""


@dataclass(frozen=True, slots=True)
class CodebookQuery(Query):
    """How often each code is used over `n` examples of a split, and what each looks like where it fills the grid."""

    n: int = 500
    split: str = "validation"


@dataclass(frozen=True, slots=True)
class CodebookUse(Frame):
    """The use of a codebook after `done` of `total` examples.

    `counts` int64 (K,) how many cells take each code; `perplexity` exp of the entropy of these frequencies: as many
    codes in equal use would be as hard to guess; `tiles` uint8 (K, h, w, c) the middle of the picture whose cells all
    hold one code.
    """

    counts: Array
    perplexity: float
    tiles: Array
    done: int
    total: int


@dataclass(frozen=True, slots=True)
class CodeMapQuery(Query):
    """The codes of `n` examples of a split, chosen by the seed, or of the pictures `given`, uint8 (n, h, w, c)."""

    n: int = 8
    split: str = "test"
    given: Array | None = None


@dataclass(frozen=True, slots=True)
class CodeMaps(Frame):
    """Pictures uint8 (n, h, w, c), their `codes` int64 (n, rows, columns), and what is drawn from these codes.

    `log_probs` float32 (n,) says how probable the codes are under the prior, in nats; `size` is how many codes there
    are. `originals` has no rows where the codes were given.
    """

    originals: Array
    codes: Array
    pictures: Array
    log_probs: Array
    size: int


@dataclass(frozen=True, slots=True)
class FromCodesQuery(Query):
    """Draw pictures from grids of codes, int (n, rows, columns)."""

    codes: Array | None = None


@answers(Codebook.word, CodebookQuery)
def use(query: CodebookQuery, scene: Scene) -> Iterator[CodebookUse | None]:
    """Count codes in portions; each portion sends what is known so far, the tiles come first."""
    import numpy as np
    import torch

    model = scene.model
    size: int = model.codebook_size
    drawn: list[Array] = []
    for part in torch.arange(size, device=scene.device).split(PORTION):
        filled = part[:, None, None].expand(-1, *model.grid)
        drawn.append(to_picture(_middle(model.from_codes(filled), model.grid), model.card))
        yield None
    tiles = np.concatenate(drawn)
    counts = torch.zeros(size, dtype=torch.int64, device=scene.device)
    chosen = torch.randperm(scene.data.count(query.split), generator=scene.rng, device=scene.rng.device)[: query.n]
    done = 0
    for part in chosen.split(PORTION):
        x, _ = scene.data.examples(query.split, part, scene.rng)
        counts += torch.bincount(model.to_codes(x).flatten(), minlength=size)
        done += len(part)
        yield CodebookUse(counts.cpu().numpy(), _perplexity(counts), tiles, done, len(chosen))


@answers(Codebook.word, CodeMapQuery)
def maps(query: CodeMapQuery, scene: Scene) -> Iterator[CodeMaps]:
    """Pictures beside their codes and what is drawn from them."""
    import torch

    if query.given is not None:
        x = from_picture(query.given, scene.model.card, scene.device)
    else:
        chosen = torch.randperm(scene.data.count(query.split), generator=scene.rng, device=scene.rng.device)[: query.n]
        x, _ = scene.data.examples(query.split, chosen, scene.rng)
    yield _drawn(scene.model.to_codes(x), to_picture(x, scene.model.card), scene)


@answers(Codebook.word, FromCodesQuery)
def redraw(query: FromCodesQuery, scene: Scene) -> Iterator[CodeMaps]:
    """Pictures of codes that were chosen by hand; raises SpecError where there are no such codes."""
    import torch

    model = scene.model
    given, grid = query.codes, tuple(model.grid)
    if given is None or given.ndim != 3 or given.shape[1:] != grid:
        found = "missing" if given is None else f"of the shape {given.shape}"
        raise SpecError("codes", f"the codes are {found}; this model's grid is {grid}: give (n, {grid[0]}, {grid[1]})")
    lowest, highest = int(given.min(initial=0)), int(given.max(initial=0))
    if lowest < 0 or highest >= model.codebook_size:
        wrong = lowest if lowest < 0 else highest
        raise SpecError("codes", f"a code is {wrong}; this codebook has 0 to {model.codebook_size - 1}: choose from it")
    codes = torch.as_tensor(given, dtype=torch.int64, device=scene.device)
    nothing = to_picture(torch.zeros(0, *model.card.shape, device=scene.device), model.card)
    yield _drawn(codes, nothing, scene)


def _drawn(codes: Tensor, originals: Array, scene: Scene) -> CodeMaps:
    model = scene.model
    pictures = to_picture(model.from_codes(codes), model.card)
    log_probs = model.codes_log_prob(codes).float().cpu().numpy()
    return CodeMaps(originals, codes.cpu().numpy(), pictures, log_probs, model.codebook_size)


def _middle(x: Tensor, grid: tuple[int, int]) -> Tensor:
    """Two cells by two from the middle of pictures (n, c, h, w), where the border of the picture is least felt."""
    h, w = x.shape[-2:]
    high, wide = min(h, 2 * -(-h // grid[0])), min(w, 2 * -(-w // grid[1]))
    top, left = (h - high) // 2, (w - wide) // 2
    return x[..., top : top + high, left : left + wide]


def _perplexity(counts: Tensor) -> float:
    share = counts.double() / counts.sum().clamp(min=1)
    found: float = (-share.xlogy(share).sum()).exp().item()
    return found
