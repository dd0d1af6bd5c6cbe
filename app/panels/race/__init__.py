"""The race: several families learn one data set with one budget, side by side, on the same axes."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QComboBox, QScrollArea, QSplitter, QStackedWidget, QToolButton, QVBoxLayout, QWidget

from app import export
from app.bridge.desk import Desk
from app.panel import Export, Panel, PanelState
from app.panels.race import lanes, showing
from app.panels.race.board import Board
from app.panels.race.entrants import data_choices, entrants
from app.panels.race.plan import Plan
from app.panels.race.stalls import Stalls
from app.panels.race.steward import Steward
from app.shell import theme
from app.widgets import kit
from app.widgets.curves import CurvePlot
from app.widgets.folding import FoldingRow
from app.widgets.status import StatusLine
from gm_core import api

AXES: dict[lanes.XAxis, str] = {
    "step": "steps",
    "examples": "examples seen",
    "seconds": "seconds of training",
    "cost": "cost of drawing",
}
X_WORDS = {**AXES, "cost": "network evaluations for one example"}
LINEAR = frozenset(metric.name for metric in api.METRICS if metric.better == "higher") | {"c2st"}
"""Shares and counts, which no logarithm makes easier to read."""
LOW = 560
"""Below so many pixels of height there is no legend."""
REDRAWN = 0.3
"""Seconds between two drawings while all train."""


class RaceState(PanelState):
    """What the race remembers."""

    data: str = api.param("ring", "The data set chosen last.")
    families: str = api.param("", "The families ticked last, separated by commas; empty ticks the favourites.")
    budget: int = api.param(1500, "What each may spend.", lo=1, hi=10_000_000)
    unit: Literal["steps", "seconds"] = api.param("steps", "What the budget counts.")
    batch: int = api.param(256, "Examples in one step; 0 leaves each its own.", lo=0, hi=65_536)
    metric: str = api.param("mmd", "The number on the y axis.")
    axis: Literal["step", "examples", "seconds", "cost"] = api.param("step", "What the x axis counts.")
    log: bool = api.param(True, "A logarithmic y axis.")


class RacePanel(Panel):
    """Plans a race, draws it, and tells who leads. The runs are ordinary ones; none comes to the front by itself."""

    name = "race"
    title = "Race"
    icon = "play"
    tip = "Several families learn the same data with the same budget; who draws best?"
    slot = "centre"
    order = 88
    State = RaceState

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.presets = api.stored_presets()
        self.steward: Steward
        self._wanted = RaceState()
        self._stored: api.Catalogue | None = None
        self._planned = ""
        self._ticked = False
        self._drawn_at = -1.0
        self._build()

    def _build(self) -> None:
        self.plan = Plan()
        self.plan.start_wished.connect(self.start)
        self.plan.back_wished.connect(lambda: self.stack.setCurrentIndex(1))
        self.plan.data_chosen.connect(lambda _kind: self._offer(()))
        self.plan.ticks.changed.connect(self._hand_ticked)
        self.measure = QComboBox()
        self.measure.setAccessibleName("Number on the y axis")
        self.measure.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        self.measure.activated.connect(lambda _i: self._look_again())
        self.axis = QComboBox()
        self.axis.setAccessibleName("The x axis counts")
        for axis, words in AXES.items():
            self.axis.addItem(words, axis)
        self.axis.activated.connect(lambda _i: self._axis_chosen())
        self.log = QToolButton()
        self.log.setText("log")
        self.log.setToolTip("Logarithmic y axis")
        self.log.setAccessibleName("Logarithmic y axis")
        self.log.setCheckable(True)
        self.log.toggled.connect(lambda _on: self._look_again())
        self.toggle = kit.IconButton("pause", "Pause all")
        self.toggle.clicked.connect(self._toggle)
        self.stop = kit.IconButton("stop", "Stop all")
        self.stop.clicked.connect(lambda: self.steward.stop())
        self.new = kit.IconButton("plus", "Plan another race")
        self.new.clicked.connect(self._plan_again)
        row = self.header = FoldingRow(self)
        row.add(self.measure, priority=9)
        row.add(self.axis, "over", priority=7)
        row.add(self.log, priority=5)
        row.add_space()
        for button, priority in ((self.toggle, 10), (self.stop, 8), (self.new, 6)):
            row.add(button, priority=priority)
        self.plot = CurvePlot()
        self.plot.set_empty("Nothing measured yet", "The first numbers come in a moment.")
        self.plot.setMinimumHeight(theme.px(120))
        self.stalls = Stalls()
        self.stalls.chosen.connect(self._stall_chosen)
        self.board = Board()
        self.board.chosen.connect(self._to_front)
        self.status = StatusLine()
        below = QWidget()
        inner = QVBoxLayout(below)
        inner.setContentsMargins(0, 4, 0, 0)
        inner.setSpacing(6)
        inner.addWidget(self.stalls)
        inner.addWidget(self.board, 1)
        self.scroll = QScrollArea()
        self.scroll.setWidget(below)
        self.scroll.setWidgetResizable(True)
        self.scroll.setFrameShape(QScrollArea.Shape.NoFrame)
        self.scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.split = QSplitter(Qt.Orientation.Vertical)
        self.split.setChildrenCollapsible(False)
        self.split.addWidget(self.plot)
        self.split.addWidget(self.scroll)
        self.split.setStretchFactor(0, 1)
        self.split.setStretchFactor(1, 0)
        self.split.setSizes([theme.px(200), theme.px(280)])
        race = QWidget()
        column = QVBoxLayout(race)
        column.setContentsMargins(8, 6, 8, 4)
        column.setSpacing(4)
        column.addWidget(row)
        column.addWidget(self.split, 1)
        column.addWidget(self.status)
        page = QScrollArea()
        page.setWidget(self.plan)
        page.setWidgetResizable(True)
        page.setFrameShape(QScrollArea.Shape.NoFrame)
        page.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.stack = QStackedWidget()
        self.stack.addWidget(page)
        self.stack.addWidget(race)
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.addWidget(self.stack)
        self.setMinimumSize(240, 200)

    # ---- life

    def bind(self, desk: Desk) -> None:
        """Join the desk, and offer what can race before the worker is there."""
        self.steward = Steward(desk, self.touch, lambda words, level: self.say(words, level))
        super().bind(desk)
        try:
            self._stored = api.read_catalogue()
        except (OSError, ValueError, KeyError, TypeError):
            self._stored = None  # the worker's own catalogue comes soon
        desk.ready.connect(self._ready)
        desk.current_changed.connect(self.touch)
        wanted = self._wanted
        self.plan.set_budget(wanted.budget, wanted.unit, wanted.batch)
        self.log.setChecked(wanted.log)
        self.axis.setCurrentIndex(self.axis.findData(wanted.axis))
        self._ready()

    def _ready(self) -> None:
        self.plan.set_ready(self.desk.is_ready)
        catalogue = self.desk.catalogue or self._stored
        if catalogue is None:
            return
        chosen = self.plan.ticks.chosen() if self._ticked else tuple(self._wanted.families.split(","))
        self.presets = catalogue.presets or self.presets
        self.plan.set_data(data_choices(catalogue, self.presets), self.plan.data() or self._wanted.data)
        self._offer(chosen)

    def _hand_ticked(self) -> None:
        """From now on what is ticked counts, and no longer what was remembered or is the favourite."""
        self._ticked = True

    def _offer(self, chosen: tuple[str, ...]) -> None:
        """The families that fit the chosen data."""
        catalogue = self.desk.catalogue or self._stored
        self._planned = self.plan.data()
        if catalogue is not None and self._planned:
            self.plan.set_entrants(entrants(self._planned, catalogue, self.presets), chosen)

    # ---- what a hand wishes

    def start(self) -> None:
        """Let the ticked families start together."""
        chosen = self.plan.chosen()
        if len(chosen) < 2 or not self.desk.is_ready:
            return
        unit: lanes.BudgetUnit = "seconds" if self.plan.unit() == "seconds" else "steps"
        self.plot.clear()
        self.steward.start(chosen, self.plan.budget(), unit, self.plan.batch(), self.desk.seed)
        self.steward.try_costs(self._axis() == "cost")
        self.plan.back.show()
        self.stack.setCurrentIndex(1)
        self._look_again()

    def _toggle(self) -> None:
        (self.steward.pause if self.steward.running else self.steward.resume)()

    def _plan_again(self) -> None:
        self.stack.setCurrentIndex(0)

    def _axis(self) -> lanes.XAxis:
        axis: lanes.XAxis = self.axis.currentData()
        return axis

    def _axis_chosen(self) -> None:
        self.steward.try_costs(self._axis() == "cost")
        self._look_again()

    def _look_again(self) -> None:
        """Something else is to be drawn: begin with a fresh chart."""
        self._drawn_at = -1.0
        self.plot.clear()
        bounded = self._metric() in LINEAR
        self.header.set_shown(self.log, not bounded)
        self.plot.set_log_y(self.log.isChecked() and not bounded)
        self.plot.set_x_label(X_WORDS[self._axis()])
        self.plot.fit()
        self.touch()

    def _stall_chosen(self, place: int) -> None:
        if 0 < place <= len(self.steward.runners):
            self._to_front(self.steward.runners[place - 1].run)

    def _to_front(self, run: str) -> None:
        if run:
            self.desk.set_current(run)

    # ---- drawing

    def redraw(self) -> None:
        """Chart, pictures, standings; while all train, a few times a second."""
        now = self.desk.clock()
        if self.steward.running and 0 <= now - self._drawn_at < REDRAWN:
            self.touch()
            return
        self._drawn_at = now
        self._fill_metrics()
        name = self._metric()
        with self.plot.together():
            showing.curves(self.plot, self.steward, name, self._axis())
        showing.stalls(self.stalls, self.steward, name, self.desk.current)
        self.board.show_runners(self.steward.runners, name, self.steward.floors, self.desk.current)
        running, starting = self.steward.running, self.steward.starting
        self.toggle.set_icon("pause" if running else "play")
        self.toggle.set_text("Pause all" if running else "Resume all")
        self.toggle.setEnabled(running or self.steward.can_resume)
        self.stop.setEnabled(running or starting or self.steward.can_resume)
        self.status.set_text(showing.words(self.steward, name, self.log.isChecked() and name not in LINEAR))

    def _metric(self) -> str:
        return str(self.measure.currentData() or self._wanted.metric)

    def _fill_metrics(self) -> None:
        found = self.steward.metrics()
        names = [metric.name for metric in found]
        if not names or names == [self.measure.itemData(i) for i in range(self.measure.count())]:
            return
        wanted = self._metric()
        self.measure.clear()
        for metric in found:
            self.measure.addItem(metric.title, metric.name)
            self.measure.setItemData(self.measure.count() - 1, metric.tip, Qt.ItemDataRole.ToolTipRole)
        self.measure.setCurrentIndex(max(0, self.measure.findData(wanted)))

    def resizeEvent(self, event: QResizeEvent) -> None:
        """In a low panel the chart has the room of the legend: names stand at the lines' ends and in the table too."""
        super().resizeEvent(event)
        kit.show(self.plot.legend, event.size().height() >= theme.px(LOW))

    def changeEvent(self, event: QEvent) -> None:
        """Lanes keep their places in the palette, which another theme has other colours for."""
        super().changeEvent(event)
        if event.type() in kit.RESTYLE and self._bound:
            self._drawn_at = -1.0
            self.touch()

    # ---- settings and export

    def state(self) -> RaceState:
        """Data, families, budget, axes."""
        return RaceState(
            data=self.plan.data() or self._wanted.data,
            families=",".join(self.plan.ticks.chosen()) if self._ticked else self._wanted.families,
            budget=self.plan.budget(),
            unit="seconds" if self.plan.unit() == "seconds" else "steps",
            batch=self.plan.batch(),
            metric=self._metric(),
            axis=self._axis(),
            log=self.log.isChecked(),
        )

    def restore(self, state: PanelState) -> None:
        """Data, families, budget, axes."""
        if isinstance(state, RaceState):
            self._wanted = state

    def engaged(self) -> bool:
        """A race with runners, and what was measured of them, is in no state."""
        return bool(self.steward.runners) or self.steward.starting

    def shown(self) -> dict[str, Any]:
        """Who raced, and where each stood."""
        runners = [
            {"family": r.entrant.key, "run": r.run, "step": r.step, "seconds": round(r.seconds, 3)}
            for r in self.steward.runners
        ]
        return {"race": runners, "floors": self.steward.floors, "notes": self.steward.notes}

    def exports(self) -> list[Export]:
        """The whole view or the chart as a picture, and every measurement as a table."""
        reason = "" if any(runner.record for runner in self.steward.runners) else "Nothing was measured yet."

        def png(path: Path) -> None:
            export.export_png(self.stack, path, self.settings_text())

        def svg(path: Path) -> None:
            export.export_svg(self.plot.plot, path)

        def table(path: Path) -> None:
            lanes.write_csv(path, self.steward.runners, self.steward.floors)

        return [
            Export("Race as PNG", ".png", png, reason=reason),
            Export("Chart as SVG", ".svg", svg, reason=reason),
            Export("All measurements as CSV", ".csv", table, reason=reason),
        ]
