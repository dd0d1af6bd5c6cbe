"""Sliders for the dimensions of a latent space, sorted by how much they matter; dead ones are folded away."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QScrollArea, QVBoxLayout, QWidget

from app.shell import theme
from app.widgets import kit
from app.widgets.number import NumberBox, NumberSlider
from app.widgets.track import Track

__all__ = ["LatentSlider", "NumberBox", "NumberSlider", "SliderStack"]


class _UseBar(QWidget):
    """A short bar that says how much a dimension is used."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.fraction = 0.0
        self.setFixedWidth(theme.px(4))

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
    Setters: set_value(v) (silent), set_use(nats, largest=1), set_histogram(counts, lo, hi), set_sigma(mu, sigma),
    set_dead(bool). Getters: value(), index. Signals: changing(int index, float), changed(int index, float).
    """

    changing = Signal(int, float)
    changed = Signal(int, float)

    def __init__(
        self, index: int, name: str | None = None, lo: float = -3.0, hi: float = 3.0, default: float = 0.0,
        parent: QWidget | None = None,
    ) -> None:  # fmt: skip
        super().__init__(parent)
        self.index = index
        self.name = name or f"z {index + 1}"
        self.use = kit.label(self.name)
        self.use.setFixedWidth(theme.px(40))
        self.bar = _UseBar()
        self.track = Track(lo, hi, default)
        self.track.set_tall(True)
        self.track.setAccessibleName(self.name)
        self.box = NumberBox(-99.0, 99.0, default, name=f"{self.name} value", step=(hi - lo) / 100)
        self.box.setFixedWidth(theme.px(60))
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

    def set_use(self, use: float, largest: float = 1.0) -> None:
        """How much the model uses this dimension, in nats of KL, beside the most used one."""
        self.bar.fraction = use / largest if largest > 0 else 0.0
        self.bar.update()
        tip = f"{self.name}: the encoder puts {use:.2f} nats into this dimension."
        self.track.setToolTip(f"{tip}\nDrag; Shift is finer, Ctrl coarser; double click puts it back.")
        self.use.setToolTip(tip)

    def set_histogram(self, counts: np.ndarray, lo: float, hi: float) -> None:
        """Where the data lie along this dimension (aggregate posterior)."""
        self.track.set_histogram(counts, lo, hi)

    def set_sigma(self, mu: float, sigma: float) -> None:
        """Mark the prior's centre and its first and second standard deviation."""
        self.track.set_marks([(mu, 0), *[(mu + s * k * sigma, k) for k in (1, 2) for s in (-1, 1)]])

    def set_dead(self, dead: bool) -> None:
        """A dead dimension carries nothing: it is drawn without colour."""
        self.track.set_muted(dead)
        kit.set_role(self.use, "role", "muted" if dead else "")

    def _moved(self, value: float, finished: bool) -> None:
        v = round(value, 3)
        self.box.set_value(v)
        (self.changed if finished else self.changing).emit(self.index, v)

    def _typed(self, value: float) -> None:
        self.track.set_value(float(value))
        self.changed.emit(self.index, float(value))


