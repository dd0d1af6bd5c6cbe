"""Toys: the truth that they state is the truth of what they draw."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gm_core.data.base import SPLITS
from gm_core.data.registry import make_data
from gm_core.data.toys import Toy
from gm_core.spec import SpecError

# Exact entropies in nats by grid quadrature, computed independently of this program.
KNOWN = [
    ({"kind": "ring", "radius": 4 / 1.414, "sigma": 0.5 / 1.414}, 2.83188),
    ({"kind": "ring", "radius": 2.0, "sigma": 0.2}, 1.69806),
    ({"kind": "ring", "radius": 1.0, "sigma": 0.1}, 0.31177),
    ({"kind": "checkerboard"}, math.log(32)),
    ({"kind": "moons", "noise": 0.05}, 0.28921),
    ({"kind": "moons", "noise": 0.1}, 1.00756),
    ({"kind": "moons", "noise": 0.2}, 1.67744),
    ({"kind": "circles", "noise": 0.05, "factor": 0.5}, 0.60608),
    ({"kind": "gaussian", "spread": [1.0, 1.0], "correlation": 0.0}, 1 + math.log(2 * math.pi)),
]
TOYS = [
    {"kind": "moons"},
    {"kind": "ring"},
    {"kind": "grid", "sigma": 0.2},
    {"kind": "spirals", "noise": 0.2},
    {"kind": "circles"},
    {"kind": "checkerboard"},
    {"kind": "pinwheel"},
    {"kind": "gaussian", "mean": [0.5, -1.0]},
    {"kind": "mixture", "weights": [1.0, 2.0, 0.5]},
]
SMOOTH = [toy for toy in TOYS if toy["kind"] != "checkerboard"]


def name(value: object) -> str:
    return str(value["kind"]) if isinstance(value, dict) else str(value)


def make(mapping: dict[str, object]) -> Toy:
    toy = make_data(mapping)
    assert isinstance(toy, Toy)
    return toy


def grid(toy: Toy, size: int) -> tuple[torch.Tensor, float]:
    """Midpoints of a grid over a box with all the mass, and the area of a cell."""
    x0, x1, y0, y1 = toy.exact.box
    dx, dy = (x1 - x0) / size, (y1 - y0) / size
    line = torch.arange(size, dtype=torch.float64) + 0.5
    return torch.cartesian_prod(x0 + dx * line, y0 + dy * line), dx * dy


@pytest.mark.parametrize(("mapping", "entropy"), KNOWN, ids=name)
def test_the_entropy_is_the_known_one(mapping: dict[str, object], entropy: float) -> None:
    assert make(mapping).exact.entropy == pytest.approx(entropy, abs=1e-4)


@pytest.mark.parametrize("mapping", TOYS, ids=name)
def test_the_density_integrates_to_one(mapping: dict[str, object]) -> None:
    toy = make(mapping)
    points, cell = grid(toy, 240)
    assert float(toy.exact.log_prob(points).exp().sum()) * cell == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("mapping", SMOOTH, ids=name)
def test_the_entropy_is_the_integral_of_minus_p_log_p(mapping: dict[str, object]) -> None:
    toy = make(mapping)
    points, cell = grid(toy, 240)
    log_p = toy.exact.log_prob(points)
    assert float(-(log_p.exp() * log_p).nan_to_num().sum()) * cell == pytest.approx(toy.exact.entropy, abs=1e-6)


@pytest.mark.parametrize("mapping", SMOOTH, ids=name)
def test_the_score_is_the_gradient_of_the_log_density(mapping: dict[str, object]) -> None:
    toy = make(mapping)
    x = 2 * torch.randn(300, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    x.requires_grad_()
    (gradient,) = torch.autograd.grad(toy.exact.log_prob(x).sum(), x)
    score = toy.exact.score(x.detach())
    torch.testing.assert_close(score, gradient, atol=1e-6, rtol=1e-6)
    step = torch.tensor([1e-5, 0.0], dtype=torch.float64)
    slope = (toy.exact.log_prob(x.detach() + step) - toy.exact.log_prob(x.detach() - step)) / 2e-5
    torch.testing.assert_close(score[:, 0], slope, atol=2e-3, rtol=1e-4)


@pytest.mark.parametrize("mapping", TOYS, ids=name)
def test_samples_score_the_entropy_within_four_standard_errors(mapping: dict[str, object]) -> None:
    toy = make(mapping)
    x = toy.exact.sample(20_000, torch.Generator().manual_seed(3))
    assert x.dtype == torch.float32
    log_p = toy.exact.log_prob(x.double())
    error = float(log_p.std()) / math.sqrt(len(x)) + 1e-6
    assert abs(float(-log_p.mean()) - toy.exact.entropy) < 4 * error


@pytest.mark.parametrize("mapping", TOYS, ids=name)
def test_samples_fill_quadrants_as_the_density_says(mapping: dict[str, object]) -> None:
    toy = make(mapping)
    points, cell = grid(toy, 240)
    mass = toy.exact.log_prob(points).exp() * cell
    n = 20_000
    x = toy.exact.sample(n, torch.Generator().manual_seed(5)).double()
    for right in (True, False):
        for up in (True, False):
            expected = float(mass[((points[:, 0] > 0.3) == right) & ((points[:, 1] > -0.2) == up)].sum())
            found = float((((x[:, 0] > 0.3) == right) & ((x[:, 1] > -0.2) == up)).double().mean())
            # A cell of the grid may lie on the border; its mass is below 0.01 for all of these.
            assert abs(found - expected) < 4 * math.sqrt(expected * (1 - expected) / n) + 0.01


@pytest.mark.parametrize("mapping", TOYS, ids=name)
def test_the_splits_are_different_and_follow_from_the_seed(mapping: dict[str, object]) -> None:
    small = {**mapping, "train": 50, "validation": 50, "test": 50}
    a, b, c = make(small), make(small), make({**small, "seed": 1})
    for split in SPLITS:
        assert torch.equal(a.part(split).x, b.part(split).x)
        assert not torch.equal(a.part(split).x, c.part(split).x)
    assert not torch.equal(a.part("train").x, a.part("test").x)


def test_labels_name_the_part_that_a_point_came_from() -> None:
    ring = make({"kind": "ring"})
    part = ring.part("train")
    assert part.y is not None
    angle = torch.atan2(part.x[:, 1], part.x[:, 0])
    nearest = (angle / (math.pi / 4)).round().long() % 8
    assert float((nearest == part.y).double().mean()) > 0.99  # 2.4 sigma half-way to the neighbour


def test_the_mixture_keeps_its_weights() -> None:
    mixture = make({"kind": "mixture", "centres": [-5.0, 0.0, 5.0, 0.0], "weights": [3.0, 1.0], "train": 20_000})
    share = float((mixture.part("train").x[:, 0] < 0).double().mean())
    assert abs(share - 0.75) < 4 * math.sqrt(0.75 * 0.25 / 20_000)


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.tuples(st.floats(-5, 5), st.floats(-5, 5), st.floats(0.05, 10)), min_size=1, max_size=5),
    st.floats(0.05, 2),
)
def test_any_mixture_matches_torch_distributions(parts: list[tuple[float, float, float]], sigma: float) -> None:
    centres = [number for x, y, _ in parts for number in (x, y)]
    weights = [weight for _, _, weight in parts]
    mixture = make({"kind": "mixture", "centres": centres, "weights": weights, "sigma": sigma})
    means = torch.tensor(centres, dtype=torch.float64).reshape(-1, 2)
    oracle = torch.distributions.MixtureSameFamily(
        torch.distributions.Categorical(torch.tensor(weights, dtype=torch.float64)),
        torch.distributions.Independent(torch.distributions.Normal(means, sigma), 1),
    )
    x = 4 * torch.randn(20, 2, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    torch.testing.assert_close(mixture.exact.log_prob(x), oracle.log_prob(x), atol=1e-8, rtol=1e-9)


def test_moons_are_those_of_scikit_learn_moved_to_the_middle() -> None:
    from sklearn.datasets import make_moons

    theirs = torch.from_numpy(make_moons(4000, noise=0.1, random_state=0)[0]) - torch.tensor([0.5, 0.25])
    toy = make({"kind": "moons", "noise": 0.1})
    log_p = toy.exact.log_prob(theirs)
    assert abs(float(-log_p.mean()) - toy.exact.entropy) < 4 * float(log_p.std()) / math.sqrt(4000)


@pytest.mark.parametrize(
    ("mapping", "path"),
    [
        ({"kind": "mixture", "centres": [1.0, 2.0, 3.0]}, "data.centres"),
        ({"kind": "mixture", "weights": [1.0]}, "data.weights"),
        ({"kind": "mixture", "weights": [0.0, 0.0, 0.0]}, "data.weights"),
        ({"kind": "gaussian", "mean": [1.0]}, "data.mean"),
        ({"kind": "moons", "noise": 5.0}, "data.noise"),
        ({"kind": "moons", "noize": 0.1}, "data.noize"),
        ({"kind": "moon"}, "data.kind"),
        ({}, "data.kind"),
    ],
)
def test_a_wrong_choice_says_which(mapping: dict[str, object], path: str) -> None:
    with pytest.raises(SpecError) as caught:
        make_data(mapping)
    assert caught.value.path == path
    assert caught.value.message.startswith(path)
