"""The shell: which panels fit, actions and keys, settings, presenting, faults, and what every widget must have."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shiboken6
from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QAbstractItemView, QApplication, QComboBox, QLineEdit, QTabBar, QWidget

from app.bridge.recorded import Recording
from app.panel import find_panels
from app.shell import bench, crash, theme
from app.shell.settings import Settings, read_settings, write_settings
from app.shell.table import MENUS, TABLE
from app.shell.watchdog import Watchdog
from app.shell.window import Window
from app.widgets.kit import Painted
from gm_core import api
from tests.app.fake_core import FakeEngine, run_card

CATALOGUE = api.Catalogue(
    (),
    (api.DataKind("digits", "Digits", "", ()),),
    api.describe(api.TrainSpec, "train"),
    api.DeviceCard("cpu", "CPU", 1),
)


class ReplayEngine(FakeEngine):
    """Remembers commands and gives the events that the test left."""

    def __init__(self) -> None:
        super().__init__()
        self.events: list[api.Event] = []
        self.started = self.closed = False

    def start(self) -> None:
        self.started = True

    def drain(self) -> list[api.Event]:
        taken, self.events = self.events, []
        return taken

    def close(self, seconds: float = 5.0) -> bool:
        self.closed = True
        return True


@pytest.fixture
def engine() -> ReplayEngine:
    return ReplayEngine()


@pytest.fixture
def make_window(qtbot: Any, tmp_path: Path) -> Iterator[Callable[..., Window]]:
    """Makes windows and takes them away for good, so that later tests restyle no windows of earlier ones."""
    made: list[Window] = []

    def make(engine: ReplayEngine | None = None) -> Window:
        window = Window(engine or ReplayEngine(), tmp_path / "settings.json", tmp_path / "nothing")
        made.append(window)
        window.show()
        return window

    yield make
    for window in made:
        window.pump.stop()
        window.finish()
        shiboken6.delete(window)


@pytest.fixture
def window(make_window: Callable[..., Window], engine: ReplayEngine) -> Window:
    return make_window(engine)


def ready(window: Window, *cards: api.RunCard) -> None:
    """The worker is there, with these runs."""
    events: list[api.Event] = [api.Ready(CATALOGUE)]
    events += [api.RunChanged(card) for card in cards]
    window.desk.take(events)


# ---- which panels fit


def test_a_panel_opens_exactly_when_what_it_needs_is_offered() -> None:
    card = run_card("one", points=True)
    for needs in (frozenset[str](), frozenset({"points"}), frozenset({"samples", "points"})):
        assert bench.why_not(needs, card) == ""
    assert "images" in bench.why_not(frozenset({"images"}), card)


def test_the_reason_names_what_is_missing_and_what_to_do() -> None:
    reason = bench.why_not(frozenset({"stepwise"}), run_card("one", offers=frozenset({"samples"})))
    assert "step by step" in reason and "one" in reason
    assert "preset" in bench.why_not(frozenset({"stepwise"}), None)


def test_every_word_that_a_panel_needs_is_explained() -> None:
    for kind in find_panels().values():
        assert kind.needs <= set(bench.WORDS), kind.name


def test_a_panel_that_does_not_fit_is_greyed_with_its_reason_and_opens_when_it_does(window: Window) -> None:
    ready(window, run_card("one", offers=frozenset({"samples"})))
    dock = window.docks.all["steps"]
    assert not dock.fit.fits and dock.stack.currentWidget() is dock.reason
    window.docks.menu(window.menuBar().addMenu("test"))
    assert not dock.toggleViewAction().isEnabled() and "step by step" in dock.toggleViewAction().text()
    window.docks.show("steps")
    assert dock.stack.currentWidget() is dock.reason
    window.desk.take([api.RunChanged(run_card("one"))])
    assert dock.fit.fits and dock.stack.currentWidget() is dock.panel


def test_a_panel_made_for_the_kind_of_data_comes_to_the_top(window: Window, qtbot: Any) -> None:
    ready(window, run_card("ring", points=True))
    qtbot.waitUntil(lambda: window.docks.all["plane"].panel is not None, timeout=3000)
    assert not window.docks.all["plane"].visibleRegion().isEmpty()


def test_panels_have_names_titles_tips_and_slots_of_their_own() -> None:
    kinds = find_panels()
    assert {"experiment", "curves", "gallery", "latent", "steps", "plane", "runs", "log"} <= set(kinds)
    places = [(kind.slot, kind.order) for kind in kinds.values()]
    assert len(set(places)) == len(places)
    for kind in kinds.values():
        assert kind.title and kind.tip and theme.icon(kind.icon) is not None


# ---- actions


def test_action_names_and_keys_are_unique_and_all_are_explained() -> None:
    names = [entry.name for entry in TABLE]
    assert len(set(names)) == len(names)
    keys = [QKeySequence(key).toString() for entry in TABLE for key in entry.keys]
    assert len(set(keys)) == len(keys)
    assert all(keys), "Qt understands every key"
    for entry in TABLE:
        assert entry.text and entry.menu in MENUS


def test_the_keys_that_users_expect_do_what_they_expect() -> None:
    by_key = {key: entry.name for entry in TABLE for key in entry.keys}
    expected = {
        "Space": "train", ".": "step", "Shift+.": "ten-steps", "R": "new-noise", "Shift+R": "same-noise",
        "N": "lock-noise",
        "Left": "time-back", "Right": "time-forward", "Home": "time-first", "End": "back-to-live", "Ctrl+Z": "undo",
        "Ctrl+Y": "redo", "Ctrl+K": "palette", "Ctrl+E": "export", "Ctrl+Shift+C": "copy-view", "F5": "present",
        "F11": "full-screen", "Ctrl+0": "usual-text", "?": "keys", "Esc": "leave",
    }  # fmt: skip
    assert {key: by_key.get(key) for key in expected} == expected


def test_every_action_can_be_found_in_the_palette(window: Window) -> None:
    window.palette_box.open_palette()
    assert set(window.palette_box.names()) == {entry.text.removesuffix("...") for entry in TABLE}
    window.palette_box.close()


def test_space_pauses_and_resumes(window: Window, engine: ReplayEngine) -> None:
    ready(window, run_card("one"))
    window.actions_.refresh()
    window.setFocus()
    window.activateWindow()
    QTest.keyClick(window, Qt.Key.Key_Space)
    assert api.Pause("one") in engine.sent
    window.desk.take([api.RunChanged(run_card("one", state="paused"))])
    QTest.keyClick(window, Qt.Key.Key_Space)
    assert api.Resume("one") in engine.sent


def test_letters_typed_into_a_text_box_do_nothing_else(window: Window, qtbot: Any) -> None:
    ready(window, run_card("one"))
    line = QLineEdit(window)
    line.show()
    window.activateWindow()
    line.setFocus()
    qtbot.waitUntil(line.hasFocus, timeout=2000)
    seed = window.desk.seed
    QTest.keyClicks(line, "rn.p ?")
    assert line.text() == "rn.p ?"
    assert window.desk.seed == seed and window.desk.noise_locked
    window.setFocus()
    QTest.keyClick(window, Qt.Key.Key_R)
    assert window.desk.seed == seed + 1


def test_arrows_belong_to_sliders_players_and_lists_and_elsewhere_to_the_time_bar(window: Window, qtbot: Any) -> None:
    from PySide6.QtCore import QEvent
    from PySide6.QtGui import QKeyEvent

    from app.shell.actions import needs_key
    from app.widgets.transport import Transport

    def press(widget: QWidget, key: Qt.Key) -> bool:
        return needs_key(widget, QKeyEvent(QEvent.Type.ShortcutOverride, key, Qt.KeyboardModifier.NoModifier))

    player = Transport()
    qtbot.addWidget(player)
    assert press(player.findChildren(QAbstractButton)[0], Qt.Key.Key_Left)
    assert press(window.timebar.bar, Qt.Key.Key_Left)
    assert not press(window, Qt.Key.Key_Left)
    button = window.experiment.go
    assert press(button, Qt.Key.Key_Space) and not press(button, Qt.Key.Key_Left)
    assert press(next(iter(window.experiment.cards.cards.values())), Qt.Key.Key_Space)
    assert not press(window.timebar.bar, Qt.Key.Key_Space), "after a drag of the time bar, Space still trains"


def test_escape_leaves_presenting_and_never_quits(window: Window, qtbot: Any) -> None:
    left: list[int] = []
    window.leaving.connect(lambda: left.append(1))
    scale = theme.scale()
    window.presenter.start()
    assert window.menuBar().isHidden() and theme.scale() == pytest.approx(min(3.0, 1.5 * scale))
    window.actions_.refresh()
    QTest.keyClick(window, Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: not window.presenter.on, timeout=2000)
    assert not window.menuBar().isHidden() and theme.scale() == pytest.approx(scale)
    QTest.keyClick(window, Qt.Key.Key_Escape)
    assert not left and window.isVisible()


def test_presenting_hides_the_form_and_brings_it_back(window: Window) -> None:
    form = window.docks.all["experiment"]
    assert not form.isHidden()
    window.presenter.start()
    assert form.isHidden()
    window.presenter.stop()
    assert not form.isHidden()


def test_text_grows_shrinks_and_returns(window: Window) -> None:
    window.deeds.scale_text(1.1)
    assert window.settings.text_size == pytest.approx(1.1)
    window.deeds.scale_text(0)
    assert theme.scale() == 1.0


def test_stopping_is_said_at_once(window: Window, engine: ReplayEngine) -> None:
    ready(window, run_card("one"))
    window.deeds.stop()
    assert window.controls.words.text() == "stopping..."
    assert api.Stop("one") in engine.sent


def test_the_list_of_keys_opens_without_blocking(window: Window) -> None:
    from app.shell import dialogs

    dialog = dialogs.show_keys(window)
    assert dialog.isVisible()
    dialog.close()


def test_the_first_picture_is_alive_with_a_recorded_example(window: Window) -> None:
    items = np.random.default_rng(0).integers(0, 255, (64, 8, 8, 1), np.uint8)
    window.desk.show_recordings([Recording(run_card("example:small", state="viewed"), {"samples": items})])
    window.start()
    assert window.docks.all["gallery"].panel.mosaic.count() == 64  # type: ignore[union-attr]
    assert not window.desk.is_ready


# ---- the time bar


def test_the_time_bar_moves_all_panels_to_a_kept_step_and_back(window: Window) -> None:
    ready(window, run_card("one"))
    window.timebar.go(810.0)
    assert window.desk.now == 800
    assert window.controls.count.text() == "000800"
    window.timebar.move_by(-1)
    assert window.desk.now == 400
    window.timebar.first()
    assert window.desk.now == 0
    for _ in range(10):
        window.timebar.move_by(+1)
    assert window.desk.now is None


def test_the_time_bar_at_its_right_end_is_the_present(window: Window) -> None:
    ready(window, run_card("one"))
    window.timebar.go(100.0)
    window.timebar.go(2400.0)
    assert window.desk.now is None


# ---- the experiment


def test_training_wished_before_the_engine_is_there_begins_when_it_is(window: Window, engine: ReplayEngine) -> None:
    window.experiment.train()
    assert "Preparing" in window.experiment.go.text() and not engine.sent
    ready(window)
    (start,) = [c for c in engine.sent if isinstance(c, api.Start)]
    assert start.spec["name"] == "vae-digits"


def test_a_live_edit_is_sent_and_becomes_a_chip_that_can_be_undone(window: Window, engine: ReplayEngine) -> None:
    spec = {**window.experiment.form.spec()}
    ready(window, run_card("one", spec=spec))
    assert not window.experiment.planning
    window.experiment.form.fields()["train.lr"].editor.changed.emit(0.01)
    assert api.Edit("one", "train.lr", 0.01) in engine.sent
    window.desk.take([api.Edited("one", 2400, "train.lr", 0.002, 0.01)])
    (text,) = window.experiment.changes.texts()
    assert "lr" in text and "now" in text
    window.experiment.changes.chips[0].back.emit()
    assert api.Undo("one") in engine.sent


def test_a_change_that_cannot_be_live_waits_for_a_new_run(window: Window, engine: ReplayEngine) -> None:
    ready(window, run_card("one", spec=dict(window.experiment.form.spec())))
    field = window.experiment.form.fields()["train.batch"]
    field.set_value(50)
    field.editor.changed.emit(50)
    assert not any(isinstance(c, api.Edit) for c in engine.sent)
    assert window.experiment.waiting_changes() == {"train.batch": 50}
    assert any("needs a new run" in text for text in window.experiment.changes.texts())
    window.deeds.branch()
    (branch,) = [c for c in engine.sent if isinstance(c, api.Branch)]
    assert branch.edits == {"train.batch": 50}


def test_what_the_worker_refuses_stands_beside_its_field(window: Window) -> None:
    ready(window, run_card("one", spec=dict(window.experiment.form.spec())))
    window.desk.take([api.Trouble("train.lr is 7; the range is 0 to 1", topic="Edit", run="one", path="train.lr")])
    assert window.experiment.form.fields()["train.lr"].error() == "train.lr is 7; the range is 0 to 1"
    assert "train.lr is 7; the range is 0 to 1" in window.toasts.messages()


def test_data_that_must_be_fetched_offers_to(window: Window, engine: ReplayEngine) -> None:
    row = window.experiment.fetch
    catalogue = api.Catalogue((), (api.DataKind("mnist", "MNIST", "", (), ready=False),), (), CATALOGUE.device)
    window.desk.take([api.Ready(catalogue)])
    window.experiment.plan({"name": "x", "model": {"kind": "vae"}, "data": {"kind": "mnist"}})
    assert not row.isHidden()
    row.button.click()
    assert api.Download({"kind": "mnist"}) in engine.sent
    window.desk.take([api.Progress("download:mnist", 5, 10, "5 of 10 MB")])
    assert not row.bar.isHidden() and row.bar.value() == 500
    row.stop.click()
    assert api.Cancel("download:mnist") in engine.sent
    window.desk.take([api.Progress("download:mnist", 1, 1, "done")])
    assert row.isHidden() or "here" in row.words.text()


# ---- runs


def rows(*names: str) -> tuple[api.RunRow, ...]:
    return tuple(
        api.RunRow(n, n, "vae", "digits", "finished", 100, 100, 0.0, float(i), "", {"train": {"lr": i}})
        for i, n in enumerate(names)
    )


def test_two_runs_are_compared_and_overlaid(window: Window, engine: ReplayEngine) -> None:
    ready(window, run_card("one"))
    panel: Any = window.docks.show("runs").panel
    window.desk.take([api.RunList(rows("a", "b"))])
    panel.table.selectAll()
    assert panel.diff.topLevelItem(0).text(0) == "train.lr"
    index = panel.model.index([row.run for row in panel.model.rows].index("a"), 0)
    panel.model.setData(index, Qt.CheckState.Checked.value, Qt.ItemDataRole.CheckStateRole)
    assert window.desk.overlays == ("a",) and api.ReadHistory("a") in engine.sent


def test_deleting_asks_first(window: Window, engine: ReplayEngine, qtbot: Any) -> None:
    from PySide6.QtWidgets import QMessageBox

    ready(window)
    panel: Any = window.docks.show("runs").panel
    window.desk.take([api.RunList(rows("a"))])
    panel.table.selectAll()
    panel.delete_chosen()
    (box,) = panel.findChildren(QMessageBox)
    assert not any(isinstance(c, api.DeleteRun) for c in engine.sent)
    next(b for b in box.buttons() if b.text() == "Delete").click()
    assert api.DeleteRun("a") in engine.sent


def test_scalars_are_saved_as_csv_after_their_history_was_read(window: Window, tmp_path: Path) -> None:
    ready(window)
    panel: Any = window.docks.show("runs").panel
    window.desk.take([api.RunList(rows("a"))])
    panel.save_csv("a", tmp_path / "a.csv")
    values = np.array([[1.5], [0.5]], np.float32)
    curves = api.Scalars("a", ("loss",), np.array([1, 2]), np.array([0.1, 0.2]), values)
    window.desk.take([api.History("a", (curves,))])
    assert (tmp_path / "a.csv").read_text().splitlines() == [
        "split,step,seconds,loss", "train,1,0.1000,1.5", "train,2,0.2000,0.5",
    ]  # fmt: skip


# ---- settings


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        '{"theme": "purple"}',
        '{"text_size": "large", "theme": "dark"}',
        '{"unknown": 1}',
        "\x00\xff",
    ],
)
def test_damaged_settings_are_set_right_and_the_window_opens(tmp_path: Path, text: str) -> None:
    path = tmp_path / "settings.json"
    path.write_text(text, encoding="latin-1")
    settings, words = read_settings(path)
    assert isinstance(settings, Settings) and words
    assert settings.text_size == 1.0


def test_good_settings_beside_a_bad_one_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "settings.json"
    path.write_text('{"text_size": 99, "theme": "dark"}')
    settings, words = read_settings(path)
    assert settings.theme == "dark" and settings.text_size == 1.0 and "text_size" in words


def test_settings_come_back_as_they_were_and_a_missing_file_is_no_fault(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "settings.json"
    assert read_settings(path) == (Settings(), "")
    wished = Settings(theme="light", text_size=1.5, panels={"gallery": {"zoom": 3}})
    assert write_settings(path, wished) == ""
    assert read_settings(path) == (wished, "")
    assert [p.name for p in path.parent.iterdir()] == ["settings.json"]


def test_settings_that_cannot_be_written_are_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    words = write_settings(tmp_path / "file" / "settings.json", Settings())
    assert words.count("\n") == 0 and "cannot be written" in words


def test_layout_and_panels_are_found_again(make_window: Callable[..., Window]) -> None:
    first = make_window()
    first.docks.all["latent"].close()
    first.experiment.choose("vae-moons")
    first.rest()
    first.finish()
    second = make_window()
    assert second.docks.all["latent"].isHidden() and not second.docks.all["curves"].isHidden()
    assert second.experiment.form.spec()["name"] == "vae-moons"


def test_a_layout_of_nonsense_gives_the_usual_one(make_window: Callable[..., Window], tmp_path: Path) -> None:
    path = tmp_path / "settings.json"
    path.write_text(
        json.dumps({"layout": "no base64!", "geometry": "AAAA", "panels": {"gallery": {"count": "seven"}, "log": 3}})
    )
    window = make_window()
    assert not window.docks.all["gallery"].isHidden()


# ---- faults


def test_a_fault_in_the_window_is_one_sentence_and_a_repeated_one_is_said_once(window: Window) -> None:
    crash.reports.deliver(lambda _words, _details: None)
    for _ in range(50):
        try:
            raise ValueError("a paint failed")
        except ValueError as error:
            crash.reports.take(type(error), error, error.__traceback__)
    window.desk.take([])
    shown = [text for text in window.toasts.messages() if "a paint failed" in text]
    assert len(shown) == 1 and "Traceback" not in shown[0]


def test_faults_of_other_threads_reach_the_window(window: Window) -> None:
    crash.reports.deliver(lambda _words, _details: None)

    def fail() -> None:
        try:
            raise KeyError("from another thread")
        except KeyError as error:
            crash.reports.take(type(error), error, error.__traceback__)

    thread = threading.Thread(target=fail)
    thread.start()
    thread.join()
    window.desk.take([])
    assert any("from another thread" in text for text in window.toasts.messages())


def test_trouble_of_the_worker_is_shown_and_kept_in_the_log(window: Window) -> None:
    window.desk.take([api.Trouble("the disk is full; free some room", details="long story")])
    assert "the disk is full; free some room" in window.toasts.messages()
    assert "the disk is full; free some room" in window.log.list.text()


def test_the_watchdog_writes_where_every_thread_stands(tmp_path: Path) -> None:
    with (tmp_path / "log").open("w") as file:
        dog = Watchdog(lambda: 0.0, file, late=0.05)
        dog.start()
        until = time.monotonic() + 5
        while not dog.bites and time.monotonic() < until:
            time.sleep(0.01)
        time.sleep(0.1)
        dog.stop()
    assert dog.bites == 1, "one report an incident"
    assert "Thread" in (tmp_path / "log").read_text()


# ---- for everybody


def test_every_interactive_widget_has_an_accessible_name(window: Window, qtbot: Any) -> None:
    ready(window, run_card("one", spec=dict(window.experiment.form.spec())))
    for name in window.docks.all:
        window.docks.show(name)
    nameless = []
    for widget in window.findChildren(QWidget):
        if not isinstance(widget, QAbstractButton | QLineEdit | QComboBox | QAbstractItemView | Painted):
            continue
        if widget.objectName().startswith("qt_") or isinstance(widget.parent(), QComboBox | QLineEdit):
            continue  # parts of Qt's own widgets
        inside = widget.parent()
        parts = (QAbstractItemView, QTabBar, QComboBox)  # whose corner buttons, headers and lists Qt makes
        if isinstance(inside, parts) or isinstance(inside and inside.parent(), QComboBox):
            continue
        text = widget.text() if isinstance(widget, QAbstractButton) else ""
        if not widget.accessibleName() and not text:
            nameless.append(f"{type(widget).__name__} in {type(inside).__name__} in {type(inside.parent()).__name__}")
    assert nameless == []


def test_both_themes_and_any_text_size_leave_the_window_whole(window: Window, qtbot: Any) -> None:
    ready(window, run_card("one"))
    for mode in ("light", "dark"):
        window.deeds.set_theme(mode)
        for factor in (1.5, 0):
            window.deeds.scale_text(factor)
            image = window.grab().toImage()
            assert image.width() == window.width() * image.devicePixelRatio()


def test_closing_is_asked_once_and_done_when_all_is_saved(window: Window) -> None:
    left: list[int] = []
    window.leaving.connect(lambda: left.append(1))
    window.close()
    window.close()
    assert left == [1] and window.isVisible()
    window.rest()
    window.finish()
    assert not window.isVisible()


def test_torch_is_not_loaded_when_the_window_first_shows(tmp_path: Path) -> None:
    script = """
