"""The stops of a path: codes from the prior, real examples and pictures, as a row that can be picked and rearranged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QDragEnterEvent,
    QDropEvent,
    QHelpEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
)
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from app.shell import theme
from app.widgets import images, intake, kit
from gm_core import api

Kind = Literal["prior", "example", "picture", "code"]
SPLIT = "test"


@dataclass(frozen=True)
class Place:
    """One stop as the panel knows it: a draw from the prior, an example by its index, a picture, or a code of a run."""

    kind: Kind
    number: int = 0
    picture: np.ndarray | None = None
    code: tuple[float, ...] = ()
    run: str = ""

    def stop(self) -> api.PathStop:
        """The stop as a query takes it."""
        if self.kind == "prior":
            return api.PathStop(seed=self.number)
        if self.kind == "example":
            return api.PathStop(index=self.number, split=SPLIT)
        if self.kind == "code":
            return api.PathStop(z=np.array(self.code, np.float32))
        return api.PathStop(given=self.picture)

    def words(self) -> str:
        """Where it comes from."""
        if self.kind == "prior":
            return f"drawn from the prior, seed {self.number}"
        if self.kind == "code":
            return "a code picked in the latent explorer"
        return f"example {self.number} of the {SPLIT} data" if self.kind == "example" else "a picture of your own"

    def text(self) -> str:
        """For remembering; pictures are data, and codes belong to one run: neither is remembered."""
        return "" if self.kind in ("picture", "code") else f"{self.kind} {self.number}"


def place_of(text: str) -> Place | None:
    """A remembered stop, or None where the text says nothing."""
    kind, _, number = text.partition(" ")
    if kind not in ("prior", "example") or not number.isdecimal():
        return None
    return Place(kind, int(number))  # type: ignore[arg-type]


def fitting(places: Sequence[Place], card: api.RunCard) -> list[Place]:
    """The stops that a run can take: no pictures of another size, no examples where none can be encoded or read."""
    kept = []
    for place in places:
        if place.kind == "prior" or (place.kind == "code" and place.run == card.run):
            kept.append(place)
        elif place.kind != "code" and not why_no_pictures(card):
            shape = (*card.data.shape[1:], card.data.shape[0])
            if place.kind == "picture" and place.picture is not None and place.picture.shape == shape:
                kept.append(place)
            elif place.kind == "example" and not why_no_examples(card):
                kept.append(replace(place, number=place.number % count_of(card)))
    return kept


def usual(card: api.RunCard) -> list[Place]:
    """Two stops to begin with: real examples where that can be, else draws from the prior."""
    if why_no_examples(card):
        return [Place("prior", 0), Place("prior", 1)]
    return [Place("example", 0), Place("example", 1 % count_of(card))]


def count_of(card: api.RunCard) -> int:
    """Examples to choose from."""
    return max(1, int(card.data.splits.get(SPLIT, 1000)))


def why_no_pictures(card: api.RunCard | None) -> str:
    """Why a picture cannot be a stop; empty where it can."""
    if card is None:
        return "There is no model yet."
    return "" if "encodes" in card.offers else "This model has no encoder, so a picture has no code."


def why_no_examples(card: api.RunCard | None) -> str:
    """Why a real example cannot be a stop; empty where it can."""
    missing = why_no_pictures(card)
    if missing or card is None:
        return missing
    return "The data of this run are not on this machine." if "no_data" in card.facts else ""


def why_no_drawing(card: api.RunCard | None) -> str:
    """Why nothing can be drawn as a stop; empty where it can."""
    if card is not None and card.data.kind != "images":
        return "Only pictures can be drawn; these data are numbers."
    return why_no_pictures(card)


class StopsRow(kit.Painted):
    """The stops as small pictures with letters, an arrow between them. One is picked.

    Setters: set_stops(places, pictures | None), set_picked(i), set_closed(bool). Getter: picked().
    Signals: chosen(int), moved(int by: the picked one goes left or right), removed(), opened(int, on a double click),
    dropped(object: what was dropped, a path or a QImage).
    Keys: Left and Right pick, Ctrl+Left and Ctrl+Right move, Delete removes, Return opens.
    """

    chosen = Signal(int)
    moved = Signal(int)
    removed = Signal()
    opened = Signal(int)
    dropped = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._places: list[Place] = []
        self._pictures: list[np.ndarray] = []
        self._picked, self._closed = 0, False
        self.setAcceptDrops(True)
        self.setAccessibleName("Stops")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setMinimumWidth(theme.px(96))

    def set_stops(self, places: Sequence[Place], pictures: np.ndarray | None) -> None:
        """Show these stops; pictures (m, h, w, c) where there are as many."""
        self._places = list(places)
        fits = pictures is not None and pictures.ndim == 4 and len(pictures) == len(places)
        self._pictures = list(pictures) if fits and pictures is not None else []
        self.set_picked(min(self._picked, max(0, len(places) - 1)))

    def set_picked(self, index: int) -> None:
        """Pick one, without a signal."""
        self._picked = index
        told = ", ".join(f"{letter(i)} {place.words()}" for i, place in enumerate(self._places))
        self.setAccessibleDescription(f"{told}; {letter(index)} is picked")
        self.update()

    def set_closed(self, closed: bool) -> None:
        """Whether the way returns to the first stop."""
        self._closed = closed
        self.update()

    def picked(self) -> int:
        """The place of the picked stop."""
        return self._picked

    def sizeHint(self) -> QSize:
        """Room for a few stops."""
        return QSize(theme.px(60) * max(2, len(self._places)), theme.px(38))

    def minimumSizeHint(self) -> QSize:
        """Two stops."""
        return QSize(theme.px(96), theme.px(38))

    def _boxes(self) -> list[QRectF]:
        side, n = float(self.height() - theme.px(4)), max(1, len(self._places))
        step = min(side + theme.px(22), (self.width() - side - theme.px(4)) / max(1, n - 1))
        return [QRectF(theme.px(2) + i * step, theme.px(2), side, side) for i in range(n)]

    def index_at(self, where: QPointF) -> int:
        """The stop at a point, or -1."""
        boxes = self._boxes()[: len(self._places)]
        return next((i for i in reversed(range(len(boxes))) if boxes[i].contains(where)), -1)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Pictures, letters, arrows."""
        p, t = QPainter(self), theme.current()
        p.setRenderHint(QPainter.RenderHint.Antialiasing)
        boxes = self._boxes()[: len(self._places)]
        for i, box in enumerate(boxes):
            p.fillRect(box, QColor(t.base))
            if i < len(self._pictures):
                p.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, box.width() < self._pictures[i].shape[1])
                p.drawImage(box, images.to_qimage(self._pictures[i]))
            picked = i == self._picked
            p.setPen(QPen(QColor(t.accent if picked else t.edge), 2 if picked else 1))
            p.setBrush(Qt.BrushStyle.NoBrush)
            p.drawRect(box.adjusted(0.5, 0.5, -0.5, -0.5))
            self._paint_letter(p, box, i, picked)
            if i + 1 < len(boxes) and boxes[i + 1].left() - box.right() > theme.px(12):
                self._paint_arrow(p, box.right(), boxes[i + 1].left(), box.center().y())
        if self._closed and boxes and self.width() - boxes[-1].right() > theme.px(34):
            right = boxes[-1].right()
            self._paint_arrow(p, right, right + theme.px(22), boxes[-1].center().y())
            p.drawText(QPointF(right + theme.px(24), boxes[-1].center().y() + theme.px(4)), "A")
        if self.show_ring:
            kit.paint_focus(p, QRectF(self.rect()))

    def _paint_letter(self, p: QPainter, box: QRectF, i: int, picked: bool) -> None:
        t = theme.current()
        p.setFont(theme.ui_font(-1, bold=True))
        wide = theme.px(13)
        tag = QRectF(box.left(), box.top(), wide, wide) if self._pictures else box
        if self._pictures:
            p.fillRect(tag, QColor(t.accent if picked else t.raised))
        p.setPen(QColor(t.on_accent if picked and self._pictures else t.text))
        p.drawText(tag, Qt.AlignmentFlag.AlignCenter, letter(i))

    def _paint_arrow(self, p: QPainter, left: float, right: float, y: float) -> None:
        p.setPen(QPen(QColor(theme.current().muted), 1.2))
        a, b, h = left + theme.px(4), right - theme.px(4), theme.px(3)
        p.drawLine(QPointF(a, y), QPointF(b, y))
        p.drawLine(QPointF(b - h, y - h), QPointF(b, y))
        p.drawLine(QPointF(b - h, y + h), QPointF(b, y))

    # hands

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Pick."""
        found = self.index_at(event.position())
        if found >= 0 and event.button() == Qt.MouseButton.LeftButton:
            self.set_picked(found)
            self.chosen.emit(found)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Open."""
        found = self.index_at(event.position())
        if found >= 0:
            self.opened.emit(found)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Pick, move, remove."""
        key, ctrl = event.key(), bool(event.modifiers() & Qt.KeyboardModifier.ControlModifier)
        if key in (Qt.Key.Key_Left, Qt.Key.Key_Right) and self._places:
            by = 1 if key == Qt.Key.Key_Right else -1
            if ctrl:
                self.moved.emit(by)
            else:
                self.set_picked(min(len(self._places) - 1, max(0, self._picked + by)))
                self.chosen.emit(self._picked)
        elif key in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace):
            self.removed.emit()
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.opened.emit(self._picked)
        else:
            super().keyPressEvent(event)

    def event(self, event: QEvent) -> bool:
        """Claim the keys of the row before the window's shortcuts see them; tell where a stop comes from."""
        if event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent):
            if event.key() in (Qt.Key.Key_Left, Qt.Key.Key_Right, Qt.Key.Key_Delete, Qt.Key.Key_Backspace):
                event.accept()
                return True
        elif event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            found = self.index_at(QPointF(event.pos()))
            hint = "Stops: drop a picture here, or add one with +."
            words = f"{letter(found)}: {self._places[found].words()}" if found >= 0 else hint
            QToolTip.showText(event.globalPos(), words, self)
            return True
        return super().event(event)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Pictures and picture files are welcome."""
        if intake.takes(event.mimeData()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        """Say what was dropped."""
        data = event.mimeData()
        if data.hasUrls():
            self.dropped.emit(data.urls()[0].toLocalFile())
        elif data.hasImage():
            self.dropped.emit(data.imageData())
        event.acceptProposedAction()


def letter(index: int) -> str:
    """A, B, C ... of a stop; numbers after Z."""
    return chr(ord("A") + index) if 0 <= index < 26 else str(index + 1)
