"""The page on control signals against torch.distributions, quadrature by scipy and the data set's own sprites."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy import integrate, stats
from torch.distributions import Categorical, MixtureSameFamily, MultivariateNormal, Normal

from gm_core.concepts import control_factors as factors
from gm_core.concepts import control_integral as line
from gm_core.concepts import control_switch as switch
from gm_core.data.sprites import SHAPES, cover
from tests.concepts.answering import answer

Three = tuple[float, float, float]
MIXTURES = [
    ((-2.5, 0.5, 2.5), (0.7, 1.0, 0.5), (0.3, 0.5, 0.2), 1.4),
    ((0.0, 0.1, -0.1), (2.5, 0.2, 1.0), (0.01, 1.0, 0.4), -5.0),
    ((-5.0, 5.0, 0.0), (0.2, 2.5, 0.2), (1.0, 1.0, 1.0), 0.0),
]


def switched(query: switch.SwitchQuery) -> switch.SwitchFrame:
    frame = answer(query)
    assert isinstance(frame, switch.SwitchFrame)
    return frame


@pytest.mark.parametrize(("mu", "sigma", "weights", "x"), MIXTURES)
def test_the_switch_makes_the_mixture_of_torch_and_is_read_back_by_bayes_rule(
    mu: Three, sigma: Three, weights: Three, x: float
) -> None:
    frame = switched(switch.SwitchQuery(0, mu, sigma, weights, x))
    n, prior = frame.numbers, torch.tensor(weights).double() / sum(weights)
    parts = Normal(torch.tensor(mu).double(), torch.tensor(sigma).double())
    mixture = MixtureSameFamily(Categorical(prior), parts)
    assert np.allclose(frame.marginal, mixture.log_prob(torch.tensor(frame.x)).exp().numpy(), rtol=1e-6)
    assert n["p_x"] == pytest.approx(float(mixture.log_prob(torch.tensor(x).double()).exp()), rel=1e-6)
    assert sum(n[f"joint_{k}"] for k in (1, 2, 3)) == pytest.approx(n["p_x"], abs=1e-12)
    exact = (prior.log() + parts.log_prob(torch.tensor(x).double())).softmax(0).tolist()
    assert [n[f"posterior_{k}"] for k in (1, 2, 3)] == pytest.approx(exact, abs=1e-6)
    assert np.allclose(frame.posterior.sum(0), 1.0) and np.allclose(frame.joint.sum(0), frame.marginal)


@pytest.mark.parametrize(("mu", "sigma", "weights", "x"), MIXTURES)
def test_what_x_tells_about_the_switch_is_the_entropy_of_x_less_that_of_its_noise(
    mu: Three, sigma: Three, weights: Three, x: float
) -> None:
    n, prior = switched(switch.SwitchQuery(0, mu, sigma, weights, x)).numbers, np.array(weights) / sum(weights)

    def surprise(at: float) -> float:
        p = float(prior @ stats.norm(mu, sigma).pdf(at))
        return -p * math.log(p) if p > 0 else 0.0

    spots = sorted({m + k * s for m, s in zip(mu, sigma, strict=True) for k in (-4, -1, 0, 1, 4)})
    whole = integrate.quad(surprise, -30, 30, points=spots, limit=1000)[0]
    noise = float(prior @ [stats.norm(m, s).entropy() for m, s in zip(mu, sigma, strict=True)])
    assert n["information"] == pytest.approx(whole - noise, abs=1e-3)  # the grid ends at 14
    assert n["h_z"] == pytest.approx(float(stats.entropy(prior))) and n["information"] <= n["h_z"] + 1e-9


def test_equal_parts_tell_nothing_and_parts_far_apart_tell_everything() -> None:
    same = switched(switch.SwitchQuery(0, (1.0,) * 3, (0.8,) * 3)).numbers
    apart = switched(switch.SwitchQuery(0, (-5.0, 0.0, 5.0), (0.3,) * 3)).numbers
    assert same["information"] == pytest.approx(0.0, abs=1e-9)
    assert apart["share"] == pytest.approx(1.0, abs=1e-6)


def test_draws_throw_the_switch_first_unless_it_is_held() -> None:
    free = switched(switch.SwitchQuery(3, draws=40_000))
    assert np.bincount(free.switches) / 40_000 == pytest.approx([0.3, 0.5, 0.2], abs=0.01)
    held = switched(switch.SwitchQuery(3, draws=40_000, held=3))
    assert (held.switches == 2).all()
    assert stats.kstest(held.drawn, stats.norm(2.5, 0.5).cdf).pvalue > 1e-3


@pytest.mark.parametrize(("bend", "noise", "x", "y"), [(1.5, 0.4, 1.3, 0.2), (0.0, 0.1, -2.0, 0.1), (2.5, 1.0, 6, -2)])
def test_the_integral_over_z_is_that_of_scipy(bend: float, noise: float, x: float, y: float) -> None:
    n = answer(line.IntegralQuery(0, bend, noise, 8, x, y)).numbers

    def joint(z: float) -> float:
        off = (x - line.STRETCH * z) ** 2 + (y - bend * math.sin(line.WAVE * z)) ** 2
        return math.exp(-0.5 * off / noise**2) / (2 * math.pi * noise**2) * float(stats.norm.pdf(z))

    spots = np.linspace(-6, 6, 60).tolist()
    whole, once, twice = (
        integrate.quad(lambda z, k=k: z**k * joint(z), -7, 7, points=spots, limit=2000)[0] for k in (0, 1, 2)
    )
    assert n["integral"] == pytest.approx(whole, rel=1e-6)
    assert n["z_mean"] == pytest.approx(once / whole, abs=1e-6)
    assert n["z_spread"] == pytest.approx(math.sqrt(twice / whole - (once / whole) ** 2), abs=1e-5)


def test_the_sum_is_an_even_mixture_and_nears_the_integral_as_it_grows() -> None:
    frame = answer(line.IntegralQuery(0, points=5))
    assert isinstance(frame, line.IntegralFrame)
    assert frame.nodes == pytest.approx(stats.norm.ppf([0.1, 0.3, 0.5, 0.7, 0.9]), abs=1e-9)
    beads = MultivariateNormal(torch.tensor(frame.beads), 0.16 * torch.eye(2).double())
    mixture = MixtureSameFamily(Categorical(torch.ones(5).double()), beads)
    at = torch.tensor([1.3, 0.2], dtype=torch.float64)
    assert frame.numbers["sum"] == pytest.approx(float(mixture.log_prob(at).exp()), rel=1e-9)
    x0, x1, y0, y1 = line.PLANE
    rows, columns = frame.density.shape
    spot = [x0 + 70.5 * (x1 - x0) / columns, y0 + 40.5 * (y1 - y0) / rows]
    at = torch.tensor(spot, dtype=torch.float64)
    assert frame.density[40, 70] == pytest.approx(float(mixture.log_prob(at).exp()), rel=1e-9)
    off = [abs(answer(line.IntegralQuery(0, points=k)).numbers["off"]) for k in (1, 8, 64)]
    assert off[0] > off[1] > off[2] and off[2] < 1.0


def test_all_densities_on_the_line_of_z_integrate_to_one() -> None:
    frame = answer(line.IntegralQuery(0, noise=0.1, x=2.2, y=0.7))
    assert isinstance(frame, line.IntegralFrame)
    assert integrate.simpson(frame.posterior, x=frame.z) == pytest.approx(1.0, abs=1e-6)
    assert integrate.simpson(frame.prior, x=frame.z) == pytest.approx(1 - 2 * stats.norm.cdf(-3.5), abs=1e-6)


def walked(query: factors.FactorsQuery) -> factors.FactorsFrame:
    frame = answer(query)
    assert isinstance(frame, factors.FactorsFrame)
    return frame


def test_sprites_are_those_of_the_data_set_and_causes_do_what_their_names_say() -> None:
    assert factors.SHAPES == SHAPES
    frame = walked(factors.FactorsQuery(0, (0.0, 0.0, 1.0, -1.0), 2, 0.0))
    side = factors.SIDE
    centre = torch.tensor([[side * 0.58, side * 0.42]])
    exact = cover(torch.tensor([2]), torch.tensor([0.78]), torch.zeros(1), centre, side)[0].numpy()
    assert np.allclose(frame.here[0], exact, atol=1e-4) and np.allclose(frame.here[1], exact, atol=1e-4)
    ink = walked(factors.FactorsQuery(0, (0.0,) * 4, 0, 0.0)).walks[0].sum((-1, -2))
    assert (np.diff(ink[0]) > 0).all(), "only the size changes how much is covered"
    assert np.allclose(ink[1:], ink[1:].mean(1, keepdims=True), rtol=0.02)


@pytest.mark.parametrize("angle", [0.0, 20.0, 45.0, 90.0])
def test_the_mixed_code_draws_the_same_pictures_by_a_rotation(angle: float) -> None:
    turned = factors.rotation(angle)
    assert np.allclose(turned @ turned.T, np.eye(4)) and np.linalg.det(turned) == pytest.approx(1.0)
    causes = np.array([0.5, -1.0, 1.5, 0.2])
    code = turned.T @ causes
    mixed = walked(factors.FactorsQuery(0, tuple(code.tolist()), 3, angle))
    plain = walked(factors.FactorsQuery(0, tuple(causes.tolist()), 3, angle))
    assert mixed.causes == pytest.approx(causes)
    assert np.allclose(mixed.here[1], plain.here[0], atol=1e-5)


def test_at_45_degrees_every_number_moves_every_cause_alike_and_at_90_they_are_causes_again() -> None:
    assert np.allclose(np.abs(factors.rotation(45.0)), 0.5)
    assert np.allclose(np.sort(np.abs(factors.rotation(90.0)), 1), [[0, 0, 0, 1]] * 4)


@pytest.mark.parametrize("angle", [0.0, 15.0, 30.0, 45.0, 90.0])
def test_the_information_of_rotated_gaussians_is_near_its_closed_form(angle: float) -> None:
    frame = answer(factors.InformationQuery(1, angle))
    assert isinstance(frame, factors.InformationFrame)
    weight = factors.rotation(angle) ** 2
    free = weight < 0.7  # ten shares cannot hold more than ln 10 nats, and lose some before
    exact = -0.5 * np.log1p(-weight[free])
    assert frame.tables[1][free] == pytest.approx(exact, abs=0.05)
    assert np.diag(frame.tables[0]) == pytest.approx(np.full(4, math.log(10)), abs=0.01)
    assert frame.numbers["mig_causes"] == pytest.approx(1.0, abs=0.01)


def test_the_gap_closes_toward_45_degrees_and_opens_again() -> None:
    gaps = [answer(factors.InformationQuery(0, angle)).numbers["mig"] for angle in (0.0, 20.0, 45.0, 70.0, 90.0)]
    assert gaps[0] == pytest.approx(1.0, abs=0.01) and gaps[4] == pytest.approx(1.0, abs=0.01)
    assert gaps[0] > gaps[1] > gaps[2] < gaps[3] < gaps[4] and gaps[2] < 0.03
