"""What the latent explorer remembers from one session to the next."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from app.panel import PanelState
from gm_core import api

if TYPE_CHECKING:
    from app.panels.latent import LatentPanel


class LatentState(PanelState):
    """What the explorer remembers."""

    axis_x: int = api.param(-1, "The latent dimension across the map; -1 takes the most used one.", lo=-1, hi=4096)
    axis_y: int = api.param(-1, "The latent dimension up the map; -1 takes the second.", lo=-1, hi=4096)
    plane: Literal["axes", "pca"] = api.param("axes", "What is mapped: two dimensions, or principal components.")
    points: int = api.param(2000, "Real examples on the map.", lo=100, hi=20_000)
    hidden: str = api.param("ellipses", "Layers of the map that are switched off, by name.")
    sort: Literal["use", "effect"] = api.param("use", "By what the sliders are sorted.")
    code: tuple[float, ...] = api.param((), "The code in front.", lo=-99.0, hi=99.0)


def state_of(panel: LatentPanel) -> LatentState:
    """The settings as they are now; t-SNE is not among them, since it is begun on request alone."""
    code = panel.wished
    if panel.z is not None:
        code = tuple(round(float(v), 4) for v in np.clip(panel.z, -99, 99))
    bar = panel.chart.bar
    return LatentState(
        axis_x=panel.chart.chosen[0],
        axis_y=panel.chart.chosen[1],
        plane="pca" if bar.kind() == "pca" else "axes",
        points=panel.asking.points,
        hidden=" ".join(bar.hidden_layers()),
        sort="effect" if panel.sliding.sorts.currentData() == "effect" else "use",
        code=code,
    )


def restore(panel: LatentPanel, state: LatentState) -> None:
    """Take settings back."""
    panel.chart.chosen, panel.wished = (state.axis_x, state.axis_y), state.code
    panel.asking.points = state.points
    panel.chart.bar.set_points(state.points)
    panel.chart.bar.set_kind(state.plane)
    panel.chart.bar.set_hidden_layers(state.hidden.split())
    panel.sliding.set_sort(state.sort)
