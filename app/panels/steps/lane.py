"""One trajectory: every frame that came, kept for scrubbing, and the pictures of the one in front."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from PySide6.QtWidgets import QGridLayout, QLabel, QStackedWidget, QVBoxLayout, QWidget

from app.shell import theme
from app.widgets import film, images, kit
from app.widgets.grid import GridMosaic
from app.widgets.plane import PlaneView
from app.widgets.status import ElidedLabel
from gm_core import api

NAMES = {
    "x": "xₜ",
    "x0": "predicted x₀",
    "noise": "predicted noise",
    "eps": "predicted noise",
    "velocity": "velocity",
    "score": "score",
}
TIPS = {
    "x": "Where the sample stands at this step.",
    "x0": "What the model believes the clean example to be, seen from this step.",
    "noise": "The noise that the model believes to be in it.",
}
SIGNS = {"alpha_bar": "ᾱ", "sigma": "σ", "snr": "SNR", "t": "t", "beta": "β", "log_snr": "log SNR"}
MOST_PATHS = 48  # more lines only hide each other


class Track:
    """The frames of one trajectory in order. A new one grows beside the old until it may take its place."""

    def __init__(self) -> None:
        self.frames: list[api.StepFrame] = []
        self.coming: list[api.StepFrame] | None = None
        self.curves: Mapping[str, np.ndarray] = {}
        self.samplers: tuple[str, ...] = ()
        self.step: int | None = None
        self.done = False

    def take(self, index: int, frame: api.StepFrame, step: int, until: float) -> bool:
        """Keep a frame; a new trajectory comes to the front once it is as far as `until`. True if it is in front."""
        if index == 0:
            self.coming, self.done, self.step = [], False, step
            if frame.curves:
                self.curves = frame.curves
            if frame.samplers:
                self.samplers = frame.samplers
        target = self.frames if self.coming is None else self.coming
        target.append(frame)
        if self.coming is not None and (not self.frames or frame.progress >= min(until, 1.0)):
            self.frames, self.coming = self.coming, None
        return self.coming is None

    def finish(self) -> None:
        """No more frames come."""
        if self.coming:
            self.frames = self.coming
        self.coming, self.done = None, True

    def clear(self) -> None:
        """Forget everything."""
        self.frames, self.coming, self.done = [], None, False

    def newest(self) -> api.StepFrame | None:
        """The last frame that came, in front or not."""
        found = self.coming or self.frames
        return found[-1] if found else None

    def nearest(self, progress: float) -> int:
        """The place of the frame whose progress is nearest."""
        if not self.frames:
            return 0
        return int(np.argmin([abs(f.progress - progress) for f in self.frames]))


class Lane(QWidget):
    """Draws one frame of a Track: images as galleries side by side, points on one plane with their paths.

    Setters: show_at(index), set_extent(lo, hi), set_empty(title, hint), clear(); `title` are words before the numbers.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.track = Track()
        self.index = 0
        self.words = ElidedLabel("", "caption")
        self.galleries: dict[str, tuple[QLabel, GridMosaic]] = {}
        self._grid = QGridLayout()
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(8)
        self._grid.setVerticalSpacing(2)
        pictures = QWidget()
        pictures.setLayout(self._grid)
        self.plane = PlaneView()
        self.stack = QStackedWidget()
        self.stack.addWidget(pictures)
        self.stack.addWidget(self.plane)
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(2)
        box.addWidget(self.stack, 1)
        box.addWidget(self.words)
        self._empty = ("No trajectory yet", "")
        self.title = ""
        self._gallery("x")

    def set_empty(self, title: str, hint: str = "") -> None:
        """What to say while there is nothing to show."""
        self._empty = (title, hint)
        for key, (_, mosaic) in self.galleries.items():
            mosaic.set_empty(*(self._empty if key == "x" else ("", "")))
        self.plane.set_empty(title, hint)

    def clear(self) -> None:
        """Forget the trajectory and show the empty state."""
        self.track.clear()
        for _, mosaic in self.galleries.values():
            mosaic.set_images(None)
        self.plane.clear()
        self.words.setText("")

    def current(self) -> api.StepFrame | None:
        """The frame in front."""
        frames = self.track.frames
        return frames[min(self.index, len(frames) - 1)] if frames else None

    def show_at(self, index: int) -> None:
        """Show one frame, exactly as it came."""
        self.index = max(0, min(index, len(self.track.frames) - 1))
        frame = self.current()
        if frame is None:
            return
        if frame.x.ndim == 4:
            self.stack.setCurrentIndex(0)
            self._show_pictures(frame)
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
        parts.append(f"evaluation {frame.number:,} of {frame.total:,}")
        return "  ·  ".join(parts)

    # pictures

    def _gallery(self, key: str) -> GridMosaic:
        if key not in self.galleries:
            mosaic = GridMosaic()
            mosaic.setAccessibleName(NAMES.get(key, key))
            mosaic.setMinimumSize(72, 72)
            mosaic.set_empty(*(self._empty if key == "x" else ("", "")))
            word = kit.label(NAMES.get(key, key), "caption")
            word.setToolTip(TIPS.get(key, ""))
            self.galleries[key] = (word, mosaic)
            self._arrange()
        return self.galleries[key][1]

    def _arrange(self) -> None:
        for place, (word, mosaic) in enumerate(self.galleries.values()):
            self._grid.removeWidget(word)
            self._grid.removeWidget(mosaic)
            self._grid.addWidget(word, 0, place)
            self._grid.addWidget(mosaic, 1, place)
            self._grid.setColumnStretch(place, 1)
        self._grid.setRowStretch(1, 1)

    def _show_pictures(self, frame: api.StepFrame) -> None:
        shown = {"x": frame.x, **{name: view for name, view in frame.views.items() if view.ndim == 4}}
        for key in [k for k in self.galleries if k != "x" and k not in shown]:
            word, mosaic = self.galleries.pop(key)
            word.deleteLater()
            mosaic.deleteLater()
        for key, items in shown.items():
            self._gallery(key).set_images(items)

    # points

    def set_extent(self, lo: float, hi: float) -> None:
        """The box of the plane that is worth drawing."""
        self.plane.set_extent(lo, hi, lo, hi)

    def _show_points(self, frame: api.StepFrame) -> None:
        series = theme.current().series
        past = self.track.frames[: self.index + 1]
        few = slice(0, MOST_PATHS)
        self.plane.set_layer("x", NAMES["x"], "points", frame.x, colour=series[0])
        if "x0" in frame.views:
            self.plane.set_layer("x0", NAMES["x0"], "points", frame.views["x0"], colour=series[1])
        if len(past) > 1:
            ways = np.stack([f.x[few] for f in past], 1)
            self.plane.set_layer(
                "paths", "way so far", "paths", ways, colour=theme.mix(theme.current().base, series[0], 0.6)
            )
        else:
            self.plane.remove_layer("paths")

    # export

    def views(self) -> list[str]:
        """The names of what each frame shows."""
        frame = self.current()
        return [] if frame is None else ["x", *[n for n, v in frame.views.items() if v.ndim == frame.x.ndim]]

    def picture_of(self, frame: api.StepFrame) -> np.ndarray | None:
        """One frame of images as a picture: x_t and the predictions side by side, with the numbers under them."""
        if frame.x.ndim != 4:
            return None
        sheets = [frame.x, *[v for v in frame.views.values() if v.ndim == 4]]
        names = [NAMES["x"], *[NAMES.get(n, n) for n, v in frame.views.items() if v.ndim == 4]]
        tiles = [film.captioned(film.sheet(s, least=220), n) for s, n in zip(sheets, names, strict=True)]
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
