"""Families that may race, and the panel of the race over a fake worker that trains and measures them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from pytestqt.qtbot import QtBot

from app.panels.race import RacePanel, RaceState
from app.panels.race.steward import PREFIX
from gm_core import api
from tests.app.fake_core import Bench
from tests.app.fake_model import data_card, run_card

CARDS = tuple(
    api.ModelCard(name, title, "", f"{title} learns.", (), frozenset({"samples", *extra}), frozenset(accepts), ())
    for name, title, extra, accepts in (
        ("ddpm", "Diffusion", ("stepwise",), ("points", "continuous", "images", "levels")),
        ("gan", "GAN", (), ("points", "continuous", "images", "levels")),
        ("vae", "VAE", (), ("points", "continuous", "images", "levels", "binary")),
        ("pixel_cnn", "PixelCNN", ("sitewise",), ("images", "levels", "binary")),
    )
)
DATA = (
    api.DataKind("ring", "Ring", "", (), group="toys"),
    api.DataKind("moons", "Moons", "", (), group="toys"),
    api.DataKind("digits", "Digits", "", (), group="images"),
    api.DataKind("sprites", "Sprites", "", (), group="images"),
)


def preset(name: str, model: str, data: str, **extra: Any) -> api.Preset:
    spec = {
        "name": name,
        "model": {"kind": model, "width": 7},
        "data": {"kind": data, **extra},
        "train": {"lr": 0.5, "batch": 32},
    }
    return api.Preset(name, f"{model} on {data}", "Look.", spec)


PRESETS = (
    preset("ddpm-moons", "ddpm", "moons"),
    preset("gan-ring", "gan", "ring"),
    preset("gan-ring-collapse", "gan", "ring", sigma=0.02),
    preset("gan-wgan-ring", "gan", "ring"),
    preset("vae-digits", "vae", "digits", binarisation="threshold"),
    preset("ddpm-digits", "ddpm", "digits", centred=True),
)
CATALOGUE = api.Catalogue(CARDS, DATA, (), api.DeviceCard("cpu", "CPU", 1))


class Course:
    """A panel over a fake worker that makes runs, trains them by as much as the test wishes, and measures them."""

    def __init__(self, qtbot: QtBot, front: api.RunCard | None = None, **state: Any) -> None:
        self.bench = Bench(front)
        self.bench.desk.take([api.Ready(CATALOGUE)])
        self.panel = RacePanel()
        self.panel.presets = PRESETS
        qtbot.addWidget(self.panel)
        self.panel.restore(RaceState(**state))
        self.panel.resize(640, 640)
        self.panel.bind(self.bench.desk)
        self.panel.show()
        self.cards: dict[str, api.RunCard] = {}
        self._read = len(self.bench.engine.sent)
        self._tickets: set[int] = set()

    @property
    def sent(self) -> list[api.Command]:
        """What the worker has not obeyed yet."""
        return self.bench.engine.sent[self._read :]

    def obey(self, offers: frozenset[str] | None = None) -> list[api.Command]:
        """Make, rest and resume runs as told; returns the commands."""
        obeyed = []
        while self.sent:
            command = self.sent[0]
            self._read += 1
            obeyed.append(command)
            if isinstance(command, api.Start):
                name = str(command.spec["name"])
                words = offers or frozenset({"samples", *({"stepwise"} if "ddpm" in name else ())})
                spec, steps = dict(command.spec), int(command.spec["train"]["steps"])
                card = run_card(name, True, spec=spec, offers=words, step=0, steps=steps, state="paused", kept=())
                self._change(replace(card, data=data_card(spec["data"]["kind"] != "digits")))
            elif isinstance(command, api.Pause | api.Resume | api.Stop) and command.run in self.cards:
                state = {api.Pause: "paused", api.Resume: "training", api.Stop: "stopped"}[type(command)]
                self._change(replace(self.cards[command.run], state=state))
        return obeyed

    def _change(self, card: api.RunCard) -> None:
        self.cards[card.run] = card
        self.bench.desk.take([api.RunChanged(card)])

    def train(self, run: str, to: int, seconds_each: float = 0.01) -> None:
        """Steps until `to`, at so many seconds each."""
        card = self.cards[run]
        steps = np.arange(card.step + 1, to + 1)
        values = np.ones((len(steps), 1), np.float32)
        self.bench.desk.take([api.Scalars(run, ("total",), steps, steps * seconds_each, values)])
        self._change(replace(card, step=to, state="finished" if to >= card.steps else card.state))

    def measure(self, **values: float) -> list[api.Ask]:
        """Let a second pass, and answer what is asked: by default the more steps, the better."""
        self.settle()
        asks = [a for a in self.bench.engine.asks(PREFIX) if a.ticket not in self._tickets]
        for ask in asks:
            self._tickets.add(ask.ticket)
            if isinstance(ask.query, api.ExamplesQuery):
                shown = api.ExamplesFrame(np.zeros((5, 2), np.float32), np.zeros(5, np.int64), np.arange(5))
                self.bench.desk.take([api.Answered(ask.run, ask.topic, ask.ticket, 0, 0, shown, True)])
                continue
            assert isinstance(ask.query, api.QualityQuery)
            step = self.cards[ask.run].step if ask.step is None else ask.step
            mmd = values.get(ask.run.split("-")[1], 1.0 / (1 + step)) + 1.0 / max(1, ask.query.steps or 100)
            cost = ask.query.steps or (100 if "ddpm" in ask.run else 1)
            items = np.zeros((ask.query.shown, 2), np.float32) if ask.query.shown else None
            frame = api.Quality(
                ("mmd", "coverage"),
                np.array([mmd, 0.5]),
                np.array([0.01, np.nan]),
                np.array([0.001, 0.97]),
                {"": "Estimates."},
                1000,
                cost,
                items,
            )
            self.bench.desk.take(
                [
                    api.Answered(ask.run, ask.topic, ask.ticket, step, 0, frame, False),
                    api.Answered(ask.run, ask.topic, ask.ticket, step, 1, None, True, 0.1),
                ]
            )
        self.settle()
        return asks

    def settle(self) -> None:
        """Two ticks: asks leave with the next one, and so do drawings."""
        for _ in range(2):
            self.bench.clock += 1.0
            self.bench.desk.take([])

    def begin(self) -> list[str]:
        """Start the race that is planned; the names of its runs."""
        self.panel.plan.go.click()
        self.obey()
        return [runner.run for runner in self.panel.steward.runners]
