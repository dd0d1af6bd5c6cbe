"""The part of a chart that is painted: ground and lines are kept as pictures, and only new columns are painted anew."""

from __future__ import annotations

import time
from dataclasses import replace

from PySide6.QtCore import QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPaintEngine, QPainter, QPaintEvent, QPen, QPixmap, QResizeEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.shell import theme
from app.widgets import kit
from app.widgets.chart import axes, over, strokes
from app.widgets.chart.frame import Frame
from app.widgets.chart.lines import Line
from app.widgets.chart.strokes import Style
from app.widgets.chart.trace import NEVER

ROOM_FOR_NAMES = 380  # a plot narrower than this has no names at its lines


class Canvas(kit.Painted):
    """Axes, lines, names at their ends, flags and the line of the shared step.

    Setters: set_range(x0, x1, y0, y1, log), set_x_label(text), set_flags, set_step(x | None), set_hair(x | None),
    set_box(QRectF | None), set_empty, set_lines(pairs of Line and Style), grown(since x). Getter: frame().
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.empty = ("No curves yet", "Press Train and the loss appears here, step by step.")
        self.blank = True
        self.x_label = "step"
        self.flags: list[tuple[float, str]] = []
        self.step: float | None = None
        self.hair: float | None = None
        self.box: QRectF | None = None
        self._lines: list[tuple[Line, Style]] = []
        self._names: list[tuple[Line, Style]] = []
        self._named: over.Names = ()  # those of them that find room
        self._range = Frame(0, 0, 1, 1)
        self._frame: Frame | None = None
        self._ground: QPixmap | None = None
        self._ink: QPixmap | None = None
        self._ground_key: tuple[object, ...] = ()
        self._since = NEVER  # everything left of this pixel in the ink is as it should be
        self._names_end = 0.0
        self.cost = 0.0  # seconds of this thread for one painting, averaged over the last few
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setMouseTracking(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumHeight(theme.px(110))

    def sizeHint(self) -> QSize:
        """A comfortable size."""
        return QSize(480, 260)

    # ---- what is shown

    def set_range(self, x0: float, x1: float, y0: float, y1: float, log: bool) -> None:
        """The ends of both axes; y in log10 where the axis is logarithmic. What cannot be drawn is passed over."""
        new = replace(self._range, x0=float(x0), x1=float(x1), y0=float(y0), y1=float(y1), log=log)
        if new != self._range and new.sane():
            self._range = new
            self._frame = None
            self.update()

    def set_lines(self, lines: list[tuple[Line, Style]]) -> None:
        """Which lines there are and how they look; nothing is painted anew where nothing has changed."""
        if [(id(a), b) for a, b in lines] != [(id(a), b) for a, b in self._lines]:
            self._since = NEVER
            self.update()
        self._lines = lines
        names = [(line, style) for line, style in lines if not style.hidden and len(line.px)]
        if [(id(a), b) for a, b in names] != [(id(a), b) for a, b in self._names]:
            self._names = names
            self._frame = None

    def grown(self, since: float | None) -> None:
        """A line has new points from this x on; None: it is another line altogether."""
        if since is None or self._ink is None:
            self._since = NEVER
            self.update()
            return
        frame = self.frame()
        at = max(frame.left, frame.px(since)) - 3
        self._since = min(self._since, at) if self._since != NEVER else NEVER
        if at <= frame.right:
            left = int(min(at, self._names_end)) - 2
            self.update(QRect(left, 0, self.width() - left, int(frame.bottom)))

    def set_x_label(self, text: str) -> None:
        """What x counts."""
        if text != self.x_label:
            self.x_label = text
            self.update()

    def set_flags(self, flags: list[tuple[float, str]]) -> None:
        """Upright lines with words."""
        if flags != self.flags:
            self.flags = flags
            self.update()

    def set_step(self, x: float | None) -> None:
        """The line of the shared step."""
        if x != self.step:
            self._stale(self.step)
            self.step = x
            self._stale(x)

    def set_hair(self, x: float | None) -> None:
        """The thin line under the pointer."""
        if x != self.hair:
            self._stale(self.hair)
            self.hair = x
            self._stale(x)

    def set_box(self, box: QRectF | None) -> None:
        """The rectangle that is being drawn by hand."""
        self.box = box
        self.update()

    def redress(self) -> None:
        """Another theme or text size: nothing that is kept is right any more."""
        self._ground = self._ink = self._frame = None
        self.update()

    def _stale(self, x: float | None) -> None:
        if x is not None:
            at = int(self.frame().px(x))
            self.update(QRect(at - 4, 0, 9, self.height()))

    # ---- geometry

    def frame(self, dpr: float = 0.0) -> Frame:
        """Where values lie at the present size."""
        if self._frame is None:
            self._frame = self._lay_out()
        ratio = dpr or self.devicePixelRatioF()
        return self._frame if self._frame.dpr == ratio else replace(self._frame, dpr=ratio)

    def _lay_out(self) -> Frame:
        line = QFontMetricsF(theme.number_font(-1.5)).height()
        frame = replace(
            self._range,
            top=float(theme.px(6)),
            bottom=max(theme.px(6) + 1.0, self.height() - line - theme.px(6)),
            right=max(theme.px(80), self.width() - theme.px(8)),
            dpr=self.devicePixelRatioF(),
        )
        self._named = over.worth_naming(self._names, self.height())
        room = over.room_for_names(self._named, self.width(), theme.px(ROOM_FOR_NAMES))
        left = float(axes.margin(replace(frame, left=0.0)))
        return replace(frame, left=left, right=max(left + 10.0, float(self.width() - room)))

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Another size, another layout."""
        super().resizeEvent(event)
        self._frame = None

    # ---- painting

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Paint, and note what it cost."""
        began = time.thread_time()
        with QPainter(self) as p:
            self._paint(p)
        self.cost += 0.3 * (time.thread_time() - began - self.cost)

    def _paint(self, p: QPainter) -> None:
        """On the screen from the kept pictures; into a file or a larger picture line by line."""
        if self.blank:
            p.fillRect(self.rect(), QColor(theme.current().base))
            kit.paint_empty(p, self.rect(), *self.empty, icon="chart")
            if self.show_ring:
                kit.paint_focus(p, QRectF(self.rect()))
            return
        ratio = self.devicePixelRatioF()
        raster = p.paintEngine().type() == QPaintEngine.Type.Raster
        if raster and abs(p.deviceTransform().m11() - ratio) < 1e-6:
            self._refresh()
            assert self._ink is not None
            p.drawPixmap(0, 0, self._ink)
        else:
            frame = self.frame(max(ratio, abs(p.deviceTransform().m11())))
            axes.paint(p, frame, QRectF(self.rect()), self.x_label)
            p.save()
            p.setClipRect(frame.rect)
            strokes.draw(p, frame, self._lines)
            p.restore()
        self._paint_over(p)

    def _refresh(self) -> None:
        """Bring the kept pictures up to date."""
        frame, t = self.frame(), theme.current()
        ground = (frame, self.size().toTuple(), self.x_label, t.name, theme.scale())
        if self._ground is None or ground != self._ground_key:
            self._ground_key = ground
            self._ground = QPixmap(self.size() * frame.dpr)
            self._ground.setDevicePixelRatio(frame.dpr)
            with QPainter(self._ground) as p:
                axes.paint(p, frame, QRectF(self.rect()), self.x_label)
            self._since = NEVER
        if self._ink is None or self._since == NEVER:
            self._ink = self._ground.copy()
            self._since = NEVER
        elif self._since > frame.right:
            return
        with QPainter(self._ink) as p:
            p.setClipRect(frame.rect)
            if self._since != NEVER:
                left = max(frame.left, float(int(self._since)))
                p.setClipRect(QRectF(left, frame.top, frame.right - left, frame.bottom - frame.top))
                p.drawPixmap(0, 0, self._ground)
                self._since = left
            strokes.draw(p, frame, self._lines, self._since)
        self._since = frame.right + 1

    def _paint_over(self, p: QPainter) -> None:
        """What moves over the lines: flags, the shared step, the pointer's hair, names, the box."""
        frame, t = self.frame(), theme.current()
        p.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        for rank, (x, words) in enumerate(self.flags):
            over.paint_flag(p, frame, x, words, rank)
        self._names_end = over.paint_names(p, frame, self._named, self.width())
        for x, colour, width in ((self.hair, theme.mix(t.base, t.muted, 0.5), 1), (self.step, t.accent, 2)):
            if x is not None and frame.x0 <= x <= frame.x1:
                at = int(frame.px(x))
                p.fillRect(QRectF(at, frame.top, width, frame.bottom - frame.top), QColor(colour))
        if self.box is not None:
            p.setPen(QPen(QColor(t.accent), 1))
            p.setBrush(theme.color(t.accent, 40))
            p.drawRect(self.box.intersected(frame.rect))
        if self.show_ring:
            kit.paint_focus(p, QRectF(self.rect()))
