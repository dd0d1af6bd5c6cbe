"""A figure with axes, made of marks, with handles that one drags; painted as vectors at any size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFontMetricsF, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.shell import theme
from app.widgets import kit
from app.widgets.chart import axes
from app.widgets.chart.frame import Frame
from app.widgets.chart.ticks import Tick
from app.widgets.figuremarks import Colour, Line, Mark, paint_colour
from app.widgets.kept import Kept, Latest
from app.widgets.track import speed

REACH = 12.0
Range = tuple[float, float]
Row = list[tuple[str, Mark | None, float]]
"""One row of the head: words, the mark that they name, and where they begin."""


@dataclass(frozen=True)
class Handle:
    """A place that one drags: along "x", "y" or "xy". `name` is what screen readers say."""

    key: str
    x: float
    y: float
    colour: Colour = "accent"
    along: str = "xy"
    name: str = ""


class Figure(kit.Painted):
    """Axes with marks and handles.

    Setters: set_title(text), set_axes(x, y, x_range, y_range, log_x, log_y, equal, names, bare), set_marks(marks;
    later ones lie on top), set_handles(handles). Signals, all in units of the axes and inside them: moved(key, x, y)
    while a handle is dragged or moved by arrow keys, released(key, x, y), clicked(x, y), pressed_at(x, y) and
    painted_over(x, y) while the button is down beside any handle, pointed(x, y) (NaN when the pointer leaves).
    Hands: arrows move the handle with the ring, Tab goes to the next handle, Shift is finer, Ctrl coarser.
    """

    moved = Signal(str, float, float)
    released = Signal(str, float, float)
    clicked = Signal(float, float)
    pressed_at = Signal(float, float)
    painted_over = Signal(float, float)
    pointed = Signal(float, float)

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(name)
        self.setMouseTracking(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(120, 90)
        self._title, self._x_label, self._y_label = "", "", ""
        self._ranges: tuple[Range | None, Range | None] = (None, None)
        self._log, self._equal, self._bare = (False, False), False, False
        self._names: tuple[str, ...] = ()
        self._marks: tuple[Mark, ...] = ()
        self._handles: tuple[Handle, ...] = ()
        self._held = self._current = ""
        self._clicking = False
        self._head, self._framed = Latest[list[Row]](), Latest[Frame]()
        self._ground = Kept(opaque=True)

    # ---- setters

    def set_title(self, text: str) -> None:
        """The words on top."""
        self._title = text
        self.update()

    def set_axes(
        self, x: str = "", y: str = "", x_range: Range | None = None, y_range: Range | None = None, log_x: bool = False,
        log_y: bool = False, equal: bool = False, names: Sequence[str] = (), bare: bool = False,
    ) -> None:  # fmt: skip
        """Name the axes and say what they show; a range of None fits the marks. `equal` gives both the same unit.

        `names` stand at 0, 1, 2... on the lower axis instead of numbers; `bare` draws no axes at all.
        """
        self._x_label, self._y_label, self._ranges = x, y, (x_range, y_range)
        self._log, self._equal, self._names, self._bare = (log_x, log_y), equal, tuple(names), bare
        self.update()

    def set_marks(self, marks: Sequence[Mark]) -> None:
        """Draw other marks."""
        self._marks = tuple(marks)
        self.update()

    def set_handles(self, handles: Sequence[Handle]) -> None:
        """Other handles; the one in the hand stays where the hand is."""
        held = {h.key: h for h in self._handles if h.key == self._held}
        self._handles = tuple(held.get(h.key, h) for h in handles)
        if self._handles and self._current not in {h.key for h in self._handles}:
            self._current = self._handles[0].key
        self.update()

    def marks(self) -> tuple[Mark, ...]:
        """What is drawn."""
        return self._marks

    def handles(self) -> tuple[Handle, ...]:
        """What can be dragged."""
        return self._handles

    def place_of(self, x: float, y: float) -> QPointF:
        """The pixel at which a place of the axes is drawn."""
        f = self.frame()
        return QPointF(f.px(x), f.py(y))

    # ---- geometry

    def sizeHint(self) -> QSize:
        """Room for a figure that can be read."""
        return QSize(theme.px(340), theme.px(240))

    def frame(self) -> Frame:
        """Where the axes lie and what they show."""
        span, head = self._span(), self._head_height()
        key = (span, head, self.size(), self.devicePixelRatioF(), theme.scale(), self._log, self._equal, self._bare)
        return self._framed.of(key, lambda: self._make_frame(span, head))

    def _make_frame(self, span: tuple[Range, Range], head: float) -> Frame:
        if self._bare:
            f = Frame(2, head + 2, self.width() - 2, self.height() - 2)
        else:
            f = Frame(theme.px(44), head + theme.px(4), self.width() - theme.px(10), self.height() - theme.px(22))
        f = replace(f, right=max(f.right, f.left + 10), bottom=max(f.bottom, f.top + 10), log=self._log[1])
        f = replace(f, log_x=self._log[0], dpr=self.devicePixelRatioF())
        (x0, x1), (y0, y1) = span
        f = replace(f, x0=x0, x1=x1, y0=y0, y1=y1)
        if not self._bare:
            f = replace(f, left=float(axes.margin(f)))
        return _equal(f) if self._equal else f

    def _span(self) -> tuple[Range, Range]:
        boxes = [b for b in (mark.box() for mark in self._marks) if b is not None]
        made: list[Range] = []
        for at, (given, log) in enumerate(zip(self._ranges, self._log, strict=True)):
            if given is None and boxes:
                lo, hi = min(b[2 * at] for b in boxes), max(b[2 * at + 1] for b in boxes)
                given = (lo, hi) if at == 0 or log else _rounded(lo, hi)
            lo, hi = given or (0.0, 1.0)
            if log:
                top = hi if hi > 0 else 1.0
                lo, hi = float(np.log10(lo if lo > 0 else top * 1e-3)), float(np.log10(top))
            made.append((lo, hi) if hi > lo else (lo - 0.5, lo + 0.5))
        return made[0], made[1]

    # ---- painting

    def _named(self) -> list[Mark]:
        return list({mark.name: mark for mark in reversed(self._marks) if mark.name}.values())[::-1]

    def _rows(self) -> list[Row]:
        """Title, name of the upright axis and legend in as many rows as they need."""
        legend = tuple((mark.name, mark.colour, mark.dashed) for mark in self._named())
        key = (self._title, self._y_label, self._bare, legend, self.width(), theme.scale())
        return self._head.of(key, self._make_rows)

    def _make_rows(self) -> list[Row]:
        words: list[tuple[str, Mark | None]] = []
        if self._title:
            words.append((self._title, None))
        if self._y_label and not self._bare:
            words.append((self._y_label, None))
        words += [(mark.name, mark) for mark in self._named()]
        rows: list[Row] = [[]]
        left, margin = float(theme.px(6)), theme.px(14)
        for at, (text, mark) in enumerate(words):
            bold = at == 0 and bool(self._title)
            wide = QFontMetricsF(theme.ui_font(-0.5, bold=bold)).horizontalAdvance(text)
            wide += theme.px(18) if mark is not None else 0
            if rows[-1] and left + wide > self.width() - theme.px(4):
                rows.append([])
                left = float(theme.px(6))
            rows[-1].append((text, mark, left))
            left += wide + margin
        return rows if words else []

    def _head_height(self) -> float:
        return len(self._rows()) * theme.px(19) + (theme.px(2) if self._rows() else 0)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Ground, axes, marks, handles, and the words on top."""
        p = QPainter(self)
        p.setRenderHint(QPainter.RenderHint.Antialiasing)
        f = self.frame()
        t = theme.current()
        size = QRectF(0, 0, self.width(), self.height())
        if not self._marks:
            p.fillRect(size, QColor(t.base))
            kit.paint_empty(p, self.rect(), *self._empty)
            return
        key = (f, self._head.key, self._x_label, self._names, t.name)
        self._ground.draw(p, self, key, lambda painter: self._paint_ground(painter, f))
        p.save()
        p.setClipRect(f.rect)
        for mark in self._marks:
            mark.paint(p, f)
        p.restore()
        self._paint_handles(p, f)
        if self.show_ring and not self._handles:
            kit.paint_focus(p, size)

    def _paint_ground(self, p: QPainter, f: Frame) -> None:
        size = QRectF(0, 0, self.width(), self.height())
        if self._bare:
            p.fillRect(size, QColor(theme.current().base))
        else:
            across = [Tick(float(i), name) for i, name in enumerate(self._names)] if self._names else None
            p.setRenderHint(QPainter.RenderHint.Antialiasing, False)
            axes.paint(p, f, size, self._x_label, across)
            p.setRenderHint(QPainter.RenderHint.Antialiasing)
        self._paint_head(p)

    def _paint_head(self, p: QPainter) -> None:
        high = theme.px(19)
        for row, words in enumerate(self._rows()):
            middle = row * high + high / 2
            for at, (text, mark, start) in enumerate(words):
                left = start
                if mark is not None:
                    style = Qt.PenStyle.DotLine if mark.dashed else Qt.PenStyle.SolidLine
                    p.setPen(QPen(paint_colour(mark.colour), 3, style, Qt.PenCapStyle.FlatCap))
                    p.drawLine(QPointF(left, middle), QPointF(left + theme.px(12), middle))
                    left += theme.px(18)
                bold = row == 0 and at == 0 and bool(self._title)
                p.setFont(theme.ui_font(-0.5, bold=bold))
                p.setPen(paint_colour("text" if bold or mark is not None else "muted"))
                p.drawText(QRectF(left, row * high, self.width(), high), Qt.AlignmentFlag.AlignVCenter, text)

    def _paint_handles(self, p: QPainter, f: Frame) -> None:
        for handle in self._handles:
            at = self._spot(handle, f)
            side = theme.px(6)
            colour = paint_colour(handle.colour)
            p.setPen(QPen(QColor(theme.current().base), 2))
            p.setBrush(colour)
            p.drawEllipse(at, side, side)
            if self.show_ring and handle.key == self._current:
                p.setPen(QPen(paint_colour("accent"), 1.6))
                p.setBrush(Qt.BrushStyle.NoBrush)
                p.drawEllipse(at, side + 3, side + 3)
        p.setBrush(Qt.BrushStyle.NoBrush)

    def _spot(self, handle: Handle, f: Frame) -> QPointF:
        x = float(f.lift_x(np.array([handle.x]))[0])
        y = float(f.lift(np.array([handle.y]))[0])
        x, y = (v if np.isfinite(v) else lo for v, lo in ((x, f.x0), (y, f.y0)))
        return QPointF(min(max(f.px(x), f.left), f.right), min(max(f.py(y), f.top), f.bottom))

    # ---- hands

    def _value(self, at: QPointF) -> tuple[float, float]:
        f = self.frame()
        x, y = f.x_at(min(max(at.x(), f.left), f.right)), f.y_at(min(max(at.y(), f.top), f.bottom))
        return (10.0**x if f.log_x else x), (10.0**y if f.log else y)

    def _near(self, at: QPointF) -> Handle | None:
        f, reach = self.frame(), theme.px(REACH)
        spots = [(QPointF(self._spot(h, f) - at), h) for h in self._handles]
        near = [
            (d.x() ** 2 + d.y() ** 2, i, h) for i, (d, h) in enumerate(spots) if abs(d.x()) + abs(d.y()) < 2 * reach
        ]
        best = min(near, default=None, key=lambda found: (found[0], -found[1]))
        return best[2] if best is not None and best[0] <= reach**2 else None

    def _move(self, key: str, x: float, y: float) -> None:
        moved = next(h for h in self._handles if h.key == key)
        new = replace(moved, x=x if "x" in moved.along else moved.x, y=y if "y" in moved.along else moved.y)
        self._handles = tuple(new if h.key == key else h for h in self._handles)
        self.update()
        self.moved.emit(key, new.x, new.y)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Take the handle under the pointer, else begin a click or a stroke."""
        if event.button() != Qt.MouseButton.LeftButton:
            return
        found = self._near(event.position())
        if found is not None:
            self._held = self._current = found.key
            self.update()
        else:
            self._clicking = True
            self.pressed_at.emit(*self._value(event.position()))

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Drag the handle, or go on with the stroke."""
        if self._held:
            self._move(self._held, *self._value(event.position()))
            return
        if self._clicking:
            self.painted_over.emit(*self._value(event.position()))
        shape = Qt.CursorShape.SizeAllCursor if self._near(event.position()) else Qt.CursorShape.ArrowCursor
        self.setCursor(shape)
        self.pointed.emit(*self._value(event.position()))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Let go."""
        if self._held:
            key, self._held = self._held, ""
            done = next(h for h in self._handles if h.key == key)
            self.released.emit(key, done.x, done.y)
        elif self._clicking:
            self.clicked.emit(*self._value(event.position()))
        self._clicking = False

    def leaveEvent(self, event: QEvent) -> None:
        """Nothing is pointed at any more."""
        super().leaveEvent(event)
        self.pointed.emit(float("nan"), float("nan"))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Arrows move the current handle by a hundredth of the axes."""
        steps = {Qt.Key.Key_Left: (-1, 0), Qt.Key.Key_Right: (1, 0), Qt.Key.Key_Down: (0, -1), Qt.Key.Key_Up: (0, 1)}
        step = steps.get(Qt.Key(event.key()))
        current = next((h for h in self._handles if h.key == self._current), None)
        if step is None or current is None:
            super().keyPressEvent(event)
            return
        f, far = self.frame(), 0.01 * speed(event.modifiers())
        x = float(f.lift_x(np.array([current.x]))[0]) + step[0] * far * (f.x1 - f.x0)
        y = float(f.lift(np.array([current.y]))[0]) + step[1] * far * (f.y1 - f.y0)
        x, y = min(max(x, f.x0), f.x1), min(max(y, f.y0), f.y1)
        self._move(current.key, 10.0**x if f.log_x else x, 10.0**y if f.log else y)
        done = next(h for h in self._handles if h.key == current.key)
        self.released.emit(done.key, done.x, done.y)

    def focusNextPrevChild(self, next: bool) -> bool:
        """Tab goes through the handles before it goes on."""
        keys = [h.key for h in self._handles]
        at = keys.index(self._current) + (1 if next else -1) if self._current in keys else -1
        if self.hasFocus() and 0 <= at < len(keys):
            self._current, self.show_ring = keys[at], True
            self.update()
            return True
        return super().focusNextPrevChild(next)