import os, sys
from app.shell.session import make_application
app = make_application(["test"])
from app.shell import theme
from app.shell.window import Window
from gm_core import api
theme.load_fonts(); theme.apply(app, "dark")
window = Window(api.open_engine())
def tell():
    print("torch" in sys.modules, "torchvision" in sys.modules, flush=True)
    os._exit(0)
window.first_painted.connect(tell)
window.show(); window.start()
app.exec()
"""
    environment = {**os.environ, "GM_SETTINGS": str(tmp_path / "s.json"), "QT_QPA_PLATFORM": "offscreen"}
    root = Path(__file__).resolve().parent.parent.parent
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=120, env=environment, cwd=root
    )
    assert done.stdout.split() == ["False", "False"], done.stderr


def test_a_session_starts_and_ends_again_and_again_without_leaving_threads(
    qapp: QApplication, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import asyncio

    import qasync

    from app.shell.session import Session, Wishes

    monkeypatch.setenv("GM_SETTINGS", str(tmp_path / "settings.json"))
    before = {thread.name for thread in threading.enumerate()}

    async def live(engine: ReplayEngine) -> int:
        session = Session(qapp, Wishes(), None, engine)
        asyncio.get_running_loop().call_later(0.3, session.window.close)
        return await asyncio.wait_for(session.run(), 30)

    for _ in range(5):
        engine = ReplayEngine()
        with asyncio.Runner(loop_factory=lambda: qasync.QEventLoop(qapp)) as runner:
            assert runner.run(live(engine)) == 0
        assert engine.started and engine.closed
    until = time.monotonic() + 5
    while time.monotonic() < until and {t.name for t in threading.enumerate()} - before:
        time.sleep(0.05)
    assert {thread.name for thread in threading.enumerate()} - before == set()
