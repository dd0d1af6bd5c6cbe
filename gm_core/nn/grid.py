"""From pictures to a grid of vectors and back: convolutions only, so that each cell is about its own part."""

from __future__ import annotations

from itertools import pairwise

from torch import Tensor, nn

from gm_core.nn.conv import halvings
from gm_core.nn.mlp import Activation, activation


class Residual(nn.Module):
    """x + a 1x1 convolution of a 3x3 one, each after a bend (He et al. 2016, arXiv:1603.05027)."""

    def __init__(self, channels: int, bend: Activation) -> None:
        super().__init__()
        self.net = nn.Sequential(
            activation(bend),
            nn.Conv2d(channels, channels, 3, padding=1),
            activation(bend),
            nn.Conv2d(channels, channels, 1),
        )

    def forward(self, x: Tensor) -> Tensor:
        """(n, channels, h, w), the same shape."""
        out: Tensor = x + self.net(x)
        return out


class GridEncoder(nn.Module):
    """Strided 3x3 convolutions, each halving and rounding up, then residual blocks: (n, c, h, w) to (n, d, h', w')."""

    def __init__(
        self, shape: tuple[int, ...], channels: tuple[int, ...], residual: int, d_out: int, bend: Activation
    ) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for number, (before, after) in enumerate(pairwise((shape[0], *channels))):
            layers += [activation(bend)] if number else []
            layers.append(nn.Conv2d(before, after, 3, stride=2, padding=1))
        layers += [Residual(channels[-1], bend) for _ in range(residual)]
        self.net = nn.Sequential(*layers, activation(bend), nn.Conv2d(channels[-1], d_out, 1))

    def forward(self, x: Tensor) -> Tensor:
        """(n, c, h, w) to (n, d_out, h', w')."""
        out: Tensor = self.net(x)
        return out


class GridDecoder(nn.Module):
    """The encoder's way back: residual blocks and transposed 4x4 convolutions, (n, d, h', w') to (n, c, h, w).

    A stage doubles; where the size on the way down was odd, the last row and column are cut off again.
    """

    def __init__(
        self, d_in: int, channels: tuple[int, ...], residual: int, shape: tuple[int, ...], bend: Activation
    ) -> None:
        super().__init__()
        self.sizes = halvings(shape[1], shape[2], len(channels))[::-1]
        blocks = [Residual(channels[-1], bend) for _ in range(residual)]
        self.into = nn.Sequential(nn.Conv2d(d_in, channels[-1], 3, padding=1), *blocks)
        self.stages = nn.ModuleList(
            nn.ConvTranspose2d(before, after, 4, stride=2, padding=1)
            for before, after in pairwise((*channels[::-1], shape[0]))
        )
        self.bend = activation(bend)

    def forward(self, z: Tensor) -> Tensor:
        """(n, d_in, h', w') to (n, c, h, w)."""
        x: Tensor = self.into(z)
        for stage, (h, w) in zip(self.stages, self.sizes[1:], strict=True):
            x = stage(self.bend(x))[..., :h, :w]
        return x
