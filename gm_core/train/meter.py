"""The meter: every step's values, gathered on the device and read in one copy per flush."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

CAPACITY = 4096


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
    """A ring on the device. Writing makes the device wait once in thousands of steps; `flush()` makes one copy."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._keys: frozenset[str] = frozenset()
        self._names: tuple[str, ...] = ()
        self._vector_names: tuple[str, ...] = ()
        self._ring: Tensor | None = None
        self._full: list[npt.NDArray[np.float32]] = []
        self._earlier: list[Reading] = []
        self._row = 0
        self._steps: list[int] = []
        self._seconds: list[float] = []
        self._vectors: dict[str, Tensor] = {}

    def write(self, step: int, seconds: float, values: Mapping[str, Tensor]) -> None:
        """Note the values of one step: scalars every time, of vectors the latest.

        Where other names come than before (another stage, a phase switched off), a new reading begins.
        """
        if self._ring is None or values.keys() != self._keys:
            if (before := self._gather()) is not None:
                self._earlier.append(before)
            self._keys = frozenset(values)
            self._vectors = {}
            self._names = tuple(name for name, value in values.items() if value.ndim == 0)
            self._vector_names = tuple(name for name, value in values.items() if value.ndim == 1)
            self._ring = torch.empty(CAPACITY, len(self._names), device=self._device)
        if self._row == CAPACITY:
            self._full.append(self._read(self._ring))
        found = [values[name].detach() for name in self._names]
        if all(value.dtype == torch.float32 for value in found):
            torch.stack(found, out=self._ring[self._row])
        else:
            self._ring[self._row] = torch.stack(found).float()
        self._row += 1
        for name in self._vector_names:
            self._vectors[name] = values[name].detach()
        self._steps.append(step)
        self._seconds.append(seconds)

    def _read(self, ring: Tensor) -> npt.NDArray[np.float32]:
        rows = ring[: self._row].cpu().numpy().copy()
        self._row = 0
        return rows

    def flush(self) -> Reading | None:
        """What came since the last flush under the same names, the oldest first; None when nothing is left."""
        return self._earlier.pop(0) if self._earlier else self._gather()

    def _gather(self) -> Reading | None:
        if self._ring is None or not self._steps:
            return None
        values = np.concatenate([*self._full, self._read(self._ring)])
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
