"""Reconstructions: what comes back when an example goes through the bottleneck, beside the original."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QSplitter, QVBoxLayout, QWidget

from app import export
from app.panel import Export, Panel, PanelState
from app.panels.reconstruction.controls import MEASURES, ORDERS, Controls, Measure, ReconstructionState
from app.shell import theme
from app.widgets import film, images, kit
from app.widgets.grid import GridMosaic
from app.widgets.histogram import Group, Histogram
from app.widgets.status import StatusLine
from gm_core import api

SURVEY = 1000
"""Examples whose errors are measured for the histogram and the order."""
ROOM = 380
"""Height below which there is no room for a histogram."""


class ReconstructionPanel(Panel):
    """Each original stands above its reconstruction, with its error; below, the errors of many examples."""

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
        self._errors: api.Errors | None = None
        self._wanted: tuple[int, ...] = ()
        self._near: float | None = None
        self._shows: int | None = None
        self._seed = 0
        self._build()

    def _build(self) -> None:
        row = self.controls = Controls()
        row.other.clicked.connect(lambda: self._examples(self._seed + 1))
        row.seed.changed.connect(lambda v: self._examples(int(v)))
        row.wished.connect(self._ask)
        row.resorted.connect(self._sort)
        row.redrawn.connect(self._arrange)
        self.mosaic = GridMosaic()
        self.mosaic.setAccessibleName("Originals above their reconstructions")
        self.mosaic.set_empty(
            "No reconstructions yet", "Press Train: each example appears above what the model makes of it."
        )
        self.mosaic.hovered.connect(self._hover)
        self.histogram = Histogram()
        self.histogram.setAccessibleName("Errors of many examples")
        self.histogram.setToolTip("Click to see the pairs with such errors.")
        self.histogram.set_empty("No errors yet", "The errors of many examples appear here.")
        self.histogram.picked.connect(self._pick)
        self.parts = QSplitter(Qt.Orientation.Vertical)
        self.parts.addWidget(self.mosaic)
        self.parts.addWidget(self.histogram)
        self.parts.setChildrenCollapsible(False)
        self.parts.setSizes([330, 130])
        self.parts.setStretchFactor(0, 1)
        self.parts.setStretchFactor(1, 0)
        self.status = StatusLine()
        box = QVBoxLayout(self)
        box.setContentsMargins(8, 6, 8, 4)
        box.setSpacing(6)
        box.addWidget(row)
        box.addWidget(self.parts, 1)
        box.addWidget(self.status)
        self.setMinimumSize(220, 180)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """The histogram needs some height."""
        super().resizeEvent(event)
        self._arrange()

    def _arrange(self) -> None:
        kit.show(self.histogram, self.controls.shape.isChecked() and self.height() >= theme.px(ROOM))
        self.touch()

    # ---- asking and hearing -----------------------------------------------------------------------------------

    def begin(self, card: api.RunCard) -> None:
        """Another run: the same choice of examples through another model."""
        self.mosaic.set_stale(self._pairs is not None)
        self.controls.set_shown(self.controls.names, bool(card.data.classes))
        self._errors = None
        self._ask()

    def vanish(self) -> None:
        """No model that reconstructs."""
        self._pairs = self._errors = None
        self.mosaic.set_images(None)
        self.histogram.set_groups([])
        self.status.set_text("")

    def card_changed(self, card: api.RunCard) -> None:
        """A newer step of the same run."""
        self.touch()

    def _examples(self, seed: int) -> None:
        self._seed = seed
        self.controls.seed.set_value(seed)
        kit.choose(self.controls.sorting, ORDERS["chance"])
        self._near = None
        self._ask()

    def _sort(self) -> None:
        self._near = None
        self._ask_pairs()
        self.touch()

    def _pick(self, value: float) -> None:
        """The pairs whose errors are nearest to a value of the histogram."""
        self._near = value
        self._ask_pairs()

    def _chosen(self) -> tuple[str, str, Measure]:
        """The order, the split, the measure."""
        order = self.controls.order() if self._near is None else "near"
        return order, self.controls.split.currentText(), self.controls.error()

    def _ask(self) -> None:
        if self.card is not None:
            _, split, measure = self._chosen()
            self._errors, self._near = None, None
            self.histogram.set_pin(None)
            if "no_data" not in self.card.facts:
                self.ask("errors", api.ErrorsQuery(n=SURVEY, split=split, measure=measure), follow=True)
            self._ask_pairs()

    def _ask_pairs(self) -> None:
        if self.card is None:
            return
        order, split, measure = self._chosen()
        n = self.controls.how_many()
        if order != "chance" and self._errors is not None:
            values = self._errors.values
            keys = {"worst": -values, "best": values, "near": np.abs(values - (self._near or 0.0))}[order]
            self._wanted = tuple(int(i) for i in self._errors.indices[np.argsort(keys, kind="stable")[:n]])
            query = api.ReconstructQuery(n=n, split=split, measure=measure, indices=self._wanted)
            self.ask("pairs", query)  # the errors follow training, and ask for these again
        else:
            self._wanted = ()
            self.ask("pairs", api.ReconstructQuery(seed=self._seed, n=n, split=split, measure=measure), follow=True)

    def receive(self, purpose: str, answer: api.Answered) -> None:
        """Pairs and errors of the present or of the shared step."""
        frame = answer.frame
        if isinstance(frame, api.Pairs):
            self.show_frame(frame, answer.step)
        elif isinstance(frame, api.Errors) and frame.done >= frame.total:
            self._errors = frame
            if self._chosen()[0] != "chance":
                self._ask_pairs()
            self.touch()

    def show_frame(self, frame: api.Frame, step: int) -> None:
        """Show pairs, from a run or from a recording."""
        if isinstance(frame, api.Pairs):
            self._pairs, self._shows = frame, step
            self.touch()

    def failed(self, purpose: str, trouble: api.Trouble) -> None:
        """Keep what is shown and say why there is nothing newer."""
        self.status.warn(trouble.words)

    # ---- drawing ----------------------------------------------------------------------------------------------

    def _order(self) -> np.ndarray:
        """The places of the pairs as they stand in the gallery."""
        assert self._pairs is not None
        errors, order = self._pairs.errors, self._chosen()[0]
        if order == "chance":
            return np.arange(len(errors))
        return np.argsort(errors if order == "best" else -errors, kind="stable")

    def redraw(self) -> None:
        """The pairs as one gallery of towers, the errors as a histogram."""
        pairs = self._pairs
        if pairs is None or pairs.originals.ndim != 4 or self.card is None:
            return
        order = self._order()
        towers = stack_pairs(pairs.originals[order], pairs.reconstructions[order], self.controls.difference.isChecked())
        self.mosaic.set_images(towers, [self._caption(int(i)) for i in order])
        squared = self._chosen()[2] == "squared"
        unit = "mean squared error" if squared else "cross-entropy, nats"
        if self._errors is not None:
            colour = theme.current().series[0]
            self.histogram.set_groups([Group(f"{len(self._errors.values):,} examples", colour, self._errors.values)])
            self.histogram.set_unit(unit)
        mean = float((pairs.errors if self._errors is None else self._errors.values).mean())
        self.status.tell(self.step_words(self._shows), f"{unit} {kit.number_text(mean, 4)} on average")

    def _caption(self, i: int) -> str:
        assert self._pairs is not None and self.card is not None
        error, names = float(self._pairs.errors[i]), self.card.data.classes
        words = short(error)
        if self.controls.names.isChecked() and self._pairs.labels is not None and names:
            words = f"{names[int(self._pairs.labels[i])]} {words}"
        return words

    def _hover(self, place: int) -> None:
        """The pair under the pointer, marked in the histogram."""
        if self._pairs is not None and self._near is None:
            inside = 0 <= place < len(self._pairs.errors)
            self.histogram.set_pin(float(self._pairs.errors[self._order()[place]]) if inside else None)

    # ---- settings and export ----------------------------------------------------------------------------------

    def state(self) -> ReconstructionState:
        """Split, count, order, measure, and what is shown of it."""
        row = self.controls
        return ReconstructionState(
            split=row.split.currentText(),  # type: ignore[arg-type]
            count=row.how_many(),
            order=row.order(),
            measure=row.error(),
            difference=row.difference.isChecked(),
            labels=row.names.isChecked(),
            histogram=row.shape.isChecked(),
        )

    def restore(self, state: PanelState) -> None:
        """Take them back."""
        if isinstance(state, ReconstructionState):
            row = self.controls
            chosen = (row.split, state.split), (row.count, str(state.count)), (row.sorting, ORDERS[state.order])
            for box, text in (*chosen, (row.measure, MEASURES[state.measure])):
                kit.choose(box, text)
            for button, on in ((row.difference, state.difference), (row.names, state.labels)):
                button.setChecked(on)
            row.shape.setChecked(state.histogram)

    def shown(self) -> dict[str, Any]:
        """The choice of examples and the step that is really shown."""
        return {"seed": self._seed, "shown_step": self._shows, "indices": list(self._wanted)}

    def picture(self) -> np.ndarray | QWidget:
        """The gallery without the panel around it."""
        shown = self.mosaic.image()
        return self if shown is None else film.enlarge(shown, 560)

    def exports(self) -> list[Export]:
        """The gallery, the histogram, the errors as numbers."""
        made = [] if self._pairs is None else [Export("Reconstructions as PNG", ".png", self._write)]
        if self._errors is not None:
            if not self.histogram.isHidden():
                made.append(Export("Histogram of errors as PNG", ".png", self._write_histogram))
            made.append(Export("Errors as CSV", ".csv", self._write_errors))
        return made

    def _write(self, path: Path) -> None:
        shown = self.mosaic.image()
        if shown is not None:
            export.export_png(film.enlarge(shown, 560), path, self.settings_text(), 1.0)

    def _write_histogram(self, path: Path) -> None:
        export.export_png(self.histogram, path, self.settings_text())

    def _write_errors(self, path: Path) -> None:
        if self._errors is not None:
            pairs = zip(self._errors.indices, self._errors.values, strict=True)
            lines = [f"{index},{value:.6g}" for index, value in pairs]
            path.write_text("\n".join(["index,error", *lines]) + "\n", encoding="utf-8")


def short(error: float) -> str:
    """An error in three places, without the zero that narrow pictures have no room for: .017"""
    if error >= 10:
        return f"{error:.1f}"
    return f"{error:.3f}".removeprefix("0") if error >= 0.0005 else "0"


def stack_pairs(originals: np.ndarray, reconstructions: np.ndarray, difference: bool = False) -> np.ndarray:
    """Towers (n, H, w, 3): original, reconstruction and, if asked, their signed difference around grey; a line between
    them."""
    parts = [originals, reconstructions]
    if difference:
        signed = (reconstructions.astype(np.int16) - originals.astype(np.int16)) // 2 + 128
        parts.append(signed.astype(np.uint8))
    return images.towers(parts, kit.rgb(theme.current().border))
