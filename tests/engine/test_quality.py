"""Quality is measured of several runs that train in turn, and nothing that is measured changes what is learned."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch

from gm_core import api
from tests.engine.conftest import Bench

RUNS: dict[str, dict[str, Any]] = {
    "vae": {"kind": "vae", "latent": 2, "hidden": [16]},
    "rnade": {"kind": "rnade", "hidden": 16},
}


def race(bench: Bench, measured: bool) -> dict[str, dict[str, torch.Tensor]]:
    """Two families on the ring, made first and let go together, measured at rest and on the way; their weights."""
    for name, model in RUNS.items():
        spec = {
            "name": name,
            "model": model,
            "data": {"kind": "ring", "train": 500, "test": 200},
            "train": {"steps": 40, "batch": 50, "validate_every": 100},
        }
        bench.send(api.Start(spec, paused=True))
    bench.send(*(api.Resume(run) for run in RUNS))
    if measured:
        for ticket, run in enumerate(RUNS):
            bench.send(api.Ask(run, f"racing/{run}", ticket, api.QualityQuery(n=100, shown=5), None))
    ends = {"finished", "stopped"}

    def over() -> bool:
        states = {event.card.run: event.card.state for event in bench.of(api.RunChanged)}
        answered = {event.run for event in bench.of(api.Answered) if event.last}
        return set(states.values()) <= ends and (not measured or answered == set(RUNS))

    bench.until(over)
    worker = bench.engine._worker
    assert worker is not None
    return {run: dict(worker.lanes[run].training.weights()) for run in RUNS}


def test_runs_in_turn_are_each_measured_by_name_and_learn_as_if_nobody_had(tmp_path: Path) -> None:
    benches = [Bench(tmp_path / place) for place in ("watched", "alone")]
    watched, alone = (race(bench, measured) for bench, measured in zip(benches, (True, False)))
    frames = {event.run: event.frame for event in benches[0].of(api.Answered) if event.frame is not None}
    for bench in benches:
        bench.engine.close()
    assert not benches[0].of(api.Trouble)
    assert frames.keys() == RUNS.keys()
    for frame in frames.values():
        assert isinstance(frame, api.Quality) and frame.n == 100 and np.isfinite(frame.values).all()
    assert not np.array_equal(frames["vae"].values, frames["rnade"].values)
    assert np.array_equal(frames["vae"].floors, frames["rnade"].floors)  # both lanes have one data set
    for run in RUNS:
        assert all(torch.equal(watched[run][name], tensor) for name, tensor in alone[run].items()), run


def test_a_metric_that_does_not_fit_is_a_sentence_for_the_one_who_asked(bench: Bench) -> None:
    run = bench.start()
    bench.send(api.Ask(run, "race", 7, api.QualityQuery(n=50, metrics=("modes",))))
    bench.until(lambda: bool(bench.of(api.Trouble)))
    trouble = bench.of(api.Trouble)[-1]
    assert trouble.ticket == 7 and "modes needs data whose modes are known" in trouble.words
