"""The controls above a drawing: tools, the pen, classes, the mirror and the way back."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QSize, Qt, Signal
from PySide6.QtGui import QColor, QIcon, QPainter, QPixmap
from PySide6.QtWidgets import QButtonGroup, QHBoxLayout, QLineEdit, QToolButton, QVBoxLayout, QWidget

from app.shell import theme
from app.widgets import kit
from app.widgets.folding import FoldingRow
from app.widgets.number import NumberSlider
from app.widgets.sketch import TOOLS, Sketch
from app.widgets.sketchmarks import Mark, extent

MOST_CLASSES = 8
WIDTHS, DENSITIES = (0.05, 3.0), (0.05, 20.0)
WITH_WIDTH = frozenset({"brush", "spray", "points"})


class ClassDots(QWidget):
    """One coloured dot for each class, of which one is in use, and a button for one class more.

    Setters (silent): set_count(n), set_value(label). Getters: value(), count(). Signal: changed(label).
    """

    changed = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName("Class")
        self._box = QHBoxLayout(self)
        self._box.setContentsMargins(0, 0, 0, 0)
        self._box.setSpacing(0)
        self._group = QButtonGroup(self)
        self._group.idClicked.connect(self.changed)
        self._dots: list[QToolButton] = []
        self.more = kit.IconButton("plus", "One class more")
        self.more.clicked.connect(self._grow)
        self._box.addWidget(self.more)
        self.set_count(2)
        self.set_value(0)

    def count(self) -> int:
        """How many classes there are to choose from."""
        return len(self._dots)

    def value(self) -> int:
        """The class in use."""
        return max(0, self._group.checkedId())

    def set_count(self, n: int) -> None:
        """Offer at least so many classes."""
        while len(self._dots) < min(n, MOST_CLASSES):
            label = len(self._dots)
            dot = QToolButton()
            dot.setCheckable(True)
            dot.setAutoRaise(True)
            dot.setAccessibleName(f"Class {label + 1}")
            dot.setToolTip(f"Draw points of class {label + 1}")
            self._group.addButton(dot, label)
            self._box.insertWidget(label, dot)
            self._dots.append(dot)
        self.more.setEnabled(len(self._dots) < MOST_CLASSES)
        self._dress()

    def set_value(self, label: int) -> None:
        """Use this class."""
        self.set_count(label + 1)
        if label < len(self._dots):
            self._dots[label].setChecked(True)

    def _grow(self) -> None:
        self.set_count(len(self._dots) + 1)
        self.set_value(len(self._dots) - 1)
        self.changed.emit(self.value())

    def _dress(self) -> None:
        side = theme.px(14)
        for label, dot in enumerate(self._dots):
            ratio = self.devicePixelRatioF()
            drawn = QPixmap(QSize(side, side) * ratio)
            drawn.setDevicePixelRatio(ratio)
            drawn.fill(Qt.GlobalColor.transparent)
            painter = QPainter(drawn)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(theme.label_color(label)))
            painter.drawEllipse(1, 1, side - 2, side - 2)
            painter.end()
            dot.setIcon(QIcon(drawn))
            dot.setIconSize(QSize(side, side))

    def changeEvent(self, event: QEvent) -> None:
        """Follow the theme."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange and self._dots:
            self._dress()


