"""Drawings: what was drawn is the distribution, its truth is exact, and what cannot be one is a sentence."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.distributions import Categorical, MixtureSameFamily, MultivariateNormal

from gm_core.data.drawn import MOST, SMILE, Drawn
from gm_core.data.drawn_marks import LETTER, Brush
from gm_core.data.exact_drawn import Dabs
from gm_core.data.registry import make_data
from gm_core.spec import RunSpec, SpecError, dump_yaml, load_mapping

ARC = [x for k in range(20) for x in (1.5 * math.cos(k / 6), 1.5 * math.sin(k / 6))]
DRAWINGS: dict[str, list[dict[str, Any]]] = {
    "smile": [mark.plain() for mark in SMILE],
    "stroke": [{"kind": "brush", "width": 0.3, "points": ARC}],
    "spray": [{"kind": "spray", "width": 0.2, "points": ARC[:20], "label": 1}, {"kind": "gaussian", "weight": 2.0}],
    "points": [{"kind": "points", "points": ARC}],
    "gaussians": [
        {"kind": "gaussian", "at": [1.0, 0.5], "axes": [1.0, 0.05], "angle": 30.0, "mirror": "both"},
        {"kind": "gaussian", "at": [-1.0, 0.0], "axes": [0.3, 0.3], "weight": 3.0, "label": 2},
    ],
    "word": [{"kind": "text", "text": "Ti", "size": 3.0, "angle": 20.0}],
    "picture": [{"kind": "picture", "columns": 4, "ink": "00f080000f84", "size": 4.0}],
}


def drawn(*marks: dict[str, Any], **choices: Any) -> Drawn:
    made = make_data({"kind": "drawn", "marks": list(marks), **choices})
    assert isinstance(made, Drawn)
    return made


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def cells(exact: Dabs, size: int) -> tuple[Tensor, float]:
    """Midpoints of a grid over the whole box, and the area of a cell."""
    x0, x1, y0, y1 = exact.box
    line = (torch.arange(size, dtype=torch.float64) + 0.5) / size
    return torch.cartesian_prod(x0 + (x1 - x0) * line, y0 + (y1 - y0) * line), (x1 - x0) * (y1 - y0) / size**2


def by_torch(exact: Dabs) -> MixtureSameFamily:
    """The same mixture by torch's own classes."""
    return MixtureSameFamily(Categorical(exact.weights), MultivariateNormal(exact.means, exact.covariances))


@pytest.mark.parametrize("name", DRAWINGS)
def test_density_and_score_are_those_of_torchs_mixture_and_integrate_to_one(name: str) -> None:
    exact = drawn(*DRAWINGS[name]).exact
    points, cell = cells(exact, 320)
    assert float(exact.log_prob(points).exp().sum()) * cell == pytest.approx(1, abs=1e-6)
    x = (1.5 * torch.randn(60, 2, generator=seeded(1), dtype=torch.float64)).requires_grad_()
    wanted = by_torch(exact).log_prob(x)
    (slope,) = torch.autograd.grad(wanted.sum(), x)
    torch.testing.assert_close(exact.log_prob(x.detach()), wanted.detach(), atol=1e-8, rtol=1e-9)
    torch.testing.assert_close(exact.score(x.detach()), slope, atol=1e-7, rtol=1e-8)


@pytest.mark.parametrize("name", DRAWINGS)
def test_the_entropy_is_the_integral_of_minus_p_log_p(name: str) -> None:
    exact = drawn(*DRAWINGS[name]).exact
    points, cell = cells(exact, 400)
    log_p = exact.log_prob(points)
    assert exact.entropy == pytest.approx(-float((log_p.exp() * log_p).sum()) * cell, abs=1e-5)


def test_the_entropy_of_one_gaussian_is_the_one_of_the_books_and_thin_beside_wide_stays_exact() -> None:
    one = drawn({"kind": "gaussian", "axes": [1.5, 0.02], "angle": 37.0}).exact
    assert one.entropy == pytest.approx(math.log(2 * math.pi * math.e * 1.5 * 0.02), abs=1e-9)
    far = drawn(
        {"kind": "gaussian", "axes": [2.0, 2.0], "at": [-40.0, 0.0]},
        {"kind": "gaussian", "axes": [0.02, 0.02], "at": [40.0, 0.0]},
    ).exact
    mean = sum(math.log(2 * math.pi * math.e * sigma**2) for sigma in (2.0, 0.02)) / 2
    assert far.entropy == pytest.approx(mean + math.log(2), abs=1e-9)


