"""The step viewer: no frame is lost, lanes keep in step, and training does not move what is looked at."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from pytestqt.qtbot import QtBot

from app.panels.steps import StepsPanel
from app.panels.steps.lane import Track
from app.panels.steps.ways import Way
from gm_core import api
from tests.app.fake_core import Bench, scalars
from tests.app.fake_frames import trajectory
from tests.app.fake_model import run_card
from tests.app.opening import opened

pytestmark = pytest.mark.usefixtures("dressed")


def test_stepping_back_shows_exactly_the_frame_that_was_there(qtbot: QtBot) -> None:
    panel, bench = opened(qtbot, StepsPanel)
    frames = bench.engine.answer(bench.engine.asks("steps/lane-a")[-1])
    assert panel.transport.count() == len(frames) == 41
    mosaic = panel.lanes["a"].galleries
    for place in (40, 0, 17, 16, 17, 39):
        panel.slider.setValue(place)
        assert np.array_equal(mosaic["x"][1]._images, frames[place].frame.x)
        assert np.array_equal(mosaic["x0"][1]._images, frames[place].frame.views["x0"])
        assert np.array_equal(mosaic["noise"][1]._images, frames[place].frame.views["noise"])
        assert panel.transport.index() == place
    panel.slider.setValue(20)
    panel.transport.back.click()
    assert np.array_equal(mosaic["x"][1]._images, frames[19].frame.x)


def test_the_mark_on_the_schedule_is_the_time_of_the_frame_and_can_be_dragged(qtbot: QtBot) -> None:
    panel, bench = opened(qtbot, StepsPanel)
    panel.slider.setValue(10)
    assert panel.schedule.t() == pytest.approx(750)
    panel.schedule.t_picked.emit(251.0)
    bench.pass_time(1)
    assert panel.transport.index() == 30 and panel.schedule.t() == pytest.approx(250)


def test_two_lanes_start_from_the_same_noise_and_stand_at_the_same_progress(qtbot: QtBot) -> None:
    panel, bench = opened(qtbot, StepsPanel)
    panel.controls.compare.click()
    panel.lanes["b"].head.set_way(Way("ddim", 20))
    panel.asking.sample(True)
    bench.pass_time(3)
    first, second = bench.engine.asks("steps/lane-a")[-1], bench.engine.asks("steps/lane-b")[-1]
    assert first.query.seed == second.query.seed and first.query.n == second.query.n
    assert (second.query.sampler, second.query.steps) == ("ddim", 20)
    panel.slider.setValue(24)
    lanes = panel.lanes
    assert lanes["a"].current().progress == pytest.approx(0.6)
    assert lanes["b"].current().progress == pytest.approx(0.6)
    assert lanes["b"].words.text().startswith("ddim, 20 steps")


def test_frames_are_followed_as_they_come_until_the_user_scrubs(qtbot: QtBot) -> None:
    bench = Bench(run_card())
    panel = StepsPanel()
    qtbot.addWidget(panel)
    panel.resize(700, 500)
    panel.bind(bench.desk)
    panel.show()
    bench.pass_time(1, answer=False)
    events = bench.engine.answer(bench.engine.asks("steps/lane-a")[-1])
    bench.desk.take(events[:12])
    assert panel.transport.index() == 11 and "sampling 11 of 40" in panel.status.text() and panel.status.busy()
    panel.slider.setValue(3)
    bench.desk.take(events[12:20])
    assert panel.transport.count() == 20 and panel.transport.index() == 3
    panel.status.stop.click()
    assert any(isinstance(c, api.Cancel) and c.topic == "steps/lane-a" for c in bench.engine.sent)
    bench.desk.take(events[20:])
    assert panel.transport.count() == 20 and not panel.status.busy()


def test_another_step_of_training_keeps_the_moment_and_the_old_picture_until_it_is_reached(qtbot: QtBot) -> None:
    panel, bench = opened(qtbot, StepsPanel)
    panel.slider.setValue(20)
    old = panel.lanes["a"].galleries["x"][1]._images
    bench.desk.seek(400)
    bench.pass_time(1, answer=False)
    ask = bench.engine.asks("steps/lane-a")[-1]
    assert ask.step == 400
    events = bench.engine.answer(ask)
    bench.desk.take(events[:20])
    assert panel.lanes["a"].galleries["x"][1]._images is old
    bench.desk.take(events[20:])
    assert panel.transport.index() == 20
    assert "step 400" in panel.status.text()


def test_a_trajectory_that_is_only_watched_is_drawn_anew_when_the_model_has_learned(qtbot: QtBot) -> None:
    panel, bench = opened(qtbot, StepsPanel)
    before = len(bench.engine.asks("steps/lane-a"))
    bench.desk.take([scalars("vae-digits", np.arange(2400, 3400))])
    panel.asking._done_at -= 100
    bench.pass_time(2)
    assert len(bench.engine.asks("steps/lane-a")) == before + 1
    panel.slider.setValue(10)  # now it is studied, and must stay as it is
    bench.desk.take([scalars("vae-digits", np.arange(3400, 6400))])
    panel.asking._done_at -= 100
    bench.pass_time(2)
    assert len(bench.engine.asks("steps/lane-a")) == before + 1
    assert "step 2,400 (training went on)" in panel.status.text()


def test_points_are_drawn_on_a_plane_with_their_way_so_far(qtbot: QtBot) -> None:
    panel, _ = opened(qtbot, StepsPanel, run_card("ring-ddpm", points=True))
    panel.slider.setValue(15)
    layers = panel.lanes["a"].plane._layers
    assert layers["x"].data.shape == (400, 2) and layers["paths"].data.shape[1] == 16
    panel.slider.setValue(0)
    assert "paths" not in layers


def test_a_track_loses_no_frame_and_knows_the_nearest_moment() -> None:
    track = Track()
    frames = trajectory(api.TrajectoryQuery(n=2, steps=10), False, np.random.default_rng(0))
    for i, frame in enumerate(frames):
        assert track.take(i, frame, 5, 0.0)
    track.finish()
    assert track.frames == frames and track.nearest(0.52) == 5
    again = trajectory(api.TrajectoryQuery(n=2, steps=4), False, np.random.default_rng(1))
    assert not track.take(0, again[0], 9, 0.5) and track.frames == frames
    assert not track.take(1, again[1], 9, 0.5)
    assert track.take(2, again[2], 9, 0.5) and track.frames == again[:3]


def test_a_click_on_the_film_slider_goes_to_the_frame_under_the_pointer(qtbot: QtBot) -> None:
    panel, _ = opened(qtbot, StepsPanel)
    slider = panel.slider
    qtbot.mouseClick(slider, Qt.MouseButton.LeftButton, pos=QPoint(slider.width() // 2, slider.height() // 2))
    assert abs(panel.transport.index() - 20) <= 1
