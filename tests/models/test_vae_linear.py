"""The linear VAE against probabilistic PCA, whose optimum is known in closed form (Tipping & Bishop 1999).

A VAE without hidden layers and with a Gaussian likelihood is x = W z + m + sigma eps. With S the covariance of the
data, lambda_i its eigenvalues and U its eigenvectors, the best W is U_q (Lambda_q - sigma^2 I)^(1/2), the best sigma^2
the mean of the eigenvalues left out, and the best encoder the true posterior N(Lambda^-1 W' (x - m), sigma^2
Lambda^-1). So there the ELBO is the log-likelihood itself. A beta acts as noise of variance beta sigma^2: a direction
with lambda_i below it is not worth its KL, and the others hold 1/2 ln(lambda_i / (beta sigma^2)) nats.

Expectations over eps are exact here: all that is averaged is a quadratic in eps, for which the 2q points +-sqrt(q) e_i
with equal weights give the Gaussian mean without error. Float64.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import pytest
import torch
from torch import Tensor
from torch.distributions import MultivariateNormal

from gm_core.maths import gaussian
from gm_core.maths.estimators import importance_bound
from gm_core.model import Batch, build
from gm_core.models.vae import VAE
from gm_core.parts.likelihoods import SMALLEST_SIGMA
from gm_core.protocol.cards import DataCard

D, Q = 6, 3
CARD = DataCard("plane", "Six numbers", (D,), "continuous", (-5.0, 5.0))
EIGENVALUES = (6.0, 3.0, 1.5, 0.4, 0.3, 0.2)


@dataclass(frozen=True)
class Truth:
    """Data whose covariance has exactly these eigenvalues, with its mean and eigenvectors."""

    x: Tensor
    mean: Tensor
    values: Tensor
    vectors: Tensor


@pytest.fixture(scope="module")
def truth() -> Truth:
    """200 examples, made so that mean and covariance are exact."""
    rng = torch.Generator().manual_seed(0)
    raw = torch.randn(200, D, generator=rng, dtype=torch.float64)
    raw = raw - raw.mean(0)
    white = torch.linalg.solve_triangular(torch.linalg.cholesky(raw.T @ raw / 200), raw.T, upper=False).T
    vectors = torch.linalg.qr(torch.randn(D, D, generator=rng, dtype=torch.float64)).Q
    values = torch.tensor(EIGENVALUES, dtype=torch.float64)
    mean = torch.linspace(-1.0, 1.0, D, dtype=torch.float64)
    return Truth(white * values.sqrt() @ vectors.T + mean, mean, values, vectors)


def linear(latent: int = Q, variance: str = "learned", beta: float = 1.0, sigma: float = 0.5, seed: int = 0) -> VAE:
    """A VAE without hidden layers, float64."""
    options = {"latent": latent, "hidden": [], "likelihood": "gaussian", "variance": variance, "sigma": sigma}
    made = build({"kind": "vae", "beta": beta, **options}, CARD, seed).double()
    assert isinstance(made, VAE)
    return made


def optimum(truth: Truth, sigma2: float, variance: str = "learned", beta: float = 1.0) -> VAE:
    """The linear VAE at its best, for noise sigma2."""
    model = linear(variance=variance, beta=beta)
    kept = truth.values[:Q].clamp_min(beta * sigma2)
    directions = truth.vectors[:, :Q]
    w = directions * (kept - beta * sigma2).sqrt()
    with torch.no_grad():
        decoder, encoder = model.decoder.net[0], model.encoder.net[0]  # type: ignore[index, union-attr]
        decoder.weight.copy_(w)
        decoder.bias.copy_(truth.mean)
        encoder.weight[:Q] = (w / kept).T
        encoder.bias[:Q] = -(w / kept).T @ truth.mean
        encoder.weight[Q:] = 0.0
        encoder.bias[Q:] = (beta * sigma2 / kept).log()
        raw = sigma2 - SMALLEST_SIGMA**2 if variance == "learned" else sigma2
        model.likelihood.raw_logvar.fill_(math.log(raw))
    return model


@pytest.fixture
def no_chance(monkeypatch: pytest.MonkeyPatch) -> None:
    """Replace the noise of `loss` by the points whose mean is exact: use it on examples that `repeated` has tiled."""
    points = math.sqrt(Q) * torch.cat([torch.eye(Q), -torch.eye(Q)]).double()

    def cubature(like: Tensor, rng: torch.Generator, shape: tuple[int, ...] | None = None) -> Tensor:
        return points.repeat_interleave(len(like) // len(points), 0)

    monkeypatch.setattr(gaussian, "noise_like", cubature)


def repeated(x: Tensor) -> Batch:
    """Each example once for each of the 2q points."""
    return Batch(x.repeat(2 * Q, 1))


def discarded(truth: Truth) -> float:
    """The best sigma^2: the mean eigenvalue that q directions leave out."""
    return float(truth.values[Q:].mean())


def ppca_log_likelihood(truth: Truth) -> float:
    """Mean log-likelihood at the optimum: -1/2 [d ln 2 pi + sum_{i<=q} ln lambda_i + (d - q) ln sigma^2 + d]."""
    kept = float(truth.values[:Q].log().sum())
    return -0.5 * (D * math.log(2 * math.pi) + kept + (D - Q) * math.log(discarded(truth)) + D)


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
        monkeypatch.setattr("gm_core.models.vae.NUMBERS_AT_ONCE", numbers)
        parts = model.log_prob(truth.x, torch.Generator().manual_seed(2), samples=9)
        torch.testing.assert_close(parts, whole, rtol=0, atol=1e-10)


def test_a_guess_that_is_half_as_wide_again_costs_what_it_should_for_each_number_of_draws(truth: Truth) -> None:
    """The gap to ln p(x) depends on eps alone: E ln mean_k prod_j 1.5 exp(-(1.5^2 - 1) eps_j^2 / 2)."""
    model = optimum(truth, discarded(truth))
    with torch.no_grad():
        model.encoder.net[0].bias[Q:] += 2 * math.log(1.5)  # type: ignore[index, union-attr]
        mu, logvar = model.posterior(truth.x)
        z = gaussian.draw(mu, logvar, torch.Generator().manual_seed(9), times=3000)
        weights = model.log_weights(truth.x, z, mu, logvar)
    gaps: dict[int, float] = {}
    for k in (1, 2, 5, 20, 50):
        bounds = torch.stack([importance_bound(part) for part in weights.split(k)])
        gaps[k] = float(bounds.mean()) - ppca_log_likelihood(truth)
    # k = 1 in closed form; the rest from an independent simulation of the formula above with 4 million draws. The
    # tolerance is four standard errors of ours, 0.0016.
    expected = {1: -Q * (0.5 * (1.5**2 - 1) - math.log(1.5)), 2: -0.2632, 5: -0.0854, 20: -0.0194, 50: -0.0071}
    for k, gap in expected.items():
        assert gaps[k] == pytest.approx(gap, abs=0.0065)
    assert list(gaps.values()) == sorted(gaps.values()) and max(gaps.values()) < 0


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
    optimiser = torch.optim.LBFGS(
        model.parameters(), lr=1.0, max_iter=800, max_eval=1000, tolerance_grad=1e-9, tolerance_change=1e-13,
        history_size=30, line_search_fn="strong_wolfe",
    )  # fmt: skip

    def closure() -> Tensor:
        optimiser.zero_grad()
        total = model.loss(repeated(truth.x), torch.Generator())["total"]
        total.backward()
        return total

    optimiser.step(closure)  # type: ignore[no-untyped-call, arg-type]
    found = model.loss(repeated(truth.x), torch.Generator())["kl_dimensions"].sort(descending=True).values
    expected = 0.5 * (truth.values[:Q] / (beta * sigma2)).clamp_min(1.0).log()
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-3)
    assert int((found > 0.01).sum()) == active
