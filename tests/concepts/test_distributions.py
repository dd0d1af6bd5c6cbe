"""The second page against torch.distributions, scipy and closed forms."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy import integrate, stats
from torch.distributions import Bernoulli, Categorical, ContinuousBernoulli, MultivariateNormal, Normal

from gm_core.concepts import distributions as discrete
from gm_core.concepts import distributions_gaussian as gaussian
from tests.concepts.answering import answer


def f64(*values: float) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float64)


@pytest.mark.parametrize(("p", "truth"), [(0.3, 0.7), (0.9, 0.1), (0.5, 1.0)])
def test_the_likelihood_of_a_coin_is_that_of_torch_and_highest_at_the_share(p: float, truth: float) -> None:
    frame = answer(discrete.BernoulliQuery(3, truth, 40, p))
    assert isinstance(frame, discrete.BernoulliFrame)
    n = frame.numbers
    assert n["log_likelihood"] == pytest.approx(float(Bernoulli(f64(p)).log_prob(torch.tensor(frame.draws)).sum()))
    assert n["best"] >= frame.log_likelihood.max() - 1e-12 and n["mle"] == frame.draws.mean()
    logit = torch.logit(f64(p)).requires_grad_()
    Bernoulli(logits=logit).log_prob(torch.tensor(frame.draws)).mean().backward()
    assert logit.grad is not None and n["gradient"] == pytest.approx(float(logit.grad))


def test_the_gradient_climbs_to_what_counting_gives() -> None:
    coin = answer(discrete.BernoulliQuery(1, 0.6, 50, 0.05, 1.0))
    assert coin.numbers["reached"] == pytest.approx(coin.numbers["mle"], abs=1e-3)
    assert isinstance(coin, discrete.BernoulliFrame) and np.all(np.diff(coin.path_log_likelihood) > -1e-12)
    dice = answer(discrete.CategoricalQuery(1, samples=60, p1=0.05, p2=0.9, rate=1.0))
    assert dice.numbers["reached"] == pytest.approx(dice.numbers["best"], abs=1e-3)
    bell = answer(gaussian.GaussianQuery(2, 0.5, 1.0, 40, -1.5, 2.0, 0.3))
    assert bell.numbers["reached_mu"] == pytest.approx(bell.numbers["mle_mu"], abs=1e-3)
    assert bell.numbers["reached_sigma"] == pytest.approx(bell.numbers["mle_sigma"], abs=1e-3)


def test_draws_follow_the_truth() -> None:
    ones = [answer(discrete.BernoulliQuery(s, 0.7, 200)).numbers["ones"] for s in range(50)]
    assert abs(np.mean(ones) - 140) < 3.5 * math.sqrt(200 * 0.21 / 50)
    counts = sum(answer(discrete.CategoricalQuery(s, (2.0, 1.0, 1.0), 200)).counts for s in range(50))  # type: ignore[attr-defined]
    assert stats.chisquare(counts, [5000, 2500, 2500]).pvalue > 1e-3


def test_the_surface_over_the_triangle_is_the_categorical_likelihood() -> None:
    frame = answer(discrete.CategoricalQuery(4, samples=25, p1=0.2, p2=0.5))
    assert isinstance(frame, discrete.CategoricalFrame)
    drawn = torch.repeat_interleave(torch.arange(3), torch.tensor(frame.counts).long())
    found = float(Categorical(f64(0.2, 0.5, 0.3)).log_prob(drawn).sum())
    assert frame.numbers["log_likelihood"] == pytest.approx(found)
    at = discrete.place(np.array([0.2, 0.5, 0.3]))
    row, column = int(at[1] / discrete.HIGH * discrete.SIDE), int(at[0] * discrete.SIDE)
    assert frame.surface[row, column] == pytest.approx(frame.numbers["each"], abs=0.05)
    assert np.isnan(frame.surface[-1, 0]) and np.nanmax(frame.surface) <= frame.numbers["best"] + 1e-12


def test_the_likelihood_of_a_gaussian_and_both_its_deviations() -> None:
    frame = answer(gaussian.GaussianQuery(5, 0.3, 1.4, 30, -0.5, 0.8))
    assert isinstance(frame, gaussian.GaussianFrame)
    found = float(Normal(f64(-0.5), f64(0.8)).log_prob(torch.tensor(frame.draws)).sum())
    assert frame.numbers["log_likelihood"] == pytest.approx(found)
    assert (
        frame.numbers["mle_sigma"] == pytest.approx(frame.draws.std()) == pytest.approx(stats.norm.fit(frame.draws)[1])
    )
    assert frame.numbers["unbiased"] == pytest.approx(frame.draws.std(ddof=1))
    assert frame.surface.max() <= frame.numbers["best"] + 1e-12
    assert integrate.simpson(frame.density, x=frame.x) == pytest.approx(1.0, abs=1e-6)


@pytest.mark.parametrize("p", [0.02, 0.3, 0.5, 0.50004, 0.8, 0.97])
def test_the_formula_for_grey_values_is_no_density_until_it_is_divided(p: float) -> None:
    frame = answer(gaussian.GreyQuery(0, p, 0.35))
    whole = integrate.quad(lambda x: p**x * (1 - p) ** (1 - x), 0, 1)[0]
    assert frame.numbers["integral"] == pytest.approx(whole, abs=1e-9) and whole <= 0.5 + 1e-12
    cb = ContinuousBernoulli(f64(p), lims=(0.499, 0.501))
    assert frame.numbers["density"] == pytest.approx(float(cb.log_prob(f64(0.35)).exp()), rel=1e-5)
    assert frame.numbers["mean"] == pytest.approx(float(cb.mean), abs=1e-5)


@pytest.mark.parametrize("angle", [-120.0, 0.0, 30.0, 77.0])
def test_the_three_terms_are_the_log_density_of_torch(angle: float) -> None:
    frame = answer(gaussian.PlaneQuery(6, 0.3, -0.2, 1.6, 0.6, angle, 1.5, 1.2, 4000))
    assert isinstance(frame, gaussian.PlaneFrame)
    reference = MultivariateNormal(f64(0.3, -0.2), torch.tensor(frame.covariance))
    n = frame.numbers
    assert n["log_p"] == pytest.approx(float(reference.log_prob(f64(1.5, 1.2))))
    assert n["constant"] + n["volume"] + n["distance"] == pytest.approx(n["log_p"])
    assert n["volume"] == pytest.approx(-0.5 * math.log(np.linalg.det(frame.covariance)))
    assert n["entropy"] == pytest.approx(float(reference.entropy()))
    assert np.allclose(np.cov(frame.draws.T), frame.covariance, atol=0.2)
    off = frame.draws - [0.3, -0.2]
    distances = np.einsum("ni,ij,nj->n", off, np.linalg.inv(frame.covariance), off)
    assert (distances < n["mahalanobis"] ** 2).mean() == pytest.approx(n["inside"], abs=0.03)
    for ring, k in zip(frame.ellipses, (1, 2, 3), strict=True):
        around = ring - [0.3, -0.2]
        assert np.allclose(np.einsum("ni,ij,nj->n", around, np.linalg.inv(frame.covariance), around), k**2)
    assert 1 - math.exp(-0.5) == pytest.approx(0.39, abs=0.005)  # the page says 39 %
