"""What a frame shows of images: galleries side by side, x_t first."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QGridLayout, QLabel, QWidget

from app.widgets import kit
from app.widgets.grid import GridMosaic
from gm_core import api

NAMES = {
    "x": "xₜ",
    "x0": "predicted x₀",
    "noise": "predicted noise",
    "eps": "predicted noise",
    "velocity": "velocity",
    "score": "score",
    "guidance": "guidance adds",
}
TIPS = {
    "x": "Where the sample stands at this step.",
    "x0": "What the model believes the clean example to be, seen from this step.",
    "noise": "The noise that the model believes to be in it.",
    "eps": "The noise that the model believes to be in it.",
    "velocity": "Where the sample moves, and how fast: dx/dt.",
    "score": "The direction in which the noised data become more probable: the gradient of ln p at this noise.",
    "guidance": "What leaning towards the class adds to the prediction: (s - 1) times conditional minus unconditional.",
}
VIEWS = ("x0", "noise", "eps", "velocity", "score", "guidance")


def first_views(offered: Sequence[str]) -> tuple[str, ...]:
    """What is shown until somebody chooses: the predicted data, one of noise, velocity and score, and guidance."""
    second = [name for name in ("noise", "eps", "velocity", "score") if name in offered][:1]
    others = [name for name in offered if name not in VIEWS]
    return tuple(name for name in ("x0", *second, "guidance", *others) if name in offered)


class Pictures(QWidget):
    """Galleries by name. show_frame(frame, views), select(sample), set_empty(title, hint), clear().

    Signal: clicked(int sample).
    """

    clicked = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.galleries: dict[str, tuple[QLabel, GridMosaic]] = {}
        self._empty = ("No trajectory yet", "")
        self._sample: int | None = None
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(8)
        self._grid.setVerticalSpacing(2)
        self._gallery("x")

    def set_empty(self, title: str, hint: str = "") -> None:
        """What to say while there is nothing to show."""
        self._empty = (title, hint)
        for key, (_, mosaic) in self.galleries.items():
            mosaic.set_empty(*(self._empty if key == "x" else ("", "")))

    def clear(self) -> None:
        """Show the empty state."""
        for _, mosaic in self.galleries.values():
            mosaic.set_images(None)

    def select(self, sample: int | None) -> None:
        """Outline one sample in all galleries."""
        self._sample = sample
        for _, mosaic in self.galleries.values():
            mosaic.set_selected(sample)

    def show_frame(self, frame: api.StepFrame, views: Sequence[str]) -> None:
        """Show x_t and the views that are wished and there."""
        shown = {"x": frame.x, **{name: frame.views[name] for name in views if name in frame.views}}
        gone = [key for key in self.galleries if key not in shown]
        for key in gone:
            word, mosaic = self.galleries.pop(key)
            word.deleteLater()
            mosaic.deleteLater()
        new = [key for key in shown if key not in self.galleries]
        for key, items in shown.items():
            self._gallery(key).set_images(items)
        if gone or new:
            order = list(shown)
            self.galleries = {key: self.galleries[key] for key in order}
            self._arrange()
            self.select(self._sample)

    def _gallery(self, key: str) -> GridMosaic:
        if key not in self.galleries:
            mosaic = GridMosaic()
            mosaic.setAccessibleName(NAMES.get(key, key))
            mosaic.setMinimumSize(56, 48)
            mosaic.set_empty(*(self._empty if key == "x" else ("", "")))
            mosaic.clicked.connect(self.clicked)
            word = kit.label(NAMES.get(key, key), "caption")
            word.setToolTip(TIPS.get(key, ""))
            word.setMinimumWidth(24)
            self.galleries[key] = (word, mosaic)
            self._arrange()
        return self.galleries[key][1]

    def _arrange(self) -> None:
        for column in range(self._grid.columnCount()):
            self._grid.setColumnStretch(column, 0)
        for place, (word, mosaic) in enumerate(self.galleries.values()):
            self._grid.removeWidget(word)
            self._grid.removeWidget(mosaic)
            self._grid.addWidget(word, 0, place)
            self._grid.addWidget(mosaic, 1, place)
            self._grid.setColumnStretch(place, 1)
        self._grid.setRowStretch(1, 1)
