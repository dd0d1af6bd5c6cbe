"""Mixtures against torch.distributions, scikit-learn and the law that the likelihood never falls."""

from __future__ import annotations

import itertools

import pytest
import torch
from sklearn.mixture import GaussianMixture as Reference
from torch.distributions import Bernoulli, Categorical, Independent, MixtureSameFamily, MultivariateNormal

from gm_core.maths.mixtures import BernoulliMixture, GaussianMixture, fit_bernoullis, fit_gaussians


def rng(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def two_clouds() -> torch.Tensor:
    x = torch.randn(400, 2, generator=rng(), dtype=torch.float64)
    return torch.cat((0.4 * x[:250] + 2, x[250:] @ torch.tensor([[0.5, 0.3], [0.0, 0.2]], dtype=torch.float64) - 1))


def test_the_joint_of_gaussians_is_that_of_torch() -> None:
    model = list(fit_gaussians(two_clouds(), 3, 5, rng(1)))[-1]
    parts = MultivariateNormal(model.means, scale_tril=model.roots)
    other = MixtureSameFamily(Categorical(logits=model.log_weights), parts)
    x = torch.randn(50, 2, generator=rng(2), dtype=torch.float64) * 3
    assert torch.allclose(model.joint(x).logsumexp(1), other.log_prob(x), atol=1e-10)


@pytest.mark.parametrize("k", [1, 4, 9])
def test_the_likelihood_never_falls(k: int) -> None:
    x = two_clouds()
    found = [float(m.joint(x).logsumexp(1).mean()) for m in fit_gaussians(x, k, 15, rng(3))]
    assert all(b > a - 2e-3 for a, b in itertools.pairwise(found))  # the ridge on the variances may cost a little
    on = (x > 0).double().repeat(1, 3) * torch.bernoulli(torch.full((400, 6), 0.9), generator=rng(4)).double()
    made = list(fit_bernoullis(on, k, 15, rng(5)))
    rises = [float(m.joint(on).logsumexp(1).sum() + 0.5 * (m.on.log() + (1 - m.on).log()).sum()) for m in made]
    assert all(b > a - 1e-6 for a, b in itertools.pairwise(rises))  # with the imagined examples, as EM climbs it


def test_the_fit_is_as_good_as_that_of_scikit_learn() -> None:
    x = two_clouds()
    ours = max(float(list(fit_gaussians(x, 2, 60, rng(s)))[-1].joint(x).logsumexp(1).mean()) for s in range(5))
    reference = Reference(2, reg_covar=1e-3, n_init=5, random_state=0, max_iter=200).fit(x.numpy())
    assert ours == pytest.approx(reference.score(x.numpy()), abs=2e-3)


def test_a_mixture_of_bernoullis_sums_to_one_and_agrees_with_torch() -> None:
    x = torch.bernoulli(torch.rand(80, 5, generator=rng(6)).double(), generator=rng(7))
    model = list(fit_bernoullis(x, 3, 10, rng(8)))[-1]
    every = torch.tensor(list(itertools.product((0.0, 1.0), repeat=5)), dtype=torch.float64)
    assert float(model.joint(every).exp().sum()) == pytest.approx(1.0, abs=1e-12)
    other = MixtureSameFamily(Categorical(logits=model.log_weights), Independent(Bernoulli(model.on), 1))
    assert torch.allclose(model.joint(x).logsumexp(1), other.log_prob(x), atol=1e-10)


def test_draws_follow_the_mixture() -> None:
    root = torch.tensor([[[1.0, 0.0], [0.5, 0.5]]], dtype=torch.float64)
    model = GaussianMixture(torch.zeros(1, dtype=torch.float64), torch.ones(1, 2, dtype=torch.float64), root)
    x = model.draw(20_000, rng(9))
    assert torch.allclose(x.mean(0), torch.ones(2, dtype=torch.float64), atol=5 / 20_000**0.5)
    assert torch.allclose(torch.cov(x.T), root[0] @ root[0].T, atol=0.05)
    bits = BernoulliMixture(torch.tensor([0.25, 0.75]).log(), torch.tensor([[0.9, 0.1], [0.2, 0.6]])).draw(
        20_000, rng(1)
    )
    assert torch.allclose(bits.mean(0), torch.tensor([0.375, 0.475]), atol=0.02)
