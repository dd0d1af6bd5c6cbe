"""How good drawn examples are, on the command line: a table with floors, the same as JSON, and refusals."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gm_core.cli import main

from .test_trained import command

SPEC = """
name: drawer
model: {kind: rnade}
data: {kind: ring}
train: {steps: 30, batch: 100, validate_every: 100}
"""


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a small model of the ring that has hardly begun."""
    place = tmp_path_factory.mktemp("quality")
    (place / "drawer.yaml").write_text(SPEC)
    done = command("train", place / "drawer.yaml", "--runs", place / "runs")
    assert done.returncode == 0, done.stderr
    return place / "runs" / "drawer"


def test_each_number_has_its_error_and_what_real_examples_reach(
    trained: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["evaluate", str(trained), "--quality", "--n", "300", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["quality"]
    rows = {row["name"]: row for row in found["metrics"]}
    assert found["n"] == 300 and found["cost"] == 2
    assert {"mmd", "sliced", "c2st", "precision", "recall", "coverage", "frechet", "modes"} <= rows.keys()
    assert rows["mmd"]["value"] > rows["mmd"]["floor"] + 3 * rows["mmd"]["error"], "thirty steps are not enough"
    assert rows["modes"]["error"] is None and rows["modes"]["floor"] == 8


def test_the_same_is_told_as_a_table(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", str(trained), "--quality", "--n", "200"]) == 0
    words = capsys.readouterr().out
    assert "Sliced W2" in words and "+-" in words and "real" in words and "Estimates from 200 drawn" in words


def test_too_few_examples_are_refused(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", str(trained), "--quality", "--n", "5"]) == 2
    assert "n is 5; expected at least 20" in capsys.readouterr().err
