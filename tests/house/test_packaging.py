"""What a release needs agrees with itself: one name, one version, and nothing trimmed that torch needs."""

from __future__ import annotations

import ast
import importlib.util
import plistlib
import re
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from types import ModuleType

import pytest
from PIL import Image

import gm_core

PACKAGING = Path(__file__).resolve().parents[2] / "packaging"
NAME = "io.github.generative_models_playground.Playground"


def load(name: str) -> ModuleType:
    found = importlib.util.spec_from_file_location(name, PACKAGING / f"{name}.py")
    assert found and found.loader
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


def test_every_file_names_the_same_version() -> None:
    metainfo = ElementTree.parse(PACKAGING / "linux" / f"{NAME}.metainfo.xml")
    release = metainfo.find("releases/release")
    assert release is not None and release.get("version") == gm_core.__version__
    plist = plistlib.loads((PACKAGING / "macos" / "Info.plist").read_bytes())
    assert plist["CFBundleShortVersionString"] == gm_core.__version__
    for file, pattern in (
        ("playground.spec", r'VERSION = "(.+?)"'),
        ("windows/playground.iss", r'#define Version "(.+?)"'),
        ("windows/version_info.txt", r'"ProductVersion", "(.+?)"'),
    ):
        found = re.search(pattern, (PACKAGING / file).read_text(encoding="utf-8"))
        assert found and found[1] == gm_core.__version__, file


def test_desktop_entry_and_metainfo_name_each_other() -> None:
    entry = (PACKAGING / "linux" / f"{NAME}.desktop").read_text(encoding="utf-8")
    metainfo = ElementTree.parse(PACKAGING / "linux" / f"{NAME}.metainfo.xml")
    assert f"Icon={NAME}" in entry and "Exec=gm-playground" in entry
    assert metainfo.findtext("id") == NAME and metainfo.findtext("launchable") == f"{NAME}.desktop"


@pytest.mark.parametrize("size", [16, 24, 32, 48, 64, 128, 256, 512])
def test_icons_have_the_size_that_they_claim(size: int) -> None:
    with Image.open(PACKAGING / "icons" / f"app-{size}.png") as icon:
        assert icon.size == (size, size) and icon.mode == "RGBA"


def test_trimming_removes_what_is_listed_and_keeps_what_torch_loads(tmp_path: Path) -> None:
    for name in ("torch/bin/protoc", "torch/bin/torch_shm_manager", "torch/include/a.h", "torch/lib/libtorch.so"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("four")
    assert load("build").trim(tmp_path) == 8
    left = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    assert left == {"torch/bin/torch_shm_manager", "torch/lib/libtorch.so"}


@pytest.mark.skipif(sys.platform == "win32", reason="the stand-in for the program is a shell script")
@pytest.mark.parametrize(
    ("script", "well"),
    [
        ("echo vae ddpm pages: overview laid out 50 codes", True),
        ("echo vae ddpm pages: overview", False),
        ("echo vae", False),
        ("echo vae ddpm pages: overview laid out 50 codes; exit 3", False),
    ],
)
def test_the_smoke_test_believes_only_what_it_sees(tmp_path: Path, script: str, well: bool) -> None:
    program = tmp_path / "program"
    program.write_text(f'#!/bin/sh\n[ "$1" = --smoke ] || exit 9\n{script}\n')
    program.chmod(0o755)
    assert load("smoke").smoke(program)[0] is well


def test_what_is_imported_late_is_not_left_out_of_the_frozen_program() -> None:
    """Every library that a function of the core imports is either frozen or known to be absent there."""
    text = (PACKAGING / "playground.spec").read_text(encoding="utf-8")
    named = next(
        node.value for node in ast.walk(ast.parse(text)) if isinstance(node, ast.keyword) and node.arg == "excludes"
    )
    excluded = {name.split(".")[0] for name in ast.literal_eval(named)} - {"PySide6"}
    found: set[str] = set()
    for file in [*PACKAGING.parent.glob("gm_core/**/*.py"), *PACKAGING.parent.glob("app/**/*.py")]:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                found |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                found.add(node.module.split(".")[0])
    assert found & excluded <= {"torchvision", "imageio_ffmpeg"}, "the frozen program says so where it lacks these"
