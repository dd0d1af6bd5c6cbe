"""Axes that follow growing curves in strides, since painting them anew costs more than a few new points."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np

from app.widgets import series
from app.widgets.chart.frame import Frame
from app.widgets.chart.lines import Line

STRIDE = 0.1  # share of its length by which the x axis runs ahead of a growing curve
LOOK_EVERY = 2.0  # seconds after which the upright axis is fitted anew though all values are inside
LOOSE = 0.7  # an upright axis of which the values fill less than this share is fitted anew
TAIL = 32  # newest points that are looked at each time


@dataclass
class Follower:
    """Finds the range of both axes. `log` and `ignore_outliers` say how the upright one is meant."""

    log: bool = False
    ignore_outliers: bool = False
    _looked: float = 0.0

    def follow(self, frame: Frame, lines: list[Line], live: bool, exact: bool) -> tuple[float, float, float, float]:
        """x0, x1, y0, y1 that show these lines; while `live`, the present ones as long as they will do.

        `exact` asks for ranges that fit now, whatever the present ones are.
        """
        parts = [x for line in lines for x, _ in line.stretches() if len(x)]
        first, last = min(float(x[0]) for x in parts), max(float(x[-1]) for x in parts)
        length = last - first
        margin = length * 0.01 or 1.0
        left, right, low, high = frame.x0, frame.x1, frame.y0, frame.y1
        lasting = live and not exact and frame.log == self.log
        near = (
            lasting
            and abs(left - (first - margin)) < margin
            and last + margin <= right < last + length * STRIDE + 2 * margin
        )
        if not near:
            left, right = first - margin, last + (length * STRIDE if live else 0.0) + margin
        now = time.monotonic()
        if near and now - self._looked < LOOK_EVERY and all(self._inside(frame, line) for line in lines):
            return left, right, low, high
        self._looked = now
        span = series.value_range([series.sample(line.y) for line in lines], self.ignore_outliers, self.log)
        if span is None:
            return left, right, low, high
        fits = low <= span[0] and span[1] <= high and span[1] - span[0] > LOOSE * (high - low)
        return (left, right, low, high) if lasting and fits else (left, right, *span)

    def _inside(self, frame: Frame, line: Line) -> bool:
        tail = frame.lift(line.py[-TAIL:])
        tail = tail[np.isfinite(tail)]
        if not len(tail):
            return True
        ends = (np.median(tail),) if self.ignore_outliers else (tail.min(), tail.max())
        return all(frame.y0 <= value <= frame.y1 for value in ends)
