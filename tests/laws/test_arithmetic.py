"""The laws of arithmetic with codes, for every model that both encodes and decodes."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from gm_core.capabilities.arithmetic import ArithmeticQuery, MeansQuery, Sums
from gm_core.capabilities.base import Scene, answer, to_picture
from gm_core.capabilities.encodes import Encodes
from gm_core.capabilities.latent import Latent

from .conftest import CASES, MadeUp, having, seeded

SCENES = pytest.mark.parametrize(("kind", "card"), CASES)


def summed(kind: str, card: str, query: ArithmeticQuery) -> tuple[Sums, Scene]:
    model = having(kind, card, Encodes)
    if Latent.word not in model.offers():
        pytest.skip(f"{kind} does not decode")
    scene = Scene(model, MadeUp(model.card), seeded(query.seed), torch.device("cpu"))  # type: ignore[arg-type]
    with torch.no_grad():
        *_, found = answer(query, scene)
    assert isinstance(found, Sums)
    return found, scene


@SCENES
def test_a_sum_begins_at_the_decoded_code_of_the_picture_and_moves_along_a_straight_line(kind: str, card: str) -> None:
    found, scene = summed(
        kind, card, ArithmeticQuery(index=3, plus_indices=(0, 1), minus_indices=(5,), amount=2.0, n=5)
    )
    with torch.no_grad():
        x, y = scene.data.examples("train", torch.tensor([3]), seeded(0))
        mu = scene.model.encode(x, y)[0]
        first = to_picture(scene.model.decode(mu), scene.model.card)
    assert found.z[0] == pytest.approx(mu[0].numpy(), abs=1e-5)
    assert np.abs(found.items[0].astype(float) - first[0]).max() <= 1 + 1e-4, "a grey level of rounding"
    steps = np.diff(found.z, axis=0)
    assert np.allclose(steps, steps[0], atol=1e-5)
    assert np.linalg.norm(steps[0]) * 4 == pytest.approx(2.0 * found.norm, rel=1e-3, abs=1e-5)


@SCENES
def test_the_same_examples_on_both_sides_change_nothing(kind: str, card: str) -> None:
    found, _ = summed(kind, card, ArithmeticQuery(plus_indices=(2, 7), minus_indices=(7, 2), amount=3.0, n=3))
    assert found.norm == pytest.approx(0.0, abs=1e-6)
    assert np.abs(found.items.astype(float) - found.items[0]).max() <= 1 + 1e-4


@SCENES
def test_without_classes_there_is_one_mean_that_of_all(kind: str, card: str) -> None:
    model = having(kind, card, Encodes)
    if Latent.word not in model.offers():
        pytest.skip(f"{kind} does not decode")
    scene = Scene(model, MadeUp(model.card), seeded(0), torch.device("cpu"))  # type: ignore[arg-type]
    with torch.no_grad():
        *_, found = answer(MeansQuery(among=1000), scene)
    assert len(found.items) == len(found.z) == 1 and list(found.counts) == [40]  # type: ignore[attr-defined]
