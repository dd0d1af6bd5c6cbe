"""How the window looks, taken down as a cue."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

from app.bridge.recorded import EXAMPLE
from app.shell.docks import AREAS, Dock
from app.stage.cues import PRESENT, Cue, Front

if TYPE_CHECKING:
    from app.shell.window import Window

OWN = "talk"
"""The panel of talks itself is no part of any cue."""


def capture(window: Window, title: str = "", notes: str = "") -> Cue:
    """The window as it is now: panels and their settings, the run in front, the shared step, the noise."""
    desk, presents = window.desk, window.presenter.on or window.reader.on
    docks = {name: dock for name, dock in window.docks.all.items() if name != OWN}
    seen = tuple(name for name, dock in docks.items() if is_seen(dock))
    layout = _layout(window) if not presents and any(moved(window, dock) for dock in docks.values()) else ""
    return Cue(
        title=title or _title(window, seen),
        notes=notes,
        front=front(window),
        top=seen,
        stage=seen if presents else (),
        shown=() if presents else tuple(name for name, dock in docks.items() if not dock.isHidden()),
        room={} if presents or layout else room(window, seen),
        layout=layout,
        panels={name: kept for name, dock in docks.items() if (kept := settings_of(dock)) is not None},
        step=PRESENT if desk.now is None else desk.now,
        seed=desk.seed,
    )


def is_seen(dock: Dock) -> bool:
    """Whether a dock is open and on top of its tabs."""
    return not dock.isHidden() and not dock.visibleRegion().isEmpty()


def moved(window: Window, dock: Dock) -> bool:
    """Whether an open dock is not where the program puts it."""
    if dock.isHidden():
        return False
    beside = window.tabifiedDockWidgets(dock)
    strangers = any(isinstance(other, Dock) and other.kind.slot != dock.kind.slot for other in beside)
    return dock.isFloating() or strangers or window.dockWidgetArea(dock) != AREAS[dock.kind.slot]


def room(window: Window, seen: tuple[str, ...]) -> dict[str, float]:
    """The share of the window that each place has: of its width, and of its height for the one at the bottom."""
    shares: dict[str, float] = {}
    for dock in (window.docks.all[name] for name in seen):
        low = dock.kind.slot == "bottom"
        share = dock.height() / max(window.height(), 1) if low else dock.width() / max(window.width(), 1)
        shares[dock.kind.slot] = round(share, 3)
    return shares


def front(window: Window) -> Front:
    """The run in front as a cue tells it."""
    desk = window.desk
    if not desk.current:
        return Front()
    if desk.showing_examples:
        return Front(kind="example", name=desk.current.removeprefix(EXAMPLE))
    return Front(kind="run", name=desk.current)


def settings_of(dock: Dock) -> dict[str, Any] | None:
    """The settings of a panel that a cue keeps: none of one that is not there or holds more than them."""
    panel = dock.panel
    if panel is None or panel.engaged() or not panel.State.model_fields:
        return None
    return {name: value for name, value in panel.state().plain().items() if name not in panel.State.owned}


def _title(window: Window, seen: tuple[str, ...]) -> str:
    """What to call a cue until somebody does: the panel in the middle and the run in front."""
    docks = [window.docks.all[name] for name in seen]
    results = [dock.kind.title for dock in docks if dock.kind.slot in ("centre", "right")]
    card = window.desk.card
    return ", ".join(part for part in (" and ".join(results[:2]), card.title if card is not None else "") if part)


def _layout(window: Window) -> str:
    return base64.b64encode(bytes(window.saveState().data())).decode()
