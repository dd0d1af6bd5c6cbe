"""Rest: what takes long to compute waits before it is asked again, so that it never costs more than a share of time."""

from __future__ import annotations

TIMES = 10
"""It rests so many times as long as it took: at most a tenth of training's time goes to it."""


class Rest:
    """How long several things took, each the last time, and until when they rest together."""

    def __init__(self) -> None:
        self._costs: dict[str, float] = {}
        self.until = 0.0

    def took(self, what: str, seconds: float, now: float) -> None:
        """One of them has come, after so long."""
        self._costs[what] = seconds
        self.until = now + TIMES * sum(self._costs.values())

    def over(self, now: float) -> bool:
        """Whether they may be asked again."""
        return now >= self.until
