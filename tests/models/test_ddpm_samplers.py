"""The steps of DDPM and DDIM, with no network: closed forms, diffusers step for step, and a mixture's exact score."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import pytest
import torch
from diffusers import DDIMScheduler, DDPMScheduler
from torch import Tensor

from gm_core.maths.schedules import NoiseSchedule, Spacing, Target, noise_schedule, read_output, times_back
from gm_core.parts.samplers import Ancestral, Denoiser, Implicit, Sampler, walk

LINEAR = noise_schedule("linear", 1000, 1e-4, 0.02)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def gaussian(schedule: NoiseSchedule, variance: float) -> Denoiser:
    """The exact denoiser of data N(0, variance)."""

    def denoise(x: Tensor, t: int) -> tuple[Tensor, Tensor]:
        keeps = schedule.keeps(t)
        spread = keeps * variance + 1 - keeps
        return math.sqrt(keeps) * variance / spread * x, math.sqrt(1 - keeps) / spread * x

    return denoise


def final_variance(sampler: Sampler, variance: float, visits: int = 1000, spacing: Spacing = "trailing") -> float:
    """The exact variance of what a sampler draws: with a linear denoiser each step is x' = a x + b z."""
    denoise, one, v = gaussian(LINEAR, variance), torch.ones(1, dtype=torch.float64), 1.0
    for t, s in itertools.pairwise((*times_back(1000, visits, spacing), 0)):
        a, b = sampler.step(LINEAR, t, s, one, *denoise(one, t))
        v = float(a) ** 2 * v + b**2
    return v


@pytest.mark.parametrize(
    "variance, small, large",
    [(0.04, 0.038533, 0.0403724), (0.25, 0.246125, 0.250752), (1, 0.991067, 0.9999), (4, 3.97478, 3.99057)],
)
def test_ddpm_with_the_exact_noise_ends_at_its_closed_form_variance(
    variance: float, small: float, large: float
) -> None:
    assert final_variance(Ancestral("fixed_small"), variance) == pytest.approx(small, rel=2e-5)
    assert final_variance(Ancestral("fixed_large"), variance) == pytest.approx(large, rel=2e-5)


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
    assert final_variance(Implicit(0.0), 1, visits, "leading") == pytest.approx(leading, abs=1e-5)
    assert final_variance(Implicit(0.0), 1, visits, "trailing") == pytest.approx(trailing, abs=1e-5)


@pytest.mark.parametrize(
    "visits, narrow, noisy",
    [(1000, 0.248498, 0.991067), (100, 0.236177, 0.921599), (50, 0.223199, 0.857434), (10, 0.139972, 0.548207)],
)
def test_ddim_on_narrow_data_and_with_fresh_noise_has_its_closed_form_variance(
    visits: int, narrow: float, noisy: float
) -> None:
    assert final_variance(Implicit(0.0), 0.25, visits, "leading") == pytest.approx(narrow, abs=1e-5)
    assert final_variance(Implicit(1.0), 1, visits, "leading") == pytest.approx(noisy, abs=1e-5)


@dataclass(frozen=True)
class WithTheWrongAlpha:
    """A tempting mistake: alpha_bar_t where Algorithm 2 has alpha_t. Its mean is the guess of x_0 itself."""

    def step(self, schedule: NoiseSchedule, t: int, s: int, x: Tensor, x0: Tensor, eps: Tensor) -> tuple[Tensor, float]:
        keeps = schedule.keeps(t)
        mean = (x - (1 - keeps) / math.sqrt(1 - keeps) * eps) / math.sqrt(keeps)
        return mean, math.sqrt(schedule.reverse_variance(t, s, "fixed_small"))


def test_the_closed_form_variance_tells_algorithm_2_from_its_misprint() -> None:
    wrong, denoise, one = WithTheWrongAlpha(), gaussian(LINEAR, 1), torch.ones(1, dtype=torch.float64)
    v = 1.0
    for t in range(1000, 0, -1):
        a, b = wrong.step(LINEAR, t, t - 1, one, *denoise(one, t))
        v = float(a) ** 2 * v + b**2
    assert v == pytest.approx(0.0382596, rel=1e-4)
    assert final_variance(Ancestral("fixed_small"), 1) == pytest.approx(1.0, abs=0.01)


