"""Data dropped onto the window: a folder or zip of pictures, arrays, a table or settings become the plan of a run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QMimeData
from PySide6.QtGui import QDragEnterEvent, QDropEvent

from app.widgets.intake import PICTURES
from gm_core import api

if TYPE_CHECKING:
    from app.shell.window import Window

ARRAYS, TABLES, SETTINGS = {".npy", ".npz"}, {".csv", ".tsv", ".txt"}, {".yaml", ".yml"}
TAKEN = "drop one folder or zip of pictures, a .npy, a .npz or a .csv"


class Drops:
    """Takes what is dropped onto a window, unless something inside of it (a board, a strip of stops) takes it first."""

    def __init__(self, window: Window) -> None:
        self._window = window
        window.setAcceptDrops(True)

    def enter(self, event: QDragEnterEvent) -> None:
        """Welcome files."""
        if _paths(event.mimeData()):
            event.acceptProposedAction()

    def drop(self, event: QDropEvent) -> None:
        """Take them."""
        paths = _paths(event.mimeData())
        if paths:
            event.acceptProposedAction()
            self.take(paths)

    def take(self, paths: list[Path]) -> None:
        """Set up the experiment with what was dropped, or say in one sentence why not."""
        try:
            plan = planned(paths)
            if isinstance(plan, Path):
                self._window.experiment.plan(api.load_yaml(plan).plain())
                self._window.say("info", f"The settings of {plan.name} are in the form. Press Train.")
            else:
                self._window.experiment.plan_data(plan, paths[0])
        except (ValueError, OSError) as error:
            self._window.say("warn", str(error))
            return
        self._window.docks.show("experiment")


def planned(paths: list[Path]) -> dict[str, Any] | Path:
    """The plain data spec for what was dropped, or the path of a settings file; else ValueError with a sentence."""
    if len(paths) > 1:
        pictures = all(path.suffix.lower() in PICTURES for path in paths)
        hint = "drop the folder in which these pictures lie" if pictures else TAKEN
        raise ValueError(f"{len(paths)} things were dropped; {hint}")
    (path,) = paths
    ending = path.suffix.lower()
    if path.is_dir() or ending == ".zip":
        return {"kind": "folder", "folder": str(path)}
    if not path.is_file():
        raise ValueError(f"{path.name} is not a file on this machine; {TAKEN}")
    if ending in ARRAYS:
        return {"kind": "arrays", "file": str(path)}
    if ending in TABLES:
        return {"kind": "table", "file": str(path)}
    if ending in SETTINGS:
        return path
    if ending in PICTURES:
        raise ValueError(
            f"{path.name} is a single picture; drop a folder of pictures to train on them, or drop this one on a board"
        )
    raise ValueError(f"{path.name} is nothing that can be trained on; {TAKEN}")


def _paths(data: QMimeData) -> list[Path]:
    return [Path(url.toLocalFile()) for url in data.urls() if url.isLocalFile() and url.toLocalFile()]
