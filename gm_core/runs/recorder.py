"""The recorder: the only writer of runs. It takes the events that the window draws and puts them on disk.

Taking an event costs an append. Writing happens at most every two seconds, or sooner when much has come. When the
disk is full, training goes on: the recorder says so once, keeps what it has, and tries again.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gm_core.protocol.cards import RunCard
from gm_core.protocol.events import Edited, Event, Kept, RolledBack, RunChanged, Saved, Scalars, Vectors
from gm_core.runs.folders import is_run
from gm_core.runs.shelf import Kind, Shelf
from gm_core.runs.store import RunsError, Store

if TYPE_CHECKING:
    from gm_core.weights.snapshot import Snapshot

STEPS = 1000
SECONDS = 2.0
RETRY_SECONDS = 5.0
MOST_NUMBERS = 8_000_000
"""Numbers that are held while the disk refuses them: 32 MiB; then the oldest are let go."""
RESTING = frozenset({"finished", "stopped", "failed"})


class Recorder:
    """Buffers events and writes them through a store, which it owns. For one thread."""

    def __init__(self, store: Store, clock: Callable[[], float] = time.monotonic) -> None:
        self.store = store
        self._clock = clock
        self._events: list[Event] = []
        self._vectors: dict[str, Vectors] = {}
        self._steps = 0
        self._numbers = 0
        self._written = clock()
        self._urgent = False
        self._failing = False
        self._folders: dict[str, Path] = {}
        self._shelves: dict[str, Shelf] = {}
        self._loose: set[str] = set()  # runs whose own folder lacks the latest curves
        self._resting: set[str] = set()
        self._pinned: dict[str, set[int]] = {}
        self._released: dict[str, set[int]] = {}
        self._names: dict[str, str] = {}  # of runs that lie elsewhere while their name is taken here
        self._lost = 0

    def take(self, event: Event) -> None:
        """Accept a fact; cheap, never fails. What is not worth recording is passed over."""
        if self._names:
            event = self._renamed(event)
        match event:
            case Scalars(run=run):
                self._events.append(event)
                self._steps += len(event.steps)
                self._numbers += event.values.size
                self._loose.add(run)
                if self._numbers > MOST_NUMBERS:
                    self._let_go()
            case Vectors(run=run):
                self._vectors[run] = event
            case RunChanged(card=card) if card.folder:
                self._meet(card)
                self._events.append(self._renamed(event))
                self._urgent = True
            case Edited(run=run):
                self._events.append(event)
                self._loose.add(run)
            case RolledBack(run=run, to_step=to_step):
                self._events.append(event)
                self._shelf(run).rolled_back(to_step)
            case Kept(run=run, steps=steps, pinned=pinned):
                now = set(pinned)
                released = (self._pinned.get(run, set()) - now) & set(steps)
                self._released[run] = (self._released.get(run, set()) | released) - now
                self._pinned[run] = now
            case Saved():
                self._events.append(event)
            case _:
                pass

    def flush(self, force: bool = False) -> None:
        """Write what has gathered if it is time, or in any case with `force`.

        Raises RunsError when writing fails for the first time; it is then tried again every few seconds in silence
        until it works, and nothing that was taken is lost unless very much gathers.
        """
        if not self._events and not self._vectors and not any(self._released.values()):
            return
        waited = self._clock() - self._written
        due = waited >= RETRY_SECONDS if self._failing else (self._urgent or self._steps >= STEPS or waited >= SECONDS)
        if not (due or force):
            return
        self._written = self._clock()
        try:
            for run, steps in self._released.items():
                if steps:
                    self._shelf(run).unpin(steps)
            self._released.clear()
            self.store.add([*self._events, *self._vectors.values()])
            self._events.clear()
            self._vectors.clear()
            self._steps = self._numbers = 0
            self._urgent = False
            for run in sorted(self._resting & self._loose):
                self._pack_up(run)
            self._resting.clear()
        except RunsError:
            if self._failing:
                return
            self._failing = True
            raise
        self._failing = False
        if self._lost:
            self.store.warnings.append(f"{self._lost} steps of the curves were lost while nothing could be written")
            self._lost = 0

    def checkpoint(self, run: str, snapshot: Snapshot, header: Mapping[str, Any], kind: Kind = "present") -> Path:
        """Write a checkpoint into the run's folder: `present` to go on from, `past` to look at, `pinned` to keep.

        Raises CheckpointError or RunsError; the checkpoints that were there before are untouched then.
        """
        return self._shelf(self._names.get(run, run)).put(snapshot, header, kind)

    def close(self) -> None:
        """Write everything and let go of the index; raises RunsError where something could not be written."""
        try:
            self._failing = False
            self.flush(force=True)
            for run in sorted(self._loose):
                self._pack_up(run)
        finally:
            self.store.close()

    def _meet(self, card: RunCard) -> None:
        """Learn where a run lies. One from elsewhere whose name is taken here goes by its path in the index."""
        folder = Path(card.folder)
        elsewhere = folder.parent != self.store.folder and is_run(self.store.folder / card.run)
        name = str(folder) if elsewhere else card.run
        if elsewhere:
            self._names[card.run] = name
        else:
            self._names.pop(card.run, None)
        self._folders[name] = folder
        if card.state in RESTING:
            self._resting.add(name)

    def _renamed(self, event: Event) -> Event:
        """The event under the name by which the index knows its run."""
        match event:
            case RunChanged(card=card) if card.run in self._names:
                return dataclasses.replace(event, card=dataclasses.replace(card, run=self._names[card.run]))
            case (
                Scalars(run=run)
                | Vectors(run=run)
                | Edited(run=run)
                | RolledBack(run=run)
                | Kept(run=run)
                | Saved(run=run)
            ) if run in self._names:
                return dataclasses.replace(event, run=self._names[run])
            case _:
                return event

    def _folder(self, run: str) -> Path:
        return self._folders.get(run, self.store.folder / run)

    def _shelf(self, run: str) -> Shelf:
        if run not in self._shelves:
            self._shelves[run] = Shelf(self._folder(run))
        return self._shelves[run]

    def _pack_up(self, run: str) -> None:
        folder = self._folder(run)
        if folder.is_dir():
            self.store.pack_up(run, folder)
        self._loose.discard(run)

    def _let_go(self) -> None:
        """Forget the oldest curves: memory stays bounded however long the disk is full."""
        kept: list[Event] = []
        for event in self._events:
            if isinstance(event, Scalars) and self._numbers > MOST_NUMBERS // 2:
                self._numbers -= event.values.size
                self._steps -= len(event.steps)
                self._lost += len(event.steps)
            else:
                kept.append(event)
        self._events = kept
