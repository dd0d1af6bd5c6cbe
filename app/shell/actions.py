"""The table of what can be done as Qt's actions, and the guard that leaves keys to the widget that needs them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QAction, QKeyEvent, QKeySequence
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSpinBox,
    QComboBox,
    QLineEdit,
    QMenu,
    QPlainTextEdit,
    QTextEdit,
)

from app.shell import theme
from app.shell.table import MENUS, TABLE, Entry
from app.widgets import kit
from app.widgets.thumb import PresetCard
from app.widgets.transport import Transport

if TYPE_CHECKING:
    from app.shell.window import Window

MENU_SIDE = 16
"""Of the icons in menus and in the palette, which are all that these are for."""


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
                self.by_name[entry.name].setIcon(theme.icon(entry.icon, side=MENU_SIDE))

    def key_list(self) -> list[tuple[str, list[tuple[str, str]]]]:
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
        self._app = theme.application()
        self._app.focusChanged.connect(self._move)

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
        return (
            bool(event.text().strip())
            or key in MOVES
            or key in PRESSES
            or key in {Qt.Key.Key_Backspace, Qt.Key.Key_Delete, Qt.Key.Key_PageUp, Qt.Key.Key_PageDown}
        )
    if event.modifiers() & strong:
        return False
    if isinstance(widget, QAbstractButton):
        return key in PRESSES or (key in MOVES and _inside_transport(widget))
    if isinstance(widget, QAbstractItemView):
        return key in MOVES or key in PRESSES or bool(event.text().strip())
    if isinstance(widget, QComboBox):
        return key in MOVES or key in PRESSES
    if isinstance(widget, kit.Painted):
        return key in MOVES or (key in PRESSES and isinstance(widget, PresetCard))
    return False


def _inside_transport(widget: QObject | None) -> bool:
    """Whether a button belongs to a player, whose arrows step its frames."""
    while widget is not None and not isinstance(widget, Transport):
        widget = widget.parent()
    return widget is not None
