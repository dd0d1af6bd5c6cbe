"""How a race is drawn: a curve, a picture and a few words for each, in the colour that it keeps throughout."""

from __future__ import annotations

from app.panels.race.board import number
from app.panels.race.lanes import XAxis
from app.panels.race.stalls import Stalls
from app.panels.race.steward import Steward
from app.shell import theme
from app.widgets.curves import CurvePlot
from gm_core import api

REAL = "(real)"


def curves(plot: CurvePlot, steward: Steward, name: str, axis: XAxis) -> None:
    """A line for each runner, level where it has but one cost, and a dashed one at what real examples reach."""
    colours = theme.current().series
    widest = max((m.cost for r in steward.runners for m in (*r.record[-1:], *r.by_cost)), default=1.0)
    low, high = float("inf"), 0.0
    for runner in steward.runners:
        x, y = runner.series(name, axis, widest)
        if len(x):
            low, high = min(low, float(x.min())), max(high, float(x.max()))
        level = axis == "cost" and len(runner.by_cost) < 2
        key = runner.entrant.key
        colour = colours[runner.colour % len(colours)]
        plot.set_series(key, key, x, y, dashed=level, colour=colour, short=key)
    plot.set_live(steward.running)
    if name in steward.floors and high > low:
        floor = steward.floors[name]
        x, y = (low, high), (floor, floor)
        plot.set_series(REAL, "real examples", x, y, dashed=True, colour=theme.current().muted, short="real")


def stalls(row: Stalls, steward: Steward, name: str, front: str) -> None:
    """The data, then what each draws, with its number under it."""
    colours = theme.current().series
    box = steward.data.range if steward.data is not None else (-1.0, 1.0)
    row.set_count(len(steward.runners) + 1)
    first = row.stalls[0]
    first.set_words("data", steward.data.title if steward.data is not None else "", theme.current().muted)
    first.set_items(steward.examples, box)
    for runner, stall in zip(steward.runners, row.stalls[1:], strict=True):
        last = runner.last
        said = "" if last is None else f"step {last.step:,}  {number(last.values.get(name, float('nan')))}"
        stall.set_words(runner.entrant.key, runner.words or said, colours[runner.colour % len(colours)])
        stall.set_items(runner.items, box)
        stall.set_front(bool(runner.run) and runner.run == front)


def words(steward: Steward, name: str, log: bool) -> str:
    """How the race stands and what the number says, in one line."""
    if steward.starting:
        return "making the models..."
    said = [f"{sum(r.state == 'training' for r in steward.runners)} of {len(steward.runners)} train"]
    said.append(f"budget {steward.budget:,} {steward.unit} each")
    metric = next((m for m in api.METRICS if m.name == name), None)
    if metric is not None:
        said.append(f"{metric.title}: {metric.better} is better{f', in {metric.unit}' if metric.unit else ''}")
        floor = steward.floors.get(name, 1.0)
        if log and floor <= 0:
            said.append(f"real examples reach {number(floor)}, which no logarithm shows")
        if name in steward.notes:
            said.append(steward.notes[name].rstrip("."))
    return "  ·  ".join(said)
