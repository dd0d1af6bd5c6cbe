"""The two rows of controls: what is compared and how it is walked; and the stops."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QComboBox, QMenu, QToolButton, QWidget

from app.panels.interpolation.rows import TIPS
from app.panels.interpolation.stops import StopsRow, why_no_drawing, why_no_examples
from app.widgets import kit
from app.widgets.folding import FoldingRow
from gm_core import api

FRAMES = (8, 16, 24, 36, 48, 64)
METERS = {"examples": "nearest", "code length": "norm"}
ORDER_TIPS = "once, in a loop back to the first stop, or there and back"


class PathControls(FoldingRow):
    """How the stops are walked through. Signal: changed(). Getters: frames(), easing(), order(), even(), label(),
    meter(), ways().
    """

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.ways_button = QToolButton()
        self.ways_button.setText("ways")
        self.ways_button.setAccessibleName("Which ways are compared")
        self.ways_button.setToolTip("Which ways are compared")
        self.ways_button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        menu = QMenu(self.ways_button)
        menu.setToolTipsVisible(True)
        self.ways_actions = {}
        for name, tip in TIPS.items():
            action = menu.addAction(name)
            action.setCheckable(True)
            action.setChecked(True)
            action.setToolTip(tip)
            action.toggled.connect(lambda on, name=name: self._toggled(name, on))
            self.ways_actions[name] = action
        self.ways_button.setMenu(menu)
        self.count = self._box("Pictures on each way", [str(n) for n in FRAMES], "24")
        self.ease = self._box("How each leg is eased", list(api.EASINGS), "linear")
        self.round = self._box(f"Order: {ORDER_TIPS}", list(api.ORDERS), "once")
        self.by = self._box("What says how far a code is off the data", list(METERS), "examples")
        self.classes = self._box("Class to decode as", ["any"], "any")
        self.steady = QToolButton()
        self.steady.setText("even speed")
        self.steady.setCheckable(True)
        self.steady.setAccessibleName("Even speed")
        self.steady.setToolTip("Walk each leg so that the picture changes evenly, whichever way is taken")
        self.steady.toggled.connect(lambda _: self.changed.emit())
        self.add(self.ways_button, priority=9)
        self.add(self.count, "frames", priority=8)
        self.add(self.round, "order", priority=7)
        self.add(self.ease, "easing", priority=6)
        self.add(self.steady, priority=5)
        self.add(self.classes, "class", priority=4)
        self.add(self.by, "off data by", priority=3)
        self.set_shown(self.classes, False)

    def _box(self, name: str, items: list[str], shown: str) -> QComboBox:
        box = QComboBox()
        box.addItems(items)
        box.setCurrentText(shown)
        box.setAccessibleName(name)
        box.setToolTip(name)
        box.activated.connect(lambda _: self.changed.emit())
        return box

    def _toggled(self, name: str, on: bool) -> None:
        if not on and not self.ways():  # one at least
            self.ways_actions[name].setChecked(True)
            return
        self.changed.emit()

    def set_model(self, card: api.RunCard) -> None:
        """Offer what a run can do."""
        conditional = "classes" in card.offers or bool(dict(card.spec.get("model", {})).get("labels", False))
        self.set_shown(self.classes, conditional and bool(card.data.classes))
        if self.classes.count() != 1 + len(card.data.classes):
            self.classes.clear()
            self.classes.addItems(["any", *card.data.classes])
        self.by.setEnabled(not why_no_examples(card))
        self.by.setToolTip(why_no_examples(card) or "What says how far a code is off the data")

    def ways(self) -> tuple[str, ...]:
        """The ways that are compared."""
        return tuple(name for name, action in self.ways_actions.items() if action.isChecked())

    def set_ways(self, names: tuple[str, ...]) -> None:
        """Compare these, without a signal."""
        for name, action in self.ways_actions.items():
            action.blockSignals(True)
            action.setChecked(name in names or not names)
            action.blockSignals(False)

    def frames(self) -> int:
        """Pictures on each way."""
        return int(self.count.currentText())

    def meter(self) -> str:
        """What is wished as a measure of distance from the data: "nearest" or "norm"."""
        return METERS[self.by.currentText()]

    def label(self) -> int | None:
        """The class to decode as."""
        index = self.classes.currentIndex() - 1
        return index if index >= 0 and not self.classes.isHidden() else None


class StopControls(FoldingRow):
    """The stops and what can be done with them. Signals: added(str kind), again(), moved(int), removed()."""

    added = Signal(str)
    again = Signal()
    removed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.stops = StopsRow()
        self.plus = QToolButton()
        self.plus.setText("+ stop")
        self.plus.setAccessibleName("Add a stop")
        self.plus.setToolTip("Add a stop after the picked one")
        self.plus.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        menu = QMenu(self.plus)
        menu.setToolTipsVisible(True)
        self.entries = {}
        for kind, words in (
            ("prior", "A code from the prior"), ("example", "A real example"), ("draw", "Draw a picture..."),
            ("open", "Open a picture..."), ("paste", "Paste a picture"),
        ):  # fmt: skip
            action = menu.addAction(words)
            action.triggered.connect(lambda _on=False, kind=kind: self.added.emit(kind))
            self.entries[kind] = action
        self.plus.setMenu(menu)
        self.dice = kit.IconButton("dice", "Another one in the place of the picked stop")
        self.left = kit.IconButton("step-back", "Move the picked stop towards the beginning", "Ctrl+Left")
        self.right = kit.IconButton("step-forward", "Move the picked stop towards the end", "Ctrl+Right")
        self.trash = kit.IconButton("trash", "Remove the picked stop", "Delete")
        self.dice.clicked.connect(self.again)
        self.left.clicked.connect(lambda: self.stops.moved.emit(-1))
        self.right.clicked.connect(lambda: self.stops.moved.emit(1))
        self.trash.clicked.connect(self.removed)
        self.stops.removed.connect(self.removed)
        self.add(self.stops, priority=9, stretch=True)
        self.add(self.dice, priority=8)
        self.add(self.plus, priority=7)
        self.add(self.left, priority=4)
        self.add(self.right, priority=4)
        self.add(self.trash, priority=5)

    def refresh(self, card: api.RunCard | None, count: int) -> None:
        """Grey what cannot be done, with the reason as its tip."""
        pictures = why_no_drawing(card)
        for kind in ("draw", "open", "paste"):
            self.entries[kind].setEnabled(not pictures)
            self.entries[kind].setToolTip(pictures)
        self.entries["example"].setEnabled(not why_no_examples(card))
        self.entries["example"].setToolTip(why_no_examples(card))
        picked = self.stops.picked()
        self.left.setEnabled(picked > 0)
        self.right.setEnabled(picked < count - 1)
        self.trash.setEnabled(count > 2)
