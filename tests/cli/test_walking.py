"""`gm-core interpolate`: every way, order and format, and what is refused in one sentence."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import gm_core
from gm_core.cli import main
from gm_core.runs import video
from gm_core.scripting import data


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a VAE that has taken twenty steps on digits."""
    runs = tmp_path_factory.mktemp("walking") / "runs"
    assert main(["train", "vae-digits", "--train.steps", "20", "--model.hidden", "[32]", "--runs", str(runs)]) == 0
    return runs / "vae-digits"


def opened(path: Path) -> Image.Image:
    """A picture, whole in memory; a film has `n_frames` still."""
    return Image.open(io.BytesIO(path.read_bytes()))


@pytest.mark.parametrize("way", ["straight", "spherical", "norm-corrected", "geodesic"])
def test_every_way_begins_and_ends_at_the_codes_of_the_prior(trained: Path, tmp_path: Path, way: str) -> None:
    out = tmp_path / "walk.npy"
    assert main(["interpolate", str(trained), "--way", way, "--n", "7", "--seed", "5", "--out", str(out)]) == 0
    model = gm_core.load(trained)
    with torch.no_grad():
        ends = model.decode(model.prior(2, gm_core.rng(5)))  # type: ignore[operator]
    found = np.load(out, allow_pickle=False)
    assert found.shape == (7, 1, 8, 8)
    np.testing.assert_allclose(found[[0, -1]], ends.numpy(), atol=1e-6)


def test_all_ways_make_a_strip_of_four_rows_and_say_what_each_costs(
    trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "strip.png"
    assert main(["interpolate", str(trained), "--way", "all", "--n", "5", "--out", str(out)]) == 0
    assert opened(out).size == (5 * 58 + 2, 4 * 58 + 2)
    said = capsys.readouterr().err
    lengths = [float(line.split("length ")[1].split(",")[0]) for line in said.splitlines() if "length" in line]
    assert len(lengths) == 4 and lengths[3] <= min(lengths)


@pytest.mark.parametrize(("order", "frames"), [("once", 7), ("ping-pong", 12), ("loop", 6)])
def test_a_film_has_no_frame_twice(trained: Path, tmp_path: Path, order: str, frames: int) -> None:
    out = tmp_path / "film.gif"
    words = ["--order", order, "--stops", "3", "--n", "7", "--easing", "smooth", "--fps", "10", "--out", str(out)]
    assert main(["interpolate", str(trained), *words]) == 0
    film = opened(out)
    assert film.n_frames == frames and film.info["duration"] == 100


def test_a_film_as_mp4_has_its_frames_and_rests_at_its_end(trained: Path, tmp_path: Path) -> None:
    ffmpeg = pytest.importorskip("imageio_ffmpeg", reason="the extra 'video' is not installed")
    out = tmp_path / "film.mp4"
    words = ["--way", "geodesic", "--n", "9", "--fps", "10", "--out", str(out)]
    assert main(["interpolate", str(trained), *words]) == 0
    assert ffmpeg.count_frames_and_secs(str(out)) == (9 + 12, 2.1)
    assert main(["interpolate", str(trained), *words, "--order", "ping-pong"]) == 0
    assert ffmpeg.count_frames_and_secs(str(out))[0] == 16


def test_it_walks_through_real_examples(trained: Path, tmp_path: Path) -> None:
    out = tmp_path / "walk.npy"
    words = ["--examples", "4", "9", "--way", "straight", "--n", "5", "--out", str(out)]
    assert main(["interpolate", str(trained), *words]) == 0
    x = data("vae-digits").part("test").x[[4, 9]].float() / 16
    model = gm_core.load(trained)
    with torch.no_grad():
        ends = model.decode(model.encode(x)[0])  # type: ignore[operator]
    np.testing.assert_allclose(np.load(out)[[0, -1]], ends.numpy(), atol=1e-5)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--fps", "0", "--out", "film.gif"], "--fps is 0; the range is 0.1 to 100"),
        (["--way", "all", "--out", "walk.npy"], "numbers are those of one way"),
        (["--examples", "3", "99999", "--out", "strip.png"], "example 99999 of test; expected 0 to 449"),
        (["--stops", "1", "--out", "strip.png"], "expected at least 2"),
        (["--out", "walk.txt"], "expected a name that ends with .png or .gif or .mp4 or .npy"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_sentence(
    trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], sentence: str
) -> None:
    words[-1] = str(tmp_path / words[-1])
    assert main(["interpolate", str(trained), *words]) == 2
    said = capsys.readouterr().err
    assert sentence in said and "Traceback" not in said and not list(tmp_path.iterdir())


def test_without_the_extra_an_mp4_says_what_to_install(
    trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(video.importlib.util, "find_spec", lambda name: None)
    assert main(["interpolate", str(trained), "--out", str(tmp_path / "film.mp4")]) == 2
    assert 'pip install "generative-models-playground[video]"' in capsys.readouterr().err
    with pytest.raises(ValueError, match="needs the extra"):
        video.mp4([np.zeros((4, 4), np.uint8)], 10)
