"""The plane: data, samples, densities and scores of two-dimensional models, and the truth where it is known."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QEvent
from PySide6.QtWidgets import QComboBox, QVBoxLayout, QWidget

from app import export
from app.panel import Export, Panel, PanelState
from app.shell import theme
from app.widgets import kit
from app.widgets.folding import FoldingRow
from app.widgets.number import NumberBox, NumberSlider
from app.widgets.plane import Kind, PlaneView
from app.widgets.status import StatusLine, step_words
from gm_core import api

Floats = npt.NDArray[np.floating[Any]]
COUNTS = (250, 1000, 4000)
DATA_POINTS = 2000
GRID = 112
MODEL_GRID = 72  # a model's density costs a network evaluation, or many, at each place
DRAWS = 16
WIDER = 1.5  # grids reach beyond the box of the data, so that a wide panel has no bare margins
ARROWS = 30
DENSITIES = ("exact", "model", "difference")
# key, words, kind, capability or trait that it needs, shown at first
LAYERS: tuple[tuple[str, str, Kind, frozenset[str], bool], ...] = (
    ("exact", "exact density", "image", frozenset({"exact"}), True),
    ("model", "model density", "image", frozenset({"density"}), False),
    ("difference", "model − exact", "image", frozenset({"density", "exact"}), False),
    ("data", "data", "points", frozenset(), False),
    ("samples", "samples", "points", frozenset({"samples"}), True),
    ("score", "model score", "arrows", frozenset({"field"}), True),
    ("exact_score", "exact score", "arrows", frozenset({"exact"}), False),
)
OVER_DENSITY = {"data": "#aeb4c2", "score": "#ff6fb5", "exact_score": "#31c4d8"}
"""Inks that are seen on the dark ground of a density, and in the legend of both themes."""
MAPS = {"exact": "viridis", "model": "viridis", "difference": "diverging"}


class PlaneState(PanelState):
    """What the plane remembers."""

    count: int = api.param(1000, "How many samples are drawn.", lo=1, hi=20_000)
    noise: float = api.param(0.05, "Noise level of the score: 0 is the data, 1 pure noise.", lo=0.0, hi=1.0)
    shown: str = api.param("exact samples score", "The layers that are on, separated by spaces.")


class PlanePanel(Panel):
    """Layers on one plane; the words of the legend switch them. What is off is not asked for."""

    name = "plane"
    title = "Plane"
    icon = "expand"
    tip = "Samples on the plane beside the data and, where it is known, the truth."
    needs = frozenset({"points"})
    slot = "centre"
    order = 30
    State = PlaneState

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._on = {key for key, _, _, _, first in LAYERS if first}
        self._chosen = False
        self._fresh: dict[str, api.Frame] = {}
        self._truth: api.Truth | None = None
        self._surface: api.Surface | None = None
        self._shows: int | None = None
        self._drawn = 0
        self._seed = 0
        self._build()

    def _build(self) -> None:
        self.dice = kit.IconButton("dice", "Samples from new noise", "R")
        self.dice.clicked.connect(lambda: self.desk.new_noise())
        self.seed = NumberBox(0, 2**31 - 1, 0, integer=True, name="Seed of the noise", step=1)
        self.seed.setFixedWidth(theme.px(56))
        self.seed.changed.connect(self._take_seed)
        self.count = QComboBox()
        self.count.setAccessibleName("Samples drawn")
        for n in COUNTS:
            self.count.addItem(f"{n:,}", n)
        self.count.setCurrentIndex(COUNTS.index(1000))
        self.count.currentIndexChanged.connect(lambda _: self._ask("samples"))
        self.noise = NumberSlider(0.0, 1.0, 0.05, name="Noise level of the score")
        self.noise.setToolTip("The score of the data blurred by this much noise: 0 is the data, 1 pure noise.")
        self.noise.box.setMinimumWidth(theme.px(48))
        self.noise.box.setFixedWidth(theme.px(48))
        self.noise.setFixedWidth(theme.px(170))
        self.noise.changing.connect(lambda _: self._ask("score"))
        self.noise.changed.connect(lambda _: self._ask("score"))
        self.fit = kit.IconButton("zoom-fit", "Show the whole plane", "0")
        row = self.header = FoldingRow()
        row.add(self.dice, priority=9)
        row.add(self.seed, "seed", priority=3)
        row.add(self.count, "samples", priority=6)
        row.add(self.noise, "score at noise", priority=5)
        row.add_space()
        row.add(self.fit, priority=8)
        self.view = PlaneView()
        self.view.set_empty("Nothing on the plane yet", "Press Train with a two-dimensional data set.")
        self.view.toggled.connect(self._switched)
        self.fit.clicked.connect(self.view.fit)
        self.status = StatusLine()
        box = QVBoxLayout(self)
        box.setContentsMargins(8, 6, 8, 4)
        box.setSpacing(6)
        box.addWidget(row)
        box.addWidget(self.view, 1)
        box.addWidget(self.status)
        self.setMinimumSize(220, 180)

    # ---- asking -----------------------------------------------------------------------------------------------

    def _layers(self) -> list[tuple[str, str, Kind]]:
        traits = self.card.traits if self.card is not None else frozenset()
        return [(key, words, kind) for key, words, kind, needs, _ in LAYERS if needs <= traits]

    def begin(self, card: api.RunCard) -> None:
        """Another run: make its layers, and ask for those that are on."""
        self._truth, self._surface, self._shows = None, None, None
        self._fresh.clear()
        self._seed = self.desk.seed
        self.seed.set_value(self._seed)
        if not self._chosen:  # without a known density, the data themselves say where the samples should be
            (self._on.discard if "exact" in card.traits else self._on.add)("data")
        self.view.clear()
        self.view.set_extent(*card.data.range, *card.data.range)
        for key, _, kind in self._layers():
            empty = np.zeros((0, {"points": 2, "arrows": 4}.get(kind, 0)))
            self._put(key, empty)
            self._ask(key)
        self.header.set_shown(self.noise, "field" in card.offers)

    def vanish(self) -> None:
        """No points in front."""
        self.view.clear()
        self.status.set_text("")

    def card_changed(self, card: api.RunCard) -> None:
        """A newer step of the same run."""
        self.touch()

    def noise_moved(self, seed: int) -> None:
        """Other noise, or the same once more."""
        self._seed = seed
        self.seed.set_value(seed)
        self._ask("samples")

    def _take_seed(self, value: object) -> None:
        self.desk.seed = int(value)  # type: ignore[call-overload]
        self.desk.same_noise()

    def _ask(self, key: str) -> None:
        """Ask for what a layer shows, if it is on."""
        if self.card is None or key not in self._on or key not in {k for k, _, _ in self._layers()}:
            return
        lo, hi = self.card.data.range
        middle, half = (lo + hi) / 2, (hi - lo) / 2 * WIDER
        box = (middle - half, middle + half, middle - half, middle + half)
        if key == "samples":
            count = int(self.count.currentData())
            self.ask("samples", api.SampleQuery(seed=self._seed, n=count), follow=self.desk.noise_locked)
        elif key == "data":
            self.ask("data", api.ExamplesQuery(seed=0, n=DATA_POINTS, split="train"), step=None)
        elif key in ("model", "difference"):
            self.ask("density", api.DensityGridQuery(box=box, size=MODEL_GRID, samples=DRAWS), follow=True)
        elif key == "score":
            self.ask("score", api.FieldQuery(box=box, size=ARROWS, noise=float(self.noise.value())), follow=True)
        if key in ("exact", "exact_score", "difference") and self._truth is None:
            self.ask("truth", api.TruthQuery(box=box, size=GRID, score_size=ARROWS), step=None)

    def _switched(self, key: str, shown: bool) -> None:
        """A layer is switched by hand; of the densities only one can be seen at a time."""
        self._chosen = True
        (self._on.add if shown else self._on.discard)(key)
        if shown and key in DENSITIES:
            for other in DENSITIES:
                if other != key and other in self._on:
                    self._on.discard(other)
                    self.view.set_visible(other, False)
        if shown:
            self._ask(key)
        for topic, users in (("samples", {"samples"}), ("density", {"model", "difference"}), ("score", {"score"})):
            if not users & self._on:
                self.cancel(topic)
        self._redo()
        self.touch()

    # ---- hearing ----------------------------------------------------------------------------------------------

    def receive(self, purpose: str, answer: api.Answered) -> None:
        """Points, grids, arrows."""
        if answer.frame is not None:
            self.show_frame(answer.frame, answer.step)

    def show_frame(self, frame: api.Frame, step: int) -> None:
        """Show any frame that lives on the plane, from a run or from a recording."""
        if isinstance(frame, api.Truth):
            self._truth = frame
        elif isinstance(frame, api.Surface):
            self._surface, self._shows = frame, step
        elif isinstance(frame, api.Sheet | api.Arrows):
            self._shows = step
        self._fresh[type(frame).__name__] = frame
        self.touch()

    def failed(self, purpose: str, trouble: api.Trouble) -> None:
        """Keep what is shown and say why there is nothing newer."""
        self.status.warn(trouble.words)

    # ---- drawing ----------------------------------------------------------------------------------------------

    def redraw(self) -> None:
        """Bring what has come to the plane."""
        fresh, self._fresh = self._fresh, {}
        for frame in fresh.values():
            if isinstance(frame, api.Sheet) and frame.items.ndim == 2:
                self._put("samples", frame.items)
                self._drawn = len(frame.items)
            elif isinstance(frame, api.ExamplesFrame) and frame.items.ndim == 2:
                self._put("data", frame.items)
            elif isinstance(frame, api.Arrows):
                self._put("score", np.concatenate([frame.points, frame.vectors], 1))
            elif isinstance(frame, api.Truth | api.Surface):
                self._put_grids()
        self._describe()

    def _put_grids(self) -> None:
        truth, surface = self._truth, self._surface
        if truth is not None:
            self._put("exact", np.exp(truth.values), truth.box)
            self._put("exact_score", np.concatenate([truth.points, truth.vectors], 1))
        if surface is not None:
            self._put("model", np.exp(surface.values), surface.box)
        if truth is not None and surface is not None:
            # The nearest places of the finer grid, so that both are compared at the same points.
            places = np.linspace(0, len(truth.values) - 1, len(surface.values)).round().astype(int)
            gap = np.exp(surface.values) - np.exp(truth.values[np.ix_(places, places)])
            # The scale runs from the least to the largest value; two far corners keep its middle at zero.
            gap[0, 0] = -(most := float(np.abs(gap).max()))
            gap[-1, -1] = most
            self._put("difference", gap, surface.box)

    def _put(self, key: str, data: Floats, box: tuple[float, float, float, float] | None = None) -> None:
        found = next(((words, kind) for k, words, kind in self._layers() if k == key), None)
        if found is None:
            return
        words, kind = found
        if key == "model" and self._surface is not None and self._surface.kind != "exact":
            words = f"{words} ({self._surface.kind})"
        t = theme.current()
        over = bool(self._on & {"exact", "model"})  # light ink on the dark ground of a density
        inks = OVER_DENSITY if over else {"data": t.muted, "exact_score": t.series[2]}
        colour = t.series[1] if key == "samples" else inks.get(key)
        self.view.set_layer(key, words, kind, data, box, colour, MAPS.get(key, "viridis"), key in self._on)

    def _redo(self) -> None:
        """Draw all layers once more, with the colours of the theme."""
        for key, layer in list(self.view._layers.items()):
            self._put(key, layer.data, layer.extent)

    def changeEvent(self, event: QEvent) -> None:
        """Follow the theme."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange and hasattr(self, "view"):
            self._redo()

    def _describe(self) -> None:
        if self.card is None:
            return
        view = self.desk.views.get(self.card.run)
        words = [step_words(self._shows, view.last_step if view and self.desk.now is not None else None)]
        if self._drawn and "samples" in self._on:
            words.append(f"{self._drawn:,} samples, seed {self._seed}")
        self.status.tell(*words)
        self.status.set_side(f"entropy of the data {self._truth.entropy:.3f} nats" if self._truth is not None else "")

    # ---- settings and export ----------------------------------------------------------------------------------

    def state(self) -> PlaneState:
        """Samples, noise, layers."""
        on = [key for key, *_ in LAYERS if key in self._on]
        return PlaneState(count=int(self.count.currentData()), noise=float(self.noise.value()), shown=" ".join(on))

    def restore(self, state: PanelState) -> None:
        """Samples, noise, layers."""
        if isinstance(state, PlaneState):
            self.count.blockSignals(True)
            place = self.count.findData(state.count)
            if place < 0:
                self.count.addItem(f"{state.count:,}", state.count)
                place = self.count.count() - 1
            self.count.setCurrentIndex(place)
            self.count.blockSignals(False)
            self.noise.set_value(state.noise)
            self._on, self._chosen = set(state.shown.split()), True

    def shown(self) -> dict[str, Any]:
        """The noise and the step that is really shown."""
        return {"seed": self._seed, "shown_step": self._shows}

    def picture(self) -> QWidget:
        """The plane with its legend."""
        return self.view

    def exports(self) -> list[Export]:
        """The plane as a picture or as vectors."""

        def png(path: Path) -> None:
            export.export_png(self.view, path, self.settings_text())

        def svg(path: Path) -> None:
            export.export_svg(self.view.canvas, path)

        def pdf(path: Path) -> None:
            export.export_pdf(self.view.canvas, path)

        return [
            Export("Plane as PNG", ".png", png),
            Export("Plane as SVG", ".svg", svg),
            Export("Plane as PDF", ".pdf", pdf),
        ]
