"""The panel of codes: what is asked and when, what is shown of it, and what is said where a number is missing."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from app.panels.representation import HASTE, LATEST, SHARE, SOONEST, RepresentationPanel, RepresentationState, words
from app.panels.representation.history import History
from app.widgets.heattable import HeatTable
from app.widgets.splitbar import Piece, SplitBar
from gm_core import api
from tests.app.fake_core import Bench
from tests.app.fake_frames import representation
from tests.app.fake_model import run_card
from tests.app.opening import on_desk


def narrow(qtbot: QtBot, bench: Bench, state: RepresentationState | None = None) -> RepresentationPanel:
    return on_desk(qtbot, RepresentationPanel(), bench, (420, 520), state)


def measured(step: int = 2400, **changes: object) -> api.Representation:
    return replace(representation(api.RepresentationQuery(), step), **changes)  # type: ignore[arg-type]


# ---- asking


def test_codes_and_raw_numbers_are_scored_on_the_same_examples(qtbot: QtBot) -> None:
    bench = Bench(run_card())
    narrow(qtbot, bench, RepresentationState(count=500, split="validation"))
    codes, pixels = bench.engine.asks("representation/codes")[-1], bench.engine.asks("representation/pixels")[-1]
    assert isinstance(codes.query, api.RepresentationQuery) and isinstance(pixels.query, api.BaselineQuery)
    for name in ("seed", "n", "held", "split"):
        assert getattr(codes.query, name) == getattr(pixels.query, name)
    assert codes.query.n == 500 and codes.query.split == "validation"
    assert not codes.follow and not pixels.follow and pixels.step is None


def test_raw_numbers_are_those_of_the_step_once_the_data_were_changed(qtbot: QtBot) -> None:
    bench = Bench(run_card())
    panel = narrow(qtbot, bench)
    assert panel.card is not None
    kept = panel.card.kept[1]
    bench.desk.take([api.Edited(panel.card.run, kept + 1, "data", {"kind": "digits"}, {"kind": "mnist"})])
    panel.begin(panel.card)
    bench.desk.seek(kept)
    bench.pass_time()
    assert bench.engine.asks("representation/pixels")[-1].step == kept


def test_measurements_take_their_share_of_the_time_and_no_more(qtbot: QtBot) -> None:
    bench = Bench(run_card())
    panel = narrow(qtbot, bench)
    assert panel._later.isActive() and panel._later.interval() == 1000 * SOONEST * HASTE
    for step in range(10):
        panel._history.add(step, measured(step), newest=False)
    slow = bench.engine.answer(bench.engine.asks("representation/codes")[-1])[-1]
    for seconds, rest in ((0.2, 0.2 / SHARE), (5.0, LATEST), (0.01, SOONEST)):
        panel._cost = LATEST
        panel.receive("codes", replace(slow, seconds=seconds))
        assert panel._later.interval() == pytest.approx(1000 * rest)
    before = len(bench.engine.asks("representation/codes"))
    panel._renew()
    bench.pass_time()
    assert len(bench.engine.asks("representation/codes")) == before + 1
    assert len(bench.engine.asks("representation/pixels")) == 1, "without a model nothing changes"
    panel.hide()
    panel._renew()
    bench.pass_time()
    assert len(bench.engine.asks("representation/codes")) == before + 1, "a panel that nobody sees costs nothing"


def test_at_rest_the_kept_steps_are_measured_and_the_curves_reach_back(qtbot: QtBot) -> None:
    bench = Bench(run_card(state="finished"))
    panel = narrow(qtbot, bench)
    bench.pass_time(10)
    asked = [ask.step for ask in bench.engine.asks("representation/past")]
    assert asked == [1600, 800, 400, 100, 0], "the newest first; the present is measured already"
    x, y = panel._history.curve("probe")
    assert x.tolist() == [0, 100, 400, 800, 1600, 2400] and (np.diff(y) > 0).all()
    assert not panel.status.busy() and not panel.fill.isEnabled()


def test_while_training_the_kept_steps_are_measured_only_when_asked_for_and_that_can_be_stopped(qtbot: QtBot) -> None:
    bench = Bench(run_card())
    panel = narrow(qtbot, bench)
    assert not bench.engine.asks("representation/past") and panel.fill.isEnabled()
    panel.fill.click()
    bench.pass_time(1, answer=False)
    assert panel.status.busy()
    panel.status.stop.click()
    assert not panel.status.busy() and panel._past == []


def test_other_examples_begin_a_new_history(qtbot: QtBot) -> None:
    bench = Bench(run_card())
    panel = narrow(qtbot, bench)
    assert len(panel._history) == 1
    panel.dice.click()
    assert len(panel._history) == 0 and panel._frame is None
    bench.pass_time()
    asks = bench.engine.asks("representation/codes")
    assert asks[-1].query.seed == 1 and len(panel._history) == 1


def test_what_was_measured_beyond_a_return_to_an_earlier_step_is_forgotten() -> None:
    history = History()
    for step in (100, 200, 300):
        history.add(step, measured(step), newest=True)
    history.add(50, measured(50), newest=False)
    assert len(history) == 4, "the past was looked at, nothing went back"
    history.add(150, measured(150), newest=True)
    assert history.curve("kl")[0].tolist() == [50, 100, 150]
    assert history.lacking((0, 50, 100, 400)) == [400, 0]


def test_data_that_are_not_here_are_not_asked_for(qtbot: QtBot) -> None:
    bench = Bench(run_card(facts={"no_data": True}))
    panel = narrow(qtbot, bench)
    asked = {ask.topic for ask in bench.engine.asks("representation/")}
    assert asked == {"representation/filters"}, "weights need no data"
    assert "not on this machine" in panel.words.text()


# ---- showing


def test_the_five_numbers_stand_in_the_tiles_and_turn_the_pages(qtbot: QtBot) -> None:
    bench = Bench(run_card())
    panel = narrow(qtbot, bench)
    frame = panel._frame
    assert frame is not None
    each = panel.tiles.each
    assert each["classes"].number() == f"{100 * frame.probe:.1f}" and each["units"].number() == "7"
    assert each["nats"].number() == f"{frame.information:.2f}" and each["causes"].number() == "–"
    for place, page in enumerate(each):
        qtbot.mouseClick(each[page], Qt.MouseButton.LeftButton)
        bench.pass_time()
        assert panel.pages.currentIndex() == place and panel.words.text()
        assert panel.state().page == page
    assert each["filters"].number() == "10" and panel.pages.mosaic.count() == 10
    assert panel.pages.bars.values() is not None and panel.pages.table.values() is not None


def test_filters_follow_training_only_while_they_are_in_front(qtbot: QtBot) -> None:
    bench = Bench(run_card())
    panel = narrow(qtbot, bench)
    assert [ask.follow for ask in bench.engine.asks("representation/filters")] == [False], "once, for their number"
    panel.tiles.choose("filters")
    bench.pass_time()
    ask = bench.engine.asks("representation/filters")[-1]
    assert ask.follow and ask.query.end == "first"  # type: ignore[attr-defined]
    panel.last.setChecked(True)
    bench.pass_time()
    assert bench.engine.asks("representation/filters")[-1].query.end == "last"  # type: ignore[attr-defined]
    panel.tiles.choose("nats")
    bench.pass_time()
    assert any(isinstance(c, api.Cancel) and c.topic == "representation/filters" for c in bench.engine.sent)


def test_a_model_without_filters_says_so_and_is_not_asked(qtbot: QtBot) -> None:
    bench = Bench(run_card(offers=frozenset({"encodes"})))
    panel = narrow(qtbot, bench, RepresentationState(page="filters"))
    assert not bench.engine.asks("representation/filters") and "no filters" in panel.words.text()


def test_raw_numbers_stand_as_dashed_lines_under_the_curves(qtbot: QtBot) -> None:
    panel = narrow(qtbot, Bench(run_card()))
    assert set(panel.pages.accuracies.keys()) == {"probe", "near", "probe-raw", "near-raw", "guess"}
    assert "93.0 and 97.0 %" in panel.words.text() and "guessing 11.0 %" in panel.words.text()


def test_a_click_in_a_curve_goes_to_that_step(qtbot: QtBot) -> None:
    bench = Bench(run_card())
    panel = narrow(qtbot, bench)
    panel.pages.accuracies.step_picked.emit(420.0)
    bench.pass_time()
    assert bench.desk.now == 400 and panel._shows == 400
    assert panel._history.curve("probe")[0].tolist() == [400, 2400], "looking back forgets nothing"
    assert "step 400 (live" in panel.status.text()


def test_pointing_at_a_cell_tells_its_nats(qtbot: QtBot) -> None:
    panel = narrow(qtbot, Bench(run_card()), RepresentationState(page="causes"))
    panel.pages.table.pointed.emit(0, 2)
    assert panel.status.side.text().startswith("class, number 3:") and "of 2.30 nats" in panel.status.side.text()
    panel.pages.table.pointed.emit(-1, -1)
    assert panel.status.side.text() == ""


def test_numbers_by_step_are_written_with_empty_cells_where_one_is_not_defined(qtbot: QtBot, tmp_path: Path) -> None:
    panel = narrow(qtbot, Bench(run_card()))
    titles = [made.title for made in panel.exports()]
    assert titles == ["Page as PNG", "Page as SVG", "Numbers by step as CSV"]
    for made in panel.exports():
        made.write(tmp_path / f"x{made.suffix}")
    with (tmp_path / "x.csv").open() as file:
        (row,) = list(csv.DictReader(file))
    assert row["step"] == "2400" and row["gap"] == "" and row["active"] == "7"
    assert float(row["information"]) + float(row["marginal"]) == pytest.approx(float(row["kl"]), rel=1e-4)


# ---- words


def test_an_estimate_at_its_ceiling_is_called_a_lower_limit() -> None:
    frame = measured(information=6.9, marginal=12.0, kl=18.9)
    assert words.nats(frame) == "> 6.90"
    assert "between 6.9 and 18.9" in words.about_nats(frame)
    low = measured(information=-0.01, marginal=0.2, kl=0.19)
    assert words.nats(low) == "0.00" and "errs low" in words.about_nats(low)


def test_probes_that_read_more_than_a_drawn_code_tells_are_called_so() -> None:
    assert "carries 0.01 nats" in words.about_classes(measured(information=0.01), None)
    assert "nats" not in words.about_classes(measured(information=3.0), None)


def test_what_is_not_defined_is_said_and_not_shown_as_a_number(qtbot: QtBot) -> None:
    nan = float("nan")
    why = {"information": "One point.", "probe": "No labels here.", "gap": "No causes known."}
    frame = measured(
        information=nan, marginal=nan, kl=nan, probe=nan, probe_error=nan, neighbours=nan, neighbours_error=nan,
        causes=(), table=np.empty((0, 10), np.float32), why=why,
    )  # fmt: skip
    assert words.about_nats(frame) == "One point." and words.about_classes(frame, None) == "No labels here."
    assert words.about_causes(frame) == "No causes known."
    assert "hundredth of what the widest" in words.about_units(frame)
    bench = Bench(run_card())
    panel = narrow(qtbot, bench)
    answer = bench.engine.answer(bench.engine.asks("representation/codes")[-1])[-1]
    panel._history.clear()
    panel.receive("codes", replace(answer, frame=frame))
    for page in panel.tiles.each:
        panel.tiles.choose(page)
        panel.redraw()
    assert {tile.number() for name, tile in panel.tiles.each.items() if name in ("classes", "nats", "causes")} == {"–"}
    assert panel.pages.table.values() is None and panel.pages.flow.keys() == [] and panel.pages.parts.isHidden()


def test_known_causes_show_their_gaps(qtbot: QtBot) -> None:
    causes, table = ("shape", "x"), np.array([[0.9, 0.1], [0.0, 2.0]], np.float32)
    frame = measured(
        causes=causes, table=table, entropies=np.array([1.0, 2.0], np.float32), gaps=np.array([0.8, 1.0], np.float32),
        gap=0.9, why={},
    )  # fmt: skip
    assert "MIG 0.90" in words.about_causes(frame)
    panel = narrow(qtbot, Bench(run_card()))
    panel.pages.show_causes(frame)
    shown = panel.pages.table.values()
    assert shown is not None and np.allclose(shown, [[0.9, 0.1], [0.0, 1.0]])
    wide = np.zeros((2, 100), np.float32)
    wide[0, 90], wide[1, 3] = 0.7, 0.6
    panel.pages.show_causes(replace(frame, table=wide))
    shown = panel.pages.table.values()
    assert shown is not None and shown.shape == (2, 64), "the numbers that know most"
    assert panel.pages.table.accessibleDescription() == "shape: most in 91; x: most in 4"


# ---- widgets


def test_arrows_walk_over_the_table_and_stop_at_its_edges(qtbot: QtBot) -> None:
    table = HeatTable()
    qtbot.addWidget(table)
    table.resize(300, 160)
    table.show()
    table.set_values(np.eye(2, 3), ("a", "b"))
    seen: list[tuple[int, int]] = []
    table.pointed.connect(lambda row, column: seen.append((row, column)))
    for key in (Qt.Key.Key_Right, Qt.Key.Key_Right, Qt.Key.Key_Down, Qt.Key.Key_Down, Qt.Key.Key_Left):
        qtbot.keyClick(table, key)
    assert seen == [(0, 0), (0, 1), (1, 1), (1, 0)]
    assert table.accessibleDescription() == "a: most in 1; b: most in 2"
    table.set_values(None)
    assert table.pointed_at() == (-1, -1)


def test_a_part_below_zero_is_told_but_has_no_length(qtbot: QtBot) -> None:
    bar = SplitBar()
    qtbot.addWidget(bar)
    bar.resize(300, 80)
    bar.show()
    bar.set_pieces((Piece("a", 2.0, "#ff0000"), Piece("b", -0.5, "#00ff00")), "nats")
    assert bar.accessibleDescription() == "a 2.00 nats; b -0.50 nats"
    image = bar.grab().toImage()
    colours = {image.pixelColor(x, image.height() * 28 // 80).name() for x in range(image.width())}
    assert "#ff0000" in colours
