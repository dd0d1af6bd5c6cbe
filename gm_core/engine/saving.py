"""What a lane puts on disk and how it is found again."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from gm_core.engine.lane import Lane
from gm_core.protocol.cards import DataCard
from gm_core.runs.recorder import Recorder
from gm_core.runs.shelf import checkpoints, last_checkpoint
from gm_core.spec import RunSpec
from gm_core.weights.checkpoint import CheckpointError, read
from gm_core.weights.snapshot import Snapshot


def header(lane: Lane) -> dict[str, Any]:
    """What a checkpoint says beside its tensors: enough to build the model again, even without its data."""
    card = dataclasses.asdict(lane.training.model.card)
    return {
        "run": lane.run,
        "spec": lane.spec.plain(),
        "card": card,
        "parent": lane.parent,
        "parent_step": lane.parent_step,
    }


def card_from(raw: Mapping[str, Any]) -> DataCard:
    """The data card of a checkpoint's header."""
    made = dict(raw)
    for name in ("shape", "range", "classes"):
        made[name] = tuple(made[name])
    return DataCard(**made)


def save(recorder: Recorder, lane: Lane, present: Snapshot, whole: bool) -> None:
    """Write the present; with `whole`, also the kept past at steps about a factor of two apart, for viewing."""
    if whole:
        for step in thinned(lane.timeline.steps):
            if step != present.step:
                recorder.checkpoint(lane.run, for_viewing(lane.timeline[step]), header(lane), kind="past")
    recorder.checkpoint(lane.run, present, header(lane), kind="present")


def thinned(steps: tuple[int, ...]) -> list[int]:
    """Of the held steps, those nearest to 0, 1, 2, 4, 8, ...: a past that fits on disk."""
    if not steps:
        return []
    wanted = [0, *(2**k for k in range(math.ceil(math.log2(max(steps[-1], 1))) + 1))]
    return sorted({min(steps, key=lambda held: abs(held - wish)) for wish in wanted})


def for_viewing(snapshot: Snapshot) -> Snapshot:
    """The weights that views use, without what only training needs."""
    weights = {f"model.{name}": tensor for name, tensor in snapshot.weights().items()}
    return Snapshot(snapshot.step, weights, snapshot.facts)


@dataclasses.dataclass(frozen=True)
class StoredRun:
    """A run's folder, read: its spec as it was last, the data card, and where its checkpoints lie by step."""

    folder: Path
    spec: RunSpec
    card: DataCard
    parent: str
    parent_step: int
    last: Snapshot
    paths: Mapping[int, Path]

    def past(self) -> Iterator[Snapshot]:
        """The kept past in order of steps, without the last."""
        for _, path in sorted(self.paths.items()):
            with suppress(CheckpointError):  # a damaged past is no reason to refuse the rest
                yield read(path)[0]


def open_run(folder: Path) -> StoredRun:
    """Read a run's folder; a damaged last checkpoint falls back to the one before. Raises CheckpointError."""
    paths = checkpoints(folder)
    newest = last_checkpoint(folder)
    if newest is None:
        if paths:
            read(paths[max(paths)])  # says what is wrong with it
        raise CheckpointError(f"{folder} holds no checkpoint to open; start the run again from its spec.yaml")
    fault: CheckpointError | None = None
    for path in (newest, *(p for _, p in sorted(paths.items(), reverse=True) if p != newest)):
        try:
            last, head = read(path)
        except CheckpointError as error:
            fault = fault or error
            continue
        spec, card = RunSpec.read(head["spec"]), card_from(head["card"])
        parent, parent_step = str(head.get("parent", "")), int(head.get("parent_step", 0))
        before = {step: place for step, place in paths.items() if step < last.step}
        return StoredRun(folder, spec, card, parent, parent_step, last, before)
    assert fault is not None
    raise fault
