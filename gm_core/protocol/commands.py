"""Commands are wishes that the window or the command line sends down; the worker makes them true or says why not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

ALONE: Final = "(no run)"
"""In place of a run's name: a question that needs none, such as what a folder of pictures would look like."""


@dataclass(frozen=True, slots=True)
class Query:
    """A question to a model, answered by frames; each capability subclasses this. `seed` fixes what is random."""

    seed: int = 0


@dataclass(frozen=True, slots=True)
class Command:
    """Any wish."""


@dataclass(frozen=True, slots=True)
class Start(Command):
    """Train a new run from this RunSpec in plain form. With `paused` the run is built and waits."""

    spec: Mapping[str, Any]
    paused: bool = False


@dataclass(frozen=True, slots=True)
class OpenRun(Command):
    """Open a saved run (folder or name) at its last checkpoint, with its kept past; it can be viewed and resumed."""

    source: str


@dataclass(frozen=True, slots=True)
class CloseRun(Command):
    """Save a run and forget it."""

    run: str


@dataclass(frozen=True, slots=True)
class Pause(Command):
    """Rest after the step in hand."""

    run: str


@dataclass(frozen=True, slots=True)
class Resume(Command):
    """Go on training."""

    run: str


@dataclass(frozen=True, slots=True)
class Advance(Command):
    """Take this many steps, then pause. With `only`, in these steps these phases alone learn, whatever is switched
    off; afterwards it is as before."""

    run: str
    steps: int = 1
    only: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Stop(Command):
    """End training, save, and keep the run open for viewing."""

    run: str


@dataclass(frozen=True, slots=True)
class Edit(Command):
    """Change one live parameter at the next step boundary."""

    run: str
    path: str
    value: Any


@dataclass(frozen=True, slots=True)
class ChangeData(Command):
    """Let a run learn from other data of the same kind from the next step on (plain form with `kind`).

    Recorded as an edit of "data", so that the curve is flagged and Undo brings the old data back.
    """

    run: str
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class SwitchPhases(Command):
    """Let these phases of training rest from the next step on, and all others learn; at least one must be left.

    Recorded as an edit of "phases.off", so that the curve is flagged and Undo takes it back.
    """

    run: str
    off: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Undo(Command):
    """Take the last live edit back."""

    run: str


@dataclass(frozen=True, slots=True)
class Redo(Command):
    """Make the edit again that was last taken back."""

    run: str


@dataclass(frozen=True, slots=True)
class Rollback(Command):
    """Return to a kept step with weights, optimiser and random state as they were; training pauses there."""

    run: str
    step: int


@dataclass(frozen=True, slots=True)
class Branch(Command):
    """Start a second run from a kept step of this one, with some parameters changed."""

    run: str
    step: int
    edits: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Pin(Command):
    """Keep (or no longer keep) the snapshot at a step whatever the memory budget says."""

    run: str
    step: int
    pinned: bool = True


@dataclass(frozen=True, slots=True)
class Ask(Command):
    """Put a query to a run's model as it was at `step` (None: now). A newer ask on the same topic replaces this one.

    With `follow`, a query about the present is answered again whenever the weights have moved on.
    A query that needs no run is asked with `run` ALONE.
    """

    run: str
    topic: str
    ticket: int
    query: Query
    step: int | None = None
    follow: bool = False


@dataclass(frozen=True, slots=True)
class Cancel(Command):
    """Give up the ask on a topic."""

    topic: str


@dataclass(frozen=True, slots=True)
class SetPace(Command):
    """The share of time that views may take from training while both want to run, 0 to 1."""

    views: float


@dataclass(frozen=True, slots=True)
class Download(Command):
    """Fetch the files of a data set (its plain form with `kind`)."""

    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ListRuns(Command):
    """Report the saved runs (event RunList)."""


@dataclass(frozen=True, slots=True)
class ReadHistory(Command):
    """Report everything recorded of a saved run's curves (event History)."""

    run: str


@dataclass(frozen=True, slots=True)
class DeleteRun(Command):
    """Remove a saved run's folder and its row for good; refused while it trains."""

    run: str


@dataclass(frozen=True, slots=True)
class Shutdown(Command):
    """Save everything and end the worker."""
