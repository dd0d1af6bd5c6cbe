"""A drawing board for small grey pictures: brush, eraser, a rubber that makes pixels unknown, undo, and files to drop.

    board = Board(28, 28)
    board.changed.connect(lambda picture, known: ...)     uint8 (h, w), bool (h, w): on every dab
    board.settled.connect(lambda picture, known: ...)     once a stroke, a key or a button is done
    board.set_picture(array)                              silent; can be undone
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QToolButton, QVBoxLayout, QWidget

from app.shell import theme
from app.widgets import kit
from app.widgets.boardview import TOOLS, BoardView
from app.widgets.folding import FoldingRow
from app.widgets.number import NumberSlider
from app.widgets.strokes import Drawing, Sheet, blank


class Board(QWidget):
    """A BoardView with its tools.

    Setters (silent): set_size(h, w), set_picture(uint8 (h, w) | (h, w, 1), known=None) (one step of undo),
    set_known(bool (h, w)), set_colours(uint8 (h, w, 3) | None: shown instead of the greys), set_tool("brush" |
    "eraser" | "rub"), set_radius(pixels), set_ink(0..255), set_rubbing(bool: whether there is a rubber at all).
    Getters: picture(), known(). Actions: clear(), invert(), undo(), redo(), paste(), load(path).
    Signals: changed(picture, known), settled(picture, known), refused(str: why a picture cannot be taken).
    """

    changed = Signal(object, object)
    settled = Signal(object, object)
    refused = Signal(str)

    def __init__(
        self, height: int = 28, width: int = 28, parent: QWidget | None = None, tools: Sequence[str] = tuple(TOOLS)
    ) -> None:
        super().__init__(parent)
        self.view = BoardView(height, width)
        self.tools: dict[str, QToolButton] = {}
        row = self.header = FoldingRow()
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
        self.size = NumberSlider(0.3, 6.0, self.view.radius, name="Radius of the brush")
        self.grey = NumberSlider(0, 255, 255, integer=True, name="Grey of the brush, 255 is white")
        for slider, word, take in ((self.size, "size", self.set_radius), (self.grey, "grey", self.set_ink)):
            slider.setFixedWidth(theme.px(120))
            slider.box.setMinimumWidth(theme.px(50))
            slider.box.setFixedWidth(theme.px(50))
            slider.changing.connect(take)
            slider.changed.connect(take)
            row.add(slider, word, priority=4 if word == "size" else 2)
        row.add_space()
        self.buttons = {}
        for icon, words, hint, priority, act in (
            ("undo", "Undo the last stroke", "Ctrl+Z", 8, self.undo),
            ("redo", "Redo the stroke", "Ctrl+Y", 5, self.redo),
            ("palette", "Swap black and white", "", 1, self.invert),
            ("copy", "Paste a picture; a file can be dropped as well", "Ctrl+V", 3, self.paste),
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
        self.view.changed.connect(lambda *_: self._refresh())
        self.view.settled.connect(lambda *_: self._refresh())
        self.set_tool("brush")
        self._refresh()

    def picture(self) -> np.ndarray:
        """What is drawn, uint8 (h, w); unknown pixels hold what they held."""
        return self.view.sheet.now.picture

    def known(self) -> np.ndarray:
        """Which pixels are known, bool (h, w)."""
        return self.view.sheet.now.known

    def set_size(self, height: int, width: int) -> None:
        """An empty board of another size, without a past; the same size changes nothing."""
        if (height, width) != self.view.sheet.shape:
            self.view.sheet = Sheet(height, width)
            self.view._cursor = (width // 2, height // 2)
            self.set_radius(max(0.6, round(min(height, width) / 23, 1)))  # a stroke keeps its share of the picture
            self.view._describe()
            self._refresh()

    def set_picture(self, picture: np.ndarray, known: np.ndarray | None = None) -> None:
        """Show a picture of the board's size; all of it is known unless a mask says otherwise."""
        found = np.asarray(picture)
        found = found[..., 0] if found.ndim == 3 and found.shape[2] == 1 else found
        mask = np.ones(found.shape, bool) if known is None else np.asarray(known, bool)
        if found.dtype != np.uint8 or found.shape != self.view.sheet.shape or mask.shape != found.shape:
            raise ValueError(
                f"the picture is {found.dtype} {np.shape(picture)}; this board takes uint8 {self.view.sheet.shape}: "
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
        for icon in ("palette", "copy"):
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
        self.size.set_value(float(radius))
        self.view.update()

    def set_ink(self, ink: float) -> None:
        """The grey of the brush."""
        self.view.ink = int(ink)
        self.grey.set_value(int(ink))

    def set_rubbing(self, on: bool) -> None:
        """Whether pixels can be rubbed out at all."""
        self.header.set_shown(self.tools["rub"], on)
        if not on and self.view.tool == "rub":
            self.set_tool("brush")

    def clear(self) -> None:
        """Black, and all known."""
        self.view.put(blank(*self.view.sheet.shape))

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
