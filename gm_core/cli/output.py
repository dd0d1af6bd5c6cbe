"""What the command line prints: sentences, tables, a progress bar, and events as JSON lines."""

from __future__ import annotations

import dataclasses
import json
import math
import sys
import time
from collections.abc import Callable, Mapping, Sequence, Set
from typing import Any, TextIO

from gm_core.protocol.events import Event, Scalars, Timing

BAR = 24
PRINT_SECONDS = 0.1
LINES = 10
LINE_SECONDS = 30.0


class CommandError(Exception):
    """A command that cannot be done as wished: one sentence, found, expected, what to do."""


def say(sentence: str) -> None:
    """One sentence on stderr, so that stdout stays for results."""
    print(f"gm-core: {sentence}", file=sys.stderr, flush=True)


def plain(value: Any) -> Any:
    """Any fact as builtins that JSON knows: dataclasses as mappings, arrays as lists, sets sorted, NaN as null."""
    if isinstance(value, Event):
        return {"event": type(value).__name__, **_fields(value)}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return _fields(value)
    if isinstance(value, Mapping):
        return {str(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, Set):
        return sorted(plain(inner) for inner in value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, str | int | None):
        return value
    if isinstance(value, Sequence):
        return [plain(inner) for inner in value]
    return plain(value.tolist())  # numpy arrays and numbers


def _fields(value: Any) -> dict[str, Any]:
    return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}


def print_json(value: Any) -> None:
    """One value as one line of JSON."""
    print(json.dumps(plain(value), ensure_ascii=False), flush=True)


def print_table(rows: Sequence[Sequence[str]]) -> None:
    """Rows of words in columns; the last column may be long."""
    if not rows:
        return
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]) - 1)]
    for row in rows:
        print("  ".join([*(cell.ljust(width) for cell, width in zip(row, widths)), row[-1]]).rstrip())


def size_words(octets: int) -> str:
    """Bytes as people read them: 1.5 MiB."""
    size = float(octets)
    for unit in ("B", "KiB", "MiB"):
        if size < 1024:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} GiB"


class ProgressBar:
    """How training goes, on stderr: a bar that is redrawn on a terminal, a line now and then in a file."""

    def __init__(self, out: TextIO | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self._out = out if out is not None else sys.stderr
        self._clock = clock
        self._live = self._out.isatty()
        self._drawn = -math.inf
        self._tenth = -1
        self._wide = 0
        self.step = self.steps = 0
        self._rate = 0.0
        self._scores: dict[str, float] = {}

    def take(self, event: Event) -> None:
        """Learn from an event and draw if it is time."""
        if isinstance(event, Scalars):
            if event.split == "train":
                self.step = int(event.steps[-1])
            elif "total" not in event.names:
                return
            label = "loss" if event.split == "train" else "validation"
            column = event.names.index("total") if "total" in event.names else 0
            self._scores[label] = float(event.values[-1, column])
        elif isinstance(event, Timing):
            self._rate = event.steps_per_second
        else:
            return
        self._draw()

    def clear(self) -> None:
        """Take the bar away, so that something else can be said."""
        if self._live and self._wide:
            self._out.write("\r" + " " * self._wide + "\r")
            self._out.flush()
            self._wide = 0

    def _draw(self) -> None:
        now, share = self._clock(), min(1.0, self.step / max(self.steps, 1))
        scores = "  ".join(f"{name} {value:.4g}" for name, value in self._scores.items())
        rate = f"  {self._rate:.0f} steps/s" if self._rate else ""
        if self._live:
            if now - self._drawn < PRINT_SECONDS and share < 1.0:
                return
            left = f"  {_clock_words((self.steps - self.step) / self._rate)} left" if self._rate and share < 1.0 else ""
            full = round(share * BAR)
            line = f"[{'#' * full}{'.' * (BAR - full)}] {self.step}/{self.steps}  {scores}{rate}{left}"
            self._out.write("\r" + line.ljust(self._wide))
            self._wide = len(line)
        else:
            tenth = int(share * LINES)
            if tenth == self._tenth and now - self._drawn < LINE_SECONDS:
                return
            self._tenth = tenth
            self._out.write(f"step {self.step}/{self.steps}  {scores}{rate}\n")
        self._out.flush()
        self._drawn = now


def _clock_words(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
