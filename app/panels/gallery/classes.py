"""Which class a sheet shows, and how strongly the model leans towards it, where it knows p(x|y)."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QComboBox

from app.widgets.folding import FoldingRow
from app.widgets.number import NumberBox
from gm_core import api

KNOWS = frozenset({"conditional", "classes"})
"""A model that offers one of these draws from p(x|y) when it is given a label."""
OWN = -1.0
MOST_GUIDANCE = 20.0


class ClassPick(QObject):
    """Two controls of a row. Setters (silent): fit_to(card), set_choice(y, guidance), where -1 is none and the model's
    own. Getters: label(), guidance(), words(). Signal: changed()."""

    changed = Signal()

    def __init__(self, row: FoldingRow, parent: QObject | None = None) -> None:
        super().__init__(parent or row)
        self._row = row
        self._names: tuple[str, ...] = ()
        self._wished, self._strength = -1, OWN
        self._guided = False
        self.box = QComboBox()
        self.box.setAccessibleName("Class of the samples")
        self.strength = NumberBox(0.0, MOST_GUIDANCE, 1.0, name="Guidance towards the class", step=0.5)
        self.strength.set_room(48)
        self.strength.setToolTip("0 knows no class, 1 draws from p(x|y), more exaggerates")
        row.add(self.box, "class", priority=7)
        row.add(self.strength, "guidance", priority=3)
        self._show(False)
        self.box.currentIndexChanged.connect(lambda _: self._take())
        self.strength.changed.connect(self._strengthen)

    def fit_to(self, card: api.RunCard) -> None:
        """The classes of a run."""
        knows = bool(KNOWS & card.offers) and bool(card.data.classes)
        self._guided = knows and "guided" in card.offers
        names = card.data.classes if knows else ()
        if names != self._names:
            self._names = names
            self.box.blockSignals(True)
            self.box.clear()
            self.box.addItems(["all", *names])
            self.box.setCurrentIndex(self._wished + 1 if self._wished < len(names) else 0)
            self.box.blockSignals(False)
        model = card.spec.get("model", {})
        own = model.get("guidance", 1.0) if isinstance(model, dict) else 1.0
        shown = own if self._strength == OWN and isinstance(own, int | float) else max(0.0, self._strength)
        self.strength.set_value(float(shown))
        self._show(knows)

    def set_choice(self, y: int, guidance: float) -> None:
        """Stand at a choice."""
        self._wished, self._strength = y, guidance

    def choice(self) -> tuple[int, float]:
        """What is remembered."""
        return self._wished, self._strength

    def label(self) -> int | None:
        """The class, or None for all of them."""
        return self._wished if 0 <= self._wished < len(self._names) else None

    def guidance(self) -> float | None:
        """How strongly, or None for the model's own."""
        return self._strength if self._guided and self._strength != OWN else None

    def words(self) -> str:
        """What is shown, in words."""
        y = self.label()
        return "" if y is None else f"class {self._names[y]}"

    def _take(self) -> None:
        self._wished = self.box.currentIndex() - 1
        self._row.set_shown(self.strength, self._guided)
        self.changed.emit()

    def _strengthen(self, value: object) -> None:
        self._strength = float(value)  # type: ignore[arg-type]
        self.changed.emit()

    def _show(self, on: bool) -> None:
        self._row.set_shown(self.box, on)
        self._row.set_shown(self.strength, on and self._guided)
