"""Convolutional encoder and decoder for pictures of any size: each stage halves height and width, rounding up."""

from __future__ import annotations

from itertools import pairwise

from torch import Tensor, nn

from gm_core.nn.mlp import Activation, activation
from gm_core.protocol.cards import DataCard
from gm_core.spec import SpecError


def halvings(height: int, width: int, stages: int) -> tuple[tuple[int, int], ...]:
    """The sizes on the way down, the picture's own first: 28x28 with 2 stages gives 28, 14, 7."""
    sizes = [(height, width)]
    for _ in range(stages):
        h, w = sizes[-1]
        sizes.append(((h + 1) // 2, (w + 1) // 2))
    return tuple(sizes)


def conv_fault(card: DataCard, channels: tuple[int, ...]) -> SpecError | None:
    """Why convolutions with these channels cannot look at such examples, if they cannot."""
    if card.kind != "images" or min(card.shape[1:]) < 8:
        found = f"'conv' but {card.title} has examples of shape {card.shape}"
        return SpecError("model.network", f"model.network is {found}; it needs pictures of 8x8 or more: choose 'mlp'")
    if not channels:
        return SpecError("model.channels", "model.channels is empty; expected one number a stage, such as [32, 64]")
    return None


def stages(channels: tuple[int, ...]) -> tuple[int, ...]:
    """The channels as they are, if they are of one to six stages."""
    if not 1 <= len(channels) <= 6:
        raise SpecError("channels", f"channels has {len(channels)} stages; give 1 to 6, for example [32, 64]")
    return channels


class ConvEncoder(nn.Module):
    """Strided 3x3 convolutions and one linear map: (n, c, h, w) to (n, d_out)."""

    def __init__(self, shape: tuple[int, ...], channels: tuple[int, ...], d_out: int, bend: Activation) -> None:
        super().__init__()
        c, h, w = shape
        layers: list[nn.Module] = []
        for before, after in pairwise((c, *channels)):
            layers += [nn.Conv2d(before, after, 3, stride=2, padding=1), activation(bend)]
        self.stages = nn.Sequential(*layers)
        low_h, low_w = halvings(h, w, len(channels))[-1]
        self.out = nn.Linear(channels[-1] * low_h * low_w, d_out)

    def forward(self, x: Tensor) -> Tensor:
        """(n, c, h, w) to (n, d_out)."""
        out: Tensor = self.out(self.stages(x).flatten(1))
        return out


class ConvDecoder(nn.Module):
    """The encoder's way back: one linear map and transposed 4x4 convolutions, (n, d_in) to (n, c, h, w).

    A stage doubles; where the size on the way down was odd, the last row and column are cut off again. A kernel of 4
    with stride 2 covers every pixel equally often, so that no checkerboard is built in.
    """

    def __init__(self, d_in: int, channels: tuple[int, ...], shape: tuple[int, ...], bend: Activation) -> None:
        super().__init__()
        c, h, w = shape
        self.sizes = halvings(h, w, len(channels))[::-1]
        self.low = (channels[-1], *self.sizes[0])
        self.into = nn.Linear(d_in, channels[-1] * self.sizes[0][0] * self.sizes[0][1])
        self.stages = nn.ModuleList(
            nn.ConvTranspose2d(before, after, 4, stride=2, padding=1)
            for before, after in pairwise((*channels[::-1], c))
        )
        self.bend = activation(bend)

    def forward(self, z: Tensor) -> Tensor:
        """(n, d_in) to (n, c, h, w)."""
        x: Tensor = self.into(z).unflatten(-1, self.low)
        for stage, (h, w) in zip(self.stages, self.sizes[1:]):
            x = stage(self.bend(x))[..., :h, :w]
        return x
