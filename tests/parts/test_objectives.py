"""Objectives and their gradients. Expectations over the noise are exact: Gauss-Hermite quadrature over two draws."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from gm_core.maths import gaussian
from gm_core.maths.estimators import importance_bound
from gm_core.parts.objectives import Draws, decomposition, negative_elbo, negative_iwae, others
from gm_core.parts.posteriors import Diagonal, read
from gm_core.parts.priors import CodeDensity, Mixture, NormalPrior

NODES = 60
MU, LOGVAR = 0.7, -0.8


def normal(k: int = 1) -> CodeDensity:
    """The standard normal prior, float64."""
    return NormalPrior(k).double().density(lambda x, shares: read("diagonal", x, k))


def bent() -> CodeDensity:
    """A prior with two humps, so that the KL has no closed form."""
    mu = torch.tensor([[-1.0], [1.5]], dtype=torch.float64)
    return Mixture(torch.tensor([0.3, 0.7], dtype=torch.float64).log(), Diagonal(mu, torch.zeros_like(mu)))


def explain(z: Tensor) -> Tensor:
    """A made up ln p(x|z) that is no quadratic: (k, n, 1) to (k, n)."""
    return -0.5 * (z.sin() * 2.0 - 0.6).square().squeeze(-1)


def pairs() -> tuple[Tensor, Tensor]:
    """All pairs of quadrature points of two independent standard normals, (2, n), and their masses (n,)."""
    places, weights = np.polynomial.hermite_e.hermegauss(NODES)
    eps, mass = torch.tensor(places), torch.tensor(weights / weights.sum())
    return torch.cartesian_prod(eps, eps).T, torch.outer(mass, mass).flatten()


def expected_slope(objective: Callable[[Draws], Tensor], prior: CodeDensity, score: bool) -> tuple[float, Tensor]:
    """E of an objective of two draws and of its gradient with respect to mu and ln sigma^2 of one Gaussian.

    Each pair of noises is an example of its own with its own copy of both numbers, so that the gradient of the mean
    over examples, times their number, is the gradient of each.
    """
    eps, mass = pairs()
    n = len(mass)
    mu = torch.full((n, 1), MU, dtype=torch.float64, requires_grad=True)
    logvar = torch.full((n, 1), LOGVAR, dtype=torch.float64, requires_grad=True)
    z = mu + (0.5 * logvar).exp() * eps.unsqueeze(-1)
    z = z.detach() if score else z
    total = objective(Draws(Diagonal(mu, logvar), prior, z, explain(z)))
    slopes = torch.autograd.grad(total, (mu, logvar))
    return float(total.detach()), torch.stack([(n * slope[:, 0] * mass).sum() for slope in slopes])


def exact_elbo(prior: CodeDensity, weight: float) -> Tensor:
    """d/d(mu, ln sigma^2) of -E ln p(x|z) + weight KL by quadrature of the expectation itself."""
    places, weights = np.polynomial.hermite_e.hermegauss(NODES)
    numbers = torch.tensor([MU, LOGVAR], dtype=torch.float64, requires_grad=True)
    z = (numbers[0] + (0.5 * numbers[1]).exp() * torch.tensor(places)).reshape(1, -1, 1)
    guess = gaussian.log_prob(z[..., 0], numbers[0], numbers[1])
    value = explain(z) + weight * (prior.log_prob(z) - guess)
    (slope,) = torch.autograd.grad(-(value * torch.tensor(weights / weights.sum())).sum(), numbers)
    return slope


# ---- gradients, in expectation


@pytest.mark.parametrize("prior", [normal(), bent()], ids=["closed", "drawn"])
@pytest.mark.parametrize("weight", [1.0, 0.3])
@pytest.mark.parametrize("gradient", ["reparameterisation", "score"])
def test_both_gradients_of_the_elbo_are_the_true_one_in_expectation(
    prior: CodeDensity, weight: float, gradient: str
) -> None:
    _, slope = expected_slope(
        lambda draws: negative_elbo(draws, weight, 0.0, 0.0, gradient), prior, gradient == "score"  # type: ignore[arg-type]
    )  # fmt: skip
    torch.testing.assert_close(slope, exact_elbo(prior, weight), rtol=0, atol=1e-8)
    assert float(slope.abs().min()) > 0.01, "a slope of zero would prove nothing"


@pytest.mark.parametrize("prior", [normal(), bent()], ids=["closed", "drawn"])
@pytest.mark.parametrize("gradient", ["doubly_reparameterised", "score"])
def test_every_gradient_of_the_iwae_bound_is_the_reparameterised_one_in_expectation(
    prior: CodeDensity, gradient: str
) -> None:
    plain = expected_slope(lambda draws: negative_iwae(draws, 1.0, "reparameterisation"), prior, False)
    other = expected_slope(
        lambda draws: negative_iwae(draws, 1.0, gradient), prior, gradient == "score"  # type: ignore[arg-type]
    )  # fmt: skip
    assert other[0] == pytest.approx(plain[0], abs=1e-12), "the value is the bound, whatever the gradient"
    torch.testing.assert_close(other[1], plain[1], rtol=0, atol=1e-6)
    assert float(plain[1].abs().min()) > 0.02


def test_a_single_draw_is_held_against_the_other_examples_and_the_gradient_stays_unbiased() -> None:
    """Two examples with one draw each: the product of their quadratures covers all that can happen."""
    eps, mass = pairs()
    numbers = torch.tensor([[MU], [LOGVAR]], dtype=torch.float64, requires_grad=True)
    prior, total = normal(), torch.zeros((), dtype=torch.float64)
    chosen = (mass > 1e-9).nonzero()[:, 0]
    for index in chosen.tolist():
        mu, logvar = numbers[0].expand(2, 1), numbers[1].expand(2, 1)
        z = (mu + (0.5 * logvar).exp() * eps[:, index, None]).detach().unsqueeze(0)
        draws = Draws(Diagonal(mu, logvar), prior, z, explain(z))
        total = total + mass[index] * negative_elbo(draws, 1.0, 0.0, 0.0, "score")
    (slope,) = torch.autograd.grad(total, numbers)
    torch.testing.assert_close(slope[:, 0], exact_elbo(prior, 1.0), rtol=0, atol=1e-5)


def test_rewards_are_held_against_the_mean_of_the_others() -> None:
    values = torch.tensor([[1.0, 10.0], [2.0, 20.0], [6.0, 60.0]])
    assert torch.equal(others(values), torch.tensor([[4.0, 40.0], [3.5, 35.0], [1.5, 15.0]]))
    assert torch.equal(others(values[:1]), torch.tensor([[10.0, 1.0]]))
    assert torch.equal(others(values[:1, :1]), torch.zeros(1, 1))


def test_the_score_gradient_scatters_more_and_its_baseline_calms_it() -> None:
    """At the optimum of a linear case the reparameterised gradient is quiet and the score gradient is not."""
    rng, prior = torch.Generator().manual_seed(0), normal()
    spread = {}
    for name, times in (("reparameterisation", 2), ("score", 2), ("score", 16)):
        slopes = []
        for _ in range(300):
            mu = torch.full((1, 1), 0.4, dtype=torch.float64, requires_grad=True)
            guess = Diagonal(mu, torch.full((1, 1), math.log(0.5), dtype=torch.float64))
            z = guess.draw(rng, times)
            z = z.detach() if name == "score" else z
            fit = -0.5 * (z.squeeze(-1) - 0.8).square()
            total = negative_elbo(Draws(guess, prior, z, fit), 1.0, 0.0, 0.0, name)  # type: ignore[arg-type]
            slopes.append(torch.autograd.grad(total, mu)[0])
        spread[name, times] = float(torch.cat(slopes).std())
    assert spread["reparameterisation", 2] < spread["score", 2]
    assert spread["score", 16] < 0.5 * spread["score", 2]


# ---- values


def draws(k: int = 3, n: int = 5, d: int = 2, full: bool = False, prior: CodeDensity | None = None) -> Draws:
    """Some draws, float64."""
    rng = torch.Generator().manual_seed(1)
    numbers = torch.randn(n, d + d * (d + 1) // 2 if full else 2 * d, generator=rng, dtype=torch.float64)
    guess = read("full" if full else "diagonal", numbers, d)
    z = guess.draw(rng, k)
    return Draws(guess, prior or normal(d), z, -z.square().sum(-1).sin())


def test_the_iwae_bound_of_one_draw_is_the_elbo_of_that_draw_and_of_more_is_higher() -> None:
    some = draws(k=40)
    weights = some.log_weights()
    whole = -float(negative_iwae(some, 1.0, "reparameterisation"))
    assert whole == pytest.approx(float(importance_bound(weights).mean()), abs=1e-12)
    assert whole > float(weights.mean())
    one = Draws(some.guess, some.prior, some.z[:1], some.log_likelihood[:1])
    assert -float(negative_iwae(one, 1.0, "reparameterisation")) == pytest.approx(float(weights[0].mean()), abs=1e-12)


@pytest.mark.parametrize("full", [False, True])
def test_free_bits_charge_no_number_less_than_its_allowance(full: bool) -> None:
    some = draws(full=full)
    each = some.kl_dimensions
    allowance = float(each.mean())
    assert float(each.min()) < allowance < float(each.max())
    found = float(negative_elbo(some, 1.0, 0.0, allowance, "reparameterisation") + some.log_likelihood.mean())
    coupling = float(some.kl - each.sum())
    assert found == pytest.approx(float(each.clamp(min=allowance).sum()) + coupling, abs=1e-12)
    assert coupling > 1e-3 if full else abs(coupling) < 1e-12
    none = float(negative_elbo(some, 1.0, 0.0, 1e-9, "reparameterisation"))
    assert none == pytest.approx(float(some.kl - some.log_likelihood.mean()), abs=1e-12)


def test_a_number_within_its_allowance_is_not_pulled() -> None:
    mu = torch.tensor([[0.1, 2.0]], dtype=torch.float64, requires_grad=True)
    guess = Diagonal(mu, torch.zeros(1, 2, dtype=torch.float64))
    z = guess.draw(torch.Generator().manual_seed(0), 1)
    total = negative_elbo(Draws(guess, normal(2), z, torch.zeros(1, 1)), 1.0, 0.0, 0.5, "reparameterisation")
    (slope,) = torch.autograd.grad(total, mu)
    assert float(slope[0, 0]) == 0.0 and float(slope[0, 1]) == pytest.approx(2.0)


# ---- total correlation


@pytest.mark.parametrize("full", [False, True])
def test_information_total_correlation_and_distance_sum_to_the_kl(full: bool) -> None:
    some = draws(k=4, n=6, d=3, full=full)
    three = decomposition(some.guess, some.prior, some.z)
    drawn = (some.log_guess - some.log_prior).mean()
    assert float(sum(three)) == pytest.approx(float(drawn), abs=1e-12)
    many = draws(k=20_000, n=6, d=3, full=full)
    apart = many.log_guess - many.log_prior
    error = float(apart.mean(1).std()) / math.sqrt(20_000)
    found = float(sum(decomposition(many.guess, many.prior, many.z[:2000])))
    assert found == pytest.approx(float(many.kl), abs=4 * error * math.sqrt(10))


def test_each_part_is_what_a_sum_over_a_fine_grid_says() -> None:
    """Three examples whose codes lie along a diagonal, so that the two numbers hang together."""
    mu = torch.tensor([[-1.5, -1.5], [0.0, 0.2], [1.5, 1.3]], dtype=torch.float64)
    guess, prior = Diagonal(mu, torch.full_like(mu, -1.5)), normal(2)
    axis = torch.linspace(-6.0, 6.0, 241, dtype=torch.float64)
    cell, z = float(axis[1] - axis[0]), torch.cartesian_prod(axis, axis)
    each = guess.log_prob(z.unsqueeze(-2))
    total = each.logsumexp(-1) - math.log(3.0)
    alone = (guess.log_prob_dimensions(z.unsqueeze(-2)).logsumexp(-2) - math.log(3.0)).sum(-1)
    information = (each.exp() * (each - total.unsqueeze(-1))).sum(0).mean() * cell**2
    hanging = (total.exp() * (total - alone)).sum() * cell**2
    distance = (total.exp() * (alone - prior.log_prob(z))).sum() * cell**2
    drawn = guess.draw(torch.Generator().manual_seed(2), 20_000)
    found = decomposition(guess, prior, drawn)
    for value, expected in zip(found, (information, hanging, distance)):
        assert float(value) == pytest.approx(float(expected), abs=0.02)
    assert float(hanging) > 0.3


def test_beta_on_the_total_correlation_alone_adds_just_that() -> None:
    some = draws()
    plain = negative_elbo(some, 1.0, 0.0, 0.0, "reparameterisation")
    more = negative_elbo(some, 1.0, 4.0, 0.0, "reparameterisation")
    expected = 4.0 * decomposition(some.guess, some.prior, some.z)[1]
    assert float(more - plain) == pytest.approx(float(expected), abs=1e-12)


def test_without_a_closed_form_the_kl_is_the_mean_over_the_draws() -> None:
    weights = torch.tensor([0.5, 0.5], dtype=torch.float64).log()
    one = torch.zeros(2, 2, dtype=torch.float64)
    twice = draws(k=30_000, prior=Mixture(weights, Diagonal(one, one)))  # the standard normal, in disguise
    closed = draws(k=30_000)
    assert float(twice.kl) == pytest.approx(float(closed.kl), abs=0.03)
    torch.testing.assert_close(twice.kl_dimensions, closed.kl_dimensions, rtol=0, atol=0.03)
