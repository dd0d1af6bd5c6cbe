"""Classifier-free guidance: its identities, its dropped labels, and what it says to models without classes."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from gm_core.nn.embed import ClassEmbedding
from gm_core.nn.time_mlp import TimeMLP
from gm_core.nn.unet import UNet
from gm_core.parts.guidance import check_guidance, dropped, evaluations, guided
from gm_core.spec import SpecError

CLASSES = 3


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def network(kind: str, classes: int = CLASSES) -> torch.nn.Module:
    """A network whose answer depends on everything."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)  # the weights of layers come from the global generator
        made = TimeMLP(2, 16, 2, classes) if kind == "points" else UNet(1, 8, (1, 2), 1, False, classes)
    rng = generator(5)
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.add_(0.2 * torch.randn(parameter.shape, generator=rng))
    return made.double()


def some(kind: str, n: int = 6) -> tuple[Tensor, Tensor, Tensor]:
    x = torch.randn((n, 2) if kind == "points" else (n, 1, 8, 8), generator=generator(1), dtype=torch.float64)
    return x, torch.rand(n, generator=generator(2), dtype=torch.float64), torch.arange(n) % CLASSES


KINDS = pytest.mark.parametrize("kind", ["points", "images"])


@KINDS
def test_guidance_is_conditional_at_1_unconditional_at_0_and_a_straight_line_through_both(kind: str) -> None:
    net, (x, t, y) = network(kind), some(kind)
    empty = torch.full_like(y, CLASSES)
    with_class, without = net(x, t, y), net(x, t, empty)
    assert not torch.allclose(with_class, without, atol=1e-3), "the label has a say"
    for s in (0.0, 0.3, 1.0, 4.0):
        out, added = guided(net, x, t, y, s, CLASSES)
        assert torch.allclose(out, without + s * (with_class - without), rtol=1e-12, atol=1e-12)
        assert added is None if s == 1.0 else torch.allclose(added, out - with_class, rtol=1e-10, atol=1e-12)
    assert torch.equal(guided(net, x, t, y, 1.0, CLASSES)[0], with_class)
    assert torch.equal(guided(net, x, t, None, 7.0, CLASSES)[0], net(x, t))


@KINDS
def test_a_mix_with_all_weight_on_one_class_is_that_class_and_on_none_is_no_class(kind: str) -> None:
    net, (x, t, y) = network(kind), some(kind)
    one = torch.nn.functional.one_hot(y, CLASSES + 1).double()
    for s in (1.0, 2.5):
        assert torch.allclose(
            guided(net, x, t, one, s, CLASSES)[0], guided(net, x, t, y, s, CLASSES)[0], rtol=1e-12, atol=1e-12
        )
    none = torch.zeros_like(one)
    none[:, -1] = 1
    assert torch.allclose(guided(net, x, t, none, 3.0, CLASSES)[0], net(x, t), rtol=1e-12, atol=1e-12)


@KINDS
def test_one_time_for_all_is_that_time_for_each(kind: str) -> None:
    net, (x, t, y) = network(kind), some(kind)
    same = t[:1].expand(len(x))
    for s in (1.0, 3.0):
        one, each = (guided(net, x, time, y, s, CLASSES)[0] for time in (t[:1], same))
        assert torch.allclose(one, each, atol=1e-12)


@KINDS
def test_a_network_without_classes_has_the_weights_it_ever_had_and_hears_of_none(kind: str) -> None:
    plain, told = network(kind, 0), network(kind)
    assert set(told.state_dict()) - set(plain.state_dict()) == {"labels.table"}
    assert [p.shape for p in plain.parameters()] == [p.shape for n, p in told.named_parameters() if n != "labels.table"]
    x, t, y = some(kind)
    with pytest.raises(ValueError, match="a network without classes was told some"):
        plain(x, t, y)


def test_a_new_network_makes_no_difference_between_classes() -> None:
    with torch.random.fork_rng(devices=[]):
        features = ClassEmbedding(CLASSES, 8)
    assert torch.equal(features(torch.arange(4), 4), torch.zeros(4, 8))
    assert torch.equal(features(None, 4), torch.zeros(1, 8))


def test_labels_are_dropped_as_often_as_asked_by_their_own_generator() -> None:
    y = torch.arange(30_000) % CLASSES
    lost = dropped(y, 0.1, CLASSES, generator(3))
    gone = lost == CLASSES
    assert abs(float(gone.double().mean()) - 0.1) < 4 * (0.09 / 30_000) ** 0.5
    assert torch.equal(lost[~gone], y[~gone])
    assert torch.equal(lost, dropped(y, 0.1, CLASSES, generator(3)))
    assert torch.equal(dropped(y, 0.0, CLASSES, generator(3)), y)
    assert bool((dropped(y, 1.0, CLASSES, generator(3)) == CLASSES).all())


def test_what_guidance_costs() -> None:
    y = torch.zeros(2, dtype=torch.int64)
    assert [evaluations(y, s, CLASSES) for s in (0.0, 1.0, 3.0)] == [2, 1, 2]
    assert evaluations(None, 3.0, CLASSES) == evaluations(y, 3.0, 0) == 1


@pytest.mark.parametrize(
    "guidance, mix, classes, empty, words",
    [
        (3.0, None, 0, True, "guidance is 3, but Net learned no classes; train it with labels on, or leave guidance"),
        (1.0, None, 0, True, "guidance is 1, but Net learned no classes"),
        (None, torch.ones(1, 1), 0, True, "mix is given, but Net learned no classes"),
        (3.0, None, CLASSES, False, "guidance is 3, but Net never saw the empty class; train it with drop above 0"),
        (21.0, None, CLASSES, True, "guidance is 21; the range is 0 to 20"),
        (-1.0, None, CLASSES, True, "guidance is -1; the range is 0 to 20"),
        (float("nan"), None, CLASSES, True, "guidance is nan; the range is 0 to 20"),
    ],
)
def test_guidance_that_a_model_cannot_give_is_refused_in_one_sentence(
    guidance: float | None, mix: Tensor | None, classes: int, empty: bool, words: str
) -> None:
    with pytest.raises(SpecError, match=words):
        check_guidance("Net", guidance, mix, classes, empty=empty)
    check_guidance("Net", None, None, classes, empty=empty)
    check_guidance("Net", 1.0, None, CLASSES, empty=empty)
