"""The recorder writes seldom, says once that the disk is full, loses nothing, and keeps the right checkpoints."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest
import torch

from gm_core.protocol.events import Edited, Kept, RolledBack, RunChanged
from gm_core.runs import recorder as recorder_module
from gm_core.runs.folders import RunsError
from gm_core.runs.recorder import Recorder
from gm_core.runs.shelf import Shelf, checkpoints, last_checkpoint, pinned_steps
from gm_core.runs.store import CURVES_FILE, Store
from gm_core.weights.checkpoint import CheckpointError, read
from gm_core.weights.snapshot import Snapshot
from tests.runs.conftest import card_of, curve, spec_of


class Clock:
    """A clock that stands until it is set."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def snapshot(step: int, value: float = 1.0) -> Snapshot:
    return Snapshot(step, {"model.w": torch.full((3,), value)})


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def recorder(store: Store, clock: Clock) -> Recorder:
    return Recorder(store, clock)


def begin(recorder: Recorder, name: str = "a") -> tuple[str, Path]:
    run, folder = recorder.store.create_run(spec_of(name), card_of())
    recorder.take(RunChanged(card_of(run, folder=str(folder))))
    recorder.flush()
    return run, folder


def written(recorder: Recorder, run: str) -> int:
    """Steps on disk, as another program sees them."""
    curves = Store(recorder.store.folder).history(run).curves
    return len(curves[0].steps) if curves else 0


def test_it_writes_after_two_seconds_or_a_thousand_steps_and_not_before(recorder: Recorder, clock: Clock) -> None:
    run, _ = begin(recorder)
    recorder.take(curve(run, 0, 999))
    recorder.flush()
    assert written(recorder, run) == 0
    recorder.take(curve(run, 999, 1))
    recorder.flush()
    assert written(recorder, run) == 1000
    recorder.take(curve(run, 1000, 1))
    clock.now = 1.9
    recorder.flush()
    assert written(recorder, run) == 1000
    clock.now = 2.0
    recorder.flush()
    assert written(recorder, run) == 1001


def test_a_change_of_state_is_written_at_once(recorder: Recorder) -> None:
    run, folder = begin(recorder)
    recorder.take(RunChanged(card_of(run, state="finished", step=100, folder=str(folder))))
    recorder.flush()
    assert Store(recorder.store.folder).rows()[0].state == "finished"


def test_closing_writes_everything(recorder: Recorder) -> None:
    run, folder = begin(recorder)
    recorder.take(curve(run, 0, 5))
    recorder.take(Edited(run, 3, "train.lr", 1, 2))
    recorder.close()
    assert written(recorder, run) == 5
    assert (folder / CURVES_FILE).exists()


def test_a_run_at_rest_carries_its_curves_in_its_folder(recorder: Recorder) -> None:
    run, folder = begin(recorder)
    recorder.take(curve(run, 0, 5))
    recorder.flush(force=True)
    assert not (folder / CURVES_FILE).exists()
    recorder.take(RunChanged(card_of(run, state="finished", step=5, folder=str(folder))))
    recorder.flush()
    assert (folder / CURVES_FILE).exists()


