"""Everything that can be done, in one table: menus, keys, tooltips, the command palette and the list of keys come from it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QAction, QKeyEvent, QKeySequence
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QLineEdit,
    QMenu,
    QPlainTextEdit,
    QTextEdit,
)

from app.shell import theme
from app.widgets import kit

if TYPE_CHECKING:
    from app.shell.window import Window


def _always(_window: Window) -> bool:
    return True


def _own(window: Window) -> bool:
    """A run of the user's own is in front."""
    return window.desk.card is not None and not window.desk.showing_examples


def _trainable(window: Window) -> bool:
    return window.desk.card is not None or window.can_train()


def _unfinished(window: Window) -> bool:
    card = window.desk.card
    return _own(window) and card is not None and card.step < card.steps and card.state != "training"


def _running(window: Window) -> bool:
    card = window.desk.card
    return _own(window) and card is not None and card.state in {"training", "paused"}


def _past(window: Window) -> bool:
    return window.desk.now is not None


def _own_past(window: Window) -> bool:
    return _own(window) and window.desk.now is not None


def _kept(window: Window) -> bool:
    view = window.desk.view
    return view is not None and bool(view.kept)


def _own_kept(window: Window) -> bool:
    return _own(window) and _kept(window)


def _poisoned(window: Window) -> bool:
    card = window.desk.card
    return _own(window) and card is not None and int(card.facts.get("good_step", -1)) >= 0


def _edited(window: Window) -> bool:
    view = window.desk.view
    return _own(window) and view is not None and bool(view.edits_now())


def _undone(window: Window) -> bool:
    view = window.desk.view
    return _own(window) and view is not None and bool(view.edits) and view.edits[-1].kind == "undo"


@dataclass(frozen=True)
class Entry:
    """One thing that can be done: its words, menu, keys, icon, what it does, and when it can be done."""

    name: str
    text: str
    menu: str
    do: Callable[[Window], Any]
    keys: tuple[str, ...] = ()
    icon: str = ""
    tip: str = ""
    when: Callable[[Window], bool] = _always
    checked: Callable[[Window], bool] | None = None


