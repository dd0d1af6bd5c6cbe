"""How many numbers a distribution over pixels takes: one coloured pixel, then n that are black or white.

    K^3 - 1 = (K-1) + K (K-1) + K^2 (K-1)             a pixel of three colours, as a table and by the chain rule
    2^n - 1 = 1 + 2 + 4 + ... + 2^(n-1)               n binary pixels, as a table and by the chain rule

The notes call the second line an exponential reduction. It is none: both count the same. Only an assumption reduces.
Counts are exact whole numbers of any size; `words` says them as people do.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from gm_core.concepts.base import Column, Columns, ConceptFrame, Query, answers_alone
from gm_core.maths import parameter_counts as counts

if TYPE_CHECKING:
    import torch

LARGEST = 784
"""Pixels of MNIST, 28 x 28."""
SCALES = (
    "thousand", "million", "billion", "trillion", "quadrillion", "quintillion", "sextillion", "septillion",
    "octillion", "nonillion", "decillion", "undecillion",
)  # fmt: skip
UPPER = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


def words(count: int) -> str:
    """A whole number as people say it: 127, 16.8 million, 1.02 × 10²³⁶."""
    size = len(str(count)) - 1
    if count < 1_000_000:
        return f"{count:,}"
    if size >= 3 * len(SCALES):
        lead = str(count)[:4]
        return f"{int(lead[:3]) / 100 + (int(lead[3]) >= 5) * 0.01:.2f} × 10{str(size).translate(UPPER)}"
    power = size // 3
    tenths = (count * 10 + 1000**power // 2) // 1000**power
    if tenths >= 10_000:  # 999.96 million is a billion
        power, tenths = power + 1, 10
    return f"{tenths // 10}.{tenths % 10} {SCALES[power - 1]}"


@dataclass(frozen=True, slots=True)
class PixelQuery(Query):
    """One pixel of three colours with 2^bits levels each, and a colour in it (each 0 to 255)."""

    bits: int = 8
    red: int = 90
    green: int = 140
    blue: int = 200


@dataclass(frozen=True, slots=True)
class PixelFrame(ConceptFrame):
    """All colours with this blue, uint8 (K, K, 3) with green rising by rows and red by columns; the colour at hand
    (3,), as the levels have it; exact counts of the table, of the chain rule's factors (3,), of each colour looking
    at the one before it, and of independent colours."""

    plane: npt.NDArray[np.uint8]
    colour: tuple[int, int, int]
    table: int
    factors: tuple[int, ...]
    markov: int
    independent: int

    def columns(self) -> Columns:
        """The counts."""
        rows = (self.table, sum(self.factors), self.markov, self.independent)
        return {"table, chain rule, one before, independent": np.array(rows, np.int64)}


@answers_alone(PixelQuery)
def _pixel(query: PixelQuery, rng: torch.Generator) -> Iterator[PixelFrame]:
    levels = 2**query.bits
    shown = np.round(np.arange(levels) * 255 / (levels - 1)).astype(np.uint8)
    at = [value * levels // 256 for value in (query.red, query.green, query.blue)]
    plane = np.empty((levels, levels, 3), np.uint8)
    plane[..., 0], plane[..., 1], plane[..., 2] = shown[None, :], shown[:, None], shown[at[2]]
    factors = counts.chain_rule(3, levels)
    red, green, blue = (int(shown[level]) for level in at)
    table, markov, independent = counts.table(3, levels), counts.markov(3, 1, levels), counts.markov(3, 0, levels)
    numbers = {
        "levels": levels, "table": table, "first": factors[0], "second": factors[1], "third": factors[2],
        "markov": markov, "independent": independent, "entry": (at[0] * levels + at[1]) * levels + at[2] + 1,
    }  # fmt: skip
    yield PixelFrame(numbers, plane, (red, green, blue), table, factors, markov, independent)


@dataclass(frozen=True, slots=True)
class CountQuery(Query):
    """`pixels` black or white; `memory` pixels that an order-m model looks at; `hidden` units of a network."""

    pixels: int = 64
    memory: int = 3
    hidden: int = 100


@dataclass(frozen=True, slots=True)
class CountFrame(ConceptFrame):
    """For every assumption: its name, how many parameters it takes at n pixels (exact, of any size) and log10 of that
    for 1 to 784 pixels, (assumptions, LARGEST). The first two are the table and the chain rule."""

    names: tuple[str, ...]
    exact: tuple[int, ...]
    log10: Column

    def columns(self) -> Columns:
        """log10 of the counts by the number of pixels."""
        made: dict[str, Column] = {"n": np.arange(1, LARGEST + 1)}
        return made | {f"log10 parameters: {name}": row for name, row in zip(self.names, self.log10, strict=True)}


@answers_alone(CountQuery)
def _count(query: CountQuery, rng: torch.Generator) -> Iterator[CountFrame]:
    n, m, hidden = query.pixels, query.memory, query.hidden
    rules: dict[str, Callable[[int], int]] = {
        "Table of all images": lambda n: counts.table(n),
        "Chain rule": lambda n: sum(counts.chain_rule(n)),
        f"Order {m}": lambda n: counts.markov(n, m),
        "Markov, order 1": lambda n: counts.markov(n, 1),
        "Independent": lambda n: counts.markov(n, 0),
        "Logistic (FVSBN)": counts.logistic,
        "Shared (NADE, MADE)": lambda n: counts.shared(n, hidden),
    }
    exact = tuple(rule(n) for rule in rules.values())
    ns = np.arange(1, LARGEST + 1, dtype=np.float64)
    table = np.log10(2.0) * ns + np.log1p(-(2.0**-ns)) / math.log(10)
    rest = [np.log10([float(rule(k)) for k in range(1, LARGEST + 1)]) for rule in list(rules.values())[2:]]
    numbers = {
        "n": n, "m": m, "h": hidden, "table": float(exact[0]), "chain": float(exact[1]), "order": exact[2],
        "markov": exact[3], "independent": exact[4], "logistic": exact[5], "shared": exact[6],
        "digits": len(str(exact[0])), "half": float(counts.chain_rule(n)[-1]),
    }  # fmt: skip
    yield CountFrame(numbers, tuple(rules), exact, np.stack([table, table, *rest]))
