"""What the factorisation page draws: marks made from the frames of its sections."""

from __future__ import annotations

import math

import numpy as np

from app.pageparts.counting_sheet import Sheet
from app.pageparts.factorisation_graph import Graph
from app.widgets.figuremarks import Band, Bars, Colour, Dots, Image, Line, Mark, Rule, Words
from gm_core.concepts import factorisation_forcing as forcing
from gm_core.concepts import factorisation_graph as graph
from gm_core.concepts import factorisation_order as order
from gm_core.concepts import factorisation_parallel as parallel

TRUE, FREE = 0, 1
"""Colours of the truth and of what runs free."""
NODE: tuple[Colour, ...] = (0, 1, 2, 3, 4)
ROUND = tuple((math.sin(2 * math.pi * k / 5), math.cos(2 * math.pi * k / 5)) for k in range(5))
"""Where the five pixels of the graph stand: on a circle, the first on top, clockwise."""
ORDER_COLOURS: dict[str, Colour] = {"yours": "accent", "raster": 0, "snake": 2, "centre": 4, "random": 3}


# ---- graph


def nodes(frame: graph.GraphFrame, number: int, chosen: int) -> list[Mark]:
    """The graph; beside a chosen pixel the price of each of its edges."""
    edges = graph.edges_of(number)
    lost = dict(zip(graph.PAIRS, frame.lost.tolist(), strict=True))
    saved = dict(zip(graph.PAIRS, frame.saved.tolist(), strict=True))
    top = max(0.05, *lost.values())
    near = [pair for pair in graph.PAIRS if chosen in pair]
    words = [
        (pair, f"{saved[pair]} parameter{'' if saved[pair] == 1 else 's'}\n{lost[pair]:.3f} nats") for pair in near
    ]
    missing = [pair for pair in near if pair not in edges]
    strong = [min(1.0, lost[pair] / top) for pair in edges]
    xs, ys = zip(*ROUND, strict=True)
    return [Graph(xs, ys, "12345", NODE, edges, missing, words, strong, 0.17, chosen)]


def where(frame: graph.GraphFrame) -> list[Mark]:
    """The five pixels on the mean digit."""
    rows, columns = frame.places[:, 0].tolist(), frame.places[:, 1].tolist()
    xs, ys = [column + 0.5 for column in columns], [7.5 - row for row in rows]
    return [Sheet(frame.mean[None], 1), Graph(xs, ys, "12345", NODE, side=0.42)]


def cloud(frame: graph.GraphFrame, number: int) -> list[Mark]:
    """All graphs by what they take and lose, and some by name."""
    front = frame.front
    chain = graph.CHAIN
    named = (("chain", chain, 2), ("one best parent each", frame.tree, 4))
    marks: list[Mark] = [
        Dots(frame.all_parameters, frame.all_lost, 2.2, alpha=120, colour="edge", name="each of 1,024 graphs"),
        Line(frame.all_parameters[front], frame.all_lost[front], colour="text", name="nothing beats these"),
    ]
    marks += [
        Dots(frame.all_parameters[[at]], frame.all_lost[[at]], 4.5, colour=colour, name=name, hollow=True)
        for name, at, colour in named
    ]
    here = frame.all_parameters[[number]], frame.all_lost[[number]]
    return [*marks, Dots(*here, 5.5, colour="accent", name="this one")]


def states(frame: graph.GraphFrame) -> list[Mark]:
    """The truth and the best with the graph, state by state."""
    at = np.arange(len(frame.joint))
    return [
        Bars(at, frame.joint, 0.7, colour="accent", name="p, counted"),
        Bars(at, frame.best, 0.86, colour="text", hollow=True, name="q, best with this graph"),
    ]


def by_pixel(frame: graph.GraphFrame) -> list[Mark]:
    """What each pixel loses."""
    return [Bars(np.array([at]), frame.pixels[[at]], 0.6, colour=NODE[at]) for at in range(graph.PIXELS)]


# ---- forcing


