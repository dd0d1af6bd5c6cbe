"""A causal Transformer over pixels: each pixel is predicted by attending to all that came before it.

    token_k = E u_o(k-1) + L_o(k-1) + N_o(k),  token_1 = s_y + N_o(1)      value and place of the last site, next place
    logits of site o(k) = A h_k + a,  h = Transformer(token_1, ..., token_k)
    log p(x|y) = sum_k log p(x_o(k) | x_o(1), ..., x_o(k-1), y)

Chen et al. 2020, "Generative pretraining from pixels" (image GPT), Eqs. 1 and 2, with the network of Radford et al.
2019 (GPT-2); Vaswani et al. 2017, Eq. 1. Our departures: a token is told the place of the pixel to be predicted beside
that of the last one, so that any order works; places may be sums of row, column and channel; any number of levels
without a palette; the label is the first token; no dropout.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from gm_core.model import model
from gm_core.nn.transformer import CausalTransformer, Places, begin_small
from gm_core.parts.autoregressive import Autoregressive
from gm_core.parts.choices import OrderedSpec
from gm_core.parts.conditionals import Levels
from gm_core.parts.orders import ranks
from gm_core.parts.sequential import Stepper
from gm_core.protocol.cards import DataCard
from gm_core.spec import SpecError, param


@model("pixel_transformer", title="Pixel Transformer", paper="Chen et al. 2020 (image GPT); Vaswani et al. 2017")
class PixelTransformer(Autoregressive):
    """Predicts each pixel by attention to those before it, wherever they are in the image."""

    class Spec(OrderedSpec):
        """What can be chosen of the Transformer."""

        size: int = param(64, "Numbers that describe one pixel inside the network; a multiple of heads.", lo=1, hi=4096)
        layers: int = param(4, "Rounds of attention.", lo=1, hi=64)
        heads: int = param(4, "How many pixels one can look for at a time.", lo=1, hi=64)
        positions: Literal["learned", "grid"] = param(
            "learned", "A vector for each place (learned), or the sum of those of row, column and channel (grid)."
        )

    spec: Spec
    small = False
    long_operations = True

    def __init__(self, spec: Spec, card: DataCard) -> None:
        super().__init__(spec, card, spec.permutation(card), one_hot=True)
        if spec.size % spec.heads:
            raise SpecError(
                "model.heads",
                f"model.heads is {spec.heads} but model.size is {spec.size}; choose heads that divide the size",
            )
        grid = spec.positions == "grid"
        self.start = nn.Embedding(max(self.classes, 1), spec.size)
        self.value = nn.Linear(self.features, spec.size, bias=False)
        self.last, self.next = Places(card.shape, spec.size, grid), Places(card.shape, spec.size, grid)
        self.transformer = CausalTransformer(spec.size, spec.layers, spec.heads)
        self.head = nn.Linear(spec.size, self.width)
        for part in (self.start, self.value, self.head):
            begin_small(part)

    def logits(self, u: Tensor, y: Tensor | None, order: str = "") -> Tensor:
        """One pass over all sites in their order: (n, sites, width)."""
        visits = self.visits(order)
        h = self.transformer(self.tokens(u[:, visits[:-1]], y, 0))
        out: Tensor = self.head(h)[:, ranks(visits)]
        return out

    def tokens(self, u: Tensor, y: Tensor | None, first: int) -> Tensor:
        """Tokens (n, k, size) from rank `first` on; u (n, ..., features) are the values of the sites before each.

        The token of rank 0 has no value before it: where `first` is 0 there is one value less than tokens.
        """
        visits = self.order[max(first - 1, 0) :]
        made = self.value(u) + self.last(visits[: u.shape[1]])
        if first == 0:
            label = torch.zeros(len(u), dtype=torch.int64, device=u.device) if y is None else y
            made = torch.cat([self.start(label).expand(len(u), -1)[:, None], made], 1)
        out: Tensor = made + self.next(self.order[first : first + made.shape[1]])
        return out

    def begin(self, n: int, y: Tensor | None, order: str = "") -> Stepper:
        """Keys and values of earlier sites are kept."""
        return _Remembering(self, n, y)


class _Remembering(Stepper):
    """Sites that were only put wait, and are passed together when the next conditional is asked for."""

    def __init__(self, of: PixelTransformer, n: int, y: Tensor | None) -> None:
        self.of, self.y = of, y
        self.values = torch.zeros(n, of.sites, dtype=torch.int64, device=of.order.device)  # by rank
        self.memories = of.transformer.memories(of.sites)

    def at(self, rank: int) -> Levels:
        first = self.memories[0].length
        values = self.values[:, max(first - 1, 0) : rank]
        h = self.of.transformer(self.of.tokens(self.of.embed(values), self.y, first), self.memories)
        return Levels(self.of.head(h[:, -1]))

    def put(self, rank: int, values: Tensor) -> None:
        self.values[:, rank] = values

    def choose(self, rows: Tensor) -> None:
        self.values = self.values[rows]
        if self.y is not None:
            self.y = self.y[rows]
        for memory in self.memories:
            memory.choose(rows)
