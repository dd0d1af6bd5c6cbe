"""A drawing board for small pictures: brush, eraser, a rubber that makes pixels unknown, undo, and files to drop.

    board = Board(28, 28)
    board.changed.connect(lambda picture, known: ...)     uint8 (h, w), bool (h, w): on every dab
    board.settled.connect(lambda picture, known: ...)     once a stroke, a key or a button is done
    board.set_picture(array)                              silent; can be undone

Pictures are grey, uint8 (h, w), or colours, uint8 (h, w, 3), as `set_size` says.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QColor, QIcon, QPixmap
from PySide6.QtWidgets import QComboBox, QToolButton, QVBoxLayout, QWidget

from app.widgets import kit
from app.widgets.boardview import TOOLS, BoardView
from app.widgets.choosing import PICTURE_FILES, choose_file
from app.widgets.folding import FoldingRow
from app.widgets.intake import Fitting
from app.widgets.number import NumberSlider
from app.widgets.strokes import Drawing, Ink, Sheet, blank

COLOURS = {
    "white": (255, 255, 255), "black": (0, 0, 0), "grey": (128, 128, 128), "red": (220, 40, 40),
    "orange": (240, 150, 30), "yellow": (245, 225, 60), "green": (50, 160, 70), "cyan": (70, 190, 220),
    "blue": (45, 80, 200), "violet": (140, 60, 180), "skin": (230, 180, 145), "brown": (120, 75, 40),
}  # fmt: skip


class Board(QWidget):
    """A BoardView with its tools.

    Setters (silent): set_size(h, w, channels=1), set_picture(uint8 (h, w) | (h, w, 1 or 3), known=None) (one step of
    undo), set_known(bool (h, w)), set_colours(uint8 (h, w, 3) | None: shown instead of the greys), set_tool("brush" |
    "eraser" | "rub"), set_radius(pixels), set_ink(0..255 | (r, g, b)), set_fitting("ink" | "cut"), set_rubbing(bool:
    whether there is a rubber at all). Getters: picture(), known(). Actions: clear(), invert(), undo(), redo(),
    paste(), load(path), open().
    Signals: changed(picture, known), settled(picture, known), refused(str: why a picture cannot be taken), took(QImage:
    one came from elsewhere and lies on the board).
    """

    changed = Signal(object, object)
    settled = Signal(object, object)
    refused = Signal(str)
    took = Signal(object)

    def __init__(
        self, height: int = 28, width: int = 28, parent: QWidget | None = None, tools: Sequence[str] = tuple(TOOLS)
    ) -> None:
        super().__init__(parent)
        self.view = BoardView(height, width)
        self.tools: dict[str, QToolButton] = {}
        row = self.header = FoldingRow(self)
        for key in tools:
            words, tip = TOOLS[key]
            button = self.tools[key] = QToolButton()
            button.setText(words)
            button.setToolTip(tip)
            button.setAccessibleName(words)
            button.setCheckable(True)
            button.setAutoExclusive(True)
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            button.clicked.connect(lambda _=False, which=key: self.set_tool(which))
            row.add(button, priority=9)
        self.thickness = NumberSlider(0.3, 6.0, self.view.radius, name="Radius of the brush")
        self.grey = NumberSlider(0, 255, 255, integer=True, name="Grey of the brush, 255 is white")
        for slider, word, take in ((self.thickness, "size", self.set_radius), (self.grey, "grey", self.set_ink)):
            slider.set_room(50, 120)
            slider.changing.connect(take)
            slider.changed.connect(take)
            row.add(slider, word, priority=4 if word == "size" else 2)
        self.colour = QComboBox()
        self.colour.setAccessibleName("Colour of the brush")
        for name, rgb in COLOURS.items():
            swatch = QPixmap(QSize(14, 14))
            swatch.fill(QColor(*rgb))
            self.colour.addItem(QIcon(swatch), name)
        self.colour.currentTextChanged.connect(lambda name: self.set_ink(COLOURS[name]))
        row.add(self.colour, priority=6)
        row.set_shown(self.colour, False)
        row.add_space()
        self.buttons = {}
        for icon, words, hint, priority, act in (
            ("undo", "Undo the last stroke", "Ctrl+Z", 8, self.undo),
            ("redo", "Redo the stroke", "Ctrl+Y", 5, self.redo),
            ("palette", "Swap black and white", "", 1, self.invert),
            ("folder", "Open a picture; a file can be dropped as well", "", 4, self.open),
            ("copy", "Paste a picture", "Ctrl+V", 3, self.paste),
            ("trash", "Clear the board", "", 7, self.clear),
        ):  # fmt: skip
            button = self.buttons[icon] = kit.IconButton(icon, words, hint)
            button.clicked.connect(lambda _=False, do=act: do())
            row.add(button, priority=priority)
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(6)
        box.addWidget(row)
        box.addWidget(self.view, 1)
        self.setFocusProxy(self.view)
        self.setAccessibleName("Drawing board with its tools")
        self.view.changed.connect(self.changed)
        self.view.settled.connect(self.settled)
        self.view.refused.connect(self.refused)
        self.view.took.connect(self.took)
        self.view.changed.connect(lambda *_: self._refresh())
        self.view.settled.connect(lambda *_: self._refresh())
        self.set_tool("brush")
        self._refresh()

    def picture(self) -> np.ndarray:
        """What is drawn, uint8 (h, w) or (h, w, 3); unknown pixels hold what they held."""
        return self.view.sheet.now.picture

    def known(self) -> np.ndarray:
        """Which pixels are known, bool (h, w)."""
        return self.view.sheet.now.known

    def set_size(self, height: int, width: int, channels: int = 1) -> None:
        """An empty board of another size, without a past; the same size changes nothing. Three channels are colours."""
        sheet = self.view.sheet
        if (height, width, channels) != (*sheet.shape, sheet.channels):
            self.view.sheet = Sheet(height, width, channels)
            self.view._cursor = (width // 2, height // 2)
            self.header.set_shown(self.colour, channels == 3)
            self.header.set_shown(self.grey, channels == 1)
            self.set_ink(COLOURS[self.colour.currentText()] if channels == 3 else int(self.grey.value()))
            self.set_radius(max(0.6, round(min(height, width) / 23, 1)))  # a stroke keeps its share of the picture
            self.view._describe()
            self._refresh()

    def set_picture(self, picture: np.ndarray, known: np.ndarray | None = None) -> None:
        """Show a picture of the board's size; all of it is known unless a mask says otherwise."""
        found, sheet = np.asarray(picture), self.view.sheet
        found = found[..., 0] if found.ndim == 3 and found.shape[2] == 1 else found
        mask = np.ones(sheet.shape, bool) if known is None else np.asarray(known, bool)
        if found.dtype != np.uint8 or found.shape != sheet.now.picture.shape or mask.shape != sheet.shape:
            raise ValueError(
                f"the picture is {found.dtype} {np.shape(picture)}; this board takes uint8 {sheet.now.picture.shape}: "
                "call set_size first"
            )
        self.view.put(Drawing(found.copy(), mask.copy()), silent=True)
        self._refresh()

    def set_known(self, known: np.ndarray) -> None:
        """Say which pixels are known."""
        self.set_picture(self.picture(), known)

    def set_colours(self, colours: np.ndarray | None) -> None:
        """A picture in colour to rub parts out of; nothing can be drawn on it, so tools that change greys go."""
        self.view.colours = None if colours is None else np.asarray(colours, np.uint8)
        for key in ("brush", "eraser"):
            if key in self.tools:
                self.header.set_shown(self.tools[key], colours is None)
        for icon in ("palette", "copy", "folder"):
            self.header.set_shown(self.buttons[icon], colours is None)
        self.header.set_shown(self.grey, colours is None)
        if colours is not None and "rub" in self.tools:
            self.set_tool("rub")
        self.view.update()

    def set_tool(self, tool: str) -> None:
        """Take up a tool."""
        self.view.tool = tool
        self.tools[tool].setChecked(True)
        self.view._describe()

    def set_radius(self, radius: float) -> None:
        """The radius of all tools in pixels of the picture."""
        self.view.radius = float(radius)
        self.thickness.set_value(float(radius))
        self.view.update()

    def set_ink(self, ink: Ink | float) -> None:
        """The grey or colour of the brush."""
        if isinstance(ink, tuple):
            self.view.ink = ink
        else:
            self.view.ink = int(ink)
            self.grey.set_value(int(ink))

    def set_fitting(self, fitting: Fitting) -> None:
        """How a picture from elsewhere is brought to the board: as light ink on black, or a part cut out of it."""
        self.view.fitting = fitting

    def set_rubbing(self, on: bool) -> None:
        """Whether pixels can be rubbed out at all."""
        self.header.set_shown(self.tools["rub"], on)
        if not on and self.view.tool == "rub":
            self.set_tool("brush")

    def clear(self) -> None:
        """Black, and all known."""
        self.view.put(blank(*self.view.sheet.shape, self.view.sheet.channels))

    def invert(self) -> None:
        """Swap black and white."""
        self.view.put(Drawing(255 - self.picture(), self.known()))

    def undo(self) -> None:
        """One step back."""
        self.view.undo()

    def redo(self) -> None:
        """One step forward again."""
        self.view.redo()

    def paste(self) -> None:
        """Take a picture from the clipboard."""
        self.view.paste()

    def load(self, path: str | Path) -> None:
        """Take a picture from a file."""
        self.view.load(path)

    def open(self) -> None:
        """Choose a picture file, without blocking."""
        choose_file(self, "Open a picture", PICTURE_FILES, self.load)

    def _refresh(self) -> None:
        self.buttons["undo"].setEnabled(self.view.sheet.can_undo)
        self.buttons["redo"].setEnabled(self.view.sheet.can_redo)


def _demo() -> QWidget:
    from app.widgets.demo import digits

    board = Board()
    board.set_picture(digits(9)[4])
    board.view.dab((4, 20), (24, 22), "rub")
    board.view.finish()
    return board


if __name__ == "__main__":
    import sys

    from app.widgets.demo import run

    sys.exit(run(_demo, (420, 420)))
