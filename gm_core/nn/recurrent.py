"""LSTM layers that run over a picture: row after row, or diagonal after diagonal in both directions.

    [o, f, i, g] = bend(K_ss * h_before + K_is * x)        bend: a sigmoid for the gates o, f, i; tanh for g
    c = f c_before + i g,    h = o tanh(c)                 (van den Oord et al. 2016, arXiv:1601.06759, eq. 3)

K_is * x, the input-to-state part, is computed for the whole map before the recurrence begins; the loop over rows or
diagonals takes all their places, and all examples, in one matrix product. Maps are laid out (h, w, n, features), see
`masked_rows`, which also explains `reach`. For drawing, `begin` gives a memory that takes one pixel after another.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from gm_core.nn.masked_rows import MaskedLinear, beside, up_to

GATES = 4


def lstm(gates: Tensor, c: Tensor | None) -> tuple[Tensor, Tensor]:
    """One step of an LSTM: gates (..., 4 d) in the order o, f, i, g and the memory c (..., d) to new h and c.

    Without c the memory was empty.
    """
    size = gates.shape[-1] // GATES
    o, f, i = gates[..., : 3 * size].sigmoid().chunk(3, -1)
    fresh = i * gates[..., 3 * size :].tanh()
    new = fresh if c is None else f * c + fresh
    return o * new.tanh(), new


class Memory(ABC):
    """What a recurrent layer remembers while pixels come one after another, for n examples at once."""

    @abstractmethod
    def column(self, column: int, x: Tensor) -> Tensor:
        """The layer's output (n, hidden) at the next pixel of the present row, from its input x (n, d_in) there.

        May be called again for the same pixel, when more of its colours are known; the last call counts.
        """

    @abstractmethod
    def end_row(self, pixels: Tensor) -> None:
        """The present row is complete, with these values (w, n, colours); go to the next."""

    @abstractmethod
    def choose(self, rows: Tensor) -> None:
        """Go on with these examples, some of them several times."""


class Recurrent(nn.Module, ABC):
    """A recurrent layer over pictures: (h, w, n, d_in) to (h, w, n, hidden). Labels y (n,) shift the gates."""

    bias: nn.Parameter

    @abstractmethod
    def forward(self, x: Tensor, pixels: Tensor, y: Tensor | None) -> Tensor:
        """The whole map at once; `pixels` (h, w, n, colours) is the picture itself."""

    @abstractmethod
    def reach(self, seen: Tensor, pixels: Tensor) -> Tensor:
        """Where sources arrive through this layer, from where they have arrived in x and in the picture."""

    @abstractmethod
    def begin(self, n: int, width: int, y: Tensor | None) -> Memory:
        """An empty memory for n examples with rows of that width."""

    def shift(self, y: Tensor | None) -> Tensor:
        """The bias of the gates: (n, gates) for labels, (gates,) without."""
        return self.bias[0] if y is None else self.bias[y]


class RowLSTM(Recurrent):
    """Goes down row by row; a state hears of the 2 reach + 1 states above it, so that it sees a triangle.

    Input-to-state: a masked 1 x (2 reach + 1) convolution (mask B) along the row; state-to-state: an unmasked one over
    the states of the row above, all of which is past.
    """

    def __init__(self, d_in: int, hidden: int, colours: int, reach: int, classes: int = 0) -> None:
        super().__init__()
        self.hidden, self.aside = hidden, reach
        self.inward = MaskedLinear(d_in, GATES * hidden, colours, GATES, before=reach, bias=False)
        self.onward = nn.Linear((2 * reach + 1) * hidden, GATES * hidden, bias=False)
        self.bias = nn.Parameter(_open_gates(max(classes, 1), hidden))

    def forward(self, x: Tensor, pixels: Tensor, y: Tensor | None) -> Tensor:
        """A loop over rows."""
        gates = self.inward(x) + self.shift(y)
        onward = self.onward.weight.t()
        rows: list[Tensor] = []
        c: Tensor | None = None
        for row in gates.unbind(0):
            if rows:
                heard = beside(rows[-1], self.aside).flatten(0, 1)
                row = torch.addmm(row.flatten(0, 1), heard, onward).view_as(row)
            h, c = lstm(row, c)
            rows.append(h)
        return torch.stack(rows)

    def reach(self, seen: Tensor, pixels: Tensor) -> Tensor:
        """What the input sees, and what the states above have seen."""
        found = self.inward.reach(seen)
        for above, row in pairwise(found):
            for tap in beside(above.any(-1, keepdim=True).float(), self.aside).unbind(-1):
                row |= tap.bool()[..., None]
        return found

    def begin(self, n: int, width: int, y: Tensor | None) -> Memory:
        """The states of the row above, and what of them arrives at each pixel of this one."""
        return _RowMemory(self, n, width, y)


class _RowMemory(Memory):
    def __init__(self, layer: RowLSTM, n: int, width: int, y: Tensor | None) -> None:
        weight = layer.onward.weight
        self.layer, self.kernel = layer, layer.inward.kernel().t()
        self.start = layer.shift(y).expand(n, -1)
        self.gates = self.start.expand(width, -1, -1)
        self.inputs = weight.new_zeros(width + layer.aside, n, layer.inward.in_features // (layer.aside + 1))
        self.h = weight.new_zeros(width, n, layer.hidden)
        self.c, self.above = torch.zeros_like(self.h), torch.zeros_like(self.h)

    def column(self, column: int, x: Tensor) -> Tensor:
        aside = self.layer.aside
        self.inputs[column + aside] = x
        if aside:
            x = torch.cat([*self.inputs[column : column + aside + 1]], -1)
        h, self.c[column] = lstm(torch.addmm(self.gates[column], x, self.kernel), self.above[column])
        self.h[column] = h
        return h

    def end_row(self, pixels: Tensor) -> None:
        self.gates = self.start + self.layer.onward(beside(self.h, self.layer.aside))
        self.above, self.c = self.c, self.above

    def choose(self, rows: Tensor) -> None:
        self.start, self.gates, self.inputs = self.start[rows], self.gates[:, rows], self.inputs[:, rows]
        self.h, self.c, self.above = self.h[:, rows], self.c[:, rows], self.above[:, rows]


class DiagonalBiLSTM(Recurrent):
    """Goes along diagonals from both upper corners at once, so that every pixel hears of all that came before it.

    The state at a pixel hears of the states above and beside it; in the skewed map these are two neighbours in the
    column before, which is the paper's 2 x 1 convolution. Only places inside the picture are computed; beyond its
    edges states are zero. The direction from the right is moved down by one row before both are added, so that no
    pixel hears of what follows it. Its row is then complete: the first layer lets it see `own` colours of the picture
    unmasked, since otherwise the last pixel of the row above would hide from all but the nearest pixels.
    """

    def __init__(self, d_in: int, hidden: int, colours: int, classes: int = 0, own: int = 0) -> None:
        super().__init__()
        self.hidden, self.own = hidden, own
        gates = GATES * hidden
        self.inward = MaskedLinear(d_in, 2 * gates, colours, 2 * GATES, bias=False)
        self.picture = nn.Linear(own, gates, bias=False) if own else None
        bound = hidden**-0.5
        # for each direction: the states above, then those beside, to the gates
        self.onward = nn.Parameter(torch.empty(2, 2 * hidden, gates).uniform_(-bound, bound))
        self.bias = nn.Parameter(_open_gates(max(classes, 1), hidden).repeat(1, 2))

    def forward(self, x: Tensor, pixels: Tensor, y: Tensor | None) -> Tensor:
        """A loop over diagonals, both directions in one product."""
        right, left = (self.inward(x) + self.shift(y)).chunk(2, -1)
        if self.picture is not None:
            left = left + self.picture(pixels)
        height, width = x.shape[:2]
        diagonals = [torch.stack(both) for both in zip(skew(right), skew(left.flip(1)))]
        before, c = None, None
        states: list[Tensor] = []
        for number, gates in enumerate(diagonals):
            rows = gates.shape[1]
            if before is not None and c is not None:
                start = int(number >= width)  # the first row has left the picture: its state is the first one's upper
                before, c = pad(before, (0, 0, 0, 0, 1, 1)), pad(c, (0, 0, 0, 0, 1, 1))
                heard = torch.cat([before[:, start : start + rows], before[:, start + 1 : start + 1 + rows]], -1)
                gates = torch.baddbmm(gates.flatten(1, 2), heard.flatten(1, 2), self.onward).view_as(gates)
                c = c[:, start + 1 : start + 1 + rows]
            before, c = lstm(gates, c)
            states.append(before)
        from_left, from_right = (unskew([s[side] for s in states], height, width) for side in (0, 1))
        return from_left + pad(from_right.flip(1)[:-1], (0, 0, 0, 0, 0, 0, 1, 0))

    def reach(self, seen: Tensor, pixels: Tensor) -> Tensor:
        """What both directions have gathered, the one from the right a row later."""
        right = _gather(up_to(seen))
        left = up_to(seen)
        if self.own:
            left = left | pixels.any(-1, keepdim=True)
        left = _gather(left.flip(1)).flip(1)
        right[1:] |= left[:-1]
        return right

    def begin(self, n: int, width: int, y: Tensor | None) -> Memory:
        """The row above of both directions; the one from the right is computed when a row is complete."""
        return _DiagonalMemory(self, n, width, y)


class _DiagonalMemory(Memory):
    def __init__(self, layer: DiagonalBiLSTM, n: int, width: int, y: Tensor | None) -> None:
        size, self.layer = layer.hidden, layer
        self.kernels = [kernel.t() for kernel in layer.inward.kernel().chunk(2)]
        self.start = [part.expand(n, -1) for part in layer.shift(y).chunk(2, -1)]
        self.up, self.beside = layer.onward[:, :size], layer.onward[:, size:]
        self.gates = self.start[0].expand(width, -1, -1)
        self.inputs = layer.bias.new_zeros(width, n, layer.inward.in_features)
        self.h, self.c = (layer.bias.new_zeros(width + 1, n, size) for _ in range(2))  # the last is left of the first
        self.other = layer.bias.new_zeros(width, n, size)  # from the right, in the row above

    def column(self, column: int, x: Tensor) -> Tensor:
        self.inputs[column] = x
        gates = torch.addmm(self.gates[column], x, self.kernels[0]).addmm_(self.h[column - 1], self.beside[0])
        h, self.c[column] = lstm(gates, self.c[column - 1])
        self.h[column] = h
        return h + self.other[column]

    def end_row(self, pixels: Tensor) -> None:
        self.gates = self.start[0] + self.h[:-1] @ self.up[0]
        gates = self.start[1] + self.inputs @ self.kernels[1] + self.other @ self.up[1]
        if self.layer.picture is not None:
            gates += self.layer.picture(pixels)
        h, c = lstm(gates[-1], None)
        states = [h]
        for row in gates[:-1].flip(0):
            h, c = lstm(torch.addmm(row, h, self.beside[1]), c)
            states.append(h)
        self.other = torch.stack(states[::-1])

    def choose(self, rows: Tensor) -> None:
        self.start = [part[rows] for part in self.start]
        self.gates, self.inputs, self.other = self.gates[:, rows], self.inputs[:, rows], self.other[:, rows]
        self.h, self.c = self.h[:, rows], self.c[:, rows]


def skew(x: Tensor) -> tuple[Tensor, ...]:
    """The diagonals of a map (h, w, ...), from its upper left corner on: the k-th has the pixels with row + column = k.

    They are what is left of the columns of the paper's skewed map, in which each row is moved one place further to the
    right, when the places outside of the picture are cut off. Each is (rows on it, ...), from the uppermost row down.
    """
    order, lengths = _diagonals(*x.shape[:2])
    return torch.split(x.flatten(0, 1)[torch.tensor(order, device=x.device)], lengths)


def unskew(diagonals: list[Tensor] | tuple[Tensor, ...], height: int, width: int) -> Tensor:
    """The map (h, w, ...) again from its diagonals."""
    order, _ = _diagonals(height, width)
    back = torch.tensor(order, device=diagonals[0].device).argsort()
    pixels = torch.cat([*diagonals])[back]
    return pixels.reshape(height, width, *pixels.shape[1:])


def _diagonals(height: int, width: int) -> tuple[list[int], list[int]]:
    """Pixels diagonal by diagonal, and how many each has."""
    found = [
        [row * width + number - row for row in range(max(0, number - width + 1), min(height, number + 1))]
        for number in range(height + width - 1)
    ]
    return [pixel for diagonal in found for pixel in diagonal], [len(diagonal) for diagonal in found]


def _gather(found: Tensor) -> Tensor:
    """What states know when each hears all colours of the states above and to the left of it."""
    found = found.clone()
    for row in range(found.shape[0]):
        for column in range(found.shape[1]):
            if row:
                found[row, column] |= found[row - 1, column].any(-1, keepdim=True)
            if column:
                found[row, column] |= found[row, column - 1].any(-1, keepdim=True)
    return found


def _open_gates(classes: int, hidden: int) -> Tensor:
    """Biases of the gates, (classes, 4 hidden): 1 for the gate that keeps, so that memory is long at first."""
    bias = torch.zeros(classes, GATES * hidden)
    bias[:, hidden : 2 * hidden] = 1.0
    return bias
