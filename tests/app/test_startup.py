"""A quick start: import is itself again once Qt is loaded, and the collector of cycles rests no longer than needed."""

from __future__ import annotations

import gc
import subprocess
import sys
from collections.abc import Iterator

import pytest

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
