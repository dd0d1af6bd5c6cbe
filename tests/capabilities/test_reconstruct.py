"""Errors of reconstructions: each measure against its own formula, and surveys that agree with single pairs."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from gm_core.capabilities.base import Scene, answer
from gm_core.capabilities.reconstruct import (
    PORTION,
    Errors,
    ErrorsQuery,
    Pairs,
    ReconstructQuery,
    Reconstructs,
    measured,
)
from gm_core.protocol.cards import DataCard
from gm_core.protocol.commands import Query
from gm_core.spec import SpecError

CARD = DataCard("grey", "Grey", (1, 4, 4), "levels", (-1.0, 1.0), levels=256, classes=("dark", "light"))
COUNT = 3 * PORTION + 11


class Halving(Reconstructs):
    """Gives back half of what it was shown."""

    card = CARD

    def reconstruct(self, x: Tensor, rng: torch.Generator, y: Tensor | None = None) -> Tensor:
        return 0.5 * x


class Grey:
    """Pictures whose label says whether they are light."""

    card = CARD

    def __init__(self) -> None:
        self.x = torch.rand(COUNT, 1, 4, 4, generator=torch.Generator().manual_seed(1)) * 2 - 1

    def examples(self, split: str, indices: Tensor, rng: torch.Generator) -> tuple[Tensor, Tensor | None]:
        x = self.x[indices]
        return x, (x.flatten(1).mean(1) > 0).long()

    def count(self, split: str) -> int:
        return COUNT


def ask(query: Query) -> list[object]:
    rng = torch.Generator().manual_seed(query.seed)
    return list(answer(query, Scene(Halving(), Grey(), rng, torch.device("cpu"))))  # type: ignore[arg-type]


def survey(query: ErrorsQuery) -> Errors:
    last = ask(query)[-1]
    assert isinstance(last, Errors)
    return last


def test_the_squared_error_is_the_mean_over_pixels_in_the_range_of_the_card() -> None:
    x = Grey().x[:5]
    assert measured(x, 0.5 * x, CARD, "squared") == pytest.approx(np.mean((0.5 * x.numpy()) ** 2, (1, 2, 3)), rel=1e-5)


def test_the_cross_entropy_is_that_of_coins_whatever_the_range() -> None:
    x = Grey().x[:5]
    coins = torch.distributions.Bernoulli(probs=((0.5 * x + 1) / 2).double(), validate_args=False)
    expected = -coins.log_prob(((x + 1) / 2).double()).flatten(1).sum(1)
    assert torch.allclose(measured(x, 0.5 * x, CARD, "cross_entropy").double(), expected, rtol=1e-5)


def test_a_certain_and_wrong_pixel_costs_much_but_not_infinitely_much() -> None:
    black, white = -torch.ones(1, 1, 4, 4), torch.ones(1, 1, 4, 4)
    found = float(measured(black, white, CARD, "cross_entropy"))
    assert found == pytest.approx(16 * -np.log(1e-6), rel=0.01)
    assert 0 <= float(measured(white, white, CARD, "cross_entropy")) < 1e-3


def test_a_cross_entropy_of_points_is_refused_in_words() -> None:
    points = DataCard("moons", "Moons", (2,), "continuous", (-3.0, 3.0))
    with pytest.raises(SpecError, match=r"no coins.*choose 'squared'"):
        measured(torch.zeros(1, 2), torch.zeros(1, 2), points, "cross_entropy")


@pytest.mark.parametrize("measure", ["squared", "cross_entropy"])
def test_a_survey_agrees_with_the_pairs_of_its_indices(measure: str) -> None:
    found = survey(ErrorsQuery(n=COUNT, measure=measure))  # type: ignore[arg-type]
    assert sorted(found.indices) == list(range(COUNT)) and found.done == found.total == COUNT
    worst = np.argsort(-found.values)[:6]
    (pairs,) = ask(ReconstructQuery(indices=tuple(int(found.indices[i]) for i in worst), measure=measure))  # type: ignore[arg-type]
    assert isinstance(pairs, Pairs) and pairs.labels is not None and found.labels is not None
    assert pairs.errors == pytest.approx(found.values[worst], rel=1e-5)
    assert np.array_equal(pairs.indices, found.indices[worst]) and np.array_equal(pairs.labels, found.labels[worst])


def test_a_survey_grows_and_gives_way_between_portions() -> None:
    frames = ask(ErrorsQuery(n=COUNT))
    assert frames[0] is None and len(frames) == 4
    assert len(survey(ErrorsQuery(n=7)).values) == 7


def test_what_cannot_be_reconstructed_is_refused_in_one_sentence() -> None:
    with pytest.raises(SpecError, match=f"has {COUNT} examples; ask for indices 0 to {COUNT - 1}"):
        ask(ReconstructQuery(indices=(0, COUNT)))
    with pytest.raises(SpecError, match="n is 0; expected at least 1"):
        ask(ErrorsQuery(n=0))


def test_pictures_that_are_given_have_neither_label_nor_index() -> None:
    (pairs,) = ask(ReconstructQuery(given=np.full((2, 4, 4, 1), 255, np.uint8)))
    assert isinstance(pairs, Pairs) and pairs.labels is None and pairs.indices is None
    assert pairs.errors == pytest.approx([0.25, 0.25])
