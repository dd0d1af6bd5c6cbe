"""Builds the frozen program: its own environment, PyInstaller, trimming, smoke test, sizes.

    python3 packaging/build.py                          # torch from PyTorch's CPU index
    python3 packaging/build.py --torch torch==2.13.0 --index ""   # a CPU build from wherever pip is told to look

The result is dist/gm-playground/. A CUDA build of torch is refused: frozen it would weigh more than 5 GB; who has a
GPU runs the source with run.py.
"""

from __future__ import annotations

import argparse
import datetime
import platform
import shutil
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterable
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
WORK = ROOT / "build" / "frozen"
FOLDER = ROOT / "dist" / "gm-playground"
CPU_INDEX = "https://download.pytorch.org/whl/cpu"
TOOLS = ["pyinstaller>=6.10", "pyinstaller-hooks-contrib"]

KEEP = "torch_shm_manager"  # torch does not import without it
# What the program never uses, below _internal/.
TRIM = (
    "torch/test",
    "torch/include",
    "torch/share",
    "torch/testing/_internal",
    "torch/lib/*.a",
    "torch/bin/*",
    "PySide6/Qt/translations",
    "PySide6/Qt/qml",
    "PySide6/Qt/plugins/sqldrivers",
    "PySide6/Qt/plugins/tls",
    "PySide6/Qt/plugins/networkinformation",
    "PySide6/Qt/plugins/designer",
    "PySide6/Qt/plugins/qmltooling",
    "PySide6/Qt/plugins/virtualkeyboard",
    "PySide6/Qt/plugins/platforminputcontexts/libqtvirtualkeyboardplugin.so",
    "PySide6/Qt/plugins/imageformats/libqpdf.so",
    "PySide6/Qt/plugins/platforms/libq[elv]*",
    "PySide6/Qt/plugins/platforms/libqminimalegl.so",
    "PySide6/Qt/plugins/egldeviceintegrations",  # pictures without X11 or Wayland, and the input that goes with them
    "PySide6/Qt/plugins/generic",
    "PySide6/Qt/lib/libQt6EglF*",
    "libQt6EglF*",
    "PySide6/Qt/plugins/platformthemes/libqgtk3.so",  # the window has a theme of its own; this brings half of GTK
    *(f"lib{name}*.so*" for name in ("gtk-3", "gdk", "atk", "cairo", "pango", "pixman", "thai", "datrie", "fribidi")),
    "PySide6/Qt/lib/libQt6Qml*",
    "PySide6/Qt/lib/libQt6Quick*",
    "PySide6/Qt/lib/libQt6Pdf*",
    "PySide6/Qt/lib/libQt6VirtualKeyboard*",
    "PySide6/Qt/lib/libQt6Designer*",
    "PySide6/Qt/lib/libQt6Sql*",
)


class Stop(Exception):
    """The build cannot go on; the message says why."""


def step(text: str, command: list[str]) -> None:
    """Run one command of the build, or stop with its name."""
    print(f"-- {text}", flush=True)
    if subprocess.call(command, cwd=ROOT) != 0:
        raise Stop(f"{text}: failed; its message stands above. The command was: {' '.join(command)}")


def environment(torch: str, index: str) -> Path:
    """A virtual environment with a CPU build of torch, what the program needs, and PyInstaller; returns its Python."""
    python = WORK / "venv" / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    if not python.exists():
        step("making the environment", [sys.executable, "-m", "venv", str(WORK / "venv")])
    install = [str(python), "-m", "pip", "install", "--quiet"]
    step(f"installing {torch}", [*install, *(["--index-url", index] if index else []), torch])
    cuda = "import sys, torch; sys.exit(torch.version.cuda is not None)"
    if subprocess.call([str(python), "-c", cuda]) != 0:
        raise Stop("this torch is built for CUDA; a CPU build is needed, such as PyTorch's CPU index has (see --index)")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    needed = [line for line in project["dependencies"] if not line.startswith(("torch>", "torchvision"))]
    step("installing what the program needs", [*install, *needed, *TOOLS])
    return python


