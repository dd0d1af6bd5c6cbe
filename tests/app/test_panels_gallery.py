"""The gallery, reconstructions and curves: noise that stays fixed, layers that cost nothing when off."""

from __future__ import annotations

import csv
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from app import export
from app.panels.curves import CurvesPanel, sources
from app.panels.gallery import GalleryPanel
from app.panels.gallery.drawn import Drawn
from app.panels.reconstruction import ReconstructionPanel, stack_pairs
from gm_core import api
from tests.app.fake_core import Bench, scalars
from tests.app.fake_model import run_card
from tests.app.opening import opened

pytestmark = pytest.mark.usefixtures("dressed")


trained = partial(opened, size=(640, 480), rounds=4, curves=True)


# the gallery


def test_the_gallery_follows_training_with_the_same_noise(qtbot: QtBot) -> None:
    panel, bench = trained(qtbot, GalleryPanel)
    ask = bench.engine.asks("gallery/sheet")[-1]
    assert ask.follow and ask.query == api.SampleQuery(seed=0, n=64)
    panel.count.setCurrentText("16")
    bench.pass_time()
    assert bench.engine.asks("gallery/sheet")[-1].query == api.SampleQuery(seed=0, n=16)
    assert panel.mosaic.count() == 16


def test_a_class_is_chosen_where_the_model_knows_classes_and_guidance_where_it_can_be_guided(qtbot: QtBot) -> None:
    def asked(offers: frozenset[str]) -> tuple[GalleryPanel, Bench]:
        bench = Bench(run_card(offers=offers))
        panel = GalleryPanel()
        qtbot.addWidget(panel)
        panel.resize(900, 480)
        panel.bind(bench.desk)
        panel.show()
        bench.pass_time()
        return panel, bench

    panel, _ = asked(frozenset({"samples"}))
    assert not panel.classes.box.isVisible() and not panel.classes.strength.isVisible()
    panel, bench = asked(frozenset({"samples", "conditional"}))
    assert panel.classes.box.isVisible() and not panel.classes.strength.isVisible()
    panel.classes.box.setCurrentText("4")
    bench.pass_time()
    assert bench.engine.asks("gallery/sheet")[-1].query == api.SampleQuery(seed=0, n=64, y=4)
    assert "class 4" in panel.status.text()
    panel, bench = asked(frozenset({"samples", "conditional", "guided"}))
    panel.classes.box.setCurrentText("2")
    panel.classes.strength.changed.emit(3.0)
    bench.pass_time()
    assert bench.engine.asks("gallery/sheet")[-1].query == api.SampleQuery(seed=0, n=64, y=2, guidance=3.0)
    assert (panel.state().y, panel.state().guidance) == (2, 3.0)
    panel.classes.box.setCurrentText("all")
    bench.pass_time()
    assert bench.engine.asks("gallery/sheet")[-1].query.y is None


def test_new_noise_asks_with_another_seed_and_the_seed_box_brings_the_old_one_back(qtbot: QtBot) -> None:
    panel, bench = trained(qtbot, GalleryPanel)
    first = panel.mosaic.image()
    panel.dice.click()
    bench.pass_time()
    assert bench.engine.asks("gallery/sheet")[-1].query.seed == 1
    assert not np.array_equal(panel.mosaic.image(), first)
    panel.seed.setText("0")
    panel.seed.editingFinished.emit()
    bench.pass_time()
    assert np.array_equal(panel.mosaic.image(), first)


def test_without_the_lock_each_sheet_has_noise_of_its_own(qtbot: QtBot) -> None:
    panel, bench = trained(qtbot, GalleryPanel)
    panel.lock.click()
    bench.pass_time()
    assert not bench.engine.asks("gallery/sheet")[-1].follow
    seeds = {ask.query.seed for ask in bench.engine.asks("gallery/sheet")}
    panel._asked_at -= 10
    bench.desk.take([scalars("vae-digits", np.arange(2400, 2420))])
    bench.pass_time(2)
    later = bench.engine.asks("gallery/sheet")[-1].query.seed
    assert later not in seeds


