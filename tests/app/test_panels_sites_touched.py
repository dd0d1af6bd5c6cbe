"""One pixel of the viewer: what is overwritten keeps its past and can be taken back; heat maps tell the truth."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from app.panels.sites import overlays
from app.shell import theme
from app.widgets.images import from_qimage
from gm_core import api
from tests.app.sites_bench import Sitewise, asks, filled, opened, settle

pytestmark = pytest.mark.usefixtures("dressed")

# one pixel


def test_pointing_at_pixels_asks_for_the_last_of_them_alone(qtbot: QtBot) -> None:
    panel, bench = opened(qtbot)
    qtbot.wait(80)
    bench.pass_time(2)
    before = len(asks(bench, "site"))
    for pixel in range(20, 30):
        panel.canvas.hovered.emit(pixel)
    settle(qtbot, bench)
    assert [q.site for q in asks(bench, "site")[before:]] == [29]
    film = panel.film
    assert film is not None
    assert np.array_equal(asks(bench, "site")[-1].given[0, ..., 0].ravel(), film.values[0])
    assert "row 4, column 6" in panel.facts.text() and "sees 1 of 29" in panel.facts.text()
    expected = 0.8 if film.values[0, 28] else 0.2
    assert panel.bars.probabilities() == pytest.approx([1 - expected, expected])


def test_a_pixel_that_is_not_drawn_has_no_distribution_yet(qtbot: QtBot) -> None:
    panel, bench = opened(qtbot, answer=False)
    frames = bench.engine.answer(bench.engine.asks("sites/fill")[-1])
    bench.desk.take(frames[:11])
    panel.canvas.hovered.emit(40)
    qtbot.wait(80)
    bench.pass_time(2, answer=False)
    assert asks(bench, "site") == [] and panel.bars.probabilities() is None
    panel.canvas.clicked.emit(40)
    assert not panel.popover.isVisible()


def test_overwriting_a_pixel_keeps_its_past_and_draws_the_rest_and_can_be_taken_back(qtbot: QtBot) -> None:
    panel, bench = opened(qtbot)
    panel.choose(2)
    before = panel.film
    assert before is not None
    old = before.values.copy()
    panel.canvas.clicked.emit(27)
    wished = 255 - int(old[2, 27])
    assert panel.popover.isVisible() and panel.popover.value() == wished, "of two values, the other one is meant"
    panel.popover.one.click()
    bench.pass_time(2)
    query = asks(bench, "fill")[-1]
    assert query.n == 1 and query.draw_from == 28 and query.seed != 0
    film = panel.film
    assert film is not None and film is not before and film.done
    assert film.values[2, 27] == wished and np.array_equal(film.values[2, :27], old[2, :27])
    assert np.array_equal(np.delete(film.values, 2, 0), np.delete(old, 2, 0)), "other examples are left alone"
    assert film.marks == {(2, 27)} and panel.place >= 28
    panel.undo_button.click()
    assert panel.film is before and np.array_equal(before.values, old)


def test_a_pixel_can_be_rolled_anew_in_several_ways_at_once(qtbot: QtBot) -> None:
    panel, bench = opened(qtbot)
    film = panel.film
    assert film is not None
    panel.choose(3)
    actions = {a.text(): a for a in panel.menu_of(32).actions()}
    actions["Re-roll from here in 16 ways"].trigger()
    bench.pass_time(2)
    query = asks(bench, "fill")[-1]
    assert query.n == 16 and query.draw_from == 32
    made = panel.film
    assert made is not None and (made.values[:, :32] == film.values[3, :32]).all()
    assert len({row.tobytes() for row in made.values}) > 1
    panel.canvas.hovered.emit(40)
    settle(qtbot, bench)
    panel.roll_button.click()
    bench.pass_time(1)
    assert asks(bench, "fill")[-1].n == 1 and asks(bench, "fill")[-1].draw_from == 40


def test_the_last_pixel_of_all_is_overwritten_without_the_worker(qtbot: QtBot) -> None:
    panel, bench = opened(qtbot)
    count = len(asks(bench, "fill"))
    panel.overwrite(63, 255)
    assert panel.film is not None and panel.film.values[0, 63] == 255 and panel.film.reached == 64
    assert len(asks(bench, "fill")) == count
    assert panel.rolling.undo() and not panel.rolling.undo()


def test_a_click_on_a_bar_puts_that_level_there(qtbot: QtBot) -> None:
    panel, bench = opened(qtbot)
    panel.canvas.hovered.emit(10)
    settle(qtbot, bench)
    qtbot.mouseClick(panel.bars, Qt.MouseButton.LeftButton, pos=panel.bars.bar(1).center().toPoint())
    bench.pass_time(1)
    assert asks(bench, "fill")[-1].draw_from == 11
    assert asks(bench, "fill")[-1].given[0, 1, 2, 0] == 255


# overlays


def test_the_blind_spot_is_the_past_that_is_not_seen() -> None:
    model = Sitewise((1, 4, 4))
    found = filled(model, model.fill(api.FillQuery(n=1)))
    bars = model.answer(api.ConditionalQuery(given=found.picture(0), site=6))[0]
    seen = overlays.field_of(found, bars)  # type: ignore[arg-type]
    assert np.flatnonzero(seen.support).tolist() == [5]
    assert np.flatnonzero(seen.blind).tolist() == [0, 1, 2, 3, 4]
    assert np.flatnonzero(seen.later).tolist() == list(range(7, 16))
    layer = overlays.layer("field", found, 0, 16, 2, bars)  # type: ignore[arg-type]
    assert layer is not None and np.flatnonzero(layer.rgba[..., 3]).tolist() == [5]


def test_heat_maps_show_only_what_is_drawn_and_say_their_unit() -> None:
    model = Sitewise((3, 4, 4))
    found = filled(model, model.fill(api.FillQuery(n=2)))
    for kind in ("log_prob", "entropy"):
        layer = overlays.layer(kind, found, 1, 12, 2, None)
        assert layer is not None and "nats" in layer.title
        assert np.flatnonzero(layer.rgba[..., 3]).tolist() == [0, 1, 2, 3]
    order = overlays.layer("order", found, 0, 0, 2, None)
    assert order is not None and len(np.unique(order.rgba.reshape(-1, 4), axis=0)) == 16


def test_the_scale_of_log_probabilities_moves_in_steps_and_holds_all_but_a_few() -> None:
    for low in (-0.2, -1.2, -9.0, -300.0):
        floor = overlays.floor_of(np.linspace(low, 0, 1000))
        assert floor in overlays.FLOORS and (floor <= low * 0.99 or floor == overlays.FLOORS[-1])
    assert overlays.floor_of(np.full(3, np.nan)) == overlays.FLOORS[0]


@pytest.mark.parametrize("kind", ["none", "log_prob", "entropy", "order", "field"])
@pytest.mark.parametrize("mode", ["dark", "light"])
def test_every_overlay_changes_the_picture_and_has_a_legend(qtbot: QtBot, qapp: object, kind: str, mode: str) -> None:
    theme.apply(qapp, mode)  # type: ignore[arg-type]
    panel, bench = opened(qtbot)
    panel.go(64)
    panel.canvas.hovered.emit(30)
    settle(qtbot, bench)
    plain = from_qimage(panel.canvas.grab().toImage())
    panel.controls.overlay.setCurrentIndex(panel.controls.overlay.findData(kind))
    bench.pass_time(2)
    shown = from_qimage(panel.canvas.grab().toImage())
    changed = 1.0 if shown.shape != plain.shape else (shown != plain).any(-1).mean()
    assert (changed == 0) if kind == "none" else (changed > 0.05)
    assert bool(panel.legend.accessibleDescription()) == (kind != "none")


def test_what_was_given_gets_its_log_probability_when_it_is_to_be_seen(qtbot: QtBot) -> None:
    panel, bench = opened(qtbot)
    panel.overwrite(20, 255)
    bench.pass_time(2)
    film = panel.film
    assert film is not None and np.isnan(film.log_probs[0, 20])
    panel.controls.overlay.setCurrentIndex(panel.controls.overlay.findData("log_prob"))
    bench.pass_time(3)
    assert not np.isnan(film.log_probs[0]).any()
    expected = [float(Sitewise().log_prob(film.values[:1], rank)[0]) for rank in range(64)]
    assert film.log_probs[0] == pytest.approx(expected)


def test_real_examples_are_scored_pixel_by_pixel_and_can_be_continued(qtbot: QtBot) -> None:
    panel, bench = opened(qtbot)
    panel.controls.overlay.setCurrentIndex(panel.controls.overlay.findData("log_prob"))
    panel.controls.real.click()
    bench.pass_time(3)
    film = panel.film
    assert film is not None and film.real and asks(bench, "real")[-1].split == "test"
    assert bench.engine.asks("sites/real")[-1].step is None, "the data are those of every step"
    assert not np.isnan(film.log_probs[0]).any() and "real examples" in panel.status.text()
    panel.reroll(32)
    bench.pass_time(2)
    assert panel.film is not None and not panel.film.real and not panel.controls.real.isChecked()
    assert np.array_equal(panel.film.values[0, :32], film.values[0, :32])
