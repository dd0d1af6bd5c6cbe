"""Denoising: spoil examples by noise or by hand, and watch the model repair them; on the plane, as arrows."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import numpy as np
from PySide6.QtWidgets import QStackedWidget, QVBoxLayout, QWidget

from app import export
from app.panel import Export, Panel, PanelState
from app.panels.denoising.controls import BY_HAND, KINDS, MOST_ROUNDS, Controls
from app.panels.denoising.field import FieldPage
from app.panels.denoising.pictures import Bench, Rows
from app.widgets import film, kit
from app.widgets.status import StatusLine
from gm_core import api

POINTS = 600
ARROWS = 22
WIDER = 1.15
HAND = "by_hand"


class DenoisingState(PanelState):
    """What the panel remembers."""

    kind: Literal["gaussian", "masking", "salt_and_pepper", "by_hand"] = api.param(
        "gaussian", "How examples are spoilt."
    )
    amount: float = api.param(0.3, "Standard deviation of Gaussian noise, or the part of numbers spoilt.", lo=0, hi=1)
    rounds: int = api.param(1, "How often the repair is repeated.", lo=1, hi=MOST_ROUNDS)
    count: int = api.param(8, "How many pictures.", lo=1, hi=64)
    difference: bool = api.param(True, "Show what the repair still has wrong.")
    chosen: bool = api.param(False, "Whether the corruption was chosen by hand; else it is the model's own.")


class DenoisingPanel(Panel):
    """Originals, spoilt copies, repairs and what is still wrong; points of the plane with arrows of repair."""

    name = "denoising"
    title = "Denoising"
    icon = "snow"
    tip = "Spoil examples by noise or by hand and see how the model repairs them."
    needs = frozenset({"denoises"})
    slot = "right"
    order = 23
    State = DenoisingState

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._rounds: list[api.Repairs] = []
        self._growing: list[api.Repairs] = []
        self._field: api.RepairField | None = None
        self._shows: int | None = None
        self._seed, self._example = 0, 0
        self.controls = Controls()
        self.controls.dice.clicked.connect(self._reroll)
        self.controls.changed.connect(self._ask)
        self.controls.redrawn.connect(self.touch)
        self.controls.turned.connect(self._turn)
        self.controls.difference.setChecked(True)
        self.rows, self.bench, self.plane = Rows(), Bench(), FieldPage()
        self.bench.spoilt.connect(self._ask)
        self.bench.refused.connect(lambda words: self.say(words, "warn"))
        self.pages = QStackedWidget()
        for page in (self.rows, self.bench, self.plane):
            self.pages.addWidget(page)
        self.status = StatusLine()
        box = QVBoxLayout(self)
        box.setContentsMargins(8, 6, 8, 4)
        box.setSpacing(6)
        box.addWidget(self.controls)
        box.addWidget(self.pages, 1)
        box.addWidget(self.status)
        self.setMinimumSize(220, 180)

    # ---- asking -----------------------------------------------------------------------------------------------

    def begin(self, card: api.RunCard) -> None:
        """Another run: other examples, in the same way."""
        self._rounds, self._growing, self._field = [], [], None
        self.controls.set_shape(card.data.kind)
        if card.data.kind == "images":
            self.bench.set_shape(card.data.shape)
        else:
            self.plane.clear()
            lo, hi = card.data.range
            self.plane.view.set_extent(lo, hi, lo, hi)
        self.rows.clear()
        self._turn()
        self._ask()
        self.touch()

    def vanish(self) -> None:
        """No model that repairs."""
        for purpose in ("repair", "again", "field", "example"):
            self.cancel(purpose)
        self._rounds, self._field = [], None
        self.rows.clear()
        self.plane.clear()
        self.status.set_text("")

    def _on_plane(self) -> bool:
        return self.card is not None and self.card.data.kind == "points"

    def _turn(self) -> None:
        """The page that fits what is spoilt, and how."""
        page = self.plane if self._on_plane() else self.bench if self.controls.by_hand else self.rows
        self.pages.setCurrentWidget(page)
        self._rounds, self._growing = [], []
        if page is self.bench and self.bench.original is None and self.card is not None:
            if "no_data" in self.card.facts:
                return
            self.ask("example", api.ExamplesQuery(seed=self._example, n=1, split="test"))
        self.touch()

    def _reroll(self) -> None:
        if self.controls.by_hand:
            self._example += 1
            if self.card is not None and "no_data" not in self.card.facts:
                self.ask("example", api.ExamplesQuery(seed=self._example, n=1, split="test"))
        else:
            self._seed += 1
            self._ask()

    def _ask(self) -> None:
        if self.card is None:
            return
        self.cancel("again")
        kind, amount = self.controls.corruption()
        if self.pages.currentWidget() is self.bench:
            pair = self.bench.pair()
            if pair is not None:
                self.ask("repair", api.CorruptQuery(given=pair[0], spoilt=pair[1]), follow=True)
            return
        if "no_data" in self.card.facts:
            self.status.warn("The data of this run are not on this machine; spoil a picture of your own by hand.")
            return
        n = POINTS if self.card.data.kind != "images" else int(self.controls.count.currentText())
        self.ask("repair", api.CorruptQuery(seed=self._seed, n=n, kind=kind, amount=amount), follow=True)
        if self._on_plane():
            lo, hi = self.card.data.range
            middle, half = (lo + hi) / 2, (hi - lo) / 2 * WIDER
            box = (middle - half, middle + half, middle - half, middle + half)
            sigma = amount if kind == "gaussian" else 0.0
            self.ask("field", api.RepairFieldQuery(box=box, size=ARROWS, sigma=sigma), follow=True)

    # ---- hearing ----------------------------------------------------------------------------------------------

    def receive(self, purpose: str, answer: api.Answered) -> None:
        """Repairs, one round after the other, arrows, or a picture to be spoilt by hand."""
        frame = answer.frame
        if isinstance(frame, api.RepairField):
            self._field = frame
        elif isinstance(frame, api.ExamplesFrame) and len(frame.items) and frame.items.ndim == 4:
            self.bench.set_original(frame.items[0])
        elif isinstance(frame, api.Repairs):
            self._take(frame, purpose == "again", answer.step)
        self.touch()

    def _take(self, frame: api.Repairs, again: bool, step: int) -> None:
        if not again and not self.controls.by_hand and self.controls.take(frame.trained_kind, frame.trained_amount):
            self._ask()  # the model's own way of spoiling comes first
            return
        self._growing = [*self._growing, frame] if again else [frame]
        if len(self._growing) < int(self.controls.rounds.value()):
            # What was repaired is spoilt no further: it goes through the model once more.
            self.ask("again", api.CorruptQuery(given=self._growing[0].originals, spoilt=frame.repaired))
            if self._rounds:
                return  # the last whole chain stays until the next one is whole
        self._rounds, self._shows = list(self._growing), step

    def failed(self, purpose: str, trouble: api.Trouble) -> None:
        """Keep what is shown and say why there is nothing newer."""
        self.status.warn(trouble.words)

    # ---- drawing ----------------------------------------------------------------------------------------------

    def redraw(self) -> None:
        """The page that is seen."""
        rounds = self._rounds
        if self.card is None:
            return
        if self._on_plane():
            self.plane.show_found(rounds, self._field)
        elif rounds and rounds[0].originals.ndim == 4:
            if self.pages.currentWidget() is self.bench:
                self.bench.show_rounds(rounds)
            else:
                self.rows.show_rounds(rounds, self.controls.difference.isChecked())
        elif rounds:
            size = rounds[0].originals.shape[-1]
            self.rows.mosaic.set_empty("These examples cannot be drawn", f"They are vectors of {size} numbers.")
        if rounds:
            self._describe()

    def _describe(self) -> None:
        means = [float(self._rounds[0].damage.mean()), *(float(r.errors.mean()) for r in self._rounds)]
        chain = " → ".join(kit.number_text(mean, 2) for mean in ([*means[:4], means[-1]] if len(means) > 5 else means))
        self.status.tell(self.step_words(self._shows), f"squared error {chain}", trained(self._rounds[0]))

    # ---- settings and export ----------------------------------------------------------------------------------

    def state(self) -> DenoisingState:
        """How examples are spoilt and repaired."""
        kind, amount = self.controls.corruption()
        return DenoisingState(
            kind=HAND if self.controls.by_hand else kind,  # type: ignore[arg-type]
            amount=amount,
            rounds=int(self.controls.rounds.value()),
            count=int(self.controls.count.currentText()),
            difference=self.controls.difference.isChecked(),
            chosen=self.controls.touched,
        )

    def restore(self, state: PanelState) -> None:
        """Take it back."""
        if isinstance(state, DenoisingState):
            words = BY_HAND if state.kind == HAND else next(w for w, kind in KINDS.items() if kind == state.kind)
            kit.choose(self.controls.kind, words)
            self.controls.amount.set_value(state.amount)
            self.controls.rounds.set_value(state.rounds)
            kit.choose(self.controls.count, str(state.count))
            self.controls.difference.setChecked(state.difference)
            self.controls.touched = state.chosen

    def shown(self) -> dict[str, Any]:
        """The choice of examples and the step that is really shown."""
        return {"seed": self._seed, "shown_step": self._shows}

    def picture(self) -> np.ndarray | QWidget:
        """The gallery, the strip or the plane without the controls."""
        page = self.pages.currentWidget()
        if page is self.rows and (shown := self.rows.mosaic.image()) is not None:
            return film.enlarge(shown, 560)
        return self.bench.strip if page is self.bench else self.plane.view

    def exports(self) -> list[Export]:
        """What is seen, as a picture; the plane as vectors too."""

        def png(path: Path) -> None:
            shown = self.picture()
            export.export_png(shown, path, self.settings_text(), 1.0 if isinstance(shown, np.ndarray) else 2.0)

        def svg(path: Path) -> None:
            export.export_svg(self.plane.view.canvas, path)

        if not self._rounds:
            return []
        made = [Export("Repairs as PNG", ".png", png)]
        return [*made, Export("Field of repairs as SVG", ".svg", svg)] if self._on_plane() else made


def trained(frame: api.Repairs) -> str:
    """What the model learned to undo."""
    if frame.trained_kind == "none":
        return "trained on clean examples only"
    words = next((words for words, kind in KINDS.items() if kind == frame.trained_kind), frame.trained_kind)
    return f"trained to undo {words} {kit.number_text(frame.trained_amount, 3)}"
