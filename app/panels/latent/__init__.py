"""The latent explorer: move through the space of codes and see what the decoder makes of each."""

from __future__ import annotations

import time
from typing import Any, Literal

import numpy as np
from PySide6.QtCore import QTimer
from PySide6.QtGui import QKeyEvent, QResizeEvent
from PySide6.QtWidgets import QComboBox, QPushButton, QWidget

from app.panel import Export, Panel, PanelState
from app.panels.latent import writing
from app.panels.latent.chart import Chart, Code
from app.panels.latent.layout import Arrangement
from app.panels.latent.survey import Survey
from app.panels.latent.walks import PATHS, Walks
from app.widgets import film, kit
from app.widgets.folding import FoldingRow
from app.widgets.items import Items
from app.widgets.mosaic import Mosaic
from app.widgets.slider import SliderStack
from app.widgets.status import StatusLine, step_words
from gm_core import api

NEIGHBOURS = 5
SETTLE_MS = 140
MAP_SIZE = 2000
MAP_REST = 0.4
"""Seconds between two drawings of the map; the picture of the code in front is never kept waiting."""
HAND = 2.0
"""Seconds after which a slider that was moved may be sorted to another place."""


class LatentState(PanelState):
    """What the explorer remembers."""

    axis_x: int = api.param(-1, "The latent dimension across the map; -1 takes the most used one.", lo=-1, hi=4096)
    axis_y: int = api.param(-1, "The latent dimension up the map; -1 takes the second.", lo=-1, hi=4096)
    stops: int = api.param(12, "Pictures on the way from A to B, with both ends.", lo=3, hi=64)
    path: Literal["straight", "spherical"] = api.param("spherical", "The way that the map draws.")
    code: tuple[float, ...] = api.param((), "The code in front.", lo=-99.0, hi=99.0)


