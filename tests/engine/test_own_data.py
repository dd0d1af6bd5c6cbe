"""One's own data in the engine: previews without a run, and bad files that no run and no worker dies of."""

from __future__ import annotations

import pickle
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from gm_core import api
from tests.engine.conftest import Bench

TOPIC = "experiment/preview"


def fill(folder: Path, count: int = 30) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    for number in range(count):
        Image.fromarray(rng.integers(0, 256, (9, 9), dtype=np.uint8)).save(folder / f"{number}.png")
    return folder


def ask(bench: Bench, data: dict[str, Any], ticket: int = 1) -> None:
    bench.send(api.Ask(api.ALONE, TOPIC, ticket, api.PreviewQuery(data=data)))


def previews(bench: Bench) -> list[api.Preview]:
    return [e.frame for e in bench.of(api.Answered) if e.topic == TOPIC and e.frame is not None]


def ended(bench: Bench, ticket: int = 1) -> bool:
    done = any(e.topic == TOPIC and e.ticket == ticket and e.last for e in bench.of(api.Answered))
    return done or any(e.ticket == ticket for e in bench.of(api.Trouble))


def test_data_can_be_looked_at_without_any_run(bench: Bench, tmp_path: Path) -> None:
    ask(bench, {"kind": "folder", "folder": str(fill(tmp_path / "own")), "size": 8})
    bench.until(lambda: ended(bench))
    frames = previews(bench)
    assert [f.card is not None for f in frames] == [False, False, True] and not bench.of(api.RunChanged)
    assert frames[-1].card is not None and frames[-1].card.shape == (1, 8, 8) and len(frames[-1].items) == 24
    assert pickle.loads(pickle.dumps(frames[-1])).done == 30  # every frame can cross to another process


@pytest.mark.parametrize("kind", ["digits", "moons", "sprites", "strokes"])
def test_every_set_that_is_ready_can_be_looked_at(bench: Bench, kind: str) -> None:
    ask(bench, {"kind": kind})
    bench.until(lambda: ended(bench))
    (frame,) = previews(bench)
    assert frame.card is not None and frame.card.name == kind and len(frame.items) == len(frame.labels) == 24


def test_a_preview_gives_way_and_can_be_given_up_while_a_run_trains(bench: Bench, tmp_path: Path) -> None:
    run = bench.start(train__steps=5000)
    ask(bench, {"kind": "folder", "folder": str(fill(tmp_path / "own", 200))})
    before = len(bench.of(api.Scalars))
    bench.until(lambda: len(previews(bench)) > 0 and len(bench.of(api.Scalars)) > before)
    bench.send(api.Cancel(TOPIC))
    told = len(previews(bench))
    for _ in range(20):
        bench.engine.pump()
    bench.pull()
    assert len(previews(bench)) == told and bench.card.run == run and bench.card.state == "training"
    assert not bench.of(api.Trouble)


def bad_places(folder: Path) -> dict[str, dict[str, Any]]:
    """Data that cannot be used, by what is wrong."""
    empty = folder / "empty"
    empty.mkdir()
    words = folder / "words"
    words.mkdir()
    (words / "a.png").write_text("no picture")
    climbing = folder / "climbing.zip"
    with zipfile.ZipFile(climbing, "w") as archive:
        archive.writestr("../a.png", b"x")
    ragged = folder / "ragged.csv"
    ragged.write_text("1,2\n3\n")
    pickled = folder / "pickled.npy"
    np.save(pickled, np.array([{}], dtype=object), allow_pickle=True)
    return {
        "nothing": {"kind": "folder"},
        "absent": {"kind": "folder", "folder": str(folder / "nowhere")},
        "empty": {"kind": "folder", "folder": str(empty)},
        "words": {"kind": "folder", "folder": str(words)},
        "climbing": {"kind": "folder", "folder": str(climbing)},
        "ragged": {"kind": "table", "file": str(ragged)},
        "pickled": {"kind": "arrays", "file": str(pickled)},
        "unknown": {"kind": "folders", "folder": str(folder)},
        "choice": {"kind": "folder", "folder": str(folder), "size": 9999},
    }


