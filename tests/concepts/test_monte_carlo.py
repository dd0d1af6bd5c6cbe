"""Maximum likelihood, error bars and importance sampling against scipy, quadrature and the law of large numbers."""

from __future__ import annotations

import math
from itertools import product

import numpy as np
import pytest
import torch
from scipy import integrate, stats

from gm_core.concepts import monte_carlo as likelihood
from gm_core.concepts import monte_carlo_estimate as estimate
from gm_core.concepts import monte_carlo_importance as weights
from gm_core.maths import importance
from tests.concepts.answering import answer


def likelihood_of(*settings: float | int) -> likelihood.LikelihoodFrame:
    frame = answer(likelihood.LikelihoodQuery(*settings))  # type: ignore[arg-type]
    assert isinstance(frame, likelihood.LikelihoodFrame)
    return frame


@pytest.mark.parametrize(("d", "theta", "sigma"), [(1.5, 1.0, 1.2), (0.0, 0.0, 1.0), (3.0, -2.5, 0.5), (0.7, 2.0, 4.0)])
def test_cross_entropy_entropy_and_divergence_agree_with_quadrature(d: float, theta: float, sigma: float) -> None:
    def log_p(x: float) -> float:
        return float(np.logaddexp(stats.norm(-d, 1).logpdf(x), stats.norm(d, 1).logpdf(x)) - math.log(2.0))

    n = likelihood_of(0, d, theta, sigma, 30).numbers
    area = {}
    for name, f in (("h", lambda x: -log_p(x)), ("cross", lambda x: -stats.norm(theta, sigma).logpdf(x))):
        area[name] = integrate.quad(lambda x, f=f: math.exp(log_p(x)) * f(x), -14, 14, points=[-d, d])[0]
    assert n["h"] == pytest.approx(area["h"], abs=1e-7) and n["cross"] == pytest.approx(area["cross"], rel=1e-7)
    assert n["kl"] == pytest.approx(area["cross"] - area["h"], abs=1e-6) and n["exact_log"] == -n["cross"]


def test_likelihood_and_divergence_differ_by_the_entropy_everywhere_and_share_their_minimum() -> None:
    frame = likelihood_of(0, 1.5, 1.0, 1.2, 20)
    assert np.allclose(frame.cross - frame.kl, frame.numbers["h"], atol=1e-12)
    assert frame.theta[frame.cross.argmin()] == frame.theta[frame.kl.argmin()] == pytest.approx(0.0, abs=1e-12)
    assert frame.kl.min() == pytest.approx(frame.numbers["lowest"])
    assert likelihood_of(0, 0.0, 0.0, 1.0, 20).numbers["lowest"] == pytest.approx(0.0, abs=1e-9)
    assert frame.numbers["lowest"] > 0.1  # one peak is not two


def test_the_curve_of_the_examples_is_their_mean_log_likelihood_with_its_minimum_at_their_mean() -> None:
    frame = likelihood_of(3, 1.5, -0.4, 0.8, 40)
    nll = -stats.norm(frame.theta[:, None], 0.8).logpdf(frame.examples).mean(1)
    assert np.allclose(frame.empirical, nll) and len(frame.examples) == 40
    assert frame.numbers["mean_log"] == pytest.approx(stats.norm(-0.4, 0.8).logpdf(frame.examples).mean())
    assert frame.numbers["found"] == pytest.approx(frame.examples.mean())
    more = likelihood_of(3, 1.5, -0.4, 0.8, 200)
    assert np.array_equal(more.examples[:40], frame.examples)


def test_best_parameters_scatter_as_one_over_root_n() -> None:
    for n in (5, 80, 500):
        frame = likelihood_of(1, 1.5, 0.0, 1.2, n)
        assert frame.numbers["error"] == pytest.approx(math.sqrt((1 + 1.5**2) / n))
        assert frame.numbers["spread"] == pytest.approx(frame.numbers["error"], rel=4 / math.sqrt(2 * 200))
        assert frame.share.sum() * (frame.bins[1] - frame.bins[0]) == pytest.approx(1.0, abs=0.011)
        assert frame.normal == pytest.approx(stats.norm(0, frame.numbers["error"]).pdf(frame.bins))


def estimate_of(function: estimate.Function, draws: int, seed: int = 0) -> estimate.EstimateFrame:
    frame = answer(estimate.EstimateQuery(seed, function, draws))
    assert isinstance(frame, estimate.EstimateFrame)
    return frame


