"""Written characters: recognisable, equally frequent, the same from the same seed, and drawn as the pen says."""

from __future__ import annotations

import pytest
import torch

from gm_core.data.base import SPLITS
from gm_core.data.glyphs import DIGITS, GLYPHS, HEIGHT, LETTERS, WIDTH, pieces, strokes, through
from gm_core.data.registry import make_data
from gm_core.data.strokes import ink
from gm_core.spec import SpecError

SMALL = {"kind": "strokes", "train": 72, "validation": 36, "test": 36}


def test_there_is_a_glyph_for_every_digit_and_letter_and_it_lies_on_the_sheet() -> None:
    assert "".join(GLYPHS) == DIGITS + LETTERS
    for name in GLYPHS:
        for _, points in strokes(name):
            assert len(points) >= 2 and all(0 <= x <= WIDTH and 0 <= y <= HEIGHT for x, y in points), name


def test_a_smooth_line_goes_through_its_points_and_closes_without_a_corner() -> None:
    corners = torch.tensor([[0.0, 0.0], [10.0, 4.0], [20.0, -3.0], [26.0, 8.0]])
    assert torch.equal(through(corners)[::3], corners)
    round_ = torch.tensor([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0], [0.0, -1.0], [1.0, 0.0]])
    line = through(round_)
    assert torch.equal(line[0], line[-1])
    assert float((line.norm(dim=1) - 1).abs().max()) < 0.1, "four points on a circle make nearly a circle"


def test_ink_is_as_wide_as_the_pen() -> None:
    piece = torch.tensor([[[[4.0, 10.0], [16.0, 10.0]]]])
    drawn = ink(piece, torch.tensor([3.0]), 20)[0]
    assert float(drawn[:, 10].sum()) == pytest.approx(3.0, abs=1e-5)
    assert float(drawn[10, :].sum()) == pytest.approx(12 + 3, abs=0.6), "a round end of half a pen at either side"
    assert float(drawn[:, :2].sum()) == 0.0


def test_no_piece_is_long_so_that_a_warp_can_bend_it() -> None:
    longest = max(float((p[:, 1] - p[:, 0]).norm(dim=1).max()) for p in map(pieces, GLYPHS))
    assert longest * HEIGHT <= 30 + 1e-3


@pytest.mark.parametrize(("characters", "classes"), [("digits", 10), ("letters", 26), ("both", 36)])
def test_each_character_is_equally_frequent_in_each_split(characters: str, classes: int) -> None:
    made = make_data({**SMALL, "characters": characters})
    assert len(made.card.classes) == classes and made.card.shape == (1, 28, 28)
    for split in SPLITS:
        y = made.part(split).y
        assert y is not None
        counts = y.bincount(minlength=classes)
        assert int(counts.max() - counts.min()) <= 1


def test_the_same_seed_writes_the_same_and_variety_zero_writes_each_character_alike() -> None:
    first, again, other = (make_data({**SMALL, "seed": seed}).part("train").x for seed in (1, 1, 2))
    assert torch.equal(first, again) and not torch.equal(first, other)
    part = make_data({**SMALL, "variety": 0.0}).part("train")
    assert part.y is not None
    for k in range(10):
        mine = part.x[part.y == k]
        assert bool((mine == mine[:1]).all())


@pytest.mark.parametrize("size", [8, 28, 64])
def test_writing_fills_a_picture_of_any_size_without_leaving_it(size: int) -> None:
    x = make_data({**SMALL, "size": size, "characters": "both"}).part("train").x
    assert x.shape[1:] == (1, size, size)
    share = x.float().mean((1, 2, 3)) / 255
    assert float(share.min()) > 0.02 and float(share.max()) < 0.45
    rim = torch.cat([x[..., 0, :], x[..., -1, :], x[..., :, 0], x[..., :, -1]], -1).float()
    assert float(rim.mean()) / 255 < 0.01, "hardly any ink at the rim"


def test_a_thicker_pen_leaves_more_ink() -> None:
    thin, thick = (make_data({**SMALL, "pen": pen}).part("train").x.float().mean() for pen in (0.05, 0.1))
    assert 1.5 < float(thick / thin) < 2.2


@pytest.mark.parametrize(("characters", "least"), [("digits", 0.95), ("letters", 0.90)])
def test_a_linear_classifier_tells_held_out_characters_apart(characters: str, least: float) -> None:
    """Softmax regression by full-batch steps: about 99 % of digits and 95 % of letters when this was written."""
    made = make_data({"kind": "strokes", "characters": characters, "train": 3000, "test": 1000})
    train, test = made.part("train"), made.part("test")
    x, held = (part.x.flatten(1).float() / 255 for part in (train, test))
    assert train.y is not None and test.y is not None
    weights = torch.zeros(x.shape[1] + 1, len(made.card.classes), requires_grad=True)
    optimiser = torch.optim.Adam([weights], 0.02)
    for _ in range(150):
        optimiser.zero_grad()
        loss = torch.nn.functional.cross_entropy(x @ weights[:-1] + weights[-1], train.y)
        loss.backward()
        optimiser.step()
    right = float(((held @ weights[:-1] + weights[-1]).argmax(1) == test.y).float().mean())
    assert right > least, f"{right:.1%} of held-out characters"


def test_too_many_pictures_are_refused() -> None:
    with pytest.raises(SpecError, match=r"at most \d+ of 64x64 find room"):
        make_data({**SMALL, "train": 1_000_000, "size": 64})
