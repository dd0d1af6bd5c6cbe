"""A pretend model for the panel of paths, and the panel on a desk."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from PySide6.QtWidgets import QComboBox
from pytestqt.qtbot import QtBot

from app.panels.interpolation import InterpolationPanel, InterpolationState
from gm_core import api
from tests.app.fake_core import Bench, FakeEngine
from tests.app.fake_model import LATENT, decode, digits, encode, ring, run_card
from tests.app.opening import on_desk


def code(stop: api.PathStop) -> np.ndarray:
    """The code of a stop, as the pretend model has it."""
    if stop.given is not None:
        return encode(stop.given[None])[0]
    if stop.index is not None:
        return encode(digits()[0][stop.index : stop.index + 1])[0]
    return np.random.default_rng(stop.seed).normal(size=LATENT).astype(np.float32)


class PathEngine(FakeEngine):
    """Answers with straight lines whatever the way; the 'geodesic' gets shorter by a tenth in each of three frames."""

    def answer(self, ask: api.Ask, live: int = 2400) -> list[api.Answered]:
        query = ask.query
        if not isinstance(query, api.ComparePathsQuery):
            return []
        frames = [self.frame(query, done, points="ring" in ask.run) for done in range(3)]
        return [api.Answered(ask.run, ask.topic, ask.ticket, live, i, f, False, 0.01) for i, f in enumerate(frames)]

    def frame(self, query: api.ComparePathsQuery, improved: int, points: bool) -> api.ComparedPaths:
        size = 2 if points else LATENT
        stops = np.stack([code(stop)[:size] for stop in query.stops])
        through = np.concatenate([stops, stops[:1]]) if query.closed else stops
        t = np.linspace(0, len(through) - 1, query.n)
        z = np.stack([np.interp(t, range(len(through)), axis) for axis in through.T], 1).astype(np.float32)
        items = z.copy() if points else decode(z)
        ways = tuple(
            api.PathWay(
                way, items, z, np.linspace(1, 3, query.n - 1).astype(np.float32) * (1 + place), 10.0 - improved, 101.0,
                np.linspace(0.5, 3, query.n).astype(np.float32) if improved else np.empty(0, np.float32),
                improved, way != "geodesic" or improved == 2,
            )
            for place, way in enumerate(query.ways)
        )  # fmt: skip
        dots = ring(50, np.random.default_rng(0)) if points else np.empty((0, 2), np.float32)
        meter = "nearest" if query.among else "norm"
        originals = tuple(digits()[0][s.index] if s.index is not None else s.given for s in query.stops)
        shown = stops if points else decode(stops)
        return api.ComparedPaths(ways, stops, shown, originals, meter, dots, improved == 2)  # type: ignore[arg-type]


def card(**changes: Any) -> api.RunCard:
    made = run_card("ring" if changes.get("points") else "vae-digits", **changes)
    return replace(made, data=replace(made.data, splits={"train": 1200, "test": 450}))


def opened(
    qtbot: QtBot, found: api.RunCard | None = None, size: tuple[int, int] = (760, 560), passes: int = 3,
    state: InterpolationState | None = None,
) -> tuple[InterpolationPanel, Bench]:  # fmt: skip
    bench = Bench()
    bench.engine = bench.desk.engine = PathEngine()  # type: ignore[assignment]
    bench.desk.take([api.RunChanged(found or card())])
    return on_desk(qtbot, InterpolationPanel(), bench, size, state, passes), bench


def asked(bench: Bench) -> api.ComparePathsQuery:
    """The newest query."""
    return bench.engine.asks("interpolation/ways")[-1].query  # type: ignore[return-value]


def kinds(panel: InterpolationPanel) -> list[str]:
    return [place.kind for place in panel.stops.places]


def choose(box: QComboBox, text: str) -> None:
    """As a hand does."""
    box.setCurrentText(text)
    box.activated.emit(box.currentIndex())
