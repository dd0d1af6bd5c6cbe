"""The score model: what its losses recover, floors that nothing may beat, its walks, densities and refusals."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from gm_core.capabilities.density import Density
from gm_core.capabilities.stepwise import Conditional, Guided, Route
from gm_core.data.exact import Blobs
from gm_core.model import Batch, GenerativeModel, build
from gm_core.models.score import ScoreModel
from gm_core.protocol.cards import DataCard
from gm_core.spec import SpecError

PLANE = DataCard("plane", "Plane", (2,), "continuous", (-3.0, 3.0), classes=("left", "right"))
PICTURES = DataCard("pictures", "Pictures", (1, 8, 8), "levels", (0.0, 1.0), levels=17)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def made(card: DataCard = PLANE, **options: Any) -> ScoreModel:
    model: GenerativeModel = build({"kind": "score", **options}, card)
    assert isinstance(model, ScoreModel)
    return model


def stirred(model: ScoreModel, seed: int = 0) -> ScoreModel:
    """A model whose last layers no longer say 0."""
    rng = generator(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.1 * torch.randn(parameter.shape, generator=rng))
    return model.eval()


class Linear(nn.Module):
    """F(x) = w x, for which the score is linear at every level."""

    def __init__(self) -> None:
        super().__init__()
        self.w = nn.Parameter(torch.zeros((), dtype=torch.float64))

    def forward(self, x: Tensor, t: Tensor, y: Tensor | None = None) -> Tensor:
        return self.w * x


class Perfect(nn.Module):
    """The F whose score is that of N(0, s^2 I) with noise, at every level."""

    def __init__(self, model: ScoreModel, variance: float) -> None:
        super().__init__()
        self.levels, self.variance = model.noise_levels, variance

    def forward(self, x: Tensor, t: Tensor, y: Tensor | None = None) -> Tensor:
        ratio = math.log(self.levels.largest / self.levels.smallest)
        sigma = (self.levels.smallest * (ratio * t / 0.02).exp()).reshape(-1, *(1,) * (x.ndim - 1))
        at = x * (1 + sigma**2).sqrt()
        score = -at / (self.variance + sigma**2)
        return (score + at / (1 + sigma**2)) * sigma * (1 + sigma**2).sqrt()


# ---- learning


@pytest.mark.parametrize("objective", ["denoising", "sliced", "exact"])
def test_a_linear_network_recovers_the_score_of_a_gaussian(objective: str) -> None:
    """-x / (s^2 + sigma^2), by each of the three objectives: within 2 % for 40,000 draws."""
    sigma, variance = 0.6, 0.5
    model = made(objective=objective, levels=1, sigma_min=sigma, sigma_max=sigma).double()
    model.network = line = Linear()
    x = math.sqrt(variance) * torch.randn(40_000, 2, generator=generator(), dtype=torch.float64)

    def slope(w: float) -> float:
        line.w.data.fill_(w)
        (found,) = torch.autograd.grad(model.loss(Batch(x), generator(1))["total"], line.w)
        return float(found)

    low, high = slope(0.0), slope(1.0)
    line.w.data.fill_(-low / (high - low))  # the objective is a parabola in w
    at = torch.tensor([[1.0, -2.0]], dtype=torch.float64)
    torch.testing.assert_close(model.score(at, sigma), -at / (variance + sigma**2), rtol=0.02, atol=0.0)


@pytest.mark.parametrize("objective", ["denoising", "sliced", "exact"])
@pytest.mark.parametrize("noise", ["levels", "between"])
def test_the_error_of_the_perfect_score_is_its_floor(objective: str, noise: str) -> None:
    """E |sigma s + eps|^2 = s^2 / (s^2 + sigma^2) a number; less would be a leak. All objectives have that scale."""
    variance = 0.5
    model = made(objective=objective, noise=noise, levels=4, slices=2)
    model.network = Perfect(model, variance)
    x = math.sqrt(variance) * torch.randn(40_000, 2, generator=generator())
    u = (torch.arange(40_000) + 0.5) / 40_000
    sigma, _ = model.noise_levels.drawn(u)
    floor = float((variance / (variance + sigma**2)).mean())
    for say, seed in ((model.loss, 1), (model.scores, 2)):
        found = {name: value.detach() for name, value in say(Batch(x), generator(seed)).items()}
        assert float(found["mse"]) == pytest.approx(floor, abs=0.015)
        assert float(found["total"]) == pytest.approx(floor, abs=0.03), "slices alone spread a little more"
    by_level = found["mse_by_level"]
    assert len(by_level) == (4 if noise == "levels" else 10)
    assert float((by_level * model.shares).sum()) == pytest.approx(floor, abs=0.015)


def test_no_trained_network_beats_the_exact_score_on_new_data() -> None:
    """On the same noise, at every level, the exact score of a ring errs least: no lead beyond 3 standard errors."""
    truth = Blobs(torch.tensor([[math.cos(a), math.sin(a)] for a in (0.0, 2.1, 4.2)]), 0.15)
    model = made(levels=5, sigma_max=3.0, sigma_min=0.1, width=64, depth=2)
    optimiser = torch.optim.Adam(model.parameters(), 3e-3)
    rng = generator()
    for _ in range(250):
        optimiser.zero_grad()
        model.loss(Batch(truth.sample(256, rng)), rng)["total"].backward()
        optimiser.step()
    x, lead = truth.sample(4000, generator(5)), []
    for sigma in model.noise_levels.rungs:
        eps = torch.randn(x.shape, generator=generator(6))
        noisy = x + sigma * eps
        learned = (sigma * model.score(noisy, sigma) + eps).square().mean(1)
        exact = (sigma * truth.diffused(sigma).score(noisy) + eps).square().mean(1)
        lead.append(learned - exact)
    for each in lead:
        assert float(each.mean()) > -3 * float(each.std()) / math.sqrt(len(each))
    assert float(torch.cat(lead).mean()) < 0.1, "and it did learn"


@pytest.mark.parametrize("points", [[[1.0, -0.5]] * 64, [[1.0, -0.5]]])
@pytest.mark.parametrize("objective", ["denoising", "sliced"])
def test_equal_points_and_a_lone_point_are_learned_as_what_they_are(points: list[list[float]], objective: str) -> None:
    model = made(objective=objective, levels=5, width=32, depth=2, slices=4)
    optimiser = torch.optim.Adam(model.parameters(), 1e-2)
    rng, x = generator(), torch.tensor(points).expand(64, 2)[: max(len(points), 16)]
    for _ in range(150):
        optimiser.zero_grad()
        found = model.loss(Batch(x), rng)
        assert all(value.isfinite().all() for value in found.values())
        found["total"].backward()
        optimiser.step()
    drawn = model.eval().sample(200, generator(1))
    assert drawn.isfinite().all()
    torch.testing.assert_close(drawn.mean(0), x[0], rtol=0, atol=0.25)


# ---- walks


def test_every_langevin_step_is_a_state_with_its_level_score_and_guess_of_the_data() -> None:
    model = stirred(made(levels=4, sample_steps=20))
    states = list(model.trajectory(3, generator()))
    assert len(states) == 21 and [state.cost for state in states] == list(range(21))
    rungs = [state.numbers["sigma"] for state in states[:-1]]
    assert rungs == [sigma for sigma in model.noise_levels.rungs for _ in range(5)]
    for state in states:
        sigma = state.numbers["sigma"]
        score = model.score(state.x, sigma)
        torch.testing.assert_close(state.views["score"], sigma * score, rtol=1e-4, atol=1e-4)
        torch.testing.assert_close(state.views["x0"], state.x + sigma**2 * score, rtol=1e-4, atol=1e-4)
        assert state.numbers["score_norm"] == pytest.approx(float(score.square().mean().sqrt()), rel=1e-4)


def test_scores_and_noise_are_counted_per_unit_of_the_data() -> None:
    """With points divided by 4, the score is a quarter and the noise four times as large."""
    small, large = stirred(made()), stirred(made(scale=4.0))
    x = torch.randn(5, 2, generator=generator())
    torch.testing.assert_close(large.field(4.0 * x, 0.3), small.field(x, 0.3) / 4.0)
    assert large.scaling(0.3)[1] == pytest.approx(4.0 * small.scaling(0.3)[1])
    shift = large.log_prob(4.0 * x, generator()) - small.log_prob(x, generator())
    torch.testing.assert_close(shift, torch.full((5,), -2 * math.log(4.0)), rtol=0, atol=1e-4)


def test_a_corrected_walk_pays_for_its_corrections() -> None:
    model = stirred(made(corrections=2))
    costs = [state.cost for state in model.trajectory(2, generator(), route=Route("corrected", 4))]
    assert costs == [0, 3, 6, 9, 10], "after the last step there is nothing to correct"


def test_guidance_one_is_the_class_nought_is_none_and_a_mix_on_one_class_is_that_class() -> None:
    model = stirred(made(labels=True, levels=3, sample_steps=6))
    assert {Guided.word, Conditional.word} <= model.offers()
    y = torch.tensor([0, 1, 1])

    def end(y: Tensor | None = None, **route: Any) -> Tensor:
        return list(model.trajectory(3, generator(2), y, Route(**route)))[-1].x

    torch.testing.assert_close(end(y, guidance=1.0), end(y))
    torch.testing.assert_close(end(y, guidance=0.0), end(None), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(end(mix=torch.eye(3)[y]), end(y), rtol=1e-4, atol=1e-5)
    assert not torch.allclose(end(y), end(1 - y))
    states = list(model.trajectory(3, generator(2), y, Route(guidance=3.0)))
    assert [state.cost for state in states] == [2 * k for k in range(7)]
    state = states[2]
    sigma = state.numbers["sigma"]
    lean = model.score(state.x, sigma, y) - model.score(state.x, sigma)
    torch.testing.assert_close(state.views["guidance"], 2.0 * sigma * lean, rtol=1e-3, atol=1e-4)


def test_learned_classes_are_drawn_where_they_lie() -> None:
    model = made(labels=True, levels=5, width=32, depth=2)
    optimiser = torch.optim.Adam(model.parameters(), 1e-2)
    rng = generator()
    for _ in range(200):
        y = torch.randint(2, (128,), generator=rng)
        x = torch.stack([2.0 * y - 1.0, torch.zeros(128)], 1) + 0.2 * torch.randn(128, 2, generator=rng)
        optimiser.zero_grad()
        model.loss(Batch(x, y), rng)["total"].backward()
        optimiser.step()
    for label, sign in ((0, -1.0), (1, 1.0)):
        x = model.eval().sample(200, generator(1), torch.full((200,), label))
        assert float((x[:, 0] * sign > 0).float().mean()) > 0.9


# ---- density


def test_the_density_of_a_network_that_says_nothing_is_that_of_a_unit_gaussian_with_the_least_noise() -> None:
    model = made(sigma_min=0.1)
    x = 2.0 * torch.randn(50, 2, generator=generator())
    variance = 1 + 0.1**2
    exact = -0.5 * x.square().sum(1) / variance - math.log(2 * math.pi * variance)
    torch.testing.assert_close(model.log_prob(x, generator()), exact, rtol=0, atol=1e-3)
    assert model.density_kind == "solver"


# ---- refusals


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"sigma_min": 3.0, "sigma_max": 1.0}, "sigma_min is 3; expected no more than sigma_max, 1: swap them"),
        ({"multipliers": []}, "multipliers has 0 levels; give 1 to 6"),
        ({"guidance": 3.0}, "guidance is 3, but labels is off; leave guidance at 1"),
    ],
)
def test_choices_that_cannot_be_are_refused_in_a_sentence(options: dict[str, Any], words: str) -> None:
    with pytest.raises(SpecError, match=words):
        made(**options)


def test_data_that_do_not_fit_the_choices_are_refused() -> None:
    with pytest.raises(SpecError, match=r"Pictures has 64 numbers, .* the limit is 16: choose 'sliced' or 'denoising'"):
        made(PICTURES, objective="exact")
    with pytest.raises(SpecError, match=r"model\.labels is on but Pictures has no labels"):
        made(PICTURES, labels=True)


@pytest.mark.parametrize(
    ("route", "words"),
    [
        (Route("leapfrog"), "sampler is 'leapfrog'; expected one of: annealed, ula, reverse, corrected, ode"),
        (Route(steps=10_001), "steps is 10001; the range is 1 to 10000"),
        (Route(guidance=3.0), r"guidance is 3, but Score matching \(NCSN\) learned no classes"),
    ],
)
def test_ways_that_do_not_exist_are_refused(route: Route, words: str) -> None:
    with pytest.raises(SpecError, match=words):
        list(made().trajectory(2, generator(), route=route))


def test_what_is_not_known_is_not_offered() -> None:
    assert {Guided.word, Conditional.word} & made().offers() == set()
    assert Density.word in made().offers()
    assert Density.word not in made(PICTURES).offers()
    assert Density.word not in made(sigma_min=1.0, sigma_max=1.0).offers(), "there is no way from much noise to little"


def test_a_stand_of_a_walk_without_steps_is_where_it_began() -> None:
    model = made()
    x = torch.ones(2, 2)
    (only,) = model.trajectory(2, generator(), route=Route(start=x, at=0.0, begin=1.0))
    assert torch.equal(only.x, x) and only.progress == 1.0
