"""One picture file, made fit to be an example: upright, flat, 8 bits, square; or one reason why it cannot be.

What can be repaired is repaired: EXIF orientation, transparency (laid over a ground), CMYK, palettes, 16 bits a pixel,
floats in 0..1, moving pictures (their first frame). What cannot be is an OddPicture with a few words of why.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, Literal

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps, UnidentifiedImageError

Pixels = npt.NDArray[np.uint8]
Fit = Literal["crop", "border", "stretch"]
Ground = Literal["white", "black"]
FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF")
ENDINGS = (".png", ".jpg", ".jpeg", ".jpe", ".webp", ".bmp", ".gif", ".tif", ".tiff")
MOST_PIXELS = 64_000_000
"""A larger picture is not unpacked: it would take hundreds of megabytes."""
SIXTEEN = ("I;16", "I;16L", "I;16B", "I;16N", "I")


class OddPicture(Exception):
    """A file that is no picture we can use; the words say why."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What examples should look like: side, channels (1 or 3), how a picture is made square, and its ground."""

    size: int
    channels: int
    fit: Fit
    ground: Ground


def open_picture(file: IO[bytes], wish: Wish) -> Image.Image:
    """The picture in a file, upright and flat, mode "L" or "RGB", not yet square; raises OddPicture.

    The number of pixels is looked at before any is unpacked. Large JPEGs are unpacked at an eighth to a half of their
    size where that is enough.
    """
    try:
        with _quiet(), Image.open(file, formats=FORMATS) as image:
            width, height = image.size
            if width * height > MOST_PIXELS:
                raise OddPicture(f"{width:,} x {height:,} pixels; at most {MOST_PIXELS // 10**6} million are read")
            if image.format == "JPEG":
                enough = 3 * wish.size / min(width, height)
                image.draft(image.mode, (max(1, round(width * enough)), max(1, round(height * enough))))
            image.load()
            return _flat(_upright(image), wish)
    except OddPicture:
        raise
    except Image.DecompressionBombError:
        raise OddPicture(f"more pixels than the {MOST_PIXELS // 10**6} million that are read") from None
    except UnidentifiedImageError:
        raise OddPicture("no picture of a known format") from None
    except Exception as error:  # decoders fail in many ways on damaged files, and none may end training
        words = str(error).split("\n")[0] or type(error).__name__
        raise OddPicture("cut short" if "truncated" in words.lower() else f"damaged ({words})") from None


def square(image: Image.Image, wish: Wish) -> Pixels:
    """A picture as an example, uint8 (channels, size, size)."""
    cut = image.crop(kept(image.size, wish.fit))
    width, height = cut.size
    side = (wish.size, wish.size)
    if wish.fit == "border":
        longest = max(width, height)
        side = (max(1, round(width * wish.size / longest)), max(1, round(height * wish.size / longest)))
    least = min(width // side[0], height // side[1]) // 3
    if least > 1:
        cut = cut.reduce(least)  # quick, and what is left still has three pixels for one
    cut = cut.resize(side, Image.Resampling.LANCZOS)
    if wish.fit == "border":
        cut = ImageOps.pad(cut, (wish.size, wish.size), color=_ink(image.mode, wish.ground))
    pixels = np.asarray(cut, np.uint8)
    return np.ascontiguousarray(pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1))


def beside(image: Image.Image, wish: Wish, side: int = 48) -> Pixels:
    """The whole picture small, uint8 (side, side, 4), with what is cut away half transparent: to show what fit does."""
    small = ImageOps.pad(image.convert("RGBA"), (side, side), color=(0, 0, 0, 0))
    pixels = np.array(small, np.uint8)
    width, height = image.size
    scale = side / max(width, height)
    left, top = (side - width * scale) / 2, (side - height * scale) / 2
    x0, y0, x1, y1 = kept(image.size, wish.fit)
    line = np.arange(side) + 0.5
    across = (line >= left + x0 * scale) & (line <= left + x1 * scale)
    down = (line >= top + y0 * scale) & (line <= top + y1 * scale)
    pixels[~(down[:, None] & across[None, :]), 3] //= 3
    return pixels


def kept(size: tuple[int, int], fit: Fit) -> tuple[int, int, int, int]:
    """The part that becomes the example, as left, top, right, bottom: the middle square for a crop, else all."""
    width, height = size
    if fit != "crop":
        return 0, 0, width, height
    side = min(width, height)
    left, top = (width - side) // 2, (height - side) // 2
    return left, top, left + side, top + side


@contextmanager
def _quiet() -> Iterator[None]:
    """Without Pillow's warnings of large or odd files: what matters of them is said in words."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _upright(image: Image.Image) -> Image.Image:
    try:
        return ImageOps.exif_transpose(image)
    except Exception:  # a damaged note on the orientation is no reason to refuse the picture
        return image


def _flat(image: Image.Image, wish: Wish) -> Image.Image:
    """Eight bits, no transparency, grey or RGB."""
    mode = "L" if wish.channels == 1 else "RGB"
    if image.mode in SIXTEEN:
        image = _from_sixteen(image)
    elif image.mode == "F":
        image = _from_floats(image)
    if image.has_transparency_data:
        flat = Image.new("RGBA", image.size, wish.ground)
        flat.alpha_composite(image.convert("RGBA"))
        image = flat.convert("RGB")
    elif image.mode not in ("L", "RGB"):
        image = image.convert("L" if image.mode == "1" else "RGB")
    return image.convert(mode)


def _from_sixteen(image: Image.Image) -> Image.Image:
    values = np.asarray(image)
    lo, hi = int(values.min()), int(values.max())
    if lo < 0 or hi > 65535:
        raise OddPicture(f"whole numbers from {lo:,} to {hi:,}; expected 8 or 16 bits a pixel")
    return Image.fromarray(((values.astype(np.uint32) * 255 + 32767) // 65535).astype(np.uint8))


def _from_floats(image: Image.Image) -> Image.Image:
    values = np.asarray(image, np.float32)
    lo, hi = float(values.min()), float(values.max())
    if not (np.isfinite(lo) and np.isfinite(hi)) or lo < 0 or hi > 255:
        raise OddPicture(f"numbers from {lo:g} to {hi:g}; expected 0 to 1 or 0 to 255")
    return Image.fromarray(np.round(values * (255 if hi <= 1 else 1)).astype(np.uint8))


def _ink(mode: str, ground: Ground) -> int | tuple[int, int, int]:
    level = 255 if ground == "white" else 0
    return level if mode == "L" else (level, level, level)
