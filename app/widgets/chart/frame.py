"""Where values lie on the screen: a rectangle of pixels and the range of both axes. No Qt widgets."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from PySide6.QtCore import QRectF


@dataclass(frozen=True)
class Frame:
    """The rectangle (logical pixels) that shows x from x0 to x1 and y from y0 to y1 (log10 of y where `log`, of x where
    `log_x`).

    `dpr` is how many pixels of the screen one logical pixel has; it decides how finely lines are thinned.
    """

    left: float
    top: float
    right: float
    bottom: float
    x0: float = 0.0
    x1: float = 1.0
    y0: float = 0.0
    y1: float = 1.0
    log: bool = False
    dpr: float = 1.0
    log_x: bool = False

    @property
    def rect(self) -> QRectF:
        """The rectangle."""
        return QRectF(self.left, self.top, self.right - self.left, self.bottom - self.top)

    @property
    def wide(self) -> float:
        """Logical pixels for one unit of x."""
        return (self.right - self.left) / (self.x1 - self.x0)

    @property
    def high(self) -> float:
        """Logical pixels for one unit of y."""
        return (self.bottom - self.top) / (self.y1 - self.y0)

    def px(self, x: float) -> float:
        """The pixel of an x."""
        return self.left + (x - self.x0) * self.wide

    def py(self, y: float) -> float:
        """The pixel of a y, which is log10 already on a logarithmic axis."""
        return self.bottom - (y - self.y0) * self.high

    def x_at(self, px: float) -> float:
        """The x at a pixel."""
        return self.x0 + (px - self.left) / self.wide

    def y_at(self, py: float) -> float:
        """The y at a pixel, log10 on a logarithmic axis."""
        return self.y0 + (self.bottom - py) / self.high

    def lift(self, y: np.ndarray) -> np.ndarray:
        """Values as the axis counts them: float64, log10 where it is logarithmic, NaN for what cannot be drawn."""
        return _lifted(y, self.log)

    def lift_x(self, x: np.ndarray) -> np.ndarray:
        """The same along the lower axis."""
        return _lifted(x, self.log_x)

    def zoomed(self, factor: float, x: float, y: float, along: str = "xy") -> Frame:
        """The same rectangle over a range `factor` times as wide, with (x, y) staying where it is."""
        f, new = factor, self
        if "x" in along:
            new = replace(new, x0=x - (x - self.x0) * f, x1=x + (self.x1 - x) * f)
        if "y" in along:
            new = replace(new, y0=y - (y - self.y0) * f, y1=y + (self.y1 - y) * f)
        return new

    def moved(self, dx: float, dy: float) -> Frame:
        """The range as it is after the picture was pushed by so many pixels."""
        a, b = dx / self.wide, dy / self.high
        return replace(self, x0=self.x0 - a, x1=self.x1 - a, y0=self.y0 + b, y1=self.y1 + b)

    def sane(self) -> bool:
        """Whether floating point can still tell the ends of both axes apart, so that it can be drawn."""
        wide, high = self.x1 - self.x0, self.y1 - self.y0
        tell = 1e-9 * max(abs(self.x0), abs(self.x1), 1e-9), 1e-9 * max(abs(self.y0), abs(self.y1), 1e-9)
        return bool(np.isfinite(wide) and np.isfinite(high) and tell[0] < wide < 1e15 and tell[1] < high < 1e15)


def _lifted(values: np.ndarray, log: bool) -> np.ndarray:
    v = np.asarray(values, np.float64)
    if not log:
        return v if np.isfinite(v).all() else np.where(np.isfinite(v), v, np.nan)
    good = (v > 0) & np.isfinite(v)
    return np.log10(v, out=np.full(v.shape, np.nan), where=good)
