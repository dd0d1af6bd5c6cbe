"""The networks of diffusion: shapes, sizes, and that every part of them has a say."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from gm_core.model import Batch, build
from gm_core.models.ddpm import DDPM
from gm_core.nn.embed import sinusoid
from gm_core.nn.unet import UNet, group_norm
from gm_core.protocol.cards import DataCard

PLANE = DataCard("plane", "Plane", (2,), "continuous", (-4.0, 4.0))
CENTRED = DataCard("small", "Small images", (1, 8, 8), "levels", (-1.0, 1.0))


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def made(card: DataCard, **chosen: object) -> DDPM:
    model = build({"kind": "ddpm", **chosen}, card)
    assert isinstance(model, DDPM)
    return model


def stirred(model: DDPM) -> DDPM:
    """A model whose last layers are no longer zero, so that its answers depend on everything."""
    rng = generator(99)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.1 * torch.randn(parameter.shape, generator=rng))
    return model.eval()


@pytest.mark.parametrize("shape", [(1, 8, 8), (1, 28, 28), (3, 32, 32), (1, 7, 9), (2, 13, 5), (1, 1, 1)], ids=str)
@pytest.mark.parametrize("multipliers, blocks, attention", [((1, 1, 1), 1, False), ((1, 2), 2, True)])
def test_the_unet_keeps_the_shape_of_any_picture(
    shape: tuple[int, ...], multipliers: tuple[int, ...], blocks: int, attention: bool
) -> None:
    with torch.random.fork_rng(devices=[]):
        network = UNet(shape[0], 8, multipliers, blocks, attention)
    x = torch.randn(2, *shape, generator=generator())
    answer = network(x, torch.tensor([0.1, 0.9]))
    assert answer.shape == x.shape
    assert not bool(answer.any())


def test_the_smallest_unet_for_handwritten_digits_has_about_sixty_thousand_parameters() -> None:
    """By hand: 16 channels at three levels, 7 blocks; 3x3 convolutions c_in c_out 9 + c_out."""
    card = DataCard("mnist", "MNIST", (1, 28, 28), "levels", (-1.0, 1.0))
    conv = 16 * 16 * 9 + 16
    block = 2 * 32 + 2 * conv + (64 * 16 + 16)
    wide = block + 16 * 16 * 9 + 32 + (32 * 16 + 16)  # twice the channels come in, and a 1x1 convolution across
    time = 32 * 64 + 64 + 64 * 64 + 64
    ends = (16 * 9 + 16) + 32 + (16 * 9 + 1)
    assert sum(p.numel() for p in made(card).parameters()) == 4 * block + 3 * wide + 2 * conv + time + ends == 60_049


def test_every_parameter_of_both_networks_learns() -> None:
    for card, chosen in ((PLANE, {}), (CENTRED, {"attention": True, "multipliers": [1, 2], "blocks": 2})):
        model = stirred(made(card, **chosen))
        model.loss(Batch(torch.rand(8, *card.shape, generator=generator())), generator(1))["total"].backward()
        silent = [name for name, p in model.named_parameters() if p.grad is None or not bool(p.grad.any())]
        assert silent == []


@pytest.mark.parametrize("card", [PLANE, CENTRED], ids=lambda card: card.name)
def test_the_networks_look_at_the_time(card: DataCard) -> None:
    model = stirred(made(card))
    x = torch.randn(2, *card.shape, generator=generator())
    a, b = (model.network(x, torch.full((2,), t)) for t in (0.2, 0.201))
    assert not torch.allclose(a, b, atol=1e-5)


def test_attention_lets_every_pixel_answer_to_every_other() -> None:
    with torch.random.fork_rng(devices=[]):
        far, near = UNet(1, 16, (1,), 1, True), UNet(1, 16, (1,), 1, False)
    rng = generator(1)
    for network, reaches in ((far, True), (near, False)):
        for parameter in network.parameters():
            parameter.data.add_(0.1 * torch.randn(parameter.shape, generator=rng))
        x = torch.randn(1, 1, 24, 24, generator=generator()).requires_grad_()
        (gradient,) = torch.autograd.grad(without_norms(network)(x, torch.tensor([0.5]))[0, 0, 0, 0], x)
        assert bool(gradient[0, 0, -1, -1] != 0) == reaches


def without_norms(network: UNet) -> UNet:
    """GroupNorm looks at the whole picture too; take it out, to see what convolutions and attention reach."""
    for module in network.modules():
        for name, child in module.named_children():
            if isinstance(child, nn.GroupNorm):
                setattr(module, name, nn.Identity())
    return network


@pytest.mark.parametrize("channels", [1, 3, 8, 12, 16, 20, 64, 96])
def test_group_norm_fits_any_number_of_channels(channels: int) -> None:
    norm = group_norm(channels)
    assert channels % norm.num_groups == 0
    assert norm.num_groups <= 8
    assert channels < 8 or channels // norm.num_groups >= 4


def test_the_waves_of_time_are_sines_and_cosines_at_geometric_frequencies() -> None:
    t = torch.tensor([0.0, 3.0], dtype=torch.float64)
    waves = sinusoid(t, 4, longest=100.0)
    expected = [[1, 1, 0, 0], [math.cos(3), math.cos(0.3), math.sin(3), math.sin(0.3)]]
    assert torch.allclose(waves, torch.tensor(expected, dtype=torch.float64), atol=1e-12)
