"""Splits of your own data: shares held out at random, by a seed, of examples that come without splits."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from gm_core.data.base import SPLITS, DataError, DataSpec, SplitName
from gm_core.spec import param

Places = npt.NDArray[np.int64]

MOST_CLASSES = 1000
"""More different labels are taken for numbers and not for classes."""


class SharedSpec(DataSpec):
    """How examples without splits are shared out."""

    validation: float = param(0.1, "Share of the training examples held out for validation.", lo=0.0, hi=0.9)
    test: float = param(0.1, "Share of the examples held out for testing.", lo=0.0, hi=0.9)
    seed: int = param(0, "The shares are drawn at random by this number.", lo=0, hi=2**31 - 1)


def share_out(
    count: int, spec: SharedSpec, name: str, given: tuple[SplitName, ...] = ()
) -> tuple[dict[SplitName, Places], list[str]]:
    """Which of `count` examples go to which split, in their old order, and notes for the card.

    First the test examples are drawn, then the validation examples from the rest. A split whose share comes to
    nothing looks at the training examples, and a note says so. Splits that are `given` already are left out.
    Raises DataError where nothing is left to train on.
    """
    rng = np.random.Generator(np.random.PCG64(spec.seed))
    train: Places = np.arange(count)
    places: dict[SplitName, Places] = {}
    notes = []
    wished: tuple[tuple[SplitName, float], ...] = (("test", spec.test), ("validation", spec.validation))
    for split, share in wished:
        if split in given:
            continue
        taken = round(len(train) * share)
        if taken >= len(train):
            raise DataError(f"{name} has {len(train)} examples left to train on; {split} takes all: lower data.{split}")
        if taken == 0:
            notes.append(f"No example is held out for {split}: it looks at training examples.")
            continue
        order = rng.permutation(len(train))
        places[split], train = train[np.sort(order[:taken])], train[np.sort(order[taken:])]
    places["train"] = train
    for split in SPLITS:
        if split not in given:
            places.setdefault(split, train)
    return places, notes
