"""Between the parts of a long step: what looks goes ahead, what changes a run waits for the step's end."""

from __future__ import annotations

from pathlib import Path

import torch

from gm_core import api
from gm_core.engine.lane import Lane
from tests.engine.conftest import Bench

PARTS = {"train__batch": 20, "train__microbatch": 5, "train__steps": 12}


def lane_of(bench: Bench, run: str) -> Lane:
    worker = bench.engine._worker
    assert worker is not None
    return worker.lanes[run]


def midway(bench: Bench) -> tuple[str, Lane]:
    """A run that rests inside its fourth step."""
    run = bench.start(**PARTS)
    lane = lane_of(bench, run)
    bench.until(lambda: lane.training.step == 3 and lane.training.midway)
    return run, lane


def ends_as(lane: Lane, other: Lane) -> bool:
    """Whether two runs stand at the same bits."""
    a, b = lane.training.snapshot(), other.training.snapshot()
    return a.step == b.step and all(torch.equal(a.tensors[name], b.tensors[name]) for name in a.tensors)


def undisturbed(folder: Path) -> Lane:
    """The run that nobody disturbs."""
    bench = Bench(folder)
    lane = lane_of(bench, bench.start(**PARTS))
    bench.rest()
    return lane


def test_a_pause_in_the_middle_of_a_step_waits_for_its_end_and_the_run_goes_on_exactly(
    bench: Bench, tmp_path: Path
) -> None:
    run, lane = midway(bench)
    bench.engine.send(api.Pause(run))
    bench.engine.pump()
    assert lane.state == "training" and lane.training.step == 3
    bench.rest()
    assert (lane.state, lane.training.step, lane.training.midway) == ("paused", 4, False)
    bench.send(api.Resume(run))
    bench.rest()
    assert lane.state == "finished" and ends_as(lane, undisturbed(tmp_path / "other"))


def test_a_view_is_answered_in_the_middle_of_a_step_and_shows_the_last_whole_one(bench: Bench, tmp_path: Path) -> None:
    run, lane = midway(bench)
    bench.send(api.Ask(run, "look", 1, api.SampleQuery(n=4)))
    assert lane.training.midway, "the answer came while the step had not ended"
    assert [event.step for event in bench.of(api.Answered)] == [3]
    bench.rest()
    assert ends_as(lane, undisturbed(tmp_path / "other"))


def test_commands_keep_their_order_behind_one_that_waits(bench: Bench) -> None:
    run, lane = midway(bench)
    bench.engine.send(api.Edit(run, "train.lr", 0.01))
    bench.engine.send(api.Edit(run, "train.lr", 0.02))
    bench.engine.send(api.Ask(run, "look", 1, api.SampleQuery(n=4)))
    bench.until(lambda: bool(bench.of(api.Answered)))
    assert [(event.step, event.new) for event in bench.of(api.Edited)] == [(4, 0.01), (4, 0.02)]
    assert bench.of(api.Answered)[0].step == 4
    assert lane.training.spec.lr == 0.02


def test_the_window_may_close_in_the_middle_of_a_step_and_the_run_goes_on_exactly(tmp_path: Path) -> None:
    first = Bench(tmp_path / "runs")
    run, lane = midway(first)
    assert first.engine.close()
    assert lane.training.step == 4 and not lane.training.midway
    second = Bench(tmp_path / "runs")
    second.send(api.OpenRun(run), api.Resume(run))
    second.rest()
    assert ends_as(lane_of(second, run), undisturbed(tmp_path / "other"))
    second.engine.close()


def test_a_run_in_parts_is_bit_identical_with_a_viewer_open_and_with_none(bench: Bench, tmp_path: Path) -> None:
    run = bench.start(**PARTS)
    bench.send(api.Ask(run, "gallery", 1, api.SampleQuery(n=4), follow=True))
    bench.rest()
    assert len(bench.of(api.Answered)) >= 1
    assert ends_as(lane_of(bench, run), undisturbed(tmp_path / "other"))
