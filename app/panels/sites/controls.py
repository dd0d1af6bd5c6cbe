"""What can be chosen of the pixel-by-pixel viewer: noise, count, class, temperature, order, overlay."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QComboBox, QMenu, QToolButton

from app.panels.sites.overlays import NAMES, TIPS
from app.widgets import kit
from app.widgets.folding import FoldingRow
from app.widgets.number import NumberBox, NumberSlider
from app.widgets.transport import Transport
from gm_core import api

COUNTS = (1, 4, 9, 16, 25)
ORDERS = {
    "raster": "row by row",
    "column": "column by column",
    "snake": "snake: rows, every second one backwards",
    "random": "random",
    "centre": "from the centre outwards",
}
SPEEDS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)
SECONDS = 5.0
"""How long a film of all pixels takes at the speed that is chosen by itself."""
ANY = -1


class Controls(QObject):
    """The row above the picture. Signals: changed() (draw anew), seeded(int), new_noise(), again(), real_toggled(bool),
    order_wished(str) (train with that order), overlay_changed(str).
    """

    changed = Signal()
    seeded = Signal(int)
    new_noise = Signal()
    again = Signal()
    real_toggled = Signal(bool)
    order_wished = Signal(str)
    overlay_changed = Signal(str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.dice = kit.IconButton("dice", "Draw from new noise", "R")
        self.repeat = kit.IconButton("reset", "Draw again from the same noise", "Shift+R")
        self.seed = NumberBox(0, 2**31 - 1, 0, integer=True, name="Seed of the noise", step=1)
        self.seed.set_room(52)
        self.count = _box("Examples drawn together")
        for n in COUNTS:
            self.count.addItem(str(n), n)
        self.count.setCurrentIndex(COUNTS.index(16))
        self.label = _box("Class that is drawn")
        self._own = 1.0
        self.heat = NumberSlider(0.1, 2.0, 1.0, name="Temperature")
        self.heat.setToolTip("Below 1 the probable is preferred, above 1 the improbable; 1 is the model itself.")
        self.heat.set_room(42, 122)
        self.heat.set_default(1.0)
        self.order = _box("Order of the pixels")
        self.train = QToolButton()
        self.train.setText("Other order")
        self.train.setToolTip("Train the same model with another order of the pixels, and compare")
        self.train.setAccessibleName("Train with another order")
        self.train.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.menu = QMenu(self.train)
        self.menu.setTitle("Train with another order")
        self.train.setMenu(self.menu)
        self.real = QToolButton()
        self.real.setText("Real")
        self.real.setCheckable(True)
        self.real.setToolTip("Show real examples of the test set instead: how probable is each of their pixels?")
        self.real.setAccessibleName("Show real examples")
        self.overlay = _box("Over the picture")
        for key, words in NAMES.items():
            self.overlay.addItem(words, key)
            self.overlay.setItemData(self.overlay.count() - 1, TIPS[key], 3)  # 3 is the role of tool tips
        row = self.row = FoldingRow()
        row.add(self.dice, priority=9)
        row.add(self.repeat, priority=4)
        row.add(self.seed, "seed", priority=2)
        row.add(self.count, "examples", priority=3)
        row.add(self.label, "class", priority=8)
        row.add(self.heat, "temperature", priority=5)
        row.add(self.order, "order", priority=6)
        row.add(self.train, priority=6)
        row.add(self.real, priority=7)
        row.add_space()
        row.set_shown(self.label, False)
        row.set_shown(self.order, False)
        row.set_shown(self.train, False)
        self.dice.clicked.connect(self.new_noise)
        self.repeat.clicked.connect(self.again)
        self.seed.changed.connect(lambda v: self.seeded.emit(int(v)))
        self.heat.changed.connect(lambda _: self.changed.emit())
        self.real.toggled.connect(self.real_toggled)
        self.overlay.currentIndexChanged.connect(lambda _: self.overlay_changed.emit(self.shown_overlay()))
        for box in (self.count, self.label, self.order):
            box.currentIndexChanged.connect(lambda _: self.changed.emit())

    # what is chosen

    def examples(self) -> int:
        """How many are drawn together."""
        return int(self.count.currentData())

    def y(self) -> int | None:
        """The class, or None for any."""
        found = self.label.currentData()
        return None if found is None or found == ANY else int(found)

    def temperature(self) -> float:
        """The temperature; 0 where it is the model's own."""
        return 0.0 if self.heat.value() == self._own else float(self.heat.value())

    def order_name(self) -> str:
        """The order that was chosen; '' is the model's own."""
        return str(self.order.currentData() or "") if self.order.count() > 1 else ""

    def shown_overlay(self) -> str:
        """The key of the overlay."""
        return str(self.overlay.currentData())

    # what can be chosen

    def fit_to(self, card: api.RunCard, catalogue: api.Catalogue | None) -> None:
        """Offer the classes of a run, and other orders to train with where its model has a choice of them."""
        chosen = self.y()
        classes = card.data.classes if "classes" in card.offers else ()
        self.label.blockSignals(True)
        self.label.clear()
        self.label.addItem("any", ANY)
        for number, name in enumerate(classes):
            self.label.addItem(str(name), number)
        self.label.setCurrentIndex(0 if chosen is None or chosen >= len(classes) else chosen + 1)
        self.label.blockSignals(False)
        self.row.set_shown(self.label, bool(classes))
        model = dict(card.spec.get("model", {}))
        own = float(model.get("temperature", 1.0))
        if self.heat.value() == self._own:
            self.heat.set_value(own)
        self._own = own
        self.heat.set_default(own)
        self.menu.clear()
        now, names = orders_of(card, catalogue)
        for name in names:
            action = QAction(ORDERS[name], self.menu)
            action.setCheckable(True)
            action.setChecked(name == now)
            action.setEnabled(name != now)
            action.triggered.connect(lambda _=False, which=name: self.order_wished.emit(which))
            self.menu.addAction(action)
        self.row.set_shown(self.train, bool(names))

    def offer_orders(self, names: tuple[str, ...]) -> None:
        """The orders in which this model can draw; a choice only where there are several."""
        known = [str(self.order.itemData(i)) for i in range(self.order.count())]
        if list(names) != known:
            chosen = self.order_name()
            self.order.blockSignals(True)
            self.order.clear()
            for name in names:
                self.order.addItem(name, name)
            place = self.order.findData(chosen)
            self.order.setCurrentIndex(max(0, place))
            self.order.blockSignals(False)
        self.row.set_shown(self.order, len(names) > 1)
        self.row.set_shown(self.train, len(names) <= 1 and bool(self.menu.actions()))

    def choose(self, box: QComboBox, value: object) -> None:
        """Stand at a value without a signal; a number that is not offered is added."""
        box.blockSignals(True)
        place = box.findData(value)
        if place < 0:
            box.addItem(str(value), value)
            place = box.count() - 1
        box.setCurrentIndex(place)
        box.blockSignals(False)

    def set_real(self, on: bool) -> None:
        """Show whether real examples are shown, without a signal."""
        self.real.blockSignals(True)
        self.real.setChecked(on)
        self.real.blockSignals(False)


