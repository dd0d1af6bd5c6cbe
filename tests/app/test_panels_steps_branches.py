"""The step viewer as an experiment: forks, the tree of branches, and paint."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from pytestqt.qtbot import QtBot

from app.panels.steps.branches import ROOT, Branches, Change, Paint
from app.panels.steps.ways import Way
from app.shell import theme
from tests.app.fake_model import POINTS
from tests.app.steps_bench import asked, opened, shown

pytestmark = pytest.mark.usefixtures("dressed")


# ---- forks


def test_a_fork_keeps_what_was_before_it_and_follows_what_comes_after(qtbot: QtBot) -> None:
    panel, bench = opened(qtbot)
    panel.slider.setValue(20)
    before = [frame.x for frame in panel.lanes["a"].track.frames]
    panel.controls.fork.click()
    assert panel.progress == 0.5 and np.array_equal(shown(panel), before[20]), "nothing flashes back to noise"
    bench.pass_time(3)
    (turn,) = asked(bench).turns
    assert turn.progress == 0.5 and turn.seed != 0
    after = [frame.x for frame in panel.lanes["a"].track.frames]
    assert all(np.array_equal(a, b) for a, b in zip(before[:21], after[:21], strict=True))
    assert not np.array_equal(before[-1], after[-1]) and panel.progress == 1.0


def test_a_click_in_the_tree_brings_a_branch_back_exactly_and_without_asking(qtbot: QtBot) -> None:
    panel, bench = opened(qtbot)
    first = panel.lanes["a"].track.frames[-1].x
    panel.slider.setValue(20)
    panel.growing.fork()
    bench.pass_time(3)
    second = panel.lanes["a"].track.frames[-1].x
    assert panel.tree.isVisible() and len(panel.tree.twigs()) == 2
    count = len(bench.engine.asks("steps/lane-a"))
    row = theme.px(28)
    qtbot.mouseClick(panel.tree, Qt.MouseButton.LeftButton, pos=QPoint(60, row // 2))
    bench.pass_time(1)
    panel.slider.setValue(40)
    assert panel.growing.branches.front == ROOT and np.array_equal(shown(panel), first)
    panel.tree.setFocus()
    qtbot.keyClick(panel.tree, Qt.Key.Key_Down)
    bench.pass_time(1)
    panel.go_to(1.0)
    panel.draw()
    assert np.array_equal(shown(panel), second)
    assert len(bench.engine.asks("steps/lane-a")) == count


def test_a_branch_of_a_branch_and_its_removal_with_all_that_grew_on_it(qtbot: QtBot) -> None:
    panel, bench = opened(qtbot)
    for place in (16, 28):
        panel.slider.setValue(place)
        panel.growing.fork()
        bench.pass_time(3)
    assert [turn.progress for turn in asked(bench).turns] == [0.4, pytest.approx(27 / 40)]
    thumbs = [twig.thumb for twig in panel.tree.twigs()]
    assert all(thumb is not None for thumb in thumbs)
    panel.tree.removed.emit(1)
    bench.pass_time(2)
    assert panel.growing.branches.front == ROOT and not panel.tree.isVisible()
    assert not panel.growing.branches.turns(9, (8, 8, 1))


def test_a_fork_that_changes_nothing_since_the_sampler_adds_no_noise_is_told_apart(qtbot: QtBot) -> None:
    panel, bench = opened(qtbot)
    told: list[str] = []
    panel.notice.connect(lambda level, words: told.append(words))
    panel.slider.setValue(20)
    panel.growing.fork()
    bench.pass_time(3)
    assert not told
    panel.growing.remove(1)
    panel.lanes["a"].head.set_way(Way("ddim", 40))
    panel.lanes["a"].head.changed.emit()
    bench.pass_time(3)
    panel.slider.setValue(20)
    panel.growing.fork()
    bench.pass_time(3)
    assert len(told) == 1 and told[0].startswith("New noise has changed nothing: this sampler adds none.")


def test_the_tree_of_other_noise_is_another_and_that_of_another_sampler_the_same(qtbot: QtBot) -> None:
    panel, bench = opened(qtbot)
    panel.slider.setValue(20)
    panel.growing.fork()
    bench.pass_time(3)
    panel.lanes["a"].head.set_way(Way("ddim", 20))
    panel.lanes["a"].head.changed.emit()
    bench.pass_time(3)
    assert asked(bench).sampler == "ddim" and len(asked(bench).turns) == 1
    bench.desk.new_noise()
    bench.pass_time(3)
    assert asked(bench).turns == () and len(panel.growing.branches.all) == 1


def test_other_weights_ask_for_the_branch_in_front_even_if_it_was_known(qtbot: QtBot) -> None:
    panel, bench = opened(qtbot)
    panel.slider.setValue(20)
    panel.growing.fork()
    bench.pass_time(3)
    panel.growing.choose(ROOT)
    bench.pass_time(2)
    bench.desk.seek(400)
    bench.pass_time(3)
    ask = bench.engine.asks("steps/lane-a")[-1]
    assert ask.step == 400 and ask.query.turns == ()  # type: ignore[attr-defined]
    assert panel.lanes["a"].track.step == 400


def test_branches_are_numbered_by_their_forks_and_a_fork_before_a_fork_leaves_the_parent() -> None:
    tree = Branches()
    first = tree.fork(Change(0.6, 1))
    below = tree.fork(Change(0.8, 2))
    early = tree.fork(Change(0.3, 3))
    assert (first.parent, below.parent, early.parent) == (ROOT, first.number, ROOT)
    assert [b.number for b in tree.rows()] == [0, 1, 2, 3], "later forks stand nearer, so that no lines cross"
    assert [t.seed for t in tree.turns(4, (8, 8, 1))] == [3]
    tree.front = below.number
    assert [t.seed for t in tree.turns(4, (8, 8, 1))] == [1, 2]


def test_a_tree_survives_a_round_trip_as_text_and_what_is_broken_is_left_out() -> None:
    tree = Branches()
    paint = Paint((8, 8, 1), (0, 2), (5, 63), ((255.0,), (7.0,)))
    tree.fork(Change(0.25, 4, paint=paint))
    tree.fork(Change(0.5, 5, guidance=0.0, mix=(0.0, 1.0, 0.5)))
    tree.fork(Change(0.75, 6, y=0))
    again = Branches()
    again.read(json.loads(json.dumps(tree.texts())), tree.front)
    assert again.all == tree.all and again.front == tree.front
    broken = [tree.texts()[0].replace('"progress": 0.25', '"progress": 7'), tree.texts()[1], "nonsense", "{}"]
    again.read(broken, 3)
    assert list(again.all) == [ROOT] and again.front == ROOT


# ---- paint


def test_pixels_painted_on_one_sample_go_into_the_turn_exactly_and_nothing_else(qtbot: QtBot) -> None:
    panel, bench = opened(qtbot)
    panel.slider.setValue(20)
    panel.controls.tools["paint"].click()
    panel.growing.brush.set_size(1)
    mosaic = panel.lanes["a"].galleries["x"][1]
    plain = np.array(shown(panel))
    box = mosaic.tile_rect(4)
    at = QPoint(int(box.left() + box.width() * 2.5 / 8), int(box.top() + box.height() * 6.5 / 8))
    panel.paint_row.ink.setCurrentText("light")
    qtbot.mouseClick(mosaic, Qt.MouseButton.LeftButton, pos=at)
    painted = shown(panel)
    assert painted[4, 6, 2, 0] == 255 and (painted != plain).sum() <= 1
    panel.paint_row.go.click()
    bench.pass_time(3)
    (turn,) = asked(bench).turns
    assert turn.mask is not None and turn.paint is not None
    assert turn.mask.sum() == 1 and turn.mask[4, 6, 2] and turn.paint[4, 6, 2, 0] == 255
    assert [twig.words for twig in panel.tree.twigs()][-1] == "painted"


def test_paint_that_is_not_used_is_gone_with_the_next_frame_and_going_on_without_any_says_so(qtbot: QtBot) -> None:
    panel, _ = opened(qtbot)
    panel.slider.setValue(20)
    panel.controls.tools["paint"].click()
    mosaic = panel.lanes["a"].galleries["x"][1]
    qtbot.mouseClick(mosaic, Qt.MouseButton.LeftButton, pos=mosaic.tile_rect(0).center().toPoint())
    assert panel.growing.brush.paint() is not None
    panel.slider.setValue(21)
    assert panel.growing.brush.paint() is None
    assert np.array_equal(shown(panel), panel.lanes["a"].track.frames[21].x)
    told = []
    panel.notice.connect(lambda level, words: told.append((level, words)))
    panel.paint_row.go.click()
    assert told == [("warn", "Nothing is painted yet: draw on a sample first.")]
    assert len(panel.growing.branches.all) == 1


def test_a_point_that_is_dragged_goes_on_from_where_it_is_let_go(qtbot: QtBot) -> None:
    panel, bench = opened(qtbot, POINTS | {"renoise"}, points=True)
    panel.slider.setValue(20)
    panel.controls.tools["paint"].click()
    canvas = panel.lanes["a"].plane.canvas
    x, y = panel.lanes["a"].current().x[7]  # type: ignore[union-attr]
    start = canvas.to_screen(float(x), float(y)).toPoint()
    held = panel.growing.drag.near(canvas.to_screen(float(x), float(y)))
    to = canvas.to_screen(2.0, -2.0).toPoint()
    qtbot.mousePress(canvas, Qt.MouseButton.LeftButton, pos=start)
    qtbot.mouseMove(canvas, to)
    qtbot.mouseRelease(canvas, Qt.MouseButton.LeftButton, pos=to)
    bench.pass_time(3)
    (turn,) = asked(bench).turns
    assert turn.mask is not None and turn.mask[held].all() and turn.mask.sum() == 2
    assert turn.paint[held] == pytest.approx([2.0, -2.0], abs=0.05)  # type: ignore[index]


def test_paint_for_samples_that_are_no_longer_drawn_is_left_out() -> None:
    paint = Paint((2, 2, 1), (0, 5), (3, 1), ((9.0,), (8.0,)))
    pixels, mask = paint.arrays(2)  # type: ignore[misc]
    assert mask.sum() == 1 and mask[0, 1, 1] and pixels[0, 1, 1, 0] == 9
    assert Paint((2,), (5,), (0,), ((1.0, 2.0),)).arrays(3) is None
    assert Change(0.5, paint=paint).turn(2, (28, 28, 1)).paint is None, "pictures of another size"