def _equal(f: Frame) -> Frame:
    """The same middle with the same unit along both axes; the range that is too small grows."""
    unit = min(f.wide, f.high)
    half_x, half_y = (f.right - f.left) / unit / 2, (f.bottom - f.top) / unit / 2
    x, y = (f.x0 + f.x1) / 2, (f.y0 + f.y1) / 2
    return replace(f, x0=x - half_x, x1=x + half_x, y0=y - half_y, y1=y + half_y)


def _rounded(lo: float, hi: float) -> Range:
    """A little more room above and below, in round steps, so that axes do not tremble while one drags."""
    if hi <= lo:
        return lo - 0.5, lo + 0.5
    step = kit.nice_step((hi - lo) / 6)
    low = lo if lo == 0 else np.floor(lo / step - 0.2) * step
    return float(low), float(np.ceil(hi / step + 0.2) * step)


def _demo() -> QWidget:
    x = np.linspace(-4, 4, 300)
    w = Figure("Two densities")
    w.set_title("Two densities")
    w.set_axes("x", "density", (-4, 4), (0, 0.6))
    p, q = (np.exp(-((x - m) ** 2) / 2 / s**2) / s / 2.5066 for m, s in ((-1, 0.8), (1, 1.2)))
    w.set_marks([Line(x, p, fill=True, name="p", colour=0), Line(x, q, fill=True, name="q", colour=1)])
    w.set_handles([Handle("p", -1, 0.5, 0, "x", "Mean of p"), Handle("q", 1, 0.33, 1, "x", "Mean of q")])
    return w


if __name__ == "__main__":
    import sys

    from app.widgets.demo import run

    sys.exit(run(_demo, (520, 340)))
