"""Learned priors against torch.distributions, and the identities of the VampPrior by sums over a fine grid of codes."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn
from torch.distributions import Categorical, Independent, MixtureSameFamily, MultivariateNormal, Normal

from gm_core.parts.posteriors import Diagonal, Full, Gaussians, read
from gm_core.parts.priors import Mixture, MixturePrior, NormalPrior, StandardNormal, VampPrior, make_prior
from gm_core.protocol.cards import DataCard

GREY = DataCard("grey", "Grey", (1, 2, 2), "levels", (-1.0, 1.0), levels=5)
PLANE = DataCard("plane", "Plane", (2,), "continuous", (-3.0, 3.0))


def rng(seed: int = 0) -> torch.Generator:
    """A generator on the CPU."""
    return torch.Generator().manual_seed(seed)


def normals(*shape: int, seed: int = 1) -> Tensor:
    """Standard normal numbers, float64."""
    return torch.randn(shape, generator=rng(seed), dtype=torch.float64)


def nobody(x: Tensor, shares: Tensor | None) -> Gaussians:
    """An encoder that must not be asked."""
    raise AssertionError("this prior needs no encoder")


def encoder(x: Tensor, shares: Tensor | None) -> Gaussians:
    """A fixed encoder of two numbers a code; shares of labels move the mean."""
    flat = x.flatten(1)
    mu = torch.stack([flat.sum(-1), flat[:, 0] - flat[:, -1]], -1)
    if shares is not None:
        mu = mu + shares @ torch.arange(2.0 * shares.shape[1]).reshape(-1, 2).to(shares)
    return Diagonal(mu, -1.0 - 0.1 * mu.square())


def shaken(seed: int = 3, components: int = 5) -> MixturePrior:
    """A mixture of which no two components are alike, float64."""
    prior = MixturePrior(2, components).double()
    with torch.no_grad():
        for number, parameter in enumerate(prior.parameters()):
            parameter += normals(*parameter.shape, seed=seed + number)
    return prior


def plane(side: int = 241, reach: float = 9.0) -> tuple[Tensor, float]:
    """Codes on a fine grid, and the area of a cell."""
    axis = torch.linspace(-reach, reach, side, dtype=torch.float64)
    return torch.cartesian_prod(axis, axis), float(axis[1] - axis[0]) ** 2


# ---- against torch


def test_a_mixture_has_the_log_probabilities_of_torchs_mixture() -> None:
    prior, z = shaken(), 2 * normals(3, 40, 2)
    parts = Independent(Normal(prior.mu, (0.5 * prior.logvar).exp()), 1)
    theirs = MixtureSameFamily(Categorical(logits=prior.logits), parts)
    found = prior.density(nobody)
    torch.testing.assert_close(found.log_prob(z), theirs.log_prob(z), rtol=0, atol=1e-10)
    for axis in range(2):
        one = Normal(prior.mu[:, axis], (0.5 * prior.logvar[:, axis]).exp())
        marginal = MixtureSameFamily(Categorical(logits=prior.logits), one)
        expected = marginal.log_prob(z[..., axis])
        torch.testing.assert_close(found.log_prob_dimensions(z)[..., axis], expected, rtol=0, atol=1e-10)


def test_a_mixture_of_full_covariances_is_that_of_torch() -> None:
    components, z = read("full", normals(4, 5), 2), normals(30, 2)
    assert isinstance(components, Full)
    weights = normals(4, seed=2).log_softmax(0)
    theirs = MixtureSameFamily(
        Categorical(logits=weights), MultivariateNormal(components.mu, scale_tril=components.root)
    )
    torch.testing.assert_close(Mixture(weights, components).log_prob(z), theirs.log_prob(z), rtol=0, atol=1e-10)


def test_a_mixture_of_one_is_the_normal_and_the_normal_prior_is_the_standard_one() -> None:
    prior, z = shaken(components=1), normals(40, 2)
    alone = Independent(Normal(prior.mu[0], (0.5 * prior.logvar[0]).exp()), 1)
    torch.testing.assert_close(prior.density(nobody).log_prob(z), alone.log_prob(z), rtol=0, atol=1e-10)
    standard = NormalPrior(2).double().density(nobody)
    zero = torch.zeros(2, dtype=torch.float64)
    torch.testing.assert_close(standard.log_prob(z), Independent(Normal(zero, 1.0), 1).log_prob(z), rtol=0, atol=1e-12)
    assert isinstance(standard, StandardNormal) and standard.closed and not prior.density(nobody).closed


@pytest.mark.parametrize("name", ["normal", "mixture", "vamp"])
def test_every_prior_integrates_to_one_and_is_drawn_from_as_it_says(name: str) -> None:
    made = make_prior(name, 2, 4, PLANE, 0).double()  # type: ignore[arg-type]
    density = made.density(encoder)
    z, area = plane()
    with torch.no_grad():
        mass = density.log_prob(z).exp() * area
        drawn = density.draw(40_000, rng(5))
        again = density.draw(40_000, rng(5))
    assert float(mass.sum()) == pytest.approx(1.0, abs=1e-9)
    assert drawn.shape == (40_000, 2) and torch.equal(drawn, again)
    mean = (mass.unsqueeze(-1) * z).sum(0)
    second = (mass.unsqueeze(-1) * z.square()).sum(0)
    error = drawn.std(0) / 200.0
    assert bool(((drawn.mean(0) - mean).abs() < 4.5 * error).all())
    assert bool(((drawn.square().mean(0) - second).abs() < 4.5 * drawn.square().std(0) / 200.0).all())


# ---- VampPrior


def vamp(x: Tensor) -> VampPrior:
    """A VampPrior with these pseudo-inputs, float64."""
    made = VampPrior(PLANE, len(x), 0).double()
    made.begin(x, None)
    return made


def test_with_the_data_as_pseudo_inputs_the_prior_is_the_aggregate_posterior() -> None:
    x, z = normals(7, 2), normals(50, 2)
    guess = encoder(x, None)
    aggregate = MixtureSameFamily(
        Categorical(logits=torch.zeros(7, dtype=torch.float64)), Independent(Normal(guess.mu, guess.std), 1)
    )
    torch.testing.assert_close(vamp(x).density(encoder).log_prob(z), aggregate.log_prob(z), rtol=0, atol=1e-10)


@pytest.mark.parametrize("which", ["vamp", "mixture", "normal"])
def test_what_codes_cost_is_what_they_say_and_how_far_the_aggregate_is_from_the_prior(which: str) -> None:
    """E KL(q(z|x) || p) = I(z; n) + KL(q(z) || p), I <= ln N; with the aggregate as prior the second is zero."""
    x = 0.8 * normals(6, 2)
    guess, aggregate = encoder(x, None), vamp(x).density(encoder)
    prior = {"vamp": aggregate, "mixture": shaken().density(nobody), "normal": NormalPrior(2).double().density(nobody)}
    z, area = plane()
    with torch.no_grad():
        each = guess.log_prob(z.unsqueeze(-2))  # (grid, 6)
        total, truth = aggregate.log_prob(z), prior[which].log_prob(z)
        cost = (each.exp() * (each - truth.unsqueeze(-1))).sum(0).mean() * area
        information = (each.exp() * (each - total.unsqueeze(-1))).sum(0).mean() * area
        apart = (total.exp() * (total - truth)).sum() * area
    assert float(cost) == pytest.approx(float(information + apart), abs=1e-9)
    assert 0.3 < float(information) <= math.log(6)
    assert float(apart) == pytest.approx(0.0, abs=1e-9) if which == "vamp" else float(apart) > 0.05


def test_codes_that_tell_all_examples_apart_say_ln_n() -> None:
    x = torch.arange(5.0, dtype=torch.float64)[:, None] * torch.tensor([100.0, 0.0], dtype=torch.float64)
    guess = Diagonal(x, torch.full_like(x, -6.0))
    z = guess.draw(rng(), 200)
    said = guess.log_prob(z) - Mixture(torch.full((5,), -math.log(5.0), dtype=torch.float64), guess).log_prob(z)
    torch.testing.assert_close(said, torch.full_like(said, math.log(5.0)), rtol=0, atol=1e-10)


def test_gradients_reach_pseudo_inputs_and_encoder() -> None:
    layer = nn.Linear(4, 4).double()
    prior = VampPrior(GREY, 3, 0).double()
    density = prior.density(lambda x, shares: read("diagonal", layer(x.flatten(1)), 2))
    density.log_prob(normals(6, 2)).sum().backward()
    assert prior.inputs.grad is not None and bool((prior.inputs.grad != 0).any())
    assert layer.weight.grad is not None and bool((layer.weight.grad != 0).any())


def test_pseudo_inputs_of_pictures_stay_in_the_range_and_begin_as_examples_if_they_are_given() -> None:
    prior = VampPrior(GREY, 3, 0)
    with torch.no_grad():
        prior.inputs.mul_(1000.0)
    found = prior.pseudo_inputs()
    assert float(found.detach().min()) == -1.0 and float(found.detach().max()) == 1.0
    x = torch.rand(3, 1, 2, 2, generator=rng())
    prior.begin(x, None)
    assert torch.equal(prior.pseudo_inputs(), x)


def test_pseudo_inputs_of_a_model_of_labels_have_labels_too() -> None:
    prior = VampPrior(PLANE, 3, 4).double()
    assert prior.shares is not None
    x, y = normals(3, 2), torch.tensor([0, 3, 1])
    prior.begin(x, y)
    torch.testing.assert_close(prior.shares.softmax(-1).gather(1, y[:, None]), torch.full((3, 1), 0.925).double())
    expected = encoder(x, prior.shares.softmax(-1))
    density = prior.density(encoder)
    assert isinstance(density, Mixture) and torch.equal(density.components.mu, expected.mu)