class SliderStack(QWidget):
    """All latent dimensions, the most used first; those that carry nothing are folded under one line.

    Setters: set_dimensions(n, use=None, histograms=None, lo=-3, hi=3, names=None), set_use(use, threshold=0.01 nats),
    set_values(array) (silent), set_folded(bool), reset(). Getters: values() -> float32 (n,), order() -> list of indices
    as shown. Signals: changing(array), changed(array).
    """

    changing = Signal(object)
    changed = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.rows: list[LatentSlider] = []
        self._order: list[int] = []
        self._dead: set[int] = set()
        self._folded = True
        self._inner = QWidget()
        self._box = QVBoxLayout(self._inner)
        self._box.setContentsMargins(0, 0, theme.px(8), 0)
        self._box.setSpacing(2)
        self.fold = QPushButton()
        self.fold.setProperty("flat", True)
        self.fold.setCursor(Qt.CursorShape.PointingHandCursor)
        self.fold.clicked.connect(lambda: self.set_folded(not self._folded))
        self.empty = kit.label("A model with a latent space shows its sliders here.", "muted")
        self.empty.setWordWrap(True)
        self._box.addWidget(self.empty)
        self._box.addWidget(self.fold)
        self._box.addStretch(1)
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setWidget(self._inner)
        area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.viewport().setAutoFillBackground(False)
        self._inner.setAutoFillBackground(False)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(area)
        self._arrange()

    def set_dimensions(
        self, n: int, use: np.ndarray | None = None, histograms: np.ndarray | None = None, lo: float = -3.0,
        hi: float = 3.0, names: Sequence[str] | None = None,
    ) -> None:  # fmt: skip
        """Make one slider for each of n dimensions; use is (n,) in nats, histograms (n, bins) from lo to hi."""
        if n != len(self.rows) or names is not None:
            for old in self.rows:
                self._box.removeWidget(old)
                old.deleteLater()
            self.rows = [LatentSlider(i, names[i] if names else None, lo, hi, parent=self._inner) for i in range(n)]
            for slider in self.rows:
                slider.changing.connect(lambda *_: self.changing.emit(self.values()))
                slider.changed.connect(lambda *_: self.changed.emit(self.values()))
        if histograms is not None:
            for slider, counts in zip(self.rows, histograms, strict=True):
                slider.set_histogram(counts, lo, hi)
        self.set_use(np.ones(n) if use is None else use)

    def set_use(self, use: np.ndarray, threshold: float = 0.01) -> None:
        """Sort by use and fold those at or below the threshold (nats)."""
        u = np.nan_to_num(np.asarray(use, float))
        if len(u) != len(self.rows):
            raise ValueError(f"there are {len(self.rows)} sliders and {len(u)} numbers of use")
        self._order = [int(i) for i in np.argsort(-u, kind="stable")]
        self._dead = {int(i) for i in np.flatnonzero(u <= threshold)}
        largest = float(u.max()) if len(u) else 1.0
        for slider in self.rows:
            slider.set_use(float(u[slider.index]), largest)
            slider.set_dead(slider.index in self._dead)
        self._arrange()

    def set_values(self, values: np.ndarray) -> None:
        """Show a point of the latent space without a signal."""
        for slider, v in zip(self.rows, np.asarray(values, float).ravel(), strict=True):
            slider.set_value(float(v))

    def values(self) -> np.ndarray:
        """The point of the latent space, as float32 (n,), in the model's order."""
        return np.array([s.value() for s in self.rows], np.float32)

    def order(self) -> list[int]:
        """The dimensions from the most to the least used."""
        return list(self._order)

    def reset(self) -> None:
        """Put every slider to the middle and say so."""
        self.set_values(np.zeros(len(self.rows)))
        self.changed.emit(self.values())

    def set_folded(self, folded: bool) -> None:
        """Hide or show the dimensions that carry nothing."""
        self._folded = folded
        self._arrange()

    def _arrange(self) -> None:
        self.empty.setVisible(not self.rows)
        for slider in self.rows:
            self._box.removeWidget(slider)
        self._box.removeWidget(self.fold)
        used = [i for i in self._order if i not in self._dead]
        dead = [i for i in self._order if i in self._dead]
        place = 1
        for i in used:
            self._box.insertWidget(place, self.rows[i])
            self.rows[i].setVisible(True)
            place += 1
        self._box.insertWidget(place, self.fold, 0, Qt.AlignmentFlag.AlignLeft)
        for k, i in enumerate(dead):
            self._box.insertWidget(place + 1 + k, self.rows[i])
            self.rows[i].setVisible(not self._folded)
        chain: list[QWidget] = [w for i in used for w in (self.rows[i].track, self.rows[i].box)]
        chain += [self.fold, *(w for i in dead for w in (self.rows[i].track, self.rows[i].box))]
        for a, b in pairwise(chain):  # the Tab key follows the order on screen
            QWidget.setTabOrder(a, b)
        self.fold.setVisible(bool(dead))
        self.fold.setIcon(theme.icon("chevron-right" if self._folded else "chevron-down"))
        self.fold.setText(f"{len(dead)} unused")
        self.fold.setToolTip("Dimensions that the encoder leaves at the prior: moving them changes nothing.")
        self.fold.setAccessibleName(f"{'Show' if self._folded else 'Hide'} {len(dead)} unused dimensions")


def _demo() -> QWidget:
    w = QWidget()
    box = QVBoxLayout(w)
    box.setSpacing(8)
    rng = np.random.default_rng(0)
    use = np.array([1.2, 0.0, 2.9, 0.3, 0.002, 1.8, 0.0, 0.7])
    data = rng.normal(size=(8, 600)) * np.linspace(0.5, 1.1, 8)[:, None]
    data[2, :300] -= 1.4
    histograms = np.stack([np.histogram(d, bins=32, range=(-3, 3))[0] for d in data])
    stack = SliderStack()
    stack.set_dimensions(8, use, histograms)
    stack.set_values(np.array([0.4, 0, -1.2, 0.8, 0, 1.7, 0, 0.0]))
    box.addWidget(stack, 1)
    for args in (
        dict(lo=1e-6, hi=0.1, value=1e-3, log=True, name="lr"),
        dict(lo=1, hi=512, value=100, integer=True, name="batch", unit="images"),
    ):
        box.addWidget(NumberSlider(**args))  # type: ignore[arg-type]
    wrong = NumberSlider(0, 20, 4, name="beta")
    wrong.box.setText("99")
    wrong.set_error("beta is 99; the range is 0 to 20")
    box.addWidget(wrong)
    return w


if __name__ == "__main__":
    import sys

    from app.widgets.demo import run

    sys.exit(run(_demo, (460, 460)))
