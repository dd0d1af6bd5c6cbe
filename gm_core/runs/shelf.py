"""The checkpoints of one run on disk: what they are called, which are kept, and which one training goes on from.

A file is of one kind: `present` (training can go on from it), `past` (weights for viewing), `pinned` (asked for).
Kept are the last two presents, every pinned one and the past that was asked for. The pins lie in `pinned.json`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from gm_core.runs.folders import CHECKPOINTS, RunsError
from gm_core.weights.checkpoint import PART, CheckpointError, peek, reason, replace_file, write

if TYPE_CHECKING:
    from gm_core.weights.snapshot import Snapshot

Kind = Literal["present", "past", "pinned"]
NAME = re.compile(r"step-(\d+)\.safetensors")
PINS_FILE = "pinned.json"
PRESENTS = 2


def checkpoints(folder: Path) -> dict[int, Path]:
    """The checkpoints in the folder of a run by step, in order; unfinished files are not among them."""
    try:
        inside = list((folder / CHECKPOINTS).iterdir())
    except OSError:
        return {}
    found = [(int(match[1]), path) for path in inside if (match := NAME.fullmatch(path.name))]
    return dict(sorted(found))


def last_checkpoint(folder: Path) -> Path | None:
    """The checkpoint from which training goes on: the present that was written last and can be read.

    Not always the largest step: after a rollback, later steps of the abandoned past may still be pinned.
    """
    best: tuple[bool, float, int, Path] | None = None
    for step, path in checkpoints(folder).items():
        with suppress(CheckpointError):
            seen = peek(path)
            rank = (seen.header.get("kind", "present") == "present", seen.written, step, path)
            best = rank if best is None else max(best, rank)
    return None if best is None else best[3]


def pinned_steps(folder: Path) -> set[int]:
    """The steps whose checkpoints a person asked to keep, in the folder of a run."""
    try:
        return {int(step) for step in json.loads((folder / CHECKPOINTS / PINS_FILE).read_text())}
    except (OSError, ValueError, TypeError):
        return set()


class Shelf:
    """The checkpoints of one run, as the recorder keeps them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / CHECKPOINTS
        self.pins = pinned_steps(folder)
        self._kinds: dict[int, str] = {}
        self._order: list[int] = []
        self._wanted: set[int] = set()
        self._stale: set[int] = set()
        seen = []
        for step, path in checkpoints(folder).items():
            with suppress(CheckpointError):
                found = peek(path)
                seen.append((found.written, step))
                self._kinds[step] = str(found.header.get("kind", "present"))
        self._order = [step for _, step in sorted(seen)]

    def put(self, snapshot: Snapshot, header: Mapping[str, Any], kind: Kind) -> Path:
        """Write a checkpoint unless the same weights lie there already, and let go of what is not kept any more.

        Raises CheckpointError or RunsError; what was there before is untouched then.
        """
        step = snapshot.step
        path = self.folder / f"step-{step:09d}.safetensors"
        there = step in self._kinds and step not in self._stale and path.exists()
        if kind == "past" and there:
            self._wanted.add(step)  # a fuller file of these weights serves as well
            return path
        if kind == "pinned" and there and self._kinds[step] != "past":
            self.pin(step)
            return path
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise RunsError(f"the folder {self.folder} cannot be made: {reason(error)}") from None
        write(path, snapshot, {**header, "kind": kind})
        self._kinds[step] = kind
        self._stale.discard(step)
        self._order = [*(other for other in self._order if other != step), step]
        if kind == "pinned":
            self.pin(step)
        if kind == "present":
            self._tidy(step)
        return path

    def pin(self, step: int) -> None:
        """Keep a step."""
        if step not in self.pins:
            self.pins.add(step)
            self._write_pins()

    def unpin(self, steps: set[int]) -> None:
        """Steps that need not be kept any more; they go when a new present comes."""
        if self.pins & steps:
            self.pins -= steps
            self._write_pins()

    def rolled_back(self, to_step: int) -> None:
        """What lies after this step belongs to an abandoned past; it goes once the new present is safe."""
        self._stale |= {step for step in self._kinds if step > to_step}
        self._wanted -= self._stale

    def _tidy(self, present: int) -> None:
        presents = [step for step in self._order if self._kinds[step] == "present" and step not in self._stale]
        for step, kind in list(self._kinds.items()):
            kept = step in self.pins or step in self._wanted or step in presents[-PRESENTS:]
            past = kind == "past" and step not in self._stale
            if kept or past or (kind == "present" and step == present):
                continue
            with suppress(OSError):  # it can be tidied another time
                (self.folder / f"step-{step:09d}.safetensors").unlink(missing_ok=True)
                del self._kinds[step]
                self._order.remove(step)
                self._stale.discard(step)
        for leftover in self.folder.glob(f".*{PART}"):  # of a program that was killed while writing
            with suppress(OSError):
                leftover.unlink()

    def _write_pins(self) -> None:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            replace_file(self.folder / PINS_FILE, json.dumps(sorted(self.pins)).encode())
        except OSError as error:
            raise RunsError(f"the pins in {self.folder} cannot be written: {reason(error)}") from None
