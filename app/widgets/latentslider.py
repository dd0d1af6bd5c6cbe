"""One dimension of a latent space: how much it matters, its name, a track over its histogram, a number box."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QEvent, Signal
from PySide6.QtGui import QColor, QEnterEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QWidget

from app.shell import theme
from app.widgets import kit
from app.widgets.number import NumberBox
from app.widgets.track import Track


class _UseBar(QWidget):
    """A short bar that says how much a dimension is used."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.fraction = 0.0
        kit.Room(self, 4)

    def paintEvent(self, _event: QPaintEvent) -> None:
        p = QPainter(self)
        t = theme.current()
        tall = self.height() - theme.px(8)
        full = max(0, round(tall * min(1.0, self.fraction)))
        p.fillRect(0, theme.px(4), self.width(), tall, QColor(t.border))
        p.fillRect(0, theme.px(4) + tall - full, self.width(), full, QColor(t.accent))


class LatentSlider(QWidget):
    """One latent dimension: its name, a track with the posterior's histogram behind it, and a number box.

    Constructor: index, name=None, lo=-3, hi=3, default=0.
    Setters: set_value(v) (silent), set_use(amount, largest=1, words=''), set_range(lo, hi), set_histogram(counts, lo,
    hi), set_sigma(mu, sigma), set_dead(bool). Getters: value(), index.
    Signals: changing(int index, float), changed(int index, float), pointed(int index, bool).
    """

    changing = Signal(int, float)
    changed = Signal(int, float)
    pointed = Signal(int, bool)

    def __init__(
        self, index: int, name: str | None = None, lo: float = -3.0, hi: float = 3.0, default: float = 0.0,
        parent: QWidget | None = None,
    ) -> None:  # fmt: skip
        super().__init__(parent)
        self.index = index
        self.name = name or f"z {index + 1}"
        self.use = kit.label(self.name, parent=self)
        kit.Room(self.use, 40)
        self.bar = _UseBar(self)
        self.track = Track(lo, hi, default, parent=self)
        self.track.set_tall(True)
        self.track.setAccessibleName(self.name)
        self.box = NumberBox(-99.0, 99.0, default, name=f"{self.name} value", step=(hi - lo) / 100, parent=self)
        self.box.set_room(60)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        for w in (self.bar, self.use, self.track, self.box):
            layout.addWidget(w)
        layout.setStretch(2, 1)
        self.set_sigma(0.0, 1.0)
        self.set_use(0.0)
        self.track.changing.connect(lambda v: self._moved(v, False))
        self.track.changed.connect(lambda v: self._moved(v, True))
        self.box.changed.connect(self._typed)

    def value(self) -> float:
        """The coordinate; a typed one may lie beyond the ends of the track."""
        return float(self.box.value())

    def set_value(self, value: float) -> None:
        """Show a coordinate without a signal."""
        self.box.set_value(value)
        self.track.set_value(value)

    def set_use(self, use: float, largest: float = 1.0, words: str = "") -> None:
        """How much the model uses this dimension, beside the most used one, and what that means in words."""
        self.bar.fraction = use / largest if largest > 0 else 0.0
        self.bar.update()
        tip = f"{self.name}: {words or f'the encoder puts {use:.2f} nats into this dimension'}."
        self.bar.setToolTip(tip)
        self.use.setToolTip(f"{tip}\nDrag; Shift is finer, Ctrl coarser; double click puts it back.")
        self.track.setAccessibleDescription(tip)

    def set_range(self, lo: float, hi: float) -> None:
        """Change both ends of the track."""
        self.track.set_range(lo, hi)
        self.box.set_step((hi - lo) / 100)

    def set_histogram(self, counts: np.ndarray, lo: float, hi: float) -> None:
        """Where the data lie along this dimension (aggregate posterior)."""
        self.track.set_histogram(counts, lo, hi)

    def set_sigma(self, mu: float, sigma: float) -> None:
        """Mark the prior's centre and its first and second standard deviation; a double click goes to the centre."""
        self.track.set_default(mu)
        self.track.set_marks([(mu, 0), *[(mu + s * k * sigma, k) for k in (1, 2) for s in (-1, 1)]])

    def set_dead(self, dead: bool) -> None:
        """A dead dimension carries nothing: it is drawn without colour."""
        self.track.set_muted(dead)
        kit.set_role(self.use, "role", "muted" if dead else "")

    def enterEvent(self, event: QEnterEvent) -> None:
        """Say that this dimension is pointed at."""
        self.pointed.emit(self.index, True)
        super().enterEvent(event)

    def leaveEvent(self, event: QEvent) -> None:
        """Say that it is no more."""
        self.pointed.emit(self.index, False)
        super().leaveEvent(event)

    def _moved(self, value: float, finished: bool) -> None:
        v = round(value, 3)
        self.box.set_value(v)
        (self.changed if finished else self.changing).emit(self.index, v)

    def _typed(self, value: float) -> None:
        self.track.set_value(float(value))
        self.changed.emit(self.index, float(value))
