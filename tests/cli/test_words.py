"""The words of the command line: lists without torch, overrides that mean what a form means, faults in a sentence."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from gm_core.capabilities.samples import Sheet
from gm_core.cli import main
from gm_core.cli.output import CommandError, ProgressBar, plain
from gm_core.cli.overrides import convert, split_overrides, with_overrides
from gm_core.protocol.events import Answered, Scalars
from gm_core.spec import Row, RunSpec, SpecError
from gm_core.weights.checkpoint import write
from gm_core.weights.snapshot import Snapshot

ROOT = Path(__file__).parents[2]


def test_listing_presets_and_runs_and_writing_help_loads_no_torch(tmp_path: Path) -> None:
    code = (
        "import sys; from gm_core.cli import main; "
        f"assert main(['presets']) == 0; assert main(['runs', '--runs', {str(tmp_path)!r}]) == 0; "
        "assert main(['train', '--help']) == 0; "
        "assert not {'torch', 'PySide6'} & set(sys.modules), 'torch or Qt was loaded'"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("word", ["models", "datasets", "presets"])
def test_each_catalogue_is_one_json_array_of_objects_with_names(word: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([word, "--json"]) == 0
    printed = capsys.readouterr().out
    assert printed.count("\n") == 1
    found = json.loads(printed)
    names = [entry["name"] for entry in found]
    assert len(names) == len(set(names)) > 0
    wanted = {"models": "vae", "datasets": "digits", "presets": "vae-digits"}[word]
    assert wanted in names


def test_runs_of_an_empty_folder_are_an_empty_array(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["runs", "--json", "--runs", str(tmp_path / "none")]) == 0
    assert json.loads(capsys.readouterr().out) == []


def test_the_parameters_of_a_preset_are_listed_with_its_values(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "vae-digits", "--model.beta", "3", "--help-parameters"]) == 0
    lines = {line.split()[0]: line for line in capsys.readouterr().out.splitlines()}
    assert lines["--model.beta"].split()[1] == "3.0"
    assert {"--model.latent", "--data.binarisation", "--train.lr", "--train.steps"} <= lines.keys()


# ---- overrides


def test_overrides_give_the_same_spec_as_the_form_would() -> None:
    spec = RunSpec.read({"model": {"kind": "vae", "latent": 2}, "data": {"kind": "digits"}})
    words = ["--model.hidden", "300,200", "--model.beta=2.5", "--data.binarisation", "dynamic", "--train.lr", "3e-4"]
    made = with_overrides(spec, split_overrides(words, "train"))
    by_form = RunSpec.read(
        {
            "model": {"kind": "vae", "latent": 2, "hidden": [300, 200], "beta": 2.5},
            "data": {"kind": "digits", "binarisation": "dynamic"},
            "train": {"lr": 3e-4},
        }
    )
    assert made == by_form


def test_another_kind_of_model_drops_the_parameters_of_the_first() -> None:
    spec = RunSpec.read({"model": {"kind": "vae", "latent": 2}, "data": {"kind": "moons"}})
    made = with_overrides(spec, {"model.kind": "ddpm", "model.width": "64"})
    assert made.model == {"kind": "ddpm", "width": 64}


@given(st.integers(-(10**12), 10**12))
def test_whole_numbers_are_read_as_written(number: int) -> None:
    row = Row("train.steps", "int", 1, "")
    assert convert("train.steps", str(number), row) == number
    assert convert("train.steps", f"{number:_}", row) == number


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_numbers_are_read_as_written(number: float) -> None:
    assert convert("train.lr", repr(number), Row("train.lr", "float", 1.0, "")) == number


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("int", "2e4", 20_000),
        ("bool", "Yes", True),
        ("bool", "off", False),
        ("text", "no", "no"),
        ("choice", "none", "none"),
        ("ints", "[32, 64]", [32, 64]),
        ("ints", "", []),
        ("floats", "0.5", [0.5]),
    ],
)
def test_words_mean_what_the_kind_of_parameter_says(kind: str, text: str, value: object) -> None:
    assert convert("x", text, Row("x", kind, None, "")) == value


@pytest.mark.parametrize(
    ("kind", "text"), [("int", "2.5"), ("int", "many"), ("float", "1,5"), ("bool", "2"), ("ints", "1,x")]
)
def test_a_word_of_the_wrong_kind_is_found_and_expected(kind: str, text: str) -> None:
    with pytest.raises(SpecError, match=f"^x is '{text}'; expected "):
        convert("x", text, Row("x", kind, None, ""))


# ---- faults of usage, each one sentence and status 2

PARSED = [
    ([], ""),
    (["trian"], "invalid choice: 'trian'"),
    (["train", "nope"], "'nope' is neither a preset nor a YAML file; presets are: "),
    (["train", "vae-digits", "--train.lr", "7"], "train.lr is 7; the range is 1e-07 to 1"),
    (["train", "vae-digits", "--train.lr", "fast"], "train.lr is 'fast'; expected a number"),
    (["train", "vae-digits", "--train.stepps", "7"], "train.stepps is not a parameter; did you mean steps?"),
    (["train", "vae-digits", "--train.lr"], "--train.lr has no value"),
    (["train", "vae-digits", "--sed", "3"], "'--sed' is not an option of train"),
    (["train", "vae-digits", "--seed", "x"], "argument --seed: invalid int value: 'x'"),
    (["sample", "x"], "the following arguments are required: --out"),
    (["sample", "x", "--out", "a.jpg"], "--out is a.jpg; expected a name that ends with .png or .npy"),
    (["sample", "x", "--n", "-3", "--out", "a.png"], "'-3' is not a count"),
    (["show", "x", "--model.beta", "3"], "'--model.beta' is not an option of show"),
    (["datasets", "--download", "mnst"], "'mnst' is not a data set; expected one of: "),
    (["datasets", "--data.validation", "3"], "--data.NAME goes with --download"),
]


@pytest.mark.parametrize(("words", "sentence"), PARSED, ids=[" ".join(words) or "nothing" for words, _ in PARSED])
def test_wrong_words_give_one_sentence_and_status_2(
    words: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == 2
    told = capsys.readouterr().err
    assert sentence in told
    if sentence:
        assert told.startswith("gm-core: ") and told.count("\n") == 1


def test_a_missing_run_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", "nothing", "--runs", str(tmp_path)]) == 2
    assert "there is no run 'nothing'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("model: [1", "is not valid YAML at line 1"),
        ("- a\n- b", "expected a mapping"),
        ("modle: {kind: vae}", "modle is not a parameter; did you mean model?"),
        ("train: {lr: 99}", "train.lr is 99; the range is 1e-07 to 1"),
        ("train: {optimiser: adan}", "train.optimiser is 'adan'; expected one of: adam, adamw, sgd"),
    ],
)
def test_a_wrong_yaml_file_is_one_sentence(
    tmp_path: Path, text: str, sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "wrong.yaml"
    path.write_text(text)
    assert main(["train", str(path), "--runs", str(tmp_path / "runs")]) == 2
    told = capsys.readouterr().err
    assert sentence in told and told.count("\n") == 1
    assert not (tmp_path / "runs").exists()


def test_a_missing_yaml_file_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", str(tmp_path / "none.yaml")]) == 2
    assert "none.yaml cannot be read" in capsys.readouterr().err


def test_a_file_that_is_no_checkpoint_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    foreign, nameless = tmp_path / "model.pt", tmp_path / "nameless.safetensors"
    torch.save({"w": torch.ones(1)}, foreign)
    write(nameless, Snapshot(1, {"model.w": torch.ones(1)}), {})
    for path, sentence in ((foreign, "is a pickle"), (nameless, "does not say how it was made")):
        assert main(["sample", str(path), "--out", str(tmp_path / "a.png")]) == 2
        told = capsys.readouterr().err
        assert sentence in told and told.count("\n") == 1


def test_a_fault_of_the_program_is_one_sentence_and_a_file_with_the_story(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail() -> None:
        raise RuntimeError("a secret of the house")

    monkeypatch.setattr("gm_core.cli.listing.read_presets", fail)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert main(["presets"]) == 1
    told = capsys.readouterr().err
    assert told.count("\n") == 1 and "RuntimeError" in told
    story = Path(told.strip().split(" is in ")[1])
    assert "a secret of the house" in story.read_text()
    story.unlink()


# ---- what is printed


def test_events_become_strict_json_with_their_names() -> None:
    values = np.array([[1.5, np.nan], [np.inf, 0.25]], np.float32)
    event = Scalars("a", ("total", "kl"), np.array([1, 2]), np.array([0.5, 1.0]), values)
    made = json.loads(json.dumps(plain(event), allow_nan=False))
    assert made == {
        "event": "Scalars",
        "run": "a",
        "names": ["total", "kl"],
        "steps": [1, 2],
        "seconds": [0.5, 1.0],
        "values": [[1.5, None], [None, 0.25]],
        "split": "train",
    }
    frame = Answered("a", "t", 1, 2, 0, Sheet(np.zeros((1, 1, 2, 1), np.uint8)), True)
    assert plain(frame)["frame"] == {"items": [[[[0], [0]]]], "done": 1, "total": 1}


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def losses(first: int, n: int) -> Scalars:
    return Scalars("a", ("total",), np.arange(first, first + n), np.zeros(n), np.ones((n, 1), np.float32))


def drawn(out: Any, until: int) -> str:
    bar = ProgressBar(out, clock=lambda: 0.0)
    bar.steps = 1000
    for first in range(1, until, 10):
        bar.take(losses(first, 10))
    text: str = out.getvalue()
    return text


def test_the_bar_says_little_in_a_file_and_redraws_one_line_on_a_terminal() -> None:
    lines = drawn(io.StringIO(), 1000).splitlines()
    assert len(lines) <= 11 and "\r" not in "".join(lines)
    assert lines[-1].startswith("step 1000/1000  loss 1")
    text = drawn(Terminal(), 1000)
    assert "\n" not in text
    assert f"[{'#' * 24}] 1000/1000" in text.split("\r")[-1]


def test_an_override_needs_a_known_part() -> None:
    with pytest.raises(CommandError, match=r"'--modle.beta' is not an option of train; did you mean --model\.\?"):
        split_overrides(["--modle.beta", "3"], "train")