def test_the_film_asks_for_every_kept_step_in_turn_and_plays_them(qtbot: QtBot) -> None:
    panel, bench = trained(qtbot, GalleryPanel)
    panel.reel.setChecked(True)
    bench.pass_time(10)
    asks = bench.engine.asks("gallery/film")
    assert [a.step for a in asks] == [0, 100, 400, 800, 1600, 2400]
    assert {a.query for a in asks} == {api.SampleQuery(seed=0, n=64)}
    assert panel.film.transport.count() == 6
    panel.film.transport.first.click()
    first = panel.mosaic.image()
    panel.film.transport.last.click()
    assert not np.array_equal(panel.mosaic.image(), first)
    assert "film of 6 kept steps" in panel.film.words()
    panel.reel.setChecked(False)
    bench.pass_time()
    assert panel.film.transport.isHidden() and "film" not in panel.status.text()


def test_two_films_that_wait_for_their_sheets_are_both_written(qtbot: QtBot, tmp_path: Path) -> None:
    panel, bench = trained(qtbot, GalleryPanel)
    films = [e for e in panel.exports() if e.suffix in (".gif", ".webp")]
    for wanted in films:
        wanted.write(tmp_path / f"film{wanted.suffix}")
    assert not list(tmp_path.iterdir())
    bench.pass_time(10)
    assert {p.suffix for p in tmp_path.iterdir()} == {".gif", ".webp"}


def test_a_film_can_be_stopped_and_keeps_what_came(qtbot: QtBot) -> None:
    panel, bench = trained(qtbot, GalleryPanel)
    panel.reel.setChecked(True)
    bench.pass_time(2)
    assert panel.film.busy and panel.status.busy()
    panel.status.stop.click()
    bench.pass_time(6)
    assert 0 < len(panel.film.sheets) < 6 and not panel.status.busy()


def test_holding_the_backslash_shows_the_sheet_before(qtbot: QtBot) -> None:
    panel, bench = trained(qtbot, GalleryPanel)
    bench.desk.seek(100)
    bench.pass_time()
    now = panel.mosaic.image()
    panel.mosaic.setFocus()
    qtbot.keyPress(panel.mosaic, Qt.Key.Key_Backslash)
    before = panel.mosaic.image()
    assert not np.array_equal(before, now)
    qtbot.keyRelease(panel.mosaic, Qt.Key.Key_Backslash)
    assert np.array_equal(panel.mosaic.image(), now)


def test_the_gallery_of_points_sends_to_the_plane_and_asks_nothing(qtbot: QtBot) -> None:
    panel, bench = trained(qtbot, GalleryPanel, run_card("ring-ddpm", points=True))
    assert not bench.engine.asks("gallery/")
    assert "plane" in panel.mosaic._empty[1]


# reconstructions


def test_originals_stand_above_their_reconstructions_and_the_worst_can_come_first(qtbot: QtBot) -> None:
    panel, bench = trained(qtbot, ReconstructionPanel)
    pairs = panel._pairs
    assert np.array_equal(panel.mosaic._images[:, :8, :, :1], pairs.originals)
    assert np.array_equal(panel.mosaic._images[:, 9:, :, :1], pairs.reconstructions), "a line lies between them"
    panel.controls.sorting.setCurrentText("worst first")
    bench.pass_time()
    worst, errors = panel._pairs, panel._errors
    assert bench.engine.asks("reconstruction/pairs")[-1].query.indices[0] == errors.indices[errors.values.argmax()]
    assert worst.errors.max() == pytest.approx(errors.values.max())
    assert np.array_equal(panel.mosaic._images[0, :8, :, :1], worst.originals[worst.errors.argmax()])
    panel.controls.sorting.setCurrentText("best first")
    bench.pass_time()
    assert panel._pairs.errors[panel._order()[0]] == pytest.approx(errors.values.min())
    panel.controls.other.click()
    bench.pass_time()
    asked = bench.engine.asks("reconstruction/")[-1].query
    assert asked.seed == 1 and not asked.indices, "other examples are any examples again"


def test_a_click_on_the_histogram_shows_pairs_with_such_errors(qtbot: QtBot) -> None:
    panel, bench = trained(qtbot, ReconstructionPanel)
    value = float(np.median(panel._errors.values))
    panel.histogram.picked.emit(value)
    bench.pass_time()
    gaps = np.sort(np.abs(panel._errors.values - value))
    assert np.abs(panel._pairs.errors - value).max() <= gaps[15] + 1e-6


