"""The effect of order: what the best model with memory m costs when pixels are visited in one sequence or another.

    nats(m) = sum_k H(x_o(k) | x_o(k-m) ... x_o(k-1)),      nats(8) = H(x_1 ... x_9) for every order o

The chain rule holds in any order, so with a full memory all cost the same; with a short one it matters who stands next
to whom. The joint p is exact: the table of all 3 x 3 patches of the digits, 1,797 digits in 36 places, 512 states.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from gm_core.concepts import small_digits
from gm_core.concepts.base import Column, Columns, ConceptFrame, Query, answers_alone
from gm_core.maths.count_tables import Real, Whole

if TYPE_CHECKING:
    import torch

SIDE = 3
SITES = SIDE * SIDE
NAMED = ("raster", "snake", "centre", "random")
COMPARED = 1000
"""Random orders that the band is made of."""


@dataclass(frozen=True, slots=True)
class OrderQuery(Query):
    """An order of the nine pixels made by hand, each pixel named once, and the memory to look at."""

    own: tuple[int, ...] = tuple(range(SITES))
    memory: int = 1


@dataclass(frozen=True, slots=True)
class OrderFrame(ConceptFrame):
    """Names of the orders (one's own first), the orders (k, 9), the nats each loses with memory 0 to 8 (k, 9); the
    least, mean and largest loss of random orders (3, 9); and what each pixel loses in the own order (9,), by rank."""

    names: tuple[str, ...]
    orders: Column
    lost: Column
    among: Column
    ranks: Column

    def columns(self) -> Columns:
        """Nats lost by memory."""
        made: dict[str, Column] = {"memory": np.arange(SITES)}
        made |= {f"nats lost, {name}": row for name, row in zip(self.names, self.lost, strict=True)}
        return made | dict(zip(("least", "mean", "largest"), self.among, strict=True))


@answers_alone(OrderQuery)
def _order(query: OrderQuery, rng: torch.Generator) -> Iterator[OrderFrame]:
    import torch

    entropies = _entropies()
    chance = torch.randperm(SITES, generator=rng).tolist()
    orders = np.array([query.own, *(_named(name) for name in NAMED[:-1]), chance], np.int64)
    lost = losses(entropies, orders)
    among, everything = _among(), float(entropies[-1])
    by_rank = _conditional(entropies, orders[:1], query.memory) - _conditional(entropies, orders[:1], SITES - 1)
    own = float(lost[0, query.memory])
    numbers = {
        "m": query.memory, "lost": own, "cost": everything + own, "entropy": everything,
        "best": float(among[0, query.memory]), "worst": float(among[2, query.memory]),
        "raster": float(lost[1, query.memory]), "snake": float(lost[2, query.memory]), "full": float(lost[0, -1]),
    }  # fmt: skip
    yield OrderFrame(numbers, ("yours", *NAMED), orders, lost, among, by_rank[0])


def losses(entropies: Real, orders: Whole) -> Real:
    """Nats lost with memory 0, 1, ... n-1 by each of the orders (k, n), from the entropies of all sets of pixels."""
    sites = orders.shape[1]
    costs = [_conditional(entropies, orders, memory).sum(1) for memory in range(sites)]
    made: Real = np.maximum(np.stack(costs, 1) - entropies[-1], 0.0)
    return made


def _conditional(entropies: Real, orders: Whole, memory: int) -> Real:
    """H(pixel | the `memory` pixels before it) by rank, (k, n)."""
    bits = 1 << orders
    given = np.zeros_like(bits)
    for back in range(1, memory + 1):
        given[:, back:] |= bits[:, :-back]
    made: Real = entropies[given | bits] - entropies[given]
    return made


@functools.cache
def joint() -> Real:
    """How often each patch is met, (512,), summing to 1; pixel i of the patch, row by row, is binary digit 8 - i."""
    x = small_digits.binary().reshape(-1, 8, 8)
    code = np.zeros((len(x), 9 - SIDE, 9 - SIDE), np.int64)
    for row in range(SIDE):
        for column in range(SIDE):
            code = 2 * code + x[:, row : row + 9 - SIDE, column : column + 9 - SIDE]
    made: Real = np.bincount(code.ravel(), minlength=2**SITES) / code.size
    return made


@functools.cache
def _entropies() -> Real:
    import torch

    from gm_core.maths.dependency_graphs import subset_entropies

    made: Real = subset_entropies(torch.from_numpy(joint()).reshape((2,) * SITES)).numpy()
    return made


@functools.cache
def _named(name: str) -> Sequence[int]:
    from gm_core.parts.orders import OrderName, make_order

    known: dict[str, OrderName] = {"raster": "raster", "snake": "snake", "centre": "centre"}
    return tuple(make_order(known[name], (1, SIDE, SIDE)).tolist())


@functools.cache
def _among() -> Real:
    chance = np.random.default_rng(0)
    lost = losses(_entropies(), np.stack([chance.permutation(SITES) for _ in range(COMPARED)]))
    return np.stack((lost.min(0), lost.mean(0), lost.max(0)))
