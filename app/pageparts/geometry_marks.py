"""Fields, ways and manifolds of the page on the geometry of autoencoders."""

from __future__ import annotations

import numpy as np

from app.widgets.figuremarks import Arrows, Dots, Image, Line, Mark, Rule
from gm_core.concepts import geometry as concept
from gm_core.concepts import geometry_learned as learned
from gm_core.concepts.geometry_shapes import BOX, RADIUS, Shape, outline

BEST: int | str = 2
LEARNED: int | str = 1
ALONG, ACROSS = 0, 3
HALF_CELL = (BOX[1] - BOX[0]) / 64
SHIPPED_BOX = (BOX[0] - HALF_CELL, BOX[1] + HALF_CELL, BOX[2] - HALF_CELL, BOX[3] + HALF_CELL)
"""Shipped values lie on the edges of BOX too, so that their cells reach beyond it."""
SHORT = 0.25
ELLIPSE = 0.7
"""Length that a singular value of 1 is drawn with."""


def shape_marks(shape: Shape) -> list[Mark]:
    """The shape that the examples lie around."""
    at = outline(shape)
    return [Line(at[:, 0], at[:, 1], 1.4, free=True, dashed=True, name="data", colour="text")]


def field(points: np.ndarray, moves: np.ndarray, name: str, colour: int | str = "muted", width: float = 1.3) -> Mark:
    """Arrows, shortened so that they do not cross."""
    return Arrows(*points.T, *(SHORT * moves).T, name=f"{name}, × {SHORT}", colour=colour, width=width)


def denoiser_marks(frame: concept.DenoiserFrame, shape: Shape, steps: int) -> list[Mark]:
    """The spoilt density, where the best denoiser sends each place, and ways that climb."""
    ways = [way for way in frame.ways if np.hypot(*(way[-1] - way[0])) > 1e-3]
    joined = np.concatenate([np.concatenate((way, [[np.nan, np.nan]])) for way in ways]) if ways else np.zeros((0, 2))
    way = frame.way[: steps + 1]
    return [
        Image(np.exp(frame.log_density), BOX, "density"),
        *shape_marks(shape),
        field(frame.points, frame.moves, "r(x) − x"),
        Line(joined[:, 0], joined[:, 1], 1.2, free=True, name="r(r(…x))", colour=BEST),
        Dots(frame.ways[:, -1, 0], frame.ways[:, -1, 1], 2.6, colour=BEST),
        Line(way[:, 0], way[:, 1], 2.4, free=True, colour="accent"),
        Dots(way[1:, 0], way[1:, 1], 3.2, colour="accent"),
    ]


def climb_marks(frame: concept.DenoiserFrame, steps: int) -> tuple[list[Mark], list[Mark]]:
    """Energy along the way, and along the level line through the point."""
    k = np.arange(steps + 1)
    along = [
        Line(k, frame.energy[: steps + 1], 2.0, name="−ln p on the way", colour="accent"),
        Dots(k, frame.energy[: steps + 1], 3.0, colour="accent"),
    ]
    n = frame.numbers
    energy, slope, half = n["energy"], -n["score_1"], 0.45
    tangent = np.array([n["x_1"] - half, n["x_1"] + half])
    cut = [
        Line(frame.line, frame.cut, 2.0, name="−ln p along x₁", colour="text"),
        Line(tangent, energy + slope * (tangent - n["x_1"]), 2.0, name="slope = −score", colour=BEST),
    ]
    return along, cut


def bend_marks(frame: concept.BendFrame) -> list[Mark]:
    """A circle, where noise spreads it, and the circle that the denoiser leads back to."""
    turn = np.linspace(0, 2 * np.pi, 181)
    rest = frame.numbers["rest"]
    return [
        Image(frame.density, BOX, "density"),
        field(frame.points, frame.moves, "r(x) − x"),
        Line(RADIUS * np.cos(turn), RADIUS * np.sin(turn), 1.4, free=True, dashed=True, name="data", colour="text"),
        Line(rest * np.cos(turn), rest * np.sin(turn), 2.4, free=True, name="rest", colour=BEST),
        Dots(np.zeros(1), np.zeros(1), 4.0 if rest == 0 else 0.1, colour=BEST),
    ]


def radial_marks(frame: concept.BendFrame) -> tuple[list[Mark], list[Mark]]:
    """The move by distance with the places where it is 0, and the radius of rest by noise."""
    n = frame.numbers
    move = [
        Rule(0.0, "y", colour="edge"),
        Rule(RADIUS, dashed=True, name="data", colour="text"),
        Line(frame.rho, frame.move, 2.2, name="r(ρ) − ρ", colour="muted"),
        Dots(np.array([n["rest"]]), np.zeros(1), 5.0, name="rest", colour=BEST),
    ]
    rest = [
        Rule(n["collapse"], dashed=True, name="R/√2", colour="bad"),
        Rule(RADIUS, "y", dashed=True, name="data: R", colour="text"),
        Line(frame.noises, frame.nearly, 1.4, dashed=True, name="R − σ²/2R", colour="muted"),
        Line(frame.noises, frame.rest, 2.4, name="radius of rest", colour=BEST),
    ]
    return move, rest