def test_another_measure_is_asked_for_both_pairs_and_errors_and_classes_stand_below_them(qtbot: QtBot) -> None:
    panel, bench = trained(qtbot, ReconstructionPanel)
    panel.controls.measure.setCurrentText("cross-entropy")
    panel.controls.names.click()
    bench.pass_time()
    assert all(a.query.measure == "cross_entropy" for a in bench.engine.asks("reconstruction/")[-2:])
    assert "nats" in panel.status.text()
    label = panel._pairs.labels[panel._order()[0]]
    assert panel.mosaic._labels[0].startswith(f"{label} ")


def test_the_difference_of_a_perfect_reconstruction_is_grey() -> None:
    x = np.random.default_rng(0).integers(0, 255, (3, 4, 4, 1)).astype(np.uint8)
    towers = stack_pairs(x, x, True)
    assert towers.shape == (3, 14, 4, 3) and (towers[:, 10:] == 128).all()
    assert (stack_pairs(np.zeros_like(x), np.full_like(x, 254), True)[:, 10:] == 255).all()


# curves


def test_curves_of_one_unit_stand_together_and_vectors_are_bars(qtbot: QtBot) -> None:
    panel, bench = trained(qtbot, CurvesPanel)
    keys = [c.key for c in panel._choices]
    assert keys[0] == "unit:nats per example" and keys[-1] == "kl_dimensions"
    assert {k.split("/")[0] for k in set(panel.plot.keys())} == {"total", "reconstruction", "kl"}
    assert {k.split("/")[1] for k in set(panel.plot.keys())} == {"train", "validation"}
    panel.chart.setCurrentIndex(keys.index("kl_dimensions"))
    bench.pass_time(1)
    assert panel.stack.currentWidget() is panel.bars and panel.bars.order()[0] == 0
    panel.chart.setCurrentIndex(keys.index("elbo"))
    panel._rest_until = 0
    bench.pass_time(1)
    assert {k.split("/")[0] for k in set(panel.plot.keys())} == {"elbo"}


def test_a_click_on_the_curve_moves_the_shared_step_and_the_newest_step_is_the_present(qtbot: QtBot) -> None:
    panel, bench = trained(qtbot, CurvesPanel)
    panel.plot.step_picked.emit(820.0)
    assert bench.desk.now == 800
    panel._rest_until = 0
    bench.pass_time(1)
    assert panel.plot.step() == pytest.approx(800)
    panel.plot.step_picked.emit(99_999.0)
    assert bench.desk.now is None


@pytest.mark.parametrize("axis", ["step", "examples", "seconds"])
def test_a_step_and_its_place_on_an_axis_belong_together(axis: str) -> None:
    bench = Bench(run_card())
    bench.fill_curves("vae-digits")
    view = bench.desk.views["vae-digits"]
    for step in (900, 1200, 2000):
        x = sources.x_of(view, step, axis)  # type: ignore[arg-type]
        assert sources.step_of(view, x, axis) == pytest.approx(step)  # type: ignore[arg-type]


def test_edits_and_returns_are_flagged_with_words(qtbot: QtBot) -> None:
    panel, _ = trained(qtbot, CurvesPanel)
    assert sorted(text for _, text in panel.plot.flags()) == ["back from 1,500", "lr 0.001 → 0.0003"]


def test_saved_runs_are_laid_over_the_run_in_front(qtbot: QtBot) -> None:
    panel, bench = trained(qtbot, CurvesPanel)
    bench.desk.set_overlays(["older"])
    assert any(isinstance(c, api.ReadHistory) and c.run == "older" for c in bench.engine.sent)
    bench.desk.take([api.History("older", (scalars("older", np.arange(500)),))])
    panel._rest_until = 0
    bench.pass_time(2)
    assert {k.split("/")[2] for k in set(panel.plot.keys())} == {"vae-digits", "older"}


