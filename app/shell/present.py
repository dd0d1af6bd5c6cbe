"""Presenting: one key gives the panels the whole screen, with larger text and without menus; Esc brings all back.

With a talk open, its cue says which panels are seen.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import QByteArray, QEvent, QObject, QTimer
from PySide6.QtWidgets import QWidget

from app.shell import theme

if TYPE_CHECKING:
    from app.shell.window import Window

LARGER = 1.5
SETTLES_MS = 600
"""A size that comes later is somebody's wish."""


class Presenter:
    """Remembers the window as it was while it presents. `on` says whether it does."""

    def __init__(self, window: Window) -> None:
        self._window = window
        self._layout: QByteArray | None = None
        self._scale = 1.0
        self._full = False
        self._maximised = False

    @property
    def on(self) -> bool:
        """Whether the window presents."""
        return self._layout is not None

    def start(self) -> None:
        """Full screen, 1.5 times larger text, no menus and titles; the panel with the focus gets most of the room."""
        if self.on:
            return
        window = self._window
        self._layout = window.saveState()
        self._scale, self._full = theme.scale(), window.isFullScreen()
        self._maximised = window.isMaximized()
        chosen = window.docks.focused()
        theme.set_scale(theme.application(), self._scale * LARGER)
        window.set_chrome(False)
        if not window.stage.present():
            window.docks.enlarge(chosen)
        window.showFullScreen()

    def stop(self) -> None:
        """Everything as it was before."""
        if self._layout is None:
            return
        window, layout, self._layout = self._window, self._layout, None
        theme.set_scale(theme.application(), self._scale)
        if not self._full:
            window.showMaximized() if self._maximised else window.showNormal()
        window.set_chrome(True)
        self._restore(layout)
        if not self._full:
            _Settled(window, lambda: self._restore(layout))
        window.stage.unpresent()

    def _restore(self, layout: QByteArray) -> None:
        if not self.on:
            self._window.restoreState(layout)
            self._window.stage.resettle()
            self._window.docks.retitle()

    def toggle(self) -> None:
        """Start or stop."""
        self.stop() if self.on else self.start()


class _Settled(QObject):
    """Calls when a window has got its size, which the window system gives in steps, a moment after it was asked."""

    def __init__(self, window: QWidget, then: Callable[[], None]) -> None:
        super().__init__(window)
        self._then = then
        window.installEventFilter(self)
        QTimer.singleShot(SETTLES_MS, self, self.deleteLater)

    def eventFilter(self, _watched: QObject, event: QEvent) -> bool:
        """Each new size until it rests."""
        if event.type() == QEvent.Type.Resize:
            QTimer.singleShot(0, self, self._then)
        return False
