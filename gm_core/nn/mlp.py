"""Perceptrons: layers of sums and bends, for points, vectors and small pictures."""

from __future__ import annotations

from itertools import pairwise
from typing import Literal

from torch import Tensor, nn

Activation = Literal["relu", "tanh", "silu", "gelu", "sigmoid"]


def activation(name: Activation) -> nn.Module:
    """A fresh module of that name."""
    kinds: dict[Activation, type[nn.Module]] = {
        "relu": nn.ReLU,
        "tanh": nn.Tanh,
        "silu": nn.SiLU,
        "gelu": nn.GELU,
        "sigmoid": nn.Sigmoid,
    }
    return kinds[name]()


class MLP(nn.Sequential):
    """Linear layers with an activation between them: (..., d_in) to (..., d_out); without `hidden`, one linear map."""

    def __init__(self, d_in: int, hidden: tuple[int, ...], d_out: int, bend: Activation = "relu") -> None:
        widths = (d_in, *hidden, d_out)
        layers: list[nn.Module] = []
        for number, (before, after) in enumerate(pairwise(widths)):
            if number:
                layers.append(activation(bend))
            layers.append(nn.Linear(before, after))
        super().__init__(*layers)


class FlatEncoder(nn.Module):
    """An MLP on examples of any shape: (n, *shape) to (n, d_out)."""

    def __init__(self, shape: tuple[int, ...], hidden: tuple[int, ...], d_out: int, bend: Activation) -> None:
        super().__init__()
        self.net = MLP(_size(shape), hidden, d_out, bend)

    def forward(self, x: Tensor) -> Tensor:
        """(n, *shape) to (n, d_out)."""
        out: Tensor = self.net(x.flatten(1))
        return out


class FlatDecoder(nn.Module):
    """An MLP that fills examples of any shape: (n, d_in) to (n, *shape)."""

    def __init__(self, d_in: int, hidden: tuple[int, ...], shape: tuple[int, ...], bend: Activation) -> None:
        super().__init__()
        self.shape = shape
        self.net = MLP(d_in, hidden, _size(shape), bend)

    def forward(self, z: Tensor) -> Tensor:
        """(n, d_in) to (n, *shape)."""
        flat: Tensor = self.net(z)
        return flat.reshape(*flat.shape[:-1], *self.shape)


def _size(shape: tuple[int, ...]) -> int:
    total = 1
    for extent in shape:
        total *= extent
    return total
