"""What the counting page draws: marks made from the frames of its sections."""

from __future__ import annotations

import numpy as np

from app.pageparts.counting_rows import CountRow
from app.pageparts.counting_sheet import Sheet
from app.pageparts.factorisation_graph import Graph
from app.widgets.figuremarks import Bars, Colour, Dots, Line, Mark, Rule, Words
from gm_core.concepts import counting as concept
from gm_core.concepts import counting_digits as digits
from gm_core.concepts import counting_edges as edges

COLOURS: tuple[Colour, ...] = ("text", "accent", 2, 1, 0, 5, 3)
"""Table, chain rule, order m, order 1, independent, logistic, shared weights."""
DRAWN: tuple[Colour, ...] = (0, 1, 2, 3, "text")
"""Independent, order 1, order m, one shared table, full table."""
NODES = ((0.0, 1.0), (-0.9, -0.55), (0.9, -0.55))
"""Where z, y and x stand."""
VARIABLE = (0, 1, 1, 2, 2, 2, 2)
"""Which bit each of the seven numbers of the edges belongs to."""


def factors(frame: concept.PixelFrame) -> list[Mark]:
    """Bars with their exact counts: the three factors, their sum, the table, and two assumptions."""
    heights = (*frame.factors, sum(frame.factors), frame.table, frame.markov, frame.independent)
    colours: tuple[Colour, ...] = ("edge", "edge", "edge", "accent", "text", 1, 0)
    bars = [
        Bars(np.array([at]), np.array([float(height)]), 0.6, colour=colour)
        for at, (height, colour) in enumerate(zip(heights, colours, strict=True))
    ]
    words = [  # the middle one of the three that are as high stands higher, for they would overlap
        Words(at, float(np.log10(height)) + (0.8 if at == 3 else 0.3), f"{height:,}", bold=at in (3, 4), colour="text")
        for at, height in enumerate(heights)
    ]
    return [*bars, *words]


def growth(frame: concept.CountFrame, pixels: int) -> list[Mark]:
    """Parameters by the number of pixels, with a dot for each assumption at the number at hand."""
    n = np.unique(np.geomspace(1, concept.LARGEST, 150).round())  # as dense as a log axis shows
    at = n.astype(int) - 1
    lines: list[Mark] = []
    for name, row, colour in zip(frame.names, frame.log10, COLOURS, strict=True):
        chain = name == "Chain rule"  # it lies on the table's line, and both are to be seen
        y = 10.0 ** np.minimum(row[at], 13.0)
        lines.append(Line(n, y, 3.0 if chain else 1.8, name=name, colour=colour, dashed=chain))
    here = np.array([float(pixels)])
    dots = [
        Dots(here, 10.0 ** np.minimum(row[[pixels - 1]], 12.0), 3.5, colour=colour)
        for row, colour in zip(frame.log10, COLOURS, strict=True)
    ]
    return [*lines, Rule(float(pixels), colour="muted", dashed=True), *dots]


def rows(frame: concept.CountFrame) -> list[CountRow]:
    """Every assumption with its exact count."""
    return [
        CountRow(name, colour, exact, concept.words(exact), name == "Chain rule")
        for name, colour, exact in zip(frame.names, COLOURS, frame.exact, strict=True)
    ]


def drawn(frame: digits.DigitsFrame, at: int) -> list[Mark]:
    """What one assumption draws, with its parameters and nats in the legend."""
    count = "2⁶⁴ − 1" if at == 4 else concept.words(frame.parameters[at])
    told = f"{count} parameter{'' if frame.parameters[at] == 1 else 's'}"
    nats = Rule(-10.0, name=f"{frame.nats[at]:.2f} nats", colour=DRAWN[at])  # beyond the axes: only its words are seen
    return [Sheet(frame.drawn[at], 4, name=told, colour=DRAWN[at]), nats]


def by_memory(frame: digits.DigitsFrame, memory: int) -> list[Mark]:
    """Nats by memory, where it was counted and where it was not, beside the full table and coin flips."""
    m = np.arange(digits.MEMORIES, dtype=float)
    return [
        Rule(frame.numbers["full"], "y", name="full table", colour=DRAWN[4]),
        Rule(frame.numbers["coins"], "y", name="coin flips", colour="muted", dashed=True),
        Line(m, frame.shared, name="held out, one shared table", colour=DRAWN[3]),
        Line(m, frame.learned, dashed=True, name="digits counted", colour=DRAWN[2]),
        Line(m, frame.held_out, width=2.4, name="held out", colour=DRAWN[2]),
        Dots(m[:1], frame.held_out[:1], 4.5, colour=DRAWN[0]),
        Dots(m[1:2], frame.held_out[1:2], 4.5, colour=DRAWN[1]),
        Dots(m[[memory]], frame.shared[[memory]], 4.0, colour=DRAWN[3]),
    ]


def triangle(frame: edges.EdgesFrame, kept: tuple[str, ...]) -> list[Mark]:
    """The graph on three bits; each edge says what it takes and what it is worth, and is as thick as that."""
    there = [edges.ENDS[edge] for edge in kept]
    words = [
        (edges.ENDS[edge], f"{saved} parameter{'' if saved == 1 else 's'}\n{lost:.4f} nats")
        for edge, saved, lost in zip(edges.EDGES, frame.saved.tolist(), frame.lost.tolist(), strict=True)
    ]
    top = max(0.25, float(frame.lost.max()))
    strong = [float(frame.lost[edges.EDGES.index(edge)]) / top for edge in kept]
    missing = [ends for ends in edges.ENDS.values() if ends not in there]
    xs, ys = zip(*NODES, strict=True)
    return [Graph(xs, ys, ("z", "y", "x"), (0, 1, 2), there, missing, words, strong, 0.2)]


def chances(frame: edges.EdgesFrame) -> list[Mark]:
    """The seven numbers of the truth, and what the model says in their places."""
    at = np.arange(7)
    bars: list[Mark] = []
    for bit in range(3):
        own = np.array([number for number in range(7) if VARIABLE[number] == bit])
        bars.append(Bars(at[own], frame.truth[own], 0.62, colour=bit))
    return [*bars, Bars(at, frame.model, 0.78, colour="text", hollow=True, name="best with this graph")]


def states(frame: edges.EdgesFrame) -> list[Mark]:
    """Both joints, state by state."""
    return [
        Bars(np.arange(8), frame.joint, 0.62, colour="accent", name="p"),
        Bars(np.arange(8), frame.best, 0.78, colour="text", hollow=True, name="q, best with this graph"),
    ]
