"""The map of the latent space: two of its dimensions, with the codes of real data and the code in front."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QEvent, QObject, Signal, SignalInstance
from PySide6.QtWidgets import QComboBox

from app.panels.latent.survey import Survey
from app.widgets.pad import LatentPad

Code = npt.NDArray[np.float32]
NEAR_PX = 7.0
"""A click this near to a real point means the point."""
CLEARLY = 1.25
"""The map changes its axes by itself only for one that is used so much more."""


class Chart(QObject):
    """The pad, the two choosers of its axes, and what connects a place on the map with a whole code.

    Setters: set_survey(survey, names), set_size(k), set_code(z), set_ends(a, b), set_way(codes).
    Signals: moved(z) while dragged, taken(z) on a click at a real point, hovered(z), left(), end_moved('A' | 'B', z),
    turned() when other axes are shown.
    """

    moved = Signal(object)
    taken = Signal(object)
    hovered = Signal(object)
    left = Signal()
    end_moved = Signal(str, object)
    turned = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.pad = LatentPad()
        self.across, self.up = QComboBox(), QComboBox()
        self.axes = (0, 1)
        self.chosen = (-1, -1)
        self.survey: Survey | None = None
        self._names: Sequence[str] = ()
        self._z: Code | None = None
        self._ends: dict[str, Code | None] = {"A": None, "B": None}
        self._way: Code | None = None
        for combo, name in ((self.across, "across the map"), (self.up, "up the map")):
            combo.setAccessibleName(f"Dimension {name}")
            combo.setToolTip(f"The dimension {name}")
            combo.setMinimumContentsLength(4)
            combo.currentIndexChanged.connect(self._choose)
        self.pad.moved.connect(lambda x, y: self._emit(self.moved, x, y))
        self.pad.hovered.connect(lambda x, y: self._emit(self.hovered, x, y))
        self.pad.picked.connect(self._picked)
        self.pad.endpoint_moved.connect(self._end_moved)
        self.pad.installEventFilter(self)

    # ---- what is shown ----------------------------------------------------------------------------------------

    def clear(self) -> None:
        """Another run: nothing is known of its codes."""
        self.survey, self._z, self._way = None, None, None
        self._ends = {"A": None, "B": None}
        self.pad.set_points(None)
        self.pad.set_background(None)
        self.pad.set_endpoints(None, None)
        self.pad.set_path(None)

    def set_size(self, size: int) -> None:
        """How many dimensions codes have, before anything else is known of them."""
        if self.across.count() != size:
            self._fill(size, np.arange(size), None)

    def set_survey(self, survey: Survey, names: Sequence[str]) -> None:
        """The codes of real data and the names of their classes."""
        self.survey, self._names = survey, names
        self._fill(survey.size, survey.frame.order, survey.frame.use)
        self._draw()

    def set_code(self, z: Code) -> None:
        """Put the crosshair at a code."""
        self._z = z
        self.pad.set_cursor(*self.place(z))

    def set_ends(self, a: Code | None, b: Code | None) -> None:
        """The two ends of the interpolation."""
        self._ends = {"A": a, "B": b}
        self.pad.set_endpoints(None if a is None else self.place(a), None if b is None else self.place(b))

    def set_way(self, codes: Code | None) -> None:
        """The codes from A to B."""
        self._way = codes
        self.pad.set_path(None if codes is None else np.stack([self.place(z) for z in codes]))

    def show_picture(self, picture: np.ndarray, z: Code) -> None:
        """The decoded picture at the crosshair, with a warning edge where no real code is near."""
        self.pad.set_cursor_image(picture, self.survey is not None and self.survey.off_data(z))

    def place(self, z: Code) -> tuple[float, float]:
        """Where a code lies on the map."""
        x, y = self.axes
        return (float(z[x]), float(z[y])) if max(x, y) < len(z) else (0.0, 0.0)

    def _draw(self) -> None:
        if self.survey is not None:
            frame = self.survey.frame
            labels = frame.labels if len(frame.labels) else None
            self.pad.set_background(*self.survey.density(self.axes))
            self.pad.set_points(frame.mu[:, list(self.axes)], labels, list(self._names))
        if self._z is not None:
            self.set_code(self._z)
        self.set_ends(self._ends["A"], self._ends["B"])
        self.set_way(self._way)

    # ---- axes -------------------------------------------------------------------------------------------------

    def _fill(self, size: int, order: npt.NDArray[np.int64], use: npt.NDArray[np.float32] | None) -> None:
        best = (int(order[0]), int(order[min(1, size - 1)]))
        wish = [
            c if 0 <= c < size else self._steady(b, k, use)
            for k, (c, b) in enumerate(zip(self.chosen, best, strict=True))
        ]
        self.axes = best if wish[0] == wish[1] else (wish[0], wish[1])
        for combo, axis in ((self.across, self.axes[0]), (self.up, self.axes[1])):
            combo.blockSignals(True)
            if combo.count() != size:
                combo.clear()
                for i in range(size):
                    combo.addItem(f"z {i + 1}", i)
            combo.setCurrentIndex(axis)
            combo.blockSignals(False)
        self._name_axes()

    def _steady(self, best: int, place: int, use: npt.NDArray[np.float32] | None) -> int:
        old = self.axes[place]
        if use is None or old >= len(use) or use[best] > CLEARLY * use[old] + 0.01:
            return best
        return old

    def _choose(self, _index: int) -> None:
        self.chosen = self.axes = (self.across.currentIndex(), self.up.currentIndex())
        self._name_axes()
        self._draw()
        self.turned.emit()

    def _name_axes(self) -> None:
        self.pad.set_axes(f"z {self.axes[0] + 1}", f"z {self.axes[1] + 1}")

    # ---- hands ------------------------------------------------------------------------------------------------

    def _at(self, z: Code | None, x: float, y: float) -> Code | None:
        """A code with its two coordinates on the map replaced."""
        if z is None or max(self.axes) >= len(z):
            return None
        found = z.copy()
        found[self.axes[0]], found[self.axes[1]] = x, y
        return found

    def _emit(self, signal: SignalInstance, x: float, y: float) -> None:
        z = self._at(self._z, x, y)
        if z is not None:
            signal.emit(z)

    def _picked(self, x: float, y: float) -> None:
        """A click on a real point takes its whole code, not its two coordinates alone."""
        if self.survey is None:
            return
        x0, x1, _, _ = self.pad.shown()
        radius = NEAR_PX * (x1 - x0) / max(1.0, self.pad.area().width())
        found = self.survey.near_on_map(x, y, self.axes, radius)
        if found is not None:
            self.taken.emit(self.survey.frame.mu[found])

    def _end_moved(self, end: str, x: float, y: float) -> None:
        z = self._at(self._ends[end], x, y)
        if z is not None:
            self._ends[end] = z
            self.end_moved.emit(end, z)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Say when the pointer leaves the map."""
        if watched is self.pad and event.type() == QEvent.Type.Leave:
            self.left.emit()
        return super().eventFilter(watched, event)
