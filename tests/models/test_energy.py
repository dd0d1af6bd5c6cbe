"""The energy-based model: closed forms of quadratic landscapes, its chains and their buffer, ln Z, and refusals."""

from __future__ import annotations

import copy
import math
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from gm_core.capabilities.density import Density
from gm_core.capabilities.field import Field
from gm_core.capabilities.stepwise import Guided, Route
from gm_core.model import Batch, GenerativeModel, build
from gm_core.models.energy import EnergyModel
from gm_core.protocol.cards import DataCard
from gm_core.spec import SpecError

PLANE = DataCard("plane", "Plane", (2,), "continuous", (-3.0, 3.0))
PICTURES = DataCard("pictures", "Pictures", (1, 8, 8), "levels", (0.0, 1.0), levels=17)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def made(card: DataCard = PLANE, **options: Any) -> EnergyModel:
    model: GenerativeModel = build({"kind": "energy", **options}, card)
    assert isinstance(model, EnergyModel)
    return model


class Quadratic(nn.Module):
    """f(x) = w |x|^2 / 2, a Gaussian landscape with one weight."""

    def __init__(self, w: float = 0.0) -> None:
        super().__init__()
        self.w = nn.Parameter(torch.tensor(w, dtype=torch.float64))

    def forward(self, x: Tensor) -> Tensor:
        return 0.5 * self.w * x.square().flatten(1).sum(1, keepdim=True)


def quadratic(w: float, **options: Any) -> EnergyModel:
    """A model of precision w + 1/c^2 in each number, in double precision."""
    model = made(**options).double()
    model.landscape = Quadratic(w)
    return model


# ---- probability


@pytest.mark.parametrize(
    ("w", "confine", "scale"), [(0.0, 1.0, 1.0), (3.0, 2.0, 1.4), (200.0, 1.0, 0.5), (-0.2, 2.0, 1.0)]
)
def test_the_density_of_a_quadratic_landscape_is_the_gaussian(w: float, confine: float, scale: float) -> None:
    """ln p by the grid against the closed form, to a millionth, whatever the units of the data."""
    model = quadratic(w, confine=confine, scale=scale)
    precision = w + confine**-2
    value, change = model.log_z()
    assert value == pytest.approx(math.log(2 * math.pi / precision), abs=1e-6) and change < 1e-6
    x = torch.randn(20, 2, generator=generator(), dtype=torch.float64)
    variance = scale**2 / precision
    exact = -0.5 * x.square().sum(1) / variance - math.log(2 * math.pi * variance)
    torch.testing.assert_close(model.log_prob(x, generator()), exact, rtol=0, atol=1e-6)
    torch.testing.assert_close(model.field(x, 0.5), -x / variance)
    torch.testing.assert_close(model.field(x, 0.5, "energy_gradient"), x / variance)


def test_a_stirred_landscape_integrates_to_one_in_the_units_of_the_data() -> None:
    model = made(scale=0.7, confine=1.5, width=32)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(2.0)
    side = torch.linspace(-8, 8, 321)
    grid = torch.stack(torch.meshgrid(side, side, indexing="xy"), -1).reshape(-1, 2)
    mass = model.log_prob(grid, generator()).double().exp().sum() * 0.05**2
    assert float(mass) == pytest.approx(1.0, abs=1e-4)


def test_ln_z_follows_the_weights_and_a_twin_has_its_own() -> None:
    model = quadratic(1.0)
    x = torch.zeros(1, 2, dtype=torch.float64)
    before = float(model.log_prob(x, generator()))
    twin = copy.deepcopy(model)
    with torch.no_grad():
        model.landscape.w.fill_(3.0)  # type: ignore[operator]
    assert float(model.log_prob(x, generator())) == pytest.approx(before + math.log(2.0), abs=1e-6)
    assert float(twin.log_prob(x, generator())) == pytest.approx(before, abs=1e-12)
    twin.load_state_dict(model.state_dict())
    assert float(twin.log_prob(x, generator())) == pytest.approx(before + math.log(2.0), abs=1e-6)


def test_off_the_plane_the_constant_is_not_claimed() -> None:
    assert made().density_kind == "solver" and made(PICTURES).density_kind == "unnormalised"
    model = made(PICTURES).eval()
    x = torch.rand(3, 1, 8, 8, generator=generator())
    with torch.no_grad():
        torch.testing.assert_close(model.log_prob(x, generator()), -model.energy(2 * x - 1))
    assert Field.word not in model.offers() and Density.word in model.offers()


# ---- learning


def test_denoising_recovers_the_precision_of_noisy_gaussian_data() -> None:
    """1 / (s^2 + sigma^2): the error is a parabola in the one weight, whose lowest point is found from two slopes."""
    variance, sigma = 0.5, 0.6
    model = quadratic(0.0, objective="denoising", smooth=sigma)
    x = math.sqrt(variance) * torch.randn(40_000, 2, generator=generator(), dtype=torch.float64)
    slopes = []
    for w in (0.0, 1.0):
        model.landscape.w.data.fill_(w)  # type: ignore[operator, union-attr]
        (found,) = torch.autograd.grad(model.loss(Batch(x), generator(1))["total"], list(model.parameters()))
        slopes.append(float(found))
    w = -slopes[0] / (slopes[1] - slopes[0])
    assert w + 1.0 == pytest.approx(1.0 / (variance + sigma**2), rel=0.02)


