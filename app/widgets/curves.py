"""Live curves: every step is drawn, the smoothed line in front of the raw one, and a click goes to that step."""

from __future__ import annotations

import html
import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QEvent, QPointF, QRectF, Qt, QTimer, Signal
from PySide6.QtGui import QMouseEvent, QPainter
from PySide6.QtWidgets import QLabel, QSizePolicy, QVBoxLayout, QWidget

from app.shell import theme
from app.widgets import kit, series
from app.widgets.legend import LegendRow
from app.widgets.plotstyle import pen, recolour_plot

STRIDE = 0.06  # share of its length by which the x axis runs ahead of a growing curve
FEW = 10  # below this many points a smoothed line would only mislead


@dataclass
class _Series:
    label: str
    group: str
    dashed: bool
    colour: str | None
    x: np.ndarray = field(default_factory=lambda: np.empty(0))
    y: np.ndarray = field(default_factory=lambda: np.empty(0))
    hidden: bool = False
    px: np.ndarray = field(default_factory=lambda: np.empty(0))  # the points that lead to the present
    py: np.ndarray = field(default_factory=lambda: np.empty(0))
    given_up: list[slice] = field(default_factory=list)
    items: list[tuple[Any, Any]] = field(default_factory=list)  # raw and smooth line of each stretch
    smoothers: list[series.Smoother] = field(default_factory=list)


class _Plot(pg.PlotWidget):  # type: ignore[misc]
    """The plot itself; says in its middle what will appear while there is nothing."""

    empty = ("No curves yet", "Press Train and the loss appears here, step by step.")
    blank = True

    def drawForeground(self, painter: QPainter, rect: QRectF) -> None:
        super().drawForeground(painter, rect)
        if self.blank:
            painter.save()
            painter.resetTransform()
            kit.paint_empty(painter, self.viewport().rect(), *self.empty, icon="chart")
            painter.restore()


