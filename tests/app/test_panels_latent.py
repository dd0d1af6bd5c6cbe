"""The latent explorer and the step viewer: the newest wish wins, ends are exact, stepping back is exact."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from pytestqt.qtbot import QtBot

from app.panels.latent import LatentPanel
from app.panels.latent.survey import Survey
from app.panels.steps import StepsPanel
from app.panels.steps.lane import Track
from app.shell import theme
from gm_core import api
from tests.app.fake_core import IMAGES, LATENT, Bench, encode, latent_map, run_card, scalars, trajectory


@pytest.fixture(autouse=True)
def dressed(qapp: object) -> Iterator[None]:
    """Panels are drawn in the program's own dress."""
    theme.load_fonts()
    theme.apply(qapp, "dark")  # type: ignore[arg-type]
    yield


def opened(qtbot: QtBot, kind: type, card: api.RunCard | None = None, size: tuple[int, int] = (980, 620)) -> tuple:
    bench = Bench(card or run_card())
    panel = kind()
    qtbot.addWidget(panel)
    panel.resize(*size)
    panel.bind(bench.desk)
    panel.show()
    bench.pass_time(5)
    return panel, bench


# the latent explorer


def test_sliders_are_sorted_by_use_and_dead_ones_are_folded(qtbot: QtBot) -> None:
    panel, _ = opened(qtbot, LatentPanel)
    assert panel.sliders.order()[:7] == list(range(7))
    assert "3 unused" in panel.sliders.fold.text()
    assert panel.chart.axes == (0, 1)


def test_dragging_a_slider_asks_for_the_newest_code_alone(qtbot: QtBot) -> None:
    panel, bench = opened(qtbot, LatentPanel)
    before = len(bench.engine.asks("latent/decode"))
    for value in np.linspace(0, 2, 30):  # thirty moves within one tick
        panel.sliders.rows[3].set_value(float(value))
        panel.sliders.changing.emit(panel.sliders.values())
    bench.desk.take([])
    asks = bench.engine.asks("latent/decode")[before:]
    assert len(asks) == 1
    assert asks[0].query.z[0, 3] == pytest.approx(2.0)
    for value in (2.1, 2.2, 2.3):  # while the answer is out, later wishes wait, and only the last is sent
        panel.sliders.rows[3].set_value(value)
        panel.sliders.changing.emit(panel.sliders.values())
        bench.desk.take([])
    assert len(bench.engine.asks("latent/decode")) == before + 1
    bench.desk.take(bench.engine.answer(asks[0]))
    asks = bench.engine.asks("latent/decode")[before:]
    assert len(asks) == 2 and asks[1].query.z[0, 3] == pytest.approx(2.3)


def test_sliders_map_and_picture_show_one_code(qtbot: QtBot) -> None:
    panel, bench = opened(qtbot, LatentPanel)
    panel.pad.moved.emit(0.5, -1.25)
    bench.pass_time(2)
    assert panel.sliders.values()[:2] == pytest.approx([0.5, -1.25])
    asked = bench.engine.asks("latent/decode")[-1].query.z[0]
    assert asked[:2] == pytest.approx([0.5, -1.25])
    assert panel.pad.cursor_point() == pytest.approx((0.5, -1.25))
    assert np.array_equal(panel.picture_view.items()[0], api_decode(asked))


def api_decode(z: np.ndarray) -> np.ndarray:
    from tests.app.fake_core import decode

    return decode(z[None])[0]


def test_a_click_on_a_real_point_takes_its_whole_code(qtbot: QtBot) -> None:
    panel, bench = opened(qtbot, LatentPanel)
    mu = panel.chart.survey.frame.mu[17]
    panel.pad.picked.emit(float(mu[0]), float(mu[1]))
    bench.pass_time(2)
    place = panel.chart.survey.near_on_map(float(mu[0]), float(mu[1]), (0, 1), 0.2)
    assert np.allclose(panel.sliders.values(), panel.chart.survey.frame.mu[place], atol=1e-3)


def test_hovering_the_map_decodes_there_and_leaving_it_brings_the_code_back(qtbot: QtBot) -> None:
    panel, bench = opened(qtbot, LatentPanel)
    stays = panel.sliders.values()
    panel.pad.hovered.emit(1.0, 1.0)
    bench.pass_time(2)
    assert bench.engine.asks("latent/hover")[-1].query.z[0, :2] == pytest.approx([1.0, 1.0])
    assert panel.pad.cursor_point() == pytest.approx((1.0, 1.0))
    assert np.array_equal(panel.sliders.values(), stays)
    panel.chart.left.emit()
    assert panel.pad.cursor_point() == pytest.approx(tuple(stays[:2]), abs=1e-3)


