"""The latent explorer: sliders, picture and map show one code, whichever hand moves it."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from pytestqt.qtbot import QtBot

from app.panels.latent import LatentPanel, LatentState
from tests.app.fake_core import Bench
from tests.app.fake_model import IMAGES, LATENT, decode, encode, run_card
from tests.app.opening import opened

pytestmark = pytest.mark.usefixtures("dressed")


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


def test_another_run_takes_the_last_ones_picture_from_the_map(qtbot: QtBot) -> None:
    panel, _ = opened(qtbot, LatentPanel)
    panel.pad.set_cursor_image(np.zeros((8, 8, 1), np.uint8))
    panel.begin(run_card("flow-moons", points=True, offers=IMAGES))
    assert panel.pad._at_cursor.picture is None


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
