"""The first page: the board, and what the model makes of the picture on it. It asks nothing itself."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QImage, QResizeEvent
from PySide6.QtWidgets import QLabel, QSplitter, QStackedWidget, QVBoxLayout, QWidget

from app.shell import theme
from app.widgets import kit
from app.widgets.board import Board
from app.widgets.cropper import Cropper
from app.widgets.grid import GridMosaic
from app.widgets.intake import centred, cut
from app.widgets.pad import LatentPad
from app.widgets.posterior import PosteriorRows
from app.widgets.strip import Strip
from gm_core import api

WIDE, LEAST_WIDE = 480, 340
OFF = 2.0
"""A neighbour so many times as far away as usual says that the picture is unlike the data."""


@dataclass
class Found:
    """What the model has said about the picture so far; `late` where the neighbours are those of the stroke before."""

    code: api.Codes | None = None
    pair: api.Pairs | None = None
    score: api.LogProbs | None = None
    near: api.Nearest | None = None
    survey: api.LatentMap | None = None
    space: str = "pixels"
    late: bool = False
    names: tuple[str, ...] = field(default=())


class PicturePage(QWidget):
    """Board at the left (or above), code, reconstruction and neighbours at the right (or below).

    `changed` says that another picture is to be looked at, `settled` that a stroke is done.
    """

    changed = Signal()
    settled = Signal()
    refused = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.centre, self.own = True, False
        self._source: QImage | None = None
        self._levels = 0
        self.board = Board(28, 28, tools=("brush", "eraser"))
        self.board.view.setAccessibleName("Picture to encode")
        self.board.changed.connect(lambda *_: self._drawn())
        self.board.settled.connect(lambda *_: self.settled.emit())
        self.board.refused.connect(self.refused)
        self.board.took.connect(self._take_source)
        self.cropper = Cropper()
        self.cropper.setMaximumHeight(theme.px(130))
        self.cropper.changed.connect(lambda _: self._recut())
        self.cropper.hide()
        left = QWidget()
        column = QVBoxLayout(left)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        column.addWidget(self.board, 1)
        column.addWidget(self.cropper)
        self.strip = Strip()
        self.strip.setAccessibleName("Picture, reconstruction and difference")
        self.strip.setToolTip("The error is mean squared; in its picture, grey is right.")
        self.strip.set_empty("Nothing to encode yet", "Draw on the board, drop a picture, or take a real example.")
        self.rows = PosteriorRows()
        self.rows.set_empty("", "The code q(z|x) of the picture appears here, stroke by stroke.")
        self.pad = LatentPad()
        self.pad.setAccessibleName("Code of the picture on the latent map")
        self.pad.setMinimumSize(120, 70)
        self.pad.moved.connect(lambda *_: self._put_cursor())  # the code is where the picture is, not the pointer
        self.codes = QStackedWidget()
        self.codes.addWidget(self.rows)
        self.codes.addWidget(self.pad)
        self.near = GridMosaic()
        self.near.setAccessibleName("Nearest training examples with their distances; click one to encode it")
        self.near.set_empty("", "The nearest training examples appear here.")
        self.near.setMinimumHeight(theme.px(52))
        self.words = QLabel()
        self.words.setWordWrap(True)
        self.words.setMinimumHeight(2 * self.words.fontMetrics().lineSpacing() + 2)
        self.words.setProperty("role", "caption")
        self.results = QSplitter(Qt.Orientation.Vertical)
        near = self.near_part = QWidget()
        below = QVBoxLayout(near)
        below.setContentsMargins(0, 0, 0, 0)
        below.setSpacing(2)
        below.addWidget(self.near, 1)
        below.addWidget(self.words)
        for part in (self.strip, self.codes, near):
            self.results.addWidget(part)
        self.results.setSizes([130, 190, 110])
        self.halves = QSplitter(Qt.Orientation.Horizontal)
        self.halves.addWidget(left)
        self.halves.addWidget(self.results)
        for splitter in (self.results, self.halves):
            splitter.setChildrenCollapsible(False)
        self.halves.setSizes([220, 300])
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.addWidget(self.halves)
        self._found = Found()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Beside each other where there is room, else below each other; what finds no room at all is left out."""
        super().resizeEvent(event)
        low = self.width() > 1.2 * self.height() and self.width() >= theme.px(LEAST_WIDE)
        across = self.width() >= theme.px(WIDE) or low
        wanted = Qt.Orientation.Horizontal if across else Qt.Orientation.Vertical
        if self.halves.orientation() != wanted:
            self.halves.setOrientation(wanted)
            self.halves.setSizes([220, 300] if across else [210, 300])
        self._arrange(across)

    def _arrange(self, across: bool) -> None:
        flat = self.codes.currentWidget() is self.pad
        left = self.height() if across else self.height() - theme.px(150)
        kit.show(self.near_part, left >= theme.px(330 if flat else 262))
        kit.show(self.words, left >= theme.px(390 if flat else 320))
        kit.show(self.codes, left >= theme.px(176))

    # ---- the picture

    def set_card(self, card: api.DataCard) -> bool:
        """The data that the picture should be like; whether the board had to be emptied for it."""
        channels, height, width = card.shape
        sheet = self.board.view.sheet
        fresh = (height, width, channels) != (*sheet.shape, sheet.channels)
        self.board.set_size(height, width, channels)
        self.board.set_fitting("ink" if channels == 1 else "cut")
        self._levels = 2 if card.values == "binary" else card.levels
        if fresh:
            self._take_source(None)
        return fresh

    def show_example(self, picture: np.ndarray) -> None:
        """A real example (h, w, c) on the board; it is encoded as it is."""
        self._take_source(None)
        self.board.set_picture(picture)
        self.own = False
        self.changed.emit()
        self.settled.emit()

    def set_fitting(self, fitting: str) -> None:
        """Bring what was dropped to the board in another way."""
        self.board.set_fitting("cut" if fitting == "cut" else "ink")
        if self._source is not None:
            self.board.view._take(lambda: self._source or QImage())

    def given(self) -> np.ndarray | None:
        """What is encoded, uint8 (1, h, w, c); None while the board is black.

        Drawings are centred if that is wished, and get as many levels as the data have: two where those are binary.
        """
        drawn = self.board.picture()
        if not drawn.any():
            return None
        if self.own:
            drawn = centred(drawn) if self.centring else drawn
            if 1 < self._levels < 256:
                top = self._levels - 1
                drawn = ((drawn / 255 * top).round() * (255 / top)).round().astype(np.uint8)
        return (drawn[..., None] if drawn.ndim == 2 else drawn)[None].copy()

    @property
    def centring(self) -> bool:
        """Whether the drawing is centred: it must be grey ink on black, not a part of a photograph."""
        return self.centre and self.board.view.sheet.channels == 1 and self.cropper.image() is None

    def _drawn(self) -> None:
        self.own = True
        self.changed.emit()

    def _take_source(self, image: QImage | None) -> None:
        self._source = image
        height, width = self.board.view.sheet.shape
        cutting = image is not None and (self.board.view.fitting == "cut" or self.board.view.sheet.channels == 3)
        self.cropper.set_image(image if cutting else None, height, width)
        self.cropper.setVisible(cutting)

    def _recut(self) -> None:
        if self._source is not None:
            sheet = self.board.view.sheet
            self.board.set_picture(cut(self._source, *sheet.shape, sheet.channels, self.cropper.box()))
            self.own = True
            self.changed.emit()
            self.settled.emit()

    # ---- what the model says

    def show_found(self, found: Found) -> None:
        """Draw everything that is known."""
        self._found = found
        given = self.given()
        if given is None:
            self.strip.set_items([])
            self.rows.set_code(None)
            self.pad.set_pointed(None)
            self.near.set_images(None)
            self.words.setText("")
            return
        self._show_pair(given[0])
        self._show_code()
        self._show_near()

    def _show_pair(self, given: np.ndarray) -> None:
        pair = self._found.pair
        items: list[tuple[str, np.ndarray | None]] = [("picture", given)]
        notes = [""]
        if pair is not None and pair.reconstructions.shape[1:] == given.shape:
            back = pair.reconstructions[0]
            signed = (back.astype(np.int16) - given.astype(np.int16)) // 2 + 128
            items += [("rebuilt", back), ("error", signed.astype(np.uint8))]
            score = self._found.score
            notes = [score_words(score), "", f"{float(pair.errors[0]):.3g}"]
        self.strip.set_items(items)
        self.strip.set_notes(notes)

    def _show_code(self) -> None:
        code, survey = self._found.code, self._found.survey
        flat = code is not None and code.mu.shape[1] == 2
        page = self.pad if flat else self.rows
        if self.codes.currentWidget() is not page:
            self.codes.setCurrentWidget(page)
            self._arrange(self.halves.orientation() == Qt.Orientation.Horizontal)
        if flat:
            self._show_map()
            return
        if survey is not None and (code is None or survey.mu.shape[1] == code.mu.shape[1]):
            self.rows.set_survey(survey.histogram, survey.edges, survey.order)
        else:
            self.rows.set_survey(None)
        self.rows.set_code(None if code is None else code.mu[0], None if code is None else code.std[0])

    def _show_map(self) -> None:
        survey = self._found.survey
        if survey is not None and survey.mu.shape[1] == 2:
            labels = survey.labels if len(survey.labels) == len(survey.mu) else None
            self.pad.set_points(survey.mu, labels, self._found.names)
            self.pad.set_axes("z 1", "z 2")
        self._put_cursor()

    def _put_cursor(self) -> None:
        code = self._found.code
        if code is not None and code.mu.shape[1] == 2:
            self.pad.set_pointed(code.mu[0], np.diag(code.std[0].astype(float) ** 2))
            self.pad.set_cursor(float(code.mu[0, 0]), float(code.mu[0, 1]))

    def _is_off(self) -> bool:
        near = self._found.near
        return near is not None and bool(near.distances[0, 0] > OFF * near.typical)

    def _show_near(self) -> None:
        near = self._found.near
        if near is None or near.items.ndim != 5:
            self.near.set_images(None)
            self.words.setText("")
            return
        times = near.distances[0] / near.typical
        self.near.set_images(near.items[0], [f"{t:.1f}×" if np.isfinite(t) else "" for t in times])
        self.near.set_stale(self._found.late)
        self.words.setText(near_words(near, self._found.space, self._found.names, self.rows.far()))
        kit.set_role(self.words, "role", "warn" if self._is_off() else "caption")


def score_words(score: api.LogProbs | None) -> str:
    """ln p(x), honestly: of a bound, that it is one."""
    if score is None or not len(score.values):
        return ""
    sign = "≥" if score.kind == "bound" else "=" if score.kind == "exact" else "≈"
    return f"ln p {sign} {float(score.values[0]):,.1f}"


def near_words(near: api.Nearest, space: str, names: tuple[str, ...], far: list[int]) -> str:
    """What the distances say, as a conclusion."""
    times = float(near.distances[0, 0] / near.typical)
    if not np.isfinite(times):
        return ""
    place = "pixels" if space == "pixels" else "codes"
    said = f"By {place} {times:.1f} times as far away as training examples are from each other: "
    said += "unlike the data." if times > OFF else "like the data." if times > 0.05 else "it is one of them."
    if near.labels is not None and names:
        found = [names[int(i)] for i in near.labels[0] if 0 <= int(i) < len(names)]
        if found:
            best = max(dict.fromkeys(found), key=found.count)
            said += f" {found.count(best)} of {len(found)} are {best}."
    if far:
        said += f" Its code is far out in {', '.join(f'z {i + 1}' for i in far[:4])}."
    return said
