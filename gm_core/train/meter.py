"""The meter: every step's values, gathered on the device and read in one copy per flush."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

ROWS, CAPACITY = 64, 4096
"""Steps whose numbers wait one by one, and steps that are held on the device, until they are put together."""


@dataclass(frozen=True)
class Reading:
    """What a flush returns: names (K), steps (n,), seconds (n,), values (n, K), and the latest vectors by name."""

    names: tuple[str, ...]
    steps: npt.NDArray[np.int64]
    seconds: npt.NDArray[np.float64]
    values: npt.NDArray[np.float32]
    vectors: Mapping[str, npt.NDArray[np.float32]]

    def first_bad(self) -> tuple[int, tuple[str, ...]] | None:
        """The first step with a value that is not finite, and the names of such values there."""
        bad = ~np.isfinite(self.values)
        if not bad.any():
            return None
        row = int(bad.any(1).argmax())
        return int(self.steps[row]), tuple(name for name, wrong in zip(self.names, bad[row], strict=True) if wrong)


class Meter:
    """Numbers gathered on the device. Writing makes it wait once in thousands of steps; `flush()` makes one copy.

    Writing is a matter of a few microseconds: the numbers of a step are only put on a list, and stacked many steps at
    a time. So they must not be changed afterwards; a law looks at each model's.
    """

    def __init__(self) -> None:
        self._keys: frozenset[str] = frozenset()
        self._names: tuple[str, ...] = ()
        self._vector_names: tuple[str, ...] = ()
        self._waiting: list[Tensor] = []
        self._blocks: list[Tensor] = []
        self._full: list[npt.NDArray[np.float32]] = []
        self._earlier: list[Reading] = []
        self._steps: list[int] = []
        self._seconds: list[float] = []
        self._vectors: dict[str, Tensor] = {}

    def write(self, step: int, seconds: float, values: Mapping[str, Tensor]) -> None:
        """Note the values of one step, detached: scalars every time, of vectors the latest.

        Where other names come than before (another stage, a phase switched off), a new reading begins.
        """
        if values.keys() != self._keys:
            if (before := self._gather()) is not None:
                self._earlier.append(before)
            self._keys = frozenset(values)
            self._vectors = {}
            self._names = tuple(name for name, value in values.items() if value.ndim == 0)
            self._vector_names = tuple(name for name, value in values.items() if value.ndim == 1)
        for name in self._names:
            self._waiting.append(values[name])
        for name in self._vector_names:
            self._vectors[name] = values[name]
        self._steps.append(step)
        self._seconds.append(seconds)
        if len(self._waiting) >= ROWS * len(self._names):
            self._stack()
            if len(self._blocks) * ROWS >= CAPACITY:
                self._read()

    def _stack(self) -> None:
        """Put what waits into a block of rows, still on the device."""
        if self._waiting:
            self._blocks.append(torch.stack(self._waiting).float().view(-1, len(self._names)))
            self._waiting.clear()

    def _read(self) -> None:
        """Copy all blocks from the device."""
        if self._blocks:
            self._full.append(torch.cat(self._blocks).cpu().numpy().copy())
            self._blocks.clear()

    def flush(self) -> Reading | None:
        """What came since the last flush under the same names, the oldest first; None when nothing is left."""
        return self._earlier.pop(0) if self._earlier else self._gather()

    def _gather(self) -> Reading | None:
        if not self._steps:
            return None
        self._stack()
        self._read()
        values = np.concatenate(self._full)
        self._full.clear()
        reading = Reading(
            self._names,
            np.array(self._steps, np.int64),
            np.array(self._seconds, np.float64),
            values,
            {name: vector.float().cpu().numpy().copy() for name, vector in self._vectors.items()},
        )
        self._steps.clear()
        self._seconds.clear()
        return reading


class Mean:
    """The mean of scores over portions of unequal size, weighted by their examples."""

    def __init__(self) -> None:
        self._sums: dict[str, float] = {}
        self._count = 0

    def add(self, values: Mapping[str, Tensor], examples: int) -> None:
        """Add the mean scores of so many examples; vectors are left out."""
        for name, value in values.items():
            if value.ndim == 0:
                self._sums[name] = self._sums.get(name, 0.0) + float(value) * examples
        self._count += examples

    def result(self) -> dict[str, float]:
        """Means by name; NaN where nothing was added."""
        return {name: total / self._count if self._count else math.nan for name, total in self._sums.items()}
