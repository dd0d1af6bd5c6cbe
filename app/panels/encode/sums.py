"""The second page: a picture plus the difference of two means. It asks nothing itself."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QComboBox, QGridLayout, QLabel, QScrollArea, QStackedWidget, QVBoxLayout, QWidget

from app.shell import theme
from app.widgets import images, kit
from app.widgets.chips import Chips
from app.widgets.folding import FoldingRow
from app.widgets.grid import GridMosaic
from app.widgets.mosaic import Mosaic
from app.widgets.number import NumberSlider
from app.widgets.strip import Strip
from gm_core import api

POOL = 40
STEPS = (5, 7, 9, 13)
ALL = "all"


@dataclass(frozen=True)
class Attribute:
    """What is added and what is taken away: classes (None: the mean of all), or examples of the data."""

    plus: int | None = None
    minus: int | None = None
    plus_indices: tuple[int, ...] = ()
    minus_indices: tuple[int, ...] = ()


class SumsPage(QWidget):
    """Chips of classes, or examples to choose from; the equation in pictures; the strip of what comes out.

    `wished` says that something else is to be computed, `pool_wished` that examples are wanted to choose from,
    `other` that another picture is.
    """

    wished = Signal()
    pool_wished = Signal(int)
    other = Signal()
    drawing = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._classes: tuple[str, ...] = ()
        self._pool: api.ExamplesFrame | None = None
        self._marks: dict[int, int] = {}
        self._seed = 0
        self.sums: api.Sums | None = None
        self._build()

    def _build(self) -> None:
        self.dice = kit.IconButton("dice", "Another picture to start from")
        self.dice.clicked.connect(self.other)
        self.from_board = kit.IconButton("palette", "Start from the picture on the board")
        self.from_board.clicked.connect(self.drawing)
        self.by = QComboBox()
        self.by.addItems(["classes", "examples"])
        self.by.setAccessibleName("Choose what is averaged by class, or example by example")
        self.by.currentIndexChanged.connect(lambda _: self._switch())
        self.steps = QComboBox()
        self.steps.addItems([str(n) for n in STEPS])
        self.steps.setCurrentText("9")
        self.steps.setAccessibleName("Pictures on the way")
        self.steps.currentIndexChanged.connect(lambda _: self.wished.emit())
        self.amount = NumberSlider(-3.0, 3.0, 1.0, name="Amount that is added")
        self.amount.setToolTip("How much of the difference is added; 0 gives the picture back, below 0 takes away.")
        self.amount.set_room(50, 180)
        self.amount.changing.connect(lambda _: self.wished.emit())
        self.amount.changed.connect(lambda _: self.wished.emit())
        row = self.header = FoldingRow(self)
        row.add(self.dice, priority=9)
        row.add(self.from_board, priority=8)
        row.add(self.amount, "amount", priority=7)
        row.add(self.by, "by", priority=5)
        row.add(self.steps, "steps", priority=3)
        self.plus, self.minus = Chips("add"), Chips("take away")
        self.plus.changed.connect(lambda _: self.wished.emit())
        self.minus.changed.connect(lambda _: self.wished.emit())
        chips = QWidget()
        grid = QGridLayout(chips)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setSpacing(4)
        for place, (sign, part) in enumerate((("+", self.plus), ("−", self.minus))):
            word = kit.label(sign, "heading")
            word.setAlignment(Qt.AlignmentFlag.AlignTop)
            grid.addWidget(word, place, 0)
            grid.addWidget(part, place, 1)
        grid.setColumnStretch(1, 1)
        grid.setRowStretch(2, 1)
        self.chips = QScrollArea()
        self.chips.setWidget(chips)
        self.chips.setWidgetResizable(True)
        self.chips.setFrameShape(QScrollArea.Shape.NoFrame)
        self.chips.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.chips.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.pool = GridMosaic()
        self.pool.setAccessibleName("Examples: click once to add, twice to take away, again to leave out")
        self.pool.set_empty("No examples yet", "Train a model first: its examples appear here to choose from.")
        self.pool.clicked.connect(self._mark)
        self.more = kit.IconButton("dice", "Other examples to choose from")
        self.more.clicked.connect(lambda: self._other_pool())
        self.clear = kit.IconButton("trash", "Choose none")
        self.clear.clicked.connect(self._clear)
        self.hint = kit.label("Click: once adds (+), twice takes away (−), again leaves out.", "caption")
        self.hint.setWordWrap(True)
        picking = QWidget()
        column = QVBoxLayout(picking)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        line = kit.row(self.hint, self.clear, self.more)
        line.setStretch(0, 1)
        column.addLayout(line)
        column.addWidget(self.pool, 1)
        self.choice = QStackedWidget()
        self.choice.addWidget(self.chips)
        self.choice.addWidget(picking)
        self.equation = Strip()
        self.equation.setAccessibleName("The picture, what is added, what is taken away, and the sum")
        self.equation.set_empty("Nothing to add yet", "Choose two classes: the difference of their means is added.")
        self.strip = Mosaic()
        self.strip.setAccessibleName("The picture as more and more is added")
        self.strip.set_empty("", "")
        self.strip.setMinimumHeight(theme.px(44))
        self.words = QLabel()
        self.words.setWordWrap(True)
        self.words.setProperty("role", "caption")
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(6)
        box.addWidget(self.header)
        box.addWidget(self.choice, 5)
        box.addWidget(self.equation, 5)
        box.addWidget(self.strip, 3)
        box.addWidget(self.words)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """What finds no room is left out: the words first, then the equation."""
        super().resizeEvent(event)
        kit.show(self.equation, self.height() >= theme.px(330))
        kit.show(self.words, self.height() >= theme.px(250))

    # ---- what is chosen

    def set_classes(self, names: tuple[str, ...]) -> None:
        """The classes of the data; without any, examples are chosen."""
        if names != self._classes or not self.plus.names():
            self._classes = names
            for chips, first in ((self.plus, 0), (self.minus, 1)):
                chips.set_chips([*names, ALL])
                chips.set_value(min(first, len(names)))
        self.header.set_shown(self.by, bool(names))
        if not names:
            self.by.setCurrentText("examples")

    def set_means(self, found: api.Means) -> None:
        """The mean picture of each class on its chip."""
        if found.items.ndim == 4 and len(found.items) == len(self._classes) + 1:
            for chips in (self.plus, self.minus):
                chips.set_chips([*self._classes, ALL], found.items)

    def by_examples(self) -> bool:
        """Whether examples are chosen, not classes."""
        return self.by.currentText() == "examples"

    def attribute(self) -> Attribute | None:
        """What is to be added; None while no example is chosen."""
        if self.by_examples():
            sides = {sign: tuple(i for i, mark in self._marks.items() if mark == sign) for sign in (1, -1)}
            return Attribute(plus_indices=sides[1], minus_indices=sides[-1]) if sides[1] or sides[-1] else None
        plus, minus = (None if c.value() >= len(self._classes) else c.value() for c in (self.plus, self.minus))
        return Attribute(plus, minus)

    def _switch(self) -> None:
        self.choice.setCurrentIndex(1 if self.by_examples() else 0)
        hint = "Choose two classes: the difference of their means is added."
        if self.by_examples():
            hint = "Choose examples above: the difference of their means is added."
        self.equation.set_empty("Nothing to add yet", hint)
        if self.by_examples() and self._pool is None:
            self.pool_wished.emit(self._seed)
        self.wished.emit()

    def _other_pool(self) -> None:
        self._seed += 1
        self.pool_wished.emit(self._seed)

    def set_pool(self, frame: api.ExamplesFrame) -> None:
        """Examples to choose from; those that are chosen already come first."""
        self._pool = frame
        self._draw_pool()

    def forget(self) -> None:
        """Other data: nothing is chosen any more."""
        self._pool, self._marks, self.sums = None, {}, None
        self.pool.set_images(None)
        if self.by_examples():
            self.pool_wished.emit(self._seed)

    def _mark(self, place: int) -> None:
        if self._pool is not None and 0 <= place < len(self._pool.indices):
            index = int(self._pool.indices[place])
            after = {0: 1, 1: -1, -1: 0}[self._marks.pop(index, 0)]
            if after:
                self._marks[index] = after
            self._draw_pool()
            self.wished.emit()

    def _clear(self) -> None:
        self._marks = {}
        self._draw_pool()
        self.wished.emit()

    def _draw_pool(self) -> None:
        frame = self._pool
        if frame is None or frame.items.ndim != 4:
            self.pool.set_images(None)
            return
        t = theme.current()
        edges = {0: t.base, 1: t.good, -1: t.bad}
        marks = [self._marks.get(int(i), 0) for i in frame.indices]
        framed = [edged(picture, edges[mark]) for picture, mark in zip(frame.items, marks, strict=True)]
        self.pool.set_images(np.stack(framed), [{0: "", 1: "+", -1: "−"}[mark] for mark in marks])
        away = sum(1 for mark in self._marks.values() if mark < 0)
        chosen = f" Chosen: {len(self._marks) - away} +, {away} −." if self._marks else ""
        self.hint.setText(f"Click: once adds (+), twice takes away (−), again leaves out.{chosen}")

    # ---- what comes out

    def show_sums(self, sums: api.Sums | None) -> None:
        """The equation in pictures, and the way there."""
        self.sums = sums
        if sums is None or sums.items.ndim != 4:
            self.equation.set_items([])
            self.strip.set_images(None)
            self.words.setText("" if self.attribute() is not None else "Choose examples to add or to take away.")
            return
        plus, minus = self._names()
        self.equation.set_items(
            [
                ("picture", sums.base[0]),
                (f"+ {plus}", sums.means[0]),
                (f"− {minus}", sums.means[1]),
                ("sum", sums.items[-1]),
            ]
        )
        self.equation.set_notes(
            ["", f"mean of {sums.counts[0]}", f"mean of {sums.counts[1]}", f"amount {float(sums.amounts[-1]):.3g}"]
        )
        n = len(sums.items)
        self.strip.set_columns(n)
        room = min(self.strip.width() / n, self.strip.height() - theme.px(14))
        sparse = room < theme.px(36)  # no room for a number under each
        self.strip.set_images(
            sums.items, ["" if sparse and 0 < i < n - 1 else f"{a:.2g}" for i, a in enumerate(sums.amounts)]
        )
        share = sums.norm / sums.typical if sums.typical > 0 else float("nan")
        if sums.norm <= 1e-9:
            said = "Both means are the same, so nothing is added."
        else:
            said = f"The difference is {sums.norm:.3g} long: {share:.2g} times as far as a code usually lies from the "
            said += "middle."
        self.words.setText(said)

    def _names(self) -> tuple[str, str]:
        if self.by_examples():
            away = sum(1 for mark in self._marks.values() if mark < 0)
            both = (len(self._marks) - away, away)
            plus, minus = (f"{n} chosen" if n else ALL for n in both)
            return plus, minus
        names = [*self._classes, ALL]
        return names[self.plus.value()], names[self.minus.value()]


def edged(picture: np.ndarray, colour: str) -> np.ndarray:
    """A picture (h, w, c) with an edge of one pixel in a colour, uint8 (h + 2, w + 2, 3)."""
    rgb = images.as_rgb(picture)[..., :3]
    out = np.empty((rgb.shape[0] + 2, rgb.shape[1] + 2, 3), np.uint8)
    out[:] = kit.rgb(colour)
    out[1:-1, 1:-1] = rgb
    return out
