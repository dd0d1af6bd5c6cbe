"""PixelCNN, plain and gated: convolutions whose masks keep the future out of sight.

    p(x|y) = prod_i p(x_i,R | x_<i, y) p(x_i,G | x_<i, x_i,R, y) p(x_i,B | x_<i, x_i,R, x_i,G, y)    pixels i row by row

Plain: van den Oord, Kalchbrenner & Kavukcuoglu 2016, "Pixel recurrent neural networks", arXiv:1601.06759, eq. 1 and 2,
sections 3.3 to 3.5: a masked convolution of type A, residual ones of type B, and two of 1x1. Above a pixel it sees a
cone with a blind spot: a 3x3 kernel reaches up to the right by at most one column a row.

Gated: van den Oord et al. 2016, "Conditional image generation with PixelCNN decoders", arXiv:1606.05328, section 2.
A vertical stack sees all rows above, a horizontal one the row to the left and what the vertical one found a row higher;
both stacks have gates, shifted by the label:

    z = tanh(W_f * x + V_f y) . sigmoid(W_g * x + V_g y)                                                         (eq. 4)

Our departures: SiLU in place of ReLU; the plain model has one convolution in a residual block (not 1x1, 3x3, 1x1) and
takes labels too, as a shift after each layer; of two levels the logit of the higher is learned; no convolution sees
margins of its own, only zeros outside of an image in -1..1; levels that are mere names, such as the codes of a VQ-VAE,
may be shown to the layers as one input each.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import silu

from gm_core.model import model
from gm_core.nn.masked_conv import Look, MaskedConv, PixelWalk, RowWalk, colour_groups, whole
from gm_core.parts.autoregressive import Autoregressive
from gm_core.parts.choices import SitesSpec
from gm_core.parts.conditionals import Levels
from gm_core.parts.orders import make_order
from gm_core.parts.sequential import Stepper
from gm_core.protocol.cards import DataCard
from gm_core.spec import param

Shifts = list[Tensor | None]


class MasksSpec(SitesSpec):
    """What can be chosen of both kinds."""

    channels: int = param(12, "Channels of each hidden layer, shared out among the colours.", lo=4, hi=512)
    layers: int = param(3, "Layers after the first; each sees a little further.", lo=1, hi=40)
    first_reach: int = param(3, "How far the first layer looks, up and to each side; 3: a kernel of 7x7.", lo=1, hi=7)
    reach: int = param(1, "The same for the layers after it; 1: kernels of 3x3.", lo=1, hi=5)
    inputs: Literal["size", "one_hot"] = param(
        "size",
        "What a pixel is to those after it: a number, its size, or one input for each level (one_hot), which suits "
        "levels without an order, such as codes.",
    )


class _Masked(Autoregressive):
    """What both kinds share: images in, logits of sites out, and class shifts."""

    accepts = frozenset({"images", "binary", "levels"})
    small = False
    long_operations = True
    spec: MasksSpec

    def __init__(self, spec: MasksSpec, card: DataCard, shifts: int, size: int) -> None:
        super().__init__(spec, card, make_order("raster", card.shape), one_hot=spec.inputs == "one_hot")
        self.colours = torch.arange(card.shape[0])
        self.inputs = self.colours.repeat_interleave(self.features)  # the colour of each channel that comes in
        self.inside = colour_groups(spec.channels, card.shape[0])
        self.head = MaskedConv(self.inside, self.inside, 0, 0, "B")
        self.out = MaskedConv(self.inside, self.colours.repeat_interleave(self.width), 0, 0, "B")
        self.shifts = shifts
        if self.classes:
            self.by_class = nn.Embedding(self.classes, shifts * size)
            nn.init.zeros_(self.by_class.weight)

    @abstractmethod
    def hidden(self, x: Tensor, shifts: Shifts) -> Tensor:
        """Features of all pixels (n, channels, h, w) of images x (n, inputs, h, w)."""

    @abstractmethod
    def hidden_sees(self, pixels: Tensor) -> Tensor:
        """What the features depend on, bool (colours, h, w, sites), if pixels depend on themselves."""

    def logits(self, u: Tensor, y: Tensor | None, order: str = "") -> Tensor:
        """All logits by one pass over the image: (n, sites, width)."""
        x = self.shown(u).reshape(-1, *self.card.shape, self.features).movedim(-1, 2).flatten(1, 2)
        found = self.finish(whole, self.hidden(x, self.shifts_for(y)))
        by_colour: Tensor = found.unflatten(1, (len(self.colours), self.width))
        return by_colour.movedim(2, -1).flatten(1, 3)

    def shown(self, u: Tensor) -> Tensor:
        """Embedded values as the first layer sees them: sizes in -1..1, so that 0 outside of the image is grey."""
        return u if self.one_hot else 2 * u - 1

    def finish(self, look: Look, h: Tensor) -> Tensor:
        """From features to logits, colour by colour along axis 1."""
        return look(self.out, silu(look(self.head, silu(h))))

    def shifts_for(self, y: Tensor | None) -> Shifts:
        """The shift of each layer for labels y (n,): as many tensors (n, size), or None."""
        if y is None:
            return [None] * self.shifts
        return list(self.by_class(y).chunk(self.shifts, -1))

    def support(self, order: str = "") -> Tensor:
        """What the masks let through, layer after layer."""
        pixels = torch.eye(self.sites, dtype=torch.bool).reshape(*self.card.shape, self.sites)
        seen = self.out.spread(self.head.spread(self.hidden_sees(pixels)))
        return seen.reshape(self.sites, self.sites).to(self.order.device)

    def free_parameters(self) -> int:
        """All weights but those behind masks."""
        idle = sum(layer.hidden_weights() for layer in self.modules() if isinstance(layer, MaskedConv))
        return super().free_parameters() - idle


@model("pixel_cnn", title="PixelCNN", paper="van den Oord, Kalchbrenner & Kavukcuoglu 2016, arXiv:1601.06759")
class PixelCNN(_Masked):
    """Draws each pixel from a window above and to the left of it, the same at every place, with a blind spot."""

    class Spec(MasksSpec):
        """What can be chosen of a PixelCNN."""

    def __init__(self, spec: Spec, card: DataCard) -> None:
        super().__init__(spec, card, spec.layers + 1, spec.channels)
        self.first = MaskedConv(self.inputs, self.inside, spec.first_reach, spec.first_reach, "A")
        self.layers = nn.ModuleList(
            MaskedConv(self.inside, self.inside, spec.reach, spec.reach, "B") for _ in range(spec.layers)
        )

    def blocks(self) -> list[MaskedConv]:
        """The layers after the first."""
        return [layer for layer in self.layers if isinstance(layer, MaskedConv)]

    def hidden(self, x: Tensor, shifts: Shifts) -> Tensor:
        """All pixels at once."""
        return self.flow(whole, x, shifts)

    def flow(self, look: Look, x: Tensor, shifts: Shifts) -> Tensor:
        """h = A(x), then h + B(silu(h)) in each layer."""
        h = _shifted(look(self.first, x), shifts[0])
        for layer, shift in zip(self.blocks(), shifts[1:]):
            h = h + _shifted(look(layer, silu(h)), shift)
        return h

    def hidden_sees(self, pixels: Tensor) -> Tensor:
        """A cone with a blind spot."""
        seen = self.first.spread(pixels)
        for layer in self.blocks():
            seen = seen | layer.spread(seen)
        return seen

    def begin(self, n: int, y: Tensor | None, order: str = "") -> Stepper:
        """Only the features of the present pixel are computed."""
        return _PlainSteps(self, n, y)


class _GatedLayer(nn.Module):
    """One layer of both stacks, fig. 2 of arXiv:1606.05328."""

    def __init__(self, into: Tensor, above: Tensor, inside: Tensor, reach: int, first: bool) -> None:
        super().__init__()
        both = inside.repeat(2)  # what goes into tanh, and what goes into the gate
        anything = torch.zeros_like(both)  # rows above are known in all colours
        self.first = first
        self.vertical = MaskedConv(above, anything, reach, reach, "rows")
        self.horizontal = MaskedConv(into, both, 0, reach, "A" if first else "B")
        self.link = MaskedConv(anything, both, 0, 0, "rows")
        self.mix = MaskedConv(inside, inside, 0, 0, "B")

    def down(self, look: Look, v: Tensor, shift: Tensor | None) -> tuple[Tensor, Tensor]:
        """The vertical stack: features of the rows down to this one, and what the next row is told of them."""
        found = _shifted(look(self.vertical, v), shift)
        return _gated(found), look(self.link, found)

    def along(self, look: Look, h: Tensor, told: Tensor, shift: Tensor | None) -> Tensor:
        """The horizontal stack; its first layer has no way around, which would carry the pixel itself."""
        found = look(self.mix, _gated(_shifted(look(self.horizontal, h) + told, shift)))
        return found if self.first else h + found

    def sees(self, v: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        """What both stacks depend on after this layer, bool (colours, h, w, sites)."""
        found = self.vertical.spread(v)
        seen = self.mix.spread(self.horizontal.spread(h) | _down(self.link.spread(found), 1))
        return found, seen if self.first else h | seen


@model("gated_pixel_cnn", title="Gated PixelCNN", paper="van den Oord et al. 2016, arXiv:1606.05328")
class GatedPixelCNN(_Masked):
    """Draws each pixel from what two gated stacks of convolutions see above it and to its left; no blind spot."""

    class Spec(MasksSpec):
        """What can be chosen of a gated PixelCNN."""

    def __init__(self, spec: Spec, card: DataCard) -> None:
        super().__init__(spec, card, 2 * (spec.layers + 1), 2 * spec.channels)
        rows = torch.zeros_like(self.inside)
        after = (_GatedLayer(self.inside, rows, self.inside, spec.reach, False) for _ in range(spec.layers))
        first = _GatedLayer(self.inputs, self.inputs, self.inside, spec.first_reach, True)
        self.layers = nn.ModuleList([first, *after])

    def blocks(self) -> list[_GatedLayer]:
        """All layers."""
        return [layer for layer in self.layers if isinstance(layer, _GatedLayer)]

    def hidden(self, x: Tensor, shifts: Shifts) -> Tensor:
        """All pixels at once: what the vertical stack finds in a row is told to the row below."""
        told = [_down(found, 2) for found in self.down(whole, x, shifts)]
        return self.along(whole, x, told, shifts)

    def down(self, look: Look, x: Tensor, shifts: Shifts) -> list[Tensor]:
        """The vertical stack: what each layer tells the row below."""
        told = []
        for layer, shift in zip(self.blocks(), shifts[::2]):
            x, found = layer.down(look, x, shift)
            told.append(found)
        return told

    def along(self, look: Look, x: Tensor, told: list[Tensor], shifts: Shifts) -> Tensor:
        """The horizontal stack."""
        for layer, found, shift in zip(self.blocks(), told, shifts[1::2]):
            x = layer.along(look, x, found, shift)
        return x

    def hidden_sees(self, pixels: Tensor) -> Tensor:
        """All rows above, as far as the kernels reach, and the own row's left end."""
        v = h = pixels
        for layer in self.blocks():
            v, h = layer.sees(v, h)
        return h

    def begin(self, n: int, y: Tensor | None, order: str = "") -> Stepper:
        """The vertical stack goes row by row, the horizontal one pixel by pixel."""
        return _GatedSteps(self, n, y)


