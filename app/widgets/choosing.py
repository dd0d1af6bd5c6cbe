"""Which file? Dialogs that open and let the window go on; what was chosen comes by a call."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFileDialog, QWidget

from app.widgets.intake import PICTURES

PICTURE_FILES = f"Pictures ({' '.join(f'*{ending}' for ending in sorted(PICTURES))});;All files (*)"


def choose_file(parent: QWidget, title: str, pattern: str, took: Callable[[str], object], folder: str = "") -> None:
    """Ask for a file that is there."""
    dialog = _dialog(parent, title, folder, pattern, took)
    dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
    dialog.open()


def choose_target(parent: QWidget, title: str, name: str, pattern: str, took: Callable[[str], object]) -> None:
    """Ask where to write; `name` is proposed, and its ending is given to a name without one."""
    dialog = _dialog(parent, title, name, pattern, took)
    dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
    dialog.setDefaultSuffix(name.rpartition(".")[2])
    dialog.open()


def _dialog(parent: QWidget, title: str, at: str, pattern: str, took: Callable[[str], object]) -> QFileDialog:
    dialog = QFileDialog(parent, title, at, pattern)
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    dialog.fileSelected.connect(took)
    return dialog
