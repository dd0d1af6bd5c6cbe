"""A joint table whose cells one drags, with marginals at its edges; and a test for an illness as areas and people."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import Signal

from app.widgets.figure import Figure, Handle
from app.widgets.figuremarks import Bars, Dots, Line, Mark, Rule, Words
from gm_core.concepts import bayes as concept

PRESSURES = ("very low", "low", "high", "very high")
WEATHERS = ("sun", "cloud", "rain")
TOP = 0.4
"""The probability that fills a cell to its top."""
SHARE = 0.9
GAP = 0.35
EDGE = 1.25
"""Room for the marginals beyond the gap, in cells, which half of all probability fills."""
MOST = 0.5
ILL, WELL = 1, 0
ACROSS, UP = 50, 20


class JointTable(Figure):
    """Cells filled as high as their probability. Signals: chosen(x, y) when a cell is pressed, dragged(x, y, p)."""

    chosen = Signal(int, int)
    dragged = Signal(int, int, float)

    def __init__(self) -> None:
        super().__init__("Joint table of air pressure and weather")
        right, top = concept.COLUMNS + GAP + EDGE + 0.75, concept.ROWS + GAP + EDGE
        self.set_axes("", "", (-0.9, right), (-0.45, top), bare=True)
        self._joint = np.full((concept.ROWS, concept.COLUMNS), np.nan)
        self._cell: tuple[int, int] | None = None
        self._from = (0.0, 0.0)
        self.pressed_at.connect(self._press)
        self.painted_over.connect(self._drag)

    def show_table(self, frame: concept.TableFrame, x: int, y: int) -> None:
        """Draw a table and outline the row and the column that are looked at."""
        self._joint = frame.joint
        marks: list[Mark] = []
        for r in range(concept.ROWS):
            foot = concept.ROWS - 1 - r
            marks += self._row(frame, r, foot, bold=r == y)
        for c in range(concept.COLUMNS):
            high = EDGE * min(frame.p_x[c] / MOST, 1.0)
            base = concept.ROWS + GAP
            marks += [
                Bars(np.array([c + 0.5]), np.array([high]), 0.8, base, colour="muted"),
                Words(c + 0.5, base - 0.13, f"{frame.p_x[c]:.3f}", colour="text", bold=c == x),
                Words(c + 0.5, -0.2, PRESSURES[c], colour="text" if c == x else "muted", bold=c == x),
            ]
        foot = concept.ROWS - 1 - y
        marks += [
            _box(x + 0.03, 0.0, x + 0.97, concept.ROWS, "text", 1.6),
            _box(0.0, foot + 0.03, concept.COLUMNS, foot + 0.97, y, 2.0),
            Words(-0.85, concept.ROWS + GAP + 0.2, "p(x)", "left", True, colour="muted"),
            Words(concept.COLUMNS + GAP + 0.1, concept.ROWS + 0.22, "p(y)", "left", True, colour="muted"),
            Words(-0.85, -0.2, "pressure", "left", colour="muted"),
        ]
        self.set_marks(marks)

    def _row(self, frame: concept.TableFrame, r: int, foot: int, bold: bool) -> list[Mark]:
        marks: list[Mark] = []
        for c in range(concept.COLUMNS):
            high = min(SHARE * frame.joint[r, c] / TOP, 0.97)
            marks += [
                _box(c + 0.03, foot + 0.03, c + 0.97, foot + 0.97, "edge", 1.0),
                Bars(np.array([c + 0.5]), np.array([high]), 0.94, foot + 0.03, colour=r),
                Words(c + 0.5, foot + 0.84, f"{frame.joint[r, c]:.3f}", colour="text", bold=bold),
            ]
        wide = EDGE * min(frame.p_y[r] / MOST, 1.0)
        left = concept.COLUMNS + GAP
        return [
            *marks,
            Bars(np.array([left + wide / 2]), np.array([0.8]), wide, foot + 0.1, colour=r),
            Words(left + wide + 0.06, foot + 0.5, f"{frame.p_y[r]:.3f}", "left", colour="text", bold=bold),
            Words(-0.85, foot + 0.5, WEATHERS[r], "left", bold, colour="text" if bold else "muted"),
        ]

    def _press(self, x: float, y: float) -> None:
        column, row = int(np.floor(x)), concept.ROWS - 1 - int(np.floor(y))
        inside = 0 <= column < concept.COLUMNS and 0 <= row < concept.ROWS
        self._cell = (column, row) if inside and np.isfinite(self._joint).all() else None
        if self._cell is not None:
            self._from = (y, float(self._joint[row, column]))
            self.chosen.emit(column, row)

    def _drag(self, _x: float, y: float) -> None:
        if self._cell is not None:
            begun, value = self._from
            self.dragged.emit(*self._cell, min(max(value + (y - begun) * TOP / SHARE, 0.0), 0.97))


def conditional_marks(given: np.ndarray, marginal: np.ndarray, at: int, colours: tuple[int | str, ...]) -> list[Mark]:
    """Bars of a conditional with the marginal as outlines behind it, and the number of each bar above it."""
    k = np.arange(len(given))
    marks: list[Mark] = [
        Bars(k[i : i + 1], given[i : i + 1], 0.66, colour=colour) for i, colour in enumerate(colours) if given[i] >= 0
    ]
    marks.append(Bars(k, marginal, 0.78, hollow=True, name="marginal", colour="text"))
    for i in k:
        if np.isfinite(given[i]):
            high = max(float(given[i]), float(marginal[i])) + 0.07
            marks.append(Words(float(i), high, f"{given[i]:.3f}", bold=i == at, colour="text"))
    return marks


def area_marks(numbers: dict[str, float]) -> list[Mark]:
    """The unit square: as wide as either group of people, as high as its share of positive tests."""
    ill, hit, alarm = numbers["prior"], numbers["hit"], numbers["false_alarm"]
    middle, wide = np.array([ill / 2]), ill
    other, rest = np.array([(1 + ill) / 2]), 1 - ill
    return [
        Bars(middle, np.array([hit]), wide, name="ill", colour=ILL),
        Bars(middle, np.array([1 - hit]), wide, hit, hollow=True, colour=ILL),
        Bars(other, np.array([alarm]), rest, name="healthy", colour=WELL),
        Bars(other, np.array([1 - alarm]), rest, alarm, hollow=True, colour=WELL),
    ]


def area_handles(numbers: dict[str, float]) -> list[Handle]:
    """The border between the groups, and how high either group is filled."""
    return [
        Handle("prior", numbers["prior"], 1.0, "text", "x", "Share of people who are ill"),
        Handle("hit", 0.0, numbers["hit"], ILL, "y", "Share of the ill who are positive"),
        Handle("false_alarm", 1.0, numbers["false_alarm"], WELL, "y", "Share of the healthy who are positive"),
    ]


def people_marks(people: np.ndarray) -> list[Mark]:
    """A thousand people, those who are positive first."""
    order = (0, 2, 1, 3)
    ends = np.concatenate(([0], np.cumsum(people[list(order)])))
    at = np.arange(concept.PEOPLE)
    x, y = (at // UP).astype(float), (UP - 1 - at % UP).astype(float)
    looks = (
        ("ill", ILL, False, 255), ("healthy", WELL, False, 255),
        ("ill, negative", ILL, True, 255), ("healthy, negative", WELL, True, 110),
    )  # fmt: skip
    marks: list[Mark] = []
    for (words, colour, hollow, alpha), i, j in zip(looks, ends, ends[1:], strict=False):
        named = f"{words}: {j - i}"
        marks.append(Dots(x[i:j], y[i:j], 2.6, hollow=hollow, alpha=alpha, name=named, colour=colour))
    return marks


def update_marks(frame: concept.MedicalFrame) -> list[Mark]:
    """What is believed after the tests, by what was believed before."""
    return [
        Line(frame.prior, frame.prior, dashed=True, name="before", colour="muted"),
        Line(frame.prior, frame.positive, 2.2, name="after: all positive", colour=ILL),
        Line(frame.prior, frame.negative, 2.2, name="after: not all positive", colour=2),
        Rule(frame.numbers["prior"], colour="edge"),
        Dots(np.array([frame.numbers["prior"]]), np.array([frame.numbers["negative"]]), 4.0, colour=2),
    ]


def _box(x0: float, y0: float, x1: float, y1: float, colour: int | str, width: float) -> Line:
    return Line(np.array([x0, x1, x1, x0, x0]), np.array([y0, y0, y1, y1, y0]), width, free=True, colour=colour)
