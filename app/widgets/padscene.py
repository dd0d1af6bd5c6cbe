"""What the latent map shows: densities, contours, decoded pictures and points, below a crosshair and two ends."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from PySide6.QtCore import QRectF, Qt, QTimer, Signal
from PySide6.QtGui import QColor, QImage, QPaintEngine, QPainter
from PySide6.QtWidgets import QWidget

from app.shell import theme
from app.widgets import colormap, images, padpaint
from app.widgets.carpet import Carpet
from app.widgets.plane import density_scale
from app.widgets.points import label_colours, stamp
from app.widgets.view2d import Extent, View2D, extent_of

LAYERS = ("density", "prior", "lattice", "ellipses", "points")
SETTLE_MS = 160
"""How long pan and zoom must rest before `settled` is emitted."""


class PadScene(View2D):
    """The map without hands.

    Setters: set_points(xy (n, 2) | None, labels=None, names=None), set_hidden(labels), set_background(array, extent),
    set_contours([(name, segments (n, 4))]), set_lattice(picture uint8 (h, w, 4) | None, extent),
    set_ellipses(centres (m, 2), covariances (m, 2, 2), labels), set_pointed(centre | None, covariance, label),
    set_shown(layer, bool), set_cursor(x, y) (silent), set_cursor_image(uint8 | None, off_data, words, near),
    set_home(extent).
    Getters: cursor_point(), is_shown(layer). Signal: settled() when pan and zoom rest.
    """

    settled = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._points: np.ndarray | None = None
        self._labels: np.ndarray | None = None
        self._names: list[str] = []
        self._hidden: set[int] = set()
        self._values: tuple[np.ndarray, Extent] | None = None
        self._shade: tuple[str, QImage] | None = None
        self._contours: list[tuple[str, np.ndarray]] = []
        self._lattice: tuple[QImage, Extent] | None = None
        self._ellipses: tuple[np.ndarray, np.ndarray, np.ndarray | None] | None = None
        self._pointed: tuple[np.ndarray, np.ndarray, int] | None = None
        self._shows = dict.fromkeys(LAYERS, True)
        self._cursor = (0.0, 0.0)
        self._at_cursor = padpaint.Shown()
        self.carpet = Carpet(self._paint_carpet)
        self._seen: Extent | None = None
        self._rest = QTimer(self)
        self._rest.setSingleShot(True)
        self._rest.setInterval(SETTLE_MS)
        self._rest.timeout.connect(self.settled)

    # what is shown

    def set_points(
        self,
        xy: np.ndarray | None,
        labels: np.ndarray | None = None,
        names: Sequence[str] | None = None,
        home: Extent | None = None,
    ) -> None:
        """Codes of real data, coloured by label; `home` is what `fit` shows (unless given, three units and more)."""
        self._points = None if xy is None else np.asarray(xy, float).reshape(-1, 2)
        self._labels = None if labels is None or xy is None else np.asarray(labels).astype(int).ravel()
        if self._labels is not None and self._points is not None and len(self._labels) != len(self._points):
            raise ValueError(f"there are {len(self._points)} points and {len(self._labels)} labels")
        self._names = [str(n) for n in names or []]
        if self._points is not None and len(self._points):
            x0, x1, y0, y1 = extent_of(self._points)
            self.set_home(home or (min(x0, -3.2), max(x1, 3.2), min(y0, -3.2), max(y1, 3.2)))
        self.setAccessibleDescription(f"{0 if self._points is None else len(self._points)} points")
        self._renew()

    def set_home(self, extent: Extent) -> None:
        """The part of the plane that `fit` shows."""
        if extent != self._home:
            self.set_extent(*extent)

    def set_hidden(self, labels: Iterable[int]) -> None:
        """Classes whose points are not drawn."""
        self._hidden = {int(k) for k in labels}
        self._renew()

    def set_background(self, array: np.ndarray | None, extent: Extent = (-4.0, 4.0, -4.0, 4.0)) -> None:
        """A density (h, w) behind the points; row 0 is the lowest."""
        self._values = None if array is None else (np.asarray(array, float), extent)
        self._shade = None
        self._renew()

    def set_contours(self, lines: Sequence[tuple[str, np.ndarray]]) -> None:
        """Contours of the prior: a name and segments (n, 4) on the plane for each."""
        self._contours = list(lines)
        self._renew()

    def set_lattice(self, picture: np.ndarray | None, extent: Extent = (-3.0, 3.0, -3.0, 3.0)) -> None:
        """Decoded pictures behind the points, as one picture with transparency whose first row is the highest."""
        self._lattice = None if picture is None else (images.to_qimage(picture), extent)
        self._renew()

    def set_ellipses(self, centres: np.ndarray | None, covariances: np.ndarray, labels: np.ndarray | None) -> None:
        """How surely the encoder places some of the points, one standard deviation each."""
        self._ellipses = None if centres is None else (centres, covariances, labels)
        self._renew()

    def set_pointed(self, centre: np.ndarray | None, covariance: np.ndarray | None = None, label: int = 0) -> None:
        """The encoder's ellipses, of one and two standard deviations, of the point under the pointer."""
        new = None if centre is None or covariance is None else (centre, covariance, label)
        if new is not None or self._pointed is not None:
            self._pointed = new
            self.update()

    def set_shown(self, layer: str, on: bool) -> None:
        """Show or hide density, prior, lattice, ellipses or points."""
        if self._shows[layer] != on:
            self._shows[layer] = on
            self._renew()

    def is_shown(self, layer: str) -> bool:
        """Whether a layer is to be seen."""
        return self._shows[layer]

    def set_cursor(self, x: float, y: float) -> None:
        """Move the crosshair without a signal."""
        self._cursor = (float(x), float(y))
        self.update()

    def cursor_point(self) -> tuple[float, float]:
        """Where the crosshair is."""
        return self._cursor

    def set_cursor_image(
        self, picture: np.ndarray | None, off_data: bool = False, words: str = "", near: np.ndarray | None = None
    ) -> None:
        """The decoded picture at the crosshair, the nearest real example and words below; `off_data` warns."""
        made = [None if one is None else images.to_qimage(one) for one in (picture, near)]
        self._at_cursor = padpaint.Shown(made[0], made[1], words or ("no data here" if off_data else ""), off_data)
        self.update()

    def has_content(self) -> bool:
        """Points, a background or a decoded picture."""
        some = self._points is not None and len(self._points) > 0
        pictured = self._at_cursor.picture is not None or self._lattice is not None
        return some or self._values is not None or bool(self._contours) or pictured

    # painting

    def _renew(self) -> None:
        self.carpet.drop()
        self.rebuild()

    def rebuild(self) -> None:
        """Paint anew; where another part of the plane is seen, say so once it rests."""
        super().rebuild()
        seen = self.shown()
        if seen != self._seen:
            self._seen = seen
            self._rest.start()

    def paint_scene(self, painter: QPainter) -> None:
        """Densities, pictures and points: painted once, and moved while one pans."""
        if painter.paintEngine().type() in (QPaintEngine.Type.SVG, QPaintEngine.Type.Pdf):
            self._paint_carpet(painter, self.area())
            return
        key = (theme.current().name, theme.scale())
        self.carpet.lay(painter, self.area(), self._center, self._per_px, self.devicePixelRatioF(), key)

    def _paint_carpet(self, painter: QPainter, area: QRectF) -> None:
        if self._values is not None and self._shows["density"]:
            values, extent = self._values
            if self._shade is None or self._shade[0] != theme.current().name:
                picture = colormap.colorize(values, density_scale(), fade=True)
                self._shade = theme.current().name, images.to_qimage(np.ascontiguousarray(picture[::-1]))
            self.draw_image(painter, self._shade[1], extent, 0.8)
        if self._lattice is not None and self._shows["lattice"]:
            self.draw_image(painter, *self._lattice)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        if self._shows["prior"]:
            padpaint.contours(painter, self, self._contours)
        if self._points is None or not self._shows["points"]:
            return
        self._paint_points(painter, area)
        if self._ellipses is not None and self._shows["ellipses"]:
            centres, covariances, labels = self._ellipses
            painter.setBrush(Qt.BrushStyle.NoBrush)
            for i, (centre, covariance) in enumerate(zip(centres, covariances, strict=True)):
                label = 0 if labels is None else int(labels[i])
                if labels is None or label not in self._hidden:
                    padpaint.ellipse(painter, self, centre, covariance, self._colour(label, labels is not None))
        if self._labels is not None:
            padpaint.class_names(painter, self, self._points, self._labels, self._names, self._hidden)

    def _paint_points(self, painter: QPainter, area: QRectF) -> None:
        assert self._points is not None
        seen = np.ones(len(self._points), bool)
        if self._labels is not None and self._hidden:
            seen = ~np.isin(self._labels, list(self._hidden))
        ratio = painter.device().devicePixelRatio()
        seen_px = min(self.area().width(), self.area().height())
        room = min(1.0, max(0.6, seen_px / theme.px(380)))  # a small map has small points
        radius = (2.4 if len(self._points) <= 3000 else 1.8) * theme.scale() * room * ratio
        at = (self.screen_array(self._points[seen]) - np.array([area.left(), area.top()])) * ratio
        colours = label_colours(None if self._labels is None else self._labels[seen], int(seen.sum()))
        wide, high = int(np.ceil(area.width() * ratio)), int(np.ceil(area.height() * ratio))
        picture = stamp(at, colours, wide, high, radius, QColor(theme.current().base))
        painter.drawImage(QRectF(area.left(), area.top(), wide / ratio, high / ratio), picture)

    def _colour(self, label: int, labelled: bool) -> QColor:
        return QColor(theme.label_color(label) if labelled else theme.current().series[0])

    def paint_over(self, painter: QPainter) -> None:
        """The example pointed at, the crosshair, the decoded picture."""
        if self._pointed is not None and self._shows["points"]:
            centre, covariance, label = self._pointed
            painter.setBrush(Qt.BrushStyle.NoBrush)
            for times in (1.0, 2.0):
                colour = self._colour(label, self._labels is not None)
                padpaint.ellipse(painter, self, centre, covariance, colour, times)
        c = self.to_screen(*self._cursor)
        padpaint.crosshair(painter, self.area(), c, self._at_cursor.off_data)
        padpaint.shown(painter, self.area(), c, self._at_cursor)
