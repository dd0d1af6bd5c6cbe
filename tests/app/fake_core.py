"""A stand-in for the core that answers at once, and a bench with a desk over it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from app.bridge.desk import Desk
from gm_core import api
from tests.app.fake_frames import frames_for
from tests.app.fake_model import run_card


class FakeEngine:
    """Remembers commands; `answer` makes the events that a real worker would send for an ask."""

    def __init__(self) -> None:
        self.sent: list[api.Command] = []

    def send(self, command: api.Command) -> None:
        self.sent.append(command)

    def announce(self, call: Callable[[], None]) -> None:
        """Nothing comes by itself."""

    def asks(self, topic: str = "") -> list[api.Ask]:
        """Every ask so far whose topic begins so."""
        return [c for c in self.sent if isinstance(c, api.Ask) and c.topic.startswith(topic)]

    def answer(self, ask: api.Ask, live: int = 2400) -> list[api.Answered]:
        """The frames for one ask."""
        card = run_card(points=ask.run.endswith("moons") or "ring" in ask.run)
        frames = frames_for(ask.query, card, ask.step if ask.step is not None else live)
        step = ask.step if ask.step is not None else live
        last = len(frames) - 1
        return [
            api.Answered(ask.run, ask.topic, ask.ticket, step, i, f, i == last, 0.012) for i, f in enumerate(frames)
        ]


def scalars(run: str, steps: np.ndarray, split: str = "train") -> api.Scalars:
    """Curves that fall, with noise."""
    rng = np.random.default_rng(3)
    fall = 60 * np.exp(-steps / 300)
    wobble = rng.normal(0, 3 if split == "train" else 0.5, len(steps))
    kl = 24 * (1 - np.exp(-steps / 200)) + rng.normal(0, 0.6, len(steps))
    reconstruction = 78 + fall + wobble
    values = np.stack([reconstruction + kl, reconstruction, kl, -(reconstruction + kl)], 1).astype(np.float32)
    names = ("total", "reconstruction", "kl", "elbo")
    return api.Scalars(
        run, names, steps.astype(np.int64), steps * 0.004, values, "train" if split == "train" else "validation"
    )


def ready() -> api.Ready:
    """The worker is there."""
    return api.Ready(api.Catalogue((), (), (), api.DeviceCard("cpu", "CPU", 1)))


class Bench:
    """A desk with a fake engine, a run in front, and a way to let time pass."""

    def __init__(self, card: api.RunCard | None = None, is_ready: bool = True) -> None:
        self.engine = FakeEngine()
        self.clock = 0.0
        self.desk = Desk(self.engine, clock=lambda: self.clock)
        if is_ready:
            self.desk.take([ready()])
        if card is not None:
            self.desk.take([api.RunChanged(card)])
        self._seen = 0

    def fill_curves(self, run: str, last: int = 2400, edits: bool = True) -> None:
        """Give a run a history: curves, validation, an edit, a return to an earlier step, vectors."""
        first = np.arange(0, 1500)
        second = np.arange(900, last)
        use = np.array([3.1, 0.0, 2.4, 1.7, 0.9, 0.002, 0.5, 0.0, 1.2, 0.0], np.float32)
        self.desk.take([
            scalars(run, first), api.RolledBack(run, 1500, 900),
            scalars(run, second), scalars(run, np.arange(0, last, 200), "validation"),
            api.Vectors(run, last, {"kl_dimensions": use}),
        ])  # fmt: skip
        if edits:
            self.desk.take([api.Edited(run, 1200, "train.lr", 1e-3, 3e-4)])

    def pass_time(self, rounds: int = 4, answer: bool = True) -> None:
        """Ticks; each ask that is new is answered in full."""
        for _ in range(rounds):
            self.clock += 1.0
            self.desk.take([])
            if not answer:
                continue
            asks = [c for c in self.engine.sent[self._seen :] if isinstance(c, api.Ask)]
            self._seen = len(self.engine.sent)
            for ask in asks:
                self.desk.take(self.engine.answer(ask))
        self.desk.take([])
