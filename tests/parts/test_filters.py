"""Filters and atoms of whole models are the weights next to the example, and the prior of codes is a density."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import nn

from gm_core.capabilities.encodes import Encodes
from gm_core.capabilities.features import Features
from gm_core.model import GenerativeModel, build
from gm_core.protocol.cards import DataCard

GREY = DataCard("grey", "Grey", (1, 8, 8), "levels", (0.0, 1.0), levels=17, classes=("a", "b", "c"))
COLOUR = DataCard("colour", "Colour", (3, 8, 8), "continuous", (-1.0, 1.0), dequantised=True)


def made(card: DataCard = GREY, **wish: Any) -> GenerativeModel:
    return build({"kind": "vae", "latent": 2, "hidden": [12], "channels": [4, 5], **wish}, card).eval()


def shown(model: GenerativeModel) -> Features:
    assert isinstance(model, Features) and Features.word in model.offers()
    return model


@pytest.mark.parametrize(
    ("card", "wish", "first", "last"),
    [
        (GREY, {}, (12, 1, 8, 8), (12, 1, 8, 8)),
        (GREY, {"labels": True}, (12, 1, 8, 8), (12, 1, 8, 8)),
        (GREY, {"hidden": []}, (4, 1, 8, 8), (2, 1, 8, 8)),
        (COLOUR, {"network": "conv"}, (4, 3, 3, 3), (4, 3, 4, 4)),
        (GREY, {"network": "conv", "labels": True}, (4, 1, 3, 3), (4, 1, 4, 4)),
        (GREY, {"kind": "autoencoder"}, (12, 1, 8, 8), (12, 1, 8, 8)),
    ],
)
def test_each_unit_of_the_first_and_of_the_last_layer_has_a_picture(
    card: DataCard, wish: dict[str, Any], first: tuple[int, ...], last: tuple[int, ...]
) -> None:
    model = shown(made(card, **wish))
    atoms = model.atoms()
    assert model.filters().shape == first and atoms is not None and atoms.shape == last


def test_a_step_along_the_filter_of_a_unit_raises_its_sum_by_the_squared_length_of_the_filter() -> None:
    model = made(labels=True)
    filters = shown(model).filters()
    first = next(layer for layer in model.encoder.modules() if isinstance(layer, nn.Linear))  # type: ignore[union-attr]
    x = torch.rand(1, 64, generator=torch.Generator().manual_seed(0))
    told = torch.eye(3)[:1]
    with torch.no_grad():
        before, after = (first(torch.cat([x + step * filters[5].flatten(), told], 1))[0, 5] for step in (0.0, 1.0))
    assert float(after - before) == pytest.approx(float(filters[5].square().sum()), rel=1e-4)


def test_tied_weights_draw_what_they_look_for() -> None:
    model = shown(made(kind="autoencoder", tied=True))
    atoms = model.atoms()
    assert atoms is not None and torch.equal(atoms, model.filters())


def test_the_filters_of_pca_are_its_axes() -> None:
    model = build({"kind": "ppca", "latent": 3}, GREY)
    filters = shown(model).filters().flatten(1)
    assert filters.shape == (3, 64)
    assert torch.allclose(filters @ filters.T, torch.eye(3, dtype=filters.dtype), atol=1e-6)


@pytest.mark.parametrize("prior", ["normal", "mixture", "vamp"])
def test_the_prior_of_codes_is_a_density_with_any_part(prior: str) -> None:
    """E_q [p(z) / q(z)] = 1 for draws of a wide q = N(0, 9 I): within 5 standard errors of 20,000 draws."""
    model = made(prior=prior, components=4)
    assert isinstance(model, Encodes)
    z = 3.0 * torch.randn(20_000, 2, generator=torch.Generator().manual_seed(1))
    wide = -0.5 * (z / 3.0).square().sum(-1) - 2 * math.log(3.0) - math.log(2 * math.pi)
    with torch.no_grad():
        ratio = (model.log_prior(z) - wide).exp()
    assert float(ratio.mean()) == pytest.approx(1.0, abs=5 * float(ratio.std()) / math.sqrt(len(z)))
    assert float(ratio.std()) / math.sqrt(len(z)) < 0.02
