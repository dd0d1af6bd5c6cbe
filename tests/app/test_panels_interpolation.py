"""The panel of paths: same stops for every way, one play head, no doubled frame, stops of every kind."""

from __future__ import annotations

import gc
import json
import weakref
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QCoreApplication, QEvent, QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent
from pytestqt.qtbot import QtBot

from app.panels.interpolation import InterpolationPanel, InterpolationState
from app.panels.interpolation.stops import Place, place_of
from app.shell import theme
from app.widgets.images import to_qimage
from gm_core import api
from tests.app.fake_core import Bench
from tests.app.fake_model import digits
from tests.app.paths_bench import asked, card, choose, kinds, opened

pytestmark = pytest.mark.usefixtures("dressed")

POINTS = {"offers": frozenset({"latent", "samples"})}


# what is asked and shown


def test_it_begins_with_two_real_examples_and_all_ways_go_through_them(qtbot: QtBot) -> None:
    panel, bench = opened(qtbot)
    query = asked(bench)
    assert [stop.index for stop in query.stops] == [0, 1] and query.n == 24 and query.among > 0
    assert query.ways == ("straight", "spherical", "norm-corrected", "geodesic")
    for name, row in panel.rows.items():
        assert row.isVisible() and row.way().way == name  # type: ignore[union-attr]
    assert "length" in panel.rows["geodesic"].accessibleDescription()
    assert "geodesic 0 % shorter" in panel.status.text() and not panel.status.busy()


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"offers": frozenset({"latent"})}, "no encoder"),
        ({"facts": {"no_data": "the files are not here"}}, "not on this machine"),
    ],
)
def test_without_encoder_or_data_it_begins_with_codes_of_the_prior(
    qtbot: QtBot, changes: dict[str, Any], why: str
) -> None:
    panel, bench = opened(qtbot, card(**changes))
    assert kinds(panel) == ["prior", "prior"] and asked(bench).among == 0
    entry = panel.stops.controls.entries["example"]
    assert not entry.isEnabled() and why in entry.toolTip()
    assert not panel.controls.by.isEnabled() and panel.rows["straight"].meter == "norm"


def test_what_was_asked_by_hand_is_watched_as_it_improves_and_what_follows_training_comes_when_it_is_done(
    qtbot: QtBot,
) -> None:
    panel, bench = opened(qtbot, passes=0)
    bench.desk.take([])
    ask = bench.engine.asks("interpolation/ways")[-1]
    frames = bench.engine.answer(ask)
    for i, frame in enumerate(frames):
        bench.desk.take([frame])
        assert panel.rows["geodesic"].way().iteration == i  # type: ignore[union-attr]
        assert panel.status.busy() == (i < 2)
    bench.desk.take([])
    followed = bench.engine.asks("interpolation/ways")[-1]
    assert not ask.follow and followed.follow, "a hand is answered first; then the panel follows training"
    later = [replace(frame, step=9000) for frame in bench.engine.answer(followed)]
    for frame in later[:2]:  # training has gone on: the half done does not replace what is shown
        bench.desk.take([frame])
        assert panel.rows["geodesic"].way().iteration == 2 and "2,400" in panel.status.text()  # type: ignore[union-attr]
    bench.desk.take([later[2]])
    assert "9,000" in panel.status.text()


def test_frames_are_so_many_that_every_stop_is_one(qtbot: QtBot) -> None:
    panel, bench = opened(qtbot)
    for _ in range(3):
        panel.stops.add("prior")
        bench.pass_time(1)
        query = asked(bench)
        assert (query.n - 1) % (len(query.stops) - 1) == 0 and abs(query.n - 24) <= 3
    choose(panel.controls.round, "loop")
    bench.pass_time(1)
    assert asked(bench).closed and (asked(bench).n - 1) % 5 == 0


def test_the_controls_ask_for_what_they_say(qtbot: QtBot) -> None:
    panel, bench = opened(qtbot)
    choose(panel.controls.ease, "smooth")
    choose(panel.controls.count, "48")
    choose(panel.controls.by, "code length")
    panel.controls.steady.click()
    panel.controls.ways_actions["spherical"].trigger()
    bench.pass_time(2)
    query = asked(bench)
    assert (query.easing, query.n, query.even, query.among) == ("smooth", 48, True, 0)
    assert query.ways == ("straight", "norm-corrected", "geodesic") and panel.rows["spherical"].isHidden()
    for name in ("straight", "norm-corrected", "geodesic"):
        panel.controls.ways_actions[name].trigger()
    assert panel.controls.ways() == ("geodesic",), "one way at least stays"


