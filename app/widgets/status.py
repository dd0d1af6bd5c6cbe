"""The quiet line under a view: what it shows, how far it has come, and a way to stop waiting."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QSizePolicy, QWidget

from app.shell import theme
from app.widgets import kit


class StillLabel(QLabel):
    """A label for words that change while training goes on: it asks for a new layout only when it needs more room
    than it ever had. A QLabel asks each time, and then the whole window is laid out anew."""

    def __init__(self, text: str = "", role: str = "", parent: QWidget | None = None, name: str = "") -> None:
        super().__init__(parent)
        self._words, self._widest = "", 0
        self._name = name
        self.setAccessibleName(name)
        if role:
            self.setProperty("role", role)
        self.setText(text)

    def setText(self, text: str) -> None:
        """Show other words; nothing happens where they are the same."""
        if text == self._words:
            return
        self._words = text
        (self.setAccessibleDescription if self._name else self.setAccessibleName)(text)
        if self._width() > self._widest:
            self.updateGeometry()
        self.update()

    def text(self) -> str:
        """The words."""
        return self._words

    def _width(self) -> int:
        return self.fontMetrics().horizontalAdvance(self._words) + 2

    def sizeHint(self) -> QSize:
        """Room for the widest words so far."""
        self._widest = max(self._widest, self._width() if self._words else 0)
        return QSize(self._widest, self.fontMetrics().height() + 2)

    def minimumSizeHint(self) -> QSize:
        """The same: numbers are not cut."""
        return self.sizeHint()

    def changeEvent(self, event: QEvent) -> None:
        """Another font needs other room."""
        super().changeEvent(event)
        if event.type() in kit.RESTYLE:
            self._widest = 0
            self.updateGeometry()

    def shown(self) -> str:
        """What is drawn of the words."""
        return self._words

    def paintEvent(self, _event: QPaintEvent) -> None:
        """The words in the colour and font of the style sheet."""
        painter = QPainter(self)
        painter.setPen(self.palette().color(self.foregroundRole()))
        painter.setFont(self.font())
        painter.drawText(self.rect(), int(self.alignment()), self.shown())


class ElidedLabel(StillLabel):
    """A label that shortens its text by an ellipsis where there is no room, and tells all of it in its tip."""

    def __init__(self, text: str = "", role: str = "", parent: QWidget | None = None) -> None:
        super().__init__(text, role, parent)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)

    def _width(self) -> int:
        return 0

    def minimumSizeHint(self) -> QSize:
        """Any width will do."""
        return QSize(theme.px(24), super().sizeHint().height())

    def shown(self) -> str:
        """As much of the text as fits."""
        words = self.fontMetrics().elidedText(self._words, Qt.TextElideMode.ElideRight, self.width())
        if words != self._words and self.toolTip() != self._words:
            self.setToolTip(self._words)
        return words


class ThinBar(QWidget):
    """A thin bar that fills from left to right. Setter: set_progress(done, total). It repaints when Qt finds time;
    QProgressBar paints within each call, which a busy training would feel."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._fraction = 0.0
        kit.Room(self, 90, 6)
        self.setAccessibleName("Progress")

    def set_progress(self, done: int, total: int) -> None:
        """How much of it is full."""
        self._fraction = done / total if total > 0 else 0.0
        self.setAccessibleDescription(f"{done} of {total}")
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Track and filling."""
        painter, t = QPainter(self), theme.current()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        box, radius = QRectF(self.rect()), self.height() / 2
        painter.setBrush(QColor(t.border))
        painter.drawRoundedRect(box, radius, radius)
        box.setWidth(max(box.height(), box.width() * self._fraction))
        painter.setBrush(QColor(t.accent))
        painter.drawRoundedRect(box, radius, radius)


class StatusLine(QWidget):
    """One line of caption text with an optional progress bar and a button that cancels.

    Setters: set_text(str), set_side(str) (right end), set_progress(done, total) (total 0 or done >= total hides it),
    set_role(''|'warn'|'bad'). Getters: text(), busy(). Signal: cancelled().
    """

    cancelled = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.words = ElidedLabel("", "caption")
        self.side = StillLabel("", "caption")
        self.bar = ThinBar()
        self.stop = kit.IconButton("stop", "Stop waiting")
        self.stop.clicked.connect(self.cancelled)
        box = QHBoxLayout(self)
        box.setContentsMargins(2, 0, 2, 0)
        box.setSpacing(theme.px(6))
        box.addWidget(self.words, 1)
        box.addWidget(self.side)
        box.addWidget(self.bar)
        box.addWidget(self.stop)
        self.setMinimumHeight(theme.px(24))
        self.bar.hide()
        self.stop.hide()

    def set_text(self, text: str) -> None:
        """What the view shows."""
        if text != self.words.text():
            self.words.setText(text)
            self.words.setToolTip("")

    def tell(self, *parts: str) -> None:
        """Quiet words, a dot between those that are not empty."""
        self.set_role("")
        self.set_text("  ·  ".join(part for part in parts if part))

    def warn(self, words: str) -> None:
        """What went wrong; nothing is waited for any more."""
        self.set_role("warn")
        self.set_text(words)
        self.set_progress(0, 0)

    def text(self) -> str:
        """The words at the left end."""
        return self.words.text()

    def set_side(self, text: str) -> None:
        """A few words at the right end."""
        self.side.setText(text)
        if self.side.isHidden() == bool(text):
            self.side.setVisible(bool(text))

    def set_role(self, role: str) -> None:
        """Colour the words as a warning or an error; '' is quiet."""
        kit.set_role(self.words, "role", role or "caption")

    def set_progress(self, done: int, total: int) -> None:
        """How far something has come; hidden when there is nothing to wait for."""
        busy = 0 <= done < total
        if busy == self.bar.isHidden():
            self.bar.setVisible(busy)
            self.stop.setVisible(busy)
        if busy:
            self.bar.set_progress(done, total)

    def busy(self) -> bool:
        """Whether something is being waited for."""
        return not self.bar.isHidden()


def step_words(shown: int | None, live: int | None = None) -> str:
    """Which step a view shows: 'step 800 (live 2,400)', or 'step 2,400' where it shows the present."""
    if shown is None:
        return ""
    if live is None or live == shown:
        return f"step {shown:,}"
    return f"step {shown:,} (live {live:,})"
