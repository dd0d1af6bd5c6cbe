"""The kernel estimate of a density: as scipy and scikit-learn compute it, and what it cannot do is said."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.stats import gaussian_kde
from sklearn.neighbors import KernelDensity
from torch import Tensor

from gm_core.data.toys import Ring, RingSpec
from gm_core.maths.kernel_density import likely_bandwidth, log_kde, scott, silverman
from gm_core.spec import SpecError


def skewed(n: int, seed: int) -> Tensor:
    rng = torch.Generator().manual_seed(seed)
    mixing = torch.tensor([[1.0, 0.3], [0.0, 0.2]], dtype=torch.float64)
    return 5.0 + torch.randn(n, 2, generator=rng, dtype=torch.float64) @ mixing


def test_without_a_bandwidth_it_is_the_estimate_of_scipy() -> None:
    points, at = skewed(300, 0), skewed(700, 1)
    theirs = gaussian_kde(points.T.numpy())
    assert np.allclose(log_kde(points, at).numpy(), theirs.logpdf(at.T.numpy()), atol=1e-9)
    assert scott(300, 2) == pytest.approx(theirs.scotts_factor(), rel=1e-12)
    assert silverman(300, 2) == pytest.approx(theirs.silverman_factor(), rel=1e-12)


@pytest.mark.parametrize("h", [0.03, 0.4])
def test_with_a_bandwidth_it_is_the_estimate_of_scikit_learn(h: float) -> None:
    points, at = skewed(300, 0), skewed(500, 1)
    theirs = KernelDensity(bandwidth=h, rtol=0, atol=0).fit(points.numpy())
    assert np.allclose(log_kde(points, at, h).numpy(), theirs.score_samples(at.numpy()), atol=1e-8)


def test_it_integrates_to_one() -> None:
    line = torch.linspace(-2.0, 12.0, 561, dtype=torch.float64)
    grid = torch.cartesian_prod(line, line)
    mass = log_kde(skewed(200, 0), grid).exp().sum() * float(line[1] - line[0]) ** 2
    assert float(mass) == pytest.approx(1.0, abs=1e-6)


def test_the_likely_bandwidth_follows_narrow_modes_where_scotts_rule_smears_them() -> None:
    """Mean log p of fresh draws of the ring: within 0.05 nats of the truth, where Scott's rule loses more than 0.15."""
    exact = Ring(RingSpec(sigma=0.1)).exact
    points, fresh = (exact.sample(2000, torch.Generator().manual_seed(seed)) for seed in (0, 1))
    h = likely_bandwidth(points)
    truth = float(exact.log_prob(fresh).mean())
    assert truth - 0.05 < float(log_kde(points, fresh, h).mean()) < truth
    assert float(log_kde(points, fresh).mean()) < truth - 0.15
    assert 0.02 < h < 0.1


def test_points_that_are_there_twice_do_not_make_the_bandwidth_nothing() -> None:
    points = skewed(300, 0)
    assert likely_bandwidth(points.repeat(2, 1)) == pytest.approx(likely_bandwidth(points), rel=0.5)


def test_equal_points_and_a_lone_point_are_said_in_a_sentence() -> None:
    at = torch.zeros(3, 2)
    with pytest.raises(SpecError, match="lie on one line or are equal"):
        log_kde(torch.ones(50, 2), at)
    with pytest.raises(SpecError, match="expected more than 2"):
        log_kde(torch.ones(1, 2), at)
    with pytest.raises(SpecError, match="all 50 points are equal"):
        likely_bandwidth(torch.ones(50, 2))
    with pytest.raises(SpecError, match="bandwidth is 0"):
        log_kde(torch.ones(50, 2), at, 0.0)
    assert torch.isfinite(log_kde(torch.ones(1, 2), at, 0.5)).all()
