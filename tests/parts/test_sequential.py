"""Drawing and completing with any factorisation: in portions, at the model's own temperature, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from gm_core.capabilities.base import Scene, answer, to_picture
from gm_core.capabilities.classes import ConfusionQuery, PosteriorQuery
from gm_core.capabilities.complete import CompleteQuery
from gm_core.capabilities.samples import SampleQuery
from gm_core.capabilities.sitewise import ConditionalQuery, FillQuery
from gm_core.data.feed import Feed
from gm_core.data.registry import make_data
from gm_core.model import build
from gm_core.parts import sequential
from gm_core.parts.autoregressive import Autoregressive
from gm_core.protocol.cards import DataCard
from gm_core.spec import SpecError

from ..laws.conftest import MadeUp

CARD = DataCard("b", "Binary 3x4", (1, 3, 4), "binary", (0.0, 1.0), levels=2, classes=("a", "b", "c"))
GREY = DataCard("g", "Grey 28x28", (1, 28, 28), "levels", (0.0, 1.0), levels=256)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def made(**chosen: Any) -> Autoregressive:
    model = build({"kind": "fvsbn", **chosen}, CARD, 0).double()
    assert isinstance(model, Autoregressive)
    source = seeded(5)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += torch.randn(parameter.shape, generator=source, dtype=torch.float64)
    return model.eval().requires_grad_(False)


def scene(model: Autoregressive) -> Scene:
    return Scene(model, MadeUp(model.card), seeded(1), torch.device("cpu"))


def test_many_examples_are_drawn_in_portions_and_all_of_them_are_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Mean of each pixel over 6000 draws, in portions of 100, against as many drawn at once: within 0.04 (4 sigma)."""
    model = made()
    whole = model.sample(6000, seeded(1))
    monkeypatch.setattr(sequential, "ROOM", 1200)
    parts = [(state.number, state.total) for state in model.drawing(250, seeded(2))]
    assert parts == [(number + 1, 36) for number in range(36)]
    assert float((model.sample(6000, seeded(3)).mean(0) - whole.mean(0)).abs().max()) < 0.04


@pytest.mark.parametrize("labels", [False, True])
@pytest.mark.parametrize("first", [True, False])
def test_completions_that_have_no_room_side_by_side_come_in_portions(
    labels: bool, first: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Five completions, two at a time; log p(missing | known) of the exact ones is that of the model."""
    monkeypatch.setattr(sequential, "ROOM", 12 * 2 * (8 if first else 1))
    model, known = made(labels=labels), torch.ones(12, dtype=torch.bool)
    known[: 3 if first else 12] = not first
    known[12 if first else 9 :] = first
    x = model.sample(1, seeded(2))
    *way, last = model.complete(x, known, 5, seeded(3), particles=8)
    assert all(state.x.shape == (5, 1, 3, 4) and state.log_prob is None for state in way)
    assert [state.progress for state in way] == sorted(state.progress for state in way)
    assert (model.to_values(last.x)[:, known] == model.to_values(x)[:, known]).all()
    assert last.log_prob is not None and last.log_prob.shape == (5,) and last.effective is not None
    assert 1.0 <= float(last.effective) <= 8.0
    if not first and not labels:
        with torch.no_grad():
            expected = model.site_log_prob(last.x)[0][:, ~known].sum(-1)
        assert torch.allclose(last.log_prob, expected, atol=1e-10)


def test_the_bars_of_a_site_are_those_that_are_drawn_from_at_the_temperature_of_the_model() -> None:
    model = made()
    given = to_picture(model.sample(1, seeded(4)), CARD)
    (plain,) = answer(ConditionalQuery(given=given, site=7), scene(model))
    model.edit(type(model).Spec.read({"temperature": 0.5}))
    (cold,) = answer(ConditionalQuery(given=given, site=7), scene(model))
    (asked,) = answer(ConditionalQuery(given=given, site=7, temperature=1.0), scene(model))
    p, q = plain.probabilities[1], cold.probabilities[1]  # type: ignore[union-attr]
    assert abs(p - 0.5) > 0.05, "a fair coin proves nothing"
    assert q == pytest.approx(p**2 / (p**2 + (1 - p) ** 2), abs=1e-6)
    assert asked.probabilities[1] == p  # type: ignore[union-attr]


@pytest.mark.parametrize("y", [-1, 3])
def test_a_class_that_does_not_exist_is_refused_in_one_sentence(y: int) -> None:
    model = made(labels=True)
    for query in (SampleQuery(n=2, y=y), FillQuery(n=2, y=y)):
        with pytest.raises(SpecError, match=f"y is {y}; expected 0 to 2"):
            list(answer(query, scene(model)))


def test_too_few_particles_are_refused_where_some_must_compete() -> None:
    model, known = made(), torch.ones(12, dtype=torch.bool)
    known[0] = False
    mask = known.reshape(3, 4).numpy()
    query = CompleteQuery(given=to_picture(model.blank(1), CARD), known=mask, particles=1)
    with pytest.raises(SpecError, match="particles is 1; expected at least 2"):
        list(answer(query, scene(model)))


def test_a_confusion_of_data_without_labels_is_refused_in_one_sentence() -> None:
    model = build({"kind": "independent", "labels": True}, CARD, 0).eval()
    made_up = MadeUp(CARD)
    made_up.examples = lambda split, indices, rng: (torch.zeros(len(indices), 1, 3, 4), None)  # type: ignore[method-assign]
    with pytest.raises(SpecError, match="has no labels to compare with"):
        list(answer(ConfusionQuery(n=4), Scene(model, made_up, seeded(), torch.device("cpu"))))


@pytest.mark.parametrize("kind", ["fvsbn", "made", "nade"])
def test_a_layer_that_would_not_fit_in_memory_is_refused_in_one_sentence(kind: str) -> None:
    with pytest.raises(SpecError, match=r"784 numbers of 256 levels need .* weights; up to .* have room"):
        build({"kind": kind}, GREY)


def test_another_data_set_with_other_levels_is_refused_by_a_model_of_levels(tmp_path: Any) -> None:
    import numpy as np

    np.save(tmp_path / "x.npy", np.arange(64 * 30).reshape(30, 8, 8).astype(np.uint8) % 200)
    feed = Feed(make_data({"kind": "digits"}), 16)
    with pytest.raises(SpecError, match="has 256 levels; this model takes 17"):
        feed.elsewhere({"kind": "arrays", "file": str(tmp_path / "x.npy")})


def test_the_posterior_of_nothing_known_is_the_prior() -> None:
    model = made(labels=True)
    blank = to_picture(model.blank(1), CARD)
    known = torch.zeros(3, 4, dtype=torch.bool).numpy()
    with torch.no_grad():
        (found,) = answer(PosteriorQuery(given=blank, known=known), scene(model))
    assert found.marginalised and found.log_prob == pytest.approx(0.0, abs=1e-6)  # type: ignore[union-attr]
