"""Teacher forcing against free running: a chain learned from few sequences, fed with true prefixes and with its own.

    KL(p || q)                       = sum_t E_{x ~ p} KL(p(. | x_t-1) || q(. | x_t-1))      under true prefixes
    error(t) of the free-running one =       E_{x ~ q} KL(p(. | x_t-1) || q(. | x_t-1))      under its own prefixes

The truth is a pen that follows a wave on `LEVELS` heights and finds back when it is pushed off: half of its distance
is left after a step. It hardly ever is pushed off, so nothing was counted there and the tables of q hold their prior
alone, which goes on about where it is; once astray, q stays astray. There is one table for each phase of the wave. All
averages are exact: states are few, so distributions over them are propagated, not sampled. Bengio et al. 2015,
"Scheduled sampling"; Ross & Bagnell 2010, "Efficient reductions for imitation learning", on errors that compound.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from gm_core.concepts.base import Column, Columns, ConceptFrame, Query, answers_alone
from gm_core.maths.count_tables import Real, Whole

if TYPE_CHECKING:
    import torch

LEVELS = 24
LENGTH = 60
SHOWN = 6
"""Sequences of each kind that are drawn."""
PERIOD = 20
FLOOR = 1e-4
"""Share of every row that is spread over all heights: no step is quite impossible."""


@dataclass(frozen=True, slots=True)
class ForcingQuery(Query):
    """`sequences` to learn from, `smoothing` examples' worth of prior in each row, the pen's `wobble` (standard
    deviation in heights), and how many true positions are given before the model runs free."""

    sequences: int = 20
    smoothing: float = 1.0
    wobble: float = 0.7
    given: int = 1


@dataclass(frozen=True, slots=True)
class ForcingFrame(ConceptFrame):
    """By position (LENGTH,): the model's error in nats under true prefixes and under its own, the total variation
    between the truth's and the free-running model's distributions; where each puts its mass (LEVELS, LENGTH); drawn
    heights of both (SHOWN, LENGTH); and which (position, height) were met while learning, as 0 and 1."""

    forced: Column
    free: Column
    apart: Column
    truth: Column
    model: Column
    true_lines: Column
    free_lines: Column
    met: Column

    def columns(self) -> Columns:
        """Errors by position."""
        return {
            "position": np.arange(1, LENGTH + 1), "nats under true prefixes": self.forced,
            "nats under own prefixes": self.free, "total variation of the marginals": self.apart,
        }  # fmt: skip


@functools.lru_cache(maxsize=64)
def truth(wobble: float) -> tuple[Real, Real]:
    """The start (LEVELS,) and p(next | height) for each phase of the wave (PERIOD, LEVELS, LEVELS), rows summing to 1;
    the step to position t has phase t modulo PERIOD."""
    height = np.arange(LEVELS)
    wave = (LEVELS - 1) / 2 + 0.22 * LEVELS * np.sin(2 * np.pi * np.arange(PERIOD) / PERIOD)
    aim = wave[:, None] + 0.5 * (height[None, :] - np.roll(wave, 1)[:, None])
    return _rows(height - wave[0], wobble), _rows(height - np.clip(aim, 0, LEVELS - 1)[..., None], wobble)


@functools.cache
def prior() -> Real:
    """What a row holds before anything is counted, summing to 1: to go on at about the same height."""
    return _rows(np.arange(LEVELS) - np.arange(LEVELS)[:, None], 1.0)


def _rows(far: Real | Whole, width: float) -> Real:
    raw = np.exp(-0.5 * (far / width) ** 2)
    made: Real = (1 - FLOOR) * raw / raw.sum(-1, keepdims=True) + FLOOR / LEVELS
    return made


def learned(x: Whole, a: float) -> tuple[Real, Real]:
    """The same counted from sequences x (n, LENGTH), to which every row adds its prior `a` times."""
    start = np.bincount(x[:, 0], minlength=LEVELS) + a / LEVELS
    cell = (np.arange(1, LENGTH) % PERIOD * LEVELS + x[:, :-1]) * LEVELS + x[:, 1:]
    counts = np.bincount(cell.ravel(), minlength=PERIOD * LEVELS**2).reshape(PERIOD, LEVELS, LEVELS)
    table = counts + a * prior()
    return start / start.sum(), table / table.sum(-1, keepdims=True)


def draw(start: Real, table: Real, uniform: Real, first: Whole | None = None) -> Whole:
    """Sequences (n, LENGTH) from uniform numbers (n, LENGTH); `first` (n, k) are positions that are given."""
    given = 0 if first is None else first.shape[1]
    x = np.empty(uniform.shape, np.int64)
    if first is not None:
        x[:, :given] = first
    rising = table.cumsum(-1)
    for t in range(given, LENGTH):
        row = rising[t % PERIOD, x[:, t - 1]] if t else np.broadcast_to(start.cumsum(), (len(x), LEVELS))
        x[:, t] = (uniform[:, t, None] * row[:, -1:] >= row).sum(1)
    return x


def marginals(start: Real, table: Real) -> Real:
    """p(x_t) at each position, (LENGTH, LEVELS)."""
    made = np.empty((LENGTH, LEVELS))
    made[0] = start
    for t in range(1, LENGTH):
        made[t] = made[t - 1] @ table[t % PERIOD]
    return made


def errors(here: Real, p: tuple[Real, Real], q: tuple[Real, Real]) -> Real:
    """E KL(p(. | x_(t-1)) || q(. | x_(t-1))) at each position, where x_t is distributed as here (LENGTH, LEVELS)."""
    made = np.empty(LENGTH)
    made[0] = (p[0] * np.log(p[0] / q[0])).sum()
    rows = (p[1] * np.log(p[1] / q[1])).sum(-1)
    made[1:] = (here[:-1] * rows[np.arange(1, LENGTH) % PERIOD]).sum(-1)
    return made


@answers_alone(ForcingQuery)
def _forcing(query: ForcingQuery, rng: torch.Generator) -> Iterator[ForcingFrame]:
    import torch

    p = truth(query.wobble)
    uniform = torch.rand(query.sequences + 2 * SHOWN, LENGTH, generator=rng, dtype=torch.float64).numpy()
    x = draw(*p, uniform[: query.sequences])
    q = learned(x, query.smoothing)
    true_lines = draw(*p, uniform[query.sequences : query.sequences + SHOWN])
    free_lines = draw(*q, uniform[query.sequences + SHOWN :], true_lines[:, : query.given])
    under_p = marginals(*p)
    under_q = _run_free(under_p, q, query.given)
    forced, free = errors(under_p, p, q), errors(under_q, p, q)
    free[: query.given] = forced[: query.given]
    apart = 0.5 * np.abs(under_p - under_q).sum(1)
    met = np.zeros((LEVELS, LENGTH))
    met[x, np.arange(LENGTH)] = 1.0
    numbers = {
        "forced": float(forced.mean()), "free": float(free.mean()), "ratio": float(free.mean() / forced.mean()),
        "last": float(free[-1]), "last_forced": float(forced[-1]), "apart": float(apart[-1]),
        "kl": float(forced.sum()), "visited": float((under_p.T * met).sum() / LENGTH),
        "strayed": float(1 - (under_q.T * met).sum() / LENGTH),
    }  # fmt: skip
    yield ForcingFrame(numbers, forced, free, apart, under_p.T.copy(), under_q.T.copy(), true_lines, free_lines, met)


def _run_free(under_p: Real, q: tuple[Real, Real], given: int) -> npt.NDArray[np.float64]:
    made = under_p.copy()
    if given == 0:
        made[0] = q[0]
    for t in range(max(given, 1), LENGTH):
        made[t] = made[t - 1] @ q[1][t % PERIOD]
    return made
