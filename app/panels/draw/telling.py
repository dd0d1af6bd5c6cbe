"""What the sheet says and remembers: its counts in words, the density as a picture, and its settings."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from PySide6.QtGui import QColor

from app.panel import PanelState
from app.shell import theme
from app.widgets.sketchmarks import Marks
from gm_core import api


class DrawState(PanelState):
    """What the sheet remembers."""

    owned: ClassVar[frozenset[str]] = frozenset({"drawing", "kept"})

    drawing: str = api.param("", "The marks, as JSON.")
    side: float = api.param(3.0, "Half the side of the box.", lo=0.5, hi=20.0)
    kept: str = api.param("", "Drawings of one's own by name, as JSON.")
    tool: str = api.param("brush", "The tool in use.")
    live: bool = api.param(False, "Whether a stroke changes the data of the run in front at once.")


def tinted(log_density: np.ndarray) -> np.ndarray:
    """A density as a faint picture uint8 (h, w, 4) in the accent of the theme."""
    density = np.exp(np.asarray(log_density, float))
    unit = np.sqrt(density / max(float(density.max()), 1e-30))
    rgba = np.empty((*density.shape, 4), np.uint8)
    rgba[..., :3] = QColor(theme.current().accent).getRgb()[:3]
    rgba[..., 3] = (110 * unit).astype(np.uint8)
    return rgba


def counted(marks: Marks, note: str) -> str:
    """How many marks there are; the note of the last answer, if it is about these, says of how many Gaussians."""
    count = f"{len(marks)} mark{'' if len(marks) == 1 else 's'}"
    return note.partition(";")[0] if note.startswith(f"{count},") else count


def shares(marks: Marks) -> str:
    """How much of the drawing each class has."""
    weights: dict[int, float] = {}
    for mark in marks:
        label = int(mark.get("label", 0))
        weights[label] = weights.get(label, 0.0) + float(mark["weight"])
    total = sum(weights.values()) or 1.0
    found = ", ".join(f"class {k + 1} {w / total:.0%}" for k, w in sorted(weights.items()))
    return found if len(weights) > 1 else "one class"
