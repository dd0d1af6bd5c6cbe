"""Ranges: networks like numbers of size one, whatever the data are measured in.

    inside = (x - centre) / spread          images: -1..1; points and vectors: divided by a scale
"""

from __future__ import annotations

from torch import Tensor

from gm_core.model import GenerativeModel


class Ranged(GenerativeModel):
    """Base of models whose inside has a range of its own; their public methods take and give the card's."""

    centre: float = 0.0
    spread: float = 1.0

    def take_range(self, scale: float = 1.0) -> None:
        """Images come to -1..1, all else is divided by `scale`."""
        if self.card.kind == "images":
            low, high = self.card.range
            self.centre, self.spread = (low + high) / 2, (high - low) / 2
        else:
            self.centre, self.spread = 0.0, scale

    def inside(self, x: Tensor) -> Tensor:
        """From the card's range to the model's own."""
        return (x - self.centre) / self.spread

    def outside(self, x: Tensor) -> Tensor:
        """From the model's own range to the card's."""
        return x * self.spread + self.centre