def exact_scheduler(kind: type[DDPMScheduler] | type[DDIMScheduler], **chosen: object) -> DDPMScheduler | DDIMScheduler:
    """A scheduler of diffusers without its clipping, and with alpha_bar in float64."""
    oracle = kind(clip_sample=False, **chosen)
    oracle.alphas_cumprod = LINEAR.alpha_bar[1:].clone()
    oracle.one = torch.tensor(1.0, dtype=torch.float64)
    if isinstance(oracle, DDIMScheduler):
        oracle.final_alpha_cumprod = torch.tensor(1.0, dtype=torch.float64)
    return oracle


def any_output(x: Tensor, t: int) -> Tensor:
    """Some function of x and t; it need not be a good one."""
    return torch.tanh(1.3 * x + t / 400) - 0.2 * x


def reading(target: Target) -> Denoiser:
    def denoise(x: Tensor, t: int) -> tuple[Tensor, Tensor]:
        keeps = LINEAR.keeps(t)
        return read_output(target, any_output(x, t), x, math.sqrt(keeps), math.sqrt(1 - keeps))

    return denoise


TARGETS: list[tuple[Target, str]] = [("eps", "epsilon"), ("x0", "sample"), ("v", "v_prediction")]


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
    places = list(walk(sampler, LINEAR, reading(target), start, times_back(1000, visits, spacing), ours))
    for place, after in itertools.pairwise(places):
        t = place.t - 1
        result = oracle.step(any_output(place.x, place.t), t, place.x, generator=theirs_noise)
        # Guesses of x_0 from eps grow like 1 / sqrt(alpha_bar), to 160 times; so the bound follows their size.
        size = max(1.0, float(place.x0.abs().max()))
        assert float((place.x0 - result.pred_original_sample).abs().max()) < 1e-11 * size
        # The oracle adds no noise at t = 1 only; a last stride from further out lands on x_0 there with noise on it.
        expected = result.prev_sample if after.t > 0 else result.pred_original_sample
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
    places = list(walk(Implicit(eta), LINEAR, reading(target), start, times_back(1000, visits, spacing), ours))
    for place, after in itertools.pairwise(places):
        result = oracle.step(any_output(place.x, place.t), place.t - 1, place.x, eta=eta, generator=theirs_noise)
        size = max(1.0, float(place.x0.abs().max()))
        assert float((after.x - result.prev_sample).abs().max()) < 1e-11 * size


def test_ddim_with_all_its_noise_and_all_its_steps_is_ddpm() -> None:
    start = torch.randn(5, 2, generator=generator(3), dtype=torch.float64)
    times = times_back(1000, 1000, "trailing")
    denoise = gaussian(LINEAR, 0.5)
    *_, a = walk(Ancestral("fixed_small"), LINEAR, denoise, start, times, generator(4))
    *_, b = walk(Implicit(1.0), LINEAR, denoise, start, times, generator(4))
    assert torch.allclose(a.x, b.x, atol=1e-9)


class Mixture:
    """Three Gaussians on the plane, whose noised score is known at every time."""

    weights = torch.tensor([0.5, 0.3, 0.2], dtype=torch.float64)
    means = torch.tensor([[-1.2, 0.0], [1.0, 1.0], [0.8, -1.0]], dtype=torch.float64)
    variances = torch.tensor([0.04, 0.09, 0.02], dtype=torch.float64)

    def log_prob(self, x: Tensor, keeps: float) -> Tensor:
        """log p_t = log sum_k w_k N(sqrt(alpha_bar) m_k, (alpha_bar s_k + 1 - alpha_bar) I)."""
        spread = keeps * self.variances + 1 - keeps
        far = (x[:, None] - math.sqrt(keeps) * self.means).square().sum(-1)
        return torch.logsumexp(self.weights.log() - far / (2 * spread) - (2 * math.pi * spread).log(), 1)

    def denoise(self, x: Tensor, t: int) -> tuple[Tensor, Tensor]:
        """eps* = -sqrt(1 - alpha_bar) times the score."""
        keeps = LINEAR.keeps(t)
        spread = keeps * self.variances + 1 - keeps
        away = math.sqrt(keeps) * self.means - x[:, None]
        share = torch.softmax(self.weights.log() - away.square().sum(-1) / (2 * spread) - spread.log(), 1)
        score = ((share / spread)[..., None] * away).sum(1)
        eps = -math.sqrt(1 - keeps) * score
        return (x - math.sqrt(1 - keeps) * eps) / math.sqrt(keeps), eps


