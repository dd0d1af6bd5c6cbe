"""The command line end to end: train, look in every way, resume, stop; the library gives what it wrote."""

from __future__ import annotations

import errno
import io
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import gm_core
from gm_core.cli import main
from gm_core.runs.store import checkpoints
from gm_core.scripting import build, data, evaluate, load_run
from gm_core.weights.checkpoint import read

ROOT = Path(__file__).parents[2]
MOONS = """
name: ddpm-moons
model: {kind: ddpm, width: 16, depth: 1, timesteps: 20, sample_steps: 10}
data: {kind: moons}
train: {steps: 20, batch: 32, validate_every: 20, validate_examples: 50}
"""


def command(*words: object, **options: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "gm_core.cli", *map(str, words)], capture_output=True, text=True, cwd=ROOT, **options
    )


def opened(path: Path) -> Image.Image:
    """A picture, whole in memory, its file closed; a film has `n_frames` still."""
    return Image.open(io.BytesIO(path.read_bytes()))


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a VAE that has taken thirty steps on black and white digits."""
    runs = tmp_path_factory.mktemp("trained") / "runs"
    words = ("--data.binarisation", "threshold", "--train.steps", 30, "--seed", 3, "--runs", runs)
    done = command("train", "vae-digits", *words)
    assert done.returncode == 0, done.stderr
    last = done.stdout.splitlines()[-1]
    folder = Path(last.removeprefix("run folder: "))
    assert folder == runs / "vae-digits" and folder.is_dir()
    assert "step 30/30" in done.stderr
    return folder


@pytest.fixture(scope="module")
def moons(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a small diffusion model on the plane."""
    place = tmp_path_factory.mktemp("moons")
    (place / "moons.yaml").write_text(MOONS)
    assert main(["train", str(place / "moons.yaml"), "--runs", str(place / "runs")]) == 0
    return place / "runs" / "ddpm-moons"


