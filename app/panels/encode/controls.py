"""The row of controls over both pages."""

from __future__ import annotations

from typing import Literal

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QButtonGroup, QComboBox, QToolButton, QWidget

from app.panel import PanelState
from app.widgets import kit
from app.widgets.folding import FoldingRow
from app.widgets.intake import Fitting
from gm_core import api

PAGES = ("picture", "arithmetic")
FITTINGS: dict[str, Fitting] = {"ink on black": "ink", "a part of it": "cut"}


class EncodeState(PanelState):
    """What the panel remembers."""

    page: Literal["picture", "arithmetic"] = api.param("picture", "The page that is seen.")
    centre: bool = api.param(True, "Move drawings so that their centre of mass is in the middle, as in MNIST.")
    space: Literal["pixels", "codes"] = api.param("pixels", "What neighbours are near in.")
    by: Literal["classes", "examples"] = api.param("classes", "What is averaged: whole classes or chosen examples.")
    plus: int = api.param(0, "The class that is added; one beyond the last is all.", lo=0, hi=10_000)
    minus: int = api.param(1, "The class that is taken away; one beyond the last is all.", lo=0, hi=10_000)
    amount: float = api.param(1.0, "How much of the difference is added.", lo=-3.0, hi=3.0)
    steps: int = api.param(9, "Pictures on the way.", lo=2, hi=64)


class Controls(FoldingRow):
    """Pages, another example, centring, how to drop, what neighbours are near in, and the way to arithmetic."""

    turned = Signal(int)
    other = Signal()
    centred = Signal(bool)
    fitted = Signal(str)
    moved = Signal()
    sent = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._channels, self._decodes = 1, True
        self.pages = QButtonGroup(self)
        self.tabs = [_word(word, f"Page {word}", "") for word in ("Picture", "Arithmetic")]
        for i, tab in enumerate(self.tabs):
            tab.setCheckable(True)
            self.pages.addButton(tab, i)
        self.tabs[0].setChecked(True)
        self.pages.idClicked.connect(self.turned)
        self.real = kit.IconButton("dice", "Another real example")
        self.real.clicked.connect(self.other)
        tip = "Move a drawing so that its centre of mass is in the middle, as in MNIST"
        self.centre = _word("centre", "Centre drawings by their mass", tip)
        self.centre.setCheckable(True)
        self.centre.setChecked(True)
        self.centre.toggled.connect(self.centred)
        self.fitting = QComboBox()
        self.fitting.addItems(list(FITTINGS))
        self.fitting.setAccessibleName("How a picture that is dropped becomes one of the model's size")
        self.fitting.activated.connect(lambda _: self.fitted.emit(FITTINGS[self.fitting.currentText()]))
        self.space = QComboBox()
        self.space.addItems(["pixels", "codes"])
        self.space.setAccessibleName("Neighbours are near by")
        self.space.currentIndexChanged.connect(lambda _: self.moved.emit())
        self.send = _word("+ −", "Do arithmetic with this picture", "Do arithmetic with this picture")
        self.send.clicked.connect(self.sent)
        for tab in self.tabs:
            self.add(tab, priority=9)
        self.add_space()
        self.add(self.real, priority=8)
        self.add(self.centre, priority=5)
        self.add(self.fitting, "drop as", priority=2)
        self.add(self.space, "near by", priority=4)
        self.add(self.send, priority=6)

    def page(self) -> int:
        """The page that is chosen."""
        return self.pages.checkedId()

    def set_page(self, page: int) -> None:
        """Another page, without a signal; the other page's controls go."""
        self.tabs[page].setChecked(True)
        self._refresh()

    def set_model(self, channels: int, fitting: Fitting, decodes: bool) -> None:
        """What the run in front takes and can do."""
        self._channels, self._decodes = channels, decodes
        kit.choose(self.fitting, next(words for words, kind in FITTINGS.items() if kind == fitting))
        self.tabs[1].setEnabled(decodes)
        self._refresh()

    def _refresh(self) -> None:
        first, grey = self.page() == 0, self._channels == 1
        for part, shown in (
            (self.real, first), (self.space, first), (self.centre, first and grey), (self.fitting, first and grey),
            (self.send, first and self._decodes),
        ):  # fmt: skip
            self.set_shown(part, shown)


def _word(text: str, name: str, tip: str) -> QToolButton:
    button = QToolButton()
    button.setText(text)
    button.setAccessibleName(name)
    button.setToolTip(tip)
    return button
