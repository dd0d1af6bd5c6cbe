"""What was changed, as chips: against the preset while planning; at once or for a new run while a run is in front."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QVBoxLayout, QWidget

from app.bridge.run_view import told
from app.forms.fields import words
from app.widgets import kit
from app.widgets.flow import FlowLayout
from gm_core import api

MOST = 8


class Chip(QFrame):
    """One change in few words, with a button that takes it back where that is possible."""

    back = Signal()

    def __init__(self, text: str, role: str, tip: str, undo: str) -> None:
        super().__init__()
        self.setProperty("role", "card")
        self.setToolTip(tip)
        self.text = text
        box = QHBoxLayout(self)
        box.setContentsMargins(6, 1, 2 if undo else 6, 1)
        box.setSpacing(2)
        box.addWidget(kit.label(text, role))
        if undo:
            button = kit.IconButton("undo", undo)
            button.clicked.connect(self.back)
            box.addWidget(button)


class Changes(QWidget):
    """Chips under the form. Signals: reset_wished(path), undo_wished() for the last live edit."""

    reset_wished = Signal(str)
    undo_wished = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._shown: tuple[Any, ...] | None = None
        self.chips: list[Chip] = []
        self.heading = kit.label("", "caption")
        self.flow = FlowLayout(None, spacing=4)
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(2)
        box.addWidget(self.heading)
        box.addLayout(self.flow)
        self.hide()

    def show_plan(self, differences: Mapping[str, tuple[Any, Any]]) -> None:
        """What differs from the preset."""
        made = tuple((path, _short(old), _short(new)) for path, (old, new) in differences.items())
        if self._same(("plan", made)):
            return
        self._begin(f"{len(made)} changed from the preset" if made else "")
        for path, old, new in made[:MOST]:
            chip = Chip(f"{words(path)} {new}", "caption", f"{path}: the preset says {old}", f"Back to {old}")
            chip.back.connect(lambda path=path: self.reset_wished.emit(path))
            self._add(chip)
        self._rest(len(made))

    def show_run(self, edits: Sequence[api.Edited], waiting: Mapping[str, tuple[Any, Any] | Any]) -> None:
        """Live edits of this run, and changes that need a new one."""
        now = tuple((e.path, e.step, _short(e.old), _short(e.new)) for e in edits)
        later = tuple((path, _short(new)) for path, new in waiting.items())
        if self._same(("run", now, later)):
            return
        self._begin("Changes" if now or later else "")
        for at, (path, step, old, new) in enumerate(now[-MOST:]):
            last = at == len(now[-MOST:]) - 1
            tip = f"{path}: {old} to {new} from step {step:,} on"
            chip = Chip(f"{words(path)} {new}  now", "good", tip, "Undo this edit" if last else "")
            chip.back.connect(self.undo_wished)
            self._add(chip)
        for path, new in later[:MOST]:
            tip = f"{path} cannot change while training: train a new run, or branch with it"
            chip = Chip(f"{words(path)} {new}  needs a new run", "warn", tip, "Take this back")
            chip.back.connect(lambda path=path: self.reset_wished.emit(path))
            self._add(chip)
        self._rest(len(now) + len(later))

    def texts(self) -> list[str]:
        """What the chips say."""
        return [chip.text for chip in self.chips]

    def _same(self, shown: tuple[Any, ...]) -> bool:
        same, self._shown = shown == self._shown, shown
        return same

    def _begin(self, heading: str) -> None:
        for chip in self.chips:
            self.flow.removeWidget(chip)
            chip.hide()
            chip.deleteLater()
        self.chips = []
        self.heading.setText(heading)
        self.setVisible(bool(heading))

    def _add(self, chip: Chip) -> None:
        self.chips.append(chip)
        self.flow.addWidget(chip)
        chip.show()

    def _rest(self, total: int) -> None:
        if total > len(self.chips):
            self.heading.setText(f"{self.heading.text()}, the first {len(self.chips)} of {total}")


def _short(value: Any) -> str:
    if isinstance(value, Mapping):
        return told(value)
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, int | float):
        return kit.number_text(value)
    if isinstance(value, list | tuple):
        return ", ".join(_short(part) for part in value)
    return "nothing" if value is None else str(value)
