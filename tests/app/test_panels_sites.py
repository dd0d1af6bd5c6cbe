"""The pixel-by-pixel viewer: what is shown is what was drawn, at any moment; what is overwritten can be taken back."""

from __future__ import annotations

import csv
import gc
import json
import weakref
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QAccessible
from PySide6.QtWidgets import QAbstractButton, QComboBox, QLineEdit
from pytestqt.qtbot import QtBot

from app import export
from app.panel import find_panels
from app.panels.sites import SitesPanel, SitesState, overlays
from app.panels.sites.filling import Filling, Screen, level, pixel_value
from app.panels.sites.rolling import seconds_words
from app.shell import theme
from app.widgets.images import from_qimage
from gm_core import api
from tests.app.fake_core import Bench, FakeEngine, digits, run_card

OFFERS = frozenset({"samples", "density", "sitewise", "complete"})


@dataclass
class Sitewise:
    """A pretend model: the chance of white at a site is 0.8 after white and 0.2 after black, in any order."""

    shape: tuple[int, int, int] = (1, 8, 8)
    backwards: bool = False
    orders: tuple[str, ...] = ("own",)

    @property
    def sites(self) -> int:
        return int(np.prod(self.shape))

    def order(self) -> np.ndarray:
        c, h, w = self.shape
        pixels = np.arange(h * w)[:: -1 if self.backwards else 1]
        return (pixels[:, None] + h * w * np.arange(c)).ravel()

    def flat(self, picture: np.ndarray) -> np.ndarray:
        return picture.transpose(0, 3, 1, 2).reshape(len(picture), -1)

    def white(self, values: np.ndarray, rank: int) -> np.ndarray:
        """p(white) of the site at a rank, (n,)."""
        if rank == 0:
            return np.full(len(values), 0.5)
        return np.where(values[:, self.order()[rank - 1]] > 127, 0.8, 0.2)

    def log_prob(self, values: np.ndarray, rank: int) -> np.ndarray:
        p = self.white(values, rank)
        return np.log(np.where(values[:, self.order()[rank]] > 127, p, 1 - p)).astype(np.float32)

    def fill(self, query: api.FillQuery) -> list[api.Frame]:
        order, rng = self.order(), np.random.default_rng(query.seed)
        c, h, w = self.shape
        start = np.zeros((1, h, w, c), np.uint8) if query.given is None else query.given
        start = np.repeat(start, query.n, 0)
        first = max(query.draw_from, 0)
        known = np.zeros(self.sites, bool)
        known[order[:first]] = True
        values = self.flat(start).copy()
        none = np.empty((query.n, 0), np.float32)
        frames: list[api.Frame] = [api.Filled(
            np.empty(0, np.int64), none.astype(np.uint8), none, none, 0, int((~known).sum()), start, known, order,
            self.orders,
        )]  # fmt: skip
        for rank in range(first, self.sites):
            values[:, order[rank]] = np.where(rng.random(query.n) < self.white(values, rank), 255, 0)
            frames.append(api.Filled(
                np.array([order[rank]]), values[:, [order[rank]]].copy(), self.log_prob(values, rank)[:, None],
                np.full((query.n, 1), 0.5, np.float32), rank - first + 1, self.sites - first,
            ))  # fmt: skip
        return frames

    def answer(self, query: api.Query) -> list[api.Frame]:
        if isinstance(query, api.FillQuery):
            return self.fill(query)
        if isinstance(query, api.ConditionalQuery):
            values, rank = self.flat(query.given), int(np.argsort(self.order())[query.site])
            support = np.zeros(self.sites, bool)
            if rank:
                support[self.order()[rank - 1]] = True
            p = float(self.white(values, rank)[0])
            influence = np.where(support, 0.6, 0.0).astype(np.float32)
            return [api.SiteBars(
                query.site, np.array([0.0, 1.0]), np.array([1 - p, p]), False, 0.5,
                float(self.log_prob(values, rank)[0]), influence, support,
            )]  # fmt: skip
        if isinstance(query, api.SiteMapsQuery):
            values = self.flat(query.given)
            logs = np.zeros(values.shape, np.float32)
            for rank, site in enumerate(self.order()):
                logs[:, site] = self.log_prob(values, rank)
            return [api.SiteMaps(query.given, logs, np.full_like(logs, 0.5))]
        if isinstance(query, api.PosteriorQuery):
            p = np.zeros(10, np.float32)
            p[7] = 1.0
            return [api.Posterior(p, p, p, -10.0, False)]
        if isinstance(query, api.ExamplesQuery):
            x, y = digits()
            chosen = np.arange(query.n)
            return [api.ExamplesFrame(np.where(x[chosen] > 127, 255, 0).astype(np.uint8), y[chosen], chosen)]
        return []


