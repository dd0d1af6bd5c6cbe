"""One session: the application, its loop, the window and the engine, from the first picture to a clean end."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from PySide6.QtCore import QPoint, Qt, QTimer
from PySide6.QtWidgets import QAbstractButton, QApplication, QComboBox, QLineEdit, QTabBar, QWidget

from app.shell import crash, startup, theme
from app.shell.settings import read_settings, settings_path
from app.shell.watchdog import Watchdog
from app.shell.window import Window
from app.widgets.kit import Painted
from gm_core import api

END_WITHIN = 5.0
HELD = 20_000
"""Milliseconds after which the measures for a quick start end even if the engine never gets ready."""


@dataclass(frozen=True)
class Wishes:
    """What the command line asked for."""

    preset: str = ""
    run: str = ""
    runs: Path | None = None
    theme: str = ""
    shot: Path | None = None
    shot_after: float = 4.0
    train: bool = False
    geometry: bool = False
    page: str = ""


class Session:
    """Owns the window and the engine; `run()` is the main coroutine and returns the exit status."""

    def __init__(self, app: QApplication, wishes: Wishes, log: IO[str] | None = None, engine: Any = None) -> None:
        self.app, self.wishes, self.log = app, wishes, log
        self.tasks: set[asyncio.Task[Any]] = set()
        app.setQuitOnLastWindowClosed(False)  # the loop ends when everything is saved, not before
        settings, _ = read_settings(settings_path())
        theme.load_fonts()
        theme.apply(app, wishes.theme or settings.theme)  # type: ignore[arg-type]
        if settings.text_size != 1.0:
            theme.set_scale(app, settings.text_size)
        self.engine = engine if engine is not None else api.open_engine(wishes.runs)
        self.window = Window(self.engine)
        self.watchdog = Watchdog(lambda: self.window.pump.last, log)
        self.pool = ThreadPoolExecutor(2, thread_name_prefix="aside")
        self._ended = asyncio.Event()
        self._started = False
        self.window.leaving.connect(lambda: self.spawn(self._leave()))
        self.window.first_painted.connect(self._start_engine)
        self.window.desk.ready.connect(lambda _catalogue: startup.release())
        QTimer.singleShot(HELD, self.window, startup.release)

    def spawn(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Run a coroutine and hold on to it: the loop alone would not."""
        task = asyncio.get_running_loop().create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[Any]) -> None:
        self.tasks.discard(task)
        fault = None if task.cancelled() else task.exception()
        if fault is not None:
            crash.reports.take(type(fault), fault, fault.__traceback__)

    async def run(self) -> int:
        """Show the window and live until it has been closed and everything is saved."""
        loop = asyncio.get_running_loop()
        loop.set_default_executor(self.pool)
        loop.set_exception_handler(crash.loop_fault)
        for name in (signal.SIGINT, signal.SIGTERM):
            with contextlib.suppress(NotImplementedError, RuntimeError, ValueError):
                loop.add_signal_handler(name, self.window.close)
        self.window.show()
        self.window.start()
        await self._ended.wait()
        self.pool.shutdown(wait=False)
        return 0

    def _start_engine(self) -> None:
        """After the first picture: torch is imported on the worker's thread while the window answers already."""
        if self._started:
            return
        self._started = True
        startup.load_readers()
        self.engine.start()
        self.watchdog.start()
        wishes, window = self.wishes, self.window
        if wishes.preset:
            window.experiment.plan(api_spec(wishes.preset))
        if wishes.run:
            window.desk.open_run(wishes.run)
        if wishes.page:
            window.reader.open(wishes.page)
        if wishes.train:
            window.experiment.train()
        if wishes.shot is not None:
            QTimer.singleShot(round(1000 * wishes.shot_after), window, self._shoot)
        if wishes.geometry:
            self._geometry = QTimer(window)
            self._geometry.timeout.connect(self._print_geometry)
            self._geometry.start(1000)
            self._printed = ""

    def _shoot(self) -> None:
        assert self.wishes.shot is not None
        self.window.grab().save(str(self.wishes.shot))
        self.window.close()

    def _print_geometry(self) -> None:
        text = "\n".join(json.dumps(line) for line in geometry(self.window))
        if text != self._printed:
            self._printed = text
            print(text, flush=True)
            print(json.dumps({"end": True}), flush=True)

    async def _leave(self) -> None:
        """Stop the timer, close the engine beside the loop, end the tasks, then close the window for good."""
        self.window.rest()
        here = asyncio.current_task()
        others = [task for task in self.tasks if task is not here]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        if self._started:
            loop = asyncio.get_running_loop()
            in_time = await loop.run_in_executor(self.pool, self.engine.close, END_WITHIN)
            if not in_time:
                crash.log.error("the engine did not end within %.0f s", END_WITHIN)
        self.watchdog.stop()
        self.window.finish()
        self._ended.set()


def api_spec(preset: str) -> dict[str, Any]:
    """The spec of a preset by name, or of a YAML file; raises SpecError with the names that there are."""
    path = Path(preset)
    if path.suffix in {".yaml", ".yml"} and path.is_file():
        return api.load_yaml(path).plain()
    known = {held.name: held for held in api.read_presets()}
    if preset not in known:
        raise api.SpecError(
            "preset", f"{preset!r} is neither a preset nor a YAML file; presets are: {', '.join(known)}"
        )
    return dict(known[preset].spec)


def known_page(name: str) -> str:
    """The name of a page of the notes, or page/section; raises SpecError with the names that there are."""
    from app.contents import ORDER
    from app.pages import load_page

    page, _, section = name.partition("/")
    if page not in ORDER:
        raise api.SpecError("page", f"{page!r} is no page of the notes; the pages are: {', '.join(ORDER)}")
    known = [one.name for one in load_page(page).sections] if section else []
    if section and section not in known:
        raise api.SpecError("page", f"{section!r} is no section of {page}; its sections are: {', '.join(known)}")
    return name


def geometry(window: QWidget) -> list[dict[str, Any]]:
    """Where every named widget that can be clicked is on screen, for tests that drive a real window."""
    lines: list[dict[str, Any]] = []
    for widget in window.findChildren(QWidget):
        if not widget.isVisible():
            continue
        name = widget.accessibleName() or widget.objectName()
        wanted = isinstance(widget, Painted | QAbstractButton | QLineEdit | QComboBox) or name.startswith("panel-")
        if isinstance(widget, QTabBar):
            for at in range(widget.count()):
                rect = widget.tabRect(at)
                corner = widget.mapToGlobal(rect.topLeft())
                lines.append(_line(f"tab:{widget.tabText(at)}", corner, rect.width(), rect.height(), "QTabBar"))
        elif wanted and name:
            corner = widget.mapToGlobal(QPoint(0, 0))
            lines.append(_line(name, corner, widget.width(), widget.height(), type(widget).__name__))
    return lines


def _line(name: str, corner: QPoint, width: int, height: int, kind: str) -> dict[str, Any]:
    return {"name": name, "x": corner.x(), "y": corner.y(), "w": width, "h": height, "kind": kind}


def make_application(arguments: list[str]) -> QApplication:
    """The Qt application, dressed so that window systems know it."""
    startup.plain_import()
    QApplication.setHighDpiScaleFactorRoundingPolicy(Qt.HighDpiScaleFactorRoundingPolicy.PassThrough)
    app = QApplication.instance() or QApplication(arguments)
    assert isinstance(app, QApplication)
    app.setApplicationName("generative-models-playground")
    app.setApplicationDisplayName("Generative Models Playground")
    app.setDesktopFileName("io.github.generative_models_playground")
    crash.install_qt()
    return app
