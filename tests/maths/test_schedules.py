"""The schedules of diffusion against diffusers, against the published numbers, and against one another."""

from __future__ import annotations

import itertools
import math

import pytest
import torch
from diffusers import DDPMScheduler
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from gm_core.maths.schedules import (
    NoiseSchedule,
    Spacing,
    Target,
    cosine_betas,
    linear_betas,
    noise_schedule,
    noised,
    read_output,
    target_of,
    times_back,
)

LINEAR = noise_schedule("linear", 1000, 1e-4, 0.02)
SPACINGS: tuple[Spacing, ...] = ("trailing", "leading", "linspace")


def relative(ours: Tensor, theirs: Tensor) -> float:
    return float(((ours - theirs.double()) / theirs.double()).abs().max())


@pytest.mark.parametrize(
    "ours, theirs", [("linear", "linear"), ("cosine", "squaredcos_cap_v2")], ids=["linear", "cosine"]
)
def test_betas_and_alpha_bar_are_those_of_diffusers(ours: str, theirs: str) -> None:
    schedule = noise_schedule("cosine" if ours == "cosine" else "linear", 1000, 1e-4, 0.02)
    oracle = DDPMScheduler(beta_schedule=theirs)
    # The oracle is float32: 1 - cos^2 / cos^2 costs it digits where beta is small, the long product at its end.
    assert relative(schedule.betas, oracle.betas) < (1e-6 if ours == "linear" else 1e-5)
    assert float((schedule.alpha_bar[1:] - oracle.alphas_cumprod.double()).abs().max()) < 1e-6


def test_alpha_bar_begins_with_the_data_and_ends_at_the_published_value() -> None:
    assert LINEAR.keeps(0) == 1.0
    assert LINEAR.keeps(1000) == pytest.approx(4.0358e-5, rel=1e-4)
    assert len(LINEAR.alpha_bar) == len(LINEAR.sigma) == LINEAR.steps + 1 == 1001


def test_the_cosine_schedule_has_its_published_ends() -> None:
    betas = cosine_betas(1000)
    assert float(betas[0]) == pytest.approx(4.1284e-5, rel=1e-5)
    assert float(betas[-1]) == 0.999
    assert NoiseSchedule(betas).keeps(1000) == pytest.approx(2.43e-9, rel=2e-3)


def test_one_forward_step_keeps_the_data_and_not_the_noise() -> None:
    """corr(x_0, x_1) = sqrt(1 - beta_1). With alpha and beta swapped it would be 0.01, at the same variance of 1."""
    rng = torch.Generator().manual_seed(0)
    x0, eps = torch.randn(2, 200_000, generator=rng, dtype=torch.float64)
    x1 = noised(x0, eps, math.sqrt(LINEAR.keeps(1)), float(LINEAR.sigma[1]))
    assert float(torch.corrcoef(torch.stack([x0, x1]))[0, 1]) == pytest.approx(math.sqrt(1 - 1e-4), abs=1e-6)
    assert math.sqrt(1 - LINEAR.jump(1, 0)) == pytest.approx(0.99995, abs=1e-8)


def test_many_small_steps_of_the_forward_process_make_one_large_one() -> None:
    """Composing q(x_t | x_{t-1}) by its mean and variance gives q(x_t | x_0); and jumps compose likewise."""
    signal, variance = 1.0, 0.0
    for t, beta in enumerate(LINEAR.betas.tolist(), start=1):
        signal, variance = math.sqrt(1 - beta) * signal, (1 - beta) * variance + beta
        assert signal**2 == pytest.approx(LINEAR.keeps(t), rel=1e-12)
        assert variance == pytest.approx(float(LINEAR.sigma[t]) ** 2, rel=1e-12)
    kept = (1 - LINEAR.jump(700, 300)) * (1 - LINEAR.jump(300, 20))
    assert kept == pytest.approx(1 - LINEAR.jump(700, 20), rel=1e-13)
    assert LINEAR.jump(488, 487) == pytest.approx(float(LINEAR.betas[487]), rel=1e-12)


def test_the_small_variance_is_that_of_the_exact_posterior() -> None:
    """q(x_{t-1} | x_t, x_0) is a product of two Gaussians: precisions add. And its table, at the paper's times."""
    for t in (2, 3, 10, 500, 1000):
        beta, before = LINEAR.jump(t, t - 1), 1 - LINEAR.keeps(t - 1)
        assert LINEAR.reverse_variance(t, t - 1, "fixed_small") == pytest.approx(
            1 / ((1 - beta) / beta + 1 / before), rel=1e-9
        )
    assert LINEAR.reverse_variance(2, 1, "fixed_small") == pytest.approx(5.4532e-5, rel=1e-4)
    assert LINEAR.reverse_variance(488, 487, "fixed_small") == pytest.approx(0.0097915, rel=1e-4)


