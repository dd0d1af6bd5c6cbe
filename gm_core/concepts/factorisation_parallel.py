"""Scoring in parallel, sampling in sequence: how often a network is called, and how many operations that takes.

    score    ln p(x) = sum_i ln p(x_i | x_<i)     all x_i are known: one call gives all n conditionals
    sample   x_i ~ p(. | x_<i)                    x_i must be known before x_(i+1): n calls, or n/k, k pixels at once

Pixels drawn at once do not see one another, which costs nats; tables counted on the digits say how many. Operations
are counted while a network with one hidden layer really runs (two for each weight that is used: times, plus). Running
sums as in NADE do only what is new: all the work of a sample is then that of one scoring, but the calls stay.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from gm_core.concepts.base import Column, Columns, ConceptFrame, Query, answers_alone
from gm_core.concepts.counting_digits import Visits, visits
from gm_core.concepts.small_digits import SITES, halves
from gm_core.maths import count_tables
from gm_core.maths.count_tables import Real, Whole

if TYPE_CHECKING:
    import torch

MEMORY = 9
SMOOTHING = 0.1
BLOCKS = (1, 2, 4, 8, 16, 32, 64)
DRAWN = 4


@dataclass(frozen=True, slots=True)
class ParallelQuery(Query):
    """The order of visit, how many pixels are drawn in a call, the network's hidden units, and the call to look at."""

    order: Visits = "raster"
    block: int = 1
    hidden: int = 100
    call: int = 24


@dataclass(frozen=True, slots=True)
class ParallelFrame(ConceptFrame):
    """The call that makes each pixel known (8, 8), from 1; drawings after `call` calls (DRAWN, 8, 8), NaN where
    nothing is known; a held-out digit (8, 8) and p(its pixel | those before), all from one call; calls and operations
    of scoring, sampling anew in each call, sampling by running sums (3,); held-out nats by pixels at once (7,)."""

    known_at: Column
    drawn: Column
    digit: Column
    chances: Column
    calls: Column
    operations: Column
    nats: Column

    def columns(self) -> Columns:
        """Calls, operations, nats."""
        return {
            "score, sample anew, running sums: calls": self.calls, "operations": self.operations,
            "pixels at once": np.array(BLOCKS), "nats, held out": self.nats,
        }  # fmt: skip


