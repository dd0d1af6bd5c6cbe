"""A row of pictures with captions, as large as the width allows: x_t, predicted clean image, predicted noise."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PySide6.QtCore import QPoint, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QImage, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.shell import theme
from app.widgets import images, kit


class Strip(kit.Painted):
    """Pictures side by side. Setters: set_items([(caption, uint8 (h, w, c) | None)]), set_notes([text]) under them,
    set_selected(index | None), set_empty(title, hint). Getters: image() -> array at native pixels, index_at(QPoint).
    Signal: clicked(int). Keys: Left and Right choose.
    """

    clicked = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._items: list[tuple[str, np.ndarray | None]] = []
        self._pictures: list[QImage | None] = []
        self._notes: list[str] = []
        self._selected = -1
        self._empty = ("No frames yet", "Step through a sampling to see what the model sees and predicts.")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(120, 96)
        self.setAccessibleName("Pictures")

    def set_items(self, items: Sequence[tuple[str, np.ndarray | None]]) -> None:
        """Replace the pictures; None keeps the place with a dash."""
        self._items = [(c, None if p is None else np.asarray(p)) for c, p in items]
        self._pictures = [None if p is None else images.to_qimage(p) for _, p in self._items]
        self.setAccessibleDescription(", ".join(c for c, _ in self._items))
        self.update()

    def set_notes(self, notes: Sequence[str]) -> None:
        """A muted line under each picture."""
        self._notes = list(notes)
        self.update()

    def set_selected(self, index: int | None) -> None:
        """Outline one picture."""
        self._selected = -1 if index is None else index
        self.update()

    def image(self) -> np.ndarray | None:
        """All pictures side by side at native pixels; None while empty."""
        present = [images.as_rgb(p)[..., :3] for _, p in self._items if p is not None]
        if not present:
            return None
        tall = max(p.shape[0] for p in present)
        return np.concatenate([np.pad(p, ((0, tall - p.shape[0]), (0, 0), (0, 0))) for p in present], axis=1)

    def sizeHint(self) -> QSize:
        """Room for three pictures."""
        return QSize(420, 180)

    def _slots(self) -> list[QRectF]:
        n = len(self._items)
        if not n:
            return []
        gap, head, foot = theme.px(12), theme.px(20), theme.px(18) if self._notes else 0
        shape = next((p.shape for _, p in self._items if p is not None), (1, 1))
        h, w = shape[0], shape[1]
        room_w, room_h = (self.width() - gap * (n - 1)) / n, self.height() - head - foot
        zoom = min(room_w / w, room_h / h)
        zoom = float(int(zoom)) if zoom >= 1 else max(zoom, 0.05)  # whole zooms keep pixels sharp
        width, height = w * zoom, h * zoom
        x = (self.width() - n * width - gap * (n - 1)) / 2
        y = head + max(0.0, (room_h - height) / 2)
        return [QRectF(int(x + i * (width + gap)), int(y), width, height) for i in range(n)]

    def index_at(self, where: QPoint) -> int:
        """The picture at a point, or -1."""
        return next((i for i, r in enumerate(self._slots()) if r.contains(where)), -1)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Captions, pictures, notes."""
        p = QPainter(self)
        t = theme.current()
        if not self._items:
            kit.paint_empty(p, self.rect(), *self._empty, icon="film")
            return
        centre = Qt.AlignmentFlag.AlignCenter
        for i, (r, (caption, _), picture) in enumerate(zip(self._slots(), self._items, self._pictures, strict=True)):
            p.setFont(theme.ui_font(-0.5))
            p.setPen(QColor(t.text))
            wide = r.adjusted(-theme.px(6), 0, theme.px(6), 0)
            words = p.fontMetrics().elidedText(caption, Qt.TextElideMode.ElideRight, int(wide.width()))
            p.drawText(QRectF(wide.left(), r.top() - theme.px(20), wide.width(), theme.px(18)), centre, words)
            p.fillRect(r, QColor(t.base))
            if picture is None:
                p.setPen(QColor(t.muted))
                p.drawText(r, centre, "-")
            else:
                p.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, r.width() < picture.width())
                p.drawImage(r, picture)
            chosen = i == self._selected
            p.setPen(QPen(QColor(t.accent if chosen else t.border), 2 if chosen else 1))
            p.drawRect(r.adjusted(-1, -1, 0, 0))
            if i < len(self._notes):
                p.setFont(theme.number_font(-1.5))
                p.setPen(QColor(t.muted))
                p.drawText(
                    QRectF(wide.left(), r.bottom() + theme.px(2), wide.width(), theme.px(16)), centre, self._notes[i]
                )
        if self.show_ring:
            kit.paint_focus(p, QRectF(self.rect()))

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Report which picture was pressed."""
        index = self.index_at(event.position().toPoint())
        if index >= 0 and event.button() == Qt.MouseButton.LeftButton:
            self.clicked.emit(index)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Choose by keys."""
        if self._items and event.key() in (Qt.Key.Key_Left, Qt.Key.Key_Right):
            step = 1 if event.key() == Qt.Key.Key_Right else -1
            self._selected = min(len(self._items) - 1, max(0, self._selected + step))
            self.clicked.emit(self._selected)
            self.update()
        else:
            super().keyPressEvent(event)


def _demo() -> QWidget:
    from PySide6.QtWidgets import QVBoxLayout

    from app.widgets.demo import digits
    from app.widgets.schedule import SchedulePlot

    w = QWidget()
    box = QVBoxLayout(w)
    d = digits(3)
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 255, d[0].shape, dtype=np.uint8)
    s = Strip()
    mixed = (d[1] // 2 + noise // 2).astype(np.uint8)
    s.set_items([("x_t, as it is now", mixed), ("predicted x₀", d[1]), ("predicted noise", noise), ("not yet", None)])
    s.set_notes(["t = 420", "x̂₀", "ε̂", ""])
    s.set_selected(1)
    box.addWidget(s, 2)
    plot = SchedulePlot()
    t = np.arange(1000.0)
    abar = np.cumprod(1 - np.linspace(1e-4, 0.02, 1000))
    plot.set_curves({"ᾱ": (t, abar), "σ": (t, np.sqrt(1 - abar))})
    plot.set_t(420)
    box.addWidget(plot, 1)
    return w


if __name__ == "__main__":
    import sys

    from app.widgets.demo import run

    sys.exit(run(_demo, (620, 360)))
