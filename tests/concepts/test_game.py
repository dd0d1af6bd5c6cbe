"""The discriminator and the value of the adversarial game against adaptive quadrature, scipy and closed forms."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pytest
import torch
from scipy import integrate, optimize, special

from gm_core.concepts import game as concept
from gm_core.concepts.game import Data
from tests.concepts.answering import answer

CASES = [
    (Data(1, -1.5, 0.0, 0.8), 1.5, 1.0),
    (Data(2, -1.5, 2.0, 0.8), 0.3, 1.6),
    (Data(2, -6.0, 6.0, 2.0), 1.0, 0.5),
    (Data(1, -6.0, 0.0, 0.5), 6.0, 2.0),
    (Data(2, -2.0, 2.0, 0.5), 5.0, 0.5),
]
LN4 = math.log(4.0)


def bell(x: npt.ArrayLike, mean: float, sigma: float) -> npt.NDArray[np.float64]:
    return np.exp(-0.5 * ((np.asarray(x) - mean) / sigma) ** 2) / (sigma * math.sqrt(2 * math.pi))


def density(data: Data, x: npt.ArrayLike) -> npt.NDArray[np.float64]:
    peaks = (data.mu_1, data.mu_2)[: data.peaks]
    return np.mean([bell(x, mean, data.sigma) for mean in peaks], 0)


def integral(f: object) -> float:
    pieces = np.linspace(-18, 18, 25)
    return sum(integrate.quad(f, a, b, epsabs=1e-10, epsrel=1e-9)[0] for a, b in pairwise(pieces))


def value(data: Data, mu: float, sigma: float, logit: object) -> float:
    """V by adaptive quadrature for a logit as a function of x."""

    def at(x: float) -> float:
        l = logit(x)  # type: ignore[operator]  # noqa: E741
        sides = special.log_expit(l), special.log_expit(-l)
        return float(density(data, x) * sides[0] + bell(x, mu, sigma) * sides[1])

    return integral(at)


@pytest.mark.parametrize(("data", "mu", "sigma"), CASES)
def test_the_largest_value_is_twice_js_less_ln_4_by_quadrature(data: Data, mu: float, sigma: float) -> None:
    n = answer(concept.ValueQuery(0, data, mu, sigma)).numbers

    def js(x: float) -> float:
        p, q = float(density(data, x)), float(bell(x, mu, sigma))
        return float(special.rel_entr(p, (p + q) / 2) + special.rel_entr(q, (p + q) / 2)) / 2

    assert n["js"] == pytest.approx(integral(js), abs=1e-7)
    assert n["from_js"] == pytest.approx(2 * n["js"] - LN4, abs=1e-12)
    assert n["most"] == pytest.approx(n["from_js"], abs=1e-7), "two ways to the same number"


@pytest.mark.parametrize(("data", "mu", "sigma"), CASES)
@pytest.mark.parametrize("logits", [(1.0, 0.0, -1.0), (-2.0, 3.0, 0.5), (5.0, -5.0, 5.0)])
def test_a_discriminator_by_hand_has_the_value_of_quadrature_and_never_a_larger_one_than_the_best(
    data: Data, mu: float, sigma: float, logits: tuple[float, ...]
) -> None:
    n = answer(concept.ValueQuery(0, data, mu, sigma, "by hand", logits)).numbers
    parabola = np.polyfit(concept.PLACES, logits, 2)
    # a logit of hundreds far out weighs the mass that lies beyond the sums, and it alone
    assert n["v"] == pytest.approx(value(data, mu, sigma, lambda x: np.polyval(parabola, x)), rel=1e-6, abs=1e-6)
    assert n["v"] < n["most"] and n["lost"] == pytest.approx(n["most"] - n["v"], abs=1e-12)


def test_what_is_lost_is_the_mean_divergence_of_two_coins() -> None:
    data, mu, sigma = CASES[1]
    query = concept.ValueQuery(0, data, mu, sigma, "by hand", (2.0, -1.0, 0.5))
    parabola = np.polyfit(concept.PLACES, query.logits, 2)

    def lost(x: float) -> float:
        p, q, logit = density(data, x), bell(x, mu, sigma), np.polyval(parabola, x)
        best = p / (p + q)
        entropy = special.entr(best) + special.entr(1 - best)
        cross = -best * special.log_expit(logit) - (1 - best) * special.log_expit(-logit)
        return float((p + q) * (cross - entropy))

    assert answer(query).numbers["lost"] == pytest.approx(integral(lost), abs=1e-7)


def test_where_the_generator_is_the_data_the_best_d_is_a_half_and_the_value_minus_ln_4() -> None:
    frame = answer(concept.ValueQuery(0, Data(1, 0.7, 0.0, 1.3), 0.7, 1.3, learned=1.0))
    assert isinstance(frame, concept.ValueFrame)
    assert np.allclose(frame.best, 0.5, atol=1e-12) and np.allclose(frame.present, 0.5, atol=1e-12)
    assert frame.numbers["v"] == pytest.approx(-LN4, abs=1e-9) and frame.numbers["js"] == pytest.approx(0.0, abs=1e-12)


def test_the_curves_are_the_densities_and_their_ratio() -> None:
    data, mu, sigma = CASES[1]
    frame = answer(concept.ValueQuery(0, data, mu, sigma))
    assert isinstance(frame, concept.ValueFrame)
    p, q = density(data, frame.x), bell(frame.x, mu, sigma)
    assert np.allclose(frame.p, p) and np.allclose(frame.q, q) and np.allclose(frame.best, p / (p + q))
    assert np.allclose(frame.integrand, p * np.log(frame.present) + q * np.log1p(-frame.present))
    held = np.interp(concept.PLACES, frame.x, frame.first)
    assert held == pytest.approx(special.expit([1.0, 0.0, -1.0]), abs=1e-3), "it goes through the hands"


@pytest.mark.parametrize(("data", "mu", "sigma"), CASES)
@pytest.mark.parametrize("critic", ["by hand", "best parabola"])
def test_the_way_to_the_best_only_climbs_and_ends_there(data: Data, mu: float, sigma: float, critic: str) -> None:
    frame = answer(concept.ValueQuery(0, data, mu, sigma, critic, (-2.0, 1.0, 3.0), 0.5))  # type: ignore[arg-type]
    assert isinstance(frame, concept.ValueFrame)
    assert (np.diff(frame.value) >= -1e-12).all()
    assert frame.value[-1] == pytest.approx(frame.numbers["most"], abs=1e-12)
    assert frame.value[concept.WAY // 2] == pytest.approx(frame.numbers["v"], abs=1e-12)


def test_the_best_parabola_is_the_best_discriminator_of_two_gaussians() -> None:
    for mu, sigma in ((1.5, 1.0), (-6.0, 0.5), (6.0, 2.0)):
        n = answer(concept.ValueQuery(0, Data(1, -1.5, 0.0, 0.8), mu, sigma, "best parabola")).numbers
        assert n["lost"] == pytest.approx(0.0, abs=1e-10)


@pytest.mark.parametrize(("data", "mu", "sigma"), [c for c in CASES if c[0].peaks == 2])
def test_no_other_parabola_has_a_larger_value_than_the_best(data: Data, mu: float, sigma: float) -> None:
    best = concept.fitted(data, mu, sigma).numpy()
    x, area = concept.middles().numpy(), 2 * concept.REACH / concept.CELLS
    powers = np.stack((np.ones_like(x), x / 3, (x / 3) ** 2), -1)
    p, q = density(data, x), bell(x, mu, sigma)

    def loss(at: np.ndarray) -> float:
        logit = powers @ at
        return -float(p @ special.log_expit(logit) + q @ special.log_expit(-logit)) * area

    found = optimize.minimize(loss, np.zeros(3), method="BFGS", options={"gtol": 1e-10})
    assert loss(best) <= found.fun + 1e-9
    assert loss(best) >= -answer(concept.ValueQuery(0, data, mu, sigma)).numbers["most"] - 1e-9


def test_means_under_data_and_fakes_agree_with_draws() -> None:
    data, mu, sigma = CASES[0]
    n = answer(concept.ValueQuery(0, data, mu, sigma)).numbers
    rng = torch.Generator().manual_seed(1)
    draws = torch.randn(200_000, 2, generator=rng, dtype=torch.float64).numpy()
    d_p, d_q = (special.expit(-v / 3) for v in (data.mu_1 + data.sigma * draws[:, 0], mu + sigma * draws[:, 1]))
    assert n["on_data"] == pytest.approx(d_p.mean(), abs=2e-3) and n["on_fakes"] == pytest.approx(d_q.mean(), abs=2e-3)
    told = ((d_p > 0.5).mean() + (d_q <= 0.5).mean()) / 2
    assert n["right"] == pytest.approx(told, abs=0.01)  # cells at the boundary count whole
