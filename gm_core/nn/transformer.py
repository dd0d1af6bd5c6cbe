"""A causal Transformer: a stack of layers in which each place of a sequence looks at itself and those before.

    x = x + Attention(LayerNorm(x));   x = x + W2 gelu(W1 LayerNorm(x));   at the end LayerNorm once more
    Attention = softmax(q k^T / sqrt(d) + mask) v in each head                   (Vaswani et al. 2017, Eq. 1)

The decoder of Radford et al. 2019 (GPT-2), with its initialisation: normal with deviation 0.02, and 0.02 / sqrt(2 L)
for the layers that write to the residual stream. No dropout. What was computed for earlier places can be kept in a
`Memory`, so that each new place costs one row of attention and not a whole pass.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

DEVIATION = 0.02


class Memory:
    """Keys and values (n, heads, places, d) of one layer for the places seen so far, with room for all."""

    def __init__(self, places: int) -> None:
        self.places = places
        self.length = 0
        self._kept: Tensor | None = None

    def add(self, new: Tensor) -> Tensor:
        """Append keys and values (2, n, heads, k, d); returns those of all places so far (2, n, heads, length, d)."""
        if self._kept is None:
            self._kept = new.new_empty(*new.shape[:3], self.places, new.shape[-1])
        end = self.length + new.shape[-2]
        self._kept[..., self.length : end, :] = new
        self.length = end
        return self._kept[..., :end, :]

    def choose(self, rows: Tensor) -> None:
        """Go on with these rows."""
        if self._kept is not None:
            self._kept = self._kept[:, rows]


class CausalAttention(nn.Module):
    """Self-attention on (n, k, width) in which no place sees a later one."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query_key_value = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)

    def forward(self, x: Tensor, memory: Memory | None = None) -> Tensor:
        """Same shape; with a memory, x follows what it holds."""
        mixed = self.query_key_value(x).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        q, keys_values = mixed[0], mixed[1:]
        if memory is not None:
            keys_values = memory.add(keys_values)
        k, v = keys_values.unbind(0)
        new, total = q.shape[-2], k.shape[-2]
        if new == total:
            seen = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        else:
            past = torch.ones(new, total, dtype=torch.bool, device=x.device).tril(total - new)
            seen = F.scaled_dot_product_attention(q, k, v, attn_mask=None if new == 1 else past)
        out: Tensor = self.out(seen.transpose(1, 2).flatten(2))
        return out


class Block(nn.Module):
    """One layer: attention between places, then a perceptron in each."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attention = CausalAttention(width, heads)
        self.grow, self.shrink = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x: Tensor, memory: Memory | None = None) -> Tensor:
        """(n, k, width), same shape."""
        x = x + self.attention(self.norm1(x), memory)
        out: Tensor = x + self.shrink(F.gelu(self.grow(self.norm2(x))))
        return out


class CausalTransformer(nn.Module):
    """`layers` blocks of `width` with `heads` heads, and a LayerNorm at the end; `heads` divides `width`."""

    def __init__(self, width: int, layers: int, heads: int) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(Block(width, heads) for _ in range(layers))
        self.norm = nn.LayerNorm(width)
        self.apply(begin_small)
        for block in self._blocks():
            for writes in (block.attention.out, block.shrink):
                nn.init.normal_(writes.weight, std=DEVIATION / math.sqrt(2 * layers))

    def forward(self, x: Tensor, memories: Sequence[Memory] = ()) -> Tensor:
        """(n, k, width), same shape; with one memory for each layer, x follows what they hold."""
        for number, block in enumerate(self._blocks()):
            x = block(x, memories[number] if memories else None)
        out: Tensor = self.norm(x)
        return out

    def memories(self, places: int) -> list[Memory]:
        """Empty memories for all layers, with room for that many places."""
        return [Memory(places) for _ in self.blocks]

    def _blocks(self) -> list[Block]:
        return [block for block in self.blocks if isinstance(block, Block)]


class Places(nn.Module):
    """A learned vector for each site of an example: one of its own, or the sum of those of its row, column and channel.

    `shape` is (c, h, w) of an image or (d,) of a vector, which is taken as one row.
    """

    def __init__(self, shape: tuple[int, ...], width: int, grid: bool) -> None:
        super().__init__()
        channels, height, across = shape if len(shape) == 3 else (1, 1, shape[0])
        self.extents = (channels, height, across) if grid else (channels * height * across,)
        self.tables = nn.ModuleList(nn.Embedding(extent, width) for extent in self.extents)
        self.apply(begin_small)

    def forward(self, sites: Tensor) -> Tensor:
        """Vectors (k, width) of the sites (k,), numbered as an example lies in memory."""
        out: Tensor | None = None
        for extent, table in zip(self.extents[::-1], [*self.tables][::-1]):
            part = table(sites % extent)
            out = part if out is None else out + part
            sites = sites // extent
        assert out is not None
        return out


def begin_small(module: nn.Module) -> None:
    """Initialise a layer as GPT-2 does: small normal weights, no bias."""
    if isinstance(module, nn.Linear | nn.Embedding):
        nn.init.normal_(module.weight, std=DEVIATION)
    if isinstance(module, nn.Linear) and module.bias is not None:
        nn.init.zeros_(module.bias)
