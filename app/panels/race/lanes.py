"""What is known of each runner: where it stands and what was measured of it on the way. No Qt."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np

from app.bridge.run_view import RunView
from app.panels.race.entrants import Entrant
from gm_core import api

XAxis = Literal["step", "examples", "seconds", "cost"]
BudgetUnit = Literal["steps", "seconds"]
EARLY = (0.0, 0.01, 0.025)
"""Shares of the budget at which runners are measured before the even marks begin."""
MARKS = 24
"""Even marks over the whole budget."""
UNENDING = 1_000_000
"""Steps of a run whose budget is in seconds."""
COSTS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)
"""Steps that are tried to see how quality depends on the cost of drawing."""


@dataclass(frozen=True)
class Measured:
    """One measurement: where on each axis it was taken, and the numbers by name."""

    step: int
    examples: float
    seconds: float
    cost: float
    values: dict[str, float]
    errors: dict[str, float]

    def at(self, axis: XAxis) -> float:
        """Its place on an axis."""
        return float(getattr(self, axis))


@dataclass
class Runner:
    """One lane. `run` is '' until the worker has made it; `trouble` says why it never came, `note` what failed last.

    `waiting` for an answer about the present, or (`trying`) about so many steps of drawing; `tried` is the step and the
    second of training at which it was last asked, whatever the answer; `asked` are the kept steps that were asked for.
    It has `left` the race with the last step on the data that all began with, if its own were changed on the way.
    """

    entrant: Entrant
    name: str
    colour: int
    run: str = ""
    state: str = "waiting"
    trouble: str = ""
    step: int = 0
    seconds: float = 0.0
    batch: int = 1
    spent: bool = False
    left: int | None = None
    items: np.ndarray | None = None
    record: list[Measured] = field(default_factory=list)
    by_cost: list[Measured] = field(default_factory=list)
    untried: list[int] = field(default_factory=list)
    waiting: bool = False
    trying: int = 0
    tried: tuple[int, float] = (-1, 0.0)
    past: int | None = None
    asked: set[int] = field(default_factory=set)
    rest_until: float = 0.0
    note: str = ""

    @property
    def last(self) -> Measured | None:
        """The newest measurement."""
        return self.record[-1] if self.record else None

    @property
    def words(self) -> str:
        """Why it is not measured, if it is not."""
        return self.trouble or ("" if self.left is None else f"other data since step {self.left:,}")

    def follow(self, view: RunView) -> None:
        """Take step and seconds from what the window knows of the run."""
        _, seconds = view.record()
        self.state, self.batch, self.left = view.card.state, view.batch, view.other_data_from
        self.step = max(self.step, view.last_step) if view.card.state == "training" else view.card.step
        if len(seconds):
            self.seconds = float(seconds[-1])
        if self.state != "training":  # a run may have been taken back to an earlier step
            self.record = [m for m in self.record if m.step <= self.step]

    def progress(self, budget: float, unit: BudgetUnit) -> float:
        """The share of its budget that it has used, 0 to 1."""
        used = self.seconds if unit == "seconds" else self.step
        return min(1.0, used / budget) if budget > 0 else 1.0

    def take(self, step: int, seconds: float, frame: api.Quality, steps: int = 0) -> None:
        """Keep a measurement; `steps` says that it was drawn in so many steps, to see what drawing costs."""
        values = dict(zip(frame.names, frame.values.tolist(), strict=True))
        errors = dict(zip(frame.names, frame.errors.tolist(), strict=True))
        made = Measured(step, float(step * self.batch), seconds, float(frame.cost), values, errors)
        if steps:
            self.by_cost = sorted([m for m in self.by_cost if m.cost != made.cost] + [made], key=lambda m: m.cost)
            return
        if frame.items is not None and (self.last is None or step >= self.last.step):
            self.items = frame.items
        self.record = sorted([m for m in self.record if m.step != step] + [made], key=lambda m: m.step)

    def series(self, metric: str, axis: XAxis, widest: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
        """A curve: x and y. Over the cost of drawing, one that has but one cost is level up to the `widest`."""
        if axis == "cost":
            known = self.by_cost or self.record[-1:]
            if len(known) == 1 and known[0].cost < widest:
                y = known[0].values.get(metric, np.nan)
                return np.array([known[0].cost, widest]), np.array([y, y])
        else:
            known = self.record
        x = np.array([m.at(axis) for m in known], float)
        return x, np.array([m.values.get(metric, np.nan) for m in known], float)

    def missed(self, kept: Iterable[int], budget: float, unit: BudgetUnit) -> int | None:
        """A kept step between whose neighbours nothing was measured, though a mark or more lies there; else None.

        So the curve of a run that trains faster than it can be measured is filled up once it rests.
        """
        share = self.progress(budget, unit) / max(1, self.step)  # of the budget, for one step
        seen = [m.step for m in self.record]
        for step in sorted(kept):
            if 0 < step < self.step and min((abs(step - s) for s in seen), default=0) * share > 0.5 / MARKS:
                return step
        return None

    def best(self, metric: str) -> float:
        """The best value on the way, nan where there is none."""
        found = float("nan")
        for measured in self.record:
            value = measured.values.get(metric, float("nan"))
            found = value if api.better_than(metric, value, found) else found
        return found


def due(runner: Runner, budget: float, unit: BudgetUnit) -> bool:
    """Whether a runner has come to a mark, or to rest, at which it was not measured yet."""
    step, seconds = runner.tried
    if step == runner.step:
        return False
    if step < 0 or runner.state != "training":
        return True
    used = seconds if unit == "seconds" else float(step)
    before, now = used / budget if budget else 1.0, runner.progress(budget, unit)
    marks = (*EARLY, *(k / MARKS for k in range(1, MARKS + 1)))
    return any(before < mark <= now for mark in marks)


def ranked(runners: Iterable[Runner], metric: str) -> list[Runner]:
    """The runners, the best value of a metric first, those without one last."""
    order: list[Runner] = []
    for runner in runners:
        value = _value(runner, metric)
        place = next((i for i, one in enumerate(order) if api.better_than(metric, value, _value(one, metric))), None)
        order.insert(len(order) if place is None else place, runner)
    return order


def _value(runner: Runner, metric: str) -> float:
    return runner.last.values.get(metric, float("nan")) if runner.last is not None else float("nan")


def write_csv(path: Path, runners: Iterable[Runner], floors: dict[str, float]) -> None:
    """Every measurement as a row: who, where on each axis, every number with its standard error; real examples last."""
    runners = list(runners)
    names = list(dict.fromkeys(n for r in runners for m in (*r.record, *r.by_cost) for n in m.values))
    with path.open("w", newline="", encoding="utf-8") as out:
        writer = csv.writer(out)
        columns = [column for name in names for column in (name, f"{name}_error")]
        writer.writerow(["family", "run", "kind", "step", "examples", "seconds", "cost", *columns])
        for runner in runners:
            for kind, record in (("training", runner.record), ("cost", runner.by_cost)):
                for m in record:
                    cells = [c for n in names for c in (_cell(m.values.get(n)), _cell(m.errors.get(n)))]
                    where = [m.step, f"{m.examples:.0f}", f"{m.seconds:.3f}", f"{m.cost:.0f}"]
                    writer.writerow([runner.entrant.key, runner.run, kind, *where, *cells])
        if floors:
            cells = [c for n in names for c in (_cell(floors.get(n)), "")]
            writer.writerow(["real examples", "", "floor", "", "", "", "", *cells])


def _cell(value: float | None) -> str:
    return "" if value is None or np.isnan(value) else repr(float(value))
