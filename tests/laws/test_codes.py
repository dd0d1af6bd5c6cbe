"""The laws of measuring codes: every number is finite or explained, and filters are the weights next to the example."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from gm_core.capabilities.base import Scene, answer
from gm_core.capabilities.encodes import Encodes
from gm_core.capabilities.features import Features, Filters, FiltersQuery, Representation, RepresentationQuery

from .conftest import CASES, MadeUp, having, seeded

SCENES = pytest.mark.parametrize(("kind", "card"), CASES)


@SCENES
def test_what_codes_know_is_finite_or_explained_and_follows_from_the_seed(kind: str, card: str) -> None:
    model = having(kind, card, Encodes)
    frames = []
    for seed in (1, 1):
        scene = Scene(model, MadeUp(model.card), seeded(seed), torch.device("cpu"))
        with torch.no_grad():
            *_, frame = answer(RepresentationQuery(n=30, held=20), scene)
        assert isinstance(frame, Representation)
        frames.append(frame)
    first, again = frames
    numbers = {"information": first.information, "probe": first.probe, "gap": first.gap}
    for name, value in numbers.items():
        assert math.isfinite(value) != (name in first.why), "a number, or why there is none"
    assert np.isfinite(first.variances).all() and len(first.variances) == len(first.active) == model.latent_size
    if math.isfinite(first.information):
        assert first.information <= first.ceiling + 1e-6
        assert first.information + first.marginal == pytest.approx(first.kl, abs=1e-6)
    assert np.array_equal([first.information, first.kl], [again.information, again.kl], equal_nan=True)


@SCENES
@pytest.mark.parametrize("end", ["first", "last"])
def test_filters_are_pictures_scaled_about_grey(kind: str, card: str, end: str) -> None:
    model = having(kind, card, Features)
    scene = Scene(model, MadeUp(model.card), seeded(1), torch.device("cpu"))
    with torch.no_grad():
        (found,) = answer(FiltersQuery(n=5, end=end), scene)  # type: ignore[arg-type]
    assert isinstance(found, Filters) and found.items.dtype == np.uint8
    if not found.total:
        assert end == "last", "every model that shows features has filters; not each has atoms"
        return
    assert len(found.items) == len(found.scales) == len(found.units) == min(5, found.total)
    away = np.abs(found.items.astype(int) - 128).reshape(len(found.items), -1).max(1)
    assert (away == 127).all(), "the largest weight is white or black"
    weights = model.filters() if end == "first" else model.atoms()
    assert weights is not None and weights.ndim == 4 and weights.isfinite().all()


@SCENES
def test_filters_have_the_channels_of_the_example_and_are_no_larger(kind: str, card: str) -> None:
    model = having(kind, card, Features)
    weights = model.filters()
    shape = model.card.shape if len(model.card.shape) == 3 else (1, 1, model.card.shape[0])
    assert weights.shape[1] == shape[0] and weights.shape[2] <= shape[1] and weights.shape[3] <= shape[2]
