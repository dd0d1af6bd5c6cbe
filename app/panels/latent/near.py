"""The nearest real examples of the code in front, and how far the nearest is."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PySide6.QtCore import Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from app.panels.latent.survey import OFF, beyond
from app.widgets import kit
from app.widgets.mosaic import Mosaic
from gm_core import api

COUNT = 5


class Nearby(QWidget):
    """Setters: set_frame(frame, classes), set_estimate(times), set_columns(n | None), clear(words).

    Getters: first() -> the nearest picture, words(). Signal: chosen(picture uint8 (h, w, c)) on a click.
    """

    chosen = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.mosaic = Mosaic()
        self.mosaic.setAccessibleName("Nearest training examples")
        self.mosaic.setToolTip("The training examples nearest to this code; a click goes to one")
        self.mosaic.setMinimumSize(60, 40)
        self.mosaic.set_empty("", "The nearest training examples appear here.")
        self.mosaic.clicked.connect(self._clicked)
        self.words = kit.label("", "caption")
        self.words.setWordWrap(True)
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(4)
        box.addWidget(self.mosaic, 1)
        box.addWidget(self.words)
        self._items: np.ndarray | None = None

    def clear(self, words: str = "") -> None:
        """Nothing is known yet."""
        self._items = None
        self.mosaic.set_images(None)
        kit.set_role(self.words, "role", "caption")
        self.words.setText(words)

    def set_frame(self, frame: api.Nearest, classes: Sequence[str]) -> None:
        """What was found for one code."""
        self._items = frame.items[0]
        labels = None
        if frame.labels is not None:
            labels = [classes[int(y)] if int(y) < len(classes) else str(int(y)) for y in frame.labels[0]]
        if frame.items.ndim == 5:
            self.mosaic.set_images(self._items, labels)
        self.tell(*how_far(frame))

    def tell(self, times: float | None, off: bool) -> None:
        """Say how far the nearest example is, where the usual distance is 1; it warns where that is off the data."""
        kit.set_role(self.words, "role", "warn" if off else "caption")
        if times is None:
            return
        near = f"nearest training example: {times:.1f}× the usual distance"
        self.words.setText(f"off the data: {near}" if off else near)

    def first(self) -> np.ndarray | None:
        """The nearest picture."""
        return None if self._items is None or self._items.ndim != 4 else self._items[0]

    def _clicked(self, place: int) -> None:
        if self._items is not None and 0 <= place < len(self._items):
            self.chosen.emit(self._items[place])


def how_far(frame: api.Nearest) -> tuple[float | None, bool]:
    """How far the nearest example is, where 95 of 100 have another within 1, and whether that is off the data."""
    far = frame.far if np.isfinite(frame.far) else 2.0 * frame.typical
    if not np.isfinite(far) or far <= 0:
        return None, False
    distance = float(frame.distances[0, 0])
    return distance / far, bool(beyond(distance, frame.typical, far) > OFF)
