"""What the latent map is painted of: contours, ellipses, names of classes, the decoded picture at the crosshair."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPen

from app.shell import theme
from app.widgets.chart.trace import path_of
from app.widgets.series import percentiles
from app.widgets.view2d import View2D

ROOMY = 200
"""A map of fewer pixels (of the design) shows one picture at its crosshair, not two."""
NAMES = 30
"""More classes than these are not named on the map."""


@dataclass
class Shown:
    """The picture at the crosshair, the nearest real example beside it, and how far that is (1 is usual)."""

    picture: QImage | None = None
    near: QImage | None = None
    words: str = ""
    off_data: bool = False


def contours(p: QPainter, view: View2D, lines: Sequence[tuple[str, np.ndarray]]) -> None:
    """Segments (n, 4) of each contour, the first solid and the next dashed, with its name at the upper right."""
    t = theme.current()
    for place, (name, segments) in enumerate(lines):
        if not len(segments):
            continue
        ends = view.screen_array(np.asarray(segments, float).reshape(-1, 2)).reshape(-1, 4)
        style = Qt.PenStyle.SolidLine if place == 0 else Qt.PenStyle.DashLine
        for colour, width in ((theme.color(t.base, 160), 3.0), (QColor(t.text), 1.2)):
            pen = QPen(colour, width, style if width < 2 else Qt.PenStyle.SolidLine)
            p.strokePath(path_of(ends.reshape(-1, 2, 2)), pen)
        corner = ends[(ends[:, 0] - ends[:, 1]).argmax(), :2]
        p.setFont(theme.ui_font(-2))
        box = QRectF(corner[0] + 3, corner[1] - theme.px(14), theme.px(24), theme.px(14))
        p.fillRect(box, theme.color(t.base, 170))
        p.setPen(QColor(t.text))
        p.drawText(box, Qt.AlignmentFlag.AlignCenter, name)


def ellipse(
    p: QPainter, view: View2D, centre: np.ndarray, covariance: np.ndarray, colour: QColor, times: float = 1.0
) -> None:
    """The ellipse of so many standard deviations of a Gaussian on the plane."""
    values, vectors = np.linalg.eigh(covariance)
    lengths = times * np.sqrt(np.maximum(values, 0.0))
    at = view.to_screen(float(centre[0]), float(centre[1]))
    right = view.to_screen(float(centre[0]) + 1.0, float(centre[1])).x() - at.x()
    p.save()
    p.setPen(QPen(colour, 1.2))
    p.translate(at)
    p.rotate(-float(np.degrees(np.arctan2(vectors[1, 1], vectors[0, 1]))))
    p.drawEllipse(QPointF(0, 0), float(lengths[1]) * right, float(lengths[0]) * right)
    p.restore()


def class_names(
    p: QPainter, view: View2D, points: np.ndarray, labels: np.ndarray, names: Sequence[str], hidden: set[int]
) -> None:
    """Ten colours are too many to tell apart, so each class also carries its name where it is densest."""
    t = theme.current()
    p.setFont(theme.ui_font(0, bold=True))
    for k in sorted(set(labels.tolist()))[:NAMES]:
        if k in hidden:
            continue
        middle = [percentiles(column, 50)[0] for column in points[labels == k].T]
        text = names[k] if k < len(names) else str(k)
        width = p.fontMetrics().horizontalAdvance(text) + theme.px(8)
        box = QRectF(0, 0, width, theme.px(18))
        box.moveCenter(view.to_screen(float(middle[0]), float(middle[1])))
        p.setPen(QPen(QColor(theme.label_color(k)), 1.5))
        p.setBrush(theme.color(t.base, 225))
        p.drawRoundedRect(box, 4, 4)
        p.setPen(QColor(t.text))
        p.drawText(box, Qt.AlignmentFlag.AlignCenter, text)


def crosshair(p: QPainter, area: QRectF, c: QPointF, warns: bool) -> None:
    """Where the code in front lies; its ring warns where no data does."""
    t = theme.current()
    p.setRenderHint(QPainter.RenderHint.Antialiasing, False)
    p.setPen(QPen(theme.color(t.text, 90), 1))
    p.drawLine(QPointF(area.left(), c.y()), QPointF(area.right(), c.y()))
    p.drawLine(QPointF(c.x(), area.top()), QPointF(c.x(), area.bottom()))
    p.setRenderHint(QPainter.RenderHint.Antialiasing)
    for colour, width in ((QColor(t.base), 4.0), (QColor(t.warn if warns else t.text), 1.8)):
        p.setPen(QPen(colour, width))
        p.setBrush(Qt.BrushStyle.NoBrush)
        p.drawEllipse(c, theme.px(5), theme.px(5))


def lasso(p: QPainter, points: list[QPointF]) -> None:
    """The loop that is being drawn."""
    t = theme.current()
    p.setPen(QPen(QColor(t.accent), 1.5, Qt.PenStyle.DashLine))
    p.setBrush(theme.color(t.accent, 40))
    p.drawPolygon(points)


def shown(p: QPainter, area: QRectF, c: QPointF, what: Shown) -> None:
    """The decoded picture beside the crosshair, the nearest real example, and the distance in words.

    On a small map the example is left out: two pictures would cover most of it.
    """
    near = what.near if min(area.width(), area.height()) >= theme.px(ROOMY) else None
    pictures = [one for one in (what.picture, near) if one is not None]
    if not pictures:
        return
    t = theme.current()
    sides = max(max(one.width(), one.height()) for one in pictures)
    side = min(theme.px(76), max(theme.px(28), 0.2 * min(area.width(), area.height())))
    zoom = max(1, round(side / sides)) if sides < side else side / sides
    between, gap = theme.px(4), theme.px(14)
    w = sum(one.width() * zoom for one in pictures) + between * (len(pictures) - 1)
    h = max(one.height() * zoom for one in pictures)
    caption = theme.px(16) if what.words else 0
    x = c.x() + gap if c.x() + gap + w + 4 < area.right() else c.x() - gap - w
    y = c.y() - gap - h - caption if c.y() - gap - h - caption - 4 > area.top() else c.y() + gap
    x = min(max(x, area.left() + 4), max(area.left() + 4, area.right() - w - 4))
    at = QPointF(round(x), round(y))
    edge = QColor(t.warn if what.off_data else t.text)
    for place, one in enumerate(pictures):
        box = QRectF(at.x(), at.y(), one.width() * zoom, one.height() * zoom)
        p.setPen(QPen(edge if place == 0 else QColor(t.edge), 2 if what.off_data and place == 0 else 1))
        p.setBrush(QColor(t.base))
        p.drawRect(box.adjusted(-2, -2, 2, 2))
        p.drawImage(box, one)
        at += QPointF(box.width() + between, 0)
    if what.words:
        p.setFont(theme.ui_font(-2))
        wide = max(w + 4, p.fontMetrics().horizontalAdvance(what.words) + theme.px(8))
        left = min(round(x) - 2, area.right() - wide - 2)
        strip = QRectF(left, round(y) + h + 3, wide, theme.px(15))
        p.fillRect(strip, theme.color(t.base, 225))
        p.setPen(QColor(t.warn if what.off_data else t.text))
        p.drawText(strip, Qt.AlignmentFlag.AlignCenter, what.words)
