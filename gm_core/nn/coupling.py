"""Affine couplings: maps that are undone as easily as done, and whose change of volume is a sum.

    z = b x + (1 - b) (x exp(s(b x)) + t(b x)),        ln |det dz/dx| = sum (1 - b) s(b x)

Dinh, Sohl-Dickstein & Bengio 2017, "Density estimation using Real NVP", arXiv:1605.08803, eq. 9 and 6: what the mask b
keeps decides how the rest is stretched (s) and shifted (t). s = g tanh(.) with a learned g, so that no stretch can run
away; the last layer of s and t begins at zero, so that a new coupling changes nothing.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gm_core.nn.embed import class_embedding


class DenseConditioner(nn.Module):
    """A perceptron of `depth` layers with SiLU that says s and t of points: x (n, size) to (n, 2 size).

    With `classes` its first layer is shifted by the class, y (n,).
    """

    def __init__(self, size: int, width: int, depth: int, classes: int = 0) -> None:
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(size if k == 0 else width, width) for k in range(depth))
        self.last = nn.Linear(width, 2 * size)
        nn.init.zeros_(self.last.weight)
        nn.init.zeros_(self.last.bias)
        self.labels = class_embedding(classes, width)

    def forward(self, x: Tensor, y: Tensor | None) -> Tensor:
        """s before its tanh, then t."""
        for number, layer in enumerate(self.layers):
            x = layer(x)
            if number == 0 and self.labels is not None:
                x = x + self.labels(y, len(x))
            x = F.silu(x)
        answer: Tensor = self.last(x)
        return answer


class ConvConditioner(nn.Module):
    """3x3 convolutions with SiLU that say s and t of pictures: x (n, c, h, w) to (n, 2c, h, w); classes as above."""

    def __init__(self, channels: int, width: int, depth: int, classes: int = 0) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            nn.Conv2d(channels if k == 0 else width, width, 3, padding=1) for k in range(depth)
        )
        self.last = nn.Conv2d(width, 2 * channels, 3, padding=1)
        nn.init.zeros_(self.last.weight)
        if self.last.bias is not None:
            nn.init.zeros_(self.last.bias)
        self.labels = class_embedding(classes, width)

    def forward(self, x: Tensor, y: Tensor | None) -> Tensor:
        """s before its tanh, then t."""
        for number, layer in enumerate(self.layers):
            x = layer(x)
            if number == 0 and self.labels is not None:
                x = x + self.labels(y, len(x))[:, :, None, None]
            x = F.silu(x)
        answer: Tensor = self.last(x)
        return answer


class AffineCoupling(nn.Module):
    """One coupling on examples (n, *shape); `mask` (*shape of what the conditioner sees) is 1 where x is kept.

    With `squeezed`, pictures are first laid out as four pictures of half the side (section 3.6), and back afterwards.
    """

    mask: Tensor

    def __init__(self, mask: Tensor, conditioner: nn.Module, squeezed: bool = False) -> None:
        super().__init__()
        self.register_buffer("mask", mask, persistent=False)
        self.conditioner = conditioner
        self.squeezed = squeezed
        self.reach = nn.Parameter(torch.ones(mask.shape[0], *(1,) * (mask.ndim - 1)))

    def forward(self, x: Tensor, y: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """z of x's shape, and ln |det dz/dx| (n,)."""
        x = squeeze(x) if self.squeezed else x
        s, t = self._told(x * self.mask, y)
        z = x * s.exp() + t
        return unsqueeze(z) if self.squeezed else z, s.flatten(1).sum(1)

    def inverse(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        """The x that is mapped to z."""
        z = squeeze(z) if self.squeezed else z
        s, t = self._told(z * self.mask, y)
        x = (z - t) * (-s).exp()
        return unsqueeze(x) if self.squeezed else x

    def _told(self, kept: Tensor, y: Tensor | None) -> tuple[Tensor, Tensor]:
        """s and t, both zero where x is kept."""
        s, t = self.conditioner(kept, y).chunk(2, 1)
        changed = 1.0 - self.mask
        return changed * self.reach * s.tanh(), changed * t


def squeeze(x: Tensor) -> Tensor:
    """Pictures (n, c, h, w) of even sides as (n, 4c, h/2, w/2): each square of four pixels becomes four channels."""
    n, c, h, w = x.shape
    return x.reshape(n, c, h // 2, 2, w // 2, 2).permute(0, 1, 3, 5, 2, 4).reshape(n, 4 * c, h // 2, w // 2)


def unsqueeze(x: Tensor) -> Tensor:
    """The inverse of `squeeze`."""
    n, c, h, w = x.shape
    return x.reshape(n, c // 4, 2, 2, h, w).permute(0, 1, 4, 2, 5, 3).reshape(n, c // 4, 2 * h, 2 * w)


def checkerboard(shape: tuple[int, ...], odd: bool) -> Tensor:
    """A mask that keeps every second number, or every second pixel of all channels (section 3.4); `odd` the others."""
    places = torch.stack(torch.meshgrid(*(torch.arange(side) for side in shape[-2:]), indexing="ij")).sum(0)
    return ((places + int(odd)) % 2 == 0).float().expand(shape).clone()


def by_channel(channels: int, turn: int, sides: tuple[int, ...]) -> Tensor:
    """A mask that keeps half of the channels (4, 8, 12 ... of them): in turns the first half, the second, even, odd."""
    number = torch.arange(channels)
    kept = (number < channels // 2, number >= channels // 2, number % 2 == 0, number % 2 == 1)[turn % 4]
    return kept.float()[:, None, None].expand(channels, *sides).clone()
