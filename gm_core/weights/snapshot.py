"""A snapshot: everything that a run needs to go on from a step, copied once and never changed after."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor


@dataclass(frozen=True)
class Snapshot:
    """Weights, averages, optimiser and random state at a step.

    `tensors` is flat, with the prefixes "model.", "ema.", "optim.<phase>." and "rng."; none shares memory with what
    trains. `facts` is plain JSON (counters, learning rate, live spec). The same object is written to checkpoints.
    """

    step: int
    tensors: Mapping[str, Tensor]
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def bytes(self) -> int:
        """Memory that it holds."""
        return sum(t.numel() * t.element_size() for t in self.tensors.values())

    def under(self, prefix: str) -> dict[str, Tensor]:
        """The tensors whose name begins with the prefix, without it."""
        return {name.removeprefix(prefix): t for name, t in self.tensors.items() if name.startswith(prefix)}

    def weights(self) -> dict[str, Tensor]:
        """What a view should use: the averaged weights where they are kept, else the weights; buffers always."""
        return {**self.under("model."), **self.under("ema.")}
