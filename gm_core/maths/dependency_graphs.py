"""What it costs to let bits depend on some of the bits before them only, exactly, on a table of their joint.

    q(x) = prod_i p(x_i | x_pa(i))        the best distribution with that graph (its tables are the true conditionals)
    KL(p || q) = sum_i I(x_i ; x_rest(i) | x_pa(i)),    rest(i) = those before i that are not its parents
               = sum_i H(x_i | x_pa(i)) - H(x_i | x_before(i))

A joint is a tensor (2, ..., 2) whose axis i is bit i; a set of bits is a whole number whose bit i says whether i is in
it. Everything in nats. Compare Chow & Liu 1968,
"Approximating discrete probability distributions with dependence trees".
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from gm_core.maths.divergences import entropy


def subset_entropies(joint: Tensor) -> Tensor:
    """H of every set of bits, (2^n,), indexed by the set; that of no bit is 0."""
    n = joint.dim()
    made = torch.zeros(2**n, dtype=joint.dtype)
    tables = {2**n - 1: joint}
    for chosen in range(2**n - 1, 0, -1):
        table = tables.pop(chosen)
        made[chosen] = entropy(table.flatten())
        inside = [bit for bit in range(n) if chosen >> bit & 1]
        for axis, bit in enumerate(inside):
            smaller = chosen & ~(1 << bit)
            if smaller and smaller not in tables:
                tables[smaller] = table.sum(axis)
    return made


def conditional_entropy(entropies: Tensor, bit: int, given: int) -> Tensor:
    """H(x_bit | x_given)."""
    return entropies[given | 1 << bit] - entropies[given]


def nats_lost(entropies: Tensor, bit: int, parents: int, before: int) -> Tensor:
    """I(x_bit ; x_rest | x_parents): what factor `bit` loses where it looks at `parents` of those `before` it."""
    lost = conditional_entropy(entropies, bit, parents) - conditional_entropy(entropies, bit, before)
    return lost.clamp(min=0.0)


def factor(joint: Tensor, bit: int, parents: int) -> Tensor:
    """p(x_bit | x_parents) as a table that spreads over the joint's axes (size 1 where it depends on nothing).

    A context that never occurs gets one half.
    """
    others = [axis for axis in range(joint.dim()) if axis != bit and not parents >> axis & 1]
    both = joint.sum(others, keepdim=True) if others else joint
    given = both.sum(bit, keepdim=True)
    return torch.where(given > 0, both / given.clamp(min=torch.finfo(joint.dtype).tiny), torch.full_like(both, 0.5))


def best_with(joint: Tensor, parents: Sequence[int]) -> Tensor:
    """The distribution nearest to the joint, by KL(p || q), among those with that graph; same shape."""
    made = torch.ones_like(joint)
    for bit, mask in enumerate(parents):
        made = made * factor(joint, bit, mask)
    return made


def best_single_parents(entropies: Tensor, order: Sequence[int]) -> tuple[int, ...]:
    """For each bit the one bit earlier in the order that tells most about it, as a mask (0 for the first): the best
    graph of that order in which nothing has more than one parent, a tree."""
    made = [0] * len(order)
    for place, bit in enumerate(order):
        told = [(float(conditional_entropy(entropies, bit, 1 << other)), other) for other in order[:place]]
        if told:
            made[bit] = 1 << min(told)[1]
    return tuple(made)
