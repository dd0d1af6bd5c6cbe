"""What lies on the plane: the layers, who can have them, their inks, and their numbers from the frames that came."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from app.shell import theme
from app.widgets.plane import Kind, PlaneView
from gm_core import api

Floats = npt.NDArray[np.floating[Any]]
Box = tuple[float, float, float, float]
LEARNED = (frozenset({"density"}), frozenset({"samples"}))
BOTH = (frozenset({"density", "exact"}), frozenset({"samples", "exact"}))
FAINT = 1e-4
"""Where both densities are below this part of the largest, the best discriminator is a matter of rounding."""


@dataclass(frozen=True)
class Known:
    """A layer: its key and words, how it is drawn, what a run must have for it (any of the sets), shown at first."""

    key: str
    words: str
    kind: Kind
    needs: tuple[frozenset[str], ...] = (frozenset(),)
    first: bool = False


LAYERS = (
    Known("exact", "exact", "image", (frozenset({"exact"}),), True),
    Known("model", "learned", "image", LEARNED),
    Known("difference", "learned − exact", "image", BOTH),
    Known("best", "best discriminator", "image", BOTH),
    Known("data", "data", "points"),
    Known("samples", "samples", "points", (frozenset({"samples"}),), True),
    Known("score", "model score", "arrows", (frozenset({"field"}),), True),
    Known("velocity", "velocity", "arrows", (frozenset({"field"}),)),
    Known("energy_gradient", "energy gradient", "arrows", (frozenset({"field"}),)),
    Known("exact_score", "exact score", "arrows", (frozenset({"exact"}),)),
)
WORDS = {known.key: known.words for known in LAYERS}
DENSITIES = ("exact", "model", "difference", "best")
FIELDS = ("score", "velocity", "energy_gradient")
BESIDE = {"model", "exact", "difference", "samples", "data"}
"""What three planes beside each other show."""
COMPARED = {"model", "difference", "best"}
OVER_DENSITY = {
    "data": "#aeb4c2", "score": "#ff6fb5", "velocity": "#ffb347", "energy_gradient": "#ffb347",
    "exact_score": "#31c4d8",
}  # fmt: skip
"""Inks that are seen on the dark ground of a density, and in the legend of both themes."""
MAPS = {"difference": "diverging", "best": "diverging"}
KINDS = {"exact": "", "solver": "", "bound": "bound", "unnormalised": "Z by grid", "estimate": "estimate"}
"""What is said of a learned density beside its name."""


def fitting(traits: frozenset[str], kinds: tuple[str, ...]) -> list[Known]:
    """The layers that a run can have; `kinds` are the fields of its model, once they are known."""
    found = [known for known in LAYERS if any(needs <= traits for needs in known.needs)]
    if kinds:
        return [known for known in found if known.key not in FIELDS or known.key in kinds]
    return [known for known in found if known.key not in ("velocity", "energy_gradient")]


def ink(key: str, on: set[str]) -> str | None:
    """The colour of points and arrows: light on the dark ground of a density, quiet without one; None for pictures."""
    t = theme.current()
    if key == "samples":
        return t.series[1]
    dark = {"data": t.muted, "exact_score": t.series[2], "velocity": t.series[3], "energy_gradient": t.series[3]}
    return (OVER_DENSITY if on & {"exact", "model"} else dark).get(key)


def put(view: PlaneView, known: Known, found: Found, on: set[str]) -> None:
    """Draw a layer as it is now; one that is off, or of which nothing has come, is a word in the legend only."""
    key = known.key
    layer = found.layer(key) if key in on else None
    empty = np.zeros((0, {"points": 2, "arrows": 4}.get(known.kind, 0)))
    data, box, limits = layer or (empty, None, None)
    cmap = MAPS.get(key, "viridis")
    view.set_layer(key, found.label(key), known.kind, data, box, ink(key, on), cmap, key in on, limits)
    view.set_visible(key, key in on)


@dataclass
class Found:
    """The newest frames that came of a run, as layers: `layer(key)` is what is drawn, or None."""

    truth: api.Truth | None = None
    compared: api.Compared | None = None
    arrows: dict[str, api.Arrows] = field(default_factory=dict)
    clouds: dict[str, Floats] = field(default_factory=dict)
    noise: float = 0.0

    def take(self, frame: api.Frame) -> set[str]:
        """Keep a frame; the layers that it changes."""
        if isinstance(frame, api.Truth):
            self.truth = frame
            return {"exact", "exact_score", "model", "data", "samples"}
        if isinstance(frame, api.Compared):
            self.compared = frame
            return {"exact", *COMPARED}
        if isinstance(frame, api.Arrows):
            kind = frame.kind or "score"
            self.arrows[kind] = frame
            return {kind, "data", "samples"}
        if isinstance(frame, api.Sheet | api.ExamplesFrame) and frame.items.ndim == 2:
            key = "samples" if isinstance(frame, api.Sheet) else "data"
            self.clouds[key] = frame.items
            return {key}
        return set()

    def scaling(self) -> tuple[float, float]:
        """The noise that is in what is shown, (a, b) of a x + b eps."""
        if self.noise <= 0:
            return 1.0, 0.0
        frames = (self.truth, self.compared, *self.arrows.values())
        return next((frame.scaling for frame in frames if frame is not None), (1.0, 0.0))

    def layer(self, key: str) -> tuple[Floats, Box | None, tuple[float, float] | None] | None:
        """The numbers of a layer, the box that they cover, and the ends of their colours."""
        if key in self.clouds:
            return self._noised(self.clouds[key]), None, None
        if key in self.arrows:
            return np.concatenate([self.arrows[key].points, self.arrows[key].vectors], 1), None, None
        if key == "exact_score" and self.truth is not None:
            return np.concatenate([self.truth.points, self.truth.vectors], 1), None, None
        if key in DENSITIES:
            return self._density(key)
        return None

    def _noised(self, points: Floats) -> Floats:
        """Points where the noise of this moment has carried them; the same noise each time, so that they glide."""
        a, b = self.scaling()
        if b == 0 and a == 1:
            return points
        return a * points + b * np.random.default_rng(7).standard_normal(points.shape)

    def _density(self, key: str) -> tuple[Floats, Box | None, tuple[float, float] | None] | None:
        truth, found = self.truth, self.compared
        if key == "exact" and truth is not None:
            return np.exp(truth.values), truth.box, (0.0, self.top())
        if found is None:
            return None
        if key == "model":
            return np.exp(found.learned), found.box, (0.0, self.top())
        if found.exact is None:
            return None
        if key == "exact":
            return np.exp(found.exact), found.box, (0.0, self.top())
        if key == "difference":
            gap = np.exp(found.learned) - np.exp(found.exact)
            most = max(min(float(np.abs(gap).max()), self.top()), 1e-12)
            return gap, found.box, (-most, most)
        with np.errstate(invalid="ignore", over="ignore"):
            share = 1 / (1 + np.exp(found.learned - found.exact))
        empty = np.maximum(found.learned, found.exact) < np.log(FAINT * self.top())
        return np.where(empty, np.nan, share), found.box, (0.0, 1.0)

    def top(self) -> float:
        """The largest density, at which the colours of exact and learned alike end: the exact one where it is known."""
        truth, found = self.truth, self.compared
        known = [] if truth is None else [float(np.exp(truth.values.max()))]
        if found is not None and found.exact is not None and (truth is None or found.scaling == truth.scaling):
            known.append(float(np.exp(found.exact.max())))
        if known:
            return max(known)
        if self.compared is None:
            return 1.0
        return max(float(np.quantile(np.exp(self.compared.learned), 0.999)), 1e-12)

    def label(self, key: str) -> str:
        """The words of a layer, honest about what it is."""
        kind = KINDS.get(self.compared.kind, "") if key == "model" and self.compared is not None else ""
        return f"{WORDS[key]} ({kind})" if kind else WORDS[key]
