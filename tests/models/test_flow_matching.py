"""Flow matching with velocities known in closed form: solvers, densities, scores, and diffusers step for step."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from diffusers import FlowMatchEulerDiscreteScheduler
from torch import Tensor, nn

from gm_core.capabilities.stepwise import Conditional, Guided, Route
from gm_core.protocol.cards import DataCard
from gm_core.spec import SpecError

from .flows import Known, blobs, knowing, seeded

LABELLED = DataCard("plane", "Plane", (2,), "continuous", (-6.0, 6.0), classes=("a", "b", "c"))


# ---- one Gaussian: the closed forms of the solvers


@pytest.mark.parametrize(
    ("s", "sampler", "ends"),
    [
        (1.0, "euler", {1: 0.0, 2: 0.5, 5: 0.7705, 10: 0.878984, 50: 0.974616, 100: 0.987228}),
        (1.0, "midpoint", {5: 0.998902, 10: 0.999861, 50: 0.999999}),
        (2.0, "euler", {5: 1.476923, 10: 1.72313, 100: 1.970582}),
    ],
)
def test_the_last_spread_of_a_gaussian_is_that_of_the_solver_on_a_linear_field(
    s: float, sampler: str, ends: dict[int, float]
) -> None:
    """N(0, 1) to N(0, s^2): v is linear in x, so each sample is its noise times one number, which is known."""
    model = knowing(Known(torch.zeros(1, 2), s))
    for steps, spread in ends.items():
        states = list(model.trajectory(5, seeded(0), route=Route(sampler, steps)))
        ratio = states[-1].x / states[0].x
        # The table has six digits, but for one of its entries.
        tolerance = 2e-5 if spread == 0.7705 else 1e-6
        torch.testing.assert_close(ratio, torch.full_like(ratio, spread), rtol=0, atol=tolerance)


def test_exact_solvers_end_at_the_spread_of_the_data_and_pass_its_own_at_every_time() -> None:
    s = 0.3
    model = knowing(Known(torch.zeros(1, 2), s), tolerance=1e-6)
    for sampler, steps in (("rk4", 100), ("adaptive", 20)):
        states = list(model.trajectory(5, seeded(0), route=Route(sampler, steps)))
        for state in states:
            t = state.numbers["t"]
            ratio = state.x / states[0].x
            spread = math.sqrt(t**2 * s**2 + (1 - t) ** 2)
            torch.testing.assert_close(ratio, torch.full_like(ratio, spread), rtol=0, atol=1e-4)


def test_euler_is_the_scheduler_of_diffusers_step_for_step() -> None:
    network, steps = blobs(), 12
    model = knowing(network)
    scheduler = FlowMatchEulerDiscreteScheduler()
    scheduler.set_timesteps(sigmas=np.linspace(1.0, 1.0 / steps, steps))
    states = list(model.trajectory(50, seeded(1), route=Route("euler", steps)))
    x = states[0].x.float()
    for state, timestep in zip(states[1:], scheduler.timesteps):
        t = 1.0 - float(timestep) / 1000.0  # theirs runs from noise at 1000 to data at 0
        velocity = network(x.double(), torch.full((50,), t, dtype=torch.float64))
        x = scheduler.step(-velocity.float(), timestep, x).prev_sample  # and their velocity points to the noise
        torch.testing.assert_close(x.double(), state.x, rtol=0, atol=3e-6)


@pytest.mark.parametrize(("sampler", "cost"), [("euler", 1), ("midpoint", 2), ("heun", 2), ("rk4", 4)])
def test_the_cost_is_the_number_of_times_that_the_network_was_asked(sampler: str, cost: int) -> None:
    network = blobs()
    *_, last = knowing(network).trajectory(4, seeded(0), route=Route(sampler, 7))
    assert last.cost == network.calls == 7 * cost
    *_, last = knowing(network, sampler="adaptive").trajectory(4, seeded(0))
    assert last.cost == network.calls - 7 * cost and "step" in last.numbers


# ---- mixtures: samples, guesses, scores and densities


@pytest.mark.parametrize("route", [Route("euler", 200), Route("midpoint", 50), Route("rk4", 30), Route("adaptive", 10)])
def test_samples_of_a_known_mixture_follow_it(route: Route) -> None:
    """The mean log-density of 4000 samples is minus the entropy within four standard errors, and weights agree."""
    network = blobs()
    *_, last = knowing(network, tolerance=1e-4).trajectory(4000, seeded(2), route=route)
    fresh = network.centres[torch.multinomial(network.logs.exp(), 200_000, True, generator=seeded(3))]
    fresh = fresh + network.sigma * torch.randn(fresh.shape, generator=seeded(4), dtype=torch.float64)
    truth = network.log_prob(fresh)
    found = network.log_prob(last.x)
    assert abs(float(found.mean() - truth.mean())) < 4 * float(truth.std()) / math.sqrt(4000) + 0.01
    shares = torch.bincount(torch.cdist(last.x, network.centres).argmin(1), minlength=3) / 4000
    assert (shares - network.logs.exp()).abs().max() < 4 * 0.5 / math.sqrt(4000)


def test_the_views_are_the_guesses_that_the_velocity_means() -> None:
    network = blobs()
    model = knowing(network, scale=2.0)
    *states, last = model.trajectory(20, seeded(0), route=Route("midpoint", 5))
    for state in states:
        t = state.at
        assert state.numbers["sigma"] == pytest.approx(1 - t)
        velocity = network(state.x / 2.0, torch.full((20,), t, dtype=torch.float64)) * 2.0
        torch.testing.assert_close(state.views["velocity"], velocity)
        torch.testing.assert_close((1 - t) * state.views["noise"] + t * state.views["x0"], state.x)
        torch.testing.assert_close(state.views["x0"] - state.views["noise"], velocity)
    assert torch.equal(last.views["x0"], last.x)


def test_the_score_that_follows_from_the_velocity_is_the_gradient_of_the_density_at_each_noise() -> None:
    network, scale = blobs(), 1.7
    model = knowing(network, scale=scale)
    assert model.field_kinds() == ("velocity", "score")
    x = 3.0 * torch.randn(40, 2, generator=seeded(5), dtype=torch.float64)
    for noise in (0.05, 0.4, 0.9, 1.0):
        a, b = model.scaling(noise)
        assert (a, b) == (pytest.approx(1 - noise), pytest.approx(noise * scale))
        at = (x / scale).requires_grad_()
        (wanted,) = torch.autograd.grad(network.marginal(1 - noise).log_prob(at).sum(), at)
        torch.testing.assert_close(model.field(x, noise, "score"), wanted / scale, rtol=1e-9, atol=1e-9)
        velocity = network(x / scale, torch.full((40,), 1 - noise, dtype=torch.float64)) * scale
        torch.testing.assert_close(model.field(x, noise), velocity)


def test_where_noise_is_chosen_by_the_data_no_score_is_claimed() -> None:
    for spec in ({"coupling": "optimal"}, {"reflow": 0.5}):
        assert knowing(blobs(), **spec).field_kinds() == ("velocity",)


@pytest.mark.parametrize("scale", [1.0, 2.5])
def test_the_likelihood_along_the_ode_is_the_exact_density_of_a_mixture(scale: float) -> None:
    """1e-4 nats with 100 steps, and with the default number closer than a hundredth, wherever data lie."""
    network = blobs()
    x = network.centres[torch.arange(60) % 3] + 0.4 * torch.randn(60, 2, generator=seeded(6), dtype=torch.float64)
    truth = network.log_prob(x) - 2 * math.log(scale)
    for steps, tolerance in ((100, 1e-4), (24, 1e-2)):
        model = knowing(network, scale=scale, density_steps=steps)
        with torch.no_grad():
            found = model.log_prob(x * scale, seeded(0))
        torch.testing.assert_close(found, truth, rtol=0, atol=tolerance)


def test_codes_are_noise_and_lead_back_to_the_examples() -> None:
    network = blobs()
    model = knowing(network, code_steps=60)
    x = network.centres[torch.arange(300) % 3] + 0.4 * torch.randn(300, 2, generator=seeded(7), dtype=torch.float64)
    z, std = model.encode(x)
    assert z.shape == (300, 2) and not std.any()
    torch.testing.assert_close(model.decode(z), x, rtol=0, atol=1e-3)
    torch.testing.assert_close(model.reconstruct(x, seeded(0)), x, rtol=0, atol=1e-3)


# ---- what is asked wrongly


def test_a_route_that_cannot_be_gone_is_refused_in_one_sentence() -> None:
    model = knowing(blobs())
    for route, words in (
        (Route(steps=1001), "steps is 1001; the range is 1 to 1000"),
        (Route("leapfrog"), "expected one of: euler, midpoint, heun, rk4, adaptive"),
        (Route(guidance=3.0), "guidance is 3, but Flow matching learned no classes; train it with labels on"),
        (Route(mix=torch.ones(2, 4) / 4), "mix is given, but Flow matching learned no classes"),
    ):
        with pytest.raises(SpecError, match=words):
            list(model.trajectory(2, seeded(0), route=route))
    with pytest.raises(SpecError, match="this model learned no classes"):
        model.sample(2, seeded(0), torch.zeros(2, dtype=torch.int64))


# ---- classes


class ByClass(nn.Module):
    """A velocity that names its class: y for a label, the mean for a mix, 10 for the empty class."""

    def __init__(self) -> None:
        super().__init__()
        self.anchor = nn.Parameter(torch.zeros(()))

    def forward(self, x: Tensor, t: Tensor, y: Tensor | None) -> Tensor:
        """The same for all points."""
        values = torch.tensor([0.0, 1.0, 2.0, 10.0])
        if y is None:
            named = values[3:].expand(len(x))
        else:
            named = values[y] if y.ndim == 1 else y @ values
        return named[:, None].expand_as(x)


def test_guidance_leans_from_the_empty_class_to_the_label_and_says_what_it_added() -> None:
    model = knowing(ByClass(), LABELLED, labels=True)
    assert {Guided.word, Conditional.word} <= model.offers()
    y = torch.tensor([1, 2])
    for guidance, ends in ((0.0, (10.0, 10.0)), (1.0, (1.0, 2.0)), (3.0, (-17.0, -14.0))):
        states = list(model.trajectory(2, seeded(0), y, Route("euler", 4, guidance)))
        moved = states[-1].x - states[0].x
        torch.testing.assert_close(moved, torch.tensor(ends)[:, None].expand(2, 2))
        assert ("guidance" in states[0].views) == (guidance != 1.0)
        if guidance != 1.0:
            torch.testing.assert_close(states[1].views["guidance"][:, 0], (guidance - 1) * (y - 10.0))
        assert states[-1].cost == (4 if guidance == 1.0 else 8)
    mix = torch.tensor([[0.0, 0.5, 0.5, 0.0], [0.0, 0.0, 1.0, 0.0]])
    states = list(model.trajectory(2, seeded(0), route=Route("euler", 4, 1.0, mix)))
    torch.testing.assert_close((states[-1].x - states[0].x)[:, 0], torch.tensor([1.5, 2.0]))
    alone = list(model.trajectory(2, seeded(0), route=Route("euler", 4)))
    torch.testing.assert_close((alone[-1].x - alone[0].x)[:, 0], torch.tensor([10.0, 10.0]))


def test_a_model_that_never_saw_the_empty_class_draws_labels_and_offers_nothing_of_p_of_x_alone() -> None:
    model = knowing(ByClass(), LABELLED, labels=True, drop=0.0)
    assert Conditional.word in model.offers() and not {"guided", "latent", "field"} & model.offers()
    states = list(model.trajectory(400, seeded(0), route=Route("euler", 2)))
    ends = (states[-1].x - states[0].x)[:, 0].round()
    assert sorted(ends.unique().tolist()) == [0.0, 1.0, 2.0]
    with pytest.raises(SpecError, match="never saw the empty class; train it with drop above 0"):
        list(model.trajectory(2, seeded(0), torch.zeros(2, dtype=torch.int64), Route(guidance=2.0)))
    x = torch.randn(5, 2, generator=seeded(1))
    each = torch.stack([model.log_prob(x, seeded(0), torch.full((5,), k)) for k in range(3)], -1)
    torch.testing.assert_close(model.log_prob(x, seeded(0)), each.logsumexp(-1) - math.log(3))
