"""The steps of all samplers, with no network: closed forms, and a mixture's exact score."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import pytest
import torch
from torch import Tensor

from gm_core.maths.schedules import CLEAN, Level
from gm_core.maths.two_sample import sliced_wasserstein
from gm_core.parts.samplers import (
    SAMPLERS,
    Ancestral,
    Denoiser,
    Euler,
    Guess,
    Here,
    Heun,
    Implicit,
    Multistep,
    Sampler,
    Step,
    sampler_of,
    walk,
)
from gm_core.spec import SpecError

from .diffusions import Mixture, back, gaussian, generator, karras, levels


def final_variance(sampler: Sampler, variance: float, way: tuple[Level, ...]) -> float:
    """The exact variance of what a sampler draws: with a linear denoiser each step is x' = a x + b z."""
    denoise, one, v = gaussian(variance), torch.ones(1, dtype=torch.float64), 1.0
    for level, to in itertools.pairwise(way):
        step = sampler.step(Here(level, to, one, denoise(one, level), denoise)) if to.sigma else None
        a, b = (float(step.x), step.fresh) if step else (float(denoise(one, level).x0), 0.0)
        v = a**2 * v + b**2
    return v


def linear_end(sampler: Sampler, variance: float, way: tuple[Level, ...]) -> float:
    """By how much a whole way without fresh noise stretches its noise, with the exact denoiser of N(0, variance)."""
    one = torch.ones(1, dtype=torch.float64)
    *_, last = walk(sampler, way, gaussian(variance), one, generator())
    return float(last.x)


@pytest.mark.parametrize(
    "variance, small, large",
    [(0.04, 0.038533, 0.0403724), (0.25, 0.246125, 0.250752), (1, 0.991067, 0.9999), (4, 3.97478, 3.99057)],
)
def test_ddpm_with_the_exact_noise_ends_at_its_closed_form_variance(
    variance: float, small: float, large: float
) -> None:
    assert final_variance(Ancestral("fixed_small"), variance, back(1000)) == pytest.approx(small, rel=2e-5)
    assert final_variance(Ancestral("fixed_large"), variance, back(1000)) == pytest.approx(large, rel=2e-5)


@pytest.mark.parametrize(
    "visits, leading, trailing",
    [
        (1000, 0.996252, 0.996252),
        (100, 0.964031, 0.963503),
        (50, 0.929449, 0.92843),
        (20, 0.832714, 0.830442),
        (10, 0.691718, 0.687853),
    ],
)
def test_ddim_with_the_exact_noise_ends_at_its_closed_form_variance(
    visits: int, leading: float, trailing: float
) -> None:
    assert final_variance(Implicit(0.0), 1, back(visits, "leading")) == pytest.approx(leading, abs=1e-5)
    assert final_variance(Implicit(0.0), 1, back(visits, "trailing")) == pytest.approx(trailing, abs=1e-5)


@pytest.mark.parametrize(
    "visits, narrow, noisy",
    [(1000, 0.248498, 0.991067), (100, 0.236177, 0.921599), (50, 0.223199, 0.857434), (10, 0.139972, 0.548207)],
)
def test_ddim_on_narrow_data_and_with_fresh_noise_has_its_closed_form_variance(
    visits: int, narrow: float, noisy: float
) -> None:
    assert final_variance(Implicit(0.0), 0.25, back(visits, "leading")) == pytest.approx(narrow, abs=1e-5)
    assert final_variance(Implicit(1.0), 1, back(visits, "leading")) == pytest.approx(noisy, abs=1e-5)


@dataclass(frozen=True)
class WithTheWrongAlpha:
    """A tempting mistake: alpha_bar_t where Algorithm 2 has alpha_t. Its mean is the guess of x_0 itself."""

    def step(self, here: Here) -> Step:
        mean = (here.x - here.level.sigma * here.guess.eps) / here.level.signal
        return Step(mean, Ancestral().step(here).fresh)


def test_the_closed_form_variance_tells_algorithm_2_from_its_misprint() -> None:
    v = final_variance(WithTheWrongAlpha(), 1, back(1000))  # type: ignore[arg-type]
    assert v == pytest.approx(0.0382596, rel=1e-4)
    assert final_variance(Ancestral("fixed_small"), 1, back(1000)) == pytest.approx(1.0, abs=0.01)


def test_ddim_with_all_its_noise_and_all_its_steps_is_ddpm() -> None:
    start = torch.randn(5, 2, generator=generator(3), dtype=torch.float64)
    *_, a = walk(Ancestral("fixed_small"), back(1000), gaussian(0.5), start, generator(4))
    *_, b = walk(Implicit(1.0), back(1000), gaussian(0.5), start, generator(4))
    assert torch.allclose(a.x, b.x, atol=1e-9)


