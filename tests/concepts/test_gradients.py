"""The page of the gradients against quadrature, autograd, closed forms and large samples."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest
import torch
from scipy import integrate, stats

from gm_core.concepts import gradients, gradients_dims, gradients_switch, gradients_where
from gm_core.concepts import gradients_functions as functions
from tests.concepts.answering import answer

FUNCTIONS = ("square", "sine", "sigmoid", "step")
PLACES = [(0.0, 0.8), (-1.5, 0.3), (2.0, 2.5)]


def value(function: str, z: float, steep: float = 10.0) -> float:
    made = {"square": (z - 1) ** 2, "sine": math.sin(2 * z), "step": float(z > 0)}
    return made[function] if function in made else 0.5 * (1 + math.tanh(steep * z / 2))


def expectation(f: Any, mu: float, sigma: float) -> float:
    """E f(z) under N(mu, sigma^2), in pieces that meet at 0."""
    ends = sorted({mu - 9 * sigma, mu + 9 * sigma, *(v for v in (-0.5, 0.0, 0.5) if abs(v - mu) < 9 * sigma)})
    parts = itertools.pairwise(ends)
    return float(sum(integrate.quad(lambda z: f(z) * stats.norm.pdf(z, mu, sigma), *p, limit=200)[0] for p in parts))


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize(("mu", "sigma"), PLACES)
@pytest.mark.parametrize("by", ["mu", "sigma"])
def test_moments_are_those_of_quadrature(function: Any, mu: float, sigma: float, by: Any) -> None:
    known = functions.moments(function, 10.0, 0.7, mu, sigma, by)

    def score(z: float) -> float:
        t = (z - mu) / sigma
        return t / sigma if by == "mu" else (t * t - 1) / sigma

    def f(z: float) -> float:
        return value(function, z) + 0.7

    assert known.mean == pytest.approx(expectation(f, mu, sigma), abs=1e-7)
    assert known.square == pytest.approx(expectation(lambda z: f(z) ** 2, mu, sigma), rel=1e-6)
    assert known.gradient == pytest.approx(expectation(lambda z: f(z) * score(z), mu, sigma), abs=1e-6)
    for base in (0.0, 1.3):
        raw = expectation(lambda z, b=base: ((f(z) - b) * score(z)) ** 2, mu, sigma)
        assert known.score_variance(base) == pytest.approx(raw - known.gradient**2, rel=1e-5, abs=1e-6)


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("by", ["mu", "sigma"])
def test_gradients_are_the_slopes_of_the_expected_value(function: Any, by: Any) -> None:
    mu, sigma, h = 0.3, 0.9, 1e-4
    move = (h, 0.0) if by == "mu" else (0.0, h)
    up, down = (functions.moments(function, 4.0, 0.0, mu + s * move[0], sigma + s * move[1], by).mean for s in (1, -1))
    known = functions.moments(function, 4.0, 0.0, mu, sigma, by)
    assert known.gradient == pytest.approx((up - down) / (2 * h), abs=1e-6)
    places, curve = functions.expected(function, 4.0, sigma if by == "mu" else mu, by)
    at = mu if by == "mu" else sigma
    assert np.interp(at, places.numpy(), curve.numpy()) == pytest.approx(known.mean, abs=3e-3)


def test_slopes_are_those_of_autograd() -> None:
    z = torch.linspace(-3, 3, 50, dtype=torch.float64, requires_grad=True)
    for function in ("square", "sine", "sigmoid"):
        (wanted,) = torch.autograd.grad(functions.evaluate(function, 7.0, z).sum(), z)
        assert torch.allclose(functions.slope(function, 7.0, z), wanted, atol=1e-12)


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("baseline", ["none", "mean", "best"])
@pytest.mark.parametrize("by", ["mu", "sigma"])
def test_both_estimates_lie_within_their_errors_and_as_wide_as_stated(function: Any, baseline: Any, by: Any) -> None:
    frame = answer(gradients.TwoQuery(1, function, 6.0, 0.5, 0.4, 0.9, by, baseline, 10_000))
    assert isinstance(frame, gradients.TwoFrame)
    n = frame.numbers
    assert abs(n["score"] - n["exact"]) < 4.5 * n["score_error"]
    assert n["score_error"] * 100 == pytest.approx(n["score_deviation"], rel=0.25)  # heavy tails
    if function == "step":
        assert n["through"] == 0.0 and n["bias"] == -n["exact"] and frame.through.max() == pytest.approx(1.0)
    else:
        assert abs(n["through"] - n["exact"]) < 4.5 * n["through_error"]
        assert n["through_error"] * 100 == pytest.approx(n["through_deviation"], rel=0.15)
        assert n["bias"] == pytest.approx(0.0, abs=1e-9)
    assert frame.score.sum() == pytest.approx(1.0) and frame.through.sum() == pytest.approx(1.0)


def test_a_constant_moves_the_score_function_alone_and_a_baseline_heals_it() -> None:
    plain, raised = (answer(gradients.TwoQuery(0, offset=c)).numbers for c in (0.0, 5.0))
    healed = answer(gradients.TwoQuery(0, offset=5.0, baseline="mean")).numbers
    assert raised["exact"] == pytest.approx(plain["exact"]) and raised["through"] == plain["through"]
    assert raised["score_deviation"] > 1.5 * plain["score_deviation"]
    based = answer(gradients.TwoQuery(0, baseline="mean")).numbers
    assert healed["score_deviation"] == pytest.approx(based["score_deviation"], rel=1e-9)
    best = answer(gradients.TwoQuery(0, baseline="best")).numbers["score_deviation"]
    assert best <= min(based["score_deviation"], plain["score_deviation"])


def test_a_steep_sigmoid_makes_the_reparameterised_gradient_the_noisier_one() -> None:
    steep = answer(gradients.TwoQuery(0, "sigmoid", 40.0, 0.0, 0.0, 1.0, "mu", "mean")).numbers
    assert steep["through_deviation"] > 2 * steep["score_deviation"]


@pytest.mark.parametrize("function", FUNCTIONS)
def test_the_noise_grows_with_dimension_as_measured(function: Any) -> None:
    frame = answer(gradients_dims.DimsQuery(0, function, 5.0, 0.5, -0.5, 0.9, 32))
    assert isinstance(frame, gradients_dims.DimsFrame)
    assert frame.measured[1] == pytest.approx(frame.bare, rel=0.3)
    assert frame.measured[2] == pytest.approx(frame.based, rel=0.3)
    growth = frame.based[-1] ** 2 - frame.based[-2] ** 2
    assert growth == pytest.approx(64 * (frame.based[1] ** 2 - frame.based[0] ** 2), rel=1e-6), "its variance is linear"
    assert (np.diff(frame.bare) > 0).all() and np.ptp(frame.through) == 0 and np.ptp(frame.own) == 0
    assert frame.based[0] == pytest.approx(frame.own[0])


def test_a_descent_with_slopes_arrives_where_the_score_function_does_not() -> None:
    n = answer(gradients_dims.DimsQuery(0, dims=64)).numbers
    assert n["through_end"] < 0.75 < n["start"] and n["bare_end"] > 2 * n["through_end"]
    step = answer(gradients_dims.DimsQuery(0, "step", mu=1.0, dims=4, rate=0.3, batch=16)).numbers
    assert step["through_end"] == pytest.approx(step["start"], abs=2e-3), "no slope, no step"
    assert step["based_end"] < 0.7 * step["start"]


@pytest.mark.parametrize(("theta", "target"), [(0.4, 0.45), (0.02, 0.0), (0.98, 0.7), (0.5, 0.5)])
def test_the_coin_agrees_with_its_two_outcomes(theta: float, target: float) -> None:
    def f(z: int) -> float:
        return (z - target) ** 2

    for baseline in ("none", "mean", "best"):
        n = answer(gradients_switch.SwitchQuery(0, theta, target, 0.5, baseline)).numbers
        assert n["exact"] == pytest.approx(theta * (1 - theta) * (f(1) - f(0)))
        outcomes = np.array([(f(1) - n["base"]) * (1 - theta), (f(0) - n["base"]) * -theta])
        chances = np.array([theta, 1 - theta])
        assert chances @ outcomes == pytest.approx(n["exact"])
        spread = math.sqrt(chances @ (outcomes - n["exact"]) ** 2)
        assert n["score_deviation"] == pytest.approx(spread, abs=1e-8)
        assert abs(n["score"] - n["exact"]) < 4.5 * n["score_error"] + 1e-12
    assert n["score_deviation"] == pytest.approx(0.0, abs=1e-8), "the best baseline leaves no noise"


@pytest.mark.parametrize("tau", [0.05, 0.3, 1.0, 5.0])
def test_the_relaxed_gradient_has_the_moments_of_autograd(tau: float) -> None:
    n = answer(gradients_switch.SwitchQuery(0, 0.3, 0.45, tau)).numbers
    u = torch.rand(400_000, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    logits = torch.full_like(u, math.log(0.3 / 0.7)).requires_grad_()
    y = ((logits + u.logit()) / tau).sigmoid()
    (got,) = torch.autograd.grad(((y - 0.45) ** 2).sum(), logits)
    assert n["relaxed"] == pytest.approx(float(got.mean()), abs=4.5 * float(got.std()) / math.sqrt(len(u)))
    assert n["gumbel_deviation"] == pytest.approx(float(got.std()), rel=0.03)


def test_the_relaxation_trades_bias_for_noise() -> None:
    frame = answer(gradients_switch.SwitchQuery(0, 0.4, 0.45, 0.05))
    assert isinstance(frame, gradients_switch.SwitchFrame)
    assert frame.bias[0] < 0.2 * frame.bias[30] and (np.diff(frame.deviation) < 0).all()
    assert frame.deviation[0] > 5 * frame.deviation[40]
    assert frame.error == pytest.approx(np.sqrt(frame.bias**2 + frame.deviation**2 / 1000))
    assert frame.relaxed[0] + frame.relaxed[-1] > 0.8, "a cold coin lies at its ends"


@pytest.mark.parametrize(("mu", "sigma"), [(0.5, 1.0), (-1.0, 0.4), (1.5, 2.5)])
def test_the_table_says_where_each_gradient_is_right(mu: float, sigma: float) -> None:
    frame = answer(gradients_where.WhereQuery(2, mu, sigma, 10_000))
    assert isinstance(frame, gradients_where.WhereFrame)
    theta, h = 1 / (1 + math.exp(-mu)), 1e-5
    gaussians = [lambda z: (z - 1) ** 2, abs, lambda z: float(z > 0)]
    for at, f in enumerate(gaussians):
        up, down = (expectation(f, mu + s * h, sigma) for s in (1, -1))
        assert frame.exact[at] == pytest.approx((up - down) / (2 * h), abs=1e-3)
    assert frame.exact[3] == pytest.approx(2 * (2 * sigma) / 3), "d/db of b^2 / 3"
    assert frame.exact[4] == pytest.approx(theta * (1 - theta) * (0.55**2 - 0.45**2))
    assert frame.exact[5] == pytest.approx(theta * (1 - theta) * (0.0 + sigma**2 - (4.0 + sigma**2)))
    right = np.abs(frame.score - frame.exact) < 4.5 * frame.score_error + 1e-12
    assert right.tolist() == [True, True, True, False, True, True]
    way = np.abs(frame.through - frame.exact) < 4.5 * frame.through_error + 1e-12
    assert way.tolist() == [True, True, frame.exact[2] < 1e-12, True, False, False]
