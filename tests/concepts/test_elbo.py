"""The page of the ELBO against quadrature by scipy, torch.distributions and closed forms."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from scipy import integrate, special, stats
from torch.distributions import Normal, kl_divergence

from gm_core.concepts import elbo, elbo_bound, elbo_draws, elbo_evidence, elbo_model
from gm_core.concepts.elbo_model import Model
from tests.concepts.answering import answer

MODELS: list[tuple[Any, float, float, float]] = [
    ("line", 1.0, 0.5, 1.5), ("line", 2.0, 0.15, -4.0), ("line", 0.2, 2.0, 4.0),
    ("parabola", 1.0, 0.5, 1.5), ("parabola", 2.0, 0.15, 4.0), ("parabola", 0.2, 0.15, -1.0),
    ("wave", 1.0, 0.5, 1.5), ("wave", 2.0, 0.15, 0.0), ("wave", 0.3, 1.0, -3.0),
    ("line", 0.2, 0.15, 4.0), ("wave", 0.2, 0.15, -4.0),  # posteriors near 13 and -13, far outside the prior
]  # fmt: skip


def decoded(decoder: str, w: float, z: Any) -> Any:
    return {"line": w * z, "parabola": w * (z * z - 1), "wave": w * (z + np.sin(2 * z))}[decoder]


def expectation(f: Any, mu: float = 0.0, sigma: float = 1.0) -> float:
    """E f(z) under N(mu, sigma^2) by Gauss-Legendre quadrature in pieces, out to 20 standard deviations."""
    edges = np.linspace(mu - 20 * sigma, mu + 20 * sigma, 1601)
    nodes, weights = np.polynomial.legendre.leggauss(12)
    middles, half = (edges[1:] + edges[:-1]) / 2, (edges[1] - edges[0]) / 2
    z = (middles[:, None] + half * nodes).ravel()
    return float(np.sum(np.tile(weights * half, 1600) * stats.norm(mu, sigma).pdf(z) * f(z)))


@pytest.mark.parametrize("case", MODELS)
def test_the_evidence_is_the_integral_over_codes(case: tuple[Any, float, float, float]) -> None:
    decoder, w, s, x = case
    known = elbo_model.know(Model(decoder, w, s), x)
    direct = expectation(lambda z: stats.norm.pdf(x, decoded(decoder, w, z), s))
    assert known.evidence == pytest.approx(math.log(direct), abs=1e-6)
    if decoder == "line":
        assert known.evidence == pytest.approx(stats.norm(0, math.hypot(w, s)).logpdf(x), abs=1e-12)
    mass = known.log_posterior.exp() * (known.z[1] - known.z[0])
    assert float(mass.sum()) == pytest.approx(1.0, abs=1e-9)
    assert float((mass * known.z).sum()) == pytest.approx(known.mean, abs=1e-9)
    assert float((mass * (known.z - known.mean) ** 2).sum()) == pytest.approx(known.deviation**2, rel=1e-6)


@pytest.mark.parametrize("case", MODELS)
@pytest.mark.parametrize("q", [(0.0, 1.0), (-1.3, 0.1), (0.7, 2.0)])
def test_bound_and_divergence_are_two_computations_that_add_up_to_the_evidence(
    case: tuple[Any, float, float, float], q: tuple[float, float]
) -> None:
    decoder, w, s, x = case
    n = answer(elbo_bound.BoundQuery(0, *case, *q)).numbers
    assert n["elbo"] + n["kl"] == pytest.approx(n["evidence"], abs=1e-7, rel=1e-9)
    told = expectation(lambda z: stats.norm.logpdf(x, decoded(decoder, w, z), s), *q)
    assert n["reconstruction"] == pytest.approx(told, rel=1e-8)
    mu, sigma = (torch.tensor(v, dtype=torch.float64) for v in q)
    mine, prior = Normal(mu, sigma), Normal(torch.zeros_like(mu), torch.ones_like(mu))
    assert n["cost"] == pytest.approx(float(kl_divergence(mine, prior)), abs=1e-12)
    assert n["elbo"] == pytest.approx(n["reconstruction"] - n["cost"], abs=1e-12) and n["kl"] >= -1e-9


def test_the_best_q_of_a_line_is_the_posterior_and_a_parabola_leaves_a_gap() -> None:
    line = answer(elbo_bound.BoundQuery(0, "line", 1.0, 0.5, 1.5, 1.2, math.sqrt(0.2))).numbers
    assert line["kl"] == pytest.approx(0.0, abs=1e-12) and line["least"] < 0.01
    assert line["best_mu"] == pytest.approx(1.2, abs=0.06) and line["best_sigma"] == pytest.approx(0.447, rel=0.05)
    bent = answer(elbo_bound.BoundQuery(0, "parabola", 1.0, 0.3, 1.5)).numbers
    assert bent["mean"] == pytest.approx(0.0, abs=1e-9), "the two hills are alike"
    assert 0.5 < bent["least"] < 0.9, "about ln 2: the best Gaussian takes one of two hills"


def test_the_map_of_q_is_the_gap_of_every_q() -> None:
    frame = answer(elbo_bound.BoundQuery(0, "wave"))
    assert isinstance(frame, elbo_bound.BoundFrame)
    row, column = 20, 50
    mu = -3.0 + 6.0 * (column + 0.5) / elbo_bound.WIDE
    sigma = elbo_bound.LEAST * (elbo_bound.MOST / elbo_bound.LEAST) ** ((row + 0.5) / elbo_bound.HIGH)
    there = answer(elbo_bound.BoundQuery(0, "wave", mu=mu, sigma=sigma)).numbers
    assert frame.gaps[row, column] == pytest.approx(there["kl"], rel=1e-6)


@pytest.mark.parametrize("curve", elbo.CURVES)
@pytest.mark.parametrize("points", [(0.5, 6.0), (3.0, 3.0), (0.05, 8.0, 1.0, 4.0, 2.5), (7.0, 0.1, 2.0)])
def test_jensens_gap_has_the_sign_of_the_bend(curve: elbo.Curve, points: tuple[float, ...]) -> None:
    curves: dict[str, Any] = {"ln x": np.log, "√x": np.sqrt, "straight": lambda x: 0.3 * x, "x²/8": lambda x: x * x / 8}
    f = curves[curve]
    frame = answer(elbo.JensenQuery(0, curve, points, 0.3))
    assert isinstance(frame, elbo.JensenFrame)
    shares = np.array([0.3, *[0.7 / (len(points) - 1)] * (len(points) - 1)])
    direct = float(f(shares @ np.array(points)) - shares @ f(np.array(points)))
    assert frame.numbers["gap"] == pytest.approx(direct, abs=1e-12)
    sign = {"ln x": 1, "√x": 1, "straight": 0, "x²/8": -1}[curve]
    assert frame.gap == pytest.approx(0.0, abs=1e-12) if sign == 0 else (sign * frame.gap >= -1e-12).all()
    if curve == "x²/8":
        assert frame.gap == pytest.approx(frame.second_order, abs=1e-12), "a parabola has no third order"
    if len(set(points)) > 1 and sign:
        assert frame.gap[2] == pytest.approx(frame.second_order[2], rel=0.12)


@pytest.mark.parametrize("case", MODELS)
def test_the_noise_of_draws_from_the_prior_is_the_integral_of_the_square(case: tuple[Any, float, float, float]) -> None:
    decoder, w, s, x = case
    n = answer(elbo_evidence.EvidenceQuery(0, *case, 100)).numbers
    first = expectation(lambda z: stats.norm.pdf(x, decoded(decoder, w, z), s))
    second = expectation(lambda z: stats.norm.pdf(x, decoded(decoder, w, z), s) ** 2)
    assert n["error"] == pytest.approx(math.sqrt((second / first**2 - 1) / 100), rel=1e-5)
    assert n["needed"] == pytest.approx(100 * (second / first**2 - 1), rel=1e-5)


def test_the_curve_of_needed_draws_passes_through_the_number() -> None:
    for x in (-2.0, 0.0, 3.0):
        frame = answer(elbo_evidence.EvidenceQuery(0, "wave", 1.0, 0.3, x))
        assert isinstance(frame, elbo_evidence.EvidenceFrame)
        assert np.interp(x, frame.xs, frame.needed) == pytest.approx(frame.numbers["needed"], rel=1e-4)
        assert np.interp(x, frame.xs, frame.log_evidence) == pytest.approx(frame.numbers["log_evidence"], abs=1e-5)


def test_estimates_of_the_evidence_are_unbiased_and_as_noisy_as_stated() -> None:
    frames = [answer(elbo_evidence.EvidenceQuery(seed, "line", 1.0, 0.5, 1.0, 400)).numbers for seed in range(60)]
    ratios = np.array([f["estimate"] / f["evidence"] for f in frames])
    assert abs(ratios.mean() - 1) < 4 * frames[0]["error"] / math.sqrt(60)
    assert ratios.std() == pytest.approx(frames[0]["error"], rel=0.35)


@pytest.mark.parametrize(("mu", "sigma"), [(0.6, 0.6), (1.2, 0.5), (0.0, 1.0)])
def test_chi_square_of_the_line_is_its_integral(mu: float, sigma: float) -> None:
    model = Model("line", 1.0, 0.5)
    known = elbo_model.know(model, 1.5)
    posterior, q = stats.norm(1.2, math.sqrt(0.2)), stats.norm(mu, sigma)
    direct, _ = integrate.quad(lambda z: posterior.pdf(z) ** 2 / q.pdf(z), -4, 8, limit=200)
    assert elbo_model.chi_square(model, 1.5, known, mu, sigma) == pytest.approx(direct - 1, rel=1e-6)


@pytest.mark.parametrize(
    ("decoder", "w", "s", "x", "mu", "sigma"),
    [("parabola", 1.0, 0.5, 1.5, 0.6, 0.6), ("parabola", 0.2, 2.0, 4.0, 0.6, 0.4), ("wave", 1.0, 0.5, 1.5, 0.6, 0.8),
     ("wave", 0.2, 0.15, -4.0, -3.0, 1.0)],
)  # fmt: skip
def test_chi_square_counts_what_lies_far_outside_of_both_densities(
    decoder: Any, w: float, s: float, x: float, mu: float, sigma: float
) -> None:
    model = Model(decoder, w, s)
    found = elbo_model.chi_square(model, x, elbo_model.know(model, x), mu, sigma)
    z, step = np.linspace(-80.0, 80.0, 160_001, retstep=True)
    log_joint = stats.norm.logpdf(x, decoded(decoder, w, z), s) + stats.norm.logpdf(z)
    log_evidence = special.logsumexp(log_joint) + math.log(step)
    square = special.logsumexp(2 * (log_joint - log_evidence) - stats.norm.logpdf(z, mu, sigma)) + math.log(step)
    assert math.log1p(found) == pytest.approx(square, abs=1e-6)


def test_a_q_that_is_too_narrow_has_weights_of_infinite_variance() -> None:
    model = Model("line", 1.0, 0.5)
    known = elbo_model.know(model, 1.5)
    edge = known.deviation / math.sqrt(2.0)
    assert elbo_model.chi_square(model, 1.5, known, 1.2, 0.999 * edge) == math.inf
    assert elbo_model.chi_square(model, 1.5, known, 1.2, 1.01 * edge) < math.inf
    assert answer(elbo_draws.ManyQuery(0, mu=1.2, sigma=0.9 * edge)).numbers["delta"] == math.inf


@pytest.mark.parametrize("decoder", ["line", "parabola", "wave"])
def test_bounds_rise_from_the_elbo_to_the_evidence(decoder: Any) -> None:
    frame = answer(elbo_draws.ManyQuery(0, decoder, 1.0, 0.6, 1.0, 0.5, 0.8, 64))
    assert isinstance(frame, elbo_draws.ManyFrame)
    n = frame.numbers
    assert frame.gap[0] == pytest.approx(-n["elbo_gap"], abs=4.5 * frame.error[0]), "one draw is the ELBO"
    assert (np.diff(frame.gap) > -3 * (frame.error[1:] + frame.error[:-1])).all()
    assert (frame.gap < 4 * frame.error).all() and frame.gap[-1] > -0.05
    assert n["bound"] - n["evidence"] == pytest.approx(-n["gap"], abs=1e-12)
    at = int(np.flatnonzero(frame.k == 64)[0])
    assert -n["gap"] == pytest.approx(frame.gap[at], abs=1e-9), "the same draws in the same groups"


def test_two_draws_agree_with_a_double_integral() -> None:
    frame = answer(elbo_draws.ManyQuery(3, "line", 1.0, 0.5, 1.5, 0.6, 0.6, 2))
    t = np.linspace(-8, 8, 801)
    z = 0.6 + 0.6 * t
    w = stats.norm.pdf(1.5, z, 0.5) * stats.norm.pdf(z) / stats.norm.pdf(z, 0.6, 0.6)
    phi = stats.norm.pdf(t) * 0.02
    exact = phi @ np.log((w[:, None] + w[None, :]) / 2) @ phi
    assert frame.numbers["bound"] == pytest.approx(exact, abs=4.5 * frame.numbers["error"])


def test_with_the_posterior_every_bound_is_exact() -> None:
    frame = answer(elbo_draws.ManyQuery(0, "line", 1.0, 0.5, 1.5, 1.2, math.sqrt(0.2), 5))
    assert isinstance(frame, elbo_draws.ManyFrame)
    assert frame.gap == pytest.approx(0.0, abs=1e-10) and frame.error == pytest.approx(0.0, abs=1e-10)
    assert frame.numbers["effective"] == pytest.approx(5.0)


def test_a_draw_that_is_chosen_among_many_is_one_of_the_posterior() -> None:
    frame = answer(elbo_draws.ManyQuery(0, k=1000))
    assert isinstance(frame, elbo_draws.ManyFrame)
    width = frame.cells[1] - frame.cells[0]
    assert frame.chosen.sum() * width == pytest.approx(1.0, abs=1e-3)
    assert (frame.chosen * frame.cells).sum() * width == pytest.approx(1.2, abs=0.04)
    one = answer(elbo_draws.ManyQuery(0, k=1))
    assert isinstance(one, elbo_draws.ManyFrame)
    assert (one.chosen * one.cells).sum() * width == pytest.approx(0.5, abs=0.02), "one draw is one of q"


@pytest.mark.parametrize("k", [1, 8, 100, 1000])
def test_the_estimate_is_unbiased_and_its_log_is_not(k: int) -> None:
    frame = answer(elbo_draws.LogQuery(1, "line", 1.0, 0.5, 1.0, k))
    assert isinstance(frame, elbo_draws.LogFrame)
    n = frame.numbers
    assert n["mean"] == pytest.approx(1.0, abs=4.5 * n["mean_error"])
    assert n["bias"] < 3 * n["error"]
    inside = frame.log_density.sum() * (frame.log_ratio[1] - frame.log_ratio[0])
    assert inside + n["beyond"] == pytest.approx(1.0, abs=1e-4)


def test_the_bias_of_one_draw_is_an_integral_and_of_many_the_law() -> None:
    frame = answer(elbo_draws.LogQuery(0, "line", 1.0, 0.5, 1.0, 1))
    assert isinstance(frame, elbo_draws.LogFrame)
    exact = expectation(lambda z: stats.norm.logpdf(1.0, z, 0.5)) - stats.norm(0, math.hypot(1, 0.5)).logpdf(1.0)
    assert frame.bias[0] == pytest.approx(exact, abs=4.5 * frame.error[0])
    many = frame.k >= 64
    assert (np.abs(frame.bias - frame.delta)[many] < 4 * frame.error[many] + 0.1 * np.abs(frame.delta[many])).all()
