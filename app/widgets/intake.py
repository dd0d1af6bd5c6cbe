"""Pictures from elsewhere: read with care, and brought to the size of a model's examples. Without Qt widgets.

Two ways: `fit` makes light ink on black out of a drawing, as digits are; `cut` takes a rectangle of a photograph.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np
from PySide6.QtCore import QMimeData, QRect, QSize, Qt
from PySide6.QtGui import QImage, QImageReader

from app.widgets import images

Fitting = Literal["ink", "cut"]
Box = tuple[float, float, float]
"""A rectangle of a picture with the shape of the board: left, top and width in pixels of the picture."""
PICTURES = frozenset({".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff"})
"""Endings of files that are taken for pictures while they are dragged; when read, content counts."""
MOST_PIXELS = 40_000_000
MOST_BYTES = 60_000_000
LARGEST = 1600
"""The longer side that a picture is brought to when it is read; boards are far smaller."""
CONTENT = 28
"""Grey levels by which content differs from the ground of a picture that is dropped."""
GREY = np.array([0.299, 0.587, 0.114])


def takes(data: QMimeData) -> bool:
    """Whether a board takes what is dragged over it: a picture, or one picture file.

    A folder or a table is left to the window, which makes a data set of it.
    """
    if data.hasUrls():
        files = data.urls()
        return len(files) == 1 and Path(files[0].toLocalFile()).suffix.lower() in PICTURES
    return data.hasImage()


def read_image(path: str | Path) -> QImage:
    """A picture file, at most LARGEST pixels wide and high; of a film the first frame.

    Raises ValueError with one sentence where the file is none, broken or too large to be read with a good conscience.
    """
    file = Path(path)
    if not file.is_file():
        raise ValueError(f"{file.name or 'this'} is not a file; choose a PNG or JPEG")
    if file.stat().st_size > MOST_BYTES:
        raise ValueError(
            f"{file.name} has {file.stat().st_size / 1e6:,.0f} MB; the limit is {MOST_BYTES / 1e6:.0f} MB: "
            "save it smaller first"
        )
    reader = QImageReader(str(file))
    reader.setAutoTransform(True)
    reader.setDecideFormatFromContent(True)  # a wrong ending is no reason to refuse
    size = reader.size()
    if size.isValid():
        _check_size(size, file.name)
    image = reader.read()
    if image.isNull():
        raise ValueError(f"{file.name} cannot be read as a picture ({reader.errorString()}); try a PNG or JPEG")
    return checked(image, file.name)


def checked(image: QImage, name: str = "the picture") -> QImage:
    """A picture of a bearable size; raises ValueError with one sentence where there is none or it is far too large."""
    if image.isNull():
        raise ValueError("there is no picture; copy one, or drop a PNG or JPEG file")
    _check_size(image.size(), name)
    if max(image.width(), image.height()) > LARGEST:
        bound = QSize(LARGEST, LARGEST)
        return image.scaled(bound, Qt.AspectRatioMode.KeepAspectRatio, Qt.TransformationMode.SmoothTransformation)
    return image


def _check_size(size: QSize, name: str) -> None:
    if size.width() * size.height() > MOST_PIXELS:
        raise ValueError(
            f"{name} has {size.width():,} x {size.height():,} pixels; the limit is {MOST_PIXELS // 1_000_000} million: "
            "save it smaller first"
        )


def fit(image: QImage, height: int, width: int) -> np.ndarray:
    """A picture as light ink on black, uint8 (height, width): cropped to its content, scaled, and centred.

    The ground is what lies along the edges; a light ground is turned dark. A margin of about a seventh stays free, as
    around the digits of MNIST. A picture of one colour becomes black.
    """
    grey = _opaque(checked(image)) @ GREY
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


def cut(image: QImage, height: int, width: int, channels: int, box: Box | None = None) -> np.ndarray:
    """A rectangle of a picture as uint8 (height, width) grey or (height, width, 3); the largest in the middle if None.

    Each pixel is the mean of what it covers. What is transparent becomes white.
    """
    whole = checked(image)
    left, top, wide = box or middle_box(whole.width(), whole.height(), height, width)
    part = whole.copy(QRect(round(left), round(top), max(1, round(wide)), max(1, round(wide * height / width))))
    small = part.convertToFormat(QImage.Format.Format_RGBA8888).scaled(
        width, height, Qt.AspectRatioMode.IgnoreAspectRatio, Qt.TransformationMode.SmoothTransformation
    )
    rgb = _opaque(small)
    return (rgb if channels == 3 else rgb @ GREY).round().clip(0, 255).astype(np.uint8)


def middle_box(wide: int, high: int, height: int, width: int) -> Box:
    """The largest rectangle of shape height by width in the middle of a picture of wide by high pixels."""
    side = min(float(wide), high * width / height)
    return (wide - side) / 2, (high - side * height / width) / 2, side


def held(box: Box, wide: int, high: int, height: int, width: int) -> Box:
    """A rectangle moved and shrunk as little as it takes to lie inside the picture."""
    most = middle_box(wide, high, height, width)[2]
    side = min(most, max(box[2], min(most, 4.0)))
    left, top = min(max(0.0, box[0]), wide - side), min(max(0.0, box[1]), high - side * height / width)
    return left, max(0.0, top), side


def centred(picture: np.ndarray) -> np.ndarray:
    """The picture moved by whole pixels so that its light has its centre of mass in the middle, as in MNIST.

    What moves over the edge is lost; black comes in. A black picture stays as it is.
    """
    weight = picture.astype(float) if picture.ndim == 2 else picture.astype(float).sum(-1)
    total = weight.sum()
    if total <= 0:
        return picture
    moved = picture
    for axis in (0, 1):
        n = picture.shape[axis]
        mean = float((weight.sum(1 - axis) * np.arange(n)).sum() / total)
        # A centre exactly between two pixels stays where it is, so that centring twice changes nothing.
        step = round((n - 1) / 2 - mean - 1e-9) if abs((n - 1) / 2 - mean) > 0.5 + 1e-9 else 0
        moved = _shifted(moved, step, axis)
    return moved


def _shifted(picture: np.ndarray, step: int, axis: int) -> np.ndarray:
    out = np.zeros_like(picture)
    n = picture.shape[axis]
    to, of = slice(max(0, step), min(n, n + step)), slice(max(0, -step), min(n, n - step))
    where: list[slice] = [slice(None)] * picture.ndim
    source = list(where)
    where[axis], source[axis] = to, of
    out[tuple(where)] = picture[tuple(source)]
    return out


def _opaque(image: QImage) -> np.ndarray:
    """Red, green and blue (h, w, 3) as floats, laid on white where the picture is transparent."""
    rgba = images.from_qimage(image).astype(float)
    alpha = rgba[..., 3:] / 255
    found: np.ndarray = rgba[..., :3] * alpha + 255 * (1 - alpha)
    return found
