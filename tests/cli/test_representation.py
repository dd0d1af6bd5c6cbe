"""What the codes of a trained model know, on the command line: numbers, reasons, and refusals."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from gm_core.cli import main

from .test_trained import command

SPEC = """
name: coder
model: {kind: vae, latent: 6, hidden: [64]}
data: {kind: digits}
train: {steps: 60, batch: 100, validate_every: 100}
"""


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a small VAE of the small digits."""
    place = tmp_path_factory.mktemp("codes")
    (place / "coder.yaml").write_text(SPEC)
    done = command("train", place / "coder.yaml", "--runs", place / "runs")
    assert done.returncode == 0, done.stderr
    return place / "runs" / "coder"


def test_evaluation_tells_what_codes_know_and_why_a_number_is_missing(
    trained: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["evaluate", str(trained), "--representation", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["representation"]
    assert found["units"] == 6 and 1 <= found["active"] <= 6
    assert found["probe"] > 3 * found["pixels"]["majority"], "sixty steps already tell digits apart"
    assert 0 < found["information"] <= found["ceiling"] == pytest.approx(math.log(found["examples"]))
    assert found["information"] + found["marginal"] == pytest.approx(found["kl"])
    assert found["gap"] is None and "causes" in found["why"]["gap"]
    assert found["causes"] == ["class"] and len(found["table"][0]) == 6


def test_the_same_is_said_in_words(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", str(trained), "--representation", "--split", "validation"]) == 0
    words = capsys.readouterr().out
    assert "units active" in words and "linear probe" in words and "nats" in words and "MIG" in words


def test_the_split_that_probes_learn_from_is_refused(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", str(trained), "--representation", "--split", "train"]) == 2
    assert "choose validation or test" in capsys.readouterr().err
