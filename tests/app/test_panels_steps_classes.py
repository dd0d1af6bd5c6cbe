"""The step viewer with classes, beginnings and lanes: chips, mixes, guidance, examples, and ways side by side."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from app.panels.steps.ways import LANES, Origin, Way, read_origin
from app.panels.steps.writing import pictures, together
from app.widgets.mixpad import LAYOUTS, MixPad, place_of, weights_at
from tests.app.fake_model import IMAGES, digits
from tests.app.steps_bench import asked, opened

pytestmark = pytest.mark.usefixtures("dressed")


# ---- classes


def test_classes_are_offered_only_to_models_that_know_them(qtbot: QtBot) -> None:
    panel, bench = opened(qtbot, IMAGES)
    assert not panel.classes.isVisible() and asked(bench).y is None
    panel, bench = opened(qtbot, IMAGES | {"conditional"})
    assert panel.classes.isVisible() and not panel.classes.row.isVisible(), "chips, but nothing to guide with"
    panel.classes.chips.chips._buttons[4].click()
    bench.pass_time(2)
    assert asked(bench).y == 3 and asked(bench).guidance is None


def test_a_class_its_guidance_and_a_mix_are_asked_for_and_the_empty_class_is_none(qtbot: QtBot) -> None:
    panel, bench = opened(qtbot)
    panel.classes.chips.chips._buttons[8].click()
    panel.classes.strength.box.set_value(3.5)
    panel.classes.strength.box.changed.emit(3.5)
    bench.pass_time(2)
    assert (asked(bench).y, asked(bench).guidance, asked(bench).mix) == (7, 3.5, ())
    panel.classes.mixing.click()
    panel.classes.pad.set_corners((1, 7, 10))
    panel.classes.pad.changed.emit()
    bench.pass_time(2)
    assert asked(bench).y is None and len(asked(bench).mix) == 11
    assert sum(asked(bench).mix) == pytest.approx(1.0, abs=0.002)
    assert {i for i, share in enumerate(asked(bench).mix) if share > 0} == {1, 7, 10}


def test_a_class_changed_from_here_on_is_a_branch_and_the_way_before_it_stays(qtbot: QtBot) -> None:
    panel, bench = opened(qtbot)
    panel.classes.here.setChecked(True)
    panel.slider.setValue(24)
    panel.classes.chips.chips._buttons[6].click()
    bench.pass_time(3)
    assert asked(bench).y is None, "the way itself still has no class"
    (turn,) = asked(bench).turns
    assert (turn.progress, turn.y) == (0.6, 5) and panel.tree.twigs()[-1].words.startswith("class 5")
    panel.slider.setValue(30)
    panel.classes.chips.chips._buttons[0].click()
    bench.pass_time(3)
    assert asked(bench).turns[-1].mix == (*[0.0] * 10, 1.0), "no class at all is a mix of nothing but none"


@pytest.mark.parametrize("corners", [2, 3, 4])
def test_the_mix_pad_gives_all_to_a_corner_and_finds_every_mix_again(corners: int) -> None:
    for i, (x, y) in enumerate(LAYOUTS[corners]):
        assert weights_at(x, y, corners) == pytest.approx(np.eye(corners)[i], abs=1e-12)
    rng = np.random.default_rng(0)
    for _ in range(50):
        shares = weights_at(*rng.random(2), corners)
        assert (shares >= 0).all() and shares.sum() == pytest.approx(1.0)
        assert weights_at(*place_of(shares), corners) == pytest.approx(shares, abs=1e-9)


def test_the_mix_pad_takes_other_classes_and_more_or_fewer_of_them(qtbot: QtBot) -> None:
    pad = MixPad()
    qtbot.addWidget(pad)
    pad.resize(300, 120)
    pad.set_names([*"abcde", "none"])
    assert pad.corners() == (0, 1, 2)
    names = {action.text(): action for action in pad.menu(0).actions()}
    assert not names["b"].isEnabled()
    names["none"].trigger()
    assert pad.corners() == (5, 1, 2)
    {a.text(): a for a in pad.menu(0).actions()}["One class more"].trigger()
    assert len(pad.corners()) == 4
    for _ in range(2):
        {a.text(): a for a in pad.menu(1).actions()}["One class less"].trigger()
    assert len(pad.corners()) == 2
    pad.set_weights((0, 0.25, 0, 0, 0.75, 0))
    assert pad.weights() == pytest.approx((0, 0.25, 0, 0, 0.75, 0))
    qtbot.keyClick(pad, Qt.Key.Key_Right)
    assert pad.weights()[4] == pytest.approx(0.8)


# ---- where it begins


def test_a_way_begins_at_an_example_with_as_much_noise_as_is_wished(qtbot: QtBot) -> None:
    panel, bench = opened(qtbot)
    panel.controls.tools["origin"].click()
    panel.origin.set_origin(Origin("test", 12), 0.4)
    panel.origin.changed.emit()
    bench.pass_time(3)
    query = asked(bench)
    assert query.begin == pytest.approx(0.6) and query.given is not None
    assert np.array_equal(query.given, digits()[0][12:13])
    assert panel.lanes["a"].track.frames[0].progress == pytest.approx(0.6)
    panel.origin.set_origin(Origin(), 0.4)
    panel.origin.changed.emit()
    bench.pass_time(3)
    assert asked(bench).given is None and asked(bench).begin == 0.0


def test_a_picture_of_ones_own_becomes_an_example_of_the_models_size(qtbot: QtBot, tmp_path: Path) -> None:
    from PIL import Image

    Image.fromarray(np.pad(np.full((30, 10), 255, np.uint8), 20)).save(tmp_path / "stroke.png")
    panel, bench = opened(qtbot)
    panel.origin.load(tmp_path / "stroke.png")
    bench.pass_time(3)
    given = asked(bench).given
    assert given is not None and given.shape == (1, 8, 8, 1) and given.max() == 255
    told = []
    panel.notice.connect(lambda level, words: told.append(words))
    (tmp_path / "broken.png").write_bytes(b"no picture")
    panel.origin.load(tmp_path / "broken.png")
    assert "cannot be read as a picture" in told[0]
    assert np.array_equal(read_origin(panel.origin.origin().text()).own, given[0])  # type: ignore[arg-type]


def test_only_models_that_can_put_examples_back_offer_it(qtbot: QtBot) -> None:
    panel, _ = opened(qtbot, IMAGES)
    assert not panel.controls.tools["origin"].isVisible()
    panel, _ = opened(qtbot)
    assert panel.controls.tools["origin"].isVisible()


# ---- lanes


def test_up_to_four_lanes_start_from_the_same_noise_each_with_its_own_way_and_step(qtbot: QtBot) -> None:
    panel, bench = opened(qtbot)
    for _ in range(3):
        panel.controls.compare.click()
    assert tuple(panel.lanes) == LANES and not panel.controls.compare.isEnabled()
    panel.lanes["c"].head.set_way(Way("ddim", 10, 4.0, 800))
    panel.lanes["c"].head.changed.emit()
    bench.pass_time(3)
    ask = bench.engine.asks("steps/lane-c")[-1]
    assert ask.step == 800 and (ask.query.sampler, ask.query.steps, ask.query.guidance) == ("ddim", 10, 4.0)  # type: ignore[attr-defined]
    assert {asked(bench, lane).seed for lane in LANES} == {panel.seed}
    panel.slider.setValue(20)
    assert {lane.current().progress for lane in panel.lanes_shown()} == {0.5}  # type: ignore[union-attr]
    assert panel.lanes["c"].words.text().startswith("ddim, 10 steps, guidance 4, step 800")
    panel.lanes["b"].head.close_button.click()
    assert tuple(panel.lanes) == ("a", "c", "d")
    panel.controls.compare.click()
    assert tuple(panel.lanes) == LANES


def test_a_fork_is_made_in_all_lanes_at_the_same_moment(qtbot: QtBot) -> None:
    panel, bench = opened(qtbot)
    panel.controls.compare.click()
    bench.pass_time(3)
    panel.slider.setValue(10)
    panel.growing.fork()
    bench.pass_time(3)
    assert asked(bench, "a").turns == asked(bench, "b").turns != ()


def test_a_film_shows_all_lanes_below_each_other_or_two_by_two(qtbot: QtBot) -> None:
    one, two = np.zeros((20, 30, 3), np.uint8), np.zeros((24, 30, 3), np.uint8)
    assert together([one]).shape[:2] == (20, 30)
    assert together([one, two]).shape[0] > 44 and together([one, two]).shape[1] == 30
    assert together([one, two, one]).shape[1] > 60
    panel, bench = opened(qtbot)
    for _ in range(3):
        panel.controls.compare.click()
    bench.pass_time(3)
    (first, *_) = pictures(panel)
    panel.lanes["d"].head.close_button.click()
    panel.lanes["c"].head.close_button.click()
    panel.lanes["b"].head.close_button.click()
    (alone, *_) = pictures(panel)
    assert first.shape[0] > 1.9 * alone.shape[0] and first.shape[1] > 1.9 * alone.shape[1]
