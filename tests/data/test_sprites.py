"""Sprites: each cause changes the picture as it says, and nothing else does."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from gm_core.data.base import SPLITS
from gm_core.data.feed import Feed
from gm_core.data.registry import make_data
from gm_core.data.sprites import REACH, SHAPES, cover, hue_to_rgb
from gm_core.spec import SpecError

SMALL = {"kind": "sprites", "train": 40, "validation": 10, "test": 10}


def one(
    shape: int, scale: float = 1.0, rotation: float = 0.0, x: float = 16.0, y: float = 16.0, size: int = 32
) -> Tensor:
    """How a single sprite covers the pixels."""
    return cover(
        torch.tensor([shape]), torch.tensor([scale]), torch.tensor([rotation]), torch.tensor([[x, y]]), size
    )[0]


@pytest.mark.parametrize("shape", range(len(SHAPES)), ids=SHAPES)
def test_moving_by_one_pixel_shifts_the_picture_by_one(shape: int) -> None:
    still = one(shape, 0.7, 0.4)
    torch.testing.assert_close(one(shape, 0.7, 0.4, x=17.0), still.roll(1, 1), atol=1e-5, rtol=0)
    torch.testing.assert_close(one(shape, 0.7, 0.4, y=13.0), still.roll(-3, 0), atol=1e-5, rtol=0)


@pytest.mark.parametrize("shape", range(len(SHAPES)), ids=SHAPES)
def test_a_quarter_of_a_turn_turns_the_picture_clockwise(shape: int) -> None:
    turned = one(shape, 0.9, math.pi / 2)
    torch.testing.assert_close(turned, one(shape, 0.9).rot90(-1), atol=1e-4, rtol=0)


def test_squares_and_crosses_look_the_same_after_a_quarter_of_a_turn_and_hearts_do_not() -> None:
    for name, same in (("square", True), ("cross", True), ("heart", False), ("triangle", False), ("ellipse", False)):
        shape = SHAPES.index(name)
        difference = (one(shape, rotation=0.3) - one(shape, rotation=0.3 + math.pi / 2)).abs().max()
        assert (difference < 1e-4) == same, name


AREAS = {"square": 2.0, "ellipse": 0.55 * math.pi, "triangle": 0.75 * math.sqrt(3)}
"""Areas of the shapes of scale 1 as shares of the square of their reach, known exactly."""


@pytest.mark.parametrize("shape", range(len(SHAPES)), ids=SHAPES)
def test_the_area_grows_with_the_square_of_the_scale(shape: int) -> None:
    reach = REACH * 64
    areas = [float(one(shape, scale, 0.7, 32.0, 32.0, 64).sum()) / (scale * reach) ** 2 for scale in (1.0, 0.5)]
    assert areas[0] == pytest.approx(areas[1], rel=0.02)
    if SHAPES[shape] in AREAS:
        assert areas[0] == pytest.approx(AREAS[SHAPES[shape]], rel=0.01)


@pytest.mark.parametrize("shape", range(len(SHAPES)), ids=SHAPES)
def test_a_shape_reaches_as_far_as_it_says_and_no_farther(shape: int) -> None:
    line = torch.arange(64) + 0.5 - 32
    away = torch.hypot(line[:, None], line[None, :])
    covered = torch.stack([one(shape, 1.0, turn, 32.0, 32.0, 64) for turn in torch.linspace(0, 2, 9).tolist()]) > 0.5
    reach = REACH * 64
    assert bool(covered.any(0)[away < reach - 1.5].any())
    assert float(away.expand_as(covered)[covered].max()) == pytest.approx(reach, abs=1.0)


@pytest.mark.parametrize("paint", ["white", "grey", "colours"])
@pytest.mark.parametrize("size", [8, 16, 64])
def test_pictures_have_the_size_asked_for_and_lie_wholly_inside(size: int, paint: str) -> None:
    made = make_data({**SMALL, "size": size, "paint": paint, "shapes": 5})
    x = made.part("train").x
    assert x.shape == (40, 3 if paint == "colours" else 1, size, size) and x.dtype == torch.uint8
    assert made.card.shape == tuple(x.shape[1:]) and made.card.classes == SHAPES
    rim = torch.cat([x[..., 0, :], x[..., -1, :], x[..., :, 0], x[..., :, -1]], -1)
    assert int(rim.max()) < 200, "at most an edge touches the rim"
    assert int(x.amax((1, 2, 3)).min()) > 80


def test_the_same_seed_draws_the_same_sprites_and_another_draws_others() -> None:
    first, again, other = (make_data({**SMALL, "seed": seed}) for seed in (3, 3, 4))
    for split in SPLITS:
        assert torch.equal(first.part(split).x, again.part(split).x)
        assert not torch.equal(first.part(split).x, other.part(split).x)
    assert not torch.equal(first.part("validation").x, first.part("test").x)


def test_the_causes_stand_beside_the_pictures_and_make_them() -> None:
    made = make_data({**SMALL, "shapes": 5, "size": 24})
    part = made.part("train")
    assert made.factor_names == ("shape", "scale", "rotation", "x", "y")
    assert part.factors is not None and part.y is not None and part.factors.shape == (40, 5)
    again = cover(part.factors[:, 0].long(), part.factors[:, 1], part.factors[:, 2], part.factors[:, 3:5], 24)
    assert torch.equal((255 * again).round().byte(), part.x[:, 0])
    assert torch.equal(part.y, part.factors[:, 0].long())
    feed = Feed(made, 8)
    batch = feed.next()
    known = feed.factors("train", batch.index)
    assert known is not None and torch.equal(known, part.factors[batch.index])


@pytest.mark.parametrize(
    ("choices", "names"),
    [
        ({"shapes": 1}, ("scale", "rotation", "x", "y")),
        ({"turn": 0.0, "travel": 0.0}, ("shape", "scale")),
        ({"smallest": 1.0, "paint": "colours"}, ("shape", "rotation", "x", "y", "colour")),
        ({"shapes": 1, "smallest": 1.0, "turn": 0.0, "travel": 0.0}, ()),
    ],
)
def test_only_causes_that_vary_are_named(choices: dict[str, Any], names: tuple[str, ...]) -> None:
    made = make_data({**SMALL, **choices})
    part = made.part("test")
    assert made.factor_names == names and part.factors is not None and part.factors.shape == (10, len(names))
    if names:
        assert bool((part.factors.std(0) > 0).all())


def test_causes_are_independent_of_one_another() -> None:
    factors = make_data({"kind": "sprites", "train": 20_000}).part("train").factors
    assert factors is not None
    off = torch.corrcoef(factors.T) - torch.eye(5)
    assert float(off.abs().max()) < 0.03  # 4 standard deviations at 20,000 examples


def test_hues_run_round_the_wheel() -> None:
    wheel = hue_to_rgb(torch.arange(7) / 6)
    expected = torch.tensor([[1.0, 0, 0], [1, 1, 0], [0, 1, 0], [0, 1, 1], [0, 0, 1], [1, 0, 1], [1, 0, 0]])
    torch.testing.assert_close(wheel, expected, atol=1e-5, rtol=0)


def test_a_limit_cuts_the_causes_too_and_too_many_pictures_are_refused() -> None:
    part = make_data({**SMALL, "limit": 7}).part("train")
    assert part.factors is not None and len(part.x) == len(part.factors) == 7
    with pytest.raises(SpecError, match=r"find room: lower data\.train or data\.size"):
        make_data({**SMALL, "train": 1_000_000, "size": 64, "paint": "colours"})
