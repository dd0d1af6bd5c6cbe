"""Looks at the machine and says what the program finds there, what is missing, and what to do about each fault.

Qt is probed in a process of its own: the core imports no Qt, and a Qt that cannot start aborts its process.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from gm_core.resources import resource

State = Literal["ok", "warn", "fault"]

XCB_PACKAGES = "libxcb-cursor0 libxkbcommon-x11-0 libxcb-icccm4 libxcb-keysyms1 libxcb-shape0"
QT_PACKAGES = "libgl1 libegl1 libglib2.0-0 libfontconfig1 libxkbcommon0 libdbus-1-3"
FONTS = ("Inter-Regular.otf", "Inter-SemiBold.otf", "DejaVuSans.ttf", "DejaVuSansMono.ttf")
PROBE = """
import json, os, PySide6
from PySide6.QtGui import QGuiApplication
app = QGuiApplication([])
print(json.dumps({"version": PySide6.__version__, "platform": app.platformName(), "home": PySide6.__path__[0]}))
"""


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at: how it stands, what was found, and what to do where it does not stand well."""

    topic: str
    state: State
    found: str
    advice: str = ""


def diagnose(runs: Path | None = None, data: Sequence[Path] | None = None) -> list[Finding]:
    """Every finding, in reading order; `runs` and `data` stand for the user's own folders where they are None."""
    runs = runs if runs is not None else _user_folder() / "runs"
    return [
        check_python(),
        *check_torch(),
        *check_qt(),
        check_fonts(resource),
        check_disk(runs),
        check_runs(runs),
        *check_data(data),
    ]


def report(findings: Sequence[Finding]) -> str:
    """The findings as a table to read: state, topic, what was found, and under it what to do."""
    width = max((len(finding.topic) for finding in findings), default=0)
    lines = []
    for finding in findings:
        lines.append(f"{finding.state:<5}  {finding.topic:<{width}}  {finding.found}")
        if finding.advice:
            lines.append(f"{'':<5}  {'':<{width}}  -> {finding.advice}")
    faults = sum(finding.state == "fault" for finding in findings)
    warnings = sum(finding.state == "warn" for finding in findings)
    closing = f"faults: {faults}, warnings: {warnings}" if faults or warnings else "everything is as it should be"
    return "\n".join([*lines, closing])


def healthy(findings: Sequence[Finding]) -> bool:
    """Whether nothing that was found keeps the program from working."""
    return all(finding.state != "fault" for finding in findings)


def check_python() -> Finding:
    """Python itself, and the system that it runs on."""
    version = platform.python_version()
    found = f"{version} on {platform.system()} {platform.machine()}, {os.cpu_count()} cores"
    return Finding("Python", "ok", found)


def check_torch() -> list[Finding]:
    """torch, torchvision beside it, and the device that training would use."""
    try:
        import torch
    except (ImportError, OSError, RuntimeError) as error:
        again = "install it again: python3 run.py, or python -m pip install --force-reinstall torch torchvision"
        return [Finding("torch", "fault", f"cannot be imported: {_one_line(error)}", again)]
    built = f"for CUDA {torch.version.cuda}" if torch.version.cuda else "for CPU"
    findings = [Finding("torch", "ok", f"{torch.__version__}, built {built}")]
    try:
        import torchvision
    except (ImportError, OSError, RuntimeError) as error:
        same = "take torch and torchvision from the same index; IDX files, arrays and toys work without torchvision"
        findings.append(Finding("torchvision", "warn", f"cannot be imported: {_one_line(error)}", same))
    else:
        findings.append(Finding("torchvision", "ok", str(torchvision.__version__)))
    return [*findings, _device(torch)]


