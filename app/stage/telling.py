"""A cue brought onto the window. What no longer exists gives one sentence each; all the rest is applied."""

from __future__ import annotations

import base64
import contextlib
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QByteArray, Qt

from app.bridge.recorded import EXAMPLE
from app.shell import settings as habits
from app.shell.docks import Dock
from app.stage.cues import PRESENT, Cue, Front
from app.stage.seeing import OWN, is_seen
from gm_core import api

if TYPE_CHECKING:
    from app.shell.window import Window

RESULTS = ("centre", "right")

Tell = Callable[[str, str], None]
"""Takes a level and a sentence."""


def bring_front(window: Window, front: Front, needs: frozenset[str], tell: Tell) -> bool:
    """Bring the run of a cue to the front; whether it is there already. No run is closed, stopped or started."""
    match front.kind:
        case "example":
            return _example(window, front.name, tell)
        case "run":
            return _run(window, front.name, tell)
        case "preset":
            return _preset(window, front.name, needs, tell)
        case _:
            return True


def _example(window: Window, name: str, tell: Tell) -> bool:
    desk = window.desk
    examples = [run for run in desk.views if desk.is_example(run)]
    known = next((run for run in examples if run.removeprefix(EXAMPLE) == name), None)
    known = known or next((run for run in examples if run.endswith(name)), None)
    if known is None:
        tell("warn", f"The example {name} is not here; the run in front stays.")
    else:
        desk.set_current(known)
    return True


def _run(window: Window, name: str, tell: Tell) -> bool:
    desk = window.desk
    view = desk.views.get(name)
    if view is not None and view.card.offers:
        desk.set_current(name)
        return True
    if desk.is_ready and desk.rows and all(row.run != name for row in desk.rows):
        tell("warn", f"The run {name} is not among the saved runs; the run in front stays.")
        return True
    desk.open_run(name)
    return False


def _preset(window: Window, name: str, needs: frozenset[str], tell: Tell) -> bool:
    """The newest run of a preset; where there is none the preset is planned, and an example shows what it can."""
    desk, known = window.desk, window.experiment.presets
    if name not in known:
        tell("warn", f"There is no preset {name}; the run in front stays.")
        return True
    spec = known[name].spec
    alive = [run for run, view in desk.views.items() if view.card.offers and not desk.is_example(run)]
    runs = [run for run in alive if begun_from(desk.views[run].card.spec, spec)]
    if runs:
        desk.set_current(desk.current if desk.current in runs else runs[-1])
        return True
    saved = [row for row in desk.rows if begun_from(row.spec, spec)]
    if saved:
        desk.open_run(max(saved, key=lambda row: row.updated).run)
        return False
    if desk.card is None or not needs <= desk.card.traits:
        fitting = [run for run, view in desk.views.items() if desk.is_example(run) and needs <= view.card.traits]
        if fitting:
            desk.set_current(fitting[0])
    window.experiment.choose(name)
    tell("info", f"Not trained yet: {known[name].title}. Space trains it.")
    return True


def begun_from(spec: Mapping[str, Any], preset: Mapping[str, Any]) -> bool:
    """Whether a run was begun from a preset: it has its name, and the same kinds of model and data."""

    def marks(of: Mapping[str, Any]) -> tuple[Any, ...]:
        return (of.get("name"), of.get("model", {}).get("kind"), of.get("data", {}).get("kind"))

    return marks(spec) == marks(preset)


def bring_panels(window: Window, panels: Mapping[str, Mapping[str, Any]], tell: Tell) -> list[str]:
    """Give panels the settings of a cue; returns those that must be made anew. What a cue does not name stays."""
    renewed = []
    for name, given in panels.items():
        dock = window.docks.all.get(name)
        if dock is None:
            tell("warn", f"There is no panel {name} any more; the rest of the cue is shown.")
        elif name != OWN and _bring_panel(window, dock, given, tell):
            renewed.append(name)
    return renewed


def _bring_panel(window: Window, dock: Dock, given: Mapping[str, Any], tell: Tell) -> bool:
    kind, panel = dock.kind.load(), dock.panel
    now = panel.state().plain() if panel is not None else dict(window.settings.panels.get(kind.name, {}))
    own = {name: now[name] for name in kind.State.owned if name in now}
    try:
        wanted = kind.State.read({**given, **own})
    except api.SpecError as error:
        tell("warn", f"{kind.title} keeps its settings: {error.message}.")
        return False
    if panel is not None and panel.engaged():
        if panel.state() != wanted:
            tell("info", f"{kind.title} is at work and stays as it is.")
        return False
    panels = dict(window.settings.panels) | {kind.name: wanted.plain()}
    window.settings = habits.changed(window.settings, {"panels": panels})
    if panel is None or panel.state().plain() == wanted.plain():
        return False
    if panel.restores_live:
        panel.restore(wanted)
        return False
    dock.renew()
    return True


