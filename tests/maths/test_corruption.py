"""Corruptions: how much is spoilt, what it becomes, and that nothing else is touched."""

from __future__ import annotations

from typing import get_args

import pytest
import torch

from gm_core.capabilities.denoises import CorruptionName
from gm_core.maths.corruption import CORRUPTIONS, noise_width
from gm_core.models.autoencoder import Autoencoder
from gm_core.protocol.cards import DataCard

GREY = DataCard("grey", "Grey", (1, 50, 40), "levels", (0.0, 1.0), levels=256)
CENTRED = DataCard("centred", "Centred", (1, 50, 40), "continuous", (-1.0, 1.0))
POINTS = DataCard("points", "Points", (2,), "continuous", (-3.0, 4.0))
CARDS = pytest.mark.parametrize("card", [GREY, CENTRED, POINTS], ids=lambda card: card.name)


def inside(card: DataCard) -> torch.Tensor:
    """200 000 numbers strictly inside the card's range and never 0."""
    n = 200_000 // card.size
    u = torch.rand((n, *card.shape), generator=torch.Generator().manual_seed(1))
    return card.range[1] * (0.1 + 0.8 * u)


def spoilt(kind: str, card: DataCard, amount: float, seed: int = 2) -> torch.Tensor:
    """The above, spoilt."""
    return CORRUPTIONS[kind](inside(card), amount, card, torch.Generator().manual_seed(seed))


@CARDS
def test_masking_puts_out_its_share_of_the_numbers_and_leaves_the_others(card: DataCard) -> None:
    x, found = inside(card), spoilt("masking", card, 0.3)
    nothing = card.range[0] if card.kind == "images" else 0.0
    out = found == nothing
    # A share of 0.3 in 200 000 trials has a standard deviation of 0.001.
    assert out.float().mean() == pytest.approx(0.3, abs=0.005)
    assert torch.equal(found[~out], x[~out])


@CARDS
def test_salt_and_pepper_are_the_ends_of_the_range_and_equally_common(card: DataCard) -> None:
    x, found = inside(card), spoilt("salt_and_pepper", card, 0.4)
    pepper, salt = (found == end for end in card.range)
    assert pepper.float().mean() == pytest.approx(0.2, abs=0.005)
    assert salt.float().mean() == pytest.approx(0.2, abs=0.005)
    assert torch.equal(found[~(salt | pepper)], x[~(salt | pepper)])


@CARDS
def test_gaussian_noise_has_its_width_no_mean_and_is_not_clipped(card: DataCard) -> None:
    noise = spoilt("gaussian", card, 0.5) - inside(card)
    width = noise_width(0.5, card)
    assert width == 0.5 * (card.range[1] - card.range[0] if card.kind == "images" else 1.0)
    # The mean of 200 000 numbers is known to width / 447, their standard deviation to width / 632.
    assert noise.mean() == pytest.approx(0.0, abs=width / 100)
    assert noise.std() == pytest.approx(width, rel=0.01)
    if card.kind == "images":
        assert (inside(card) + noise).max() > card.range[1]


@pytest.mark.parametrize("kind", CORRUPTIONS)
@CARDS
def test_an_amount_of_nothing_spoils_nothing_and_the_same_seed_spoils_alike(kind: str, card: DataCard) -> None:
    assert torch.equal(spoilt(kind, card, 0.0), inside(card))
    assert torch.equal(spoilt(kind, card, 0.4), spoilt(kind, card, 0.4))
    assert not torch.equal(spoilt(kind, card, 0.4), spoilt(kind, card, 0.4, seed=3))


@pytest.mark.parametrize("kind", ["masking", "salt_and_pepper"])
def test_an_amount_of_one_spoils_everything(kind: str) -> None:
    found = spoilt(kind, GREY, 1.0)
    assert ((found == 0.0) | (found == 1.0)).all()


def test_the_names_are_the_same_in_queries_specs_and_functions() -> None:
    named = get_args(Autoencoder.Spec.model_fields["corruption"].annotation)
    assert set(get_args(CorruptionName)) == CORRUPTIONS.keys() == set(named) - {"none"}
