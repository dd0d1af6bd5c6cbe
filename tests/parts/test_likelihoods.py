"""Likelihoods against torch.distributions, against finite differences, and by sums and integrals to one."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.distributions import ContinuousBernoulli as Theirs

from gm_core.maths import continuous_bernoulli, logistic
from gm_core.parts.likelihoods import make_likelihood
from gm_core.protocol.cards import DataCard
from gm_core.spec import SpecError

LEVELS = DataCard("levels", "Five levels", (1, 2, 3), "levels", (0.0, 1.0), levels=5)
SMOOTH = replace(LEVELS, name="smooth", title="Smooth", values="continuous", levels=0, dequantised=True)


def rng(seed: int = 0) -> torch.Generator:
    """A generator on the CPU."""
    return torch.Generator().manual_seed(seed)


def spread(lo: float, hi: float, n: int = 2001) -> Tensor:
    """Numbers from lo to hi, float64."""
    return torch.linspace(lo, hi, n, dtype=torch.float64)


# ---- continuous Bernoulli


@pytest.mark.parametrize("reach", [0.5, 5.0, 15.0])
def test_the_continuous_coin_has_the_log_density_and_mean_of_torch(reach: float) -> None:
    """Beyond |l| = 15 torch computes 1 - theta with so few digits that its own error shows."""
    logits, x = spread(-reach, reach), torch.rand(2001, generator=rng(), dtype=torch.float64)
    theirs = Theirs(logits=logits)
    torch.testing.assert_close(continuous_bernoulli.log_prob(x, logits), theirs.log_prob(x), rtol=0, atol=1e-9)
    torch.testing.assert_close(continuous_bernoulli.mean(logits), theirs.mean, rtol=0, atol=1e-9)


@pytest.mark.parametrize("logit", [0.0, 1e-9, -1e-4, 0.39, 0.41, -3.0, 40.0, -300.0])
def test_the_continuous_coin_integrates_to_one_and_its_mean_is_the_integral_of_x(logit: float) -> None:
    # Gauss-Legendre on pieces that shrink towards the end where the mass lies
    ends = torch.cat([torch.zeros(1), 2.0 ** torch.arange(-24.0, 1.0)]).double()
    nodes, weights = (torch.tensor(found) for found in np.polynomial.legendre.leggauss(20))
    middle, half = (ends[1:] + ends[:-1]) / 2, (ends[1:] - ends[:-1]) / 2
    near = (middle[:, None] + half[:, None] * nodes).flatten()
    mass = (half[:, None] * weights).flatten()
    x = near if logit < 0 else 1.0 - near
    density = continuous_bernoulli.log_prob(x, torch.tensor(logit, dtype=torch.float64)).exp()
    assert float((mass * density).sum()) == pytest.approx(1.0, abs=1e-12)
    mean = continuous_bernoulli.mean(torch.tensor(logit, dtype=torch.float64))
    assert float((mass * density * x).sum()) == pytest.approx(float(mean), abs=1e-12)


def test_the_slope_of_the_normaliser_is_the_mean_and_both_are_smooth_around_one_half() -> None:
    logits = torch.cat([spread(-1.0, 1.0), spread(-80.0, 80.0), torch.zeros(1, dtype=torch.float64)]).requires_grad_()
    (slope,) = torch.autograd.grad(continuous_bernoulli.log_normaliser(logits).sum(), logits)
    torch.testing.assert_close(slope, continuous_bernoulli.mean(logits.detach()), rtol=0, atol=1e-13)
    (bend,) = torch.autograd.grad(continuous_bernoulli.mean(logits).sum(), logits)
    assert float(bend[-1]) == pytest.approx(1 / 12, abs=1e-12) and bool((bend > 0).all())


@pytest.mark.parametrize("logit", [0.0, 1e-7, 0.3, -2.0, 30.0, -30.0])
def test_the_quantile_of_a_continuous_coin_undoes_its_cumulative_distribution(logit: float) -> None:
    uniform = spread(0.001, 0.999, 301)
    x = continuous_bernoulli.quantile(uniform, torch.tensor(logit, dtype=torch.float64))
    below = x if logit == 0.0 else torch.expm1(logit * x) / math.expm1(logit)
    torch.testing.assert_close(below, uniform, rtol=0, atol=1e-9)


def test_draws_of_continuous_coins_have_their_mean_and_single_precision_never_breaks() -> None:
    logits = torch.tensor([-5.0, -0.1, 0.0, 2.0], dtype=torch.float64)
    drawn = continuous_bernoulli.draw(logits.expand(40_000, 4), rng(3))
    error = drawn.std(0) / 200.0
    assert bool(((drawn.mean(0) - continuous_bernoulli.mean(logits)).abs() < 4 * error).all())
    wild = torch.tensor([-1e4, -90.0, -1e-30, 0.0, 1e-3, 90.0, 1e4])
    for words in (continuous_bernoulli.log_normaliser, continuous_bernoulli.mean):
        assert bool(words(wild).isfinite().all())
    assert bool(continuous_bernoulli.draw(wild, rng()).isfinite().all())


def test_a_wider_range_makes_the_density_of_a_picture_smaller_by_its_volume() -> None:
    unit = make_likelihood("continuous_bernoulli", SMOOTH, 0.5, False)
    centred = make_likelihood("continuous_bernoulli", replace(SMOOTH, range=(-1.0, 1.0)), 0.5, False)
    x, h = torch.rand(4, 1, 2, 3, generator=rng()), torch.randn(4, 1, 2, 3, generator=rng(1))
    torch.testing.assert_close(centred.log_prob(2 * x - 1, h), unit.log_prob(x, h) - 6 * math.log(2.0))
    torch.testing.assert_close(centred.mean(h), 2 * unit.mean(h) - 1)


# ---- discretised logistic


@pytest.mark.parametrize("levels", [2, 5, 256])
@pytest.mark.parametrize("span", [(0.0, 1.0), (-1.0, 1.0)])
def test_the_probabilities_of_all_levels_sum_to_one(levels: int, span: tuple[float, float]) -> None:
    m, s = torch.meshgrid(spread(-3.0, 3.0, 13), torch.logspace(-3.0, 1.0, 9, dtype=torch.float64), indexing="ij")
    every = spread(*span, levels)[:, None, None].expand(-1, *m.shape)
    mass = logistic.log_mass(every, m, s, span, levels).exp()
    torch.testing.assert_close(mass.sum(0), torch.ones_like(m), rtol=0, atol=1e-12)
    mean = (mass * every).sum(0)
    step = (span[1] - span[0]) / (levels - 1)
    found = logistic.mean(m, s, span, levels)
    loose = torch.zeros_like(s)
    if levels > logistic.EXACT_LEVELS:  # an integral: a hundredth of a level where the curve is wider than one
        loose = torch.where(s > step, 0.011 * step, 0.51 * step)
    assert bool(((found - mean).abs() <= loose + 1e-12).all())


def test_a_level_has_the_mass_of_its_slice_of_torchs_logistic() -> None:
    m, s = torch.tensor(0.3, dtype=torch.float64), torch.tensor(0.07, dtype=torch.float64)
    base = torch.distributions.Uniform(torch.zeros((), dtype=torch.float64), 1.0)
    transforms = [torch.distributions.SigmoidTransform().inv, torch.distributions.AffineTransform(m, s)]
    theirs = torch.distributions.TransformedDistribution(base, transforms)
    x = spread(0.0, 1.0, 5)[1:-1]
    expected = (theirs.cdf(x + 0.125) - theirs.cdf(x - 0.125)).log()
    torch.testing.assert_close(logistic.log_mass(x, m, s, (0.0, 1.0), 5), expected, rtol=0, atol=1e-10)


def test_a_level_far_from_the_middle_keeps_a_finite_log_probability_and_slope_in_single_precision() -> None:
    m = torch.tensor([-50.0, 0.5, 50.0], requires_grad=True)
    raw = torch.tensor(math.log(1e-3), requires_grad=True)
    for x in (0.0, 0.25, 1.0):
        found = logistic.log_mass(torch.full((3,), x), m, raw.exp(), (0.0, 1.0), 5)
        slopes = torch.autograd.grad(found.sum(), (m, raw))
        assert bool(found.isfinite().all()) and all(bool(slope.isfinite().all()) for slope in slopes)


def test_levels_are_drawn_as_often_as_they_are_probable() -> None:
    likelihood = make_likelihood("discretised_logistic", LEVELS, 0.4, False).double()
    h = torch.tensor([-1.2, -0.3, 0.0, 0.2, 0.9, 1.4], dtype=torch.float64).reshape(1, 2, 3)
    drawn = likelihood.draw(h.expand(40_000, 1, 2, 3), rng(2))
    levels = spread(0.0, 1.0, 5)
    assert set(drawn.unique().tolist()) == set(levels.tolist())
    m = 0.5 + 0.5 * h
    s = logistic.scale_of(torch.tensor(0.4, dtype=torch.float64))
    for level in levels:
        expected = logistic.log_mass(level.expand_as(m), m, s, (0.0, 1.0), 5).exp()
        error = (expected * (1 - expected) / 40_000).sqrt()
        assert bool((((drawn == level).double().mean(0) - expected).abs() < 4.5 * error + 1e-12).all())
    torch.testing.assert_close(drawn.mean(0), likelihood.mean(h), rtol=0, atol=0.01)


@pytest.mark.parametrize("learned", [False, True])
def test_the_width_of_a_logistic_is_its_standard_deviation(learned: bool) -> None:
    likelihood = make_likelihood("discretised_logistic", replace(LEVELS, levels=2001), 0.05, learned).double()
    drawn = likelihood.draw(torch.zeros(40_000, 1, 2, 3, dtype=torch.float64), rng(5))
    assert float(drawn.std().detach()) == pytest.approx(0.05, rel=0.02)
    assert len(list(likelihood.parameters())) == int(learned)


# ---- what fits what


@pytest.mark.parametrize(
    ("name", "card", "density"),
    [
        ("continuous_bernoulli", SMOOTH, True),
        ("continuous_bernoulli", LEVELS, False),
        ("discretised_logistic", LEVELS, True),
        ("discretised_logistic", replace(LEVELS, values="binary", levels=2), True),
    ],
)
def test_only_a_true_density_calls_itself_one(name: str, card: DataCard, density: bool) -> None:
    assert make_likelihood(name, card, 0.5, True).is_density is density  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "card", "words"),
    [
        ("discretised_logistic", SMOOTH, "whole levels"),
        ("continuous_bernoulli", DataCard("p", "Plane", (2,), "continuous", (-3.0, 3.0)), "choose 'gaussian'"),
    ],
)
def test_a_likelihood_that_makes_no_sense_of_the_data_is_refused(name: str, card: DataCard, words: str) -> None:
    with pytest.raises(SpecError, match=words) as caught:
        make_likelihood(name, card, 0.5, True)  # type: ignore[arg-type]
    assert caught.value.path == "model.likelihood"
