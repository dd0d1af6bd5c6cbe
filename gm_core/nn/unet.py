"""A small U-Net: down to coarse pictures and up again, with bridges that carry the fine detail across.

Ronneberger et al. 2015 with the residual blocks of Ho et al. 2020, appendix B. Departures: any picture size (a level
up takes the size of its bridge, so odd sizes need no padding), no convolution after growing, as few as one block a
level, attention at the lowest resolution only, GroupNorm with fewer groups where there are few channels.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gm_core.nn.attention import PixelAttention
from gm_core.nn.embed import TimeEmbedding, class_embedding, told


def group_norm(channels: int) -> nn.GroupNorm:
    """GroupNorm with up to 8 groups of at least 4 channels each, where the number of channels allows."""
    groups = next(g for g in range(max(1, min(8, channels // 4)), 0, -1) if channels % g == 0)
    return nn.GroupNorm(groups, channels)


class TimedBlock(nn.Module):
    """Residual block on (n, c_in, h, w), shifted by features of time (n, time); a new one passes its input on."""

    def __init__(self, c_in: int, c_out: int, time: int) -> None:
        super().__init__()
        self.norm1, self.norm2 = group_norm(c_in), group_norm(c_out)
        self.conv1 = nn.Conv2d(c_in, c_out, 3, padding=1)
        self.conv2 = nn.Conv2d(c_out, c_out, 3, padding=1)
        self.shift = nn.Linear(time, c_out)
        self.across = nn.Conv2d(c_in, c_out, 1) if c_in != c_out else nn.Identity()
        nn.init.zeros_(self.conv2.weight)
        if self.conv2.bias is not None:
            nn.init.zeros_(self.conv2.bias)

    def forward(self, x: Tensor, time: Tensor) -> Tensor:
        """(n, c_out, h, w)."""
        h = self.conv1(F.silu(self.norm1(x)))
        h = h + self.shift(time)[:, :, None, None]
        h = self.conv2(F.silu(self.norm2(h)))
        out: Tensor = self.across(x) + h
        return out


class UNet(nn.Module):
    """Maps images x (n, channels, h, w) and times t (n,) in 0..1 to images of the same shape.

    Level k has base * multipliers[k] channels and half the resolution of level k - 1 (rounded up); `blocks` residual
    blocks on the way down and as many on the way up, each of these with a bridge from the way down. With `classes` it
    is told them where it is told the time: see `ClassEmbedding`.
    """

    def __init__(
        self,
        channels: int,
        base: int,
        multipliers: Sequence[int],
        blocks: int,
        attention: bool,
        classes: int = 0,
    ) -> None:
        super().__init__()
        widths = [base * m for m in multipliers]
        time = 4 * base
        self.time = TimeEmbedding(time)
        self.first = nn.Conv2d(channels, base, 3, padding=1)
        self.down = nn.ModuleList()
        self.shrink = nn.ModuleList()
        self.up = nn.ModuleList()
        width = base
        for level, target in enumerate(widths):
            self.down.append(
                nn.ModuleList(TimedBlock(width if k == 0 else target, target, time) for k in range(blocks))
            )
            width = target
            if level + 1 < len(widths):
                self.shrink.append(nn.Conv2d(width, width, 3, stride=2, padding=1))
        self.middle = TimedBlock(width, width, time)
        self.attention = PixelAttention(width, group_norm(width)) if attention else nn.Identity()
        for target in reversed(widths):
            self.up.append(
                nn.ModuleList(TimedBlock((width if k == 0 else target) + target, target, time) for k in range(blocks))
            )
            width = target
        self.norm = group_norm(width)
        self.last = nn.Conv2d(width, channels, 3, padding=1)
        nn.init.zeros_(self.last.weight)
        if self.last.bias is not None:
            nn.init.zeros_(self.last.bias)
        self.labels = class_embedding(classes, time)

    def forward(self, x: Tensor, t: Tensor, y: Tensor | None = None) -> Tensor:
        """The answer for each image, same shape as x; 0 everywhere when new. y is as in `TimeMLP`."""
        time = told(self.time(t), self.labels, y)
        h = self.first(x)
        bridges: list[Tensor] = []
        for level, stack in enumerate(self.down):
            if level > 0:
                h = self.shrink[level - 1](h)
            for block in _blocks(stack):
                h = block(h, time)
                bridges.append(h)
        h = self.attention(self.middle(h, time))
        for stack in self.up:
            # Nearest neighbours alone: the block that follows smooths, and a convolution here would cost a tenth more.
            h = F.interpolate(h, size=bridges[-1].shape[-2:], mode="nearest")
            for block in _blocks(stack):
                h = block(torch.cat([h, bridges.pop()], 1), time)
        answer: Tensor = self.last(F.silu(self.norm(h)))
        return answer


def _blocks(stack: nn.Module) -> list[TimedBlock]:
    return [block for block in stack.children() if isinstance(block, TimedBlock)]
