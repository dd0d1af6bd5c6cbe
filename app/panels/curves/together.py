"""Curves that are set together: the range of the axes is found once for all of them, not once for each."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from app.widgets.curves import CurvePlot


class Curves(CurvePlot):
    """A CurvePlot into which several series can be put at the price of one new range."""

    _together = False

    @contextmanager
    def together(self) -> Iterator[None]:
        """Within this, series are set; at its end the axes follow."""
        self._together = True
        try:
            yield
        finally:
            self._together = False
            self._range()

    def _range(self) -> None:
        if not self._together:
            super()._range()