def tracks(frame: forcing.ForcingFrame, free: bool, given: int) -> list[Mark]:
    """Where the truth, or the model that runs free, puts its mass, and what each draws."""
    mass, lines, colour = (frame.model, frame.free_lines, FREE) if free else (frame.truth, frame.true_lines, TRUE)
    t = np.arange(1, forcing.LENGTH + 1, dtype=float)
    extent = (0.5, forcing.LENGTH + 0.5, -0.5, forcing.LEVELS - 0.5)
    name = "model, running free" if free else "truth"
    marks: list[Mark] = [Image(np.sqrt(mass), extent, limits=(0.0, 0.9), smooth=False)]
    marks += [Line(t, line.astype(float), 1.3, colour=colour, name=name) for line in lines]
    return [*marks, Rule(given + 0.5, colour="text", dashed=True, name="given up to here")] if free else marks


def errors(frame: forcing.ForcingFrame, given: int) -> list[Mark]:
    """The model's error by position under true prefixes and under its own."""
    t = np.arange(1, forcing.LENGTH + 1, dtype=float)
    return [
        Line(t, frame.free, 2.2, fill=True, colour=FREE, name="under its own prefixes"),
        Line(t, frame.forced, 2.2, fill=True, colour=TRUE, name="under true prefixes (teacher forcing)"),
        Rule(given + 0.5, colour="text", dashed=True),
    ]


# ---- parallel


def known_when(frame: parallel.ParallelFrame, call: float) -> list[Mark]:
    """The number of the call that makes each pixel known; those that are known are lit."""
    known = np.where(frame.known_at <= call, 0.55, 0.0)
    marks: list[Mark] = [Image(known[::-1].copy(), (0.0, 8.0, 0.0, 8.0), limits=(0.0, 1.0), smooth=False)]
    for (row, column), at in np.ndenumerate(frame.known_at):
        marks.append(Words(column + 0.5, 7.5 - row, str(at), colour="text" if at <= call else "muted"))
    return marks


def work(values: np.ndarray, rise: float) -> list[Mark]:
    """Three bars with their numbers, so many decades above: scoring, sampling anew, sampling by running sums."""
    colours: tuple[Colour, ...] = (2, 1, 4)
    bars = [Bars(np.array([at]), values[[at]].astype(float), 0.6, colour=colours[at]) for at in range(3)]
    words = [Words(at, float(np.log10(v)) + rise, f"{v:,}", colour="text") for at, v in enumerate(values.tolist())]
    return [*bars, *words]


def at_once(frame: parallel.ParallelFrame, block: int) -> list[Mark]:
    """Nats by how many pixels are drawn in one call."""
    here = np.array([float(block)]), np.array([frame.numbers["nats"]])
    blocks = np.array(parallel.BLOCKS, float)
    return [Line(blocks, frame.nats, colour=1), Dots(blocks, frame.nats, 3.0, colour=1), Dots(*here, 5.0, colour=1)]


# ---- order


def route(own: tuple[int, ...], chosen: int) -> list[Mark]:
    """The patch with the way through it; each pixel says when it is visited."""
    side = order.SIDE
    xs = [site % side + 0.5 for site in own]
    ys = [side - 0.5 - site // side for site in own]
    ring = own.index(chosen) if chosen in own else -1
    names = [str(rank + 1) for rank in range(len(own))]
    colours: list[Colour] = ["accent"] * len(own)
    edges = [(rank, rank + 1) for rank in range(len(own) - 1)]
    return [Graph(xs, ys, names, colours, edges, strong=[0.15] * len(edges), side=0.22, chosen=ring)]


def by_memory(frame: order.OrderFrame, memory: int) -> list[Mark]:
    """Nats lost by memory, for some orders by name and for the range of a thousand."""
    m = np.arange(order.SITES, dtype=float)
    marks: list[Mark] = [Band(m, frame.among[0], frame.among[2], colour="edge", name="1,000 random orders")]
    for name, lost in list(zip(frame.names, frame.lost, strict=True))[::-1]:
        marks.append(Line(m, lost, 2.8 if name == "yours" else 1.6, colour=ORDER_COLOURS[name], name=name))
    return marks


def by_rank(frame: order.OrderFrame) -> list[Mark]:
    """What each visit loses in the own order."""
    return [Bars(np.arange(order.SITES), np.maximum(frame.ranks, 0.0), 0.6, colour="accent")]
