"""Masked layers for maps that are read row by row: what a pixel sees is what comes before it.

Maps are laid out (h, w, n, features) here, so that a row is one contiguous block and a layer is one matrix product; for
loops over rows that is faster than the images (n, features, h, w) of `masked_conv`, whose masks and colour groups are
used: features lie colour after colour, and mask B lets a feature see its own and the earlier colours of its own pixel,
and everything of the pixels before (van den Oord et al. 2016, arXiv:1601.06759, section 3.4 and figure 4).

Each layer also has a method `reach`, the same layer on sets instead of numbers: it takes, for each of m sources,
whether it has arrived at a place, bool (h, w, m, colours), and says where it arrives next. That is how the receptive
field of a whole network is known without a gradient.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import linear, pad

from gm_core.nn.masked_conv import causal_mask, colour_groups


class MaskedLinear(nn.Linear):
    """One matrix for every pixel, which may look at its own pixel (mask B) and at `before` pixels to the left.

    (h, w, n, d_in) to (h, w, n, d_out): a masked 1 x (2 before + 1) convolution, of which only the taps up to the
    centre exist. `copies` blocks of features (such as the gates of an LSTM) are each divided into colours.
    """

    mask: Tensor | None

    def __init__(
        self, d_in: int, d_out: int, colours: int, copies: int = 1, before: int = 0, bias: bool = True
    ) -> None:
        super().__init__((before + 1) * d_in, d_out, bias)
        self.before = before
        mask = None
        if colours > 1:  # of grey pictures nothing is masked: the taps to the right do not exist
            out = colour_groups(d_out // copies, colours).repeat(copies)
            mask = causal_mask(colour_groups(d_in, colours), out, 0, before, "B")[:, :, 0].transpose(1, 2).flatten(1)
        self.register_buffer("mask", mask, persistent=False)

    def kernel(self) -> Tensor:
        """The matrix as it acts, zero where the mask forbids: (d_out, (before + 1) d_in)."""
        return self.weight if self.mask is None else self.weight * self.mask

    def hidden_weights(self) -> int:
        """How many weights the mask makes idle."""
        return 0 if self.mask is None else int((~self.mask).sum())

    def forward(self, x: Tensor) -> Tensor:
        """A whole map (h, w, n, d_in); without `before`, the last axis of anything."""
        if self.before:
            wide = pad(x, (0, 0, 0, 0, self.before, 0))
            x = torch.cat([wide[:, tap : tap + x.shape[1]] for tap in range(self.before + 1)], -1)
        return linear(x, self.kernel(), self.bias)

    def reach(self, seen: Tensor) -> Tensor:
        """Earlier colours at the place itself, everything at `before` places to the left."""
        found = up_to(seen)
        any_colour = seen.any(-1, keepdim=True)
        for back in range(1, min(self.before, seen.shape[1] - 1) + 1):
            found[:, back:] |= any_colour[:, :-back]
        return found


def up_to(seen: Tensor) -> Tensor:
    """For each colour, whether a source has arrived at it or at an earlier one: mask B on sets."""
    return seen.cumsum(-1) > 0


def beside(row: Tensor, size: int) -> Tensor:
    """Each place of a row (w, n, d) with `size` neighbours to each side: (w, n, (2 size + 1) d); zeros at the ends."""
    if size == 0:
        return row
    wide = pad(row, (0, 0, 0, 0, size, size))
    return torch.cat([wide[tap : tap + len(row)] for tap in range(2 * size + 1)], -1)
