"""The map of the latent space under a hand: what connects a place on it with a whole code."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QEvent, QObject, Signal, SignalInstance
from PySide6.QtWidgets import QWidget

from app.panels.latent.view import Code, View
from app.shell import theme
from app.widgets import kit
from app.widgets.pad import inside

NEAR_PX = 7.0
"""A click this near to a real point means the point."""


class Chart(View):
    """The map with hands.

    Signals: moved(z) while dragged, taken(place) on a click at a real point, hovered(z), left(),
    real(place) where a layout is pointed at, chosen_by_lasso(places); and those of View.
    """

    moved = Signal(object)
    taken = Signal(int)
    hovered = Signal(object)
    left = Signal()
    real = Signal(int)
    chosen_by_lasso = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._dress = theme.current().name
        self.pad.moved.connect(lambda x, y: self._emit(self.moved, x, y))
        self.pad.hovered.connect(self._hovered)
        self.pad.picked.connect(self._picked)
        self.pad.lassoed.connect(self._lassoed)
        self.pad.installEventFilter(self)

    def _at(self, z: Code | None, x: float, y: float) -> Code | None:
        """A code with its place on the map replaced."""
        if z is None or self.plane is None or len(z) != self._size or self.kind == "tsne":
            return None
        return self.plane.lift(x, y, z)

    def _emit(self, signal: SignalInstance, x: float, y: float) -> None:
        if self.kind == "tsne":
            if self.layout is not None:
                self.real.emit(self.layout.nearest(x, y))
            return
        z = self._at(self._z, x, y)
        if z is not None:
            signal.emit(z)

    def _hovered(self, x: float, y: float) -> None:
        place = self._near(x, y)
        if place is None or self.survey is None or self.plane is None or self.kind == "tsne":
            self.pad.set_pointed(None)
        else:
            frame = self.survey.frame
            label = int(frame.labels[place]) if len(frame.labels) else 0
            self.pad.set_pointed(self._xy[place], self.plane.covariances(frame.std[place : place + 1])[0], label)
        self._emit(self.hovered, x, y)

    def _near(self, x: float, y: float) -> int | None:
        """The place of the point drawn within a few pixels of a place on the map."""
        if not len(self._xy):
            return None
        squares = np.square(self._xy - np.array([x, y], np.float32)).sum(1)
        place = int(squares.argmin())
        x0, x1, _, _ = self.pad.shown()
        radius = NEAR_PX * (x1 - x0) / max(1.0, self.pad.area().width())
        if squares[place] > radius**2:
            return None
        return int(self.layout.places[place]) if self.kind == "tsne" and self.layout is not None else place

    def _picked(self, x: float, y: float) -> None:
        """A click on a real point takes its whole code, not its two coordinates alone."""
        place = self._near(x, y)
        if place is not None and self.survey is not None:
            self.taken.emit(place)

    def _lassoed(self, loop: np.ndarray) -> None:
        """The examples within the loop, of the classes that are shown."""
        if self.survey is None or not len(self._xy):
            return
        found = np.flatnonzero(inside(self._xy, loop))
        if self.kind == "tsne" and self.layout is not None:
            found = self.layout.places[found]
        labels, hidden = self.survey.frame.labels, self.bar.hidden()
        if len(labels) and hidden:
            found = found[~np.isin(labels[found], list(hidden))]
        self.bar.lasso.setChecked(False)
        self.chosen_by_lasso.emit(found)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Say when the pointer leaves the map; dress the lattice anew."""
        if watched is self.pad and event.type() == QEvent.Type.Leave:
            self.pad.set_pointed(None)
            self.left.emit()
        if watched is self.pad and event.type() in kit.RESTYLE and self._dress != theme.current().name:
            self._dress = theme.current().name
            if self._lattice is not None:  # its ink is that of the theme
                self.set_lattice(self._lattice)
        return super().eventFilter(watched, event)