def _device(torch: Any) -> Finding:
    """The fastest device that torch can use here."""
    threads = f"{torch.get_num_threads()} torch threads"
    if torch.cuda.is_available():
        card = torch.cuda.get_device_properties(0)
        return Finding("device", "ok", f"CUDA: {card.name}, {card.total_memory / 2**30:.0f} GiB; {threads}")
    if torch.backends.mps.is_available():
        return Finding("device", "ok", f"MPS (Apple graphics); {threads}")
    if Path("/dev/nvidia0").exists():
        found = f"CPU, {threads}, although there is an NVIDIA card"
        if torch.version.cuda:
            return Finding("device", "warn", found, f"update its driver to one that knows CUDA {torch.version.cuda}")
        return Finding("device", "warn", found, "this torch is built for the CPU: start once with GM_TORCH=default")
    return Finding("device", "ok", f"CPU, {threads}")


def check_qt() -> list[Finding]:
    """Qt and its platform plugin, the libraries that a window needs, and the display to show it on."""
    if getattr(sys, "frozen", False):
        return [Finding("Qt", "ok", "part of this program")]
    probe, trouble = probe_qt("offscreen")
    if not probe:
        advice = "install PySide6_Essentials again: python3 run.py"
        if ".so" in trouble:
            advice = f"install what it needs from the system: sudo apt-get install {QT_PACKAGES}"
        return [Finding("Qt", "fault", f"does not start: {trouble}", advice)]
    version = str(probe["version"])
    findings = [Finding("Qt", "ok", f"PySide6 {version}")]
    if sys.version_info[:2] == (3, 11) and tuple(map(int, version.split(".")[:2])) >= (6, 12):
        findings = [
            Finding("Qt", "fault", f"PySide6 {version}, which aborts on Python 3.11", "install 6.11: run.py does")
        ]
    if sys.platform.startswith("linux"):
        findings.append(check_xcb(Path(probe["home"]) / "Qt" / "plugins" / "platforms" / "libqxcb.so"))
    return [*findings, check_display(probe_qt)]


def probe_qt(plugin: str | None) -> tuple[dict[str, Any], str]:
    """What a Qt application says about itself when it starts in another process, or {} and what went wrong.

    `plugin` names the platform plugin; None leaves the choice to Qt.
    """
    environ = dict(os.environ)
    if plugin is not None:
        environ["QT_QPA_PLATFORM"] = plugin
    try:
        made = subprocess.run(
            [sys.executable, "-c", PROBE], env=environ, capture_output=True, text=True, timeout=60, check=False
        )
    except subprocess.TimeoutExpired:
        return {}, "it did not start within 60 s"
    if made.returncode == 0 and made.stdout.strip():
        answer: dict[str, Any] = json.loads(made.stdout.strip().splitlines()[-1])
        return answer, ""
    said = [line for line in made.stderr.splitlines() if line.strip()]
    telling = [line for line in said if ".so" in line or "Error" in line or "could not connect" in line]
    return {}, (telling or said or [f"it ended with status {made.returncode}"])[-1].strip()


def check_xcb(plugin: Path, ldd: str = "ldd") -> Finding:
    """Whether the libraries are there that Qt needs for a window under X11; Qt itself only ever names xcb-cursor."""
    topic = "Qt for X11"
    if not plugin.exists():
        return Finding(topic, "warn", f"no plugin at {plugin}", "install PySide6_Essentials again: python3 run.py")
    if shutil.which(ldd) is None:
        return Finding(topic, "ok", "the plugin is there; its libraries were not checked, as ldd is missing")
    listed = subprocess.run([ldd, str(plugin)], capture_output=True, text=True, check=False).stdout
    missing = missing_from(listed)
    if missing:
        advice = f"install them: sudo apt-get install {XCB_PACKAGES} (a window needs them, off-screen drawing does not)"
        return Finding(topic, "warn", f"missing: {', '.join(missing)}", advice)
    return Finding(topic, "ok", "the plugin finds all its libraries")


def missing_from(listed: str) -> list[str]:
    """The libraries that ldd, in its output `listed`, did not find."""
    return sorted({line.split()[0] for line in listed.splitlines() if line.rstrip().endswith("not found")})


