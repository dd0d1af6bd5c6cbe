"""Small windows that the shell opens: what to export and where, settings files, the keys. None blocks the loop."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtGui import QCursor, QGuiApplication, QKeySequence
from PySide6.QtWidgets import QDialog, QFileDialog, QGridLayout, QMenu, QPushButton, QVBoxLayout

from app import export
from app.panel import Export
from app.shell.docks import Dock
from app.widgets import kit
from app.widgets.aside import Aside
from gm_core import api

if TYPE_CHECKING:
    from app.shell.window import Window


def copy_panel(window: Window, dock: Dock) -> None:
    """Put what a panel shows on the clipboard."""
    panel = dock.panel
    picture = panel.picture() if panel is not None else None
    if panel is None or picture is None:
        window.say("warn", f"{dock.kind.title} shows nothing that could be copied yet.")
        return
    try:
        export.copy_to_clipboard(picture, panel.settings_text())
    except (ValueError, OSError) as error:
        window.say("error", f"{dock.kind.title} could not be copied: {error}")
    else:
        window.say("info", f"{dock.kind.title} is on the clipboard.")


def export_panel(window: Window, dock: Dock) -> None:
    """Offer what a panel can write; with one choice, ask at once where to."""
    choices = dock.panel.exports() if dock.panel is not None else []
    if not choices:
        window.say("warn", f"{dock.kind.title} shows nothing that could be saved yet.")
        return
    menu = QMenu(window)
    menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    menu.setAccessibleName(f"Export {dock.kind.title}")
    menu.setToolTipsVisible(True)
    for choice in choices:
        action = menu.addAction(choice.title)
        action.setEnabled(not choice.reason)
        action.setToolTip(choice.reason)
        action.triggered.connect(lambda _on=False, choice=choice: _ask_where(window, dock, choice))
    at = dock.title.export
    menu.popup(at.mapToGlobal(at.rect().bottomLeft()) if at.isVisible() else QCursor.pos())


def _ask_where(window: Window, dock: Dock, choice: Export) -> None:
    run = dock.panel.run if dock.panel is not None else ""
    name = "-".join(part for part in (run.replace(":", "-"), dock.kind.name) if part) + choice.suffix

    def write(path: Path) -> Callable[[], object] | None:
        target = path if path.suffix else path.with_suffix(choice.suffix)
        if choice.gather is None:
            choice.write(target)
            return None
        slow = choice.gather()
        return lambda: slow(target)

    ask_file(window, choice.title, name, f"*{choice.suffix}", write)


def ask_file(
    window: Window,
    title: str,
    name: str,
    pattern: str,
    write: Callable[[Path], Callable[[], object] | None],
    save: bool = True,
) -> None:
    """Ask for a file without blocking, then write (or read) it; faults become one sentence.

    What `write` gives back is done on a thread of its own.
    """
    folder = window.settings.last_folder or str(Path.home())
    dialog = QFileDialog(window, title, folder, pattern)
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    if save:
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setDefaultSuffix(pattern.rpartition(".")[2])
        dialog.selectFile(name)
    else:
        dialog.setFileMode(QFileDialog.FileMode.ExistingFile)

    def tell(path: Path, error: BaseException | None) -> None:
        if error is None:
            window.remember_folder(path.parent)
            if save:
                window.say("info", f"Saved {path}.")
        elif isinstance(error, ValueError | OSError):
            window.say("error", f"{path.name} could not be {'written' if save else 'read'}: {error}")
        else:
            raise error

    def chosen(text: str) -> None:
        path = Path(text)
        try:
            slow = write(path)
        except (ValueError, OSError) as error:
            tell(path, error)
            return
        if slow is None:
            tell(path, None)
        else:
            window.say("info", f"Writing {path.name} ...")
            beside = window.findChild(Aside) or Aside(window)
            beside.run(slow, lambda future: tell(path, future.exception()))

    dialog.fileSelected.connect(chosen)
    dialog.open()


def _spec(window: Window) -> api.RunSpec | None:
    try:
        return api.RunSpec.read(window.experiment.form.spec())
    except api.SpecError as error:
        window.experiment.form.set_error(error.path, error.message)
        window.say("warn", error.message)
        return None


def copy_settings(window: Window) -> None:
    """The form as YAML text on the clipboard."""
    spec = _spec(window)
    if spec is not None:
        QGuiApplication.clipboard().setText(api.dump_yaml(spec))
        window.say("info", "The settings are on the clipboard as YAML.")


def save_spec(window: Window) -> None:
    """The form as a YAML file."""
    spec = _spec(window)
    if spec is not None:
        text = api.dump_yaml(spec)
        ask_file(window, "Save the settings", f"{spec.name}.yaml", "*.yaml", lambda path: _write(path, text))


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")


def open_spec(window: Window) -> None:
    """Read a YAML file into the form."""

    def read(path: Path) -> None:
        window.experiment.plan(api.load_yaml(path).plain())
        window.docks.show("experiment")

    ask_file(window, "Open a settings file", "", "*.yaml", read, save=False)


def show_keys(window: Window) -> QDialog:
    """All keys, by menu, in two columns."""
    dialog = QDialog(window)
    dialog.setWindowTitle("Keys")
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    grid = QGridLayout()
    grid.setHorizontalSpacing(48)
    heights = [0, 0]
    columns = (QVBoxLayout(), QVBoxLayout())
    for menu, rows in window.actions_.key_list():
        side = heights.index(min(heights))
        heights[side] += len(rows) + 2
        columns[side].addWidget(kit.label(menu, "heading"))
        for keys, words in rows:
            native = ", ".join(
                QKeySequence(k).toString(QKeySequence.SequenceFormat.NativeText) for k in keys.split(", ")
            )
            line = kit.row(kit.label(native if keys != "," else ",", "mono"), None, kit.label(words), spacing=32)
            columns[side].addLayout(line)
        columns[side].addSpacing(12)
    for at, column in enumerate(columns):
        column.addStretch(1)
        grid.addLayout(column, 0, at)
    box = QVBoxLayout(dialog)
    box.setContentsMargins(24, 20, 24, 16)
    box.addLayout(grid)
    done = QPushButton("Close")
    done.clicked.connect(dialog.close)
    box.addLayout(
        kit.row(
            kit.label("In sliders, arrows move; Shift is fine, Ctrl is coarse. Esc never quits.", "caption"), None, done
        )
    )
    dialog.open()
    return dialog