@pytest.mark.parametrize("way", [back(20), back(7, "leading"), karras(12)], ids=["trailing", "leading", "karras"])
def test_euler_is_ddim_without_fresh_noise_and_so_is_the_first_step_of_dpm(way: tuple[Level, ...]) -> None:
    start = way[0].sigma * torch.randn(5, 2, generator=generator(3), dtype=torch.float64)
    ddim, euler, dpm = (
        list(walk(rule, way, Mixture().denoise, start, generator())) for rule in (Implicit(0.0), Euler(), Multistep())
    )
    for ours, theirs in zip(euler, ddim):
        assert torch.allclose(ours.x, theirs.x, rtol=1e-10, atol=1e-11)
    assert torch.allclose(dpm[1].x, ddim[1].x, rtol=1e-10, atol=1e-11)
    assert not torch.allclose(dpm[2].x, ddim[2].x, atol=1e-6)


def test_heun_and_dpm_are_of_second_order_and_euler_of_first() -> None:
    """N(0, 1) between sigma 20 and 0.05, where x scales by sqrt(1 + sigma^2) exactly: halving steps quarters errors."""
    exact = math.sqrt((1 + 0.05**2) / (1 + 20.0**2))
    errors: dict[str, list[float]] = {}
    for name, rule in (("euler", Euler()), ("heun", Heun()), ("dpm++", Multistep())):
        for visits in (41, 81, 161):
            way = karras(visits, 0.05, 20.0)[:-1]  # ends before the data, where all three take the guess of them
            errors.setdefault(name, []).append(abs(linear_end(rule, 1.0, way) / exact - 1))
    orders = {name: math.log2(found[-2] / found[-1]) for name, found in errors.items()}
    assert orders["euler"] == pytest.approx(1, abs=0.1)
    assert orders["heun"] == pytest.approx(2, abs=0.1)
    assert orders["dpm++"] == pytest.approx(2, abs=0.15)
    assert errors["heun"][0] < 0.1 * errors["euler"][0]


def test_the_variance_of_probability_flow_follows_from_its_closed_form_factors() -> None:
    """Each step of Euler on N(0, s^2) multiplies by 1 + (r' - r) r / (r^2 + s^2), each of Heun by Alg. 1's factor."""
    way, square = karras(9, 0.1, 10.0)[:-1], 0.7
    slope = {level: level.sigma / (level.sigma**2 + square) for level in way}
    euler = heun = 1.0
    for level, to in itertools.pairwise(way):
        h = to.sigma - level.sigma
        euler *= 1 + h * slope[level]
        heun *= 1 + h / 2 * (slope[level] + slope[to] * (1 + h * slope[level]))
    assert linear_end(Euler(), square, way) == pytest.approx(euler, rel=1e-12)
    assert linear_end(Heun(), square, way) == pytest.approx(heun, rel=1e-12)


def test_the_exact_noise_of_a_mixture_is_its_score_by_automatic_differentiation() -> None:
    mixture = Mixture()
    x = torch.randn(20, 2, generator=generator(), dtype=torch.float64).requires_grad_()
    for level in levels((1, 100, 700))[:-1]:
        (score,) = torch.autograd.grad(mixture.log_prob(x, level).sum(), x)
        eps = mixture.denoise(x.detach(), level).eps
        assert torch.allclose(eps, -level.sigma * score, atol=1e-10)


@pytest.mark.parametrize("sampler", [Ancestral("fixed_large"), Ancestral("fixed_small"), Implicit(0.0)], ids=repr)
def test_with_the_exact_score_of_a_mixture_the_samples_are_the_mixture(sampler: Sampler) -> None:
    """Weights within 4 standard errors; means and variances within 4 standard errors and 4 % for the finite steps."""
    mixture, n = Mixture(), 4000
    start = torch.randn(n, 2, generator=generator(5), dtype=torch.float64)
    *_, last = walk(sampler, back(1000), mixture.denoise, start, generator(6))
    mode = torch.cdist(last.x, mixture.means).argmin(1)
    for k in range(3):
        mine = last.x[mode == k]
        weight, variance = float(mixture.weights[k]), float(mixture.variances[k])
        assert abs(len(mine) / n - weight) < 4 * math.sqrt(weight * (1 - weight) / n)
        assert float((mine.mean(0) - mixture.means[k]).abs().max()) < 4 * math.sqrt(variance / len(mine)) + 0.002
        spread = float((mine - mixture.means[k]).square().mean())
        assert abs(spread / variance - 1) < 4 / math.sqrt(len(mine)) + 0.04


@pytest.mark.parametrize("name", SAMPLERS)
def test_every_sampler_with_the_exact_score_of_a_mixture_comes_as_close_as_samples_of_the_mixture_do(name: str) -> None:
    """Sliced Wasserstein distance with 60 levels against that between two sets of the mixture itself, 2000 each."""
    mixture, n = Mixture(), 2000
    way = karras(60, 0.01, 20.0)
    start = way[0].sigma * torch.randn(n, 2, generator=generator(5), dtype=torch.float64)
    *_, last = walk(sampler_of(name), way, mixture.denoise, start, generator(6))
    truth = mixture.sample(n, generator(7))
    floor = sliced_wasserstein(truth, mixture.sample(n, generator(8)), 100, generator(9)).value
    assert sliced_wasserstein(truth, last.x, 100, generator(9)).value < floor + 0.05
    blurred = last.x + 0.3 * torch.randn(n, 2, generator=generator(10), dtype=torch.float64)
    assert sliced_wasserstein(truth, blurred, 100, generator(9)).value > floor + 0.05, "what the bound would catch"


