"""Films as MP4 (H.264), through the optional extra `video`, which brings an ffmpeg of its own."""

from __future__ import annotations

import importlib.util
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

QUALITY = 16
"""ffmpeg's constant rate factor: 0 loses nothing, 23 is usual; drawn pixels want sharp edges."""
INSTALL = 'MP4 needs the extra "video": pip install "generative-models-playground[video]"; GIF and WebP need nothing'


def video_missing() -> str:
    """Empty where MP4 can be written, else one sentence that says what to install."""
    return "" if importlib.util.find_spec("imageio_ffmpeg") is not None else INSTALL


def mp4(frames: Sequence[npt.NDArray[Any]], fps: float, comment: str = "") -> bytes:
    """Frames, uint8 (h, w), (h, w, 1) or (h, w, 3) of one size, as the bytes of an MP4 without sound.

    H.264 halves colours in both directions, so sizes become even by repeating the last row or column. `comment` is
    stored in the file. Raises ValueError where there is nothing to write or nothing to write it with, OSError where
    ffmpeg fails.
    """
    missing = video_missing()
    if missing:
        raise ValueError(missing)
    if len(frames) == 0 or not 0 < fps <= 100:
        raise ValueError(f"{len(frames)} frames at {fps} a second; a film needs at least one, and 100 a second at most")
    import imageio_ffmpeg

    pictures = [_even(frame) for frame in frames]
    height, width = pictures[0].shape[:2]
    if any(picture.shape != pictures[0].shape for picture in pictures):
        raise ValueError("all frames of a film must have the same size")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "film.mp4"
        notes = ["-metadata", f"comment={comment}"] if comment else []
        writer = imageio_ffmpeg.write_frames(
            str(path),
            (width, height),
            fps=fps,
            codec="libx264",
            pix_fmt_in="rgb24",
            pix_fmt_out="yuv420p",
            macro_block_size=1,
            ffmpeg_log_level="error",
            output_params=["-crf", str(QUALITY), "-movflags", "+faststart", *notes],
        )
        try:
            writer.send(None)
            for picture in pictures:
                writer.send(picture.tobytes())
        finally:
            writer.close()
        if not path.is_file() or path.stat().st_size == 0:
            raise OSError("ffmpeg wrote no film")
        return path.read_bytes()


def _even(frame: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    """A frame as (h, w, 3) with even sides."""
    picture = np.asarray(frame, np.uint8)
    picture = picture[..., None] if picture.ndim == 2 else picture
    colours = np.repeat(picture, 3, 2) if picture.shape[2] == 1 else picture[..., :3]
    padded = np.pad(colours, ((0, colours.shape[0] % 2), (0, colours.shape[1] % 2), (0, 0)), mode="edge")
    return np.ascontiguousarray(padded)
