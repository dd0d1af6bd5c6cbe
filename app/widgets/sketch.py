"""A sheet on which a distribution is drawn: strokes, sprays, Gaussians with handles, words and pictures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PySide6.QtCore import QEvent, QPointF, Qt, QTimer, Signal
from PySide6.QtGui import QColor, QDragEnterEvent, QDropEvent, QImage, QKeyEvent, QMouseEvent, QPainter, QPen
from PySide6.QtWidgets import QWidget

from app.shell import theme
from app.widgets import intake, kit
from app.widgets.images import to_qimage
from app.widgets.sketchhand import Hand
from app.widgets.sketchmarks import Mark, Marks, copies, ink_of, moved
from app.widgets.sketchpaint import paint_handles, paint_mark, unit
from app.widgets.view2d import Extent, View2D

TOOLS: dict[str, tuple[str, str, str]] = {
    "brush": ("brush", "Brush: draw strokes", "Drag to draw a stroke; the keys [ and ] change its width."),
    "spray": ("spray", "Spray: drops around the pointer, more the longer you stay", "Hold and drag to spray."),
    "points": ("point", "Points: one for each click", "Click to add points."),
    "gaussian": ("bell", "Gaussian: drag from its middle outwards", "Drag from the middle of a Gaussian outwards."),
    "text": ("letter", "Text: click where the word of the box shall stand", "Click where the word shall stand."),
    "erase": ("eraser", "Erase: rub out what the pointer passes", "Drag over what shall go."),
    "select": (
        "cursor",
        "Select: move a mark, stretch and turn it by its handles",
        "Click a mark, drag it or its handles; Delete takes it away.",
    ),
}
"""Icon, words and hint of each tool."""
SPRAY_EVERY = 50
PIXELS = 32
"""Side of a picture that becomes a density: enough to be recognised, few enough to be quick."""
OWN_KEYS = {Qt.Key.Key_Delete, Qt.Key.Key_Backspace, Qt.Key.Key_BracketLeft, Qt.Key.Key_BracketRight}
ARROWS = {Qt.Key.Key_Left: (-1, 0), Qt.Key.Key_Right: (1, 0), Qt.Key.Key_Up: (0, 1), Qt.Key.Key_Down: (0, -1)}


class Sketch(View2D):
    """Marks on the plane that a hand makes and changes; `hand` has tool, width, density, label, mirror and text.

    Setters (silent): set_marks(marks), set_tool(tool), set_ground(picture, extent). Getter: marks.
    Signals: changed() once a stroke, move or edit is finished; picked(index) of the chosen mark, -1 for none;
    width_wished(factor) by the keys [ and ]; refused(words).
    """

    changed = Signal()
    picked = Signal(int)
    width_wished = Signal(float)
    refused = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.hand = Hand()
        self._ground: tuple[QImage, Extent] | None = None
        self._told = -1
        self._spray = QTimer(self)
        self._spray.setInterval(SPRAY_EVERY)
        self._spray.timeout.connect(self._drop)
        self.setAcceptDrops(True)
        self.setAccessibleName("Drawing")
        self.set_extent(-3, 3, -3, 3)

    # ---- what is on it

    @property
    def marks(self) -> Marks:
        """All marks, the uppermost last."""
        return self.hand.marks

    @property
    def chosen(self) -> Mark | None:
        """The chosen mark."""
        return self.marks[self.hand.chosen] if 0 <= self.hand.chosen < len(self.marks) else None

    def set_marks(self, marks: Marks) -> None:
        """Show these marks, without a past."""
        self.hand.history.load(marks)
        self.choose(-1)
        self.rebuild()

    def put(self, marks: Marks, chosen: int = -1) -> None:
        """Other marks as one step that can be undone."""
        if self.hand.history.put(marks):
            self.choose(min(chosen, len(marks) - 1))
            self.rebuild()
            self.changed.emit()

    def set_ground(self, picture: np.ndarray | None, extent: Extent = (0, 1, 0, 1)) -> None:
        """A faint picture uint8 (h, w, 4) behind the marks, row 0 lowest."""
        self._ground = None if picture is None else (to_qimage(np.ascontiguousarray(picture[::-1])), extent)
        self.rebuild()

    def set_tool(self, tool: str) -> None:
        """Take up a tool."""
        self.hand.tool = tool
        if tool != "select":
            self.choose(-1)
        self.rebuild()

    def choose(self, at: int) -> None:
        """Choose a mark, -1 for none."""
        self.hand.chosen = at
        self._tell()

    def _tell(self) -> None:
        if self.hand.chosen != self._told:
            self._told = self.hand.chosen
            self.rebuild()
            self.picked.emit(self._told)

    def undo(self) -> None:
        """One step back."""
        self._travel(self.hand.history.undo())

    def redo(self) -> None:
        """One step forward again."""
        self._travel(self.hand.history.redo())

    def _travel(self, went: bool) -> None:
        if went:
            self.choose(-1)
            self.rebuild()
            self.changed.emit()

    def clear(self) -> None:
        """Nothing on it, as one step."""
        self.put(())

    def remove(self) -> None:
        """Take the chosen mark away."""
        if self.chosen is not None:
            self.put(self.hand.without_chosen())

    def change_chosen(self, mark: Mark) -> None:
        """Another mark in place of the chosen one."""
        if self.chosen is not None:
            self.put(self.hand.replaced(self.hand.chosen, mark), self.hand.chosen)

    def add_picture(self, image: QImage) -> None:
        """A picture as a density in the middle of what is seen."""
        ink, columns = ink_of(intake.fit(image, PIXELS, PIXELS))
        if not ink.strip("0"):
            self.refused.emit("The picture has no ink: it is all of one colour. Choose one with something on it.")
            return
        x0, x1, y0, y1 = self.shown()
        size = round(0.8 * min(x1 - x0, y1 - y0), 2)
        at = [round((x0 + x1) / 2, 2), round((y0 + y1) / 2, 2)]
        mark = self.hand.new("picture", ink=ink, columns=columns, at=at, size=size)
        self.put((*self.marks, self.hand.weighed(mark)))

    def load_picture(self, path: str | Path) -> None:
        """A picture file as a density."""
        try:
            self.add_picture(intake.read_image(path))
        except ValueError as error:
            self.refused.emit(str(error))

    # ---- painting

    def paint_scene(self, painter: QPainter) -> None:
        """The density, then the marks."""
        if self._ground is not None:
            self.draw_image(painter, *self._ground)
        for number, mark in enumerate(self.marks):
            paint_mark(self, painter, mark, number == self.hand.chosen)

    def paint_over(self, painter: QPainter) -> None:
        """What is being made, the handles, and the size of the pen."""
        t, hand = theme.current(), self.hand
        if not self.marks and hand.making is None:
            kit.paint_empty(painter, self.area().toRect(), "Draw your own distribution", TOOLS[hand.tool][2])
        if hand.making is not None:
            paint_mark(self, painter, hand.making)
        if self.chosen is not None:
            paint_handles(self, painter, self.chosen)
        if self.pointer is None or hand.tool not in ("brush", "spray", "erase", "points"):
            return
        radius = unit(self) * hand.width / (1 if hand.tool == "spray" else 2)
        colour = t.muted if hand.tool == "erase" else theme.label_color(hand.label)
        painter.setPen(QPen(QColor(colour), 1.2))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for sx, sy in copies({"mirror": hand.mirror}) if hand.tool != "erase" else [(1.0, 1.0)]:
            painter.drawEllipse(self.to_screen(self.pointer[0] * sx, self.pointer[1] * sy), radius, radius)

    # ---- hands and keys

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """The left button draws."""
        if event.button() == Qt.MouseButton.LeftButton and self.area().contains(event.position()):
            self.pointer = self.to_plane(event.position())
            self.hand.begin(*self.pointer, unit(self))
            if self.hand.tool == "spray":
                self._spray.start()
            self._tell()
            self.rebuild()
        else:
            super().mousePressEvent(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Go on with what was begun."""
        super().mouseMoveEvent(event)
        if event.buttons() & Qt.MouseButton.LeftButton:
            self.pointer = self.to_plane(self._inside(event.position()))
            before = self.marks
            self.hand.go_on(*self.pointer, unit(self))
            if self.marks is not before:
                self.rebuild()
            self.update()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """The stroke ends."""
        if event.button() != Qt.MouseButton.LeftButton:
            super().mouseReleaseEvent(event)
            return
        self._spray.stop()
        if self.hand.finish():
            self.choose(min(self.hand.chosen, len(self.marks) - 1))
            self.rebuild()
            self.changed.emit()
        self.update()

    def _drop(self) -> None:
        if self.pointer is not None:
            self.hand.drop(*self.pointer)
            self.update()

    def _inside(self, where: QPointF) -> QPointF:
        a = self.area()
        return QPointF(min(a.right(), max(a.left(), where.x())), min(a.bottom(), max(a.top(), where.y())))

    def event(self, event: QEvent) -> bool:
        """Undo, redo and a few plain keys are the drawing's while it has the focus, not the window's."""
        if event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent) and self._is_own(event):
            event.accept()
            return True
        return super().event(event)

    def _is_own(self, event: QKeyEvent) -> bool:
        key = Qt.Key(event.key())
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            return key in (Qt.Key.Key_Z, Qt.Key.Key_Y)
        return key in OWN_KEYS or (self.chosen is not None and (key in ARROWS or key == Qt.Key.Key_Escape))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Ctrl+Z, Ctrl+Y, Delete, Escape, [ and ], arrows."""
        key, chosen = Qt.Key(event.key()), self.chosen
        shift = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier and key in (Qt.Key.Key_Z, Qt.Key.Key_Y):
            self.redo() if key == Qt.Key.Key_Y or shift else self.undo()
        elif key in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace):
            self.remove()
        elif key in (Qt.Key.Key_BracketLeft, Qt.Key.Key_BracketRight):
            self.width_wished.emit(1.15 if key == Qt.Key.Key_BracketRight else 1 / 1.15)
        elif key == Qt.Key.Key_Escape and chosen is not None:
            self.choose(-1)
        elif key in ARROWS and chosen is not None:
            step = (10 if shift else 2) / unit(self)
            self.change_chosen(moved(chosen, ARROWS[key][0] * step, ARROWS[key][1] * step))
        else:
            super().keyPressEvent(event)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Pictures are welcome."""
        if intake.takes(event.mimeData()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        """A picture becomes a density."""
        data = event.mimeData()
        event.acceptProposedAction()
        if data.hasUrls():
            self.load_picture(data.urls()[0].toLocalFile())
        elif data.hasImage():
            self.add_picture(QImage(data.imageData()))


def _demo() -> QWidget:
    sketch = Sketch()
    stroke = {"kind": "brush", "label": 0, "width": 0.3, "weight": 1.0, "mirror": "x"}
    sketch.set_marks(
        (
            {**stroke, "points": [-2, -1, -1, 1, -0.2, 0]},
            {"kind": "gaussian", "label": 1, "at": [1.2, 1.5], "axes": [0.8, 0.3], "angle": 30.0, "weight": 1.0},
            {"kind": "text", "label": 2, "text": "Draw", "at": [0, -2], "size": 1.2, "weight": 1.0},
        )
    )
    sketch.set_tool("select")
    sketch.choose(1)
    return sketch


if __name__ == "__main__":
    import sys

    from app.widgets.demo import run

    sys.exit(run(_demo, (520, 520)))
