"""Conditional independence on three bits: what each edge of a small graph costs in parameters and is worth in nats.

    p(z, y, x) = p(z) p(y|z) p(x|y, z)                                      the chain rule: 1 + 2 + 4 = 7 parameters
    without y -> x:  p(x|y, z) = p(x|z),  2 parameters fewer,  KL(p || q) = I(x; y | z) nats lost

q is the best distribution that has the edges which are left: its tables are the true conditionals given fewer bits.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from gm_core.concepts.base import Column, Columns, ConceptFrame, Query, answers_alone
from gm_core.maths import parameter_counts

if TYPE_CHECKING:
    import torch

EDGES = ("zy", "zx", "yx")
"""Edges by their two ends; z, y, x are bits 0, 1, 2."""
ENDS = {"zy": (0, 1), "zx": (0, 2), "yx": (1, 2)}
BARS = ("z", "y|0", "y|1", "x|00", "x|01", "x|10", "x|11")
"""The seven numbers: p(z=1), p(y=1|z), p(x=1|y,z) with y first."""


@dataclass(frozen=True, slots=True)
class EdgesQuery(Query):
    """The seven probabilities of the true distribution, in the order of BARS, and which edges the model keeps."""

    chances: tuple[float, ...] = (0.5, 0.15, 0.85, 0.1, 0.7, 0.25, 0.9)
    kept: tuple[str, ...] = EDGES


@dataclass(frozen=True, slots=True)
class EdgesFrame(ConceptFrame):
    """The seven numbers of the truth and of the model (7,), each context of the model repeating what it cannot tell
    apart; both joints (8,), state number 4z + 2y + x; for each edge how many parameters and how many nats go when it
    goes from (or would be saved and lost by coming back to) the graph as it is (3,)."""

    truth: Column
    model: Column
    joint: Column
    best: Column
    saved: Column
    lost: Column

    def columns(self) -> Columns:
        """Both joints."""
        return {"state zyx": np.arange(8), "p": self.joint, "q": self.best}


@answers_alone(EdgesQuery)
def _edges(query: EdgesQuery, rng: torch.Generator) -> Iterator[EdgesFrame]:
    import torch

    from gm_core.maths import dependency_graphs as graphs
    from gm_core.maths.divergences import kl

    on = torch.tensor(query.chances, dtype=torch.float64)
    z = torch.stack((1 - on[0], on[0])).reshape(2, 1, 1)
    y = torch.stack((1 - on[1:3], on[1:3]), 1).reshape(2, 2, 1)
    x_on = on[3:].reshape(2, 2).T  # by z, then y
    x = torch.stack((1 - x_on, x_on), 2)
    joint = z * y * x
    entropies = graphs.subset_entropies(joint)

    def parents(kept: set[str]) -> tuple[int, ...]:
        masks = [0, 0, 0]
        for edge in kept:
            masks[ENDS[edge][1]] |= 1 << ENDS[edge][0]
        return tuple(masks)

    def lost(kept: set[str]) -> float:
        masks = parents(kept)
        return sum(float(graphs.nats_lost(entropies, bit, masks[bit], (1 << bit) - 1)) for bit in range(3))

    kept = set(query.kept)
    masks = parents(kept)
    best = graphs.best_with(joint, masks)
    left = [(kept | {edge}, kept - {edge}) for edge in EDGES]
    saved = np.array([parameter_counts.by_graph(parents(w)) - parameter_counts.by_graph(parents(o)) for w, o in left])
    nats = np.array([lost(without) - lost(with_) for with_, without in left])
    factors = [graphs.factor(joint, bit, masks[bit]).expand(2, 2, 2) for bit in range(3)]
    model = [factors[0][1, 0, 0], factors[1][0, 1, 0], factors[1][1, 1, 0]]
    model += [factors[2][z_, y_, 1] for y_ in (0, 1) for z_ in (0, 1)]
    parameters = parameter_counts.by_graph(masks)
    alone = graphs.nats_lost(entropies, 2, 0b01, 0b11)
    numbers = {
        "parameters": parameters, "saved": 7 - parameters, "lost": lost(kept), "alone": float(alone),
        "kl": float(kl(joint.flatten(), best.flatten())), "entropy": float(entropies[7]),
    }  # fmt: skip
    yield EdgesFrame(
        numbers,
        on.numpy(),
        torch.stack(model).numpy(),
        joint.flatten().numpy(),
        best.flatten().numpy(),
        saved.astype(np.int64),
        nats,
    )
