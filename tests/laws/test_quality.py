"""The law of quality: whatever draws can be measured, by finite numbers, and is left as it was when one looks away."""

from __future__ import annotations

import gc
import weakref

import numpy as np
import pytest
import torch

from gm_core.capabilities.base import Scene, answer
from gm_core.capabilities.metrics import ALL_DATA
from gm_core.capabilities.quality import Quality, QualityQuery
from gm_core.capabilities.samples import Samples

from .conftest import CASES, MadeUp, having, seeded

SCENES = pytest.mark.parametrize(("kind", "card"), [(kind, card) for kind, card in CASES if card in ("points", "grey")])


@SCENES
def test_whatever_draws_can_be_measured(kind: str, card: str) -> None:
    model = having(kind, card, Samples)
    scene = Scene(model, MadeUp(model.card), seeded(1), torch.device("cpu"))
    with torch.no_grad():
        *pauses, frame = answer(QualityQuery(n=24, shown=3), scene)
    assert len(pauses) > 5 and all(pause is None for pause in pauses)
    assert isinstance(frame, Quality) and frame.names == ALL_DATA and frame.n == 24
    assert np.isfinite(frame.values).all() and np.isfinite(frame.floors).all()
    assert frame.cost >= 1 and frame.items is not None and len(frame.items) == 3


def test_closing_it_midway_leaks_nothing() -> None:
    model = having("ddpm", "points", Samples)
    scene = Scene(model, MadeUp(model.card), seeded(1), torch.device("cpu"))
    frames = answer(QualityQuery(n=24), scene)
    with torch.no_grad():
        next(frames)
        next(frames)
    frames.close()  # type: ignore[attr-defined]
    watched = weakref.ref(model)
    del model, scene, frames
    gc.collect()
    assert watched() is None
