"""The squared norm of a Jacobian against torch.func.jacrev, and its own gradient against finite differences."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.func import jacrev, vmap

from gm_core.maths import jacobian


def by_jacrev(function: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """The same norm from the whole Jacobian of each example."""
    whole = vmap(jacrev(lambda one: function(one.unsqueeze(0)).squeeze(0)))(x)
    return whole.flatten(1).square().sum(1)


def seeded(*shape: int, seed: int = 0) -> Tensor:
    """Standard normal numbers in float64."""
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def net(*layers: nn.Module) -> nn.Sequential:
    """Layers in float64 whose weights follow a seed, without touching the global generator."""
    made = nn.Sequential(*layers).double()
    rng = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.copy_(0.4 * torch.randn(parameter.shape, generator=rng, dtype=torch.float64))
    return made


def test_the_closed_form_of_one_sigmoid_layer_is_the_norm_of_its_jacobian_to_the_last_digits() -> None:
    weight, bias, x = seeded(20, 30, seed=1) / 5, seeded(20, seed=2), seeded(50, 30)
    found = jacobian.squared_norm_of_sigmoid_layer((x @ weight.T + bias).sigmoid(), weight)
    wanted = by_jacrev(lambda x: (x @ weight.T + bias).sigmoid(), x)
    assert found.shape == (50,)
    torch.testing.assert_close(found, wanted, rtol=2e-15, atol=0)


@pytest.mark.parametrize("portion", [1, 40, 10**6])
def test_the_norm_of_a_deep_net_is_exact_however_many_rows_are_computed_at_once(
    portion: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jacobian, "NUMBERS_AT_ONCE", portion)
    deep = net(nn.Linear(6, 9), nn.Tanh(), nn.Linear(9, 7), nn.SiLU(), nn.Linear(7, 5), nn.Sigmoid())
    x = seeded(4, 6)
    torch.testing.assert_close(jacobian.squared_norm(deep, x), by_jacrev(deep, x), rtol=1e-13, atol=0)


def test_the_norm_of_convolutions_is_exact() -> None:
    deep = net(nn.Conv2d(1, 3, 3, stride=2, padding=1), nn.GELU(), nn.Flatten(), nn.Linear(3 * 16, 6))
    x = seeded(3, 1, 8, 8)
    torch.testing.assert_close(jacobian.squared_norm(deep, x), by_jacrev(deep, x), rtol=1e-13, atol=0)


def test_the_gradient_of_the_closed_form_is_that_of_finite_differences() -> None:
    weight, bias, x = seeded(3, 4, seed=1).requires_grad_(), seeded(3, seed=2).requires_grad_(), seeded(5, 4)

    def penalty(weight: Tensor, bias: Tensor) -> Tensor:
        return jacobian.squared_norm_of_sigmoid_layer((x @ weight.T + bias).sigmoid(), weight).mean()

    assert torch.autograd.gradcheck(penalty, (weight, bias))


def test_the_gradient_of_the_norm_of_a_deep_net_is_that_of_finite_differences() -> None:
    first, second, x = seeded(4, 3, seed=1).requires_grad_(), seeded(2, 4, seed=2).requires_grad_(), seeded(5, 3)

    def penalty(first: Tensor, second: Tensor) -> Tensor:
        return jacobian.squared_norm(lambda x: ((x @ first.T).tanh() @ second.T).sigmoid(), x).mean()

    assert torch.autograd.gradcheck(penalty, (first, second))


def test_where_gradients_are_off_the_norm_is_the_same_and_holds_no_graph() -> None:
    deep, x = net(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2)), seeded(5, 3)
    with torch.no_grad():
        looked_at = jacobian.squared_norm(deep, x)
    assert not looked_at.requires_grad
    assert torch.equal(looked_at, jacobian.squared_norm(deep, x).detach())
