"""The path through pages and models as a list: what was seen is ticked, and one sees where one is."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QSize, Qt, Signal
from PySide6.QtWidgets import QFrame, QListWidget, QListWidgetItem, QVBoxLayout, QWidget

from app.contents import Stop, number_of
from app.shell import theme
from app.widgets import kit

NAME = Qt.ItemDataRole.UserRole
WIDTH = 236


class PathList(QWidget):
    """All stops. Setters (silent): set_seen(names), visit(name). Getters: seen(), beside(by),
    first_unseen(). Signal: chosen(name)."""

    chosen = Signal(str)

    def __init__(self, path: Sequence[Stop]) -> None:
        super().__init__()
        self._path = tuple(path)
        self._seen: dict[str, None] = {}
        self._here = self._path[0].name
        self.list = QListWidget()
        self.list.setAccessibleName("Contents of the notes")
        self.list.setFrameShape(QFrame.Shape.NoFrame)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.setTextElideMode(Qt.TextElideMode.ElideRight)
        for stop in self._path:
            item = QListWidgetItem()
            item.setData(NAME, stop.name)
            item.setToolTip(stop.title if stop.page else f"{stop.title}: a model to train and look at")
            self.list.addItem(item)
        self.list.itemClicked.connect(lambda item: self.chosen.emit(item.data(NAME)))
        self.list.itemActivated.connect(lambda item: self.chosen.emit(item.data(NAME)))
        box = QVBoxLayout(self)
        box.setContentsMargins(0, theme.px(6), 0, 0)
        box.addWidget(kit.label("   The path of the notes", "heading"))
        box.addWidget(self.list)
        self._dress()

    def visit(self, name: str) -> None:
        """One has come to a stop."""
        self._here = name
        self._seen[name] = None
        for at, stop in enumerate(self._path):
            if stop.name == name:
                self.list.setCurrentRow(at)
        self._dress()

    def set_seen(self, names: Sequence[str]) -> None:
        """What was seen in earlier sessions."""
        known = {stop.name for stop in self._path}
        self._seen = {name: None for name in names if name in known}
        self._dress()

    def seen(self) -> tuple[str, ...]:
        """The stops that were seen, in the order of the visits."""
        return tuple(self._seen)

    def beside(self, by: int) -> str:
        """The stop so many before or after the present one; the path has ends."""
        names = [stop.name for stop in self._path]
        return names[min(max(names.index(self._here) + by, 0), len(names) - 1)]

    def first_unseen(self) -> str:
        """The first stop that was not seen, or the last of all."""
        return next((stop.name for stop in self._path if stop.name not in self._seen), self._path[-1].name)

    def _dress(self) -> None:
        self.setFixedWidth(theme.px(WIDTH))
        for at, stop in enumerate(self._path):
            item = self.list.item(at)
            head = f"{number_of(stop.page)}" if stop.page else "▸"
            item.setText(f"{head:>2}  {stop.title}")
            item.setSizeHint(QSize(theme.px(WIDTH), theme.px(27)))
            seen = stop.name in self._seen
            item.setForeground(theme.color(theme.current().text if not seen else theme.current().muted))
            item.setIcon(theme.icon("check" if seen else "circle", side=16))

    def changeEvent(self, event: QEvent) -> None:
        """Colours and sizes follow the theme."""
        super().changeEvent(event)
        if event.type() in kit.RESTYLE and self._path:
            self._dress()
