"""A map of a two-dimensional latent space: real points, the prior's circles, and the decoded picture at the pointer."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QImage, QKeyEvent, QMouseEvent, QPainter, QPen
from PySide6.QtWidgets import QWidget

from app.shell import theme
from app.widgets import colormap, images
from app.widgets.view2d import Extent, View2D, extent_of, polygon

MANY = 3000  # more points than this become a density image, which costs the same however many there are


class LatentPad(View2D):
    """The latent plane: drag to decode at the pointer, click to set the ends A and B of an interpolation.

    Setters: set_points(xy (n, 2) | None, labels=None, names=None), set_background(array (h, w) | None, extent),
    set_axes(x, y), set_cursor(x, y) (silent), set_cursor_image(uint8 | None, off_data=False), set_endpoints(a, b),
    set_path(xy | None), set_path_position(0..1 | None), fit(). Getters: cursor_point(), endpoints().
    Signals: moved(x, y) while the left button drags and by arrow keys, hovered(x, y), picked(x, y) for each
    click without a drag, endpoint_moved('A' | 'B', x, y).
    """

    moved = Signal(float, float)
    picked = Signal(float, float)
    endpoint_moved = Signal(str, float, float)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._points: np.ndarray | None = None
        self._labels: np.ndarray | None = None
        self._names: list[str] = []
        self._density: tuple[QImage, Extent] | None = None
        self._background: tuple[np.ndarray, Extent] | None = None
        self._cursor = (0.0, 0.0)
        self._picture: QImage | None = None
        self._off_data = False
        self._ends: dict[str, tuple[float, float] | None] = {"A": None, "B": None}
        self._path: np.ndarray | None = None
        self._path_at: float | None = None
        self._drag = ""
        self._press: QPointF | None = None
        self._moved_far = False
        self.set_empty("No latent map yet", "A model with a latent space of two or more dimensions draws its map here.")
        self.setAccessibleName("Latent map")
        self.setCursor(Qt.CursorShape.CrossCursor)

    # what is shown

    def set_points(
        self, xy: np.ndarray | None, labels: np.ndarray | None = None, names: Sequence[str] | None = None
    ) -> None:
        """Codes of real data, coloured by label; more than 3000 become a density image."""
        first = self._points is None
        self._points = None if xy is None else np.asarray(xy, float).reshape(-1, 2)
        self._labels = None if labels is None or xy is None else np.asarray(labels).astype(int).ravel()
        if self._labels is not None and self._points is not None and len(self._labels) != len(self._points):
            raise ValueError(f"there are {len(self._points)} points and {len(self._labels)} labels")
        self._names = [str(n) for n in names or []]
        self._density = None
        if self._points is not None and len(self._points):
            x0, x1, y0, y1 = extent_of(self._points)
            self._home = (min(x0, -3.2), max(x1, 3.2), min(y0, -3.2), max(y1, 3.2))
            if first or self._fitted:
                self.fit()
            if len(self._points) > MANY:
                self._density = self._histogram()
        self.setAccessibleDescription(f"{0 if self._points is None else len(self._points)} points")
        self.rebuild()

    def set_background(self, array: np.ndarray | None, extent: Extent = (-4.0, 4.0, -4.0, 4.0)) -> None:
        """A density (h, w) behind the points; row 0 is the lowest."""
        self._background = None if array is None else (np.asarray(array, float), extent)
        self.rebuild()

    def set_cursor(self, x: float, y: float) -> None:
        """Move the crosshair without a signal."""
        self._cursor = (float(x), float(y))
        self.update()

    def cursor_point(self) -> tuple[float, float]:
        """Where the crosshair is."""
        return self._cursor

    def set_cursor_image(self, picture: np.ndarray | None, off_data: bool = False) -> None:
        """The decoded picture at the crosshair; `off_data` warns by its edge that no code lies near."""
        self._picture = None if picture is None else images.to_qimage(picture)
        self._off_data = off_data
        self.update()

    def set_endpoints(self, a: tuple[float, float] | None, b: tuple[float, float] | None) -> None:
        """The two ends of an interpolation."""
        self._ends = {"A": a, "B": b}
        self.update()

    def endpoints(self) -> tuple[tuple[float, float] | None, tuple[float, float] | None]:
        """The two ends, or None where not set."""
        return self._ends["A"], self._ends["B"]

    def set_path(self, xy: np.ndarray | None) -> None:
        """The way from A to B, (n, 2); None draws a straight line."""
        self._path = None if xy is None else np.asarray(xy, float).reshape(-1, 2)
        self.update()

    def set_path_position(self, at: float | None) -> None:
        """How far along the way the film has come, 0 to 1."""
        self._path_at = at
        self.update()

    def has_content(self) -> bool:
        """Points, a background, ends or a decoded picture."""
        some = self._points is not None and len(self._points) > 0
        return some or self._background is not None or self._picture is not None or any(self._ends.values())

    # painting

    def _histogram(self) -> tuple[QImage, Extent]:
        """All points as one picture, each cell in the mixed colour of its labels and as dense as it is full."""
        assert self._points is not None
        x0, x1, y0, y1 = extent = self._home
        n = 160
        cols = np.clip(((self._points[:, 0] - x0) / (x1 - x0) * n).astype(int), 0, n - 1)
        rows = np.clip(((y1 - self._points[:, 1]) / (y1 - y0) * n).astype(int), 0, n - 1)
        cell = rows * n + cols
        rgb = np.zeros((n * n, 3))
        count = np.bincount(cell, minlength=n * n).astype(float)
        labels = np.zeros(len(cell), int) if self._labels is None else self._labels
        for k in np.unique(labels):
            mine = np.bincount(cell[labels == k], minlength=n * n)
            rgb += mine[:, None] * np.array(QColor(self._colour(int(k))).getRgb()[:3], float)
        full = count > 0
        rgb[full] /= count[full, None]
        alpha = np.zeros(n * n)
        strong = np.percentile(count[full], 90) if full.any() else 1.0
        alpha[full] = 70 + 185 * np.minimum(1, count[full] / max(1.0, strong))
        picture = np.concatenate([rgb, alpha[:, None]], axis=1).astype(np.uint8).reshape(n, n, 4)
        return images.to_qimage(picture), extent

    def _colour(self, label: int) -> str:
        return theme.label_color(label) if self._labels is not None else theme.current().series[0]

    def paint_scene(self, painter: QPainter) -> None:
        """Background, points, circles and the names of the classes."""
        t = theme.current()
        if self._background is not None:
            values, extent = self._background
            picture = colormap.colorize(values, "blue" if t.dark else "viridis", fade=True)
            self.draw_image(painter, images.to_qimage(np.ascontiguousarray(picture[::-1])), extent, 0.55)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for sigma in (1, 2):
            edge = self.to_screen(sigma, 0).x() - self.to_screen(0, 0).x()
            painter.setPen(QPen(QColor(t.edge), 1, Qt.PenStyle.SolidLine if sigma == 1 else Qt.PenStyle.DashLine))
            painter.drawEllipse(self.to_screen(0, 0), edge, edge)
            painter.setFont(theme.ui_font(-2))
            painter.setPen(QColor(t.muted))
            painter.drawText(self.to_screen(sigma * 0.7071, sigma * 0.7071) + QPointF(3, -2), f"{sigma}σ")
        if self._points is None:
            return
        if self._density is not None:
            self._density = self._density if t.name == getattr(self, "_density_theme", t.name) else self._histogram()
            self._density_theme = t.name
            self.draw_image(painter, *self._density)
        elif self._labels is None:
            self.draw_points(painter, self._points, theme.color(t.series[0], 170), theme.px(4))
        else:
            for k in np.unique(self._labels):
                self.draw_points(
                    painter, self._points[self._labels == k], theme.color(self._colour(int(k)), 190), theme.px(4)
                )
        if self._labels is not None:
            self._paint_names(painter)

    def _paint_names(self, painter: QPainter) -> None:
        # Ten colours are too many to tell apart, so each class also carries its name where it is densest.
        assert self._points is not None and self._labels is not None
        t = theme.current()
        painter.setFont(theme.ui_font(0, bold=True))
        for k in np.unique(self._labels)[:30]:
            middle = np.median(self._points[self._labels == k], axis=0)
            text = self._names[int(k)] if int(k) < len(self._names) else str(int(k))
            width = painter.fontMetrics().horizontalAdvance(text) + theme.px(8)
            box = QRectF(0, 0, width, theme.px(18))
            box.moveCenter(self.to_screen(float(middle[0]), float(middle[1])))
            painter.setPen(QPen(QColor(self._colour(int(k))), 1.5))
            painter.setBrush(theme.color(t.base, 225))
            painter.drawRoundedRect(box, 4, 4)
            painter.setPen(QColor(t.text))
            painter.drawText(box, Qt.AlignmentFlag.AlignCenter, text)

    def paint_over(self, painter: QPainter) -> None:
        """The way from A to B, the crosshair, the decoded picture."""
        t = theme.current()
        a, b = self.endpoints()
        if a and b:
            way = self._path if self._path is not None else np.array([a, b])
            line = polygon(self.screen_array(way))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            for colour, width in ((theme.color(t.base, 220), 5.0), (QColor(t.accent), 2.0)):  # casing under the line
                painter.setPen(QPen(colour, width))
                painter.drawPolyline(line)
            if self._path_at is not None and len(way) > 1:
                place = np.clip(self._path_at, 0, 1) * (len(way) - 1)
                i = min(int(place), len(way) - 2)
                here = way[i] + (way[i + 1] - way[i]) * (place - i)
                painter.setPen(QPen(QColor(t.base), 2))
                painter.setBrush(QColor(t.accent))
                painter.drawEllipse(self.to_screen(float(here[0]), float(here[1])), theme.px(6), theme.px(6))
        for name, end in self._ends.items():
            if end:
                where = self.to_screen(*end)
                painter.setPen(QPen(QColor(t.base), 2))
                painter.setBrush(QColor(t.accent))
                painter.drawEllipse(where, theme.px(9), theme.px(9))
                painter.setFont(theme.ui_font(-1, bold=True))
                painter.setPen(QColor(t.on_accent))
                painter.drawText(QRectF(where.x() - 12, where.y() - 12, 24, 24), Qt.AlignmentFlag.AlignCenter, name)
        c = self.to_screen(*self._cursor)
        area = self.area()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        painter.setPen(QPen(theme.color(t.text, 90), 1))
        painter.drawLine(QPointF(area.left(), c.y()), QPointF(area.right(), c.y()))
        painter.drawLine(QPointF(c.x(), area.top()), QPointF(c.x(), area.bottom()))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(QColor(t.text), 1.5))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawEllipse(c, theme.px(5), theme.px(5))
        if self._picture is not None:
            self._paint_picture(painter, c)

    def _paint_picture(self, painter: QPainter, c: QPointF) -> None:
        assert self._picture is not None
        t = theme.current()
        zoom = max(1, round(theme.px(76) / max(self._picture.width(), self._picture.height())))
        w, h, gap = self._picture.width() * zoom, self._picture.height() * zoom, theme.px(14)
        area = self.area()
        x = c.x() + gap if c.x() + gap + w + 4 < area.right() else c.x() - gap - w
        y = c.y() - gap - h if c.y() - gap - h - 4 > area.top() else c.y() + gap
        box = QRectF(round(x), round(y), w, h)
        painter.setPen(QPen(QColor(t.warn if self._off_data else t.text), 2 if self._off_data else 1))
        painter.setBrush(QColor(t.base))
        painter.drawRect(box.adjusted(-2, -2, 2, 2))
        painter.drawImage(box, self._picture)
        if self._off_data:
            painter.setFont(theme.ui_font(-2))
            strip = QRectF(box.left() - 2, box.bottom() + 3, max(box.width() + 4, theme.px(64)), theme.px(15))
            painter.fillRect(strip, theme.color(t.base, 225))
            painter.setPen(QColor(t.warn))
            painter.drawText(strip, Qt.AlignmentFlag.AlignCenter, "no data here")

    # hands

    def _end_at(self, where: QPointF) -> str:
        for name in ("B", "A"):
            end = self._ends[name]
            if end and (self.to_screen(*end) - where).manhattanLength() < theme.px(13):
                return name
        return ""

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Take an end, or the crosshair."""
        if event.button() == Qt.MouseButton.LeftButton:
            self._press, self._moved_far = event.position(), False
            self._drag = self._end_at(event.position()) or "cursor"
        else:
            super().mousePressEvent(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Drag what was taken."""
        if self._press is None:
            super().mouseMoveEvent(event)
            return
        self._moved_far = self._moved_far or (event.position() - self._press).manhattanLength() > 3
        if self._moved_far:
            x, y = self.to_plane(event.position())
            if self._drag == "cursor":
                self.set_cursor(x, y)
                self.moved.emit(x, y)
            else:
                self._ends[self._drag] = (x, y)
                self._path = None
                self.update()
                self.endpoint_moved.emit(self._drag, x, y)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """A press without a drag picks the point."""
        if event.button() == Qt.MouseButton.LeftButton and self._press is not None:
            self._press = None
            if not self._moved_far and self._drag == "cursor":
                x, y = self.to_plane(event.position())
                self.set_cursor(x, y)
                self.moved.emit(x, y)
                self.picked.emit(x, y)
        else:
            super().mouseReleaseEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Arrows walk the crosshair, Return picks."""
        step = 6 * self._per_px * (0.2 if event.modifiers() & Qt.KeyboardModifier.ShiftModifier else 1)
        ways = {Qt.Key.Key_Left: (-1, 0), Qt.Key.Key_Right: (1, 0), Qt.Key.Key_Up: (0, 1), Qt.Key.Key_Down: (0, -1)}
        way = ways.get(Qt.Key(event.key()))
        if way:
            self.set_cursor(self._cursor[0] + way[0] * step, self._cursor[1] + way[1] * step)
            self.moved.emit(*self._cursor)
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.picked.emit(*self._cursor)
        else:
            super().keyPressEvent(event)


def _demo() -> QWidget:
    from app.widgets.demo import digits

    rng = np.random.default_rng(1)
    labels = rng.integers(0, 10, 1600)
    turn = labels / 10 * 2 * np.pi
    xy = np.stack([np.cos(turn), np.sin(turn)], 1) * (1.2 + 0.5 * (labels % 2))[:, None] + rng.normal(
        0, 0.26, (1600, 2)
    )
    pad = LatentPad()
    pad.set_axes("z 3", "z 6")
    pad.set_points(xy, labels)
    pad.set_endpoints((-1.6, 0.9), (1.7, -0.8))
    pad.set_path_position(0.4)
    pad.set_cursor(0.7, 1.1)
    pad.set_cursor_image(digits(3)[2], off_data=True)
    return pad


if __name__ == "__main__":
    import sys

    from app.widgets.demo import run

    sys.exit(run(_demo, (520, 520)))
