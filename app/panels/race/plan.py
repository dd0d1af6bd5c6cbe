"""The page on which a race is planned: data, families, budget."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import QComboBox, QFormLayout, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from app.panels.race.entrants import Entrant, first_ticked, unequal_data
from app.shell import theme
from app.widgets import kit
from app.widgets.flow import FlowLayout
from app.widgets.number import NumberBox

UNITS = {"steps": "steps each", "seconds": "seconds of training each"}
MOST = 8


class Ticks(QWidget):
    """Buttons in rows, any number of which are pressed. Setters (silent): set_entrants, set_chosen. Signal: changed."""

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.buttons: dict[str, QPushButton] = {}
        self._flow = FlowLayout(self, spacing=4)
        rule = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        rule.setHeightForWidth(True)
        self.setSizePolicy(rule)
        self.setAccessibleName("Families")

    def set_entrants(self, found: Sequence[Entrant]) -> None:
        """Other families."""
        for button in self.buttons.values():
            self._flow.removeWidget(button)
            button.deleteLater()
        self.buttons = {}
        for entrant in found:
            button = QPushButton(self)
            button.setText(entrant.key)
            button.setToolTip(f"{entrant.title}\n{entrant.note}" if entrant.note else entrant.title)
            button.setAccessibleName(entrant.title)
            button.setCheckable(True)
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            button.setMinimumSize(QSize(0, theme.px(28)))
            button.clicked.connect(lambda _on=False: self.changed.emit())
            self._flow.addWidget(button)
            self.buttons[entrant.key] = button
            button.show()
        self.updateGeometry()

    def set_chosen(self, keys: Sequence[str]) -> None:
        """Press these."""
        for key, button in self.buttons.items():
            button.setChecked(key in keys)

    def chosen(self) -> tuple[str, ...]:
        """The keys that are pressed, in their order."""
        return tuple(key for key, button in self.buttons.items() if button.isChecked())


class Plan(QWidget):
    """Choose data and families, and what each may spend. Signals: start_wished(), back_wished(), data_chosen(kind),
    changed().

    Setters (silent): set_data(rows, kind), set_entrants(found, chosen), set_budget(value, unit), set_ready(bool).
    Getters: data(), chosen(), budget(), unit(), batch().
    """

    start_wished = Signal()
    back_wished = Signal()
    data_chosen = Signal(str)
    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._entrants: dict[str, Entrant] = {}
        self._ready = True
        self.sets = QComboBox()
        self.sets.setAccessibleName("Data set")
        self.sets.activated.connect(lambda _i: self.data_chosen.emit(self.data()))
        self.ticks = Ticks()
        self.ticks.changed.connect(self._look)
        self.amount = NumberBox(1, 10_000_000, 1000, log=True, integer=True, name="Budget")
        self.amount.set_room(84)
        self.units = QComboBox()
        self.units.setAccessibleName("What the budget counts")
        for unit, words in UNITS.items():
            self.units.addItem(words, unit)
        self.size = NumberBox(0, 65_536, 256, integer=True, name="Examples in one step")
        self.size.set_room(84)
        self.go = QPushButton("Start the race")
        self.go.setProperty("primary", True)
        self.go.clicked.connect(lambda _on=False: self.start_wished.emit())
        self.back = QPushButton("Back to the race")
        self.back.clicked.connect(lambda _on=False: self.back_wished.emit())
        self.back.hide()
        self.words = kit.label("", "caption")
        self.words.setWordWrap(True)
        for signal in (self.amount.changed, self.size.changed, self.units.activated):
            signal.connect(lambda _v: self._look())
        form = QFormLayout()
        form.setSpacing(8)
        form.setRowWrapPolicy(QFormLayout.RowWrapPolicy.WrapLongRows)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        form.addRow("Data", self.sets)
        form.addRow("Families", self.ticks)
        form.addRow("Budget", kit.row(self.amount, self.units, None))
        form.addRow("Batch", kit.row(self.size, kit.label("examples a step; 0: each its own", "muted"), None))
        box = QVBoxLayout(self)
        box.setContentsMargins(8, 8, 8, 8)
        box.setSpacing(10)
        box.addLayout(form)
        box.addLayout(kit.row(self.go, self.back, None))
        box.addWidget(self.words)
        box.addStretch(1)

    # ---- what is chosen

    def data(self) -> str:
        """The kind of the data set."""
        return str(self.sets.currentData() or "")

    def chosen(self) -> list[Entrant]:
        """The families that are ticked."""
        return [self._entrants[key] for key in self.ticks.chosen()]

    def budget(self) -> int:
        """How much each may spend."""
        return int(self.amount.value())

    def unit(self) -> str:
        """What the budget counts: steps or seconds."""
        return str(self.units.currentData())

    def batch(self) -> int:
        """Examples in one step; 0 leaves each its own."""
        return int(self.size.value())

    # ---- for the panel

    def set_data(self, rows: Sequence[tuple[str, str]], kind: str) -> None:
        """The data sets there are, and which is chosen."""
        self.sets.clear()
        for name, title in rows:
            self.sets.addItem(title, name)
        self.sets.setCurrentIndex(max(0, self.sets.findData(kind)))
        self._look()

    def set_entrants(self, found: Sequence[Entrant], chosen: Sequence[str] = ()) -> None:
        """The families that fit, and which are ticked; without a choice, the favourites."""
        self._entrants = {entrant.key: entrant for entrant in found}
        self.ticks.set_entrants(found)
        kept = [key for key in chosen if key in self._entrants]
        self.ticks.set_chosen(kept if len(kept) > 1 else first_ticked(found))
        self._look()

    def set_budget(self, value: int, unit: str, batch: int) -> None:
        """What each may spend."""
        self.amount.set_value(value)
        self.units.setCurrentIndex(max(0, self.units.findData(unit)))
        self.size.set_value(batch)

    def set_ready(self, ready: bool) -> None:
        """Whether the worker is there."""
        self._ready = ready
        self._look()

    def _look(self) -> None:
        """Say what stands in the way, and what the race will be."""
        chosen = self.chosen()
        fault = ""
        if not self._entrants:
            fault = "No data set has two families that fit it yet."
        elif len(chosen) < 2:
            fault = "Tick at least two families."
        elif len(chosen) > MOST:
            fault = f"{len(chosen)} families are ticked; {MOST} are the most that can be told apart."
        elif not self._ready:
            fault = "Preparing the engine..."
        self.go.setEnabled(not fault)
        words = fault or (
            f"{len(chosen)} runs start together and take turns; each is recorded, and measured on the way by drawing "
            "examples and holding them against real ones."
        )
        if not fault and unequal_data(entrant.spec for entrant in chosen):
            words += " They do not all learn the same kind of pixels (binary, grey or with noise): compare with care."
        self.words.setText(words)
        kit.set_role(self.words, "role", "warn" if fault and self._ready else "caption")
        self.changed.emit()