def learned_marks(frame: learned.LearnedFrame, shape: Shape) -> list[Mark]:
    """Both fields on the distance between them, and both ways from the point."""
    return [
        Image(frame.gap, BOX, "density", (0.0, 1.0)),
        *shape_marks(shape),
        field(frame.points, frame.best, "best", BEST, 2.4),
        field(frame.points, frame.learned, "learned", LEARNED),
        Line(frame.best_way[:, 0], frame.best_way[:, 1], 2.4, free=True, colour=BEST),
        Line(frame.way[:, 0], frame.way[:, 1], 2.4, free=True, colour=LEARNED),
        Dots(frame.best_way[1:, 0], frame.best_way[1:, 1], 3.0, colour=BEST),
        Dots(frame.way[1:, 0], frame.way[1:, 1], 3.0, colour=LEARNED),
    ]


def learned_curves(frame: learned.LearnedFrame) -> tuple[list[Mark], list[Mark]]:
    """The length of each step on both ways, and what was missed by noise."""
    k = np.arange(1, len(frame.way))
    steps = [np.linalg.norm(np.diff(way, axis=0), axis=1).clip(1e-4) for way in (frame.best_way, frame.way)]
    sigma, missed = frame.numbers["sigma"], frame.numbers["missed"]
    lengths = [
        Line(k, steps[0], 2.0, name="best", colour=BEST),
        Line(k, steps[1], 2.0, name="learned", colour=LEARNED),
    ]
    parts = [
        Line(frame.noises, frame.missed, 2.0, name="E|learned − best|² / E|best|²", colour=LEARNED),
        Dots(frame.noises, frame.missed, 3.0, colour=LEARNED),
        Dots(np.array([sigma]), np.array([missed]), 5.5, colour="accent"),
    ]
    return lengths, parts


def contractive_marks(
    frame: learned.ContractiveFrame, shape: Shape, shows: str, probe: tuple[float, float]
) -> list[Mark]:
    """The field, where it leads, and the two directions of the Jacobian at the point."""
    n = frame.numbers
    ground = {
        "across": frame.singular[..., 1], "along": frame.singular[..., 0], "ratio": frame.singular[..., 1]
        / np.maximum(frame.singular[..., 0], 1e-6),
    }[shows]  # fmt: skip
    marks: list[Mark] = [
        Image(ground, SHIPPED_BOX, "density", (0.0, 1.0)),
        *shape_marks(shape),
        field(frame.points, frame.moves, "r(x) − x"),
        Dots(frame.rest[:, 0], frame.rest[:, 1], 2.6, name=f"after {learned.REST} rounds", colour=BEST),
    ]
    for value, turn, colour in ((n["along"], 0.0, ALONG), (n["across"], np.pi / 2, ACROSS)):
        reach = ELLIPSE * max(value, 0.02) * np.array([np.cos(n["angle"] + turn), np.sin(n["angle"] + turn)])
        ends = np.array([probe - reach, probe + reach])
        marks.append(Line(ends[:, 0], ends[:, 1], 5.0, free=True, colour=colour))
    return marks


def singular_marks(frame: learned.ContractiveFrame, level: int) -> tuple[list[Mark], list[Mark]]:
    """Mean singular values by penalty, of the encoder and of the whole map."""
    k = np.arange(len(frame.penalties))
    made: list[list[Mark]] = []
    for values, words in ((frame.encoder, "encoder"), (frame.whole, "x → r(x)")):
        marks: list[Mark] = [Rule(float(level - 1), colour="accent")]
        for which, (colour, name) in enumerate(((ALONG, "along"), (ACROSS, "across"))):
            marks.append(Line(k, values[:, which], 2.0, name=f"{words}, {name}", colour=colour))
            marks.append(Dots(k, values[:, which], 3.2, colour=colour))
        made.append(marks)
    return made[0], made[1]


def bottleneck_marks(frame: learned.BottleneckFrame, shape: Shape, shows: str) -> list[Mark]:
    """The decoder's curve among the examples, each with a thread to what comes back for it."""
    n = frame.numbers
    ground = Image(frame.code_map.clip(0, 1), SHIPPED_BOX, "cividis", (0.0, 1.0))
    if shows == "error":
        ground = Image(frame.error_map, SHIPPED_BOX, "density", (0.0, 1.5))
    gaps = np.full_like(frame.examples, np.nan)
    threads = np.stack((frame.examples, frame.back, gaps), 1).reshape(-1, 2)
    given = np.array([[n["x_1"], n["x_2"]], [n["r_1"], n["r_2"]]])
    return [
        ground,
        *shape_marks(shape),
        Line(threads[:, 0], threads[:, 1], 1.0, free=True, name="x to r(x)", colour="muted"),
        Line(frame.curve[:, 0], frame.curve[:, 1], 3.0, free=True, name="all that g can say", colour=LEARNED),
        Line(given[:, 0], given[:, 1], 2.4, free=True, colour="accent"),
        Dots(given[1:, 0], given[1:, 1], 5.0, hollow=True, colour="accent"),
        Dots(np.array([n["g_1"]]), np.array([n["g_2"]]), 6.0, name="g(code)", colour=BEST),
    ]


def coordinate_marks(frame: learned.BottleneckFrame) -> list[Mark]:
    """Both coordinates of the decoder's curve by code."""
    n = frame.numbers
    return [
        Rule(n["code"], colour=BEST),
        Line(frame.codes, frame.curve[:, 0], 2.0, name="g₁", colour=ALONG),
        Line(frame.codes, frame.curve[:, 1], 2.0, name="g₂", colour=ACROSS),
        Rule(n["h"], dashed=True, name="h(x)", colour="accent"),
    ]
