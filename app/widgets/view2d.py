"""The plane with axes, pan and zoom that the latent map and the plane view are painted on."""

from __future__ import annotations

import math

import numpy as np
from PySide6.QtCore import QLineF, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QImage,
    QKeyEvent,
    QMouseEvent,
    QPaintEngine,
    QPainter,
    QPaintEvent,
    QPen,
    QPixmap,
    QPolygonF,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.shell import theme
from app.widgets import kit
from app.widgets.series import percentiles

Extent = tuple[float, float, float, float]


class View2D(kit.Painted):
    """A part of the plane with equal scales on both axes, which can be dragged, zoomed and fitted.

    Subclasses paint a still scene (`paint_scene`, kept as a picture until something changes) and what moves above it
    (`paint_over`). Setters: set_extent(x0, x1, y0, y1), set_axes(x, y), set_empty(title, hint), fit().
    Signals: hovered(x, y), looked() (another part is shown, which `look_like` follows). The wheel zooms about the
    pointer, the right or middle button drags, 0 fits.
    """

    hovered = Signal(float, float)
    looked = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._axes = ("", "")
        self._home: Extent = (-4.0, 4.0, -4.0, 4.0)
        self._center = QPointF(0, 0)
        self._per_px = 0.02
        self._fitted = True
        self._scene: QPixmap | None = None
        self._pan: QPointF | None = None
        self._empty = ("Nothing to show yet", "")
        self.pointer: tuple[float, float] | None = None
        self.setMouseTracking(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(160, 140)

    # geometry

    def sizeHint(self) -> QSize:
        """Square, as a plane likes to be."""
        return QSize(380, 380)

    def area(self) -> QRectF:
        """Where the plane is drawn, inside the numbers and names of the axes."""
        named = theme.px(14)
        left = theme.px(34) + (named if self._axes[1] else 0)
        bottom = theme.px(20) + (named if self._axes[0] else 0)
        return QRectF(
            left, theme.px(8), max(10, self.width() - left - theme.px(8)), max(10, self.height() - bottom - theme.px(8))
        )

    def set_extent(self, x0: float, x1: float, y0: float, y1: float) -> None:
        """The part of the plane that `fit` shows."""
        if not (x1 > x0 and y1 > y0):
            raise ValueError(f"an extent needs x0 < x1 and y0 < y1; found {(x0, x1, y0, y1)}")
        self._home = (float(x0), float(x1), float(y0), float(y1))
        if self._fitted:
            self.fit()

    def fit(self) -> None:
        """Show all of the extent."""
        x0, x1, y0, y1 = self._home
        a = self.area()
        self._center = QPointF((x0 + x1) / 2, (y0 + y1) / 2)
        self._per_px = max((x1 - x0) / a.width(), (y1 - y0) / a.height())
        self._fitted = True
        self.rebuild()
        self.looked.emit()

    def look_like(self, other: View2D) -> None:
        """Show the same part of the plane as another view, without a signal."""
        if (self._center, self._per_px) != (other._center, other._per_px):
            self._center, self._per_px, self._fitted = QPointF(other._center), other._per_px, other._fitted
            self.rebuild()

    def set_axes(self, x: str, y: str) -> None:
        """Name the axes."""
        self._axes = (x, y)
        self.rebuild()

    def to_screen(self, x: float, y: float) -> QPointF:
        """A point of the plane in widget pixels."""
        c = self.area().center()
        return QPointF(c.x() + (x - self._center.x()) / self._per_px, c.y() - (y - self._center.y()) / self._per_px)

    def to_plane(self, where: QPointF) -> tuple[float, float]:
        """A widget pixel as a point of the plane."""
        c = self.area().center()
        return (
            self._center.x() + (where.x() - c.x()) * self._per_px,
            self._center.y() - (where.y() - c.y()) * self._per_px,
        )

    def screen_array(self, xy: np.ndarray) -> np.ndarray:
        """Points (n, 2) of the plane in widget pixels."""
        c = self.area().center()
        out = np.empty((len(xy), 2))
        out[:, 0] = c.x() + (xy[:, 0] - self._center.x()) / self._per_px
        out[:, 1] = c.y() - (xy[:, 1] - self._center.y()) / self._per_px
        return out

    def pixel(self) -> float:
        """How much of the plane a pixel covers."""
        return self._per_px

    def shown(self) -> Extent:
        """The part of the plane that is visible."""
        a = self.area()
        x0, y1 = self.to_plane(a.topLeft())
        x1, y0 = self.to_plane(a.bottomRight())
        return x0, x1, y0, y1

    def rebuild(self) -> None:
        """Paint the still scene anew at the next opportunity."""
        self._scene = None
        self.update()

    # painting

    def has_content(self) -> bool:
        """Whether there is anything to show; subclasses know."""
        return True

    def paint_scene(self, painter: QPainter) -> None:
        """Paint what stays when the pointer moves."""

    def paint_over(self, painter: QPainter) -> None:
        """Paint what follows the pointer."""

    def paintEvent(self, _event: QPaintEvent) -> None:
        """The kept picture of the scene, then what moves."""
        painter = QPainter(self)
        # When exporting, the scene is painted anew instead of copied, so that vectors stay vectors.
        if painter.paintEngine().type() in (QPaintEngine.Type.SVG, QPaintEngine.Type.Pdf):
            self._paint_frame(painter)
        else:
            if self._scene is None:
                ratio = self.devicePixelRatioF()
                self._scene = QPixmap(self.size() * ratio)
                self._scene.setDevicePixelRatio(ratio)
                self._scene.fill(QColor(theme.current().window))
                still = QPainter(self._scene)
                self._paint_frame(still)
                still.end()
            painter.drawPixmap(0, 0, self._scene)
        if self.has_content():
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.save()
            painter.setClipRect(self.area())
            self.paint_over(painter)
            painter.restore()
        if self.show_ring:
            kit.paint_focus(painter, self.area().adjusted(-2, -2, 2, 2))

    def _paint_frame(self, p: QPainter) -> None:
        t = theme.current()
        a = self.area()
        p.fillRect(a, QColor(t.base))
        if not self.has_content():
            p.fillRect(self.rect(), QColor(t.base))
            kit.paint_empty(p, self.rect(), *self._empty, icon="chart")
            return
        p.save()
        p.setClipRect(a)
        x0, x1, y0, y1 = self.shown()
        xs = nice(x0, x1, a.width() / theme.px(70))
        ys = nice(y0, y1, a.height() / theme.px(50))
        grid = theme.mix(t.base, t.border, 0.55)
        for v in xs:
            x = round(self.to_screen(v, 0).x()) + 0.5
            p.setPen(QPen(QColor(t.border if v == 0 else grid), 1))
            p.drawLine(QLineF(x, a.top(), x, a.bottom()))
        for v in ys:
            y = round(self.to_screen(0, v).y()) + 0.5
            p.setPen(QPen(QColor(t.border if v == 0 else grid), 1))
            p.drawLine(QLineF(a.left(), y, a.right(), y))
        p.setRenderHint(QPainter.RenderHint.Antialiasing)
        self.paint_scene(p)
        p.restore()
        p.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        p.setPen(QPen(QColor(t.border), 1))
        p.setBrush(Qt.BrushStyle.NoBrush)
        p.drawRect(a)
        p.setFont(theme.number_font(-1.5))
        p.setPen(QColor(t.muted))
        h = theme.px(16)
        for v in xs:
            x = self.to_screen(v, 0).x()
            p.drawText(
                QRectF(x - 40, a.bottom() + theme.px(2), 80, h), Qt.AlignmentFlag.AlignCenter, kit.number_text(v)
            )
        for v in ys:
            y = self.to_screen(0, v).y()
            box = QRectF(0, y - h / 2, a.left() - theme.px(5), h)
            p.drawText(box, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, kit.number_text(v))
        p.setFont(theme.ui_font(-1))
        if self._axes[0]:
            p.drawText(QRectF(a.left(), self.height() - h, a.width(), h), Qt.AlignmentFlag.AlignCenter, self._axes[0])
        if self._axes[1]:
            p.save()
            p.translate(h / 2, a.center().y())
            p.rotate(-90)
            p.drawText(QRectF(-a.height() / 2, -h / 2, a.height(), h), Qt.AlignmentFlag.AlignCenter, self._axes[1])
            p.restore()

    def draw_image(self, p: QPainter, image: QImage, extent: Extent, opacity: float = 1.0) -> None:
        """A picture laid over a part of the plane; its first row is the lowest."""
        x0, x1, y0, y1 = extent
        top, low = self.to_screen(x0, y1), self.to_screen(x1, y0)
        p.save()
        p.setOpacity(opacity)
        p.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        p.drawImage(QRectF(top, low), image)
        p.restore()

    def draw_points(self, p: QPainter, xy: np.ndarray, colour: QColor, size: float) -> None:
        """Round points of one colour."""
        a = self.area()
        s = self.screen_array(xy)
        inside = (
            (s[:, 0] > a.left() - 9) & (s[:, 0] < a.right() + 9) & (s[:, 1] > a.top() - 9) & (s[:, 1] < a.bottom() + 9)
        )
        p.setPen(QPen(colour, size, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
        p.drawPoints(polygon(s[inside]))

    # hands

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Keep a fitted view fitted."""
        if self._fitted:
            self.fit()
        self.rebuild()
        super().resizeEvent(event)

    def changeEvent(self, event: object) -> None:
        """A new theme needs a new scene."""
        if event.type() in kit.RESTYLE:  # type: ignore[attr-defined]
            self.rebuild()
        super().changeEvent(event)  # type: ignore[arg-type]

    def zoom_by(self, factor: float, anchor: QPointF | None = None) -> None:
        """Enlarge about a point of the screen."""
        a = anchor or self.area().center()
        before = self.to_plane(a)
        self._per_px = min(1e4, max(1e-7, self._per_px / factor))
        after = self.to_plane(a)
        self._center += QPointF(before[0] - after[0], before[1] - after[1])
        self._fitted = False
        self.rebuild()
        self.looked.emit()

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Zoom about the pointer."""
        if event.angleDelta().y():
            self.zoom_by(math.exp(event.angleDelta().y() / 120 * 0.18), event.position())
        event.accept()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """The right or middle button takes hold of the plane."""
        if event.button() in (Qt.MouseButton.MiddleButton, Qt.MouseButton.RightButton):
            self._pan = event.position()
            self.setCursor(Qt.CursorShape.ClosedHandCursor)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Drag the plane, or report where the pointer is."""
        if self._pan is not None:
            step = event.position() - self._pan
            self._pan = event.position()
            self._center += QPointF(-step.x() * self._per_px, step.y() * self._per_px)
            self._fitted = False
            self.rebuild()
            self.looked.emit()
        elif self.area().contains(event.position()):
            self.pointer = self.to_plane(event.position())
            self.hovered.emit(*self.pointer)
            self.update()
        elif self.pointer is not None:
            self.pointer = None
            self.update()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Let go of the plane."""
        if self._pan is not None and event.button() != Qt.MouseButton.LeftButton:
            self._pan = None
            self.unsetCursor()

    def leaveEvent(self, event: object) -> None:
        """The pointer has left."""
        self.pointer = None
        self.update()
        super().leaveEvent(event)  # type: ignore[arg-type]

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Zoom by keys."""
        if event.key() in (Qt.Key.Key_Plus, Qt.Key.Key_Equal):
            self.zoom_by(1.25)
        elif event.key() == Qt.Key.Key_Minus:
            self.zoom_by(0.8)
        elif event.key() == Qt.Key.Key_0:
            self.fit()
        else:
            super().keyPressEvent(event)


def nice(lo: float, hi: float, about: float) -> list[float]:
    """Round axis numbers between lo and hi."""
    return kit.nice_ticks(lo, hi, max(2, int(about)))


def polygon(xy: np.ndarray) -> QPolygonF:
    """Pixels (n, 2) as a Qt polygon."""
    return QPolygonF([QPointF(x, y) for x, y in xy.tolist()])


def extent_of(xy: np.ndarray, margin: float = 0.08) -> Extent:
    """The part of the plane that holds nearly all points, with a margin."""
    good = xy[np.isfinite(xy).all(axis=1)]
    if not len(good):
        return -1.0, 1.0, -1.0, 1.0
    lo, hi = np.stack([percentiles(column, 0.2, 99.8) for column in good.T], axis=1)
    pad = np.maximum((hi - lo) * margin, 1e-3)
    return float(lo[0] - pad[0]), float(hi[0] + pad[0]), float(lo[1] - pad[1]), float(hi[1] + pad[1])
