"""What can be chosen of a trajectory: noise and count for all lanes, and for each lane how it goes."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QObject, QPoint, Qt, Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QComboBox, QMenu

from app.panels.steps.ways import LANES, Way
from app.widgets import kit
from app.widgets.folding import FoldingRow
from app.widgets.number import NumberBox

STEPS = (0, 5, 10, 20, 50, 100, 250, 500, 1000)
COUNTS = (1, 4, 9, 16, 36)
STRENGTHS = (0.0, 1.0, 1.5, 2.0, 3.0, 5.0, 8.0)
LOWER = {
    "nothing": "Leave the room to the pictures.",
    "schedule": "How much signal and noise there is at each time.",
    "score norm": "How long the score of the batch is (root mean square), over progress.",
    "guidance": "How much guidance adds (root mean square), over progress.",
    "class decided": "Fork at many moments with new noise: how often the class at the end is the same.",
}


class Controls(QObject):
    """The first row. Signals: changed() another question for all lanes, new_noise(), again(), seeded(int), added() one
    lane more, forked(), tool(str, bool) a row of tools is wished, lower_chosen(str), views_chosen(tuple)."""

    changed = Signal()
    new_noise = Signal()
    again = Signal()
    seeded = Signal(int)
    added = Signal()
    forked = Signal()
    tool = Signal(str, bool)
    lower_chosen = Signal(str)
    views_chosen = Signal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.dice = kit.IconButton("dice", "Sample from new noise", "R")
        self.repeat = kit.IconButton("reset", "Sample again from the same noise", "Shift+R")
        self.seed = NumberBox(0, 2**31 - 1, 0, integer=True, name="Seed of the noise", step=1)
        self.seed.set_room(64)
        self.count = QComboBox()
        self.count.setAccessibleName("Samples drawn together")
        for n in COUNTS:
            self.count.addItem(str(n), n)
        self.count.setCurrentIndex(COUNTS.index(9))
        self.lower = QComboBox()
        self.lower.setAccessibleName("What is drawn under the pictures")
        for place, (name, tip) in enumerate(LOWER.items()):
            self.lower.addItem(name, name)
            self.lower.setItemData(place, tip, Qt.ItemDataRole.ToolTipRole)
        self.lower.setCurrentText("schedule")
        self.lower.setToolTip("What is drawn under the pictures")
        self.views = kit.IconButton("layers", "Choose what is shown beside the sample")
        self.tools = {
            "classes": kit.IconButton("grid", "Choose the class, mix classes, guide towards them", checkable=True),
            "origin": kit.IconButton("folder", "Begin from an example instead of noise", checkable=True),
            "paint": kit.IconButton("palette", "Paint on x_t and go on from there", checkable=True),
        }
        self.fork = kit.IconButton("branch", "Fork here: go on with new noise", "F")
        self.compare = kit.IconButton("plus", "Add a lane that starts from the same noise")
        row = self.first = FoldingRow()
        row.add(self.dice, priority=10)
        row.add(self.repeat, priority=2)
        row.add(self.seed, "seed", priority=1)
        row.add(self.count, "samples", priority=3)
        row.add(self.lower, priority=6)
        row.add_space()
        row.add(self.views, priority=5)
        for key, priority in (("classes", 9), ("origin", 6), ("paint", 7)):
            row.add(self.tools[key], priority=priority)
            self.tools[key].toggled.connect(lambda on, which=key: self.tool.emit(which, on))
        row.add(self.fork, priority=9)
        row.add(self.compare, priority=8)
        self.dice.clicked.connect(self.new_noise)
        self.repeat.clicked.connect(self.again)
        self.seed.changed.connect(lambda v: self.seeded.emit(int(v)))
        self.count.currentIndexChanged.connect(lambda _: self.changed.emit())
        self.lower.currentIndexChanged.connect(lambda _: self.lower_chosen.emit(self.lower.currentText()))
        self.fork.clicked.connect(self.forked)
        self.compare.clicked.connect(self.added)
        self.views.clicked.connect(self._offer_views)
        self._offered: list[tuple[str, str, bool]] = []
        self._menu: QMenu | None = None

    def samples(self) -> int:
        """How many are drawn together."""
        return int(self.count.currentData())

    def set_samples(self, n: int) -> None:
        """Stand at a count, without a signal."""
        choose(self.count, n, str(n))

    def set_lower(self, name: str) -> None:
        """Stand at a plot, without a signal."""
        if name in LOWER:
            choose(self.lower, name, name)

    def enable_lower(self, usable: dict[str, bool]) -> None:
        """Which plots the run has anything for; the others are greyed."""
        model = self.lower.model()
        for place, name in enumerate(LOWER):
            model.item(place).setEnabled(usable.get(name, True))  # type: ignore[attr-defined]

    def set_views(self, offered: list[tuple[str, str, bool]]) -> None:
        """What can be shown: (key, words, whether it is)."""
        self._offered = offered
        self.first.set_shown(self.views, len(offered) > 1)

    def views_menu(self) -> QMenu:
        """The switches of what is shown."""
        menu = QMenu(self.views)
        for key, words, on in self._offered:
            action = QAction(words, menu)
            action.setCheckable(True)
            action.setChecked(on)
            action.triggered.connect(lambda checked, which=key: self._switch(which, checked))
            menu.addAction(action)
        return menu

    def _switch(self, key: str, on: bool) -> None:
        self._offered = [(k, w, on if k == key else was) for k, w, was in self._offered]
        self.views_chosen.emit(tuple(k for k, _, shown in self._offered if shown))

    def _offer_views(self) -> None:
        self._menu = self.views_menu()
        self._menu.popup(self.views.mapToGlobal(QPoint(0, self.views.height())))


class LaneHead(FoldingRow):
    """The row over a lane. Signals: changed() it goes another way, closed()."""

    changed = Signal()
    closed = Signal()

    def __init__(self, lane: str) -> None:
        super().__init__()
        of = "" if lane == LANES[0] else f" of lane {LANES.index(lane) + 1}"
        self.sampler, self.evaluations, self.strength, self.step = (QComboBox() for _ in range(4))
        for box, name in (
            (self.sampler, "Sampler"), (self.evaluations, "Sampling steps"), (self.strength, "Guidance"),
            (self.step, "Step of training"),
        ):  # fmt: skip
            box.setAccessibleName(f"{name}{of}")
        self.sampler.addItem("model's own", "")
        for n in STEPS:
            self.evaluations.addItem(f"{n:,}" if n else "own", n)
        self.strength.addItem("as above", None)
        for strength in STRENGTHS:
            self.strength.addItem(f"{strength:g}", strength)
        self.step.addItem("time bar", None)
        self.step.setToolTip("Which weights draw: those at the time bar, or a kept step of the run")
        self.close_button = kit.IconButton("close", f"Close lane {LANES.index(lane) + 1}")
        self.add(self.sampler, "sampler", priority=6)
        self.add(self.evaluations, "steps", priority=5)
        self.add(self.strength, "guidance", priority=4)
        self.add(self.step, "at step", priority=3)
        self.add_space()
        self.add(self.close_button, priority=9)
        self.set_shown(self.close_button, lane != LANES[0])
        self.set_shown(self.strength, False)
        self.set_shown(self.step, False)
        for box in (self.sampler, self.evaluations, self.strength, self.step):
            box.currentIndexChanged.connect(lambda _: self.changed.emit())
        self.close_button.clicked.connect(self.closed)

    def way(self) -> Way:
        """How the lane goes."""
        return Way(
            str(self.sampler.currentData() or ""),
            int(self.evaluations.currentData()),
            self.strength.currentData(),
            self.step.currentData(),
        )

    def set_way(self, way: Way) -> None:
        """Go another way, without a signal; what is not offered yet is added."""
        choose(self.sampler, way.sampler, way.sampler)
        choose(self.evaluations, way.steps, f"{way.steps:,}")
        choose(self.strength, way.guidance, f"{way.guidance:g}" if way.guidance is not None else "as above")
        choose(self.step, way.step, f"{way.step:,}" if way.step is not None else "time bar")

    def offer(self, samplers: Sequence[str]) -> None:
        """Add the samplers that a model knows."""
        for name in samplers:
            if self.sampler.findData(name) < 0:
                self.sampler.addItem(name, name)

    def offer_steps(self, kept: Sequence[int]) -> None:
        """The kept steps of the run, newest first; the choice stays where that is kept."""
        chosen = self.step.currentData()
        if not kept or [self.step.itemData(i) for i in range(1, self.step.count())] == list(reversed(kept)):
            return
        self.step.blockSignals(True)
        while self.step.count() > 1:
            self.step.removeItem(1)
        for number in reversed(kept):
            self.step.addItem(f"{number:,}", number)
        self.step.setCurrentIndex(max(0, self.step.findData(chosen)))
        self.step.blockSignals(False)

    def forget(self) -> None:
        """Another model: only the chosen sampler stays, in case it knows that too."""
        way = self.way()
        self.sampler.blockSignals(True)
        while self.sampler.count() > 1:
            self.sampler.removeItem(1)
        self.sampler.blockSignals(False)
        self.set_way(way)


def choose(box: QComboBox, value: object, words: str) -> None:
    """Stand at a value without a signal; one that is not yet offered is added."""
    box.blockSignals(True)
    found = [i for i in range(box.count()) if box.itemData(i) == value]
    if not found:
        box.addItem(words, value)
        found = [box.count() - 1]
    box.setCurrentIndex(found[0])
    box.blockSignals(False)
