"""Sliders for the dimensions of a latent space, sorted by how much they matter; dead ones are folded away."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from PySide6.QtCore import QPointF, Qt, Signal
from PySide6.QtWidgets import QPushButton, QScrollArea, QVBoxLayout, QWidget

from app.shell import theme
from app.widgets import kit
from app.widgets.latentslider import LatentSlider
from app.widgets.number import NumberBox, NumberSlider
from app.widgets.thumbs import Thumbs

__all__ = ["LatentSlider", "NumberBox", "NumberSlider", "SliderStack"]


class SliderStack(QWidget):
    """All latent dimensions, the most used first; those that carry nothing are folded under one line.

    Setters: set_dimensions(n, use=None, histograms=None, lo=-3, hi=3, names=None), set_use(use, threshold=0.01, dead,
    words), set_sigma(mu, sigma), set_values(array) (silent), set_folded(bool), set_thumbs(index, low, high, ends),
    reset(). Getters: values() -> float32 (n,), order() -> list of indices as shown, strongest() -> two indices.
    Signals: changing(array), changed(array), pointed(int; -1 when the pointer leaves).
    """

    changing = Signal(object)
    changed = Signal(object)
    pointed = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.rows: list[LatentSlider] = []
        self._order: list[int] = []
        self._dead: set[int] = set()
        self._folded = True
        self._arranged: tuple[object, ...] = ()
        area = QScrollArea(self)
        area.setWidgetResizable(True)
        area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._inner = QWidget(area.viewport())
        area.setWidget(self._inner)
        area.viewport().setAutoFillBackground(False)
        self._inner.setAutoFillBackground(False)
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
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(area)
        self.thumbs = Thumbs(self)
        self._pointed = -1
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
            self._arranged = ()
            self.rows = [LatentSlider(i, names[i] if names else None, lo, hi, parent=self._inner) for i in range(n)]
            for slider in self.rows:
                slider.changing.connect(lambda *_: self.changing.emit(self.values()))
                slider.changed.connect(lambda *_: self.changed.emit(self.values()))
                slider.pointed.connect(self._point)
        elif self.rows and self.rows[0].track.range() != (lo, hi):
            for slider in self.rows:
                slider.set_range(lo, hi)
        if histograms is not None:
            for slider, counts in zip(self.rows, histograms, strict=True):
                slider.set_histogram(counts, lo, hi)
        if use is not None or len(self._order) != n:
            self.set_use(np.ones(n) if use is None else use)

    def set_use(
        self, use: np.ndarray, threshold: float = 0.01, dead: np.ndarray | None = None, words: str = ""
    ) -> None:
        """Sort by use and fold the dead ones, bool (n,), or else those at or below the threshold.

        `words` says what the numbers mean, with {} for the number.
        """
        u = np.nan_to_num(np.asarray(use, float))
        if len(u) != len(self.rows):
            raise ValueError(f"there are {len(self.rows)} sliders and {len(u)} numbers of use")
        self._order = [int(i) for i in np.argsort(-u, kind="stable")]
        self._dead = {int(i) for i in np.flatnonzero(u <= threshold if dead is None else dead)}
        largest = float(u.max()) if len(u) else 1.0
        for slider in self.rows:
            amount = float(u[slider.index])
            slider.set_use(amount, largest, words.format(f"{amount:.3g}") if words else "")
            slider.set_dead(slider.index in self._dead)
        self._arrange()

    def set_sigma(self, mu: np.ndarray, sigma: np.ndarray) -> None:
        """The prior's centre and width along each dimension."""
        for slider in self.rows:
            slider.set_sigma(float(mu[slider.index]), float(sigma[slider.index]))

    def strongest(self) -> tuple[int, int]:
        """The two dimensions at the top."""
        return (self._order[0], self._order[min(1, len(self._order) - 1)]) if self._order else (0, 0)

    def set_thumbs(self, index: int, low: np.ndarray, high: np.ndarray, ends: tuple[float, float]) -> None:
        """Show what one dimension makes of the code at two values, if it is still pointed at."""
        if index != self._pointed or index >= len(self.rows):
            return
        row = self.rows[index]
        x_low, x_high = (row.track.mapTo(self, QPointF(row.track.x_of(v), 0.0)).x() for v in ends)
        names = (f"{row.name} = {ends[0]:.3g}", f"{row.name} = {ends[1]:.3g}")
        self.thumbs.show_pair(low, high, names, x_low, x_high, *self.thumbs.row_of(row))

    def _point(self, index: int, on: bool) -> None:
        if on:
            self._pointed = index
        elif self._pointed == index:
            self._pointed = -1
        else:
            return
        self.thumbs.hide()
        self.pointed.emit(self._pointed)

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
        """Put every slider to the prior's centre and say so."""
        self.set_values(np.array([slider.track.default() for slider in self.rows]))
        self.changed.emit(self.values())

    def set_folded(self, folded: bool) -> None:
        """Hide or show the dimensions that carry nothing."""
        self._folded = folded
        self._arrange()

    def _arrange(self) -> None:
        now = (tuple(self._order), frozenset(self._dead), self._folded, len(self.rows))
        if now == self._arranged:
            return
        self._arranged = now
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