def freeze(python: Path) -> None:
    """Call PyInstaller; leaves dist/gm-playground."""
    command = [str(python), "-m", "PyInstaller", "--noconfirm", "--clean", "--log-level", "WARN"]
    step(
        "freezing",
        [*command, "--workpath", str(WORK / "work"), "--distpath", str(ROOT / "dist"), str(HERE / "playground.spec")],
    )


def trim(inside: Path, patterns: Iterable[str] = TRIM) -> int:
    """Remove what the program never uses from the folder _internal; returns how many bytes that freed."""
    before = size_of(inside)
    for pattern in patterns:
        for path in sorted(inside.glob(pattern)):
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            elif path.stem != KEEP:
                path.unlink()
    return before - size_of(inside)


def size_of(folder: Path) -> int:
    """Bytes in all files below a folder; links count nothing."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file() and not path.is_symlink())


def archive(folder: Path) -> Path:
    """One file to hand on: .tar.zst where zstd is at hand, else .tar.gz."""
    kind = "zst" if shutil.which("zstd") and shutil.which("tar") else "gz"
    target = folder.with_name(f"{folder.name}-{platform.system().lower()}-{platform.machine()}.tar.{kind}")
    if kind == "zst":
        step("packing", ["tar", "--zstd", "-cf", str(target), "-C", str(folder.parent), folder.name])
        return target
    print("-- packing", flush=True)
    return Path(shutil.make_archive(str(target).removesuffix(".tar.gz"), "gztar", folder.parent, folder.name))


def versions(python: Path) -> str:
    """What was frozen, as the build environment says it."""
    names = ("torch", "PySide6_Essentials", "numpy", "pyinstaller")
    ask = f"""if True:
        import platform
        from importlib.metadata import version
        print(', '.join(['Python ' + platform.python_version()] + [name + ' ' + version(name) for name in {names}]))"""
    return subprocess.check_output([str(python), "-c", ask], text=True).strip()


def record(built: int, trimmed: int, packed: int, took: float, what: str) -> None:
    """Add a line to SIZES.md."""
    path = HERE / "SIZES.md"
    if not path.exists():
        path.write_text(
            "# Sizes of the frozen program\n\nWritten by build.py, a line for each build; MB are 10^6 bytes.\n\n"
            "The smoke test passed in each; its seconds are the whole of a second run, from a warm disk.\n\n"
            "| date | system | as built | trimmed | packed | smoke test | versions |\n|---|---|---|---|---|---|---|\n"
        )
    system = f"{platform.system()} {platform.machine()}"
    sizes = " | ".join(f"{size / 1e6:.0f} MB" for size in (built, trimmed, packed))
    with path.open("a", encoding="utf-8") as file:
        file.write(f"| {datetime.date.today().isoformat()} | {system} | {sizes} | {took:.1f} s | {what} |\n")


def main() -> int:
    parser = argparse.ArgumentParser(description="Builds the frozen program into dist/gm-playground.")
    parser.add_argument("--torch", default="torch>=2.13", help="which torch to install, as pip writes it")
    parser.add_argument("--index", default=CPU_INDEX, help="where to take torch from; empty: where pip looks anyway")
    chosen = parser.parse_args()
    sys.path.insert(0, str(HERE))
    from smoke import smoke

    try:
        python = environment(chosen.torch, chosen.index)
        freeze(python)
        built = size_of(FOLDER)
        print(f"-- trimming: {trim(FOLDER / '_internal') / 1e6:.0f} MB removed", flush=True)
        for _ in range(2):  # the first start reads from a cold disk; the second is the one that is recorded
            began = time.monotonic()
            well, said = smoke(FOLDER / ("gm-playground.exe" if sys.platform == "win32" else "gm-playground"))
            took = time.monotonic() - began
            if not well:
                raise Stop(f"the frozen program did not pass its smoke test: {said}")
        print(said)
        packed = archive(FOLDER)
        record(built, size_of(FOLDER), packed.stat().st_size, took, versions(python))
        print(f"{FOLDER} is ready; packed: {packed}")
    except Stop as reason:
        print(f"build.py: {reason}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
