"""What the discriminator says of pictures and vectors: two histograms, and the pictures sorted by it."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from app.panels.duel.words import said
from app.shell import theme
from app.widgets import kit
from app.widgets.histogram import Group, Histogram
from app.widgets.mosaic import Mosaic
from gm_core import api

SHOWN = 60
"""Pictures of each kind, spread evenly over what is said of them."""


class Judged(QWidget):
    """Histograms of D over real and generated examples; below, both kinds from the least to the most real.

    Signals: pointed(words about the picture under the pointer, or nothing).
    """

    pointed = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.plot = Histogram()
        self.plot.setAccessibleName("Histograms of D over real and generated examples")
        self.plot.set_empty("No verdicts yet", "Press Train: what the discriminator says of each example appears.")
        self.sheets: dict[str, Mosaic] = {}
        self._words: dict[str, list[str]] = {}
        self.heads = {"real": kit.label("real", "caption"), "fake": kit.label("generated", "caption")}
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(4)
        box.addWidget(self.plot, 3)
        for key, head in self.heads.items():
            sheet = self.sheets[key] = Mosaic()
            sheet.set_empty("", "")
            sheet.setAccessibleName(f"{head.text()} examples from the least to the most real")
            sheet.hovered.connect(lambda index, key=key: self._point(key, index))
            box.addWidget(head)
            box.addWidget(sheet, 2)

    def show_frame(self, frame: api.Verdicts, pictures: bool) -> None:
        """New verdicts."""
        series = theme.current().series
        self.plot.set_unit("D(x): probability of being real" if frame.unit == "probability" else "D(x)")
        self.plot.set_groups(
            [Group("real", series[0], frame.real_says), Group("generated", series[1], frame.fake_says)]
        )
        for key, items, values in (("real", frame.real, frame.real_says), ("fake", frame.fake, frame.fake_says)):
            kit.show(self.heads[key], pictures)
            kit.show(self.sheets[key], pictures)
            if not pictures:
                continue
            order = np.argsort(values, kind="stable")
            kept = order[np.linspace(0, len(order) - 1, min(SHOWN, len(order))).round().astype(int)]
            self.sheets[key].set_images(items[kept])
            name = "real" if key == "real" else "generated"
            self._words[key] = [f"D finds this {name} example {said(frame, float(values[i]))}." for i in kept]
            lo, hi = float(values.min()), float(values.max())
            self.heads[key].setText(f"{name}, from D = {kit.number_text(lo, 3)} to {kit.number_text(hi, 3)}")

    def _point(self, key: str, index: int) -> None:
        words = self._words.get(key, [])
        self.pointed.emit(words[index] if 0 <= index < len(words) else "")

    def clear(self) -> None:
        """Nothing to show."""
        self.plot.set_groups([])
        for sheet in self.sheets.values():
            sheet.set_images(None)