TABLE: tuple[Entry, ...] = (
    Entry("train", "Train or pause", "Run", lambda w: w.train(), ("Space",), "play", "Train the settings on the left, pause, or go on.", _trainable),
    Entry("train-new", "Train a new run", "Run", lambda w: w.train_new(), ("Ctrl+Return",), "plus", "Train what the form says, as a new run.", lambda w: w.can_train()),
    Entry("step", "One step", "Run", lambda w: w.desk.advance(1), (".",), "step-forward", "Take one training step, then rest.", _unfinished),
    Entry("ten-steps", "Ten steps", "Run", lambda w: w.desk.advance(10), ("Shift+.", ">"), "", "Take ten training steps, then rest.", _unfinished),
    Entry("stop", "Stop and save", "Run", lambda w: w.stop(), ("Ctrl+.",), "stop", "End this run; it is saved and stays open.", _running),
    Entry("branch", "Branch here", "Run", lambda w: w.branch(), ("Ctrl+B",), "branch", "Start a second run from the step shown.", _own_kept),
    Entry("rollback", "Go back to the step shown", "Run", lambda w: w.desk.rollback(), ("Ctrl+Shift+B",), "reset", "Weights, optimiser and random state return to the step shown; training rests there.", _own_past),
    Entry("good-step", "Go back to the last good step", "Run", lambda w: w.back_to_good(), (), "reset", "Return to the step before the numbers went wrong.", _poisoned),
    Entry("undo", "Undo the last live edit", "Edit", lambda w: w.desk.undo(), ("Ctrl+Z",), "undo", "", _edited),
    Entry("redo", "Redo the live edit", "Edit", lambda w: w.desk.redo(), ("Ctrl+Y", "Ctrl+Shift+Z"), "redo", "", _undone),
    Entry("copy-view", "Copy the view", "Edit", lambda w: w.copy_view(), ("Ctrl+Shift+C",), "copy", "Put a picture of the panel in use on the clipboard."),
    Entry("copy-settings", "Copy the settings as YAML", "Edit", lambda w: w.copy_settings(), (), "copy", "The run in front as a file that gm-core train takes."),
    Entry("back-to-live", "Back to the present", "Time", lambda w: w.desk.seek(None), ("End",), "skip-end", "All panels show the newest step again.", _past),
    Entry("time-back", "Kept step before", "Time", lambda w: w.timebar.move_by(-1), ("Left", ","), "step-back", "", _kept),
    Entry("time-forward", "Next kept step", "Time", lambda w: w.timebar.move_by(1), ("Right",), "step-forward", "", _past),
    Entry("time-first", "First kept step", "Time", lambda w: w.timebar.first(), ("Home",), "skip-start", "", _kept),
    Entry("pin", "Keep this step for ever", "Time", lambda w: w.timebar.toggle_pin(), ("P",), "pin", "Keep the snapshot whatever the memory budget says.", _own_kept),
    Entry("new-noise", "New noise", "View", lambda w: w.desk.new_noise(), ("R",), "dice", "Draw everything from other noise."),
    Entry("same-noise", "Same noise again", "View", lambda w: w.desk.same_noise(), ("Shift+R",), "loop", "Draw again from the noise that is on screen."),
    Entry("lock-noise", "Keep the noise while training", "View", lambda w: w.desk.lock_noise(not w.desk.noise_locked), ("N",), "lock", "Sheets from two steps can then be compared.", checked=lambda w: w.desk.noise_locked),
    Entry("more-views", "More time for views", "View", lambda w: w.share(+0.1), ("]",), "", "Views are fresher and training is slower."),
    Entry("less-views", "More time for training", "View", lambda w: w.share(-0.1), ("[",), "", "Training is faster and views are refreshed less often."),
    Entry("sides", "Hide or show the side panels", "View", lambda w: w.toggle_sides(), ("F9",), "layers"),
    Entry("lay-out", "Usual layout", "View", lambda w: w.usual_layout(), (), "grid", "All panels where they were at first."),
    Entry("larger", "Larger text", "View", lambda w: w.scale_text(1.1), ("Ctrl++", "Ctrl+="), "zoom-in"),
    Entry("smaller", "Smaller text", "View", lambda w: w.scale_text(1 / 1.1), ("Ctrl+-",), "zoom-out"),
    Entry("usual-text", "Usual text size", "View", lambda w: w.scale_text(0), ("Ctrl+0",), "zoom-fit"),
    Entry("theme-system", "Colours of the desktop", "View", lambda w: w.set_theme("system"), (), "settings", checked=lambda w: w.settings.theme == "system"),
    Entry("theme-light", "Light colours", "View", lambda w: w.set_theme("light"), (), "sun", checked=lambda w: w.settings.theme == "light"),
    Entry("theme-dark", "Dark colours", "View", lambda w: w.set_theme("dark"), (), "moon", checked=lambda w: w.settings.theme == "dark"),
    Entry("present", "Present", "View", lambda w: w.presenter.toggle(), ("F5",), "present", "The panel in use on the whole screen; Esc returns.", checked=lambda w: w.presenter.on),
    Entry("leave", "Leave presenting or full screen", "View", lambda w: w.leave_full(), ("Esc",), "close", "Esc never quits.", lambda w: w.presenter.on or w.isFullScreen()),
    Entry("full-screen", "Full screen", "View", lambda w: w.full_screen(), ("F11",), "expand", checked=lambda w: w.isFullScreen()),
    Entry("runs", "Saved runs", "File", lambda w: w.docks.show("runs"), ("Ctrl+R",), "folder", "Open, compare and delete what was trained before."),
    Entry("open-file", "Open a settings file...", "File", lambda w: w.open_file(), ("Ctrl+O",), "folder", "A YAML file as gm-core train takes it."),
    Entry("save-file", "Save the settings as...", "File", lambda w: w.save_file(), ("Ctrl+S",), "save", "The form as a YAML file that gm-core train takes."),
    Entry("export", "Export the view...", "File", lambda w: w.export_view(), ("Ctrl+E",), "export", "Save what the panel in use shows."),
    Entry("quit", "Quit", "File", lambda w: w.close(), ("Ctrl+Q",), "close", "Save everything and leave."),
    Entry("palette", "Find a command", "Help", lambda w: w.palette_box.open_palette(), ("Ctrl+K",), "command"),
    Entry("keys", "Keys", "Help", lambda w: w.show_keys(), ("?", "F1"), "help", "All keys in one list."),
    Entry("log", "Messages", "Help", lambda w: w.docks.show("log"), (), "info", "What was reported, in plain words."),
)  # fmt: skip

MENUS = ("File", "Edit", "Run", "Time", "View", "Help")


