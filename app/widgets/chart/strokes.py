"""How the lines of a chart are drawn: which are behind, which are dimmed, how wide, and from which column on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QColor, QPainter, QPen

from app.shell import theme
from app.widgets.chart.frame import Frame
from app.widgets.chart.lines import FEW, Line
from app.widgets.chart.trace import NEVER, polygon, trace

SPARSE = 400  # points up to which a line is dashed where that was wished
FINE = 20_000  # up to so many points a curve at rest is drawn smooth


@dataclass(frozen=True)
class Style:
    """How one line is drawn; a line whose style has changed is drawn anew from its beginning."""

    colour: str
    weight: float
    dashed: bool
    dimmed: bool
    bright: bool
    fine: bool
    hidden: bool


def draw(p: QPainter, frame: Frame, lines: list[tuple[Line, Style]], since: float = NEVER) -> None:
    """All lines: what was given up, then raw values, then averages, the bright one last."""
    ranked = sorted(((line, style) for line, style in lines if not style.hidden), key=lambda pair: pair[1].bright)
    for line, style in ranked:
        for x, y in line.stretches()[1:]:
            # What was given up stays visible, but pale.
            _stroke(p, frame, x, y, since, _pen(style, 0.3, False))
    for line, style in ranked:
        smooth = style.weight > 0 and len(line.py) >= FEW
        wide = style.fine and not smooth
        _stroke(p, frame, line.px, line.py, since, _pen(style, 0.3 if smooth else 1.0, wide), wide)
    for line, style in ranked:
        if style.weight > 0 and len(line.py) >= FEW:
            pen = _pen(style, 1.0, style.fine)
            _stroke(p, frame, line.px, line.average(style.weight), since, pen, style.fine)


def last_height(frame: Frame, line: Line, style: Style) -> float:
    """Where on the upright axis a line ends, NaN where it has no value there."""
    averaged = style.weight > 0 and len(line.py) >= FEW
    tail = frame.lift((line.average(style.weight) if averaged else line.py)[-64:])
    good = tail[np.isfinite(tail)]
    return float(good[-1]) if len(good) else float("nan")


def _pen(style: Style, strength: float, wide: bool) -> QPen:
    """Paleness is mixed into the colour: a transparent pen takes forty times as long as a solid one."""
    t = theme.current()
    shade = strength * (0.35 if style.dimmed else 1.0)
    pen = QPen(QColor(theme.mix(t.base, style.colour, shade)), 1.8 if wide else 1.0)
    pen.setCosmetic(True)
    pen.setJoinStyle(Qt.PenJoinStyle.RoundJoin if wide else Qt.PenJoinStyle.BevelJoin)
    if style.dashed and strength == 1.0:
        pen.setDashPattern([5, 3.5])
    return pen


def _stroke(
    p: QPainter, frame: Frame, x: np.ndarray, y: np.ndarray, since: float, pen: QPen, fine: bool = False
) -> None:
    if pen.style() != Qt.PenStyle.SolidLine:
        if len(x) > SPARSE:
            pen.setStyle(Qt.PenStyle.SolidLine)  # dashes cost ten times a plain line, and here they are unreadable
        else:
            since = NEVER  # dashes are counted from the beginning
    found = trace(frame, x, y, since)
    p.setRenderHint(QPainter.RenderHint.Antialiasing, fine)
    p.setPen(pen)
    for points in found:
        low, high = frame.top - 2000, frame.bottom + 2000  # far outside, painters lose their precision
        if points[:, 1].min() < low or points[:, 1].max() > high:
            points[:, 1] = np.clip(points[:, 1], low, high)
        if len(points) == 1:
            _dot(p, QPointF(*points[0]), pen)
        else:
            p.drawPolyline(polygon(points))


def _dot(p: QPainter, where: QPointF, pen: QPen) -> None:
    p.setPen(QPen(pen.color(), theme.px(4), Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
    p.setRenderHint(QPainter.RenderHint.Antialiasing)
    p.drawPoint(where)
    p.setRenderHint(QPainter.RenderHint.Antialiasing, False)
    p.setPen(pen)
