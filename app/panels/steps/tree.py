"""The tree of branches over progress: a line for each, leaving its parent where it was forked, with what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QEvent, QLineF, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QImage, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.panels.steps.branches import ROOT, Branch
from app.shell import theme
from app.widgets import images, kit

ROW = 28
SHOWN, FEW = 4, 2
"""Rows that are seen at once, and where room is scarce; more are scrolled to by the wheel."""


@dataclass(frozen=True)
class Twig:
    """A branch with its words and its thumbnail uint8 (h, w, c), or None while it has not come to its end."""

    branch: Branch
    words: str
    thumb: np.ndarray | None


class TreeView(kit.Painted):
    """Setters (silent): set_twigs(twigs from top to bottom, front), set_at(progress). Signals: chosen(int branch),
    removed(int branch). Keys: Up and Down choose, Delete removes. A cross at the end of a row removes it too."""

    chosen = Signal(int)
    removed = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._twigs: tuple[Twig, ...] = ()
        self._pictures: list[QImage | None] = []
        self._front, self._at, self._first, self._hover = ROOT, 0.0, 0, -1
        self._rows = SHOWN
        self.setMouseTracking(True)
        self.setAccessibleName("Tree of branches")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setMinimumWidth(160)

    def set_twigs(self, twigs: Sequence[Twig], front: int, scarce: bool = False) -> None:
        """Replace the tree; where room is `scarce`, fewer rows are seen at once."""
        rows = FEW if scarce else SHOWN
        grown = len(twigs) != len(self._twigs) or rows != self._rows
        self._rows = rows
        self._twigs, self._front = tuple(twigs), front
        self._pictures = [None if twig.thumb is None else images.to_qimage(twig.thumb) for twig in twigs]
        if grown:
            self.setFixedHeight(min(rows, max(1, len(twigs))) * theme.px(ROW) + 2)
        place = self._place_of(front)
        self._first = min(max(self._first, place - rows + 1), place, max(0, len(twigs) - rows))
        self.setAccessibleDescription(f"{len(twigs)} branches, in front: {twigs[place].words if twigs else ''}")
        self.update()

    def set_at(self, progress: float) -> None:
        """Mark the present moment."""
        if progress != self._at:
            self._at = progress
            self.update()

    def twigs(self) -> tuple[Twig, ...]:
        """What is drawn, from top to bottom."""
        return self._twigs

    def sizeHint(self) -> QSize:
        """As high as its rows."""
        return QSize(300, min(self._rows, max(1, len(self._twigs))) * theme.px(ROW) + 2)

    # ---- geometry

    def _place_of(self, number: int) -> int:
        return next((i for i, twig in enumerate(self._twigs) if twig.branch.number == number), 0)

    def _x(self, progress: float) -> float:
        left, right = theme.px(10), self.width() - theme.px(ROW + 26)
        return left + progress * max(20.0, right - left)

    def _y(self, place: int) -> float:
        return 1 + (place - self._first + 0.5) * theme.px(ROW)

    def row_at(self, where: QPointF) -> int:
        """The place of the row under a point, or -1."""
        place = int(where.y() // theme.px(ROW)) + self._first
        return place if 0 <= place < len(self._twigs) and where.y() >= 0 else -1

    def _cross(self, place: int) -> QRectF:
        side = theme.px(16)
        return QRectF(self.width() - side - theme.px(4), self._y(place) - side / 2, side, side)

    # ---- painting

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Lines from fork to end, words over them, thumbnails at their ends, the present moment across."""
        p, t = QPainter(self), theme.current()
        p.setRenderHint(QPainter.RenderHint.Antialiasing)
        p.fillRect(self.rect(), QColor(t.base))
        on_path, number = set(), self._front
        known = {twig.branch.number: twig.branch for twig in self._twigs}
        while number in known:
            on_path.add(number)
            number = -1 if known[number].parent is None else int(known[number].parent or 0)
        now = self._x(self._at)
        p.setPen(QPen(QColor(theme.mix(t.base, t.accent, 0.5)), 1, Qt.PenStyle.DashLine))
        p.drawLine(QLineF(now, 0, now, self.height()))
        for place, twig in enumerate(self._twigs):
            self._paint_row(p, place, twig, twig.branch.number in on_path)
        if self._first + self._rows < len(self._twigs) or self._first:
            p.setPen(QColor(t.muted))
            p.setFont(theme.ui_font(-1.5))
            words = f"{self._first + 1} to {min(len(self._twigs), self._first + self._rows)} of {len(self._twigs)}"
            p.drawText(QRectF(self.rect()).adjusted(4, 0, 0, -1), Qt.AlignmentFlag.AlignBottom, words)
        p.setPen(QPen(QColor(t.border), 1))
        p.drawRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5))
        if self.show_ring:
            kit.paint_focus(p, QRectF(self.rect()))

    def _paint_row(self, p: QPainter, place: int, twig: Twig, on_path: bool) -> None:
        t, y, begin = theme.current(), self._y(place), self._x(twig.branch.progress)
        front = twig.branch.number == self._front
        if front or place == self._hover:
            p.fillRect(QRectF(1, y - theme.px(ROW) / 2, self.width() - 2, theme.px(ROW)), QColor(t.hover))
        colour = QColor(t.accent if on_path else t.edge)
        p.setPen(QPen(colour, 2.4 if front else 1.6))
        end = self._x(1.0)
        p.drawLine(QLineF(begin, y, end, y))
        if twig.branch.parent is not None:
            p.drawLine(QLineF(begin, self._y(self._place_of(twig.branch.parent)), begin, y))
            p.setPen(Qt.PenStyle.NoPen)
            p.setBrush(colour)
            p.drawEllipse(QPointF(begin, y), theme.px(3), theme.px(3))
            p.setBrush(Qt.BrushStyle.NoBrush)
        self._paint_words(p, twig, y, begin, end, front)
        side = theme.px(ROW - 4)
        box = QRectF(end + theme.px(4), y - side / 2, side, side)
        picture = self._pictures[place]
        if picture is None:
            p.setPen(Qt.PenStyle.NoPen)
            p.setBrush(QColor(theme.mix(t.base, t.edge, 0.5)))
            p.drawEllipse(box.center(), theme.px(3), theme.px(3))
            p.setBrush(Qt.BrushStyle.NoBrush)
        else:
            p.drawImage(box, picture)
            p.setPen(QPen(QColor(t.accent if front else t.border), 1))
            p.drawRect(box)
        if twig.branch.number != ROOT and place == self._hover:
            cross = self._cross(place).adjusted(4, 4, -4, -4)
            p.setPen(QPen(QColor(t.text), 1.6))
            p.drawLine(QLineF(cross.topLeft(), cross.bottomRight()))
            p.drawLine(QLineF(cross.topRight(), cross.bottomLeft()))

    def _paint_words(self, p: QPainter, twig: Twig, y: float, begin: float, end: float, front: bool) -> None:
        t, high = theme.current(), theme.px(13)
        p.setFont(theme.ui_font(-1.5))
        p.setPen(QColor(t.text if front else t.muted))
        need = p.fontMetrics().horizontalAdvance(twig.words) + theme.px(4)
        left = begin + theme.px(6)
        if end - left < need:  # no room over a short line: before the fork
            left = max(theme.px(4), begin - need - theme.px(6))
            box, side = QRectF(left, y - high / 2, begin - theme.px(6) - left, high), Qt.AlignmentFlag.AlignRight
        else:
            box, side = QRectF(left, y - high - 1, end - left, high), Qt.AlignmentFlag.AlignLeft
        words = p.fontMetrics().elidedText(twig.words, Qt.TextElideMode.ElideRight, int(box.width()))
        p.drawText(box, side | Qt.AlignmentFlag.AlignVCenter, words)

    # ---- hands

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Show what a press would choose."""
        place = self.row_at(event.position())
        if place != self._hover:
            self._hover = place
            self.setToolTip(self._twigs[place].words if place >= 0 else "")
            self.update()

    def leaveEvent(self, event: QEvent) -> None:
        """Nothing is pointed at."""
        self._hover = -1
        self.update()
        super().leaveEvent(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Choose a branch, or remove it by its cross."""
        place = self.row_at(event.position())
        if place < 0 or event.button() != Qt.MouseButton.LeftButton:
            return
        number = self._twigs[place].branch.number
        if number != ROOT and self._cross(place).contains(event.position()):
            self.removed.emit(number)
        else:
            self.chosen.emit(number)

    def wheelEvent(self, event: object) -> None:
        """Scroll by a row."""
        down = event.angleDelta().y() < 0  # type: ignore[attr-defined]
        self._first = min(max(0, self._first + (1 if down else -1)), max(0, len(self._twigs) - self._rows))
        self.update()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Up and Down choose, Delete removes."""
        key, place = event.key(), self._place_of(self._front)
        if key in (Qt.Key.Key_Up, Qt.Key.Key_Down) and self._twigs:
            to = min(len(self._twigs) - 1, max(0, place + (1 if key == Qt.Key.Key_Down else -1)))
            self.chosen.emit(self._twigs[to].branch.number)
        elif key == Qt.Key.Key_Delete and self._front != ROOT:
            self.removed.emit(self._front)
        else:
            super().keyPressEvent(event)
