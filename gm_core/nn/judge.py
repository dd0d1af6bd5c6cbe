"""A discriminator: one number for each example, from its features and, where there are classes, from its class."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from gm_core.nn.mlp import MLP, Activation, activation


class Perceptron(nn.Module):
    """Points and vectors (n, d) to features (n, size): linear layers with a bend after each."""

    def __init__(self, d_in: int, width: int, depth: int, bend: Activation) -> None:
        super().__init__()
        self.layers = nn.Sequential(MLP(d_in, (width,) * (depth - 1), width, bend), activation(bend))
        self.size = width

    def forward(self, x: Tensor) -> Tensor:
        """(n, d) to (n, size)."""
        h: Tensor = self.layers(x)
        return h


class Judge(nn.Module):
    """What a discriminator thinks of an example, and where there are classes of how well it suits its class.

        f(x, y) = w . h(x) + b + V_y . h(x)                      `projection`, Miyato & Koyama 2018, eq. 3
        f(x, y) = w . h(x, y) + b, y as further inputs           otherwise, Mirza & Osindero 2014, eq. 2

    `features` (n, ...) to (n, size) take `classes` more columns, or channels, in the second case. y are weights
    (n, classes): one at the class, or shares that mix them; None where `classes` is 0.
    """

    def __init__(self, features: nn.Module, size: int, classes: int, projection: bool) -> None:
        super().__init__()
        self.features = features
        self.classes = classes
        self.out = nn.Linear(size, 1)
        self.suits = nn.Linear(classes, size, bias=False) if classes and projection else None

    def forward(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        """(n, ...) to (n,)."""
        if y is not None and self.suits is None:
            beside = y.to(x.dtype)
            x = torch.cat([x, beside[:, :, None, None].expand(-1, -1, *x.shape[2:]) if x.ndim == 4 else beside], 1)
        h: Tensor = self.features(x)
        f: Tensor = self.out(h).squeeze(-1)
        if y is not None and self.suits is not None:
            f = f + (self.suits(y.to(h.dtype)) * h).sum(-1)
        return f
