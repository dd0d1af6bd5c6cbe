"""A glimpse of a distribution on the plane before anything is trained on it: questions that need no run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gm_core.protocol.cards import DataCard
from gm_core.protocol.commands import Query
from gm_core.protocol.events import Array, Frame


@dataclass(frozen=True, slots=True)
class GlimpseQuery(Query):
    """The exact density of the toy data that a plain spec (with `kind`) stands for: `size` x `size` points of a box."""

    data: Mapping[str, Any] = field(default_factory=dict)
    box: tuple[float, float, float, float] = (-3.0, 3.0, -3.0, 3.0)
    size: int = 96


@dataclass(frozen=True, slots=True)
class Glimpse(Frame):
    """Exact log density float32 (size, size), row 0 at the smallest y, and the card of the data."""

    values: Array
    box: tuple[float, float, float, float]
    card: DataCard


@dataclass(frozen=True, slots=True)
class TraceQuery(Query):
    """Toy data as the marks of a drawing, to begin a drawing of one's own with."""

    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Traced(Frame):
    """Marks in plain form (see the data set "drawn"), the half side of its box, and whether the drawing is the same
    distribution (`exact`) or only looks like it."""

    marks: tuple[Mapping[str, Any], ...]
    side: float
    classes: tuple[str, ...]
    exact: bool
