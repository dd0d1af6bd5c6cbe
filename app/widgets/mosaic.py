"""A gallery of images painted as one picture, with sharp pixels at every zoom."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from PySide6.QtCore import QEvent, QPoint, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QImage, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen, QWheelEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.shell import theme
from app.widgets import images as pictures
from app.widgets import kit

LARGEST_ZOOM = 32
WHOLE = 3
"""From this zoom on a fitted gallery keeps whole pixels. Below it they would waste up to three quarters of the room, so
that it is filled smoothly instead; a zoom by hand is always whole."""
WORTH = 1.12
"""Pictures must get so much larger for their pixels to become uneven."""


class Mosaic(kit.Painted):
    """A gallery of n images, drawn from one uint8 array (n, h, w, c).

    Setters: set_images(array | None, labels=None), set_stale(bool), set_empty(title, hint), set_selected(index | None),
    set_columns(n | None), set_zoom(whole number | None: fit). Getters: count(), zoom() (the whole part), columns(),
    image() -> array of what is shown at native pixels, index_at(QPoint).
    Signals: hovered(int; -1 outside), clicked(int), activated(int), zoom_changed(int).
    Keys: + and - zoom, 0 fits, arrows move the selection, Return activates. The wheel zooms, dragging pans.
    """

    hovered = Signal(int)
    clicked = Signal(int)
    activated = Signal(int)
    zoom_changed = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._images: np.ndarray | None = None
        self._labels: list[str] = []
        self._sheet: QImage | None = None
        self._empty = ("No images yet", "Samples appear here as soon as a model can draw some.")
        self._columns: int | None = None
        self._zoom: int | None = None
        self._offset = QPointF()
        self._hover, self._selected = -1, -1
        self._stale = False
        self._press: QPoint | None = None
        self._dragged = False
        self._fit_key: tuple[object, ...] = ()
        self._fit_value = (1, 1, 1.0)
        self._places_key: tuple[object, ...] = ()
        self._places_value: list[tuple[QRectF, QRectF]] = []
        self.setMouseTracking(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(96, 72)
        self.setAccessibleName("Image gallery")

    # what is shown

    def set_images(self, array: np.ndarray | None, labels: Sequence[str] | None = None) -> None:
        """Show these images; None empties the gallery. The zoom stays as it is."""
        if array is None:
            self._images, self._sheet, self._labels = None, None, []
        else:
            a = np.asarray(array)
            if a.ndim == 3:
                a = a[..., None]
            if a.ndim != 4 or a.dtype != np.uint8:
                raise ValueError(f"a gallery is uint8 (n, h, w, c); this one is {a.dtype} {a.shape}")
            self._images, self._sheet = a, None
            self._labels = list(labels or [])
            self._stale = False
        if self._selected >= self.count():
            self._selected = -1
        self.setAccessibleDescription(f"{self.count()} images")
        self.update()

    def set_stale(self, stale: bool) -> None:
        """Dim the pictures: they stay visible but no longer belong to the present settings."""
        if stale != self._stale:
            self._stale = stale
            self.update()

    def set_selected(self, index: int | None) -> None:
        """Outline one image in the accent colour."""
        self._selected = -1 if index is None else int(index)
        self.update()

    def set_columns(self, columns: int | None) -> None:
        """Fix the number of columns; None chooses the one that shows the images largest."""
        self._columns = columns
        self._sheet = None
        self.update()

    def set_zoom(self, zoom: int | None) -> None:
        """Screen pixels per image pixel, a whole number; None fits the gallery into the widget."""
        self._zoom = None if zoom is None else max(1, min(LARGEST_ZOOM, int(zoom)))
        if zoom is None:
            self._offset = QPointF()
        self.update()
        self.zoom_changed.emit(self.zoom())

    def count(self) -> int:
        """How many images are shown."""
        return 0 if self._images is None else len(self._images)

    def columns(self) -> int:
        """How many columns the gallery has at the present size."""
        return self._fit()[0]

    def zoom(self) -> int:
        """Screen pixels per image pixel as shown at present."""
        return self._zoom or self._fit()[1]

    def image(self) -> np.ndarray | None:
        """What is shown, at native pixels, as uint8 (H, W, c); None while empty."""
        return None if self._images is None else pictures.tile(self._images, self.columns())

    # geometry

    def _fit(self) -> tuple[int, int, float]:
        """The columns and the whole zoom that show the images largest without scrolling, and by what this is scaled."""
        if self._images is None or not len(self._images):
            return 1, 1, 1.0
        key = (self._images.shape, self.width(), self.height(), self._caption(), self._columns)
        if key != self._fit_key:
            columns, zoom = self._search_fit()
            smooth = self._search_smooth() if zoom < WHOLE and not self._labels else (columns, 0.0)
            if smooth[1] > WORTH * zoom:
                self._fit_value = (smooth[0], 1, smooth[1])
            else:
                self._fit_value = (columns, zoom, min(1.0, self._room(columns)))
            self._fit_key = key
        return self._fit_value

    def _room(self, columns: int) -> float:
        """How much larger than at one pixel per pixel so many columns could be."""
        h, w = self._cell(1)
        rows = math.ceil(self.count() / columns)
        return min(self.width() / (columns * w), self.height() / (rows * h))

    def _search_smooth(self) -> tuple[int, float]:
        """The columns that fill the widget best, and the zoom that they reach; full rows where they cost little."""
        n = self.count()
        if self._columns:
            return self._columns, self._room(self._columns)
        found = {columns: self._room(columns) for columns in range(1, n + 1)}
        most = max(found.values())
        best = min((c for c in found if found[c] > 0.93 * most), key=lambda c: (-n % c, -found[c]))
        return best, found[best]

    def _search_fit(self) -> tuple[int, int]:
        assert self._images is not None
        n, width, height = self.count(), self.width() - 2, self.height() - 2
        for zoom in range(LARGEST_ZOOM, 0, -1):
            h, w = self._cell(zoom)
            most, rows = int(width // w), int(height // h)
            least = math.ceil(n / rows) if rows else n + 1
            if self._columns:
                if most >= min(self._columns, n) and rows >= math.ceil(n / self._columns):
                    return min(self._columns, n), zoom
            elif least <= min(most, n):  # prefer full rows, then the shape of the widget
                best = pictures.best_columns(n, width / max(1, height), w / h)
                ragged = {c: (-n % c, abs(c - best)) for c in range(least, min(most, n) + 1)}
                return min(ragged, key=lambda c: ragged[c]), zoom
        h, w = self._cell(1)
        return self._columns or pictures.best_columns(n, width / max(1, height), w / h), 1

    def _caption(self) -> int:
        return 0 if not self._labels else theme.px(14)

    def _gap(self, zoom: int) -> int:
        return 1 if zoom <= 2 else 2

    def _cell(self, zoom: int) -> tuple[float, float]:
        assert self._images is not None
        _, h, w, _ = self._images.shape
        return h * zoom + self._gap(zoom) + self._caption(), w * zoom + self._gap(zoom)

    def _scale(self) -> float:
        """By what the whole zoom is scaled: 1 for a zoom by hand."""
        return 1.0 if self._zoom is not None else self._fit()[2]

    def _origin(self) -> QPointF:
        h, w = self._cell(self.zoom())
        rows, s = math.ceil(self.count() / self.columns()), self._scale()
        x, y = (self.width() - self.columns() * w * s) / 2, (self.height() - rows * h * s) / 2
        if self._zoom is None:
            return QPointF(int(x), int(y))
        x0 = x + self._offset.x() if x >= 0 else min(0.0, max(2 * x, x + self._offset.x()))
        y0 = y + self._offset.y() if y >= 0 else min(0.0, max(2 * y, y + self._offset.y()))
        return QPointF(int(x0 if x < 0 else x), int(y0 if y < 0 else y))

    def tile_rect(self, index: int) -> QRectF:
        """Where image number `index` is drawn, in widget coordinates."""
        h, w = self._cell(self.zoom())
        s, o, c = self._scale(), self._origin(), self.columns()
        gap = self._gap(self.zoom())
        x, y = o.x() + (index % c) * w * s, o.y() + (index // c) * h * s
        return QRectF(x, y, (w - gap) * s, (h - gap - self._caption()) * s)

    def _places(self) -> list[tuple[QRectF, QRectF]]:
        """Where each visible image goes, and where it lies in the sheet; found once for a layout, not once a sheet."""
        assert self._images is not None
        n, h, w, _ = self._images.shape
        key = (self._images.shape, self.columns(), self.zoom(), self._scale(), self._origin().toTuple(), self.rect())
        if key != self._places_key:
            visible, found = QRectF(self.rect()), [(self.tile_rect(i), QRectF(0, i * h, w, h)) for i in range(n)]
            self._places_key = key
            self._places_value = [(to, of) for to, of in found if to.intersects(visible)]
        return self._places_value

    def index_at(self, where: QPoint) -> int:
        """The number of the image at a point of the widget, or -1."""
        if self._images is None:
            return -1
        h, w = self._cell(self.zoom())
        s, o = self._scale(), self._origin()
        column, line = math.floor((where.x() - o.x()) / (w * s)), math.floor((where.y() - o.y()) / (h * s))
        index = line * self.columns() + column
        return index if 0 <= column < self.columns() and line >= 0 and index < self.count() else -1

    def sizeHint(self) -> QSize:
        """A comfortable size."""
        return QSize(360, 280)

    # painting

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw the visible tiles, then outlines and labels."""
        painter = QPainter(self)
        t = theme.current()
        painter.fillRect(self.rect(), QColor(t.base))
        if self._images is None or not len(self._images):
            kit.paint_empty(painter, self.rect(), *self._empty, icon="grid")
            if self.show_ring:
                kit.paint_focus(painter, QRectF(self.rect()))
            return
        n, h, w, _ = self._images.shape
        if self._sheet is None:
            # One tall column, in the format of the screen, so that scaling each tile converts nothing.
            column = pictures.to_qimage(self._images.reshape(n * h, w, -1))
            self._sheet = column.convertToFormat(QImage.Format.Format_ARGB32_Premultiplied)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, self._scale() != 1.0)
        painter.setOpacity(0.4 if self._stale else 1.0)
        for target, source in self._places():
            painter.drawImage(target, self._sheet, source)
        if self._labels:
            painter.setFont(theme.number_font(-2))
            painter.setPen(QColor(t.muted))
            for i, text in enumerate(self._labels[:n]):
                r = self.tile_rect(i)
                below = QRectF(r.left(), r.bottom(), r.width(), self._caption())
                words = painter.fontMetrics().elidedText(text, Qt.TextElideMode.ElideRight, int(r.width()))
                painter.drawText(below, Qt.AlignmentFlag.AlignCenter, words)
        painter.setOpacity(1.0)
        for index, colour, width in ((self._hover, t.text, 1.5), (self._selected, t.accent, 2.0)):
            if 0 <= index < n:
                painter.setPen(QPen(QColor(colour), width))
                painter.drawRect(self.tile_rect(index).adjusted(-1, -1, 1, 1))
        if self.show_ring:
            kit.paint_focus(painter, QRectF(self.rect()))

    # hands

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Outline what is under the pointer, or pan while a button is held on a zoomed gallery."""
        where = event.position().toPoint()
        if self._press is not None and self._zoom is not None:
            step = where - self._press
            if self._dragged or step.manhattanLength() > 5:
                self._dragged = True
                self._offset += QPointF(step)
                self._press = where
                self.setCursor(Qt.CursorShape.ClosedHandCursor)
                self.update()
                return
        self._set_hover(self.index_at(where))

    def _set_hover(self, index: int) -> None:
        if index != self._hover:
            self._hover = index
            self.hovered.emit(index)
            self.update()

    def leaveEvent(self, event: QEvent) -> None:
        """Forget the outline."""
        self._set_hover(-1)
        super().leaveEvent(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Remember where a click or a drag begins."""
        if event.button() == Qt.MouseButton.LeftButton:
            self._press, self._dragged = event.position().toPoint(), False

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """A press and release in one place is a click."""
        if event.button() == Qt.MouseButton.LeftButton and self._press is not None:
            if not self._dragged and (index := self.index_at(event.position().toPoint())) >= 0:
                self.clicked.emit(index)
            self._press = None
            self.unsetCursor()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """A double click opens one image."""
        if (index := self.index_at(event.position().toPoint())) >= 0:
            self.activated.emit(index)

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Zoom by whole steps, keeping the point under the pointer in place."""
        turn = event.angleDelta().y()
        if turn and self._images is not None:
            self._step_zoom(1 if turn > 0 else -1, event.position())
        event.accept()

    def _step_zoom(self, step: int, anchor: QPointF | None = None) -> None:
        old = self.zoom() * self._scale()
        new = max(1, min(LARGEST_ZOOM, math.floor(old) + 1 if step > 0 else math.ceil(old) - 1))
        a = anchor or QPointF(self.width() / 2, self.height() / 2)
        before = (a - self._origin()) / old
        self._zoom = new
        h, w = self._cell(new)
        rows = math.ceil(self.count() / self.columns())
        middle = QPointF((self.width() - self.columns() * w) / 2, (self.height() - rows * h) / 2)
        self._offset = a - before * new - middle
        self.update()
        self.zoom_changed.emit(new)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Zoom and move the selection by keys."""
        key, n = event.key(), self.count()
        if key in (Qt.Key.Key_Plus, Qt.Key.Key_Equal):
            self._step_zoom(1)
        elif key == Qt.Key.Key_Minus:
            self._step_zoom(-1)
        elif key == Qt.Key.Key_0:
            self.set_zoom(None)
        elif n and key in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self._selected >= 0:
            self.activated.emit(self._selected)
        elif n and key in (Qt.Key.Key_Left, Qt.Key.Key_Right, Qt.Key.Key_Up, Qt.Key.Key_Down):
            c = self.columns()
            step = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1, Qt.Key.Key_Up: -c, Qt.Key.Key_Down: c}[Qt.Key(key)]
            target = 0 if self._selected < 0 else self._selected + step
            if 0 <= target < n:
                self.set_selected(target)
                self.clicked.emit(target)
        else:
            super().keyPressEvent(event)


def _demo() -> QWidget:
    from app.widgets.demo import digits

    m = Mosaic()
    m.set_images(digits(48), [f"{i % 10}" for i in range(48)])
    m.set_selected(9)
    return m


if __name__ == "__main__":
    import sys

    from app.widgets.demo import run

    sys.exit(run(_demo))