class SiteEngine(FakeEngine):
    """A fake engine whose runs all draw pixel by pixel."""

    def __init__(self, model: Sitewise) -> None:
        super().__init__()
        self.model = model

    def answer(self, ask: api.Ask, live: int = 2400) -> list[api.Answered]:
        frames = self.model.answer(ask.query)
        step = ask.step if ask.step is not None else live
        told = [api.Answered(ask.run, ask.topic, ask.ticket, step, i, f, False, 0.01) for i, f in enumerate(frames)]
        return [*told, api.Answered(ask.run, ask.topic, ask.ticket, step, len(frames), None, True, 0.01)]


def card(model: Sitewise | None = None, **changes: Any) -> api.RunCard:
    base: dict[str, Any] = {
        "offers": OFFERS, "spec": {"model": {"kind": "fvsbn", "order": "raster"}, "train": {"batch": 100}},
    }  # fmt: skip
    made = run_card("fvsbn-digits", **{**base, **changes})
    return made if model is None else replace(made, data=replace(made.data, shape=model.shape))


def bench_of(model: Sitewise, found: api.RunCard | None = None) -> Bench:
    bench = Bench()
    bench.engine = bench.desk.engine = SiteEngine(model)  # type: ignore[assignment]
    bench.desk.take([api.RunChanged(found or card(model))])
    bench.fill_curves("fvsbn-digits")
    return bench


def opened(
    qtbot: QtBot, model: Sitewise | None = None, size: tuple[int, int] = (720, 520), answer: bool = True,
    found: api.RunCard | None = None,
) -> tuple[SitesPanel, Bench]:  # fmt: skip
    bench = bench_of(model or Sitewise(), found)
    panel = SitesPanel()
    qtbot.addWidget(panel)
    panel.resize(*size)
    panel.bind(bench.desk)
    panel.show()
    bench.pass_time(answer=answer)
    return panel, bench


def asks(bench: Bench, purpose: str) -> list[Any]:
    return [a.query for a in bench.engine.asks(f"sites/{purpose}")]


def settle(qtbot: QtBot, bench: Bench) -> None:
    """Let the pointer rest, so that what it points at is asked for and answered."""
    qtbot.wait(80)
    bench.pass_time(3)


@pytest.fixture(autouse=True)
def dressed(qapp: object) -> Iterator[None]:
    """Panels are drawn in the program's own dress."""
    theme.load_fonts()
    theme.apply(qapp, "dark")  # type: ignore[arg-type]
    yield
    theme.set_scale(qapp, 1.0)  # type: ignore[arg-type]


# fillings


def test_the_picture_at_any_moment_is_what_was_drawn_until_then_forwards_and_backwards() -> None:
    for model in (Sitewise(), Sitewise((3, 4, 5), backwards=True)):
        frames = model.fill(api.FillQuery(seed=3, n=4))
        found = _filled(model, frames)
        screen, rng = Screen(), np.random.default_rng(0)
        whole = found.values.reshape(4, *model.shape).transpose(0, 2, 3, 1)
        for unit in [0, 1, *rng.integers(0, found.pixels + 1, 30).tolist(), found.pixels]:
            rgba = screen.show(found, found.place_of(unit)).copy()
            there = (found.ranks.reshape(model.shape)[0] < unit * found.channels)[None]
            assert np.array_equal(rgba[..., 3] > 0, np.broadcast_to(there, rgba.shape[:3]))
            seen = rgba[..., 3] > 0
            assert np.array_equal(rgba[..., :3][seen], np.broadcast_to(whole, (*rgba.shape[:3], 3))[seen])


def _filled(model: Sitewise, frames: list[api.Frame]) -> Filling:
    from app.panels.sites.filling import begin

    found = begin(frames[0], card(model).data, 10)  # type: ignore[arg-type]
    for frame in frames[1:]:
        found.take(frame)  # type: ignore[arg-type]
    return found


