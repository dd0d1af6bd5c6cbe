"""Distances between draws: against closed forms, against other people's code, and their errors against repetition."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import ot
import pytest
import torch
from torch import Tensor, nn

from gm_core.maths.two_sample import (
    SCALES,
    Measure,
    c2st,
    frechet,
    kernel_distance,
    median_distance,
    mmd2,
    mmd2_steps,
    sliced_wasserstein,
    sliced_wasserstein_steps,
)
from gm_core.spec import SpecError


def normal(n: int, d: int, seed: int, shift: float = 0.0, scale: float = 1.0) -> Tensor:
    rng = torch.Generator().manual_seed(seed)
    return shift + scale * torch.randn(n, d, generator=rng, dtype=torch.float64)


def skewed(d: int, seed: int) -> Tensor:
    """A covariance that is not round, (d, d)."""
    mixing = normal(d, d, seed)
    return mixing @ mixing.T / d + 0.1 * torch.eye(d, dtype=torch.float64)


def expected_kernel(away: Tensor, covariance: Tensor, h: float) -> float:
    """E exp(-|u|^2 / 2h^2) for u ~ N(away, covariance), in closed form."""
    eye = torch.eye(len(away), dtype=torch.float64)
    shrunk = torch.linalg.det(eye + covariance / h**2).pow(-0.5)
    return float(shrunk * torch.exp(-0.5 * away @ torch.linalg.solve(covariance + h**2 * eye, away)))


def expected_mmd2(m_x: Tensor, s_x: Tensor, m_y: Tensor, s_y: Tensor, h: float) -> float:
    none, total = torch.zeros_like(m_x), 0.0
    for scale in SCALES:
        width = scale * h
        total += expected_kernel(none, 2 * s_x, width) + expected_kernel(none, 2 * s_y, width)
        total -= 2 * expected_kernel(m_x - m_y, s_x + s_y, width)
    return total


@pytest.mark.parametrize(("d", "shift"), [(2, 0.5), (2, 0.0), (5, 1.0)])
def test_mmd_is_that_of_gaussians_in_closed_form(d: int, shift: float) -> None:
    """Within four standard errors, for both laws apart and for covariances that differ."""
    s_x, s_y = skewed(d, 1), skewed(d, 2)
    m_x, m_y = torch.zeros(d, dtype=torch.float64), torch.full((d,), shift, dtype=torch.float64)
    x = normal(2000, d, 3) @ torch.linalg.cholesky(s_x).T
    y = m_y + normal(1500, d, 4) @ torch.linalg.cholesky(s_y).T
    found = mmd2(x, y, 1.3)
    assert abs(found.value - expected_mmd2(m_x, s_x, m_y, s_y, 1.3)) < 4 * found.error
    assert found.error < 0.03


def test_mmd_is_the_sum_over_all_pairs() -> None:
    x, y, h = normal(30, 3, 0), normal(20, 3, 1, 0.4), 0.8

    def kernel(a: Tensor, b: Tensor) -> Tensor:
        apart = (a[:, None] - b).square().sum(-1)
        return sum((torch.exp(-apart / (2 * (s * h) ** 2)) for s in SCALES), torch.zeros(len(a), len(b)))

    xx, yy = kernel(x, x).fill_diagonal_(0.0), kernel(y, y).fill_diagonal_(0.0)
    wished = xx.sum() / (30 * 29) + yy.sum() / (20 * 19) - 2 * kernel(x, y).mean()
    assert mmd2(x, y, h).value == pytest.approx(float(wished), abs=1e-12)


def test_the_width_is_the_median_distance_of_the_real_examples() -> None:
    x = normal(400, 2, 0)
    assert median_distance(x) == pytest.approx(float(torch.nn.functional.pdist(x).median()), rel=1e-12)
    assert median_distance(torch.zeros(10, 2)) == 1.0
    assert mmd2(x, x + 3.0).value == mmd2(x, x + 3.0, median_distance(x)).value


def test_mmd_of_one_law_is_zero_on_average_and_negative_half_of_the_time() -> None:
    found = [mmd2(normal(100, 2, 2 * i), normal(100, 2, 2 * i + 1), 1.0).value for i in range(200)]
    assert abs(np.mean(found)) < 4 * np.std(found) / math.sqrt(200)
    assert 0.35 < np.mean(np.array(found) < 0) < 0.8  # skewed: below 0 somewhat more often than above


Metric = Callable[[Tensor, Tensor], Measure]


@pytest.mark.parametrize(
    ("metric", "shift", "low", "high"),
    [
        (lambda x, y: mmd2(x, y, 1.0), 0.0, 0.8, 1.25),
        (lambda x, y: mmd2(x, y, 1.0), 1.0, 0.8, 1.25),
        (lambda x, y: sliced_wasserstein(x, y, 60), 1.0, 0.8, 1.25),
        (frechet, 1.0, 0.8, 1.25),
        (c2st, 1.0, 0.7, 1.5),  # folds share their neighbours
    ],
)
def test_the_standard_error_is_how_much_repetitions_differ(
    metric: Metric, shift: float, low: float, high: float
) -> None:
    """Two hundred pairs of fresh draws; the spread of 200 is itself known to 5 %."""
    runs = (
        [metric(normal(120, 2, 2 * i), normal(90, 2, 2 * i + 1, shift, 1.5)) for i in range(200)]
        if shift
        else [metric(normal(120, 2, 2 * i), normal(120, 2, 2 * i + 1)) for i in range(200)]
    )
    spread = float(np.std([run.value for run in runs], ddof=1))
    stated = float(np.sqrt(np.mean([run.error**2 for run in runs])))
    assert low < stated / spread < high


@pytest.mark.parametrize("d", [1, 2, 8])
def test_a_shift_is_sliced_to_its_length_over_the_root_of_the_dimensions(d: int) -> None:
    """Exact up to the choice of directions: E <theta, delta>^2 = |delta|^2 / d."""
    x = normal(300, d, 0)
    delta = torch.zeros(d, dtype=torch.float64)
    delta[0] = 3.0
    found = sliced_wasserstein(x, x + delta, 4000).value
    assert found == pytest.approx(3.0 / math.sqrt(d), rel=1e-12 if d == 1 else 0.03)


@pytest.mark.parametrize(("n", "m"), [(200, 200), (200, 150), (7, 3)])
def test_sliced_wasserstein_is_that_of_pot(n: int, m: int) -> None:
    """The same directions: to rounding, equal or unequal numbers of examples."""
    x, y = normal(n, 3, 0), normal(m, 3, 1, 0.3, 1.4)
    rng = torch.Generator().manual_seed(5)
    ways = torch.randn(50, 3, generator=rng, dtype=torch.float64)
    ways = (ways / ways.norm(dim=1, keepdim=True)).T.numpy()
    wished = ot.sliced_wasserstein_distance(x.numpy(), y.numpy(), projections=ways, p=2)
    found = sliced_wasserstein(x, y, 50, torch.Generator().manual_seed(5))
    assert found.value == pytest.approx(float(wished), rel=1e-10)


def test_the_same_examples_are_no_distance_apart() -> None:
    x = normal(100, 2, 0)
    assert sliced_wasserstein(x, x).value == 0.0
    assert frechet(x, x).value == pytest.approx(0.0, abs=1e-10)


def phi(x: float) -> float:
    return 0.5 * (1 + math.erf(x / math.sqrt(2)))


@pytest.mark.parametrize("classifier", ["neighbours", "linear"])
@pytest.mark.parametrize("delta", [0.0, 1.0, 2.0])
def test_a_classifier_tells_two_gaussians_apart_as_bayes_would(classifier: str, delta: float) -> None:
    """N(-delta/2) against N(delta/2) along one of two axes: Phi(delta/2), and 1/2 for equal laws.

    Nobody does better than Bayes, but for chance: 4 standard errors above; neighbours lose up to 0.02 below.
    """
    apart = torch.tensor([delta, 0.0], dtype=torch.float64)
    x, y = normal(1500, 2, 0), normal(1500, 2, 1) + apart
    found = c2st(x, y, torch.Generator().manual_seed(0), classifier)  # type: ignore[arg-type]
    error = math.sqrt(0.25 / 3000)
    assert phi(delta / 2) - 0.02 - 4 * error < found.value < phi(delta / 2) + 4 * error


def test_a_straight_cut_misses_what_neighbours_see() -> None:
    x, y = normal(600, 2, 0), normal(600, 2, 1, scale=3.0)
    assert c2st(x, y, classifier="linear").value < 0.6 < 0.75 < c2st(x, y).value


def test_frechet_is_the_bures_wasserstein_distance_of_pot() -> None:
    x, y = normal(400, 6, 0) @ skewed(6, 1), normal(300, 6, 2, 0.3) @ skewed(6, 3)
    moments = [(z.mean(0).numpy(), np.cov(z.numpy().T)) for z in (x, y)]
    (m_x, s_x), (m_y, s_y) = moments
    wished = float(ot.gaussian.bures_wasserstein_distance(m_x, m_y, s_x, s_y)) ** 2
    assert frechet(x, y).value == pytest.approx(wished, rel=1e-10)


def test_frechet_is_that_of_torchmetrics_on_the_same_features() -> None:
    """Its inception network replaced by one that hands the numbers on; float32 inside, so to 1e-3."""
    from torchmetrics.image.fid import FrechetInceptionDistance

    class Pixels(nn.Module):
        num_features = 16

        def forward(self, x: Tensor) -> Tensor:
            return x.float().flatten(1)[:, :16]

    rng = torch.Generator().manual_seed(0)
    real = torch.randint(0, 200, (200, 1, 4, 4), generator=rng, dtype=torch.uint8)
    fake = torch.randint(60, 256, (180, 1, 4, 4), generator=rng, dtype=torch.uint8)
    theirs = FrechetInceptionDistance(feature=Pixels(), input_img_size=(1, 4, 4))
    theirs.update(real, real=True)
    theirs.update(fake, real=False)
    assert frechet(real.double(), fake.double()).value == pytest.approx(float(theirs.compute()), rel=1e-3)


def test_the_cubic_kernel_is_the_kernel_inception_distance_of_torchmetrics() -> None:
    from torchmetrics.image.kid import poly_mmd

    x, y = normal(80, 5, 0), normal(80, 5, 1, 0.2)
    assert kernel_distance(x, y).value == pytest.approx(float(poly_mmd(x, y)), rel=1e-9)


def test_frechet_survives_features_that_never_change() -> None:
    x, y = normal(100, 4, 0), normal(100, 4, 1)
    x[:, 3], y[:, 2:] = 0.0, 0.0
    found = frechet(x, y)
    assert math.isfinite(found.value) and math.isfinite(found.error)
    assert found.value > 0.5  # the third number is 0 in one of the two


@pytest.mark.parametrize("steps", [mmd2_steps, sliced_wasserstein_steps])
def test_there_is_a_safe_point_often(steps) -> None:  # type: ignore[no-untyped-def]
    x, y = normal(2000, 2, 0), normal(2000, 2, 1)
    assert sum(1 for _ in steps(x, y)) >= 40


@pytest.mark.parametrize("metric", [mmd2, sliced_wasserstein, c2st, frechet])
def test_what_is_not_finite_is_said_and_not_averaged(metric: Metric) -> None:
    x, y = normal(50, 2, 0), normal(50, 2, 1)
    y[7, 1] = math.nan
    with pytest.raises(SpecError, match="1 of 50 drawn examples are not finite"):
        metric(x, y)


@pytest.mark.parametrize("metric", [mmd2, sliced_wasserstein, c2st, frechet])
def test_a_model_that_draws_but_one_point_is_far_from_the_data(metric: Metric) -> None:
    x, y = normal(200, 2, 0), torch.zeros(200, 2)
    found, none = metric(x, y), metric(x, normal(200, 2, 1))
    assert found.value - found.error > none.value + none.error