class DrawControls(QWidget):
    """Two rows of controls that set the hand of a sketch, and change its chosen mark."""

    opened = Signal()

    def __init__(self, sketch: Sketch, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.sketch = sketch
        self.tools: dict[str, kit.IconButton] = {}
        self._group = QButtonGroup(self)
        self.upper, self.lower = FoldingRow(self), FoldingRow(self)
        self._build_upper()
        self._build_lower()
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(2)
        box.addWidget(self.upper)
        box.addWidget(self.lower)
        sketch.picked.connect(lambda _at: self.refresh())
        sketch.changed.connect(self.refresh)
        sketch.width_wished.connect(lambda factor: self._take_width(float(self.wide.value()) * factor, True))
        self.set_tool("brush")
        self.refresh()

    def _build_upper(self) -> None:
        for tool, (icon, words, _) in TOOLS.items():
            button = self.tools[tool] = kit.IconButton(icon, words, checkable=True)
            button.clicked.connect(lambda _on=False, tool=tool: self.set_tool(tool))
            self._group.addButton(button)
            self.upper.add(button, priority=9)
        self.picture = kit.IconButton("picture", "A picture as density: choose a file, or drop one on the sheet")
        self.picture.clicked.connect(self.opened)
        self.mirror = kit.IconButton("mirror", "Mirror: copies on the other side of the middle", checkable=True)
        self.mirror.toggled.connect(self._take_mirror)
        self.undo = kit.IconButton("undo", "Take the last stroke back", "Ctrl+Z")
        self.undo.clicked.connect(self.sketch.undo)
        self.redo = kit.IconButton("redo", "Draw it again", "Ctrl+Y")
        self.redo.clicked.connect(self.sketch.redo)
        self.clear = kit.IconButton("trash", "Clear the sheet (can be undone)")
        self.clear.clicked.connect(self.sketch.clear)
        self.fit = kit.IconButton("zoom-fit", "Show the whole box", "0")
        self.fit.clicked.connect(self.sketch.fit)
        self.upper.add(self.picture, priority=8)
        self.upper.add_space()
        for button, priority in (
            (self.mirror, 5), (self.undo, 7), (self.redo, 6), (self.clear, 7), (self.fit, 4)
        ):  # fmt: skip
            self.upper.add(button, priority=priority)

    def _build_lower(self) -> None:
        self.classes = ClassDots()
        self.classes.changed.connect(self._take_class)
        self.wide = NumberSlider(*WIDTHS, 0.3, log=True, name="Width")
        self.dense = NumberSlider(*DENSITIES, 1.0, log=True, name="Density")
        for slider, tip in (
            (self.wide, "How wide pen, spray and eraser are, in units of the plane: two standard deviations."),
            (self.dense, "How often points fall here, compared with marks of density 1."),
        ):
            slider.setToolTip(tip)
            slider.set_room(46, 130)
        self.wide.changing.connect(lambda value: self._take_width(float(value), False))
        self.wide.changed.connect(lambda value: self._take_width(float(value), True))
        self.dense.changing.connect(lambda value: self._take_density(float(value), False))
        self.dense.changed.connect(lambda value: self._take_density(float(value), True))
        self.word = QLineEdit("hello")
        self.word.setAccessibleName("Word to write")
        self.word.setMaxLength(60)
        kit.Room(self.word, 110)
        self.word.textEdited.connect(self._take_word)
        self.lower.add(self.classes, "class", priority=9)
        self.lower.add(self.wide, "width", priority=7)
        self.lower.add(self.dense, "density", priority=5)
        self.lower.add(self.word, "word", priority=8)

    # ---- set and get

    def set_tool(self, tool: str) -> None:
        """Take up a tool."""
        self.tools[tool].setChecked(True)
        self.sketch.set_tool(tool)
        self.refresh()

    def refresh(self) -> None:
        """Show what the hand has, or what the chosen mark is."""
        hand, mark = self.sketch.hand, self.sketch.chosen
        self.undo.setEnabled(hand.history.can_undo)
        self.redo.setEnabled(hand.history.can_redo)
        self.clear.setEnabled(bool(hand.marks))
        labels = [int(held.get("label", 0)) for held in hand.marks]
        self.classes.set_count(max(labels, default=0) + 1)
        writing = hand.tool == "text" or (mark is not None and mark["kind"] == "text")
        self.lower.set_shown(self.word, writing)
        self.lower.set_shown(self.wide, hand.tool != "text" and (mark is None or mark["kind"] in WITH_WIDTH))
        if mark is None:
            return
        self.classes.set_value(int(mark.get("label", 0)))
        if mark["kind"] in WITH_WIDTH:
            self.wide.set_value(float(mark["width"]))
        self.dense.set_value(float(mark["weight"]) / max(extent(mark), 1e-9))
        if mark["kind"] == "text":
            self.word.setText(mark["text"])
        self.mirror.blockSignals(True)
        self.mirror.setChecked(mark.get("mirror", "none") != "none")
        self.mirror.blockSignals(False)

    # ---- what hands do

    def _change(self, **more: object) -> bool:
        """Change the chosen mark, if there is one."""
        mark: Mark | None = self.sketch.chosen
        if mark is not None:
            self.sketch.change_chosen({**mark, **more})
        return mark is not None

    def _take_width(self, value: float, settled: bool) -> None:
        value = min(WIDTHS[1], max(WIDTHS[0], value))
        self.sketch.hand.width = value
        self.wide.set_value(value)
        mark = self.sketch.chosen
        if settled and mark is not None and mark["kind"] in WITH_WIDTH:
            self._change(width=round(value, 3))
        self.sketch.update()

    def _take_density(self, value: float, settled: bool) -> None:
        self.sketch.hand.density = value
        mark = self.sketch.chosen
        if settled and mark is not None:
            self._change(weight=round(value * extent(mark), 4))

    def _take_class(self, label: int) -> None:
        self.sketch.hand.label = label
        self._change(label=label)
        self.sketch.update()

    def _take_mirror(self, on: bool) -> None:
        self.sketch.hand.mirror = "x" if on else "none"
        self._change(mirror=self.sketch.hand.mirror)
        self.sketch.update()

    def _take_word(self, text: str) -> None:
        self.sketch.hand.text = text
        mark = self.sketch.chosen
        if mark is not None and mark["kind"] == "text" and text.strip():
            self._change(text=text)
