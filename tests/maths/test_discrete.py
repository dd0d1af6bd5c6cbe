"""Coins and categorical distributions against torch.distributions and scipy; float64, 1e-12."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st
from scipy.spatial.distance import jensenshannon
from scipy.special import entr, rel_entr
from torch import Tensor
from torch.distributions import Bernoulli, Categorical, kl_divergence

from gm_core.maths import bernoulli, divergences

EXACT = 1e-12
WEIGHTS = st.lists(st.floats(0.0, 1.0), min_size=4, max_size=4).filter(lambda w: sum(w) > 0.01)
NORMAL = WEIGHTS.map(lambda w: [0.0 if x < 1e-300 else x for x in w])
"""Without numbers so small that scipy's own middle of two distributions is 0."""


def close(found: Tensor, expected: Tensor) -> None:
    """Largest absolute difference."""
    torch.testing.assert_close(found, expected, rtol=EXACT, atol=EXACT)


def simplex(weights: list[float]) -> Tensor:
    """Probabilities in float64."""
    p = torch.tensor(weights, dtype=torch.float64)
    return p / p.sum()


@pytest.fixture
def logits() -> tuple[Tensor, Tensor]:
    """Two sets of logits, some extreme."""
    rng = torch.Generator().manual_seed(5)
    first, second = (3.0 * torch.randn(40, generator=rng, dtype=torch.float64) for _ in range(2))
    first[:2] = torch.tensor([-30.0, 30.0])
    return first, second


def test_coins_have_the_log_probabilities_of_torch(logits: tuple[Tensor, Tensor]) -> None:
    for x in (0.0, 1.0):
        value = torch.full_like(logits[0], x)
        close(bernoulli.log_prob(value, logits[0]), Bernoulli(logits=logits[0]).log_prob(value))


def test_a_grey_value_gets_a_cross_entropy_and_not_a_density(logits: tuple[Tensor, Tensor]) -> None:
    grey = torch.full_like(logits[0], 0.3)
    close(bernoulli.log_prob(grey, logits[0]), Bernoulli(logits=logits[0], validate_args=False).log_prob(grey))
    x = torch.linspace(0, 1, 10_001, dtype=torch.float64)
    at = torch.tensor(math.log(0.7 / 0.3), dtype=torch.float64)
    assert float(torch.trapezoid(bernoulli.log_prob(x, at).exp(), x)) == pytest.approx(0.472, abs=5e-4)


def test_entropy_cross_entropy_and_divergence_of_coins_are_those_of_torch(logits: tuple[Tensor, Tensor]) -> None:
    first, second = (Bernoulli(logits=each) for each in logits)
    close(bernoulli.entropy(logits[0]), first.entropy())
    close(bernoulli.kl(*logits), kl_divergence(first, second))
    close(bernoulli.cross_entropy(*logits), first.entropy() + kl_divergence(first, second))


def test_thrown_coins_show_ones_as_often_as_they_should() -> None:
    at = torch.tensor([-1.0, 0.0, 2.0], dtype=torch.float64)
    thrown = bernoulli.draw(at.expand(40_000, 3), torch.Generator().manual_seed(1))
    theta = at.sigmoid()
    assert set(thrown.unique().tolist()) == {0.0, 1.0}
    assert ((thrown.mean(0) - theta).abs() < 4 * (theta * (1 - theta) / 40_000).sqrt()).all()


@given(NORMAL, NORMAL)
def test_categorical_quantities_are_those_of_torch_and_scipy(first: list[float], second: list[float]) -> None:
    p, q = simplex(first), simplex(second)
    close(divergences.entropy(p), torch.tensor(float(entr(p.numpy()).sum()), dtype=torch.float64))
    expected = torch.tensor(float(rel_entr(p.numpy(), q.numpy()).sum()), dtype=torch.float64)
    close(divergences.kl(p, q), expected)
    close(divergences.js(p, q), torch.tensor(float(jensenshannon(p, q)) ** 2, dtype=torch.float64))


def test_strictly_positive_categorical_distributions_agree_with_torch() -> None:
    rng = torch.Generator().manual_seed(2)
    p, q = (torch.rand(20, 6, generator=rng, dtype=torch.float64).softmax(-1) for _ in range(2))
    close(divergences.entropy(p), Categorical(probs=p).entropy())
    close(divergences.kl(p, q), kl_divergence(Categorical(probs=p), Categorical(probs=q)))
    close(divergences.cross_entropy(p, q), divergences.entropy(p) + divergences.kl(p, q))


def test_what_q_never_shows_costs_infinitely_much_but_the_jensen_shannon_divergence_stays_at_ln_2() -> None:
    p, q = simplex([1, 0]), simplex([0, 1])
    assert divergences.kl(p, q) == math.inf and divergences.cross_entropy(p, q) == math.inf
    assert float(divergences.js(p, q)) == pytest.approx(math.log(2), abs=EXACT)
    assert float(divergences.total_variation(p, q)) == 1.0


@example([0.0, 0.0, 1.0, 0.0], [0.0, 0.0, 1.0, 5e-324])  # whose middle cannot be written as a number
@given(WEIGHTS, WEIGHTS)
def test_divergences_keep_their_inequalities(first: list[float], second: list[float]) -> None:
    p, q = simplex(first), simplex(second)
    assert -EXACT <= float(divergences.entropy(p)) <= math.log(4) + EXACT
    assert float(divergences.kl(p, q)) >= -EXACT
    assert -EXACT <= float(divergences.js(p, q)) <= math.log(2) + EXACT
    assert float(divergences.js(p, q)) == pytest.approx(float(divergences.js(q, p)), abs=EXACT)
    # Pinsker: total variation is at most sqrt(KL / 2).
    assert float(divergences.total_variation(p, q)) <= math.sqrt(max(float(divergences.kl(p, q)), 0) / 2) + 1e-7
