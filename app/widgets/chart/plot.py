"""A chart under the hand: boxes and wheels zoom, clicks pick, the line of the shared step is dragged."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent, QWheelEvent
from PySide6.QtWidgets import QWidget

from app.shell import theme
from app.widgets.chart.canvas import Canvas
from app.widgets.chart.frame import Frame

STILL = 3  # a hand that moved by no more than so many pixels has clicked, not dragged
STEP_OF_WHEEL = 1.0015  # zoom by one unit of the wheel, of which a notch has 120


class Plot(Canvas):
    """A Canvas with hands. Signals: picked(x) by a click or when the step line is let go, pointed(QPointF or None),
    ranged() when the axes were moved by hand, fit_wished().

    Drag a box to zoom, the wheel zooms (on an axis only that one), the middle button pushes, a double click or 0 fits,
    + and - zoom, the arrows push.
    """

    picked = Signal(float)
    pointed = Signal(object)
    ranged = Signal()
    fit_wished = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName("Curves")
        self._press: QPointF | None = None
        self._pushing: QPointF | None = None
        self.dragging_step = False

    def _show(self, frame: Frame) -> None:
        if frame.sane():
            self.set_range(frame.x0, frame.x1, frame.y0, frame.y1, frame.log)
            self.ranged.emit()

    def _on_step(self, where: QPointF) -> bool:
        frame = self.frame()
        if self.step is None or not frame.rect.contains(where):
            return False
        return abs(frame.px(self.step) - where.x()) <= theme.px(4)

    # ---- mouse

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Begin a click, a box, a drag of the step line, or a push."""
        if self.blank:
            return
        if event.button() == Qt.MouseButton.LeftButton:
            self._press = event.position()
            self.dragging_step = self._on_step(event.position())
        elif event.button() == Qt.MouseButton.MiddleButton:
            self._pushing = event.position()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Draw the box, drag, push, or read."""
        where, frame = event.position(), self.frame()
        if self._pushing is not None:
            step, self._pushing = where - self._pushing, where
            self._show(frame.moved(step.x(), step.y()))
        elif self.dragging_step:
            self.set_step(min(frame.x1, max(frame.x0, frame.x_at(where.x()))))
        elif self._press is not None:
            if (where - self._press).manhattanLength() > STILL:
                self.pointed.emit(None)
                self.set_box(self._boxed(where))
        else:
            self.setCursor(Qt.CursorShape.SplitHCursor if self._on_step(where) else Qt.CursorShape.ArrowCursor)
            self.pointed.emit(where if frame.rect.contains(where) and not self.blank else None)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """A click picks, a box zooms, the step line settles."""
        if event.button() == Qt.MouseButton.MiddleButton:
            self._pushing = None
        if event.button() != Qt.MouseButton.LeftButton or self._press is None:
            return
        where, began, self._press = event.position(), self._press, None
        frame = self.frame()
        if self.dragging_step:
            self.dragging_step = False
            if self.step is not None and (where - began).manhattanLength() > STILL:
                self.picked.emit(self.step)
        elif (where - began).manhattanLength() <= STILL:
            if frame.rect.contains(where):
                self.picked.emit(frame.x_at(where.x()))
        else:
            box = self._boxed(where, began).intersected(frame.rect)
            self.set_box(None)
            if box.width() > STILL and box.height() > STILL:
                ends = frame.x_at(box.left()), frame.x_at(box.right()), frame.y_at(box.bottom()), frame.y_at(box.top())
                self.set_range(*ends, frame.log)
                self.ranged.emit()

    def _boxed(self, where: QPointF, began: QPointF | None = None) -> QRectF:
        """The box from where the hand began. One that is flat is meant as a stretch of one axis."""
        start = began or self._press or where
        box, frame = QRectF(start, where).normalized(), self.frame()
        if box.height() < theme.px(12) <= box.width():
            box.setTop(frame.top)
            box.setBottom(frame.bottom)
        elif box.width() < theme.px(12) <= box.height():
            box.setLeft(frame.left)
            box.setRight(frame.right)
        return box

    def mouseDoubleClickEvent(self, _event: QMouseEvent) -> None:
        """Show everything."""
        self._press = None
        self.fit_wished.emit()

    def leaveEvent(self, event: QEvent) -> None:
        """Nothing is read any more."""
        self.pointed.emit(None)
        super().leaveEvent(event)

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Zoom about the pointer; over an axis only along it."""
        turn, where, frame = event.angleDelta().y(), event.position(), self.frame()
        event.accept()
        if not turn or self.blank:
            return
        along = "y" if where.x() < frame.left else "x" if where.y() > frame.bottom else "xy"
        self._show(frame.zoomed(STEP_OF_WHEEL**-turn, frame.x_at(where.x()), frame.y_at(where.y()), along))

    # ---- keys

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """0 fits, + and - zoom, the arrows push."""
        frame, key = self.frame(), Qt.Key(event.key())
        pushes = {Qt.Key.Key_Left: (1, 0), Qt.Key.Key_Right: (-1, 0), Qt.Key.Key_Up: (0, 1), Qt.Key.Key_Down: (0, -1)}
        middle = (frame.x0 + frame.x1) / 2, (frame.y0 + frame.y1) / 2
        if self.blank:
            super().keyPressEvent(event)
        elif key == Qt.Key.Key_0:
            self.fit_wished.emit()
        elif key in (Qt.Key.Key_Plus, Qt.Key.Key_Equal, Qt.Key.Key_Minus):
            self._show(frame.zoomed(1.25 if key == Qt.Key.Key_Minus else 0.8, *middle))
        elif key in pushes:
            dx, dy = pushes[key]
            self._show(frame.moved(dx * 0.1 * frame.rect.width(), dy * 0.1 * frame.rect.height()))
        else:
            super().keyPressEvent(event)
