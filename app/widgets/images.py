"""Pictures between numpy and Qt, and galleries laid out as one array."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from PySide6.QtGui import QImage


def as_rgb(picture: np.ndarray) -> np.ndarray:
    """Any uint8 picture (h, w), (h, w, 1), (h, w, 3) or (h, w, 4) as contiguous (h, w, 3 or 4)."""
    a = np.asarray(picture)
    if a.dtype != np.uint8:
        raise ValueError(f"a picture is uint8 from 0 to 255; this one is {a.dtype}")
    if a.ndim == 2:
        a = a[:, :, None]
    if a.ndim != 3 or a.shape[2] not in (1, 3, 4):
        raise ValueError(f"a picture has the shape (h, w), (h, w, 1), (h, w, 3) or (h, w, 4), not {np.shape(picture)}")
    if a.shape[2] == 1:
        a = np.repeat(a, 3, axis=2)
    return np.ascontiguousarray(a)


def to_qimage(picture: np.ndarray) -> QImage:
    """A QImage that owns a copy of the picture's bytes."""
    a = np.asarray(picture)
    if a.dtype == np.uint8 and (a.ndim == 2 or (a.ndim == 3 and a.shape[2] == 1)):
        g = np.ascontiguousarray(a.reshape(a.shape[:2]))
        return QImage(g.data, g.shape[1], g.shape[0], g.shape[1], QImage.Format.Format_Grayscale8).copy()
    a = as_rgb(a)
    h, w, c = a.shape
    form = QImage.Format.Format_RGB888 if c == 3 else QImage.Format.Format_RGBA8888
    return QImage(a.data, w, h, w * c, form).copy()


def from_qimage(image: QImage) -> np.ndarray:
    """The bytes of a QImage as uint8 (h, w, 4), red first."""
    rgba = image.convertToFormat(QImage.Format.Format_RGBA8888)
    h, w = rgba.height(), rgba.width()
    flat = np.frombuffer(rgba.constBits(), np.uint8, count=rgba.bytesPerLine() * h)
    return flat.reshape(h, rgba.bytesPerLine())[:, : w * 4].reshape(h, w, 4).copy()


def best_columns(n: int, aspect: float, tile_aspect: float = 1.0) -> int:
    """How many columns show n tiles largest in an area of the given width to height ratio."""
    if n <= 0:
        return 1
    guess = math.sqrt(n * aspect / max(tile_aspect, 1e-6))
    best, size = 1, 0.0
    for columns in range(max(1, int(guess) - 2), min(n, int(guess) + 3) + 1):
        rows = math.ceil(n / columns)
        side = min(aspect / (columns * tile_aspect), 1.0 / rows)
        if side > size * 1.0001:
            best, size = columns, side
    return best


def towers(rows: Sequence[np.ndarray], line: tuple[int, int, int]) -> np.ndarray:
    """Galleries (n, h, w, c) above each other, (n, H, w, 3), with a line of one pixel in a colour between them."""
    n, _, w, _ = rows[0].shape
    between = np.empty((n, 1, w, 3), np.uint8)
    between[:] = line
    parts: list[np.ndarray] = []
    for items in rows:
        parts += [np.stack([as_rgb(item)[..., :3] for item in items]), between]
    return np.concatenate(parts[:-1], axis=1)


def tile(images: np.ndarray, columns: int, gap: int = 0, fill: int | tuple[int, ...] = 0) -> np.ndarray:
    """Images (n, h, w, c) side by side in rows, as one picture (H, W, c) at native pixels."""
    a = np.asarray(images)
    if a.ndim != 4:
        raise ValueError(f"a gallery has the shape (n, h, w, c), not {a.shape}")
    n, h, w, c = a.shape
    columns = max(1, columns)
    rows = max(1, math.ceil(n / columns))
    sheet = np.empty((rows * (h + gap) + gap, columns * (w + gap) + gap, c), a.dtype)
    sheet[:] = fill
    if gap == 0 and n == rows * columns:  # one transpose instead of n copies
        return np.ascontiguousarray(a.reshape(rows, columns, h, w, c).swapaxes(1, 2).reshape(rows * h, columns * w, c))
    for i in range(n):
        y, x = gap + (i // columns) * (h + gap), gap + (i % columns) * (w + gap)
        sheet[y : y + h, x : x + w] = a[i]
    return sheet
