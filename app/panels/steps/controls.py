"""What can be chosen of a trajectory: noise, count, and for each of two lanes the sampler and its steps."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QComboBox

from app.shell import theme
from app.widgets import kit
from app.widgets.folding import FoldingRow
from app.widgets.number import NumberBox

STEPS = (0, 5, 10, 20, 50, 100, 250, 500, 1000)
COUNTS = (1, 4, 9, 16, 36)
LANES = ("a", "b")


class Controls(QObject):
    """Two rows of controls. `first` is always shown, `second` while two lanes are compared.

    Signals: changed(str lane; '' for all), new_noise(), again(), seeded(int), compared(bool).
    """

    changed = Signal(str)
    new_noise = Signal()
    again = Signal()
    seeded = Signal(int)
    compared = Signal(bool)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.dice = kit.IconButton("dice", "Sample from new noise", "R")
        self.repeat = kit.IconButton("reset", "Sample again from the same noise", "Shift+R")
        self.seed = NumberBox(0, 2**31 - 1, 0, integer=True, name="Seed of the noise", step=1)
        self.seed.setFixedWidth(theme.px(64))
        self.count = QComboBox()
        self.count.setAccessibleName("Samples drawn together")
        for n in COUNTS:
            self.count.addItem(str(n), n)
        self.count.setCurrentIndex(COUNTS.index(9))
        self.samplers = {lane: _sampler_box(lane) for lane in LANES}
        self.evaluations = {lane: _steps_box(lane) for lane in LANES}
        self.evaluations["b"].setCurrentIndex(STEPS.index(20))
        self.compare = kit.IconButton("branch", "Compare with another way from the same noise", checkable=True)
        row = self.first = FoldingRow()
        row.add(self.dice, priority=9)
        row.add(self.repeat, priority=7)
        row.add(self.seed, "seed", priority=3)
        row.add(self.count, "samples", priority=4)
        row.add(self.samplers["a"], "sampler", priority=6)
        row.add(self.evaluations["a"], "steps", priority=5)
        row.add_space()
        row.add(self.compare, priority=8)
        second = self.second = FoldingRow()
        second.add(kit.label("against, from the same noise:  ", "caption"), priority=1)
        second.add(self.samplers["b"], "sampler", priority=3)
        second.add(self.evaluations["b"], "steps", priority=2)
        second.hide()
        self.dice.clicked.connect(self.new_noise)
        self.repeat.clicked.connect(self.again)
        self.seed.changed.connect(lambda v: self.seeded.emit(int(v)))
        self.compare.toggled.connect(self._compare)
        self.count.currentIndexChanged.connect(lambda _: self.changed.emit(""))
        for lane in LANES:
            self.samplers[lane].currentIndexChanged.connect(lambda _, which=lane: self.changed.emit(which))
            self.evaluations[lane].currentIndexChanged.connect(lambda _, which=lane: self.changed.emit(which))

    def _compare(self, on: bool) -> None:
        self.second.setVisible(on)
        self.compared.emit(on)

    def sampler(self, lane: str) -> str:
        """The sampler of a lane; '' is the model's own."""
        return str(self.samplers[lane].currentData() or "")

    def steps(self, lane: str) -> int:
        """Network evaluations of a lane; 0 is the model's own number."""
        return int(self.evaluations[lane].currentData())

    def samples(self) -> int:
        """How many are drawn together."""
        return int(self.count.currentData())

    def words(self, lane: str) -> str:
        """A lane's way in words."""
        return f"{self.sampler(lane) or 'own sampler'}, {self.steps(lane) or 'own'} steps"

    def set_lane(self, lane: str, sampler: str, steps: int) -> None:
        """Stand at a sampler and a number of steps, without a signal."""
        _choose(self.samplers[lane], sampler)
        _choose(self.evaluations[lane], steps)

    def set_samples(self, n: int) -> None:
        """Stand at a count, without a signal."""
        _choose(self.count, n)

    def offer(self, names: tuple[str, ...]) -> None:
        """Add the samplers that a model knows."""
        for box in self.samplers.values():
            for name in names:
                if box.findData(name) < 0:
                    box.addItem(name, name)

    def forget_samplers(self) -> None:
        """Another model: keep only what is chosen, in case it knows that too."""
        for box in self.samplers.values():
            chosen = str(box.currentData() or "")
            box.blockSignals(True)
            while box.count() > 1:
                box.removeItem(1)
            box.blockSignals(False)
            _choose(box, chosen)


def _sampler_box(lane: str) -> QComboBox:
    box = QComboBox()
    box.setAccessibleName("Sampler" if lane == "a" else "Sampler of the second lane")
    box.addItem("model's own", "")
    return box


def _steps_box(lane: str) -> QComboBox:
    box = QComboBox()
    box.setAccessibleName("Sampling steps" if lane == "a" else "Sampling steps of the second lane")
    for n in STEPS:
        box.addItem(f"{n:,}" if n else "own", n)
    return box


def _choose(box: QComboBox, value: object) -> None:
    """Stand at a value without a signal; one that is not yet offered is added."""
    box.blockSignals(True)
    place = box.findData(value)
    if place < 0:
        box.addItem(str(value), value)
        place = box.count() - 1
    box.setCurrentIndex(place)
    box.blockSignals(False)
