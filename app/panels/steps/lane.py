"""One lane: how it goes, the frame in front as galleries or on the plane, and its numbers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PySide6.QtCore import Signal
from PySide6.QtWidgets import QLabel, QStackedWidget, QVBoxLayout, QWidget

from app.panels.steps.controls import LaneHead
from app.panels.steps.pictures import NAMES, VIEWS, Pictures, first_views
from app.panels.steps.track import Track as Track
from app.shell import theme
from app.widgets import film, images, kit
from app.widgets.grid import GridMosaic
from app.widgets.plane import PlaneView
from app.widgets.status import ElidedLabel
from gm_core import api

SIGNS = {
    "alpha_bar": "ᾱ", "sigma": "σ", "snr": "SNR", "t": "t", "beta": "β", "log_snr": "log SNR",
    "score_norm": "|score|", "guidance": "|guidance|", "accepted": "accepted",
}  # fmt: skip
MOST_PATHS = 48  # more lines only hide each other
MOST_ARROWS = 160
ARROWS = ("velocity", "score", "guidance", "noise")


class Lane(QWidget):
    """Draws one frame of a Track: images as galleries side by side, points on one plane with their paths.

    Setters: show_at(index), set_views(names), set_extent(lo, hi), set_empty(title, hint), select(sample), clear();
    `title` are words before the numbers. `stored` keeps the finished tracks of other branches by their numbers.
    Signals: clicked(int sample), views_changed(tuple) when the words of the plane's legend are switched.
    """

    clicked = Signal(int)
    views_changed = Signal(object)

    def __init__(self, name: str = "a", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.name = name
        self.track = Track()
        self.stored: dict[int, Track] = {}
        self.index = 0
        self.title = ""
        self._views: tuple[str, ...] = ()
        self.head = LaneHead(name)
        self.words = ElidedLabel("", "caption")
        self.pictures = Pictures()
        self.pictures.clicked.connect(self.clicked)
        self.plane = PlaneView()
        self.plane.toggled.connect(self._switched)
        self.stack = QStackedWidget()
        self.stack.addWidget(self.pictures)
        self.stack.addWidget(self.plane)
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(2)
        box.addWidget(self.head)
        box.addWidget(self.stack, 1)
        box.addWidget(self.words)

    @property
    def galleries(self) -> dict[str, tuple[QLabel, GridMosaic]]:
        """The galleries of images by the name of what they show."""
        return self.pictures.galleries

    def set_empty(self, title: str, hint: str = "") -> None:
        """What to say while there is nothing to show."""
        self.pictures.set_empty(title, hint)
        self.plane.set_empty(title, hint)

    def clear(self) -> None:
        """Forget the trajectory and show the empty state."""
        self.track, self.stored = Track(), {}
        self.pictures.clear()
        self.plane.clear()
        self.words.setText("")

    def current(self) -> api.StepFrame | None:
        """The frame in front."""
        frames = self.track.frames
        return frames[min(self.index, len(frames) - 1)] if frames else None

    def set_views(self, names: Sequence[str]) -> None:
        """What is shown beside x_t; nothing takes the first ones that there are."""
        self._views = tuple(names)
        for key in VIEWS:
            if names and key in self.plane.layers():
                self.plane.set_visible(key, key in names)

    def offered(self) -> list[str]:
        """What the frames have beside x_t, in the order in which it is shown."""
        frame = self.current()
        if frame is None:
            return []
        known = [name for name, view in frame.views.items() if view.ndim == frame.x.ndim]
        return sorted(known, key=lambda name: VIEWS.index(name) if name in VIEWS else len(VIEWS))

    def shown_views(self) -> tuple[str, ...]:
        """What is shown beside x_t."""
        offered = self.offered()
        chosen = [name for name in offered if name in self._views]
        return tuple(chosen) if self._views else first_views(offered)

    def show_at(self, index: int) -> None:
        """Show one frame, exactly as it came."""
        self.index = max(0, min(index, len(self.track.frames) - 1))
        frame = self.current()
        if frame is None:
            return
        if frame.x.ndim == 4:
            self.stack.setCurrentIndex(0)
            self.pictures.show_frame(frame, self.shown_views())
        elif frame.x.ndim == 2 and frame.x.shape[1] == 2:
            self.stack.setCurrentIndex(1)
            self._show_points(frame)
        self.words.setText(self.describe(frame))

    def describe(self, frame: api.StepFrame) -> str:
        """The numbers of a frame in one line."""
        parts = [p for p in (self.title, frame.time) if p]
        said = frame.time.replace(" ", "")
        for name, value in frame.numbers.items():
            text = f"{SIGNS.get(name, name)} {kit.number_text(float(value), 3)}"
            if text.replace(" ", "").replace("=", "") != said.replace("=", ""):
                parts.append(text)
        parts.append(f"step {frame.number:,} of {frame.total:,}")
        if frame.cost:
            parts.append(f"cost {frame.cost:,} evaluations")
        return "  ·  ".join(parts)

    # points

    def set_extent(self, lo: float, hi: float) -> None:
        """The box of the plane that is worth drawing."""
        self.plane.set_extent(lo, hi, lo, hi)

    def _switched(self, key: str, on: bool) -> None:
        if key in VIEWS:
            layers = self.plane._layers
            self.views_changed.emit(tuple(k for k in VIEWS if k in layers and layers[k].visible))

    def _show_points(self, frame: api.StepFrame) -> None:
        t = theme.current()
        frames, few = self.track.frames, slice(0, MOST_PATHS)
        self.plane.set_layer("x", NAMES["x"], "points", frame.x, colour=t.series[0])
        if "x0" in frame.views:
            self._layer("x0", "points", frame.views["x0"], t.series[1])
        for place, name in enumerate(ARROWS):
            if name in frame.views:
                arrows = np.concatenate([frame.x, frame.views[name]], 1)[:MOST_ARROWS]
                self._layer(name, "arrows", arrows, t.series[(2 + place) % len(t.series)])
        for key, label, part, share in (
            ("paths", "way so far", frames[: self.index + 1], 0.6),
            ("ahead", "way ahead", frames[self.index :] if self.track.done else [], 0.22),
        ):
            if len(part) > 1:
                ways = np.stack([f.x[few] for f in part], 1)
                self.plane.set_layer(key, label, "paths", ways, colour=theme.mix(t.base, t.series[0], share))
            else:
                self.plane.remove_layer(key)

    def _layer(self, key: str, kind: str, data: np.ndarray, colour: str) -> None:
        """A view on the plane: of the arrows none is drawn until it is wished, since they hide the points."""
        visible = key in self._views if self._views else key == "x0"
        self.plane.set_layer(key, NAMES.get(key, key), kind, data, colour=colour, visible=visible)  # type: ignore[arg-type]

    # export

    def picture_of(self, frame: api.StepFrame) -> np.ndarray | None:
        """One frame of images as a picture: x_t and the views side by side, with the numbers under them."""
        if frame.x.ndim != 4:
            return None
        sheets = {"x": frame.x, **{name: frame.views[name] for name in self.shown_views() if name in frame.views}}
        tiles = [film.captioned(film.sheet(s, least=220), NAMES.get(n, n)) for n, s in sheets.items()]
        return film.captioned(film.beside(tiles), self.describe(frame))

    def strip(self, columns: int = 10, rows: int = 4) -> np.ndarray | None:
        """The way of a few samples from noise to data as one picture: a row a sample, a column a moment."""
        frames = self.track.frames
        if not frames or frames[0].x.ndim != 4:
            return None
        places = sorted({self.track.nearest(p) for p in np.linspace(0, 1, columns)})
        across = np.stack([frames[i].x[:rows] for i in places], 1)
        count, moments = across.shape[:2]
        return film.enlarge(images.tile(across.reshape(count * moments, *across.shape[2:]), moments, gap=1), 900)
