"""A batch: the examples of one step, as a feed makes them and a loss takes them."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True, slots=True)
class Batch:
    """Examples for one step: x (b, *card.shape) in the card's range, y (b,) labels or None, index (b,) or None."""

    x: Tensor
    y: Tensor | None = None
    index: Tensor | None = None

    def __len__(self) -> int:
        return int(self.x.shape[0])
