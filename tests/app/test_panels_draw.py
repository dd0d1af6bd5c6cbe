"""The panel Draw: what is drawn is asked about, trained on, applied while training, kept, saved and read."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from app.bridge.run_view import told
from app.panels.draw import DrawPanel, files
from app.panels.draw.telling import DrawState
from app.panels.experiment.own import drawn_spec
from app.panels.plane import PlanePanel
from gm_core import api
from tests.app.fake_core import Bench
from tests.app.fake_model import run_card
from tests.app.opening import opened
from tests.app.test_sketch import BELL, LINE, drag

pytestmark = pytest.mark.usefixtures("dressed")

DRAWN = {"kind": "drawn", "marks": [LINE], "train": 500, "side": 3.0}


def card(**changes: Any) -> api.RunCard:
    spec = {"model": {"kind": "ddpm"}, "data": DRAWN, "train": {"batch": 10}}
    return run_card("ddpm-drawn", points=True, **{"spec": spec, **changes})


def drawing(qtbot: QtBot, front: api.RunCard | None = None, state: DrawState | None = None) -> tuple[DrawPanel, Bench]:
    return opened(qtbot, DrawPanel, front or card(), (560, 620), state, rounds=3)


def sent(bench: Bench, kind: type[Any]) -> list[Any]:
    return [command for command in bench.engine.sent if isinstance(command, kind)]


def test_a_stroke_is_asked_about_alone_and_its_density_is_laid_behind(qtbot: QtBot) -> None:
    panel, bench = drawing(qtbot)
    drag(qtbot, panel.sketch, (-1.0, 0.0), (1.0, 1.0))
    bench.pass_time(3)
    ask = bench.engine.asks("draw/glimpse")[-1]
    assert ask.run == api.ALONE and ask.query.data["kind"] == "drawn" and len(ask.query.data["marks"]) == 1
    assert panel.sketch._ground is not None
    panel.controls.clear.click()
    bench.pass_time(3)
    assert panel.sketch._ground is None and not panel.train.isEnabled()
    assert "nothing drawn" in panel.status.text()


def test_train_on_this_offers_the_drawing_to_the_experiment(qtbot: QtBot) -> None:
    panel, bench = drawing(qtbot)
    offered: list[dict[str, Any]] = []
    bench.desk.data_offered.connect(offered.append)
    panel.train.click()
    assert not offered, "nothing is drawn yet"
    panel.replace((LINE, BELL))
    panel.train.click()
    assert offered == [{"kind": "drawn", "side": 3.0, "train": 500, "marks": [LINE, BELL]}]


def test_a_stroke_changes_the_runs_data_only_where_that_is_switched_on_and_only_once(qtbot: QtBot) -> None:
    panel, bench = drawing(qtbot)
    drag(qtbot, panel.sketch, (-1.0, 0.0), (1.0, 1.0))
    qtbot.wait(250)
    assert not sent(bench, api.ChangeData)
    panel.live.click()
    drag(qtbot, panel.sketch, (-1.0, 0.0), (1.0, -1.0))
    drag(qtbot, panel.sketch, (-1.0, 0.5), (1.0, -0.5))
    qtbot.waitUntil(lambda: bool(sent(bench, api.ChangeData)), timeout=3000)
    (change,) = sent(bench, api.ChangeData)
    assert change.run == "ddpm-drawn" and len(change.data["marks"]) == 3 and change.data["train"] == 500
    assert "learned at once" in panel.status.side.text()


def test_an_undo_of_the_run_brings_the_older_drawing_back_to_the_sheet(qtbot: QtBot) -> None:
    panel, bench = drawing(qtbot)
    panel.live.setChecked(True)
    panel.replace((LINE, BELL))
    panel._soon.stop()
    panel._apply()
    new = {**card().spec, "data": panel.data()}
    bench.desk.take([api.RunChanged(card(spec=new))])
    bench.pass_time(2)
    assert panel.sketch.marks == (LINE, BELL)
    bench.desk.take([api.RunChanged(card())])
    bench.pass_time(2)
    assert panel.sketch.marks == (LINE,) and len(sent(bench, api.ChangeData)) == 1, "and is not sent again"
    panel.sketch.undo()
    assert panel.sketch.marks == (LINE, BELL)


def test_data_can_be_applied_only_to_a_run_of_ones_own_on_the_plane(qtbot: QtBot) -> None:
    panel, bench = drawing(qtbot, run_card())
    assert not panel.live.isEnabled()
    panel.replace((LINE,))
    panel.live.setChecked(True)
    panel._apply()
    assert not sent(bench, api.ChangeData) and panel.train.isEnabled()


def test_a_drawing_can_begin_with_a_toy_as_one_step(qtbot: QtBot) -> None:
    panel, bench = drawing(qtbot)
    said: list[str] = []
    panel.notice.connect(lambda _level, words: said.append(words))
    panel.replace((LINE,))
    panel.shelf.toy_wished.emit("ring")
    bench.pass_time(3)
    assert bench.engine.asks("draw/trace")[-1].query.data == {"kind": "ring"}
    assert panel.sketch.marks[0]["at"] == [2.0, 0.0] and panel.side == 4.0 and not said
    panel.sketch.undo()
    assert panel.sketch.marks == (LINE,)
    panel.shelf.toy_wished.emit("checkerboard")
    bench.pass_time(3)
    assert "not exactly the same" in said[0]


def test_the_chosen_mark_takes_class_width_density_mirror_and_word(qtbot: QtBot) -> None:
    panel, _ = drawing(qtbot)
    word = {"kind": "text", "label": 0, "weight": 1.0, "mirror": "none", "text": "a", "at": [0, -2], "size": 1.0}
    panel.replace((LINE, {**word, "angle": 0.0}))
    panel.controls.set_tool("select")
    drag(qtbot, panel.sketch, (1.0, 0.0))
    assert float(panel.controls.wide.value()) == pytest.approx(0.3) and not panel.controls.word.isVisible()
    panel.controls.classes._dots[1].click()
    panel.controls.wide.changed.emit(0.6)
    panel.controls.mirror.click()
    mark = panel.sketch.marks[0]
    assert (mark["label"], mark["width"], mark["mirror"]) == (1, 0.6, "x")
    before = mark["weight"]
    panel.controls.dense.changed.emit(2 * float(panel.controls.dense.value()))
    assert panel.sketch.marks[0]["weight"] == pytest.approx(2 * before, rel=1e-3)
    drag(qtbot, panel.sketch, (0.0, -2.0))
    assert panel.controls.word.isVisible() and panel.controls.word.text() == "a"
    panel.controls.word.clear()
    qtbot.keyClicks(panel.controls.word, "yes")
    assert panel.sketch.marks[1]["text"] == "yes"


def test_one_class_more_can_be_drawn_up_to_a_limit(qtbot: QtBot) -> None:
    panel, _ = drawing(qtbot)
    dots = panel.controls.classes
    for _ in range(20):
        dots.more.click()
    assert dots.count() == 8 and not dots.more.isEnabled() and panel.sketch.hand.label == 7


def test_keys_of_the_window_do_not_reach_a_focused_sheet(qtbot: QtBot) -> None:
    from PySide6.QtGui import QAction

    panel, _ = drawing(qtbot)
    fired: list[int] = []
    action = QAction(panel)
    action.setShortcut("Ctrl+Z")
    action.triggered.connect(lambda: fired.append(1))
    panel.addAction(action)
    drag(qtbot, panel.sketch, (-1.0, 0.0), (1.0, 0.0))
    panel.sketch.setFocus()
    qtbot.keyClick(panel.sketch, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert panel.sketch.marks == () and not fired


def test_a_drawing_survives_its_file_and_the_state(qtbot: QtBot, tmp_path: Path) -> None:
    panel, _ = drawing(qtbot)
    panel.replace((LINE, BELL))
    panel.save(tmp_path / "mine.json")
    panel.shelf.keep(panel.sketch.marks)
    panel.controls.set_tool("erase")
    state = DrawState.read(panel.state().plain())
    other, _ = drawing(qtbot, state=state)
    assert other.sketch.marks == (LINE, BELL) and other.sketch.hand.tool == "erase"
    assert list(other.shelf.kept) == ["drawing 1"]
    other.sketch.clear()
    other.load(tmp_path / "mine.json")
    assert other.sketch.marks == (LINE, BELL)
    run = {"model": {"kind": "ddpm"}, "data": {"kind": "drawn", "side": 5.0, "marks": [BELL]}}
    (tmp_path / "run.yaml").write_text(api.dump_yaml(api.RunSpec.read(run)))
    other.load(tmp_path / "run.yaml")
    assert other.sketch.marks == (BELL,) and other.side == 5.0, "settings of a run are a drawing too"


BROKEN = [
    ("[1, 2]", "expected a mapping"),
    (json.dumps({"kind": "moons"}), "holds no drawing"),
    (json.dumps({"kind": "drawn"}), "there is no drawing in it"),
    (json.dumps({"kind": "drawn", "marks": [{"kind": "cloud"}]}), "mark 1 is of no known kind"),
    (json.dumps({"kind": "drawn", "marks": [{"kind": "brush", "width": 1}]}), "mark 1 (brush) has no points"),
    (json.dumps({"kind": "drawn", "marks": [{**LINE, "points": [1, "a"]}]}), "the points of mark 1 (brush)"),
    (json.dumps({"kind": "drawn", "marks": [{**BELL, "at": [1]}]}), "the at of mark 1 (gaussian)"),
    (json.dumps({"kind": "drawn", "marks": [{"kind": "picture", "columns": 2, "ink": "f0f"}]}), "the ink of mark 1"),
]


@pytest.mark.parametrize(("text", "words"), BROKEN)
def test_a_file_without_a_drawing_is_a_sentence_and_changes_nothing(
    qtbot: QtBot, tmp_path: Path, text: str, words: str
) -> None:
    panel, _ = drawing(qtbot)
    panel.replace((LINE,))
    said: list[str] = []
    panel.notice.connect(lambda _level, found: said.append(found))
    (tmp_path / "it.json").write_text(text)
    panel.load(tmp_path / "it.json")
    assert words in said[0] and panel.sketch.marks == (LINE,)


def test_what_is_remembered_but_broken_is_passed_over(qtbot: QtBot) -> None:
    panel, _ = drawing(qtbot, state=DrawState(drawing='[{"kind": "cloud"}]', kept="{", tool="chisel"))
    assert panel.sketch.marks == () and panel.sketch.hand.tool == "brush"
    assert files.from_text("{") is None


def test_the_experiment_keeps_a_model_of_points_and_takes_another_where_it_was_for_pictures() -> None:
    kinds = tuple(api.DataKind(name, name, "", (), group=group) for name, group in (("moons", "toys"), ("mnist", "x")))
    catalogue = api.Catalogue((), kinds, (), api.DeviceCard("cpu", "CPU", 1))
    plane = {"model": {"kind": "ddpm"}, "data": {"kind": "moons"}}
    pictures = {"model": {"kind": "vae", "network": "conv"}, "data": {"kind": "mnist"}}
    own = {"model": {"kind": "rnade"}, "data": {"kind": "moons"}}
    assert drawn_spec(own, DRAWN, catalogue, plane)["model"] == {"kind": "rnade"}
    made = drawn_spec(pictures, DRAWN, catalogue, plane)
    assert made["model"] == {"kind": "ddpm"} and made["data"] == DRAWN and made["name"] == "ddpm-drawing"
    assert plane["data"] == {"kind": "moons"}, "the preset is left as it was"


def test_an_edit_of_data_is_told_in_few_words() -> None:
    assert told(DRAWN) == "drawn, 1 mark" and told({"kind": "moons"}) == "moons" and told(0.5) == "0.5"


def test_the_plane_asks_for_the_new_truth_and_takes_nothing_away_meanwhile(qtbot: QtBot) -> None:
    bench = Bench(card())
    panel = PlanePanel()
    qtbot.addWidget(panel)
    panel.resize(500, 500)
    panel.bind(bench.desk)
    panel.show()
    bench.pass_time(6)
    before, layers = len(bench.engine.asks("plane/truth")), panel.view.layers()
    samples = len(bench.engine.asks("plane/samples"))
    bench.desk.take([api.RunChanged(card(spec={**card().spec, "data": {**DRAWN, "marks": [LINE, BELL]}}))])
    assert panel.view.layers() == layers and panel._found.truth is not None
    bench.pass_time(1)
    assert len(bench.engine.asks("plane/truth")) == before + 1
    assert len(bench.engine.asks("plane/samples")) == samples, "samples follow training by themselves"


def test_panels_begin_anew_when_the_data_of_their_run_change(qtbot: QtBot) -> None:
    panel, bench = drawing(qtbot)
    begun: list[str] = []
    panel.begin = lambda card: begun.append("begin")  # type: ignore[method-assign]
    panel.data_changed = lambda card: begun.append("data")  # type: ignore[method-assign]
    bench.desk.take([api.RunChanged(dataclasses.replace(card(), step=2500))])
    assert begun == []
    bench.desk.take([api.RunChanged(card(spec={**card().spec, "data": {"kind": "moons"}}))])
    assert begun == ["data"]
