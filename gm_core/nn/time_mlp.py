"""A perceptron that is told the time: the network of diffusions on the plane."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from gm_core.nn.embed import TimeEmbedding, class_embedding, told


class TimeMLP(nn.Module):
    """Maps points x (n, size) and times t (n,) in 0..1 to (n, size); time shifts every hidden layer.

    `depth` hidden layers of `width` units with SiLU; the last layer begins at zero, so a new network says 0. With
    `classes` it is told them too: see `ClassEmbedding`.
    """

    def __init__(self, size: int, width: int, depth: int, classes: int = 0) -> None:
        super().__init__()
        self.time = TimeEmbedding(width)
        self.layers = nn.ModuleList(nn.Linear(size if k == 0 else width, width) for k in range(depth))
        self.shifts = nn.ModuleList(nn.Linear(width, width, bias=False) for _ in range(depth))
        self.last = nn.Linear(width, size)
        nn.init.zeros_(self.last.weight)
        nn.init.zeros_(self.last.bias)
        self.labels = class_embedding(classes, width)

    def forward(self, x: Tensor, t: Tensor, y: Tensor | None = None) -> Tensor:
        """The answer for each point, (n, size); y: labels (n,), weights (n, classes + 1), or None for no class."""
        time = told(self.time(t), self.labels, y)
        for layer, shift in zip(self.layers, self.shifts):
            x = F.silu(layer(x) + shift(time))
        answer: Tensor = self.last(x)
        return answer
