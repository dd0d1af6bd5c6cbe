"""Sprites from causes and from mixtures of them: walks along each number, pixels that change, and who tells what."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from app.pageparts.arranging import arrange
from app.widgets.figure import Figure
from app.widgets.figuremarks import Image, Line, Mark, Words
from gm_core.concepts import control_factors as concept

SPACE = 4
GAP = SPACE / (concept.SIDE + SPACE)
CHANGE = concept.STOPS + 0.45
"""Where the pictures of what changes stand, to the right of the walks."""
WORDS = ("size", "turn", "across", "down")
NUMBERS = ("c₁", "c₂", "c₃", "c₄")
TITLES = ("One number, one cause", "The same four causes, mixed")


class FactorsPicture(QWidget):
    """Setters: draw(frame, code), draw_tables(frame). Signal: walked(number from 0, value) when a picture of a walk is
    clicked."""

    walked = Signal(int, float)

    def __init__(self) -> None:
        super().__init__()
        self.walks = tuple(Figure(title) for title in TITLES)
        self.tables = tuple(Figure(f"Nats about each cause. {title}") for title in TITLES)
        for figure, title in zip(self.walks, TITLES, strict=True):
            figure.set_axes(x_range=(-1.3, CHANGE + 1.15), y_range=(-0.1, 4.5), equal=True, bare=True)
            figure.set_title(title)
            figure.clicked.connect(self._click)
        for figure in self.tables:
            figure.set_axes(x_range=(-1.2, 4.1), y_range=(-0.05, 4.7), bare=True)
            figure.set_title("I(cause; number), nats")
        arrange([([(figure, 1) for figure in self.walks], 5), ([(figure, 1) for figure in self.tables], 4)], self)

    def draw(self, frame: concept.FactorsFrame, code: tuple[float, ...]) -> None:
        """The walks; a frame marks where the code is."""
        for side, figure in enumerate(self.walks):
            names = WORDS if side == 0 else NUMBERS
            marks: list[Mark] = [Words(CHANGE + 0.45, 4.25, "changes", colour="muted")]
            marks += [
                Words(stop + 0.45, 4.25, f"{value:.2g}".replace("-", "−"), colour="muted")
                for stop, value in enumerate(frame.stops)
            ]
            # One picture for all tiles: sixty small ones would take longer to paint than to compute.
            marks.append(Image(_sheet(frame.walks[side]), (0.0, concept.STOPS, -GAP, 4.0 - GAP)))
            moved = _laid(frame.changes[side][:, None], np.nan)[::-1]
            marks.append(Image(moved, (CHANGE, CHANGE + 1, -GAP, 4.0 - GAP), "density", (0.0, 1.0)))
            for row in range(4):
                marks.append(Words(-0.12, 3.45 - row, names[row], align="right", colour="text", bold=True))
                at = float(np.argmin(np.abs(frame.stops - code[row])))
                x0, x1, y0, y1 = at, at + 1 - GAP, 3.0 - row, 4.0 - row - GAP
                around = np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1], [x0, y0]])
                marks.append(Line(around[:, 0], around[:, 1], width=2.0, free=True, colour="accent"))
            figure.set_marks(marks)

    def draw_tables(self, frame: concept.InformationFrame) -> None:
        """The mutual information of each cause and each number."""
        for side, figure in enumerate(self.tables):
            table = frame.tables[side]
            across = WORDS if side == 0 else NUMBERS
            marks: list[Mark] = [Image(table[::-1], (0.0, 4.0, 0.0, 4.0), "density", (0.0, 2.4), smooth=False)]
            marks += [Words(k + 0.5, 4.3, across[k], colour="text", bold=True) for k in range(4)]
            marks += [Words(-0.1, 3.5 - k, WORDS[k], align="right", colour="text") for k in range(4)]
            marks += [
                Words(
                    column + 0.5, 3.5 - row, f"{table[row, column]:.2f}", colour="text", bold=table[row, column] > 0.5
                )
                for row in range(4)
                for column in range(4)
            ]
            figure.set_marks(marks)

    def _click(self, x: float, y: float) -> None:
        stop, row = int(np.floor(x)), 3 - int(np.floor(y))
        if 0 <= stop < concept.STOPS and 0 <= row < 4:
            values = np.linspace(-concept.REACH, concept.REACH, concept.STOPS)
            self.walked.emit(row, float(values[stop]))


def _laid(tiles: np.ndarray, ground: float) -> np.ndarray:
    """Tiles (rows, columns, SIDE, SIDE) as one picture, each with SPACE pixels to its right and below it."""
    room = ((0, 0), (0, 0), (0, SPACE), (0, SPACE))
    wide = np.pad(tiles.astype(np.float64), room, constant_values=ground)
    rows, columns, high, width = wide.shape
    return wide.transpose(0, 2, 1, 3).reshape(rows * high, columns * width)


def _sheet(tiles: np.ndarray) -> np.ndarray:
    """Tiles of 0 to 1 as one grey picture, row 0 lowest, that lets the ground through between them."""
    laid = _laid(tiles, -1.0)[::-1]
    made = np.repeat((255 * laid.clip(0, 1)).astype(np.uint8)[..., None], 4, -1)
    made[..., 3] = np.where(laid < 0, 0, 255)
    return made
