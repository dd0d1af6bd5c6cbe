"""Windows for tests, which are gone before the next begins; else each change of dress would dress them all."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import shiboken6
from PySide6.QtCore import QCoreApplication, QEvent

from app.shell import theme
from app.shell.window import Window
from tests.app.windows import ReplayEngine


@pytest.fixture(autouse=True)
def _nothing_left_behind() -> Iterator[None]:
    if not gc.get_freeze_count():  # what was loaded before, such as torch, need not be looked through after each test
        gc.collect()
        gc.freeze()
    yield
    gc.collect()
    if QCoreApplication.instance() is not None:
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


@pytest.fixture
def engine() -> ReplayEngine:
    return ReplayEngine()


@pytest.fixture
def make_window(qtbot: Any, tmp_path: Path) -> Iterator[Callable[..., Window]]:
    """Makes windows and takes them away for good, so that later tests restyle no windows of earlier ones."""
    made: list[Window] = []

    def make(engine: ReplayEngine | None = None) -> Window:
        window = Window(engine or ReplayEngine(), tmp_path / "settings.json", tmp_path / "nothing")
        made.append(window)
        window.show()
        return window

    yield make
    for window in made:
        window.pump.stop()
        window.finish()
        shiboken6.delete(window)


@pytest.fixture
def window(make_window: Callable[..., Window], engine: ReplayEngine) -> Window:
    return make_window(engine)


@pytest.fixture
def dressed(qapp: object) -> Iterator[None]:
    """Panels are drawn in the program's own dress."""
    theme.load_fonts()
    theme.apply(qapp, "dark")  # type: ignore[arg-type]
    yield
    theme.set_scale(qapp, 1.0)  # type: ignore[arg-type]
