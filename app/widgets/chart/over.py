"""What lies over the lines of a chart: flags with words, and names at the ends of lines."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPen

from app.shell import theme
from app.widgets.chart import strokes
from app.widgets.chart.ends import LEAST_GAP, End, spread
from app.widgets.chart.frame import Frame
from app.widgets.chart.lines import Line
from app.widgets.chart.strokes import Style

CROWDED = 0.6  # names may take this share of the height; beyond it they stand far from their lines
Names = Sequence[tuple[Line, Style]]


def paint_flag(p: QPainter, frame: Frame, x: float, flag: str, rank: int) -> None:
    """An upright line with words; neighbours stand at three heights."""
    if not frame.x0 <= x <= frame.x1:
        return
    t, at = theme.current(), int(frame.px(x))
    pen = QPen(QColor(theme.mix(t.base, t.warn, 0.8)), 1)
    pen.setDashPattern([5, 3.5])
    p.setPen(pen)
    p.drawLine(QPointF(at + 0.5, frame.top), QPointF(at + 0.5, frame.bottom))
    p.setFont(theme.ui_font(-1.5))
    metrics = QFontMetricsF(p.font())
    width, line = metrics.horizontalAdvance(flag) + theme.px(8), metrics.height()
    left = at + 2.0 if at + width + 2 < frame.right else at - width - 1.0
    box = QRectF(left, frame.top + 2 + (rank % 3) * (line + 2), width, line)
    p.fillRect(box, theme.color(t.base, 215))
    p.setPen(QColor(t.text))
    p.drawText(box, Qt.AlignmentFlag.AlignCenter, flag)


def worth_naming(names: Names, height: int) -> Names:
    """The lines that get names: all where they fit, else those that are not dashed, else none."""
    most = CROWDED * height / (QFontMetricsF(theme.ui_font(-1.5)).height() + LEAST_GAP)
    plain = [(line, style) for line, style in names if not style.dashed]
    return next((chosen for chosen in (names, plain) if len(chosen) <= most), [])


def room_for_names(names: Names, width: int, least_width: int) -> int:
    """How wide the strip right of the lines must be; the usual margin where there are no names."""
    if len(names) < 2 or width < least_width:
        return theme.px(8)
    metrics = QFontMetricsF(theme.ui_font(-1.5))
    widest = max(metrics.horizontalAdvance(_short(line)) for line, _ in names)
    return min(int(widest) + theme.px(12), width // 4)


def paint_names(p: QPainter, frame: Frame, names: Names, width: int) -> float:
    """The names of lines where the lines end, in a picture of this width; returns where they begin."""
    if width - frame.right <= theme.px(8):
        return frame.right
    p.setFont(theme.ui_font(-1.5))
    metrics = QFontMetricsF(p.font())
    line = metrics.height()
    found = [_end(frame, held, style) for held, style in names]
    ends = [end for end in found if end is not None]
    heights = spread([e.y - line / 2 for e in ends], line + LEAST_GAP, 0.0, frame.bottom - line)
    if not heights:
        return frame.right
    left = min(max(e.x for e in ends), frame.right) + theme.px(5)
    for end, top in zip(ends, heights, strict=True):
        p.setPen(QColor(end.colour))
        words = metrics.elidedText(end.words, Qt.TextElideMode.ElideRight, width - left)
        p.drawText(QPointF(left, top + metrics.ascent()), words)
    return left


def _short(line: Line) -> str:
    return line.short or line.label


def _end(frame: Frame, line: Line, style: Style) -> End | None:
    """Where the name of a line stands: at its newest visible value; none for a line that ends outside."""
    y = frame.py(strokes.last_height(frame, line, style))
    x = frame.px(float(line.px[-1]))
    # Written this way round so that NaN, a line without a value, has no name either.
    if not (frame.top - 4 <= y <= frame.bottom + 4 and x >= frame.left):
        return None
    t = theme.current()
    return End(_short(line), theme.mix(t.base, style.colour, 0.5 if style.dimmed else 1.0), x, y)
