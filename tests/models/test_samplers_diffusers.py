"""Every sampler against diffusers, step for step from the same places, in float64 (tolerances where it rounds)."""

from __future__ import annotations

import itertools

import pytest
import torch
from diffusers import (
    DDIMScheduler,
    DDPMScheduler,
    DPMSolverMultistepScheduler,
    EulerDiscreteScheduler,
    HeunDiscreteScheduler,
)
from torch import Tensor

from gm_core.maths.schedules import Level, Spacing, Target, read_output
from gm_core.parts.samplers import Ancestral, Denoiser, Euler, Guess, Heun, Implicit, Multistep, walk

from .diffusions import LINEAR, back, generator

TARGETS: list[tuple[Target, str]] = [("eps", "epsilon"), ("x0", "sample"), ("v", "v_prediction")]


def exact_scheduler(kind: type[DDPMScheduler] | type[DDIMScheduler], **chosen: object) -> DDPMScheduler | DDIMScheduler:
    """A scheduler of diffusers without its clipping, and with alpha_bar in float64."""
    oracle = kind(clip_sample=False, **chosen)
    oracle.alphas_cumprod = LINEAR.alpha_bar[1:].clone()
    oracle.one = torch.tensor(1.0, dtype=torch.float64)
    if isinstance(oracle, DDIMScheduler):
        oracle.final_alpha_cumprod = torch.tensor(1.0, dtype=torch.float64)
    return oracle


def any_output(x: Tensor, t: float) -> Tensor:
    """Some function of x and t; it need not be a good one."""
    return torch.tanh(1.3 * x + t / 400) - 0.2 * x


def reading(target: Target) -> Denoiser:
    def denoise(x: Tensor, level: Level) -> Guess:
        x0, eps = read_output(target, any_output(x, level.t), x, level.signal, level.sigma)
        return Guess(x, level, eps=eps) if target == "eps" else Guess(x, level, x0=x0, eps=eps)

    return denoise


def mild(x: Tensor, level: Level) -> Guess:
    """A denoiser whose guess of the data stays small."""
    x0 = torch.tanh(x / (1 + level.sigma) + level.t / 700)
    return Guess(x, level, x0=x0)


@pytest.mark.parametrize("target, theirs", TARGETS)
@pytest.mark.parametrize("variance", ["fixed_small", "fixed_large"])
@pytest.mark.parametrize("visits, spacing", [(1000, "trailing"), (100, "leading"), (50, "trailing"), (30, "leading")])
def test_ddpm_is_that_of_diffusers_step_for_step(
    target: Target, theirs: str, variance: str, visits: int, spacing: Spacing
) -> None:
    oracle = exact_scheduler(DDPMScheduler, prediction_type=theirs, variance_type=variance, timestep_spacing=spacing)
    oracle.set_timesteps(visits)
    sampler = Ancestral("fixed_small" if variance == "fixed_small" else "fixed_large")
    start = torch.randn(4, 3, generator=generator(1), dtype=torch.float64)
    ours, theirs_noise = generator(2), generator(2)
    places = list(walk(sampler, back(visits, spacing), reading(target), start, ours))
    for place, after in itertools.pairwise(places):
        t = round(place.level.t) - 1
        result = oracle.step(any_output(place.x, t + 1), t, place.x, generator=theirs_noise)
        # Guesses of x_0 from eps grow like 1 / sqrt(alpha_bar), to 160 times; so the bound follows their size.
        size = max(1.0, float(place.guess.x0.abs().max()))
        assert float((place.guess.x0 - result.pred_original_sample).abs().max()) < 1e-11 * size
        # The oracle adds no noise at t = 1 only; a last stride from further out lands on x_0 there with noise on it.
        expected = result.prev_sample if after.level.t > 0 else result.pred_original_sample
        assert float((after.x - expected).abs().max()) < 1e-11 * size


