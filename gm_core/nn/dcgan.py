"""The two networks of a DCGAN: convolutions that grow a code into a picture, and others that shrink a picture back.

Radford, Metz & Chintala 2016, arXiv:1511.06434, section 3. Departures: pictures of any size (a stage halves, rounding
up; on the way up the row and column too many are cut off), group normalisation in the generator where they have batch
normalisation, and none in the discriminator, so that no example knows of its neighbours in the batch.
"""

from __future__ import annotations

from itertools import pairwise

import torch.nn.functional as F
from torch import Tensor, nn

from gm_core.nn.conv import halvings
from gm_core.nn.unet import group_norm

LEAK = 0.2


class Grower(nn.Module):
    """A code (n, d_in) to a picture (n, c, h, w) in -1..1; `channels` from fine to coarse, a doubling each."""

    def __init__(self, d_in: int, shape: tuple[int, ...], channels: tuple[int, ...], normalised: bool) -> None:
        super().__init__()
        c, h, w = shape
        self.sizes = halvings(h, w, len(channels))[::-1]
        self.low = (channels[-1], *self.sizes[0])
        self.into = nn.Linear(d_in, channels[-1] * self.sizes[0][0] * self.sizes[0][1])
        widths = channels[::-1]
        self.norms = nn.ModuleList(group_norm(width) if normalised else nn.Identity() for width in widths)
        self.stages = nn.ModuleList(
            nn.ConvTranspose2d(before, after, 4, stride=2, padding=1) for before, after in pairwise((*widths, c))
        )

    def forward(self, z: Tensor) -> Tensor:
        """(n, d_in) to (n, c, h, w)."""
        x: Tensor = self.into(z).unflatten(-1, self.low)
        for norm, stage, (h, w) in zip(self.norms, self.stages, self.sizes[1:], strict=True):
            x = stage(F.relu(norm(x)))[..., :h, :w]
        return x.tanh()


class Shrinker(nn.Module):
    """A picture (n, c, h, w) to features (n, size): strided 4x4 convolutions, a halving each, rounding up."""

    def __init__(self, shape: tuple[int, ...], channels: tuple[int, ...]) -> None:
        super().__init__()
        c, h, w = shape
        sizes = halvings(h, w, len(channels))
        self.stages = nn.ModuleList(
            nn.Conv2d(before, after, 4, stride=2, padding=1) for before, after in pairwise((c, *channels))
        )
        # An odd side gets one more row or column of zeros, so that it is halved rounding up, as the generator's are.
        self.pads = [(w % 2, h % 2) for h, w in sizes[:-1]]
        self.size = channels[-1] * sizes[-1][0] * sizes[-1][1]

    def forward(self, x: Tensor) -> Tensor:
        """(n, c, h, w) to (n, size)."""
        for stage, (right, below) in zip(self.stages, self.pads, strict=True):
            x = F.leaky_relu(stage(F.pad(x, (0, right, 0, below))), LEAK)
        return x.flatten(1)