@pytest.mark.parametrize("name", DRAWINGS)
def test_samples_have_the_known_distribution_along_every_direction(name: str) -> None:
    """Kolmogorov and Smirnov: the exact distribution function along a line is a mixture of normal ones."""
    exact = drawn(*DRAWINGS[name]).exact
    n = 20_000
    x = exact.sample(n, seeded(4)).double()
    for turn in torch.linspace(0, math.pi, 7, dtype=torch.float64)[:-1]:
        u = torch.stack([turn.cos(), turn.sin()])
        values = (x @ u).sort().values
        spread = torch.einsum("i,kij,j->k", u, exact.covariances, u).sqrt()
        known = torch.special.ndtr((values[:, None] - exact.means @ u) / spread) @ exact.weights
        steps = torch.arange(n, dtype=torch.float64) / n
        gap = torch.maximum((known - steps).abs(), (known - steps - 1 / n).abs()).max()
        assert float(gap) < 2.2 / math.sqrt(n)  # a true sample exceeds this once in ten thousand


@pytest.mark.parametrize(("a", "b"), [(1.0, 0.3), (0.6, 0.8), (0.0, 1.0)])
def test_noise_widens_each_gaussian_as_the_sum_of_independent_ones_does(a: float, b: float) -> None:
    exact = drawn(*DRAWINGS["gaussians"]).exact
    noised = exact.noised(a, b)
    wider = a * a * exact.covariances + b * b * torch.eye(2, dtype=torch.float64)
    known = MixtureSameFamily(Categorical(exact.weights), MultivariateNormal(a * exact.means, wider))
    x = torch.randn(50, 2, generator=seeded(2), dtype=torch.float64)
    torch.testing.assert_close(noised.log_prob(x), known.log_prob(x), atol=1e-9, rtol=1e-9)


def test_a_stroke_is_smooth_along_its_way_and_as_wide_as_it_says() -> None:
    exact = drawn({"kind": "brush", "width": 0.4, "points": [-2.0, 0.0, 0.0, 0.0, 2.0, 0.0]}).exact
    assert len(exact.means) == 20, "dabs lie half a brush apart"
    along = torch.linspace(-1, 1, 101, dtype=torch.float64)
    ridge = exact.log_prob(torch.stack([along, torch.zeros_like(along)], 1))
    assert float(ridge.max() - ridge.min()) < 1e-4
    beside = exact.log_prob(torch.tensor([[0.0, 0.2]], dtype=torch.float64))
    assert float(ridge[50] - beside) == pytest.approx(0.5, abs=1e-6), "half the width is one standard deviation"


def test_thousands_of_points_of_a_hand_become_few_dabs() -> None:
    t = torch.linspace(0, 20, 5000)
    points = torch.stack([t.cos() * t / 10, t.sin() * t / 10], 1).flatten().tolist()
    assert len(Brush(width=0.2, points=tuple(points)).dots("it")[0]) < 250


def test_letters_stand_where_and_as_they_should() -> None:
    exact = drawn({"kind": "text", "text": "L", "size": 4.0, "at": [1.0, -1.0]}).exact
    low, high = exact.means.amin(0), exact.means.amax(0)
    assert torch.allclose((low + high) / 2, torch.tensor([1.0, -1.0], dtype=torch.float64), atol=4.0 / LETTER)

    def mass(x0: float, x1: float, y0: float, y1: float) -> float:
        """How much of an L lies in a part of its box, whose corners are (0, 0) and (1, 1)."""
        place = (exact.means - low) / (high - low)
        inside = (place[:, 0] >= x0) & (place[:, 0] <= x1) & (place[:, 1] >= y0) & (place[:, 1] <= y1)
        return float(exact.weights[inside].sum())

    assert mass(0, 0.3, 0, 1) > 0.5 and mass(0, 1, 0, 0.15) > 0.25
    assert mass(0.4, 1, 0.3, 1) == 0, "nothing stands above the foot of an L"


def test_a_turned_word_is_the_word_turned() -> None:
    flat = drawn({"kind": "text", "text": "F", "size": 2.0}).exact
    turned = drawn({"kind": "text", "text": "F", "size": 2.0, "angle": 90.0}).exact
    quarter = torch.tensor([[0.0, -1.0], [1.0, 0.0]], dtype=torch.float64)
    torch.testing.assert_close(turned.means, flat.means @ quarter.T)


def test_a_picture_puts_as_much_where_it_has_as_much_ink_and_its_first_row_is_above() -> None:
    exact = drawn({"kind": "picture", "columns": 2, "ink": "f005", "size": 2.0}).exact
    assert exact.means.tolist() == [[-0.5, 0.5], [0.5, -0.5]]
    assert exact.weights.tolist() == pytest.approx([0.75, 0.25])


