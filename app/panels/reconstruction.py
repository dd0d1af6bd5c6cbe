"""Reconstructions: what comes back when an example goes through the bottleneck, beside the original."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import numpy as np
from PySide6.QtWidgets import QComboBox, QToolButton, QVBoxLayout, QWidget

from app import export
from app.panel import Export, Panel, PanelState
from app.shell import theme
from app.widgets import film, kit
from app.widgets.folding import FoldingRow
from app.widgets.grid import GridMosaic
from app.widgets.number import NumberBox
from app.widgets.status import StatusLine, step_words
from gm_core import api

COUNTS = (8, 16, 32, 64)
SPLITS = ("test", "validation", "train")


class ReconstructionState(PanelState):
    """What the panel remembers."""

    split: Literal["test", "validation", "train"] = api.param("test", "The examples that are shown.")
    count: int = api.param(16, "How many pairs.", lo=1, hi=256)
    difference: bool = api.param(False, "Show the difference under each pair.")
    worst: bool = api.param(False, "The worst reconstruction first.")


class ReconstructionPanel(Panel):
    """Each original stands above its reconstruction, with the mean squared error under them."""

    name = "reconstruction"
    title = "Reconstructions"
    icon = "copy"
    tip = "Each example above what the model gives back of it."
    needs = frozenset({"reconstructs", "images"})
    slot = "right"
    order = 20
    alive_at_start = True
    State = ReconstructionState

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._pairs: api.Pairs | None = None
        self._shows: int | None = None
        self._seed = 0
        self._build()

    def _build(self) -> None:
        self.other = kit.IconButton("dice", "Other examples")
        self.other.clicked.connect(lambda: self._examples(self._seed + 1))
        self.seed = NumberBox(0, 2**31 - 1, 0, integer=True, name="Seed of the choice of examples", step=1)
        self.seed.setFixedWidth(theme.px(56))
        self.seed.changed.connect(lambda v: self._examples(int(v)))
        self.split = QComboBox()
        self.split.addItems(SPLITS)
        self.split.setAccessibleName("Examples from")
        self.count = QComboBox()
        self.count.addItems([str(n) for n in COUNTS])
        self.count.setCurrentText("16")
        self.count.setAccessibleName("Pairs")
        self.difference = QToolButton()
        self.worst = QToolButton()
        for button, words, tip in (
            (self.difference, "difference", "Show how far each pixel is off; grey is right"),
            (self.worst, "worst first", "Sort by error"),
        ):
            button.setText(words)
            button.setToolTip(tip)
            button.setAccessibleName(tip)
            button.setCheckable(True)
            button.toggled.connect(lambda _: self.touch())
        self.split.currentIndexChanged.connect(lambda _: self._ask())
        self.count.currentIndexChanged.connect(lambda _: self._ask())
        row = self.header = FoldingRow()
        row.add(self.other, priority=9)
        row.add(self.split, "from", priority=6)
        row.add(self.count, "pairs", priority=5)
        row.add(self.seed, "seed", priority=2)
        row.add_space()
        row.add(self.difference, priority=4)
        row.add(self.worst, priority=3)
        self.mosaic = GridMosaic()
        self.mosaic.setAccessibleName("Originals above their reconstructions")
        self.mosaic.set_empty(
            "No reconstructions yet", "Press Train: each example appears above what the model makes of it."
        )
        self.status = StatusLine()
        box = QVBoxLayout(self)
        box.setContentsMargins(8, 6, 8, 4)
        box.setSpacing(6)
        box.addWidget(row)
        box.addWidget(self.mosaic, 1)
        box.addWidget(self.status)
        self.setMinimumSize(220, 180)

    # ---- asking and hearing -----------------------------------------------------------------------------------

    def begin(self, card: api.RunCard) -> None:
        """Another run: the same choice of examples through another model."""
        self.mosaic.set_stale(self._pairs is not None)
        self._ask()

    def vanish(self) -> None:
        """No model that reconstructs."""
        self._pairs = None
        self.mosaic.set_images(None)
        self.status.set_text("")

    def card_changed(self, card: api.RunCard) -> None:
        """A newer step of the same run."""
        self.touch()

    def _examples(self, seed: int) -> None:
        self._seed = seed
        self.seed.set_value(seed)
        self._ask()

    def _ask(self) -> None:
        if self.card is not None:
            query = api.ReconstructQuery(
                seed=self._seed, n=int(self.count.currentText()), split=self.split.currentText()
            )
            self.ask("pairs", query, follow=True)

    def receive(self, purpose: str, answer: api.Answered) -> None:
        """Pairs of the present or of the shared step."""
        if isinstance(answer.frame, api.Pairs):
            self.show_frame(answer.frame, answer.step)

    def show_frame(self, frame: api.Pairs, step: int) -> None:
        """Show pairs, from a run or from a recording."""
        self._pairs, self._shows = frame, step
        self.touch()

    def failed(self, purpose: str, trouble: api.Trouble) -> None:
        """Keep what is shown and say why there is nothing newer."""
        self.status.warn(trouble.words)

    # ---- drawing ----------------------------------------------------------------------------------------------

    def redraw(self) -> None:
        """The pairs as one gallery of towers."""
        pairs = self._pairs
        if pairs is None or pairs.originals.ndim != 4 or self.card is None:
            return
        order = np.argsort(-pairs.errors, kind="stable") if self.worst.isChecked() else np.arange(len(pairs.errors))
        towers = stack_pairs(pairs.originals[order], pairs.reconstructions[order], self.difference.isChecked())
        self.mosaic.set_images(towers, [short(float(e)) for e in pairs.errors[order]])
        view = self.desk.views.get(self.card.run)
        error = f"mean squared error {float(pairs.errors.mean()):.4f} on {len(pairs.errors)}"
        words = [step_words(self._shows, view.last_step if view and self.desk.now is not None else None), error]
        self.status.tell(*words)

    # ---- settings and export ----------------------------------------------------------------------------------

    def state(self) -> ReconstructionState:
        """Split, count, difference, order."""
        return ReconstructionState(
            split=self.split.currentText(),  # type: ignore[arg-type]
            count=int(self.count.currentText()),
            difference=self.difference.isChecked(),
            worst=self.worst.isChecked(),
        )

    def restore(self, state: PanelState) -> None:
        """Split, count, difference, order."""
        if isinstance(state, ReconstructionState):
            for box, text in ((self.split, state.split), (self.count, str(state.count))):
                kit.choose(box, text)
            self.difference.setChecked(state.difference)
            self.worst.setChecked(state.worst)

    def shown(self) -> dict[str, Any]:
        """The choice of examples and the step that is really shown."""
        return {"seed": self._seed, "shown_step": self._shows}

    def picture(self) -> np.ndarray | QWidget:
        """The gallery without the panel around it."""
        shown = self.mosaic.image()
        return self if shown is None else film.enlarge(shown, 560)

    def exports(self) -> list[Export]:
        """The gallery."""
        return [] if self._pairs is None else [Export("Reconstructions as PNG", ".png", self._write)]

    def _write(self, path: Path) -> None:
        shown = self.mosaic.image()
        if shown is not None:
            export.export_png(film.enlarge(shown, 560), path, self.settings_text(), 1.0)


def short(error: float) -> str:
    """An error in three places, without the zero that narrow pictures have no room for: .017"""
    return f"{error:.3f}".removeprefix("0") if error >= 0.0005 else "0"


def stack_pairs(originals: np.ndarray, reconstructions: np.ndarray, difference: bool = False) -> np.ndarray:
    """Towers (n, 2h or 3h, w, c): original, reconstruction and, if asked, their signed difference around grey."""
    parts = [originals, reconstructions]
    if difference:
        signed = (reconstructions.astype(np.int16) - originals.astype(np.int16)) // 2 + 128
        parts.append(signed.astype(np.uint8))
    return np.concatenate(parts, axis=1)
