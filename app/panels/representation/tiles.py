"""The five numbers about the codes; the pressed one is shown in full."""

from __future__ import annotations

from typing import Literal

import numpy as np
from PySide6.QtCore import Signal
from PySide6.QtWidgets import QButtonGroup, QHBoxLayout, QWidget

from app.panels.representation import words
from app.widgets.tile import Tile
from gm_core import api

Page = Literal["classes", "units", "nats", "causes", "filters"]
TILES: dict[Page, tuple[str, str]] = {
    "classes": ("Probe", "How many unseen examples a straight cut through the codes names rightly."),
    "units": ("Active", "How many numbers of the code are used."),
    "nats": ("Nats", "I(x; z): how much a code tells about its example."),
    "causes": ("MIG", "Whether each known cause of the data has a number of the code of its own."),
    "filters": ("Filters", "What the units of the first layer look for."),
}


class Tiles(QWidget):
    """Setters: choose(page), set_numbers(frame, filters). Getters: page(), index(). Signal: turned()."""

    turned = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.each: dict[Page, Tile] = {}
        self._group = QButtonGroup(self)
        line = QHBoxLayout(self)
        line.setContentsMargins(0, 0, 0, 0)
        line.setSpacing(4)
        for number, (page, (title, tip)) in enumerate(TILES.items()):
            tile = self.each[page] = Tile(title, tip)
            self._group.addButton(tile, number)
            line.addWidget(tile, 1)
        self.each["classes"].setChecked(True)
        self._group.idToggled.connect(lambda _number, on: self.turned.emit() if on else None)

    def index(self) -> int:
        """The place of the page in front."""
        return self._group.checkedId()

    def page(self) -> Page:
        """The page in front."""
        return list(TILES)[self.index()]

    def choose(self, page: Page) -> None:
        """Press one."""
        self.each[page].setChecked(True)

    def set_numbers(self, frame: api.Representation | None, filters: api.Filters | None) -> None:
        """The newest numbers; a dash where one is not known or not defined."""
        self.each["filters"].set_number("" if filters is None else f"{filters.total:,}")
        if frame is None:
            for page in ("classes", "units", "nats", "causes"):
                self.each[page].set_number("")
            return
        error = words.percent(frame.probe_error)
        self.each["classes"].set_number(words.percent(frame.probe), f"± {error} %" if error else "")
        self.each["units"].set_number(f"{int(frame.active.sum())}", f"of {len(frame.active)}")
        self.each["nats"].set_number(words.nats(frame))
        self.each["causes"].set_number(f"{frame.gap:.2f}" if np.isfinite(frame.gap) else "")
