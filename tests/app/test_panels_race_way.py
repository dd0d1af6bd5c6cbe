"""The race on its way: all are measured alike, at the same marks, and what cannot be measured is said."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from app.panels.race.entrants import entrants
from app.panels.race.lanes import Runner, due
from app.panels.race.steward import POINTS, PREFIX
from gm_core import api
from tests.app.race_bench import CATALOGUE, PRESETS, Course

pytestmark = pytest.mark.usefixtures("dressed")


def test_each_is_measured_untrained_at_the_marks_and_at_the_end(qtbot: QtBot) -> None:
    course = Course(qtbot, data="ring", families="gan,vae", budget=240)
    gan, vae = course.begin()
    assert {ask.run for ask in course.measure()} == {gan, vae}
    course.train(gan, 1)
    assert not course.measure()  # step 1 of 240 is no mark
    course.train(gan, 30)
    asks = course.measure()
    assert [ask.run for ask in asks] == [gan] and asks[0].step is None
    assert asks[0].query.n == POINTS and asks[0].query.metrics == ()
    course.train(gan, 240)
    assert [ask.run for ask in course.measure()] == [gan]
    runner = course.panel.steward.runners[0]
    assert [m.step for m in runner.record] == [0, 30, 240]
    assert [m.examples for m in runner.record] == [0, 30 * 256, 240 * 256]
    assert runner.record[1].seconds == pytest.approx(0.3)
    assert not course.measure()


def test_measuring_goes_on_while_nobody_looks(qtbot: QtBot) -> None:
    course = Course(qtbot, data="ring", families="gan,vae", budget=240)
    gan, _ = course.begin()
    course.measure()
    course.panel.hide()
    course.train(gan, 100)
    assert [ask.run for ask in course.measure()] == [gan]


def test_who_learns_other_data_has_left_the_race_until_that_is_taken_back(qtbot: QtBot) -> None:
    course = Course(qtbot, data="ring", families="gan,vae", budget=240)
    gan, vae = course.begin()
    course.train(gan, 50)
    course.measure()
    course.train(gan, 100)
    course.settle()  # asked, and not answered yet
    course.bench.desk.take([api.Edited(gan, 100, "data", {"kind": "ring"}, {"kind": "moons"})])
    course.train(gan, 150)
    course.train(vae, 150)
    course.measure()
    left, stays = course.panel.steward.runners
    assert [m.step for m in left.record] == [50] and stays.record[-1].step == 150
    assert left.words == "other data since step 100" and not stays.words
    words = [course.panel.board.topLevelItem(i).text(6) for i in range(2)]
    assert words == ["training", "other data since step 100"]
    course.bench.desk.take([api.Edited(gan, 150, "data", {"kind": "moons"}, {"kind": "ring"}, "undo")])
    course.train(gan, 240)
    course.measure()
    assert not left.words and left.record[-1].step == 240


def test_with_a_budget_in_seconds_each_is_called_in_when_its_own_are_spent(qtbot: QtBot) -> None:
    course = Course(qtbot, data="ring", families="gan,vae", budget=5, unit="seconds")
    gan, vae = course.begin()
    course.train(gan, 100, 0.02)
    course.train(vae, 100, 0.06)  # six seconds
    commands = course.obey()
    assert [c.run for c in commands if isinstance(c, api.Pause)] == [vae]
    assert course.cards[gan].state == "training" and course.cards[vae].state == "paused"
    course.panel.steward.pause()
    course.obey()
    course.panel.steward.resume()
    assert [c.run for c in course.obey() if isinstance(c, api.Resume)] == [gan]  # the other has nothing left


def test_what_cannot_be_measured_is_said_once_and_tried_again_at_the_next_mark(qtbot: QtBot) -> None:
    course = Course(qtbot, data="ring", families="gan,vae", budget=240)
    gan = course.begin()[0]
    course.measure()
    course.train(gan, 100)
    course.settle()
    ask = course.bench.engine.asks(PREFIX)[-1]
    course._tickets.add(ask.ticket)
    words = "3 of 1000 drawn examples are not finite numbers"
    course.bench.desk.take([api.Trouble(words, ask.topic, gan, ticket=ask.ticket)])
    assert not course.measure()
    runner = course.panel.steward.runners[0]
    assert runner.note == words and len(runner.record) == 1
    course.train(gan, 110)
    assert len(course.measure()) == 1 and runner.note == ""


def test_a_run_that_was_faster_than_its_measuring_is_measured_at_its_kept_steps_once_all_rest(qtbot: QtBot) -> None:
    course = Course(qtbot, data="ring", families="gan,vae", budget=240)
    gan, vae = course.begin()
    course.measure()
    for run in (gan, vae):
        course._change(replace(course.cards[run], kept=(0, 60, 62, 120, 240)))
        course.train(run, 240)
    asks = [ask for _ in range(6) for ask in course.measure()]
    assert [ask.step for ask in asks if ask.run == gan] == [None, 60, 120]  # 62 lies between no two marks
    assert [m.step for m in course.panel.steward.runners[0].record] == [0, 60, 120, 240]


def test_a_run_that_was_taken_back_forgets_what_it_measured_beyond(qtbot: QtBot) -> None:
    course = Course(qtbot, data="ring", families="gan,vae", budget=240)
    gan = course.begin()[0]
    course.measure()
    course.train(gan, 100)
    course.measure()
    course._change(replace(course.cards[gan], step=30, state="paused"))
    assert [m.step for m in course.panel.steward.runners[0].record] == [0]
    assert [ask.run for ask in course.measure()] == [gan]
    assert [m.step for m in course.panel.steward.runners[0].record] == [0, 30]


def test_marks_are_even_shares_of_the_budget() -> None:
    runner = Runner(entrants("ring", CATALOGUE, PRESETS)[0], "x", 0, "x", "training")
    seen = []
    for step in range(0, 1001):
        runner.step = step
        if due(runner, 1000, "steps"):
            seen.append(step)
            runner.tried = (step, 0.0)
    assert seen[:3] == [0, 10, 25] and seen[-1] == 1000 and len(seen) == 27


def test_cost_is_tried_with_fewer_steps_for_those_that_draw_step_by_step(qtbot: QtBot) -> None:
    course = Course(qtbot, data="ring", families="ddpm,gan", budget=240, axis="cost")
    ddpm = course.begin()[0]
    asked = [ask for _ in range(10) for ask in course.measure()]
    steps = [ask.query.steps for ask in asked if isinstance(ask.query, api.QualityQuery) and ask.run == ddpm]
    assert steps == [0, 1, 2, 5, 10, 20, 50]
    first, second = course.panel.steward.runners
    x, y = first.series("mmd", "cost", 100.0)
    assert x.tolist() == [1, 2, 5, 10, 20, 50, 100] and (np.diff(y) < 0).all()
    x, y = second.series("mmd", "cost", 100.0)
    assert x.tolist() == [1, 100] and y[0] == y[1]  # a level line: more cost brings it nothing
    assert course.panel.plot.keys() == ["ddpm", "gan", "(real)"]


def test_cost_can_be_asked_for_after_the_race(qtbot: QtBot) -> None:
    course = Course(qtbot, data="ring", families="ddpm,gan", budget=240)
    ddpm = course.begin()[0]
    course.train(ddpm, 240)
    course.measure()
    panel = course.panel
    panel.axis.setCurrentIndex(panel.axis.findData("cost"))
    panel.axis.activated.emit(panel.axis.currentIndex())
    for _ in range(8):
        course.measure()
    assert panel.steward.runners[0].series("mmd", "cost", 100.0)[0].tolist() == [1, 2, 5, 10, 20, 50, 100]
    assert [m.step for m in panel.steward.runners[0].by_cost] == [240] * 7
