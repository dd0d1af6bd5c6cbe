"""Density, Bayes' rule and completion: what is asked, what is said of it, and what is not claimed."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from app.panels.bayes import BayesPanel
from app.panels.completion import PARTS, CompletionPanel
from app.panels.density import DensityPanel
from app.panels.density.rounds import Rounds
from app.panels.density.sources import share_below, warning
from app.widgets.board import Board
from app.widgets.classbars import legible
from app.widgets.histogram import Group, Histogram
from gm_core import api
from tests.app.fake_core import Bench
from tests.app.fake_model import IMAGES, digits, run_card
from tests.app.opening import on_desk

roomy = partial(on_desk, size=(760, 560))


# ---- density


def test_each_chip_asks_for_its_kind_of_examples_and_lets_go_of_it(qtbot: QtBot) -> None:
    bench, panel = Bench(run_card()), DensityPanel()
    roomy(qtbot, panel, bench)
    asked = {a.topic: a.query for a in bench.engine.asks("density/")}
    assert set(asked) == {"density/test", "density/train", "density/noise"}
    assert all(isinstance(q, api.LogProbQuery) and q.pictures for q in asked.values())
    panel.chips["blank"].setChecked(True)
    bench.pass_time()
    assert bench.engine.asks("density/blank")[-1].query.source == "blank"  # type: ignore[attr-defined]
    panel.chips["blank"].setChecked(False)
    bench.pass_time()
    assert any(isinstance(c, api.Cancel) and c.topic == "density/blank" for c in bench.engine.sent)
    assert "blank" not in panel.rounds.scores


def scores(done: int, values: float = 0.0) -> api.LogProbs:
    return api.LogProbs(np.full(done, values, np.float32), "exact", done, 2)


def test_what_is_compared_is_of_one_step() -> None:
    """The first round is shown as it comes; later ones when all of it has come."""
    rounds = Rounds()
    rounds.begin(10, ["test", "train"])
    rounds.take("test", scores(1, 10), 10)
    assert set(rounds.scores) == {"test"} and not rounds.whole
    rounds.take("test", scores(2, 10), 10)
    rounds.take("train", scores(2, 10), 10)
    assert rounds.whole and rounds.step == 10
    rounds.begin(20, ["test", "train"])
    rounds.take("test", scores(2, 20), 20)
    assert rounds.step == 10 and {float(f.values[0]) for f in rounds.scores.values()} == {10.0}
    rounds.take("train", scores(1, 20), 20)
    assert rounds.step == 10
    rounds.take("train", scores(2, 20), 20)
    assert rounds.step == 20 and {float(f.values[0]) for f in rounds.scores.values()} == {20.0}
    rounds.add("noise")
    rounds.take("noise", scores(1, 20), 20)
    assert set(rounds.scores) == {"test", "train", "noise"}, "one kind more at the step that is shown"
    rounds.begin(30, ["test", "train"])
    rounds.take("test", scores(2, 30), 30)
    rounds.drop("train")
    assert rounds.step == 30 and set(rounds.scores) == {"test"}, "what was waited for is not wanted any more"


def test_while_training_goes_on_all_kinds_are_asked_at_the_newest_kept_step(qtbot: QtBot) -> None:
    bench, panel = Bench(run_card()), DensityPanel()
    roomy(qtbot, panel, bench)
    first = bench.desk.views[panel.run].kept[-1]
    assert {ask.step for ask in bench.engine.asks("density/")} == {first} and panel.rounds.step == first
    bench.desk.take([api.Kept(panel.run, (*bench.desk.views[panel.run].kept, 2600, 2700), (), 0)])
    bench.pass_time()
    assert [ask.step for ask in bench.engine.asks("density/")[3:]] == [2700] * 3 and panel.rounds.step == 2700
    panel.rounds.rest.until = bench.clock + 100.0
    bench.desk.take([api.Kept(panel.run, (*bench.desk.views[panel.run].kept, 2900), (), 0)])
    bench.pass_time()
    assert len(bench.engine.asks("density/")) == 6, "a round rests ten times as long as it took"
    panel.rounds.rest.until = 0.0
    bench.desk.seek(2600)
    bench.pass_time()
    assert [ask.step for ask in bench.engine.asks("density/")[6:]] == [2600] * 3
    bench.desk.seek(None)
    bench.pass_time()
    panel.rounds.rest.until = bench.clock + 100.0
    card = bench.desk.card
    assert card is not None
    bench.desk.take([api.RunChanged(replace(card, state="finished", kept=(*card.kept, 2600, 2900)))])
    bench.pass_time()
    assert bench.engine.asks("density/")[-1].step == 2900, "with nothing to train, nothing is waited for"
    bench.desk.seek(2600)
    bench.pass_time()
    assert "step 2,600" in panel.status.text()


def test_pointing_at_a_value_shows_the_examples_that_have_it(qtbot: QtBot) -> None:
    bench, panel = Bench(run_card()), DensityPanel()
    roomy(qtbot, panel, bench)
    panel._point(-300.0)
    assert panel.near.count() > 0 and all("noise" in words for words in panel.near._labels)
    panel._point(-24.0)
    assert any("test" in words for words in panel.near._labels)
    panel.near.hovered.emit(0)
    assert panel.plot.pin() == panel._near[0][0] and f"{panel._near[0][0]:,.3f} nats" in panel.status.side.text()
    panel.near.hovered.emit(-1)
    assert np.isnan(panel.plot.pin())


def test_on_the_plane_there_are_no_sources_that_need_pictures(qtbot: QtBot) -> None:
    bench, panel = Bench(run_card("ring-ddpm", points=True)), DensityPanel()
    roomy(qtbot, panel, bench)
    panel.chips["inverted"].setChecked(True)
    bench.pass_time()
    assert not bench.engine.asks("density/inverted") and panel.draw.isHidden() and panel.near.isHidden()
    assert set(panel.rounds.scores) == {"test", "train", "noise"}


def test_a_drawing_is_scored_and_placed_among_the_test_examples(qtbot: QtBot) -> None:
    bench, panel = Bench(run_card()), DensityPanel()
    roomy(qtbot, panel, bench)
    panel.draw.setChecked(True)
    picture = np.zeros((8, 8), np.uint8)
    picture[2:6, 3] = 255
    panel.board.set_picture(picture)
    panel._ask_yours()
    bench.pass_time()
    given = bench.engine.asks("density/yours")[-1].query.given  # type: ignore[attr-defined]
    assert np.array_equal(given[0, ..., 0], picture)
    assert "Yours:" in panel.words.text() and "% of the test set" in panel.words.text()


def test_the_warning_names_the_case_at_hand_only_where_it_is_there() -> None:
    test = np.linspace(-100, -80, 101).astype(np.float32)
    assert share_below(-90.0, test) == pytest.approx(0.5, abs=0.01)
    quiet = warning({"test": test, "blank": np.array([-120.0])})
    loud = warning({"test": test, "blank": np.array([-20.0])})
    assert "empty picture" not in quiet and "The empty picture is more probable than 100 %" in loud
    assert all("Nalisnick" in words for words in (quiet, loud))
    assert "Yours" not in warning({"noise": test}, -3.0), "without a test set there is nothing to compare with"


def test_a_histogram_spanning_decades_has_a_logarithmic_axis_and_finds_values_back(qtbot: QtBot) -> None:
    plot = Histogram()
    qtbot.addWidget(plot)
    plot.resize(600, 240)
    rng = np.random.default_rng(0)
    plot.set_groups([Group("a", "#ffffff", rng.normal(-90, 5, 300)), Group("b", "#ff0000", rng.normal(-3000, 50, 300))])
    assert plot.is_log()
    box, lo, hi, _ = plot._axis()
    for value in (-2900.0, -300.0, -90.0):
        x = box.left() + (-np.log10(-value) - lo) / (hi - lo) * box.width()
        assert plot._value_at(x) == pytest.approx(value, rel=1e-6)
    plot.set_groups([Group("a", "#ffffff", rng.normal(0, 1, 300))])
    assert not plot.is_log(), "positive densities have no such axis"


# ---- Bayes' rule


def test_mistakes_are_shown_with_what_they_were_taken_for_and_can_be_looked_at(qtbot: QtBot) -> None:
    bench, panel = Bench(run_card()), BayesPanel()
    roomy(qtbot, panel, bench)
    bench.pass_time()
    found = panel._confusion
    assert found is not None and f"{100 * found.accuracy:.1f} % right of 500" in panel.status.text()
    assert 3 <= panel.mistakes.count() <= min(8, len(found.wrong))
    first, y = int(found.wrong[0]), digits()[1]
    assert panel.mistakes._labels[0] == f"{y[first]}→{found.guesses[0]}"
    panel.mistakes.clicked.emit(0)
    assert np.array_equal(panel.board.picture(), digits()[0][first][..., 0])
    bench.pass_time()
    assert panel.bars.values() is not None and "log p(x)" in panel.words.text()


@pytest.mark.parametrize("marginalised", [True, False])
def test_rubbed_out_pixels_are_said_to_be_summed_out_only_if_they_are(qtbot: QtBot, marginalised: bool) -> None:
    bench, panel = Bench(run_card()), BayesPanel()
    roomy(qtbot, panel, bench)
    known = np.ones((8, 8), bool)
    known[:3] = False
    panel.board.set_picture(np.full((8, 8), 255, np.uint8), known)
    panel._ask_posterior()
    bench.pass_time()
    told = panel._posterior
    assert told is not None
    assert np.array_equal(bench.engine.asks("bayes/posterior")[-1].query.known, known)  # type: ignore[attr-defined]
    words = panel._posterior_words(replace(told, marginalised=marginalised))
    assert ("summed out exactly" in words) == marginalised and ("cannot sum" in words) == (not marginalised)


def test_an_empty_board_asks_nothing(qtbot: QtBot) -> None:
    bench, panel = Bench(run_card()), BayesPanel()
    roomy(qtbot, panel, bench)
    assert not bench.engine.asks("bayes/posterior")


# ---- completion


def test_a_real_example_comes_with_its_lower_half_rubbed_out_and_is_completed(qtbot: QtBot) -> None:
    bench, panel = Bench(run_card()), CompletionPanel()
    roomy(qtbot, panel, bench)
    bench.pass_time()
    query = bench.engine.asks("completion/complete")[-1].query
    assert isinstance(query, api.CompleteQuery) and query.known is not None and query.given is not None
    assert query.known[:4].all() and not query.known[4:].any()
    assert panel.mosaic.count() == 8
    shown = [float(words) for words in panel.mosaic._labels]
    assert shown == sorted(shown, reverse=True), "the most probable first"
    assert "Approximate" in panel.words.text() and "3.5 of them counted" in panel.words.text()


def test_nothing_rubbed_out_asks_nothing_and_says_what_to_do(qtbot: QtBot) -> None:
    bench, panel = Bench(run_card()), CompletionPanel()
    roomy(qtbot, panel, bench)
    bench.pass_time()
    asked = len(bench.engine.asks("completion/complete"))
    for known in (np.ones((8, 8), bool), np.zeros((8, 8), bool)):
        panel.board.set_known(known)
        panel._ask()
        bench.pass_time()
        assert panel.mosaic.count() == 0 and "Rub out a part" in panel.mosaic._empty[1]
    assert len(bench.engine.asks("completion/complete")) == asked


@pytest.mark.parametrize("part", list(PARTS))
def test_each_part_leaves_something_and_takes_something_away(part: str) -> None:
    for height, width in ((8, 8), (28, 28), (5, 9)):
        known = PARTS[part](height, width)
        assert known.shape == (height, width) and 0.2 < np.mean(known) < 0.85


def test_classes_can_be_chosen_only_of_a_model_that_has_them(qtbot: QtBot) -> None:
    bench, panel = Bench(run_card()), CompletionPanel()
    roomy(qtbot, panel, bench)
    panel.classes.setCurrentIndex(4)
    bench.pass_time()
    assert bench.engine.asks("completion/complete")[-1].query.y == 3  # type: ignore[attr-defined]
    bare, other = Bench(run_card(offers=IMAGES - {"classes"})), CompletionPanel()
    roomy(qtbot, other, bare)
    bare.pass_time()
    assert other.classes.isHidden()
    assert all(a.query.y is None for a in bare.engine.asks("completion/complete"))  # type: ignore[attr-defined]


def test_a_model_without_a_probability_of_completions_shows_none_and_has_no_particles(qtbot: QtBot) -> None:
    bench, panel = Bench(run_card(offers=IMAGES - {"classes", "sitewise"})), CompletionPanel()
    roomy(qtbot, panel, bench)
    bench.pass_time()
    assert panel.particles.isHidden() and panel.heat.isHidden()
    items = np.zeros((3, 8, 8, 1), np.uint8)
    frame = api.Completions(items, np.zeros(0, np.float32), False, 1.0, 1, 1.0, "each step is made 5 times (RePaint)")
    panel._frame = frame
    panel.redraw()
    assert panel.words.text() == "Approximate: each step is made 5 times (RePaint)."
    assert panel.mosaic.count() == 3 and "nan" not in "".join(panel.mosaic._labels)


# ---- all three


def test_older_histograms_stay_with_their_step_while_a_newer_round_is_on_its_way(qtbot: QtBot) -> None:
    bench, panel = Bench(run_card()), DensityPanel()
    roomy(qtbot, panel, bench)
    before, step = dict(panel.rounds.scores), panel.rounds.step
    panel._ask()
    for kind, frame in before.items():
        assert panel.rounds.scores == before and panel.rounds.step == step
        panel.receive(kind, api.Answered(panel.run, f"density/{kind}", 1, 9_999, 0, replace(frame, done=5), False))
        panel.receive(kind, api.Answered(panel.run, f"density/{kind}", 1, 9_999, 1, frame, True))
    assert panel.rounds.step == 9_999


def test_where_tiles_are_narrow_values_are_shown_whole_instead_of_cut_off_words(qtbot: QtBot) -> None:
    bench, panel = Bench(run_card()), DensityPanel()
    roomy(qtbot, panel, bench)
    panel.resize(380, 560)
    panel._point(-24.0)
    assert panel.near._labels and all(float(words) < 0 for words in panel.near._labels)


def test_a_cleared_board_has_no_posterior_any_more(qtbot: QtBot) -> None:
    bench, panel = Bench(run_card()), BayesPanel()
    roomy(qtbot, panel, bench)
    panel.board.set_picture(np.full((8, 8), 255, np.uint8))
    panel._ask_posterior()
    bench.pass_time()
    assert panel.bars.values() is not None
    panel.board.clear()
    panel._ask_posterior()
    bench.pass_time()
    assert panel.bars.values() is None and panel.words.text() == ""
    assert any(isinstance(c, api.Cancel) and c.topic == "bayes/posterior" for c in bench.engine.sent)


def test_in_thin_rows_the_most_probable_class_is_named_and_no_words_lie_over_others() -> None:
    values = np.array([0.01, 0.9, 0.02, 0.03, 0.04])
    assert legible(values, 20.0, 12.0) == set(range(5))
    thin = sorted(legible(values, 9.0, 12.0))
    assert 1 in thin and min(np.diff(thin)) >= 2


def test_when_nothing_is_mistaken_any_more_no_old_mistakes_are_shown(qtbot: QtBot) -> None:
    bench, panel = Bench(run_card()), BayesPanel()
    roomy(qtbot, panel, bench)
    bench.pass_time()
    found = panel._confusion
    assert found is not None and panel.mistakes.count() > 0
    right = replace(found, wrong=found.wrong[:0], guesses=found.guesses[:0])
    panel.receive("confusion", api.Answered(panel.run, "bayes/confusion", 1, 7, 0, right, True))
    bench.pass_time()
    assert panel.mistakes.count() == 0


def test_a_picture_in_colour_is_shown_in_colour_and_only_rubbed_out(qtbot: QtBot) -> None:
    board = Board(4, 6, tools=("rub", "brush", "eraser"))
    qtbot.addWidget(board)
    board.resize(500, 300)
    board.show()
    colours = np.zeros((4, 6, 3), np.uint8)
    colours[..., 0] = 255
    board.set_picture(colours.mean(-1).astype(np.uint8))
    board.set_colours(colours)
    shown = board.view.grab().toImage().pixelColor(board.view.width() // 2, board.view.height() // 2)
    assert (shown.red(), shown.green(), shown.blue()) == (255, 0, 0)
    assert board.view.tool == "rub" and all(board.tools[tool].isHidden() for tool in ("brush", "eraser"))
    board.set_colours(None)
    assert not board.tools["brush"].isHidden()
    shown = board.view.grab().toImage().pixelColor(board.view.width() // 2, board.view.height() // 2)
    assert (shown.red(), shown.green(), shown.blue()) == (85, 85, 85)