def test_training_keeps_every_step_on_disk(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", str(trained), "--json", "--csv", str(trained.parent / "curves.csv")]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert (shown["name"], shown["state"], shown["step"], shown["steps"]) == ("vae-digits", "finished", 30, 30)
    assert shown["spec"]["train"]["seed"] == 3
    table = (trained.parent / "curves.csv").read_text().splitlines()
    assert [line.split(",")[1] for line in table if line.startswith("train,")] == [str(s) for s in range(1, 31)]
    assert shown["weights"] == sum(p.numel() for p in gm_core.load(trained).parameters())


def test_the_list_of_runs_names_it(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["runs", "--json", "--runs", str(trained.parent)]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [row["name"] for row in found] == ["vae-digits"]
    assert found[0]["score"] is not None


def test_samples_are_what_the_library_draws_with_that_seed(trained: Path, tmp_path: Path) -> None:
    out = tmp_path / "samples.npy"
    assert main(["sample", str(trained), "--n", "5", "--seed", "7", "--out", str(out)]) == 0
    numbers = np.load(out, allow_pickle=False)
    assert numbers.dtype == np.float32 and numbers.shape == (5, 1, 8, 8)
    model = gm_core.load(trained)
    assert torch.equal(torch.from_numpy(numbers), model.sample(5, gm_core.rng(7)))
    assert model.card.range[0] <= numbers.min() and numbers.max() <= model.card.range[1]


def test_a_sheet_holds_its_pictures_and_how_it_was_made(trained: Path, tmp_path: Path) -> None:
    out = tmp_path / "grid.png"
    assert main(["sample", str(trained), "--n", "6", "--seed", "7", "--out", str(out)]) == 0
    page = opened(out)
    assert page.size == (3 * 58 + 2, 2 * 58 + 2)  # 8x8 enlarged to 56, gaps of 2, three across
    expected = gm_core.load(trained).sample(6, gm_core.rng(7))[0, 0] * 255
    first = np.asarray(page)[2:58:7, 2:58:7]
    assert np.array_equal(first, expected.round().byte().numpy())
    made = json.loads(page.info["gm-core"])
    assert (made["run"], made["step"], made["seed"], made["n"]) == ("vae-digits", 30, 7, 6)


def test_an_earlier_step_is_the_nearest_kept_one_and_it_says_which(
    trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = list(checkpoints(trained))
    wish = kept[-2] + 1
    nearest = min(kept, key=lambda step: (abs(step - wish), step))
    assert main(["sample", str(trained), "--step", str(wish), "--out", str(tmp_path / "a.npy")]) == 0
    assert f"using step {nearest}, the kept step nearest to {wish}" in capsys.readouterr().err
    weights = gm_core.load(trained, step=wish).state_dict()
    stored = read(checkpoints(trained)[nearest])[0].weights()
    assert all(torch.equal(weights[name], stored[name]) for name in stored)


def test_a_walk_is_written_as_strip_film_and_numbers(trained: Path, tmp_path: Path) -> None:
    for path in ("straight", "spherical"):
        assert main(["interpolate", str(trained), "--path", path, "--n", "7", "--out", str(tmp_path / "w.npy")]) == 0
        walk = np.load(tmp_path / "w.npy")
        model = gm_core.load(trained)
        ends = model.decode(model.prior(2, gm_core.rng(0)))
        assert walk.shape == (7, 1, 8, 8)
        assert np.allclose(walk[[0, -1]], ends.numpy(), atol=1e-6)
    assert main(["interpolate", str(trained), "--n", "7", "--out", str(tmp_path / "w.png")]) == 0
    assert opened(tmp_path / "w.png").size == (7 * 58 + 2, 60)
    assert main(["interpolate", str(trained), "--n", "7", "--out", str(tmp_path / "w.gif")]) == 0
    assert opened(tmp_path / "w.gif").n_frames == 7


def test_evaluation_scores_every_example_of_the_split(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", str(trained), "--json", "--density", "--samples", "4"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["run"], found["step"], found["split"], found["examples"]) == ("vae-digits", 30, "test", 450)
    assert found["scores"]["elbo"] == pytest.approx(evaluate(load_run(trained))[1]["elbo"])
    assert found["density"]["kind"] == "bound"
    # Four draws are closer to log p(x) than one; both are estimates over the same 450 examples, hence the margin.
    assert found["density"]["mean"] > found["scores"]["elbo"] - 0.5
    assert main(["evaluate", str(trained), "--split", "tset"]) == 2
    assert "split is 'tset'; Digits 8x8 has: train, validation, test" in capsys.readouterr().err


def test_log_probabilities_are_what_the_library_gives(trained: Path, tmp_path: Path) -> None:
    x = data(load_run(trained).spec).part("test").x[:7].float().div(16).round()
    np.save(tmp_path / "x.npy", x.numpy())
    assert main(["logprob", str(trained), "--data", str(tmp_path / "x.npy"), "--out", str(tmp_path / "lp.npy")]) == 0
    values = np.load(tmp_path / "lp.npy")
    assert values.dtype == np.float32 and values.shape == (7,)
    expected = gm_core.load(trained).log_prob(x, gm_core.rng(0))
    assert np.array_equal(values, expected.numpy())


@pytest.mark.parametrize(
    ("array", "sentence"),
    [
        (np.zeros((3, 1, 9, 9), np.float32), "has shape (3, 1, 9, 9); expected (n, 1, 8, 8)"),
        (np.zeros((3, 1, 8, 8), np.uint8), "holds uint8; expected float32 in the range 0 to 1"),
        (np.full((3, 1, 8, 8), 16.0, np.float32), "holds numbers from 16 to 16; expected 0 to 1: rescale them"),
        (np.full((3, 1, 8, 8), np.nan, np.float32), "holds NaN or infinite numbers"),
        (np.array([{"a": 1}], dtype=object), "is not a plain .npy array"),
        (None, "cannot be read"),
    ],
)
def test_unfit_data_are_refused_in_one_sentence(
    trained: Path, tmp_path: Path, array: np.ndarray | None, sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    if array is not None:
        np.save(tmp_path / "x.npy", array, allow_pickle=array.dtype == object)
    words = ["logprob", str(trained), "--data", str(tmp_path / "x.npy"), "--out", str(tmp_path / "lp.npy")]
    assert main(words) == 2
    told = capsys.readouterr().err
    assert sentence in told and told.count("\n") == 1
    assert not (tmp_path / "lp.npy").exists()


def test_a_model_without_a_capability_says_what_it_offers(
    trained: Path, moons: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["interpolate", str(moons), "--out", str(tmp_path / "i.png")]) == 2
    assert "interpolate needs a model with latent; Diffusion (DDPM) on Two moons offers " in capsys.readouterr().err
    assert main(["trajectory", str(trained), "--out", str(tmp_path / "t.png")]) == 2
    assert "trajectory needs a model with stepwise" in capsys.readouterr().err


def test_a_trajectory_is_written_as_numbers_strip_and_film(moons: Path, tmp_path: Path) -> None:
    out = tmp_path / "frames.npz"
    assert main(["trajectory", str(moons), "--n", "3", "--seed", "5", "--out", str(out)]) == 0
    with np.load(out, allow_pickle=False) as frames:
        assert sorted(frames) == ["t", "x", "x0"]
        assert frames["x"].shape == frames["x0"].shape == (11, 3, 2)
        assert frames["t"].shape == (11,) and (np.diff(frames["t"]) < 0).all()
        assert np.array_equal(frames["x"][-1], gm_core.load(moons).sample(3, gm_core.rng(5)).numpy())
    assert main(["trajectory", str(moons), "--frames", "4", "--out", str(tmp_path / "t.png")]) == 0
    assert opened(tmp_path / "t.png").size == (4 * 322 + 2, 324)
    assert main(["trajectory", str(moons), "--frames", "4", "--out", str(tmp_path / "t.gif")]) == 0
    assert opened(tmp_path / "t.gif").n_frames == 4


def test_ten_steps_are_five_and_a_resume_to_ten_bit_for_bit(tmp_path: Path) -> None:
    base = ["train", "vae-digits", "--device", "cpu", "--runs", str(tmp_path), "--train.schedule", "constant"]
    assert main([*base, "--train.steps", "10", "--name", "whole"]) == 0
    assert main([*base, "--train.steps", "5", "--name", "half"]) == 0
    assert main(["resume", str(tmp_path / "half"), "--train.steps", "10"]) == 0
    whole, half = (read(checkpoints(tmp_path / name)[10])[0].tensors for name in ("whole", "half"))
    assert whole.keys() == half.keys()
    assert all(torch.equal(whole[name], half[name]) for name in whole)


def test_a_finished_run_says_how_to_go_on(moons: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["resume", str(moons)]) == 2
    told = capsys.readouterr()
    assert told.err == "gm-core: ddpm-moons has finished its 20 steps; raise train.steps to go on\n"
    assert main(["resume", str(moons), "--train.batch", "7"]) == 2
    assert "train.batch cannot change while training" in capsys.readouterr().err


def test_json_prints_one_event_a_line_and_the_last_names_the_folder(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", "vae-digits", "--train.steps", "12", "--runs", str(tmp_path), "--json"]) == 0
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert events[0]["event"] == "Ready"
    assert events[-1]["folder"] == str(tmp_path / "vae-digits")
    steps = [step for e in events if e["event"] == "Scalars" and e["split"] == "train" for step in e["steps"]]
    assert steps == list(range(1, 13))


@pytest.mark.skipif(os.name != "posix", reason="sends SIGINT as only POSIX can")
def test_ctrl_c_stops_saves_and_can_be_gone_on_from(tmp_path: Path) -> None:
    words = ["train", "vae-digits", "--train.steps", "1000000", "--runs", str(tmp_path), "--json"]
    process = subprocess.Popen(
        [sys.executable, "-m", "gm_core.cli", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    assert process.stdout is not None
    for line in process.stdout:
        if '"Scalars"' in line and '"train"' in line:
            break
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in told
    steps = max(checkpoints(tmp_path / "vae-digits"))
    assert f"interrupted; saved at step {steps}" in told
    done = command("resume", tmp_path / "vae-digits", "--train.steps", steps + 3)
    assert done.returncode == 0, done.stderr
    assert max(checkpoints(tmp_path / "vae-digits")) == steps + 3


def test_faults_of_a_start_leave_no_run_behind(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    runs = tmp_path / "runs"
    absent = next(name for name in ("mps", "cuda") if name == "mps" or not torch.cuda.is_available())
    for words, sentence in (
        (["--model.betta", "3"], "model.betta is not a parameter; did you mean beta?"),
        (["--device", absent], f"train.device is {absent}; this machine has "),
        (["--data.kind", "nothing"], "data.kind is 'nothing'"),
        (["--model.beta", "99"], "model.beta is 99; the range is 0 to 20"),
    ):
        assert main(["train", "vae-digits", *words, "--runs", str(runs)]) == 2
        told = capsys.readouterr().err
        assert sentence in told and told.count("\n") == 1
    assert not runs.exists() or not [p for p in runs.iterdir() if p.is_dir()]


def test_a_runs_folder_that_is_a_file_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("x")
    assert main(["train", "vae-digits", "--train.steps", "2", "--runs", str(tmp_path / "file")]) == 2
    told = capsys.readouterr().err
    assert "is a file; expected a folder for runs" in told and told.count("\n") == 1


def test_a_disk_that_fills_while_training_is_told_once_and_the_curves_are_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(path: Path, content: bytes) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("gm_core.weights.checkpoint.replace_file", full)
    assert main(["train", "vae-digits", "--train.steps", "9", "--runs", str(tmp_path)]) == 2
    told = [line for line in capsys.readouterr().err.splitlines() if line.startswith("gm-core: ")]
    assert len(told) == 1 and "the disk is full; free some space" in told[0]
    assert main(["show", "vae-digits", "--json", "--runs", str(tmp_path)]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert (shown["step"], shown["kept"], set(shown["scores"])) == (9, [], {"train", "validation"})


def test_a_result_that_cannot_be_written_is_one_sentence(
    moons: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["sample", str(moons), "--out", str(tmp_path / "none" / "a.npy")]) == 2
    told = capsys.readouterr().err
    assert "a.npy cannot be written: its folder does not exist" in told and told.count("\n") == 1


def test_a_damaged_checkpoint_is_one_sentence_and_an_earlier_one_still_opens(
    moons: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(moons, copy)
    kept = checkpoints(copy)
    whole = bytearray(kept[20].read_bytes())
    whole[-1] ^= 1
    kept[20].write_bytes(bytes(whole))
    assert main(["sample", str(copy), "--out", str(tmp_path / "a.npy")]) == 2
    told = capsys.readouterr().err
    assert "its checksum differs" in told and told.count("\n") == 1
    assert main(["sample", str(copy), "--step", "1", "--out", str(tmp_path / "a.npy")]) == 0


def test_a_copied_run_opens_without_the_index_it_was_recorded_in(
    trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(trained, tmp_path / "elsewhere" / "mine")
    assert main(["show", str(tmp_path / "elsewhere" / "mine"), "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert (shown["name"], shown["step"]) == ("mine", 30)
    assert set(shown["scores"]) == {"train", "validation"}


def test_an_untrained_model_has_its_capabilities_and_follows_its_seed() -> None:
    one, two = build("vae-digits"), build(load_spec_with_seed(0))
    assert not one.training and one.card.shape == (1, 8, 8)
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), two.parameters(), strict=True))
    other = build(load_spec_with_seed(1))
    assert any(not torch.equal(a, b) for a, b in zip(one.parameters(), other.parameters(), strict=True))


def load_spec_with_seed(seed: int) -> dict[str, Any]:
    from gm_core.presets import find_preset

    spec = dict(find_preset("vae-digits").spec)
    return {**spec, "train": {**spec["train"], "seed": seed}}
