"""The engine from outside: commands go down, events come up, and nothing is lost."""

from __future__ import annotations

import pickle
import time
from pathlib import Path

import numpy as np
import pytest

from gm_core import api
from gm_core.resources import resource
from tests.engine.conftest import Bench


def steps_of(bench: Bench, run: str, split: str = "train") -> list[int]:
    return [int(s) for e in bench.of(api.Scalars) if e.run == run and e.split == split for s in e.steps]


def test_a_run_trains_to_its_end_and_every_step_reaches_the_curve_and_the_disk(bench: Bench) -> None:
    run = bench.start()
    bench.rest()
    assert bench.card.state == "finished" and bench.card.step == 30
    assert steps_of(bench, run) == list(range(1, 31))
    assert steps_of(bench, run, "validation") == [0, 10, 20, 30]
    bench.send(api.ReadHistory(run))
    history = bench.of(api.History)[-1]
    stored = next(curve for curve in history.curves if curve.split == "train")
    shown = np.concatenate([e.values for e in bench.of(api.Scalars) if e.split == "train"])
    assert stored.steps.tolist() == list(range(1, 31))
    assert np.array_equal(stored.values, shown)


def test_every_event_and_command_crosses_a_pickle(bench: Bench) -> None:
    run = bench.start()
    for number, query in enumerate(
        [api.SampleQuery(n=4), api.MapQuery(n=20), api.WalkQuery(n=5), api.ReconstructQuery(n=3)]
    ):
        bench.send(pickle.loads(pickle.dumps(api.Ask(run, f"t{number}", number, query))))
    bench.rest()
    assert {type(e).__name__ for e in bench.events} >= {
        "Ready",
        "RunChanged",
        "Scalars",
        "Vectors",
        "Kept",
        "Answered",
        "Saved",
    }
    for event in bench.events:
        assert type(pickle.loads(pickle.dumps(event))) is type(event)


def test_pause_step_resume_and_stop_do_what_they_say(bench: Bench) -> None:
    run = bench.start(train__steps=100_000)
    bench.until(lambda: len(steps_of(bench, run)) > 3)
    bench.send(api.Pause(run))
    at = bench.card.step
    assert bench.card.state == "paused"
    assert not bench.engine.pump()
    bench.send(api.Advance(run, 1))
    bench.rest()
    assert bench.card.step == at + 1 and bench.card.state == "paused"
    bench.send(api.Advance(run, 10))
    bench.rest()
    assert bench.card.step == at + 11
    bench.send(api.Resume(run))
    bench.until(lambda: steps_of(bench, run)[-1] > at + 20)
    bench.send(api.Stop(run))
    assert bench.card.state == "stopped"
    assert steps_of(bench, run) == list(range(1, bench.card.step + 1))


def test_a_live_edit_takes_effect_at_a_step_is_reported_and_can_be_undone_and_redone(bench: Bench) -> None:
    run = bench.start(train__steps=100_000)
    bench.send(api.Edit(run, "train.lr", 0.01))
    edit = bench.of(api.Edited)[-1]
    assert (edit.path, edit.old, edit.new, edit.kind) == ("train.lr", 0.001, 0.01, "edit")
    assert bench.card.spec["train"]["lr"] == 0.01
    bench.send(api.Edit(run, "model.beta", 4.0))
    bench.send(api.Undo(run), api.Undo(run))
    assert bench.card.spec["train"]["lr"] == 0.001 and bench.card.spec["model"]["beta"] == 1.0
    bench.send(api.Redo(run))
    assert bench.card.spec["train"]["lr"] == 0.01
    bench.send(api.Pause(run), api.ReadHistory(run))
    assert [e.kind for e in bench.of(api.History)[-1].edits] == ["edit", "edit", "undo", "undo", "redo"]


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        ("train.lr", 99, "train.lr is 99; the range is 1e-07 to 1"),
        ("train.batch", 10, "train.batch cannot change while training"),
        ("model.beta", 99, "model.beta is 99; the range is 0 to 20"),
        ("model.nothing", 1, "model.nothing cannot be edited"),
    ],
)
def test_a_bad_edit_is_one_sentence_and_changes_nothing(bench: Bench, path: str, value: float, words: str) -> None:
    run = bench.start(train__steps=100_000)
    before = bench.card.spec
    bench.send(api.Edit(run, path, value))
    trouble = bench.of(api.Trouble)[-1]
    assert trouble.words.startswith(words) and "\n" not in trouble.words and trouble.path == path
    assert bench.card.spec == before and not bench.of(api.Edited)


