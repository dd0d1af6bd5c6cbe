"""What data would look like before anything is trained on it: a question that needs no run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from gm_core.protocol.cards import DataCard
from gm_core.protocol.commands import Query
from gm_core.protocol.events import Array, Frame

Skipped = tuple[str, str]
"""A file or line that is left out, and why."""


@dataclass(frozen=True, slots=True)
class PreviewQuery(Query):
    """Show the first `n` training examples that a data set's plain spec (with `kind`) stands for."""

    data: Mapping[str, Any] = field(default_factory=dict)
    n: int = 24


@dataclass(frozen=True, slots=True)
class Preview(Frame):
    """Examples as a model will see them: uint8 (n, h, w, c) or float32 (n, d), with class names where there are some.

    For pictures, `before` (m, side, side, 4) shows the first few as they are, with what is cut away half transparent,
    and `after` (m, h, w, c) the same ones as examples. `skipped` are the first of `left_out` files or lines, with
    reasons. While data are read, frames come with `done` of `total` files and no card; the last one has the card.
    """

    items: Array
    labels: tuple[str, ...] = ()
    before: Array = field(default_factory=lambda: np.empty((0, 1, 1, 4), np.uint8))
    after: Array = field(default_factory=lambda: np.empty((0, 1, 1, 1), np.uint8))
    skipped: tuple[Skipped, ...] = ()
    left_out: int = 0
    done: int = 1
    total: int = 1
    card: DataCard | None = None
