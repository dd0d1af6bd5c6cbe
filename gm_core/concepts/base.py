"""What every page of the notes answers with: the numbers that it states, and the columns behind its pictures."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gm_core.capabilities.base import answers_alone
from gm_core.protocol.commands import Query
from gm_core.protocol.events import Frame

__all__ = ["Column", "Columns", "ConceptFrame", "Floats", "Query", "answers_alone", "normal_density"]

Floats = npt.NDArray[np.float64]
Column = npt.NDArray[np.float64] | npt.NDArray[np.float32] | npt.NDArray[np.int64]
Columns = Mapping[str, Column]


def normal_density(x: Floats, mean: float, sigma: float) -> Floats:
    """N(x; mean, sigma^2); the shape of x."""
    made: Floats = np.exp(-0.5 * ((x - mean) / sigma) ** 2) / (sigma * math.sqrt(2.0 * math.pi))
    return made


@dataclass(frozen=True, slots=True)
class ConceptFrame(Frame):
    """The answer to a page. `numbers` holds each number that the page states, by the name of its place in the formula.

    Subclasses add the arrays that their pictures are drawn from (numpy, whole pictures small enough to redraw at
    every move) and say in `columns()` which of them a person would want as a table.
    """

    numbers: Mapping[str, float]

    def columns(self) -> Columns:
        """The numbers behind the pictures, by heading; shorter columns are filled up with nothing."""
        return {}
