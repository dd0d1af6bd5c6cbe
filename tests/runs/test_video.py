"""Films as MP4: every frame, even sizes, the comment inside, and one sentence where there is no film."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gm_core.runs.video import mp4, video_missing

ffmpeg = pytest.importorskip("imageio_ffmpeg", reason="the extra 'video' is not installed")


def frames(n: int, shape: tuple[int, ...]) -> list[np.ndarray]:
    """Frames of growing brightness."""
    return [np.full(shape, 20 + 10 * i, np.uint8) for i in range(n)]


@pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")  # imageio leaves its pipes open
@pytest.mark.parametrize("shape", [(9, 13), (9, 13, 1), (9, 13, 3), (32, 48, 3)])
def test_all_frames_come_back_in_order_and_at_even_sizes(tmp_path: Path, shape: tuple[int, ...]) -> None:
    path = tmp_path / "film.mp4"
    path.write_bytes(mp4(frames(12, shape), 8, '{"a": 1}'))
    assert video_missing() == "" and ffmpeg.count_frames_and_secs(str(path)) == (12, 1.5)
    reader = ffmpeg.read_frames(str(path))
    told = next(reader)
    height, width = shape[0] + shape[0] % 2, shape[1] + shape[1] % 2
    assert told["source_size"] == (width, height) and told["fps"] == 8
    levels = [np.frombuffer(frame, np.uint8).mean() for frame in reader]
    # H.264 rounds; grey levels that are ten apart stay apart.
    np.testing.assert_allclose(levels, [20 + 10 * i for i in range(12)], atol=3)


def test_what_makes_no_film_is_refused_in_one_sentence() -> None:
    with pytest.raises(ValueError, match="at least one"):
        mp4([], 8)
    with pytest.raises(ValueError, match="100 a second at most"):
        mp4(frames(2, (4, 4)), 200)
    with pytest.raises(ValueError, match="the same size"):
        mp4([*frames(1, (4, 4)), *frames(1, (6, 4))], 8)
