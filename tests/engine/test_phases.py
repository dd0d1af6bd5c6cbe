"""Phases of training switched off and on while a run lives, and a game that ends in NaN."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gm_core import api
from gm_core.protocol.commands import SwitchPhases
from gm_core.train.loop import Training
from gm_core.weights.snapshot import Snapshot
from tests.engine.conftest import Bench

BOTH = ("discriminator", "generator")


def duel(bench: Bench, steps: int = 1000, **train: float) -> str:
    """A small GAN on the plane, paused before its first step."""
    plain = {
        "name": "duel",
        "model": {"kind": "gan", "width": 16, "depth": 2},
        "data": {"kind": "ring", "train": 200, "validation": 50, "test": 50},
        "train": {"steps": steps, "batch": 20, "validate_every": 1000, "ema": 200.0, **train},
    }
    bench.send(api.Start(plain, paused=True))
    return bench.card.run


def advance(bench: Bench, run: str, steps: int = 1, only: tuple[str, ...] = ()) -> None:
    """Take steps and wait until they are taken."""
    goal = bench.card.step + steps
    bench.send(api.Advance(run, steps, only))
    bench.until(lambda: bench.card.step == goal and bench.card.state == "paused")


def training(bench: Bench, run: str) -> Training:
    worker = bench.engine._worker
    assert worker is not None
    return worker.lanes[run].training


def moved(before: Snapshot, after: Snapshot) -> set[str]:
    """Which of the two networks changed between two snapshots."""
    names = {name.split(".")[1] for name in before.tensors if name.startswith("model.")}
    return {
        name
        for name in names
        if any(
            not np.array_equal(before.tensors[key].numpy(), after.tensors[key].numpy())
            for key in before.tensors
            if key.startswith(f"model.{name}.")
        )
    }


def told(bench: Bench, run: str) -> list[tuple[str, str]]:
    """What was reported as changed: old and new."""
    return [(e.old, e.new) for e in bench.of(api.Edited) if e.run == run and e.path == "phases.off"]


def test_a_card_names_the_phases_and_at_first_none_is_off(bench: Bench) -> None:
    duel(bench)
    assert bench.card.phases == BOTH and bench.card.off == ()


@pytest.mark.parametrize(("off", "learns"), [(BOTH[:1], BOTH[1]), (BOTH[1:], BOTH[0])])
def test_what_is_switched_off_stands_still_and_the_other_learns(
    bench: Bench, off: tuple[str, ...], learns: str
) -> None:
    run = duel(bench)
    bench.send(SwitchPhases(run, off))
    assert bench.card.off == off and told(bench, run) == [("none", off[0])]
    before = training(bench, run).snapshot()
    advance(bench, run, 3)
    assert moved(before, training(bench, run).snapshot()) == {learns}
    names = {name for e in bench.of(api.Scalars) if e.split == "train" for name in e.names}
    assert f"{learns}_total" in names and f"{off[0]}_total" not in names


def test_one_step_of_one_player_leaves_the_switches_as_they_are(bench: Bench) -> None:
    run = duel(bench)
    for only in BOTH:
        before = training(bench, run).snapshot()
        advance(bench, run, 1, (only,))
        assert moved(before, training(bench, run).snapshot()) == {only}
        assert bench.card.off == ()
    before = training(bench, run).snapshot()
    advance(bench, run)
    assert moved(before, training(bench, run).snapshot()) == set(BOTH)


def test_a_step_of_a_player_that_is_switched_off_is_taken_all_the_same(bench: Bench) -> None:
    run = duel(bench)
    bench.send(SwitchPhases(run, ("generator",)))
    before = training(bench, run).snapshot()
    advance(bench, run, 2, ("generator",))
    assert moved(before, training(bench, run).snapshot()) == {"generator"}
    assert bench.card.off == ("generator",)


def test_the_last_phase_cannot_be_switched_off_and_unknown_ones_are_named(bench: Bench) -> None:
    run = duel(bench)
    bench.send(SwitchPhases(run, BOTH))
    assert "leave at least one of them on" in bench.of(api.Trouble)[-1].words
    bench.send(SwitchPhases(run, ("referee",)))
    words = bench.of(api.Trouble)[-1].words
    assert "referee" in words and "discriminator, generator" in words
    bench.send(api.Advance(run, 1, ("referee",)))
    assert "referee" in bench.of(api.Trouble)[-1].words
    assert bench.card.off == () and not told(bench, run)


def test_a_switch_is_undone_and_made_again(bench: Bench) -> None:
    run = duel(bench)
    bench.send(SwitchPhases(run, ("generator",)), api.Undo(run))
    assert bench.card.off == ()
    bench.send(api.Redo(run))
    assert bench.card.off == ("generator",)
    assert told(bench, run) == [("none", "generator"), ("generator", "none"), ("none", "generator")]


def test_switching_to_what_is_so_already_changes_and_reports_nothing(bench: Bench) -> None:
    run = duel(bench)
    bench.send(SwitchPhases(run, ()))
    assert not told(bench, run)


def test_a_run_opened_again_rests_the_same_phases_and_goes_on_bit_for_bit(bench: Bench, tmp_path: Path) -> None:
    run = duel(bench)
    advance(bench, run, 2)
    bench.send(SwitchPhases(run, ("generator",)))
    bench.send(api.CloseRun(run), api.OpenRun(run))
    assert bench.card.off == ("generator",)
    advance(bench, run, 3)
    split = training(bench, run).snapshot()

    whole = Bench(tmp_path / "whole")
    other = duel(whole)
    advance(whole, other, 2)
    whole.send(SwitchPhases(other, ("generator",)))
    advance(whole, other, 3)
    straight = training(whole, other).snapshot()
    whole.engine.close()
    assert split.tensors.keys() == straight.tensors.keys()
    assert all(np.array_equal(split.tensors[k].numpy(), straight.tensors[k].numpy()) for k in split.tensors)


def test_a_rollback_brings_back_the_phases_of_then_and_says_so(bench: Bench) -> None:
    run = duel(bench)
    bench.send(SwitchPhases(run, ("generator",)))
    advance(bench, run, 4)
    kept = training(bench, run).snapshot()
    bench.send(SwitchPhases(run, ("discriminator",)))
    advance(bench, run, 4)
    bench.send(api.Rollback(run, 4))
    assert bench.card.step == 4
    # the switch was thrown while step 4 was in front, so that step 4 is kept with it
    assert bench.card.off == ("discriminator",)
    bench.send(api.Rollback(run, 0))
    assert bench.card.off == ("generator",)
    assert told(bench, run)[-1] == ("discriminator", "generator")
    advance(bench, run, 4)
    again = training(bench, run).snapshot()
    assert all(np.array_equal(kept.tensors[k].numpy(), again.tensors[k].numpy()) for k in kept.tensors)


def test_a_branch_begins_with_the_phases_of_its_parent_at_that_step(bench: Bench) -> None:
    run = duel(bench)
    bench.send(SwitchPhases(run, ("generator",)))
    bench.send(api.Branch(run, 0))
    assert bench.card.run != run and bench.card.off == ("generator",)


def test_a_model_of_one_phase_keeps_it(bench: Bench) -> None:
    run = bench.start(train__steps=100_000)
    bench.send(api.Pause(run))
    assert bench.card.phases == ("model",)
    bench.send(SwitchPhases(run, ("model",)))
    assert "leave at least one" in bench.of(api.Trouble)[-1].words


def test_a_game_with_an_absurd_step_size_pauses_at_nan_and_offers_the_last_good_step(bench: Bench) -> None:
    run = duel(bench, lr=1.0, optimiser="sgd", beta1=0.99)
    bench.send(api.Edit(run, "model.penalty_weight", 100.0), api.Resume(run))
    bench.until(lambda: bench.card.state == "paused")
    trouble = next(e for e in bench.of(api.Trouble) if e.topic == "nan")
    assert "training is paused" in trouble.words and "smaller step size" in trouble.words
    good = bench.card.facts["good_step"]
    assert good >= 0 and good in bench.card.kept
    bench.send(api.Resume(run))
    assert bench.card.state == "paused"
    bench.send(api.Rollback(run, good))
    weights = training(bench, run).snapshot().under("model.")
    assert all(bool(tensor.isfinite().all()) for tensor in weights.values())
