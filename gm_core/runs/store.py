"""The store: every saved run as a folder of its own, and one index over all of them.

A run's folder holds its `spec.yaml`, its `checkpoints/`, its `artifacts/` and, once it has come to rest, its curves;
so a folder that is copied in, or an index that is lost, costs nothing: the folder is read again when it is met.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
import time
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from gm_core.protocol.cards import RunCard, RunRow
from gm_core.protocol.events import Edited, Event, History, Scalars, Vectors
from gm_core.runs import facts
from gm_core.runs.chunks import grouped, joined, pack, pack_steps, unpack, unpack_steps
from gm_core.runs.folders import (
    ARTIFACTS,
    CHECKPOINTS,
    SPEC_FILE,
    RunsError,
    claim,
    default_folder,
    is_run,
    run_folders,
)
from gm_core.runs.index import Index, copy_rows, make_index
from gm_core.runs.shelf import checkpoints, last_checkpoint, pinned_steps
from gm_core.spec import RunSpec, dump_yaml
from gm_core.weights.checkpoint import reason, replace_file

__all__ = ["RunsError", "Store", "checkpoints", "last_checkpoint", "pinned_steps"]

CHUNK = 1000
CURVES_FILE = "curves.sqlite"
Tails = dict[tuple[str, str], tuple[int, Scalars]]
"""The last chunk of each run and split, with its row, so that a short one can be lengthened."""


class Store:
    """All runs in a folder. Makes nothing on disk until something is saved. For one thread; errors are RunsError."""

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = (folder if folder is not None else default_folder()).expanduser().resolve()
        self._index = Index(self.folder)
        self._tails: Tails = {}

    @property
    def warnings(self) -> list[str]:
        """Sentences about what was mended, oldest first; whoever shows them may clear the list."""
        return self._index.warnings

    def close(self) -> None:
        """Let go of the index."""
        self._index.close()

    # ---- writing

    def create_run(self, spec: Mapping[str, Any], card: RunCard) -> tuple[str, Path]:
        """A folder and a row for a new run: (its name, which no other has, and the folder). All or nothing."""
        wished = RunSpec.read(spec)
        folder = claim(self.folder, wished.name)

        def work(index: sqlite3.Connection) -> None:
            facts.forget(index, folder.name)  # a run of this name whose folder was removed by hand
            facts.insert(index, facts.row_of(card, folder.name, folder))

        try:
            (folder / CHECKPOINTS).mkdir()
            (folder / ARTIFACTS).mkdir()
            replace_file(folder / SPEC_FILE, dump_yaml(wished).encode())
            self._index.do(work)
        except OSError as error:
            shutil.rmtree(folder, ignore_errors=True)
            raise RunsError(f"the run folder {folder} cannot be written: {reason(error)}") from None
        except RunsError:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        self._drop_tails(folder.name)
        return folder.name, folder

    def add(self, events: Sequence[Event]) -> None:
        """Record events in one transaction: all of them, or none and RunsError."""
        mended = len(self.warnings)

        def work(index: sqlite3.Connection) -> Tails:
            # In an index that was just made anew, the rows of the old tails mean nothing.
            tails = dict(self._tails) if len(self.warnings) == mended else {}
            for piece in grouped(event for event in events if isinstance(event, Scalars)):
                _add_curve(index, piece, tails)
            for event in events:
                if not isinstance(event, Scalars):
                    facts.add_fact(index, event)
            return tails

        self._tails = self._index.do(work)

    def pack_up(self, run: str, folder: Path) -> None:
        """Copy the run's curves and edits into its own folder, so that they travel with it."""
        self._index.do(lambda index: None)  # there may be no index yet
        try:
            make_index(folder / CURVES_FILE, lambda own: copy_rows(self._index.path, own, run))
        except (OSError, sqlite3.Error) as error:
            why = reason(error) if isinstance(error, OSError) else str(error)
            raise RunsError(f"the curves of {run} cannot be copied into {folder}: {why}") from None

    def delete(self, run: str) -> None:
        """Remove a run's folder and its rows for good; raises RunsError where there is no such run."""
        folder = self.folder_of(run)
        hidden = folder.with_name(f".{folder.name}.deleted")
        try:
            folder.rename(hidden)  # gone at once for everyone; removing the files may take a while
            shutil.rmtree(hidden)
        except OSError as error:
            raise RunsError(f"the run {run} cannot be deleted: {reason(error)}") from None
        self._index.do(lambda index: facts.forget(index, run))
        self._drop_tails(run)

    def _drop_tails(self, run: str) -> None:
        self._tails = {key: tail for key, tail in self._tails.items() if key[0] != run}

    # ---- reading

    def folder_of(self, run: str) -> Path:
        """The folder of a run by its name; raises RunsError where there is none."""
        inside = self.folder / run
        if run and is_run(inside):
            return inside
        for row in self._index.do(lambda index: facts.select(index, run), reading=True):
            if is_run(Path(row["folder"])):
                return Path(row["folder"])
        raise RunsError(f"there is no run {run!r} in {self.folder}; see the list of runs")

    def rows(self) -> tuple[RunRow, ...]:
        """All runs, newest first; folders that the index does not know are read, rows without a folder left out."""
        folders = {place.name: place for place in run_folders(self.folder)}
        if not folders and not self._index.path.exists():
            return ()
        try:
            found = {row["run"]: row for row in self._index.do(facts.select, reading=True)}
            for name in folders.keys() - found.keys():
                found[name] = self._take_in(folders[name])
        except RunsError:
            if not folders:
                raise
            found = {name: facts.row_from(place) for name, place in folders.items()}  # they may be only for reading
        placed = [(row, folders.get(name, Path(row["folder"]))) for name, row in found.items()]
        rows = [facts.shown(row, place) for row, place in placed if is_run(place)]
        return tuple(sorted(rows, key=lambda row: row.created, reverse=True))

    def history(self, run: str) -> History:
        """Everything recorded of a run: one Scalars a split, in the order of recording, and its edits."""
        folder = self.folder_of(run)
        if not self._index.do(lambda index: facts.select(index, run), reading=True):
            self._take_in(folder)
        curves, marks = self._index.do(lambda index: (_curves(index, run), _edits(index, run)), reading=True)
        splits: dict[str, list[Scalars]] = {"train": [], "validation": []}
        for split, n, names, steps, seconds, data in curves:
            try:
                known = tuple(json.loads(names))
                times = unpack(seconds, np.float64, n, 1)[:, 0]
                values = unpack(data, np.float32, n, len(known))
                splits[split].append(Scalars(run, known, unpack_steps(steps, n), times, values, split))
            except (zlib.error, ValueError):
                self.warnings.append(f"{n} steps in the curves of {run} are damaged and left out")
        return History(
            run,
            tuple(joined(pieces) for pieces in splits.values() if pieces),
            tuple(Edited(run, step, **json.loads(body)) for step, body in marks),
        )

    def vectors(self, run: str) -> Vectors | None:
        """The vectors of a run that were recorded last."""
        query = "SELECT step, body FROM marks WHERE run = ? AND kind = 'vectors' ORDER BY id DESC LIMIT 1"
        found = self._index.do(lambda index: index.execute(query, (run,)).fetchone(), reading=True)
        if found is None:
            return None
        return Vectors(run, found[0], {name: np.array(v, np.float32) for name, v in json.loads(found[1]).items()})

    def _take_in(self, folder: Path) -> dict[str, Any]:
        """Read a folder that the index does not know, with the curves that lie in it."""
        row, run, stored = facts.row_from(folder), folder.name, folder / CURVES_FILE
        recorded = facts.name_in(stored) if stored.exists() else ""

        def work(index: sqlite3.Connection) -> dict[str, Any]:
            if recorded:
                facts.forget(index, run)
                copy_rows(stored, index, recorded, rename=run, tolerant=True)
                index.execute("UPDATE runs SET folder = ? WHERE run = ?", (str(folder), run))
            facts.insert(index, row)
            return facts.select(index, run)[0]

        return self._index.do(work)


