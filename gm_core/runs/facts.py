"""How events and folders become rows of the index."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Mapping
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

from gm_core.protocol.cards import RunCard, RunRow
from gm_core.protocol.events import Edited, Event, RolledBack, RunChanged, Saved, Vectors
from gm_core.runs.folders import SPEC_FILE, size_of
from gm_core.runs.shelf import last_checkpoint
from gm_core.spec import RunSpec, SpecError, load_yaml
from gm_core.weights.checkpoint import CheckpointError, peek

STALE = 90.0
"""Seconds without news after which a run that says it is training has lost its program."""
COLUMNS = (
    *("run", "title", "model", "data", "state", "step", "steps", "created", "updated"),
    *("folder", "spec", "parent", "parent_step", "score"),
)


def row_of(card: RunCard, run: str, folder: Path) -> dict[str, Any]:
    """A run's row as its card has it."""
    now = time.time()
    # Looking at a run does not change what it is.
    resting = "stopped" if card.step < card.steps else "finished"
    return {
        "run": run,
        "title": card.title,
        "model": _kind(card.spec, "model"),
        "data": _kind(card.spec, "data"),
        "state": resting if card.state == "viewed" else card.state,
        "step": card.step,
        "steps": card.steps,
        "created": now,
        "updated": now,
        "folder": str(folder),
        "spec": json.dumps(dict(card.spec)),
        "parent": card.parent,
        "parent_step": card.parent_step,
        "score": None,
    }


def row_from(folder: Path) -> dict[str, Any]:
    """What a folder says of its run without any index: its spec as it was last, and how far it came."""
    began = (folder / SPEC_FILE).stat().st_mtime
    step, updated, parent, parent_step = 0, began, "", 0
    spec: RunSpec | None = None
    with suppress(SpecError):
        spec = load_yaml(folder / SPEC_FILE)
    last = last_checkpoint(folder)
    if last is not None:
        with suppress(CheckpointError, SpecError):
            seen = peek(last)
            step, updated = seen.step, seen.written
            parent, parent_step = str(seen.header.get("parent", "")), int(seen.header.get("parent_step", 0))
            spec = RunSpec.read(seen.header["spec"]) if "spec" in seen.header else spec
    steps = spec.train.steps if spec is not None else 0
    return {
        "run": folder.name,
        "title": (spec.title if spec is not None else "") or folder.name,
        "model": spec.model["kind"] if spec is not None else "?",
        "data": spec.data["kind"] if spec is not None else "?",
        "state": "finished" if step >= steps > 0 else "stopped",
        "step": step,
        "steps": steps,
        "created": began,
        "updated": updated,
        "folder": str(folder),
        "spec": json.dumps(spec.plain() if spec is not None else {}),
        "parent": parent,
        "parent_step": parent_step,
        "score": None,
    }


def shown(row: Mapping[str, Any], folder: Path) -> RunRow:
    """A row as the list shows it; the folder is where the run really lies now."""
    state = str(row["state"])
    if state == "training" and time.time() - row["updated"] > STALE:
        state = "stopped"  # its program was killed; it can be resumed from its last checkpoint
    return RunRow(
        run=row["run"],
        title=row["title"],
        model=row["model"],
        data=row["data"],
        state=state,
        step=row["step"],
        steps=row["steps"],
        created=row["created"],
        updated=row["updated"],
        folder=str(folder),
        spec=json.loads(row["spec"]),
        parent=row["parent"],
        score=row["score"],
        bytes=size_of(folder),
    )


def insert(index: sqlite3.Connection, row: Mapping[str, Any]) -> None:
    """Add a run's row unless it has one."""
    places = ", ".join("?" * len(COLUMNS))
    index.execute(f"INSERT OR IGNORE INTO runs ({', '.join(COLUMNS)}) VALUES ({places})", [row[c] for c in COLUMNS])


def select(index: sqlite3.Connection, run: str | None = None) -> list[dict[str, Any]]:
    """The rows of all runs, or of one."""
    query = f"SELECT {', '.join(COLUMNS)} FROM runs" + (" WHERE run = ?" if run is not None else "")
    return [dict(zip(COLUMNS, row)) for row in index.execute(query, () if run is None else (run,))]


def add_fact(index: sqlite3.Connection, event: Event) -> None:
    """Record an event that is no curve; kinds that nobody reads again are passed over."""
    match event:
        case RunChanged(card=card):
            row = row_of(card, card.run, Path(card.folder))
            insert(index, row)
            if card.state != "viewed":
                changed = [c for c in COLUMNS if c not in {"run", "created", "score"}]
                settings = ", ".join(f"{c} = ?" for c in changed)
                index.execute(f"UPDATE runs SET {settings} WHERE run = ?", [*(row[c] for c in changed), card.run])
        case Edited(run=run, step=step):
            mark(index, run, "edit", step, {"path": event.path, "old": event.old, "new": event.new, "kind": event.kind})
        case RolledBack(run=run, from_step=from_step, to_step=to_step):
            mark(index, run, "rollback", to_step, {"from_step": from_step})
            index.execute("UPDATE runs SET step = ? WHERE run = ?", (to_step, run))
        case Vectors(run=run, step=step, values=values):
            index.execute("DELETE FROM marks WHERE run = ? AND kind = 'vectors'", (run,))
            mark(index, run, "vectors", step, {name: vector.tolist() for name, vector in values.items()})
        case Saved(run=run):
            index.execute("UPDATE runs SET updated = ? WHERE run = ?", (time.time(), run))
        case _:
            pass


def mark(index: sqlite3.Connection, run: str, kind: str, step: int, body: Mapping[str, Any]) -> None:
    """Note something that happened at a step."""
    query = "INSERT INTO marks (run, kind, step, body) VALUES (?, ?, ?, ?)"
    index.execute(query, (run, kind, step, json.dumps(dict(body))))


def forget(index: sqlite3.Connection, run: str) -> None:
    """Remove everything that the index has of a run."""
    for table in ("runs", "curves", "marks"):
        index.execute(f"DELETE FROM {table} WHERE run = ?", (run,))


def name_in(stored: Path) -> str:
    """Under which name the curves in a run's folder were recorded; the folder may have been renamed since."""
    with suppress(sqlite3.Error), closing(sqlite3.connect(f"{stored.absolute().as_uri()}?mode=ro", uri=True)) as own:
        found = own.execute("SELECT run FROM runs UNION SELECT run FROM curves LIMIT 1").fetchone()
        return str(found[0]) if found else ""
    return ""


def _kind(spec: Mapping[str, Any], part: str) -> str:
    return str(spec[part]["kind"])
