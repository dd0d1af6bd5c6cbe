"""Gaussians against torch.distributions, quadrature and each other; float64, 1e-12 unless a test says otherwise."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.distributions import MultivariateNormal, Normal, kl_divergence

from gm_core.maths import gaussian

EXACT = 1e-12


def close(found: Tensor, expected: Tensor, tolerance: float = EXACT) -> None:
    """Largest absolute difference."""
    torch.testing.assert_close(found, expected, rtol=tolerance, atol=tolerance)


@pytest.fixture
def rng() -> torch.Generator:
    """A generator on the CPU."""
    return torch.Generator().manual_seed(11)


def some(rng: torch.Generator, *shape: int) -> Tensor:
    """Normal numbers in float64."""
    return torch.randn(shape, generator=rng, dtype=torch.float64)


def spd(rng: torch.Generator, d: int) -> Tensor:
    """A covariance."""
    root = some(rng, 3, d, d)
    return root @ root.mT + 0.5 * torch.eye(d, dtype=torch.float64)


def test_the_log_density_is_that_of_torch(rng: torch.Generator) -> None:
    x, mu, logvar = (some(rng, 50) for _ in range(3))
    close(gaussian.log_prob(x, mu, logvar), Normal(mu, (0.5 * logvar).exp()).log_prob(x))
    close(gaussian.log_prob_standard(x), Normal(torch.zeros_like(x), 1.0).log_prob(x))


def test_entropy_cross_entropy_and_divergence_are_those_of_torch(rng: torch.Generator) -> None:
    mu0, logvar0, mu1, logvar1 = (some(rng, 50) for _ in range(4))
    first, second = Normal(mu0, (0.5 * logvar0).exp()), Normal(mu1, (0.5 * logvar1).exp())
    close(gaussian.entropy(logvar0), first.entropy())
    close(gaussian.kl(mu0, logvar0, mu1, logvar1), kl_divergence(first, second))
    close(gaussian.kl_standard(mu0, logvar0), kl_divergence(first, Normal(torch.zeros_like(mu0), 1.0)))
    close(gaussian.cross_entropy(mu0, logvar0, mu1, logvar1), first.entropy() + kl_divergence(first, second))


def test_a_narrow_gaussian_has_negative_entropy() -> None:
    found = gaussian.entropy(torch.tensor(2 * math.log(0.1), dtype=torch.float64))
    assert float(found) == pytest.approx(-0.8836465, abs=1e-6)


@pytest.mark.parametrize("d", [1, 4])
def test_full_covariances_agree_with_torch(rng: torch.Generator, d: int) -> None:
    mean0, mean1, x = some(rng, 3, d), some(rng, 3, d), some(rng, 3, d)
    cov0, cov1 = spd(rng, d), spd(rng, d)
    first, second = MultivariateNormal(mean0, cov0), MultivariateNormal(mean1, cov1)
    close(gaussian.log_prob_full(x, mean0, cov0), first.log_prob(x), 1e-10)
    close(gaussian.entropy_full(cov0), first.entropy())
    close(gaussian.kl_full(mean0, cov0, mean1, cov1), kl_divergence(first, second), 1e-10)


def test_full_and_diagonal_formulas_agree_on_diagonal_covariances(rng: torch.Generator) -> None:
    mu0, logvar0, mu1, logvar1 = (some(rng, 7, 5) for _ in range(4))
    full = gaussian.kl_full(mu0, torch.diag_embed(logvar0.exp()), mu1, torch.diag_embed(logvar1.exp()))
    close(gaussian.kl(mu0, logvar0, mu1, logvar1).sum(-1), full, 1e-10)


def test_draws_have_the_mean_and_width_that_were_asked_for(rng: torch.Generator) -> None:
    mu = torch.tensor([-1.0, 2.0], dtype=torch.float64)
    logvar = torch.tensor([0.0, -2.0], dtype=torch.float64)
    x = gaussian.draw(mu, logvar, rng, times=100_000)
    assert x.shape == (100_000, 2)
    std = (0.5 * logvar).exp()
    # Four standard errors of a mean and of a standard deviation.
    assert ((x.mean(0) - mu).abs() < 4 * std / math.sqrt(1e5)).all()
    assert ((x.std(0) - std).abs() < 4 * std / math.sqrt(2e5)).all()


def test_the_gradient_through_a_draw_is_that_of_quadrature(rng: torch.Generator) -> None:
    mu = torch.tensor(0.4, dtype=torch.float64, requires_grad=True)
    logvar = torch.tensor(-0.6, dtype=torch.float64, requires_grad=True)
    nodes, weights = (torch.from_numpy(a) for a in np.polynomial.hermite_e.hermegauss(80))
    exact = ((weights / weights.sum()) * _bumpy(mu + (0.5 * logvar).exp() * nodes)).sum()
    expected = torch.autograd.grad(exact, (mu, logvar))
    n = 50_000
    wide_mu, wide_logvar = (p.detach().expand(n).clone().requires_grad_() for p in (mu, logvar))
    single = torch.autograd.grad(_bumpy(gaussian.draw(wide_mu, wide_logvar, rng)).sum(), (wide_mu, wide_logvar))
    for found, truth in zip(single, expected):
        error = float(found.std()) / math.sqrt(n)
        assert 0 < error < 0.1
        assert abs(float(found.mean() - truth)) < 4 * error


def _bumpy(z: Tensor) -> Tensor:
    return (2.0 * z).sin() + 0.3 * z**3
