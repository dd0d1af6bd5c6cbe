"""Messages inside the window, which never block it, and a list that keeps them all."""

from __future__ import annotations

import time
from typing import Literal

from PySide6.QtCore import QEvent, QObject, QRectF, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QColor, QGuiApplication, QPainter, QPainterPath, QPaintEvent, QPen
from PySide6.QtWidgets import QLabel, QListWidget, QListWidgetItem, QPushButton, QVBoxLayout, QWidget

from app.shell import theme
from app.widgets import kit

Level = Literal["info", "warn", "error"]
ICONS = {"info": "info", "warn": "warning", "error": "error"}
MOST = 4


def _ink(level: str) -> str:
    t = theme.current()
    return {"info": t.accent, "warn": t.warn, "error": t.bad}[level]


class Toast(QWidget):
    """One message: an icon, one sentence, a button that copies the details, a button that closes it."""

    closed = Signal()

    def __init__(self, level: Level, text: str, details: str, parent: QWidget) -> None:
        super().__init__(parent)
        self.level, self.text, self.details = level, text, details
        self._icon = QLabel()
        kit.Room(self._icon, 20, 20)
        self._words = QLabel(text)
        self._words.setWordWrap(True)
        self._words.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.copy = QPushButton("Copy details")
        self.copy.setProperty("flat", True)
        self.copy.setVisible(bool(details))
        self.copy.clicked.connect(self._copy)
        self.close_button = kit.IconButton("close", "Close message")
        self.close_button.clicked.connect(self.dismiss)
        layout = kit.row(self._icon, self._words, self.copy, self.close_button, spacing=8, margins=(12, 8, 8, 8))
        layout.setStretch(1, 1)
        self.setLayout(layout)
        self.setAccessibleName(f"{level}: {text}")
        self._dress()

    def dismiss(self) -> None:
        """Take the message away."""
        self.hide()
        self.closed.emit()
        self.deleteLater()

    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(f"{self.text}\n\n{self.details}")
        self.copy.setText("Copied")

    def _dress(self) -> None:
        ink = _ink(self.level)
        self._icon.setPixmap(theme.pixmap(ICONS[self.level], theme.px(20), ink, self.devicePixelRatioF()))
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        """A raised card with a bar in the colour of the level."""
        t = theme.current()
        p = QPainter(self)
        p.setRenderHint(QPainter.RenderHint.Antialiasing)
        card = QPainterPath()
        card.addRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), 6, 6)
        p.fillPath(card, QColor(t.raised))
        p.setClipPath(card)
        p.fillRect(0, 0, theme.px(3), self.height(), QColor(_ink(self.level)))
        p.setPen(QPen(QColor(t.border), 1))
        p.drawPath(card)

    def changeEvent(self, event: QEvent) -> None:
        """Follow the theme."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange:
            self._dress()


class Toasts(QObject):
    """Shows messages at the lower right of a window. Methods: show_message(level, text, details='', timeout_ms=6000)
    where 0 stays until closed (errors always stay), take_back(text), clear(), messages() -> list of texts on screen.
    """

    shown = Signal(str, str, str)

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        self._window = window
        self._toasts: list[Toast] = []
        window.installEventFilter(self)

    def show_message(self, level: Level, text: str, details: str = "", timeout_ms: int = 6000) -> Toast:
        """Say one sentence; a repeated sentence replaces itself instead of piling up."""
        if level not in ICONS:
            raise ValueError(f"level is {level!r}; it is 'info', 'warn' or 'error'")
        for old in [t for t in self._toasts if t.text == text] + self._toasts[: max(0, len(self._toasts) - MOST + 1)]:
            old.dismiss()
        toast = Toast(level, text, details, self._window)
        self._toasts.append(toast)
        toast.closed.connect(lambda: self._forget(toast))
        if timeout_ms > 0 and level != "error":
            QTimer.singleShot(timeout_ms, toast, toast.dismiss)
        toast.show()
        self._place()
        self.shown.emit(level, text, details)
        return toast

    def messages(self) -> list[str]:
        """What is on screen, oldest first."""
        return [t.text for t in self._toasts]

    def clear(self) -> None:
        """Take all messages away."""
        for toast in list(self._toasts):
            toast.dismiss()

    def take_back(self, text: str) -> None:
        """Take a message away that no longer holds."""
        for toast in [toast for toast in self._toasts if toast.text == text]:
            toast.dismiss()

    def _forget(self, toast: Toast) -> None:
        if toast in self._toasts:
            self._toasts.remove(toast)
        self._place()

    def _place(self) -> None:
        width = min(theme.px(440), self._window.width() - 32)
        bottom = self._window.height() - theme.px(36)
        for toast in reversed(self._toasts):
            height = max(toast.layout().heightForWidth(width), toast.layout().minimumSize().height())
            bottom -= height
            toast.setGeometry(self._window.width() - width - 16, bottom, width, height)
            toast.raise_()
            bottom -= 8

    def eventFilter(self, _watched: QObject, event: QEvent) -> bool:
        """Stay in the corner when the window changes its size."""
        if event.type() == QEvent.Type.Resize:
            self._place()
        return False


class LogList(QWidget):
    """All messages with their times. Methods: add(level, text, details='', when=None), clear(), text(), count()."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.list = QListWidget()
        self.list.setAccessibleName("Messages")
        self.list.setWordWrap(True)
        self.list.setSpacing(3)
        self.list.setSelectionMode(QListWidget.SelectionMode.ExtendedSelection)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.setIconSize(QSize(theme.px(16), theme.px(16)))
        self.empty = kit.label("Nothing to report. Warnings and errors are kept here in plain words.", "muted")
        self.empty.setWordWrap(True)
        copy = kit.IconButton("copy", "Copy all messages")
        copy.clicked.connect(lambda: QGuiApplication.clipboard().setText(self.text()))
        clear = kit.IconButton("trash", "Clear messages")
        clear.clicked.connect(self.clear)
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(4)
        box.addLayout(kit.row(self.empty, None, copy, clear))
        box.addWidget(self.list, 1)
        self._rows: list[tuple[str, str, str, float]] = []

    def add(self, level: Level, text: str, details: str = "", when: float | None = None) -> None:
        """Append one message; `when` is a Unix time."""
        stamp = time.time() if when is None else when
        self._rows.append((level, text, details, stamp))
        item = QListWidgetItem(f"{time.strftime('%H:%M:%S', time.localtime(stamp))}   {text}")
        item.setIcon(theme.pixmap(ICONS[level], theme.px(16), _ink(level), self.devicePixelRatioF()))
        item.setToolTip(details)
        item.setData(Qt.ItemDataRole.AccessibleTextRole, f"{level}: {text}")
        follow = self.list.verticalScrollBar().value() >= self.list.verticalScrollBar().maximum() - 4
        self.list.addItem(item)
        if self.list.count() > 2000:
            self.list.takeItem(0)
            self._rows.pop(0)
        if follow:
            self.list.scrollToBottom()
        self.empty.setVisible(False)

    def changeEvent(self, event: QEvent) -> None:
        """Recolour the icons."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange and hasattr(self, "_rows"):
            for i, (level, *_rest) in enumerate(self._rows):
                self.list.item(i).setIcon(
                    theme.pixmap(ICONS[level], theme.px(16), _ink(level), self.devicePixelRatioF())
                )

    def clear(self) -> None:
        """Empty the list."""
        self._rows = []
        self.list.clear()
        self.empty.setVisible(True)

    def count(self) -> int:
        """How many messages there are."""
        return len(self._rows)

    def text(self) -> str:
        """All messages with their details, for a report."""
        lines = []
        for level, text, details, stamp in self._rows:
            lines.append(f"{time.strftime('%Y-%m-%d %H:%M:%S', time.localtime(stamp))} {level}: {text}")
            lines += [f"    {line}" for line in details.splitlines()]
        return "\n".join(lines)


def _demo() -> QWidget:
    w = QWidget()
    box = QVBoxLayout(w)
    log = LogList()
    box.addWidget(log)
    for level, text in (
        ("info", "Training started: vae-digits, 1,797 images."), ("warn", "The KL term has been 0 for 500 steps."),
        ("error", "beta is 99; the range is 0 to 20."),
    ):  # fmt: skip
        log.add(level, text, when=1.7e9)  # type: ignore[arg-type]
    toasts = Toasts(w)
    toasts.show_message("info", "Saved the gallery as samples.png.")
    toasts.show_message(
        "error", "The loss became NaN in the KL term at step 812; the last good state is step 800.", "Traceback"
    )
    QTimer.singleShot(100, w, toasts._place)
    return w


if __name__ == "__main__":
    import sys

    from app.widgets.demo import run

    sys.exit(run(_demo, (560, 340)))
