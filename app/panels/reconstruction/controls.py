"""The row of controls: which examples, in which order, by which error, and what is shown of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QComboBox, QToolButton, QWidget

from app.panel import PanelState
from app.widgets import kit
from app.widgets.folding import FoldingRow
from app.widgets.number import NumberBox
from gm_core import api

Order = Literal["chance", "worst", "best"]
Measure = Literal["squared", "cross_entropy"]
COUNTS = (8, 16, 32, 64)
SPLITS = ("test", "validation", "train")
ORDERS: dict[Order, str] = {"chance": "by chance", "worst": "worst first", "best": "best first"}
MEASURES: dict[Measure, str] = {"squared": "squared error", "cross_entropy": "cross-entropy"}


class ReconstructionState(PanelState):
    """What the panel remembers."""

    split: Literal["test", "validation", "train"] = api.param("test", "The examples that are shown.")
    count: int = api.param(16, "How many pairs.", lo=1, hi=256)
    order: Order = api.param("chance", "Which pairs: any, or those with the largest or smallest errors of the split.")
    measure: Measure = api.param("squared", "Mean squared error, or the cross-entropy in nats.")
    difference: bool = api.param(False, "Show the difference under each pair.")
    labels: bool = api.param(False, "Show the class of each example.")
    histogram: bool = api.param(True, "Show how the errors of the split are distributed.")


class Controls(FoldingRow):
    """`wished` says that other examples or errors are wanted, `resorted` another order, `redrawn` another drawing."""

    wished = Signal()
    resorted = Signal()
    redrawn = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.other = kit.IconButton("dice", "Other examples")
        self.seed = NumberBox(0, 2**31 - 1, 0, integer=True, name="Seed of the choice of examples", step=1)
        self.seed.set_room(56)
        self.split = _chooser(SPLITS, "Examples from")
        self.count = _chooser([str(n) for n in COUNTS], "Pairs")
        self.count.setCurrentText("16")
        self.sorting = _chooser(list(ORDERS.values()), "Which pairs")
        self.measure = _chooser(list(MEASURES.values()), "Error measured as")
        self.measure.setToolTip(
            "Mean squared error, or −Σ x ln r + (1 − x) ln(1 − r) in nats, which is −ln p(x|z) of a decoder of coins"
        )
        self.difference = _switch("difference", "Show how far each pixel is off; grey is right")
        self.names = _switch("labels", "Show the class of each example")
        self.shape = _switch("histogram", "Show how the errors of many examples are distributed")
        self.shape.setChecked(True)
        for button in (self.difference, self.names, self.shape):
            button.toggled.connect(lambda _: self.redrawn.emit())
        for box in (self.split, self.count, self.measure):
            box.currentIndexChanged.connect(lambda _: self.wished.emit())
        self.sorting.currentIndexChanged.connect(lambda _: self.resorted.emit())
        self.add(self.other, priority=9)
        self.add(self.split, "from", priority=6)
        self.add(self.sorting, priority=7)
        self.add(self.count, "pairs", priority=5)
        self.add(self.seed, "seed", priority=1)
        self.add(self.measure, priority=4)
        self.add_space()
        self.add(self.difference, priority=4)
        self.add(self.names, priority=3)
        self.add(self.shape, priority=2)

    def order(self) -> Order:
        """Any pairs, or the worst or best of the split first."""
        return list(ORDERS)[self.sorting.currentIndex()]

    def error(self) -> Measure:
        """How errors are measured."""
        return list(MEASURES)[self.measure.currentIndex()]

    def how_many(self) -> int:
        """Pairs that are shown."""
        return int(self.count.currentText())


def _chooser(words: Sequence[str], name: str) -> QComboBox:
    box = QComboBox()
    box.addItems(list(words))
    box.setAccessibleName(name)
    return box


def _switch(words: str, tip: str) -> QToolButton:
    button = QToolButton()
    button.setText(words)
    button.setToolTip(tip)
    button.setAccessibleName(tip)
    button.setCheckable(True)
    return button
