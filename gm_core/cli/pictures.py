"""Examples as picture files: sheets, strips and films; points of the plane as dots."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from io import BytesIO
from math import ceil, sqrt
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from gm_core.cli.output import CommandError
from gm_core.protocol.cards import DataCard
from gm_core.runs.video import mp4
from gm_core.weights.checkpoint import reason, replace_file

Pixels = npt.NDArray[np.uint8]
TILE = 56
"""Small pictures are enlarged by a whole factor to at least so many pixels, so that each pixel stays sharp."""
PLOT = 320
GAP = 2
PAPER, INK = 255, 30
FRAME_MS, LAST_MS = 60, 1200


def tiles(items: npt.NDArray[Any], card: DataCard) -> list[Pixels]:
    """What is drawn side by side: each picture (h, w, c), enlarged; or all points as one plot of dots."""
    if card.kind == "images":
        factor = max(1, ceil(TILE / max(items.shape[1:3])))
        return [np.repeat(np.repeat(item, factor, 0), factor, 1) for item in items]
    if card.kind == "points":
        return [scatter(items, card.range)]
    raise CommandError(f"{card.title} has vectors of {card.size} numbers, which make no picture; write .npy or .npz")


def scatter(points: npt.NDArray[np.float32], extent: tuple[float, float]) -> Pixels:
    """Points (n, 2) as dots in the square [low, high]^2, y upwards; those outside are left out."""
    low, high = extent
    plot = np.full((PLOT, PLOT, 1), PAPER, np.uint8)
    at = (points - low) / (high - low) * (PLOT - 1)
    good = np.isfinite(at).all(1) & (at >= 0).all(1) & (at <= PLOT - 1).all(1)
    for x, y in at[good].round().astype(int):
        plot[max(0, PLOT - 2 - y) : PLOT - y + 1, max(0, x - 1) : x + 2] = INK
    return plot


def sheet(pictures: Sequence[Pixels], columns: int) -> Pixels:
    """Pictures of one size in rows, with a gap between them."""
    h, w, c = pictures[0].shape
    rows = ceil(len(pictures) / columns)
    page = np.full((rows * (h + GAP) + GAP, columns * (w + GAP) + GAP, c), PAPER, np.uint8)
    for i, picture in enumerate(pictures):
        y, x = GAP + i // columns * (h + GAP), GAP + i % columns * (w + GAP)
        page[y : y + h, x : x + w] = picture
    return page


def square(pictures: Sequence[Pixels]) -> Pixels:
    """Pictures in about as many rows as columns."""
    return sheet(pictures, ceil(sqrt(len(pictures))))


def write_png(path: Path, page: Pixels, settings: Mapping[str, Any]) -> None:
    """One page as PNG; how it was made lies inside as JSON, under the key "gm-core"."""
    notes = PngInfo()
    notes.add_itxt("gm-core", json.dumps(dict(settings)))
    out = BytesIO()
    _image(page).save(out, "PNG", pnginfo=notes, optimize=True)
    write_bytes(path, out.getvalue())


def write_gif(
    path: Path, pages: Sequence[Pixels], settings: Mapping[str, Any], fps: float = 1000 / FRAME_MS, rests: bool = True
) -> None:
    """Pages of one size as a film that repeats and, where it has an end, rests on its last page."""
    frames = [_image(page) for page in pages]
    frames = [frame if frame.mode == "L" else frame.quantize(256) for frame in frames]
    step = _milliseconds(fps)
    out = BytesIO()
    frames[0].save(
        out,
        "GIF",
        save_all=True,
        append_images=frames[1:],
        duration=[*[step] * (len(frames) - 1), LAST_MS if rests else step],
        loop=0,
        comment=json.dumps(dict(settings)).encode(),
    )
    write_bytes(path, out.getvalue())


def write_mp4(
    path: Path, pages: Sequence[Pixels], settings: Mapping[str, Any], fps: float = 1000 / FRAME_MS, rests: bool = True
) -> None:
    """Pages of one size as an MP4 which, where it has an end, rests on its last page."""
    step = _milliseconds(fps)
    held = [pages[-1]] * (round(LAST_MS / step) if rests else 0)
    try:
        content = mp4([*pages, *held], fps, json.dumps(dict(settings)))
    except ValueError as error:
        raise CommandError(str(error)) from None
    except OSError as error:
        raise CommandError(f"{path} cannot be written: {reason(error)}") from None
    write_bytes(path, content)


def _milliseconds(fps: float) -> int:
    """How long a frame stays; raises CommandError where that is no film."""
    if not 0.1 <= fps <= 100:
        raise CommandError(f"--fps is {fps:g}; the range is 0.1 to 100")
    return round(1000 / fps)


def write_npy(path: Path, numbers: npt.NDArray[Any]) -> None:
    """One array as .npy."""
    out = BytesIO()
    np.save(out, numbers, allow_pickle=False)
    write_bytes(path, out.getvalue())


def write_npz(path: Path, x: npt.NDArray[Any], x0: npt.NDArray[Any], t: npt.NDArray[Any]) -> None:
    """A trajectory as .npz: x and x0 (frames, n, ...), t (frames,)."""
    out = BytesIO()
    np.savez_compressed(out, x=x, x0=x0, t=t)
    write_bytes(path, out.getvalue())


def write_bytes(path: Path, content: bytes) -> None:
    """A result, whole or not at all; raises CommandError."""
    try:
        replace_file(path, content)
    except OSError as error:
        raise CommandError(f"{path} cannot be written: {reason(error)}") from None


def ending(path: Path, allowed: Sequence[str]) -> str:
    """How a file's name ends; raises CommandError where the command cannot write that."""
    found = path.suffix.lower()
    if found not in allowed:
        raise CommandError(f"--out is {path}; expected a name that ends with {' or '.join(allowed)}")
    return found


def _image(page: Pixels) -> Image.Image:
    return Image.fromarray(page[..., 0] if page.shape[-1] == 1 else page)
