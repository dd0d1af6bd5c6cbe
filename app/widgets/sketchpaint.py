"""How the marks of a drawing are painted: outlines in the colours of their classes over a faint density."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QImage, QPainter, QPainterPath, QPen, QPolygonF, QTransform

from app.shell import theme
from app.widgets.images import to_qimage
from app.widgets.sketchmarks import Mark, copies, half_box, handles, points_of
from app.widgets.view2d import View2D

FONT = "DejaVu Sans"
LETTER = 100
"""Pixels of the font in which letters are outlined before they are scaled."""


def letters(text: str) -> QPainterPath:
    """The outlines of a text at size 1, about its middle, y upwards."""
    return _letters(text)


@lru_cache(maxsize=64)
def _letters(text: str) -> QPainterPath:
    font = QFont(FONT)
    font.setPixelSize(LETTER)
    path = QPainterPath()
    path.addText(0, 0, font, text)
    middle = path.boundingRect().center()
    return QTransform.fromScale(1 / LETTER, -1 / LETTER).map(path.translated(-middle))


@lru_cache(maxsize=16)
def _picture(ink: str, columns: int, colour: str) -> QImage:
    """A picture whose opacity is its ink; row 0 at the bottom, as the plane's pictures are drawn."""
    levels = np.array([int(digit, 16) for digit in ink], np.uint8).reshape(-1, columns)
    rgba = np.empty((*levels.shape, 4), np.uint8)
    rgba[..., :3] = QColor(colour).getRgb()[:3]
    rgba[..., 3] = levels * 17
    return to_qimage(np.ascontiguousarray(rgba))


def paint_mark(view: View2D, p: QPainter, mark: Mark, chosen: bool = False) -> None:
    """One mark with its mirror images, which are paler."""
    colour = theme.label_color(int(mark.get("label", 0)))
    for number, (sx, sy) in enumerate(copies(mark)):
        p.save()
        if number:
            p.setOpacity(0.5)
        _paint(view, p, mark, colour, np.array([sx, sy]), chosen and number == 0)
        p.restore()


def _paint(view: View2D, p: QPainter, mark: Mark, colour: str, flip: np.ndarray, chosen: bool) -> None:
    kind = mark["kind"]
    p.setBrush(Qt.BrushStyle.NoBrush)
    if kind == "brush":
        line = view.screen_array(points_of(mark) * flip)
        wide = max(2.0, float(mark["width"]) * unit(view))
        _stroke(p, line, theme.color(colour, 150 if chosen else 70), wide)
        _stroke(p, line, theme.color(colour), 2.0 if chosen else 1.2)
    elif kind in ("spray", "points"):
        wide = max(3.0, float(mark["width"]) * unit(view))
        p.setPen(QPen(theme.color(colour, 220 if chosen else 120), wide, cap=Qt.PenCapStyle.RoundCap))
        p.drawPoints(_polygon(view.screen_array(points_of(mark) * flip)))
    elif kind == "gaussian":
        for number, sds in enumerate((1.0, 2.0)):
            p.setPen(QPen(theme.color(colour, 110 if number else 255), 2.0 if chosen else 1.4))
            p.drawPolygon(_polygon(view.screen_array(ellipse(mark, sds) * flip)))
    else:
        p.setTransform(_placing(view, mark, flip), True)
        _paint_figure(p, mark, colour, chosen)


def _paint_figure(p: QPainter, mark: Mark, colour: str, chosen: bool) -> None:
    """A text or a picture about the middle of its own sheet, y upwards, in units of the plane."""
    pen = QPen(theme.color(colour), 2.0 if chosen else 1.0)
    pen.setCosmetic(True)
    wide, high = half_box(mark)
    box = QRectF(-wide, -high, 2 * wide, 2 * high)
    if mark["kind"] == "text":
        p.setPen(pen)
        p.setBrush(theme.color(colour, 70))
        size = float(mark["size"])
        p.drawPath(QTransform.fromScale(size, size).map(letters(mark["text"])))
    else:
        p.save()
        p.scale(1, -1)
        p.setOpacity(p.opacity() * 0.6)
        p.drawImage(box, _picture(mark["ink"], int(mark["columns"]), colour))
        p.restore()
        pen.setStyle(Qt.PenStyle.SolidLine if chosen else Qt.PenStyle.DotLine)
        p.setPen(pen)
        p.setBrush(Qt.BrushStyle.NoBrush)
        p.drawRect(box)


def _placing(view: View2D, mark: Mark, flip: np.ndarray) -> QTransform:
    """From a mark's own sheet to the screen."""
    middle = view.to_screen(float(mark["at"][0] * flip[0]), float(mark["at"][1] * flip[1]))
    scale = unit(view)
    made = QTransform.fromTranslate(middle.x(), middle.y())
    made.scale(scale * float(flip[0]), -scale * float(flip[1]))
    made.rotate(float(mark.get("angle", 0.0)))
    return made


def unit(view: View2D) -> float:
    """Pixels of the screen for one unit of the plane."""
    return view.to_screen(1, 0).x() - view.to_screen(0, 0).x()


def paint_handles(view: View2D, p: QPainter, mark: Mark) -> None:
    """The handles of the chosen mark, each joined to its middle."""
    t = theme.current()
    side = theme.px(8)
    for x, y in handles(mark).values():
        place, middle = view.to_screen(x, y), view.to_screen(*mark["at"])
        p.setPen(QPen(QColor(t.muted), 1, Qt.PenStyle.DashLine))
        p.drawLine(middle, place)
        p.setPen(QPen(QColor(t.text), 1.5))
        p.setBrush(QColor(t.base))
        p.drawRect(QRectF(place.x() - side / 2, place.y() - side / 2, side, side))


def ellipse(mark: Mark, sds: float) -> np.ndarray:
    """The line (64, 2) so many standard deviations from the middle of a Gaussian."""
    turn = np.linspace(0, 2 * np.pi, 64, endpoint=False)
    a, b = mark["axes"]
    u, v = sds * a * np.cos(turn), sds * b * np.sin(turn)
    angle = math.radians(float(mark.get("angle", 0.0)))
    c, s = math.cos(angle), math.sin(angle)
    return np.stack([c * u - s * v, s * u + c * v], 1) + np.array(mark["at"], float)


def _stroke(p: QPainter, line: np.ndarray, colour: QColor, wide: float) -> None:
    p.setPen(QPen(colour, wide, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap, Qt.PenJoinStyle.RoundJoin))
    if len(line) == 1 or not np.ptp(line, axis=0).any():
        p.drawPoint(QPointF(*line[0]))
    else:
        p.drawPolyline(_polygon(line))


def _polygon(xy: np.ndarray) -> QPolygonF:
    return QPolygonF([QPointF(x, y) for x, y in xy.tolist()])
