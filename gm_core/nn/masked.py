"""Masked linear layers: weights that must not be used are multiplied by zero in every pass.

    m^0(d) = place of input d in the order, 1..D        m^l(k) ~ uniform{min m^(l-1), ..., D - 1}
    M^l[k', k] = 1 if m^l(k') >= m^(l-1)(k)             last layer: 1 if m(d) > m^L(k)

Germain et al. 2015, "MADE: Masked autoencoder for distribution estimation", arXiv:1502.03509, Eqs. 8, 9, 13 and 14 and
Algorithm 1. Each unit has a degree, the number of inputs it may know of; a unit hears those that know no more.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def draw_degrees(inputs: int, hidden: Sequence[int], rng: torch.Generator) -> list[Tensor]:
    """Degrees of the units of each hidden layer, int64 (width,), for that many inputs.

    None is below the smallest of the layer before, so that no unit hears nothing; none is as high as `inputs`, since
    no output may know of all inputs.
    """
    degrees: list[Tensor] = []
    low, high = 1, max(inputs - 1, 1)
    for width in hidden:
        degrees.append(torch.randint(low, high + 1, (width,), generator=rng))
        low = int(degrees[-1].min())
    return degrees


def connections(before: Tensor, after: Tensor, strictly: bool = False) -> Tensor:
    """Which units with degrees `after` (b,) hear those with degrees `before` (a,): bool (b, a).

    Those that know as much or less; `strictly` (to outputs): only those that know less.
    """
    return after[:, None] > before[None, :] if strictly else after[:, None] >= before[None, :]


def paths(masks: Sequence[Tensor]) -> Tensor:
    """Whether any path leads from an input to an output through the masks of all layers: bool (outputs, inputs)."""
    found = masks[0]
    for mask in masks[1:]:
        found = (mask.float() @ found.float()) > 0
    return found


class MaskedLinear(nn.Linear):
    """A linear layer, (..., d_in) to (..., d_out), that is told in each pass which of its weights count."""

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:  # type: ignore[override]
        """With `mask` bool (d_out, d_in); what it hides is multiplied by zero, and so is its gradient."""
        return F.linear(x, self.masked(mask), self.bias)

    def masked(self, mask: Tensor) -> Tensor:
        """The weights that count, (d_out, d_in); zero elsewhere."""
        return self.weight * mask.to(self.weight.dtype)  # of one type: three times faster than a product with bools