@pytest.mark.parametrize("variance", ["fixed_small", "fixed_large"])
def test_reverse_variances_are_those_of_diffusers(variance: str) -> None:
    oracle = DDPMScheduler(variance_type=variance)
    for t in (2, 3, 50, 488, 1000):
        ours = LINEAR.reverse_variance(t, t - 1, "fixed_small" if variance == "fixed_small" else "fixed_large")
        assert ours == pytest.approx(float(oracle._get_variance(t - 1)), rel=5e-4)


@pytest.mark.parametrize("variance", ["fixed_small", "fixed_large"])
def test_the_last_step_adds_no_noise(variance: str) -> None:
    assert LINEAR.reverse_variance(1, 0, "fixed_small" if variance == "fixed_small" else "fixed_large") == 0.0


def test_leading_and_trailing_times_are_those_of_diffusers() -> None:
    for spacing in ("leading", "trailing"):
        oracle = DDPMScheduler(timestep_spacing=spacing)
        for visits in (1, 10, 50, 300, 1000):
            oracle.set_timesteps(visits)
            ours = times_back(1000, visits, "leading" if spacing == "leading" else "trailing")
            assert [t - 1 for t in ours] == oracle.timesteps.tolist()


def test_leading_times_never_see_pure_noise_and_trailing_times_do() -> None:
    assert times_back(1000, 10, "leading")[0] == 901
    assert times_back(1000, 10, "leading")[-1] == 1
    assert times_back(1000, 10, "trailing")[0] == 1000
    assert times_back(1000, 10, "trailing")[-1] == 100
    assert times_back(1000, 10, "linspace")[0::9] == (1000, 1)


@given(steps=st.integers(1, 500), share=st.floats(0, 1), spacing=st.sampled_from(SPACINGS))
def test_times_fall_strictly_and_stay_within_the_schedule(steps: int, share: float, spacing: Spacing) -> None:
    visits = 1 + round(share * (steps - 1))
    times = times_back(steps, visits, spacing)
    assert len(times) == visits
    assert all(a > b for a, b in itertools.pairwise(times))
    assert times[-1] >= 1
    assert times[0] <= steps
    if visits == steps:
        assert times == tuple(range(steps, 0, -1))


@pytest.mark.parametrize("visits", [0, 1001])
def test_more_steps_than_times_are_refused(visits: int) -> None:
    with pytest.raises(ValueError, match="give 1 to 1000"):
        times_back(1000, visits, "trailing")


@given(
    kind=st.sampled_from(["eps", "x0", "v"]),
    angle=st.floats(0.05, math.pi / 2 - 0.05),
    x0=st.floats(-3, 3),
    eps=st.floats(-3, 3),
)
def test_a_perfect_output_is_read_back_as_the_data_and_noise_that_made_it(
    kind: Target, angle: float, x0: float, eps: float
) -> None:
    signal, sigma = math.cos(angle), math.sin(angle)
    data, noise = torch.tensor([x0], dtype=torch.float64), torch.tensor([eps], dtype=torch.float64)
    x = noised(data, noise, signal, sigma)
    back = read_output(kind, target_of(kind, data, noise, signal, sigma), x, signal, sigma)
    assert torch.allclose(torch.cat(back), torch.cat([data, noise]), rtol=0, atol=1e-12)


def test_v_is_the_velocity_of_diffusers() -> None:
    oracle = DDPMScheduler()
    rng = torch.Generator().manual_seed(0)
    x0, eps = torch.randn(2, 4, 3, generator=rng)
    theirs = oracle.get_velocity(x0, eps, torch.full((4,), 299))
    ours = target_of("v", x0, eps, math.sqrt(LINEAR.keeps(300)), float(LINEAR.sigma[300]))
    assert torch.allclose(ours, theirs, atol=1e-6)
    added = oracle.add_noise(x0, eps, torch.full((4,), 299))
    assert torch.allclose(noised(x0, eps, math.sqrt(LINEAR.keeps(300)), float(LINEAR.sigma[300])), added, atol=1e-6)


def test_linear_betas_are_evenly_spaced() -> None:
    betas = linear_betas(5, 0.1, 0.5)
    assert torch.allclose(betas, torch.tensor([0.1, 0.2, 0.3, 0.4, 0.5], dtype=torch.float64), atol=1e-15)