@answers_alone(ParallelQuery)
def _parallel(query: ParallelQuery, rng: torch.Generator) -> Iterator[ParallelFrame | None]:
    import torch

    sequence, k = visits(query.order), query.block
    nats = []
    for block in BLOCKS:
        nats.append(cost(query.order, block))
        yield None
    here = cost(query.order, k)
    known_at = np.empty(SITES, np.int64)
    known_at[sequence] = np.arange(SITES) // k + 1
    near, on = tables(query.order, k)
    uniform = torch.rand(DRAWN, SITES, generator=rng, dtype=torch.float64).numpy()
    drawn = count_tables.draw(on, near, sequence, uniform).astype(np.float64)
    calls = -(-SITES // k)
    call = min(query.call, calls)
    drawn[:, known_at > call] = np.nan
    held = halves()[1]
    digit = held[int(torch.randint(len(held), (1,), generator=rng))]
    one_near, one_on = tables(query.order, 1)
    lit = one_on[np.arange(SITES), count_tables.contexts(digit[None], one_near)[0]]
    chances = np.where(digit == 1, lit, 1 - lit)
    work = measured(k, query.hidden)
    numbers = {
        "calls": calls, "call": call, "known": min(call * k, SITES), "score": float(work[0]),
        "anew": float(work[1]), "sums": float(work[2]), "ratio": float(work[1] / work[0]), "nats": here,
        "loss": here - nats[0], "n": SITES, "minus": float(-np.log(chances).sum()),
    }  # fmt: skip
    yield ParallelFrame(
        {name: float(value) for name, value in numbers.items()},
        known_at.reshape(8, 8),
        drawn.reshape(DRAWN, 8, 8),
        digit.reshape(8, 8),
        chances.reshape(8, 8),
        np.array([1, calls, calls]),
        work,
        np.array(nats),
    )


# ---- which pixels are known, in tables


def neighbours(sequence: Whole, block: int) -> Whole:
    """The MEMORY pixels known last before each pixel's block is drawn, (MEMORY, 64); 64 where there is none."""
    rank = np.empty(SITES, np.int64)
    rank[sequence] = np.arange(SITES)
    before = (rank // block * block)[None] - np.arange(MEMORY, 0, -1)[:, None]
    return np.where(before >= 0, sequence[before.clip(min=0)], SITES)


@functools.lru_cache(maxsize=64)
def tables(order: Visits, block: int) -> tuple[Whole, Real]:
    """Neighbours, and p(on | neighbours) counted on the digits."""
    near = neighbours(visits(order), block)
    return near, count_tables.probability(count_tables.count(halves()[0], near), SMOOTHING)


@functools.lru_cache(maxsize=256)
def cost(order: Visits, block: int) -> float:
    """Nats of a held-out digit."""
    near, on = tables(order, block)
    held = halves()[1]
    lit = on[np.arange(SITES), count_tables.contexts(held, near)]
    return float(-np.log(np.where(held == 1, lit, 1 - lit)).sum(1).mean())


# ---- what a network does


class Counting:
    """Products of matrices that count their operations: one multiplication and one addition for each weight."""

    def __init__(self) -> None:
        self.operations = 0

    def times(self, a: Real, b: Real) -> Real:
        """a @ b."""
        self.operations += 2 * a.shape[0] * a.shape[1] * b.shape[1]
        made: Real = a @ b
        return made


@dataclass(frozen=True)
class Network:
    """One hidden layer with masks, as MADE has it: pixel i sees the pixels of the blocks before its own. Weights
    into (n, H) and out (H, n) are masked already."""

    into: Real
    out: Real
    hidden_bias: Real
    bias: Real
    block: int

    def score(self, x: Real, count: Counting) -> Real:
        """All n logits of x (1, n) from one call."""
        return count.times(np.tanh(count.times(x, self.into) + self.hidden_bias), self.out) + self.bias

    def sample_anew(self, uniform: Real, count: Counting) -> Real:
        """Draw block after block, each time calling `score` on what is known so far."""
        x = np.zeros((1, SITES))
        for start in range(0, SITES, self.block):
            here = slice(start, start + self.block)
            x[0, here] = uniform[here] < _sigmoid(self.score(x, count)[0, here])
        return x

    def sample_by_sums(self, uniform: Real, count: Counting) -> Real:
        """The same with the sums into the hidden units kept: a call adds what is new and asks for its own pixels."""
        x, sums = np.zeros((1, SITES)), self.hidden_bias[None].copy()
        for start in range(0, SITES, self.block):
            here = slice(start, start + self.block)
            logits = count.times(np.tanh(sums), self.out[:, here]) + self.bias[here]
            x[0, here] = uniform[here] < _sigmoid(logits[0])
            sums = sums + count.times(x[:, here], self.into[here])
        return x


def _sigmoid(logits: Real) -> Real:
    made: Real = 1 / (1 + np.exp(-logits))
    return made


def network(block: int, hidden: int) -> Network:
    """A network with weights drawn once and for all: operations do not depend on them."""
    chance = np.random.default_rng(0)
    place = np.arange(SITES) // block
    degrees = np.arange(hidden) % (int(place[-1]) + 1)  # a hidden unit sees the blocks up to its degree
    into = chance.normal(size=(SITES, hidden)) * (place[:, None] <= degrees)
    out = chance.normal(size=(hidden, SITES)) * (degrees[:, None] < place) / hidden**0.5
    return Network(into, out, chance.normal(size=hidden), chance.normal(size=SITES), block)


@functools.lru_cache(maxsize=512)
def measured(block: int, hidden: int) -> Column:
    """Operations of scoring, of sampling anew in each call, of sampling by running sums, (3,)."""
    made, counts = network(block, hidden), [Counting() for _ in range(3)]
    uniform = np.random.default_rng(1).uniform(size=SITES)
    x = made.sample_by_sums(uniform, counts[2])
    made.sample_anew(uniform, counts[1])
    made.score(x, counts[0])
    return np.array([count.operations for count in counts], np.int64)
