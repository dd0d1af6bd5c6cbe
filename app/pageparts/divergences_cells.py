"""A density cut into cells, and the entropy of the cells as they shrink."""

from __future__ import annotations

import numpy as np
from PySide6.QtWidgets import QWidget

from app.pageparts.arranging import arrange, ladder
from app.pageparts.divergences_ledger import P
from app.widgets.figure import Figure
from app.widgets.figuremarks import Bars, Dots, Line, Rule
from gm_core.concepts import divergences_cells as concept
from gm_core.concepts.divergences import PER_NAT


class CellsPicture(QWidget):
    """Setter: draw(frame, width of a cell, unit). Signal of its figure `run`: clicked(width, value)."""

    def __init__(self) -> None:
        super().__init__()
        self.cells, self.run = Figure("Density and histogram"), Figure("Entropy by width of the cells")
        arrange([([(self.cells, 1)], 1), ([(self.run, 1)], 1)], self)

    def draw(self, frame: concept.CellsFrame, unit: str) -> None:
        """Histogram over the density; curves over the width of a cell."""
        top = ladder(1.08 * float(frame.density.max()), (0.5, 1.0, 2.0, 4.5, 9.0))
        self.cells.set_axes("x", "density", (-concept.DRAWN, concept.DRAWN), (0.0, top))
        self.cells.set_marks(
            [
                Bars(frame.middle, frame.height, frame.numbers["width"], name="probability of a cell / δ", colour=P),
                Line(frame.x, frame.density, width=2.0, name="density", colour="text"),
            ]
        )
        per_nat, n = PER_NAT[unit], frame.numbers
        self.run.set_axes("δ", unit, (concept.FINEST, concept.COARSEST), (-2.0 * per_nat, 6.2 * per_nat), log_x=True)
        at = np.array([n["width"]])
        self.run.set_marks(
            [
                Rule(0.0, "y", colour="edge"),
                Rule(n["h"], "y", name="h, the density's own", colour="good", dashed=True),
                Line(frame.widths, frame.entropy, name="H of the cells", colour=P),
                Line(frame.widths, frame.moved, width=2.2, name="H + log δ", colour=1),
                Rule(n["width"], colour="text", dashed=True),
                Dots(at, np.array([n["discrete"]]), 4.5, colour=P),
                Dots(at, np.array([n["moved"]]), 4.5, colour=1),
            ]
        )
