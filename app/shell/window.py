"""The window: docks around one desk. It owns no mathematics and no state of a run; closing it is asked, not done."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from PySide6.QtCore import QByteArray, QCoreApplication, QEvent, Qt, QTimer, Signal
from PySide6.QtGui import QCloseEvent, QDragEnterEvent, QDropEvent, QGuiApplication, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QMainWindow, QToolBar, QWidget

from app.bridge.desk import Desk
from app.bridge.pump import Pump
from app.bridge.recorded import find_recordings
from app.faces import Face, find_faces
from app.panel import Panel
from app.panels.experiment import ExperimentPanel
from app.panels.log import LogPanel
from app.shell import crash, dialogs, theme
from app.shell import settings as habits
from app.shell.actions import Actions, KeyGuard
from app.shell.controls import Controls
from app.shell.deeds import Deeds
from app.shell.docks import LAYOUT_VERSION, Docks
from app.shell.drops import Drops
from app.shell.present import Presenter
from app.shell.reading import Reader
from app.shell.table import MENUS
from app.shell.timebar import TimeBar
from app.stage.director import Director
from app.widgets import kit
from app.widgets.palette import CommandPalette
from app.widgets.toast import Toasts
from gm_core import api
from gm_core.resources import resource

LAYERS = 3
"""Rounds of laying out before the first picture: a layout that changes asks the one around it."""
FRAME = 40
"""Height that the window system's title bar may take."""
LEVELS = {"info": "info", "warning": "warn", "error": "error"}
QUIET = {"Cancel"}


