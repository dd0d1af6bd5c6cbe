"""Optimal couplings against POT's exact solver and against every permutation there is."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import ot
import pytest
import torch
from torch import Tensor

from gm_core.maths import couplings


def seeded(*shape: int, seed: int = 0) -> Tensor:
    """Standard normal numbers."""
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize(("n", "shape"), [(64, (2,)), (30, (1, 4, 4)), (1, (3,))])
def test_the_cost_of_an_optimal_coupling_is_that_of_exact_optimal_transport(n: int, shape: tuple[int, ...]) -> None:
    x, eps = seeded(n, *shape, seed=1) * 2 + 1, seeded(n, *shape, seed=2)
    order = couplings.optimal(x, eps)
    assert sorted(order.tolist()) == list(range(n)), "each noise is used once"
    flat, other = x.flatten(1).numpy(), eps.flatten(1).numpy()
    plan = ot.emd2(np.full(n, 1 / n), np.full(n, 1 / n), ot.dist(flat, other, metric="sqeuclidean"))
    assert float(couplings.cost(x, eps[order])) == pytest.approx(plan, rel=1e-9)
    assert couplings.cost(x, eps[order]) <= couplings.cost(x, eps)


def test_no_permutation_of_six_is_better() -> None:
    x, eps = seeded(6, 2, seed=3), seeded(6, 2, seed=4)
    best = min(float(couplings.cost(x, eps[list(order)])) for order in permutations(range(6)))
    assert float(couplings.cost(x, eps[couplings.optimal(x, eps)])) == pytest.approx(best, rel=1e-12)


def test_with_labels_no_noise_leaves_its_class_and_each_class_is_optimal_for_itself() -> None:
    x, eps = seeded(40, 2, seed=5), seeded(40, 2, seed=6)
    y = torch.arange(40) % 3
    x = x + 4.0 * y[:, None]
    order = couplings.optimal(x, eps, y)
    assert sorted(order.tolist()) == list(range(40)) and torch.equal(y[order], y)
    for label in range(3):
        among = y == label
        alone = couplings.cost(x[among], eps[among][couplings.optimal(x[among], eps[among])])
        torch.testing.assert_close(couplings.cost(x[among], eps[order][among]), alone)
