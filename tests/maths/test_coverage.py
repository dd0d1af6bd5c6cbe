"""Precision, recall, density, coverage and modes: against loops over all pairs and against what must come out."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from gm_core.data.toys import Ring, RingSpec
from gm_core.maths.coverage import (
    equal_coverage,
    mode_coverage,
    perfect_quality,
    precision_recall_density_coverage,
)
from gm_core.spec import SpecError


def normal(n: int, d: int, seed: int) -> Tensor:
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def by_loops(real: Tensor, drawn: Tensor, k: int) -> tuple[float, float, float, float]:
    """The four definitions, pair by pair."""

    def reach(x: Tensor) -> list[float]:
        return [sorted(float((x[i] - x[j]).norm()) for j in range(len(x)) if j != i)[k - 1] for i in range(len(x))]

    at = np.array([[float((r - f).norm()) for f in drawn] for r in real])
    of_real, of_drawn = np.array(reach(real)), np.array(reach(drawn))
    inside = at <= of_real[:, None]
    return (
        float(inside.any(0).mean()),
        float((at <= of_drawn).any(1).mean()),
        float(inside.sum(0).mean() / k),
        float(inside.any(1).mean()),
    )


@pytest.mark.parametrize("k", [1, 5])
def test_all_four_are_what_their_definitions_say_pair_by_pair(k: int) -> None:
    real, drawn = normal(60, 3, 0), 0.5 + 1.2 * normal(45, 3, 1)
    found = precision_recall_density_coverage(real, drawn, k)
    values = (found.precision.value, found.recall.value, found.density.value, found.coverage.value)
    assert values == pytest.approx(by_loops(real, drawn, k), abs=1e-12)


@pytest.mark.parametrize(("n", "m"), [(1000, 1000), (600, 1000)])
def test_equal_laws_are_covered_as_often_as_counting_says(n: int, m: int) -> None:
    """Five pairs of draws on the plane; 4 binomial standard errors, doubled since neighbours share their balls."""
    found = [precision_recall_density_coverage(normal(n, 2, i), normal(m, 2, 50 + i)).coverage.value for i in range(5)]
    wished = equal_coverage(n, m)
    assert abs(np.mean(found) - wished) < 8 * math.sqrt(wished * (1 - wished) / (5 * n))
    assert equal_coverage(10**6, 10**6) == pytest.approx(1 - 2**-5, abs=1e-5)


def test_equal_laws_in_sixteen_dimensions_come_out_as_measured_elsewhere() -> None:
    """Precision 0.875, recall 0.864, density 1.009 and coverage 0.969 at n = 2000, each within 0.03."""
    found = precision_recall_density_coverage(normal(2000, 16, 0), normal(2000, 16, 1))
    values = (found.precision.value, found.recall.value, found.density.value, found.coverage.value)
    assert values == pytest.approx((0.875, 0.864, 1.009, 0.969), abs=0.03)


def test_a_collapsed_model_is_precise_and_covers_nothing() -> None:
    real = torch.cat([normal(300, 2, 0), normal(300, 2, 1) + 20.0])
    found = precision_recall_density_coverage(real, normal(600, 2, 2))
    assert found.precision.value > 0.95
    assert found.recall.value < 0.55 and found.coverage.value < 0.55


def test_too_few_examples_are_said() -> None:
    with pytest.raises(SpecError, match="drawn holds 5 examples; expected 6"):
        precision_recall_density_coverage(normal(50, 2, 0), normal(5, 2, 1))


def ring(n: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    exact = Ring(RingSpec()).exact
    return exact.sample(n, torch.Generator().manual_seed(seed)), exact.centres  # type: ignore[attr-defined]


def test_a_perfect_generator_finds_all_modes_with_a_quality_of_0_9889_not_1() -> None:
    x, centres = ring(20_000)
    found = mode_coverage(x, centres, 0.2)
    assert perfect_quality() == pytest.approx(1 - math.exp(-4.5), abs=1e-12)
    assert (found.hit, found.total) == (8, 8)
    assert abs(found.high_quality.value - perfect_quality()) < 4 * found.high_quality.error
    assert float(found.shares.sum()) == pytest.approx(found.high_quality.value, abs=1e-12)


def test_the_histogram_of_a_perfect_generator_is_off_by_chance_alone() -> None:
    """E KL = (K - 1) / 2N; the mean of 100 repetitions lies within 4 of its standard errors."""
    found = [mode_coverage(*ring(1000, seed), 0.2).kl for seed in range(100)]
    assert abs(np.mean(found) - 7 / 2000) < 4 * np.std(found) / 10


def test_a_mode_needs_one_sample_in_a_hundred() -> None:
    x, centres = ring(5000)
    nearest = torch.cdist(x.double(), centres).argmin(1)
    kept, lost = x[nearest != 3], x[nearest == 3]
    assert mode_coverage(kept, centres, 0.2).hit == 7
    assert mode_coverage(torch.cat([kept, lost[:20]]), centres, 0.2).hit == 7
    assert mode_coverage(torch.cat([kept, lost[:70]]), centres, 0.2).hit == 8


def test_many_or_rare_modes_need_only_a_quarter_of_their_due() -> None:
    centres = torch.cartesian_prod(torch.arange(20.0), torch.arange(20.0))
    found = mode_coverage(centres.repeat(5, 1), centres, 0.05)
    assert (found.hit, found.kl) == (400, pytest.approx(0.0, abs=1e-12))
    two = torch.tensor([[0.0, 0.0], [5.0, 0.0]])
    rare = mode_coverage(two[[0] * 996 + [1] * 4], two, 0.1, torch.tensor([0.996, 0.004]))
    assert (rare.hit, rare.kl) == (2, pytest.approx(0.0, abs=1e-12))


def test_samples_far_from_everything_hit_nothing() -> None:
    _, centres = ring(1)
    found = mode_coverage(torch.full((100, 2), 50.0), centres, 0.2)
    assert (found.hit, found.high_quality.value) == (0, 0.0)
    assert math.isnan(found.kl)
