"""Pixel recurrent networks: an LSTM reads the picture from the top and says what each next pixel may be.

    log p(x) = sum_i log p(x_i | x_<i)                       raster order; of a pixel red, then green, then blue
    [o, f, i, g] = bend(K_ss * h_before + K_is * x)          for all places of a row, or of a diagonal, at once
    c = f c_before + i g,    h = o tanh(c)

van den Oord, Kalchbrenner & Kavukcuoglu 2016, "Pixel Recurrent Neural Networks", arXiv:1601.06759: the chain rule is
eq. 1, colours eq. 2, the LSTM eq. 3; Row LSTM section 3.1, Diagonal BiLSTM 3.2, residual blocks 3.3, masks 3.4, the
order of layers table 1: a 7x7 convolution with mask A, residual LSTM blocks of h features on a stream of 2h, two 1x1
convolutions with mask B, and a softmax (two levels: a coin).

Our departures: SiLU instead of ReLU between the last two convolutions, so that the gradient shows the whole receptive
field; the second of them gives the logits; `hidden` and `head` count features for each colour, so that they divide; the
forget gate starts open (bias 1); a label shifts the gates of every LSTM. In the first Diagonal BiLSTM the direction
from the right also sees the pixel of its own place, which is past once its map is moved down by one row: by mask A
alone the last pixel of the row above stays hidden from most of the row.
"""

from __future__ import annotations

from abc import abstractmethod

import torch
from torch import Tensor, nn
from torch.nn.functional import linear, pad, silu

from gm_core.model import model
from gm_core.nn.masked_conv import MaskedConv, colour_groups
from gm_core.nn.masked_rows import MaskedLinear
from gm_core.nn.recurrent import DiagonalBiLSTM, Recurrent, RowLSTM
from gm_core.parts.autoregressive import Autoregressive
from gm_core.parts.choices import SitesSpec
from gm_core.parts.conditionals import Levels
from gm_core.parts.orders import make_order
from gm_core.parts.sequential import Stepper
from gm_core.protocol.cards import DataCard
from gm_core.spec import param

PAPER = "van den Oord et al. 2016, arXiv:1601.06759"


class PixelRNNSpec(SitesSpec):
    """What both recurrent models of pixels let one choose."""

    hidden: int = param(16, "Features of an LSTM state, for each colour.", lo=1, hi=512, log=True)
    layers: int = param(2, "LSTM layers, each added to what came before it.", lo=1, hi=20)
    first: int = param(3, "Pixels that the first layer sees to each side and above; 3 is the paper's 7x7.", lo=1, hi=10)
    head: int = param(32, "Features between the last two layers, for each colour.", lo=1, hi=2048, log=True)


class PixelRNN(Autoregressive):
    """What the Row LSTM and the Diagonal BiLSTM share: all but the recurrent layer."""

    accepts = frozenset({"images", "binary", "levels"})
    small = False
    spec: PixelRNNSpec

    def __init__(self, spec: PixelRNNSpec, card: DataCard) -> None:
        super().__init__(spec, card, make_order("raster", card.shape))
        self.shape = card.shape
        colours = card.shape[0]
        stream, hidden, head = 2 * spec.hidden * colours, spec.hidden * colours, spec.head * colours
        into, out = colour_groups(colours, colours), colour_groups(stream, colours)
        self.first = MaskedConv(into, out, spec.first, spec.first, "A")
        self.rnn = nn.ModuleList(self.layer(number, stream, hidden) for number in range(spec.layers))
        self.up = nn.ModuleList(MaskedLinear(hidden, stream, colours) for _ in range(spec.layers))
        self.head = nn.ModuleList(
            [MaskedLinear(stream, head, colours), MaskedLinear(head, colours * self.width, colours)]
        )

    @abstractmethod
    def layer(self, number: int, d_in: int, hidden: int) -> Recurrent:
        """The recurrent layer of that number."""

    def blocks(self) -> list[tuple[Recurrent, MaskedLinear]]:
        """The recurrent layers, each with the 1x1 convolution that takes its states up to the stream."""
        found = zip(self.rnn, self.up)
        return [(rnn, up) for rnn, up in found if isinstance(rnn, Recurrent) and isinstance(up, MaskedLinear)]

    def free_parameters(self) -> int:
        """All weights that a mask does not hold at zero."""
        masked = (part for part in self.modules() if isinstance(part, MaskedConv | MaskedLinear))
        return super().free_parameters() - sum(part.hidden_weights() for part in masked)

    def logits(self, u: Tensor, y: Tensor | None, order: str = "") -> Tensor:
        """Logits of all sites: (n, sites, 1) to (n, sites, width)."""
        image = u.reshape(-1, *self.shape)
        pixels = image.permute(2, 3, 0, 1)
        x = self.first(image).permute(2, 3, 0, 1).contiguous()
        for rnn, up in self.blocks():
            x = x + up(rnn(x, pixels, y))
        return self.score(x).permute(2, 3, 0, 1, 4).reshape(-1, self.sites, self.width)

    def score(self, x: Tensor) -> Tensor:
        """The stream of features (..., stream) as logits (..., colours, width)."""
        for layer in self.head:
            x = layer(silu(x))
        return x.reshape(*x.shape[:-1], self.shape[0], self.width)

    def support(self, order: str = "") -> Tensor:
        """What the masks let through, layer by layer, for a source at each site."""
        each = torch.eye(self.sites, dtype=torch.bool)
        pixels = each.reshape(-1, *self.shape).permute(2, 3, 0, 1).contiguous()
        seen = self.first.spread(each.T.reshape(*self.shape, -1)).permute(1, 2, 3, 0)
        for rnn, up in self.blocks():
            seen = seen | up.reach(rnn.reach(seen, pixels))
        for layer in self.head:
            assert isinstance(layer, MaskedLinear)
            seen = layer.reach(seen)
        return seen.permute(3, 0, 1, 2).reshape(self.sites, self.sites).to(self.order.device)

    def begin(self, n: int, y: Tensor | None, order: str = "") -> Stepper:
        """One pixel of every layer at a time, with the states of the row above carried along."""
        return _Carried(self, n, y)


