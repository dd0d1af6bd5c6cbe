"""How probable diffusions find data: the bound term by term, and the probability flow, against exact densities."""

from __future__ import annotations

import itertools
import math

import pytest
import torch
from torch import Tensor

from gm_core.maths.schedules import Level, Variance, noise_schedule
from gm_core.maths.solvers import log_prob_by_ode
from gm_core.model import Batch
from gm_core.parts.diffusion_bound import log_mass, step_term, variational_bound
from gm_core.parts.likelihood_ode import flow_log_prob
from gm_core.parts.samplers import Guess

from .diffusions import (
    CENTRED,
    LINEAR,
    PLANE,
    VECTORS,
    Mixture,
    PerfectNetwork,
    ddpm,
    edm,
    gaussian,
    generator,
    karras,
    levels,
    perfect_edm,
    stirred,
)

CHAIN = levels(range(1000, 0, -1))


def exact_bound(variance: float, large: bool = False) -> float:
    """E of the bound for one number of data N(0, variance), by hand: every term has the network's error in it alone."""
    last = CHAIN[0]
    total = -0.5 * (last.signal**2 * variance + last.sigma**2 - 1 - 2 * math.log(last.sigma))
    for here, to in itertools.pairwise(CHAIN[:-1]):
        left = variance * here.sigma**2 / (here.signal**2 * variance + here.sigma**2)  # Var(x_0 | x_t)
        gain = 0.5 * (to.ratio**-2 - here.ratio**-2) * left
        if large:  # the step's variance is wider than the posterior's, by the share of noise that is left
            wide = (here.sigma / to.sigma) ** 2
            gain = 0.5 * (1 / wide - 1 + math.log(wide)) + gain / wide
        total -= gain
    first = CHAIN[-2]
    left = variance * first.sigma**2 / (first.signal**2 * variance + first.sigma**2)
    return total - 0.5 * (math.log(2 * math.pi) + 2 * math.log(first.ratio) + left / first.ratio**2)


@pytest.mark.parametrize("large", [False, True])
@pytest.mark.parametrize("variance", [0.25, 1.0, 4.0])
def test_the_bound_of_a_gaussian_is_its_closed_form_and_below_its_entropy(variance: float, large: bool) -> None:
    """4 standard errors of 400 examples of 8 numbers. For N(0, 1) the forward variance is right: nothing is lost."""
    x = math.sqrt(variance) * torch.randn(400, 8, generator=generator(), dtype=torch.float64)
    steps: Variance = "fixed_large" if large else "fixed_small"
    found = variational_bound(CHAIN, gaussian(variance), x, generator(1), steps, 1.0, 1000)
    entropy = 0.5 * math.log(2 * math.pi * math.e * variance)
    expected = exact_bound(variance, large)
    gap = -entropy - expected
    assert 0 < gap < (1e-3 if large and variance == 1.0 else 0.6), "a bound, and a tight one where its steps fit"
    error = float(found.std()) / 8 / math.sqrt(400)
    assert float(found.mean()) / 8 == pytest.approx(expected, abs=4 * error)
    assert error < 0.04


def test_a_few_terms_of_the_bound_have_the_mean_of_all() -> None:
    """4 standard errors; and with a bad network too, whose terms differ."""
    x = torch.randn(4000, 2, generator=generator(), dtype=torch.float64)

    def bad(x: Tensor, level: Level) -> Guess:
        return Guess(x, level, x0=torch.zeros_like(x), eps=x)

    for denoise in (gaussian(1.0), bad):
        every = variational_bound(CHAIN, denoise, x[:500], generator(1), "fixed_small", 1.0, 10**6)
        means = torch.stack([
            variational_bound(CHAIN, denoise, x, generator(seed), "fixed_small", 1.0, 8).mean() for seed in range(40)
        ])  # fmt: skip
        error = math.hypot(float(means.std()) / math.sqrt(40), float(every.std()) / math.sqrt(500))
        assert float(means.mean()) == pytest.approx(float(every.mean()), abs=4 * error)
        assert float(means.mean()) < -2 * 0.5 * math.log(2 * math.pi * math.e) + 4 * error


