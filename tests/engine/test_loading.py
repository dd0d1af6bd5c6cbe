"""Torch's libraries come before torch, and where that is not wanted or does not work, `import torch` is as it was."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

from gm_core.engine import loading

LINUX = pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="reads /proc")


def run(code: str, **environment: str) -> list[str]:
    """The words that a process of its own prints; no folder of libraries is named unless the test does."""
    kept = {name: value for name, value in os.environ.items() if name not in loading.OWN_PATHS}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=kept | environment, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


@LINUX
def test_the_libraries_are_there_before_torch_and_torch_works_with_them() -> None:
    code = (
        "import sys; from gm_core.engine.loading import load_torch_libraries as load; done = load();"
        "maps = open('/proc/self/maps').read();"
        "print(done, 'torch' in sys.modules, 'libtorch_cpu' in maps, 'libtorch_python' in maps);"
        "import torch; print(float(torch.ones(3).sum()), load())"
    )
    assert run(code) == ["True", "False", "True", "True", "3.0", "False"]


@LINUX
def test_other_threads_go_on_meanwhile() -> None:
    """A thread that loads beside one that counts: the import alone stops the count for most of the load, the load
    through a foreign call does not. Both are seen in one process each, as shares of the time that the load took."""
    code = (
        "import sys, threading, time; sys.setswitchinterval(5e-4);"
        "from gm_core.engine.loading import load_torch_libraries as load; took = []\n"
        "def work():\n"
        "    began = time.perf_counter(); load(); took.append(time.perf_counter() - began)\n"
        "thread = threading.Thread(target=work); last = time.perf_counter(); gap = 0.0; thread.start()\n"
        "while thread.is_alive():\n"
        "    now = time.perf_counter(); gap = max(gap, now - last); last = now\n"
        "print(gap / took[0])"
    )
    assert any(float(run(code)[0]) < 0.5 for _ in range(3))  # a busy machine may stop a count, but not three times


@pytest.mark.parametrize("name", loading.OWN_PATHS)
def test_who_names_folders_of_libraries_has_torchs_own_order(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[Path] = []
    monkeypatch.setattr(loading, "_load", lambda folder: opened.append(folder) or True)
    monkeypatch.delitem(sys.modules, "torch", raising=False)
    for other in loading.OWN_PATHS:
        monkeypatch.delenv(other, raising=False)
    if os.name == "posix":
        assert loading.load_torch_libraries() and len(opened) == 1
    monkeypatch.setenv(name, "/usr/local/lib")
    assert not loading.load_torch_libraries() and len(opened) <= 1


def test_without_torch_or_with_a_broken_one_nothing_is_said_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "torch", raising=False)
    for name in loading.OWN_PATHS:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    assert not loading.load_torch_libraries()
    assert not loading._load(tmp_path)  # nothing lies there
    module = tmp_path / f"_C{importlib.machinery.EXTENSION_SUFFIXES[0]}"
    module.write_bytes(b"no library")
    assert not loading._load(tmp_path)
