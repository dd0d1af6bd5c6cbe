"""One way from stop to stop: the picture at the play head, the strip of pictures, its speed, and how far it is off."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QEvent, QLineF, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QHelpEvent, QImage, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from app.panels.interpolation.looks import FAR, METERS, TIPS, colour_of, meter_colour
from app.shell import theme
from app.widgets import images, kit
from gm_core import api

LOW, TALL = 30, 66
"""Heights below which a row is a strip alone, and above which the meter has a chart of its own."""


class WayRow(kit.Painted):
    """Draws one PathWay. Setters: set_way(way | None), set_scale(largest speed of all rows), set_place(frame),
    set_chosen(bool), set_colour(#rrggbb). Getters: way(), strip() -> uint8 (h, w, c) | None.
    Signals: picked(int frame) while pressed or by Left and Right, chosen().
    """

    picked = Signal(int)
    chosen = Signal()

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.name = name
        self._way: api.PathWay | None = None
        self._sheet: QImage | None = None
        self._scale, self._place, self._chosen, self._stale = 1.0, 0, False, False
        self.meter = "nearest"
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(theme.px(180), theme.px(22))
        self.setMaximumHeight(theme.px(150))
        self.setAccessibleName(f"Way: {name}")

    # what is shown

    def set_way(self, way: api.PathWay | None) -> None:
        """Show this way; None empties the row."""
        self._way, self._sheet = way, None
        if way is not None and way.items.ndim == 4:
            n, h, w, c = way.items.shape
            column = images.to_qimage(way.items.reshape(n * h, w, c))
            self._sheet = column.convertToFormat(QImage.Format.Format_ARGB32_Premultiplied)
        self._stale = False
        self.setAccessibleDescription("" if way is None else ", ".join(self.words()))
        self.update()

    def set_stale(self, stale: bool) -> None:
        """Dim what no longer belongs to the present settings."""
        self._stale = stale and self._way is not None
        self.update()

    def set_scale(self, speed: float) -> None:
        """The speed that fills the chart, the same for all rows, so that they compare."""
        self._scale = max(speed, 1e-9)
        self.update()

    def set_place(self, frame: int) -> None:
        """Where the play head stands."""
        self._place = frame
        self.update()

    def set_chosen(self, chosen: bool) -> None:
        """Whether this is the way in use."""
        self._chosen = chosen
        self.update()

    def way(self) -> api.PathWay | None:
        """What is shown."""
        return self._way

    def words(self) -> list[str]:
        """Length and energy."""
        if self._way is None:
            return []
        return [
            f"length {kit.number_text(self._way.length, 3)}", f"energy {kit.number_text(self._way.energy, 3)}"
        ]  # fmt: skip

    def now_words(self) -> list[str]:
        """Speed and distance from the data at the play head."""
        way = self._way
        if way is None or not len(way.speed):
            return []
        said = [f"speed {kit.number_text(float(way.speed[min(self._place, len(way.speed) - 1)]), 3)}"]
        if len(way.off):
            said.append(f"off the data {float(way.off[min(self._place, len(way.off) - 1)]):.1f}×")
        return said

    # geometry

    def sizeHint(self) -> QSize:
        """Wide and low."""
        return QSize(theme.px(360), theme.px(60))

    def _label(self) -> float:
        return float(theme.px(112 if self.width() >= theme.px(400) else 78))

    def _head(self) -> QRectF:
        """Where the picture at the play head is drawn; empty for what is no picture."""
        if self._sheet is None or self._way is None:
            return QRectF(self._label(), 0, 0, 0)
        _, h, w, _ = self._way.items.shape
        high = min(float(self.height() - 2), (self.width() - self._label()) * 0.3)
        zoom = min(high / h, high / w)
        zoom = float(int(zoom)) if zoom >= 1 else zoom
        return QRectF(self._label(), int((self.height() - h * zoom) / 2), w * zoom, h * zoom)

    def _area(self) -> QRectF:
        """Strip and charts."""
        left = self._head().right() + theme.px(8)
        return QRectF(left, 1, max(10.0, self.width() - left - theme.px(6)), self.height() - 2)

    def _bands(self) -> tuple[QRectF, QRectF, QRectF]:
        """The strip, the chart of the speed and the meter."""
        a = self._area()
        if self._sheet is None:
            strip = 0.0
        elif a.height() < theme.px(LOW):
            strip = a.height() - theme.px(4)
        else:
            strip = min(a.height() * 0.5, a.width() / 8)
        rest = a.height() - strip
        meter = rest * 0.4 if a.height() >= theme.px(TALL) or self._sheet is None else float(theme.px(4))
        meter = min(meter, rest)
        return (
            QRectF(a.left(), a.top(), a.width(), strip),
            QRectF(a.left(), a.top() + strip + 1, a.width(), max(0.0, rest - meter - 2)),
            QRectF(a.left(), a.bottom() - meter, a.width(), meter),
        )

    def _thumb(self) -> float:
        assert self._way is not None
        strip = self._bands()[0]
        return strip.height() * self._way.items.shape[2] / self._way.items.shape[1] if self._sheet is not None else 0.0

    def x_of(self, frame: float) -> float:
        """Where a frame stands across: in the strip its middle, in the charts its moment."""
        a, n = self._area(), len(self._way.items) if self._way is not None else 2
        half = self._thumb() / 2 if self._way is not None else 0.0
        return a.left() + half + frame / max(1, n - 1) * (a.width() - 2 * half)

    def frame_at(self, x: float) -> int:
        """The frame nearest to a place across."""
        n = len(self._way.items) if self._way is not None else 1
        first, last = self.x_of(0), self.x_of(n - 1)
        return int(np.clip(round((x - first) / max(last - first, 1e-6) * (n - 1)), 0, n - 1))

    # painting

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Words, the picture at the play head, strip, charts, play head."""
        p, t = QPainter(self), theme.current()
        if self._chosen:
            p.fillRect(self.rect(), QColor(theme.mix(t.window, t.accent_soft, 0.6)))
        self._paint_words(p)
        if self._way is not None:
            p.setOpacity(0.45 if self._stale else 1.0)
            strip, speed, meter = self._bands()
            if self._sheet is not None:
                self._paint_picture(p, self._head(), min(self._place, len(self._way.items) - 1))
                self._paint_strip(p, strip)
            self._paint_speed(p, speed)
            self._paint_meter(p, meter)
            x = round(self.x_of(self._place)) + 0.5
            p.setPen(QPen(QColor(t.accent), 1.5))
            p.drawLine(QLineF(x, strip.top(), x, meter.bottom()))
        p.setOpacity(1.0)
        if self.show_ring:
            kit.paint_focus(p, QRectF(self.rect()))

    def _colour(self) -> str:
        return colour_of(self.name)

    def _paint_words(self, p: QPainter) -> None:
        t = theme.current()
        p.fillRect(QRectF(theme.px(2), 2, theme.px(3), self.height() - 4), QColor(self._colour()))
        lines = [(self.name, theme.ui_font(-0.5, bold=self._chosen), t.text)]
        lines += [(words, theme.ui_font(-1.5), t.muted) for words in (*self.words(), *self.now_words())]
        room = max(1, int((self.height() - 2) // theme.px(15)))
        y = max(0.0, (self.height() - theme.px(15) * min(room, len(lines))) / 2)
        for text, font, colour in lines[:room]:
            p.setFont(font)
            p.setPen(QColor(colour))
            box = QRectF(theme.px(9), y, self._label() - theme.px(13), theme.px(15))
            shown = p.fontMetrics().elidedText(text, Qt.TextElideMode.ElideRight, int(box.width()))
            p.drawText(box, Qt.AlignmentFlag.AlignVCenter, shown)
            y += theme.px(15)

    def _paint_picture(self, p: QPainter, box: QRectF, frame: int) -> None:
        assert self._sheet is not None and self._way is not None
        _, h, w, _ = self._way.items.shape
        p.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, box.width() < w)
        p.drawImage(box, self._sheet, QRectF(0, frame * h, w, h))

    def _paint_strip(self, p: QPainter, strip: QRectF) -> None:
        assert self._way is not None
        side = max(self._thumb(), 1.0)
        count = int(max(2, min(len(self._way.items), strip.width() // side)))
        for left in np.linspace(strip.left(), strip.right() - side, count):
            frame = self.frame_at(float(left) + side / 2)
            self._paint_picture(p, QRectF(round(float(left)), strip.top(), side, strip.height()), frame)

    def _paint_speed(self, p: QPainter, band: QRectF) -> None:
        assert self._way is not None
        t = theme.current()
        if band.height() < theme.px(5) or not len(self._way.speed):
            return
        p.setRenderHint(QPainter.RenderHint.Antialiasing)
        p.fillRect(band, QColor(t.base))
        top = band.bottom() - np.clip(self._way.speed / self._scale, 0, 1) * (band.height() - 2)
        line = [QPointF(self.x_of(i + 0.5), float(y)) for i, y in enumerate(top)]
        floor = [QPointF(line[-1].x(), band.bottom()), QPointF(line[0].x(), band.bottom())]
        fill = QColor(self._colour())
        fill.setAlphaF(0.28)
        p.setPen(Qt.PenStyle.NoPen)
        p.setBrush(fill)
        p.drawPolygon(QPolygonF([*line, *floor]))
        p.setBrush(Qt.BrushStyle.NoBrush)
        p.setPen(QPen(QColor(self._colour()), 1.4))
        p.drawPolyline(QPolygonF(line))
        p.setRenderHint(QPainter.RenderHint.Antialiasing, False)

    def _paint_meter(self, p: QPainter, band: QRectF) -> None:
        assert self._way is not None
        t, off = theme.current(), self._way.off
        p.fillRect(band, QColor(t.base))
        if not len(off):
            return
        chart = band.height() > theme.px(8)
        edges = [band.left(), *[self.x_of(i + 0.5) for i in range(len(off) - 1)], band.right()]
        for i, value in enumerate(off):
            share = float(np.clip(value / FAR, 0.05, 1)) if chart else 1.0
            colour = QColor(meter_colour(float(value)))
            p.fillRect(
                QRectF(edges[i], band.bottom() - share * band.height(), edges[i + 1] - edges[i], share * band.height()),
                colour,
            )
        if chart:
            y = round(band.bottom() - band.height() * 2.0 / FAR) + 0.5
            p.setPen(QPen(QColor(t.muted), 1, Qt.PenStyle.DotLine))
            p.drawLine(QLineF(band.left(), y, band.right(), y))

    # hands

    def event(self, event: QEvent) -> bool:
        """Say what is seen; claim Left and Right before the window's shortcuts see them."""
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            QToolTip.showText(event.globalPos(), self._tip(QPointF(event.pos())), self)
            return True
        steps = (Qt.Key.Key_Left, Qt.Key.Key_Right)
        if event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent) and event.key() in steps:
            event.accept()
            return True
        return super().event(event)

    def _tip(self, at: QPointF) -> str:
        if self._way is None or at.x() < self._area().left():
            return "\n".join([TIPS.get(self.name, self.name), *self.words()])
        _, speed, meter = self._bands()
        if meter.contains(at):
            return f"How far off the data: {METERS[self.meter]}. 1 is usual; above 2, the dotted line, it is far."
        if speed.contains(at):
            return "Speed: how much the picture changes from frame to frame. All rows have the same scale."
        return TIPS.get(self.name, self.name)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Put the play head here, and take this way."""
        if event.button() == Qt.MouseButton.LeftButton:
            self.chosen.emit()
            self._pick(event.position().x())

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Drag the play head."""
        if event.buttons() & Qt.MouseButton.LeftButton:
            self._pick(event.position().x())

    def _pick(self, x: float) -> None:
        if self._way is not None and x >= self._area().left() - theme.px(4):
            self.picked.emit(self.frame_at(x))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Left and Right step; Return takes this way."""
        if self._way is not None and event.key() in (Qt.Key.Key_Left, Qt.Key.Key_Right):
            step = 1 if event.key() == Qt.Key.Key_Right else -1
            self.picked.emit(int(np.clip(self._place + step, 0, len(self._way.items) - 1)))
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.chosen.emit()
        else:
            super().keyPressEvent(event)
