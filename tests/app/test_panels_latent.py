"""The latent explorer and the step viewer: the newest wish wins, ends are exact, stepping back is exact."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from pytestqt.qtbot import QtBot

from app.panels.latent import LatentPanel, LatentState
from app.panels.steps import StepsPanel
from app.panels.steps.lane import Track
from app.shell import theme
from gm_core import api
from tests.app.fake_core import IMAGES, LATENT, Bench, decode, encode, run_card, scalars, trajectory


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


def test_sorting_by_effect_asks_what_each_dimension_does_and_folds_those_that_do_nothing(qtbot: QtBot) -> None:
    panel, bench = opened(qtbot, LatentPanel)
    assert not bench.engine.asks("latent/effects")
    panel.sliding.sorts.setCurrentIndex(1)
    bench.pass_time(2)
    assert bench.engine.asks("latent/effects")[-1].follow
    assert panel.sliders.order() == [9, 8, 7, 6, 5, 4, 3, 2, 0, 1]
    assert panel.sliders.fold.text() == "2 unused" and panel.sliders.strongest() == (9, 8)
    assert "z 10 across, z 9 up" in panel.picture_view.mosaic.toolTip()


def test_a_hand_on_a_slider_does_not_see_it_jump(qtbot: QtBot) -> None:
    panel, bench = opened(qtbot, LatentPanel)
    panel.sliding.sorts.setCurrentIndex(1)
    panel.slid(panel.sliders.values())
    bench.pass_time(2)
    assert panel.sliders.order()[:3] == [0, 1, 2], "sorted only once the hand has rested"


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
    assert np.array_equal(panel.picture_view.items()[0], decode(asked[None])[0])


def test_dragging_the_picture_moves_in_the_plane_of_the_two_strongest_dimensions(qtbot: QtBot) -> None:
    panel, _ = opened(qtbot, LatentPanel)
    panel.move(np.zeros(LATENT, np.float32))
    picture = panel.picture_view.mosaic
    side = min(picture.width(), picture.height())
    middle = QPoint(picture.width() // 2, picture.height() // 2)
    qtbot.mousePress(picture, Qt.MouseButton.LeftButton, pos=middle)
    qtbot.mouseMove(picture, middle + QPoint(side // 6, -side // 12))
    qtbot.mouseRelease(picture, Qt.MouseButton.LeftButton, pos=middle + QPoint(side // 6, -side // 12))
    assert panel.z[:2] == pytest.approx([1.0, 0.5], abs=0.08), "the picture's side is six units wide"
    assert not panel.z[2:].any()
    before = panel.z.copy()
    qtbot.keyClick(picture, Qt.Key.Key_Right)
    qtbot.keyClick(picture, Qt.Key.Key_Up, Qt.KeyboardModifier.ShiftModifier)
    assert panel.z[:2] - before[:2] == pytest.approx([0.12, 0.012], abs=1e-4)


def test_pointing_at_a_slider_decodes_its_low_and_its_high_end(qtbot: QtBot) -> None:
    panel, bench = opened(qtbot, LatentPanel)
    panel.sliders.rows[2].pointed.emit(2, True)
    qtbot.waitUntil(lambda: bool(bench.engine.asks("latent/thumbs")) or not bench.desk.take([]))
    qtbot.waitUntil(lambda: not panel.pointing._thumbs.isActive())
    bench.pass_time(2)
    low, high = bench.engine.asks("latent/thumbs")[-1].query.z
    assert (low[2], high[2]) == (-2.0, 2.0)
    assert np.array_equal(np.delete(low, 2), np.delete(high, 2))
    assert panel.sliders.thumbs.isVisible()
    panel.sliders.rows[2].pointed.emit(2, False)
    assert not panel.sliders.thumbs.isVisible()


def test_a_click_on_a_real_point_takes_its_whole_code(qtbot: QtBot) -> None:
    panel, bench = opened(qtbot, LatentPanel)
    mu = panel.survey.frame.mu
    lonely = np.linalg.norm(mu[:, None, :2] - mu[None, :200, :2], axis=-1)
    place = int(np.where(np.eye(len(mu), 200) > 0, 9.0, lonely).min(0).argmax())
    panel.pad.picked.emit(float(mu[place, 0]), float(mu[place, 1]))
    bench.pass_time(2)
    assert np.allclose(panel.sliders.values(), mu[place], atol=1e-3)


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


def test_where_the_pointer_rests_the_nearest_training_example_is_looked_for(qtbot: QtBot) -> None:
    panel, bench = opened(qtbot, LatentPanel)
    panel.pad.hovered.emit(9.0, 9.0)
    bench.pass_time(1)
    assert not bench.engine.asks("latent/hover-near")
    qtbot.waitUntil(lambda: not panel.pointing._rest.isActive())
    bench.pass_time(2)
    query = bench.engine.asks("latent/hover-near")[-1].query
    assert (query.n, query.space, query.split) == (1, "codes", "train")
    shown = panel.pad._at_cursor
    assert shown.picture is not None and shown.near is not None and "× usual" in shown.words


def test_the_nearest_training_examples_are_asked_for_when_the_hand_rests(qtbot: QtBot) -> None:
    panel, bench = opened(qtbot, LatentPanel)
    before = len(bench.engine.asks("latent/near"))
    for value in (0.4, 0.8, 1.2):
        panel.move(np.full(LATENT, value, np.float32))
    bench.desk.take([])
    assert len(bench.engine.asks("latent/near")) == before
    qtbot.waitUntil(lambda: not panel._settle.isActive())
    bench.pass_time(2)
    assert len(bench.engine.asks("latent/near")) == before + 1
    query = bench.engine.asks("latent/near")[-1].query
    assert query.split == "train" and query.n == 5 and panel.near.count() == 5
    assert "the usual distance" in panel.near_words.text()


def test_a_click_on_a_neighbour_takes_its_code(qtbot: QtBot) -> None:
    panel, bench = opened(qtbot, LatentPanel)
    qtbot.waitUntil(lambda: not panel._settle.isActive())
    bench.pass_time(2)
    picture = panel.nearby._items[1]
    panel.near.clicked.emit(1)
    bench.pass_time(2)
    assert np.allclose(panel.sliders.values(), encode(picture[None])[0], atol=1e-3)


def test_a_model_without_an_encoder_still_has_sliders_a_map_and_neighbours_by_pixels(qtbot: QtBot) -> None:
    panel, bench = opened(qtbot, LatentPanel, run_card(offers=IMAGES - {"encodes"}))
    assert not bench.engine.asks("latent/map")
    assert len(panel.sliders.rows) == LATENT and panel.pad.has_content()
    assert bench.engine.asks("latent/effects"), "only effects can be measured"
    qtbot.waitUntil(lambda: not panel._settle.isActive())
    bench.pass_time(2)
    assert bench.engine.asks("latent/near")[-1].query.space == "pixels"
    assert bench.engine.asks("latent/lattice"), "the prior alone is mapped"
    shown = {key for key, chip in panel.chart.bar.legend.chips.items() if not chip.isHidden()}
    assert shown == {"prior", "lattice"}
    assert not panel.chart.bar.kinds.model().item(1).isEnabled()


def test_the_class_is_told_to_the_decoder_where_the_model_learned_classes(qtbot: QtBot) -> None:
    panel, bench = opened(qtbot, LatentPanel)
    assert panel.classes.count() == 11 and panel.y == 0
    panel.classes.setCurrentIndex(7)
    bench.pass_time(2)
    assert bench.engine.asks("latent/decode")[-1].query.y == 7
    panel.classes.setCurrentIndex(10)
    bench.pass_time(2)
    assert bench.engine.asks("latent/decode")[-1].query.y is None, "the mean over all classes"
    plain, bench = opened(qtbot, LatentPanel, run_card(offers=IMAGES - {"classes"}))
    assert plain.y is None and plain.classes.isHidden()


def test_a_remembered_code_is_taken_up_only_where_codes_have_its_size(qtbot: QtBot) -> None:
    for size, taken in ((LATENT, True), (3, False)):
        bench = Bench(run_card())
        panel = LatentPanel()
        qtbot.addWidget(panel)
        panel.restore(LatentState(code=(0.25,) * size, plane="pca", sort="effect", hidden="lattice prior", points=500))
        panel.resize(980, 620)
        panel.bind(bench.desk)
        panel.show()
        bench.pass_time(4)
        assert np.allclose(panel.sliders.values(), 0.25) == taken
        state = panel.state()
        assert (state.plane, state.sort, state.points) == ("pca", "effect", 500)
        assert set(state.hidden.split()) == {"lattice", "prior"}
        assert bench.engine.asks("latent/map")[-1].query.n == 500
        assert not bench.engine.asks("latent/lattice"), "a layer that is switched off is not decoded"


# the map


def test_the_lattice_is_asked_for_where_one_looks_and_drawn_in_transparent_ink(qtbot: QtBot) -> None:
    panel, bench = opened(qtbot, LatentPanel)
    qtbot.waitUntil(lambda: not panel._settle.isActive())
    bench.pass_time(2)
    query = bench.engine.asks("latent/lattice")[-1].query
    x0, x1 = panel.pad.shown()[:2]
    assert query.size == 20 and query.box[0] <= x0 + 1e-6 and query.box[1] >= x1 - 1e-6
    assert query.box[1] - query.box[0] == pytest.approx(query.box[3] - query.box[2])
    qtbot.waitUntil(lambda: bench.desk.take([]) or panel.pad._lattice is not None)
    picture, box = panel.pad._lattice
    assert box == query.box and picture.hasAlphaChannel()
    panel.pad.zoom_by(3.0)
    qtbot.waitUntil(lambda: not panel.pad._rest.isActive())
    bench.pass_time(2)
    near = bench.engine.asks("latent/lattice")[-1].query.box
    assert near[1] - near[0] == pytest.approx((query.box[1] - query.box[0]) / 3, rel=0.05)


def test_the_principal_plane_keeps_what_lies_across_it(qtbot: QtBot) -> None:
    panel, _ = opened(qtbot, LatentPanel)
    panel.chart.bar.kinds.setCurrentIndex(1)
    before, plane = panel.z.copy(), panel.chart.plane
    panel.pad.moved.emit(0.7, -0.4)
    assert panel.chart.place(panel.z) == pytest.approx((0.7, -0.4), abs=1e-4)
    moved = panel.z - before
    assert np.allclose(moved - (moved @ plane.directions.T) @ plane.directions, 0, atol=1e-5)
    assert "of the codes' variance" in panel.chart.words()


def test_a_layout_by_tsne_is_made_on_request_alone_and_shows_real_examples(qtbot: QtBot) -> None:
    panel, bench = opened(qtbot, LatentPanel)
    qtbot.waitUntil(lambda: not panel._settle.isActive())
    bench.pass_time(2)
    assert not bench.engine.asks("latent/embed")
    panel.chart.bar.kinds.setCurrentIndex(2)
    bench.pass_time(4)
    (ask,) = bench.engine.asks("latent/embed")
    assert len(ask.query.codes) == 1000 and not ask.follow
    assert panel.chart.layout.done == 3 and "1,000 codes" in panel.chart.words()
    x, y = panel.chart.layout.xy[17]
    hovers = len(bench.engine.asks("latent/hover"))
    panel.pad.hovered.emit(float(x), float(y))
    bench.pass_time(2)
    assert len(bench.engine.asks("latent/hover")) == hovers, "no place between the points is decoded"
    shown = bench.engine.asks("latent/real")[-1].query.indices
    assert shown == (int(panel.survey.frame.indices[panel.chart.layout.nearest(x, y)]),)
    panel.chart.bar.kinds.setCurrentIndex(0)
    bench.pass_time(2)
    assert not panel.pointing.hovering
    assert len(bench.engine.asks("latent/embed")) == 1
    assert panel.state().plane == "axes", "t-SNE is never begun by what was remembered"


def test_a_layout_that_is_left_before_its_end_is_given_up_and_begun_anew(qtbot: QtBot) -> None:
    panel, bench = opened(qtbot, LatentPanel)
    panel.chart.bar.kinds.setCurrentIndex(2)
    bench.pass_time(1, answer=False)
    panel.chart.bar.kinds.setCurrentIndex(0)
    assert any(isinstance(c, api.Cancel) and c.topic == "latent/embed" for c in bench.engine.sent)
    panel.chart.bar.kinds.setCurrentIndex(2)
    bench.pass_time(3)
    assert len(bench.engine.asks("latent/embed")) == 2 and panel.chart.layout.done == 3


def test_a_lasso_makes_a_gallery_of_the_shown_classes(qtbot: QtBot) -> None:
    panel, bench = opened(qtbot, LatentPanel)
    loop = np.array([[0.0, -9.0], [9.0, -9.0], [9.0, 9.0], [0.0, 9.0]])
    panel.chart.bar.legend.chips["class 3"].click()
    panel.pad.lassoed.emit(loop)
    bench.pass_time(2)
    frame = panel.survey.frame
    expected = np.flatnonzero((frame.mu[:, 0] > 0) & (frame.labels != 3))
    assert panel.caught.count() == len(expected) and panel.caught.isVisible()
    asked = bench.engine.asks("latent/caught")[-1].query
    assert asked.indices == tuple(int(i) for i in frame.indices[expected[:120]])
    assert panel.caught.mosaic.count() == 120
    panel.caught.mosaic.clicked.emit(5)
    bench.pass_time(2)
    assert np.allclose(panel.sliders.values(), frame.mu[expected[5]], atol=1e-3)
    panel.caught.close_button.click()
    assert not panel.caught.isVisible()


def test_classes_and_layers_are_switched_by_the_words_of_the_legend(qtbot: QtBot) -> None:
    panel, _ = opened(qtbot, LatentPanel)
    chips = panel.chart.bar.legend.chips
    assert {f"class {i}" for i in range(10)} < set(chips)
    assert not panel.pad.is_shown("ellipses") and panel.pad.is_shown("density")
    chips["class 4"].click()
    chips["density"].click()
    chips["ellipses"].click()
    assert panel.pad._hidden == {4} and not panel.pad.is_shown("density") and panel.pad.is_shown("ellipses")
    chips["class 4"].click()
    assert panel.pad._hidden == set()


def test_more_examples_can_be_put_on_the_map(qtbot: QtBot) -> None:
    panel, bench = opened(qtbot, LatentPanel)
    panel.chart.bar.points.setCurrentIndex(4)
    bench.pass_time(1)
    assert bench.engine.asks("latent/map")[-1].query.n == 10_000


def test_encoding_and_decoding_of_the_stand_in_are_inverse() -> None:
    z = np.zeros((1, LATENT), np.float32)
    z[0, :3] = (0.3, -0.2, 0.1)
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
