"""A look at the chosen data before anything is trained: how pictures are cut, the first examples, what is left out."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFileDialog, QPushButton, QVBoxLayout, QWidget

from app.widgets import kit
from app.widgets.mosaic import Mosaic
from gm_core import api

PLACES = {"folder": "folder", "arrays": "file", "table": "file"}
"""Which parameter of one's own data says where they lie."""
PATTERNS = {"arrays": "Arrays (*.npy *.npz)", "table": "Tables (*.csv *.tsv *.txt)"}
HINTS = {
    "folder": "Choose a folder of pictures, or drop a folder or zip onto the window.",
    "arrays": "Choose a .npy or .npz file, or drop one onto the window.",
    "table": "Choose a .csv file, or drop one onto the window.",
}
POINTS, ROWS, COLUMNS = 400, 24, 256
LISTED = 12


class DataLook(QWidget):
    """The first examples of the data that a form says, as a model will see them.

    Setters: set_data(plain data spec or None, kind or None), take(frame), refuse(words). Signals: wished(query, or None
    where nothing is to be looked at), fitted(card) once everything is read, chosen(place) when a file or folder was
    chosen in a dialog.
    """

    wished = Signal(object)
    fitted = Signal(object)
    chosen = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._data: dict[str, Any] | None = None
        self._open = False
        self._skipped: tuple[tuple[str, str], ...] = ()
        self.choose = QPushButton()
        self.choose.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.choose.clicked.connect(self._choose)
        self.pairs = Mosaic()
        self.pairs.setAccessibleName("How pictures are cut: before above, after below")
        kit.Room(self.pairs, height=104)
        self.examples = Mosaic()
        self.examples.setAccessibleName("The first examples")
        kit.Room(self.examples, height=96)
        for gallery in (self.pairs, self.examples):
            gallery.setFocusPolicy(Qt.FocusPolicy.NoFocus)
            gallery.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)  # the wheel is the form's
        self.words = kit.label("", "caption")
        self.words.setWordWrap(True)
        self.more = QPushButton()
        self.more.setProperty("flat", True)
        self.more.clicked.connect(self._toggle)
        self.list = kit.label("", "caption")
        self.list.setWordWrap(True)
        self.list.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 4)
        box.setSpacing(4)
        for widget in (self.choose, self.pairs, self.examples, self.words, self.more, self.list):
            box.addWidget(widget)
        self.setToolTip(
            "Above the pictures as they are, with what is cut away in pale; below examples as a model sees them."
        )
        self._empty("")
        self.hide()

    def set_data(self, data: Mapping[str, Any] | None, kind: api.DataKind | None) -> None:
        """Look at this data set; None, or one that must be fetched first, shows nothing."""
        seen = kind is not None and (kind.group == "yours" or (kind.ready and kind.group == "images"))
        wished = dict(data) if data is not None and seen else None
        kit.show(self, wished is not None)
        if wished == self._data:
            return
        self._data = wished
        if wished is None:
            self.wished.emit(None)
            return
        name = str(wished.get("kind"))
        place = PLACES.get(name)
        kit.show(self.choose, place is not None)
        self.choose.setText("Choose a folder..." if name == "folder" else "Choose a file...")
        if place is not None and not str(wished.get(place, "")).strip():
            self.wished.emit(None)
            self._empty(HINTS[name])
            return
        self.words.setText("reading..." if self.examples.count() == 0 else self.words.text())
        self.examples.set_stale(True)
        n = POINTS if name == "table" else ROWS
        self.wished.emit(api.PreviewQuery(data=wished, n=n))

    # ---- what comes

    def take(self, frame: api.Preview) -> None:
        """Show the examples, and how far reading has come."""
        kit.set_role(self.words, "role", "caption")
        kit.show(self.pairs, len(frame.before) > 0)
        if len(frame.before):
            self.pairs.set_columns(len(frame.before))
            self.pairs.set_images(_over(frame.before, frame.after))
        picture = as_pictures(frame)
        kit.show(self.examples, picture is not None)
        if picture is not None:
            self.examples.set_images(picture)
        self._list(frame.skipped, frame.left_out)
        if frame.card is None:
            self.words.setText(f"Reading, {frame.done:,} of {frame.total:,} files...")
        else:
            self.words.setText(describe(frame.card))
            self.fitted.emit(frame.card)

    def refuse(self, words: str) -> None:
        """The data cannot be read: say why instead of showing any."""
        self._empty(words)
        kit.set_role(self.words, "role", "bad")

    def _empty(self, words: str) -> None:
        kit.set_role(self.words, "role", "caption")
        self.words.setText(words)
        for gallery in (self.pairs, self.examples):
            gallery.set_images(None)
            gallery.hide()
        self._list((), 0)

    def _list(self, skipped: tuple[tuple[str, str], ...], total: int) -> None:
        self._skipped = skipped
        self.more.setVisible(total > 0)
        unit = "line" if skipped and skipped[0][0].startswith("line ") else "file"
        self.more.setText(f"{total:,} {unit}{'' if total == 1 else 's'} left out: {'hide' if self._open else 'show'}")
        lines = [f"{name}: {why}" for name, why in skipped[:LISTED]]
        if total > len(lines):
            lines.append(f"and {total - len(lines):,} more")
        self.list.setText("\n".join(lines))
        self.list.setVisible(self._open and total > 0)
        self._total = total

    def _toggle(self) -> None:
        self._open = not self._open
        self._list(self._skipped, self._total)

    # ---- choosing

    def _choose(self) -> None:
        name = str((self._data or {}).get("kind"))
        held = str((self._data or {}).get(PLACES.get(name, ""), ""))
        dialog = QFileDialog(self, self.choose.text().rstrip("."), str(Path(held).parent if held else Path.home()))
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        if name == "folder":
            dialog.setFileMode(QFileDialog.FileMode.Directory)
        else:
            dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
            dialog.setNameFilters([PATTERNS[name], "All files (*)"])
        dialog.fileSelected.connect(self.chosen)
        dialog.open()


