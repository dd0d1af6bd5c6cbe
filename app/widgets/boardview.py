"""The picture of a drawing board, without its buttons: strokes by pointer and keys, hatched unknown pixels."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QBrush,
    QColor,
    QDragEnterEvent,
    QDropEvent,
    QGuiApplication,
    QImage,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
)
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.shell import theme
from app.widgets import images, kit
from app.widgets.intake import Fitting, checked, cut, fit, read_image, takes
from app.widgets.strokes import Drawing, Ink, Sheet

TOOLS = {
    "brush": ("Brush", "Draw in the chosen grey. Right button or Shift: erase."),
    "eraser": ("Eraser", "Draw in black. Right button or Shift: draw."),
    "rub": ("Rub out", "Make pixels unknown: hatched ones are for a model to fill. Right button or Shift: bring back."),
}
OPPOSITE = {"brush": "eraser", "eraser": "brush", "rub": "restore"}
MOVES = {
    Qt.Key.Key_Left: (-1, 0), Qt.Key.Key_Right: (1, 0), Qt.Key.Key_Up: (0, -1), Qt.Key.Key_Down: (0, 1)
}  # fmt: skip


class BoardView(kit.Painted):
    """The picture itself, without buttons. Board says what its setters and signals are; they are the same here.

    Keys: arrows move the cursor (drawing while Space is held), Space dabs, Delete rubs out or erases under it, Ctrl+Z
    and Ctrl+Y undo and redo, Ctrl+V pastes a picture.
    """

    changed = Signal(object, object)
    settled = Signal(object, object)
    refused = Signal(str)
    took = Signal(object)

    def __init__(self, height: int = 28, width: int = 28, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.sheet = Sheet(height, width)
        self.colours: np.ndarray | None = None
        self.ink: Ink = 255
        self.tool, self.radius = "brush", 1.2
        self.fitting: Fitting = "ink"
        self._cursor = (width // 2, height // 2)
        self._last: tuple[float, float] | None = None
        self._stroke = ""
        self._pointer: QPointF | None = None
        self._space = False
        self.setMouseTracking(True)
        self.setAcceptDrops(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(84, 84)
        self.setCursor(Qt.CursorShape.CrossCursor)
        self.setAccessibleName("Drawing board")
        self._describe()

    def sizeHint(self) -> QSize:
        """A comfortable size."""
        return QSize(280, 280)

    # geometry

    def frame(self) -> QRectF:
        """Where the picture lies: pixels are squares of whole size where there is room for that."""
        height, width = self.sheet.shape
        zoom = min((self.width() - 4) / width, (self.height() - 4) / height)
        zoom = float(int(zoom)) if zoom >= 1 else zoom
        w, h = width * zoom, height * zoom
        return QRectF(int((self.width() - w) / 2), int((self.height() - h) / 2), w, h)

    def place(self, at: QPointF) -> tuple[float, float]:
        """A point of the widget in pixels of the picture (x, y)."""
        frame = self.frame()
        zoom = frame.width() / self.sheet.shape[1]
        return (at.x() - frame.left()) / zoom, (at.y() - frame.top()) / zoom

    # strokes

    def dab(self, a: tuple[float, float], b: tuple[float, float], tool: str) -> None:
        """One piece of a stroke from a to b (x, y) with a tool."""
        ink = {"brush": self.ink, "eraser": 0}.get(tool)
        self.sheet.dab(a, b, self.radius, ink, tool == "restore")
        self._changed()

    def finish(self) -> None:
        """End the stroke, whatever it was; it is one step of undo."""
        if self.sheet.end():
            self.settled.emit(self.sheet.now.picture, self.sheet.now.known)

    def put(self, drawing: Drawing, silent: bool = False) -> None:
        """Another drawing as one step."""
        if self.sheet.put(drawing):
            self._announce(silent)

    def undo(self) -> None:
        """One step back."""
        if self.sheet.undo():
            self._announce()

    def redo(self) -> None:
        """One step forward again."""
        if self.sheet.redo():
            self._announce()

    def paste(self) -> None:
        """Take a picture from the clipboard, fitted to the board."""
        self._take(lambda: checked(QGuiApplication.clipboard().image()))

    def load(self, path: str | Path) -> None:
        """Take a picture from a file, fitted to the board; `refused` says why where it cannot be."""
        self._take(lambda: read_image(path))

    def _take(self, read: Callable[[], QImage]) -> None:
        try:
            image = read()
            height, width = self.sheet.shape
            if self.fitting == "ink" and self.sheet.channels == 1:
                found = fit(image, height, width)
            else:
                found = cut(image, height, width, self.sheet.channels)
        except ValueError as problem:
            self.refused.emit(str(problem))
        else:
            self.put(Drawing(found, np.ones((height, width), bool)))
            self.took.emit(image)

    def _changed(self) -> None:
        self._describe()
        self.changed.emit(self.sheet.now.picture, self.sheet.now.known)

    def _announce(self, silent: bool = False) -> None:
        self._describe()
        if not silent:
            self.changed.emit(self.sheet.now.picture, self.sheet.now.known)
            self.settled.emit(self.sheet.now.picture, self.sheet.now.known)

    def _describe(self) -> None:
        height, width = self.sheet.shape
        unknown = int((~self.sheet.now.known).sum())
        self.setAccessibleDescription(f"{width} by {height} pixels, {unknown} unknown, tool {self.tool}")
        self.update()

    # painting

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Picture, hatched unknowns, the ring of the brush or the cursor of the keys."""
        p, t = QPainter(self), theme.current()
        p.fillRect(self.rect(), QColor(t.window))
        frame, now = self.frame(), self.sheet.now
        zoom = frame.width() / now.picture.shape[1]
        p.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, zoom < 1)
        fits = self.colours is not None and self.colours.shape[:2] == now.known.shape
        p.drawImage(frame, images.to_qimage(self.colours if fits else now.picture))
        if not now.known.all():
            veil = np.zeros((*now.known.shape, 4), np.uint8)
            veil[~now.known] = (*QColor(theme.mix("#70747f", t.accent, 0.35)).getRgb()[:3], 255)  # no grey of a picture
            p.drawImage(frame, images.to_qimage(veil))
            p.setPen(Qt.PenStyle.NoPen)
            p.setBrush(QBrush(QColor(255, 255, 255, 190), Qt.BrushStyle.BDiagPattern))
            for row, column in np.argwhere(~now.known):
                p.drawRect(QRectF(frame.left() + column * zoom, frame.top() + row * zoom, zoom, zoom))
        p.setBrush(Qt.BrushStyle.NoBrush)
        p.setPen(QPen(QColor(t.edge), 1))
        p.drawRect(frame.adjusted(-1, -1, 0, 0))
        p.setRenderHint(QPainter.RenderHint.Antialiasing)
        if self._pointer is not None and frame.contains(self._pointer):
            for colour, wide in ((QColor(0, 0, 0, 150), 3.0), (QColor(t.accent), 1.5)):
                p.setPen(QPen(colour, wide))
                p.drawEllipse(self._pointer, self.radius * zoom, self.radius * zoom)
        elif self.hasFocus():
            x, y = self._cursor
            p.setPen(QPen(QColor(t.accent), 2))
            p.drawRect(QRectF(frame.left() + x * zoom, frame.top() + y * zoom, zoom, zoom))
        if self.show_ring:
            kit.paint_focus(p, QRectF(self.rect()))

    # hands

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """A stroke begins; the right button or Shift does the opposite of the tool."""
        buttons = (Qt.MouseButton.LeftButton, Qt.MouseButton.RightButton)
        if event.button() not in buttons or self._stroke:
            return
        turned = event.button() == buttons[1] or bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
        self._stroke = OPPOSITE[self.tool] if turned else self.tool
        self._last = self.place(event.position())
        self.sheet.begin()
        self.dab(self._last, self._last, self._stroke)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """The stroke goes on; without one only the ring moves."""
        self._pointer = event.position()
        if self._stroke and self._last is not None:
            here = self.place(event.position())
            self.dab(self._last, here, self._stroke)
            self._last = here
        self.update()

    def mouseReleaseEvent(self, _event: QMouseEvent) -> None:
        """The stroke is done."""
        if self._stroke:
            self._stroke, self._last = "", None
            self.finish()

    def leaveEvent(self, event: QEvent) -> None:
        """The ring goes with the pointer."""
        self._pointer = None
        self.update()
        super().leaveEvent(event)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Pictures and picture files are welcome."""
        if takes(event.mimeData()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        """Take the picture."""
        data = event.mimeData()
        if data.hasImage():
            self._take(lambda: checked(QImage(data.imageData())))
        elif data.urls():
            self.load(data.urls()[0].toLocalFile())
        event.acceptProposedAction()

    def event(self, event: QEvent) -> bool:
        """Claim the keys of the board before the window's shortcuts see them."""
        if event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent) and self._mine(event):
            event.accept()
            return True
        return super().event(event)

    def _mine(self, event: QKeyEvent) -> bool:
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            return event.key() in (Qt.Key.Key_Z, Qt.Key.Key_Y, Qt.Key.Key_V)
        return event.key() in (*MOVES, Qt.Key.Key_Space, Qt.Key.Key_Delete, Qt.Key.Key_Backspace)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Draw by keys."""
        key = Qt.Key(event.key())
        if not self._mine(event):
            super().keyPressEvent(event)
        elif event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            {Qt.Key.Key_Z: self.undo, Qt.Key.Key_Y: self.redo, Qt.Key.Key_V: self.paste}[key]()
        elif key in MOVES:
            height, width = self.sheet.shape
            (x, y), (dx, dy) = self._cursor, MOVES[key]
            self._cursor = (min(width - 1, max(0, x + dx)), min(height - 1, max(0, y + dy)))
            if self._space:
                self.dab((x + 0.5, y + 0.5), self._middle(), self.tool)
            self._pointer = None
            self.update()
        elif key == Qt.Key.Key_Space:
            if not event.isAutoRepeat():
                self._space = True
                self.sheet.begin()
                self.dab(self._middle(), self._middle(), self.tool)
        else:
            self.dab(self._middle(), self._middle(), "rub" if self.tool == "rub" else "eraser")
            self.finish()

    def keyReleaseEvent(self, event: QKeyEvent) -> None:
        """A stroke by keys ends when Space is let go."""
        if event.key() == Qt.Key.Key_Space and not event.isAutoRepeat() and self._space:
            self._space = False
            self.finish()
        else:
            super().keyReleaseEvent(event)

    def _middle(self) -> tuple[float, float]:
        return self._cursor[0] + 0.5, self._cursor[1] + 0.5
