"""A window for talks: a run of one's own that trains, two examples, and what tests ask of it."""

from __future__ import annotations

from typing import Any

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget

from app.bridge.recorded import Recording
from app.shell.window import Window
from app.stage import seeing, telling
from app.stage.cues import Cue
from tests.app.fake_model import run_card
from tests.app.windows import ready


def stocked(window: Window) -> Window:
    """Give a window a run that trains, in front, and two recorded examples."""
    items = np.random.default_rng(0).integers(0, 255, (64, 8, 8, 1), np.uint8)
    cards = [run_card(f"example:{name}", state="viewed") for name in ("small", "other")]
    window.desk.show_recordings([Recording(card, {"samples": items}) for card in cards])
    ready(window, run_card("mine"))
    window.desk.set_current("mine")
    window.activateWindow()
    return window


def silent(_level: str, _words: str) -> None:
    """Nobody listens."""


def bring(window: Window, name: str, plain: dict[str, Any]) -> None:
    """Apply settings as a cue does."""
    telling.bring_panels(window, {name: plain}, silent)
    window.docks.show(name)


def messages(window: Window) -> list[str]:
    return window.toasts.messages()


def like(window: Window, cue: Cue) -> dict[str, Any]:
    """The window as it is, told of no more panels than a cue."""
    now = seeing.capture(window, cue.title)
    return now.model_copy(update={"panels": {name: now.panels[name] for name in cue.panels}}).plain()


def press(window: Window, key: Qt.Key, widget: QWidget | None = None) -> None:
    """A key where the focus is."""
    window.actions_.refresh()
    QTest.keyClick(widget or QApplication.focusWidget() or window, key)
