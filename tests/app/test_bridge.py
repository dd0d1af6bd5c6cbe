"""The bridge: tickets, the shared step, what a run view remembers, recordings, and the pump."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from app.bridge.asking import PATIENCE
from app.bridge.desk import Desk
from app.bridge.pump import Pump
from app.bridge.recorded import (
    Recording,
    as_text,
    card_from_json,
    card_to_json,
    read_recording,
    write_recording,
)
from app.bridge.run_view import RunView
from app.widgets import series
from gm_core import api
from tests.app.fake_core import FakeEngine, run_card

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


# ---- what a run view remembers


def scalars(steps: Any, names: tuple[str, ...] = ("loss", "kl"), split: Any = "train", run: str = "one") -> api.Scalars:
    steps = np.asarray(steps, np.int64)
    values = np.stack([steps * (k + 1.0) for k in range(len(names))], 1).astype(np.float32)
    return api.Scalars(run, names, steps, steps * 0.5, values, split)


def test_a_run_view_keeps_every_value_in_the_order_of_arrival() -> None:
    view = RunView(run_card("one"))
    for start in range(0, 5000, 7):
        view.extend(scalars(np.arange(start, start + 7)))
    x, y = view.series("kl")
    assert len(x) == 5005
    np.testing.assert_array_equal(x, np.arange(5005))
    np.testing.assert_array_equal(y, 2 * np.arange(5005, dtype=np.float32))


def test_the_x_axis_counts_steps_seconds_or_examples() -> None:
    view = RunView(run_card("one"))
    view.extend(scalars([1, 2, 3]))
    np.testing.assert_allclose(view.series("loss", axis="seconds")[0], [0.5, 1.0, 1.5])
    np.testing.assert_allclose(view.series("loss", axis="examples")[0], [100, 200, 300])


def test_training_and_validation_are_kept_apart_and_unknown_charts_are_empty() -> None:
    view = RunView(run_card("one"))
    view.extend(scalars([1, 2]))
    view.extend(scalars([2], ("loss",), "validation"))
    assert len(view.series("loss")[0]) == 2 and len(view.series("loss", "validation")[0]) == 1
    assert len(view.series("nothing")[0]) == 0
    assert view.charts("train") == ("loss", "kl") and view.charts("validation") == ("loss",)


def test_a_curve_is_cut_where_training_went_back() -> None:
    view = RunView(run_card("one"))
    view.extend(scalars([1, 2, 3]))
    view.extend(scalars([2, 3, 4]))
    assert series.pieces(view.series("loss")[0]) == [slice(0, 3), slice(3, 6)]


def test_history_replaces_the_curves_and_what_came_since_goes_behind() -> None:
    view = RunView(run_card("one"))
    view.extend(scalars([4, 5, 6]))
    view.read_history(api.History("one", (scalars([1, 2, 3, 4]),)))
    np.testing.assert_array_equal(view.series("loss")[0], [1, 2, 3, 4, 5, 6])


def test_edits_that_were_undone_no_longer_hold() -> None:
    view = RunView(run_card("one"))
    for kind, old, new in (("edit", 1, 2), ("edit", 2, 3), ("undo", 3, 2)):
        view.note(api.Edited("one", 5, "train.lr", old, new, kind))  # type: ignore[arg-type]
    assert [(e.old, e.new) for e in view.edits_now()] == [(1, 2)]


def test_a_million_steps_need_little_more_than_their_numbers() -> None:
    view = RunView(run_card("one"))
    for start in range(0, 1_000_000, 10_000):
        view.extend(scalars(np.arange(start, start + 10_000)))
    (rows,) = view._rows.values()
    held = rows._steps.nbytes + rows._seconds.nbytes + rows._values.nbytes
    assert rows.length == 1_000_000
    assert held <= 2.1 * 1_000_000 * (8 + 8 + 2 * 4)


def test_the_table_of_scalars_has_a_row_for_each_report() -> None:
    view = RunView(run_card("one"))
    view.extend(scalars([1, 2]))
    view.extend(scalars([2], ("loss",), "validation"))
    names, rows = view.table()
    assert names == ["split", "step", "seconds", "loss", "kl"]
    assert rows == [
        ["train", "1", "0.5000", "1.0", "2.0"], ["train", "2", "1.0000", "2.0", "4.0"],
        ["validation", "2", "1.0000", "2.0", ""],
    ]  # fmt: skip


# ---- recordings


def recording() -> Recording:
    items = np.arange(8 * 4, dtype=np.uint8).reshape(8, 2, 2, 1)
    return Recording(run_card("example:small", state="viewed"), {"samples": items})


def test_a_recording_answers_before_the_engine_is_there(qapp: Any) -> None:
    scene = Scene()
    scene.desk.show_recordings([recording()])
    scene.desk.ask("gallery/sheet", api.SampleQuery(n=3))
    scene.desk.ask("other/density", api.LogProbQuery())
    scene.desk.take([])
    assert [type(a.frame) for a in scene.heard] == [api.Sheet]
    assert not scene.engine.sent


def test_an_example_that_the_worker_has_opened_answers_for_itself(qapp: Any, tmp_path: Any) -> None:
    scene = Scene()
    held = recording()
    held.folder = tmp_path / "small"
    scene.desk.show_recordings([held])
    scene.desk.ask("gallery/sheet", api.SampleQuery(n=3))
    scene.desk.take([])
    scene.desk.take([api.Ready(CATALOGUE)])
    assert api.OpenRun(str(held.folder)) in scene.engine.sent
    scene.desk.take([api.RunChanged(run_card("small", state="viewed"))])
    assert [ask.run for ask in scene.engine.asks()] == ["small"]
    assert scene.desk.current == "small" and scene.desk.showing_examples


def test_a_run_of_the_users_with_an_examples_name_is_not_taken_for_it(qapp: Any, tmp_path: Any) -> None:
    scene = Scene()
    held = recording()
    held.folder = tmp_path / "small"
    scene.desk.show_recordings([held])
    scene.desk.take([api.Ready(CATALOGUE)])
    scene.desk.start({})
    scene.desk.take([api.RunChanged(run_card("small", folder="/runs/small"))])
    assert scene.desk.current == "small" and not scene.desk.showing_examples


def test_a_run_of_the_users_may_take_the_name_of_an_open_example(qapp: Any, tmp_path: Any) -> None:
    scene = Scene()
    held = recording()
    held.folder = tmp_path / "small"
    scene.desk.show_recordings([held])
    scene.desk.take([api.Ready(CATALOGUE), api.RunChanged(run_card("small", state="viewed"))])
    assert scene.desk.showing_examples
    scene.desk.start({})
    scene.desk.take([api.RunChanged(run_card("small", folder="/runs/small", step=0))])
    assert scene.desk.current == "small" and not scene.desk.showing_examples


def test_a_recording_comes_back_from_disk_as_it_was(tmp_path: Any) -> None:
    folder = tmp_path / "small"
    folder.mkdir()
    card = run_card("whatever", state="viewed")
    write_recording(folder / "frames.npz", card, {"samples": recording().arrays["samples"], "names": as_text({})})
    back = read_recording(folder / "frames.npz")
    assert back is not None and back.card.run == "example:small"
    assert back.card.offers == card.offers and back.card.data == card.data
    assert card_from_json(card_to_json(card)).charts == card.charts


@pytest.mark.parametrize("content", [b"", b"no zip", b"PK\x03\x04broken"])
def test_a_broken_recording_is_left_out(tmp_path: Any, content: bytes) -> None:
    path = tmp_path / "frames.npz"
    path.write_bytes(content)
    assert read_recording(path) is None


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


def test_a_shipped_example_that_is_wished_for_comes_to_the_front(qapp: Any, tmp_path: Any) -> None:
    scene = Scene()
    first, second = recording(), recording()
    first.folder, second.folder = tmp_path / "small", tmp_path / "other"
    second.card = run_card("example:other", state="viewed")
    scene.desk.show_recordings([first, second])
    assert scene.desk.current == "example:small"
    scene.desk.open_run(str(tmp_path / "other"))
    assert scene.desk.current == "example:other" and not scene.engine.sent


def test_a_recorded_filling_is_played_whole_and_only_where_it_is_what_was_asked() -> None:
    rng = np.random.default_rng(0)
    order = rng.permutation(16)
    has = {
        "fill_start": np.zeros((3, 4, 4, 1), np.uint8), "fill_order": order, "fill_sites": order,
        "fill_orders": as_text(["own"]), "fill_values": rng.integers(0, 255, (3, 16)).astype(np.uint8),
        "fill_log_probs": -rng.random((3, 16)).astype(np.float16),
        "fill_entropies": rng.random((3, 16)).astype(np.float16),
    }  # fmt: skip
    held = Recording(run_card("example:sites", state="viewed"), has)
    opening, filled = held.answer(api.FillQuery(n=2))
    assert isinstance(opening, api.Filled) and isinstance(filled, api.Filled)
    assert opening.start is not None and opening.start.shape == (2, 4, 4, 1) and opening.number == 0
    assert filled.number == filled.total == 16 and np.array_equal(filled.values, has["fill_values"][:2])
    assert held.answer(api.FillQuery(y=3)) == held.answer(api.FillQuery(draw_from=4)) == []
