"""What lies over the window while presenting: the black screen, the number of the cue, the dot that points."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, QPointF, QRectF, Qt, QTimer, Signal
from PySide6.QtGui import QColor, QCursor, QGuiApplication, QMouseEvent, QPainter, QPaintEvent, QPixmap
from PySide6.QtWidgets import QApplication, QWidget

from app.shell import theme

SHOWN_MS = 700
FADE_MS = 400
FRAME_MS = 40
DOT = 14
"""Across, in the pixels of the design."""
RED = "#ff2d2d"


class Curtain(QWidget):
    """Black over everything, until it is lifted. Signal: pressed() at a click."""

    pressed = Signal()

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        self._window = window
        self.setAccessibleName("Black screen")
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setCursor(Qt.CursorShape.BlankCursor)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self._before: QWidget | None = None
        self.hide()

    @property
    def down(self) -> bool:
        """Whether the screen is black."""
        return not self.isHidden()

    def drop(self) -> None:
        """Make the screen black; keys come here until it is lifted."""
        window = self._window
        self._before = QApplication.focusWidget()
        if self._before is not None:
            self._before.destroyed.connect(self._forget)
        self.setGeometry(window.rect())
        self.show()
        self.raise_()
        self.setFocus()
        window.installEventFilter(self)

    def lift(self) -> None:
        """Show the window again; the focus returns to where it was."""
        if not self.down:
            return
        self._window.removeEventFilter(self)
        self.hide()
        before, self._before = self._before, None
        if before is not None:
            before.destroyed.disconnect(self._forget)
            before.setFocus()
        else:
            self._window.setFocus()

    def _forget(self) -> None:
        self._before = None

    def eventFilter(self, _watched: QObject, event: QEvent) -> bool:
        """Stay as large as the window, and above messages that come meanwhile."""
        if event.type() == QEvent.Type.Resize:
            self.setGeometry(self._window.rect())
        elif event.type() == QEvent.Type.ChildAdded:
            QTimer.singleShot(0, self, self.raise_)
        return False

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Nothing but black."""
        QPainter(self).fillRect(self.rect(), QColor(0, 0, 0))

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """A click lifts it, and presses nothing below."""
        event.accept()
        self.pressed.emit()


class CueNumber(QWidget):
    """'3 / 20' in the corner for a second. Setter: flash(text)."""

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        self._window = window
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.text = ""
        self._left = 0
        self._timer = QTimer(self)
        self._timer.setInterval(FRAME_MS)
        self._timer.timeout.connect(self._fade)
        self.hide()

    def flash(self, text: str) -> None:
        """Show a text, then fade."""
        self.text = text
        self._left = SHOWN_MS + FADE_MS
        self._window.installEventFilter(self)
        self._place()
        self.show()
        self.raise_()
        self.update()
        self._timer.start()

    def clear(self) -> None:
        """Gone at once."""
        self._timer.stop()
        self._window.removeEventFilter(self)
        self.hide()

    def _place(self) -> None:
        width, height = theme.px(24) + self.fontMetrics().horizontalAdvance(self.text), theme.px(30)
        self.setGeometry(self._window.width() - width - theme.px(16), theme.px(16), width, height)

    def eventFilter(self, _watched: QObject, event: QEvent) -> bool:
        """Stay in the corner: the screen may become full meanwhile."""
        if event.type() == QEvent.Type.Resize:
            self._place()
        return False

    def _fade(self) -> None:
        self._left -= FRAME_MS
        if self._left <= 0:
            self.clear()
        elif self._left < FADE_MS:
            self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        """A quiet plate with the number."""
        t = theme.current()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setOpacity(min(1.0, self._left / FADE_MS))
        painter.setPen(QColor(t.border))
        painter.setBrush(QColor(t.raised))
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), theme.px(6), theme.px(6))
        painter.setPen(QColor(t.text))
        painter.drawText(self.rect(), Qt.AlignmentFlag.AlignCenter, self.text)


class Pointer:
    """The mouse as a red dot that reads from the last row: another cursor, so that it costs no painting."""

    def __init__(self) -> None:
        self.on = False

    def toggle(self) -> None:
        """Dot or arrow."""
        self.stop() if self.on else self.start()

    def start(self) -> None:
        """The dot."""
        if not self.on:
            self.on = True
            QGuiApplication.setOverrideCursor(dot())

    def stop(self) -> None:
        """The arrow."""
        if self.on:
            self.on = False
            QGuiApplication.restoreOverrideCursor()


def dot() -> QCursor:
    """A red disc with a soft rim, as a cursor."""
    side = theme.px(DOT) * 2
    picture = QPixmap(side, side)
    picture.fill(Qt.GlobalColor.transparent)
    painter = QPainter(picture)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    middle = QPointF(side / 2, side / 2)
    for share, alpha in ((0.5, 40), (0.42, 70), (0.3, 255)):
        painter.setBrush(theme.color(RED, alpha))
        painter.drawEllipse(middle, share * side, share * side)
    painter.end()
    return QCursor(picture, side // 2, side // 2)
