"""What noise makes of the toys: the law of a x + b eps, whose density and score every diffusion is held against."""

from __future__ import annotations

import math

import pytest
import torch

from gm_core.data.exact import Blobs, Curve, Curves, Plane, grid_line
from gm_core.data.registry import make_data
from gm_core.data.toys import Toy

TOYS = ("ring", "grid", "moons", "spirals", "circles", "gaussian", "mixture", "checkerboard", "pinwheel")
MOMENTS = ((0.95, 0.06), (0.8, 0.3), (0.3, 0.95))


def exact(kind: str) -> Plane:
    toy = make_data({"kind": kind})
    assert isinstance(toy, Toy)
    return toy.exact


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("kind", TOYS)
def test_the_density_with_noise_is_the_integral_over_the_data(kind: str) -> None:
    clean = exact(kind)
    x0, x1, y0, y1 = clean.box
    for a, b in MOMENTS:
        noised = clean.noised(a, b)
        # p_t(x) = integral p(y) N(x; a y, b^2 I) dy, by a sum at the middles of cells no wider than half of what p
        # and the noise show; exact for what is smooth, while the edges of a board cost it a part in a hundred.
        cells = 8 * math.ceil((x1 - x0) / min(clean.step, b / (2 * a)) / 8)  # so that the edges lie between cells
        middles = (torch.arange(cells, dtype=torch.float64) + 0.5) / cells
        places = torch.cartesian_prod(x0 + middles * (x1 - x0), y0 + middles * (y1 - y0))
        log_mass = clean.log_prob(places) + math.log((x1 - x0) * (y1 - y0) / cells**2)
        for x in noised.sample(3, seeded(1)).double():
            kernel = -0.5 * (x - a * places).square().sum(1) / b**2 - math.log(2 * math.pi * b**2)
            wanted = float((log_mass + kernel).logsumexp(0))
            close = 0.02 if kind == "checkerboard" else 1e-6
            assert float(noised.log_prob(x[None])) == pytest.approx(wanted, abs=close)


@pytest.mark.parametrize(("a", "b"), MOMENTS)
@pytest.mark.parametrize("kind", TOYS)
def test_the_score_with_noise_is_the_gradient_of_its_log_density(kind: str, a: float, b: float) -> None:
    noised = exact(kind).noised(a, b)
    x = (noised.sample(40, seeded(2)).double() + 0.1).requires_grad_()
    (slope,) = torch.autograd.grad(noised.log_prob(x).sum(), x)
    torch.testing.assert_close(noised.score(x.detach()), slope, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("kind", TOYS)
def test_the_density_with_noise_sums_to_one_and_its_samples_score_its_entropy(kind: str) -> None:
    noised = exact(kind).noised(0.8, 0.3)
    x0, x1, y0, y1 = noised.box
    across, up = grid_line(x0, x1, 0.1), grid_line(y0, y1, 0.1)  # a third of the noise: the sum is exact
    whole = noised.log_prob(torch.cartesian_prod(across, up)).exp().sum() * 0.1**2
    assert float(whole) == pytest.approx(1.0, abs=1e-8)
    log_p = noised.log_prob(noised.sample(2500, seeded(3)).double())
    error = float(log_p.std()) / 50
    assert abs(float(-log_p.mean()) - noised.entropy) < 4 * error


@pytest.mark.parametrize("kind", [kind for kind in TOYS if kind != "checkerboard"])
def test_very_little_noise_changes_next_to_nothing(kind: str) -> None:
    clean = exact(kind)
    x = clean.sample(50, seeded(4)).double()
    for b in (0.0, 1e-9, 1e-4):
        # b = 1e-4 adds b^2 / 2 of the curvature of p: a part in a million of sigma = 0.05.
        torch.testing.assert_close(clean.noised(1.0, b).log_prob(x), clean.log_prob(x), rtol=1e-5, atol=1e-4)


def test_a_board_with_very_little_noise_is_the_board_within_and_its_entropy_that_of_its_area() -> None:
    board = exact("checkerboard")
    for b in (1e-9, 1e-4):
        soft = board.noised(1.0, b)
        inside = torch.tensor([[-1.0, -1.0], [3.3, 3.9], [-3.0, 1.5]], dtype=torch.float64)
        torch.testing.assert_close(soft.log_prob(inside), board.log_prob(inside))
        assert torch.isfinite(soft.score(inside)).all() and torch.isfinite(soft.log_prob(inside + 1.0)).all()
        assert soft.entropy == pytest.approx(math.log(32), abs=20 * b + 1e-9)


@pytest.mark.parametrize("kind", TOYS)
def test_noise_upon_noise_is_one_noise(kind: str) -> None:
    clean = exact(kind)
    twice, once = clean.noised(0.8, 0.3).noised(0.5, 0.4), clean.noised(0.4, math.hypot(0.15, 0.4))
    x = once.sample(50, seeded(5)).double()
    torch.testing.assert_close(twice.log_prob(x), once.log_prob(x), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("kind", TOYS)
def test_without_noise_the_plane_only_shrinks_and_without_data_only_noise_is_left(kind: str) -> None:
    clean = exact(kind)
    x = clean.sample(50, seeded(6)).double()
    half = clean.noised(0.5, 0.0)
    torch.testing.assert_close(half.log_prob(0.5 * x), clean.log_prob(x) + math.log(4.0), rtol=1e-6, atol=1e-6)
    white = clean.noised(0.0, 2.0)
    wanted = torch.distributions.Normal(0.0, 2.0).log_prob(x).sum(1)
    torch.testing.assert_close(white.log_prob(x), wanted, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(("a", "b"), [(-1.0, 0.5), (1.0, -0.5), (0.0, 0.0), (math.nan, 1.0)])
def test_what_is_no_noise_is_refused(a: float, b: float) -> None:
    with pytest.raises(ValueError, match="expected neither below 0"):
        exact("ring").noised(a, b)


def test_many_gaussians_have_the_same_entropy_by_either_sum() -> None:
    curve: tuple[Curve, ...] = (lambda t: torch.stack([2 * t, t.square()], -1),)
    many = Curves(curve, 6.0, 0.2)
    assert many.entropy == pytest.approx(Blobs(many.centres, 0.2, many.weights)._by_centres(), abs=1e-7)
