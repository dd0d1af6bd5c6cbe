"""What is spoilt and repaired, as pictures: many in rows, or one that is scribbled on by hand."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PySide6.QtCore import QRectF, Qt, Signal
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QSizePolicy, QSplitter, QVBoxLayout, QWidget

from app.shell import theme
from app.widgets import images, kit
from app.widgets.board import Board
from app.widgets.grid import GridMosaic
from app.widgets.mosaic import Mosaic
from gm_core import api

WIDE, LEAST_WIDE = 460, 320
LONG = 8
"""Rows that fit; of more repairs the first ones and the last are shown."""


def signed(repaired: np.ndarray, original: np.ndarray) -> np.ndarray:
    """What a repair still has wrong, around grey."""
    return ((repaired.astype(np.int16) - original.astype(np.int16)) // 2 + 128).astype(np.uint8)


def stages(rounds: Sequence[api.Repairs], difference: bool) -> list[tuple[str, np.ndarray]]:
    """Names and pictures (n, h, w, c) of the rows: original, spoilt, each repair, and what is still wrong."""
    first = rounds[0]
    repairs = [(f"repair {i + 1}" if len(rounds) > 1 else "repaired", r.repaired) for i, r in enumerate(rounds)]
    if len(repairs) > LONG - 3:
        repairs = [*repairs[: LONG - 4], repairs[-1]]
    rows = [("original", first.originals), ("spoilt", first.corrupted), *repairs]
    if difference:
        rows.append(("difference", signed(rounds[-1].repaired, first.originals)))
    return rows


class Names(QWidget):
    """The words beside the rows of a gallery, at the height of each."""

    def __init__(self, mosaic: Mosaic, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._mosaic = mosaic
        self._words: list[str] = []
        kit.Room(self, 64)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Expanding)

    def set_words(self, words: Sequence[str]) -> None:
        """One word for each row of the towers."""
        self._words = list(words)
        self.setAccessibleName("Rows: " + ", ".join(words) if words else "")
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Each word in the middle of its row, beside every line of towers."""
        if not self._words or not self._mosaic.count():
            return
        p, t = QPainter(self), theme.current()
        p.setFont(theme.ui_font(-1.5))
        p.setPen(QColor(t.muted))
        columns = self._mosaic.columns()
        for first in range(0, self._mosaic.count(), columns):
            tower = self._mosaic.tile_rect(first)
            high = tower.height() / len(self._words)
            for i, word in enumerate(self._words):
                box = QRectF(0, tower.top() + i * high, self.width() - 4, high)
                if high >= p.fontMetrics().height() - 2:
                    p.drawText(box, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight, word)


class Rows(QWidget):
    """Towers of originals, spoilt copies and repairs, with words at the left."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.mosaic = Mosaic()
        self.mosaic.setAccessibleName("Originals, spoilt copies and repairs")
        self.mosaic.set_empty(
            "No repairs yet", "Press Train: spoilt examples appear above what the model makes of them."
        )
        self.names = Names(self.mosaic)
        box = QHBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(2)
        box.addWidget(self.names)
        box.addWidget(self.mosaic, 1)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """The words follow their rows."""
        super().resizeEvent(event)
        self.names.update()

    def show_rounds(self, rounds: Sequence[api.Repairs], difference: bool) -> None:
        """Draw everything; the number under each tower is the error of its last repair."""
        rows = stages(rounds, difference)
        towers = images.towers([items for _, items in rows], kit.rgb(theme.current().border))
        self.mosaic.set_images(towers, [error(e).removeprefix("0") for e in rounds[-1].errors])
        self.names.set_words([word for word, _ in rows])

    def clear(self) -> None:
        """Nothing to show."""
        self.mosaic.set_images(None)
        self.names.set_words([])


class Bench(QWidget):
    """One picture on the board, to be spoilt by hand, and its repair beside it. `spoilt` says that it changed."""

    spoilt = Signal()
    refused = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.original: np.ndarray | None = None
        self.board = Board(28, 28, tools=("brush", "eraser"))
        self.board.view.setAccessibleName("Picture to spoil")
        self.board.changed.connect(lambda *_: self.spoilt.emit())
        self.board.took.connect(lambda _: self._taken())
        self.board.refused.connect(self.refused)
        self.back = kit.IconButton("reset", "Back to the original")
        self.back.clicked.connect(self.reset)
        self.board.header.add(self.back, priority=8)
        self.strip = GridMosaic()
        self.strip.setAccessibleName("Original, spoilt, repaired and difference")
        self.strip.set_empty("Spoil the picture", "Scribble on it or erase a part: the repair follows each stroke.")
        self.words = QLabel("Scribble or erase: the model puts right what it takes for damage.")
        self.words.setProperty("role", "caption")
        self.words.setWordWrap(True)
        right = QWidget()
        column = QVBoxLayout(right)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.strip, 1)
        column.addWidget(self.words)
        self.halves = QSplitter(Qt.Orientation.Horizontal)
        self.halves.addWidget(self.board)
        self.halves.addWidget(right)
        self.halves.setChildrenCollapsible(False)
        self.halves.setSizes([260, 300])
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.addWidget(self.halves)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Beside each other where there is room, else below each other."""
        super().resizeEvent(event)
        low = self.width() > 1.2 * self.height() and self.width() >= theme.px(LEAST_WIDE)
        across = self.width() >= theme.px(WIDE) or low
        self.halves.setOrientation(Qt.Orientation.Horizontal if across else Qt.Orientation.Vertical)
        kit.show(self.words, self.height() >= theme.px(300))

    def set_shape(self, shape: tuple[int, ...]) -> None:
        """Pictures of another size: the board is empty."""
        channels, height, width = shape
        sheet = self.board.view.sheet
        if (height, width, channels) != (*sheet.shape, sheet.channels):
            self.board.set_size(height, width, channels)
            self.board.set_fitting("ink" if channels == 1 else "cut")
            self.original = None

    def set_original(self, picture: np.ndarray) -> None:
        """A clean picture (h, w, c) to be spoilt."""
        self.original = picture.copy()
        self.board.set_picture(picture)
        self.spoilt.emit()

    def reset(self) -> None:
        """Take all damage away, in one step that can be undone."""
        if self.original is not None:
            self.board.set_picture(self.original)
            self.spoilt.emit()

    def _taken(self) -> None:
        drawn = self.board.picture()
        self.original = (drawn[..., None] if drawn.ndim == 2 else drawn).copy()
        self.spoilt.emit()

    def pair(self) -> tuple[np.ndarray, np.ndarray] | None:
        """The original and what became of it, each uint8 (1, h, w, c)."""
        if self.original is None:
            return None
        drawn = self.board.picture()
        return self.original[None].copy(), (drawn[..., None] if drawn.ndim == 2 else drawn)[None].copy()

    def show_rounds(self, rounds: Sequence[api.Repairs]) -> None:
        """The stages of the one picture."""
        rows = stages(rounds, True)
        known = {
            "spoilt": error(rounds[0].damage[0]),
        }
        known |= {f"repair {i + 1}": error(r.errors[0]) for i, r in enumerate(rounds)}
        known["repaired"] = error(rounds[-1].errors[0])
        self.strip.set_images(
            np.concatenate([items for _, items in rows]), [f"{w} {known.get(w, '')}" for w, _ in rows]
        )


def error(value: float) -> str:
    """A mean squared error in few places."""
    return kit.number_text(round(float(value), 4), 2)
