"""The first page: its model is a mixture that draws, scores and explains."""

from __future__ import annotations

import numpy as np
import pytest

from gm_core.concepts import overview as concept
from gm_core.presets import read_catalogue, read_presets
from tests.concepts.answering import answer


def test_the_density_on_the_plane_sums_to_one() -> None:
    frame = answer(concept.OverviewQuery())
    assert isinstance(frame, concept.OverviewFrame)
    cell = (2 * concept.SIDE / concept.GRID) ** 2
    assert float(np.exp(frame.log_density).sum() * cell) == pytest.approx(1.0, abs=2e-3)


def test_the_posterior_is_the_parts_share_of_the_density_and_sums_to_one() -> None:
    frame = answer(concept.OverviewQuery(parts=6, x=-0.4, y=0.7))
    assert isinstance(frame, concept.OverviewFrame)
    assert frame.posterior.sum() == pytest.approx(1.0) and frame.example_posterior.sum() == pytest.approx(1.0)
    assert frame.numbers["density"] == pytest.approx(np.exp(frame.numbers["log_p"]))
    half = concept.SIDE / concept.GRID
    row, column = int((0.7 + concept.SIDE) / (2 * half)), int((-0.4 + concept.SIDE) / (2 * half))
    assert frame.owner[row, column] == frame.posterior.argmax()


def test_inverted_digits_score_below_every_real_one() -> None:
    frame = answer(concept.OverviewQuery(parts=12))
    assert isinstance(frame, concept.OverviewFrame)
    assert frame.inverted_scores.max() < frame.test_scores.min()
    turned = answer(concept.OverviewQuery(parts=12, example=5, inverted=True))
    assert turned.numbers["log_digit"] == pytest.approx(frame.inverted_scores[5])


def test_more_parts_score_held_out_digits_higher_as_the_page_says() -> None:
    held = [answer(concept.OverviewQuery(parts=k)).numbers for k in (1, 4, 12, 20, 30)]
    digits, moons = [n["digits_held_out"] for n in held], [n["held_out"] for n in held]
    assert digits == sorted(digits)
    assert moons[0] < moons[1] < moons[2] < moons[3] and moons[4] < moons[3]


def test_the_table_of_families_agrees_with_what_the_models_offer() -> None:
    presets = {preset.name: preset for preset in read_presets()}
    models = {card.name: card.offers for card in read_catalogue().models}
    for family in concept.FAMILIES:
        offers = models[presets[family.preset].spec["model"]["kind"]]
        assert ("density" in offers) == (family.density != "none"), family.name
        assert ("stepwise" in offers) == (family.steps == "many"), family.name
        assert "sitewise" in offers or family.steps != "one a pixel", family.name
        assert family.latent or "latent" not in offers, family.name
