"""The small digits of scikit-learn, which the pages use as their picture data: in grey, and as ink or no ink."""

from __future__ import annotations

from functools import cache

import numpy as np

from gm_core.concepts.base import Floats
from gm_core.maths.count_tables import Whole

SIDE = 8
SITES = SIDE * SIDE


@cache
def grey() -> tuple[Floats, Whole]:
    """All 1797 digits (1797, 64), 0 for no ink and 1 for the most, and which digit each is."""
    from gm_core.data.digits import read_table

    table = read_table()
    return table[:, :SITES] / 16.0, table[:, SITES].astype(np.int64)


@cache
def binary() -> Whole:
    """All digits (1797, 64): 1 where there is at least half of the most ink."""
    made: Whole = (grey()[0] >= 0.5).astype(np.int64)
    return made


def halves() -> tuple[Whole, Whole]:
    """Binary digits (1347, 64) to learn from and (450, 64) held out, parted as the data set is."""
    from gm_core.data.digits import TRAIN

    return binary()[:TRAIN], binary()[TRAIN:]
