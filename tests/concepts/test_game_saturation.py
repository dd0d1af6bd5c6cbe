"""Gradients of both losses of the generator against divergences, autograd and draws."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
import torch

from gm_core.concepts import game
from gm_core.concepts import game_saturation as concept
from gm_core.concepts.game import Data
from gm_core.maths import on_grid
from tests.concepts.answering import answer

CASES = [
    (Data(1, -1.5, 0.0, 0.8), 1.5, 1.0),
    (Data(1, 0.0, 0.0, 1.0), 0.4, 1.0),
    (Data(2, -1.5, 2.0, 0.8), 0.3, 1.6),
    (Data(2, -2.0, 2.0, 0.5), 3.0, 0.5),
]


def divergences(data: Data, mu: float, sigma: float) -> on_grid.Gap:
    x = game.middles()
    return on_grid.gap(game.log_data(data, x), game.log_bell(x, mu, sigma), 2 * game.REACH / game.CELLS)


@pytest.mark.parametrize(("data", "mu", "sigma"), CASES)
def test_for_the_best_d_the_first_gradient_is_that_of_twice_js_the_second_that_of_kl_less_twice_js(
    data: Data, mu: float, sigma: float
) -> None:
    n = answer(concept.SaturationQuery(0, data, mu, sigma)).numbers
    up, down = (divergences(data, mu + step, sigma) for step in (1e-4, -1e-4))
    js, kl = (2 * (up.js - down.js) / 2e-4, (up.reverse - down.reverse) / 2e-4)
    assert n["minimax"] == pytest.approx(js, abs=1e-5)
    assert n["non_saturating"] == pytest.approx(kl - js, abs=1e-5)


@pytest.mark.parametrize(("data", "mu", "sigma"), CASES)
@pytest.mark.parametrize("sure", [0.0, 0.3, 1.0])
def test_gradients_and_losses_agree_with_autograd_through_the_places_of_the_fakes(
    data: Data, mu: float, sigma: float, sure: float
) -> None:
    n = answer(concept.SaturationQuery(0, data, mu, sigma, sure)).numbers
    mean = torch.tensor(mu, dtype=torch.float64, requires_grad=True)
    u = torch.linspace(-9, 9, 4001, dtype=torch.float64)
    weight = torch.distributions.Normal(0.0, 1.0).log_prob(u).exp() * (u[1] - u[0])
    x = mean + sigma * u
    logit = sure * (game.log_data(data, x) - game.log_bell(x, mu, sigma))  # D does not move with the generator
    losses = {
        "minimax": (weight * torch.nn.functional.logsigmoid(-logit)).sum(),
        "non_saturating": -(weight * torch.nn.functional.logsigmoid(logit)).sum(),
    }
    for name, loss in losses.items():
        (gradient,) = torch.autograd.grad(loss, mean, retain_graph=True)
        assert n[name] == pytest.approx(float(gradient), abs=1e-6)
        assert n[f"{name}_loss"] == pytest.approx(float(loss.detach()), abs=1e-6)
    assert n["fakes"] == pytest.approx(float((weight * logit.sigmoid()).sum().detach()), abs=1e-6)


def test_far_from_the_data_the_first_gradient_vanishes_and_the_second_grows_with_the_distance() -> None:
    runs = [answer(concept.SaturationQuery(0, Data(1, 0.0, 0.0, 0.5), mu, 0.5)).numbers for mu in (1.0, 2.0, 4.0, 6.0)]
    first, second = ([run[name] for run in runs] for name in ("minimax", "non_saturating"))
    assert all(0 < b < a / 10 for a, b in pairwise(first[1:])) and first[-1] < 1e-7
    assert all(b > a for a, b in pairwise(second))
    whole = [a + b for a, b in zip(first, second, strict=True)]
    assert whole == pytest.approx([mu / 0.25 for mu in (1.0, 2.0, 4.0, 6.0)]), "together the slope of l, for one width"


def test_both_gradients_are_zero_where_the_generator_is_the_data() -> None:
    n = answer(concept.SaturationQuery(0, Data(1, 1.0, 0.0, 0.7), 1.0, 0.7)).numbers
    assert n["minimax"] == n["non_saturating"] == 0.0
    assert n["minimax_loss"] == pytest.approx(-math.log(2.0)) and n["fakes"] == pytest.approx(0.5)


def test_a_d_that_is_less_sure_leaves_the_first_gradient_alive() -> None:
    data = Data(1, -1.5, 0.0, 0.8)
    sure, unsure = (answer(concept.SaturationQuery(0, data, 3.0, 1.0, c)).numbers for c in (1.0, 0.1))
    assert unsure["minimax"] > 2 * sure["minimax"] > 0


def test_the_curves_pass_through_the_numbers_and_the_losses_have_the_slopes_of_the_sigmoid() -> None:
    data, _, sigma = CASES[2]
    frame = answer(concept.SaturationQuery(0, data, 0.25, sigma, 0.7))
    assert isinstance(frame, concept.SaturationFrame)
    at = int(np.flatnonzero(np.isclose(frame.mu, 0.25))[0])
    assert frame.minimax[at] == pytest.approx(frame.numbers["minimax"], abs=1e-12)
    assert frame.non_saturating[at] == pytest.approx(frame.numbers["non_saturating"], abs=1e-12)
    d = 1 / (1 + np.exp(-frame.logit))
    inner = slice(1, -1)
    for run, slope in ((frame.minimax_loss, -d), (frame.non_saturating_loss, d - 1)):
        assert np.allclose(np.gradient(run, frame.logit)[inner], slope[inner], atol=2e-3)
