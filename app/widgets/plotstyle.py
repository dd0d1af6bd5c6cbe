"""Brings pyqtgraph plots, which know nothing of palettes, into the colours and fonts of the theme."""

from __future__ import annotations

from typing import Any

from PySide6.QtGui import QColor, QPen

from app.shell import theme


def pen(colour: str, width: float = 1.0, alpha: int = 255, dashed: bool = False) -> QPen:
    """A cosmetic pen: its width is in pixels of the screen whatever the scale of the plot."""
    p = QPen(theme.color(colour, alpha), width)
    p.setCosmetic(True)
    if dashed:
        p.setDashPattern([5, 3.5])
    return p


def recolour_plot(plot: Any, t: theme.Theme | None = None) -> None:
    """Give a PlotWidget (or PlotItem) the theme's background, axis pens, tick fonts and text scale."""
    t = t or theme.current()
    item = plot.getPlotItem() if hasattr(plot, "getPlotItem") else plot
    if hasattr(plot, "setBackground"):
        plot.setBackground(QColor(t.base))
    for name in ("left", "bottom"):
        axis = item.getAxis(name)
        axis.setPen(pen(t.border))
        axis.setTickPen(pen(t.border))
        axis.setTextPen(QColor(t.muted))
        axis.setStyle(tickFont=theme.number_font(-1.5), tickTextOffset=theme.px(4), tickLength=-theme.px(4))
        axis.label.setFont(theme.ui_font(-1))
        axis.setLabel(text=axis.labelText, color=t.muted)
    item.getAxis("left").setWidth(theme.px(46))
    item.showGrid(x=True, y=True, alpha=0.12 if t.dark else 0.16)
