"""A desk over a fake engine, whose clock the test moves, and scalars as the worker reports them."""

from __future__ import annotations

from typing import Any

import numpy as np

from app.bridge.desk import Desk
from gm_core import api
from tests.app.fake_core import FakeEngine
from tests.app.fake_model import run_card

CATALOGUE = api.Catalogue((), (), (), api.DeviceCard("cpu", "CPU", 1))


class Clock:
    """Time that the test moves."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Scene:
    """A desk over a fake engine, with what was heard."""

    def __init__(self) -> None:
        self.engine = FakeEngine()
        self.clock = Clock()
        self.desk = Desk(self.engine, clock=self.clock)
        self.heard: list[api.Answered] = []
        self.desk.answered.connect(self.heard.append)

    def ready(self) -> Scene:
        self.desk.take([api.Ready(CATALOGUE), api.RunChanged(run_card("one"))])
        return self

    def answer(self, ask: api.Ask, index: int = 0, last: bool = True) -> None:
        frame = api.Sheet(np.zeros((1, 2, 2, 1), np.uint8))
        self.desk.take([api.Answered(ask.run, ask.topic, ask.ticket, 7, index, frame, last)])


def scalars(steps: Any, names: tuple[str, ...] = ("loss", "kl"), split: Any = "train", run: str = "one") -> api.Scalars:
    steps = np.asarray(steps, np.int64)
    values = np.stack([steps * (k + 1.0) for k in range(len(names))], 1).astype(np.float32)
    return api.Scalars(run, names, steps, steps * 0.5, values, split)
