"""`sample` and `trajectory` with a class and guidance, and what is refused in one sentence."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

import gm_core
from gm_core.capabilities.stepwise import Route
from gm_core.cli import main

SPEC = """
name: guided
model: {kind: ddpm, base: 8, multipliers: [1, 2], timesteps: 20, sample_steps: 4, schedule: cosine%s}
data: {kind: digits, centred: true}
train: {steps: 3, batch: 16, validate_every: 100, validate_examples: 20}
"""


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two runs of three steps: one that learned classes, and one that did not."""
    folder = tmp_path_factory.mktemp("guidance")
    for name, words in (("guided", ", labels: true"), ("plain", "")):
        (folder / f"{name}.yaml").write_text(SPEC % words)
        words_of_it = [str(folder / f"{name}.yaml"), "--name", name, "--runs", str(folder / "runs")]
        assert main(["train", *words_of_it]) == 0
    return folder / "runs"


def test_a_class_and_guidance_are_those_of_the_trajectory(runs: Path, tmp_path: Path) -> None:
    out, steps = tmp_path / "x.npy", tmp_path / "t.npz"
    words = ["--y", "3", "--guidance", "2.5", "--n", "4", "--seed", "7"]
    assert main(["sample", str(runs / "guided"), *words, "--out", str(out)]) == 0
    assert main(["trajectory", str(runs / "guided"), *words, "--out", str(steps)]) == 0
    model = gm_core.load(runs / "guided")
    with torch.no_grad():
        *_, last = model.trajectory(4, gm_core.rng(7), torch.full((4,), 3), Route(guidance=2.5))  # type: ignore[operator]
    np.testing.assert_allclose(np.load(out), last.x.numpy(), atol=1e-5)
    np.testing.assert_array_equal(np.load(steps)["x"][-1], np.load(out))


def test_other_guidance_and_another_class_give_other_pictures(runs: Path, tmp_path: Path) -> None:
    found = []
    for i, words in enumerate((["--y", "3"], ["--y", "4"], ["--y", "3", "--guidance", "0"])):
        out = tmp_path / f"{i}.npy"
        assert main(["sample", str(runs / "guided"), *words, "--n", "3", "--out", str(out)]) == 0
        found.append(np.load(out))
    assert not np.array_equal(found[0], found[2]) and found[0].shape == (3, 1, 8, 8)


@pytest.mark.parametrize("command", ["sample", "trajectory"])
@pytest.mark.parametrize(
    ("run", "words", "sentence"),
    [
        ("plain", ["--guidance", "3"], "guidance is 3, but Diffusion (DDPM) learned no classes; train it with labels"),
        ("plain", ["--y", "3"], "this model learned no classes"),
        ("guided", ["--y", "eleven"], "--y is 'eleven'; expected one of"),
        ("guided", ["--guidance", "nan"], "guidance is nan; expected a finite number"),
        ("guided", ["--guidance", "much"], "--guidance"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_sentence(
    runs: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    command: str,
    run: str,
    words: list[str],
    sentence: str,
) -> None:
    out = tmp_path / "x.png"
    try:
        status = main([command, str(runs / run), *words, "--out", str(out)])
    except SystemExit as left:  # argparse, where it is no number at all
        status = left.code  # type: ignore[assignment]
    said = capsys.readouterr().err
    assert status == 2 and sentence in said and "Traceback" not in said and not out.exists()


def test_more_steps_than_the_model_has_names_both_numbers(
    runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["trajectory", str(runs / "plain"), "--steps", "21", "--out", str(tmp_path / "t.gif")]
    assert main(words) == 2
    said = capsys.readouterr().err
    assert "21" in said and "20" in said and "Traceback" not in said