@pytest.mark.parametrize("name", SAMPLERS)
@pytest.mark.parametrize("visits", [1, 2, 7])
def test_a_walk_asks_once_a_step_and_heun_twice_but_for_the_last(name: str, visits: int) -> None:
    asked: list[float] = []

    def denoise(x: Tensor, level: Level) -> Guess:
        asked.append(level.t)
        return gaussian(1)(x, level)

    start = torch.ones(1, dtype=torch.float64)
    places = list(walk(sampler_of(name), back(visits, "linspace"), denoise, start, generator()))
    assert [place.number for place in places] == list(range(visits + 1))
    assert places[0].cost == 0
    assert places[-1].cost == len(asked) == (2 * visits - 1 if name == "heun" else visits)
    assert places[-1].level == CLEAN


def test_every_place_of_a_walk_is_made_of_its_data_and_its_noise() -> None:
    """x_t = signal x_0 + sigma eps, at the data too."""
    start = torch.randn(6, 2, generator=generator(), dtype=torch.float64)
    for name in SAMPLERS:
        for place in walk(sampler_of(name), back(40), Mixture().denoise, start, generator()):
            level = place.level
            assert torch.allclose(place.x, level.signal * place.guess.x0 + level.sigma * place.guess.eps, atol=1e-9)


@pytest.mark.parametrize("name", [name for name in SAMPLERS if name != "ddpm"])
def test_samplers_without_fresh_noise_never_touch_their_generator(name: str) -> None:
    rng = generator(7)
    before = rng.get_state()
    start = torch.randn(3, 2, generator=generator(), dtype=torch.float64)
    list(walk(sampler_of(name), back(20), Mixture().denoise, start, rng))
    assert torch.equal(rng.get_state(), before)


@pytest.mark.parametrize("name", SAMPLERS)
def test_a_walk_that_is_taken_up_with_what_it_had_before_ends_where_it_would_have(name: str) -> None:
    start = torch.randn(3, 2, generator=generator(), dtype=torch.float64)
    rng, way = generator(4), back(12)
    whole = list(walk(sampler_of(name), way, Mixture().denoise, start, rng))
    rng = generator(4)
    first = walk(sampler_of(name), way, Mixture().denoise, start, rng)
    left = [next(first) for _ in range(6)][-1]
    rest = list(walk(sampler_of(name), way[5:], Mixture().denoise, left.x, rng, left.before))
    assert torch.equal(rest[-1].x, whole[-1].x)
    if name == "dpm++":
        forgot = list(walk(sampler_of(name), way[5:], Mixture().denoise, left.x, rng))
        assert not torch.allclose(forgot[-1].x, whole[-1].x, atol=1e-6), "it remembers something"


def test_times_that_do_not_fall_and_unknown_samplers_are_refused_in_one_sentence() -> None:
    denoise: Denoiser = gaussian(1)
    for times in ((500, 500, 100), (100, 500), (500, 100, 200)):
        with pytest.raises(SpecError, match="has no less noise; give times that fall from noise to data"):
            list(walk(Euler(), levels(times), denoise, torch.ones(1), generator()))
    with pytest.raises(SpecError, match=r"sampler is 'plms'; expected one of: ddpm, ddim, euler, heun, dpm\+\+"):
        sampler_of("plms")


@pytest.mark.parametrize("name", SAMPLERS)
def test_looking_at_the_guesses_changes_nothing(name: str) -> None:
    """Data that nobody asks for are not computed; asking for them moves no bit of what comes after."""
    start = torch.randn(6, 2, generator=generator(), dtype=torch.float32)
    ends = []
    for looks in (False, True):
        for place in walk(sampler_of(name), back(25), Mixture().denoise, start, generator(1)):
            if looks:
                assert place.guess.x0.shape == place.guess.eps.shape == start.shape
        ends.append(place.x)
    assert torch.equal(*ends)


@pytest.mark.parametrize("given", ["x0", "eps", "both"])
def test_a_guess_is_whole_whatever_of_it_was_given(given: str) -> None:
    x0, eps = torch.randn(2, 5, 2, generator=generator(), dtype=torch.float64)
    level = Level(3.0, 0.6, 0.8)
    told = {"x0": {"x0": x0}, "eps": {"eps": eps}, "both": {"x0": x0, "eps": eps}}[given]
    made = Guess(0.6 * x0 + 0.8 * eps, level, **told)
    assert torch.allclose(made.mix(0.3, -0.7), 0.3 * x0 - 0.7 * eps, atol=1e-12)
    assert torch.allclose(made.x0, x0, atol=1e-12) and torch.allclose(made.eps, eps, atol=1e-12)
    clean = Guess(x0, CLEAN, x0=x0)
    assert torch.equal(clean.x0, x0) and not clean.eps.any()
