"""Independent pixels: every pixel is drawn by itself, whatever the others show.

    log p(x)   = sum_i log p_i(x_i)                          K - 1 free parameters a pixel; n in all for coins
    log p(x|y) = sum_i log p_i(x_i | y)                      with labels: naive Bayes

The frequencies of the levels are the maximum likelihood; `smoothing` adds to each count (Laplace: 1), as in the multi-
variate Bernoulli event model of McCallum & Nigam 1998, "A comparison of event models for naive Bayes text
classification". Our departure: any number of levels, not only two.
"""

from __future__ import annotations

import torch
from torch import Tensor

from gm_core.model import model
from gm_core.parts.choices import OrderedSpec
from gm_core.parts.conditionals import Levels
from gm_core.parts.counting import Counting, smoothed
from gm_core.parts.sequential import Stepper
from gm_core.protocol.cards import DataCard
from gm_core.spec import param


@model("independent", title="Independent pixels", paper="McCallum & Nigam 1998 (naive Bayes with labels)")
class Independent(Counting):
    """Gives every pixel its own frequencies; with labels this is the naive Bayes classifier."""

    class Spec(OrderedSpec):
        """What can be chosen of independent pixels."""

        smoothing: float = param(
            1.0, "Added to each count: nothing is impossible; tiny: maximum likelihood.", lo=1e-6, hi=100.0, log=True
        )

    spec: Spec
    counts: Tensor

    def __init__(self, spec: Spec, card: DataCard) -> None:
        super().__init__(spec, card, spec.permutation(card))
        shape = (max(self.classes, 1), self.sites, self.levels)
        self.register_buffer("counts", torch.zeros(shape, dtype=torch.int64))

    def free_parameters(self) -> int:
        """(K - 1) a site for each class, and the class frequencies."""
        return max(self.classes, 1) * self.sites * (self.levels - 1) + max(self.classes - 1, 0)

    def count(self, values: Tensor, y: Tensor | None) -> None:
        """Frequencies of the levels at each site, for each class."""
        group = torch.zeros_like(values[:, 0]) if y is None else y
        cell = (group[:, None] * self.sites + torch.arange(self.sites, device=values.device)) * self.levels + values
        self.counts += torch.bincount(cell.flatten(), minlength=self.counts.numel()).reshape(self.counts.shape)

    def tables(self) -> Tensor:
        """log p_i(v | y), (classes or 1, sites, K)."""
        return smoothed(self.counts, self.spec.smoothing).to(self.one.dtype)

    def logits(self, u: Tensor, y: Tensor | None, order: str = "") -> Tensor:
        """The same for every example of a class: (n, sites, width)."""
        table = self.tables()
        if self.width == 1:
            table = table[..., 1:] - table[..., :1]
        return table.expand(len(u), -1, -1) if y is None else table[y]

    def support(self, order: str = "") -> Tensor:
        """No site looks at any other."""
        return torch.zeros(self.sites, self.sites, dtype=torch.bool, device=self.order.device)

    def begin(self, n: int, y: Tensor | None, order: str = "") -> Stepper:
        """The tables, looked up once."""
        return _Looked(self.logits(torch.empty(n, 0, device=self.order.device), y), self.visits(order))

    def exactly(self, known: Tensor) -> bool:
        """Always: what is known says nothing about the rest."""
        return True

    def marginalises(self, known: Tensor) -> bool:
        """Always: a missing factor sums to 1."""
        return True


class _Looked(Stepper):
    def __init__(self, logits: Tensor, order: Tensor) -> None:
        self.logits, self.visits = logits, [int(site) for site in order.tolist()]

    def at(self, rank: int) -> Levels:
        return Levels(self.logits[:, self.visits[rank]])

    def put(self, rank: int, values: Tensor) -> None:
        """Nothing depends on it."""

    def choose(self, rows: Tensor) -> None:
        self.logits = self.logits[rows]
