"""Dependency graphs on five pixels of the digits: which edges are worth their parameters, among all 1,024 graphs.

    q(x) = prod_i p(x_i | x_pa(i)),   KL(p || q) = sum_i I(x_i ; x_rest(i) | x_pa(i)),   sum_i 2^|pa(i)| parameters

The joint p is the table of the five pixels over all 1,797 digits, counted: 32 states. Edges run from earlier pixels to
later ones. As each pixel's loss depends on its own parents only, 1 + 2 + 4 + 8 + 16 numbers price all 2^10 graphs.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from gm_core.concepts import small_digits
from gm_core.concepts.base import Column, Columns, ConceptFrame, Query, answers_alone
from gm_core.maths import parameter_counts

if TYPE_CHECKING:
    import torch

PIXELS = 5
PAIRS = tuple((i, j) for j in range(PIXELS) for i in range(j))
"""All edges that there may be, i before j; bit k of a graph's number says whether it has PAIRS[k]."""
GRAPHS = 2 ** len(PAIRS)
PLACES = {
    "column": ((1, 3), (2, 3), (3, 3), (4, 3), (5, 3)),
    "row": ((3, 1), (3, 2), (3, 3), (3, 4), (3, 5)),
    "cross": ((2, 4), (3, 3), (3, 4), (3, 5), (4, 4)),
    "far apart": ((1, 2), (1, 5), (3, 4), (6, 2), (6, 5)),
}
"""Rows and columns of the five pixels, in the order of reading."""
Places = Literal["column", "row", "cross", "far apart"]


@dataclass(frozen=True, slots=True)
class GraphQuery(Query):
    """Five pixels, the direction in which they are visited, and the edges of the graph as its number."""

    places: Places = "cross"
    backwards: bool = False
    graph: int = GRAPHS - 1


@dataclass(frozen=True, slots=True)
class GraphFrame(ConceptFrame):
    """Rows and columns of the pixels (5, 2) in the order of visit, the mean digit (8, 8), both joints (32,) with the
    first pixel as highest digit, what each pixel loses (5,), what each edge saves (10,) or costs (10,) by being
    taken from the graph or put into it; for every graph its parameters and its loss (1024,); graphs that nothing
    beats with as few parameters, by rising count; and the best with at most one parent each."""

    places: Column
    mean: Column
    joint: Column
    best: Column
    pixels: Column
    saved: Column
    lost: Column
    all_parameters: Column
    all_lost: Column
    front: Column
    tree: int

    def columns(self) -> Columns:
        """All graphs."""
        return {
            "graph": np.arange(GRAPHS), "parameters": self.all_parameters, "nats lost": self.all_lost, "p": self.joint,
            "q": self.best,
        }  # fmt: skip


def number_of(edges: tuple[tuple[int, int], ...]) -> int:
    """The number of the graph with these edges."""
    return sum(1 << PAIRS.index(edge) for edge in edges)


def edges_of(graph: int) -> tuple[tuple[int, int], ...]:
    """The edges of a graph."""
    return tuple(pair for k, pair in enumerate(PAIRS) if graph >> k & 1)


CHAIN = number_of(tuple((i, i + 1) for i in range(PIXELS - 1)))


def parents_of(graph: int) -> tuple[int, ...]:
    """Each pixel's parents as a mask."""
    masks = [0] * PIXELS
    for i, j in edges_of(graph):
        masks[j] |= 1 << i
    return tuple(masks)


@answers_alone(GraphQuery)
def _graph(query: GraphQuery, rng: torch.Generator) -> Iterator[GraphFrame]:
    import torch

    from gm_core.maths import dependency_graphs as graphs
    from gm_core.maths.divergences import kl

    table = _table(query.places, query.backwards)
    masks = parents_of(query.graph)
    joint = torch.from_numpy(table.joint).reshape((2,) * PIXELS)
    best = graphs.best_with(joint, masks).flatten()
    pixels = np.array([table.losses[bit][masks[bit]] for bit in range(PIXELS)])
    graph, bits = query.graph, 1 << np.arange(len(PAIRS))
    with_, without = graph | bits, graph & ~bits
    lost = float(table.lost[graph])
    numbers = {
        "parameters": int(table.parameters[graph]), "lost": lost, "edges": graph.bit_count(),
        "kl": max(0.0, float(kl(joint.flatten(), best))), "entropy": table.entropy, "cost": table.entropy + lost,
        "independent": float(table.lost[0]), "share": 1 - lost / float(table.lost[0]),
    }  # fmt: skip
    yield GraphFrame(
        numbers,
        table.places,
        table.mean,
        table.joint,
        best.numpy(),
        pixels,
        table.parameters[with_] - table.parameters[without],
        table.lost[without] - table.lost[with_],
        table.parameters,
        table.lost,
        table.front,
        table.tree,
    )


@dataclass(frozen=True)
class Table:
    """What all graphs on five pixels share."""

    places: Column
    mean: Column
    joint: Column
    entropy: float
    losses: tuple[dict[int, float], ...]
    parameters: Column
    lost: Column
    front: Column
    tree: int


@functools.cache
def _table(places: Places, backwards: bool) -> Table:
    import torch

    from gm_core.maths import dependency_graphs as graphs

    x = small_digits.binary()
    at = np.array(PLACES[places][::-1] if backwards else PLACES[places])
    chosen = x[:, at[:, 0] * 8 + at[:, 1]]
    code = chosen @ (2 ** np.arange(PIXELS)[::-1])
    joint = np.bincount(code, minlength=2**PIXELS) / len(x)
    entropies = graphs.subset_entropies(torch.from_numpy(joint).reshape((2,) * PIXELS))
    losses = tuple(
        {mask: float(graphs.nats_lost(entropies, bit, mask, (1 << bit) - 1)) for mask in range(1 << bit)}
        for bit in range(PIXELS)
    )
    all_parents = [parents_of(graph) for graph in range(GRAPHS)]
    parameters = np.array([parameter_counts.by_graph(masks) for masks in all_parents])
    lost = np.array([sum(losses[bit][mask] for bit, mask in enumerate(masks)) for masks in all_parents])
    tree = graphs.best_single_parents(entropies, range(PIXELS))
    return Table(
        at,
        x.mean(0).reshape(8, 8),
        joint,
        float(entropies[-1]),
        losses,
        parameters,
        lost,
        _front(parameters, lost),
        number_of(tuple((mask.bit_length() - 1, bit) for bit, mask in enumerate(tree) if mask)),
    )


def _front(parameters: Column, lost: Column) -> Column:
    """Graphs that lose less than all with as few or fewer parameters."""
    found: list[int] = []
    least = np.inf
    for graph in np.lexsort((lost, parameters)).tolist():
        if lost[graph] < least - 1e-12:
            found.append(graph)
            least = float(lost[graph])
    return np.array(found, np.int64)