class LatentPanel(Panel):
    """Sliders, map, big picture and interpolation around one code `z`, which all of them show and can change."""

    name = "latent"
    title = "Latent"
    icon = "layers"
    tip = "Drag a slider or the map and see what the decoder makes of the code."
    needs = frozenset({"latent"})
    slot = "right"
    order = 10
    alive_at_start = True
    State = LatentState

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._z: Code | None = None
        self._wished: tuple[float, ...] = ()
        self._ends: dict[str, Code | None] = {"A": None, "B": None}
        self._stops = 12
        self._decoded: np.ndarray | None = None
        self._hover: Code | None = None
        self._neighbours: tuple[int, ...] = ()
        self._shows: int | None = None
        self._film = False
        self._far, self._held = 0.0, -HAND
        self._map: api.LatentMap | None = None
        self._mapped = -MAP_REST
        self._settle = QTimer(self)
        self._settle.setSingleShot(True)
        self._settle.setInterval(SETTLE_MS)
        self._settle.timeout.connect(self._settled)
        self._build()

    def _build(self) -> None:
        self.draw = kit.IconButton("dice", "A code drawn from the prior")
        self.draw.clicked.connect(self._draw_prior)
        self.centre = kit.IconButton("reset", "Back to the centre of the prior")
        self.centre.clicked.connect(self._to_centre)
        chart = self.chart = Chart(self)
        chart.moved.connect(self._dragged)
        chart.taken.connect(self._move)
        chart.hovered.connect(self._hovered)
        chart.left.connect(self._unhover)
        chart.end_moved.connect(self._end_moved)
        self.set_a, self.set_b = QPushButton("A"), QPushButton("B")
        for button, end in ((self.set_a, "A"), (self.set_b, "B")):
            button.setToolTip(f"Make this code the end {end} of the interpolation  ({end})")
            button.setAccessibleName(f"Set {end}")
            button.clicked.connect(lambda _=False, e=end: self._set_end(e))
        self.path = QComboBox()
        self.path.addItems(["spherical", "straight"])
        self.path.setAccessibleName("Way from A to B on the map")
        self.path.currentIndexChanged.connect(lambda _: self._draw_path())
        self.side = kit.IconButton("settings", "Sliders in place of the map", checkable=True)
        self.side.toggled.connect(lambda _: self.room.arrange(self.width(), self.height()))
        row = self.header = FoldingRow()
        row.add(self.draw, priority=9)
        row.add(self.centre, priority=6)
        row.add(chart.across, "map", priority=4)
        row.add(chart.up, "×", priority=4)
        row.add_space()
        row.add(self.path, "way", priority=3)
        row.add(self.set_a, priority=7)
        row.add(self.set_b, priority=7)
        row.add(self.side, priority=8)
        self.picture_view = Items()
        self.picture_view.set_empty("Nothing decoded yet", "Press Train: each code becomes a picture here.")
        self.picture_view.mosaic.setMinimumSize(96, 96)
        self.near = Mosaic()
        self.near.setAccessibleName("Nearest real examples")
        self.near.setMinimumSize(60, 40)
        self.near.set_empty("", "The nearest real examples appear here.")
        self.near.clicked.connect(self._go_to_neighbour)
        self.near_words = kit.label("", "caption")
        self.near_words.setWordWrap(True)
        self.pad = chart.pad
        self.sliders = SliderStack()
        self.sliders.changing.connect(self._slid)
        self.sliders.changed.connect(self._slid)
        self.walks = Walks()
        self.walks.moved.connect(self._film_moved)
        self.walks.chosen.connect(self._walk_chosen)
        self.status = StatusLine()
        self.room = Arrangement(self)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Beside each other where there is room, else below each other."""
        super().resizeEvent(event)
        self.room.arrange(self.width(), self.height())

    @property
    def _survey(self) -> Survey | None:
        return self.chart.survey

    # ---- asking -----------------------------------------------------------------------------------------------

    def begin(self, card: api.RunCard) -> None:
        """Another run: its codes have another size and meaning, so begin at a code from its prior."""
        self._z, self._hover, self._neighbours = None, None, ()
        self._map, self._mapped = None, -MAP_REST
        self._ends = {"A": None, "B": None}
        self._film = False
        self.walks.clear()
        self.near.set_images(None)
        self.near_words.setText("")
        self.chart.clear()
        self.picture_view.mosaic.set_stale(self._decoded is not None)
        for name in PATHS:
            self.picture_view.set_trail(name, None)
        if card.data.kind == "points":
            self.picture_view.set_extent(*card.data.range)
        self.room.arrange(self.width(), self.height())
        self.ask("decode", api.DecodeQuery(seed=self.desk.seed), follow=True)
        self.ask("walk-straight", api.WalkQuery(seed=self.desk.seed + 1, n=self._stops), follow=True)
        if "encodes" in card.offers:
            self.ask("map", api.MapQuery(seed=0, n=MAP_SIZE), follow=True)
        else:
            self.cancel("map")

    def vanish(self) -> None:
        """No latent space in front."""
        self._z = self._decoded = None
        self.walks.clear()
        self.picture_view.set_items(None)
        self.status.set_text("")

    def card_changed(self, card: api.RunCard) -> None:
        """A newer step of the same run."""
        self.touch()

    def noise_moved(self, seed: int) -> None:
        """New noise: a new code from the prior."""
        self._draw_prior()

    def _draw_prior(self) -> None:
        self._film_off()
        self._z = None
        self.ask("decode", api.DecodeQuery(seed=int(np.random.default_rng().integers(2**31))), follow=True)

    def _to_centre(self) -> None:
        if self._z is not None:
            self._move(np.zeros_like(self._z))

    def _move(self, z: Code, ask: bool = True) -> None:
        """Take a new code: every control shows it, and its picture is asked for."""
        self._film_off()
        self._z = np.asarray(z, np.float32).copy()
        self._wished = ()
        self._show_code(self._z)
        if ask:
            self.ask("decode", api.DecodeQuery(z=self._z[None]), follow=True)
        self._settle.start()

    def _show_code(self, z: Code) -> None:
        self.sliders.set_values(np.round(z, 3))
        if self._hover is None:
            self.chart.set_code(z)
        if self._survey is not None:
            self._far = self._survey.nearest(z)[1]
        self.touch()

    def _settled(self) -> None:
        """The hand rests: look for the nearest real examples."""
        if self._survey is None or self._z is None or self.card is None:
            return
        places, self._far = self._survey.nearest(self._z, NEIGHBOURS)
        wanted = tuple(int(self._survey.frame.indices[p]) for p in places)
        if wanted != self._neighbours:
            self._neighbours = wanted
            self.ask("near", api.ExamplesQuery(split="validation", indices=wanted))
        self.touch()

    def _walk(self) -> None:
        a, b = self._ends["A"], self._ends["B"]
        if a is None or b is None:
            return
        stops = np.stack([a, b])
        for path in PATHS:
            self.ask(f"walk-{path}", api.WalkQuery(stops=stops, n=self._stops, path=path), follow=True)

    # ---- answers ----------------------------------------------------------------------------------------------

    def receive(self, purpose: str, answer: api.Answered) -> None:
        """Pictures of codes, the map, real examples."""
        frame = answer.frame
        if isinstance(frame, api.Decoded) and purpose in ("decode", "hover"):
            self._take_decoded(purpose, frame, answer.step)
        elif isinstance(frame, api.Decoded):
            self._take_walk(purpose.removeprefix("walk-"), frame)
        elif isinstance(frame, api.LatentMap):
            self._map = frame
        elif isinstance(frame, api.ExamplesFrame) and frame.items.ndim == 4:
            names = [self._label(int(y)) for y in frame.labels] or None
            self.near.set_images(frame.items, names)
            self.near.set_columns(len(frame.items) if self.room.wide else None)
        self.touch()

    def _label(self, y: int) -> str:
        classes = self.card.data.classes if self.card is not None else ()
        return classes[y] if y < len(classes) else str(y)

    def _take_decoded(self, purpose: str, frame: api.Decoded, step: int) -> None:
        if purpose == "hover":
            if self._hover is not None and frame.items.ndim == 4:
                self.chart.show_picture(frame.items[0], self._hover)
            return
        self._decoded, self._shows = frame.items, step
        if self._z is None or len(self._z) != frame.z.shape[1]:
            size = frame.z.shape[1]
            self._know_size(size)
            # A code remembered from another session is taken up if this run's codes have its size.
            remembered = len(self._wished) == size
            self._move(np.array(self._wished, np.float32) if remembered else frame.z[0], ask=remembered)
        if not self._film:
            self.picture_view.set_items(frame.items[:1])
            if self._hover is None and frame.items.ndim == 4 and self._z is not None:
                self.chart.show_picture(frame.items[0], self._z)

    def _know_size(self, size: int) -> None:
        if len(self.sliders.rows) != size:
            self.sliders.set_dimensions(size)
        self.chart.set_size(size)

    def _take_walk(self, path: str, frame: api.Decoded) -> None:
        if self._ends["A"] is None or self._ends["B"] is None:
            self._ends = {"A": frame.z[0].copy(), "B": frame.z[-1].copy()}
            self._walk()
        self.walks.set_walk(path, frame.items, frame.z)
        if frame.items.ndim == 2:
            self.picture_view.set_trail(path, frame.items)
        self._draw_path()
        if self._film:
            self._film_moved(self.walks.transport.index())

    def _take_map(self, frame: api.LatentMap) -> None:
        survey = Survey(frame)
        size = survey.size
        if len(self.sliders.rows) != size:
            self.sliders.set_dimensions(size)
            if self._z is not None and len(self._z) == size:
                self.sliders.set_values(self._z)
        if time.monotonic() - self._held > HAND:  # a hand on a slider must not see it jump to another place
            self.sliders.set_dimensions(size, frame.use, survey.histograms())
        self.chart.set_survey(survey, self.card.data.classes if self.card is not None else ())
        if self._z is not None and len(self._z) == size:
            self._settle.start()

    # ---- the map ----------------------------------------------------------------------------------------------

    def _draw_path(self) -> None:
        self.chart.set_ends(self._ends["A"], self._ends["B"])
        codes = self.walks.codes(self.path.currentText())
        self.chart.set_way(codes if codes is not None else self.walks.codes("straight"))

    def _dragged(self, z: Code) -> None:
        self._hover = None
        self._move(z)

    def _hovered(self, z: Code) -> None:
        """Under the pointer the map shows what is there, while the big picture stays."""
        if not self._film:
            self._hover = z
            self.pad.set_cursor(*self.chart.place(z))
            self.ask("hover", api.DecodeQuery(z=z[None]))

    def _unhover(self) -> None:
        """The pointer left the map: it shows the code in front again."""
        if self._hover is None:
            return
        self._hover = None
        self.cancel("hover")
        if self._z is not None:
            self.chart.set_code(self._z)
            if self._decoded is not None and self._decoded.ndim == 4:
                self.chart.show_picture(self._decoded[0], self._z)

    def _end_moved(self, end: str, z: Code) -> None:
        self._ends[end] = z
        self._walk()

    # ---- hands ------------------------------------------------------------------------------------------------

    def _slid(self, values: Code) -> None:
        self._hover = None
        self._held = time.monotonic()
        self._film_off()
        self._z = np.asarray(values, np.float32).copy()
        self.chart.set_code(self._z)
        self.ask("decode", api.DecodeQuery(z=self._z[None]), follow=True)
        self._settle.start()
        self.touch()

    def _set_end(self, end: str) -> None:
        if self._z is not None:
            self._ends[end] = self._z.copy()
            self._draw_path()
            self._walk()

    def _go_to_neighbour(self, place: int) -> None:
        if self._survey is None or not 0 <= place < len(self._neighbours):
            return
        found = np.flatnonzero(self._survey.frame.indices == self._neighbours[place])
        if len(found):
            self._move(self._survey.frame.mu[int(found[0])])

    def _walk_chosen(self, path: str, index: int) -> None:
        codes = self.walks.codes(path)
        if codes is not None:
            self._move(codes[index])

    def _film_moved(self, index: int) -> None:
        """The film shows both ways side by side in the big picture, and where it is on the map."""
        found = self.walks.frame(index)
        if found is None:
            return
        self._film = True
        self.picture_view.set_items(found[1], found[0])
        self.pad.set_path_position(index / max(1, self.walks.length() - 1))
        self.touch()

    def _film_off(self) -> None:
        if self._film:
            self._film = False
            self.walks.transport.set_playing(False)
            self.pad.set_path_position(None)
            if self._decoded is not None:
                self.picture_view.set_items(self._decoded[:1])

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """A and B set the ends."""
        if event.text().upper() in ("A", "B") and not event.modifiers():
            self._set_end(event.text().upper())
        else:
            super().keyPressEvent(event)

    # ---- words, settings, export ------------------------------------------------------------------------------

    def redraw(self) -> None:
        """The newest map, not too often, and the words under the picture and at the foot."""
        if self.card is None:
            return
        if self._map is not None:
            if time.monotonic() - self._mapped >= MAP_REST:
                frame, self._map, self._mapped = self._map, None, time.monotonic()
                self._take_map(frame)
            else:
                self.touch()
        view = self.desk.views.get(self.card.run)
        words = [step_words(self._shows, view.last_step if view and self.desk.now is not None else None)]
        if self._survey is not None:
            used, size = int(self._survey.frame.active.sum()), self._survey.size
            words.append(f"{used} of {size} dimensions in use")
            off = self._far > 2.0
            kit.set_role(self.near_words, "role", "warn" if off else "caption")
            near = f"nearest real codes, {self._far:.1f}× the usual distance"
            self.near_words.setText(f"off the data: {near}" if off else near)
        elif "encodes" not in self.card.offers:
            self.near_words.setText("this model has no encoder, so real examples have no place on the map")
        self.status.set_text("  ·  ".join(w for w in words if w))

    def state(self) -> LatentState:
        """Axes, way, and the code in front."""
        code = self._wished
        if self._z is not None:
            code = tuple(round(float(v), 4) for v in np.clip(self._z, -99, 99))
        way: Literal["straight", "spherical"] = "straight" if self.path.currentText() == "straight" else "spherical"
        return LatentState(
            axis_x=self.chart.chosen[0], axis_y=self.chart.chosen[1], stops=self._stops, path=way, code=code
        )

    def restore(self, state: PanelState) -> None:
        """Axes, way, and the code in front."""
        if isinstance(state, LatentState):
            self.chart.chosen, self._stops, self._wished = (state.axis_x, state.axis_y), state.stops, state.code
            self.path.setCurrentText(state.path)

    def shown(self) -> dict[str, Any]:
        """The two ends and the step that is really shown."""
        ends = {end: None if z is None else [round(float(v), 4) for v in z] for end, z in self._ends.items()}
        return {"ends": ends, "shown_step": self._shows}

    def picture(self) -> np.ndarray | QWidget:
        """The decoded picture; the panel where points are decoded."""
        shown = self.picture_view.image()
        return self if shown is None else film.enlarge(shown, 400)

    def exports(self) -> list[Export]:
        """Interpolation as a strip and as a film, the picture, the map."""
        return writing.exports(self)
