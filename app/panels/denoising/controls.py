"""The row of controls: which examples, how they are spoilt, how often they are repaired."""

from __future__ import annotations

from typing import Literal

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QComboBox, QToolButton, QWidget

from app.widgets import kit
from app.widgets.folding import FoldingRow
from app.widgets.number import NumberBox, NumberSlider

Kind = Literal["gaussian", "masking", "salt_and_pepper"]
KINDS: dict[str, Kind] = {"gaussian": "gaussian", "masking": "masking", "salt and pepper": "salt_and_pepper"}
BY_HAND = "by hand"
COUNTS = (8, 16, 32)
MOST_ROUNDS = 12


class Controls(FoldingRow):
    """`changed` says that something else is to be asked, `redrawn` that only the drawing is another.

    `touched` turns true once a person has chosen how examples are spoilt; until then the model's own way is shown.
    """

    changed = Signal()
    redrawn = Signal()
    turned = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.touched, self._pictures = False, True
        self.dice = kit.IconButton("dice", "Other examples")
        self.kind = QComboBox()
        self.kind.addItems([*KINDS, BY_HAND])
        self.kind.setAccessibleName("How examples are spoilt")
        self.kind.currentIndexChanged.connect(lambda _: self._kind_chosen())
        self.amount = NumberSlider(0.0, 1.0, 0.3, name="Amount of corruption")
        self.amount.setToolTip("Standard deviation of Gaussian noise; else the part of the numbers that is spoilt.")
        self.amount.set_room(46, 140)
        for signal in (self.amount.changing, self.amount.changed):
            signal.connect(lambda _: self._amount_moved())
        self.own = kit.IconButton("reset", "Spoil as the model was trained to undo")
        self.own.clicked.connect(self._give_back)
        self.rounds = NumberBox(1, MOST_ROUNDS, 1, integer=True, name="How often the repair is repeated", step=1)
        self.rounds.set_room(44)
        self.rounds.changed.connect(lambda _: self.changed.emit())
        self.count = QComboBox()
        self.count.addItems([str(n) for n in COUNTS])
        self.count.setAccessibleName("Examples")
        self.count.currentIndexChanged.connect(lambda _: self.changed.emit())
        self.difference = QToolButton()
        self.difference.setText("difference")
        self.difference.setCheckable(True)
        self.difference.setAccessibleName("Show what the repair still has wrong")
        self.difference.setToolTip("Show what the repair still has wrong; grey is right")
        self.difference.toggled.connect(lambda _: self.redrawn.emit())
        self.add(self.dice, priority=9)
        self.add(self.kind, priority=8)
        self.add(self.amount, "amount", priority=7)
        self.add(self.own, priority=3)
        self.add(self.rounds, "repair ×", priority=6)
        self.add(self.count, "of", priority=2)
        self.add_space()
        self.add(self.difference, priority=4)

    @property
    def by_hand(self) -> bool:
        """Whether examples are spoilt on the board."""
        return self.kind.currentText() == BY_HAND

    def corruption(self) -> tuple[Kind, float]:
        """How examples are spoilt, and how much."""
        return KINDS.get(self.kind.currentText(), "gaussian"), float(self.amount.value())

    def take(self, kind: str, amount: float) -> bool:
        """Show the model's own corruption, unless a person has chosen another; whether anything changed."""
        words = next((words for words, name in KINDS.items() if name == kind), "")
        if self.touched or not words or self.corruption() == (kind, amount):
            return False
        kit.choose(self.kind, words)
        self.amount.set_value(amount)
        return True

    def set_shape(self, shape: str) -> None:
        """Pictures can be spoilt by hand; points and vectors cannot, and there are more of them."""
        pictures = shape == "images"
        place = self.kind.findText(BY_HAND)
        self.kind.blockSignals(True)
        if pictures and place < 0:
            self.kind.addItem(BY_HAND)
        elif not pictures and place >= 0:
            if self.by_hand:
                self.kind.setCurrentIndex(0)
            self.kind.removeItem(place)
        self.kind.blockSignals(False)
        self.refresh(pictures)

    def refresh(self, pictures: bool) -> None:
        """Only what means something at the moment is shown."""
        self._pictures = pictures
        self.set_shown(self.amount, not self.by_hand)
        self.set_shown(self.count, pictures and not self.by_hand)
        self.set_shown(self.difference, pictures and not self.by_hand)

    def _give_back(self) -> None:
        self.touched = False
        if self.by_hand:
            kit.choose(self.kind, next(iter(KINDS)))
            self.refresh(self._pictures)
            self.turned.emit()
        self.changed.emit()

    def _kind_chosen(self) -> None:
        self.touched = True
        self.refresh(self._pictures)
        self.turned.emit()
        self.changed.emit()

    def _amount_moved(self) -> None:
        self.touched = True
        self.changed.emit()
