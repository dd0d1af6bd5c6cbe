"""Settings of panels through cues: each takes them and gives them back, and one that is made anew leaves nothing."""

from __future__ import annotations

import gc
import weakref
from typing import Any

import pytest
import shiboken6
from PySide6.QtCore import QCoreApplication, QEvent

from app.panel import PanelState, find_panels
from app.shell.window import Window
from app.stage import seeing
from gm_core import api
from tests.app.fake_model import run_card
from tests.app.stages import bring, stocked
from tests.app.windows import ReplayEngine

PANELS = find_panels()
LASTING = {"experiment", "log", "talk"}
"""These hold more than settings; no cue makes them anew."""
WORDS = {
    ("curves", "hidden"): "kl",
    ("density", "shown"): "test",
    ("duel", "shown"): "surface",
    ("plane", "shown"): "samples",
    ("runs", "find"): "vae",
    ("notes", "page"): "gaussian_kl",
}
BOUND = {
    ("sites", "temperature"),  # the model's own is told as 0
    ("steps", "guidance"),  # without guidance there is none to keep
    ("steps", "front"),  # a branch that does not exist
    ("notes", "pages"),  # grows with each page that is opened
}
"""Settings that a panel may correct, for they mean something of the model or of what was opened."""


def otherwise(name: str, kind: type[PanelState], plain: dict[str, Any]) -> dict[str, Any]:
    """Settings that differ in each flag, word from a list and number."""
    made = dict(plain)
    rows = {row.path: row for row in api.describe(kind, "")}
    for field, value in plain.items():
        row = rows.get(field) or rows.get(f".{field}")
        if field in kind.owned or (name, field) in BOUND or row is None:
            continue
        if (name, field) in WORDS:
            made[field] = WORDS[name, field]
        elif row.choices:
            made[field] = next(word for word in row.choices if word != value)
        elif isinstance(value, bool):
            made[field] = not value
        elif isinstance(value, int | float):
            tries = (value + 1, value - 1, value / 2)
            lo = row.lo if row.lo is not None else -1e9
            hi = row.hi if row.hi is not None else 1e9
            fits = [t for t in tries if lo <= t <= hi and t != value and type(value)(t) == t]
            made[field] = type(value)(fits[0])
    return made


def certain(name: str, kind: type[PanelState], plain: dict[str, Any]) -> dict[str, Any]:
    """The settings that no panel may correct."""
    return {f: v for f, v in plain.items() if f not in kind.owned and (name, f) not in BOUND}


@pytest.fixture
def shown(window: Window) -> Window:
    """A window with a run of one's own, which trains, and two examples."""
    return stocked(window)


@pytest.mark.parametrize("name", sorted(set(PANELS) - LASTING))
def test_a_panel_takes_the_settings_of_a_cue_and_gives_them_back(shown: Window, name: str) -> None:
    panel = shown.docks.show(name).panel
    assert panel is not None and not panel.engaged()
    kind, before = type(panel).State, panel.state().plain()
    wished = otherwise(name, kind, before)
    assert wished != before, "the test must change something"
    bring(shown, name, wished)
    now = shown.docks.all[name].panel
    assert now is not None
    assert certain(name, kind, now.state().plain()) == certain(name, kind, wished)
    bring(shown, name, before)
    again = shown.docks.all[name].panel
    assert again is not None
    assert certain(name, kind, again.state().plain()) == certain(name, kind, before)


@pytest.mark.parametrize("name", sorted(set(PANELS) - LASTING))
def test_a_panel_that_was_made_anew_leaves_nothing_behind(shown: Window, name: str) -> None:
    dock = shown.docks.show(name)
    shown.desk.take([])
    assert dock.panel is not None
    old = weakref.ref(dock.panel)
    dock.renew()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    shown.docks.show(name)
    shown.desk.take([api.RunChanged(run_card("mine", step=900))])
    shown.desk.seek(800)
    shown.desk.new_noise()
    for signal in (shown.desk.scalars, shown.desk.marks, shown.desk.vectors, shown.desk.run_closed):
        signal.emit("mine")
    shown.desk.overlays_changed.emit()
    shown.desk.take([])
    gc.collect()
    assert old() is None or not shiboken6.isValid(old())


@pytest.mark.parametrize("name", sorted(LASTING))
def test_a_panel_that_holds_more_than_settings_is_in_no_cue_and_is_never_made_anew(shown: Window, name: str) -> None:
    panel = shown.docks.show(name).panel
    assert panel is not None and name not in seeing.capture(shown).panels
    bring(shown, name, {})
    assert shown.docks.all[name].panel is panel


def test_only_the_new_panel_asks_after_a_change(shown: Window, engine: ReplayEngine) -> None:
    shown.docks.show("gallery")
    shown.desk.take([])
    before = len(engine.sent)
    bring(shown, "gallery", {"count": "16"})
    shown.desk.take([])
    shown.desk.new_noise()
    shown.desk.take([])
    asks = [c for c in engine.sent[before:] if isinstance(c, api.Ask) and c.topic.startswith("gallery/")]
    assert asks and all(getattr(ask.query, "n", 16) == 16 for ask in asks)


def test_settings_that_a_panel_has_already_leave_it_in_peace(shown: Window) -> None:
    panel = shown.docks.show("gallery").panel
    assert panel is not None
    bring(shown, "gallery", panel.state().plain())
    assert shown.docks.all["gallery"].panel is panel


def test_what_the_user_made_is_in_no_cue_and_is_not_replaced(shown: Window) -> None:
    panel = shown.docks.show("draw").panel
    assert panel is not None
    panel.controls.set_tool("line") if "line" in getattr(panel, "controls", object).__dict__ else None  # type: ignore[attr-defined]
    panel.shelf.kept["mine"] = []  # type: ignore[attr-defined]
    cue = seeing.capture(shown)
    assert set(cue.panels["draw"]).isdisjoint({"drawing", "kept"})
    bring(shown, "draw", {**cue.panels["draw"], "side": 7.0})
    now = shown.docks.all["draw"].panel
    assert now is not panel and "mine" in now.shelf.kept  # type: ignore[union-attr]