class _Steps(Stepper):
    """Pixel after pixel, from the inputs of all layers around the present one.

    The features of a pixel depend on all its colours but the last; so they are found anew for each colour, and what is
    found for the last one stays.
    """

    def __init__(self, model: PixelCNN | GatedPixelCNN, n: int, y: Tensor | None, looked_at: list[MaskedConv]) -> None:
        self.colours, _, self.columns = model.card.shape
        self.inputs, self.width, self.finish = model.features, model.width, model.finish
        self.embed, self.shown = model.embed, model.shown
        self.shifts = model.shifts_for(y)
        self.first = looked_at[0]
        self.walk = PixelWalk([*looked_at, model.head, model.out], n, self.columns)
        self.row = model.one.new_zeros(n, self.colours * self.inputs, self.columns)
        self.pixel, self.looked = 0, -1

    @abstractmethod
    def features(self, x: Tensor) -> Tensor:
        """Features (n, channels) of the present pixel x (n, inputs), of which later colours are hidden."""

    def at(self, rank: int) -> Levels:
        """The features of this pixel, given its earlier colours."""
        colour = self._go(rank)
        self.looked = rank
        logits = self.finish(self.walk, self.features(self.row[:, :, self.walk.column]))
        return Levels(logits[:, colour * self.width : (colour + 1) * self.width])

    def put(self, rank: int, values: Tensor) -> None:
        """Note the value; after the last colour, later pixels may look at all features of this one."""
        colour, column = self._go(rank), self.walk.column
        done = colour == self.colours - 1
        if done and self.looked != rank:
            self.features(self.row[:, :, column])
        own = slice(colour * self.inputs, (colour + 1) * self.inputs)
        self.row[:, own, column] = self.shown(self.embed(values[:, None]))[:, 0]
        if done:
            self.walk.note(self.first, self.row[:, :, column])

    def choose(self, rows: Tensor) -> None:
        """Go on with these rows."""
        self.walk.choose(rows)
        self.row = self.row[rows]
        self.shifts = [None if shift is None else shift[rows] for shift in self.shifts]

    def next_row(self) -> None:
        """Go down one row, whose values are not known yet."""
        self.walk.next_row()
        self.row = torch.zeros_like(self.row)

    def _go(self, rank: int) -> int:
        """Go to the pixel of a rank; returns which colour of it is meant."""
        pixel, colour = divmod(rank, self.colours)
        if pixel != self.pixel:
            self.pixel, self.walk.column = pixel, pixel % self.columns
            if self.walk.column == 0:
                self.next_row()
        return colour


