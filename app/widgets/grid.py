"""A gallery that prefers full rows: 64 images stand 8 by 8 or 16 by 4, not in a ragged block."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PySide6.QtGui import QResizeEvent

from app.widgets.mosaic import Mosaic

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
        h = h + self._caption() / max(1, self.zoom())
        best = full_columns(n, self.width(), self.height(), w / h)
        if best != self._columns:
            self.set_columns(best)


def full_columns(n: int, width: float, height: float, aspect: float) -> int | None:
    """The columns that fill every row and show the images largest; None where a ragged block is much larger."""

    def side(columns: int) -> float:
        return min(width / columns, height / -(-n // columns) * aspect)

    full = max((c for c in range(1, n + 1) if n % c == 0), key=side)
    any_ = max(side(c) for c in range(1, n + 1))
    return full if side(full) >= WORTH * any_ else None
