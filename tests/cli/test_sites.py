"""Models of one pixel after another on the command line: sample, trajectory, complete, evaluate, and refusals."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

import gm_core
import gm_core.scripting
from gm_core.cli import main

from .test_trained import command, opened

SPEC = """
name: bayes
model: {kind: independent, labels: true}
data: {kind: digits, binarisation: threshold}
train: {steps: 15, batch: 100, validate_every: 100}
"""


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a naive Bayes model of the small digits."""
    place = tmp_path_factory.mktemp("sites")
    (place / "bayes.yaml").write_text(SPEC)
    done = command("train", place / "bayes.yaml", "--runs", place / "runs")
    assert done.returncode == 0, done.stderr
    return place / "runs" / "bayes"


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A picture whose lower half is unknown, and its mask."""
    place = tmp_path_factory.mktemp("files")
    x, known = np.zeros((1, 1, 8, 8), np.float32), np.ones((8, 8))
    x[0, 0, 2:6, 3] = 1
    known[4:] = 0
    np.save(place / "x.npy", x)
    np.save(place / "known.npy", known)
    return place


def test_evaluation_tells_nats_bits_and_how_often_bayes_rule_is_right(trained: Path) -> None:
    done = command("evaluate", trained, "--density", "--classes")
    assert done.returncode == 0, done.stderr
    assert "(exact)" in done.stdout and "bits per dimension" in done.stdout
    right = float(done.stdout.split("p(y|x)")[1].split("%")[0])
    assert right > 70, "fifteen batches of naive Bayes already tell most digits apart"


def test_samples_of_a_class_and_the_pictures_on_the_way_are_written(trained: Path, tmp_path: Path) -> None:
    assert command("sample", trained, "--n", 5, "--y", 3, "--out", tmp_path / "x.npy").returncode == 0
    x = np.load(tmp_path / "x.npy")
    assert x.shape == (5, 1, 8, 8) and set(np.unique(x)) <= {0.0, 1.0}
    assert command("trajectory", trained, "--n", 5, "--y", 3, "--out", tmp_path / "t.npz").returncode == 0
    told = np.load(tmp_path / "t.npz")
    assert told["x"].shape == (65, 5, 1, 8, 8) and told["t"].tolist() == list(range(65))
    assert not told["x"][0].any() and np.array_equal(told["x"][-1], x)
    assert command("trajectory", trained, "--n", 2, "--out", tmp_path / "t.gif").returncode == 0
    assert opened(tmp_path / "t.gif").n_frames > 10  # type: ignore[attr-defined]


def test_a_half_is_completed_and_the_other_half_kept(trained: Path, files: Path, tmp_path: Path) -> None:
    out = tmp_path / "c.npy"
    done = command(
        "complete", trained, "--data", files / "x.npy", "--known", files / "known.npy", "--n", 4, "--out", out
    )
    assert done.returncode == 0 and "exactly" in done.stderr and "nats" in done.stderr
    x, given = np.load(out), np.load(files / "x.npy")
    assert x.shape == (4, 1, 8, 8) and (x[:, :, :4] == given[:, :, :4]).all() and x[:, :, 4:].any()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("all", "everything is known"),
        ("none", "nothing is known"),
        ("size", "one mark for each pixel"),
        ("text", "not a readable .npy"),
        ("grey", "none of the 2 levels"),
        ("wide", "expected (n, 1, 8, 8)"),
        ("class", "expected one of: 0, 1"),
    ],
)
def test_what_cannot_be_completed_is_refused_in_one_sentence(
    trained: Path, files: Path, tmp_path: Path, change: str, words: str
) -> None:
    x, known, extra = np.load(files / "x.npy"), np.load(files / "known.npy"), []
    known = {"all": np.ones((8, 8)), "none": np.zeros((8, 8)), "size": np.ones((4, 4))}.get(change, known)
    if change == "grey":
        x[0, 0, 0, 0] = 0.37
    if change == "wide":
        x = np.zeros((1, 1, 8, 9), np.float32)
    if change == "class":
        extra = ["--y", "eleven"]
    np.save(tmp_path / "x.npy", x)
    np.save(tmp_path / "known.npy", known)
    if change == "text":
        (tmp_path / "known.npy").write_text("no array")
    files_given = ("--data", tmp_path / "x.npy", "--known", tmp_path / "known.npy")
    done = command("complete", trained, *files_given, "--out", tmp_path / "c.png", *extra)
    assert done.returncode == 2 and words in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1 and not (tmp_path / "c.png").exists()


def test_a_model_of_labels_needs_data_with_labels(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", (np.arange(4000).reshape(40, 10, 10) % 3 == 0).astype(np.uint8))
    spec = SPEC.replace("{kind: digits, binarisation: threshold}", f"{{kind: arrays, file: {tmp_path / 'x.npy'}}}")
    (tmp_path / "spec.yaml").write_text(spec)
    done = command("train", tmp_path / "spec.yaml", "--runs", tmp_path / "runs")
    assert done.returncode == 2 and "has no labels" in done.stderr


def test_options_that_a_model_of_sites_does_not_have_are_refused(trained: Path, tmp_path: Path) -> None:
    done = command("trajectory", trained, "--sampler", "euler", "--out", tmp_path / "t.png")
    assert done.returncode == 2 and "leave out --sampler and --steps" in done.stderr


def test_a_trajectory_keeps_only_the_states_that_are_wanted(trained: Path, tmp_path: Path) -> None:
    done = command("trajectory", trained, "--n", 2, "--frames", 5, "--out", tmp_path / "t.npz")
    assert done.returncode == 0 and np.load(tmp_path / "t.npz")["t"].tolist() == [0, 16, 32, 48, 64]


def test_a_mask_of_words_is_refused(trained: Path, files: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "known.npy", np.full((8, 8), "known"))
    words = ("--data", files / "x.npy", "--known", tmp_path / "known.npy", "--out", tmp_path / "c.npy")
    done = command("complete", trained, *words)
    assert done.returncode == 2 and "expected zeros and ones" in done.stderr


def test_counting_goes_on_exactly_where_it_ended_and_a_refused_change_trains_nothing(tmp_path: Path) -> None:
    (tmp_path / "half.yaml").write_text(SPEC.replace("name: bayes", "name: half").replace("steps: 15", "steps: 7"))
    (tmp_path / "whole.yaml").write_text(SPEC.replace("name: bayes", "name: whole"))
    for name in ("half", "whole"):
        assert main(["train", str(tmp_path / f"{name}.yaml"), "--runs", str(tmp_path)]) == 0
    half = str(tmp_path / "half")
    assert main(["resume", half, "--train.steps", "15", "--model.temperature", "0"]) == 2
    assert gm_core.scripting.load_run(half).step == 7
    assert main(["resume", half, "--train.steps", "15"]) == 0
    a, b = (gm_core.scripting.load_run(tmp_path / name) for name in ("half", "whole"))
    assert a.step == b.step == 15
    state = b.model.state_dict()
    assert all(torch.equal(tensor, state[name]) for name, tensor in a.model.state_dict().items())
