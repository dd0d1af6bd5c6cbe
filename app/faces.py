"""What the window must know of a panel before it is made, stored so that a start imports only the panels that are seen.

    python -m app.faces     writes resources/panels.json anew; a test says when that is due
"""

from __future__ import annotations

import importlib
import json
import pkgutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from app.panel import Panel, Slot, find_panels
from gm_core.resources import resource

FILE = "panels.json"


@dataclass(frozen=True)
class Face:
    """The class variables of a panel, and where its class is."""

    name: str
    title: str
    icon: str
    tip: str
    needs: frozenset[str]
    slot: Slot
    order: int
    alive_at_start: bool
    module: str
    kind: str

    def load(self) -> type[Panel]:
        """The class of the panel; imports its module the first time."""
        found: type[Panel] = getattr(importlib.import_module(self.module), self.kind)
        return found


def face_of(panel: type[Panel]) -> Face:
    """The face of a panel's class."""
    return Face(
        panel.name,
        panel.title,
        panel.icon,
        panel.tip,
        panel.needs,
        panel.slot,
        panel.order,
        panel.alive_at_start,
        panel.__module__,
        panel.__name__,
    )


def find_faces() -> tuple[Face, ...]:
    """The faces of all panels in the order of the layout; from the classes themselves where a file was added since."""
    stored = stored_faces()
    there = {f"app.panels.{entry.name}" for entry in pkgutil.iter_modules([str(Path(__file__).with_name("panels"))])}
    if there and there != {face.module for face in stored}:
        return tuple(face_of(panel) for panel in find_panels().values())
    return stored


def stored_faces() -> tuple[Face, ...]:
    """The faces as the file has them."""
    rows: list[dict[str, Any]] = json.loads(resource(FILE).read_text(encoding="utf-8"))
    return tuple(Face(**{**row, "needs": frozenset(row["needs"])}) for row in rows)


def write_faces() -> None:
    """Store the faces of the panels as they are now."""
    rows = [{**asdict(face_of(panel)), "needs": sorted(panel.needs)} for panel in find_panels().values()]
    resource(FILE).write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    write_faces()
