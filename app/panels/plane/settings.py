"""What the plane remembers."""

from __future__ import annotations

from app.panel import PanelState
from gm_core import api


class PlaneState(PanelState):
    """What the plane remembers."""

    count: int = api.param(1000, "How many samples are drawn.", lo=1, hi=20_000)
    noise: float = api.param(0.0, "Noise in densities, scores and points: 0 is the data, 1 pure noise.", lo=0.0, hi=1.0)
    shown: str = api.param("exact samples score", "The layers that are on, separated by spaces.")
    numbers: bool = api.param(True, "Say how far the model is from the truth.")
    beside: bool = api.param(False, "Show learned, exact and difference beside each other.")
    starts: tuple[float, ...] = api.param((), "Where the ways begin in noise, as x and y in turn.", lo=-1e6, hi=1e6)
    at: float = api.param(1.0, "How much of the ways is past.", lo=0.0, hi=1.0)