class Window(QMainWindow):
    """The program. `leaving` is emitted once when the user closes it; whoever runs it then calls `finish()`.

    `first_painted` is emitted when the first picture is on screen: only then is the engine started.
    """

    leaving = Signal()
    first_painted = Signal()

    def __init__(self, engine: Any, settings_path: Path | None = None, pretrained: Path | None = None) -> None:
        super().__init__()
        self.setWindowTitle("Generative Models Playground")
        self.setWindowIcon(theme.icon("app"))
        self.setMinimumSize(900, 560)
        self._path = settings_path or habits.settings_path()
        self.settings, complaint = habits.read_settings(self._path)
        self.desk = Desk(engine, self)
        self.pump = Pump(engine, self.desk, self)
        self.presenter = Presenter(self)
        self.reader = Reader(self)
        self._painted = self._asked_to_leave = self._finished = False
        self._stale = True
        self._said = ""
        self.deeds = Deeds(self)
        self.actions_ = Actions(self)
        self.toasts = Toasts(self)
        self.palette_box = CommandPalette(self)
        self.palette_box.set_actions(list(self.actions_.by_name.values()))
        self.timebar = TimeBar(self.desk)
        self.controls = Controls(self.desk, self.actions_.__getitem__)
        for name in ("start-here", "palette", "present"):
            self.controls.add(self.actions_[name], name)
        self.docks = Docks(self, self.desk, find_faces(), self._make_panel)
        self.stage = Director(self, self._path.parent / "talks")
        self.timebar_bar = _bar(self, self.timebar, "Time bar", Qt.ToolBarArea.BottomToolBarArea)
        self._bars = (_bar(self, self.controls, "Training controls", Qt.ToolBarArea.TopToolBarArea), self.timebar_bar)
        self._fill_menus()
        self._guard = KeyGuard(self)
        self.drops = Drops(self)
        self._connect()
        self.desk.show_recordings(find_recordings(pretrained or resource("pretrained")))
        self._arrange()
        if complaint:
            self.say("warn", complaint)

    # ---- parts

    @property
    def experiment(self) -> ExperimentPanel:
        """The panel with the form."""
        panel = self.docks.all["experiment"].fill(self._make_panel)
        assert isinstance(panel, ExperimentPanel)
        return panel

    @property
    def log(self) -> LogPanel:
        """The panel with the messages."""
        panel = self.docks.all["log"].fill(self._make_panel)
        assert isinstance(panel, LogPanel)
        return panel

    def _make_panel(self, face: Face, place: QWidget) -> Panel:
        kind = face.load()
        panel = kind(place)
        stored = self.settings.panels.get(kind.name)
        if isinstance(stored, Mapping):
            try:
                panel.restore(kind.State.read(stored))
            except (api.SpecError, TypeError):
                self.settings = habits.changed(self.settings, {"panels": _without(self.settings.panels, kind.name)})
        panel.notice.connect(lambda level, words: self.say(level, words))
        panel.bind(self.desk)
        if isinstance(panel, ExperimentPanel):
            panel.start_wished.connect(lambda spec: self.desk.start(spec))
            panel.changed.connect(self._refresh_later)
        self.stage.attach(panel)
        return panel

    def _fill_menus(self) -> None:
        bar = self.menuBar()
        for name in MENUS:
            menu = bar.addMenu(f"&{name}")
            menu.setToolTipsVisible(True)
            self.actions_.fill(menu, name)
            if name == "View":
                menu.addSeparator()
                panels = menu.addMenu("Panels")
                panels.aboutToShow.connect(lambda panels=panels: self.docks.menu(panels))
                self.docks.menu(panels)

    def _connect(self) -> None:
        desk = self.desk
        desk.trouble.connect(self._trouble)
        for signal in (
            desk.run_changed,
            desk.current_changed,
            desk.step_changed,
            desk.marks,
            desk.ready,
            desk.noise_changed,
        ):
            signal.connect(lambda *_: self._refresh_later())
        desk.ticked.connect(self._after_tick)
        desk.ready.connect(lambda _c: desk.send(api.SetPace(self.settings.view_share)))
        desk.ready.connect(lambda _c: desk.send(api.ListRuns()))
        for dock in self.docks.all.values():
            dock.help_wished.connect(self.deeds.help_panel)
            dock.export_wished.connect(lambda dock: dialogs.export_panel(self, dock))
            dock.copy_wished.connect(lambda dock: dialogs.copy_panel(self, dock))

    def _arrange(self) -> None:
        self.resize(1440, 900)
        screen = QGuiApplication.primaryScreen()
        if screen is not None:
            room = screen.availableGeometry()
            self.resize(min(1680, room.width()), min(1000, room.height() - FRAME))
        self.docks.lay_out()
        if self.settings.geometry:
            self.restoreGeometry(_unpack(self.settings.geometry))
        if self.settings.layout and not self.restoreState(_unpack(self.settings.layout), LAYOUT_VERSION):
            self.docks.lay_out()
        self._laid_out = bool(self.settings.layout)
        self.docks.retitle()
        self.setFocus()
        self.actions_.refresh()

    # ---- running

    def start(self) -> None:
        """Begin to listen to the engine (which may not have been started yet)."""
        self.pump.start()
        self.pump.tick()  # recorded examples are on the very first picture
        for _ in range(LAYERS):  # and everything is in its place: what was made while the window opened asks for that
            QCoreApplication.sendPostedEvents(None, QEvent.Type.LayoutRequest)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Say once that the first picture is there."""
        super().paintEvent(event)
        if not self._painted:
            self._painted = True
            if not self._laid_out:
                QTimer.singleShot(0, self.docks.size_up)
            QTimer.singleShot(0, self.first_painted.emit)
            QTimer.singleShot(0, self.actions_.dress)  # menus are closed at first: their icons can wait

    def say(self, level: str, words: str, details: str = "") -> None:
        """One sentence in the corner, and in the log."""
        chosen = level if level in ("info", "warn", "error") else "info"
        self.toasts.show_message(chosen, words, details, 12000 if chosen == "warn" else 6000)  # type: ignore[arg-type]
        if words != self._said:  # a view that follows training may say the same many times
            self.log.add(chosen, words, details)
        self._said = words

    def _trouble(self, event: api.Trouble) -> None:
        if event.topic in QUIET:
            return
        level = LEVELS.get(event.severity, "error")
        a_view = "/" in event.topic  # nothing is lost where a view cannot be drawn
        self.say("warn" if a_view and level == "error" else level, event.words, event.details)

    def _refresh_later(self) -> None:
        self._stale = True

    def _after_tick(self) -> None:
        crash.reports.deliver(lambda words, details: self.say("error", words, details))
        if self._stale:
            self._stale = False
            self.actions_.refresh()
            self.controls.refresh()

    # ---- what others ask of it

    def set_chrome(self, visible: bool) -> None:
        """Menus, bars and titles, or nothing but panels."""
        self.menuBar().setVisible(visible)
        for bar in self._bars:
            bar.setVisible(visible)
        self.docks.set_bare(not visible)

    def remember_folder(self, folder: Path) -> None:
        """Where the last file was saved."""
        self.settings = habits.changed(self.settings, {"last_folder": str(folder)})

    # ---- events

    def resizeEvent(self, event: QResizeEvent) -> None:
        """More room is for what there is to see."""
        super().resizeEvent(event)
        self.docks.keep_side()

    def changeEvent(self, event: QEvent) -> None:
        """Icons and tabs follow the theme."""
        super().changeEvent(event)
        if event.type() in kit.RESTYLE and not self._finished and self._painted:
            self.actions_.dress()
            self.docks.changed_style(event)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Files are welcome anywhere on the window."""
        self.drops.enter(event)

    def dropEvent(self, event: QDropEvent) -> None:
        """They become the data of the next run."""
        self.drops.drop(event)

    # ---- leaving

    def remember(self) -> str:
        """Write what should be found again next time; returns a sentence where that failed."""
        panels = dict(self.settings.panels)
        panels |= {n: d.panel.state().plain() for n, d in self.docks.all.items() if d.panel is not None}
        values: dict[str, Any] = {"panels": panels}
        if not self.presenter.on:
            values["layout"] = _pack(self.saveState(LAYOUT_VERSION))
            values["geometry"] = _pack(self.saveGeometry())
        self.settings = habits.changed(self.settings, values)
        return habits.write_settings(self._path, self.settings)

    def closeEvent(self, event: QCloseEvent) -> None:
        """The first time, ask to leave; `finish()` then closes for good."""
        if self._finished:
            event.accept()
            return
        event.ignore()
        if not self._asked_to_leave:
            self._asked_to_leave = True
            self.presenter.stop()
            self.reader.stop()
            self.controls.words.setText("saving...")
            self.leaving.emit()

    def rest(self) -> None:
        """Stop the timer and write the settings; the engine is closed by whoever runs the window."""
        self.pump.stop()
        self.remember()

    def finish(self) -> None:
        """Everything is saved: close."""
        if not self._finished:
            self._finished = True
            self._guard.stop()
        self.close()


def _bar(window: QMainWindow, widget: QWidget, title: str, area: Qt.ToolBarArea) -> QToolBar:
    bar = QToolBar(title, window)
    bar.setObjectName(f"bar-{title.lower().replace(' ', '-')}")
    bar.setMovable(False)
    bar.setContextMenuPolicy(Qt.ContextMenuPolicy.PreventContextMenu)
    bar.toggleViewAction().setEnabled(False)
    bar.addWidget(widget)
    window.addToolBar(area, bar)
    return bar


def _pack(data: QByteArray) -> str:
    return base64.b64encode(bytes(data.data())).decode()


def _unpack(text: str) -> QByteArray:
    try:
        return QByteArray(base64.b64decode(text, validate=True))
    except ValueError:
        return QByteArray()


def _without(mapping: Mapping[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in mapping.items() if key != name}