def test_each_term_is_the_divergence_of_two_gaussians() -> None:
    """KL by torch.distributions between the posterior, from its product of Gaussians, and the model's step."""
    x0, guess = torch.randn(2, 5, 3, generator=generator(), dtype=torch.float64)
    for t, s in ((1000, 999), (400, 380), (2, 1)):
        here, to = LINEAR.level(t), LINEAR.level(s)
        keep = here.signal / to.signal
        jump = here.sigma**2 - keep**2 * to.sigma**2
        precision = keep**2 / jump + 1 / to.sigma**2  # of q(x_t | x_s) and q(x_s | x_0), as functions of x_s
        xt = here.signal * x0 + here.sigma

        def mean(data: Tensor) -> Tensor:
            return (keep * xt / jump + to.signal * data / to.sigma**2) / precision  # noqa: B023

        deviation = torch.tensor(precision**-0.5, dtype=torch.float64)
        for variance, wide in (("fixed_small", deviation), ("fixed_large", torch.tensor(jump).sqrt())):
            exact = torch.distributions.kl_divergence(
                torch.distributions.Normal(mean(x0), deviation), torch.distributions.Normal(mean(guess), wide)
            ).sum(1)
            ours = step_term(x0, guess, (here, to), "fixed_small" if variance == "fixed_small" else "fixed_large")
            assert torch.allclose(ours, exact, rtol=1e-6)


def test_levels_share_all_of_the_probability() -> None:
    """The masses of 17 levels sum to 1 for guesses in the range, beyond it, and for widths far from the cells'."""
    grid = torch.linspace(-1, 1, 17, dtype=torch.float64)[:, None]
    guess = torch.tensor([-1.4, -1.0, -0.07, 0.5, 2.0], dtype=torch.float64)
    for width in (0.002, 0.05, 3.0):
        mass = log_mass(grid, guess, width, (-1.0, 1.0), 17)
        assert bool(mass.isfinite().all())
        assert torch.allclose(mass.exp().sum(0), torch.ones(5, dtype=torch.float64), atol=1e-9)
    exact = torch.distributions.Normal(guess, 0.3)
    inner = exact.cdf(grid[5:6] + 1 / 16) - exact.cdf(grid[5:6] - 1 / 16)
    assert torch.allclose(log_mass(grid[5:6], guess, 0.3, (-1.0, 1.0), 17).exp(), inner, rtol=1e-9)


@pytest.mark.parametrize("variance", [0.25, 1.0, 4.0])
def test_the_flow_of_a_gaussian_has_its_density_to_the_last_digits_of_a_fine_solver(variance: float) -> None:
    """From sigma 0.02 on: N(0, s^2 + sigma^2), exactly; 200 steps of RK4 to 1e-6 of ln p, the models' 20 to 2e-3."""
    way = karras(50, 0.02, 50.0)[:-1]
    x = 2 * torch.randn(50, 2, generator=generator(), dtype=torch.float64)

    def between(log_ratio: float) -> Level:
        return Level(0.0, 1.0, math.exp(log_ratio))

    base = math.sqrt(50.0**2 + variance)
    exact = torch.distributions.Normal(0.0, math.sqrt(variance + 0.02**2)).log_prob(x).sum(1)
    for steps, bound in ((200, 1e-6), (20, 2e-3)):
        found = flow_log_prob(gaussian(variance), between, way[-1], way[0], base, x, steps=steps)
        assert torch.allclose(found, exact, rtol=bound, atol=bound)


def test_the_flow_of_a_mixture_has_its_density_and_integrates_to_one() -> None:
    """Against the exact log-density of the mixture seen through the least noise; grid of 0.05 over the plane."""
    model = edm(PLANE, sigma_data=1.0, sigma_min=0.01, likelihood="solver").double()
    model.network = perfect_edm(model, Mixture().denoise)
    side = torch.arange(-2.2, 2.2, 0.05, dtype=torch.float64)
    grid = torch.stack(torch.meshgrid(side, side, indexing="xy"), -1).reshape(-1, 2)
    found = model.log_prob(grid, generator())
    assert float(found.exp().sum()) * 0.05**2 == pytest.approx(1.0, abs=5e-3)
    least = model.chain()[-2]
    x = Mixture().sample(300, generator(3))
    exact = Mixture().log_prob(least.signal * x, least) + 2 * math.log(least.signal)
    assert float((model.log_prob(x, generator()) - exact).abs().max()) < 0.1
    assert float((model.log_prob(x, generator()) - exact).abs().mean()) < 0.01


