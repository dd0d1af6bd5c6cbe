"""The bridge: tickets, the shared step, commands that wait, and the pump."""

from __future__ import annotations

import threading
from typing import Any

import pytest
import shiboken6
from pytestqt.qtbot import QtBot

from app.bridge.asking import PATIENCE
from app.bridge.desk import Desk
from app.bridge.pump import Pump
from gm_core import api
from gm_core.concepts.gaussian_kl import LineQuery
from tests.app.desks import CATALOGUE, Scene, scalars
from tests.app.fake_core import FakeEngine
from tests.app.fake_model import run_card


@pytest.fixture
def scene(qapp: Any) -> Scene:
    return Scene().ready()


def test_an_ask_is_sent_at_the_next_tick_and_its_answer_is_heard(scene: Scene) -> None:
    scene.desk.ask("gallery/sheet", api.SampleQuery(n=4))
    assert not scene.engine.asks()
    scene.desk.take([])
    (ask,) = scene.engine.asks()
    assert (ask.run, ask.topic, ask.query, ask.step) == ("one", "gallery/sheet", api.SampleQuery(n=4), None)
    scene.answer(ask)
    assert [a.ticket for a in scene.heard] == [ask.ticket]


def test_many_asks_in_one_tick_become_one(scene: Scene) -> None:
    for seed in range(10):
        scene.desk.ask("gallery/sheet", api.SampleQuery(seed=seed))
    scene.desk.take([])
    assert [ask.query.seed for ask in scene.engine.asks()] == [9]


def test_while_one_ask_is_on_its_way_only_the_newest_of_the_later_ones_follows(scene: Scene) -> None:
    scene.desk.ask("p/x", api.SampleQuery(seed=1))
    scene.desk.take([])
    for seed in (2, 3, 4):
        scene.desk.ask("p/x", api.SampleQuery(seed=seed))
        scene.desk.take([])
    assert [ask.query.seed for ask in scene.engine.asks()] == [1]
    scene.answer(scene.engine.asks()[0])
    assert len(scene.heard) == 1, "a picture on the way to the last one is worth showing"
    assert [ask.query.seed for ask in scene.engine.asks()] == [1, 4]


def test_an_ask_that_is_not_answered_for_long_is_replaced(scene: Scene) -> None:
    scene.desk.ask("p/x", api.SampleQuery(seed=1))
    scene.desk.take([])
    scene.desk.ask("p/x", api.SampleQuery(seed=2))
    scene.clock.now += PATIENCE + 0.01
    scene.desk.take([])
    assert [ask.query.seed for ask in scene.engine.asks()] == [1, 2]


def test_a_long_query_is_replaced_at_once(scene: Scene) -> None:
    scene.desk.ask("p/x", api.TrajectoryQuery(seed=1), replace_at_once=True)
    scene.desk.take([])
    scene.desk.ask("p/x", api.TrajectoryQuery(seed=2), replace_at_once=True)
    scene.desk.take([])
    assert [ask.query.seed for ask in scene.engine.asks()] == [1, 2]


def test_answers_to_an_older_ticket_are_dropped(scene: Scene) -> None:
    scene.desk.ask("p/x", api.TrajectoryQuery(seed=1), replace_at_once=True)
    scene.desk.take([])
    scene.desk.ask("p/x", api.TrajectoryQuery(seed=2), replace_at_once=True)
    scene.desk.take([])
    old, new = scene.engine.asks()
    scene.answer(old)
    assert not scene.heard
    scene.answer(new)
    assert [a.ticket for a in scene.heard] == [new.ticket]


def test_answers_after_a_cancel_are_dropped_and_the_engine_is_told(scene: Scene) -> None:
    scene.desk.ask("p/x", api.SampleQuery())
    scene.desk.take([])
    scene.desk.cancel("p/x")
    assert api.Cancel("p/x") in scene.engine.sent
    scene.answer(scene.engine.asks()[0])
    assert not scene.heard


def test_a_following_ask_is_heard_again_and_again_under_one_ticket(scene: Scene) -> None:
    scene.desk.ask("p/x", api.SampleQuery(), follow=True)
    scene.desk.take([])
    (ask,) = scene.engine.asks()
    assert ask.follow
    for _ in range(3):
        scene.answer(ask)
    assert len(scene.heard) == 3


def test_a_sleeping_panel_costs_nothing_and_is_asked_again_when_it_wakes(scene: Scene) -> None:
    scene.desk.ask("p/x", api.SampleQuery(), follow=True)
    scene.desk.ask("q/x", api.SampleQuery(), follow=True)
    scene.desk.take([])
    scene.desk.sleep("p/")
    assert api.Cancel("p/x") in scene.engine.sent and api.Cancel("q/x") not in scene.engine.sent
    scene.desk.take([])
    assert len(scene.engine.asks("p/")) == 1
    scene.desk.wake("p/")
    scene.desk.take([])
    assert len(scene.engine.asks("p/")) == 2


def test_the_shared_step_asks_everything_shared_again_and_follows_nothing_in_the_past(scene: Scene) -> None:
    scene.desk.ask("p/shared", api.SampleQuery(), follow=True)
    scene.desk.ask("p/present", api.SampleQuery(), step=None, follow=True)
    scene.desk.take([])
    moved: list[object] = []
    scene.desk.step_changed.connect(moved.append)
    for ask in scene.engine.asks():
        scene.answer(ask)
    assert scene.desk.seek(790.0) == 800
    scene.desk.take([])
    again = scene.engine.asks("p/shared")[1:]
    assert [(ask.step, ask.follow) for ask in again] == [(800, False)]
    assert len(scene.engine.asks("p/present")) == 1
    scene.answer(again[0])
    scene.desk.seek(None)
    scene.desk.take([])
    assert [(a.step, a.follow) for a in scene.engine.asks("p/shared")][2:] == [(None, True)]
    assert moved == [800, None]


