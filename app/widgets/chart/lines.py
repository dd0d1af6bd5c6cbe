"""One curve of a chart: its points, the stretches given up by going back, and its moving average, all of them growing
at the price of what is new."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from app.widgets import series

FEW = 10  # below this many points a smoothed line would only mislead
NOTHING = np.empty(0)


@dataclass
class Line:
    """What `put` was given, taken apart: (px, py) lead to the present, `given_up` are the stretches that do not."""

    label: str
    group: str
    short: str = ""
    dashed: bool = False
    colour: str | None = None
    hidden: bool = False
    x: np.ndarray = field(default_factory=lambda: NOTHING)
    y: np.ndarray = field(default_factory=lambda: NOTHING)
    px: np.ndarray = field(default_factory=lambda: NOTHING)
    py: np.ndarray = field(default_factory=lambda: NOTHING)
    given_up: list[slice] = field(default_factory=list)
    _averages: list[series.Smoother] = field(default_factory=list)
    _ends: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)

    def put(self, x: np.ndarray, y: np.ndarray) -> float | None:
        """Take all points of the curve; returns the x from which on it is new, None where nothing of it stays.

        A curve that only grew is recognised by its ends: first and last point are where they were.
        """
        n = len(self.x)
        grown = 0 < n <= len(x) and _same(self._ends, (x[0], y[0], x[n - 1], y[n - 1]))
        since: float | None = None
        if grown and len(self.px) and bool((np.diff(x[n - 1 :]) >= 0).all()):
            since = float(self.px[-1])
            whole = len(self.px) == n
            self.px = x if whole else np.concatenate((self.px, x[n:]))
            self.py = y if whole else np.concatenate((self.py, y[n:]))
        else:
            present, self.given_up = series.lineage(x)
            self.px, self.py = x[present], y[present]
        self.x, self.y = x, y
        if len(x):
            self._ends = (float(x[0]), float(y[0]), float(x[-1]), float(y[-1]))
        return since

    def stretches(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """x and y of the way to the present, then of what was given up."""
        return [(self.px, self.py), *((self.x[cut], self.y[cut]) for cut in self.given_up)]

    def average(self, weight: float, stretch: int = 0) -> np.ndarray:
        """The moving average of a stretch."""
        while len(self._averages) <= stretch:
            self._averages.append(series.Smoother())
        y = self.py if stretch == 0 else self.y[self.given_up[stretch - 1]]
        return self._averages[stretch](y, weight)

    def gap(self) -> float:
        """The mean distance of two points; 0 where there are no two."""
        return float(self.px[-1] - self.px[0]) / (len(self.px) - 1) if len(self.px) > 1 else 0.0

    def last(self) -> float | None:
        """The newest value that is a number."""
        tail = self.py[-64:][np.isfinite(self.py[-64:])]
        return float(tail[-1]) if len(tail) else None

    def nearest(self, x: float) -> int:
        """The place in (px, py) nearest to an x."""
        n = len(self.px)
        i = int(np.searchsorted(self.px, x))
        return min(n - 1, i if i == 0 or (i < n and self.px[i] - x < x - self.px[i - 1]) else i - 1)


def weight_of(line: Line, lines: Iterable[Line], wished: float) -> float:
    """The smoothing weight of a line.

    The wished one counts steps of the densest line: a validation point every 200 steps is hardly smoothed at all.
    """
    gap = line.gap()
    if len(line.px) < FEW or gap <= 0 or wished <= 0:
        return 0.0
    least = min(g for other in lines if (g := other.gap()) > 0)
    # Rounded, for a weight that drifts with each new point would be a new average of all points each time.
    weight = wished ** max(1.0, float(f"{gap / least:.2g}"))
    return weight if weight > 0.05 else 0.0


def _same(a: tuple[float, ...], b: tuple[float, ...]) -> bool:
    return all(u == v or (u != u and v != v) for u, v in zip(a, b, strict=True))
