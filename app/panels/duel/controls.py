"""The row above the duel: who learns, one step of either, which class, and the morph."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QButtonGroup, QComboBox, QToolButton

from app.widgets import kit
from app.widgets.folding import FoldingRow
from gm_core import api

D, G = "discriminator", "generator"
WHO: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("both", "Both learn, in turn", ()),
    ("D", "Only the discriminator learns: it comes near its best while the samples stand still", (G,)),
    ("G", "Only the generator learns: it goes where the standing discriminator is fooled", (D,)),
)


class Controls(QObject):
    """Signals: switched(tuple of phases that rest), stepped(phase), classed()."""

    switched = Signal(tuple)
    stepped = Signal(str)
    classed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.dice = kit.IconButton("dice", "Other samples and examples", "R")
        self.who: dict[str, QToolButton] = {}
        self.group = QButtonGroup(self)
        row = self.row = FoldingRow()
        row.add(self.dice, priority=9)
        for number, (key, tip, off) in enumerate(WHO):
            button = self.who[key] = QToolButton()
            button.setText(key)
            button.setCheckable(True)
            button.setToolTip(tip)
            button.setAccessibleName(tip)
            button.clicked.connect(lambda _=False, off=off: self.switched.emit(off))
            self.group.addButton(button)
            row.add(button, "learn" if number == 0 else "", priority=8)
        self.steps: dict[str, QToolButton] = {}
        for key, phase in (("D", D), ("G", G)):
            button = self.steps[key] = QToolButton()
            button.setText(f"1 × {key}")
            button.setToolTip(f"One step of the {phase} alone, then rest; who learns afterwards stays as it is")
            button.setAccessibleName(f"One step of the {phase}")
            button.clicked.connect(lambda _=False, phase=phase: self.stepped.emit(phase))
            row.add(button, "step" if key == "D" else "", priority=6)
        self.classes = QComboBox()
        self.classes.setAccessibleName("Class of the samples")
        self.classes.currentIndexChanged.connect(lambda _: self.classed.emit())
        row.add(self.classes, "class", priority=4)
        row.add_space()
        self.morph = kit.IconButton("play", "Watch the noise become data: rest the pointer here, or press")
        self.fit = kit.IconButton("zoom-fit", "Show the whole plane", "0")
        row.add(self.morph, priority=5)
        row.add(self.fit, priority=7)

    def begin(self, card: api.RunCard, plane: bool) -> None:
        """Offer what this run has."""
        was = self.classes.blockSignals(True)
        self.classes.clear()
        self.classes.addItem("all", None)
        for number, name in enumerate(card.data.classes):
            self.classes.addItem(name, number)
        self.classes.blockSignals(was)
        self.row.set_shown(self.classes, "conditional" in card.offers)
        self.row.set_shown(self.fit, plane)
        self.show_card(card)

    def show_card(self, card: api.RunCard) -> None:
        """Who learns now; nothing can be switched in an example that came with the program."""
        owned = bool(card.folder)
        off = set(card.off)
        for key, _, rests in WHO:
            self.who[key].setChecked(off == set(rests))
            self.who[key].setEnabled(owned)
        resting = card.state in {"paused", "training", "viewed", "stopped"} and card.step < card.steps
        for button in self.steps.values():
            button.setEnabled(owned and resting)

    def label(self) -> int | None:
        """The class that is asked for, or None."""
        found = self.classes.currentData()
        return None if found is None else int(found)
