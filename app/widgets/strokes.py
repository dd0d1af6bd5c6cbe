"""What a drawing board does to its numbers: soft strokes, rubbing out, undo. Without Qt."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from app.widgets.history import History

Ink = int | tuple[int, int, int]
"""A grey from 0 to 255, or red, green and blue."""


@dataclass(frozen=True)
class Drawing:
    """A picture uint8 (h, w) or (h, w, 3) and which of its pixels are known, bool (h, w); never changed in place."""

    picture: np.ndarray
    known: np.ndarray


class Sheet(History[Drawing]):
    """A drawing with a past: strokes become one step each, however many dabs they have. Three channels are colours."""

    def __init__(self, height: int, width: int, channels: int = 1) -> None:
        super().__init__(blank(height, width, channels))
        self._cover = np.zeros((height, width))

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width."""
        height, width = self.now.known.shape
        return height, width

    @property
    def channels(self) -> int:
        """1 for greys, 3 for colours."""
        return 1 if self.now.picture.ndim == 2 else 3

    def begin(self) -> None:
        """A stroke begins."""
        super().begin()
        self._cover = np.zeros(self.shape)

    def dab(self, a: tuple[float, float], b: tuple[float, float], radius: float, ink: Ink | None, know: bool) -> None:
        """One piece of a stroke, from a to b (x, y) in pixels, in an ink, or None to mark pixels as `know`n.

        A stroke that crosses itself gets no darker: what counts is the most that it covers a pixel.
        """
        if self._before is None:
            self.begin()
        assert self._before is not None
        self._cover = np.maximum(self._cover, cover(self.shape, a, b, radius))
        if ink is None:
            known = np.where(self._cover > 0.5, know, self._before.known)
            self.now = Drawing(self._before.picture, known)
        else:
            colour = self.channels == 3
            share = self._cover[..., None] if colour else self._cover
            paint = np.array(ink if isinstance(ink, tuple) else (ink,) * 3, float) if colour else grey_of(ink)
            mixed = self._before.picture * (1 - share) + paint * share
            known = self._before.known | (self._cover > 0.5)  # what is drawn is known
            self.now = Drawing(mixed.round().astype(np.uint8), known)

    def same(self, one: Drawing, other: Drawing) -> bool:
        """Whether two drawings have the same pixels."""
        return np.array_equal(one.picture, other.picture) and np.array_equal(one.known, other.known)


def grey_of(ink: Ink) -> float:
    """How light an ink is, 0 to 255."""
    return float(0.299 * ink[0] + 0.587 * ink[1] + 0.114 * ink[2]) if isinstance(ink, tuple) else float(ink)


def blank(height: int, width: int, channels: int = 1) -> Drawing:
    """Black, and all of it known."""
    shape = (height, width) if channels == 1 else (height, width, channels)
    return Drawing(np.zeros(shape, np.uint8), np.ones((height, width), bool))


def cover(shape: tuple[int, int], a: tuple[float, float], b: tuple[float, float], radius: float) -> np.ndarray:
    """How much a round brush that goes from a to b (x, y) covers each pixel, 0 to 1, soft over one pixel at its edge.

    Pixel (row, column) has its middle at (column + 0.5, row + 0.5).
    """
    y, x = np.mgrid[0 : shape[0], 0 : shape[1]] + 0.5
    dx, dy = b[0] - a[0], b[1] - a[1]
    long = dx * dx + dy * dy
    along = np.clip(((x - a[0]) * dx + (y - a[1]) * dy) / long, 0, 1) if long > 0 else np.zeros(shape)
    far = np.hypot(x - a[0] - along * dx, y - a[1] - along * dy)
    return np.clip(radius + 0.5 - far, 0.0, 1.0)