def test_a_full_disk_is_told_once_and_everything_is_written_when_there_is_room(
    recorder: Recorder, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, _ = begin(recorder)
    real = recorder.store.add

    def full(events: object) -> None:
        raise RunsError("the disk is full")

    monkeypatch.setattr(recorder.store, "add", full)
    recorder.take(curve(run, 0, 1000))
    with pytest.raises(RunsError, match="the disk is full"):
        recorder.flush()
    for second in range(1, 30):
        clock.now = float(second)
        recorder.take(curve(run, 1000 * second, 1000))
        recorder.flush()
        recorder.flush(force=True)
    monkeypatch.setattr(recorder.store, "add", real)
    clock.now += 5
    recorder.flush()
    assert written(recorder, run) == 30_000
    assert recorder.store.warnings == []
    monkeypatch.setattr(recorder.store, "add", full)
    recorder.take(curve(run, 30_000, 1000))
    with pytest.raises(RunsError):  # a second outage is told again
        recorder.flush()


def test_closing_on_a_full_disk_says_so_even_if_it_was_told_before(
    recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, _ = begin(recorder)

    def full(events: object) -> None:
        raise RunsError("the disk is full")

    monkeypatch.setattr(recorder.store, "add", full)
    recorder.take(curve(run, 0, 1000))
    with pytest.raises(RunsError):
        recorder.flush()
    with pytest.raises(RunsError):
        recorder.close()


def test_memory_stays_bounded_while_the_disk_is_full_and_the_loss_is_owned_up_to(
    recorder: Recorder, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorder_module, "MOST_NUMBERS", 10_000)
    run, _ = begin(recorder)
    real = recorder.store.add

    def full(events: object) -> None:
        raise RunsError("the disk is full")

    monkeypatch.setattr(recorder.store, "add", full)
    with pytest.raises(RunsError):
        for first in range(0, 50_000, 100):
            recorder.take(curve(run, first, 100))
            assert recorder._numbers <= 10_000
            recorder.flush()
    for first in range(1000, 50_000, 100):
        recorder.take(curve(run, first, 100))
        assert recorder._numbers <= 10_000
    monkeypatch.setattr(recorder.store, "add", real)
    recorder.flush(force=True)
    kept = Store(recorder.store.folder).history(run).curves[0].steps
    assert kept[-1] == 49_999
    lost = 50_000 - len(kept)
    assert recorder.store.warnings == [f"{lost} steps of the curves were lost while nothing could be written"]


def test_the_last_two_presents_are_kept_and_the_past_that_was_asked_for(recorder: Recorder) -> None:
    run, folder = begin(recorder)
    recorder.checkpoint(run, snapshot(1), {}, kind="past")
    for step in (10, 20, 30, 40):
        recorder.checkpoint(run, snapshot(step), {})
    recorder.checkpoint(run, snapshot(5), {}, kind="past")
    assert list(checkpoints(folder)) == [1, 5, 30, 40]


def test_a_pinned_checkpoint_stays_until_it_is_released_also_across_programs(recorder: Recorder) -> None:
    run, folder = begin(recorder)
    recorder.checkpoint(run, snapshot(10), {})
    recorder.checkpoint(run, snapshot(10), {}, kind="pinned")
    recorder.take(Kept(run, (0, 10), (10,), 0))
    recorder.flush(force=True)
    for step in (20, 30, 40):
        recorder.checkpoint(run, snapshot(step), {})
    assert list(checkpoints(folder)) == [10, 30, 40]
    again = Recorder(Store(recorder.store.folder))
    assert pinned_steps(folder) == {10}
    again.take(Kept(run, (0, 10, 40), (), 0))  # this program never saw the pin: it is not released
    again.flush(force=True)
    again.checkpoint(run, snapshot(50), {})
    assert list(checkpoints(folder)) == [10, 40, 50]
    again.take(Kept(run, (0, 10, 40), (10,), 0))
    again.take(Kept(run, (0, 10, 40), (), 0))
    again.flush(force=True)
    again.checkpoint(run, snapshot(60), {})
    assert list(checkpoints(folder)) == [50, 60]


def test_an_abandoned_past_goes_only_once_the_new_present_is_safe(recorder: Recorder) -> None:
    run, folder = begin(recorder)
    for step in (10, 20, 30):
        recorder.checkpoint(run, snapshot(step), {})
    recorder.take(RolledBack(run, 30, 20))
    assert list(checkpoints(folder)) == [20, 30]
    recorder.checkpoint(run, snapshot(25), {})
    assert list(checkpoints(folder)) == [20, 25]


def test_the_last_checkpoint_is_the_one_written_last_not_the_one_with_the_largest_step(recorder: Recorder) -> None:
    run, folder = begin(recorder)
    recorder.checkpoint(run, snapshot(30), {})
    recorder.checkpoint(run, snapshot(30), {}, kind="pinned")
    recorder.take(RolledBack(run, 30, 20))
    recorder.checkpoint(run, snapshot(25), {})
    assert list(checkpoints(folder)) == [25, 30]
    last = last_checkpoint(folder)
    assert last is not None and last.name == "step-000000025.safetensors"


def test_the_same_step_of_two_pasts_holds_the_newer_weights(recorder: Recorder) -> None:
    run, folder = begin(recorder)
    recorder.checkpoint(run, snapshot(30, 1.0), {})
    recorder.take(RolledBack(run, 30, 20))
    recorder.checkpoint(run, snapshot(30, 2.0), {}, kind="past")
    assert read(checkpoints(folder)[30])[0].tensors["model.w"].tolist() == [2.0] * 3


def test_a_damaged_last_checkpoint_is_passed_over(recorder: Recorder) -> None:
    run, folder = begin(recorder)
    recorder.checkpoint(run, snapshot(10), {})
    path = recorder.checkpoint(run, snapshot(20), {})
    path.write_bytes(path.read_bytes()[:-1])
    last = last_checkpoint(folder)
    assert last is not None and last.name == "step-000000010.safetensors"


def test_a_full_disk_leaves_the_old_checkpoints(recorder: Recorder, monkeypatch: pytest.MonkeyPatch) -> None:
    run, folder = begin(recorder)
    recorder.checkpoint(run, snapshot(10), {})

    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    for step in (20, 30, 40):
        with pytest.raises(CheckpointError, match="the disk is full"):
            recorder.checkpoint(run, snapshot(step), {})
    assert list(checkpoints(folder)) == [10]
    assert read(checkpoints(folder)[10])[0].step == 10


def test_what_a_killed_program_left_half_written_is_swept_up(recorder: Recorder) -> None:
    run, folder = begin(recorder)
    left = folder / "checkpoints" / ".step-000000009.safetensors.1234.part"
    left.write_bytes(b"half")
    assert checkpoints(folder) == {}
    recorder.checkpoint(run, snapshot(10), {})
    assert not left.exists()


def test_a_run_from_elsewhere_does_not_mix_its_curves_with_its_namesake(recorder: Recorder, tmp_path: Path) -> None:
    run, _ = begin(recorder)
    recorder.take(curve(run, 0, 7))
    _, far = Store(tmp_path / "elsewhere").create_run(spec_of(run), card_of())
    recorder.take(RunChanged(card_of(run, folder=str(far))))
    recorder.take(curve(run, 100, 3))
    recorder.checkpoint(run, snapshot(5), {})
    recorder.close()
    store = Store(recorder.store.folder)
    assert store.history(run).curves[0].steps.tolist() == list(range(7))
    assert store.history(str(far)).curves[0].steps.tolist() == [100, 101, 102]
    assert list(checkpoints(far)) == [5]
    assert {row.folder for row in store.rows()} == {str(store.folder / run), str(far)}


def test_a_shelf_read_again_knows_what_it_keeps(recorder: Recorder) -> None:
    run, folder = begin(recorder)
    for step in (10, 20):
        recorder.checkpoint(run, snapshot(step), {})
    Shelf(folder).put(snapshot(30), {}, "present")
    assert list(checkpoints(folder)) == [20, 30]