class CurvePlot(QWidget):
    """Curves over a shared x axis, readable at a million points.

    Setters: set_series(key, label, x, y, group='', dashed=False, colour=None), remove_series(key), clear(),
    set_smoothing(0..0.999), set_log_y(bool), set_ignore_outliers(bool), set_x_label(text), set_flags([(x, text)]),
    set_step(x | None) (silent), set_hidden(key, bool), highlight(key | None), set_live(bool), set_empty(title, hint),
    fit(). Getters: keys(), plot (the pyqtgraph widget, for export), legend. Series of one group share a colour.
    Signals: step_picked(x) on a click or after dragging the step line, toggled(key, shown), hovered(x).
    Hands: drag a box to zoom, wheel zooms, double click or 0 fits, a click picks a step.
    """

    step_picked = Signal(float)
    toggled = Signal(str, bool)
    hovered = Signal(float)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._series: dict[str, _Series] = {}
        self._late = QTimer(self)  # a zoom thins anew, once per event round
        self._late.setSingleShot(True)
        self._late.setInterval(0)
        self._late.timeout.connect(self._thin)
        self._weight, self._log, self._ignore, self._live = 0.0, False, False, True
        self._follow = True
        self._bright: str | None = None
        self._flags: list[tuple[Any, str]] = []
        self.legend = LegendRow()
        self.legend.toggled.connect(self._toggle)
        self.legend.pointed.connect(lambda key: self.highlight(key or None))
        self.plot = _Plot()
        self.plot.setAccessibleName("Curves")
        self.plot.setMinimumHeight(120)
        self.plot.setMenuEnabled(False)
        self.plot.hideButtons()
        self.plot.setFrameShape(self.plot.Shape.NoFrame)
        self.plot.viewport().installEventFilter(self)
        self._item = self.plot.getPlotItem()
        self._item.getAxis("left").enableAutoSIPrefix(False)
        self._item.getAxis("bottom").enableAutoSIPrefix(False)
        self._view = self._item.getViewBox()
        self._view.setMouseMode(pg.ViewBox.RectMode)
        self._view.disableAutoRange()
        self._view.sigRangeChangedManually.connect(self._zoomed)
        self._view.setDefaultPadding(0)
        self._view.sigXRangeChanged.connect(lambda *_: self._late.start())
        self._view.sigResized.connect(lambda *_: self._late.start())
        self._step = pg.InfiniteLine(angle=90, movable=True)
        self._step.setZValue(50)
        self._step.setVisible(False)
        self._step.sigPositionChangeFinished.connect(lambda line: self.step_picked.emit(float(line.value())))
        self._hair = pg.InfiniteLine(angle=90, movable=False)
        self._hair.setVisible(False)
        self._item.addItem(self._step, ignoreBounds=True)
        self._item.addItem(self._hair, ignoreBounds=True)
        self._tip = QLabel(self.plot)
        self._tip.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self._tip.setTextFormat(Qt.TextFormat.RichText)
        self._tip.hide()
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(4)
        box.addWidget(self.legend)
        box.addWidget(self.plot, 1)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self._press: QPointF | None = None
        self.set_x_label("step")
        self._dress()

    # data

    def set_series(
        self, key: str, label: str, x: np.ndarray, y: np.ndarray, group: str = "", dashed: bool = False,
        colour: str | None = None,
    ) -> None:  # fmt: skip
        """Show or replace one curve; NaN leaves a gap, and x may go back where training was rewound."""
        xs, ys = np.asarray(x, float), np.asarray(y, float)
        if xs.shape != ys.shape or xs.ndim != 1:
            raise ValueError(f"a curve needs x and y of one length; found {xs.shape} and {ys.shape}")
        s = self._series.get(key)
        if s is None:
            s = self._series[key] = _Series(label, group or key, dashed, colour)
        s.label, s.group, s.dashed, s.colour, s.x, s.y = label, group or key, dashed, colour, xs, ys
        present, s.given_up = series.lineage(xs)
        s.px, s.py = xs[present], ys[present]
        self._range()
        self._draw(key)
        if self.plot.blank == bool(len(xs)):
            self._blank()
            self.plot.viewport().update()

    def remove_series(self, key: str) -> None:
        """Take one curve away."""
        s = self._series.pop(key, None)
        if s is not None:
            for pair in s.items:
                for item in pair:
                    self._item.removeItem(item)
            self.legend.drop(key)
            self._redraw()

    def clear(self) -> None:
        """Take all curves and flags away."""
        for key in list(self._series):
            self.remove_series(key)
        self.set_flags([])
        self._follow = True

    def keys(self) -> list[str]:
        """The curves there are."""
        return list(self._series)

    # settings

    def set_smoothing(self, weight: float) -> None:
        """0 shows the raw values alone; 0.99 averages over about a hundred steps."""
        self._weight = float(np.clip(weight, 0.0, 0.999))
        self._redraw()

    def set_log_y(self, log: bool) -> None:
        """A logarithmic y axis; values at or below zero are not drawn on it."""
        self._log = bool(log)
        self._item.setLogMode(x=False, y=self._log)
        self._redraw()

    def set_ignore_outliers(self, ignore: bool) -> None:
        """Scale the y axis by the central 98 percent of the values."""
        self._ignore = bool(ignore)
        self._range()

    def set_x_label(self, text: str) -> None:
        """What x counts: step, examples, seconds."""
        self._x_label = text
        self._item.setLabel("bottom", text)

    def set_empty(self, title: str, hint: str = "") -> None:
        """What to say while there is no curve."""
        self.plot.empty = (title, hint)
        self.plot.viewport().update()

    def set_flags(self, flags: Sequence[tuple[float, str]]) -> None:
        """Mark edits by upright lines with words."""
        for line, _ in self._flags:
            self._item.removeItem(line)
        self._flags = []
        t = theme.current()
        for i, (x, text) in enumerate(flags):
            options = {
                "position": 0.92 - 0.08 * (i % 3),
                "color": t.text,
                "anchors": [(0, 0.5), (0, 0.5)],
                "fill": theme.color(t.base, 200),
            }
            line = pg.InfiniteLine(
                pos=float(x), angle=90, pen=pen(t.warn, 1, 200, dashed=True), label=text, labelOpts=options
            )
            line.label.setFont(theme.ui_font(-1.5))
            line.setZValue(20)
            self._item.addItem(line, ignoreBounds=True)
            self._flags.append((line, text))

    def set_step(self, x: float | None) -> None:
        """Put the line of the shared step somewhere, without a signal; None hides it."""
        self._step.setVisible(x is not None)
        if x is not None and not self._step.moving:
            self._step.setValue(float(x))

    def set_hidden(self, key: str, hidden: bool) -> None:
        """Hide or show a curve without a signal."""
        if key in self._series:
            self._series[key].hidden = hidden
            self.legend.set_shown(key, not hidden)
            self._range()
            self._draw(key)

    def highlight(self, key: str | None) -> None:
        """Bring one curve forward and dim the others; None ends it."""
        if key != self._bright:
            self._bright = key if key in self._series else None
            self._redraw(data=False)

    def set_live(self, live: bool) -> None:
        """While live, lines are thin and plain, which is five times faster to draw; at rest they are smooth."""
        if live != self._live:
            self._live = live
            self._redraw()

    def fit(self) -> None:
        """Show everything, and keep following what arrives."""
        self._follow = True
        self._range()

    # drawing

    def colour_of(self, key: str) -> str:
        """The colour of a curve as #rrggbb."""
        s = self._series[key]
        if s.colour:
            return s.colour
        groups = list(dict.fromkeys(v.group for v in self._series.values()))
        palette = theme.current().series
        return palette[groups.index(s.group) % len(palette)]

    def _effective_weight(self, s: _Series) -> float:
        # The weight counts steps of the densest curve: a validation point every 200 steps is hardly smoothed at all.
        gaps = {id(v): (v.px[-1] - v.px[0]) / (len(v.px) - 1) for v in self._series.values() if len(v.px) > 1}
        gap = gaps.get(id(s), 0.0)
        if len(s.px) < FEW or gap <= 0:
            return 0.0
        weight = self._weight ** (gap / min(g for g in gaps.values() if g > 0))
        return float(weight) if weight > 0.05 else 0.0

    def _draw(self, key: str, data: bool = True) -> None:
        s = self._series[key]
        stretches = [(s.px, s.py), *((s.x[cut], s.y[cut]) for cut in s.given_up)]
        while len(s.items) < len(stretches):
            pair = (pg.PlotDataItem(), pg.PlotDataItem())
            for item in pair:
                self._item.addItem(item, ignoreBounds=True)
            s.items.append(pair)
            s.smoothers.append(series.Smoother())
            data = True
        while len(s.items) > len(stretches):
            for item in s.items.pop():
                self._item.removeItem(item)
            s.smoothers.pop()
        colour, weight = self.colour_of(key), self._effective_weight(s)
        dim = self._bright is not None and self._bright != key
        for k, ((x, y), (raw, smooth)) in enumerate(zip(stretches, s.items, strict=True)):
            smoothed = weight > 0 and len(y) >= FEW
            alpha = (60 if dim else 255) // (3 if k else 1)  # what was given up stays visible, but pale
            fine = not self._live and len(y) <= 20_000
            width = 1.8 if fine else 1.0
            # A dotted raw line behind its own mean is unreadable, and dashes cost ten times a plain line.
            dashed = s.dashed and len(y) <= 2000
            faint = alpha * 2 // 7 if smoothed else alpha
            raw.setPen(pen(colour, 1.0 if smoothed else width, faint, dashed and not smoothed))
            smooth.setPen(pen(colour, width, alpha, dashed))
            for item, shown, z in ((raw, True, 1), (smooth, smoothed, 5)):
                item.setVisible(shown and not s.hidden)
                item.setZValue(z - k + (10 if self._bright == key else 0))
                item.opts["antialias"] = fine
            if data and not s.hidden:
                # Drawing costs by the point, so we thin to the pixels shown (pyqtgraph can, but misses range changes).
                (x0, x1), columns = self._view.viewRange()[0], max(100, int(self._view.width()))
                raw.setData(*series.decimate(x, y, x0, x1, columns))
                if smoothed:
                    smooth.setData(*series.decimate(x, s.smoothers[k](y, weight), x0, x1, columns))
        tail = s.py[-64:][np.isfinite(s.py[-64:])]
        self.legend.put(key, s.label, colour, "line", s.dashed, kit.number_text(float(tail[-1])) if len(tail) else "")

    def _redraw(self, data: bool = True) -> None:
        if data:
            self._range()
        for key in self._series:
            self._draw(key, data)
        self._blank()
        self.plot.viewport().update()

    def _range(self) -> None:
        shown = [s for s in self._series.values() if not s.hidden and len(s.x)]
        if not shown or not self._follow:
            return
        ends = np.array(
            [(s.px[0], s.px[-1]) for s in shown] + [(s.x[c][0], s.x[c][-1]) for s in shown for c in s.given_up]
        )
        x0, x1 = float(np.nanmin(ends)), float(np.nanmax(ends))
        span = series.value_range([series.sample(s.y) for s in shown], self._ignore, self._log)
        margin = (x1 - x0) * 0.01 or 1.0
        (left, right), (low, high) = self._view.viewRange()
        # Painting axes costs more than all curves, so while training goes on they move in strides, not at each step.
        near = self._live and abs(left - (x0 - margin)) < margin and x1 + margin <= right < x1 + (x1 - x0) * STRIDE
        if not near:
            ahead = (x1 - x0) * STRIDE * 0.9 if self._live else margin
            self._view.setXRange(x0 - margin, x1 + ahead, padding=0)
        if span is None:
            return
        fits = low <= span[0] and span[1] <= high and span[1] - span[0] > (1 - 3 * STRIDE) * (high - low)
        if not (self._live and fits):
            self._view.setYRange(*span, padding=0)

    def _blank(self) -> None:
        # Axes without a curve would only carry meaningless numbers.
        blank = not any(len(v.x) for v in self._series.values())
        self.plot.blank = blank
        for name in ("left", "bottom"):
            self._item.getAxis(name).setVisible(not blank)

    def _thin(self) -> None:
        for key, s in self._series.items():
            if not s.hidden and len(s.x) > 400:
                self._draw(key)

    def _zoomed(self, *_: object) -> None:
        self._follow = False

    def _dress(self) -> None:
        t = theme.current()
        self._dressed = (t.name, theme.scale())
        recolour_plot(self.plot, t)
        self._step.setPen(pen(t.accent, 1.5))
        self._step.setHoverPen(pen(t.accent, 3))
        self._hair.setPen(pen(t.muted, 1, 120))
        self._view.rbScaleBox.setPen(pen(t.accent, 1))
        self._view.rbScaleBox.setBrush(theme.color(t.accent, 40))
        self._tip.setStyleSheet(
            f"background: {t.raised}; color: {t.text}; border: 1px solid {t.border}; border-radius: 4px; padding: 6px;"
        )
        self.set_flags([(float(line.value()), text) for line, text in self._flags])
        self._redraw(data=False)

    def changeEvent(self, event: QEvent) -> None:
        """Follow the theme and the text size."""
        super().changeEvent(event)
        # One change of theme arrives as several events; dressing once is enough.
        if event.type() in kit.RESTYLE and getattr(self, "_dressed", None) not in (
            None,
            (theme.current().name, theme.scale()),
        ):
            self._dress()

    # hands

    def _toggle(self, key: str, shown: bool) -> None:
        self._series[key].hidden = not shown
        self._range()
        self._draw(key)
        self.toggled.emit(key, shown)

    def _x_at(self, where: QPointF) -> float | None:
        scene = self.plot.mapToScene(where.toPoint())
        if not self._view.sceneBoundingRect().contains(scene):
            return None
        return float(self._view.mapSceneToView(scene).x())

    def eventFilter(self, _watched: object, event: QEvent) -> bool:
        """Clicks pick a step, a double click fits, the pointer reads values."""
        kind = event.type()
        if isinstance(event, QMouseEvent):
            if kind == QEvent.Type.MouseButtonDblClick:
                self.fit()
                return True
            if kind == QEvent.Type.MouseButtonPress and event.button() == Qt.MouseButton.LeftButton:
                self._press = event.position()
            elif kind == QEvent.Type.MouseButtonRelease and self._press is not None:
                still = (event.position() - self._press).manhattanLength() <= 3
                self._press = None
                x = self._x_at(event.position())
                if still and x is not None and self._series and not self._step.mouseHovering:
                    self.step_picked.emit(x)
            elif kind == QEvent.Type.MouseMove and self._press is None:
                self._read(event.position())
        elif kind == QEvent.Type.Leave:
            self._tip.hide()
            self._hair.setVisible(False)
        return False

    def values_at(self, x: float) -> list[tuple[str, float, float, float]]:
        """Key, nearest x, raw value and smoothed value of each visible curve, the largest first."""
        found = []
        for key, s in self._series.items():
            n = len(s.px)
            if s.hidden or not n:
                continue
            i = int(np.searchsorted(s.px, x))
            i = min(n - 1, i if i == 0 or (i < n and s.px[i] - x < x - s.px[i - 1]) else i - 1)
            raw, weight = float(s.py[i]), self._effective_weight(s)
            soft = float(s.smoothers[0](s.py, weight)[i]) if weight > 0 else raw
            found.append((key, float(s.px[i]), raw, soft))
        return sorted(found, key=lambda row: -row[3] if math.isfinite(row[3]) else math.inf)

    def _read(self, where: QPointF) -> None:
        x = self._x_at(where)
        rows = self.values_at(x) if x is not None else []
        if x is None or not rows:
            self._tip.hide()
            self._hair.setVisible(False)
            return
        near = min((r[1] for r in rows), key=lambda v: abs(v - x))
        muted = theme.current().muted
        lines = [f"<span style='color:{muted}'>{html.escape(self._x_label)} {kit.number_text(near)}</span>"]
        for key, _at, raw, soft in itertools.islice(rows, 12):
            both = f" <span style='color:{muted}'>({kit.number_text(raw)})</span>" if soft != raw else ""
            name = html.escape(self._series[key].label)
            lines.append(
                f"<span style='color:{self.colour_of(key)}'>■</span> {name} <b>{kit.number_text(soft)}</b>{both}"
            )
        self._tip.setText("<br>".join(lines))
        self._tip.adjustSize()
        right = where.x() + 16 + self._tip.width() < self.plot.width()
        y = min(max(4, int(where.y()) - self._tip.height() // 2), max(4, self.plot.height() - self._tip.height() - 4))
        self._tip.move(int(where.x()) + 16 if right else int(where.x()) - 16 - self._tip.width(), y)
        self._tip.show()
        self._hair.setValue(near)
        self._hair.setVisible(True)
        self.hovered.emit(near)


def _demo() -> QWidget:
    rng = np.random.default_rng(0)
    w = CurvePlot()
    x = np.concatenate([np.arange(3000), np.arange(1800, 6000)])
    for k, (name, level) in enumerate((("reconstruction", 78.0), ("KL", 24.0), ("loss", 104.0))):
        y = level + (60 if k != 1 else -20) * np.exp(-x / 500) + rng.normal(0, 3 if k != 1 else 1, len(x))
        w.set_series(name, name, x, y, group=name)
    vx = np.arange(0, 6000, 200)
    w.set_series("val", "loss, validation", vx, 106 + 62 * np.exp(-vx / 500), group="loss", dashed=True)
    w.set_smoothing(0.95)
    w.set_flags([(1800.0, "lr 1e-3 → 3e-4"), (4000.0, "beta 1 → 2")])
    w.set_step(3300.0)
    w.set_live(False)
    return w


if __name__ == "__main__":
    import sys

    from app.widgets.demo import run

    sys.exit(run(_demo, (720, 420)))
