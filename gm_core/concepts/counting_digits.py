"""What each assumption can draw, and what it costs: tables counted on small binary digits, in closed form.

    ln p(x) = sum_i ln p(x_i | x_(i-m) ... x_(i-1)),      p(v | context) = (count(v, context) + a) / (count + 2 a)

Memory 0 is independence, memory 1 a Markov chain; the full table is the training set learned by heart, with the same
2 a pseudo-counts spread over all 2^64 images: p(x) = (count(x) + 2a / 2^64) / (N + 2a). The digits are scikit-learn's,
8x8, a pixel being on from grey level 8 of 16; the first 1,347 may be learned from, the last 450 are held out.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from gm_core.concepts.base import Column, Columns, ConceptFrame, Query, answers_alone
from gm_core.concepts.small_digits import SITES, halves
from gm_core.maths import count_tables, parameter_counts
from gm_core.maths.count_tables import Kinds, Whole

if TYPE_CHECKING:
    import torch

MEMORIES = 11
"""Memories 0 to 10 are counted."""
DRAWN = 16
Visits = Literal["raster", "column", "snake", "centre", "random"]


@dataclass(frozen=True, slots=True)
class DigitsQuery(Query):
    """Tables that look `memory` pixels back in an order, from `examples` digits, with `smoothing` a pseudo-counts."""

    memory: int = 3
    smoothing: float = 1.0
    examples: int = 1347
    order: Visits = "raster"


@dataclass(frozen=True, slots=True)
class DigitsFrame(ConceptFrame):
    """Drawings (assumptions, DRAWN, 8, 8) of zeros and ones by: independent pixels, a Markov chain, order m, order m
    with one table for all pixels, the full table; names and exact counts of their parameters, their held-out nats.

    For memories 0, 1, ... (MEMORIES,): nats on the examples learned from and on those held out, the same held out
    with one shared table, and how many parameters there are.
    """

    names: tuple[str, ...]
    parameters: tuple[int, ...]
    nats: Column
    drawn: Column
    learned: Column
    held_out: Column
    shared: Column
    sizes: Column

    def columns(self) -> Columns:
        """Nats by memory."""
        return {
            "memory": np.arange(MEMORIES), "parameters": self.sizes, "nats, learned from": self.learned,
            "nats, held out": self.held_out, "nats, held out, one shared table": self.shared,
        }  # fmt: skip


@dataclass(frozen=True)
class Counted:
    """All tables for some examples in an order: neighbours by memory, counts, and the kinds of cells that are met."""

    near: tuple[Whole, ...]
    own: tuple[Whole, ...]
    shared: tuple[Whole, ...]
    learned: tuple[Kinds, ...]
    held_out: tuple[Kinds, ...]
    held_out_shared: tuple[Kinds, ...]


@answers_alone(DigitsQuery)
def _digits(query: DigitsQuery, rng: torch.Generator) -> Iterator[DigitsFrame | None]:
    import torch

    learn, held = halves()
    learn = learn[: query.examples]
    yield None
    order, counted = visits(query.order), tables(query.examples, query.order)
    yield None
    a, m = query.smoothing, query.memory
    learned, held_out, shared = costs(query.examples, query.order, a)
    full = full_table_nats(learn, held, a)
    uniform = torch.rand(5, DRAWN, SITES, generator=rng, dtype=torch.float64).numpy()
    chosen = torch.rand(DRAWN, generator=rng, dtype=torch.float64).numpy()
    made = [
        count_tables.draw(count_tables.probability(table, a), counted.near[memory], order, numbers)
        for memory, table, numbers in (
            (0, counted.own[0], uniform[0]), (1, counted.own[1], uniform[1]), (m, counted.own[m], uniform[2]),
            (m, counted.shared[m], uniform[3]),
        )
    ]  # fmt: skip
    remembered = chosen * (len(learn) + 2 * a)  # below N: that example; above: one of all images
    rows = learn[np.minimum(remembered.astype(np.int64), len(learn) - 1)]
    made.append(np.where((remembered < len(learn))[:, None], rows, (uniform[4] < 0.5).astype(np.int64)))
    sizes = [parameter_counts.markov(SITES, memory) for memory in range(MEMORIES)]
    nats = np.array([held_out[0], held_out[1], held_out[m], shared[m], full])
    numbers = {
        "m": m, "parameters": sizes[m], "nats": held_out[m], "learned": learned[m], "full": full,
        "coins": SITES * math.log(2), "best": int(held_out.argmin()), "best_nats": float(held_out.min()),
        "repeated": int(repeated(query.examples)), "shared": shared[m], "examples": len(learn),
    }  # fmt: skip
    yield DigitsFrame(
        {key: float(value) for key, value in numbers.items()},
        ("Independent", "Markov, order 1", f"Order {m}", "One shared table", "Full table"),
        (sizes[0], sizes[1], sizes[m], 2**m, parameter_counts.table(SITES)),
        nats,
        np.stack(made).reshape(5, DRAWN, 8, 8),
        learned,
        held_out,
        shared,
        np.array(sizes),
    )


@functools.cache
def visits(order: Visits) -> Whole:
    """The sequence in which the pixels are visited, (64,)."""
    from gm_core.parts.orders import make_order

    made: Whole = make_order(order, (1, 8, 8)).numpy()
    return made


@functools.lru_cache(maxsize=12)
def tables(examples: int, order: Visits) -> Counted:
    """Everything that is counted once for some examples and an order, for all memories."""
    import torch

    from gm_core.parts.neighbours import chain

    learn, held = halves()
    learn = learn[:examples]
    sequence = torch.from_numpy(visits(order))
    near: list[Whole] = [np.empty((0, SITES), np.int64)]
    near += [chain(sequence, memory).numpy() for memory in range(1, MEMORIES)]
    own = [count_tables.count(learn, rows) for rows in near]
    one = [count_tables.count(learn, rows, shared=True) for rows in near]
    there = [count_tables.count(held, rows) for rows in near]
    return Counted(
        tuple(near),
        tuple(own),
        tuple(one),
        tuple(count_tables.kinds(table, table) for table in own),
        tuple(count_tables.kinds(table, met) for table, met in zip(own, there, strict=True)),
        tuple(count_tables.kinds(t, met.sum(0, keepdims=True)) for t, met in zip(one, there, strict=True)),
    )


@functools.lru_cache(maxsize=64)
def costs(examples: int, order: Visits, a: float) -> tuple[Column, Column, Column]:
    """Nats a digit by memory: on those learned from, on those held out, and there with one shared table."""
    counted, sizes = tables(examples, order), (examples, *[len(halves()[1])] * 2)
    groups = (counted.learned, counted.held_out, counted.held_out_shared)
    learned, held_out, shared = (
        np.array([kind.nats(a) / size for kind in group]) for group, size in zip(groups, sizes, strict=True)
    )
    return learned, held_out, shared


@functools.lru_cache(maxsize=32)
def repeated(examples: int) -> int:
    """How many held-out digits are pixel for pixel among the first `examples`."""
    return int((_times(examples) > 0).sum())


@functools.lru_cache(maxsize=32)
def _times(examples: int) -> Whole:
    learn, held = halves()
    known: dict[bytes, int] = {}
    for row in learn[:examples]:
        known[row.tobytes()] = known.get(row.tobytes(), 0) + 1
    return np.array([known.get(row.tobytes(), 0) for row in held], np.int64)


def full_table_nats(learn: Whole, held: Whole, a: float) -> float:
    """-ln p of a held-out digit under the full table, in nats."""
    return float(-np.log((_times(len(learn)) + 2 * a * 2.0**-SITES) / (len(learn) + 2 * a)).mean())
