"""A quick start: import is itself again once Qt is loaded, and the collector of cycles rests no longer than needed."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.faces import face_of, stored_faces
from app.panel import find_panels
from app.shell import startup


@pytest.fixture
def awake() -> Iterator[None]:
    """Leave the collector as it was."""
    yield
    gc.unfreeze()
    gc.enable()


def test_the_collector_rests_from_hold_to_release(awake: None) -> None:
    startup.hold()
    assert not gc.isenabled()
    startup.release()
    assert gc.isenabled() and gc.get_freeze_count() > 0


def test_a_second_release_freezes_nothing_more(awake: None) -> None:
    startup.hold()
    startup.release()
    frozen = gc.get_freeze_count()
    held = [[i] for i in range(1000)]
    startup.release()
    assert gc.get_freeze_count() <= frozen and len(held) == 1000


def test_once_qt_is_loaded_import_reads_no_source() -> None:
    """In a process of its own: after plain_import() no module's source is kept in linecache."""
    code = (
        "import PySide6.QtCore, linecache; from app.shell import startup; startup.plain_import(); "
        "linecache.clearcache(); import wave; print('wave.py' in str(list(linecache.cache)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_what_is_stored_of_the_panels_is_what_their_classes_say() -> None:
    made = tuple(face_of(panel) for panel in find_panels().values())
    assert stored_faces() == made, "write resources/panels.json anew: python -m app.faces"
    assert all(face.load() is panel for face, panel in zip(stored_faces(), find_panels().values(), strict=True))


def test_a_panel_that_is_not_seen_is_not_imported() -> None:
    """In a process of its own: the window is made and its docks are there, but not the code of what they would show."""
    code = (
        "import os, sys, tempfile; os.environ['QT_QPA_PLATFORM'] = 'offscreen'; from pathlib import Path;"
        "from app.shell.session import make_application; app = make_application(['x']);"
        "from app.shell.window import Window; from gm_core import api; folder = Path(tempfile.mkdtemp());"
        "window = Window(api.open_engine(folder), settings_path=folder / 'settings.json');"
        "print('representation' in window.docks.all, 'app.panels.representation' in sys.modules,"
        "'gm_core.capabilities.features' in sys.modules, hasattr(api, 'Representation'))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "True False False True"


def test_the_first_picture_waits_for_no_library_that_it_can_do_without() -> None:
    """In a process of its own: each of these takes 4 to 12 ms, and one careless call of numpy's brings back its own."""
    code = (
        "import os, sys, tempfile; os.environ['QT_QPA_PLATFORM'] = 'offscreen'; from pathlib import Path;"
        "from app.shell.session import make_application; app = make_application(['x']);"
        "from app.shell.window import Window; from gm_core import api; folder = Path(tempfile.mkdtemp());"
        "window = Window(api.open_engine(folder), settings_path=folder / 'settings.json');"
        "needless = lambda: [name for name in ('yaml', 'html', 'numpy.ma', 'scipy', 'torch') if name in sys.modules];"
        "window.first_painted.connect(lambda: (print(needless(), flush=True), os._exit(0)));"
        "window.show(); window.start(); app.exec()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


WATCHED = """
import os, sys, threading
os.environ["QT_QPA_PLATFORM"] = "offscreen"
late = []
def hear(event, words):
    if event == "import" and words[1] and threading.current_thread() is threading.main_thread():
        if any(thread.name == "worker" for thread in threading.enumerate()):
            late.append(words[0])
sys.addaudithook(hear)
from app.__main__ import main
status = main(sys.argv[1:])
print(status, *late)
"""


def test_the_window_loads_no_library_beside_torchs(tmp_path: Path) -> None:
    """The system loads one at a time, and torch's take seconds from a cold disk: the window would stand still."""
    shot = tmp_path / "shot.png"
    environment = {**os.environ, "GM_SETTINGS": str(tmp_path / "settings.json"), "GM_LOGS": str(tmp_path)}
    arguments = ["--runs", str(tmp_path / "runs"), "--shot", str(shot), "--shot-after", "1"]
    done = subprocess.run(
        [sys.executable, "-c", WATCHED, *arguments], capture_output=True, text=True, timeout=120, env=environment
    )
    assert done.stdout.split() == ["0"] and shot.is_file(), done.stdout + done.stderr


def test_what_qt_says_after_the_end_is_heard_by_nobody(tmp_path: Path) -> None:
    """With plugins told of, Qt speaks until its libraries are gone, and Python with our listener is gone before."""
    environment = {**os.environ, "GM_SETTINGS": str(tmp_path / "settings.json"), "GM_LOGS": str(tmp_path)}
    environment |= {"QT_QPA_PLATFORM": "offscreen", "QT_DEBUG_PLUGINS": "1"}
    code = "from app.shell.session import make_application; app = make_application(['x']); app.processEvents()"
    code = "from app.shell import crash; crash.install(); crash.install_qt(); " + code
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, env=environment)
    assert done.returncode == 0, done.stderr[-2000:]