def test_weights_share_out_the_points_whatever_the_number_of_dabs() -> None:
    data = drawn(
        {"kind": "brush", "width": 0.1, "points": [-2, -2, -2, 2], "weight": 3.0},
        {"kind": "gaussian", "at": [2.0, 0.0], "axes": [0.1, 0.1], "weight": 1.0, "label": 1},
        train=20_000,
    )
    y = data.part("train").y
    assert y is not None
    assert float((y == 0).double().mean()) == pytest.approx(0.75, abs=4 * math.sqrt(0.75 * 0.25 / 20_000))
    assert data.card.classes == ("class 1", "class 2")
    x = data.part("train").x
    assert bool((x[y == 1, 0] > 0).all()) and bool((x[y == 0, 0] < 0).all()), "each point has the class of its mark"


def test_a_mirror_copies_and_names_come_first() -> None:
    both = drawn({"kind": "gaussian", "at": [1.0, 2.0], "mirror": "both", "angle": 30.0, "axes": [0.5, 0.1]}).exact
    assert sorted(both.means.tolist()) == [[-1.0, -2.0], [-1.0, 2.0], [1.0, -2.0], [1.0, 2.0]]
    x = torch.randn(20, 2, generator=seeded(0), dtype=torch.float64)
    for flip in ([-1.0, 1.0], [1.0, -1.0]):
        torch.testing.assert_close(both.log_prob(x), both.log_prob(x * torch.tensor(flip, dtype=torch.float64)))
    named = drawn({"kind": "gaussian", "label": 2}, names="face, eyes")
    assert named.card.classes == ("face", "eyes", "class 3")
    assert drawn({"kind": "gaussian"}).card.classes == (), "one class without a name is none"


def test_points_without_a_width_are_smoothed_by_silvermans_rule_and_the_card_says_so() -> None:
    data = drawn({"kind": "points", "points": [0.0, 0.0, 2.0, 2.0]})
    assert float(data.exact.covariances[0, 0, 0].sqrt()) == pytest.approx(2 ** (-1 / 6))
    assert "Silverman" in data.card.note and f"{2 * 2 ** (-1 / 6):.3g}" in data.card.note
    assert "Silverman" not in drawn({"kind": "points", "points": [0.0, 0.0], "width": 0.5}).card.note


def test_a_drawing_comes_back_from_yaml_and_stays_small() -> None:
    data = {"kind": "drawn", "marks": [mark for marks in DRAWINGS.values() for mark in marks]}
    spec = RunSpec.read({"model": {"kind": "ddpm"}, "data": data})
    text = dump_yaml(spec)
    again = RunSpec.read(load_mapping(text))
    assert again == spec and len(text) < 6000 and text.count("\n") < 160, "numbers stand in rows"
    one, two = make_data(spec.data), make_data(again.data)
    assert torch.equal(one.part("train").x, two.part("train").x)


BAD: list[tuple[Any, str]] = [
    ([], "the drawing is empty; draw"),
    ([{"kind": "points", "points": [1.0, 2.0]}], "is one point; draw at least two"),
    ([{"kind": "points", "points": [1.0, 2.0] * 5}], "has 5 points, all equal; draw others"),
    ([{"kind": "brush"}], "has no points"),
    ([{"kind": "spray", "points": [1.0, 2.0, 3.0]}], "has 3 numbers; expected an even count"),
    ([{"kind": "picture", "columns": 2, "ink": "0000"}], "picture without any ink; choose one"),
    ([{"kind": "picture", "columns": 2, "ink": "f0f"}], "has 3 pixels in rows of 2; expected whole rows"),
    ([{"kind": "picture", "columns": 2, "ink": "fg"}], "no digit from 0 to f"),
    ([{"kind": "text", "text": " "}], "has no letters to draw: type a word"),
    ([{"kind": "text", "text": "a" * 61}], "61 letters; the limit is 60"),
    ([{"kind": "sculpture"}], "'sculpture' as the kind of mark 1; expected one of: brush"),
    ("a house", "marks is str; expected a list of marks"),
    ([{"kind": "brush", "width": 99.0, "points": [0.0, 0.0]}], "width is 99; the range is 0.02 to 10"),
    ([{"kind": "brush", "width": 0.02, "points": [-50.0, 0.0, 50.0, 0.0] * 2}], f"more than {MOST:,} dabs by mark 1"),
]


@pytest.mark.parametrize(("marks", "words"), BAD)
def test_what_cannot_be_a_distribution_is_a_sentence(marks: Any, words: str) -> None:
    with pytest.raises(SpecError) as caught:
        make_data({"kind": "drawn", "marks": marks})
    assert words in caught.value.message and caught.value.path.startswith("data.marks")
