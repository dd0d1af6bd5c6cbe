"""The plane over a fake worker, and what it asked of it."""

from __future__ import annotations

from pytestqt.qtbot import QtBot

from app.panels.plane import PlanePanel
from app.panels.plane.settings import PlaneState
from gm_core import api
from tests.app.fake_core import Bench
from tests.app.fake_model import run_card
from tests.app.opening import opened


def on_plane(
    qtbot: QtBot, size: tuple[int, int] = (640, 560), state: PlaneState | None = None, **card: object
) -> tuple[PlanePanel, Bench]:
    card_in_front = run_card("ring-ddpm", points=True, **card)
    return opened(qtbot, PlanePanel, card_in_front, size, state, rounds=4, curves=True)


def purposes(bench: Bench) -> set[str]:
    return {ask.topic.removeprefix("plane/") for ask in bench.engine.asks("plane/")}


def cancelled(bench: Bench, purpose: str) -> bool:
    return any(isinstance(c, api.Cancel) and c.topic == f"plane/{purpose}" for c in bench.engine.sent)


def last(bench: Bench, purpose: str) -> api.Query:
    return bench.engine.asks(f"plane/{purpose}")[-1].query
