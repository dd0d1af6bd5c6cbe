"""The pace: who may compute next, training or views."""

from __future__ import annotations

BURST = 0.25
"""Seconds of credit that a queue can save up."""


class Pace:
    """Credit for two kinds of views, earned by training time and spent by viewing.

    What a person asks for (a slider being dragged) earns one second per second of training, so it never waits long.
    What follows training by itself (a gallery) earns the small share that is set. With nothing to train, views run
    flat out.
    """

    def __init__(self, views: float = 0.04, asked: float = 1.0) -> None:
        self.views = views
        self.asked = asked
        self._credit = {"asked": BURST, "following": BURST}

    def earned(self, seconds: float) -> None:
        """Training has run for so long."""
        self._credit["asked"] = min(BURST, self._credit["asked"] + seconds * self.asked)
        self._credit["following"] = min(BURST, self._credit["following"] + seconds * self.views)

    def spent(self, kind: str, seconds: float) -> None:
        """A view of this kind has run for so long while training wanted to."""
        self._credit[kind] -= seconds

    def may(self, kind: str) -> bool:
        """Whether a view of this kind goes before training now."""
        return self._credit[kind] > 0
