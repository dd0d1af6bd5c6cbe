"""One place for whatever a model makes: pictures in a gallery, points on the plane."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PySide6.QtWidgets import QStackedWidget, QWidget

from app.widgets.mosaic import Mosaic
from app.widgets.plane import PlaneView


class Items(QStackedWidget):
    """Shows uint8 (n, h, w, c) as images and float (n, 2) as points; anything else by words.

    Setters: set_items(array | None, labels=None),
    set_empty(title, hint), set_columns(n | None), set_selected(i | None).
    Getters: items(), image(), view() (what is shown).
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.mosaic = Mosaic(self)
        self.plane = PlaneView(self)
        self._items: np.ndarray | None = None
        self.addWidget(self.mosaic)
        self.addWidget(self.plane)

    def set_items(self, items: np.ndarray | None, labels: Sequence[str] | None = None) -> None:
        """Show these; None empties."""
        self._items = items
        if items is not None and items.ndim == 2 and items.shape[1] == 2:
            self.setCurrentWidget(self.plane)
            self.plane.set_layer("items", "decoded", "points", items)
            return
        self.setCurrentWidget(self.mosaic)
        if items is not None and items.ndim == 4:
            self.mosaic.set_images(items, labels)
        else:
            self.mosaic.set_images(None)
            if items is not None:
                self.mosaic.set_empty(
                    "These examples cannot be drawn", f"They are vectors of {items.shape[-1]} numbers."
                )

    def items(self) -> np.ndarray | None:
        """What was given."""
        return self._items

    def set_extent(self, lo: float, hi: float) -> None:
        """The part of the plane worth drawing."""
        self.plane.set_extent(lo, hi, lo, hi)

    def set_empty(self, title: str, hint: str = "") -> None:
        """What to say while there is nothing to show."""
        self.mosaic.set_empty(title, hint)
        self.plane.set_empty(title, hint)

    def set_columns(self, columns: int | None) -> None:
        """Fix the columns of the gallery."""
        self.mosaic.set_columns(columns)

    def set_selected(self, index: int | None) -> None:
        """Outline one picture."""
        self.mosaic.set_selected(index)

    def image(self) -> np.ndarray | None:
        """The pictures at native pixels; None for points."""
        return self.mosaic.image() if self.currentWidget() is self.mosaic else None

    def view(self) -> QWidget:
        """The widget that shows them, for export."""
        return self.mosaic if self.currentWidget() is self.mosaic else self.plane
