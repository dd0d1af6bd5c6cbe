"""Live curves: every step is drawn, the smoothed line in front of the raw one, and a click goes to that step.

The chart is painted by ourselves (app/widgets/chart): while training goes on, painting holds up the thread that
trains, and a general plotting library paints its axes anew each time.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
from PySide6.QtCore import QEvent, QPointF, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QSizePolicy, QVBoxLayout, QWidget

from app.shell import theme
from app.widgets import kit
from app.widgets.chart.follow import Follower
from app.widgets.chart.lines import Line, weight_of
from app.widgets.chart.plot import Plot
from app.widgets.chart.readout import Readout, Row
from app.widgets.chart.strokes import FINE, Style
from app.widgets.legend import LegendRow

LOW = 170
"""Height of the design below which the legend has one line."""
READ_EVERY = 0.5  # seconds between two numbers in the legend: faster ones cannot be read


class CurvePlot(QWidget):
    """Curves over a shared x axis, readable at a million points.

    Setters: set_series(key, label, x, y, group='', dashed=False, colour=None, short=''), remove_series(key), clear(),
    set_smoothing(0..0.999), set_log_y(bool), set_ignore_outliers(bool), set_x_label(text), set_flags([(x, text)]),
    set_step(x | None) (silent), set_hidden(key, bool), highlight(key | None), set_live(bool), set_empty(title, hint),
    fit(). Getters: keys(), step(), flags(), plot (the painted part, for export), legend.
    `with together():` sets several series at the price of one.
    Series of one group share a colour; `short` is the name at the end of the line.
    Signals: step_picked(x) on a click or after dragging the step line, toggled(key, shown), hovered(x).
    Hands: drag a box to zoom, wheel zooms, double click or 0 fits, a click picks a step.
    """

    step_picked = Signal(float)
    toggled = Signal(str, bool)
    hovered = Signal(float)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._series: dict[str, Line] = {}
        self._weight, self._live = 0.0, True
        self._follower, self._follow, self._together = Follower(), True, False
        self._bright: str | None = None
        self._colours: dict[str, str] = {}
        self._read_at = 0.0
        self.legend = LegendRow()
        self.legend.toggled.connect(self._toggle)
        self.legend.pointed.connect(lambda key: self.highlight(key or None))
        self.plot = Plot()
        self.plot.picked.connect(lambda x: self.step_picked.emit(x) if self._series else None)
        self.plot.pointed.connect(self._read)
        self.plot.ranged.connect(self._zoomed)
        self.plot.fit_wished.connect(self.fit)
        self._tip = Readout(self.plot)
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(4)
        box.addWidget(self.legend)
        box.addWidget(self.plot, 1)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self._dress()

    # ---- data

    def set_series(
        self, key: str, label: str, x: np.ndarray, y: np.ndarray, group: str = "", dashed: bool = False,
        colour: str | None = None, short: str = "",
    ) -> None:  # fmt: skip
        """Show or replace one curve; NaN leaves a gap, and x may go back where training was rewound."""
        xs, ys = np.asarray(x, float), np.asarray(y)
        if xs.shape != ys.shape or xs.ndim != 1:
            raise ValueError(f"a curve needs x and y of one length; found {xs.shape} and {ys.shape}")
        line = self._series.get(key)
        if line is None:
            line = self._series[key] = Line(label, group or key)
            self._colours.clear()
        if (line.label, line.group, line.dashed, line.colour) != (label, group or key, dashed, colour):
            line.label, line.group, line.dashed, line.colour = label, group or key, dashed, colour
            self._colours.clear()
        line.short = short
        had, since = len(line.px), line.put(xs, ys)
        if not line.hidden and not (since is not None and had == len(line.px)):
            self.plot.grown(since)
        self._arrange()

    @contextmanager
    def together(self) -> Iterator[None]:
        """Within this, series are set or removed; at its end everything is arranged once."""
        self._together = True
        try:
            yield
        finally:
            self._together = False
            self._arrange()

    def remove_series(self, key: str) -> None:
        """Take one curve away."""
        if self._series.pop(key, None) is not None:
            self._colours.clear()
            self.legend.drop(key)
            self._arrange()

    def clear(self) -> None:
        """Take all curves and flags away."""
        with self.together():
            for key in list(self._series):
                self.remove_series(key)
        self.set_flags([])
        self._follow = True

    def keys(self) -> list[str]:
        """The curves there are."""
        return list(self._series)

    # ---- settings

    def set_smoothing(self, weight: float) -> None:
        """0 shows the raw values alone; 0.99 averages over about a hundred steps."""
        self._weight = float(np.clip(weight, 0.0, 0.999))
        self._arrange()

    def set_log_y(self, log: bool) -> None:
        """A logarithmic y axis; values at or below zero are not drawn on it."""
        if log != self._follower.log:
            self._follower.log, self._follow = bool(log), True
            self._range(exact=True)

    def set_ignore_outliers(self, ignore: bool) -> None:
        """Scale the y axis by the central 98 percent of the values."""
        self._follower.ignore_outliers = bool(ignore)
        self._range(exact=True)

    def set_x_label(self, text: str) -> None:
        """What x counts: step, examples, seconds."""
        self.plot.set_x_label(text)

    def set_empty(self, title: str, hint: str = "") -> None:
        """What to say while there is no curve."""
        self.plot.empty = (title, hint)
        self.plot.update()

    def set_flags(self, flags: Sequence[tuple[float, str]]) -> None:
        """Mark edits by upright lines with words."""
        self.plot.set_flags([(float(x), words) for x, words in flags])

    def flags(self) -> list[tuple[float, str]]:
        """The edits that are marked."""
        return list(self.plot.flags)

    def set_step(self, x: float | None) -> None:
        """Put the line of the shared step somewhere, without a signal; None hides it."""
        if not self.plot.dragging_step:
            self.plot.set_step(None if x is None else float(x))

    def step(self) -> float | None:
        """Where the line of the shared step stands; None while it is hidden."""
        return self.plot.step

    def set_hidden(self, key: str, hidden: bool) -> None:
        """Hide or show a curve without a signal."""
        if key in self._series:
            self._series[key].hidden = hidden
            self.legend.set_shown(key, not hidden)
            self._arrange(exact=True)

    def highlight(self, key: str | None) -> None:
        """Bring one curve forward and dim the others; None ends it."""
        bright = key if key in self._series else None
        if bright != self._bright:
            self._bright = bright
            self._arrange()

    def set_live(self, live: bool) -> None:
        """While live, lines are thin and plain, which is much faster to draw; at rest they are smooth."""
        if live != self._live:
            self._live = live
            self._arrange(exact=not live)

    def fit(self) -> None:
        """Show everything, and keep following what arrives."""
        self._follow = True
        self._range(exact=True)

    # ---- arranging

    def colour_of(self, key: str) -> str:
        """The colour of a curve as #rrggbb."""
        if not self._colours:
            groups = list(dict.fromkeys(line.group for line in self._series.values()))
            palette = theme.current().series
            self._colours = {
                k: line.colour or palette[groups.index(line.group) % len(palette)] for k, line in self._series.items()
            }
        return self._colours[key]

    def _style(self, key: str, line: Line) -> Style:
        return Style(
            colour=self.colour_of(key),
            weight=weight_of(line, self._series.values(), self._weight),
            dashed=line.dashed,
            dimmed=self._bright is not None and self._bright != key,
            bright=self._bright == key,
            fine=not self._live and len(line.py) <= FINE,
            hidden=line.hidden,
        )

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Where it is low, the words leave their room to the curves."""
        super().resizeEvent(event)
        self.legend.set_short(event.size().height() < theme.px(LOW))

    def _arrange(self, exact: bool = False) -> None:
        """Tell the chart and the legend how everything looks now."""
        if self._together:
            return
        self.plot.set_lines([(line, self._style(key, line)) for key, line in self._series.items()])
        self._range(exact)
        blank = not any(len(line.x) for line in self._series.values())
        if blank != self.plot.blank:  # axes without a curve would only carry meaningless numbers
            self.plot.blank = blank
            self.plot.update()
        now = time.monotonic()
        numbers = not self._live or now - self._read_at > READ_EVERY
        for key, line in self._series.items():
            if numbers or key not in self.legend.chips:
                last = line.last()
                words = "" if last is None else kit.number_text(last)
                self.legend.put(key, line.label, self.colour_of(key), "line", line.dashed, words)
        if numbers:
            self._read_at = now

    def _range(self, exact: bool = False) -> None:
        """Let the axes follow, unless a hand has moved them."""
        shown = [line for line in self._series.values() if not line.hidden and len(line.x)]
        if shown and self._follow:
            ends = self._follower.follow(self.plot.frame(), shown, self._live, exact)
            self.plot.set_range(*ends, self._follower.log)

    def _zoomed(self) -> None:
        self._follow = False
        self._read(None)

    def _dress(self) -> None:
        self._dressed = (theme.current().name, theme.scale())
        self._tip.dress()
        self._colours.clear()
        self._read_at = 0.0
        self.plot.redress()
        self._arrange()

    def changeEvent(self, event: QEvent) -> None:
        """Follow the theme and the text size."""
        super().changeEvent(event)
        # One change of theme arrives as several events; dressing once is enough.
        if event.type() in kit.RESTYLE and getattr(self, "_dressed", None) not in (
            None,
            (theme.current().name, theme.scale()),
        ):
            self._dress()

    # ---- hands

    def _toggle(self, key: str, shown: bool) -> None:
        self._series[key].hidden = not shown
        self._arrange(exact=True)
        self.toggled.emit(key, shown)

    def values_at(self, x: float) -> list[tuple[str, float, float, float]]:
        """Key, nearest x, raw value and smoothed value of each visible curve, the largest first."""
        found = []
        for key, line in self._series.items():
            if line.hidden or not len(line.px):
                continue
            i = line.nearest(x)
            raw, weight = float(line.py[i]), weight_of(line, self._series.values(), self._weight)
            soft = float(line.average(weight)[i]) if weight > 0 else raw
            found.append((key, float(line.px[i]), raw, soft))
        return sorted(found, key=lambda row: -row[3] if math.isfinite(row[3]) else math.inf)

    def _read(self, where: QPointF | None) -> None:
        x = self.plot.frame().x_at(where.x()) if where is not None else 0.0
        rows = self.values_at(x) if where is not None else []
        if where is None or not rows:
            self._tip.hide()
            self.plot.set_hair(None)
            return
        near = min((r[1] for r in rows), key=lambda v: abs(v - x))
        read = [Row(self._series[key].label, self.colour_of(key), soft, raw) for key, _at, raw, soft in rows]
        self._tip.show_at(where, f"{self.plot.x_label} {kit.number_text(near)}", read)
        self.plot.set_hair(near)
        self.hovered.emit(near)


def _demo() -> QWidget:
    rng = np.random.default_rng(0)
    w = CurvePlot()
    x = np.concatenate([np.arange(3000), np.arange(1800, 6000)])
    for k, (name, level) in enumerate((("reconstruction", 78.0), ("KL", 24.0), ("loss", 104.0))):
        y = level + (60 if k != 1 else -20) * np.exp(-x / 500) + rng.normal(0, 3 if k != 1 else 1, len(x))
        w.set_series(name, name, x, y, group=name)
    vx = np.arange(0, 6000, 200)
    w.set_series("val", "loss, validation", vx, 106 + 62 * np.exp(-vx / 500), group="loss", dashed=True, short="val")
    w.set_smoothing(0.95)
    w.set_flags([(1800.0, "lr 1e-3 → 3e-4"), (4000.0, "beta 1 → 2")])
    w.set_step(3300.0)
    w.set_live(False)
    return w


if __name__ == "__main__":
    import sys

    from app.widgets.demo import run

    sys.exit(run(_demo, (720, 420)))
