"""EDM: preconditioning by its identities, noise in training, the grid, and the same family as v-prediction."""

from __future__ import annotations

import itertools
import math

import pytest
import torch
from diffusers import EDMEulerScheduler

from gm_core.capabilities.stepwise import Route
from gm_core.maths.schedules import CLEAN, Level, target_of
from gm_core.model import Batch
from gm_core.parts.preconditioners import Preconditioning, lognormal, lognormal_shares, place_in_lognormal, ramp
from gm_core.spec import SpecError

from .diffusions import CENTRED, GREY, PLANE, VECTORS, edm, gaussian, generator, perfect_edm, stirred

SIGMAS = torch.logspace(-3, 2, 11, dtype=torch.float64)


@pytest.mark.parametrize("spread", [0.2, 0.5, 1.0, 3.0])
def test_inputs_and_targets_have_unit_variance_at_every_noise(spread: float) -> None:
    """By the algebra of variances, to 1e-12: x = x_0 + sigma eps with Var x_0 = spread^2."""
    scales = Preconditioning(spread).scales(SIGMAS)
    assert torch.allclose(scales.into**2 * (spread**2 + SIGMAS**2), torch.ones_like(SIGMAS), rtol=1e-12)
    target = ((1 - scales.skip) ** 2 * spread**2 + scales.skip**2 * SIGMAS**2) / scales.out**2
    assert torch.allclose(target, torch.ones_like(SIGMAS), rtol=1e-12)
    assert torch.allclose(scales.weight * scales.out**2, torch.ones_like(SIGMAS), rtol=1e-12)
    assert torch.allclose(scales.noise, SIGMAS.log() / 4)


def test_the_factors_are_those_of_diffusers() -> None:
    """Its float32 table against ours, 1e-6 relative."""
    oracle = EDMEulerScheduler(sigma_data=0.5)
    x = torch.ones(1)
    for sigma in (0.01, 0.7, 20.0):
        scales = Preconditioning(0.5).scales(torch.tensor(sigma))
        assert float(oracle.precondition_inputs(x, torch.tensor(sigma))) == pytest.approx(float(scales.into), rel=1e-6)
        for output in (0.0, 1.0):
            theirs = oracle.precondition_outputs(x, torch.tensor([output]), torch.tensor(sigma))
            assert float(theirs) == pytest.approx(float(scales.skip + scales.out * output), rel=1e-5)


def test_the_skip_is_the_one_that_amplifies_errors_least() -> None:
    """Among all c_skip with targets of unit variance, c_out is smallest at Karras'. Appendix B.6."""
    for sigma in (0.1, 0.5, 2.0):
        mine = Preconditioning(0.5).scales(torch.tensor(sigma, dtype=torch.float64))
        for skip in torch.linspace(0, 1, 101, dtype=torch.float64):
            assert math.sqrt((1 - skip) ** 2 * 0.25 + skip**2 * sigma**2) >= float(mine.out) - 1e-12


def test_noise_in_training_is_lognormal_and_validation_spreads_over_it() -> None:
    drawn = lognormal(40_000, -1.2, 1.2, generator(), torch.device("cpu")).log()
    assert float(drawn.mean()) == pytest.approx(-1.2, abs=4 * 1.2 / 200)
    assert float(drawn.std()) == pytest.approx(1.2, rel=0.02)
    even = lognormal_shares(100, -1.2, 1.2, torch.device("cpu"))
    assert torch.allclose(place_in_lognormal(even, -1.2, 1.2), (torch.arange(100) + 0.5) / 100, atol=1e-5)


def test_the_grid_is_equation_5_and_ends_at_its_ends() -> None:
    grid = ramp(0.002, 80.0, 7.0, 18)
    assert len(grid) == 18 and (grid[0], grid[-1]) == (80.0, 0.002)
    strides = [a ** (1 / 7) - b ** (1 / 7) for a, b in itertools.pairwise(grid)]
    assert strides == pytest.approx([strides[0]] * 17, rel=1e-9)
    oracle = EDMEulerScheduler(sigma_min=0.002, sigma_max=80.0, rho=7.0)
    oracle.set_timesteps(18)
    assert list(grid) == pytest.approx(oracle.sigmas[:-1].tolist(), rel=1e-4)
    assert ramp(0.002, 80.0, 7.0, 1) == (80.0,)
    way = edm(PLANE).levels(18)
    assert [level.ratio for level in way[:-1]] == pytest.approx(list(grid), rel=1e-12)
    assert way[-1] == CLEAN
    times = [level.t for level in way[:-1]]
    assert [a - b for a, b in itertools.pairwise(times)] == pytest.approx([times[0] - times[1]] * 17, rel=1e-9)


def test_what_is_shown_keeps_the_size_of_the_data_and_every_time_leads_back_to_its_level() -> None:
    model = edm(PLANE, sigma_data=0.7)
    for level in model.chain()[:-1]:
        assert level.signal**2 * 0.49 + level.sigma**2 == pytest.approx(0.49, rel=1e-12)
        assert model.level_of(level.t).ratio == pytest.approx(level.ratio, rel=1e-9)
    assert model.level_of(0.0) == CLEAN


