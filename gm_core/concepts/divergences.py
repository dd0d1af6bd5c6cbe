"""Entropy, cross-entropy, both KL divergences and Jensen-Shannon of two distributions over a few outcomes.

    KL(p||q) = H(p,q) - H(p) = sum_i p_i ln(p_i / q_i)        JS = 1/2 KL(p||m) + 1/2 KL(q||m),  m = (p+q)/2

In nats with natural logarithms, in bits with those to base 2 (1 nat is 1/ln 2 = 1.4427 bits). The notes print the
natural logarithm and speak of bits, and call entropy and cross-entropy never negative: true of outcomes that can be
counted, as here, and not of densities (see `divergences_cells`).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from gm_core.concepts.base import Column, Columns, ConceptFrame, Query, answers_alone

if TYPE_CHECKING:
    import torch

Unit = Literal["nats", "bits"]
PER_NAT: dict[str, float] = {"nats": 1.0, "bits": 1.0 / math.log(2.0)}
"""How many units a nat is."""
OUTCOMES = 6
LEAST = 0.008
"""A bar that is dragged below this is 0: what is never predicted."""


def with_bar(shares: Sequence[float], at: int, height: float) -> tuple[float, ...]:
    """A distribution in which one bar has another height and all others shrink or grow in proportion.

    `height` is brought into 0..1, and below `LEAST` it is 0. Where all others were 0 they share the rest equally.
    """
    p = _shares(shares)
    height = min(max(height, 0.0), 1.0)
    height = 0.0 if height < LEAST else height
    others = sum(p) - p[at]
    if others <= 1e-12:
        p, others = [1.0] * OUTCOMES, OUTCOMES - 1.0
    made = [height if i == at else v * (1.0 - height) / others for i, v in enumerate(p)]
    return tuple(round(v, 6) for v in made)


def _shares(values: Sequence[float]) -> list[float]:
    """Six numbers of at least 0 that sum to 1; missing ones are 0, and all are equal where all are 0."""
    kept = [max(0.0, float(v)) for v in list(values)[:OUTCOMES]]
    kept += [0.0] * (OUTCOMES - len(kept))
    total = sum(kept)
    return [v / total for v in kept] if total > 0 else [1.0 / OUTCOMES] * OUTCOMES


@dataclass(frozen=True, slots=True)
class BarsQuery(Query):
    """Two distributions over six outcomes (they are normalised), and the unit of the answer."""

    p: tuple[float, ...] = (0.3, 0.25, 0.2, 0.12, 0.08, 0.05)
    q: tuple[float, ...] = (0.05, 0.1, 0.15, 0.2, 0.25, 0.25)
    unit: Unit = "nats"


@dataclass(frozen=True, slots=True)
class BarsFrame(ConceptFrame):
    """Probabilities p, q (6,); what each outcome adds to KL(p||q) and to KL(q||p) (6,), in the unit that was asked
    for, infinite where one distribution gives an outcome no probability and the other does; those outcomes."""

    p: Column
    q: Column
    terms: Column
    back: Column
    missed_by_q: tuple[int, ...]
    missed_by_p: tuple[int, ...]

    def columns(self) -> Columns:
        """Bars and what each outcome adds."""
        return {"p": self.p, "q": self.q, "p log(p/q)": self.terms, "q log(q/p)": self.back}


@answers_alone(BarsQuery)
def _bars(query: BarsQuery, rng: torch.Generator) -> Iterator[BarsFrame]:
    import torch

    from gm_core.maths import divergences

    p, q = (torch.tensor(_shares(v), dtype=torch.float64) for v in (query.p, query.q))
    unit = PER_NAT[query.unit]
    numbers = {
        "h_p": float(divergences.entropy(p)), "h_q": float(divergences.entropy(q)),
        "cross": float(divergences.cross_entropy(p, q)), "cross_back": float(divergences.cross_entropy(q, p)),
        "kl": float(divergences.kl(p, q)), "back": float(divergences.kl(q, p)), "js": float(divergences.js(p, q)),
        "most": math.log(2.0),
    }  # fmt: skip
    numbers = {name: value * unit for name, value in numbers.items()}
    numbers["tv"] = float(divergences.total_variation(p, q))
    terms = unit * (torch.xlogy(p, p) - torch.xlogy(p, q))
    back = unit * (torch.xlogy(q, q) - torch.xlogy(q, p))
    yield BarsFrame(
        numbers,
        p.numpy(),
        q.numpy(),
        terms.numpy(),
        back.numpy(),
        tuple(i for i in range(OUTCOMES) if terms[i] == math.inf),
        tuple(i for i in range(OUTCOMES) if back[i] == math.inf),
    )
