"""Control signals that are causes: sprites drawn from a code, one cause for each number or all of them mixed.

    p(x) = integral p(x|z) p(z) dz = integral p(x|R c) p(c) dc        z = R c, R a rotation, p = N(0, I)

Four causes z (size, turn, place across, place down) draw a sprite. A rotated code c has the same prior, for a round
Gaussian looks the same from all sides, and therefore draws the same pictures with the same probabilities: no
likelihood can prefer causes to mixtures of them (Locatello et al. 2019, arXiv:1811.12359, theorem 1). How far apart
they are kept is measured by the mutual information gap (Chen et al. 2018, arXiv:1802.04942, eq. 6).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from gm_core.concepts.base import Column, Columns, ConceptFrame, Query, answers_alone

if TYPE_CHECKING:
    import torch

SHAPES = ("square", "ellipse", "heart", "triangle", "cross")
SIDE = 32
"""Pixels along a picture."""
STOPS = 7
REACH = 2.0
"""Walks go from -REACH to REACH."""
EXAMPLES = 2000
Code = tuple[float, float, float, float]


def rotation(angle: float) -> Column:
    """A rotation of four numbers (4, 4): each pair of neighbours turned by `angle` degrees, then the pairs.

    At 0 nothing is mixed; at 45 every entry is 1/2 in size, and every number moves all causes alike.
    """
    turn = math.radians(angle)
    cos, sin = math.cos(turn), math.sin(turn)
    small = np.array([[cos, -sin], [sin, cos]])
    made: Column = np.kron(small, small)
    return made


def _paint(causes: Column, shape: int) -> Column:
    """How much of each pixel is covered, 0 to 1, (n, SIDE, SIDE), of causes (n, 4), which become lengths and angles."""
    import torch

    from gm_core.data.sprites import cover

    z = torch.from_numpy(causes).float()
    made: Column = cover(
        torch.full((len(z),), shape),
        0.78 * (0.2 * z[:, 0]).exp(),
        0.5 * z[:, 1],
        SIDE * (0.5 + 0.08 * z[:, 2:]),
        SIDE,
    ).numpy()
    return made


@dataclass(frozen=True, slots=True)
class FactorsQuery(Query):
    """A code of four numbers, the shape that it draws, and by how many degrees the mixed code is rotated."""

    code: Code = (0.0, 0.0, 0.0, 0.0)
    shape: int = 2
    angle: float = 45.0


@dataclass(frozen=True, slots=True)
class FactorsFrame(ConceptFrame):
    """How bright pixels are (0 to 1), first for causes, then for the mixed code: the walk along each number with the
    others held (2, 4, STOPS, SIDE, SIDE), how far each pixel moves on the way (2, 4, SIDE, SIDE), and the pictures of
    the code itself (2, SIDE, SIDE); the stops (STOPS,) and the causes that the mixed code stands for (4,)."""

    walks: Column
    changes: Column
    here: Column
    stops: Column
    causes: Column

    def columns(self) -> Columns:
        """The causes behind the mixed code, and how much of the picture each number moves."""
        moved = self.changes.mean((-1, -2))
        return {
            "causes of the mixed code": self.causes, "pixels moved by a cause": moved[0],
            "pixels moved by a mixed number": moved[1],
        }  # fmt: skip


@answers_alone(FactorsQuery)
def _factors(query: FactorsQuery, rng: torch.Generator) -> Iterator[FactorsFrame]:
    stops = np.linspace(-REACH, REACH, STOPS)
    codes = np.tile(np.array(query.code), (4, STOPS, 1))
    for number in range(4):
        codes[number, :, number] = stops
    turned = rotation(query.angle)
    all_codes = np.concatenate((codes.reshape(-1, 4), np.array([query.code])))
    pictures = _paint(np.concatenate((all_codes, all_codes @ turned.T)), query.shape).reshape(2, -1, SIDE, SIDE)
    walks = pictures[:, :-1].reshape(2, 4, STOPS, SIDE, SIDE)
    changes = walks.max(2) - walks.min(2)
    causes = turned @ np.array(query.code)
    numbers = {f"cause_{k + 1}": float(v) for k, v in enumerate(causes)}
    yield FactorsFrame(numbers, walks, changes, pictures[:, -1], stops, causes)


@dataclass(frozen=True, slots=True)
class InformationQuery(Query):
    """How much each number of a code, rotated by `angle` degrees, tells about each cause."""

    angle: float = 45.0


@dataclass(frozen=True, slots=True)
class InformationFrame(ConceptFrame):
    """Mutual information in nats of cause (rows) and number (columns), for causes, then for the mixed code (2, 4, 4),
    counted in ten equal shares of EXAMPLES draws, so ln 10 at most; the rotation (4, 4)."""

    tables: Column
    turned: Column

    def columns(self) -> Columns:
        """The mixed table, number by number."""
        return {f"I(cause; c{k + 1}) (nats)": self.tables[1, :, k] for k in range(4)}


@answers_alone(InformationQuery)
def _information(query: InformationQuery, rng: torch.Generator) -> Iterator[InformationFrame]:
    import torch

    from gm_core.maths.information import information_gaps, information_table

    causes = torch.randn(EXAMPLES, 4, generator=rng, dtype=torch.float64)
    turned = rotation(query.angle)
    mixed = causes @ torch.from_numpy(turned)  # c = R' z, row by row
    table, entropies = information_table(torch.cat((causes, mixed), 1), causes)
    tables = torch.stack((table[:, :4], table[:, 4:]))
    gaps = [float(information_gaps(half, entropies).mean()) for half in tables]
    numbers = {"mig": gaps[1], "mig_causes": gaps[0], "angle": query.angle, "most": float(entropies.mean())}
    yield InformationFrame(numbers, tables.numpy(), turned)
