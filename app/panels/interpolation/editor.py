"""The small window in which a stop is drawn, pasted or opened; the path follows each stroke."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QDialog, QPushButton, QVBoxLayout, QWidget

from app.shell import theme
from app.widgets import intake, kit
from app.widgets.board import Board


class Editor(QDialog):
    """A Board for pictures of the model's size. `begin(shape, picture)` opens it.

    Signals: drawn(uint8 (h, w, c)) once a stroke, a key or a button is done; refused(str).
    """

    drawn = Signal(object)
    refused = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Draw a stop")
        self.setAccessibleName("Draw a stop")
        self.board = Board(28, 28, tools=("brush", "eraser"))
        self.board.settled.connect(lambda *_: self.drawn.emit(self.picture()))
        self.board.refused.connect(self.refused)
        self.close_button = QPushButton("Close")
        self.close_button.clicked.connect(self.close)
        words = kit.label("The path follows what you draw. A picture can be dropped here, too.", "caption")
        words.setWordWrap(True)
        box = QVBoxLayout(self)
        box.setContentsMargins(12, 10, 12, 10)
        box.addWidget(self.board, 1)
        box.addWidget(words)
        box.addLayout(kit.row(None, self.close_button))
        self.resize(theme.px(420), theme.px(460))

    def begin(self, shape: tuple[int, ...], picture: np.ndarray | None) -> None:
        """Open for pictures of a shape (c, h, w), with one (h, w, c) to change or with an empty board."""
        channels, height, width = shape
        self.board.blockSignals(True)  # what it begins with has not been drawn
        self.board.set_size(height, width, 3 if channels == 3 else 1)
        self.board.set_fitting("ink" if channels == 1 else "cut")
        if picture is None:
            self.board.clear()
        else:
            self.board.set_picture(picture)
        self.board.blockSignals(False)
        self.setWindowModality(Qt.WindowModality.NonModal)
        self.show()
        self.raise_()
        self.board.setFocus()

    def take(self, image: QImage) -> None:
        """A picture that was dropped or pasted elsewhere."""
        height, width = self.board.view.sheet.shape
        channels = self.board.view.sheet.channels
        try:
            grey = self.board.view.fitting == "ink" and channels == 1
            found = intake.fit(image, height, width) if grey else intake.cut(image, height, width, channels)
        except ValueError as problem:
            self.refused.emit(str(problem))
            return
        self.board.set_picture(found)
        self.drawn.emit(self.picture())

    def picture(self) -> np.ndarray:
        """What is drawn, uint8 (h, w, c)."""
        now = self.board.picture()
        return (now[..., None] if now.ndim == 2 else now).copy()
