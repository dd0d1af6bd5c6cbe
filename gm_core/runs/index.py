"""The index: one SQLite file with a row for each run and its curves in compressed chunks.

The folder of a run is the truth for its weights and its spec; the index can be lost and made again. A damaged index
is set aside, whatever can still be read is taken over, and the rest is read from the folders.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, TypeVar

from gm_core.runs.folders import RunsError, open_folder
from gm_core.weights.checkpoint import PART

INDEX_FILE = "index.sqlite"
VERSION = 1
BUSY_SECONDS = 5.0
TABLES = ("runs", "curves", "marks")
SCHEMA = """
CREATE TABLE IF NOT EXISTS runs (
    run TEXT PRIMARY KEY, title TEXT, model TEXT, data TEXT, state TEXT, step INTEGER, steps INTEGER, created REAL,
    updated REAL, folder TEXT, spec TEXT, parent TEXT, parent_step INTEGER, score REAL);
CREATE TABLE IF NOT EXISTS curves (
    id INTEGER PRIMARY KEY, run TEXT, split TEXT, first_step INTEGER, n INTEGER, names TEXT,
    steps BLOB, seconds BLOB, data BLOB);
CREATE TABLE IF NOT EXISTS marks (id INTEGER PRIMARY KEY, run TEXT, kind TEXT, step INTEGER, body TEXT);
CREATE INDEX IF NOT EXISTS curves_of ON curves (run, id);
CREATE INDEX IF NOT EXISTS marks_of ON marks (run, id);
"""

Result = TypeVar("Result")


class Damaged(Exception):
    """The index is not a database any more."""


class Index:
    """The connection to the index of one folder of runs; made when first needed, for one thread."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / INDEX_FILE
        self.warnings: list[str] = []
        self._connection: sqlite3.Connection | None = None

    def do(self, work: Callable[[sqlite3.Connection], Result], reading: bool = False) -> Result:
        """Do work in one transaction: all of it happens or nothing. A damaged index is replaced, and work done again.

        With `reading` nobody is kept from writing. Raises RunsError with one sentence: read-only, full disk, locked,
        made by a newer program.
        """
        begin = "BEGIN" if reading else "BEGIN IMMEDIATE"
        try:
            return self._transaction(work, begin)
        except Damaged:
            self._set_aside()
        try:
            return self._transaction(work, begin)
        except Damaged:
            raise RunsError(f"the index {self.path} is damaged and cannot be replaced; move it away") from None

    def close(self) -> None:
        """Let go of the file."""
        if self._connection is not None:
            with suppress(sqlite3.Error):
                self._connection.close()
            self._connection = None

    def _transaction(self, work: Callable[[sqlite3.Connection], Result], begin: str = "BEGIN IMMEDIATE") -> Result:
        try:
            connection = self._connect()
            connection.execute(begin)
            try:
                result = work(connection)
                connection.execute("COMMIT")
            except BaseException:
                with suppress(sqlite3.Error):  # the first error is the one to tell
                    connection.execute("ROLLBACK")
                raise
            return result
        except sqlite3.Error as error:
            raise self._told(error) from None

    def _connect(self) -> sqlite3.Connection:
        if self._connection is None:
            open_folder(self.folder)
            connection = sqlite3.connect(self.path, timeout=BUSY_SECONDS, isolation_level=None)
            try:
                connection.execute("PRAGMA journal_mode = WAL")
                connection.execute("PRAGMA synchronous = NORMAL")
                found = connection.execute("PRAGMA user_version").fetchone()[0]
                if found > VERSION:
                    raise RunsError(
                        f"the index {self.path} has version {found}; this program reads up to {VERSION}: "
                        "update the program, or choose another folder with --runs"
                    )
                if found < VERSION:
                    connection.executescript(SCHEMA)
                    connection.execute(f"PRAGMA user_version = {VERSION}")
            except BaseException:
                connection.close()
                raise
            self._connection = connection
        return self._connection

    def _told(self, error: sqlite3.Error) -> Exception:
        """What SQLite says, as a sentence for people, or Damaged."""
        kind = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if kind in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}:
            return Damaged()
        if kind == sqlite3.SQLITE_FULL:
            return RunsError(f"the disk of {self.folder} is full; free some space, what was saved before is untouched")
        if kind in {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM}:
            return RunsError(
                f"the runs folder {self.folder} may not be written; allow writing there or choose another with --runs"
            )
        if kind in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
            return RunsError(
                f"the index {self.path} has been locked by another program for {BUSY_SECONDS:g} s; close that program"
            )
        return RunsError(f"the index {self.path} cannot be used ({error}); check the disk or use another --runs")

    def _set_aside(self) -> None:
        """Rename the damaged index (with its log), make a new one, and take over what can still be read."""
        self.close()
        number = 1
        while (broken := self.folder / f"{INDEX_FILE}.broken-{number}").exists():
            number += 1
        try:
            self.path.replace(broken)
            for end in ("-wal", "-shm"):
                with suppress(FileNotFoundError):
                    Path(f"{self.path}{end}").replace(f"{broken}{end}")
        except OSError:
            raise RunsError(f"the index {self.path} is damaged; allow writing in its folder to mend it") from None
        saved = self._transaction(lambda connection: copy_rows(broken, connection, tolerant=True))
        self.warnings.append(
            f"the index of runs was damaged; it was set aside as {broken.name} and made again from the run folders "
            f"({saved} rows could still be read)"
        )


def copy_rows(
    source: Path, target: sqlite3.Connection, run: str | None = None, rename: str = "", tolerant: bool = False
) -> int:
    """Copy the rows of one run (or all) from another index; returns how many there were.

    `rename` gives the run another name on the way; rows of the table `runs` that are there already stay. With
    `tolerant` a damaged source gives what can be read of it; faults of the target are always raised.
    """
    copied = 0
    with closing(sqlite3.connect(f"{source.absolute().as_uri()}?mode=ro", uri=True)) as old:
        for table in TABLES:
            columns = [row[1] for row in target.execute(f"PRAGMA table_info({table})") if row[1] != "id"]
            at = columns.index("run")
            query = f"SELECT {', '.join(columns)} FROM {table}" + (" WHERE run = ?" if run is not None else "")
            insert = f"INSERT OR IGNORE INTO {table} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"
            for values in _rows(old, query, () if run is None else (run,), tolerant):
                values[at] = rename or values[at]
                target.execute(insert, values)
                copied += 1
    return copied


def _rows(old: sqlite3.Connection, query: str, given: tuple[str, ...], tolerant: bool) -> Iterator[list[Any]]:
    """Rows one by one; a damaged table ends where it is damaged, and what came before is good."""
    try:
        rows = old.execute(query, given)
        row = rows.fetchone()
        while row is not None:
            yield list(row)
            row = rows.fetchone()
    except sqlite3.Error:
        if not tolerant:
            raise


def make_index(path: Path, fill: Callable[[sqlite3.Connection], object]) -> None:
    """Write a small index, such as one run's curves inside its folder; raises sqlite3.Error or OSError."""
    part = path.with_name(f".{path.name}{PART}")
    part.unlink(missing_ok=True)
    try:
        with closing(sqlite3.connect(part, isolation_level=None)) as connection:
            connection.executescript(SCHEMA)
            connection.execute("BEGIN")
            fill(connection)
            connection.execute("COMMIT")
        part.replace(path)
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)
