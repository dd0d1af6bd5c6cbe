"""Where a trajectory begins: in noise, or at a picture on which noise is laid."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QImage, QPixmap
from PySide6.QtWidgets import QComboBox, QLabel, QWidget

from app.panels.steps.ways import Origin
from app.widgets import images, intake, kit
from app.widgets.choosing import PICTURE_FILES, choose_file
from app.widgets.folding import FoldingRow
from app.widgets.number import NumberBox, NumberSlider
from gm_core import api

KINDS = {"noise": "", "training": "train", "test": "test", "own": "own"}
AWAY = 7919
"""A prime by which the next example lies away, so that neighbours in a sorted set differ."""


class OriginRow(FoldingRow):
    """Setters (silent): fit_to(card), set_origin(origin, noise), set_picture(uint8 (h, w, c) | None), take(QImage).

    Getters: origin(), noise(). Signals: changed() another picture, moved() another amount of noise, refused(str).
    """

    changed = Signal()
    moved = Signal()
    refused = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._own: np.ndarray | None = None
        self._shape: tuple[int, ...] = (1, 28, 28)
        self._counts: dict[str, int] = {}
        self.kind = QComboBox()
        self.kind.setAccessibleName("Where the trajectory begins")
        for words, key in KINDS.items():
            self.kind.addItem(words, key)
        self.index = NumberBox(0, 10_000_000, 0, integer=True, name="Number of the example", step=1)
        self.index.set_room(56)
        self.other = kit.IconButton("dice", "Another example")
        self.open_button = kit.IconButton("folder", "Open a picture; one can be dropped on the panel as well")
        self.thumb = QLabel()
        kit.Room(self.thumb, 26, 26)
        self.thumb.setAccessibleName("The picture to begin from")
        self.amount = NumberSlider(0, 100, 50, integer=True, unit="%", name="Noise laid on the picture")
        self.amount.setToolTip("0 % leaves the picture as it is, 100 % leaves nothing of it")
        self.amount.set_room(40, most=150)
        self.kind.setToolTip("Begin in noise, at a training or a test example, or at a picture of your own")
        self.add(self.kind, "from", priority=9)
        self.add(self.thumb, priority=8)
        self.add(self.index, priority=4)
        self.add(self.other, priority=6)
        self.add(self.open_button, priority=6)
        self.add(self.amount, "noise", priority=7, stretch=True)
        self.kind.currentIndexChanged.connect(lambda _: self._turn())
        self.index.changed.connect(lambda _: self.changed.emit())
        self.other.clicked.connect(self._another)
        self.open_button.clicked.connect(self.open)
        self.amount.changed.connect(lambda _: self.moved.emit())
        self._refresh()

    def fit_to(self, card: api.RunCard) -> None:
        """What a run's data allow; a picture of another size is forgotten."""
        shape, data = card.data.shape, "no_data" not in card.facts
        if self._own is not None and self._own.shape != (*shape[1:], shape[0]):
            self._own = None
        self._shape, self._counts = shape, dict(card.data.splits)
        pictures = card.data.kind == "images"
        model = self.kind.model()
        for place, key in enumerate(KINDS.values()):
            usable = key == "" or (pictures if key == "own" else data)
            model.item(place).setEnabled(usable)  # type: ignore[attr-defined]
        if not model.item(self.kind.currentIndex()).isEnabled():  # type: ignore[attr-defined]
            self._stand(0)
        self.index.setToolTip("Which example" if pictures else "Which draw of examples")
        self._refresh()

    def set_origin(self, origin: Origin, noise: float) -> None:
        """Stand at a beginning."""
        self._own = origin.own
        self.index.set_value(origin.index)
        self.amount.set_value(round(100 * noise))
        self._stand(list(KINDS.values()).index("own" if origin.own is not None else origin.split))

    def origin(self) -> Origin:
        """Where it begins; noise while a picture of one's own is still to be chosen."""
        key = str(self.kind.currentData())
        if key == "own":
            return Origin(own=self._own)
        return Origin(key, int(self.index.value()) if key else 0)

    def noise(self) -> float:
        """How much noise is laid on the picture, 0 to 1."""
        return float(self.amount.value()) / 100.0

    def set_picture(self, picture: np.ndarray | None) -> None:
        """Show what it begins from."""
        if picture is None or picture.ndim != 3:
            self.thumb.clear()
            return
        side = self.thumb.width()
        drawn = images.to_qimage(picture).scaled(
            side, side, Qt.AspectRatioMode.KeepAspectRatio, Qt.TransformationMode.FastTransformation
        )
        self.thumb.setPixmap(QPixmap.fromImage(drawn))

    def take(self, image: QImage) -> None:
        """A picture of one's own: light ink on black where the data are grey, else its middle."""
        channels, height, width = self._shape
        try:
            if channels == 1:
                self._own = intake.fit(image, height, width)[..., None]
            else:
                self._own = intake.cut(image, height, width, channels)
        except ValueError as problem:
            self.refused.emit(str(problem))
            return
        self._stand(list(KINDS.values()).index("own"))
        self.changed.emit()

    def load(self, path: str | Path) -> None:
        """A picture from a file."""
        try:
            self.take(intake.read_image(path))
        except (ValueError, OSError) as problem:
            self.refused.emit(str(problem))

    def open(self) -> None:
        """Choose a picture file, without blocking."""
        choose_file(self, "Open a picture", PICTURE_FILES, self.load)

    def _another(self) -> None:
        count = max(1, self._counts.get(str(self.kind.currentData()), 1000))
        self.index.set_value((int(self.index.value()) + AWAY) % count)
        self.changed.emit()

    def _turn(self) -> None:
        self._refresh()
        if self.kind.currentData() == "own" and self._own is None:
            self.open()
        else:
            self.changed.emit()

    def _stand(self, place: int) -> None:
        self.kind.blockSignals(True)
        self.kind.setCurrentIndex(place)
        self.kind.blockSignals(False)
        self._refresh()

    def _refresh(self) -> None:
        key = self.kind.currentData()
        for widget, on in (
            (self.index, key in ("train", "test")), (self.other, key in ("train", "test")),
            (self.open_button, key == "own"), (self.thumb, bool(key)), (self.amount, bool(key)),
        ):  # fmt: skip
            self.set_shown(widget, on)