def _add_curve(index: sqlite3.Connection, piece: Scalars, tails: Tails) -> None:
    """Lengthen the last chunk of a curve while it is short, else begin a new one; sum it up in the run's row."""
    key = (piece.run, piece.split)
    row, before = tails.get(key, (0, None))
    whole = piece
    if before is not None and before.names == piece.names and len(before.steps) < CHUNK:
        whole = joined([before, piece])
        index.execute("DELETE FROM curves WHERE id = ?", (row,))
    blobs = (pack_steps(whole.steps), pack(whole.seconds), pack(whole.values))
    made = index.execute(
        "INSERT INTO curves (run, split, first_step, n, names, steps, seconds, data) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (piece.run, piece.split, int(whole.steps[0]), len(whole.steps), json.dumps(whole.names), *blobs),
    )
    tails[key] = (int(made.lastrowid or 0), whole)
    changed: str
    value: float
    if piece.split == "train":
        changed, value = "step", int(piece.steps[-1])
    elif "total" in piece.names:
        changed, value = "score", float(piece.values[-1, piece.names.index("total")])
    else:
        return
    index.execute(f"UPDATE runs SET {changed} = ?, updated = ? WHERE run = ?", (value, time.time(), piece.run))


def _curves(index: sqlite3.Connection, run: str) -> list[tuple[Any, ...]]:
    query = "SELECT split, n, names, steps, seconds, data FROM curves WHERE run = ? ORDER BY id"
    return index.execute(query, (run,)).fetchall()


def _edits(index: sqlite3.Connection, run: str) -> list[tuple[Any, ...]]:
    return index.execute("SELECT step, body FROM marks WHERE run = ? AND kind = 'edit' ORDER BY id", (run,)).fetchall()
