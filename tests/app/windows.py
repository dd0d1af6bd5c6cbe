"""Windows over an engine that gives what a test left in it; conftest.py makes them fixtures."""

from __future__ import annotations

from app.shell.window import Window
from gm_core import api
from tests.app.fake_core import FakeEngine

CATALOGUE = api.Catalogue(
    (),
    (api.DataKind("digits", "Digits", "", ()),),
    api.describe(api.TrainSpec, "train"),
    api.DeviceCard("cpu", "CPU", 1),
)


class ReplayEngine(FakeEngine):
    """Remembers commands and gives the events that the test left."""

    def __init__(self) -> None:
        super().__init__()
        self.events: list[api.Event] = []
        self.started = self.closed = False

    def start(self) -> None:
        self.started = True

    def drain(self) -> list[api.Event]:
        taken, self.events = self.events, []
        return taken

    def close(self, seconds: float = 5.0) -> bool:
        self.closed = True
        return True


def ready(window: Window, *cards: api.RunCard) -> None:
    """The worker is there, with these runs."""
    events: list[api.Event] = [api.Ready(CATALOGUE)]
    events += [api.RunChanged(card) for card in cards]
    window.desk.take(events)


