"""Small pictures of digits set side by side, as a mark of a figure without axes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QPointF, QRectF
from PySide6.QtGui import QPainter

from app.shell import theme
from app.widgets import images, kit
from app.widgets.chart.frame import Frame
from app.widgets.figuremarks import Mark
from app.widgets.view2d import Extent

GAP = 1


@dataclass(frozen=True)
class Sheet(Mark):
    """Pictures (n, h, w) of values 0 to 1 in rows of `columns`, with one clear pixel between them; the axes count
    pixels, and the first picture stands at the upper left. NaN is a pixel of which nothing is known.

    Off is a little off the ground of the theme and on is its ink, so that the pictures read in both themes.
    """

    pictures: np.ndarray
    columns: int

    def size(self) -> tuple[int, int]:
        """Width and height of the whole, in pixels of the pictures."""
        n, high, wide = self.pictures.shape
        rows = -(-n // self.columns)
        return self.columns * (wide + GAP) - GAP, rows * (high + GAP) - GAP

    def box(self) -> Extent | None:
        wide, high = self.size()
        return 0.0, float(wide), 0.0, float(high)

    def paint(self, p: QPainter, f: Frame) -> None:
        t = theme.current()
        off, on = (np.array(kit.rgb(theme.mix(t.base, t.text, share)), float) for share in (0.1, 0.96))
        unknown = np.array(kit.rgb(theme.mix(t.base, t.accent, 0.28)), float)
        wide, high = self.size()
        n, h, w = self.pictures.shape
        rows = -(-n // self.columns)
        value = np.clip(self.pictures, 0.0, 1.0)[..., None]
        colour = np.where(np.isnan(value), unknown, off + value * (on - off))
        tiles = np.zeros((rows * self.columns, h + GAP, w + GAP, 4), np.uint8)
        tiles[:n, :h, :w, :3], tiles[:n, :h, :w, 3] = np.round(colour), 255
        grid = tiles.reshape(rows, self.columns, h + GAP, w + GAP, 4).swapaxes(1, 2)
        made = np.ascontiguousarray(grid.reshape(high + GAP, wide + GAP, 4)[:high, :wide])
        p.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, False)
        corners = QPointF(f.px(0.0), f.py(float(high))), QPointF(f.px(float(wide)), f.py(0.0))
        p.drawImage(QRectF(*corners), images.to_qimage(made))
