"""The shelf of presets: one row of cards, narrowed to a family of models or to words that one types."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from PySide6.QtCore import QEvent, Qt, QTimer
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import QComboBox, QFrame, QLineEdit, QScrollArea, QVBoxLayout, QWidget

from app.widgets import kit
from app.widgets.thumb import Card, CardGrid
from gm_core import api

EVERY = "all models"
FAMILIES = (
    ("critic", "two players"),
    ("sitewise", "one pixel after another"),
    ("stepwise", "noise to data"),
    ("codebook", "latent codes"),
    ("latent", "latent codes"),
    ("reconstructs", "latent codes"),
)
"""What a kind of model offers, first hit first, and the family that it therefore belongs to."""


def family(model: api.ModelCard) -> str:
    """The family of a kind of model, by what it can do."""
    return next((words for word, words in FAMILIES if word in model.offers), "others")


class Row(QScrollArea):
    """Cards in one row that scrolls sideways, so that the form stays in sight."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.cards = CardGrid(self.viewport())
        self.cards.setAccessibleName("Presets")
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setWidgetResizable(True)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOn)
        self.setAccessibleName("Presets")
        self.setWidget(self.cards)

    def fit(self) -> None:
        """All cards that are shown, side by side."""
        held = list(self.cards.cards.values())
        if held:
            size = held[0].sizeHint()
            seen = sum(not card.isHidden() for card in held)
            self.cards.setMinimumWidth((size.width() + 8) * seen + 8)
            self.setFixedHeight(size.height() + self.horizontalScrollBar().sizeHint().height() + 4)

    def reveal(self, key: str) -> None:
        """Bring a card into sight."""
        card = self.cards.cards.get(key)
        if card is not None and not card.isHidden():
            QTimer.singleShot(0, self, lambda: self.ensureWidgetVisible(card, 8, 0))

    def changeEvent(self, event: QEvent) -> None:
        """Cards grow with the text."""
        super().changeEvent(event)
        if event.type() in kit.RESTYLE:
            self.fit()

    def wheelEvent(self, event: QWheelEvent) -> None:
        """The wheel moves sideways; at the end it goes to the form."""
        bar, turn = self.horizontalScrollBar(), event.angleDelta().y() or event.angleDelta().x()
        before = bar.value()
        bar.setValue(before - turn)
        event.setAccepted(bar.value() != before)


class Shelf(QWidget):
    """Presets to choose from: which family, which words, and their cards."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._texts: dict[str, str] = {}
        self._families: dict[str, str] = {}
        self.families = QComboBox()
        self.families.setAccessibleName("Family of models")
        self.families.addItem(EVERY)
        self.find = QLineEdit()
        self.find.setPlaceholderText("Find a preset")
        self.find.setAccessibleName("Find a preset")
        self.find.setClearButtonEnabled(True)
        self.nothing = kit.label("No preset says that; try fewer words.", "caption")
        self.nothing.hide()
        self.row = Row(self)
        self.cards = self.row.cards
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(4)
        box.addLayout(kit.row(self.families, self.find, spacing=6))
        box.addWidget(self.row)
        box.addWidget(self.nothing)
        self.families.currentIndexChanged.connect(lambda _: self._narrow())
        self.find.textChanged.connect(lambda _: self._narrow())

    def set_cards(self, cards: Sequence[Card]) -> None:
        """Replace the cards."""
        self.cards.set_cards(cards)
        self.row.fit()

    def know(self, presets: Mapping[str, api.Preset], models: tuple[api.ModelCard, ...]) -> None:
        """What can be found, and to which family each preset belongs."""
        of = {model.name: family(model) for model in models}
        for name, preset in presets.items():
            data = str(preset.spec.get("data", {}).get("kind", ""))
            self._families[name] = of.get(str(preset.spec.get("model", {}).get("kind", "")), "others")
            self._texts[name] = f"{name} {preset.title} {preset.note} {data}".lower()
        wished = self.families.currentText()
        self.families.blockSignals(True)
        self.families.clear()
        known = sorted(set(self._families.values()), key=lambda words: (words == "others", words))
        self.families.addItems([EVERY, *known])
        kit.choose(self.families, wished)
        self.families.blockSignals(False)

    def _narrow(self) -> None:
        wished, words = self.families.currentText(), self.find.text().lower().split()
        found = {
            name
            for name, text in self._texts.items()
            if wished in (EVERY, self._families[name]) and all(word in text for word in words)
        }
        self.cards.show_only(found)
        self.row.fit()
        kit.show(self.nothing, not found)
        self.row.horizontalScrollBar().setValue(0)

    def reveal(self, key: str) -> None:
        """Bring a card into sight."""
        self.row.reveal(key)
