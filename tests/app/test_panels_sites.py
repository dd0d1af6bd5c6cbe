"""The pixel-by-pixel viewer: what is shown is what was drawn, at any moment."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from app.panels.sites.filling import Screen, level, pixel_value
from app.panels.sites.rolling import seconds_words
from gm_core import api
from tests.app.sites_bench import Sitewise, asks, filled, opened, settle

pytestmark = pytest.mark.usefixtures("dressed")

# fillings


def test_the_picture_at_any_moment_is_what_was_drawn_until_then_forwards_and_backwards() -> None:
    for model in (Sitewise(), Sitewise((3, 4, 5), backwards=True)):
        frames = model.fill(api.FillQuery(seed=3, n=4))
        found = filled(model, frames)
        screen, rng = Screen(), np.random.default_rng(0)
        whole = found.values.reshape(4, *model.shape).transpose(0, 2, 3, 1)
        for unit in [0, 1, *rng.integers(0, found.pixels + 1, 30).tolist(), found.pixels]:
            rgba = screen.show(found, found.place_of(unit)).copy()
            there = (found.ranks.reshape(model.shape)[0] < unit * found.channels)[None]
            assert np.array_equal(rgba[..., 3] > 0, np.broadcast_to(there, rgba.shape[:3]))
            seen = rgba[..., 3] > 0
            assert np.array_equal(rgba[..., :3][seen], np.broadcast_to(whole, (*rgba.shape[:3], 3))[seen])


def test_a_copy_from_a_pixel_on_keeps_what_came_before_and_forgets_what_came_after() -> None:
    model = Sitewise()
    found = filled(model, model.fill(api.FillQuery(seed=1, n=3)))
    made = found.from_rank(21, 1, site=20, value=255)
    assert made.reached == 21 and made.values[1, 20] == 255 and made.marks == {(1, 20)}
    assert np.array_equal(made.values[1, :20], found.values[1, :20])
    assert np.isnan(made.log_probs[1, 20:]).all() and not np.isnan(made.log_probs[0]).any()
    ways = found.from_rank(21, 1, all_rows=5)
    assert ways.count == 5 and (ways.values[:, :21] == found.values[1, :21]).all()
    assert found.reached == 64 and not found.marks, "the original is as it was"


@pytest.mark.parametrize("levels", [2, 17, 256])
def test_levels_and_the_values_of_a_picture_belong_together(levels: int) -> None:
    assert [level(pixel_value(k, levels), levels) for k in range(levels)] == list(range(levels))


def test_the_time_that_is_left_is_said_in_words() -> None:
    assert [seconds_words(t) for t in (0.2, 4.2, 180)] == ["less than 1 s", "about 4 s", "about 3 min"]


# playing


def test_a_filling_is_asked_for_and_kept_whole(qtbot: QtBot) -> None:
    panel, bench = opened(qtbot)
    assert asks(bench, "fill")[0] == api.FillQuery(seed=0, n=16, frames=400)
    assert panel.film is not None and panel.film.done and panel.film.reached == 64
    expected = filled(Sitewise(), Sitewise().fill(api.FillQuery(seed=0, n=16)))
    assert np.array_equal(panel.film.values, expected.values)
    panel.go(64)
    bench.pass_time(1)
    assert f"log p {expected.log_probs[0].sum():,.1f} nats" == panel.status.side.text()


def test_keys_step_by_pixels_and_rows_and_jump_to_the_ends(qtbot: QtBot) -> None:
    panel, _ = opened(qtbot)
    for key, place in (
        (Qt.Key.Key_Home, 0), (Qt.Key.Key_Right, 1), (Qt.Key.Key_Down, 9), (Qt.Key.Key_Left, 8), (Qt.Key.Key_Up, 0),
        (Qt.Key.Key_End, 64), (Qt.Key.Key_Up, 56), (Qt.Key.Key_Right, 57),
    ):  # fmt: skip
        qtbot.keyClick(panel.canvas, key)
        assert panel.place == place and panel.player.index() == place and panel.slider.value() == place
    qtbot.keyClick(panel.canvas, Qt.Key.Key_Space)
    assert panel.player.playing()


def test_a_colour_picture_advances_by_whole_pixels_and_its_channel_can_be_chosen(qtbot: QtBot) -> None:
    model = Sitewise((3, 4, 4))
    panel, bench = opened(qtbot, model)
    assert panel.player.count() == 17
    panel.play_key(Qt.Key.Key_Home)
    panel.play_key(Qt.Key.Key_Right)
    assert panel.place == 3
    panel.channels[2].click()
    panel.canvas.hovered.emit(5)
    settle(qtbot, bench)
    assert asks(bench, "site")[-1].site == 2 * 16 + 5
    assert "blue" in panel.facts.text() and all(b.isVisibleTo(panel) for b in panel.channels)


def test_playing_waits_for_pixels_that_have_not_come(qtbot: QtBot) -> None:
    panel, bench = opened(qtbot, answer=False)
    ask = bench.engine.asks("sites/fill")[-1]
    frames = bench.engine.answer(ask)
    bench.desk.take(frames[:11])
    assert panel.player.playing() and panel.player.count() == 65
    panel.player.index_changed.emit(40)
    assert panel.place == 10 and panel.player.index() == 10
    assert "pixel 10 of 64" in panel.status.text() and panel.status.busy()
    bench.desk.take(frames[11:])
    panel.go(64)
    assert panel.place == 64 and not panel.rolling.busy


def test_cancelling_keeps_what_came_and_tells_the_worker(qtbot: QtBot) -> None:
    panel, bench = opened(qtbot, answer=False)
    frames = bench.engine.answer(bench.engine.asks("sites/fill")[-1])
    bench.desk.take(frames[:21])
    panel.status.cancelled.emit()
    assert any(isinstance(c, api.Cancel) and c.topic == "sites/fill" for c in bench.engine.sent)
    bench.desk.take(frames[21:])
    assert panel.film is not None and panel.film.reached == 20 and panel.player.count() == 21
    assert "stopped at pixel 20 of 64" in panel.status.text() and not panel.status.busy()


def test_the_shared_step_changes_the_weights_and_leaves_the_picture_at_its_place(qtbot: QtBot) -> None:
    panel, bench = opened(qtbot)
    panel.go(30)
    before = panel.film
    bench.desk.seek(800)
    bench.pass_time(1, answer=False)
    ask = bench.engine.asks("sites/fill")[-1]
    assert ask.step == 800 and ask.query.seed == 0
    frames = bench.engine.answer(ask)
    bench.desk.take(frames[:20])
    assert panel.film is before, "the old picture stays until the new one has come as far"
    bench.desk.take(frames[20:])
    assert panel.film is not before and panel.place == 30
    assert "step 800 (live 2,400)" in panel.status.text()


def test_other_noise_is_the_noise_of_the_whole_window(qtbot: QtBot) -> None:
    panel, bench = opened(qtbot)
    panel.controls.dice.click()
    bench.pass_time(2)
    assert bench.desk.seed == 1 and asks(bench, "fill")[-1].seed == 1
    panel.controls.heat.changed.emit(panel.controls.heat.value())
    panel.controls.heat.set_value(0.5)
    panel.controls.changed.emit()
    bench.pass_time(1)
    assert asks(bench, "fill")[-1].temperature == pytest.approx(0.5)