def test_both_ways_to_score_agree_on_a_gaussian_and_in_the_units_of_the_data() -> None:
    """A perfect ddpm of N(0, 9) at scale 3: the flow to 0.01 on average, the bound below it by less than 0.1 nats."""
    x = 3 * torch.randn(300, 2, generator=generator())
    exact = torch.distributions.Normal(0.0, 3.0).log_prob(x).sum(1)
    chosen = {"scale": 3.0, "predict": "v", "timesteps": 1000, "variance": "fixed_large"}
    for kind, gap in (("solver", 0.01), ("bound", 0.1)):
        model = ddpm(PLANE, likelihood=kind, **chosen)
        model.network = PerfectNetwork(model.schedule, 1.0, "v")
        assert model.density_kind == kind
        found = model.log_prob(x, generator(1), samples=300)
        error = float((found - exact).std()) / math.sqrt(300)
        assert -gap - 4 * error < float((found - exact).mean()) < 0.01 + 4 * error


def test_the_kind_of_density_follows_the_data_and_the_wish_and_may_change_while_training() -> None:
    assert ddpm(PLANE).density_kind == edm(PLANE).density_kind == "solver"
    assert ddpm(VECTORS).density_kind == ddpm(CENTRED).density_kind == edm(CENTRED).density_kind == "bound"
    model = ddpm(PLANE, likelihood="bound")
    assert model.density_kind == "bound"
    model.edit(model.spec.replace("likelihood", "solver"))
    assert model.density_kind == "solver"


@pytest.mark.parametrize("kind", ["ddpm", "edm"])
def test_pictures_have_a_probability_by_either_way(kind: str) -> None:
    """A probability is below 1. A new network knows nothing: its flow gives every level far less than a fair share."""
    x = (torch.rand(2, 1, 8, 8, generator=generator()) * 16).round() / 8 - 1
    for likelihood in ("bound", "solver"):
        chosen = {"base": 8, "multipliers": [1, 1], "likelihood": likelihood}
        short = {"timesteps": 50, "schedule": "cosine", "predict": "v"}
        model = ddpm(CENTRED, **chosen, **short) if kind == "ddpm" else edm(CENTRED, **chosen)
        stirred(model)
        found = model.log_prob(x, generator(1), samples=1)
        assert found.shape == (2,) and bool(found.isfinite().all())
        assert bool((found < 0).all())
        assert torch.equal(found, model.log_prob(x, generator(1), samples=1))


def test_the_solver_itself_is_the_one_of_the_flows() -> None:
    """One closed form through both doors: dx/dr = eps of N(0, 1) from r = 0.5 to 3 by hand."""
    x = torch.randn(20, 2, generator=generator(), dtype=torch.float64)

    def field(point: Tensor, r: float) -> Tensor:
        return r / (1 + r * r) * point

    def base(point: Tensor) -> Tensor:
        return torch.distributions.Normal(0.0, math.sqrt(10.0)).log_prob(point).sum(1)

    found = log_prob_by_ode(field, x, 0.5, 3.0, base, steps=100)
    assert torch.allclose(found, torch.distributions.Normal(0.0, math.sqrt(1.25)).log_prob(x).sum(1), atol=1e-7)


@pytest.mark.parametrize("kind", ["ddpm", "edm"])
def test_no_trained_network_is_better_than_the_best(kind: str) -> None:
    """Held-out error of 300 steps on N(0, 1) in the plane lies within 3 standard errors above the closed-form floor."""
    if kind == "ddpm":
        model = ddpm(PLANE, timesteps=100, beta_start=5e-5, beta_end=0.1)
        keeps = noise_schedule("linear", 100, 5e-5, 0.1).alpha_bar[1:]
        floor = float(keeps.mean())
    else:
        model = edm(PLANE, sigma_data=1.0)
        floor = 1.0  # F is -v, of which x_t tells nothing for N(0, 1): its variance is 1, and stays
    rng = generator(0)
    optimiser = torch.optim.Adam(model.parameters(), 2e-3)
    for _ in range(300):
        optimiser.zero_grad()
        model.loss(Batch(torch.randn(128, 2, generator=rng)), rng)["total"].backward()
        optimiser.step()
    model.eval()
    with torch.no_grad():
        errors = torch.stack([
            model.scores(Batch(torch.randn(1000, 2, generator=rng)), rng)["total"] for _ in range(40)
        ])  # fmt: skip
    error = float(errors.std()) / math.sqrt(40)
    assert floor - 3 * error < float(errors.mean()) < 1.12 * floor