@pytest.mark.parametrize(
    ("function", "f"),
    [
        ("x²", lambda x: x * x),
        ("exp(x)", math.exp),
        ("x > 1.5", lambda x: float(x > 1.5)),
        ("exp(x²/3)", lambda x: math.exp(x * x / 3)),
    ],
)
def test_means_and_variances_of_the_functions_agree_with_quadrature(function: estimate.Function, f) -> None:
    mean, sd = estimate.EXACT[function]

    def moment(k: int, reach: float) -> float:
        return float(integrate.quad(lambda x: f(x) ** k * stats.norm.pdf(x), -reach, reach, points=[1.5], limit=200)[0])

    area = [moment(1, 22.0), moment(2, 22.0)]
    assert mean == pytest.approx(area[0], rel=1e-7)
    if math.isfinite(sd):
        assert sd == pytest.approx(math.sqrt(area[1] - area[0] ** 2), rel=1e-7)
    else:
        assert moment(2, 26.0) > 100 * area[1]  # the further one looks, the larger: there is no variance


@pytest.mark.parametrize("function", ["x²", "exp(x)", "x > 1.5"])
def test_the_error_of_many_runs_follows_one_over_root_n(function: estimate.Function) -> None:
    frame = estimate_of(function, 1000)
    slope = np.polyfit(np.log(frame.n), np.log(frame.rms), 1)[0]
    assert slope == pytest.approx(-0.5, abs=0.06)
    assert frame.rms == pytest.approx(frame.law, rel=0.3)
    n = frame.numbers
    assert abs(n["mean"] - n["exact"]) < 4 * n["law"] / math.sqrt(estimate.REPEATS)
    assert 90 < n["inside"] < 98.5


def test_where_there_is_no_variance_the_bars_miss_too_often() -> None:
    honest = np.mean([estimate_of("x²", 500, seed).numbers["inside"] for seed in range(5)])
    false = np.mean([estimate_of("exp(x²/3)", 500, seed).numbers["inside"] for seed in range(5)])
    assert honest > 92 and false < 85
    n = estimate_of("exp(x²/3)", 500).numbers
    assert n["sigma"] == n["law"] == math.inf and math.isfinite(n["error"])


def test_one_run_states_the_standard_error_of_its_own_draws_and_draws_again_are_others() -> None:
    frame = estimate_of("x²", 50, 4)
    draws = torch.randn(
        estimate.MOST, estimate.REPEATS, generator=torch.Generator().manual_seed(4), dtype=torch.float64
    )
    mine = draws[:50, 0].square().numpy()
    assert frame.numbers["estimate"] == pytest.approx(mine.mean())
    assert frame.numbers["error"] == pytest.approx(stats.sem(mine))
    at = int(np.flatnonzero(frame.n >= 50)[0])
    assert frame.runs[0, at] == pytest.approx(draws[: frame.n[at], 0].square().mean().item())
    assert estimate_of("x²", 50, 5).numbers["estimate"] != frame.numbers["estimate"]


@pytest.mark.parametrize(("mean", "variance", "mu", "sigma", "above"), [
    (0.0, 1.0, 3.2, 1.0, 3.0), (0.0, 1.0, 0.0, 0.75, 1.0), (1.6, 0.2, 1.0, 0.4, -math.inf), (0.0, 1.0, -1.0, 3.0, 2.0),
])  # fmt: skip
def test_second_moments_of_weights_agree_with_quadrature(
    mean: float, variance: float, mu: float, sigma: float, above: float
) -> None:
    p, q = stats.norm(mean, math.sqrt(variance)), stats.norm(mu, sigma)
    low = max(above, mean - 30 * math.sqrt(variance))
    square = integrate.quad(lambda x: math.exp(2 * p.logpdf(x) - q.logpdf(x)), low, 30, limit=400)[0]
    at = [torch.tensor(v, dtype=torch.float64) for v in (mean, variance, mu, sigma)]
    assert float(importance.log_second_moment(*at, above=above).exp()) == pytest.approx(square, rel=1e-6)


def test_the_second_moment_is_infinite_exactly_where_the_proposal_is_too_narrow() -> None:
    one = torch.ones((), dtype=torch.float64)
    for factor, finite in ((0.5, False), (0.999, False), (1.001, True), (2.0, True)):
        made = importance.log_second_moment(0 * one, one, one, one * factor * math.sqrt(0.5))
        assert bool(made.isfinite()) is finite
    same = importance.log_second_moment(one, one, one, one)
    assert float(same) == pytest.approx(0.0, abs=1e-12)


