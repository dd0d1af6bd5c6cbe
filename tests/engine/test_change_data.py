"""Other data while a run trains: recorded, undone, rolled back, resumed and branched like any edit."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from gm_core import api
from gm_core.weights.snapshot import Snapshot
from tests.engine.conftest import Bench

SIZES = {"train": 300, "validation": 100, "test": 100}
STROKE: dict[str, Any] = {"kind": "brush", "width": 0.3, "points": [-2.0, 0.0, 2.0, 0.0]}
LINE: dict[str, Any] = {"kind": "drawn", "marks": [STROKE], **SIZES}
BELL: dict[str, Any] = {"kind": "drawn", "marks": [{"kind": "gaussian", "at": [1.0, 1.0]}], **SIZES, "train": 200}


def begin(bench: Bench, steps: int = 100_000, **changes: Any) -> str:
    """A small run on a drawn line."""
    model = {"kind": "vae", "latent": 2, "hidden": [16]}
    return bench.start(**{"model": model, "data": LINE, "train__steps": steps, **changes})


def at_step(bench: Bench, run: str, steps: int) -> None:
    bench.send(api.Advance(run, steps))
    bench.rest()


def snapshot(bench: Bench, run: str) -> Snapshot:
    worker = bench.engine._worker
    assert worker is not None
    return worker.lanes[run].training.snapshot()


def same(one: Snapshot, two: Snapshot) -> bool:
    return one.step == two.step and all(torch.equal(one.tensors[name], two.tensors[name]) for name in one.tensors)


def truth_at(bench: Bench, run: str, number: int) -> api.Truth:
    bench.send(api.Ask(run, f"truth{number}", number, api.TruthQuery(size=9, score_size=3)))
    bench.until(lambda: any(e.ticket == number and e.last for e in bench.of(api.Answered)))
    return next(e.frame for e in bench.of(api.Answered) if e.ticket == number and e.frame is not None)


def paused(bench: Bench, steps: int = 10, **changes: Any) -> str:
    run = begin(bench, **changes)
    bench.send(api.Pause(run))
    at_step(bench, run, steps - bench.card.step)
    return run


def test_the_next_batch_comes_from_the_new_data_and_the_truth_is_theirs(bench: Bench) -> None:
    run = paused(bench)
    before = truth_at(bench, run, 1)
    bench.send(api.ChangeData(run, BELL))
    worker = bench.engine._worker
    assert worker is not None
    feed = worker.lanes[run].training.feed
    mean = torch.cat([feed.next().x for _ in range(10)]).mean(0)  # one epoch of 200
    assert torch.allclose(mean, torch.ones(2), atol=0.15)
    after = truth_at(bench, run, 2)
    assert after.entropy != before.entropy and not (after.values == before.values).all()
    assert not bench.of(api.Trouble)


def truth_of_then(bench: Bench, run: str, number: int, step: int) -> tuple[api.Truth, int]:
    """The truth as it is told when one looks at a step, and the step that was found."""
    bench.send(api.Ask(run, f"truth{number}", number, api.TruthQuery(size=9, score_size=3), step))
    bench.until(lambda: any(e.ticket == number and e.last for e in bench.of(api.Answered)))
    return next((e.frame, e.step) for e in bench.of(api.Answered) if e.ticket == number and e.frame is not None)


def test_who_looks_back_past_a_change_sees_the_data_of_then(bench: Bench) -> None:
    """Weights of before the change beside the truth, and the examples, that they were learning from."""
    run = paused(bench)
    line = truth_at(bench, run, 1)
    bench.send(api.ChangeData(run, BELL))
    at_step(bench, run, 10)
    bell = truth_at(bench, run, 2)
    kept = bench.card.kept
    (before, found), (after, later) = truth_of_then(bench, run, 3, kept[1]), truth_of_then(bench, run, 4, kept[-1])
    assert found == kept[1] < 10 and (before.values == line.values).all() and before.entropy == line.entropy
    assert later >= 10 and (after.values == bell.values).all()
    bench.send(api.Ask(run, "then", 5, api.ExamplesQuery(n=200, split="train"), kept[1]))
    bench.until(lambda: any(e.ticket == 5 and e.last for e in bench.of(api.Answered)))
    sheet = next(e.frame for e in bench.of(api.Answered) if e.ticket == 5 and e.frame is not None)
    across, up = sheet.items.T  # points of the line, not of the bell at (1, 1)
    assert abs(up.mean()) < 0.15 and across.std() > 0.5
    assert truth_at(bench, run, 6).entropy == bell.entropy and bench.card.spec["data"] == BELL
    assert not bench.of(api.Trouble)


def test_looking_back_past_a_change_disturbs_no_training(bench: Bench) -> None:
    run = paused(bench)
    bench.send(api.ChangeData(run, BELL))
    at_step(bench, run, 5)
    before = snapshot(bench, run)
    truth_of_then(bench, run, 1, bench.card.kept[1])
    assert same(before, snapshot(bench, run))


def test_a_change_is_recorded_as_an_edit_of_data_undone_and_redone(bench: Bench) -> None:
    run = paused(bench)
    bench.send(api.ChangeData(run, BELL))
    edit = bench.of(api.Edited)[-1]
    assert (edit.step, edit.path, edit.old, edit.new, edit.kind) == (10, "data", LINE, BELL, "edit")
    assert bench.card.spec["data"] == BELL and bench.card.data.splits["train"] == 200
    bench.send(api.Undo(run))
    assert bench.card.spec["data"] == LINE and bench.of(api.Edited)[-1].kind == "undo"
    bench.send(api.Redo(run))
    assert bench.card.spec["data"] == BELL
    bench.send(api.ReadHistory(run))
    assert [e.path for e in bench.of(api.History)[-1].edits] == ["data"] * 3


def test_the_same_data_once_more_are_no_change(bench: Bench) -> None:
    run = paused(bench)
    before = snapshot(bench, run)
    bench.send(api.ChangeData(run, LINE), api.ChangeData(run, {**LINE, "seed": 0, "marks": [{**STROKE, "label": 0}]}))
    assert not bench.of(api.Edited) and same(before, snapshot(bench, run))


def test_rollback_brings_the_data_of_then_back_and_the_same_steps_follow(bench: Bench) -> None:
    run = paused(bench)
    at_step(bench, run, 10)
    known = snapshot(bench, run)
    bench.send(api.ChangeData(run, BELL))
    at_step(bench, run, 5)
    bench.send(api.Rollback(run, 10))
    assert bench.card.spec["data"] == LINE and bench.card.data.splits["train"] == 300
    last = bench.of(api.Edited)[-1]
    assert (last.path, last.step, last.new) == ("data", 10, LINE), "the curve is flagged where the data changed back"
    at_step(bench, run, 10)
    assert same(known, snapshot(bench, run))
    bench.send(api.Undo(run))
    assert bench.card.spec["data"] == BELL, "the later drawing is not lost"


def test_a_rollback_past_no_change_is_no_edit(bench: Bench) -> None:
    run = paused(bench)
    at_step(bench, run, 5)
    bench.send(api.Rollback(run, 10))
    assert not bench.of(api.Edited)


@pytest.mark.parametrize("trained_between", [0, 3])
def test_training_on_from_disk_after_a_change_is_exact(bench: Bench, trained_between: int) -> None:
    run = paused(bench)
    bench.send(api.ChangeData(run, BELL))
    if trained_between:
        at_step(bench, run, trained_between)
    bench.send(api.Branch(run, 10 + trained_between), api.Stop(run))
    whole = next(e.card.run for e in bench.of(api.RunChanged) if e.card.run != run)
    bench.send(api.Pause(whole))
    bench.send(api.CloseRun(run), api.OpenRun(run))
    bench.until(lambda: bench.card.run == run and bench.card.state == "viewed")
    assert bench.card.spec["data"] == BELL and bench.card.step == 10 + trained_between
    at_step(bench, run, 30 - bench.card.step)
    resumed = snapshot(bench, run)
    bench.send(api.Advance(whole, max(1, 30 - snapshot(bench, whole).step)))
    bench.until(lambda: bench.card.run == whole and bench.card.state != "training")
    other = snapshot(bench, whole)
    assert resumed.step == other.step == 30
    assert same(resumed, other)


def test_a_branch_from_before_a_change_learns_from_the_data_of_then(bench: Bench) -> None:
    run = paused(bench)
    bench.send(api.ChangeData(run, BELL))
    at_step(bench, run, 10)
    bench.send(api.ChangeData(run, {**BELL, "seed": 5}))
    kept = [step for step in bench.card.kept if step < 10]
    bench.send(api.Branch(run, kept[-1]))
    assert bench.card.run != run and bench.card.spec["data"] == LINE
    bench.send(api.Pause(bench.card.run))
    bench.send(api.Branch(run, 20, {"data.seed": 7}))
    assert bench.card.spec["data"] == {**BELL, "seed": 7}


def test_any_toy_can_take_the_place_of_another_and_the_box_stays(bench: Bench) -> None:
    run = paused(bench, data={"kind": "moons", **SIZES})
    box = bench.card.data.range
    bench.send(api.ChangeData(run, {"kind": "ring", "radius": 9.0, **SIZES}))
    assert bench.card.data.name == "ring" and bench.card.data.range == box
    at_step(bench, run, 5)
    assert not bench.of(api.Trouble)


def test_a_change_in_the_middle_of_a_validation_harms_neither(bench: Bench) -> None:
    run = begin(bench, train__validate_every=1, train__validate_examples=1000, data={**LINE, "validation": 5000})
    for number in range(12):
        small = {**LINE, "validation": 10 + number, "train": 20 + number}
        bench.send(api.ChangeData(run, small if number % 2 else {**LINE, "validation": 4000 + number}))
        bench.engine.pump()
        bench.pull()
    bench.until(lambda: bench.card.step >= 0 and len(bench.of(api.Scalars)) > 3)
    assert not bench.of(api.Trouble)


def test_viewers_leave_training_after_a_change_bit_identical(bench: Bench) -> None:
    seen = []
    for watched in (False, True):
        run = paused(bench, name=f"run{watched}")
        bench.send(api.ChangeData(run, BELL))
        if watched:
            bench.send(api.Ask(run, "truth", 91, api.TruthQuery(size=9), follow=True))
            bench.send(api.Ask(run, "samples", 92, api.SampleQuery(n=5), follow=True))
        at_step(bench, run, 20)
        seen.append(snapshot(bench, run))
    assert same(*seen)


WRONG = [
    ({"kind": "digits"}, "has levels examples of shape (1, 8, 8); this model takes continuous ones of shape (2,)"),
    ({"kind": "drawn", "marks": []}, "the drawing is empty; draw"),
    ({"kind": "moonz"}, "did you mean moons?"),
    ({}, "kind is missing"),
]


@pytest.mark.parametrize(("data", "words"), WRONG)
def test_data_that_do_not_fit_are_one_sentence_and_change_nothing(
    bench: Bench, data: dict[str, Any], words: str
) -> None:
    run = paused(bench)
    before = snapshot(bench, run)
    bench.send(api.ChangeData(run, data))
    (trouble,) = bench.of(api.Trouble)
    assert words in trouble.words and trouble.path.startswith("data")
    assert not bench.of(api.Edited) and same(before, snapshot(bench, run)) and bench.card.spec["data"] == LINE


def test_a_model_that_learned_classes_keeps_their_number(bench: Bench) -> None:
    two = {**LINE, "marks": [STROKE, {**STROKE, "label": 1}]}
    run = paused(bench, data=two, model={"kind": "vae", "latent": 2, "hidden": [16], "labels": True})
    bench.send(api.ChangeData(run, {**two, "marks": [STROKE, {**STROKE, "label": 2}]}))
    assert "has 3 classes; this model was made for 2" in bench.of(api.Trouble)[-1].words
    bench.send(api.ChangeData(run, {**two, "marks": [{**STROKE, "label": 1}, STROKE]}))
    assert len(bench.of(api.Edited)) == 1