def test_dragging_the_step_sends_one_ask_a_tick(scene: Scene) -> None:
    scene.desk.ask("p/x", api.SampleQuery())
    scene.desk.take([])
    scene.answer(scene.engine.asks()[0])
    for step in (0, 100, 400, 800):
        scene.desk.seek(step)
    scene.desk.take([])
    assert [ask.step for ask in scene.engine.asks()] == [None, 800]


def test_another_run_in_front_returns_to_the_present(scene: Scene) -> None:
    scene.desk.seek(400)
    scene.desk.take([api.RunChanged(run_card("two"))])
    assert scene.desk.current == "one", "a run that nobody asked for does not push itself to the front"
    scene.desk.set_current("two")
    assert scene.desk.now is None and scene.desk.current == "two"


def test_commands_wait_until_the_worker_is_ready(qapp: Any) -> None:
    scene = Scene()
    scene.desk.start({"model": {"kind": "vae"}})
    scene.desk.ask("p/x", api.SampleQuery())
    scene.desk.take([])
    assert not scene.engine.sent
    scene.desk.take([api.Ready(CATALOGUE)])
    assert [type(c) for c in scene.engine.sent] == [api.Start]
    scene.desk.take([api.RunChanged(run_card("born"))])
    assert scene.desk.current == "born"


def test_a_new_run_comes_to_the_front_and_the_one_that_trained_rests(scene: Scene) -> None:
    scene.desk.start({"model": {"kind": "vae"}})
    assert api.Pause("one") in scene.engine.sent
    scene.desk.take([api.RunChanged(run_card("two", step=0, kept=()))])
    assert scene.desk.current == "two"


def test_a_run_that_could_not_start_brings_no_later_stranger_to_the_front(scene: Scene) -> None:
    scene.desk.start({"model": {"kind": "vae"}})
    scene.desk.take([api.Trouble("no", topic="Start"), api.RunChanged(run_card("stranger"))])
    assert scene.desk.current == "one"


def test_an_opened_run_comes_to_the_front_with_its_history(scene: Scene) -> None:
    scene.desk.open_run("/runs/old")
    card = run_card("old", state="viewed", folder="/runs/old")
    scene.desk.take([api.RunChanged(card)])
    assert scene.desk.current == "old"
    assert api.ReadHistory("old") in scene.engine.sent


def test_trouble_with_the_newest_ask_is_refused_to_its_panel(scene: Scene) -> None:
    refused: list[api.Trouble] = []
    scene.desk.refused.connect(refused.append)
    scene.desk.ask("p/x", api.SampleQuery())
    scene.desk.take([])
    (ask,) = scene.engine.asks()
    scene.desk.take([api.Trouble("cannot", topic="p/x", ticket=ask.ticket)])
    assert [t.words for t in refused] == ["cannot"]


# ---- the pump


def test_the_pump_takes_everything_of_a_tick_to_the_desk_at_once(qapp: Any) -> None:
    engine = FakeEngine()
    waiting = [api.RunChanged(run_card("one")), scalars([1]), scalars([2])]
    engine.drain = lambda: [waiting.pop(0) for _ in list(waiting)]  # type: ignore[attr-defined]
    desk = Desk(engine)
    grown: list[str] = []
    ticks: list[int] = []
    desk.scalars.connect(grown.append)
    desk.ticked.connect(lambda: ticks.append(1))
    pump = Pump(engine, desk)
    pump.tick()
    assert grown == ["one"] and len(ticks) == 1 and pump.ticks == 1
    assert len(desk.views["one"].series("loss")[0]) == 2


def test_a_redraw_that_is_asked_for_often_happens_once_at_the_end_of_the_tick(qapp: Any) -> None:
    desk, drawn = Desk(FakeEngine()), []

    def redraw() -> None:
        drawn.append(1)
        if len(drawn) < 2:
            desk.later(redraw)  # what asks again while it draws comes at the next tick

    desk.later(redraw)
    desk.later(redraw)
    desk.take([])
    assert len(drawn) == 1
    desk.take([])
    desk.take([])
    assert len(drawn) == 2


def test_what_is_answered_at_once_does_not_wait_for_the_next_tick(qtbot: QtBot) -> None:
    engine = api.open_engine(transport="inline")
    engine.start()
    desk = Desk(engine)
    heard: list[api.Answered] = []
    desk.answered.connect(heard.append)
    desk.take([api.Ready(CATALOGUE)])
    pump = Pump(engine, desk)
    pump.start()
    pump.timer.setInterval(60_000)
    desk.ask("p/x", LineQuery(), run=api.ALONE, step=None)
    pump.tick()  # sends it
    pump.timer.setInterval(60_000)
    worker = threading.Thread(target=lambda: [engine.pump() for _ in range(20)])
    worker.start()
    qtbot.waitUntil(lambda: bool(heard))
    worker.join()
    pump.stop()
    assert engine.close()


def test_a_worker_that_outlives_the_window_may_still_call_it(qapp: Any) -> None:
    engine = FakeEngine()
    pump = Pump(engine, Desk(engine))
    shiboken6.delete(pump)
    pump._wake()