def test_the_past_is_live_and_an_answer_says_which_step_it_shows(bench: Bench) -> None:
    run = bench.start(train__steps=60)
    bench.rest()
    kept = bench.card.kept
    assert kept[0] == 0 and kept[-1] == 60 and len(kept) > 10
    query = api.SampleQuery(seed=1, n=4)
    sheets = {}
    for number, step in enumerate((0, 9, 60, None)):
        bench.send(api.Ask(run, "gallery", number, query, step=step))
        bench.until(lambda n=number: any(a.ticket == n and a.last for a in bench.of(api.Answered)))
        answer = next(a for a in bench.of(api.Answered) if a.ticket == number and a.frame is not None)
        sheets[step] = (answer.step, answer.frame.items)
    assert [sheets[s][0] for s in (0, 9, 60, None)] == [0, 9, 60, 60]
    assert np.array_equal(sheets[60][1], sheets[None][1])
    assert not np.array_equal(sheets[0][1], sheets[60][1])


def test_rollback_returns_exactly_and_the_same_steps_follow(bench: Bench) -> None:
    run = bench.start(train__steps=40)
    bench.rest()
    first = np.concatenate([e.values for e in bench.of(api.Scalars) if e.split == "train"])
    back = bench.card.kept[8]
    bench.send(api.Rollback(run, back))
    assert bench.of(api.RolledBack)[-1] == api.RolledBack(run, 40, back)
    assert bench.card.step == back and bench.card.kept[-1] == back
    seen = len(bench.of(api.Scalars))
    bench.send(api.Resume(run))
    bench.rest()
    again = np.concatenate([e.values for e in bench.of(api.Scalars)[seen:] if e.split == "train"])
    assert np.array_equal(first[back:], again)


def test_a_branch_goes_on_from_the_past_with_a_change_beside_its_parent(bench: Bench) -> None:
    run = bench.start(train__steps=40)
    bench.rest()
    step = bench.card.kept[9]
    bench.send(api.Branch(run, step, {"train.lr": 0.01}))
    branch = bench.card
    assert (branch.parent, branch.parent_step, branch.spec["train"]["lr"]) == (run, step, 0.01)
    bench.until(lambda: bench.card.run == branch.run and bench.card.state == "finished")
    assert steps_of(bench, branch.run) == list(range(step + 1, 41))
    bench.send(api.ListRuns())
    rows = {row.run: row for row in bench.of(api.RunList)[-1].rows}
    assert rows[branch.run].parent == run


def test_a_run_is_found_again_in_another_session_with_its_past_and_goes_on_exactly(tmp_path: Path) -> None:
    whole = Bench(tmp_path / "whole")
    whole.start(train__steps=30)
    whole.rest()
    expected = np.concatenate([e.values for e in whole.of(api.Scalars) if e.split == "train"])
    whole.engine.close()

    first = Bench(tmp_path / "runs")
    run = first.start(train__steps=30)
    first.until(lambda: len(steps_of(first, run)) >= 12)
    first.engine.close()
    first.pull()
    stopped = first.card.step
    assert isinstance(first.events[-1], api.Ended)

    second = Bench(tmp_path / "runs")
    second.send(api.OpenRun(run))
    assert second.card.state == "viewed" and second.card.step == stopped and len(second.card.kept) > 3
    second.send(api.Resume(run))
    second.rest()
    resumed = np.concatenate([e.values for e in second.of(api.Scalars) if e.split == "train"])
    assert np.array_equal(expected[stopped:], resumed)
    second.engine.close()


def test_a_newer_ask_on_a_topic_closes_the_older_and_no_twin_stays_lent(bench: Bench) -> None:
    run = bench.start(train__steps=100_000, train__validate_every=100_000)
    bench.until(lambda: bool(steps_of(bench, run)))
    for ticket in range(20):
        bench.send(api.Ask(run, "latent", ticket, api.DecodeQuery(z=np.full((1, 2), ticket / 10, np.float32))))
    bench.until(lambda: any(a.ticket == 19 and a.last for a in bench.of(api.Answered)))
    bench.send(api.Pause(run))
    worker = bench.engine._worker
    assert worker is not None and worker.lanes[run].training.mirrors.lent == 0 and not worker.views