def test_bad_data_is_one_sentence_to_a_preview_and_to_a_start_and_training_goes_on(
    bench: Bench, tmp_path: Path
) -> None:
    run = bench.start(train__steps=100_000)
    for ticket, (name, data) in enumerate(bad_places(tmp_path).items(), 1):
        ask(bench, data, ticket)
        bench.until(lambda ticket=ticket: ended(bench, ticket))  # type: ignore[misc]
        refused = bench.of(api.Trouble)[-1]
        assert refused.topic == TOPIC and refused.ticket == ticket and "\n" not in refused.words, name
        told = len(bench.of(api.Trouble))
        spec = {"name": "own", "model": {"kind": "vae"}, "data": data, "train": {"steps": 3}}
        bench.send(api.Start(spec))
        bench.until(lambda told=told: len(bench.of(api.Trouble)) > told)  # type: ignore[misc]
        again = bench.of(api.Trouble)[-1]
        assert again.topic == "Start" and again.words == refused.words, name
        assert "Traceback" not in again.words and "failed with" not in again.words, name
    assert bench.card.run == run and bench.card.state == "training"
    reported = len(bench.of(api.Scalars))
    bench.until(lambda: len(bench.of(api.Scalars)) > reported)


def test_a_run_begins_once_its_pictures_are_read_and_everything_is_heard_meanwhile(
    bench: Bench, tmp_path: Path
) -> None:
    other = bench.start(train__steps=100_000)
    data = {"kind": "folder", "folder": str(fill(tmp_path / "own", 150)), "size": 8}
    spec = {"name": "own", "model": {"kind": "vae", "hidden": [8]}, "data": data, "train": {"steps": 3, "batch": 8}}
    bench.send(api.Start(spec))
    assert bench.card.run == other, "not all pictures are read yet"
    bench.send(api.Ask(other, "gallery/sheet", 7, api.SampleQuery(n=4)))
    bench.until(lambda: any(e.topic == "gallery/sheet" for e in bench.of(api.Answered)), turns=100)
    assert bench.card.run == other, "a question is answered while pictures are read"
    bench.until(lambda: bench.card.run == "own" and bench.card.state == "finished")
    done = [e.done for e in bench.of(api.Progress) if e.topic == "Start"]
    assert done == sorted(set(done)) and done[-1] == 150 and bench.card.data.splits["train"] == 121


def test_train_pressed_twice_while_pictures_are_read_begins_one_run(bench: Bench, tmp_path: Path) -> None:
    data = {"kind": "folder", "folder": str(fill(tmp_path / "own", 40)), "size": 8}
    spec = {"name": "own", "model": {"kind": "vae", "hidden": [8]}, "data": data, "train": {"steps": 2, "batch": 8}}
    bench.send(api.Start(spec), api.Start(spec))
    bench.until(lambda: bool(bench.of(api.RunChanged)) and bench.card.state == "finished")
    for _ in range(60):
        bench.engine.pump()
    bench.pull()
    assert {e.card.run for e in bench.of(api.RunChanged)} == {"own"}


def test_a_run_on_its_way_can_be_given_up(bench: Bench, tmp_path: Path) -> None:
    data = {"kind": "folder", "folder": str(fill(tmp_path / "own", 60))}
    bench.send(api.Start({"name": "own", "model": {"kind": "vae"}, "data": data}))
    bench.send(api.Cancel("Start"))
    for _ in range(80):
        bench.engine.pump()
    bench.pull()
    assert not bench.of(api.RunChanged) and not bench.of(api.Trouble)


def test_a_folder_that_vanishes_does_not_end_the_run_that_reads_no_more_from_it(bench: Bench, tmp_path: Path) -> None:
    folder = fill(tmp_path / "own", 20)
    bench.start(data={"kind": "folder", "folder": str(folder), "size": 8})
    bench.until(lambda: bool(bench.of(api.RunChanged)))
    for path in folder.iterdir():
        path.unlink()
    bench.rest()
    assert bench.card.state == "finished" and not bench.of(api.Trouble)


def test_a_question_to_a_run_cannot_be_asked_alone_nor_a_lone_one_of_a_run(bench: Bench) -> None:
    run = bench.start()
    bench.send(api.Ask(api.ALONE, "a", 1, api.SampleQuery()))
    bench.until(lambda: any(t.topic == "a" for t in bench.of(api.Trouble)))
    assert "is a question to a run" in bench.of(api.Trouble)[-1].words
    bench.send(api.Ask(run, "b", 2, api.PreviewQuery(data={"kind": "digits"})))
    bench.until(lambda: any(t.topic == "b" for t in bench.of(api.Trouble)))
    assert "ask it alone" in bench.of(api.Trouble)[-1].words
