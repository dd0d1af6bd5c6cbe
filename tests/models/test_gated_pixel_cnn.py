"""The gated PixelCNN: its equation by hand, no blind spot, colours in turn, labels in the gates, and its two walks."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn.functional import conv2d, pad, silu

from gm_core.models.pixel_cnn import GatedPixelCNN
from gm_core.nn.masked_conv import MaskedConv
from gm_core.parts.orders import ranks

from .test_pixel_cnn import made, same_steps, seeded, some


def test_logits_follow_equation_4_in_both_stacks() -> None:
    """Written out with full kernels: the vertical one of odd size over rows above only, as in fig. 2 of the paper."""
    model = made("gated_pixel_cnn", (1, 5, 6), layers=1, first_reach=2, channels=4, classes=3)
    assert isinstance(model, GatedPixelCNN)

    def gate(x: Tensor, shift: Tensor) -> Tensor:
        both = x + shift[:, :, None, None]
        return torch.tanh(both[:, :4]) * torch.sigmoid(both[:, 4:])

    def one(conv: MaskedConv, x: Tensor) -> Tensor:
        return torch.einsum("nihw,ki->nkhw", x, conv.weight[:, :, 0, 0]) + conv.bias[:, None, None]

    u = torch.rand(2, 30, 1, generator=seeded(0), dtype=torch.float64)
    y = torch.tensor([2, 0])
    with torch.no_grad():
        shift = model.by_class.weight[y].reshape(2, 4, 8)
        x = 2 * u.reshape(2, 1, 5, 6) - 1
        v, h = x, x
        for number, layer in enumerate(model.blocks()):
            reach = layer.vertical.above
            tall = conv2d(pad(v, (reach, reach, reach, 0)), layer.vertical.weight, layer.vertical.bias)
            pre_v = tall + shift[:, 2 * number, :, None, None]
            flat = layer.horizontal.weight.clone()
            if number == 0:
                flat[..., -1] = 0  # type A: not the pixel itself
            pre_h = conv2d(pad(h, (reach, 0)), flat, layer.horizontal.bias)
            pre_h[:, :, 1:] += one(layer.link, pre_v)[:, :, :-1]
            v = gate(tall, shift[:, 2 * number])
            found = one(layer.mix, gate(pre_h, shift[:, 2 * number + 1]))
            h = found if number == 0 else h + found
        expected = one(model.out, silu(one(model.head, silu(h))))
        assert torch.allclose(model.logits(u, y)[..., 0], expected.flatten(1), atol=1e-12)


def test_there_is_no_blind_spot_but_a_rectangle_above_and_the_left_of_its_own_row() -> None:
    """Four layers of reach 1: four columns to both sides, and five rows, since the stack above is told one row late."""
    model = made("gated_pixel_cnn", (1, 15, 15), channels=4, layers=3, first_reach=1)
    picture = model.support()[7 * 15 + 7].reshape(15, 15)
    expected = torch.zeros(15, 15, dtype=torch.bool)
    expected[2:7, 3:12] = True
    expected[7, 3:7] = True
    assert torch.equal(picture, expected)


def test_every_pixel_sees_all_before_it_within_reach() -> None:
    model = made("gated_pixel_cnn", (1, 9, 11), channels=4, layers=2, first_reach=2)
    sites = torch.arange(99)
    up = sites[:, None] // 11 - sites[None] // 11
    right = sites[None] % 11 - sites[:, None] % 11
    expected = torch.where(up == 0, (right < 0) & (right >= -4), (up > 0) & (up <= 5) & (right.abs() <= 4))
    assert torch.equal(model.support(), expected)


@pytest.mark.parametrize("shape", [(1, 7, 8), (3, 4, 5)])
def test_with_layers_enough_it_sees_all_predecessors_where_the_plain_one_is_blind(shape: tuple[int, ...]) -> None:
    gated = made("gated_pixel_cnn", shape, layers=5, first_reach=2)
    place = ranks(gated.visits())
    past = place[None] < place[:, None]
    assert torch.equal(gated.support(), past)
    plain = made("pixel_cnn", shape, layers=5, first_reach=2).support()
    assert (past & ~plain).any() and not (plain & ~past).any()


def test_labels_shift_the_gates_of_both_stacks() -> None:
    model = made("gated_pixel_cnn", (1, 4, 4), layers=1, classes=2)
    assert isinstance(model, GatedPixelCNN)
    u = model.embed(some(model, 1))
    y = torch.tensor([1])
    with torch.no_grad():
        before = model.logits(u, y)
        size = 2 * model.spec.channels
        for stack in range(4):
            model.by_class.weight[1, stack * size : (stack + 1) * size] += 1.0
            after = model.logits(u, y)
            moved = (after - before).abs()[0, :, 0] > 1e-6
            # The vertical stack is told to the row below, so that the first row hears nothing of it.
            assert moved[4:].all() and bool(moved[:4].any()) == (stack % 2 == 1)
            before = after


def test_far_from_the_margins_all_pixels_share_one_conditional() -> None:
    model = made("gated_pixel_cnn", (1, 12, 12), layers=1, first_reach=1)
    values = some(model, 1)
    moved = values.reshape(1, 12, 12).roll((2, 3), (1, 2)).flatten(1)
    with torch.no_grad():
        here, there = (model.logits(model.embed(v), None).reshape(12, 12) for v in (values, moved))
    assert torch.allclose(here[3:10, 2:7], there[5:12, 5:10], atol=1e-12)
    assert not torch.allclose(here[0, 2:7], there[2, 5:10], atol=1e-3), "a margin that shows nowhere proves nothing"


def test_free_parameters_are_counted_by_formula() -> None:
    p = 8
    model = made("gated_pixel_cnn", (1, 9, 9), channels=p, layers=2, classes=4)
    link, mix = (2 * p) ** 2 + 2 * p, p**2 + p
    first = (4 * 7 * 2 * p + 2 * p) + (3 * 2 * p + 2 * p) + link + mix
    layer = (2 * 3 * p * 2 * p + 2 * p) + (2 * p * 2 * p + 2 * p) + link + mix
    assert model.free_parameters() == first + 2 * layer + (p**2 + p) + (p + 1) + 4 * 3 * 2 * 2 * p


@pytest.mark.parametrize(("shape", "levels", "classes"), [((1, 6, 5), 2, 0), ((3, 4, 5), 5, 2), ((1, 5, 9), 17, 3)])
@pytest.mark.parametrize("skip", [1000, 2, 3])
def test_steps_agree_with_full_passes_even_where_sites_are_only_put_and_rows_chosen(
    shape: tuple[int, ...], levels: int, classes: int, skip: int
) -> None:
    same_steps(made("gated_pixel_cnn", shape, levels, classes, layers=2), 4, skip)