def test_a_copy_from_a_pixel_on_keeps_what_came_before_and_forgets_what_came_after() -> None:
    model = Sitewise()
    found = _filled(model, model.fill(api.FillQuery(seed=1, n=3)))
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
    expected = _filled(Sitewise(), Sitewise().fill(api.FillQuery(seed=0, n=16)))
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
    found = _filled(model, model.fill(api.FillQuery(n=1)))
    bars = model.answer(api.ConditionalQuery(given=found.picture(0), site=6))[0]
    seen = overlays.field_of(found, bars)  # type: ignore[arg-type]
    assert np.flatnonzero(seen.support).tolist() == [5]
    assert np.flatnonzero(seen.blind).tolist() == [0, 1, 2, 3, 4]
    assert np.flatnonzero(seen.later).tolist() == list(range(7, 16))
    layer = overlays.layer("field", found, 0, 16, 2, bars)  # type: ignore[arg-type]
    assert layer is not None and np.flatnonzero(layer.rgba[..., 3]).tolist() == [5]


def test_heat_maps_show_only_what_is_drawn_and_say_their_unit() -> None:
    model = Sitewise((3, 4, 4))
    found = _filled(model, model.fill(api.FillQuery(n=2)))
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
    assert not np.isnan(film.log_probs[0]).any() and "real examples" in panel.status.text()
    panel.reroll(32)
    bench.pass_time(2)
    assert panel.film is not None and not panel.film.real and not panel.controls.real.isChecked()
    assert np.array_equal(panel.film.values[0, :32], film.values[0, :32])


# classes and orders


def test_a_model_of_classes_draws_any_or_one_and_is_asked_under_a_class(qtbot: QtBot) -> None:
    panel, bench = opened(qtbot, found=card(offers=OFFERS | {"classes"}))
    assert asks(bench, "fill")[-1].y is None
    assert panel.controls.label.count() == 11
    bench.pass_time(3)
    assert panel.inquiry.y() == 7, "what was drawn is most probably a seven"
    panel.controls.label.setCurrentIndex(4)
    bench.pass_time(2)
    assert asks(bench, "fill")[-1].y == 3
    panel.canvas.hovered.emit(3)
    settle(qtbot, bench)
    assert asks(bench, "site")[-1].y == 3


def test_another_order_is_one_click_away_and_its_curve_is_laid_over_this_one(qtbot: QtBot) -> None:
    panel, bench = opened(qtbot)
    actions = {a.text(): a for a in panel.controls.menu.actions()}
    assert len(actions) == 5 and not actions["row by row"].isEnabled()
    actions["random"].trigger()
    started = [c for c in bench.engine.sent if isinstance(c, api.Start)]
    assert started[-1].spec["model"] == {"kind": "fvsbn", "order": "random"}
    assert started[-1].spec["title"] == "fvsbn-digits, random order"
    assert started[-1].spec["train"] == {"batch": 100} and "fvsbn-digits" in bench.desk.overlays


def test_a_model_without_a_choice_of_order_offers_none_and_one_of_many_offers_them(qtbot: QtBot) -> None:
    fixed = card(spec={"model": {"kind": "pixel_cnn"}})
    panel, _ = opened(qtbot, found=fixed)
    assert not panel.controls.train.isVisibleTo(panel.controls.row) and panel.controls.order.count() == 1
    panel, bench = opened(qtbot, Sitewise(orders=("raster", "random")))
    panel.controls.order.setCurrentIndex(1)
    bench.pass_time(1)
    assert asks(bench, "fill")[-1].order == "random"


# the panel as a panel


def test_the_panel_opens_for_images_that_are_drawn_site_by_site(qtbot: QtBot) -> None:
    assert find_panels()["sites"] is SitesPanel
    assert (theme.resources() / "icons" / f"{SitesPanel.icon}.svg").is_file() and SitesPanel.tip.endswith(".")
    assert opened(qtbot)[0].card is not None
    assert opened(qtbot, found=card(offers=OFFERS - {"sitewise"}))[0].card is None


