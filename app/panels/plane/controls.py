"""The row above the plane."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QComboBox

from app.widgets import kit
from app.widgets.folding import FoldingRow
from app.widgets.number import NumberBox, NumberSlider

COUNTS = (250, 1000, 4000)


class Controls(QObject):
    """Noise of the samples, their number, noise of the moment, and what is shown. Signals: seeded(int),
    count_changed(), noise_moved()."""

    seeded = Signal(int)
    count_changed = Signal()
    noise_moved = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.dice = kit.IconButton("dice", "Samples from new noise", "R")
        self.seed = NumberBox(0, 2**31 - 1, 0, integer=True, name="Seed of the noise", step=1)
        self.seed.set_room(56)
        self.seed.changed.connect(lambda v: self.seeded.emit(int(v)))
        self.count = QComboBox()
        self.count.setAccessibleName("Samples drawn")
        for n in COUNTS:
            self.count.addItem(f"{n:,}", n)
        self.count.setCurrentIndex(COUNTS.index(1000))
        self.count.currentIndexChanged.connect(lambda _: self.count_changed.emit())
        self.noise = NumberSlider(0.0, 1.0, 0.0, name="Noise")
        self.noise.setToolTip(
            "Blurs everything as the model's own diffusion does: p_t, its score and the points. 0 is the data, 1 pure "
            "noise."
        )
        self.noise.set_room(56, 150)
        self.noise.changing.connect(lambda _: self.noise_moved.emit())
        self.noise.changed.connect(lambda _: self.noise_moved.emit())
        self.numbers = kit.IconButton("chart", "Say how far the model is from the truth", checkable=True)
        self.numbers.setChecked(True)
        self.beside = kit.IconButton("layers", "Show learned, exact and difference beside each other", checkable=True)
        self.morph = kit.IconButton("play", "Watch noise become data")
        self.fit = kit.IconButton("zoom-fit", "Show the whole plane", "0")
        row = self.row = FoldingRow()
        row.add(self.dice, priority=9)
        row.add(self.seed, "seed", priority=2)
        row.add(self.count, "samples", priority=3)
        row.add(self.noise, "noise", priority=7)
        row.add_space()
        row.add(self.morph, priority=6)
        row.add(self.numbers, priority=4)
        row.add(self.beside, priority=5)
        row.add(self.fit, priority=8)

    def samples(self) -> int:
        """How many samples are drawn."""
        return int(self.count.currentData())

    def set_samples(self, n: int) -> None:
        """Stand at a count, without a signal; one that the chooser lacks is added."""
        was = self.count.blockSignals(True)
        if self.count.findData(n) < 0:
            self.count.addItem(f"{n:,}", n)
        self.count.setCurrentIndex(self.count.findData(n))
        self.count.blockSignals(was)

    def offer(self, field: bool, steps: bool) -> None:
        """What the run in front can do."""
        self.row.set_shown(self.noise, field)
        self.row.set_shown(self.morph, steps)
