"""How far the model is from the truth, in numbers that say what they are: a row that wraps where it is narrow."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.panels.plane.layers import COMPARED, Found
from app.widgets import kit
from app.widgets.flow import FlowLayout, in_one_row
from app.widgets.status import StillLabel
from gm_core import api

GAP = 12
ORIGINS = {
    "exact": "by a sum over a grid",
    "solver": "by a sum over a grid, of a density that is exact but for the steps of a solver",
    "bound": "by a sum over a grid, of a lower bound of the density: the true KL is at most this",
    "unnormalised": "by a sum over a grid, which also gives Z",
}


@dataclass(frozen=True)
class Figure:
    """One number: its name, what is written, and what is told on hovering."""

    name: str
    text: str
    tip: str


def number(value: float, error: float = 0.0) -> str:
    """A number with its standard error, where it has one."""
    if math.isnan(value):
        return "–"
    if math.isinf(value):
        return "∞"
    text = kit.number_text(value, 3)
    return f"{text} ± {kit.number_text(error, 2)}" if error > 0 and math.isfinite(error) else text


def figures(found: api.Compared | None, quality: api.Quality | None, waiting: bool = False) -> list[Figure]:
    """All that is known at the moment; `waiting` for a comparison at another noise, its old numbers are not shown."""
    made = [] if found is None else _of_densities(found)
    if waiting:
        made = [replace(figure, text="…", tip="") for figure in made]
    return made + ([] if quality is None else _of_samples(quality))


def dated(made: list[Figure], measured: int | None, shown: int | None) -> list[Figure]:
    """The numbers, and before them the step that they are of, where it is another one than is shown on the plane."""
    if not made or measured is None or measured == shown:
        return made
    tip = "The numbers are of this step: they take long, and rest ten times as long as they took."
    return [Figure("at step", f"{measured:,}", tip), *made]


def _of_densities(found: api.Compared) -> list[Figure]:
    made = []
    if found.exact is not None and not found.coarse:
        sign = "≤ " if found.kind == "bound" else "≈ " if found.kind == "estimate" else ""
        how = ORIGINS.get(found.kind, "")
        kernel = ""
        if found.kind == "estimate":
            how = f"an estimate from {found.samples:,} samples (kernels of width {kit.number_text(found.kernel, 2)})"
            kernel = f" A perfect model would read {number(found.floor[0])} (KL) and {number(found.floor[1])} (JS)."
        off = f" {100 * found.outside:.1f} % of the truth lies outside the grid." if found.outside > 1e-3 else ""
        if found.mass[1] < 0.98:
            off += f" {100 * (1 - found.mass[1]):.0f} % of the model lies outside it, where nothing is counted."
        back = f" The other way round, KL(model ‖ truth), it is {number(found.reverse, found.errors[1])}."
        made += [
            Figure(
                "KL", f"{sign}{number(found.kl, found.errors[0])}",
                f"KL(truth ‖ model) in nats, {how}.{back}{kernel}{off}",
            ),
            Figure(
                "JS", ("≈ " if found.kind == "estimate" else "") + number(found.js, found.errors[2]),
                f"Jensen-Shannon divergence in nats, ln 2 = 0.693 at most; {how}.{kernel}{off}",
            ),
        ]  # fmt: skip
    elif found.coarse:
        made.append(
            Figure("KL", "–", "The cells of the grid are too wide for a truth this narrow: a sum would say nothing.")
        )
    if math.isfinite(found.log_z):
        made.append(
            Figure(
                "ln Z", number(found.log_z),
                "The logarithm of the integral of exp(−energy), summed over a grid: the density was divided by Z.",
            )
        )  # fmt: skip
    if math.isfinite(found.score_gap):
        share = f" ({100 * found.score_gap / found.score_size:.0f} %)" if found.score_size > 0 else ""
        made.append(
            Figure(
                "score off by", number(found.score_gap) + share,
                "Root mean square difference of the model's score and the exact one at this noise, weighed by p_t; "
                f"the exact score itself is {number(found.score_size)}.",
            )
        )  # fmt: skip
    return made


def _of_samples(found: api.Quality) -> list[Figure]:
    names = {"sliced": "Sliced W₂", "mmd": "MMD²"}
    tips = {
        "sliced": "Sliced Wasserstein distance of samples and test data, in units of the data",
        "mmd": "Squared maximum mean discrepancy of samples and test data; may fall below 0 by chance",
    }
    made = []
    for name, value, error, floor in zip(found.names, found.values, found.errors, found.floors, strict=True):
        if name in names:
            tip = f"{tips[name]}: an estimate from {found.n:,} of each. Real data against real data: {number(floor)}."
            made.append(Figure(names[name], number(float(value), float(error)), tip))
    return made


def told(found: Found, seen: frozenset[str], seed: int) -> list[str]:
    """What the quiet line says of what is shown: the samples, the noise, and what is only an estimate."""
    words = []
    if "samples" in found.clouds and "samples" in seen:
        words.append(f"{len(found.clouds['samples']):,} samples, seed {seed}")
    a, b = found.scaling()
    if (a, b) != (1.0, 0.0):
        words.append(f"x_t = {a:.3f} x₀ + {b:.3f} ε")
    compared = found.compared
    if compared is not None and compared.kind == "estimate" and COMPARED & seen:
        words.append(f"learned: an estimate from {compared.samples:,} samples (kernel)")
    return words


class Figures(QWidget):
    """The numbers in a row that wraps, or where `set_short` says so, in one with those that find room.

    Setters: set_figures(list of Figure), set_short(bool). Getter: text().
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName("Distance from the truth")
        self._flow = FlowLayout(self, spacing=GAP)
        self._short = False
        self._labels: dict[str, StillLabel] = {}
        policy = QSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Minimum)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)

    def set_figures(self, found: list[Figure]) -> None:
        """Write these and no others, in their order."""
        names = [figure.name for figure in found]
        if names != list(self._labels):
            for label in self._labels.values():
                self._flow.removeWidget(label)
            kept = {name: self._labels.pop(name, None) for name in names}
            for label in self._labels.values():
                label.deleteLater()
            self._labels = {name: label or StillLabel("", "caption", name=name) for name, label in kept.items()}
            for label in self._labels.values():
                self._flow.addWidget(label)
        for figure in found:
            self._labels[figure.name].setText(f"{figure.name} {figure.text}")
            self._labels[figure.name].setToolTip(figure.tip)
        self._fold()

    def set_short(self, short: bool) -> None:
        """Whether there is room for one line only."""
        if short != self._short:
            self._short = short
            self._fold()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Another width has room for other numbers."""
        super().resizeEvent(event)
        self._fold()

    def _fold(self) -> None:
        labels = list(self._labels.values())
        shown = in_one_row(labels, self.width(), GAP) if self._short else labels
        for label in labels:
            kit.show(label, label in shown)

    def text(self) -> str:
        """All of it in one line."""
        return "  ".join(label.text() for label in self._labels.values())
