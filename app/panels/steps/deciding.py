"""What is drawn under the pictures: the schedule, a number over progress, or when the class is decided."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
from PySide6.QtWidgets import QComboBox, QVBoxLayout, QWidget

from app.panels.steps.controls import choose
from app.panels.steps.lane import SIGNS
from app.shell import theme
from app.widgets import kit
from app.widgets.folding import FoldingRow
from app.widgets.progressplot import ProgressCurve, ProgressPlot
from app.widgets.schedule import SchedulePlot
from app.widgets.status import ElidedLabel
from gm_core import api

if TYPE_CHECKING:
    from app.panels.steps import StepsPanel

NUMBERS = {"score norm": "score_norm", "guidance": "guidance"}
ASK = "Fork at every moment and see how often the class is the same"
FORKS = (4, 8, 16, 32)
MOMENTS = 9
MOST_STEPS = 100
"""A decision walks many ways: where the model's own has more steps than this, FEWER are taken, and it is said."""
FEWER = 50
EXAMPLES = {"images": 9, "points": 100, "vectors": 100}


class Lower(QWidget):
    """The plots and the row of the decision; `page` says which is shown."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.schedule = SchedulePlot()
        self.plot = ProgressPlot()
        for plot in (self.schedule, self.plot):
            kit.Room(plot, height=92)
        self.ask = kit.IconButton("play", ASK)
        self.way = QComboBox()
        self.way.setAccessibleName("How the way is left")
        self.way.addItem("fork", "fork")
        self.way.addItem("return", "return")
        self.way.setToolTip(
            "fork: x_t stays, the noise from there on is new.\n"
            "return: the finished example is put back to the moment with new noise; for samplers that add none."
        )
        self.forks = QComboBox()
        self.forks.setAccessibleName("Forks at each moment")
        for n in FORKS:
            self.forks.addItem(str(n), n)
        self.forks.setCurrentIndex(1)
        self.told = ElidedLabel("", "caption")
        self.row = FoldingRow()
        self.row.add(self.ask, priority=9)
        self.row.add(self.way, priority=7)
        self.row.add(self.forks, "forks", priority=8)
        self.told.setMinimumWidth(theme.px(80))
        self.row.add(self.told, priority=9, stretch=True)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        for widget in (self.row, self.schedule, self.plot):
            column.addWidget(widget)


class Deciding:
    """Fills the plots and asks when the class is decided."""

    def __init__(self, panel: StepsPanel) -> None:
        self._panel = panel
        self.page = "schedule"
        self.found: api.Decision | None = None
        self.busy = False
        self._steps = 0
        lower = panel.lower
        lower.ask.clicked.connect(self.ask)
        lower.plot.picked.connect(panel.go_to)
        lower.schedule.t_picked.connect(panel.go_to_time)
        lower.plot.set_empty("Not asked yet", "Press the button above: it forks the way at nine moments.")

    def forget(self) -> None:
        """The question is another one: what was found belongs to it no more."""
        if self.busy:
            self._panel.cancel("decision")
        self.found, self.busy = None, False

    def turn(self, page: str) -> None:
        """Show another plot."""
        self.page = page
        self.show()

    def can(self) -> bool:
        """Whether the data have classes to ask for."""
        card = self._panel.card
        return card is not None and bool(card.data.classes) and "no_data" not in card.facts

    def query(self) -> api.DecisionQuery:
        """What is asked: about the examples of the first lane, without its branches."""
        panel = self._panel
        base = panel.query("a")
        newest = panel.lanes["a"].track.newest()
        own = newest.total if newest is not None else 0
        self._steps = FEWER if not base.steps and own > MOST_STEPS else base.steps
        way: Literal["fork", "return"] = "return" if panel.lower.way.currentData() == "return" else "fork"
        kind = panel.card.data.kind if panel.card is not None else "images"
        return api.DecisionQuery(
            seed=base.seed, n=min(base.n, EXAMPLES[kind]), forks=int(panel.lower.forks.currentData()), moments=MOMENTS,
            way=way, sampler=base.sampler, steps=self._steps, y=base.y, guidance=base.guidance, mix=base.mix,
        )  # fmt: skip

    def ask(self) -> None:
        """Fork at every moment, or stop while that goes on."""
        panel = self._panel
        if self.busy:
            panel.cancel("decision")
            self.busy = False
        elif self.can():
            panel.ask("decision", self.query(), at_once=True)
            self.busy, self.found = True, None
        self.show()

    def receive(self, answer: api.Answered) -> None:
        """One more moment is known."""
        if isinstance(answer.frame, api.Decision):
            self.found = answer.frame
        if answer.last:
            self.busy = False
        self.show()

    def failed(self) -> None:
        """It cannot be asked."""
        self.busy = False
        self.show()

    def set_way(self, way: str) -> None:
        """Stand at a way of leaving, without a signal."""
        choose(self._panel.lower.way, way, way)

    # ---- drawing

    def usable(self) -> dict[str, bool]:
        """Which pages have anything to show at present."""
        track = self._panel.lanes["a"].track
        numbers = {page: any(name in f.numbers for f in track.frames[:1]) for page, name in NUMBERS.items()}
        scheduled = "t" in track.curves and len(track.curves) > 1
        return {"nothing": True, "schedule": scheduled, **numbers, "class decided": self.can()}

    def wanted(self) -> bool:
        """Whether the page has anything to show; of a decision, why there is none."""
        return self.page == "class decided" or (self.page != "nothing" and self.usable()[self.page])

    def show(self) -> None:
        """Fill the plot of the page, or leave the room to the pictures where that is low."""
        panel, lower = self._panel, self._panel.lower
        kit.show(lower, self.wanted() and panel.room() >= theme.px(380 if not panel.comparing else 480))
        kit.show(lower.schedule, self.page == "schedule")
        kit.show(lower.plot, self.page != "schedule")
        kit.show(lower.row, self.page == "class decided")
        if self.page == "schedule":
            self._show_schedule()
        elif self.page in NUMBERS:
            self._show_number(NUMBERS[self.page])
        elif self.page == "class decided":
            self._show_decision()

    def _show_schedule(self) -> None:
        curves = dict(self._panel.lanes["a"].track.curves)
        t = curves.pop("t", None)
        if t is not None:
            at = np.asarray(t, float)
            named = {SIGNS.get(name, name): (at, np.asarray(y, float)) for name, y in curves.items()}
            self._panel.lower.schedule.set_curves(named)

    def _show_number(self, name: str) -> None:
        lanes = self._panel.lanes_shown()
        made = []
        for place, lane in enumerate(lanes, 1):
            x, y = lane.track.numbers(name)
            if len(x):
                title = SIGNS.get(name, name) if len(lanes) == 1 else lane.title or f"lane {place}"
                made.append(ProgressCurve(title, x, y))
        plot = self._panel.lower.plot
        plot.set_level(None)
        plot.set_range(0.0, None)
        plot.set_curves(made)

    def _show_decision(self) -> None:
        panel, plot, found = self._panel, self._panel.lower.plot, self.found
        panel.lower.ask.set_icon("stop" if self.busy else "play")
        panel.lower.ask.set_text(
            "Stop" if self.busy else "Fork at every moment and see how often the class is the same"
        )
        panel.lower.ask.setEnabled(self.can())
        plot.set_range(0.0, 1.0)
        if found is None:
            plot.set_curves(())
            words = "forking ..." if self.busy else ""
            panel.lower.told.setText(words if self.can() else "These data have no classes to tell the ends apart by.")
            return
        curves = [ProgressCurve("ends alike", found.progress, found.agreement, found.errors)]
        if len(found.each) > 1 and panel.sample < len(found.each):
            name = f"sample {panel.sample + 1}"
            curves.append(ProgressCurve(name, found.progress, found.each[panel.sample], faint=True))
        plot.set_curves(curves)
        plot.set_level(found.chance, "chance")
        panel.lower.told.setText(self.words(found))

    def words(self, found: api.Decision) -> str:
        """What the curve says, and how far it can be trusted."""
        parts = []
        if found.done < found.total:
            parts.append(f"{found.done} of {found.total} moments")
        elif not found.fresh:
            parts.append("this sampler adds no noise: all is decided at the start; take 'return'")
        else:
            half = halfway(found)
            parts.append(f"half decided at {100 * half:.0f} %" if half is not None else "decided from the start")
        parts.append(f"{len(found.classes)} x {found.forks} forks, bars: standard error")
        parts.append(
            f"classes by 5 nearest neighbours, {100 * found.accuracy:.1f} ± {100 * found.accuracy_error:.1f} % right"
        )
        if self._steps == FEWER and not self._panel.query("a").steps:
            parts.append(f"{FEWER} steps")
        return "  ·  ".join(parts)


def halfway(found: api.Decision) -> float | None:
    """The progress at which the agreement passes half of what lies between chance and 1; None if it always has."""
    level = (1.0 + found.chance) / 2.0
    known = np.isfinite(found.agreement)
    x, y = found.progress[known], found.agreement[known]
    below = np.flatnonzero(y < level)
    if not len(below):
        return None
    last = int(below[-1])
    if last + 1 >= len(x):
        return 1.0
    share = (level - y[last]) / max(float(y[last + 1] - y[last]), 1e-9)
    return float(x[last] + share * (x[last + 1] - x[last]))