def _over(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Pictures as they are and, enlarged to the same size with sharp pixels, as examples: one gallery of two rows."""
    side = before.shape[1]
    at = np.arange(side) * after.shape[1] // side
    across = np.arange(side) * after.shape[2] // side
    enlarged = after[:, at][:, :, across]
    if enlarged.shape[3] == 1:
        enlarged = np.repeat(enlarged, 3, 3)
    solid = np.full((*enlarged.shape[:3], 1), 255, np.uint8)
    return np.concatenate([before, np.concatenate([enlarged, solid], 3)])


def as_pictures(frame: api.Preview) -> np.ndarray | None:
    """Examples as a gallery: pictures as they are, points of the plane as dots, vectors as rows of grey."""
    items = np.asarray(frame.items)
    if items.dtype == np.uint8 and items.ndim == 4:
        return items
    if items.ndim != 2 or not len(items):
        return None
    lo, hi = items.min(0), items.max(0)
    unit = (items - lo) / np.where(hi > lo, hi - lo, 1.0)
    if items.shape[1] == 2:
        side = 92
        dots = np.zeros((side, side), np.uint8)
        span = max(float((hi - lo).max()), 1e-30)  # one scale for both, so that a circle is round
        x, y = ((0.5 + (items[:, k] - (lo[k] + hi[k]) / 2) / span) * (side - 10) + 4 for k in (0, 1))
        x, y = x.astype(int), (side - 2 - y).astype(int)
        for dx, dy in ((0, 0), (1, 0), (0, 1), (1, 1)):
            dots[y + dy, x + dx] = 255
        return dots[None, :, :, None]
    return (255 * unit[:ROWS, :COLUMNS]).astype(np.uint8)[None, :, :, None]


def describe(card: api.DataCard) -> str:
    """A card in one line: what, how large, how many, and which classes."""
    if card.kind == "images":
        channels, height, width = card.shape
        what = f"{width}x{height}, {'grey' if channels == 1 else 'in colour'}"
    elif card.kind == "points":
        what = "points of the plane"
    else:
        what = f"vectors of {card.shape[0]:,} numbers"
    counts = ", ".join(f"{count:,} {split}" for split, count in card.splits.items())
    classes = f"; {len(card.classes)} classes: {_few(card.classes)}" if len(card.classes) > 1 else ""
    return f"{card.title}: {what}, {card.values}; {counts}{classes}."


def _few(names: tuple[str, ...]) -> str:
    return ", ".join(names[:6]) + (", ..." if len(names) > 6 else "")
