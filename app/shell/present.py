"""Presenting: one key gives the panels the whole screen, with larger text and without menus; Esc brings all back.

With a talk open, its cue says which panels are seen.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, Qt, QTimer
from PySide6.QtWidgets import QWidget

from app.shell import theme

if TYPE_CHECKING:
    from app.shell.window import Window

LARGER = 1.5
SETTLES_MS = 600
"""A size that comes later is somebody's wish."""


class KeptLayout:
    """The layout of a window as it is now, to be put back when the text has its old size again.

    A layout that is restored at once meets panels which still ask for the room that the larger text needed, so that
    the docks that are seen get their widths a moment later.
    """

    def __init__(self, window: Window) -> None:
        self._window = window
        self._state = window.saveState()
        self._docks = [dock for dock in window.docks.all.values() if dock.is_seen()]
        self._widths = [dock.width() for dock in self._docks]

    def put_back(self) -> None:
        """Now, and the widths soon: panels learn of their new text in turn. Docks that left meanwhile stay away."""
        self._window.restoreState(self._state)
        QTimer.singleShot(0, self._window, lambda: QTimer.singleShot(0, self._window, self._resize))

    def _resize(self) -> None:
        held = {dock: width for dock, width in zip(self._docks, self._widths, strict=True) if dock.is_seen()}
        self._window.resizeDocks(list(held), list(held.values()), Qt.Orientation.Horizontal)


class Presenter:
    """Remembers the window as it was while it presents. `on` says whether it does."""

    def __init__(self, window: Window) -> None:
        self._window = window
        self._layout: KeptLayout | None = None
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
        self._layout = KeptLayout(window)
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

    def _restore(self, layout: KeptLayout) -> None:
        if not self.on:
            layout.put_back()
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