def check_display(probe: Callable[[str | None], tuple[dict[str, Any], str]]) -> Finding:
    """Whether a window can open here."""
    named = [f"{name}={os.environ[name]}" for name in ("WAYLAND_DISPLAY", "DISPLAY") if os.environ.get(name)]
    if sys.platform.startswith("linux") and not named and not os.environ.get("QT_QPA_PLATFORM"):
        advice = "everything but the window works; run.py draws off-screen and leaves pictures in ./demo"
        return Finding("display", "warn", "none", advice)
    answer, trouble = probe(None)
    if not answer:
        advice = "check that the display runs and lets this user in, or unset the variable to draw off-screen"
        return Finding("display", "fault", f"{' and '.join(named) or 'the screen'} cannot be used: {trouble}", advice)
    return Finding("display", "ok", " and ".join([f"Qt draws on {answer['platform']}", *named]))


def check_fonts(find: Callable[..., Path]) -> Finding:
    """The fonts that ship with the program; Qt brings none, and a bare system may have none."""
    try:
        folder = find("fonts")
    except FileNotFoundError as error:
        return Finding("fonts", "fault", str(error), "install the program again")
    missing = [name for name in FONTS if not (folder / name).is_file()]
    if missing:
        advice = "install the program again; until then formulas may show hollow boxes"
        return Finding("fonts", "warn", f"{folder} lacks {', '.join(missing)}", advice)
    return Finding("fonts", "ok", f"{len(FONTS)} files in {folder}")


def check_disk(folder: Path) -> Finding:
    """How much room there is for runs; a checkpoint of a small model takes a few megabytes."""
    free = shutil.disk_usage(_nearest(folder)).free / 2**30
    found = f"{free:.1f} GiB free for {folder}"
    if free < 0.1:
        return Finding("disk", "fault", found, "delete old runs, or keep runs elsewhere with --runs DIR")
    if free < 1:
        return Finding("disk", "warn", found, "delete old runs soon, or keep runs elsewhere with --runs DIR")
    return Finding("disk", "ok", found)


def check_runs(folder: Path) -> Finding:
    """Whether runs can be saved where they belong."""
    place = _nearest(folder)
    advice = "make it writable, or keep runs elsewhere with --runs DIR"
    if not place.is_dir():
        return Finding("runs", "fault", f"{place} is a file; a folder is needed", advice)
    try:
        with tempfile.TemporaryFile(dir=place):
            pass
    except OSError as error:
        return Finding("runs", "fault", f"{place} cannot be written: {error.strerror}", advice)
    saved = sum(child.is_dir() for child in folder.iterdir()) if folder.is_dir() else 0
    return Finding("runs", "ok", f"{folder}, {saved} runs" if folder.is_dir() else f"{folder}, made with the first run")


def check_data(folders: Sequence[Path] | None) -> list[Finding]:
    """The folders in which data files are looked for."""
    if folders is None:
        from gm_core.data.base import data_folders

        folders = data_folders()
    findings = []
    for folder in folders:
        if not folder.exists():
            # The user's own folder is made by the first download; one that GM_DATA names was meant to be there.
            ours = folder == _user_folder() / "data"
            advice = "" if ours else "correct GM_DATA, or make the folder"
            found = f"{folder}, made with the first download" if ours else f"{folder} does not exist"
            findings.append(Finding("data", "ok" if ours else "warn", found, advice))
        elif not folder.is_dir() or not os.access(folder, os.R_OK):
            findings.append(
                Finding("data", "warn", f"{folder} cannot be read as a folder", "correct GM_DATA or its rights")
            )
        else:
            names = sorted(child.name for child in folder.iterdir())
            shown = ", ".join(names[:6]) + (", ..." if len(names) > 6 else "") if names else "empty"
            findings.append(Finding("data", "ok", f"{folder}: {shown}"))
    return findings


def _user_folder() -> Path:
    """Where the program keeps what belongs to the user."""
    import platformdirs

    return Path(platformdirs.user_data_dir("generative-models-playground"))


def _nearest(folder: Path) -> Path:
    """The folder itself, or the nearest one above it that exists."""
    return next((place for place in (folder, *folder.absolute().parents) if place.exists()), Path("/"))


def _one_line(error: BaseException) -> str:
    """The first line of an error's message, under its name."""
    return f"{type(error).__name__}: {(str(error).splitlines() or [''])[0]}"
