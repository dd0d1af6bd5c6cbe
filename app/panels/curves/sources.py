"""What can be drawn of a run: its charts grouped by unit, and where on the x axis a step lies. No Qt."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from app.bridge.run_view import Axis, RunView, told
from gm_core import api

TOTAL = api.Chart("total", "Loss", tip="What the optimiser makes small.")


@dataclass(frozen=True)
class Choice:
    """One entry of the chooser: a key, words, the charts that it draws, and whether they are vectors."""

    key: str
    words: str
    charts: tuple[api.Chart, ...]
    unit: str
    tip: str = ""
    vector: bool = False


def choices(card: api.RunCard, view: RunView | None) -> list[Choice]:
    """All charts of a unit together, then each alone, unit after unit; vectors last.

    A run reports `total` beside the charts that its model declares, in the unit of the first of them.
    """
    declared = [c for c in card.charts if not c.vector]
    unit = declared[0].unit if declared else TOTAL.unit
    names = {c.name for c in declared}
    charts = list(declared)
    is_one = len(declared) == 1 or any(c.is_loss for c in declared)  # where one chart is declared, the loss is that
    if "total" not in names and not is_one:
        charts.insert(0, api.Chart("total", TOTAL.title, unit, "lower", False, TOTAL.tip))
    seen = view.charts("train") + view.charts("validation") if view is not None else ()
    for name in dict.fromkeys(seen):
        if name not in names and name != "total":
            charts.append(own_loss(name) or api.Chart(name, name.replace("_", " "), "other"))
    found: list[Choice] = []
    for unit in dict.fromkeys(c.unit for c in charts):
        group = tuple(c for c in charts if c.unit == unit)
        together = tuple(c for c in group if not mirrored(c, group))
        if len(together) > 1:
            found.append(
                Choice(
                    f"unit:{unit}",
                    f"All in {unit}" if unit else "All together",
                    together,
                    unit,
                    f"Every curve that counts {unit}." if unit else "Every curve without a unit.",
                )
            )
        found += [Choice(c.name, c.title, (c,), unit, c.tip) for c in group]
    found += [Choice(c.name, c.title, (c,), c.unit, c.tip, True) for c in card.charts if c.vector]
    return found


def own_loss(name: str) -> api.Chart | None:
    """The loss of one phase or stage of several, such as `generator_total`; None for other names."""
    phase = name.removesuffix("_total")
    if phase == name:
        return None
    return api.Chart(name, f"{phase.replace('_', ' ').capitalize()} loss", "loss", tip=f"What the {phase} makes small.")


def mirrored(chart: api.Chart, group: Iterable[api.Chart]) -> bool:
    """Whether a chart only mirrors the others (an ELBO beside a loss): together they would flatten each other."""
    return chart.better == "higher" and any(other.better == "lower" for other in group)


def x_of(view: RunView, step: float, axis: Axis) -> float:
    """Where a step lies on an axis; for seconds, at its newest occurrence in the record."""
    if axis == "step":
        return float(step)
    if axis == "examples":
        return float(step) * view.batch
    steps, seconds = record(view)
    return _look_up(steps, seconds, step)


def step_of(view: RunView, x: float, axis: Axis) -> float:
    """The step that lies at a place of an axis."""
    if axis == "step":
        return x
    if axis == "examples":
        return x / max(1, view.batch)
    steps, seconds = record(view)
    return _look_up(seconds, steps, x)


def record(view: RunView) -> tuple[np.ndarray, np.ndarray]:
    """Steps and seconds of the record since training last went back, both rising."""
    steps, seconds = view.record()
    if not len(steps):
        return np.zeros(1), np.zeros(1)
    falls = np.flatnonzero(np.diff(steps) < 0)
    begin = int(falls[-1]) + 1 if len(falls) else 0
    return steps[begin:], seconds[begin:]


def _look_up(known: np.ndarray, wanted: np.ndarray, at: float) -> float:
    if not len(known):
        return 0.0
    place = min(int(np.searchsorted(known, at)), len(known) - 1)
    if place > 0 and abs(known[place - 1] - at) <= abs(known[place] - at):
        place -= 1
    return float(wanted[place])


def flags(view: RunView, axis: Axis) -> list[tuple[float, str]]:
    """The edits that hold and the returns to earlier steps, with words, at their places."""
    found = [
        (x_of(view, e.step, axis), f"{e.path.split('.')[-1]} {told(e.old)} → {told(e.new)}")
        for e in view.edits_now()
    ]
    found += [(x_of(view, r.to_step, axis), f"back from {r.from_step:,}") for r in view.rollbacks]
    return found


def write_csv(path: Path, views: list[RunView]) -> None:
    """Everything recorded of these runs, one row a report, one column a chart."""
    tables = [(view, *view.table()) for view in views]
    names = list(dict.fromkeys(name for _, header, _ in tables for name in header))
    with path.open("w", newline="", encoding="utf-8") as out:
        writer = csv.writer(out)
        writer.writerow(["run", *names])
        for view, header, rows in tables:
            places = [header.index(name) if name in header else -1 for name in names]
            writer.writerows([view.run, *[row[i] if i >= 0 else "" for i in places]] for row in rows)
