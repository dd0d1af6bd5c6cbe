"""The networks of a GAN: spectral normalisation, convolutions for pictures of any size, and the judge's classes."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from gm_core.nn import spectral
from gm_core.nn.dcgan import Grower, Shrinker
from gm_core.nn.judge import Judge, Perceptron
from gm_core.nn.spectral import SpectralNorm


def layers() -> nn.Sequential:
    """Two layers of weights far from 1 in norm."""
    with torch.random.fork_rng():
        torch.default_generator.manual_seed(3)
        net = nn.Sequential(nn.Linear(6, 9), nn.ReLU(), nn.Linear(9, 3)).double()
    with torch.no_grad():
        for parameter in net.parameters():
            parameter *= 7.0
    return net


# ---- spectral normalisation


def test_a_normalised_weight_has_norm_one_as_torch_measures_it() -> None:
    net = layers()
    before = [layer.weight.detach().clone() for layer in (net[0], net[2])]
    spectral.normalise(net)
    for _ in range(300):
        spectral.improve(net)
    for layer, weight in zip((net[0], net[2]), before, strict=True):
        wanted = weight / torch.linalg.matrix_norm(weight, ord=2)
        assert torch.allclose(layer.weight, wanted, rtol=0, atol=1e-12)
        assert float(torch.linalg.matrix_norm(layer.weight.detach(), ord=2)) == pytest.approx(1.0, abs=1e-12)


def test_a_convolution_counts_as_the_matrix_of_its_kernel() -> None:
    conv = nn.Conv2d(3, 5, 4).double()
    weight = conv.weight.detach().clone().flatten(1)
    spectral.normalise(conv)
    for _ in range(500):
        spectral.improve(conv)
    found = conv.weight.detach().flatten(1)
    assert torch.allclose(found, weight / torch.linalg.matrix_norm(weight, ord=2), rtol=0, atol=1e-10)


def test_the_first_iterations_are_near_enough_and_never_above_the_norm() -> None:
    weight = torch.randn(40, 30, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    norm = SpectralNorm(weight)
    sigma = float(torch.dot(norm.u, weight @ norm.v))
    exact = float(torch.linalg.matrix_norm(weight, ord=2))
    assert 0.9 * exact < sigma <= exact * (1 + 1e-12)


def test_the_gradient_flows_through_the_norm_too() -> None:
    weight = torch.randn(4, 3, generator=torch.Generator().manual_seed(2), dtype=torch.float64).requires_grad_(True)
    assert torch.autograd.gradcheck(SpectralNorm(weight), (weight,))


def test_looking_changes_nothing_in_training_and_in_eval_mode_and_only_improve_does() -> None:
    net = layers()
    spectral.normalise(net)
    kept = copy.deepcopy(net.state_dict())
    for training in (True, False):
        net.train(training)
        net(torch.ones(2, 6, dtype=torch.float64))
    assert all(torch.equal(kept[name], value) for name, value in net.state_dict().items())
    spectral.improve(net)
    moved = [name for name, value in net.state_dict().items() if not torch.equal(kept[name], value)]
    assert moved and all(name.endswith((".u", ".v")) for name in moved)


def test_the_first_vectors_follow_from_no_global_randomness() -> None:
    before = torch.random.get_rng_state()
    one, two = (SpectralNorm(torch.eye(3) * 2) for _ in range(2))
    assert torch.equal(one.u, two.u) and torch.equal(before, torch.random.get_rng_state())


# ---- pictures


@pytest.mark.parametrize("shape", [(1, 8, 8), (1, 28, 28), (3, 32, 32), (3, 9, 11), (1, 13, 7), (2, 5, 5)])
@pytest.mark.parametrize("normalised", [True, False])
def test_pictures_of_any_size_grow_and_shrink(shape: tuple[int, ...], normalised: bool) -> None:
    grow, shrink = Grower(4, shape, (8, 16), normalised), Shrinker(shape, (8, 16))
    x = grow(torch.randn(3, 4, generator=torch.Generator().manual_seed(0)))
    assert x.shape == (3, *shape) and x.abs().max() <= 1
    assert shrink(x).shape == (3, shrink.size)


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 9, 11)])
def test_every_pixel_is_seen_and_every_pixel_is_made(shape: tuple[int, ...]) -> None:
    grow, shrink = Grower(4, shape, (8, 16), True), Shrinker(shape, (8, 16))
    x = torch.randn(1, *shape, generator=torch.Generator().manual_seed(0)).requires_grad_(True)
    (seen,) = torch.autograd.grad(shrink(x).square().sum(), x)
    assert (seen != 0).all()
    z = torch.randn(2, 4, generator=torch.Generator().manual_seed(1))
    made = grow(z)
    assert (made[0] != made[1]).all()


def test_each_example_is_judged_and_made_for_itself() -> None:
    grow, shrink = Grower(4, (1, 9, 9), (8, 16), True), Shrinker((1, 9, 9), (8, 16))
    z = torch.randn(6, 4, generator=torch.Generator().manual_seed(0))
    together, alone = grow(z), grow(z[2:3])
    assert torch.allclose(together[2:3], alone, atol=1e-6)
    assert torch.allclose(shrink(together)[2:3], shrink(alone), atol=1e-5)


# ---- classes


@pytest.mark.parametrize("shape", [(2,), (1, 8, 8)])
def test_a_projection_is_the_class_row_times_the_features(shape: tuple[int, ...]) -> None:
    pictures = len(shape) == 3
    features = Shrinker(shape, (4,)) if pictures else Perceptron(2, 16, 2, "relu")
    judge = Judge(features, features.size, 3, True)
    x = torch.randn(5, *shape, generator=torch.Generator().manual_seed(0))
    y = torch.tensor([0, 1, 2, 1, 0])
    shares = torch.nn.functional.one_hot(y, 3).float()
    assert judge.suits is not None
    rows = judge.suits.weight.T[y]
    wanted = judge(x) + (rows * features(x)).sum(1)
    assert torch.allclose(judge(x, shares), wanted, atol=1e-5)


@pytest.mark.parametrize("shape", [(2,), (1, 8, 8)])
def test_a_concatenated_class_is_a_further_input(shape: tuple[int, ...]) -> None:
    features = Shrinker((1 + 3, 8, 8), (4,)) if len(shape) == 3 else Perceptron(2 + 3, 16, 2, "relu")
    judge = Judge(features, features.size, 3, False)
    x = torch.randn(5, *shape, generator=torch.Generator().manual_seed(0))
    said = [judge(x, torch.eye(3)[k].expand(5, -1)) for k in range(3)]
    assert judge.suits is None and not torch.equal(said[0], said[1]) and not torch.equal(said[1], said[2])
