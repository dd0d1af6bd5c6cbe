"""Which classes are drawn: chips, a pad that mixes them, and how strongly to lean towards them."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from app.panels.steps.ways import OWN_GUIDANCE
from app.widgets import kit
from app.widgets.classchips import NONE, ClassChips
from app.widgets.folding import FoldingRow
from app.widgets.mixpad import MixPad
from app.widgets.number import NumberSlider
from gm_core import api

MOST_GUIDANCE = 10.0


class ClassRow(QWidget):
    """Setters (silent): fit_to(card), set_choice(y, mix, guidance). Getters: label(), mix(), guidance(), from_here().

    Signal: changed(). `guided` says whether the model can be guided and classes mixed; else there are chips alone.
    """

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.guided = False
        self._touched = False
        self._own = 1.0
        self.chips = ClassChips()
        self.pad = MixPad()
        self.pad.hide()
        self.strength = NumberSlider(0.0, MOST_GUIDANCE, 1.0, name="Guidance", step=0.1)
        self.strength.setToolTip(
            "0 knows no class, 1 draws from p(x|y), more exaggerates; a double click is the model's own"
        )
        self.strength.set_room(48, most=190)
        self.mixing = kit.IconButton("palette", "Mix classes instead of choosing one", checkable=True)
        self.here = kit.IconButton("branch", "Change from the present moment on, as a branch", checkable=True)
        self.row = FoldingRow()
        self.row.add(self.strength, "guidance", priority=8, stretch=True)
        self.row.add(self.mixing, priority=7)
        self.row.add(self.here, priority=6)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        column.addWidget(self.chips)
        column.addWidget(self.pad)
        column.addWidget(self.row)
        self.chips.changed.connect(self.changed)
        self.pad.changed.connect(self.changed)
        self.strength.changed.connect(lambda _: self._strengthened())
        self.mixing.toggled.connect(self._turn)

    def fit_to(self, card: api.RunCard) -> None:
        """The classes of a run, and its own guidance."""
        self.guided = "guided" in card.offers
        self.chips.set_classes(card.data.classes)
        self.pad.set_names((*card.data.classes, NONE))
        model = card.spec.get("model", {})
        own = model.get("guidance", 1.0) if isinstance(model, dict) else 1.0
        self._own = float(own) if isinstance(own, int | float) else 1.0
        self.strength.set_default(self._own)
        if not self._touched:
            self.strength.set_value(self._own)
        self.row.setVisible(self.guided)
        if not self.guided:
            self._show_pad(False)

    def set_choice(self, y: int, mix: tuple[float, ...], guidance: float) -> None:
        """Stand at a choice; y -1 is no class, guidance -1 the model's own."""
        self.chips.set_value(y if y >= 0 else None)
        self._touched = guidance > OWN_GUIDANCE
        self.strength.set_value(guidance if self._touched else self._own)
        if mix:
            self.pad.set_names([*map(str, range(len(mix) - 1)), NONE])
            self.pad.set_weights(mix)
        self._show_pad(bool(mix))

    def label(self) -> int | None:
        """The class that is drawn, or None; while classes are mixed, None."""
        return None if self.mixing.isChecked() else self.chips.value()

    def mix(self) -> tuple[float, ...]:
        """The weights of the classes, the last for none; empty while they are not mixed."""
        return self.pad.weights() if self.guided and self.mixing.isChecked() else ()

    def guidance(self) -> float | None:
        """How strongly; None is the model's own."""
        return float(self.strength.value()) if self.guided and self._touched else None

    def from_here(self) -> bool:
        """Whether a change is a branch from the present moment on."""
        return self.guided and self.here.isChecked()

    def words(self, names: tuple[str, ...]) -> str:
        """What is drawn, in words."""
        if self.mix():
            return "mixed classes"
        y = self.label()
        return "" if y is None or y >= len(names) else f"class {names[y]}"

    def _strengthened(self) -> None:
        self._touched = True
        self.changed.emit()

    def _turn(self, on: bool) -> None:
        self._show_pad(on)
        self.changed.emit()

    def _show_pad(self, on: bool) -> None:
        self.mixing.blockSignals(True)
        self.mixing.setChecked(on)
        self.mixing.blockSignals(False)
        self.pad.setVisible(on)
        self.chips.setVisible(not on)
