"""How the worker spends its time, told twice a second."""

from __future__ import annotations

from gm_core.protocol.events import Timing

INTERVAL = 0.5


class Timer:
    """Adds up seconds and steps between two reports, and keeps the longest yield of each job."""

    def __init__(self, now: float) -> None:
        self._begin(now)

    def _begin(self, now: float) -> None:
        self._since = now
        self._training = self._viewing = 0.0
        self._steps = 0
        self._longest: dict[str, float] = {}

    def trained(self, run: str, seconds: float, steps: int) -> None:
        """A yield of training that took so long and so many steps."""
        self._training += seconds
        self._steps += steps
        self._longest[run] = max(self._longest.get(run, 0.0), seconds)

    def viewed(self, topic: str, seconds: float) -> None:
        """A yield of a view that took so long."""
        self._viewing += seconds
        self._longest[topic] = max(self._longest.get(topic, 0.0), seconds)

    def due(self, now: float) -> Timing | None:
        """The report on what has passed, when it is time and anything has happened; then count anew."""
        passed = now - self._since
        if passed < INTERVAL:
            return None
        found = None
        if self._training or self._viewing:
            shares = (min(1.0, self._training / passed), min(1.0, self._viewing / passed))
            found = Timing(self._steps / passed, *shares, dict(self._longest))
        self._begin(now)
        return found
