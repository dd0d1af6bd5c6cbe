"""DDPM and DDIM against the papers, against diffusers step for step, and against data whose truth is known."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import pytest
import torch
from diffusers import DDIMScheduler, DDPMScheduler
from torch import Tensor, nn

from gm_core.maths.schedules import NoiseSchedule, Spacing, Target, noise_schedule, read_output, target_of, times_back
from gm_core.model import Batch, build
from gm_core.models.ddpm import DDPM, DDPMSpec
from gm_core.nn.embed import sinusoid
from gm_core.nn.unet import UNet, group_norm
from gm_core.parts.samplers import Ancestral, Denoiser, Implicit, Sampler, walk
from gm_core.protocol.cards import DataCard
from gm_core.spec import SpecError

LINEAR = noise_schedule("linear", 1000, 1e-4, 0.02)
PLANE = DataCard("plane", "Plane", (2,), "continuous", (-4.0, 4.0))
VECTORS = DataCard("vectors", "Vectors", (16,), "continuous", (-4.0, 4.0))
CENTRED = DataCard("small", "Small images", (1, 8, 8), "levels", (-1.0, 1.0))
GREY = DataCard("grey", "Grey images", (1, 8, 8), "levels", (0.0, 1.0))


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def made(card: DataCard, **chosen: object) -> DDPM:
    model = build({"kind": "ddpm", **chosen}, card)
    assert isinstance(model, DDPM)
    return model


def stirred(model: DDPM) -> DDPM:
    """A model whose last layers are no longer zero, so that its answers depend on everything."""
    rng = generator(99)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.1 * torch.randn(parameter.shape, generator=rng))
    return model.eval()


# ---- the samplers, with no network


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


# ---- the model


class PerfectNetwork(nn.Module):
    """The best answer for data N(0, variance), in the language that the model asked for."""

    def __init__(self, schedule: NoiseSchedule, variance: float, target: Target) -> None:
        super().__init__()
        self.schedule, self.variance, self.target = schedule, variance, target

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        steps = (t * self.schedule.steps).round().long()
        keeps = self.schedule.alpha_bar.to(x)[steps].reshape(-1, *(1,) * (x.ndim - 1))
        spread = keeps * self.variance + 1 - keeps
        x0, eps = keeps.sqrt() * self.variance / spread * x, (1 - keeps).sqrt() / spread * x
        return target_of(self.target, x0, eps, keeps.sqrt(), (1 - keeps).sqrt())


@pytest.mark.parametrize("variance, floor", [(1.0, 0.275513), (0.25, 0.173053)])
def test_the_loss_of_perfect_noise_is_its_floor(variance: float, floor: float) -> None:
    """E[Var(eps | x_t)] = mean over t of alpha_bar s^2 / (alpha_bar s^2 + 1 - alpha_bar); less would mean a leak."""
    model = made(VECTORS, timesteps=1000)
    model.network = PerfectNetwork(model.schedule, variance, "eps")
    x = math.sqrt(variance) * torch.randn(40_000, 16, generator=generator())
    said = model.scores(Batch(x), generator(1))
    # Times are even, so only the noise is random: its error is below 0.275 sqrt(2 / (16 * 40000)) = 0.0005 in all.
    assert float(said["total"]) == pytest.approx(floor, abs=0.002)
    learnt = model.loss(Batch(x), generator(1))
    assert float(learnt["total"]) == pytest.approx(floor, abs=0.008)


def test_a_new_network_says_nothing_and_its_error_is_the_variance_of_the_noise() -> None:
    for card in (VECTORS, CENTRED):
        x = torch.rand(2000, *card.shape, generator=generator()) * 2 - 1
        assert float(made(card).loss(Batch(x), generator(1))["mse"].detach()) == pytest.approx(1.0, abs=0.03)


@pytest.mark.parametrize("n", [3, 64, 1000])
def test_the_error_by_time_has_the_error_as_its_mean_and_never_divides_by_nothing(n: int) -> None:
    model = stirred(made(PLANE))
    x = torch.randn(n, 2, generator=generator())
    with torch.no_grad():
        both = (model.loss(Batch(x), generator(1)), model.scores(Batch(x), generator(1)))
    for said in both:
        assert said["mse_by_time"].shape == (10,)
        assert bool(said["mse_by_time"].isfinite().all())
        assert float(said["mse_by_time"].mean()) == pytest.approx(float(said["mse"]), rel=1e-5)
        assert torch.equal(said["total"], said["mse"])


def test_the_error_by_time_begins_with_the_clean_end() -> None:
    """Noise is hardest to guess where there is little of it."""
    model = made(VECTORS, timesteps=1000)
    model.network = PerfectNetwork(model.schedule, 1.0, "eps")
    x = torch.randn(40_000, 16, generator=generator())
    by_time = model.scores(Batch(x), generator(1))["mse_by_time"]
    expected = model.schedule.alpha_bar[1:].reshape(10, 100).mean(1)
    assert torch.allclose(by_time.double(), expected, rtol=0, atol=4 * math.sqrt(2 / (4000 * 16)))


def test_validation_visits_every_tenth_of_time_equally_and_each_time_the_same() -> None:
    model = made(PLANE, timesteps=100)
    seen: list[Tensor] = []
    model.network.register_forward_pre_hook(lambda _, given: seen.append(given[1] * 100))
    x = torch.randn(200, 2, generator=generator())
    model.scores(Batch(x), generator(1))
    model.scores(Batch(x), generator(2))
    assert torch.equal(seen[0], seen[1])
    assert torch.bincount(seen[0].round().long()).tolist() == [0] + [2] * 100


def test_training_visits_the_first_and_the_last_time() -> None:
    model = made(PLANE, timesteps=20)
    seen: list[Tensor] = []
    model.network.register_forward_pre_hook(lambda _, given: seen.append(given[1] * 20))
    model.loss(Batch(torch.randn(2000, 2, generator=generator())), generator(1))
    counts = torch.bincount(seen[0].round().long(), minlength=21)
    assert counts[0] == 0
    assert len(counts) == 21
    assert int(counts[1:].min()) > 50


@pytest.mark.parametrize("sampler", ["ddpm", "ddim"])
def test_what_the_network_is_asked_for_does_not_change_what_a_perfect_one_draws(sampler: str) -> None:
    drawn = []
    targets: tuple[Target, ...] = ("eps", "x0", "v")
    for target in targets:
        model = made(PLANE, predict=target, sampler=sampler, timesteps=100, beta_start=5e-5, beta_end=0.1).double()
        model.network = PerfectNetwork(model.schedule, 1.7, target)
        drawn.append(model.sample(8, generator(3)))
    assert torch.allclose(drawn[0], drawn[1], atol=1e-9)
    assert torch.allclose(drawn[0], drawn[2], atol=1e-9)


@pytest.mark.parametrize("card", [PLANE, VECTORS, CENTRED, GREY], ids=lambda card: card.name)
@pytest.mark.parametrize("sampler", ["ddpm", "ddim"])
def test_a_sample_is_the_end_of_its_trajectory(card: DataCard, sampler: str) -> None:
    model = stirred(made(card, sampler=sampler, sample_steps=12))
    states = list(model.trajectory(3, generator(5)))
    assert len(states) == model.default_steps + 1 == 13
    assert torch.equal(states[-1].x, model.sample(3, generator(5)))
    assert states[0].progress == 0.0
    assert states[-1].progress == 1.0
    assert all(a.progress < b.progress for a, b in itertools.pairwise(states))
    for state in states:
        assert set(state.views) == {"x0", "noise"}
        assert set(state.numbers) == {"t", "alpha_bar", "sigma", "snr"}
        assert all(picture.shape == (3, *card.shape) for picture in (state.x, *state.views.values()))
        assert all(bool(picture.isfinite().all()) for picture in (state.x, *state.views.values()))
    assert not torch.equal(states[-1].x, model.sample(3, generator(6)))


def test_samples_do_not_depend_on_the_global_generator_nor_disturb_it() -> None:
    model = stirred(made(PLANE, sampler="ddpm", sample_steps=5))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)  # the global generator is what this test is about
        first = model.sample(4, generator(2))
        torch.manual_seed(2)
        before = torch.get_rng_state()
        assert torch.equal(first, model.sample(4, generator(2)))
        model.loss(Batch(first), generator(3))
        assert torch.equal(before, torch.get_rng_state())


def test_the_states_of_grey_images_obey_equation_4_in_the_range_of_the_card() -> None:
    """Inside, images live in -1..1; x, x0 and noise come out by the same map, to 0..1."""
    model = stirred(made(GREY, sample_steps=6))
    for state in model.trajectory(2, generator(0)):
        keeps = state.numbers["alpha_bar"]
        x, x0, eps = (2 * picture - 1 for picture in (state.x, state.views["x0"], state.views["noise"]))
        assert torch.allclose(x, math.sqrt(keeps) * x0 + state.numbers["sigma"] * eps, atol=2e-4)


@pytest.mark.parametrize("card", [CENTRED, GREY], ids=lambda card: card.name)
@pytest.mark.parametrize("sampler", ["ddpm", "ddim"])
def test_clipped_images_stay_in_the_range_of_the_card_and_others_leave_it(card: DataCard, sampler: str) -> None:
    low, high = card.range
    model = stirred(made(card, sampler=sampler, sample_steps=10))
    drawn = model.sample(16, generator(0))
    assert float(drawn.min()) >= low - 1e-6
    assert float(drawn.max()) <= high + 1e-6
    model.edit(DDPMSpec(sampler=model.spec.sampler, sample_steps=10, clip_x0="never"))
    free = model.sample(16, generator(0))
    assert float(free.min()) < low or float(free.max()) > high


def test_the_plane_is_divided_by_the_scale_and_drawn_in_the_units_of_the_data() -> None:
    """A perfect network of N(0, 1) at scale 3 draws N(0, 9)."""
    model = made(PLANE, scale=3.0, sampler="ddpm", variance="fixed_large", timesteps=100, beta_start=5e-5, beta_end=0.1)
    model.network = PerfectNetwork(model.schedule, 1.0, "eps")
    drawn = model.sample(4000, generator(0))
    assert float(drawn.var()) == pytest.approx(9.0, rel=0.07)  # 3 % for 100 steps, and 4 standard errors of 1.1 %
    x = 3.0 * torch.randn(20_000, 2, generator=generator(1))
    floor = float(model.schedule.alpha_bar[1:].mean())
    assert float(model.scores(Batch(x), generator(2))["mse"]) == pytest.approx(floor, abs=0.01)


@pytest.mark.parametrize("noise", [0.0, 0.05, 0.5, 1.0])
def test_the_field_of_a_perfect_network_is_the_score_of_the_noised_data(noise: float) -> None:
    """Data N(0, (2 * 1.5)^2) seen at scale 2: at t the points follow N(0, 4 (alpha_bar 2.25 + 1 - alpha_bar))."""
    model = made(PLANE, scale=2.0, timesteps=100)
    model.network = PerfectNetwork(model.schedule, 2.25, "eps")
    keeps = model.schedule.keeps(max(1, round(100 * noise)))
    x = torch.randn(50, 2, generator=generator())
    score = -x / (4 * (keeps * 2.25 + 1 - keeps))
    assert torch.allclose(model.field(x, noise), score, rtol=1e-4, atol=1e-5)


def test_the_field_is_offered_on_the_plane_alone() -> None:
    assert made(PLANE).offers() == {"samples", "stepwise", "field"}
    for card in (VECTORS, CENTRED):
        assert made(card).offers() == {"samples", "stepwise"}


def test_samplers_and_curves_are_as_the_spec_says() -> None:
    model = made(PLANE, sampler="ddim", timesteps=100, sample_steps=0)
    assert model.samplers() == ("ddim", "ddpm")
    assert made(PLANE, sampler="ddpm").samplers() == ("ddpm", "ddim")
    assert model.default_steps == 100
    assert made(PLANE, timesteps=20, sample_steps=50).default_steps == 20
    curves = model.curves()
    assert {name: curve.shape for name, curve in curves.items()} == dict.fromkeys(
        ("t", "alpha_bar", "sigma", "log_snr"), (100,)
    )
    assert curves["t"][0] == 1
    assert curves["alpha_bar"] + curves["sigma"] ** 2 == pytest.approx(1.0, abs=1e-12)
    assert all(a > b for a, b in itertools.pairwise(curves["log_snr"]))


def test_more_steps_than_times_and_unknown_samplers_are_refused_in_one_sentence() -> None:
    model = made(PLANE, timesteps=20)
    with pytest.raises(SpecError, match="steps is 21; the range is 1 to 20"):
        next(model.trajectory(1, generator(), steps=21))
    with pytest.raises(SpecError, match="sampler is 'heun'; expected one of: ddpm, ddim"):
        next(model.trajectory(1, generator(), sampler="heun"))


@pytest.mark.parametrize(
    "chosen, words",
    [
        ({"multipliers": []}, "model.multipliers has 0 levels; give 1 to 6"),
        ({"multipliers": [1, 9]}, "model.multipliers is 9; the range is 1 to 8"),
        ({"beta_start": 0.3}, "model.beta_start is 0.3; expected no more than beta_end, 0.02"),
        ({"predict": "noise"}, "model.predict is 'noise'; expected one of: eps, x0, v"),
    ],
)
def test_impossible_choices_are_refused_in_one_sentence(chosen: dict[str, object], words: str) -> None:
    with pytest.raises(SpecError, match=words):
        made(PLANE, **chosen)


def test_live_choices_of_the_sampler_take_effect_at_once() -> None:
    model = stirred(made(PLANE, sampler="ddim", sample_steps=10))
    before = model.sample(4, generator(0))
    model.edit(DDPMSpec.read({**model.spec.plain(), "sample_steps": 20}))
    assert len(list(model.trajectory(1, generator(0)))) == 21
    assert not torch.equal(before, model.sample(4, generator(0)))


def test_a_short_training_comes_close_to_the_floor_and_not_below_it() -> None:
    """Data N(0, I): the floor is the mean of alpha_bar; 300 steps reach it to 10 %, and learning cannot go under it."""
    model = made(PLANE, timesteps=100, beta_start=5e-5, beta_end=0.1)
    optimiser = torch.optim.Adam(model.parameters(), 2e-3)
    rng = generator(0)
    for _ in range(300):
        optimiser.zero_grad()
        model.loss(Batch(torch.randn(256, 2, generator=rng)), rng)["total"].backward()
        optimiser.step()
    floor = float(model.schedule.alpha_bar[1:].mean())
    with torch.no_grad():
        error = float(model.scores(Batch(torch.randn(50_000, 2, generator=rng)), rng)["mse"])
    assert floor - 0.006 < error < 1.1 * floor


# ---- the networks


@pytest.mark.parametrize("shape", [(1, 8, 8), (1, 28, 28), (3, 32, 32), (1, 7, 9), (2, 13, 5), (1, 1, 1)], ids=str)
@pytest.mark.parametrize("multipliers, blocks, attention", [((1, 1, 1), 1, False), ((1, 2), 2, True)])
def test_the_unet_keeps_the_shape_of_any_picture(
    shape: tuple[int, ...], multipliers: tuple[int, ...], blocks: int, attention: bool
) -> None:
    with torch.random.fork_rng(devices=[]):
        network = UNet(shape[0], 8, multipliers, blocks, attention)
    x = torch.randn(2, *shape, generator=generator())
    answer = network(x, torch.tensor([0.1, 0.9]))
    assert answer.shape == x.shape
    assert not bool(answer.any())


def test_the_smallest_unet_for_handwritten_digits_has_about_sixty_thousand_parameters() -> None:
    """By hand: 16 channels at three levels, 7 blocks; 3x3 convolutions c_in c_out 9 + c_out."""
    card = DataCard("mnist", "MNIST", (1, 28, 28), "levels", (-1.0, 1.0))
    conv = 16 * 16 * 9 + 16
    block = 2 * 32 + 2 * conv + (64 * 16 + 16)
    wide = block + 16 * 16 * 9 + 32 + (32 * 16 + 16)  # twice the channels come in, and a 1x1 convolution across
    time = 32 * 64 + 64 + 64 * 64 + 64
    ends = (16 * 9 + 16) + 32 + (16 * 9 + 1)
    assert sum(p.numel() for p in made(card).parameters()) == 4 * block + 3 * wide + 2 * conv + time + ends == 60_049


def test_every_parameter_of_both_networks_learns() -> None:
    for card, chosen in ((PLANE, {}), (CENTRED, {"attention": True, "multipliers": [1, 2], "blocks": 2})):
        model = stirred(made(card, **chosen))
        model.loss(Batch(torch.rand(8, *card.shape, generator=generator())), generator(1))["total"].backward()
        silent = [name for name, p in model.named_parameters() if p.grad is None or not bool(p.grad.any())]
        assert silent == []


@pytest.mark.parametrize("card", [PLANE, CENTRED], ids=lambda card: card.name)
def test_the_networks_look_at_the_time(card: DataCard) -> None:
    model = stirred(made(card))
    x = torch.randn(2, *card.shape, generator=generator())
    a, b = (model.network(x, torch.full((2,), t)) for t in (0.2, 0.201))
    assert not torch.allclose(a, b, atol=1e-5)


def test_attention_lets_every_pixel_answer_to_every_other() -> None:
    with torch.random.fork_rng(devices=[]):
        far, near = UNet(1, 16, (1,), 1, True), UNet(1, 16, (1,), 1, False)
    rng = generator(1)
    for network, reaches in ((far, True), (near, False)):
        for parameter in network.parameters():
            parameter.data.add_(0.1 * torch.randn(parameter.shape, generator=rng))
        x = torch.randn(1, 1, 24, 24, generator=generator()).requires_grad_()
        (gradient,) = torch.autograd.grad(without_norms(network)(x, torch.tensor([0.5]))[0, 0, 0, 0], x)
        assert bool(gradient[0, 0, -1, -1] != 0) == reaches


def without_norms(network: UNet) -> UNet:
    """GroupNorm looks at the whole picture too; take it out, to see what convolutions and attention reach."""
    for module in network.modules():
        for name, child in module.named_children():
            if isinstance(child, nn.GroupNorm):
                setattr(module, name, nn.Identity())
    return network


@pytest.mark.parametrize("channels", [1, 3, 8, 12, 16, 20, 64, 96])
def test_group_norm_fits_any_number_of_channels(channels: int) -> None:
    norm = group_norm(channels)
    assert channels % norm.num_groups == 0
    assert norm.num_groups <= 8
    assert channels < 8 or channels // norm.num_groups >= 4


def test_the_waves_of_time_are_sines_and_cosines_at_geometric_frequencies() -> None:
    t = torch.tensor([0.0, 3.0], dtype=torch.float64)
    waves = sinusoid(t, 4, longest=100.0)
    expected = [[1, 1, 0, 0], [math.cos(3), math.cos(0.3), math.sin(3), math.sin(0.3)]]
    assert torch.allclose(waves, torch.tensor(expected, dtype=torch.float64), atol=1e-12)
