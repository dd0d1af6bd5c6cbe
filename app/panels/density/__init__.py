"""Density estimation: how probable the model finds examples of many kinds, and why that is not the whole story."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLabel, QToolButton, QVBoxLayout, QWidget

from app import export
from app.bridge.desk import Desk
from app.panel import Export, Panel, PanelState
from app.panels.density.rounds import Rounds
from app.panels.density.sources import SOURCES, YOURS, others, query_for, warning
from app.shell import theme
from app.widgets import kit
from app.widgets.board import Board
from app.widgets.folding import FoldingRow
from app.widgets.grid import GridMosaic
from app.widgets.histogram import Group, Histogram
from app.widgets.status import StatusLine
from gm_core import api

NOTHING = ("No densities yet", "Train a model that has a density: its score of each example appears.")
COMING = ("Scoring examples", "The histograms appear as the scores come.")
COUNTS = (100, 300, 1000)
NEAREST = 8
SETTLE = 150
"""Milliseconds without a stroke before a drawing is scored."""


class DensityState(PanelState):
    """What the panel remembers."""

    shown: str = api.param("test,train,noise", "The kinds of examples that are scored, separated by commas.")
    count: int = api.param(300, "Examples of each kind.", lo=1, hi=100_000)
    other: str = api.param("fashion", "The other data set.")
    board: bool = api.param(False, "Draw an example of your own.")


class DensityPanel(Panel):
    """Histograms of log p(x) for several kinds of examples; the pointer shows the examples behind a value."""

    name = "density"
    title = "Density"
    icon = "chart"
    tip = "How probable the model finds examples: seen, unseen, noise, and yours."
    needs = frozenset({"density"})
    slot = "right"
    order = 24
    State = DensityState

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.rounds = Rounds()
        self._yours: float | None = None
        self._seed = 0
        self._at = float("nan")
        self._near: list[tuple[float, str]] = []  # value and kind of each example that is shown
        self._late = QTimer(self)
        self._late.setSingleShot(True)
        self._late.setInterval(SETTLE)
        self._late.timeout.connect(self._ask_yours)
        self._build()

    def _build(self) -> None:
        self.dice = kit.IconButton("dice", "Other examples")
        self.dice.clicked.connect(self._reroll)
        self.count = QComboBox()
        self.count.addItems([str(n) for n in COUNTS])
        self.count.setCurrentText("300")
        self.count.setAccessibleName("Examples of each kind")
        self.count.currentIndexChanged.connect(lambda _: self._ask())
        self.other = QComboBox()
        self.other.setAccessibleName("The other data set")
        self.other.currentIndexChanged.connect(lambda _: self._ask_one("other"))
        self.draw = QToolButton()
        self.draw.setText("draw")
        self.draw.setCheckable(True)
        self.draw.setToolTip("Draw an example of your own and see how probable it is")
        self.draw.setAccessibleName("Draw an example of your own")
        self.draw.toggled.connect(self._toggle_board)
        self.chips: dict[str, QToolButton] = {}
        row = self.header = FoldingRow(self)
        row.add(self.dice, priority=9)
        for number, source in enumerate(SOURCES):
            chip = self.chips[source.key] = QToolButton()
            chip.setText(source.label)
            chip.setToolTip(source.tip)
            chip.setAccessibleName(f"Score {source.label}: {source.tip}")
            chip.setCheckable(True)
            chip.setChecked(source.key in ("test", "train", "noise"))
            chip.toggled.connect(lambda _=False, key=source.key: self._ask_one(key))
            row.add(chip, priority=8 - number)
        row.add(self.other, priority=1)
        row.add(self.draw, priority=8)
        row.add_space()
        row.add(self.count, "of each", priority=3)
        self.plot = Histogram()
        self.plot.setAccessibleName("Histograms of log p(x)")
        self.plot.set_unit("log p(x), nats")
        self.plot.set_empty(*NOTHING)
        self.plot.hovered.connect(self._point)
        self.plot.picked.connect(self._point)
        self.near = GridMosaic()
        self.near.setAccessibleName("Examples near the value under the pointer")
        self.near.set_empty("", "Point at a value: the examples that have it appear here.")
        self.near.setFixedHeight(theme.px(92))
        self.near.hovered.connect(self._hover_near)
        self.words = QLabel()
        self.words.setWordWrap(True)
        self.words.setProperty("role", "caption")
        self.words.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.board = Board(28, 28)
        self.board.setMinimumWidth(theme.px(180))
        self.board.setMaximumWidth(theme.px(260))
        self.board.set_rubbing(False)
        self.board.changed.connect(lambda *_: self._late.start())
        self.board.refused.connect(lambda words: self.say(words, "warn"))
        self.board.hide()
        self.status = StatusLine()
        self.status.cancelled.connect(self._stop)
        side = QHBoxLayout()
        side.setSpacing(8)
        side.addWidget(self.plot, 3)
        side.addWidget(self.board, 1)
        box = QVBoxLayout(self)
        box.setContentsMargins(8, 6, 8, 4)
        box.setSpacing(6)
        box.addWidget(row)
        box.addLayout(side, 1)
        box.addWidget(self.near)
        box.addWidget(self.words)
        box.addWidget(self.status)
        self.setMinimumSize(220, 180)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """In a low panel the histograms need the room more than the examples."""
        super().resizeEvent(event)
        self.near.setFixedHeight(theme.px(92 if self.height() >= theme.px(430) else 60))

    # ---- asking and hearing

    def bind(self, desk: Desk) -> None:
        """Join the desk, and hear when another step is kept."""
        super().bind(desk)
        desk.marks.connect(self._marked)

    def begin(self, card: api.RunCard) -> None:
        """Another run: the same kinds of examples through another model."""
        images = card.data.kind == "images"
        for source in SOURCES:
            self.header.set_shown(self.chips[source.key], images or not source.images_only)
        grey = images and card.data.shape[0] == 1
        self.header.set_shown(self.draw, grey)
        self._offer_others(card)
        self.header.set_shown(self.other, images and self.chips["other"].isChecked())
        self.near.setVisible(images)
        if grey:
            self.board.set_size(*card.data.shape[1:])
        self.board.setVisible(grey and self.draw.isChecked())
        self.rounds.clear()
        self._yours = None
        self._ask()
        self.touch()

    def _offer_others(self, card: api.RunCard) -> None:
        wished, names = self.other.currentText(), others(self.desk.catalogue, card.data.name)
        if names:
            was = self.other.blockSignals(True)
            self.other.clear()
            self.other.addItems(names)
            self.other.setCurrentText(wished if wished in names else names[0])
            self.other.blockSignals(was)

    def vanish(self) -> None:
        """No model with a density."""
        for purpose in (*self.chips, "yours"):
            self.cancel(purpose)
        self.rounds.clear()
        self.plot.set_empty(*NOTHING)
        self._yours = None
        self.touch()

    def _wanted(self) -> list[str]:
        card = self.card
        if card is None:
            return []
        images = card.data.kind == "images"
        return [s.key for s in SOURCES if self.chips[s.key].isChecked() and (images or not s.images_only)]

    def _moment(self) -> int | None:
        """The step to ask at: the shared one, or the newest that is kept, since the present passes by."""
        view = self.desk.views.get(self.run)
        if self.desk.now is not None or view is None or not view.kept:
            return self.desk.now
        return view.kept[-1]

    def _ask(self) -> None:
        wanted = self._wanted()
        self.plot.set_empty(*(COMING if wanted else NOTHING))
        self.rounds.begin(self._moment(), wanted)
        for key in wanted:
            self._put_question(key)
        if self.draw.isChecked():
            self._ask_yours()

    def _ask_one(self, key: str) -> None:
        if key == "other":
            self.header.set_shown(self.other, self.chips["other"].isChecked())
        if key not in self._wanted():
            self.cancel(key)
            self.rounds.drop(key)
            self.touch()
            return
        self.rounds.drop(key)
        self.rounds.add(key)
        self._put_question(key)

    def _put_question(self, key: str) -> None:
        query = query_for(key, int(self.count.currentText()), self._seed, self.other.currentText())
        self.ask(key, query, step=self.rounds.asked)

    def _ask_yours(self) -> None:
        card = self.card
        if card is None or not self.draw.isChecked() or card.data.kind != "images":
            return
        step = self.rounds.step if self.rounds.scores else self.rounds.asked
        self.ask("yours", api.LogProbQuery(given=self.board.picture()[None, ..., None]), step=step, at_once=True)

    def _marked(self, run: str) -> None:
        if run == self.run and self._awake:
            self._go_on()

    def card_changed(self, card: api.RunCard) -> None:
        """Perhaps training has ended, and there is nothing more to wait for."""
        self._go_on()

    def _go_on(self) -> None:
        hurry = self.card is not None and self.card.state != "training"
        if self.rounds.due(self._moment(), self.desk.clock(), hurry):
            self._ask()

    def step_moved(self, step: int | None) -> None:
        """Another step: every kind anew."""
        self._ask()

    def _reroll(self) -> None:
        self._seed += 1
        self._ask()

    def _stop(self) -> None:
        for key in self._wanted():
            self.cancel(key)
        self.status.set_progress(0, 0)

    def _toggle_board(self, on: bool) -> None:
        self.board.setVisible(on and self.card is not None and self.card.data.kind == "images")
        if on:
            self._ask_yours()
        else:
            self.cancel("yours")
            self._yours = None
            self.touch()

    def receive(self, purpose: str, answer: api.Answered) -> None:
        """Scores of one kind of examples, or of the drawing."""
        frame = answer.frame
        if answer.last and purpose != "yours":
            self.rounds.rest.took(purpose, answer.seconds, self.desk.clock())
            self._go_on()
        if not isinstance(frame, api.LogProbs):
            return
        if purpose == "yours":
            self._yours = float(frame.values[0])
        else:
            was = self.rounds.step
            self.rounds.take(purpose, frame, answer.step)
            if self.rounds.step != was:  # the drawing is placed among scores of the same weights
                self._ask_yours()
            self.status.set_progress(frame.done, frame.total)
        self.touch()

    def failed(self, purpose: str, trouble: api.Trouble) -> None:
        """Keep what is shown and say why there is nothing newer."""
        self.status.warn(trouble.words)

    # ---- drawing

    def redraw(self) -> None:
        """Histograms, the words under them, and the examples at the pointer."""
        t = theme.current()
        scores = self.rounds.scores
        shown = [s for s in SOURCES if s.key in scores]
        groups = [Group(s.label, t.series[s.colour % len(t.series)], scores[s.key].values) for s in shown]
        if self._yours is not None and self.draw.isChecked():
            groups.append(Group("yours", t.labels[YOURS % len(t.labels)], np.array([self._yours])))
        self.plot.set_groups(groups)
        values = {key: frame.values for key, frame in scores.items()}
        self.words.setText(warning(values, self._yours if self.draw.isChecked() else None) if groups else "")
        kinds = {frame.kind for frame in scores.values()}
        said = [self.step_words(self.rounds.step), *(f"log p(x) is {_kind_words(kind)}" for kind in kinds)]
        self.status.tell(*said)
        self._show_near()

    def _point(self, value: float) -> None:
        self._at = value if np.isfinite(value) else self.plot.pin()
        self._show_near()

    def _hover_near(self, index: int) -> None:
        """Show where the example under the pointer stands, and its value in full."""
        if 0 <= index < len(self._near):
            value, label = self._near[index]
            self.plot.set_pin(value)
            self.status.set_side(f"{label}: {value:,.3f} nats")
        else:
            self.plot.set_pin(None)
            self.status.set_side("")

    def _show_near(self) -> None:
        found: list[tuple[float, float, str, np.ndarray]] = []
        if np.isfinite(self._at):
            for source in SOURCES:
                frame = self.rounds.scores.get(source.key)
                if frame is None or frame.items is None or frame.items.ndim != 4:
                    continue
                for index in np.argsort(np.abs(frame.values - self._at))[:NEAREST]:
                    value = float(frame.values[index])
                    found.append((abs(value - self._at), value, source.label, frame.items[index]))
        found.sort(key=lambda item: item[0])
        best = found[:NEAREST]
        self._near = [(value, label) for _, value, label, _ in best]
        room = self.near.width() / max(1, len(best))  # words that would be cut off are left out; pointing says all
        labels = [f"{label} {value:,.0f}" if room > theme.px(92) else f"{value:,.0f}" for value, label in self._near]
        self.near.set_images(np.stack([item[3] for item in best]) if best else None, labels)

    # ---- settings and export

    def state(self) -> DensityState:
        """Which kinds, how many, which other set, and whether one draws."""
        shown = ",".join(key for key, chip in self.chips.items() if chip.isChecked())
        return DensityState(
            shown=shown,
            count=int(self.count.currentText()),
            other=self.other.currentText(),
            board=self.draw.isChecked(),
        )

    def restore(self, state: PanelState) -> None:
        """Take them back."""
        if isinstance(state, DensityState):
            for key, chip in self.chips.items():
                was = chip.blockSignals(True)
                chip.setChecked(key in state.shown.split(","))
                chip.blockSignals(was)
            for box, text in ((self.count, str(state.count)), (self.other, state.other)):
                kit.choose(box, text)
            self.draw.setChecked(state.board)

    def shown(self) -> dict[str, Any]:
        """The choice of examples and the step that is really shown."""
        return {"seed": self._seed, "shown_step": self.rounds.step}

    def picture(self) -> QWidget:
        """The histograms."""
        return self.plot

    def exports(self) -> list[Export]:
        """The histograms as a picture, and the numbers behind them."""
        if not self.rounds.scores:
            return []
        return [
            Export("Histograms as PNG", ".png", lambda path: export.export_png(self.plot, path, self.settings_text())),
            Export("Histograms as SVG", ".svg", lambda path: export.export_svg(self.plot, path)),
            Export("Numbers as CSV", ".csv", self._write_numbers),
        ]

    def _write_numbers(self, path: Path) -> None:
        lines = ["kind,log_p_nats"]
        for key, frame in self.rounds.scores.items():
            lines += [f"{key},{value:.6g}" for value in frame.values]
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _kind_words(kind: str) -> str:
    return {
        "exact": "exact",
        "bound": "a lower bound",
        "solver": "exact up to the solver's error",
        "unnormalised": "unnormalised: only differences mean something",
    }[kind]
