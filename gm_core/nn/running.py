"""Running sums: one layer of hidden units that all conditionals of an example share, as in NADE.

    a_k = a_0 + sum_{j < k} u_j W_j,    h_k = bend(a_k),    score_k = V_k h_k                k = 0, ..., sites - 1

Larochelle & Murray 2011, eq. 8-10. The sites come in the order in which they are visited: u (n, sites, features), W
(sites, features, hidden), V (sites, width, hidden); a_0 (n, hidden) holds the biases of the hidden units.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

Bend = Literal["sigmoid", "tanh", "relu"]
DENSE = 4
"""Sites in a block where every site changes the hidden units."""
SPARSE = 16
"""Sites in a block where most sites are 0 and change nothing, as in binary pictures."""


def bent(a: Tensor, bend: Bend) -> Tensor:
    """The activation of that name."""
    if bend == "sigmoid":
        return a.sigmoid()
    return a.tanh() if bend == "tanh" else a.relu()


def running_sums(start: Tensor, u: Tensor, weight: Tensor, block: int) -> Iterator[tuple[slice, Tensor]]:
    """The sums a_k (n, block, hidden) of one block of sites after another, differentiable in all that goes in.

    No a_k has a path from u_k or anything later, so that derivatives with respect to those are exactly 0.
    """
    sites = u.shape[1]
    for first in range(0, sites, block):
        part = slice(first, min(first + block, sites))
        steps = torch.einsum("nkf,kfh->nkh", u[:, part], weight[part])
        sums = torch.cat([start.unsqueeze(1), steps], 1).cumsum(1)
        yield part, sums[:, :-1]
        start = sums[:, -1]


def shared_scores(start: Tensor, u: Tensor, weight: Tensor, out: Tensor, bend: Bend) -> Tensor:
    """The scores of all sites, (n, sites, width), in O(sites hidden) time for each example, forward and backward.

    Differentiable once, in `start`, `weight` and `out` but not in `u`; memory is that of one block, not of all hidden
    units: the backward pass computes them anew, from the sums at the beginning of each block.
    """
    if u.requires_grad:
        raise ValueError("u asks for a gradient; use running_sums, which has one")
    with torch.autocast(u.device.type, enabled=False):  # the sums need their digits
        scores: Tensor = _Shared.apply(start, u, weight, out, bend)
    return scores


class _Shared(torch.autograd.Function):
    """Where u_k is 0 the hidden units stay as they are. So of each block of sites only those rows are computed in which
    something changed, about one in eight for handwritten digits; and in these, everything is products of matrices."""

    @staticmethod
    def forward(ctx: Any, start: Tensor, u: Tensor, weight: Tensor, out: Tensor, bend: Bend) -> Tensor:
        n, sites, features = u.shape
        width, hidden = out.shape[1:]
        block = SPARSE if features == 1 else DENSE
        before = torch.ones(block, block, device=u.device, dtype=u.dtype).tril(-1)
        scores = torch.empty(n, sites, width, device=u.device, dtype=u.dtype)
        kept = []
        a = start
        for first in range(0, sites, block):
            part = slice(first, min(first + block, sites))
            rows = _Rows(u[:, part], a, before)
            table = rows.hidden(weight[part], bend) @ out[part].reshape(-1, hidden).T
            scores[:, part] = table.reshape(len(table), -1, width)[rows.at, rows.place]
            kept.append((part, rows))
            a = torch.addmm(a, u[:, part].reshape(n, -1), weight[part].reshape(-1, hidden))
        ctx.save_for_backward(u, weight, out)
        ctx.kept, ctx.bend = kept, bend
        return scores

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, slope: Tensor) -> tuple[Tensor | None, ...]:
        u, weight, out = ctx.saved_tensors
        n = len(u)
        width, size = out.shape[1:]
        d_weight, d_out = torch.empty_like(weight), torch.empty_like(out)
        later = torch.zeros(n, size, device=u.device, dtype=u.dtype)  # the gradient of the sums after this block
        for part, rows in reversed(ctx.kept):
            h = rows.hidden(weight[part], ctx.bend)
            d_table = torch.zeros(len(h), rows.place.numel(), width, device=u.device, dtype=u.dtype)
            d_table[rows.at, rows.place] = slope[:, part]
            d_table = d_table.flatten(1)
            d_out[part] = (d_table.T @ h).reshape(-1, width, size)
            d_a = _through(d_table @ out[part].reshape(-1, size), h, ctx.bend)
            inside = torch.addmm(u[:, part].reshape(n, -1).T @ later, rows.steps.T, d_a)
            d_weight[part] = inside.reshape(d_weight[part].shape)
            later.index_add_(0, rows.example, d_a)
        return later, None, d_weight, d_out, None


class _Rows:
    """The different hidden states within a block of sites, for all examples.

    Row r belongs to `example[r]`, and is a_0 of the block plus `steps[r]` times the block's weights; the state of
    example i at site k is row `at[i, k]`.
    """

    def __init__(self, u: Tensor, start: Tensor, before: Tensor) -> None:
        n, sites = u.shape[:2]
        new = torch.ones(n, sites, dtype=torch.bool, device=u.device)
        new[:, 1:] = (u[:, :-1] != 0).any(-1)
        new = new.flatten()
        self.at = (new.cumsum(0) - 1).reshape(n, sites)
        self.place = torch.arange(sites, device=u.device)
        found = new.nonzero()[:, 0]
        self.example = found // sites
        self.start = start
        reach = before[found % sites, :sites].unsqueeze(-1)
        self.steps = (u[self.example] * reach).flatten(1)

    def hidden(self, weight: Tensor, bend: Bend) -> Tensor:
        """The hidden units of the rows, (rows, hidden)."""
        a = torch.addmm(self.start[self.example], self.steps, weight.flatten(0, 1))
        return bent(a, bend)


def _through(slope: Tensor, h: Tensor, bend: Bend) -> Tensor:
    """The gradient before the activation, from that after it and its values."""
    if bend == "sigmoid":
        return slope * (h * (1 - h))
    return slope * (1 - h * h) if bend == "tanh" else slope * (h > 0)
