"""The interpolation: the straight and the spherical way from A to B, one above the other, and the film of both."""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import QGridLayout, QLabel, QSizePolicy, QVBoxLayout, QWidget

from app.shell import theme
from app.widgets import film, images, kit
from app.widgets.mosaic import Mosaic
from app.widgets.transport import Transport

Path = Literal["straight", "spherical"]
PATHS: tuple[Path, ...] = ("straight", "spherical")
TIPS = {
    "straight": "The straight line: its middle is nearer to the centre than codes usually are.",
    "spherical": "On the sphere: the length of the code changes evenly, so that the middle stays where codes are.",
}


class _Row(Mosaic):
    """One way as a row of pictures, low and wide."""

    def sizeHint(self) -> QSize:
        """Low; the owner says how high."""
        return QSize(300, self.minimumHeight())


class Walks(QWidget):
    """Both ways and their film. Setters: set_walk(path, items, z), clear(). Getters: codes(path), frame(i) -> pictures.

    Signals: chosen(str path, int place) on a click, moved(int) when the film stands at another place, ended() when the
    film is paused at no place of its own.
    """

    chosen = Signal(str, int)
    moved = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._walks: dict[str, tuple[np.ndarray, npt.NDArray[np.float32]]] = {}
        self.rows: dict[str, _Row] = {}
        self.words: dict[str, QLabel] = {}
        grid = QGridLayout()
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(8)
        grid.setVerticalSpacing(2)
        for place, path in enumerate(PATHS):
            row = self.rows[path] = _Row()
            row.setMinimumSize(80, theme.px(26))
            row.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
            row.setAccessibleName(f"Interpolation, {path}")
            row.setToolTip(TIPS[path])
            row.set_empty("", "Pick A and B to see the way between them." if place == 0 else "")
            row.clicked.connect(lambda i, p=path: self._clicked(p, i))
            word = kit.label(path, "caption")
            word.setToolTip(TIPS[path])
            word.setAlignment(Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight)
            self.words[path] = word
            grid.addWidget(word, place, 0)
            grid.addWidget(row, place, 1)
        grid.setColumnStretch(1, 1)
        self.transport = Transport(fps=8)
        self.transport.setAccessibleName("Film of the interpolation")
        self.transport.index_changed.connect(self._moved)
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(4)
        self.strips = QWidget()
        self.strips.setLayout(grid)
        box.addWidget(self.strips, 1)
        box.addWidget(self.transport)

    def set_walk(self, path: str, items: np.ndarray, z: npt.NDArray[np.float32]) -> None:
        """Show one way: its pictures and its codes, in order from A to B."""
        self._walks[path] = (items, z)
        self.strips.setVisible(items.ndim == 4)  # points are drawn on the plane, by the panel
        if items.ndim == 4:
            self.rows[path].set_columns(len(items))
            self.rows[path].set_images(items)
        self.transport.set_count(max(len(walk[0]) for walk in self._walks.values()))
        self._select(self.transport.index())

    def set_row_height(self, height: int) -> None:
        """How high each way is drawn."""
        for row in self.rows.values():
            row.setFixedHeight(height)

    def set_room(self, both: bool, any_: bool) -> None:
        """Whether there is room for both ways, for the spherical one alone, or for none."""
        self.setVisible(any_)
        for part in (self.rows["straight"], self.words["straight"]):
            part.setVisible(both)

    def clear(self) -> None:
        """Forget both ways."""
        self._walks.clear()
        for row in self.rows.values():
            row.set_images(None)
        self.transport.set_count(0)

    def ready(self) -> bool:
        """Whether at least one way is there."""
        return bool(self._walks)

    def length(self) -> int:
        """Places on the way."""
        return max((len(walk[0]) for walk in self._walks.values()), default=0)

    def codes(self, path: str) -> npt.NDArray[np.float32] | None:
        """The codes of one way, (n, k)."""
        return self._walks[path][1] if path in self._walks else None

    def frame(self, index: int) -> tuple[list[str], np.ndarray] | None:
        """The names of the ways and their examples at one place, together."""
        shown = [(path, self._walks[path][0]) for path in PATHS if path in self._walks]
        shown = [(path, items) for path, items in shown if index < len(items)]
        if not shown:
            return None
        return [path for path, _ in shown], np.stack([items[index] for _, items in shown])

    def pictures(self) -> np.ndarray | None:
        """Both ways as one picture, straight above spherical; None for points."""
        rows = [walk[0] for path in PATHS if (walk := self._walks.get(path)) is not None and walk[0].ndim == 4]
        if not rows:
            return None
        return film.enlarge(np.concatenate([images.tile(row, len(row), gap=1) for row in rows]), 800)

    def frames(self) -> list[np.ndarray]:
        """The film: at each place both pictures side by side, with words under them."""
        made = []
        for index in range(self.length()):
            found = self.frame(index)
            if found is None or found[1].ndim != 4:
                continue
            pair = film.beside([film.enlarge(picture, 220) for picture in found[1]])
            made.append(film.captioned(pair, f"{' | '.join(found[0])}   {index + 1} / {self.length()}"))
        return made

    def _select(self, index: int | None) -> None:
        for row in self.rows.values():
            row.set_selected(index)

    def _moved(self, index: int) -> None:
        self._select(index)
        self.moved.emit(index)

    def _clicked(self, path: str, index: int) -> None:
        self.transport.set_playing(False)
        self.transport.set_index(index)
        self._select(index)
        self.chosen.emit(path, index)
