"""A panel that is seen, on a desk over a stand-in for the core, with its first asks answered."""

from __future__ import annotations

from typing import TypeVar

from pytestqt.qtbot import QtBot

from app.panel import Panel, PanelState
from gm_core import api
from tests.app.fake_core import Bench
from tests.app.fake_model import run_card

P = TypeVar("P", bound=Panel)


def on_desk(
    qtbot: QtBot, panel: P, bench: Bench, size: tuple[int, int] = (640, 480), state: PanelState | None = None,
    rounds: int = 4, answer: bool = True,
) -> P:  # fmt: skip
    """Show a panel on a bench that is there already, and let so many seconds pass."""
    qtbot.addWidget(panel)
    if state is not None:
        panel.restore(state)
    panel.resize(*size)
    panel.bind(bench.desk)
    panel.show()
    bench.pass_time(rounds, answer)
    return panel


def opened(
    qtbot: QtBot, kind: type[P], card: api.RunCard | None = None, size: tuple[int, int] = (980, 620),
    state: PanelState | None = None, rounds: int = 5, curves: bool = False,
) -> tuple[P, Bench]:  # fmt: skip
    """A panel of this kind before a run, which has a history where `curves` are asked for; and its bench."""
    bench = Bench(card or run_card())
    if curves:
        bench.fill_curves(bench.desk.current)
    return on_desk(qtbot, kind(), bench, size, state, rounds), bench
