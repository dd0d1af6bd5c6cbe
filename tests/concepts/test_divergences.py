"""Entropies and divergences of outcomes and of mixtures on a line, against scipy, torch and closed forms."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy import integrate, stats
from scipy.spatial.distance import jensenshannon
from torch.distributions import Normal, kl_divergence

from gm_core.concepts import divergences as bars
from gm_core.concepts import divergences_line as line
from gm_core.concepts.divergences_line import Mixture
from gm_core.maths import line_mixture
from tests.concepts.answering import answer

PAIRS = [
    ((0.3, 0.25, 0.2, 0.12, 0.08, 0.05), (0.05, 0.1, 0.15, 0.2, 0.25, 0.25)),
    ((1.0, 0.0, 0.0, 0.0, 0.0, 0.0), (1 / 6,) * 6),
    ((0.2, 0.8, 0.0, 0.0, 0.0, 0.0), (0.2, 0.8, 0.0, 0.0, 0.0, 0.0)),
    ((3.0, 1.0, 0.0, 0.0, 0.0, 4.0), (1.0, 1.0, 1.0, 1.0, 1.0, 1.0)),
]
MIXTURES = [
    (line.P, line.Q),
    (Mixture(0.9, -5.0, 0.25, 5.0, 3.0), Mixture(0.1, -4.0, 0.3, 0.0, 1.0)),
    (Mixture(1.0, 0.0, 0.5, 1.0, 1.0), Mixture(0.0, 0.0, 1.0, 0.3, 0.4)),
]


def bars_of(p: tuple[float, ...], q: tuple[float, ...], unit: bars.Unit = "nats") -> bars.BarsFrame:
    frame = answer(bars.BarsQuery(0, p, q, unit))
    assert isinstance(frame, bars.BarsFrame)
    return frame


@pytest.mark.parametrize(("p", "q"), PAIRS)
@pytest.mark.parametrize(("unit", "base"), [("nats", math.e), ("bits", 2.0)])
def test_entropies_and_divergences_of_outcomes_agree_with_scipy(
    p: tuple[float, ...], q: tuple[float, ...], unit: bars.Unit, base: float
) -> None:
    n = bars_of(p, q, unit).numbers
    assert n["h_p"] == pytest.approx(stats.entropy(p, base=base), abs=1e-12)
    assert n["h_q"] == pytest.approx(stats.entropy(q, base=base), abs=1e-12)
    assert n["kl"] == pytest.approx(stats.entropy(p, q, base=base), abs=1e-12)
    assert n["back"] == pytest.approx(stats.entropy(q, p, base=base), abs=1e-12)
    assert n["js"] == pytest.approx(jensenshannon(p, q, base=base) ** 2, abs=1e-12)
    assert n["most"] == pytest.approx(math.log(2.0, base))


@pytest.mark.parametrize(("p", "q"), PAIRS)
def test_cross_entropy_is_entropy_and_divergence_and_terms_add_up(p: tuple[float, ...], q: tuple[float, ...]) -> None:
    frame = bars_of(p, q)
    n = frame.numbers
    assert n["cross"] == pytest.approx(n["h_p"] + n["kl"], abs=1e-12)
    assert n["cross_back"] == pytest.approx(n["h_q"] + n["back"], abs=1e-12)
    assert frame.terms.sum() == pytest.approx(n["kl"], abs=1e-12)
    assert frame.back.sum() == pytest.approx(n["back"], abs=1e-12)


def test_an_outcome_that_q_never_gives_makes_one_divergence_infinite_and_not_the_other() -> None:
    frame = bars_of((0.5, 0.3, 0.2, 0.0, 0.0, 0.0), (0.7, 0.3, 0.0, 0.0, 0.0, 0.0))
    assert frame.numbers["kl"] == math.inf and frame.missed_by_q == (2,) and frame.missed_by_p == ()
    assert frame.numbers["back"] == pytest.approx(0.7 * math.log(0.7 / 0.5))
    apart = bars_of((0.5, 0.5, 0.0, 0.0, 0.0, 0.0), (0.0, 0.0, 0.0, 0.5, 0.25, 0.25))
    assert apart.numbers["js"] == pytest.approx(math.log(2.0)) and apart.numbers["tv"] == pytest.approx(1.0)
    assert apart.numbers["kl"] == apart.numbers["back"] == math.inf


def test_a_dragged_bar_lets_the_others_give_way_in_proportion() -> None:
    p = PAIRS[0][0]
    made = bars.with_bar(p, 1, 0.5)
    assert made[1] == 0.5 and sum(made) == pytest.approx(1.0, abs=1e-5)
    others = [0, 2, 3, 4, 5]
    assert np.array(made)[others] / np.array(p)[others] == pytest.approx(0.5 / 0.75, rel=1e-4)
    assert bars.with_bar(p, 0, 7.0) == (1.0, 0.0, 0.0, 0.0, 0.0, 0.0)
    assert bars.with_bar(p, 0, bars.LEAST / 2)[0] == 0.0
    assert bars.with_bar((1.0, 0.0, 0.0, 0.0, 0.0, 0.0), 0, 0.5) == pytest.approx((0.5, *(0.1,) * 5))


@pytest.mark.parametrize(("p", "q"), MIXTURES)
def test_entropies_and_divergences_of_mixtures_agree_with_adaptive_quadrature(p: Mixture, q: Mixture) -> None:
    def log_density(x: float, of: Mixture) -> float:
        parts = [(of.weight, of.mu_1, of.sigma_1), (1 - of.weight, of.mu_2, of.sigma_2)]
        return float(np.logaddexp.reduce([math.log(w) + stats.norm(m, s).logpdf(x) for w, m, s in parts if w > 0]))

    def area(integrand: object) -> float:
        breaks = sorted({p.mu_1, p.mu_2, q.mu_1, q.mu_2})
        return float(integrate.quad(integrand, -30, 30, points=breaks, limit=200, epsabs=1e-9)[0])

    n = answer(line.LineQuery(0, p, q)).numbers
    h_p = area(lambda x: -math.exp(log_density(x, p)) * log_density(x, p))
    kl = area(lambda x: math.exp(log_density(x, p)) * (log_density(x, p) - log_density(x, q)))
    assert n["h_p"] == pytest.approx(h_p, abs=1e-6)
    assert n["kl"] == pytest.approx(kl, rel=1e-6, abs=1e-6)
    assert n["cross"] == pytest.approx(h_p + kl, rel=1e-6)


def test_mixtures_of_one_component_have_the_closed_form_of_gaussians() -> None:
    p, q = Mixture(1.0, 0.5, 0.4, 0.0, 1.0), Mixture(0.0, 0.0, 1.0, -0.5, 1.5)
    n = answer(line.LineQuery(0, p, q, "bits")).numbers
    one, other = (Normal(*torch.tensor(v, dtype=torch.float64)) for v in ((0.5, 0.4), (-0.5, 1.5)))
    assert n["kl"] * math.log(2.0) == pytest.approx(float(kl_divergence(one, other)), abs=1e-9)
    assert n["back"] * math.log(2.0) == pytest.approx(float(kl_divergence(other, one)), abs=1e-9)
    assert n["h_p"] * math.log(2.0) == pytest.approx(float(one.entropy()), abs=1e-9)


def test_areas_under_the_curves_are_the_divergences_and_narrow_peaks_have_negative_entropy() -> None:
    frame = answer(line.LineQuery(0))
    assert isinstance(frame, line.LineFrame)
    for curve, name in ((frame.forth, "kl"), (frame.back, "back"), (frame.both, "js")):
        assert integrate.simpson(curve, x=frame.x) == pytest.approx(frame.numbers[name], abs=1e-5)
    narrow = Mixture(1.0, 0.0, 0.1, 0.0, 1.0)
    n = answer(line.LineQuery(0, narrow, narrow)).numbers
    assert n["h_p"] == pytest.approx(stats.norm(0, 0.1).entropy(), abs=1e-9) and n["h_p"] < 0 and n["cross"] < 0


def test_the_mixture_on_a_line_is_that_of_torch_and_finite_in_its_tails() -> None:
    weights, means, widths = (torch.tensor(v, dtype=torch.float64) for v in ((0.3, 0.7), (-1.0, 2.0), (0.5, 1.5)))
    parts = torch.distributions.MixtureSameFamily(torch.distributions.Categorical(weights), Normal(means, widths))
    x = torch.tensor([-80.0, -1.0, 0.3, 5.0], dtype=torch.float64)
    assert torch.allclose(line_mixture.log_prob(x, weights, means, widths), parts.log_prob(x), atol=1e-12)
    assert torch.allclose(line_mixture.cdf(x, weights, means, widths), parts.cdf(x), atol=1e-12)
    mean, variance = line_mixture.moments(weights, means, widths)
    assert torch.allclose(mean, parts.mean) and torch.allclose(variance, parts.variance)
