"""The linear VAE against probabilistic PCA, whose optimum is known in closed form: see `linear`.

There the ELBO is the log-likelihood itself. A beta acts as noise of variance beta sigma^2: a direction with lambda_i
below it is not worth its KL, and the others hold 1/2 ln(lambda_i / (beta sigma^2)) nats.

Expectations over eps are exact here: all that is averaged is a quadratic in eps, for which the 2q points +-sqrt(q) e_i
with equal weights give the Gaussian mean without error. Float64.
"""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor
from torch.distributions import MultivariateNormal

from gm_core.maths import gaussian
from gm_core.model import build
from gm_core.models.ppca import PPCA
from gm_core.parts.objectives import ACTIVE

from .linear import (
    CARD,
    EIGENVALUES,
    D,
    Q,
    Truth,
    descend,
    discarded,
    linear,
    make_truth,
    optimum,
    ppca_log_likelihood,
    repeated,
)


@pytest.fixture(scope="module")
def truth() -> Truth:
    """Data whose covariance is known."""
    return make_truth()


@pytest.fixture
def no_chance(monkeypatch: pytest.MonkeyPatch) -> None:
    """Replace the noise of `loss` by the points whose mean is exact: use it on examples that `repeated` has tiled."""
    points = math.sqrt(Q) * torch.cat([torch.eye(Q), -torch.eye(Q)]).double()

    def cubature(like: Tensor, rng: torch.Generator, shape: tuple[int, ...] | None = None) -> Tensor:
        found = points.repeat_interleave(len(like) // len(points), 0)
        return found if shape is None else found.expand(shape)

    monkeypatch.setattr(gaussian, "noise_like", cubature)


def test_the_closed_form_of_the_log_likelihood_is_that_of_the_gaussian_it_stands_for(truth: Truth) -> None:
    model = optimum(truth, discarded(truth))
    w = model.decoder.net[0].weight.detach()  # type: ignore[index, union-attr]
    covariance = w @ w.T + discarded(truth) * torch.eye(D, dtype=torch.float64)
    exact = MultivariateNormal(truth.mean, covariance).log_prob(truth.x)
    assert float(exact.mean()) == pytest.approx(ppca_log_likelihood(truth), abs=1e-10)


def test_at_the_optimum_the_elbo_is_the_log_likelihood_and_the_gradient_is_zero(
    truth: Truth, no_chance: None
) -> None:
    model = optimum(truth, discarded(truth))
    terms = model.loss(repeated(truth.x), torch.Generator())
    assert float(terms["elbo"]) == pytest.approx(ppca_log_likelihood(truth), abs=1e-10)
    terms["total"].backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None
        assert float(parameter.grad.abs().max()) < 1e-10, f"{name} still has a slope"


def test_at_the_optimum_it_scores_and_encodes_as_the_model_of_probabilistic_pca_does(truth: Truth) -> None:
    model, exact = optimum(truth, discarded(truth)), build({"kind": "ppca", "latent": Q}, CARD)
    assert isinstance(exact, PPCA)
    exact.count(truth.x)
    exact.solve()
    rng = torch.Generator().manual_seed(1)
    with torch.no_grad():
        found, expected = model.log_prob(truth.x, rng, samples=3), exact.log_prob(truth.x, rng)
        codes, theirs = model.encode(truth.x), exact.encode(truth.x)
    torch.testing.assert_close(found, expected.double(), rtol=0, atol=2e-6 if expected.dtype == torch.float32 else 1e-9)
    torch.testing.assert_close(codes[0].abs(), theirs[0].abs().double(), rtol=0, atol=1e-5)
    torch.testing.assert_close(codes[1], theirs[1].double(), rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    "part", ["decoder.net.0.weight", "encoder.net.0.weight", "encoder.net.0.bias", "likelihood.raw_logvar"]
)
def test_any_step_away_from_the_optimum_lowers_the_elbo(truth: Truth, no_chance: None, part: str) -> None:
    model = optimum(truth, discarded(truth))
    parameter = dict(model.named_parameters())[part]
    step = torch.randn(parameter.shape, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    with torch.no_grad():
        parameter += 1e-3 * step
        elbo = float(model.loss(repeated(truth.x), torch.Generator())["elbo"])
    assert elbo < ppca_log_likelihood(truth) - 1e-8


@pytest.mark.parametrize("draws", [1, 2, 7])
def test_with_the_exact_posterior_the_bound_is_the_log_likelihood_for_any_number_of_draws(
    truth: Truth, draws: int
) -> None:
    model = optimum(truth, discarded(truth))
    w = model.decoder.net[0].weight.detach()  # type: ignore[index, union-attr]
    covariance = w @ w.T + discarded(truth) * torch.eye(D, dtype=torch.float64)
    exact = MultivariateNormal(truth.mean, covariance).log_prob(truth.x)
    with torch.no_grad():
        found = model.log_prob(truth.x, torch.Generator().manual_seed(draws), samples=draws)
    torch.testing.assert_close(found, exact, rtol=0, atol=1e-10)


def test_the_bound_does_not_depend_on_the_portions_it_is_computed_in(
    truth: Truth, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = optimum(truth, discarded(truth))
    whole = model.log_prob(truth.x, torch.Generator().manual_seed(1), samples=9)
    for numbers in (6, 6 * 150, 6 * 450):
        monkeypatch.setattr("gm_core.parts.bounds.NUMBERS_AT_ONCE", numbers)
        parts = model.log_prob(truth.x, torch.Generator().manual_seed(2), samples=9)
        torch.testing.assert_close(parts, whole, rtol=0, atol=1e-10)


@pytest.mark.parametrize("beta", [0.5, 1.0, 4.0, 9.0])
def test_beta_acts_as_noise_and_silences_every_direction_weaker_than_it(
    truth: Truth, no_chance: None, beta: float
) -> None:
    sigma2 = 0.4
    model = optimum(truth, sigma2, "fixed", beta)
    terms = model.loss(repeated(truth.x), torch.Generator())
    expected = 0.5 * (truth.values[:Q] / (beta * sigma2)).clamp_min(1.0).log()
    torch.testing.assert_close(terms["kl_dimensions"], expected, rtol=0, atol=1e-10)
    assert int((terms["kl_dimensions"] > 1e-9).sum()) == sum(value > beta * sigma2 for value in EIGENVALUES[:Q])
    terms["total"].backward()
    assert all(float(p.grad.abs().max()) < 1e-9 for p in model.parameters() if p.grad is not None)


@pytest.mark.parametrize(("beta", "active"), [(1.0, 3), (5.0, 2), (10.0, 1)])
def test_training_from_scratch_finds_as_many_active_directions_as_the_closed_form_says(
    truth: Truth, no_chance: None, beta: float, active: int
) -> None:
    sigma2 = 0.4
    assert active == sum(value > beta * sigma2 for value in EIGENVALUES[:Q])
    model = linear(variance="fixed", beta=beta, sigma=math.sqrt(sigma2), seed=2)
    descend(model, repeated(truth.x), 800)
    found = model.loss(repeated(truth.x), torch.Generator())["kl_dimensions"].sort(descending=True).values
    expected = 0.5 * (truth.values[:Q] / (beta * sigma2)).clamp_min(1.0).log()
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-3)
    assert int((found > 0.01).sum()) == active


@pytest.mark.parametrize("posterior", ["diagonal", "full"])
def test_training_from_scratch_with_a_learned_sigma_ends_at_probabilistic_pca(
    truth: Truth, no_chance: None, posterior: str
) -> None:
    """A diagonal posterior must turn its axes to the principal ones; a full one may keep any rotation of them."""
    model = linear(variance="learned", sigma=1.0, seed=4, posterior=posterior)
    total = descend(model, repeated(truth.x))
    assert -total == pytest.approx(ppca_log_likelihood(truth), abs=1e-6)
    assert float(model.likelihood.logvar.detach().exp()) == pytest.approx(discarded(truth), abs=1e-4)
    w = model.decoder.net[0].weight.detach()  # type: ignore[index, union-attr]
    kept = truth.vectors[:, :Q]
    expected = kept * (truth.values[:Q] - discarded(truth)) @ kept.T
    torch.testing.assert_close(w @ w.T, expected, rtol=0, atol=1e-3)
    off = (w.T @ w).triu(1).abs().max()
    assert float(off) < 1e-3 if posterior == "diagonal" else float(off) > 0.05


@pytest.mark.parametrize("beta", [0.5, 1.0, 2.5, 5.0, 10.0, 20.0])
def test_as_many_units_are_active_as_eigenvalues_are_above_beta_sigma_squared(
    truth: Truth, no_chance: None, beta: float
) -> None:
    """The mean of unit i varies by 1 - beta sigma^2 / lambda_i over the data, and not at all below the threshold."""
    sigma2 = 0.4
    model = optimum(truth, sigma2, "fixed", beta)
    varies = model.posterior(truth.x).mu.var(0, unbiased=False)
    expected = (1.0 - beta * sigma2 / truth.values[:Q]).clamp_min(0.0)
    torch.testing.assert_close(varies, expected, rtol=0, atol=1e-10)
    active = sum(value > beta * sigma2 for value in EIGENVALUES[:Q])
    assert not bool(((expected > 0) & (expected < 2 * ACTIVE)).any()), "too near to the threshold to tell"
    assert float(model.loss(repeated(truth.x), torch.Generator())["active"]) == active
