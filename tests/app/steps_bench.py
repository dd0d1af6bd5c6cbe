"""A step viewer on a desk with a stand-in for the core, and what it was last asked and shows."""

from __future__ import annotations

import numpy as np
from pytestqt.qtbot import QtBot

from app.panels.steps import StepsPanel
from app.panels.steps.ways import StepsState
from gm_core import api
from tests.app.fake_core import Bench
from tests.app.fake_model import IMAGES, run_card
from tests.app.opening import on_desk

GUIDED = IMAGES | {"renoise", "conditional", "guided"}


def opened(
    qtbot: QtBot, offers: frozenset[str] = GUIDED, points: bool = False, size: tuple[int, int] = (900, 800),
    state: StepsState | None = None,
) -> tuple[StepsPanel, Bench]:  # fmt: skip
    bench = Bench(run_card("ring-ddpm" if points else "vae-digits", points=points, offers=offers))
    return on_desk(qtbot, StepsPanel(), bench, size, state, 5), bench


def asked(bench: Bench, lane: str = "a") -> api.TrajectoryQuery:
    query = bench.engine.asks(f"steps/lane-{lane}")[-1].query
    assert isinstance(query, api.TrajectoryQuery)
    return query


def shown(panel: StepsPanel, lane: str = "a") -> np.ndarray:
    return panel.lanes[lane].galleries["x"][1]._images  # type: ignore[return-value]
