"""Encode my own: what is asked is what is on the board, what is shown is what came back, and sums name their parts."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import QMimeData, QPoint, QPointF, QRect, Qt, QUrl
from PySide6.QtGui import QDropEvent
from pytestqt.qtbot import QtBot

from app.panels.encode import EncodePanel
from app.panels.encode.picture import near_words, score_words
from app.widgets.intake import centred, cut, read_image
from gm_core import api
from tests.app.fake_core import Bench
from tests.app.fake_model import IMAGES, LATENT, digits, run_card
from tests.app.opening import opened

pytestmark = pytest.mark.usefixtures("dressed")


def encoding(
    qtbot: QtBot, card: api.RunCard | None = None, size: tuple[int, int] = (640, 560)
) -> tuple[EncodePanel, Bench]:
    return opened(qtbot, EncodePanel, card, size, rounds=6, curves=True)


def later(panel: EncodePanel, bench: Bench) -> None:
    """The stroke is over, and what was waiting for that is asked and answered."""
    panel._ask_slow()
    bench.pass_time(6)


def draw(panel: EncodePanel) -> None:
    panel.drawn.board.view.dab((1, 1), (4, 1), "brush")
    panel.drawn.board.view.finish()


def given(bench: Bench, purpose: str) -> np.ndarray:
    found = bench.engine.asks(f"encode/{purpose}")[-1].query.given  # type: ignore[attr-defined]
    assert found is not None
    return np.asarray(found)


# the picture


def test_it_begins_with_a_real_example_encoded_as_it_is(qtbot: QtBot) -> None:
    panel, bench = encoding(qtbot)
    example = panel.drawn.board.picture()
    assert any(np.array_equal(example, x[..., 0]) for x in digits()[0])
    assert np.array_equal(given(bench, "code")[0, ..., 0], example), "no centring and no rounding of real examples"
    assert len(panel.drawn.strip._items) == 3
    assert panel.drawn.codes.currentWidget() is panel.drawn.rows


def test_a_drawing_is_asked_at_each_dab_and_its_neighbours_when_the_stroke_is_done(qtbot: QtBot) -> None:
    panel, bench = encoding(qtbot)
    near = len(bench.engine.asks("encode/near"))
    before = given(bench, "code")
    panel.drawn.board.view.dab((1, 1), (4, 1), "brush")
    bench.pass_time(2)
    assert not np.array_equal(given(bench, "code"), before)
    assert len(bench.engine.asks("encode/near")) == near, "a search through the data waits"
    assert panel.found.late, "and what is shown is marked as belonging to the stroke before"
    panel.drawn.board.view.finish()
    later(panel, bench)
    assert len(bench.engine.asks("encode/near")) > near and not panel.found.late
    assert np.array_equal(given(bench, "near"), given(bench, "code"))


def test_drawings_are_centred_if_wished_and_get_the_levels_of_the_data(qtbot: QtBot) -> None:
    panel, bench = encoding(qtbot)
    panel.drawn.board.clear()
    draw(panel)
    bench.pass_time(3)
    drawn = panel.drawn.board.picture()
    asked = given(bench, "code")[0, ..., 0]
    assert set(np.unique(asked)) <= {0, 255}, "these data are binary"
    assert np.array_equal(asked, np.where(centred(drawn) > 127, 255, 0))
    panel.controls.centre.click()
    bench.pass_time(3)
    assert np.array_equal(given(bench, "code")[0, ..., 0], np.where(drawn > 127, 255, 0))


def test_an_empty_board_asks_nothing_and_says_what_to_do(qtbot: QtBot) -> None:
    panel, bench = encoding(qtbot)
    panel.drawn.board.clear()
    asked = len(bench.engine.asks("encode/code"))
    later(panel, bench)
    assert len(bench.engine.asks("encode/code")) == asked
    assert panel.drawn.strip._items == [] and panel.drawn.near.count() == 0
    assert panel.found.code is None and panel.exports() == []


def test_a_dropped_file_is_encoded_and_the_part_that_is_cut_out_can_be_moved(qtbot: QtBot, tmp_path: Path) -> None:
    panel, bench = encoding(qtbot)
    x = np.arange(80)[None].repeat(40, 0)
    Image.fromarray((x * 3).astype(np.uint8)).save(tmp_path / "ramp.png")
    panel.controls.fitting.setCurrentText("a part of it")
    panel.controls.fitted.emit("cut")
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(tmp_path / "ramp.png"))])
    panel.drawn.board.view.dropEvent(QDropEvent(
        QPointF(20, 20), Qt.DropAction.CopyAction, data, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    ))  # fmt: skip
    bench.pass_time(3)
    assert panel.drawn.cropper.isVisibleTo(panel)
    middle = panel.drawn.board.picture().mean()
    panel.drawn.cropper.set_box((40.0, 0.0, 40.0))
    panel.drawn.cropper.changed.emit(panel.drawn.cropper.box())
    bench.pass_time(3)
    right = cut(read_image(tmp_path / "ramp.png"), 8, 8, 1, (40.0, 0.0, 40.0))
    assert np.array_equal(panel.drawn.board.picture(), right) and right.mean() > middle + 40
    asked = given(bench, "code")[0, ..., 0]
    assert np.array_equal(asked, np.where(right > 127, 255, 0)), "what is cut out is not moved about"
    panel.controls.real.click()
    bench.pass_time(3)
    assert not panel.drawn.cropper.isVisibleTo(panel), "a real example was not cut out of anything"


def test_data_in_colour_are_drawn_in_colour_and_cut_out_of_photographs(qtbot: QtBot) -> None:
    card = run_card()
    bench = Bench(replace(card, data=replace(card.data, shape=(3, 8, 8), values="levels", levels=256)))
    panel = EncodePanel()
    qtbot.addWidget(panel)
    panel.bind(bench.desk)
    panel.show()
    bench.pass_time(2, answer=False)
    board = panel.drawn.board
    assert board.colour.isVisibleTo(board) or board.colour in board.header.folded()
    assert board.view.fitting == "cut" and not panel.controls.fitting.isVisibleTo(panel)
    board.colour.setCurrentText("green")
    board.view.dab((1, 4.5), (7, 4.5), "brush")
    board.view.finish()
    bench.pass_time(2, answer=False)
    asked = given(bench, "code")
    assert asked.shape == (1, 8, 8, 3) and asked[0, 4, 4, 1] > asked[0, 4, 4, 0]


def test_what_is_no_picture_is_refused_in_one_sentence(qtbot: QtBot, tmp_path: Path) -> None:
    panel, _ = encoding(qtbot)
    said: list[tuple[str, str]] = []
    panel.notice.connect(lambda level, words: said.append((level, words)))
    (tmp_path / "words.png").write_text("no picture")
    before = panel.drawn.board.picture()
    panel.drawn.board.load(tmp_path / "words.png")
    assert len(said) == 1 and said[0][0] == "warn" and "words.png" in said[0][1]
    assert np.array_equal(panel.drawn.board.picture(), before)


# what the model says


def test_the_code_stands_among_all_codes_and_the_error_below_the_reconstruction(qtbot: QtBot) -> None:
    panel, bench = encoding(qtbot)
    later(panel, bench)
    pair, code = panel.found.pair, panel.found.code
    assert pair is not None and code is not None and code.mu.shape == (1, LATENT)
    assert panel.drawn.rows.shown()[0] == 0, "the most used dimension first"
    assert panel.drawn.strip._notes[2] == f"{float(pair.errors[0]):.3g}"
    assert panel.drawn.strip._notes[0].startswith("ln p = ")


def test_a_code_of_two_numbers_stands_on_the_map(qtbot: QtBot) -> None:
    panel, bench = encoding(qtbot)
    code, survey = panel.found.code, panel.found.survey
    assert code is not None and survey is not None
    panel.found.code = api.Codes(code.mu[:, :2], code.std[:, :2])
    panel.found.survey = replace(survey, mu=survey.mu[:, :2], std=survey.std[:, :2])
    panel.touch()
    bench.pass_time(1, answer=False)
    assert panel.drawn.codes.currentWidget() is panel.drawn.pad
    assert panel.drawn.pad.cursor_point() == pytest.approx(tuple(code.mu[0, :2]))
    panel.drawn.pad.moved.emit(3.0, 3.0)
    assert panel.drawn.pad.cursor_point() == pytest.approx(tuple(code.mu[0, :2])), "the picture says where it is"


@pytest.mark.parametrize(("kind", "sign"), [("exact", "="), ("bound", "≥"), ("solver", "≈"), ("unnormalised", "≈")])
def test_a_score_says_honestly_what_it_is(kind: str, sign: str) -> None:
    assert score_words(api.LogProbs(np.array([-98.46]), kind)) == f"ln p {sign} -98.5"  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("distance", "words"), [(0.0, "one of them"), (0.12, "like the data"), (0.4, "unlike the data")]
)
def test_distances_to_neighbours_are_told_as_a_conclusion(distance: float, words: str) -> None:
    near = api.Nearest(
        np.zeros((1, 3, 8, 8, 1), np.uint8), np.array([[distance, 0.5, 0.6]]), np.arange(3)[None], 0.12,
        np.array([[4, 9, 4]]),
    )  # fmt: skip
    said = near_words(near, "pixels", tuple("0123456789"), [6])
    assert words in said and "2 of 3 are 4" in said and "far out in z 7" in said


def test_a_click_on_a_neighbour_puts_it_on_the_board(qtbot: QtBot) -> None:
    panel, bench = encoding(qtbot)
    draw(panel)
    later(panel, bench)
    near = panel.found.near
    assert near is not None
    panel.drawn.near.clicked.emit(2)
    assert np.array_equal(panel.drawn.board.picture(), near.items[0, 2, ..., 0])
    assert not panel.drawn.own


def test_neighbours_are_searched_by_codes_if_wished(qtbot: QtBot) -> None:
    panel, bench = encoding(qtbot)
    panel.controls.space.setCurrentText("codes")
    later(panel, bench)
    assert bench.engine.asks("encode/near")[-1].query.space == "codes"  # type: ignore[attr-defined]
    assert panel.drawn.words.text().startswith("By codes")


def test_without_the_data_a_drawing_is_encoded_all_the_same(qtbot: QtBot) -> None:
    panel, bench = encoding(qtbot, replace(run_card(), facts={"no_data": "MNIST is not here"}))
    assert not bench.engine.asks("encode/example")
    draw(panel)
    later(panel, bench)
    assert panel.found.code is not None and not bench.engine.asks("encode/near")
    assert "not on this machine" in panel.status.text()


def test_another_model_of_the_same_data_gets_the_same_drawing(qtbot: QtBot) -> None:
    panel, bench = encoding(qtbot)
    draw(panel)
    drawn = panel.drawn.board.picture()
    bench.desk.take([api.RunChanged(run_card("vae-other"))])
    bench.desk.set_current("vae-other")
    bench.pass_time(4)
    assert np.array_equal(panel.drawn.board.picture(), drawn)
    assert bench.engine.asks("encode/code")[-1].run == "vae-other"


# arithmetic


def test_the_picture_on_the_board_goes_to_arithmetic(qtbot: QtBot) -> None:
    panel, bench = encoding(qtbot)
    panel.controls.send.click()
    bench.pass_time(4)
    assert panel.stack.currentWidget() is panel.sums
    assert np.array_equal(given(bench, "sums"), panel.drawn.given())
    assert np.array_equal(panel.sums.equation._items[0][1][..., 0], panel.drawn.board.picture())


def test_chips_choose_what_is_added_and_taken_away_and_show_their_means(qtbot: QtBot) -> None:
    panel, bench = encoding(qtbot)
    panel.controls.tabs[1].click()
    bench.pass_time(4)
    assert panel.sums.plus.names()[-1] == "all" and len(panel.sums.plus.names()) == 11
    panel.sums.plus.set_value(8)
    panel.sums.minus.set_value(10)
    panel.sums.wished.emit()
    bench.pass_time(3)
    query = bench.engine.asks("encode/sums")[-1].query
    assert (query.plus, query.minus) == (8, None)  # type: ignore[attr-defined]
    assert [caption for caption, _ in panel.sums.equation._items] == ["picture", "+ 8", "− all", "sum"]
    found = panel.sums.sums
    assert found is not None and panel.sums.strip.count() == len(found.items) == 9


def test_the_slider_changes_the_amount_and_the_strip_its_length(qtbot: QtBot) -> None:
    panel, bench = encoding(qtbot)
    panel.controls.tabs[1].click()
    panel.sums.amount.set_value(-2.0)
    panel.sums.amount.changed.emit(-2.0)
    panel.sums.steps.setCurrentText("5")
    bench.pass_time(3)
    query = bench.engine.asks("encode/sums")[-1].query
    assert (query.amount, query.n) == (-2.0, 5)  # type: ignore[attr-defined]
    assert panel.sums.strip.count() == 5


def test_examples_are_chosen_by_clicks_once_to_add_twice_to_take_away(qtbot: QtBot) -> None:
    panel, bench = encoding(qtbot)
    panel.controls.tabs[1].click()
    panel.sums.by.setCurrentText("examples")
    bench.pass_time(3)
    frame = panel.sums._pool
    assert frame is not None
    for place in (1, 4, 4, 6, 6, 6):
        panel.sums.pool.clicked.emit(place)
    bench.pass_time(3)
    query = bench.engine.asks("encode/sums")[-1].query
    assert query.plus_indices == (int(frame.indices[1]),)  # type: ignore[attr-defined]
    assert query.minus_indices == (int(frame.indices[4]),)  # type: ignore[attr-defined]
    assert "1 +, 1 −" in panel.sums.hint.text()
    panel.sums.clear.click()
    bench.pass_time(2)
    assert panel.sums.sums is None and "Choose examples" in panel.sums.words.text()


def test_data_without_classes_have_examples_to_choose_from(qtbot: QtBot) -> None:
    card = run_card()
    panel, _ = encoding(qtbot, replace(card, data=replace(card.data, classes=())))
    panel.controls.tabs[1].click()
    assert panel.sums.by_examples() and not panel.sums.by.isVisibleTo(panel)


def test_two_equal_means_say_that_nothing_is_added(qtbot: QtBot) -> None:
    panel, bench = encoding(qtbot)
    panel.controls.tabs[1].click()
    panel.sums.plus.set_value(3)
    panel.sums.minus.set_value(3)
    panel.sums.wished.emit()
    bench.pass_time(3)
    assert "nothing is added" in panel.sums.words.text()


def test_a_model_that_cannot_decode_has_no_arithmetic(qtbot: QtBot) -> None:
    panel, _ = encoding(qtbot, run_card(offers=IMAGES - {"latent"}))
    assert not panel.controls.tabs[1].isEnabled() and not panel.controls.send.isVisibleTo(panel)


def test_page_classes_and_amount_are_remembered(qtbot: QtBot) -> None:
    panel, bench = encoding(qtbot)
    panel.controls.tabs[1].click()
    panel.sums.plus.set_value(7)
    panel.sums.amount.set_value(1.5)
    state = panel.state()
    other = EncodePanel()
    qtbot.addWidget(other)
    other.restore(state)
    other.bind(bench.desk)
    other.show()
    bench.pass_time(4)
    assert other.stack.currentWidget() is other.sums
    assert bench.engine.asks("encode/sums")[-1].query.plus == 7  # type: ignore[attr-defined]
    assert other.state() == state


def test_the_code_is_written_as_numbers(qtbot: QtBot, tmp_path: Path) -> None:
    panel, _ = encoding(qtbot)
    wanted = next(e for e in panel.exports() if e.suffix == ".csv")
    wanted.write(tmp_path / "code.csv")
    rows = list(csv.DictReader((tmp_path / "code.csv").read_text(encoding="utf-8").splitlines()))
    code = panel.found.code
    assert code is not None and len(rows) == LATENT
    assert [float(row["mean"]) for row in rows] == pytest.approx(code.mu[0].tolist(), rel=1e-4, abs=1e-6)


@pytest.mark.parametrize("size", [(320, 700), (700, 300), (330, 300), (500, 260)])
@pytest.mark.parametrize("page", [0, 1])
def test_at_no_size_parts_lie_over_each_other_or_leave_the_panel(
    qtbot: QtBot, size: tuple[int, int], page: int
) -> None:
    panel, bench = encoding(qtbot, size=size)
    panel.controls.tabs[page].click()
    bench.pass_time(3)
    qtbot.wait(10)
    assert (panel.width(), panel.height()) == size
    drawn, sums = panel.drawn, panel.sums
    parts = [drawn.board, drawn.strip, drawn.codes, drawn.near, drawn.words] if page == 0 else [
        sums.header, sums.choice, sums.equation, sums.strip, sums.words
    ]  # fmt: skip
    seen = [QRect(p.mapTo(panel, QPoint()), p.size()) for p in parts if p.isVisibleTo(panel)]
    assert len(seen) >= 2
    for i, one in enumerate(seen):
        assert panel.rect().contains(one), parts[i]
        for other in seen[i + 1 :]:
            assert not one.intersects(other)
