"""Means and covariances gathered batch by batch, against numpy on all examples at once."""

from __future__ import annotations

import numpy as np
import torch

from gm_core.maths import moments


def test_moments_of_unequal_batches_are_those_of_all_examples_together() -> None:
    x = 100.0 + torch.randn(1000, 6, generator=torch.Generator().manual_seed(0), dtype=torch.float64).cumsum(1)
    mean, covariance, met = torch.zeros(6).double(), torch.zeros(6, 6).double(), 0
    for part in x.split([1, 2, 300, 97, 600]):
        met += len(part)
        found = moments.mean_and_covariance(part)
        mean, covariance = moments.merge(mean, covariance, *found, torch.tensor(len(part) / met, dtype=torch.float64))
    np.testing.assert_allclose(mean, x.numpy().mean(0), rtol=1e-14)
    np.testing.assert_allclose(covariance, np.cov(x.numpy().T, bias=True), rtol=1e-12, atol=1e-12)


def test_a_constant_share_forgets_the_past_and_settles_on_the_present() -> None:
    rng = torch.Generator().manual_seed(1)
    mean, covariance, share = torch.full((2,), 50.0), 400.0 * torch.eye(2), torch.tensor(0.05)
    for _ in range(600):
        x = torch.randn(200, 2, generator=rng) * torch.tensor([1.0, 3.0])
        mean, covariance = moments.merge(mean, covariance, *moments.mean_and_covariance(x), share)
    # The newest 1 / 0.05 batches count: about 8000 examples, so a variance is known to 1.6 %; four times that.
    torch.testing.assert_close(covariance.diagonal(), torch.tensor([1.0, 9.0]), rtol=0.07, atol=0)
    assert mean.abs().max() < 0.15
