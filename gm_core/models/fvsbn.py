"""Fully visible sigmoid belief network: every pixel is a logistic regression on all pixels before it.

    p(x_i = 1 | x_<i) = sigmoid(b_i + sum_{j before i} W_ij x_j)         n (n + 1) / 2 weights: 307,720 for 28x28

Neal 1992, "Connectionist learning of belief networks", section 2 (sigmoid belief networks, here all visible); Frey
1998, "Graphical models for machine learning and digital communication" (autoregressive logistic networks). The loss is
convex: there is one optimum, that of n logistic regressions.

Our departures: K levels by softmax on which level each earlier number has; with labels each class has a bias of its
own; minibatches and Adam instead of each pixel's own regression. W starts near 0, so that at first all is a coin flip.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from gm_core.model import model
from gm_core.parts.autoregressive import Autoregressive
from gm_core.parts.choices import OrderedSpec
from gm_core.parts.conditionals import Levels
from gm_core.parts.orders import ranks
from gm_core.parts.sequential import Stepper
from gm_core.protocol.cards import DataCard

ROOM = 2**25
"""Weights that there may be, masked ones too: 128 MB, and three times as much in training."""


@model("fvsbn", title="Fully visible sigmoid belief network", paper="Neal 1992; Frey 1998")
class FVSBN(Autoregressive):
    """Draws each pixel by a logistic regression on those before it: strokes, but no digits yet."""

    class Spec(OrderedSpec):
        """What can be chosen of it: labels, order and temperature."""

    spec: Spec
    mask: Tensor

    def __init__(self, spec: Spec, card: DataCard) -> None:
        super().__init__(spec, card, spec.permutation(card), one_hot=True)
        self.check_room(self.sites**2 * self.features * self.width, ROOM)
        place = ranks(self.order)
        mask = (place[:, None] < place[None, :]).repeat_interleave(self.features, 0).repeat_interleave(self.width, 1)
        self.register_buffer("mask", mask, persistent=False)
        # Rows are what is looked at, columns what is predicted: drawing adds up rows.
        self.weight = nn.Parameter(0.01 * torch.randn(mask.shape))
        self.bias = nn.Parameter(torch.zeros(max(self.classes, 1), self.sites * self.width))

    def free_parameters(self) -> int:
        """Biases, and the weights that the mask lets through."""
        pairs = self.sites * (self.sites - 1) // 2
        return pairs * self.features * self.width + self.bias.numel()

    def logits(self, u: Tensor, y: Tensor | None, order: str = "") -> Tensor:
        """All regressions by one masked product: (n, sites, width)."""
        bias = self.bias if y is None else self.bias[y]
        scores = u.flatten(1) @ (self.weight * self.mask) + bias
        return scores.reshape(len(u), self.sites, self.width)

    def begin(self, n: int, y: Tensor | None, order: str = "") -> Stepper:
        """Keeps the sums of what has been drawn so far: O(sites) a site instead of O(sites^2)."""
        return _Summing(self, n, y)


class _Summing(Stepper):
    def __init__(self, model: FVSBN, n: int, y: Tensor | None) -> None:
        self.visits = [int(site) for site in model.visits().tolist()]
        self.features = model.features
        self.weight = (model.weight * model.mask).unflatten(0, (model.sites, model.features))
        bias = model.bias.expand(n, -1) if y is None else model.bias[y]
        self.sums = bias.clone().unflatten(1, (model.sites, model.width))

    def at(self, rank: int) -> Levels:
        return Levels(self.sums[:, self.visits[rank]])

    def put(self, rank: int, values: Tensor) -> None:
        rows = self.weight[self.visits[rank]]
        added = values.to(rows.dtype)[:, None] * rows if self.features == 1 else rows[values]
        self.sums += added.view_as(self.sums)

    def choose(self, rows: Tensor) -> None:
        self.sums = self.sums[rows]
