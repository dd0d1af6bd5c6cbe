"""What a drawing can begin with, and where it can be put: toys, the run's data, kept drawings and files."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QMenu, QPushButton

from app.panels.draw import files
from app.widgets.sketchmarks import Marks
from gm_core import api

MOST = 20


class Shelf(QObject):
    """Two buttons with menus. Signals carry what was wished; `kept` are drawings of one's own by name."""

    toy_wished = Signal(str)
    run_wished = Signal()
    kept_wished = Signal(object)
    keep_wished = Signal()
    open_wished = Signal()
    save_wished = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.kept: dict[str, list[dict[str, Any]]] = {}
        self._toys: list[tuple[str, str]] = []
        self._drawn = self._run = False
        self.begin = QPushButton("Begin with")
        self.begin.setToolTip("Begin with a toy, the data of the run in front, or a drawing that you kept.")
        self.begin_menu = QMenu(self.begin)
        self.begin.setMenu(self.begin_menu)
        self.file = QPushButton("File")
        self.file.setToolTip("Keep, save or open a drawing.")
        self.file_menu = QMenu(self.file)
        self.file.setMenu(self.file_menu)
        self.begin_menu.aboutToShow.connect(self._fill_begin)
        self.file_menu.aboutToShow.connect(self._fill_file)
        self._fill_begin()
        self._fill_file()

    def set_toys(self, catalogue: api.Catalogue) -> None:
        """Which toys there are."""
        self._toys = [("drawn", "Smile"), *((k.name, k.title) for k in catalogue.data if _toy(k))]

    def set_able(self, drawn: bool, run: bool) -> None:
        """Whether there is a drawing, and a run whose data could be drawn on."""
        self._drawn, self._run = drawn, run

    def keep(self, marks: Marks) -> str:
        """Put a drawing on the shelf under a name of its own, which is returned."""
        words = [str(mark["text"]) for mark in marks if mark["kind"] == "text"]
        stem = words[0][:20] if words else "drawing"
        number = 1
        while (name := stem if number == 1 and words else f"{stem} {number}") in self.kept:
            number += 1
        self.kept[name] = files.plain(marks)
        for old in list(self.kept)[:-MOST]:
            del self.kept[old]
        return name

    def restore(self, found: object) -> None:
        """The drawings that were kept, those that can be read."""
        if isinstance(found, dict):
            self.kept = {str(name): marks for name, marks in found.items() if isinstance(marks, list)}

    def _fill_begin(self) -> None:
        menu = self.begin_menu
        menu.clear()
        self._add(menu, "The data of this run", self.run_wished.emit, self._run)
        menu.addSeparator()
        for name, title in self._toys:
            self._add(menu, title, lambda name=name: self.toy_wished.emit(name))
        if self.kept:
            menu.addSeparator()
        for name in self.kept:
            self._add(menu, name, lambda name=name: self.kept_wished.emit(self.kept[name]))

    def _fill_file(self) -> None:
        menu = self.file_menu
        menu.clear()
        self._add(menu, "Keep this drawing", self.keep_wished.emit, self._drawn)
        if self.kept:
            forget = menu.addMenu("Forget")
            for name in self.kept:
                self._add(forget, name, lambda name=name: self.kept.pop(name, None))
        menu.addSeparator()
        self._add(menu, "Open a drawing...", self.open_wished.emit)
        self._add(menu, "Save the drawing...", self.save_wished.emit, self._drawn)

    @staticmethod
    def _add(menu: QMenu, words: str, do: Any, able: bool = True) -> None:
        action = menu.addAction(words)
        action.setEnabled(able)
        action.triggered.connect(lambda _on=False: do())


def _toy(kind: api.DataKind) -> bool:
    return kind.group == "toys" and kind.name != "drawn"
