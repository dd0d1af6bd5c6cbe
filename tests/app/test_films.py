"""Films that panels write: every frame once, settings inside, and a window that goes on while they are written."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QFileDialog, QMainWindow
from pytestqt.qtbot import QtBot

from app import export
from app import panel as panels
from app.shell import dialogs
from app.widgets.aside import Aside
from tests.app.paths_bench import choose, opened

pytestmark = pytest.mark.usefixtures("dressed")


class Listening(QMainWindow):
    """A window that remembers what it said."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.settings = SimpleNamespace(last_folder=str(folder))
        self.said: list[tuple[str, str]] = []
        self.folder: Path | None = None

    def say(self, level: str, words: str) -> None:
        self.said.append((level, words))

    def remember_folder(self, folder: Path) -> None:
        self.folder = folder

    def save(self, name: str, write: Callable[[Path], object]) -> None:
        """As a hand does in the dialog."""
        dialogs.ask_file(self, "Save", name, "*.gif", write)  # type: ignore[arg-type]
        (dialog,) = self.findChildren(QFileDialog)
        dialog.fileSelected.emit(str(Path(self.settings.last_folder) / name))
        dialog.close()


def test_films_of_all_ways_and_of_one_have_every_frame_once(qtbot: QtBot, tmp_path: Path) -> None:
    panel, bench = opened(qtbot)
    choose(panel.controls.round, "ping-pong")
    choose(panel.controls.count, "8")
    bench.pass_time(2)
    panel._choose("spherical")
    found = {choice.title: choice for choice in panel.exports()}
    assert {"All ways as GIF", "All ways as MP4", "The spherical way as WebP"} <= set(found)
    wide = {}
    for title in ("All ways as GIF", "All ways as WebP", "The spherical way as GIF"):
        path = tmp_path / f"{title}{found[title].suffix}"
        assert found[title].gather is not None
        found[title].gather()(path)
        with Image.open(path) as film:
            assert film.n_frames == 14
            wide[title] = film.size[0]
        settings = json.loads(export.read_settings(path) or "")
        assert settings["ways"]["geodesic"]["length"] == 8.0 and len(settings["codes"]) == 2
    assert wide["All ways as GIF"] > 1.5 * wide["The spherical way as GIF"]


def test_the_strip_has_a_row_for_each_way(qtbot: QtBot, tmp_path: Path) -> None:
    panel, bench = opened(qtbot)
    strip = next(choice for choice in panel.exports() if "strip" in choice.title)
    strip.write(tmp_path / "four.png")
    panel.controls.ways_actions["straight"].trigger()
    bench.pass_time(2)
    strip = next(choice for choice in panel.exports() if "strip" in choice.title)
    strip.write(tmp_path / "three.png")
    with Image.open(tmp_path / "four.png") as four, Image.open(tmp_path / "three.png") as three:
        assert four.size[0] == three.size[0] and four.size[1] == pytest.approx(4 / 3 * three.size[1], rel=0.03)


def test_without_the_extra_mp4_is_greyed_and_says_what_to_install(
    qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    panel, _ = opened(qtbot)
    missing = "MP4 needs the extra"
    monkeypatch.setattr(panels.api, "video_missing", lambda: missing)
    assert {choice.suffix: choice.reason for choice in panel.exports()} == {
        ".png": "", ".gif": "", ".webp": "", ".mp4": missing
    }  # fmt: skip


def test_slow_writing_leaves_the_thread_of_the_window_free(qtbot: QtBot) -> None:
    beside, ticks, heard = Aside(), [], []
    timer = QTimer()
    timer.timeout.connect(lambda: ticks.append(len(heard)))
    timer.start(5)
    beside.run(lambda: time.sleep(0.3) or "written", lambda future: heard.append(future.result()))
    beside.run(lambda: 1 // 0, lambda future: heard.append(type(future.exception())))
    assert beside.busy()
    qtbot.waitUntil(lambda: len(heard) == 2, timeout=10_000)
    assert heard == ["written", ZeroDivisionError] and not beside.busy()
    assert ticks.count(0) >= 5, "the window went on while the work was done"


def test_a_film_is_written_beside_the_window_which_says_so_when_it_is_there(qtbot: QtBot, tmp_path: Path) -> None:
    window, frames = Listening(tmp_path), [np.full((8, 8), 20 * i, np.uint8) for i in range(9)]
    qtbot.addWidget(window)
    seen = threading.Event()  # else a quick writer is there before the first look
    window.save("film.gif", lambda path: lambda: seen.wait(10) and export.save_animation(frames, path))
    assert window.said == [("info", "Writing film.gif ...")] and not (tmp_path / "film.gif").exists()
    seen.set()
    qtbot.waitUntil(lambda: len(window.said) == 2, timeout=10_000)
    assert window.said[1] == ("info", f"Saved {tmp_path / 'film.gif'}.") and window.folder == tmp_path
    with Image.open(tmp_path / "film.gif") as film:
        assert film.n_frames == 9


def test_what_goes_wrong_while_a_film_is_written_is_one_sentence(qtbot: QtBot, tmp_path: Path) -> None:
    window = Listening(tmp_path)
    qtbot.addWidget(window)
    window.save("film.gif", lambda path: lambda: export.save_animation([], path))
    qtbot.waitUntil(lambda: len(window.said) == 2, timeout=10_000)
    assert window.said[1] == ("error", "film.gif could not be written: an animation needs at least one frame")
    assert not list(tmp_path.iterdir())


def test_a_film_as_mp4_rests_on_its_last_frame(tmp_path: Path) -> None:
    ffmpeg = pytest.importorskip("imageio_ffmpeg", reason="the extra 'video' is not installed")
    frames = [np.full((9, 7), 20 * i, np.uint8) for i in range(6)]
    assert ffmpeg.count_frames_and_secs(str(export.save_animation(frames, tmp_path / "a.mp4", 10, "", 0.5)))[0] == 11
    assert ffmpeg.count_frames_and_secs(str(export.save_animation(frames, tmp_path / "b.mp4", 10, "", 0.0)))[0] == 6
