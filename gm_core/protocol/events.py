"""Events are facts that the worker reports up; the window and the command line draw the very same objects."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from gm_core.protocol.cards import Catalogue, RunCard, RunRow

Array = npt.NDArray[Any]


@dataclass(frozen=True, slots=True)
class Event:
    """Any fact."""


@dataclass(frozen=True, slots=True)
class Ready(Event):
    """The worker has imported torch and can take commands."""

    catalogue: Catalogue


@dataclass(frozen=True, slots=True)
class RunChanged(Event):
    """A run was born, opened, or changed its state; `why` is a plain sentence where there is something to say."""

    card: RunCard
    why: str = ""


@dataclass(frozen=True, slots=True)
class RunClosed(Event):
    """The worker has let go of a run; what it saved stays."""

    run: str


@dataclass(frozen=True, slots=True)
class Scalars(Event):
    """Every step's values since the last report: steps (n,), seconds of training (n,), values (n, K) float32."""

    run: str
    names: tuple[str, ...]
    steps: npt.NDArray[np.int64]
    seconds: npt.NDArray[np.float64]
    values: npt.NDArray[np.float32]
    split: Literal["train", "validation"] = "train"


@dataclass(frozen=True, slots=True)
class Vectors(Event):
    """Named vectors at one step, such as the per-dimension KL."""

    run: str
    step: int
    values: Mapping[str, npt.NDArray[np.float32]]


@dataclass(frozen=True, slots=True)
class Edited(Event):
    """A live parameter took a new value from `step` on; `kind` tells an edit from its undoing."""

    run: str
    step: int
    path: str
    old: Any
    new: Any
    kind: Literal["edit", "undo", "redo"] = "edit"


@dataclass(frozen=True, slots=True)
class RolledBack(Event):
    """Training returned from one step to an earlier one."""

    run: str
    from_step: int
    to_step: int


@dataclass(frozen=True, slots=True)
class Kept(Event):
    """The steps whose snapshots are held, after a change."""

    run: str
    steps: tuple[int, ...]
    pinned: tuple[int, ...]
    bytes: int


@dataclass(frozen=True, slots=True)
class Saved(Event):
    """A checkpoint is safely on disk."""

    run: str
    step: int
    folder: str


@dataclass(frozen=True, slots=True)
class Frame:
    """A picture's worth of data that answers a query; each capability subclasses this."""


@dataclass(frozen=True, slots=True)
class Answered(Event):
    """A frame for an ask. `step` is the step that the frame really shows; `last` says that no more will come.

    `index` counts the frames of one ticket from 0, so that a trajectory can be stored and scrubbed.
    """

    run: str
    topic: str
    ticket: int
    step: int
    index: int
    frame: Frame | None
    last: bool
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Timing(Event):
    """How the worker spent its time lately: shares in 0..1, longest yields in seconds by job name."""

    steps_per_second: float
    training: float
    viewing: float
    longest: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Progress(Event):
    """How far something other than training has come, such as a download; `total` 0 means unknown."""

    topic: str
    done: int
    total: int
    words: str = ""


@dataclass(frozen=True, slots=True)
class Trouble(Event):
    """Something went wrong and was survived: one sentence for people, the full story in `details`.

    `topic` names the ask or the command; `path` the parameter at fault, if there is one.
    """

    words: str
    topic: str = ""
    run: str = ""
    path: str = ""
    ticket: int = 0
    details: str = ""
    severity: Literal["info", "warning", "error"] = "error"


@dataclass(frozen=True, slots=True)
class RunList(Event):
    """The saved runs, newest first."""

    rows: tuple[RunRow, ...]


@dataclass(frozen=True, slots=True)
class History(Event):
    """All recorded curves of a saved run: one Scalars a split, and its edits in order."""

    run: str
    curves: tuple[Scalars, ...]
    edits: tuple[Edited, ...] = ()


@dataclass(frozen=True, slots=True)
class Ended(Event):
    """The worker has saved everything and is gone."""