def test_the_exact_noise_of_a_mixture_is_its_score_by_automatic_differentiation() -> None:
    mixture = Mixture()
    x = torch.randn(20, 2, generator=generator(), dtype=torch.float64).requires_grad_()
    for t in (1, 100, 700):
        (score,) = torch.autograd.grad(mixture.log_prob(x, LINEAR.keeps(t)).sum(), x)
        _, eps = mixture.denoise(x.detach(), t)
        assert torch.allclose(eps, -math.sqrt(1 - LINEAR.keeps(t)) * score, atol=1e-10)


@pytest.mark.parametrize("sampler", [Ancestral("fixed_large"), Ancestral("fixed_small"), Implicit(0.0)], ids=repr)
def test_with_the_exact_score_of_a_mixture_the_samples_are_the_mixture(sampler: Sampler) -> None:
    """Weights within 4 standard errors; means and variances within 4 standard errors and 4 % for the finite steps."""
    mixture, n = Mixture(), 4000
    start = torch.randn(n, 2, generator=generator(5), dtype=torch.float64)
    *_, last = walk(sampler, LINEAR, mixture.denoise, start, times_back(1000, 1000, "trailing"), generator(6))
    mode = torch.cdist(last.x, mixture.means).argmin(1)
    for k in range(3):
        mine = last.x[mode == k]
        weight, variance = float(mixture.weights[k]), float(mixture.variances[k])
        assert abs(len(mine) / n - weight) < 4 * math.sqrt(weight * (1 - weight) / n)
        assert float((mine.mean(0) - mixture.means[k]).abs().max()) < 4 * math.sqrt(variance / len(mine)) + 0.002
        spread = float((mine - mixture.means[k]).square().mean())
        assert abs(spread / variance - 1) < 4 / math.sqrt(len(mine)) + 0.04


@pytest.mark.parametrize("visits", [1, 7, 1000])
def test_a_walk_asks_the_denoiser_once_a_step_and_ends_at_the_data(visits: int) -> None:
    asked: list[int] = []

    def denoise(x: Tensor, t: int) -> tuple[Tensor, Tensor]:
        asked.append(t)
        return gaussian(LINEAR, 1)(x, t)

    start = torch.ones(1, dtype=torch.float64)
    places = list(walk(Ancestral(), LINEAR, denoise, start, times_back(1000, visits, "linspace"), generator()))
    assert len(asked) == visits
    assert [place.t for place in places] == [*asked, 0]
    assert [place.number for place in places] == list(range(visits + 1))
    if visits == 1000:
        assert asked[-1] == 1


def test_every_place_of_a_walk_is_made_of_its_data_and_its_noise() -> None:
    """x_t = sqrt(alpha_bar) x_0 + sqrt(1 - alpha_bar) eps, at t = 0 too."""
    start = torch.randn(6, 2, generator=generator(), dtype=torch.float64)
    for place in walk(Ancestral(), LINEAR, Mixture().denoise, start, times_back(1000, 40, "trailing"), generator()):
        keeps = LINEAR.keeps(place.t)
        assert torch.allclose(place.x, math.sqrt(keeps) * place.x0 + math.sqrt(1 - keeps) * place.eps, atol=1e-9)


def test_ddim_without_fresh_noise_never_touches_its_generator() -> None:
    rng = generator(7)
    before = rng.get_state()
    start = torch.randn(3, 2, generator=generator(), dtype=torch.float64)
    list(walk(Implicit(0.0), LINEAR, Mixture().denoise, start, times_back(1000, 20, "trailing"), rng))
    assert torch.equal(rng.get_state(), before)
