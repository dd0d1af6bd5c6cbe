"""The sliders and by what they are sorted: by what the encoder puts into a dimension, or by what the decoder takes."""

from __future__ import annotations

from typing import Literal

import numpy as np
from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QComboBox, QVBoxLayout, QWidget

from app.panels.latent.survey import Survey
from app.widgets import kit
from app.widgets.folding import FoldingRow
from app.widgets.slider import SliderStack
from gm_core import api

Sort = Literal["use", "effect"]
SORTS: dict[Sort, tuple[str, str]] = {
    "use": ("use (KL)", "What the encoder puts into a dimension: its KL from the prior, in nats"),
    "effect": ("effect", "How much the picture changes when a dimension moves by one standard deviation"),
}
DEAD = 0.004
"""A dimension whose effect is below this part of the strongest one's is folded away."""
WIDE = 2.0
"""The thumbnails show a dimension at so many standard deviations below and above the prior's centre."""


class Sliding(QWidget):
    """A chooser over a stack of sliders. Setters: set_size(k), set_survey(survey, steady), set_effects(frame),
    set_encoder(bool), set_sort(sort). Getters: sort(), ends(axis), span(). Signal: sort_chosen().
    """

    sort_chosen = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.stack = SliderStack(self)
        self.sorts = QComboBox()
        for sort, (words, tip) in SORTS.items():
            self.sorts.addItem(words, sort)
            self.sorts.setItemData(self.sorts.count() - 1, tip, Qt.ItemDataRole.ToolTipRole)
        self.sorts.setAccessibleName("Sort the sliders by")
        self.sorts.currentIndexChanged.connect(self._chosen)
        self._survey: Survey | None = None
        self._effects: api.Effects | None = None
        self._encoder = True
        row = self.row = FoldingRow(self)
        row.add(self.sorts, "sorted by", priority=5)
        self.reset = kit.IconButton("reset", "All sliders back to the prior's centre")
        self.reset.clicked.connect(self.stack.reset)
        row.add_space()
        row.add(self.reset, priority=4)
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(4)
        box.addWidget(row)
        box.addWidget(self.stack, 1)
        self._tip()

    def clear(self) -> None:
        """Another run: nothing is known of its dimensions."""
        self._survey = self._effects = None

    def set_encoder(self, encoder: bool) -> None:
        """Whether the model has one: without, only effects can be measured."""
        self._encoder = encoder
        self.row.set_shown(self.sorts, encoder)

    def sort(self) -> Sort:
        """By what the sliders are sorted."""
        found: Sort = self.sorts.currentData() if self._encoder else "effect"
        return found

    def set_sort(self, sort: Sort) -> None:
        """Sort without a signal."""
        self.sorts.blockSignals(True)
        self.sorts.setCurrentIndex(list(SORTS).index(sort))
        self.sorts.blockSignals(False)
        self._tip()

    def set_size(self, size: int) -> None:
        """How many sliders there are, before anything else is known."""
        if len(self.stack.rows) != size:
            self.stack.set_dimensions(size)
            self._effects = self._effects if self._effects and len(self._effects.effect) == size else None

    def set_survey(self, survey: Survey, steady: bool) -> None:
        """Histograms, ranges and use; with `steady` no slider changes its place, since a hand holds one."""
        self._survey = survey
        self.sorts.setItemText(0, "use" if survey.frame.deterministic else SORTS["use"][0])
        if len(self.stack.rows) != survey.size:
            self.stack.set_dimensions(survey.size)
        if not steady:
            lo, hi = survey.reach
            self.stack.set_dimensions(survey.size, self.use(), survey.histograms(), lo, hi)
            self.stack.set_sigma(*survey.prior_widths())
            self._order()

    def set_effects(self, frame: api.Effects, steady: bool) -> None:
        """What each dimension does to the picture."""
        self._effects = frame
        if not steady and len(frame.effect) == len(self.stack.rows):
            self._order()

    def use(self) -> np.ndarray:
        """The numbers by which the sliders are sorted at present, (k,)."""
        size = len(self.stack.rows)
        if self.sort() == "effect" and self._effects is not None and len(self._effects.effect) == size:
            return self._effects.effect
        if self._survey is not None and self._survey.size == size:
            return self._survey.frame.use
        return np.ones(size, np.float32)

    def ends(self, axis: int) -> tuple[float, float]:
        """Where the thumbnails of a dimension are decoded, within the ends of its track."""
        lo, hi = self.stack.rows[axis].track.range()
        if self._survey is None or self._survey.size <= axis:
            return max(lo, -WIDE), min(hi, WIDE)
        mean, width = (float(part[axis]) for part in self._survey.prior_widths())
        return max(lo, mean - WIDE * width), min(hi, mean + WIDE * width)

    def span(self) -> float:
        """How far the tracks reach."""
        if not self.stack.rows:
            return 6.0
        lo, hi = self.stack.rows[0].track.range()
        return hi - lo

    def _order(self) -> None:
        use = self.use()
        if self.sort() == "effect" and self._effects is not None:
            dead = use <= DEAD * max(float(use.max()), 1e-12)
            self.stack.set_use(use, dead=dead, words="moving it by 1σ changes the picture by {} (mean square)")
        elif self._survey is not None:
            words = "use {} (codes of a deterministic encoder have no KL)" if self._survey.frame.deterministic else ""
            self.stack.set_use(use, dead=~self._survey.frame.active, words=words)

    def _chosen(self, _index: int) -> None:
        self._tip()
        self._order()
        self.sort_chosen.emit()

    def _tip(self) -> None:
        self.sorts.setToolTip(SORTS[self.sorts.currentData()][1])
