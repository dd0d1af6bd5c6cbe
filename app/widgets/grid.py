"""A gallery that prefers full rows: 64 images stand 8 by 8 or 16 by 4, not in a ragged block."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from PySide6.QtGui import QResizeEvent

from app.widgets.mosaic import WHOLE, Mosaic

GAP = 2
WORTH = 0.72
"""Full rows are taken where they cost no more than this much of the size that a ragged block would reach."""


class GridMosaic(Mosaic):
    """A Mosaic whose columns follow its size; everything else is as there."""

    def set_images(self, array: np.ndarray | None, labels: Sequence[str] | None = None) -> None:
        """Show these images in full rows."""
        super().set_images(array, labels)
        self._choose()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Another shape, other columns."""
        super().resizeEvent(event)
        self._choose()

    def _choose(self) -> None:
        array = self._images
        if array is None or not len(array):
            return
        n, h, w, _ = array.shape
        best = full_columns(n, (self.width() - 2, self.height() - 2), (w, h), self._caption())
        if best != self._columns:
            self.set_columns(best)


@lru_cache(maxsize=64)
def full_columns(n: int, area: tuple[int, int], tile: tuple[int, int], caption: int = 0) -> int | None:
    """The columns that fill every row and show n tiles largest; None where a ragged block is much larger.

    Pixels stay sharp only at whole zooms, so it is those that are compared; where a Mosaic fills its room smoothly, any
    zoom counts.
    """

    def fit(columns: int) -> float:
        wide = (area[0] / columns - GAP) / tile[0]
        high = (area[1] / -(-n // columns) - GAP - caption) / tile[1]
        return max(min(wide, high), 1e-6)

    def zoom(columns: int) -> float:
        found = fit(columns)
        return found if found < (1 if caption else WHOLE) else float(int(found))

    full = max((c for c in range(1, n + 1) if n % c == 0), key=lambda c: (zoom(c), fit(c)))
    return full if zoom(full) >= WORTH * max(zoom(c) for c in range(1, n + 1)) else None