def foresee(dock: Dock, panels: Mapping[str, Mapping[str, Any]]) -> None:
    """Tell a panel that is seen what the next cue will ask of it."""
    given = panels.get(dock.kind.name)
    if dock.panel is not None and given is not None:
        with contextlib.suppress(api.SpecError):  # the cue itself will tell
            dock.panel.foresee(dock.panel.State.read(given))


def on_stage(window: Window, cue: Cue) -> tuple[str, ...]:
    """The panels of a cue that are seen while presenting."""
    docks = window.docks.all
    if cue.stage:
        return tuple(name for name in cue.stage if name in docks)
    return tuple(name for name in cue.top if name in docks and docks[name].kind.slot in RESULTS)


def needs_of(window: Window, cue: Cue) -> frozenset[str]:
    """What the panels of a cue need of a run."""
    seen = [window.docks.all[name].kind.needs for name in on_stage(window, cue)]
    return frozenset().union(*seen)


def arrange(window: Window, cue: Cue, presents: bool) -> None:
    """Open and raise the panels of a cue; while presenting, only those of its stage."""
    docks = window.docks.all
    stage = on_stage(window, cue)
    if presents and not stage:  # a cue without results: as presenting does without a talk
        stage = tuple(name for name, dock in docks.items() if dock.kind.slot in RESULTS and is_seen(dock))
    window.setUpdatesEnabled(False)
    try:
        if presents:
            _only(docks, set(stage))
        elif cue.layout:
            _relay(window, cue.layout)
        elif cue.shown:
            _only(docks, {OWN, *cue.shown} if not docks[OWN].isHidden() else set(cue.shown))
        for name in stage if presents else cue.top:
            if name in docks:
                window.docks.show(name)
        if presents and not cue.room:
            _halve(window, stage)
        _give_room(window, cue.room, stage if presents else cue.top)
        window.docks.retitle()
    finally:
        window.setUpdatesEnabled(True)


def missing(window: Window, cue: Cue, tell: Tell) -> None:
    """Say which panels of the layout do not exist any more."""
    for name in dict.fromkeys((*cue.top, *cue.stage, *cue.shown)):
        if name not in window.docks.all and name not in cue.panels:
            tell("warn", f"There is no panel {name} any more; the rest of the cue is shown.")


def bring_step(window: Window, cue: Cue, tell: Tell) -> None:
    """Move the shared step; the nearest kept one where that step is gone."""
    if cue.step == PRESENT:
        window.desk.seek(None)
        return
    found = window.desk.seek(cue.step)
    if found != cue.step:
        shown = f"step {found:,}" if found is not None else "the newest"
        tell("warn", f"Step {cue.step:,} is not kept of this run; {shown} is shown.")


def _only(docks: Mapping[str, Dock], names: set[str]) -> None:
    for name, dock in docks.items():
        if dock.isHidden() == (name in names):
            dock.setVisible(name in names)


def _relay(window: Window, layout: str) -> None:
    """Qt's own layout, and the panel of talks still where it can be seen."""
    talk = not window.docks.all[OWN].isHidden()
    try:
        window.restoreState(QByteArray(base64.b64decode(layout, validate=True)))
    except ValueError:
        return
    window.docks.all[OWN].setVisible(talk)


def _halve(window: Window, names: tuple[str, ...]) -> None:
    """The middle and the right share a stage evenly."""
    docks = [window.docks.all[name] for name in names]
    across = [next((dock for dock in docks if dock.kind.slot == slot), None) for slot in RESULTS]
    if all(across):
        window.resizeDocks([dock for dock in across if dock], [100, 100], Qt.Orientation.Horizontal)


def _give_room(window: Window, room: Mapping[str, float], names: tuple[str, ...]) -> None:
    if not room:
        return
    heads = {window.docks.all[name].kind.slot: window.docks.all[name] for name in names if name in window.docks.all}
    across = [slot for slot in ("left", *RESULTS) if slot in heads and slot in room]
    if len(across) > 1:
        widths = [max(1, round(room[slot] * window.width())) for slot in across]
        window.resizeDocks([heads[slot] for slot in across], widths, Qt.Orientation.Horizontal)
    if "bottom" in heads and "bottom" in room:
        height = max(1, round(room["bottom"] * window.height()))
        window.resizeDocks([heads["bottom"]], [height], Qt.Orientation.Vertical)