@pytest.mark.parametrize("target, theirs", TARGETS)
@pytest.mark.parametrize("eta", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("visits, spacing", [(1000, "leading"), (100, "leading"), (50, "trailing"), (10, "trailing")])
def test_ddim_is_that_of_diffusers_step_for_step(
    target: Target, theirs: str, eta: float, visits: int, spacing: Spacing
) -> None:
    oracle = exact_scheduler(DDIMScheduler, prediction_type=theirs, timestep_spacing=spacing)
    oracle.set_timesteps(visits)
    start = torch.randn(4, 3, generator=generator(1), dtype=torch.float64)
    ours, theirs_noise = generator(2), generator(2)
    places = list(walk(Implicit(eta), back(visits, spacing), reading(target), start, ours))
    for place, after in itertools.pairwise(places):
        t = round(place.level.t) - 1
        result = oracle.step(any_output(place.x, t + 1), t, place.x, eta=eta, generator=theirs_noise)
        size = max(1.0, float(place.guess.x0.abs().max()))
        assert float((after.x - result.prev_sample).abs().max()) < 1e-11 * size


def ratios(way: tuple[Level, ...]) -> Tensor:
    return torch.tensor([level.ratio for level in way], dtype=torch.float64)


@pytest.mark.parametrize("visits, spacing", [(50, "trailing"), (12, "trailing"), (20, "leading")])
def test_euler_is_that_of_diffusers_step_for_step(visits: int, spacing: Spacing) -> None:
    """The oracle works on x / signal, and in float32 within a step: 1e-6 of the largest number, which is noise."""
    way = back(visits, spacing)
    oracle = EulerDiscreteScheduler(timestep_spacing=spacing)
    oracle.set_timesteps(visits)
    assert [round(level.t) - 1 for level in way[:-1]] == oracle.timesteps.tolist()
    assert torch.allclose(oracle.sigmas.double(), ratios(way), rtol=1e-4), "the grids agree"
    oracle.sigmas = ratios(way)
    start = torch.randn(4, 3, generator=generator(1), dtype=torch.float64)
    for place, after in itertools.pairwise(walk(Euler(), way, mild, start, generator())):
        scaled = place.x / place.level.signal
        result = oracle.step(place.guess.eps, oracle.timesteps[place.number], scaled)
        assert float((after.x / after.level.signal - result.prev_sample).abs().max()) < 1e-6 * float(scaled.abs().max())


@pytest.mark.parametrize("visits, spacing", [(50, "trailing"), (12, "trailing"), (20, "leading")])
def test_heun_is_that_of_diffusers_step_for_step(visits: int, spacing: Spacing) -> None:
    way = back(visits, spacing)
    oracle = HeunDiscreteScheduler(timestep_spacing=spacing, num_train_timesteps=1000, beta_start=1e-4, beta_end=0.02)
    oracle.set_timesteps(visits)
    sigmas = ratios(way)
    oracle.sigmas = torch.cat([sigmas[:1], sigmas[1:-1].repeat_interleave(2), sigmas[-1:]])
    start = torch.randn(4, 3, generator=generator(1), dtype=torch.float64)
    times = iter(oracle.timesteps)
    for place, after in itertools.pairwise(walk(Heun(), way, mild, start, generator())):
        scaled, to = place.x / place.level.signal, after.level
        reached = oracle.step(place.guess.eps, next(times), scaled).prev_sample
        if to.sigma:
            reached = oracle.step(mild(reached * to.signal, to).eps, next(times), reached).prev_sample
        assert float((after.x / to.signal - reached).abs().max()) < 1e-11 * float(scaled.abs().max())


@pytest.mark.parametrize("visits", [2, 5, 14, 15, 40])
def test_dpm_solver_is_that_of_diffusers_step_for_step(visits: int) -> None:
    """By its own two rules in float64 to 1e-11, and by its `step`, which rounds x to float32, to 1e-6."""
    way = back(visits)
    oracle = DPMSolverMultistepScheduler(
        algorithm_type="dpmsolver++", solver_order=2, final_sigmas_type="zero", timestep_spacing="trailing"
    )
    oracle.set_timesteps(visits)
    oracle.sigmas = ratios(way)
    start = torch.randn(4, 3, generator=generator(1), dtype=torch.float64)
    guesses: list[Tensor] = []
    for place, after in itertools.pairwise(walk(Multistep(), way, mild, start, generator())):
        guesses.append(place.guess.x0)
        stepped = oracle.step(place.guess.eps, oracle.timesteps[place.number], place.x).prev_sample
        assert float((after.x - stepped).abs().max()) < 1e-6 * max(1.0, float(place.x.abs().max()))
        oracle._step_index = place.number
        if place.number == 0 or not after.level.sigma:
            exact = oracle.dpm_solver_first_order_update(place.guess.x0, sample=place.x)
        else:
            exact = oracle.multistep_dpm_solver_second_order_update(guesses[-2:], sample=place.x)
        assert float((after.x - exact).abs().max()) < 1e-11
        oracle._step_index = place.number + 1
