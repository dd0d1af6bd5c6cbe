"""What the window remembers of one run: every recorded value, edits, kept steps, its card. No Qt, no torch."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import numpy.typing as npt

from gm_core.api import DataCard, Edited, History, Kept, RolledBack, RunCard, RunRow, Scalars, Vectors

Axis = Literal["step", "seconds", "examples"]
Split = Literal["train", "validation"]
Numbers = npt.NDArray[np.float64]
Values = npt.NDArray[np.float32]

FIRST = 1024


class Rows:
    """Columns that grow by doubling: steps (n,), seconds (n,), values (n, K). Appending n rows costs O(n)."""

    def __init__(self, names: tuple[str, ...]) -> None:
        self.names = names
        self.length = 0
        self._steps = np.empty(FIRST, np.int64)
        self._seconds = np.empty(FIRST, np.float64)
        self._values = np.empty((len(names), FIRST), np.float32)  # one chart lies in one piece, as drawing wants it

    def extend(self, steps: npt.ArrayLike, seconds: npt.ArrayLike, values: Values) -> None:
        """Append rows; `values` is (n, K) in the order of `names`."""
        count = len(values)
        end = self.length + count
        if end > len(self._steps):
            room = max(end, 2 * len(self._steps))
            self._steps = _grown(self._steps, room, self.length)
            self._seconds = _grown(self._seconds, room, self.length)
            wider = np.empty((len(self.names), room), np.float32)
            wider[:, : self.length] = self._values[:, : self.length]
            self._values = wider
        self._steps[self.length : end] = steps
        self._seconds[self.length : end] = seconds
        self._values[:, self.length : end] = np.asarray(values, np.float32).T
        self.length = end

    @property
    def steps(self) -> npt.NDArray[np.int64]:
        """The step of each row, in the order of arrival; a view, valid until the next extend."""
        return self._steps[: self.length]

    @property
    def seconds(self) -> Numbers:
        """Seconds of training at each row."""
        return self._seconds[: self.length]

    def column(self, name: str) -> Values:
        """The values of one chart, a view."""
        return self._values[self.names.index(name), : self.length]


def _grown(old: npt.NDArray[np.generic], room: int, used: int) -> npt.NDArray[np.generic]:
    new = np.empty(room, old.dtype)
    new[:used] = old[:used]
    return new


def reported(curves: Scalars) -> list[Scalars]:
    """Curves in pieces without empty columns.

    On disk a chart that was not reported for a while (another stage of training) is NaN there; it has no points then.
    """
    empty = np.isnan(curves.values)
    cuts = [0, *(np.flatnonzero((empty[1:] != empty[:-1]).any(1)) + 1).tolist(), len(empty)]
    pieces = []
    for first, end in itertools.pairwise(cuts):
        kept = ~empty[first] if first < end else np.zeros(len(curves.names), bool)
        if kept.any():
            names = tuple(name for name, keep in zip(curves.names, kept, strict=True) if keep)
            rows = slice(first, end)
            values = curves.values[rows][:, kept]
            pieces.append(Scalars(curves.run, names, curves.steps[rows], curves.seconds[rows], values, curves.split))
    return pieces


def told(value: object) -> str:
    """A value of an edit in few words: of data, only their kind and how many marks a drawing has."""
    if not isinstance(value, Mapping):
        return f"{value:g}" if isinstance(value, float) else str(value)
    marks = value.get("marks")
    kind = str(value.get("kind", "other"))
    if not isinstance(marks, list | tuple):
        return kind
    return f"{kind}, {len(marks)} mark{'' if len(marks) == 1 else 's'}"


@dataclass
class RunView:
    """One run as the window knows it. `version` grows with every change of the curves, so that a panel can see
    cheaply whether there is anything new to draw."""

    card: RunCard
    version: int = 0
    marks_version: int = 0
    edits: list[Edited] = field(default_factory=list)
    rollbacks: list[RolledBack] = field(default_factory=list)
    kept: tuple[int, ...] = ()
    pinned: tuple[int, ...] = ()
    vectors: dict[str, tuple[int, Values]] = field(default_factory=dict)
    _rows: list[tuple[Split, Rows]] = field(default_factory=list)
    _newest: tuple[int, int] = (-1, 0)

    @property
    def run(self) -> str:
        """The name by which the worker knows the run."""
        return self.card.run

    @property
    def batch(self) -> int:
        """Examples in one step, from the spec."""
        train = self.card.spec.get("train", {})
        return int(train.get("batch", 1)) if isinstance(train, dict) else 1

    def set_card(self, card: RunCard) -> None:
        """Take a newer card of the same run."""
        self.card = card
        if card.kept != self.kept or card.pinned != self.pinned:
            self.kept, self.pinned = card.kept, card.pinned
            self.marks_version += 1

    def extend(self, event: Scalars) -> None:
        """Append what the worker reported; other names than before (another stage of training) begin new rows."""
        held = self._newest_rows(event.split)
        if held is None or held.names != event.names:
            held = Rows(event.names)
            self._rows.append((event.split, held))
        held.extend(event.steps, event.seconds, event.values)
        self.version += 1

    def _newest_rows(self, split: Split) -> Rows | None:
        return next((rows for where, rows in reversed(self._rows) if where == split), None)

    def read_history(self, history: History) -> None:
        """Replace the curves by what was recorded on disk; what arrived here beyond its last step goes behind it."""
        live, self._rows = self._rows, []
        for curves in history.curves:
            for piece in reported(curves):
                self.extend(piece)
        ends = {where: int(held.steps[-1]) for where, held in self._rows if held.length}
        for split, rows in live:
            newer = np.flatnonzero(rows.steps > ends.get(split, -1))
            if len(newer):
                start = int(newer[0])
                values = np.stack([rows.column(name)[start:] for name in rows.names], 1)
                self.extend(Scalars(self.run, rows.names, rows.steps[start:], rows.seconds[start:], values, split))
        self.version += 1
        self.edits = list(history.edits)
        self.marks_version += 1

    def note(self, event: Edited | RolledBack | Kept | Vectors) -> None:
        """Take an edit, a return to an earlier step, the kept steps, or named vectors."""
        if isinstance(event, Edited):
            self.edits.append(event)
        elif isinstance(event, RolledBack):
            self.rollbacks.append(event)
        elif isinstance(event, Kept):
            self.kept, self.pinned = event.steps, event.pinned
        else:
            for name, vector in event.values.items():
                self.vectors[name] = (event.step, vector)
        self.marks_version += 1

    def charts(self, split: Split = "train") -> tuple[str, ...]:
        """The names of the curves of a split, in the order in which they first came."""
        names: dict[str, None] = {}
        for where, rows in self._rows:
            if where == split:
                names.update(dict.fromkeys(rows.names))
        return tuple(names)

    def series(self, chart: str, split: Split = "train", axis: Axis = "step") -> tuple[Numbers, Values]:
        """x and y of one curve in the order of arrival; x falls where training went back to an earlier step.

        x counts steps, seconds of training, or examples seen. Both are empty where nothing came yet.
        """
        parts = [rows for where, rows in self._rows if where == split and chart in rows.names]
        if not parts:
            return np.empty(0, np.float64), np.empty(0, np.float32)
        x = [self._axis(rows, axis) for rows in parts]
        y = [rows.column(chart) for rows in parts]
        return (x[0], y[0]) if len(parts) == 1 else (np.concatenate(x), np.concatenate(y))

    def record(self) -> tuple[npt.NDArray[np.int64], Numbers]:
        """Step and seconds of every row of training in the order of arrival, whatever the rows report."""
        parts = [rows for where, rows in self._rows if where == "train"]
        if not parts:
            return np.empty(0, np.int64), np.empty(0, np.float64)
        if len(parts) == 1:
            return parts[0].steps, parts[0].seconds
        return np.concatenate([rows.steps for rows in parts]), np.concatenate([rows.seconds for rows in parts])

    def _axis(self, rows: Rows, axis: Axis) -> Numbers:
        if axis == "seconds":
            return rows.seconds
        scale = self.batch if axis == "examples" else 1
        return rows.steps.astype(np.float64) * scale

    def last(self, chart: str, split: Split = "train") -> float | None:
        """The newest value of a curve."""
        for where, rows in reversed(self._rows):
            if where == split and chart in rows.names and rows.length:
                return float(rows.column(chart)[-1])
        return None

    @property
    def last_step(self) -> int:
        """The newest step that is known, from the curves or the card."""
        if self.card.state != "training":
            return self.card.step
        if self._newest[0] != self.version:
            seen = [int(rows.steps[-1]) for where, rows in self._rows if where == "train" and rows.length]
            self._newest = (self.version, max(seen, default=0))
        return max(self._newest[1], self.card.step)

    @property
    def points(self) -> int:
        """How many rows are held, all splits together."""
        return sum(rows.length for _, rows in self._rows)

    def edits_now(self) -> list[Edited]:
        """The edits that still hold: undone ones are taken off, redone ones are back."""
        held: list[Edited] = []
        for edit in self.edits:
            if edit.kind == "undo":
                if held:
                    held.pop()
            else:
                held.append(edit)
        return held

    @property
    def other_data_from(self) -> int | None:
        """The last step on the data that the run began with, or None while it learns from them."""
        return min((edit.step for edit in self.edits_now() if edit.path == "data"), default=None)

    @property
    def changed_data(self) -> bool:
        """Whether the data were changed on the way, so that what they are depends on the step."""
        return any(edit.path == "data" for edit in self.edits)

    def nearest_kept(self, step: float) -> int | None:
        """The kept step nearest to a step, or None where none is kept."""
        return min(self.kept, key=lambda kept: (abs(kept - step), kept)) if self.kept else None

    def table(self) -> tuple[list[str], list[list[str]]]:
        """All scalars as a table for CSV: split, step, seconds, a column a chart; empty where not reported."""
        names = list(dict.fromkeys([*self.charts("train"), *self.charts("validation")]))
        rows: list[list[str]] = []
        for where, held in self._rows:
            at = {name: held.column(name) for name in held.names}
            for i in range(held.length):
                cells = [repr(float(at[name][i])) if name in at else "" for name in names]
                rows.append([where, str(int(held.steps[i])), f"{held.seconds[i]:.4f}", *cells])
        return ["split", "step", "seconds", *names], rows


def card_of_row(run: str, row: RunRow | None) -> RunCard:
    """A card for a run of which only the curves are read."""
    data = DataCard("", "", (0,), "continuous", (0.0, 1.0))
    if row is None:
        return RunCard(run, run, {}, data, frozenset(), (), 0, 0, 0, "viewed")
    return RunCard(run, row.title, dict(row.spec), data, frozenset(), (), 0, row.step, row.steps, "viewed")