class _PlainSteps(_Steps):
    def __init__(self, model: PixelCNN, n: int, y: Tensor | None) -> None:
        super().__init__(model, n, y, [model.first, *model.blocks()])
        self.flow = model.flow

    def features(self, x: Tensor) -> Tensor:
        return self.flow(self.walk, x, self.shifts)


class _GatedSteps(_Steps):
    def __init__(self, model: GatedPixelCNN, n: int, y: Tensor | None) -> None:
        layers = model.blocks()
        super().__init__(model, n, y, [conv for layer in layers for conv in (layer.horizontal, layer.mix)])
        self.down, self.along = model.down, model.along
        self.rows = RowWalk([conv for layer in layers for conv in (layer.vertical, layer.link)], n, self.columns)
        self.told = [model.one.new_zeros(n, len(layer.link.out), 1, self.columns) for layer in layers]

    def features(self, x: Tensor) -> Tensor:
        told = [found[:, :, 0, self.walk.column] for found in self.told]
        return self.along(self.walk, x, told, self.shifts)

    def next_row(self) -> None:
        """What the vertical stack finds in the row that is finished is all that the next one needs of it."""
        self.told = self.down(self.rows, self.row[:, :, None], self.shifts)
        super().next_row()

    def choose(self, rows: Tensor) -> None:
        super().choose(rows)
        self.rows.choose(rows)
        self.told = [found[rows] for found in self.told]


def _shifted(x: Tensor, shift: Tensor | None) -> Tensor:
    """x (n, c, ...) plus a number for each example and channel, or as it is."""
    return x if shift is None else x + shift.reshape(*shift.shape, *[1] * (x.ndim - 2))


def _gated(x: Tensor) -> Tensor:
    """tanh of the first half of the channels, times the sigmoid of the second."""
    f, g = x.chunk(2, 1)
    return f.tanh() * g.sigmoid()


def _down(x: Tensor, axis: int) -> Tensor:
    """Every row moved one down along `axis`; the first is zero."""
    first = torch.zeros_like(x.narrow(axis, 0, 1))
    return torch.cat([first, x.narrow(axis, 0, x.shape[axis] - 1)], axis)
