"""A run's scalars as a table that every spreadsheet reads."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from gm_core.protocol.events import History
from gm_core.runs.folders import RunsError
from gm_core.weights.checkpoint import reason, replace_file


def scalars_csv(history: History) -> str:
    """CSV with the columns split, step, seconds and one for each name; a value that was not recorded is empty.

    float32 values are written with the fewest digits that give the same float32 back.
    """
    names = list(dict.fromkeys(name for curve in history.curves for name in curve.names))
    out = io.StringIO()
    table = csv.writer(out, lineterminator="\n")
    table.writerow(["split", "step", "seconds", *names])
    for curve in history.curves:
        at = [curve.names.index(name) if name in curve.names else -1 for name in names]
        for step, seconds, values in zip(curve.steps.tolist(), curve.seconds.tolist(), curve.values, strict=True):
            table.writerow([curve.split, step, seconds, *("" if i < 0 else str(values[i]) for i in at)])
    return out.getvalue()


def write_csv(history: History, path: Path) -> None:
    """Write the table to a file, whole or not at all; raises RunsError."""
    try:
        replace_file(path, scalars_csv(history).encode())
    except OSError as error:
        raise RunsError(f"{path} cannot be written: {reason(error)}") from None