def test_one_play_head_moves_all_rows(qtbot: QtBot) -> None:
    panel, _ = opened(qtbot)
    row = panel.rows["spherical"]
    for frame in (0, 7, 23):
        qtbot.mouseClick(row, Qt.MouseButton.LeftButton, pos=QPointF(row.x_of(frame), 20).toPoint())
        assert panel.frame() == frame == panel.transport.index()
        assert {r._place for r in panel.rows.values()} == {frame}
    assert panel.chosen() == "spherical"
    qtbot.keyClick(row, Qt.Key.Key_Left)
    assert panel.frame() == 22


def test_ping_pong_and_loop_show_no_frame_twice(qtbot: QtBot) -> None:
    panel, bench = opened(qtbot)
    for order, count in (("once", 24), ("ping-pong", 46), ("loop", 24)):
        choose(panel.controls.round, order)
        bench.pass_time(2)
        assert panel.transport.count() == len(panel.film_order()) == count
        turns = [*panel.film_order(), panel.film_order()[0]]
        items = panel.shown_ways()[0].z
        if order != "once":
            assert all(not np.array_equal(items[a], items[b]) for a, b in pairwise(turns))
    panel._seek(24)  # of a closed way the last frame is the first
    assert panel.frame() == 0


# stops


def test_stops_are_added_after_the_picked_one_moved_and_removed(qtbot: QtBot) -> None:
    panel, bench = opened(qtbot)
    row = panel.stops.row
    row.set_picked(0)
    panel.stops.add("prior")
    assert kinds(panel) == ["example", "prior", "example"] and row.picked() == 1
    row.setFocus()
    qtbot.keyClick(row, Qt.Key.Key_Right, Qt.KeyboardModifier.ControlModifier)
    assert kinds(panel) == ["example", "example", "prior"] and row.picked() == 2
    bench.pass_time(2)
    assert len(asked(bench).stops) == 3 and len(panel.found().stops) == 3  # type: ignore[union-attr]
    qtbot.keyClick(row, Qt.Key.Key_Delete)
    assert kinds(panel) == ["example", "example"] and not panel.stops.controls.trash.isEnabled()
    said: list[str] = []
    panel.notice.connect(lambda _level, words: said.append(words))
    panel.stops.remove()
    assert kinds(panel) == ["example", "example"] and "two stops" in said[0]


def test_the_dice_takes_another_of_the_same_kind(qtbot: QtBot) -> None:
    panel, _ = opened(qtbot)
    before = list(panel.stops.places)
    panel.stops.row.set_picked(1)
    panel.stops.again()
    assert panel.stops.places[0] == before[0] and panel.stops.places[1] != before[1]
    assert panel.stops.places[1].kind == "example" and panel.stops.places[1].number < 450


def test_a_stop_is_drawn_and_the_path_follows_each_stroke(qtbot: QtBot) -> None:
    panel, bench = opened(qtbot)
    panel.stops.row.set_picked(1)
    panel.stops.row.opened.emit(1)
    editor = panel.stops.editor
    assert editor is not None and editor.isVisible() and kinds(panel) == ["example", "example"]
    assert np.array_equal(editor.picture(), digits()[0][1]), "it begins with the example"
    editor.board.view.dab((1, 1), (6, 6), "brush")
    editor.board.view.finish()
    bench.pass_time(1)
    assert kinds(panel) == ["example", "picture"]
    assert np.array_equal(asked(bench).stops[1].given, editor.picture())
    assert not np.array_equal(editor.picture(), digits()[0][1])


def test_a_dropped_file_takes_the_place_of_the_picked_stop_and_a_broken_one_is_refused(
    qtbot: QtBot, tmp_path: Path
) -> None:
    panel, bench = opened(qtbot)
    said: list[str] = []
    panel.notice.connect(lambda _level, words: said.append(words))
    good, bad = tmp_path / "four.png", tmp_path / "bad.png"
    to_qimage(np.kron(digits()[0][4][..., 0], np.ones((5, 5), np.uint8))).save(str(good))
    bad.write_text("no picture")
    for path in (good, bad):
        data = QMimeData()
        data.setUrls([QUrl.fromLocalFile(str(path))])
        panel.stops.row.dropEvent(
            QDropEvent(
                QPointF(5, 5), Qt.DropAction.CopyAction, data, Qt.MouseButton.NoButton,
                Qt.KeyboardModifier.NoModifier,
            )
        )  # fmt: skip
    bench.pass_time(1)
    assert kinds(panel) == ["picture", "example"] and asked(bench).stops[0].given.max() > 200  # type: ignore[union-attr]
    assert len(said) == 1 and "bad.png cannot be read" in said[0]


def test_new_noise_draws_the_codes_of_the_prior_anew_and_leaves_examples_alone(qtbot: QtBot) -> None:
    panel, bench = opened(qtbot)
    panel.stops.put([Place("prior", 3), Place("example", 5)])
    bench.desk.new_noise()
    assert panel.stops.places[0] != Place("prior", 3) and panel.stops.places[1] == Place("example", 5)


