"""What a drawing board does to its numbers: soft strokes, rubbing out, and pictures brought to its size. Without Qt
widgets."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtGui import QImage, QImageReader

from app.widgets import images

MOST_UNDO = 100
CONTENT = 28
"""Grey levels by which content differs from the ground of a picture that is dropped."""


@dataclass(frozen=True)
class Drawing:
    """A picture uint8 (h, w) and which of its pixels are known, bool (h, w); never changed in place."""

    picture: np.ndarray
    known: np.ndarray


class Sheet:
    """A drawing with a past: strokes become one step each, however many dabs they have."""

    def __init__(self, height: int, width: int) -> None:
        self.now = blank(height, width)
        self._past: list[Drawing] = []
        self._future: list[Drawing] = []
        self._before: Drawing | None = None
        self._cover = np.zeros((height, width))

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width."""
        height, width = self.now.picture.shape
        return height, width

    def begin(self) -> None:
        """A stroke begins."""
        self._before = self.now
        self._cover = np.zeros(self.shape)

    def dab(self, a: tuple[float, float], b: tuple[float, float], radius: float, ink: int | None, know: bool) -> None:
        """One piece of a stroke, from a to b (x, y) in pixels: `ink` 0 to 255, or None to mark pixels as `know`n.

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
            mixed = self._before.picture * (1 - self._cover) + ink * self._cover
            known = self._before.known | (self._cover > 0.5)  # what is drawn is known
            self.now = Drawing(mixed.round().astype(np.uint8), known)

    def end(self) -> bool:
        """The stroke ends; whether it changed anything."""
        before, self._before = self._before, None
        return before is not None and self._keep(before)

    def put(self, drawing: Drawing) -> bool:
        """Another drawing, as one step that can be undone; whether it differs."""
        before, self.now = self.now, drawing
        return self._keep(before)

    def _keep(self, before: Drawing) -> bool:
        if np.array_equal(before.picture, self.now.picture) and np.array_equal(before.known, self.now.known):
            return False
        self._past = [*self._past[-MOST_UNDO + 1 :], before]
        self._future = []
        return True

    def undo(self) -> bool:
        """One step back, if there is one."""
        if not self._past:
            return False
        self._future.append(self.now)
        self.now = self._past.pop()
        return True

    def redo(self) -> bool:
        """One step forward again, if there is one."""
        if not self._future:
            return False
        self._past.append(self.now)
        self.now = self._future.pop()
        return True

    @property
    def can_undo(self) -> bool:
        """Whether there is a step to take back."""
        return bool(self._past)

    @property
    def can_redo(self) -> bool:
        """Whether there is a step to take again."""
        return bool(self._future)


def blank(height: int, width: int) -> Drawing:
    """Black, and all of it known."""
    return Drawing(np.zeros((height, width), np.uint8), np.ones((height, width), bool))


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


def read_picture(path: str | Path, height: int, width: int) -> np.ndarray:
    """A picture file as uint8 (height, width), fitted as `fit` does. Raises ValueError where it cannot be read."""
    reader = QImageReader(str(path))
    reader.setAutoTransform(True)
    image = reader.read()
    if image.isNull():
        raise ValueError(f"{Path(path).name} cannot be read as a picture ({reader.errorString()}); try a PNG or JPEG")
    return fit(image, height, width)


def fit(image: QImage, height: int, width: int) -> np.ndarray:
    """A picture as light ink on black, uint8 (height, width): cropped to its content, scaled, and centred.

    The ground is what lies along the edges; a light ground is turned dark. A margin of about a seventh stays free, as
    around the digits of MNIST. A picture of one colour becomes black.
    """
    if image.isNull():
        raise ValueError("there is no picture; copy one, or drop a PNG or JPEG file")
    rgba = images.from_qimage(image).astype(float)
    alpha = rgba[..., 3:] / 255
    grey = (rgba[..., :3] * alpha + 255 * (1 - alpha)) @ np.array([0.299, 0.587, 0.114])
    ground = float(np.median(np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])))
    ink = ground - grey if ground > 127 else grey - ground
    ink = np.clip(ink, 0, None)
    rows, columns = np.flatnonzero((ink > CONTENT).any(1)), np.flatnonzero((ink > CONTENT).any(0))
    made = np.zeros((height, width), np.uint8)
    if not len(rows):
        return made
    part = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    part = (part * (255 / part.max())).round().astype(np.uint8)
    inner_h, inner_w = height - 2 * round(height / 7), width - 2 * round(width / 7)
    size = images.to_qimage(part).scaled(
        max(1, inner_w), max(1, inner_h), Qt.AspectRatioMode.KeepAspectRatio, Qt.TransformationMode.SmoothTransformation
    )
    small = images.from_qimage(size)[..., 0]
    top, left = (height - small.shape[0]) // 2, (width - small.shape[1]) // 2
    made[top : top + small.shape[0], left : left + small.shape[1]] = small
    return made