def test_for_data_of_size_one_the_network_says_minus_v() -> None:
    x0, eps = torch.randn(2, 7, 3, generator=generator(), dtype=torch.float64)
    for sigma in (0.05, 1.0, 9.0):
        signal = 1 / math.hypot(1, sigma)
        f = Preconditioning(1.0).target(x0, x0 + sigma * eps, torch.tensor(sigma, dtype=torch.float64))
        assert torch.allclose(f, -target_of("v", x0, eps, signal, signal * sigma), atol=1e-12)


def test_the_loss_reads_the_network_as_its_guesses_do() -> None:
    """With the network of a Gaussian the loss is its floor, and its guesses are the exact ones."""
    model = edm(VECTORS, sigma_data=1.0).double()
    model.network = perfect_edm(model, gaussian(1.0))
    x = torch.randn(800, 16, generator=generator(), dtype=torch.float64)
    said = model.scores(Batch(x), generator(1))
    assert float(said["total"]) == pytest.approx(1.0, abs=4 * math.sqrt(2 / (16 * 800)))
    assert float(said["mse_by_noise"].mean()) == pytest.approx(float(said["mse"]), rel=1e-9)
    for level in model.levels(9)[:-1]:
        guess, exact = model.guess(x, level), gaussian(1.0)(x, level)
        assert torch.allclose(guess.x0, exact.x0, atol=1e-9) and torch.allclose(guess.eps, exact.eps, atol=1e-9)


def test_a_new_network_says_nothing_and_its_error_is_one() -> None:
    for card in (VECTORS, CENTRED):
        spread = 0.5
        x = spread * torch.randn(3000, *card.shape, generator=generator())
        assert float(edm(card).loss(Batch(x), generator(1))["mse"].detach()) == pytest.approx(1.0, abs=0.03)


@pytest.mark.parametrize("card", [PLANE, VECTORS, CENTRED, GREY], ids=lambda card: card.name)
@pytest.mark.parametrize("sampler", ["heun", "dpm++", "ddpm"])
def test_a_sample_is_the_end_of_its_trajectory(card: object, sampler: str) -> None:
    model = edm(card, sampler=sampler, sample_steps=6)  # type: ignore[arg-type]
    stirred(model)
    states = list(model.trajectory(3, generator(5)))
    assert len(states) == 7
    assert torch.equal(states[-1].x, model.sample(3, generator(5)))
    assert states[-1].cost == (11 if sampler == "heun" else 6)
    assert states[0].numbers["sigma"] == pytest.approx(80.0) and states[0].time == "sigma = 80"
    assert states[-1].numbers["sigma"] == 0.0


@pytest.mark.parametrize("sampler", ["heun", "euler"])
@pytest.mark.parametrize("steps", [18, 72])
def test_a_perfect_network_draws_a_gaussian_of_its_closed_form_variance(sampler: str, steps: int) -> None:
    """N(0, 1): by hand a step multiplies x by 1 + h k, k = sigma / (sigma^2 + 1), or by Heun's factor. 10000 draws."""
    model = edm(PLANE, sigma_data=1.0).double()
    model.network = perfect_edm(model, gaussian(1.0))
    grid, factor = ramp(0.002, 80.0, 7.0, steps), 80.0
    for here, to in itertools.pairwise(grid):
        h, k = to - here, here / (here**2 + 1)
        factor *= 1 + h * k if sampler == "euler" else 1 + h / 2 * (k + to / (to**2 + 1) * (1 + h * k))
    *_, last = model.trajectory(5000, generator(0), route=Route(sampler, steps))
    assert float(last.x.var()) == pytest.approx(factor**2, rel=4 * math.sqrt(2 / 10_000))
    off = {"heun": {18: 0.0915, 72: 0.0046}, "euler": {18: -0.2613, 72: -0.0701}}[sampler][steps]
    assert factor**2 - 1 == pytest.approx(off, abs=1e-4), "Heun's error falls with the square of the step"


@pytest.mark.parametrize("noise", [0.0, 0.3, 1.0])
def test_the_field_is_the_score_of_what_a_trajectory_holds(noise: float) -> None:
    model = edm(PLANE, sigma_data=1.0, scale=2.0).double()
    model.network = perfect_edm(model, gaussian(1.0))
    x = torch.randn(20, 2, generator=generator(), dtype=torch.float64)
    signal, sigma = model.scaling(noise)
    assert torch.allclose(model.field(x, noise), -x / ((signal * 2) ** 2 + sigma**2), rtol=1e-6)


def test_impossible_choices_are_refused_in_one_sentence() -> None:
    with pytest.raises(SpecError, match="sigma_min is 3; expected less than sigma_max, 2"):
        edm(PLANE, sigma_min=3.0, sigma_max=2.0)
    with pytest.raises(SpecError, match="steps is 1001; the range is 1 to 1000"):
        next(edm(PLANE).trajectory(1, generator(), route=Route(steps=1001)))
    assert isinstance(edm(PLANE).between(0.0), Level)
