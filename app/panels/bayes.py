"""Bayes' rule: a model of p(x|y) as a classifier, for the test set and for what one draws."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import numpy as np
from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLabel, QSplitter, QVBoxLayout, QWidget

from app import export
from app.panel import Export, Panel, PanelState
from app.shell import theme
from app.widgets import kit
from app.widgets.board import Board
from app.widgets.classbars import ClassBars
from app.widgets.confusion import ConfusionView
from app.widgets.folding import FoldingRow
from app.widgets.grid import GridMosaic
from app.widgets.status import StatusLine
from gm_core import api

COUNTS = (200, 500, 2000)
SPLITS = ("test", "validation", "train")
MISTAKES = 8
SETTLE = 60
"""Milliseconds without a stroke before a drawing is classified."""


class BayesState(PanelState):
    """What the panel remembers."""

    split: Literal["test", "validation", "train"] = api.param("test", "The examples that are classified.")
    count: int = api.param(500, "How many examples.", lo=1, hi=100_000)


class BayesPanel(Panel):
    """Accuracy and confusion on a split, the mistakes, and the posterior of a drawing while it is drawn."""

    name = "bayes"
    title = "Bayes"
    icon = "grid"
    tip = "p(y|x) from p(x|y) p(y): classifies the test set, and what you draw."
    needs = frozenset({"classes", "images"})
    slot = "right"
    order = 26
    State = BayesState

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._confusion: api.Confusion | None = None
        self._posterior: api.Posterior | None = None
        self._mistakes: api.ExamplesFrame | None = None
        self._shows: int | None = None
        self._seed, self._split = 0, ""
        self._late = QTimer(self)
        self._late.setSingleShot(True)
        self._late.setInterval(SETTLE)
        self._late.timeout.connect(self._ask_posterior)
        self._build()

    def _build(self) -> None:
        self.dice = kit.IconButton("dice", "Other examples")
        self.dice.clicked.connect(self._reroll)
        self.split = QComboBox()
        self.split.addItems(SPLITS)
        self.split.setAccessibleName("Examples from")
        self.split.currentIndexChanged.connect(lambda _: self._ask())
        self.count = QComboBox()
        self.count.addItems([str(n) for n in COUNTS])
        self.count.setCurrentText("500")
        self.count.setAccessibleName("Examples to classify")
        self.count.currentIndexChanged.connect(lambda _: self._ask())
        row = self.header = FoldingRow(self)
        row.add(self.dice, priority=9)
        row.add(self.split, "from", priority=6)
        row.add(self.count, "examples", priority=5)
        row.add_space()
        self.matrix = ConfusionView()
        self.matrix.set_empty("Nothing classified yet", "Train a model of p(x|y): Bayes' rule makes it a classifier.")
        self.mistakes = GridMosaic()
        self.mistakes.setAccessibleName("Examples that were mistaken; click one to look at it on the board")
        self.mistakes.set_empty("", "Mistaken examples appear here; click one to see its posterior.")
        self.mistakes.setMinimumHeight(theme.px(60))
        self.mistakes.clicked.connect(self._take_mistake)
        left = QSplitter(Qt.Orientation.Vertical)
        left.addWidget(self.matrix)
        left.addWidget(self.mistakes)
        left.setSizes([300, 120])
        self.board = Board(28, 28)
        self.board.changed.connect(lambda *_: self._late.start())
        self.board.refused.connect(lambda words: self.say(words, "warn"))
        self.bars = ClassBars()
        self.bars.set_empty("Draw a digit", "Its posterior p(y|x) appears here with every stroke.")
        self.words = QLabel()
        self.words.setWordWrap(True)
        self.words.setProperty("role", "caption")
        right = QWidget()
        column = QVBoxLayout(right)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        column.addWidget(self.board, 3)
        column.addWidget(self.bars, 2)
        column.addWidget(self.words)
        self.halves = QSplitter(Qt.Orientation.Horizontal)
        self.halves.addWidget(left)
        self.halves.addWidget(right)
        self.halves.setSizes([300, 260])
        for splitter in (left, self.halves):
            splitter.setChildrenCollapsible(False)
        self.status = StatusLine()
        self.status.cancelled.connect(self._stop)
        middle = QHBoxLayout()
        middle.addWidget(self.halves)
        box = QVBoxLayout(self)
        box.setContentsMargins(8, 6, 8, 4)
        box.setSpacing(6)
        box.addWidget(row)
        box.addLayout(middle, 1)
        box.addWidget(self.status)
        self.setMinimumSize(220, 180)

    # ---- asking and hearing

    def begin(self, card: api.RunCard) -> None:
        """Another run: the same examples and the same drawing through another model."""
        self.board.set_size(*card.data.shape[1:])
        self.board.setVisible(card.data.shape[0] == 1)
        self._confusion = self._posterior = self._mistakes = None
        self._ask()
        self._ask_posterior()
        self.touch()

    def vanish(self) -> None:
        """No model of classes."""
        for purpose in ("confusion", "mistakes", "posterior"):
            self.cancel(purpose)
        self._confusion = self._posterior = self._mistakes = None
        self.touch()

    def _ask(self) -> None:
        if self.card is not None:
            if self._mistakes is not None and self.split.currentText() != self._split:
                self._mistakes = None  # their numbers are those of another part of the data
                self.touch()
            self._split = self.split.currentText()
            query = api.ConfusionQuery(
                seed=self._seed, n=int(self.count.currentText()), split=self.split.currentText()
            )
            self.ask("confusion", query, follow=True)

    def _ask_posterior(self) -> None:
        card, known = self.card, self.board.known()
        if card is None:
            return
        if card.data.shape[0] != 1 or (known.all() and not self.board.picture().any()):
            self.cancel("posterior")
            self._posterior = None
            self.touch()
            return
        query = api.PosteriorQuery(
            given=self.board.picture()[None, ..., None], known=None if known.all() else known.copy()
        )
        self.ask("posterior", query, follow=True, at_once=True)

    def _reroll(self) -> None:
        self._seed += 1
        self._ask()

    def _stop(self) -> None:
        self.cancel("confusion")
        self.status.set_progress(0, 0)

    def _take_mistake(self, index: int) -> None:
        if self._mistakes is not None and 0 <= index < len(self._mistakes.items):
            picture = self._mistakes.items[index]
            if picture.shape[-1] == 1:
                self.board.set_picture(picture[..., 0])
                self._ask_posterior()

    def receive(self, purpose: str, answer: api.Answered) -> None:
        """Counts, mistakes, or the posterior of the drawing."""
        frame = answer.frame
        if isinstance(frame, api.Confusion):
            self.status.set_progress(frame.done, frame.total)
            whole = frame.done >= frame.total
            # While a newer step is being scored, the last whole matrix stays.
            if whole or self._confusion is None or self._confusion.done <= frame.done:
                self._confusion, self._shows = frame, answer.step
            if whole and not len(frame.wrong):
                self.cancel("mistakes")
                self._mistakes = None
            elif whole:
                room = max(3, min(MISTAKES, self.mistakes.width() // theme.px(46)))  # tiles as wide as their words
                chosen = tuple(int(i) for i in frame.wrong[:room])
                self.ask("mistakes", api.ExamplesQuery(split=self.split.currentText(), indices=chosen))
        elif isinstance(frame, api.ExamplesFrame):
            self._mistakes = frame
        elif isinstance(frame, api.Posterior):
            self._posterior = frame
        self.touch()

    def failed(self, purpose: str, trouble: api.Trouble) -> None:
        """Keep what is shown and say why there is nothing newer."""
        self.status.warn(trouble.words)

    # ---- drawing

    def redraw(self) -> None:
        """The matrix, the mistakes with what they were taken for, the posterior in words."""
        card = self.card
        names = card.data.classes if card is not None else ()
        found = self._confusion
        self.matrix.set_counts(None if found is None else found.counts, names)
        if found is not None:
            said = (
                self.step_words(self._shows),
                f"{100 * found.accuracy:.1f} % right of {found.done}",
                f"log loss {found.log_loss:.3f} nats",
            )
            self.status.tell(*said)
        else:
            self.status.set_text("")
        wrong = self._mistakes
        if wrong is None or found is None or wrong.items.ndim != 4:
            self.mistakes.set_images(None)
        else:
            guesses = dict(zip(found.wrong.tolist(), found.guesses.tolist(), strict=True))
            labels = [
                f"{names[int(y)]}→{names[guesses[int(i)]]}" if int(i) in guesses else names[int(y)]
                for i, y in zip(wrong.indices, wrong.labels, strict=True)
            ]
            self.mistakes.set_images(wrong.items, labels)
        told = self._posterior
        self.bars.set_values(
            None if told is None else told.probabilities, names, None if told is None else np.exp(told.log_priors)
        )
        self.words.setText("" if told is None else self._posterior_words(told))

    def _posterior_words(self, told: api.Posterior) -> str:
        words = [f"log p(x) = {told.log_prob:,.1f} nats; ticks: the prior p(y)."]
        if told.marginalised:
            words.append("The pixels that you rubbed out are summed out exactly.")
        elif not self.board.known().all():
            words.append(
                "This model cannot sum these pixels out: later ones depend on them. They count as they look; rub out "
                "the end of its order instead, or take naive Bayes."
            )
        return " ".join(words)

    # ---- settings and export

    def state(self) -> BayesState:
        """Split and number of examples."""
        return BayesState(split=self.split.currentText(), count=int(self.count.currentText()))  # type: ignore[arg-type]

    def restore(self, state: PanelState) -> None:
        """Take them back."""
        if isinstance(state, BayesState):
            for box, text in ((self.split, state.split), (self.count, str(state.count))):
                kit.choose(box, text)

    def shown(self) -> dict[str, Any]:
        """The choice of examples and the step that is really shown."""
        return {"seed": self._seed, "shown_step": self._shows}

    def picture(self) -> QWidget:
        """The confusion matrix."""
        return self.matrix

    def exports(self) -> list[Export]:
        """The matrix as a picture and as numbers."""
        if self._confusion is None:
            return []
        return [
            Export("Confusion as PNG", ".png", lambda path: export.export_png(self.matrix, path, self.settings_text())),
            Export("Confusion as SVG", ".svg", lambda path: export.export_svg(self.matrix, path)),
            Export("Confusion as CSV", ".csv", self._write_counts),
        ]

    def _write_counts(self, path: Path) -> None:
        if self._confusion is not None and self.card is not None:
            names = self.card.data.classes
            rows = [
                f"{name}," + ",".join(str(int(v)) for v in row)
                for name, row in zip(names, self._confusion.counts, strict=True)
            ]
            path.write_text("\n".join(["is\\taken for," + ",".join(names), *rows]) + "\n", encoding="utf-8")