class Actions:
    """The table as QActions of a window. `refresh()` brings enablement and ticks up to date, once a tick if asked."""

    def __init__(self, window: Window, table: Sequence[Entry] = TABLE) -> None:
        self._window = window
        self._table = table
        self.by_name: dict[str, QAction] = {}
        for entry in table:
            action = QAction(entry.text, window)
            action.setObjectName(f"action-{entry.name}")
            action.setShortcuts([QKeySequence(key) for key in entry.keys])
            action.setShortcutContext(Qt.ShortcutContext.WindowShortcut)
            action.setToolTip(entry.tip or entry.text)
            action.setProperty("icon_name", entry.icon or "command")
            action.setCheckable(entry.checked is not None)
            action.triggered.connect(lambda _on=False, entry=entry: self._do(entry))
            window.addAction(action)
            self.by_name[entry.name] = action
        self.dress()

    def __getitem__(self, name: str) -> QAction:
        return self.by_name[name]

    def _do(self, entry: Entry) -> None:
        entry.do(self._window)
        self.refresh()

    def fill(self, menu: QMenu, name: str) -> None:
        """Put the actions of one menu into it."""
        for entry in self._table:
            if entry.menu == name:
                menu.addAction(self.by_name[entry.name])

    def refresh(self) -> None:
        """What can be done now, and what is on."""
        for entry in self._table:
            action = self.by_name[entry.name]
            able = entry.when(self._window)
            if action.isEnabled() != able:
                action.setEnabled(able)
            if entry.checked is not None:
                action.setChecked(entry.checked(self._window))

    def dress(self) -> None:
        """Icons in the colours of the theme."""
        for entry in self._table:
            if entry.icon:
                self.by_name[entry.name].setIcon(theme.icon(entry.icon))

    def keys(self) -> list[tuple[str, list[tuple[str, str]]]]:
        """All keys by menu, for the list that people read: (menu, [(keys, words)])."""
        made = []
        for menu in MENUS:
            rows = [(", ".join(entry.keys), entry.text) for entry in self._table if entry.menu == menu and entry.keys]
            made.append((menu, rows))
        return made


TEXT = (QLineEdit, QTextEdit, QPlainTextEdit, QAbstractSpinBox)
MOVES = {Qt.Key.Key_Left, Qt.Key.Key_Right, Qt.Key.Key_Home, Qt.Key.Key_End, Qt.Key.Key_Up, Qt.Key.Key_Down}
PRESSES = {Qt.Key.Key_Space}


class KeyGuard(QObject):
    """Leaves keys to the widget that has the focus where it needs them: letters to text, arrows to sliders and lists,
    Space to a button that was reached by Tab. All other plain keys are the window's.

    It listens to the widget with the focus alone, so that the many other events never pass through Python.
    """

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        app = QApplication.instance()
        assert isinstance(app, QApplication)
        self._app = app
        app.focusChanged.connect(self._move)

    def _move(self, old: QObject | None, new: QObject | None) -> None:
        if old is not None:
            old.removeEventFilter(self)
        if new is not None:
            new.installEventFilter(self)

    def stop(self) -> None:
        """Listen no more."""
        self._app.focusChanged.disconnect(self._move)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Claim a plain key for the widget with the focus before the window's shortcuts see it."""
        if event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent) and needs_key(watched, event):
            event.accept()
            return True
        return False


def needs_key(widget: QObject, event: QKeyEvent) -> bool:
    """Whether the widget with the focus has its own use for a key."""
    strong = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.AltModifier | Qt.KeyboardModifier.MetaModifier
    key = Qt.Key(event.key())
    if isinstance(widget, TEXT) or (isinstance(widget, QComboBox) and widget.isEditable()):
        editing = {Qt.Key.Key_Z, Qt.Key.Key_Y, Qt.Key.Key_C, Qt.Key.Key_V, Qt.Key.Key_X, Qt.Key.Key_A}
        if event.modifiers() & strong:
            return key in editing and not event.modifiers() & Qt.KeyboardModifier.ShiftModifier
        return bool(event.text().strip()) or key in MOVES or key in PRESSES or key in {Qt.Key.Key_Backspace, Qt.Key.Key_Delete}
    if event.modifiers() & strong:
        return False
    if isinstance(widget, QAbstractButton):
        return key in PRESSES
    if isinstance(widget, QAbstractItemView):
        return key in MOVES or key in PRESSES or bool(event.text().strip())
    if isinstance(widget, QComboBox):
        return key in MOVES or key in PRESSES
    if isinstance(widget, kit.Painted):
        uses_space = widget.property("uses_space")
        return key in MOVES or (key in PRESSES and bool(uses_space))
    return False
