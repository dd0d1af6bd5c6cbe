"""Masked convolutions: a pixel sees what comes before it in reading order, and of its own colours only earlier ones.

    h_k(r, c) = b_k + sum_{i, dr, dc} M_{k, i, dr, dc} W_{k, i, dr, dc} x_i(r - dr, c + dc)

van den Oord, Kalchbrenner & Kavukcuoglu 2016, arXiv:1601.06759, section 3.4: channels are divided into groups, one for
each colour. Of the pixel itself, a convolution of type A sees groups of earlier colours only (of a grey image:
nothing), one of type B the own colour's too; so A comes first and B wherever the input is hidden. "rows" sees its own
row whole, as the vertical stack of arXiv:1606.05328 does, whose output is then used one row further down.

Rows below are not stored at all: a kernel of 3x3 is one of 2x3 whose right end is masked in the last row.
`PixelWalk` and `RowWalk` apply the same convolutions to one pixel, or one row, after another, and remember of each
input only the rows that are still looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, pad

Kind = Literal["A", "B", "rows"]


def colour_groups(channels: int, colours: int) -> Tensor:
    """The colour each channel belongs to, int64 (channels,): 5 channels of 3 colours are 0, 0, 1, 1, 2."""
    return torch.arange(channels) * colours // channels


def causal_mask(into: Tensor, out: Tensor, above: int, side: int, kind: Kind) -> Tensor:
    """What is seen: bool (out, in, above + 1, columns), the pixel itself in the last row at column `side`.

    `into` and `out` are the colours of the input and output channels. A kernel of one row ends at its own pixel.
    """
    right = side if above else 0
    mask = torch.ones(len(out), len(into), above + 1, side + 1 + right, dtype=torch.bool)
    if kind != "rows":
        mask[:, :, -1, side + 1 :] = False
        mask[:, :, -1, side] = out[:, None] > into if kind == "A" else out[:, None] >= into
    return mask


class MaskedConv(nn.Module):
    """A convolution that looks `above` rows up and `side` columns to both sides, (n, in, h, w) to (n, out, h, w).

    Outside the image are zeros. Initialised as torch does it, U(-a, a) with a = 1 / sqrt(inputs), but counting only
    the inputs that are seen: else a first layer of type A would start with half the variance.
    """

    mask: Tensor

    def __init__(self, into: Tensor, out: Tensor, above: int, side: int, kind: Kind) -> None:
        super().__init__()
        mask = causal_mask(into, out, above, side, kind)
        self.register_buffer("mask", mask, persistent=False)  # it follows from the spec
        self.into, self.out = into, out
        self.above, self.left, self.right = above, side, mask.shape[3] - side - 1
        bound = (mask.sum() / len(out)).clamp(min=1).rsqrt()
        self.weight = nn.Parameter((2 * torch.rand(mask.shape) - 1) * bound)
        self.bias = nn.Parameter((2 * torch.rand(len(out)) - 1) * bound)

    def seen_weight(self) -> Tensor:
        """The weights with zeros where nothing may be seen."""
        return self.weight * self.mask

    def forward(self, x: Tensor) -> Tensor:
        """The whole image at once."""
        return self.convolved(pad(x, (self.left, self.right, self.above, 0)) if self.mask[0, 0].numel() > 1 else x)

    def convolved(self, x: Tensor) -> Tensor:
        """The same of an input that is padded already."""
        out = conv2d(x, self.seen_weight(), self.bias)
        # Channels last in memory: on a CPU, the convolutions that follow are then up to twice as fast.
        return out.contiguous(memory_format=torch.channels_last)

    def hidden_weights(self) -> int:
        """How many weights the mask makes idle."""
        return int((~self.mask).sum())

    def spread(self, seen: Tensor) -> Tensor:
        """What the outputs depend on if the inputs depend on `seen`, bool (colours, h, w, sites): of the same kind.

        Follows the mask tap by tap, from groups to groups, inside the image.
        """
        height, width = seen.shape[1:3]
        padded = pad(seen, (0, 0, self.left, self.right, self.above, 0))
        groups = int(self.out.max()) + 1
        found = torch.zeros((groups, *seen.shape[1:]), dtype=torch.bool)
        for k in range(groups):
            for g in range(len(seen)):
                taps = self.mask[self.out == k][:, self.into == g].cpu().any(0).any(0)
                for row, column in taps.nonzero().tolist():
                    found[k] |= padded[g, row : row + height, column : column + width]
        return found


Look = Callable[[MaskedConv, Tensor], Tensor]
"""How a convolution is applied: to whole images, or as a walk does it. The layers of a model are written once."""


def whole(conv: MaskedConv, x: Tensor) -> Tensor:
    """To whole images (n, in, h, w)."""
    return conv(x)  # type: ignore[no-any-return]


class PixelWalk:
    """Applies convolutions at one pixel after another: x (n, in) to (n, out), at `column` of the present row."""

    def __init__(self, convs: Iterable[MaskedConv], n: int, width: int) -> None:
        self.caches = {conv: _Pixels(conv, n, width) for conv in convs}
        self.column = 0

    def __call__(self, conv: MaskedConv, x: Tensor) -> Tensor:
        """Note the input at the present pixel, and look at all that was noted around it."""
        return self.caches[conv].look(self.column, x)

    def note(self, conv: MaskedConv, x: Tensor) -> None:
        """Set the input of a convolution at the present pixel, without looking."""
        self.caches[conv].note(self.column, x)

    def next_row(self) -> None:
        """Go down one row."""
        for cache in self.caches.values():
            cache.next_row()

    def choose(self, rows: Tensor) -> None:
        """Go on with these examples (n,), some of them several times."""
        for cache in self.caches.values():
            cache.memory = cache.memory[rows]


class _Pixels:
    """The input of one convolution around the present pixel: (n, above + 1, width with margins, in)."""

    def __init__(self, conv: MaskedConv, n: int, width: int) -> None:
        weight = conv.seen_weight()
        self.flat = weight.permute(2, 3, 1, 0).flatten(0, 2).contiguous()  # as a window lies in the memory
        self.bias, self.left, self.columns = conv.bias, conv.left, weight.shape[3]
        self.single = weight[0, 0].numel() == 1
        size = (n, conv.above + 1, conv.left + width + conv.right, weight.shape[1])
        self.memory = weight.new_zeros((n, 0) if self.single else size)

    def note(self, column: int, x: Tensor) -> None:
        self.memory[:, -1, column + self.left] = x

    def look(self, column: int, x: Tensor) -> Tensor:
        if not self.single:
            self.note(column, x)
            x = self.memory[:, :, column : column + self.columns].flatten(1)
        return torch.addmm(self.bias, x, self.flat)

    def next_row(self) -> None:
        if not self.single:
            self.memory = torch.cat([self.memory[:, 1:], torch.zeros_like(self.memory[:, :1])], 1)


class RowWalk:
    """Applies convolutions to one whole row after another: x (n, in, 1, w) to (n, out, 1, w)."""

    def __init__(self, convs: Iterable[MaskedConv], n: int, width: int) -> None:
        self.above = {conv: conv.weight.new_zeros(n, len(conv.into), conv.above, width) for conv in convs}

    def __call__(self, conv: MaskedConv, x: Tensor) -> Tensor:
        """Look at this row and the rows noted above it, and note it."""
        rows = torch.cat([self.above[conv], x], 2)
        self.above[conv] = rows[:, :, 1:]
        return conv.convolved(pad(rows, (conv.left, conv.right)))

    def choose(self, rows: Tensor) -> None:
        """Go on with these examples (n,), some of them several times."""
        self.above = {conv: noted[rows] for conv, noted in self.above.items()}