def test_contrastive_learning_finds_the_same_precision_by_its_own_samples() -> None:
    """Up to what Langevin steps of 0.05 do to the variance, 1 / (1 - 0.05 precision / 4), about 2 %."""
    variance, sigma = 0.3, 0.3
    model = quadratic(0.0, smooth=sigma, chains=512, renew=0.0, pull=0.0, confine=1.5).train()
    optimiser = torch.optim.Adam(model.parameters(), 0.05)
    rng, late = generator(), []
    for step in range(250):
        x = math.sqrt(variance) * torch.randn(512, 2, generator=rng, dtype=torch.float64)
        optimiser.zero_grad()
        model.loss(Batch(x), rng)["total"].backward()
        optimiser.step()
        if step >= 150:
            late.append(float(model.landscape.w.detach()) + 1.5**-2)  # type: ignore[operator, union-attr, arg-type]
    exact = 1.0 / (variance + sigma**2)
    assert sum(late) / len(late) == pytest.approx(exact, rel=0.08)
    assert float(model.buffer.var()) == pytest.approx(variance + sigma**2, rel=0.15)


def test_the_gradient_is_the_energy_of_data_minus_that_of_samples_and_the_value_is_the_error() -> None:
    model = quadratic(0.4, chains=64, pull=0.25, smooth=0.3).train()
    x = torch.randn(64, 2, generator=generator(), dtype=torch.float64)
    found = model.loss(Batch(x), generator(1))
    (slope,) = torch.autograd.grad(found["total"], list(model.parameters()))
    noised = x + 0.3 * torch.randn(64, 2, generator=generator(1), dtype=torch.float64)
    half = [0.5 * at.square().sum(1) for at in (noised, model.buffer)]  # all 64 chains took part
    energies = [1.4 * each for each in half]
    exact = half[0].mean() - half[1].mean() + 0.5 * sum((e * h).mean() for e, h in zip(energies, half))
    torch.testing.assert_close(slope, exact)
    assert torch.equal(found["total"].detach(), found["mse"].detach())
    assert float(found["gap"]) == pytest.approx(float(energies[1].mean() - energies[0].mean()))


def test_chains_move_in_training_alone() -> None:
    model = made(chains=40)
    before = model.buffer.clone()
    batch = Batch(torch.randn(16, 2, generator=generator()))
    model.eval().loss(batch, generator(1))
    assert torch.equal(model.buffer, before)
    model.train().loss(batch, generator(1))
    assert int((model.buffer != before).any(1).sum()) == 16
    assert "buffer" in model.state_dict(), "so that a run that is taken up again has its chains"
    assert "buffer" not in made(objective="denoising").state_dict()


@pytest.mark.parametrize("objective", ["contrastive", "denoising"])
def test_equal_points_and_a_lone_point_give_a_narrow_valley_and_no_nan(objective: str) -> None:
    model = made(objective=objective, width=32, depth=2, chains=64, smooth=0.3).train()
    optimiser = torch.optim.Adam(model.parameters(), 1e-2)
    rng, x = generator(), torch.tensor([[0.8, -0.5]]).expand(64, 2)
    for step in range(200):
        optimiser.zero_grad()
        found = model.loss(Batch(x if step % 2 else x[:1]), rng)
        assert all(value.isfinite().all() for value in found.values())
        found["total"].backward()
        optimiser.step()
    drawn = model.eval().sample(200, generator(1))
    torch.testing.assert_close(drawn.mean(0), x[0], rtol=0, atol=0.35)


# ---- chains


def test_chains_of_metropolis_have_the_exact_variance_and_say_how_many_moved() -> None:
    n, eta = 20_000, 0.6
    model = quadratic(3.0, confine=2.0, step=eta)
    exact = 1.0 / 3.25
    ends = {}
    for sampler in ("langevin", "mala"):
        states = list(model.trajectory(n, generator(), route=Route(sampler, 40)))
        ends[sampler] = float(states[-1].x.var())
        assert ("accepted" in states[1].numbers) == (sampler == "mala")
        assert states[0].numbers["energy"] > states[-1].numbers["energy"]
        assert [state.cost for state in states] == list(range(41))
    error = 4 * exact * math.sqrt(2 / (2 * n))
    assert ends["mala"] == pytest.approx(exact, abs=error)
    assert ends["langevin"] == pytest.approx(exact / (1 - eta / (4 * exact)), rel=0.03)
    assert 0.5 < states[20].numbers["accepted"] < 1.0


def test_the_last_step_of_pictures_takes_the_noise_off() -> None:
    model = made(PICTURES, smooth=0.5, sample_steps=6).eval()
    states = list(model.trajectory(2, generator()))
    assert len(states) == 7
    kept = made(PICTURES, smooth=0.5, sample_steps=6, clean="never").eval()
    assert not torch.equal(states[-1].x, list(kept.trajectory(2, generator()))[-1].x)
    cleaned = states[5].views["x0"]
    torch.testing.assert_close(states[6].x, cleaned.clamp(0.0, 1.0), rtol=0, atol=1e-5)


# ---- refusals


@pytest.mark.parametrize(
    ("route", "words"),
    [
        (Route("gibbs"), "sampler is 'gibbs'; expected one of: langevin, mala"),
        (Route(steps=10_001), "steps is 10001; the range is 1 to 10000"),
        (Route(guidance=2.0), "guidance is 2, but Energy-based model learned no classes"),
    ],
)
def test_ways_that_do_not_exist_are_refused(route: Route, words: str) -> None:
    with pytest.raises(SpecError, match=words):
        list(made().trajectory(2, generator(), route=route))


def test_convolutions_without_stages_are_refused_and_classes_are_not_offered() -> None:
    with pytest.raises(SpecError, match=r"channels has 0 stages; give 1 to 6, for example \[32, 64\]"):
        made(PICTURES, channels=[])
    assert Guided.word not in made().offers()
