"""The ground of a chart: its colour, grid, tick marks and the words along both axes."""

from __future__ import annotations

from PySide6.QtCore import QLineF, QRectF, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPen

from app.shell import theme
from app.widgets.chart import ticks
from app.widgets.chart.frame import Frame
from app.widgets.chart.ticks import Tick


def y_ticks(frame: Frame) -> list[Tick]:
    """The ticks of the upright axis."""
    about = max(2, min(8, int((frame.bottom - frame.top) / theme.px(32))))
    return (ticks.logarithmic if frame.log else ticks.linear)(frame.y0, frame.y1, about)


def x_ticks(frame: Frame) -> list[Tick]:
    """The ticks of the lower axis."""
    about = max(2, min(10, int((frame.right - frame.left) / theme.px(96))))
    return (ticks.logarithmic if frame.log_x else ticks.linear)(frame.x0, frame.x1, about)


def margin(frame: Frame) -> int:
    """How much room the words of the upright axis take, in steps, so that the axis does not tremble."""
    metrics = QFontMetricsF(theme.number_font(-1.5))
    widest = max((metrics.horizontalAdvance(t.words) for t in y_ticks(frame)), default=0.0)
    step = theme.px(8)
    return max(theme.px(40), -int(-(widest + theme.px(12)) // step) * step)


def paint(p: QPainter, frame: Frame, size: QRectF, x_label: str, across: list[Tick] | None = None) -> None:
    """Everything that lies under the curves; `across` are other ticks for the lower axis, such as names."""
    t = theme.current()
    p.fillRect(size, QColor(t.base))
    across, upright = x_ticks(frame) if across is None else across, y_ticks(frame)
    grid, faint = theme.mix(t.base, t.border, 0.75), theme.mix(t.base, t.border, 0.38)
    named = any(tick.words for tick in upright)
    p.setPen(_pen(faint))
    p.drawLines([_across(frame, tick.at) for tick in upright if named and not tick.words])
    p.setPen(_pen(grid))
    p.drawLines([_across(frame, tick.at) for tick in upright if tick.words or not named])
    p.drawLines([_upright(frame, tick.at) for tick in across])
    p.setPen(_pen(t.edge))
    p.drawLine(QLineF(frame.left, _sharp(frame.bottom), frame.right, _sharp(frame.bottom)))
    font = theme.number_font(-1.5)
    p.setFont(font)
    p.setPen(QColor(t.muted))
    line = QFontMetricsF(font).height()
    right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
    for tick in upright:
        y = min(max(frame.py(tick.at), line / 2), size.bottom() - line / 2)
        p.drawText(QRectF(0, y - line / 2, frame.left - theme.px(6), line), right, tick.words)
    row = QRectF(0, frame.bottom + theme.px(3), size.right() - theme.px(6), line)
    p.setFont(theme.ui_font(-1.5))
    words_from = row.right() - QFontMetricsF(theme.ui_font(-1.5)).horizontalAdvance(x_label)
    p.drawText(row, right, x_label)
    p.setFont(font)
    for tick in across:
        half = QFontMetricsF(font).horizontalAdvance(tick.words) / 2
        x = frame.px(tick.at)
        if x + half < words_from - theme.px(8):  # the axis's own name stands at its right end
            p.drawText(QRectF(x - half - 1, row.top(), 2 * half + 2, line), Qt.AlignmentFlag.AlignCenter, tick.words)


def _pen(colour: str) -> QPen:
    return QPen(QColor(colour), 1)


def _sharp(v: float) -> float:
    # A line of one pixel is sharp where it runs through the middle of pixels.
    return int(v) + 0.5


def _across(frame: Frame, at: float) -> QLineF:
    y = _sharp(frame.py(at))
    return QLineF(frame.left, y, frame.right, y)


def _upright(frame: Frame, at: float) -> QLineF:
    x = _sharp(frame.px(at))
    return QLineF(x, frame.top, x, frame.bottom)