@model("row_lstm", title="Row LSTM (PixelRNN)", paper=PAPER)
class RowPixelRNN(PixelRNN):
    """Reads the picture row by row with an LSTM, and sees a triangle above each pixel."""

    class Spec(PixelRNNSpec):
        """What can be chosen of a Row LSTM."""

        reach: int = param(1, "States to each side that are heard of in the row above; 1 is a 3x1 kernel.", lo=0, hi=10)

    spec: Spec

    def layer(self, number: int, d_in: int, hidden: int) -> Recurrent:
        """Every layer is the same."""
        return RowLSTM(d_in, hidden, self.shape[0], self.spec.reach, self.classes)


@model("diagonal_bilstm", title="Diagonal BiLSTM (PixelRNN)", paper=PAPER)
class DiagonalPixelRNN(PixelRNN):
    """Reads the picture along diagonals from both upper corners with an LSTM, and sees all pixels before each."""

    class Spec(PixelRNNSpec):
        """What can be chosen of a Diagonal BiLSTM."""

        layers: int = param(1, "LSTM layers, each added to what came before it.", lo=1, hi=20)

    spec: Spec

    def layer(self, number: int, d_in: int, hidden: int) -> Recurrent:
        """The first one also sees the picture from the right."""
        own = 0 if number else self.shape[0]
        return DiagonalBiLSTM(d_in, hidden, self.shape[0], self.classes, own)


class _Carried(Stepper):
    """Remembers the picture so far, widened by its margins, and the memory of each layer."""

    def __init__(self, model: PixelRNN, n: int, y: Tensor | None) -> None:
        self.model, self.blocks = model, model.blocks()
        self.colours, self.rows, self.columns = model.shape
        self.size = size = model.spec.first
        self.wide = pad(model.one.new_zeros(n, *model.shape), (size, size, size, 0))
        self.kernel = model.first.seen_weight().flatten(1)
        self.memories = [rnn.begin(n, self.columns, y) for rnn, _ in self.blocks]
        self.logits: Tensor | None = None  # of the present pixel, if nothing was put since they were computed

    def at(self, rank: int) -> Levels:
        pixel, colour = divmod(rank, self.colours)
        return Levels(self._logits(pixel)[:, colour])

    def put(self, rank: int, values: Tensor) -> None:
        """The last colour of a pixel is seen by later pixels only, so the states of this one are then final."""
        pixel, colour = divmod(rank, self.colours)
        row, column = divmod(pixel, self.columns)
        if colour == self.colours - 1:
            self._logits(pixel)
        size = self.size
        self.wide[:, colour, row + size, column + size] = self.model.embed(values[:, None])[:, 0, 0]
        self.logits = None
        if colour == self.colours - 1 and column == self.columns - 1 and row < self.rows - 1:
            line = self.wide[:, :, row + size, size : size + self.columns].permute(2, 0, 1)
            for memory in self.memories:
                memory.end_row(line)

    def choose(self, rows: Tensor) -> None:
        self.wide = self.wide[rows]
        self.logits = None if self.logits is None else self.logits[rows]
        for memory in self.memories:
            memory.choose(rows)

    def _logits(self, pixel: int) -> Tensor:
        """Logits (n, colours, width) of a pixel; those of later colours than are known mean nothing."""
        if self.logits is None:
            row, column = divmod(pixel, self.columns)
            window = self.wide[:, :, row : row + self.size + 1, column : column + 2 * self.size + 1]
            x = linear(window.flatten(1), self.kernel, self.model.first.bias)
            for (_, up), memory in zip(self.blocks, self.memories):
                x = x + up(memory.column(column, x))
            self.logits = self.model.score(x)
        return self.logits
