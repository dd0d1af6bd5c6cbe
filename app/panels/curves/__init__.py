"""The learning curves: every recorded step of the run in front, and of saved runs beside it."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Literal

import numpy as np
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QComboBox, QStackedWidget, QToolButton, QVBoxLayout, QWidget

from app import export
from app.bridge.desk import Desk
from app.bridge.run_view import Axis, RunView
from app.panel import Export, Panel, PanelState
from app.panels.curves import sources
from app.widgets.bars import Bars
from app.widgets.curves import CurvePlot
from app.widgets.folding import FoldingRow
from app.widgets.number import NumberSlider
from app.widgets.status import StatusLine
from gm_core import api

AXES: dict[Axis, str] = {"step": "step", "examples": "examples seen", "seconds": "seconds of training"}
SHARE = 0.01
"""At most this share of the time goes into drawing curves while training: it holds up the thread that trains."""
LEAST_REST, MOST_REST = 0.3, 2.0
"""Seconds between two drawings: three a second look alive, and on a slow machine they still move."""
SMOOTHEST = 0.99


class CurvesState(PanelState):
    """What the curves remember."""

    chart: str = api.param("", "The chart in front; empty takes the first.")
    axis: Literal["step", "examples", "seconds"] = api.param("step", "What the x axis counts.")
    log: bool = api.param(False, "A logarithmic y axis.")
    clip: bool = api.param(True, "Leave outliers out of the scale.")
    smoothing: float = api.param(
        0.6, "How much each curve is averaged; the raw one stays behind.", lo=0.0, hi=SMOOTHEST
    )
    hidden: str = api.param("", "The curves that are switched off, separated by spaces.")


class CurvesPanel(Panel):
    """Curves of scalars, bars of vectors; a click goes to that step."""

    name = "curves"
    title = "Curves"
    icon = "chart"
    tip = "How the loss falls, step by step; click a step to see the model as it was."
    slot = "bottom"
    order = 10
    alive_at_start = True
    State = CurvesState

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._resting = QTimer(self)
        self._resting.setSingleShot(True)
        self._resting.timeout.connect(self.touch)
        self._choices: list[sources.Choice] = []
        self._wanted = ""
        self._drawn: dict[str, tuple[int, str]] = {}
        self._hidden: set[str] = set()
        self._marks = True
        self._rest_until = 0.0
        self._build()

    def _build(self) -> None:
        self.chart = QComboBox()
        self.chart.setAccessibleName("Chart")
        self.chart.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        self.chart.currentIndexChanged.connect(lambda _: self._chosen())
        self.axis = QComboBox()
        self.axis.setAccessibleName("The x axis counts")
        for axis, words in AXES.items():
            self.axis.addItem(words, axis)
        self.axis.currentIndexChanged.connect(lambda _: self._axis_changed())
        self.log = _switch("log", "Logarithmic y axis")
        self.log.toggled.connect(self._log_changed)
        self.clip = _switch("clip", "Leave outliers out of the scale")
        self.clip.setChecked(True)
        self.sorting = _switch("sorted", "Largest first")
        self.sorting.setChecked(True)
        self.smoothing = NumberSlider(0.0, SMOOTHEST, 0.6, name="Smoothing")
        self.smoothing.set_room(48, 170)
        self.smoothing.setToolTip("Averages each curve; the raw values stay visible behind it.")
        self.smoothing.changing.connect(lambda v: self.plot.set_smoothing(float(v)))
        self.smoothing.changed.connect(lambda v: self.plot.set_smoothing(float(v)))
        row = self.header = FoldingRow(self)
        row.add(self.chart, priority=9)
        row.add(self.axis, "over", priority=4)
        row.add(self.log, priority=6)
        row.add(self.clip, priority=3)
        row.add(self.sorting, priority=5)
        row.add_space()
        row.add(self.smoothing, "smoothing", priority=5)
        self.stack = QStackedWidget(self)
        self.plot = CurvePlot(self.stack)
        self.plot.set_smoothing(0.6)
        self.plot.set_ignore_outliers(True)
        self.plot.step_picked.connect(self._picked)
        self.plot.toggled.connect(self._switched)
        self.clip.toggled.connect(self.plot.set_ignore_outliers)
        self.bars = Bars(self.stack)
        self.bars.set_empty("No values yet", "The first validation brings them.")
        self.sorting.toggled.connect(self.bars.set_sorted)
        self.stack.addWidget(self.plot)
        self.stack.addWidget(self.bars)
        self.status = StatusLine(self)
        self.status.hide()
        box = QVBoxLayout(self)
        box.setContentsMargins(8, 6, 8, 4)
        box.setSpacing(4)
        box.addWidget(row)
        box.addWidget(self.stack, 1)
        box.addWidget(self.status)
        self.setMinimumSize(220, 140)
        self._suit()

    def bind(self, desk: Desk) -> None:
        """Listen to everything that curves are made of."""
        super().bind(desk)
        desk.scalars.connect(self._news)
        desk.marks.connect(self._marked)
        desk.vectors.connect(self._news)
        desk.overlays_changed.connect(self._restart)

    # ---- hearing ----------------------------------------------------------------------------------------------

    def begin(self, card: api.RunCard) -> None:
        """Another run in front."""
        self._offer()
        self._restart()

    def vanish(self) -> None:
        """No run."""
        self.plot.clear()
        self.bars.set_values(None)

    def card_changed(self, card: api.RunCard) -> None:
        """At rest, curves are drawn finer than while training goes on."""
        self.plot.set_live(card.state == "training")
        self._offer()
        self.touch()

    def step_moved(self, step: int | None) -> None:
        """Mark the shared step."""
        self._marks = True
        self._rest_until = 0.0
        self.touch()

    def _news(self, run: str, marks: bool = False) -> None:
        if run == self.run or run in self.desk.overlays:
            self._marks = self._marks or marks
            self.touch()

    def _marked(self, run: str) -> None:
        self._news(run, marks=True)

    def _restart(self) -> None:
        self.plot.clear()
        self._drawn.clear()
        self._marks = True
        self._rest_until = 0.0
        if self.card is not None:
            self.plot.set_live(self.card.state == "training")
        self.touch()

    # ---- what is chosen ---------------------------------------------------------------------------------------

    def _offer(self) -> None:
        """Fill the chooser, keeping what was chosen where it still exists."""
        if self.card is None:
            return
        found = sources.choices(self.card, self.desk.views.get(self.card.run))
        if [c.key for c in found] == [c.key for c in self._choices]:
            return
        keep = self._wanted or (chosen.key if (chosen := self._choice()) else "")
        self._choices = found
        self.chart.blockSignals(True)
        self.chart.clear()
        for choice in found:
            alone = not choice.key.startswith("unit:") and any(c.key == f"unit:{choice.unit}" for c in found)
            self.chart.addItem(f"   {choice.words}" if alone and not choice.vector else choice.words, choice.key)
            self.chart.setItemData(self.chart.count() - 1, choice.tip, 3)  # the role of tool tips
        place = self.chart.findData(keep)
        self.chart.setCurrentIndex(max(0, place))
        if place >= 0:
            self._wanted = ""
        self.chart.blockSignals(False)
        self._suit()

    def _choice(self) -> sources.Choice | None:
        place = self.chart.currentIndex()
        return self._choices[place] if 0 <= place < len(self._choices) else None

    def _chosen(self) -> None:
        self._wanted = ""
        self._suit()
        self._restart()

    def _suit(self) -> None:
        """Show the controls that belong to what is shown."""
        choice = self._choice()
        vector = choice is not None and choice.vector
        self.stack.setCurrentWidget(self.bars if vector else self.plot)
        self.sorting.setVisible(vector)
        self.header.set_shown(self.sorting, vector)
        for widget in (self.axis, self.clip, self.smoothing):
            self.header.set_shown(widget, not vector)
        self.status.setVisible(vector)

    def _axis(self) -> Axis:
        axis: Axis = self.axis.currentData()
        return axis

    def _axis_changed(self) -> None:
        self.plot.set_x_label(AXES[self._axis()])
        self.plot.fit()
        self._restart()

    def _log_changed(self, on: bool) -> None:
        self.plot.set_log_y(on)
        self.bars.set_log(on)

    def _switched(self, key: str, shown: bool) -> None:
        name = "/".join(key.split("/")[:2])
        (self._hidden.discard if shown else self._hidden.add)(name)

    # ---- drawing ----------------------------------------------------------------------------------------------

    def redraw(self) -> None:
        """Draw what is new; long curves are drawn less often, so that the window stays quick."""
        choice, card = self._choice(), self.card
        if choice is None or card is None:
            return
        now = time.perf_counter()
        if now < self._rest_until:
            if not self._resting.isActive():
                self._resting.start(round(1000 * (self._rest_until - now)) + 1)
            return
        began = time.thread_time()
        if choice.vector:
            self._draw_bars(choice)
        else:
            with self.plot.together():
                self._draw_curves(choice)
        if self._marks:
            self._draw_marks()
        spent = time.thread_time() - began + self.plot.plot.cost
        self._rest_until = now + min(max(spent / SHARE, LEAST_REST), MOST_REST)

    def _runs(self) -> list[RunView]:
        """The run in front, then those laid over it."""
        names = dict.fromkeys([self.run, *self.desk.overlays])
        return [self.desk.views[name] for name in names if name in self.desk.views]

    def _draw_curves(self, choice: sources.Choice) -> None:
        axis, runs = self._axis(), self._runs()
        several = len(runs) > 1
        for view in runs:
            for chart in choice.charts:
                for split in ("train", "validation"):
                    key = f"{chart.name}/{split}/{view.run}"
                    if self._drawn.get(key) == (view.version, axis):
                        continue
                    x, y = view.series(chart.name, "train" if split == "train" else "validation", axis)
                    self._drawn[key] = (view.version, axis)
                    if not len(x):
                        continue
                    self._draw_one(key, view, chart, split, x, y, several)

    def _draw_one(
        self, key: str, view: RunView, chart: api.Chart, split: str, x: np.ndarray, y: np.ndarray, several: bool
    ) -> None:
        words = chart.title if split == "train" else f"{chart.title} · val"
        short = chart.title if split == "train" else "val"
        if several:
            run = view.card.title or view.run
            words, short = f"{words} · {run}", run if split == "train" else f"{run} · val"
        group = f"{view.run}/{chart.name}" if several else chart.name
        new = key not in set(self.plot.keys())
        self.plot.set_series(key, words, x, y, group=group, dashed=split == "validation", short=short)
        if new and f"{chart.name}/{split}" in self._hidden:
            self.plot.set_hidden(key, True)

    def _draw_bars(self, choice: sources.Choice) -> None:
        view = self.desk.views.get(self.run)
        found = view.vectors.get(choice.key) if view is not None else None
        if found is None:
            self.bars.set_values(None)
            self.status.set_text("")
            return
        step, values = found
        over_time = "time" in choice.key  # an order of its own, which sorting would destroy
        self.bars.set_sorted(self.sorting.isChecked() and not over_time)
        self.header.set_shown(self.sorting, not over_time)
        unit = choice.unit.replace(" per example", "")
        self.bars.set_values(values, unit, choice.words)
        words = [f"step {step:,}"]
        if not over_time:
            words.append(f"{int((values > 0.01).sum())} of {len(values)} above 0.01")
            words.append(f"{float(values.sum()):.2f} {unit} in all")
        self.status.set_text("  ·  ".join(words))

    def _draw_marks(self) -> None:
        self._marks = False
        view = self.desk.views.get(self.run)
        if view is None:
            return
        axis = self._axis()
        self.plot.set_flags(sources.flags(view, axis))
        now = self.desk.now if self.run == self.desk.current else None
        self.plot.set_step(None if now is None else sources.x_of(view, now, axis))

    def _picked(self, x: float) -> None:
        """A click is the shared step; beyond the newest step it is the present."""
        view = self.desk.views.get(self.run)
        if view is None or self.run != self.desk.current:
            return
        step = sources.step_of(view, x, self._axis())
        kept = view.nearest_kept(step)
        self.desk.seek(None if step >= view.last_step or kept is None else step)
        self._marks = True
        self.touch()

    # ---- settings and export ----------------------------------------------------------------------------------

    def state(self) -> CurvesState:
        """Chart, axes, smoothing, what is switched off."""
        choice = self._choice()
        return CurvesState(
            chart=self._wanted or (choice.key if choice else ""),
            axis=self._axis(),
            log=self.log.isChecked(),
            clip=self.clip.isChecked(),
            smoothing=round(float(self.smoothing.value()), 3),
            hidden=" ".join(sorted(self._hidden)),
        )

    def restore(self, state: PanelState) -> None:
        """Chart, axes, smoothing, what is switched off."""
        if not isinstance(state, CurvesState):
            return
        self._wanted = state.chart
        self._hidden = set(state.hidden.split())
        self.axis.setCurrentIndex(self.axis.findData(state.axis))
        self.log.setChecked(state.log)
        self.clip.setChecked(state.clip)
        self.smoothing.set_value(state.smoothing)
        self.plot.set_smoothing(state.smoothing)
        if (place := self.chart.findData(state.chart)) >= 0:
            self.chart.setCurrentIndex(place)

    def exports(self) -> list[Export]:
        """The view as a picture or as vectors, and everything recorded as a table."""
        if self.card is None:
            return []
        return [
            Export(
                "Curves as PNG", ".png", lambda path: _ignore(export.export_png(self.stack, path, self.settings_text()))
            ),
            Export("Curves as SVG", ".svg", lambda path: _ignore(export.export_svg(self._figure(), path))),
            Export("Curves as PDF", ".pdf", lambda path: _ignore(export.export_pdf(self._figure(), path))),
            Export("All scalars as CSV", ".csv", lambda path: sources.write_csv(path, self._runs())),
        ]

    def _figure(self) -> QWidget:
        return self.bars if self.stack.currentWidget() is self.bars else self.plot.plot

    def picture(self) -> QWidget:
        """Curves with their legend."""
        return self.stack


def _ignore(_path: Path) -> None:
    """Exports return where they wrote; a panel needs not know."""


def _switch(words: str, tip: str) -> QToolButton:
    button = QToolButton()
    button.setText(words)
    button.setToolTip(tip)
    button.setAccessibleName(tip)
    button.setCheckable(True)
    return button