def test_another_run_keeps_the_stops_that_it_can_take(qtbot: QtBot) -> None:
    panel, bench = opened(qtbot)
    large = Place("picture", picture=np.zeros((28, 28, 1), np.uint8))
    panel.stops.places = [Place("prior", 3), large, Place("example", 460)]
    bench.desk.take([api.RunChanged(replace(card(), run="other"))])
    bench.desk.set_current("other")
    bench.pass_time(2)
    assert panel.stops.places == [Place("prior", 3), Place("example", 10)]


# points


def test_points_run_on_the_plane_without_strips(qtbot: QtBot) -> None:
    panel, bench = opened(qtbot, card(points=True, **POINTS), state=InterpolationState(stops=("prior 4", "prior 5")))
    assert not panel.plane.isHidden() and panel.plane.has_content()
    assert not panel.stops.controls.entries["draw"].isEnabled()
    assert [e.suffix for e in panel.exports()] == [".png", *[".gif", ".webp", ".mp4"] * 2]
    panel.grab()
    _ = bench


# settings, export, end


def test_settings_come_back_without_the_pictures(qtbot: QtBot) -> None:
    first, _ = opened(qtbot)
    first.stops.put([Place("example", 7), Place("picture", picture=digits()[0][0]), Place("prior", 9)])
    choose(first.controls.round, "ping-pong")
    choose(first.controls.ease, "ease in")
    first.controls.steady.click()
    first.controls.ways_actions["straight"].trigger()
    state = InterpolationState.read(json.loads(json.dumps(first.state().plain())))
    assert state.stops == ("example 7", "prior 9")
    second, _ = opened(qtbot, state=state)
    assert second.state() == state and second.stops.places == [Place("example", 7), Place("prior", 9)]


@pytest.mark.parametrize("text", ["", "example", "example x", "picture 3", "prior -1"])
def test_a_remembered_stop_that_says_nothing_is_left_out(text: str) -> None:
    assert place_of(text) is None


@pytest.mark.parametrize("mode", ["light", "dark"])
@pytest.mark.parametrize("size", [(320, 220), (420, 300), (700, 420), (1100, 800)])
def test_it_is_drawn_at_every_size_in_both_themes(qtbot: QtBot, qapp: object, size: tuple[int, int], mode: str) -> None:
    theme.apply(qapp, mode)  # type: ignore[arg-type]
    panel, _ = opened(qtbot, size=size)
    shown = panel.grab().toImage()
    assert shown.width() == size[0]
    assert min(row.height() for row in panel.rows.values()) >= theme.px(22)
    row = panel.rows["geodesic"]
    strip = row.mapTo(panel, QPoint(int(row.x_of(0)), 6))
    assert len({shown.pixel(x, strip.y()) for x in range(strip.x(), size[0] - 40, 3)}) > 8, "its strip is drawn"


def test_before_there_is_a_model_it_says_what_to_do(qtbot: QtBot) -> None:
    bench, panel = Bench(), InterpolationPanel()
    qtbot.addWidget(panel)
    panel.bind(bench.desk)
    panel.show()
    assert panel.empty.isVisible() and not panel.exports() and panel.picture() is panel
    panel.stops.add("prior")
    panel.stops.again()
    assert panel.stops.places == []


def test_closing_it_leaves_nothing_behind(qtbot: QtBot) -> None:
    bench, panel = Bench(card()), InterpolationPanel()
    panel.bind(bench.desk)
    panel.show()
    bench.pass_time(1)
    panel.stops.open(0)
    panel.close()
    held = weakref.ref(panel)
    bench.desk.deleteLater()  # its signals hold on to the panel, as in the program
    panel.deleteLater()
    del panel, bench
    gc.collect()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    gc.collect()
    assert held() is None


def test_codes_picked_on_the_map_become_the_ends_and_then_further_stops(qtbot: QtBot) -> None:
    panel, bench = opened(qtbot)
    desk, run = bench.desk, panel.run
    picked = [np.full(3, number, np.float32) for number in (1.0, 2.0, 3.0)]
    desk.pick_code("another run", picked[0])
    assert kinds(panel) == ["example", "example"], "codes of another run mean nothing here"
    for code in picked:
        desk.pick_code(run, code)
    assert kinds(panel) == ["code", "code", "code"]
    bench.pass_time(2)
    stops = asked(bench).stops
    assert [float(stop.z[0]) for stop in stops] == [1.0, 2.0, 3.0]  # type: ignore[index]
    assert not panel.state().stops, "codes belong to one run and are not remembered"
    panel.stops.begin(replace(card(), run="another"))
    assert kinds(panel) == ["example", "example"]


def test_codes_picked_before_the_panel_was_seen_are_taken_when_it_is(qtbot: QtBot) -> None:
    panel, bench = opened(qtbot, passes=0)
    run = panel.run
    bench.desk._picked[run] = [np.zeros(3, np.float32)]
    panel.begin(card())
    assert kinds(panel)[0] == "code" and not bench.desk.take_codes(run)
