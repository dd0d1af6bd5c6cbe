"""The layers of the duel on the plane, from the verdicts of the core."""

from __future__ import annotations

import numpy as np

from app.widgets.plane import Kind
from gm_core import api

LEAST = 0.02
"""The colours never stretch a narrower range of probabilities than this to either side of 1/2."""
ARROWS = 120
"""So many samples show where they should go; more hide each other."""
# key, words, kind, shown at first
LAYERS: tuple[tuple[str, str, Kind, bool], ...] = (
    ("surface", "D(x)", "image", True),
    ("best", "best D (estimate)", "image", False),
    ("grid", "net of G", "mesh", False),
    ("real", "data", "points", True),
    ("fake", "samples", "points", True),
    ("wishes", "where they should go", "arrows", True),
)
SURFACES = ("surface", "best")


def layer_data(frame: api.Verdicts, key: str) -> np.ndarray | None:
    """What a layer shows, or None where this game has none."""
    if key == "grid":
        return None if frame.grid is None else net(frame.grid)
    if key == "wishes":
        return None if frame.wishes is None else np.concatenate([frame.fake, frame.wishes], 1)[:ARROWS]
    found: np.ndarray | None = getattr(frame, key)
    return found


def net(knots: np.ndarray) -> np.ndarray:
    """The net (g, g, 3): each cell holds equal mass, so that a small one is dense and filled strongly."""
    across, up = knots[1:, 1:] - knots[:-1, :-1], knots[1:, :-1] - knots[:-1, 1:]
    area = 0.5 * np.abs(across[..., 0] * up[..., 1] - across[..., 1] * up[..., 0])
    usual = max(float(np.median(area)), 1e-9)
    strength = np.zeros((*knots.shape[:2], 1))
    strength[:-1, :-1, 0] = 0.75 * np.clip(usual / np.maximum(area, 0.25 * usual) / 4.0, 0.03, 1.0)
    return np.concatenate([knots, strength], -1)


def limits_of(frame: api.Verdicts, key: str) -> tuple[float, float]:
    """The ends of the colours: around 1/2, or the middle of all values, and as near to it as most of them are.

    The best discriminator is hardly ever undecided: its probabilities get the whole scale.
    """
    values = frame.surface if key == "surface" else frame.best
    assert values is not None
    if frame.unit == "probability" and key == "best":
        return 0.0, 1.0
    middle = 0.5 if frame.unit == "probability" else float(np.median(values))
    least = LEAST if frame.unit == "probability" else 1e-6
    half = max(float(np.percentile(np.abs(values - middle), 90)), least)
    return middle - half, middle + half
