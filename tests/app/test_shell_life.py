"""Settings, faults, names for everybody, and a session from its start to its end."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtWidgets import QAbstractButton, QAbstractItemView, QApplication, QComboBox, QLineEdit, QTabBar, QWidget

from app.shell import crash
from app.shell.settings import Settings, read_settings, write_settings
from app.shell.watchdog import Watchdog
from app.shell.window import Window
from app.widgets.kit import Painted
from gm_core import api
from tests.app.fake_model import run_card
from tests.app.windows import ReplayEngine, ready

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