def test_both_ways_begin_at_a_and_end_at_b(qtbot: QtBot) -> None:
    panel, bench = opened(qtbot, LatentPanel)
    a, b = np.zeros(LATENT, np.float32), np.full(LATENT, 0.7, np.float32)
    a[0] = 1.5
    for code, button in ((a, panel.set_a), (b, panel.set_b)):
        panel._move(code)
        button.click()
    bench.pass_time(3)
    for path in ("straight", "spherical"):
        ask = bench.engine.asks(f"latent/walk-{path}")[-1]
        assert ask.query.path == path
        assert np.array_equal(ask.query.stops, np.stack([a, b]))
        codes = panel.walks.codes(path)
        assert np.allclose(codes[0], a, atol=1e-6) and np.allclose(codes[-1], b, atol=1e-6)
        assert len(codes) == panel.walks.length() == 12


def test_the_film_of_the_walk_shows_both_ways_and_a_click_takes_its_code(qtbot: QtBot) -> None:
    panel, bench = opened(qtbot, LatentPanel)
    panel.walks.transport.last.click()
    names, pair = panel.walks.frame(11)
    assert names == ["straight", "spherical"]
    assert np.array_equal(panel.picture_view.items(), pair)
    panel.walks.rows["spherical"].clicked.emit(4)
    bench.pass_time(2)
    assert np.allclose(panel.sliders.values(), panel.walks.codes("spherical")[4], atol=1e-3)
    assert len(panel.picture_view.items()) == 1


def test_the_nearest_real_examples_are_asked_for_when_the_hand_rests(qtbot: QtBot) -> None:
    panel, bench = opened(qtbot, LatentPanel)
    before = len(bench.engine.asks("latent/near"))
    for value in (0.4, 0.8, 1.2):
        panel._move(np.full(LATENT, value, np.float32))
    bench.desk.take([])
    assert len(bench.engine.asks("latent/near")) == before
    qtbot.waitUntil(lambda: not panel._settle.isActive())
    bench.pass_time(2)
    assert len(bench.engine.asks("latent/near")) == before + 1
    query = bench.engine.asks("latent/near")[-1].query
    assert query.split == "validation" and len(query.indices) == 5 and panel.near.count() == 5


def test_a_model_without_an_encoder_still_has_sliders_and_a_map(qtbot: QtBot) -> None:
    panel, bench = opened(qtbot, LatentPanel, run_card(offers=IMAGES - {"encodes"}))
    assert not bench.engine.asks("latent/map")
    assert len(panel.sliders.rows) == LATENT and panel.pad.has_content()


def test_far_from_all_codes_the_panel_says_so() -> None:
    survey = Survey(latent_map(800))
    real = survey.frame.mu[5]
    assert not survey.off_data(real)
    assert survey.nearest(real)[0][0] == 5 and survey.nearest(real)[1] == pytest.approx(0, abs=1e-2)
    assert survey.off_data(np.full(LATENT, 9.0, np.float32))


def test_dead_axes_do_not_change_what_is_near() -> None:
    survey = Survey(latent_map(800))
    z = survey.frame.mu[5].copy()
    z[-3:] = 50.0
    assert survey.nearest(z)[0][0] == 5


def test_the_density_behind_the_map_is_highest_where_the_codes_are() -> None:
    survey = Survey(latent_map(1500))
    values, (x0, x1, y0, y1) = survey.density((0, 1))
    assert values.sum() == pytest.approx(1500, rel=0.05)
    row, column = np.unravel_index(values.argmax(), values.shape)
    at = np.array([x0 + (column + 0.5) / values.shape[1] * (x1 - x0), y0 + (row + 0.5) / values.shape[0] * (y1 - y0)])
    inside = (np.abs(survey.frame.mu[:, :2] - at) < 0.5).all(1).mean()
    away = (np.abs(survey.frame.mu[:, :2] + at + 2.0) < 0.5).all(1).mean()
    assert inside > away


def test_encoding_and_decoding_of_the_stand_in_are_inverse() -> None:
    z = np.zeros((1, LATENT), np.float32)
    z[0, :3] = (0.3, -0.2, 0.1)
    from tests.app.fake_core import decode

    assert np.allclose(encode(decode(z))[0, :3], z[0, :3], atol=0.2)


# the step viewer


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
    panel.controls.set_lane("b", "ddim", 20)
    panel._sample(True)
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
    panel._done_at -= 100
    bench.pass_time(2)
    assert len(bench.engine.asks("steps/lane-a")) == before + 1
    panel.slider.setValue(10)  # now it is studied, and must stay as it is
    bench.desk.take([scalars("vae-digits", np.arange(3400, 6400))])
    panel._done_at -= 100
    bench.pass_time(2)
    assert len(bench.engine.asks("steps/lane-a")) == before + 1
    assert "live" in panel.status.text()


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
