"""Attention over the places of a picture: each place looks at all the others."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn


class PixelAttention(nn.Module):
    """Self-attention on images (n, c, h, w), added to its input; the identity when new, since its last layer is zero.

    softmax(q k^T / sqrt(d)) v over the h w places, in heads of about 16 channels. Vaswani et al. 2017, Eq. 1.
    """

    def __init__(self, channels: int, norm: nn.Module) -> None:
        super().__init__()
        self.heads = next(h for h in range(max(1, channels // 16), 0, -1) if channels % h == 0)
        self.norm = norm
        self.query_key_value = nn.Conv2d(channels, 3 * channels, 1)
        self.out = nn.Conv2d(channels, channels, 1)
        nn.init.zeros_(self.out.weight)
        if self.out.bias is not None:
            nn.init.zeros_(self.out.bias)

    def forward(self, x: Tensor) -> Tensor:
        """Same shape as x."""
        n, c, h, w = x.shape
        mixed = self.query_key_value(self.norm(x)).reshape(n, 3, self.heads, c // self.heads, h * w)
        q, k, v = mixed.transpose(-1, -2).unbind(1)
        seen = F.scaled_dot_product_attention(q, k, v)
        out: Tensor = self.out(seen.transpose(-1, -2).reshape(n, c, h, w))
        return x + out