class Player(Transport):
    """A Transport in pixels per second, with buttons that go a whole row. Signal: row_wished(-1 | 1)."""

    row_wished = Signal(int)

    def __init__(self) -> None:
        super().__init__(fps=1.0)
        self.chosen = False
        self.speed.blockSignals(True)
        self.speed.clear()
        for n in SPEEDS:
            self.speed.addItem(f"{n:,} / s", float(n))
        self.speed.setCurrentIndex(SPEEDS.index(100))
        self.speed.blockSignals(False)
        self.speed.setAccessibleName("Pixels per second")
        self.speed.setToolTip("Pixels per second")
        self.speed.activated.connect(lambda _: setattr(self, "chosen", True))
        self.set_loop(False)
        self.row_back = kit.IconButton("chevron-up", "One row back", "Up")
        self.row_forward = kit.IconButton("chevron-down", "One row forward", "Down")
        box = self.layout()
        box.insertWidget(1, self.row_back)  # type: ignore[union-attr]
        box.insertWidget(5, self.row_forward)  # type: ignore[union-attr]
        self.row_back.clicked.connect(lambda: self.row_wished.emit(-1))
        self.row_forward.clicked.connect(lambda: self.row_wished.emit(1))
        self._ends()
        for button, words in ((self.first, "Nothing drawn"), (self.last, "All drawn"), (self.back, "One pixel back"),
                              (self.forward, "One pixel forward")):  # fmt: skip
            button.set_text(words)
        self.setAccessibleName("Playback of the pixels")

    def set_index(self, index: int) -> None:
        """Show where we are; at an end nothing lies further."""
        super().set_index(index)
        self._ends()

    def set_count(self, n: int) -> None:
        """The number of moments; none where nothing is drawn."""
        super().set_count(n)
        self._ends()

    def _ends(self) -> None:
        self.row_back.setEnabled(self.index() > 0)
        self.row_forward.setEnabled(self.index() < self.count() - 1)

    def suit(self, pixels: int) -> None:
        """Unless a person has chosen a speed: the one at which all pixels take a few seconds."""
        if not self.chosen:
            fit = next((n for n in SPEEDS if n >= pixels / SECONDS), SPEEDS[-1])
            self.speed.setCurrentIndex(SPEEDS.index(fit))

    def pace(self) -> int:
        """Pixels per second that a person has chosen, or 0."""
        return int(self.fps()) if self.chosen else 0

    def set_pace(self, pixels: int) -> None:
        """Take a speed that a person chose earlier; 0 is none."""
        self.chosen = pixels > 0
        if pixels:
            near = min(range(len(SPEEDS)), key=lambda i: abs(SPEEDS[i] - pixels))
            self.speed.setCurrentIndex(near)


def orders_of(card: api.RunCard, catalogue: api.Catalogue | None) -> tuple[str, list[str]]:
    """The order that a run was trained with, and those that its kind of model can be trained with (perhaps none)."""
    model = dict(card.spec.get("model", {}))
    cards = catalogue.models if catalogue is not None else ()
    rows = next((found.rows for found in cards if found.name == model.get("kind")), ())
    row = next((row for row in rows if row.path.rpartition(".")[2] == "order" and "raster" in row.choices), None)
    if row is None:
        return str(model.get("order", "")), list(ORDERS) if "order" in model else []
    return str(model.get("order", row.default)), [name for name in ORDERS if name in row.choices]


def _box(name: str) -> QComboBox:
    box = QComboBox()
    box.setAccessibleName(name)
    return box
