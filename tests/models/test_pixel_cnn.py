"""The plain PixelCNN: masks by hand, the blind spot exactly, colours in turn, and drawing from what is remembered."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn.functional import conv2d, silu

from gm_core.model import build
from gm_core.models.pixel_cnn import PixelCNN
from gm_core.nn.masked_conv import MaskedConv, PixelWalk, RowWalk, causal_mask, colour_groups
from gm_core.parts.autoregressive import Autoregressive, FullPasses
from gm_core.parts.orders import ranks
from gm_core.protocol.cards import DataCard
from gm_core.spec import SpecError

GREY, RGB = torch.zeros(1, dtype=torch.int64), torch.arange(3)


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def made(kind: str, shape: tuple[int, ...], levels: int = 2, classes: int = 0, **spec: Any) -> Autoregressive:
    """A model in float64 on made-up data; with classes, it is one of p(x|y) whose shifts are not zero."""
    values = "binary" if levels == 2 else "levels"
    names = tuple(str(number) for number in range(classes))
    card = DataCard("made", "Made up", shape, values, (0.0, 1.0), levels, names)
    model = build({"kind": kind, "labels": classes > 0, **spec}, card, 3).double().eval()
    assert isinstance(model, Autoregressive)
    if classes:
        with torch.no_grad():
            model.get_submodule("by_class").get_parameter("weight").normal_(generator=seeded(1))
    return model


def some(model: Autoregressive, n: int, seed: int = 0) -> Tensor:
    """Levels drawn at random, (n, sites)."""
    return torch.randint(model.levels, (n, model.sites), generator=seeded(seed))


def same_steps(model: Autoregressive, n: int, skip: int) -> None:
    """Both ways to step agree to 1e-12 where every `skip`-th site is only put, and rows are chosen midway."""
    y = torch.arange(n) % model.classes if model.classes else None
    fast, full = model.begin(n, y), FullPasses(model, n, y)
    values = some(model, n)
    rows = torch.tensor([1, 1, *range(2, n)])
    order = [int(site) for site in model.visits().tolist()]
    with torch.no_grad():
        for rank, site in enumerate(order):
            if rank % skip:
                found, expected = fast.at(rank), full.at(rank)
                assert torch.allclose(found.logits, expected.logits, atol=1e-12)  # type: ignore[attr-defined]
            for stepper in (fast, full):
                stepper.put(rank, values[:, site])
            if rank in (len(order) // 2, len(order) // 2 + 1):
                for stepper in (fast, full):
                    stepper.choose(rows)
                values = values[rows]
                values[:, order[rank + 1 :]] = some(model, n, rank)[:, order[rank + 1 :]]


# ---- masks


def test_masks_of_grey_images_are_those_drawn_by_hand() -> None:
    above = [1, 1, 1]
    assert causal_mask(GREY, GREY, 1, 1, "A")[0, 0].int().tolist() == [above, [1, 0, 0]]
    assert causal_mask(GREY, GREY, 1, 1, "B")[0, 0].int().tolist() == [above, [1, 1, 0]]
    assert causal_mask(GREY, GREY, 1, 1, "rows")[0, 0].int().tolist() == [above, above]
    assert causal_mask(GREY, GREY, 0, 2, "A")[0, 0].int().tolist() == [[1, 1, 0]]
    assert causal_mask(GREY, GREY, 0, 2, "B")[0, 0].int().tolist() == [[1, 1, 1]]


def test_masks_of_colours_let_green_see_red_and_blue_see_both() -> None:
    first, later = causal_mask(RGB, RGB, 1, 1, "A"), causal_mask(RGB, RGB, 1, 1, "B")
    assert first[:, :, 1, 1].int().tolist() == [[0, 0, 0], [1, 0, 0], [1, 1, 0]]
    assert later[:, :, 1, 1].int().tolist() == [[1, 0, 0], [1, 1, 0], [1, 1, 1]]
    for mask in (first, later):
        assert mask[:, :, 0].all() and mask[:, :, 1, 0].all() and not mask[:, :, 1, 2].any()
    assert colour_groups(5, 3).tolist() == [0, 0, 1, 1, 2] and colour_groups(12, 3).bincount().tolist() == [4, 4, 4]


def test_a_kernel_without_the_rows_below_is_the_square_kernel_with_zeros_there() -> None:
    conv = MaskedConv(GREY, GREY, 2, 2, "A").double()
    square = torch.zeros(1, 1, 5, 5, dtype=torch.float64)
    square[:, :, :3] = conv.seen_weight().detach()
    x = torch.randn(2, 1, 6, 7, generator=seeded(0), dtype=torch.float64)
    assert torch.allclose(conv(x), conv2d(x, square, conv.bias, padding=2), atol=1e-13)


@pytest.mark.parametrize("kind", ["A", "B"])
def test_walking_over_pixels_and_rows_gives_what_the_whole_image_gives(kind: Any) -> None:
    conv = MaskedConv(RGB, colour_groups(5, 3), 2, 1, kind).double()
    x = torch.randn(2, 3, 4, 5, generator=seeded(0), dtype=torch.float64)
    with torch.no_grad():
        whole = conv(x)
        walk, rows = PixelWalk([conv], 2, 5), RowWalk([conv], 2, 5)
        for row in range(4):
            assert torch.allclose(rows(conv, x[:, :, row : row + 1]), whole[:, :, row : row + 1], atol=1e-13)
            for walk.column in range(5):
                assert torch.allclose(walk(conv, x[:, :, row, walk.column]), whole[:, :, row, walk.column], atol=1e-13)
            walk.next_row()


# ---- what is seen


def test_the_blind_spot_is_the_wedge_to_the_upper_right_and_nothing_else() -> None:
    """Four 3x3 layers: a move up may go one to the right, a move left none up; so all right of the diagonal is lost."""
    model = made("pixel_cnn", (1, 15, 15), channels=4, layers=3, first_reach=1)
    picture = model.support()[7 * 15 + 7].reshape(15, 15)
    assert not picture[:3].any() and not picture[8:].any()
    assert ["".join("#" if seen else "." for seen in row) for row in picture[3:8].tolist()] == [
        "...#########...",
        "...########....",
        "...#######.....",
        "...######......",
        "...####........",
    ]


@pytest.mark.parametrize(("first", "reach", "layers"), [(1, 1, 3), (3, 1, 2), (2, 2, 1)])
def test_every_pixel_sees_the_cone_that_its_kernels_allow(first: int, reach: int, layers: int) -> None:
    """For all pairs: at d > 0 rows up, from the sum of all reaches to the left to the right end of the steepest ways.

    d rows cost at least ceil(d / reach) later layers or the first one; what is not used up may go left, never right.
    """
    model = made("pixel_cnn", (1, 9, 11), channels=4, layers=layers, first_reach=first, reach=reach)
    kernels = [first] + layers * [reach]
    rightmost = {0: -1}  # rows up: furthest column to the right
    for d in range(1, sum(kernels) + 1):
        # Each layer used for going up at all may go right by its whole reach; as many are used as there are rows.
        rightmost[d] = sum(sorted(kernels, reverse=True)[:d])
    expected = torch.zeros(99, 99, dtype=torch.bool)
    for i in range(99):
        for j in range(99):
            up, right = i // 11 - j // 11, j % 11 - i % 11
            expected[i, j] = 0 <= up <= sum(kernels) and -sum(kernels) <= right <= rightmost[up]
    assert torch.equal(model.support(), expected)


@pytest.mark.parametrize("kind", ["pixel_cnn", "gated_pixel_cnn"])
def test_each_colour_sees_the_earlier_colours_of_its_pixel_and_all_colours_before(kind: str) -> None:
    model = made(kind, (3, 3, 3), layers=2)
    seen = model.support().reshape(3, 3, 3, 3, 3, 3)  # colour, row, column; colour, row, column
    own = torch.stack([seen[:, r, c, :, r, c] for r in range(3) for c in range(3)])
    assert torch.equal(own, torch.tensor([[0, 0, 0], [1, 0, 0], [1, 1, 0]]).bool().expand(9, 3, 3))
    assert seen[:, 1, 1, :, 1, 0].all() and seen[:, 1, 1, :, 0].all() and not seen[:, 1, 1, :, 2].any()
    place = ranks(model.visits())
    assert not (model.support() & (place[None] >= place[:, None])).any()


def test_far_from_the_margins_all_pixels_share_one_conditional() -> None:
    model = made("pixel_cnn", (1, 12, 12), layers=1, first_reach=1)
    values = some(model, 1)
    moved = values.reshape(1, 12, 12).roll((2, 3), (1, 2)).flatten(1)
    with torch.no_grad():
        here, there = (model.logits(model.embed(v), None).reshape(12, 12) for v in (values, moved))
    assert torch.allclose(here[2:10, 2:7], there[4:12, 5:10], atol=1e-12)
    assert not torch.allclose(here[0, 2:7], there[2, 5:10], atol=1e-3), "a margin that shows nowhere proves nothing"


# ---- the equation, counts, labels


def test_logits_follow_the_equation_with_square_masked_kernels() -> None:
    model = made("pixel_cnn", (1, 5, 6), layers=2, first_reach=2, classes=2)
    assert isinstance(model, PixelCNN)

    def square(conv: MaskedConv, x: Tensor) -> Tensor:
        reach = conv.above
        weight = torch.zeros(*conv.weight.shape[:2], 2 * reach + 1, 2 * reach + 1, dtype=torch.float64)
        weight[:, :, : reach + 1] = conv.weight.detach()
        weight[:, :, reach, reach + 1 :] = 0
        if conv is model.first:
            weight[:, :, reach, reach] = 0
        return conv2d(x, weight, conv.bias, padding=reach)

    u = torch.rand(3, 30, 1, generator=seeded(0), dtype=torch.float64)
    y = torch.tensor([1, 0, 1])
    with torch.no_grad():
        shift = model.by_class.weight[y].reshape(3, 3, -1, 1, 1)
        h = square(model.first, 2 * u.reshape(3, 1, 5, 6) - 1) + shift[:, 0]
        for number, layer in enumerate(model.blocks()):
            h = h + square(layer, silu(h)) + shift[:, number + 1]
        h = square(model.out, silu(square(model.head, silu(h))))
        assert torch.allclose(model.logits(u, y)[..., 0], h.flatten(1), atol=1e-12)
        assert (model.logits(u, y) - model.logits(u, 1 - y)).abs().max() > 0.01, "the label changes nothing"


def test_free_parameters_are_counted_by_formula() -> None:
    grey = made("pixel_cnn", (1, 9, 9), channels=32, layers=5)
    assert grey.free_parameters() == (24 * 32 + 32) + 5 * (5 * 32**2 + 32) + (32**2 + 32) + (32 + 1)
    colour = made("pixel_cnn", (3, 9, 9), levels=256, channels=12, layers=2, classes=5)
    first = 24 * 3 * 12 + 4 * (0 + 1 + 2) + 12  # rows above and left; of its own pixel, 4 channels each see 0, 1, 2
    below = 4 * 4 * (1 + 2 + 3)  # channels of one pixel that see one another
    layer = 4 * 12**2 + below + 12
    assert colour.free_parameters() == (
        first + 2 * layer + (below + 12) + (256 * 4 * (1 + 2 + 3) + 768) + 5 * 12 * 3
    )


def test_the_same_weights_serve_images_of_any_size() -> None:
    for kind in ("pixel_cnn", "gated_pixel_cnn"):
        small, large = made(kind, (3, 3, 4), layers=1), made(kind, (3, 32, 32), layers=1)
        large.load_state_dict(small.state_dict())
        with torch.no_grad():
            x = large.embed(some(large, 1))
            top = x.reshape(3, 32, 32, 1)[:, :3, -4:].reshape(1, 36, 1)
            assert large.logits(x, None).shape == (1, 3072, 1) and small.logits(top, None).shape == (1, 36, 1)


def test_vectors_are_refused_in_one_sentence() -> None:
    with pytest.raises(SpecError, match="choose other data or another model"):
        build({"kind": "pixel_cnn"}, DataCard("v", "Vectors", (8,), "binary", (0.0, 1.0), 2))


# ---- drawing


@pytest.mark.parametrize(("shape", "levels", "classes"), [((1, 6, 5), 2, 0), ((3, 4, 5), 5, 2), ((1, 5, 9), 17, 3)])
@pytest.mark.parametrize("skip", [1000, 2, 3])
def test_steps_agree_with_full_passes_even_where_sites_are_only_put_and_rows_chosen(
    shape: tuple[int, ...], levels: int, classes: int, skip: int
) -> None:
    same_steps(made("pixel_cnn", shape, levels, classes, layers=2), 4, skip)


@pytest.mark.parametrize("kind", ["pixel_cnn", "gated_pixel_cnn"])
@pytest.mark.parametrize(("shape", "levels", "classes"), [((1, 6, 5), 2, 0), ((2, 4, 5), 5, 2), ((1, 5, 6), 9, 3)])
@pytest.mark.parametrize("skip", [1000, 3])
def test_levels_seen_as_names_are_stepped_through_as_they_are_scored(
    kind: str, shape: tuple[int, ...], levels: int, classes: int, skip: int
) -> None:
    same_steps(made(kind, shape, levels, classes, layers=1, inputs="one_hot"), 4, skip)


@pytest.mark.parametrize("kind", ["pixel_cnn", "gated_pixel_cnn"])
def test_levels_seen_as_names_reach_just_as_far_as_sizes_do_and_never_ahead(kind: str) -> None:
    model = made(kind, (2, 4, 5), 4, layers=1, first_reach=1, channels=8, inputs="one_hot")
    sizes = made(kind, (2, 4, 5), 4, layers=1, first_reach=1, channels=8)
    assert torch.equal(model.support(), sizes.support())
    x = model.to_example(some(model, 1))
    reached = torch.stack([model.influence(x, site) > 0 for site in range(model.sites)])
    assert torch.equal(reached, model.support())


@pytest.mark.parametrize("kind", ["pixel_cnn", "gated_pixel_cnn"])
def test_exchanged_names_are_another_numbering_of_the_same_model(kind: str) -> None:
    """With one input for each level, no level is nearer to one than to another: weights can be renumbered with them."""
    model, renamed = (made(kind, (1, 4, 4), 3, layers=1, inputs="one_hot") for _ in range(2))
    name = torch.tensor([2, 0, 1])  # the new name of each level
    with torch.no_grad():
        for part in renamed.modules():
            if isinstance(part, MaskedConv) and len(part.into) == 3:
                part.weight.copy_(part.weight[:, name.argsort()])
        out = renamed.get_submodule("out")
        for weights in (out.get_parameter("weight"), out.get_parameter("bias")):
            weights.copy_(weights[name.argsort()])
        values = some(model, 6)
        old = model.log_prob(model.to_example(values), seeded(0))
        new = renamed.log_prob(renamed.to_example(name[values]), seeded(0))
    assert torch.allclose(old, new, atol=1e-12) and old.std() > 1e-3


@pytest.mark.parametrize("kind", ["pixel_cnn", "gated_pixel_cnn"])
@pytest.mark.parametrize(("shape", "levels"), [((1, 28, 28), 2), ((3, 9, 7), 17)])
def test_in_single_precision_log_probabilities_gathered_while_drawing_are_within_1e_5(
    kind: str, shape: tuple[int, ...], levels: int
) -> None:
    model = made(kind, shape, levels, layers=3, channels=24).float()
    found = []
    for state in model.fill(model.blank(3), torch.zeros(model.sites, dtype=torch.bool), seeded(0)):
        found.append(state.log_prob)
    with torch.no_grad():
        expected = model.site_log_prob(model.to_example(state.values))[0][:, model.visits()]
    assert float((torch.stack(found, 1) - expected).abs().max()) < 1e-5
    assert 0.1 < float(state.values.double().mean()) / (levels - 1) < 0.9, "images of one level prove nothing"
