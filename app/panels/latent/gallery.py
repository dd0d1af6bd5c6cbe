"""The examples that a lasso has caught, as pictures, with how many of each class there are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
from PySide6.QtCore import Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from app.widgets import kit
from app.widgets.mosaic import Mosaic
from gm_core import api

MOST = 120
"""More examples than these are counted but not shown."""


class Caught(QWidget):
    """Setters: begin(places, labels, classes), set_frame(frame). Getters: count(), pictures().

    Signals: chosen(int place in the survey) on a click, closed().
    """

    chosen = Signal(int)
    closed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.words = kit.label("", "caption")
        self.close_button = kit.IconButton("close", "Close the gallery of chosen examples")
        self.close_button.clicked.connect(self.closed)
        self.mosaic = Mosaic()
        self.mosaic.setAccessibleName("Examples within the lasso")
        self.mosaic.setMinimumSize(80, 64)
        self.mosaic.clicked.connect(self._clicked)
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(2)
        box.addLayout(kit.row(self.words, None, self.close_button))
        box.addWidget(self.mosaic, 1)
        self._places = np.empty(0, np.int64)

    def begin(self, places: np.ndarray, labels: np.ndarray, classes: Sequence[str], total: int) -> None:
        """Examples were caught: say how many, until their pictures come."""
        self._places = places
        words = f"{len(places):,} of {total:,} examples"
        if len(labels):
            counted = Counter(classes[int(y)] if int(y) < len(classes) else str(int(y)) for y in labels)
            most = [f"{name}: {n}" for name, n in counted.most_common(7)]
            words += "   " + "  ".join(most[:6]) + ("  ..." if len(most) > 6 else "")
        if len(places) > MOST:
            words += f"  (the first {MOST} are shown)"
        self.words.setText(words)
        self.mosaic.set_images(None)
        self.mosaic.set_empty("" if len(places) else "No example lies within the loop", "")

    def wanted(self) -> np.ndarray:
        """The places whose pictures are to be shown."""
        return self._places[:MOST]

    def set_frame(self, frame: api.ExamplesFrame) -> None:
        """Their pictures."""
        if frame.items.ndim == 4:
            self.mosaic.set_images(frame.items)
        else:
            self.mosaic.set_empty("These examples are no pictures", "They are counted above.")

    def count(self) -> int:
        """How many were caught."""
        return len(self._places)

    def _clicked(self, place: int) -> None:
        if 0 <= place < len(self._places):
            self.chosen.emit(int(self._places[place]))
