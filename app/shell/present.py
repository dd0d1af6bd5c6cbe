"""Presenting: one key gives the panels the whole screen, with larger text and without menus; Esc brings all back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QByteArray
from PySide6.QtWidgets import QApplication

from app.shell import theme

if TYPE_CHECKING:
    from app.shell.window import Window

LARGER = 1.5


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
        theme.set_scale(_app(), self._scale * LARGER)
        window.set_chrome(False)
        window.docks.enlarge(chosen)
        window.showFullScreen()

    def stop(self) -> None:
        """Everything as it was before."""
        if self._layout is None:
            return
        window, layout, self._layout = self._window, self._layout, None
        theme.set_scale(_app(), self._scale)
        if not self._full:
            window.showMaximized() if self._maximised else window.showNormal()
        window.set_chrome(True)
        window.restoreState(layout)
        window.docks.retitle()

    def toggle(self) -> None:
        """Start or stop."""
        self.stop() if self.on else self.start()


def _app() -> QApplication:
    app = QApplication.instance()
    assert isinstance(app, QApplication)
    return app
