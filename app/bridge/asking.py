"""Asking: what each panel wishes to know, with tickets, so that only answers to the newest wish are shown.

While an ask on a topic waits for its answer, only the newest of the later ones is kept back and sent next, so that a
dragged slider shows as many pictures as the engine can make and always ends on the last.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from app.bridge.recorded import Recording
from gm_core import api

SHARED: Final = -1
"""Ask at the shared step: wherever the time bar stands, and again whenever it moves."""

PATIENCE: Final = 0.25
"""Seconds that an unanswered ask may hold back its successor; after that it is replaced."""


@dataclass
class Wish:
    """The standing wish of a topic: what was asked last, and which ticket is on its way."""

    topic: str
    run: str
    query: api.Query
    step: int | None
    follow: bool
    ticket: int
    patient: bool = True
    asleep: bool = False
    sent: int = 0
    sent_at: float = 0.0
    sent_run: str = ""
    answered: bool = False
    recorded_ticket: int = 0

    def recorded(self, recording: Recording) -> list[api.Answered]:
        """The answers that a recording has, once a ticket."""
        if self.recorded_ticket == self.ticket:
            return []
        self.recorded_ticket = self.ticket
        frames, step = recording.answer(self.query), recording.card.step
        last = len(frames) - 1
        return [
            api.Answered(self.run, self.topic, self.ticket, step, i, frame, i == last) for i, frame in enumerate(frames)
        ]


class Asking:
    """All standing wishes by topic. It sends nothing by itself but cancellations; `due` says what should be sent."""

    def __init__(self, send: Callable[[api.Command], None], ready: Callable[[], bool]) -> None:
        self._send, self._ready = send, ready
        self._wishes: dict[str, Wish] = {}
        self._tickets = 0

    def ask(self, topic: str, query: api.Query, run: str, step: int | None, follow: bool, patient: bool) -> int:
        """Wish for something; returns its ticket."""
        self._tickets += 1
        old = self._wishes.get(topic)
        wish = Wish(topic, run, query, step, follow, self._tickets, patient)
        if old is not None:
            wish.sent, wish.sent_at, wish.sent_run, wish.answered = old.sent, old.sent_at, old.sent_run, old.answered
        self._wishes[topic] = wish
        return wish.ticket

    def due(self, now: float) -> list[Wish]:
        """The wishes that should be sent now: new ones that no unanswered predecessor holds back."""
        made = []
        for wish in self._wishes.values():
            if wish.asleep or wish.sent == wish.ticket or not wish.run:
                continue
            on_its_way = bool(wish.sent) and not wish.answered and wish.sent_run == wish.run
            if not (on_its_way and wish.patient and now - wish.sent_at < PATIENCE):
                made.append(wish)
        return made

    def send(self, wish: Wish, step: int | None, now: float) -> api.Ask:
        """Note that a wish is on its way, and give it as a command."""
        wish.sent, wish.sent_at, wish.sent_run, wish.answered = wish.ticket, now, wish.run, False
        return api.Ask(wish.run, wish.topic, wish.ticket, wish.query, step, wish.follow and step is None)

    def takes(self, event: api.Answered) -> bool:
        """Whether an answer belongs to what is on its way; all others are stale."""
        wish = self._wishes.get(event.topic)
        if wish is None or event.ticket != wish.sent or event.run != wish.run or wish.asleep:
            return False
        wish.answered = True
        return event.frame is not None or event.last

    def refused(self, event: api.Trouble) -> bool:
        """Whether a trouble concerns what is on its way."""
        wish = self._wishes.get(event.topic)
        if wish is None or event.ticket != wish.sent:
            return False
        wish.answered = True
        return True

    def cancel(self, topic: str) -> None:
        """Give up a topic."""
        wish = self._wishes.pop(topic, None)
        if wish is not None and wish.sent and self._ready():
            self._send(api.Cancel(topic))

    def runs(self) -> set[str]:
        """The runs of all wishes that do not rest."""
        return {wish.run for wish in self._wishes.values() if not wish.asleep}

    def forget(self, prefix: str) -> None:
        """Give up all topics under a prefix."""
        for topic in [topic for topic in self._wishes if topic.startswith(prefix)]:
            self.cancel(topic)

    def sleep(self, prefix: str) -> None:
        """Rest all topics under a prefix."""
        for topic, wish in self._wishes.items():
            if topic.startswith(prefix) and not wish.asleep:
                wish.asleep = True
                if wish.sent and self._ready():
                    self._send(api.Cancel(topic))
                wish.sent = 0

    def wake(self, prefix: str) -> None:
        """Ask again what rested."""
        for topic, wish in self._wishes.items():
            if topic.startswith(prefix) and wish.asleep:
                wish.asleep = False
                self._renew(wish)

    def renew(self, which: Callable[[Wish], bool]) -> None:
        """Ask again: the shared step moved, or somebody else answers now."""
        for wish in self._wishes.values():
            if which(wish):
                self._renew(wish)

    def move(self, old: str, new: str) -> None:
        """A run goes by another name now; what was asked of it is asked again."""
        for wish in self._wishes.values():
            if wish.run == old:
                wish.run = new
        self.renew(lambda wish: wish.run == new)

    def _renew(self, wish: Wish) -> None:
        self._tickets += 1
        wish.ticket = self._tickets
