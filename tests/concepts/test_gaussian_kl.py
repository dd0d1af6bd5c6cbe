"""The KL page against torch.distributions, quadrature and closed forms."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import integrate, stats
from torch.distributions import Normal, kl_divergence

from gm_core.concepts import gaussian_kl as concept
from tests.concepts.answering import answer

CASES = [(1.0, 0.8, 0.0, 1.0), (-2.0, 0.3, 1.0, 2.5), (0.0, 1.0, 0.0, 1.0), (3.0, 4.0, -4.0, 0.4)]


@pytest.mark.parametrize("case", CASES)
def test_the_closed_form_and_its_terms_agree_with_torch(case: tuple[float, float, float, float]) -> None:
    frame = answer(concept.LineQuery(0, *case))
    q, p = Normal(*case[:2], validate_args=True), Normal(*case[2:])
    q, p = Normal(*(q.mean.double(), q.stddev.double())), Normal(p.mean.double(), p.stddev.double())
    n = frame.numbers
    assert n["kl"] == pytest.approx(float(kl_divergence(q, p)), abs=1e-5)  # its arguments are float32
    assert n["reverse"] == pytest.approx(float(kl_divergence(p, q)), rel=1e-6, abs=1e-5)
    assert n["log_ratio"] + n["spread"] + n["shift"] - 0.5 == pytest.approx(n["kl"], abs=1e-12)


def test_the_area_under_the_integrand_is_the_divergence() -> None:
    frame = answer(concept.LineQuery(0, 1.0, 0.8, 0.0, 1.0))
    assert isinstance(frame, concept.LineFrame)
    assert integrate.simpson(frame.integrand, x=frame.x) == pytest.approx(frame.numbers["kl"], abs=1e-8)
    assert np.allclose(frame.q, stats.norm(1.0, 0.8).pdf(frame.x)) and np.allclose(frame.p, stats.norm.pdf(frame.x))


def test_the_estimate_lies_within_its_standard_errors_and_they_shrink_as_one_over_root_n() -> None:
    true, spread = answer(concept.LineQuery(0)).numbers["kl"], []
    for samples in (1000, 16_000):
        frames = [answer(concept.LineQuery(seed, samples=samples)).numbers for seed in range(40)]
        scores = [(f["estimate"] - true) / f["error"] for f in frames]
        assert abs(np.mean(scores)) < 3 / math.sqrt(40) and 0.7 < np.std(scores) < 1.35
        spread.append(np.mean([f["error"] for f in frames]))
    assert spread[0] / spread[1] == pytest.approx(4.0, rel=0.05)


def test_without_the_constant_equal_gaussians_would_differ() -> None:
    frame = answer(concept.TermsQuery(0, 0.0, 1.0, 6))
    assert frame.numbers["kl"] == pytest.approx(0.0, abs=1e-12)
    assert frame.numbers["printed"] == pytest.approx(3.0)
    other = answer(concept.TermsQuery(0, 1.3, 0.4, 5))
    assert other.numbers["kl"] == pytest.approx(5 * float(kl_divergence(Normal(1.3, 0.4), Normal(0.0, 1.0))), rel=1e-6)


def test_a_fixed_variance_makes_the_likelihood_a_scaled_squared_error() -> None:
    frame = answer(concept.SquaredQuery(0, 1.2, -0.4, 0.3))
    assert isinstance(frame, concept.SquaredFrame)
    assert np.allclose(frame.nll, -stats.norm(frame.mu, 0.3).logpdf(1.2))
    assert np.allclose(frame.nll - frame.squared, frame.numbers["constant"])
    assert frame.mu[np.argmin(frame.nll)] == pytest.approx(1.2, abs=0.02)
    assert frame.numbers["gradient"] == pytest.approx((-0.4 - 1.2) / 0.09)
