"""Cues on a window: runs live on, what is missing is told, and the window before the talk comes back."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import Qt

from app.shell.window import Window
from app.stage import seeing
from app.stage.cues import Cue, Front
from gm_core import api
from tests.app.fake_model import run_card
from tests.app.stages import bring, like, messages, stocked
from tests.app.windows import ReplayEngine

COMMANDS_OF_LOSS = (api.Pause, api.Stop, api.CloseRun, api.DeleteRun, api.Rollback, api.Start)


@pytest.fixture
def shown(window: Window) -> Window:
    """A window with a run of one's own, which trains, and two examples."""
    return stocked(window)


def test_a_cue_restores_what_was_changed_since(shown: Window) -> None:
    shown.docks.show("gallery")
    shown.docks.show("curves")
    shown.desk.seek(800)
    shown.desk.new_noise()
    bring(shown, "gallery", {"count": "16"})
    cue = seeing.capture(shown, "as it was")
    assert (cue.front, cue.step, cue.seed) == (Front(kind="run", name="mine"), 800, 1)
    assert cue.panels["gallery"]["count"] == "16" and "gallery" in cue.top
    bring(shown, "gallery", {"count": "64"})
    shown.docks.show("sites")
    shown.docks.all["curves"].hide()
    shown.desk.seek(None)
    shown.desk.new_noise()
    shown.desk.set_current("example:small")
    shown.stage.apply(cue)
    assert like(shown, cue) == cue.plain()
    assert not messages(shown)


def test_a_cue_survives_its_file_and_restores_from_it(shown: Window, tmp_path: Path) -> None:
    shown.docks.show("gallery")
    shown.stage.new()
    shown.stage.add()
    path = shown.stage.script.path
    assert path is not None and path.parent == tmp_path / "talks"
    cue = shown.stage.script.cues[0]
    bring(shown, "gallery", {"count": "36"})
    assert shown.stage.open(path)
    shown.stage.go(0)
    assert like(shown, cue)["panels"] == cue.panels


def test_no_cue_stops_a_run_or_loses_one(shown: Window, engine: ReplayEngine) -> None:
    shown.stage.new()
    shown.stage.add()
    before = dict(shown.desk.views)
    for front in (Front(kind="example", name="small"), Front(kind="preset", name="vae-digits"), Front()):
        shown.stage.apply(Cue(title="a", front=front, top=("gallery",), panels={"gallery": {"count": "16"}}))
    shown.desk.take([])
    assert not [command for command in engine.sent if isinstance(command, COMMANDS_OF_LOSS)]
    assert shown.desk.views.keys() == before.keys()
    assert shown.desk.views["mine"].card.state == "training"


def test_a_race_goes_on_through_a_cue(shown: Window, monkeypatch: pytest.MonkeyPatch) -> None:
    panel = shown.docks.show("race").panel
    assert panel is not None
    monkeypatch.setattr(panel, "engaged", lambda: True)
    shown.stage.apply(Cue(title="a", panels={"race": {"budget": 7}}))
    assert shown.docks.all["race"].panel is panel
    assert messages(shown) == ["Race is at work and stays as it is."]


def test_what_no_longer_exists_gives_one_sentence_each_and_the_rest_is_applied(shown: Window) -> None:
    cue = Cue(
        title="old",
        front=Front(kind="example", name="gone"),
        top=("gallery", "hologram"),
        panels={"hologram": {"depth": 3}, "gallery": {"count": "16"}, "curves": {"smoothing": 99.0}},
        step=801,
    )
    shown.stage.apply(cue)
    said = messages(shown)
    assert len(said) == 4 and all(words.endswith(".") for words in said)
    assert sum("hologram" in words for words in said) == 1
    assert any("example gone is not here" in words for words in said)
    assert any("smoothing is 99" in words for words in said)
    assert any("Step 801 is not kept" in words and "800 is shown" in words for words in said)
    panel = shown.docks.all["gallery"].panel
    assert panel is not None and panel.state().plain()["count"] == "16" and shown.desk.now == 800


def test_a_preset_that_is_gone_and_a_run_that_is_gone_are_told(shown: Window) -> None:
    row = api.RunRow("mine", "Mine", "vae", "digits", "training", 1, 2, 0.0, 0.0, "/somewhere/mine")
    shown.desk.take([api.RunList((row,))])
    shown.stage.apply(Cue(title="a", front=Front(kind="preset", name="nobody")))
    assert messages(shown) == ["There is no preset nobody; the run in front stays."]
    shown.stage.apply(Cue(title="b", front=Front(kind="run", name="nothing-7")))
    assert messages(shown) == ["The run nothing-7 is not among the saved runs; the run in front stays."]
    assert shown.desk.current == "mine"


def test_a_saved_run_is_opened_and_the_step_follows_when_it_is_there(shown: Window, engine: ReplayEngine) -> None:
    row = api.RunRow("old-2", "Old", "vae", "digits", "finished", 1, 2, 0.0, 0.0, "/somewhere/old-2")
    shown.desk.take([api.RunList((row,))])
    shown.stage.apply(Cue(title="a", front=Front(kind="run", name="old-2"), top=("gallery",), step=400))
    assert api.OpenRun("old-2") in engine.sent and shown.desk.now is None
    shown.desk.take([api.RunChanged(run_card("old-2", state="viewed"))])
    assert shown.desk.current == "old-2" and shown.desk.now == 400
    assert not messages(shown)


def test_a_preset_shows_its_newest_run_or_waits_in_the_form(shown: Window, engine: ReplayEngine) -> None:
    cue = Cue(title="a", front=Front(kind="preset", name="made-digits"), top=("sites",))
    shown.stage.apply(cue)
    assert shown.experiment.state().preset == "made-digits" and "Space trains it" in messages(shown)[0]
    spec = dict(shown.experiment.presets["made-digits"].spec)
    rows = [
        api.RunRow(f"made-digits-{i}", "MADE", "made", "digits", "finished", 1, 2, 0.0, float(i), "", spec)
        for i in (1, 3, 2)
    ]
    shown.desk.take([api.RunList(tuple(rows))])
    shown.stage.apply(cue)
    assert [c for c in engine.sent if isinstance(c, api.OpenRun)][-1] == api.OpenRun("made-digits-3")


def test_a_layout_that_was_moved_is_kept_as_qt_writes_it_and_comes_back(shown: Window) -> None:
    dock = shown.docks.all["gallery"]
    assert not seeing.capture(shown).layout
    shown.addDockWidget(Qt.DockWidgetArea.LeftDockWidgetArea, dock)
    cue = seeing.capture(shown)
    assert cue.layout
    shown.docks.lay_out()
    shown.stage.apply(cue)
    assert shown.dockWidgetArea(dock) == Qt.DockWidgetArea.LeftDockWidgetArea
    shown.stage.apply(cue.model_copy(update={"layout": "no layout"}))


def test_the_window_before_the_talk_comes_back(shown: Window) -> None:
    shown.docks.show("curves")
    shown.docks.show("gallery")
    before = seeing.capture(shown)
    shown.stage.apply(Cue(title="a", front=Front(kind="example", name="other"), seed=5, shown=("sites", "steps"),
                          top=("steps",), panels={"gallery": {"count": "16"}, "encode": {"steps": 5}}))  # fmt: skip
    assert shown.desk.current == "example:other" and shown.docks.all["gallery"].isHidden()
    assert shown.settings.panels["encode"]["steps"] == 5
    assert shown.stage.in_talk
    shown.stage.leave()
    assert like(shown, before) == before.plain() and not shown.stage.in_talk
    assert shown.settings.panels["encode"]["steps"] == 9
