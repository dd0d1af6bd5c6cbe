"""Completion: rub out a part of a real or drawn example, and see what the model puts there, several times."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import QComboBox, QLabel, QSplitter, QVBoxLayout, QWidget

from app import export
from app.panel import Export, Panel, PanelState
from app.widgets import film, kit
from app.widgets.board import Board
from app.widgets.folding import FoldingRow
from app.widgets.grid import GridMosaic
from app.widgets.number import NumberSlider
from app.widgets.status import StatusLine
from gm_core import api

COUNTS = (4, 8, 16, 36)
PARTICLES = (4, 16, 64)
SETTLE = 250
"""Milliseconds without a stroke before the model is asked."""
PARTS = {
    "lower half": lambda h, w: np.arange(h)[:, None] * np.ones(w)[None] < h / 2,
    "upper half": lambda h, w: np.arange(h)[:, None] * np.ones(w)[None] >= h / 2,
    "right half": lambda h, w: np.ones(h)[:, None] * np.arange(w)[None] < w / 2,
    "left half": lambda h, w: np.ones(h)[:, None] * np.arange(w)[None] >= w / 2,
    "middle": lambda h, w: ~(
        (np.abs(np.arange(h)[:, None] - (h - 1) / 2) < h / 4) & (np.abs(np.arange(w)[None] - (w - 1) / 2) < w / 4)
    ),
}
"""Parts that one click rubs out: which pixels stay known."""
NAMED = frozenset({"classes", "conditional"})
"""Words of models that may be told the class."""


class CompletionState(PanelState):
    """What the panel remembers."""

    count: int = api.param(8, "How many completions.", lo=1, hi=64)
    particles: int = api.param(16, "Competing drawings of each where no exact way is known.", lo=2, hi=1024)
    temperature: float = api.param(1.0, "Below 1, the probable is preferred.", lo=0.1, hi=2.0)


class CompletionPanel(Panel):
    """The picture with its missing part at the left, completions with their log-probabilities at the right."""

    name = "completion"
    title = "Completion"
    icon = "copy"
    tip = "Rub out a part of an example and see several completions."
    needs = frozenset({"complete", "images"})
    slot = "right"
    order = 22
    State = CompletionState

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._frame: api.Completions | None = None
        self._example: np.ndarray | None = None  # the picture under the marks, (h, w, c)
        self._shows: int | None = None
        self._seed, self._examples = 0, 0
        self._wished = False
        self._late = QTimer(self)
        self._late.setSingleShot(True)
        self._late.setInterval(SETTLE)
        self._late.timeout.connect(self._ask)
        self._build()

    def _build(self) -> None:
        self.dice = kit.IconButton("dice", "Other completions of the same part")
        self.dice.clicked.connect(self._reroll)
        self.real = kit.IconButton("grid", "Another real example")
        self.real.clicked.connect(lambda: self._ask_example(self._examples + 1))
        self.part = QComboBox()
        self.part.addItems(["rub out ...", *PARTS])
        self.part.setAccessibleName("Rub out a part")
        self.part.activated.connect(self._rub)
        self.count = QComboBox()
        self.count.addItems([str(n) for n in COUNTS])
        self.count.setCurrentText("8")
        self.count.setAccessibleName("Completions")
        self.particles = QComboBox()
        self.particles.addItems([str(n) for n in PARTICLES])
        self.particles.setCurrentText("16")
        self.particles.setAccessibleName("Particles for each completion where no exact way is known")
        self.classes = QComboBox()
        self.classes.setAccessibleName("Class to complete as")
        for chooser in (self.count, self.particles, self.classes):
            chooser.currentIndexChanged.connect(lambda _: self._ask())
        self.heat = NumberSlider(0.1, 2.0, 1.0, name="Temperature")
        self.heat.set_room(72, 150)
        self.heat.changed.connect(lambda _: self._ask())
        row = self.header = FoldingRow(self)
        row.add(self.real, priority=9)
        row.add(self.part, priority=8)
        row.add(self.dice, priority=7)
        row.add(self.count, "completions", priority=5)
        row.add(self.classes, "class", priority=4)
        row.add(self.heat, "temperature", priority=3)
        row.add(self.particles, "particles", priority=2)
        row.add_space()
        self.board = Board(28, 28, tools=("rub", "brush", "eraser"))
        self.board.set_tool("rub")
        self.board.settled.connect(lambda *_: self._late.start())
        self.board.refused.connect(lambda words: self.say(words, "warn"))
        self.mosaic = GridMosaic()
        self.mosaic.setAccessibleName("Completions, most probable first")
        self.mosaic.set_empty("No completions yet", "Rub out a part of the picture: the model fills it in.")
        self.halves = QSplitter(Qt.Orientation.Horizontal)
        self.halves.addWidget(self.board)
        self.halves.addWidget(self.mosaic)
        self.halves.setSizes([260, 340])
        self.halves.setChildrenCollapsible(False)
        self.words = QLabel()
        self.words.setWordWrap(True)
        self.words.setProperty("role", "caption")
        self.status = StatusLine()
        self.status.cancelled.connect(self._stop)
        box = QVBoxLayout(self)
        box.setContentsMargins(8, 6, 8, 4)
        box.setSpacing(6)
        box.addWidget(row)
        box.addWidget(self.halves, 1)
        box.addWidget(self.words)
        box.addWidget(self.status)
        self.setMinimumSize(220, 180)

    # ---- asking and hearing

    def begin(self, card: api.RunCard) -> None:
        """Another run: the same picture, if it has the same size, through another model."""
        shape = card.data.shape
        fresh = self._example is None or self._example.shape != (*shape[1:], shape[0])
        self.board.set_size(*shape[1:])
        self.board.set_colours(self._example if shape[0] == 3 and not fresh else None)
        self.classes.blockSignals(True)
        self.classes.clear()
        self.classes.addItems(["any", *card.data.classes])
        self.classes.blockSignals(False)
        self.header.set_shown(self.classes, bool(NAMED & card.offers))
        for knob in (self.heat, self.particles):  # a model that does not go site by site has neither
            self.header.set_shown(knob, "sitewise" in card.offers)
        self._frame = None
        if fresh:
            self._ask_example(self._examples)
        else:
            self._ask()
        self.touch()

    def vanish(self) -> None:
        """No model that completes."""
        for purpose in ("example", "complete"):
            self.cancel(purpose)
        self._frame = None
        self.status.set_progress(0, 0)
        self.touch()

    def _ask_example(self, number: int) -> None:
        self._examples = number
        self.ask("example", api.ExamplesQuery(seed=number, n=1, split="test"))

    def _rub(self, index: int) -> None:
        if index > 0 and self.card is not None:
            self.board.set_known(np.asarray(PARTS[self.part.itemText(index)](*self.card.data.shape[1:]), bool))
            self._ask()
        self.part.setCurrentIndex(0)

    def _given(self) -> np.ndarray | None:
        """The picture that is to be completed, (1, h, w, c)."""
        if self.card is None:
            return None
        if self.card.data.shape[0] == 1:
            return self.board.picture()[None, ..., None].copy()
        return None if self._example is None else self._example[None]

    def _ask(self) -> None:
        given, known = self._given(), self.board.known()
        if self.card is None or given is None:
            return
        if known.all() or not known.any():
            self.cancel("complete")
            self.status.set_progress(0, 0)
            self._frame = None
            whole = "Nothing is rubbed out yet" if known.all() else "Everything is rubbed out"
            self.mosaic.set_empty(whole, "Rub out a part of the picture and leave the rest: the model fills it in.")
            self.touch()
            return
        label = self.classes.currentIndex() - 1
        query = api.CompleteQuery(
            seed=self._seed,
            given=given,
            known=known.copy(),
            n=int(self.count.currentText()),
            y=label if label >= 0 and NAMED & self.card.offers else None,
            temperature=float(self.heat.value()),
            particles=int(self.particles.currentText()),
        )
        self.status.set_progress(0, 100)
        self._wished = True
        self.ask("complete", query, follow=True, at_once=True)

    def step_moved(self, step: int | None) -> None:
        """The desk renews the ask; the picture stays until its successor is there."""
        self.mosaic.set_stale(self._frame is not None)

    def _reroll(self) -> None:
        self._seed += 1
        self._ask()

    def _stop(self) -> None:
        self.cancel("complete")
        self.status.set_progress(0, 0)

    def receive(self, purpose: str, answer: api.Answered) -> None:
        """A real example for the board, or completions on their way."""
        frame = answer.frame
        if isinstance(frame, api.ExamplesFrame) and frame.items.ndim == 4 and len(frame.items):
            self._example = frame.items[0]
            known = self.board.known()
            if known.all():
                known = np.asarray(PARTS["lower half"](*known.shape), bool)
            self.board.set_colours(self._example if self._example.shape[-1] == 3 else None)
            self.board.set_picture(self._example.mean(-1).round().astype(np.uint8), known)
            self._ask()
        elif isinstance(frame, api.Completions):
            self.status.set_progress(round(100 * frame.progress), 100)
            done = _done(frame)
            # What was asked for by hand is watched as it grows; what only follows training comes when it is whole.
            if done or self._wished or self._frame is None:
                self._frame, self._shows = frame, answer.step
                self._wished = self._wished and not done
                self.touch()

    def failed(self, purpose: str, trouble: api.Trouble) -> None:
        """Keep what is shown and say why there is nothing newer."""
        self.status.warn(trouble.words)

    # ---- drawing

    def redraw(self) -> None:
        """Completions, the most probable first once they are finished."""
        frame = self._frame
        self.mosaic.set_stale(False)
        if frame is None:
            self.mosaic.set_images(None)
            self.words.setText("")
            self.status.set_text("")
            return
        done, rated = _done(frame), len(frame.log_probs) > 0
        order = np.argsort(-frame.log_probs, kind="stable") if done and rated else np.arange(len(frame.items))
        labels = [f"{frame.log_probs[i]:,.1f}" if done and rated else "" for i in order]
        self.mosaic.set_images(frame.items[order], labels)
        self.words.setText(_how(frame) if done else "Filling in ...")
        nats = "log p(missing | known) in nats" if rated else "no probability"
        said = [self.step_words(self._shows), nats if done else ""]
        self.status.tell(*said)

    # ---- settings and export

    def state(self) -> CompletionState:
        """How many, how competed, how hot."""
        return CompletionState(
            count=int(self.count.currentText()),
            particles=int(self.particles.currentText()),
            temperature=float(self.heat.value()),
        )

    def restore(self, state: PanelState) -> None:
        """Take them back."""
        if isinstance(state, CompletionState):
            for box, number in ((self.count, state.count), (self.particles, state.particles)):
                kit.choose(box, str(number))
            self.heat.set_value(state.temperature)

    def shown(self) -> dict[str, Any]:
        """The seed and the step that is really shown."""
        return {"seed": self._seed, "shown_step": self._shows}

    def picture(self) -> np.ndarray | QWidget:
        """The completions without the panel around them."""
        shown = self.mosaic.image()
        return self if shown is None else film.enlarge(shown, 560)

    def exports(self) -> list[Export]:
        """The completions as one picture."""
        return [] if self._frame is None else [Export("Completions as PNG", ".png", self._write)]

    def _write(self, path: Path) -> None:
        shown = self.mosaic.image()
        if shown is not None:
            export.export_png(film.enlarge(shown, 560), path, self.settings_text(), 1.0)


def _done(frame: api.Completions) -> bool:
    """Whether nothing more will come; a model without probabilities ends with none."""
    return bool(np.isfinite(frame.log_probs).all())


def _how(frame: api.Completions) -> str:
    if frame.how:
        return f"Approximate: {frame.how}."
    if frame.exact:
        return "Exact: these are draws from the model's own p(missing | known)."
    return (
        f"Approximate: later known pixels weigh {frame.particles} competing drawings of each completion (a particle "
        f"filter); {frame.effective:.1f} of them counted in the end. More particles come closer."
    )
