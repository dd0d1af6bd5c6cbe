"""The DDPM as a model: its loss against the floor, its trajectories, ranges, field, and what it refuses."""

from __future__ import annotations

import itertools
import math

import pytest
import torch
from torch import Tensor, nn

from gm_core.capabilities.stepwise import Route
from gm_core.maths.schedules import NoiseSchedule, Target, target_of
from gm_core.model import Batch, build
from gm_core.models.ddpm import DDPM, DDPMSpec
from gm_core.protocol.cards import DataCard
from gm_core.spec import SpecError

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


class PerfectNetwork(nn.Module):
    """The best answer for data N(0, variance), in the language that the model asked for."""

    def __init__(self, schedule: NoiseSchedule, variance: float, target: Target) -> None:
        super().__init__()
        self.schedule, self.variance, self.target = schedule, variance, target

    def forward(self, x: Tensor, t: Tensor, y: Tensor | None = None) -> Tensor:
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
        last = {"t", "alpha_bar", "sigma", "snr"}
        assert set(state.numbers) == (last if state is states[-1] else last | {"score_norm"})
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
    assert made(PLANE).offers() == {"samples", "stepwise", "renoise", "complete", "density", "field"}
    for card in (VECTORS, CENTRED):
        assert made(card).offers() == {"samples", "stepwise", "renoise", "complete", "density"}


def test_samplers_and_curves_are_as_the_spec_says() -> None:
    model = made(PLANE, sampler="ddim", timesteps=100, sample_steps=0)
    assert model.samplers() == ("ddim", "ddpm", "euler", "heun", "dpm++")
    assert made(PLANE, sampler="dpm++").samplers() == ("dpm++", "ddpm", "ddim", "euler", "heun")
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
        next(model.trajectory(1, generator(), route=Route(steps=21)))
    with pytest.raises(SpecError, match="sampler is 'plms'; expected one of: ddpm, ddim"):
        next(model.trajectory(1, generator(), route=Route("plms")))


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