def test_a_following_view_moves_on_with_training_and_rests_with_it(bench: Bench) -> None:
    run = bench.start(train__steps=100_000)
    bench.send(api.Ask(run, "gallery", 1, api.SampleQuery(n=4), follow=True))
    deadline = time.monotonic() + 20
    bench.until(lambda: len({a.step for a in bench.of(api.Answered)}) >= 3 or time.monotonic() > deadline, turns=10**6)
    assert len({a.step for a in bench.of(api.Answered)}) >= 3
    bench.send(api.Pause(run))
    bench.until(lambda: bench.of(api.Answered)[-1].step == bench.card.step)
    for _ in range(10):
        bench.engine.pump()
    bench.pull()
    assert not bench.engine.pump()


def test_an_ask_that_the_model_cannot_answer_is_a_sentence(bench: Bench) -> None:
    run = bench.start()
    bench.send(api.Ask(run, "steps", 7, api.TrajectoryQuery()))
    bench.until(lambda: bool(bench.of(api.Trouble)))
    trouble = bench.of(api.Trouble)[-1]
    assert "has no stepwise; it offers" in trouble.words and trouble.ticket == 7


def test_pinned_steps_survive_a_tight_memory_budget(bench: Bench) -> None:
    run = bench.start(train__steps=400, train__memory=1, model__hidden=[64])
    bench.until(lambda: 8 in bench.card.kept or any(8 in k.steps for k in bench.of(api.Kept)))
    bench.send(api.Pin(run, 8))
    bench.rest()
    kept = bench.of(api.Kept)[-1]
    assert 8 in kept.steps and kept.pinned == (8,) and kept.bytes <= 2**20
    assert len(kept.steps) < 30


def test_a_threaded_engine_starts_trains_and_ends_within_its_time(tmp_path: Path) -> None:
    engine = api.open_engine(tmp_path / "runs")
    engine.start()
    events: list[api.Event] = []

    def wait(kind: type[api.Event]) -> None:
        deadline = time.monotonic() + 60
        while not any(isinstance(e, kind) for e in events):
            assert time.monotonic() < deadline, f"{kind.__name__} has not come"
            engine.wait(0.1)
            events.extend(engine.drain())

    wait(api.Ready)
    spec = {"model": {"kind": "vae", "hidden": [16]}, "data": {"kind": "digits"}, "train": {"steps": 100_000}}
    engine.send(api.Start(spec))
    wait(api.Scalars)
    assert engine.close(10)
    events.extend(engine.drain())
    assert isinstance(events[-1], api.Ended) and any(isinstance(e, api.Saved) for e in events)


def test_a_shipped_example_can_be_looked_at_but_not_trained_and_leaves_its_name_free(bench: Bench) -> None:
    example = resource("pretrained", "vae-mnist")
    bench.send(api.OpenRun(str(example)))
    card = bench.card
    assert (card.run, card.state, card.step) == ("example:vae-mnist", "viewed", 6000)
    bench.send(api.Ask(card.run, "gallery", 1, api.SampleQuery(n=4)))
    bench.until(lambda: any(a.last for a in bench.of(api.Answered)))
    assert bench.of(api.Answered)[0].frame.items.shape == (4, 28, 28, 1)
    bench.send(api.Resume(card.run))
    assert "is an example that came with the program" in bench.of(api.Trouble)[-1].words
    assert bench.start(name="vae-mnist") == "vae-mnist"


@pytest.mark.parametrize("how", ["close the run", "end the program"])
def test_a_paused_run_keeps_its_past_when_it_is_let_go(tmp_path: Path, how: str) -> None:
    first = Bench(tmp_path / "runs")
    run = first.start(train__steps=100_000)
    first.until(lambda: len(steps_of(first, run)) >= 40)
    first.send(api.Pause(run))
    if how == "close the run":
        first.send(api.CloseRun(run))
    first.engine.close()

    second = Bench(tmp_path / "runs")
    second.send(api.OpenRun(run))
    assert len(second.card.kept) > 4 and second.card.kept[0] == 0
    second.send(api.ListRuns())
    assert second.of(api.RunList)[-1].rows[0].state == "stopped"
    second.engine.close()
