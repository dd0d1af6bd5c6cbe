"""Posteriors against torch's Normal and MultivariateNormal: log probabilities, divergences, draws and gradients."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.distributions import Independent, MultivariateNormal, Normal, kl_divergence

from gm_core.parts.posteriors import Full, numbers, read

N, K = 4, 3


def rng(seed: int = 0) -> torch.Generator:
    """A generator on the CPU."""
    return torch.Generator().manual_seed(seed)


def raw(name: str, seed: int = 1) -> Tensor:
    """What an encoder might say about N examples, float64."""
    return torch.randn(N, numbers(name, K), generator=rng(seed), dtype=torch.float64)  # type: ignore[arg-type]


def theirs(name: str) -> MultivariateNormal | Independent:
    """The same in torch's words."""
    guess = read(name, raw(name), K)  # type: ignore[arg-type]
    if name == "diagonal":
        return Independent(Normal(guess.mu, guess.std), 1)
    assert isinstance(guess, Full)
    return MultivariateNormal(guess.mu, scale_tril=guess.root)


NAMES = pytest.mark.parametrize("name", ["diagonal", "full"])


@NAMES
def test_log_probabilities_are_those_of_torch_for_own_codes_and_for_all_against_all(name: str) -> None:
    guess, z = read(name, raw(name), K), torch.randn(5, N, K, generator=rng(2), dtype=torch.float64)  # type: ignore[arg-type]
    torch.testing.assert_close(guess.log_prob(z), theirs(name).log_prob(z), rtol=0, atol=1e-10)
    every = guess.log_prob(z.unsqueeze(-2))
    assert every.shape == (5, N, N)
    for number in range(N):
        own = theirs(name).log_prob(z[:, number].unsqueeze(1).expand(-1, N, -1))
        torch.testing.assert_close(every[:, number], own, rtol=0, atol=1e-10)


@NAMES
def test_the_divergence_from_the_standard_normal_is_that_of_torch(name: str) -> None:
    guess = read(name, raw(name), K)  # type: ignore[arg-type]
    zero, eye = torch.zeros(K, dtype=torch.float64), torch.eye(K, dtype=torch.float64)
    if name == "diagonal":
        expected = kl_divergence(Normal(guess.mu, guess.std), Normal(zero, 1.0)).sum(-1)
    else:
        expected = kl_divergence(theirs(name), MultivariateNormal(zero, eye))
    torch.testing.assert_close(guess.kl_standard(), expected, rtol=0, atol=1e-10)
    # Numbers that hang together cost more than the sum of what each costs by itself.
    rest = guess.kl_standard() - guess.kl_dimensions().sum(-1)
    assert bool((rest.abs() < 1e-12).all()) if name == "diagonal" else bool((rest > 1e-3).all())


@NAMES
def test_means_widths_and_covariances_are_those_of_torch_and_of_many_draws(name: str) -> None:
    guess, expected = read(name, raw(name), K), theirs(name)  # type: ignore[arg-type]
    torch.testing.assert_close(guess.std, expected.stddev, rtol=0, atol=1e-12)
    drawn = guess.draw(rng(3), 50_000)
    assert drawn.shape == (50_000, N, K)
    centred = drawn - drawn.mean(0)
    found = torch.einsum("tni,tnj->nij", centred, centred) / 50_000
    torch.testing.assert_close(found, guess.covariance, rtol=0, atol=0.12)
    error = guess.std / 50_000**0.5
    assert bool(((drawn.mean(0) - guess.mu).abs() < 4.5 * error).all())
    if isinstance(expected, MultivariateNormal):
        torch.testing.assert_close(guess.covariance, expected.covariance_matrix, rtol=0, atol=1e-12)


@NAMES
def test_gradients_flow_through_draws_and_stop_where_they_are_told_to(name: str) -> None:
    numbers_in = raw(name).requires_grad_()
    guess = read(name, numbers_in, K)  # type: ignore[arg-type]
    z = guess.draw(rng(4), 2)
    (slope,) = torch.autograd.grad(z.square().sum(), numbers_in, retain_graph=True)
    assert bool((slope != 0).all())
    assert not guess.detach().log_prob(z.detach()).requires_grad
    assert torch.equal(guess.pick(torch.tensor([2, 0])).mu, guess.mu[[2, 0]])


def test_a_cholesky_factor_is_lower_triangular_with_a_positive_diagonal_however_low_its_numbers() -> None:
    guess = read("full", raw("full").float() * 300.0, K)
    assert isinstance(guess, Full)
    assert torch.equal(guess.root, guess.root.tril()) and bool((guess.root.diagonal(0, 1, 2) > 0).all())
    assert bool(guess.kl_standard().isfinite().all())


def test_half_precision_is_read_in_single() -> None:
    guess = read("full", raw("full").bfloat16(), K)
    assert guess.mu.dtype == torch.float32 and bool(guess.log_prob(guess.draw(rng(), 2)).isfinite().all())