@pytest.mark.parametrize("mode", ["dark", "light"])
@pytest.mark.parametrize("size", [(1100, 760), (520, 400), (330, 300)])
def test_it_draws_at_every_size_and_in_both_themes(
    qtbot: QtBot, qapp: object, mode: str, size: tuple[int, int]
) -> None:
    theme.apply(qapp, mode)  # type: ignore[arg-type]
    empty = SitesPanel()
    qtbot.addWidget(empty)
    empty.resize(*size)
    empty.bind(Bench().desk)
    empty.show()
    panel, bench = opened(qtbot, size=size)
    panel.go(64)
    bench.pass_time(1)
    blank, drawn = from_qimage(empty.grab().toImage()), from_qimage(panel.grab().toImage())
    assert blank.shape == drawn.shape and blank.std() > 0
    assert (blank != drawn).any(-1).mean() > 0.05


def test_each_control_has_a_name_for_screen_readers(qtbot: QtBot) -> None:
    panel, _ = opened(qtbot)
    for kind in (QAbstractButton, QComboBox, QLineEdit):
        for widget in panel.findChildren(kind):
            if widget.objectName().startswith("qt_"):
                continue
            seen = QAccessible.queryAccessibleInterface(widget)
            assert seen is not None and seen.text(QAccessible.Text.Name).strip(), type(widget).__name__


def test_settings_survive_a_round_trip_and_everything_is_exported_with_them(qtbot: QtBot, tmp_path: Path) -> None:
    panel, bench = opened(qtbot)
    wished = SitesState(count=9, overlay="entropy", temperature=0.7, pace=50, loop=True)
    panel.restore(wished)
    assert panel.state() == wished
    panel.draw_anew()
    bench.pass_time(3)
    panel.go(40)
    bench.pass_time(2)
    for number, wanted in enumerate(panel.exports()):
        path = tmp_path / f"{number}{wanted.suffix}"
        wanted.write(path)
        assert path.stat().st_size > 100, wanted.title
        if wanted.suffix != ".csv":
            facts = json.loads(export.read_settings(path) or "")
            assert facts["panel"] == "sites" and facts["settings"] == wished.plain() and facts["place"] == 40
        else:
            rows = list(csv.DictReader(path.read_text(encoding="utf-8").splitlines()))
            assert len(rows) == 64
            assert panel.film is not None
            assert float(rows[9]["log_prob_nats"]) == pytest.approx(float(panel.film.log_probs[0, 9]))


def test_a_closed_panel_leaves_nothing_behind(qtbot: QtBot) -> None:
    bench = bench_of(Sitewise())
    panel = SitesPanel()
    panel.resize(500, 400)
    panel.bind(bench.desk)
    panel.show()
    bench.pass_time()
    gone = weakref.ref(panel)
    panel.hide()
    asked = bench.engine.asks("sites/")
    assert {a.topic for a in asked} <= {c.topic for c in bench.engine.sent if isinstance(c, api.Cancel)}
    panel.close()
    panel.deleteLater()
    del panel
    qtbot.wait(10)
    gc.collect()
    bench.desk.take([api.RunChanged(card())])
    bench.desk.seek(800)
    bench.pass_time()
    assert len(bench.engine.asks("sites/")) == len(asked), "a closed panel asks no more"
    from shiboken6 import isValid

    assert gone() is None or not isValid(gone())


def test_shift_with_arrows_walks_over_pixels_and_return_opens_the_small_window(qtbot: QtBot) -> None:
    panel, bench = opened(qtbot)
    panel.canvas.hovered.emit(9)
    bench.pass_time(1)
    qtbot.keyClick(panel.canvas, Qt.Key.Key_Right, Qt.KeyboardModifier.ShiftModifier)
    bench.pass_time(1)
    qtbot.keyClick(panel.canvas, Qt.Key.Key_Down, Qt.KeyboardModifier.ShiftModifier)
    bench.pass_time(1)
    assert panel.inquiry.site == 18 and panel.canvas.pixel() == 18
    qtbot.keyClick(panel.canvas, Qt.Key.Key_Return)
    assert panel.popover.isVisible() and "Row 3, column 3: was" in panel.popover.words.text()
    qtbot.keyClick(panel.popover, Qt.Key.Key_Escape)
    assert not panel.popover.isVisible()


def test_the_pixel_under_the_pointer_is_found_at_every_zoom(qtbot: QtBot) -> None:
    panel, _ = opened(qtbot)
    for size in ((720, 520), (900, 700), (300, 280)):
        panel.resize(*size)
        for pixel in (0, 7, 27, 63):
            assert panel.canvas.pixel_at(panel.canvas.rect_of(pixel).center()) == pixel
        assert panel.canvas.pixel_at(QPoint(0, 0)) == -1
