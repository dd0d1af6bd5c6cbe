"""The plane of repairs: points that are spoilt and drawn back, and r(x) - x as arrows beside the exact field."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QEvent
from PySide6.QtWidgets import QLabel, QVBoxLayout, QWidget

from app.shell import theme
from app.widgets import kit
from app.widgets.plane import PlaneView
from gm_core import api

WAYS = 120
"""Points whose ways are drawn; all that are spoilt would hide each other."""


@dataclass(frozen=True)
class Agreement:
    """How well repairs agree with the exact field: cosine of the angle, and |r - e| / |e|, where spoilt data lie."""

    cosine: float
    relative: float
    places: int


def agreement(field: api.RepairField, spoilt: np.ndarray) -> Agreement | None:
    """Weigh each arrow by how many spoilt points have it as their nearest, so that empty places count nothing.

        cosine = <r, e> / (|r| |e|),   relative = |r - e| / |e|,   <a, b> = sum_i w_i a_i . b_i

    None where the truth is not known or no spoilt point lies on the grid.
    """
    if field.exact is None or not len(spoilt):
        return None
    size = round(len(field.points) ** 0.5)
    grid = field.points.reshape(size, size, 2)
    low, high = grid[0, 0], grid[-1, -1]
    places = np.round((spoilt - low) / (high - low) * (size - 1)).astype(int)
    inside = ((places >= 0) & (places < size)).all(1)
    weights = np.bincount(places[inside, 1] * size + places[inside, 0], minlength=size * size).astype(float)
    r, e = field.vectors.astype(float), field.exact.astype(float)
    usable = np.isfinite(e).all(1) & np.isfinite(r).all(1)
    weights = np.where(usable, weights, 0.0)
    r, e = np.where(usable[:, None], r, 0.0), np.where(usable[:, None], e, 0.0)
    both, ours, theirs = (float((weights * (a * b).sum(1)).sum()) for a, b in ((r, e), (r, r), (e, e)))
    if theirs <= 0:
        return None
    gap = float((weights * ((r - e) ** 2).sum(1)).sum())
    cosine = both / (ours * theirs) ** 0.5 if ours > 0 else 0.0
    return Agreement(cosine, (gap / theirs) ** 0.5, int((weights > 0).sum()))


class FieldPage(QWidget):
    """Layers on the plane, and what the arrows are worth as a number."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._rounds: Sequence[api.Repairs] = ()
        self._field: api.RepairField | None = None
        self.view = PlaneView()
        self.view.set_empty("No repairs yet", "Press Train: points that noise has moved are drawn back to the data.")
        self.words = QLabel()
        self.words.setProperty("role", "caption")
        self.words.setWordWrap(True)
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(4)
        box.addWidget(self.view, 1)
        box.addWidget(self.words)

    def clear(self) -> None:
        """Nothing to show."""
        self._rounds, self._field = (), None
        self.view.clear()
        self.words.setText("")

    def show_found(self, rounds: Sequence[api.Repairs], field: api.RepairField | None) -> None:
        """Points, ways and arrows."""
        self._rounds, self._field = rounds, field
        t = theme.current()
        if rounds:
            first = rounds[0]
            self.view.set_layer("original", "data", "points", first.originals, None, t.muted, visible=False)
            self.view.set_layer("spoilt", "spoilt", "points", first.corrupted, None, t.series[1])
            self.view.set_layer("repaired", "repaired", "points", rounds[-1].repaired, None, t.series[2])
            ways = np.stack([first.corrupted, *(r.repaired for r in rounds)], 1)[:WAYS]
            self.view.set_layer("ways", "ways", "paths", ways, None, t.series[0], visible=False)
        if field is not None:
            if field.exact is None:
                self.view.remove_layer("exact")
            else:  # below, so that what the model learned is seen where both agree
                exact = np.concatenate([field.points, field.exact], 1)
                self.view.set_layer("exact", "σ² × exact score", "arrows", exact, None, t.muted)
            arrows = np.concatenate([field.points, field.vectors], 1)
            self.view.set_layer("field", "r(x) − x", "arrows", arrows, None, t.accent)
        self.words.setText(self._said())

    def _said(self) -> str:
        field, rounds = self._field, self._rounds
        if field is None:
            return ""
        if field.exact is None:
            return (
                "r(x) − x points to where data lie. The exact field of these data or of this corruption is not known."
            )
        found = agreement(field, rounds[0].corrupted) if rounds else None
        if found is None:
            return ""
        return (
            f"As an estimate of σ² ∇ ln p_σ(x), σ = {kit.number_text(field.sigma, 3)}, where spoilt points lie: cosine "
            f"similarity {found.cosine:.3f}, relative error {100 * found.relative:.0f} %."
        )

    def changeEvent(self, event: QEvent) -> None:
        """Follow the theme."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange and self._rounds:
            self.show_found(self._rounds, self._field)
