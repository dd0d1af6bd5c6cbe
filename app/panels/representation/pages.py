"""The pages behind the five numbers: accuracies, units, nats, causes, filters."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import Signal
from PySide6.QtWidgets import QStackedWidget, QVBoxLayout, QWidget

from app.panels.representation.history import History
from app.shell import theme
from app.widgets.bars import Bars
from app.widgets.curves import CurvePlot
from app.widgets.grid import GridMosaic
from app.widgets.heattable import HeatTable
from app.widgets.splitbar import Piece, SplitBar
from gm_core import api

ACTIVE = 0.01
COLUMNS = 64
"""Of wider codes only the numbers that know most are shown."""


class Pages(QStackedWidget):
    """One page for each number. Signals: step_picked(x) in a curve, told(words) about what the pointer is on."""

    step_picked = Signal(float)
    told = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._frame: api.Representation | None = None
        self._found: api.Filters | None = None
        self._columns = np.empty(0, np.int64)
        self.accuracies = self._plot("Accuracy of the probes as training goes", "Train: each measurement adds a point.")
        self.bars = Bars()
        self.bars.set_log(True)
        self.bars.set_threshold(ACTIVE)
        self.bars.setAccessibleName("Variance of the mean of each number of the code")
        self.bars.set_empty("No codes yet", "Train a model that encodes: which numbers it uses appears here.")
        self.parts = SplitBar()
        self.parts.setAccessibleName("The mean KL in its parts")
        self.flow = self._plot("Nats as training goes", "Nats are defined where a code is a cloud around its mean.")
        both = QWidget()
        column = QVBoxLayout(both)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.parts)
        column.addWidget(self.flow, 1)
        self.table = HeatTable()
        self.table.setAccessibleName("How much each number of the code knows of each cause")
        self.table.set_titles("number of the code")
        self.table.set_empty(
            "No causes known", "Data made from known causes, such as sprites, show which number knows what."
        )
        self.table.pointed.connect(self._point)
        self.mosaic = GridMosaic()
        self.mosaic.setAccessibleName("Filters, the strongest first")
        self.mosaic.set_empty("No filters to show", "They appear for models of pictures that can show theirs.")
        self.mosaic.hovered.connect(self._hover)
        for page in (self.accuracies, self.bars, both, self.table, self.mosaic):
            self.addWidget(page)

    def _plot(self, name: str, hint: str) -> CurvePlot:
        plot = CurvePlot()
        plot.setAccessibleName(name)
        plot.set_empty("Nothing measured yet", hint)
        plot.step_picked.connect(self.step_picked)
        return plot

    def set_live(self, live: bool) -> None:
        """Whether training goes on."""
        for plot in (self.accuracies, self.flow):
            plot.set_live(live)

    def show_accuracies(self, history: History, baseline: api.Baseline | None, step: int | None) -> None:
        """Both probes over the steps, and as dashed lines what they find without a model."""
        t, plot = theme.current(), self.accuracies
        probe, near = history.curve("probe", 100.0), history.curve("neighbours", 100.0)
        if not len(probe[0]):
            plot.clear()
            return
        ends = np.array([min(0.0, probe[0][0]), max(probe[0][-1], 1.0)])
        with plot.together():
            plot.set_series("probe", "linear probe", *probe, colour=t.series[0], short="probe")
            plot.set_series("near", "5 nearest", *near, colour=t.series[1], short="nearest")
            levels = () if baseline is None else (
                ("probe-raw", "probe, raw numbers", "raw", baseline.probe, t.series[0]),
                ("near-raw", "nearest, raw numbers", "raw", baseline.neighbours, t.series[1]),
                ("guess", "guessing", "guess", baseline.majority, t.muted),
            )  # fmt: skip
            for key, label, short, value, colour in levels:
                level = np.full(2, 100 * value)
                plot.set_series(key, label, ends, level, dashed=True, colour=colour, short=short)
        plot.set_step(step)

    def show_units(self, frame: api.Representation | None) -> None:
        """The variance of each number of the code."""
        if frame is not None and "information" in frame.why:  # no cloud: the widest number sets the scale
            self.bars.set_threshold(max(ACTIVE * float(frame.variances.max()), 1e-30))
        else:
            self.bars.set_threshold(ACTIVE)
        self.bars.set_values(None if frame is None else frame.variances, "", "variance of number")

    def show_nats(self, frame: api.Representation | None, history: History, step: int | None) -> None:
        """The mean KL in its parts, now and over the steps."""
        t, plot = theme.current(), self.flow
        defined = frame is not None and bool(np.isfinite(frame.information))
        self.parts.setVisible(defined)
        if frame is None or not defined:
            plot.clear()
            return
        about = Piece("about the example", frame.information, t.accent)
        self.parts.set_pieces((about, Piece("off the prior", frame.marginal, t.edge)), "nats")
        self.parts.set_mark(frame.ceiling, f"at most ln {frame.examples:,} = {frame.ceiling:.2f}")
        with plot.together():
            plot.set_series("information", "I(x; z)", *history.curve("information"), colour=t.accent)
            plot.set_series("kl", "mean KL", *history.curve("kl"), colour=t.muted, short="KL")
        plot.set_step(step)

    def show_causes(self, frame: api.Representation | None) -> None:
        """How much of each cause each number of the code knows."""
        self._frame = frame
        if frame is None or not frame.causes:
            self.table.set_values(None)
            return
        shares = frame.table / np.maximum(frame.entropies[:, None], 1e-9)
        gaps = tuple(f"{gap:.2f}" for gap in frame.gaps) if np.isfinite(frame.gap) else ()
        self._columns = np.sort(np.argsort(-shares.max(0), kind="stable")[:COLUMNS])
        self.table.set_values(shares[:, self._columns], frame.causes, gaps, [str(c + 1) for c in self._columns])

    def show_filters(self, found: api.Filters | None) -> None:
        """Weights as pictures."""
        self._found = found
        self.mosaic.set_images(found.items if found is not None and len(found.items) else None)

    def _point(self, row: int, column: int) -> None:
        frame = self._frame
        if frame is None or row < 0:
            self.told.emit("")
        else:
            column = int(self._columns[column])
            known, whole = float(frame.table[row, column]), float(frame.entropies[row])
            self.told.emit(f"{frame.causes[row]}, number {column + 1}: {known:.2f} of {whole:.2f} nats")

    def _hover(self, index: int) -> None:
        found = self._found
        if found is None or not 0 <= index < len(found.units):
            self.told.emit("")
        else:
            self.told.emit(f"unit {int(found.units[index]) + 1}, white is {float(found.scales[index]):.3g}")