def weighed(query: weights.Query) -> weights.WeightsFrame:
    frame = answer(query)
    assert isinstance(frame, weights.WeightsFrame)
    return frame


@pytest.mark.parametrize("threshold", [0.0, 2.0, 4.0])
def test_a_rare_event_has_the_probability_that_scipy_says_and_estimates_agree_within_their_errors(
    threshold: float,
) -> None:
    scores = []
    for seed in range(30):
        n = weighed(weights.RareQuery(seed, threshold, threshold + 0.2, 1.0, 2000)).numbers
        assert n["exact"] == pytest.approx(stats.norm.sf(threshold), rel=1e-10)
        scores.append((n["estimate"] - n["exact"]) / n["error"])
        assert n["error"] * math.sqrt(n["n"]) / n["exact"] == pytest.approx(n["spread"], rel=0.15)
    assert abs(np.mean(scores)) < 4 / math.sqrt(30) and 0.6 < np.std(scores) < 1.5


@pytest.mark.parametrize(("x", "noise"), list(product((-3.0, 0.0, 2.0), (0.1, 0.5, 2.0))))
def test_the_evidence_is_that_of_scipy_and_the_posterior_is_the_perfect_proposal(x: float, noise: float) -> None:
    target = weights.evidence(x, noise)
    whole = integrate.quad(lambda z: stats.norm.pdf(z) * stats.norm(z, noise).pdf(x), -12, 12, points=[x, target.mean])
    assert target.exact == pytest.approx(whole[0], rel=1e-7)
    n = weighed(weights.EvidenceQuery(0, x, noise, target.mean, math.sqrt(target.variance), 500)).numbers
    assert n["estimate"] == pytest.approx(target.exact, rel=1e-9) and n["ess"] == pytest.approx(500.0)
    assert n["spread"] < 1e-6 and n["largest"] == pytest.approx(100 / 500)
    assert n["plain_spread"] > n["spread"]


def test_self_normalised_weights_give_the_posterior_mean() -> None:
    found = [weighed(weights.EvidenceQuery(seed, 2.0, 0.5, 1.0, 0.8, 10_000)).numbers for seed in range(8)]
    assert found[0]["own_exact"] == pytest.approx(2.0 / 1.25)
    assert np.mean([n["own"] for n in found]) == pytest.approx(1.6, abs=0.01)
    sizes = [n["ess"] for n in found]
    assert np.mean(sizes) == pytest.approx(10_000 / (1 + found[0]["spread"] ** 2), rel=0.05)


def test_too_narrow_a_proposal_is_said_to_be_and_misses_the_truth_while_it_looks_sure() -> None:
    n = weighed(weights.EvidenceQuery(0, 2.0, 0.5, 0.8, 0.2, 1000)).numbers
    assert n["spread"] == n["needed"] == math.inf and n["narrowest"] == pytest.approx(math.sqrt(0.1))
    assert n["estimate"] + 4 * n["error"] < n["exact"]
    wide = weighed(weights.EvidenceQuery(0, 2.0, 0.5, 0.8, 0.32, 1000)).numbers
    assert math.isfinite(wide["spread"])


def test_plain_draws_need_the_number_that_the_binomial_says() -> None:
    n = weighed(weights.RareQuery(0, 3.0, 3.2, 1.0, 1000)).numbers
    p = stats.norm.sf(3.0)
    assert n["plain_needed"] == pytest.approx((1 - p) / p / 1e-4, rel=1e-6)
    assert n["needed"] < n["plain_needed"] / 100


def test_the_map_shows_the_spread_of_each_proposal_and_nothing_where_it_is_infinite() -> None:
    frame = answer(weights.RareMapQuery(0, 3.0))
    assert isinstance(frame, weights.MapFrame) and frame.spread.shape == (45, 61)
    mu = np.linspace(*weights.RARE_RANGE, 61)
    sigma = np.geomspace(*weights.WIDTHS, 45)
    assert np.array_equal(np.isnan(frame.spread), np.broadcast_to((sigma <= math.sqrt(0.5))[:, None], (45, 61)))
    one = weighed(weights.RareQuery(0, 3.0, float(mu[40]), float(sigma[30]), 10)).numbers["spread"]
    assert frame.spread[30, 40] == pytest.approx(math.log10(one), abs=1e-9)
