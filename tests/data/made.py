"""Picture files for tests: small ones of noise or one colour, and a PNG that lies about its size."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

import numpy as np
from PIL import Image


def picture(width: int = 20, height: int = 12, mode: str = "RGB", value: Any = None, seed: int = 0) -> Image.Image:
    """A small picture of noise, or of one colour."""
    if value is not None:
        return Image.new(mode, (width, height), value)
    noise = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(noise).convert(mode)


def packed(image: Image.Image, kind: str = "PNG", **choices: Any) -> io.BytesIO:
    """A picture as the bytes of a file."""
    file = io.BytesIO()
    image.save(file, kind, **choices)
    file.seek(0)
    return file


def png_of(width: int, height: int) -> io.BytesIO:
    """A PNG that says it is so large, with hardly any pixels in it."""
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)), (b"IDAT", zlib.compress(bytes(99)))]
    file = b"\x89PNG\r\n\x1a\n"
    for name, body in chunks:
        file += struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
    return io.BytesIO(file)