def test_the_table_of_scalars_has_every_recorded_value(qtbot: QtBot, tmp_path: Path) -> None:
    panel, _ = trained(qtbot, CurvesPanel)
    wanted = next(e for e in panel.exports() if e.suffix == ".csv")
    wanted.write(tmp_path / "curves.csv")
    with (tmp_path / "curves.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 1500 + 1500 + 12
    first = scalars("vae-digits", np.arange(1500))
    assert float(rows[7]["kl"]) == pytest.approx(float(first.values[7, 2]), rel=1e-6)
    assert {r["run"] for r in rows} == {"vae-digits"} and {r["split"] for r in rows} == {"train", "validation"}


def test_a_million_points_do_not_keep_the_window_busy(qtbot: QtBot) -> None:
    panel, bench = trained(qtbot, CurvesPanel)
    bench.desk.take([scalars("vae-digits", np.arange(2400, 300_000))])
    drawn = []
    original = panel._draw_curves
    panel._draw_curves = lambda choice: (drawn.append(1), original(choice))  # type: ignore[method-assign]
    panel._rest_until = 0
    for last in range(300_000, 300_200, 10):  # twenty ticks, one straight after the other
        bench.desk.take([scalars("vae-digits", np.arange(last, last + 10))])
    assert 1 <= len(drawn) < 20, "curves are redrawn less often the longer they are"


def test_a_vector_is_exported_as_svg_too(qtbot: QtBot, tmp_path: Path) -> None:
    panel, bench = trained(qtbot, CurvesPanel)
    panel.chart.setCurrentIndex(panel.chart.count() - 1)
    panel._rest_until = 0
    bench.pass_time(1)
    next(e for e in panel.exports() if e.suffix == ".svg").write(tmp_path / "bars.svg")
    assert "<svg" in (tmp_path / "bars.svg").read_text()
    next(e for e in panel.exports() if e.suffix == ".png").write(tmp_path / "bars.png")
    assert '"chart": "kl_dimensions"' in (export.read_settings(tmp_path / "bars.png") or "")


def test_a_gallery_has_full_rows_unless_they_cost_much_of_its_size() -> None:
    from app.widgets.grid import full_columns

    assert full_columns(64, (600, 430), (8, 8)) == 8
    assert full_columns(9, (260, 130), (8, 8)) in (3, 9)
    assert full_columns(64, (624, 430), (28, 28)) == 8, "at 1.8 times, which is filled smoothly"
    assert full_columns(62, (624, 430), (28, 28)) is None, "two rows of 31 would be small"
    assert full_columns(7, (200, 200), (8, 8)) in (None, 1, 7)


def test_a_sheet_on_its_way_is_watched_only_if_a_hand_asked_for_it(qtbot: QtBot) -> None:
    bench = Bench(run_card())
    panel = GalleryPanel()
    qtbot.addWidget(panel)
    panel.resize(500, 400)
    panel.bind(bench.desk)
    panel.show()
    bench.pass_time()
    whole = panel.mosaic.image().copy()
    part = api.Sheet(np.zeros((64, 8, 8, 1), np.uint8), 16, 64)

    def hear(frame: api.Sheet) -> None:
        ask = bench.engine.asks("gallery/sheet")[-1]
        bench.desk.take([api.Answered(ask.run, ask.topic, ask.ticket, 2400, 0, frame, False, 0.1)])
        bench.pass_time(1, answer=False)

    bench.desk.seek(None)
    bench.pass_time(1, answer=False)
    panel._wished = False
    panel._take_part(part, "sheet")
    panel.redraw()
    assert np.array_equal(panel.mosaic.image(), whole), "what follows training comes when it is whole"
    assert "pixel 16 of 64" in panel.status.text() and panel.status.busy()
    bench.desk.new_noise()
    bench.pass_time(1, answer=False)
    hear(part)
    assert not np.array_equal(panel.mosaic.image(), whole) and panel.mosaic.image().max() == 0
    panel.status.cancelled.emit()
    bench.pass_time(1, answer=False)
    assert any(isinstance(c, api.Cancel) and c.topic == "gallery/sheet" for c in bench.engine.sent)
    assert not panel.status.busy()
    told = Drawn().moved(10, 100, 5.0).moved(30, 100, 7.0)
    assert told.words() == "pixel 30 of 100, about 7 s left"
    assert told.moved(5, 100, 9.0).words() == "pixel 5 of 100"
