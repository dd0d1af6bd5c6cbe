#!/usr/bin/env python3
"""Sets everything up and starts the program: `python3 run.py`, or `python3 run.py test` for the tests.

The first call installs into a virtual environment in .venv, with uv if it is on the PATH; later calls start at once.
GM_TORCH=cpu takes the small CPU build of torch (about 200 MB instead of several GB on Linux).
"""

import sys

if sys.version_info < (3, 11):  # stands before anything that an older Python could stumble over
    sys.exit(f"Python 3.11 or newer is needed; this is {sys.version.split()[0]}: call run.py with a newer Python.")

import contextlib
import ctypes
import functools
import hashlib
import importlib.util
import os
import re
import shutil
import signal
import socket
import struct
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
MINOR = "{}.{}".format(*sys.version_info)
CPU_INDEX = "https://download.pytorch.org/whl/cpu"
TORCH = ["torch>=2.13", "torchvision>=0.28"]
QUIET = subprocess.DEVNULL
say = functools.partial(print, flush=True)

# library that Qt loads: its package for apt, dnf and pacman
ALWAYS = {
    "libGL.so.1": ("libgl1", "mesa-libGL", "libglvnd"),
    "libEGL.so.1": ("libegl1", "mesa-libEGL", "libglvnd"),
    "libglib-2.0.so.0": ("libglib2.0-0", "glib2", "glib2"),
    "libfontconfig.so.1": ("libfontconfig1", "fontconfig", "fontconfig"),
    "libxkbcommon.so.0": ("libxkbcommon0", "libxkbcommon", "libxkbcommon"),
    "libdbus-1.so.3": ("libdbus-1-3", "dbus-libs", "dbus"),
}
X11 = {
    "libxcb-cursor.so.0": ("libxcb-cursor0", "xcb-util-cursor", "xcb-util-cursor"),
    "libxkbcommon-x11.so.0": ("libxkbcommon-x11-0", "libxkbcommon-x11", "libxkbcommon-x11"),
    "libxcb-icccm.so.4": ("libxcb-icccm4", "xcb-util-wm", "xcb-util-wm"),
    "libxcb-keysyms.so.1": ("libxcb-keysyms1", "xcb-util-keysyms", "xcb-util-keysyms"),
    "libxcb-image.so.0": ("libxcb-image0", "xcb-util-image", "xcb-util-image"),
    "libxcb-render-util.so.0": ("libxcb-render-util0", "xcb-util-renderutil", "xcb-util-renderutil"),
    "libxcb-shape.so.0": ("libxcb-shape0", "libxcb", "libxcb"),
    "libxcb-xkb.so.1": ("libxcb-xkb1", "libxcb", "libxcb"),
    "libX11-xcb.so.1": ("libx11-xcb1", "libX11-xcb", "libx11"),
}
WAYLAND = {
    "libwayland-client.so.0": ("libwayland-client0", "libwayland-client", "wayland"),
    "libwayland-cursor.so.0": ("libwayland-cursor0", "libwayland-cursor", "wayland"),
}
# Without arguments: all tests, in some processes at once, each file's in one. Each process holds up to two GB.
ALL_TESTS = ["--numprocesses", "auto", "--maxprocesses", "3", "--dist", "loadfile"]
MANAGERS = ["apt-get install -y --no-install-recommends", "dnf install -y", "pacman -S --needed"]


class Stop(Exception):
    """Something foreseeable is in the way; the message says what was found and what to do."""


def parse_display(display):
    """Where the X server named by DISPLAY listens: a list of (family, address) to try, and its number."""
    host, _, rest = display.rpartition(":")
    number = rest.split(".")[0]
    if not number.isdigit():
        return [], ""
    if host in ("", "unix"):
        return [(socket.AF_UNIX, start + "/tmp/.X11-unix/X" + number) for start in ("\0", "")], number
    return [(socket.AF_INET, (host.split("/")[-1], 6000 + int(number)))], number


def x_cookies(number):
    """The keys in the user's .Xauthority that may open display `number`; no key at all comes first."""
    cookies = [(b"", b"")]
    with contextlib.suppress(OSError, struct.error):
        data = Path(os.environ.get("XAUTHORITY") or Path.home() / ".Xauthority").read_bytes()
        at = 0
        while at < len(data):
            at, fields = at + 2, []
            for _ in range(4):  # address, display number, name, key
                (size,) = struct.unpack_from(">H", data, at)
                fields.append(data[at + 2 : at + 2 + size])
                at += 2 + size
            if fields[1] in (b"", number.encode()):
                cookies.append((fields[2], fields[3]))
    return cookies


def x_answers(display):
    """Whether an X server stands behind DISPLAY and lets us in: Qt would abort on one that does not."""
    addresses, number = parse_display(display)
    for family, address in addresses:
        for name, key in x_cookies(number):
            hello = struct.pack("<BxHHHHxx", ord("l"), 11, 0, len(name), len(key))
            hello += b"".join(field + b"\0" * (-len(field) % 4) for field in (name, key))
            with contextlib.suppress(OSError), socket.socket(family, socket.SOCK_STREAM) as x:
                x.settimeout(2)
                x.connect(address)
                x.sendall(hello)
                if x.recv(1) == b"\1":
                    return True
    return False


def find_display(environ=os.environ, system=sys.platform):
    """What Qt can draw on, "x11", "wayland", "native" or "", and the sentence about what is missing."""
    platform = environ.get("QT_QPA_PLATFORM", "").split(":")[0].split(";")[0]
    if platform in ("offscreen", "minimal"):
        return "", f"QT_QPA_PLATFORM is {platform}"
    if not system.startswith("linux") or platform not in ("", "xcb", "wayland"):
        return "native", ""
    wayland, x11 = environ.get("WAYLAND_DISPLAY", ""), environ.get("DISPLAY", "")
    if x11 and platform != "wayland" and x_answers(x11):
        return "x11", ""
    if wayland and platform != "xcb":
        path = os.path.join(environ.get("XDG_RUNTIME_DIR", f"/run/user/{os.getuid()}"), wayland)
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as compositor:
            compositor.settimeout(2)
            compositor.connect(path)
            return "wayland", ""
    named = " or ".join(filter(None, (x11, wayland)))
    return "", f"no display answers at {named}" if named else "there is no display here"


def missing_libraries(wanted):
    """Those of the wanted libraries that the system's loader does not find."""
    missing = list(wanted)
    for name in wanted:
        with contextlib.suppress(OSError):
            ctypes.CDLL(name)
            missing.remove(name)
    return missing


def install_line(packages, which=shutil.which):
    """The command that installs packages, given as (apt, dnf, pacman) names, with this system's package manager."""
    for column, command in enumerate(map(str.split, MANAGERS)):
        if which(command[0]):
            return [*command, *sorted({names[column] for names in packages})]
    return []


def root_prefix():
    """How to become root without a question: nothing if we are, sudo if it does not ask, None if we may not."""
    if os.getuid() == 0:
        return []
    asks = not shutil.which("sudo") or subprocess.call(["sudo", "-n", "true"], stdout=QUIET, stderr=QUIET) != 0
    return None if asks else ["sudo", "-n"]


def need_packages(why, packages, is_missing):
    """Installs system packages where that is allowed (apt, as root), else stops with the exact line to type."""
    line, prefix = install_line(packages), root_prefix()
    if line[:1] == ["apt-get"] and prefix is not None:
        say(f"{why}; installing: {' '.join(line[4:])}")
        for step in (["apt-get", "update"], line):
            subprocess.call([*prefix, "env", "DEBIAN_FRONTEND=noninteractive", *step], stdout=QUIET)
        importlib.invalidate_caches()
        if not is_missing():
            return
    if line:
        sudo = "sudo " if os.getuid() else ""
        raise Stop(f"{why}. Type this, then start again:\n  {sudo}{' '.join(line)}")
    names = ", ".join(sorted({names[0] for names in packages}))
    raise Stop(f"{why}. Install what your system calls {names}, then start again.")


def need_libraries(display):
    """Sees to it that Qt finds its libraries: those for drawing off-screen, and those for a window if one can open."""
    wanted = {**ALWAYS, **{"x11": X11, "wayland": WAYLAND}.get(display, {})}
    missing = missing_libraries(wanted) if sys.platform.startswith("linux") else []
    if missing:
        why = f"Qt needs libraries that this system lacks ({', '.join(missing)})"
        need_packages(why, [wanted[name] for name in missing], lambda: missing_libraries(wanted))


def stamp_of(root=ROOT, version=sys.version_info[:3]):
    """What the installation depends on, as one word: pyproject.toml, the version of Python, and where we are."""
    return hashlib.sha256((root / "pyproject.toml").read_bytes() + repr((version, str(root))).encode()).hexdigest()


def venv_python():
    return VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def torch_choice(environ=os.environ):
    """Which torch the user asks for: "cpu", "default", or "" for whichever is there."""
    choice = environ.get("GM_TORCH", "").strip().lower()
    if choice not in ("", "cpu", "default"):
        raise Stop(f"GM_TORCH is {choice!r}; it can be cpu (from PyTorch's CPU index) or default (from PyPI).")
    return choice


def fits(choice):
    """Whether the environment was made for this minor version of Python and this torch, so that it may be kept."""
    with contextlib.suppress(OSError, ValueError):
        version, torch = (VENV / "made.for").read_text().split()
        return version == MINOR and choice in ("", torch) and venv_python().exists()
    return False


def is_ready(stamp, choice):
    """Whether the environment was installed to its end, for this pyproject.toml, this Python and this torch."""
    with contextlib.suppress(OSError):
        return (VENV / "run.stamp").read_text() == stamp and fits(choice)
    return False


def explain(text):
    """The likely cause of a failed installation, from pip's log."""
    causes = [
        ("No space left", "the disk is full"),
        ("NewConnection|NameResolution|ConnectTimeout", "no package index answers, so this machine may be offline"),
        ("Read timed out|IncompleteRead", "the package index answers too slowly; start again to go on"),
        ("No matching distribution", "a package has no build for this system and this Python"),
    ]
    return next((cause for signs, cause in causes if re.search(signs, text)), "pip stopped with an error")


def make_venv(choice):
    """Makes an empty environment in .venv, in place of one that was made for another Python or another torch."""
    if importlib.util.find_spec("ensurepip") is None:
        packages = [(f"python{MINOR}-venv", "python3-pip", "python")]
        why = "This Python cannot make virtual environments (its module ensurepip is missing)"
        need_packages(why, packages, lambda: importlib.util.find_spec("ensurepip") is None)
    shutil.rmtree(VENV, ignore_errors=True)
    if subprocess.call([sys.executable, "-m", "venv", str(VENV)], stdout=QUIET) != 0:
        raise Stop(f"Python could not make a virtual environment in {VENV}; the reason stands above.")
    (VENV / "made.for").write_text(f"{MINOR} {choice or 'default'}")


def install(arguments):
    """Installs with uv if it is there, else with pip, whose progress shows and whose complaints go to a log."""
    python, uv, log = str(venv_python()), shutil.which("uv"), VENV / "install.log"
    log.write_text("")
    if uv and subprocess.call([uv, "pip", "install", "--python", python, *arguments], cwd=ROOT) == 0:
        return
    command = [python, "-m", "pip", "install", "--no-input", "--retries", "2", "--log", str(log), *arguments]
    if subprocess.call(command, cwd=ROOT, stderr=QUIET) != 0:
        raise Stop(f"The installation failed: {explain(log.read_text(errors='replace'))}. All pip said is in {log}")


def prepare():
    """Brings .venv up to date; costs nothing when it is."""
    stamp, choice = stamp_of(), torch_choice()
    if is_ready(stamp, choice):
        return
    say(f"Setting up in {VENV}, once; this downloads a good deal and can take some minutes.")
    if not fits(choice):
        make_venv(choice)
    (VENV / "run.stamp").unlink(missing_ok=True)  # an interrupted installation must not look complete
    if (VENV / "made.for").read_text().endswith("cpu"):
        install(["--index-url", CPU_INDEX, *TORCH])
    install(["--editable", ".[dev]"])
    (VENV / "run.stamp").write_text(stamp)
    say("Everything is installed.")


def start(arguments, offscreen):
    """Runs Python from .venv and hands back its exit status; Ctrl+C goes to it, a second one kills it."""
    environ = dict(os.environ, **({"QT_QPA_PLATFORM": "offscreen"} if offscreen else {}))
    environ.setdefault("OMP_WAIT_POLICY", "passive")  # spinning threads would take the window's processor
    child = subprocess.Popen([str(venv_python()), *arguments], cwd=ROOT, env=environ)
    signal.signal(signal.SIGTERM, lambda *_: child.terminate())
    try:
        status = child.wait()
    except KeyboardInterrupt:
        with contextlib.suppress(KeyboardInterrupt, subprocess.TimeoutExpired):
            child.wait(15)
        child.kill()
        raise
    return status if status >= 0 else 128 - status


def main(arguments):
    testing = arguments[:1] == ["test"]
    display, absent = ("", "") if testing else find_display()
    need_libraries(display)
    prepare()
    if testing:
        return start(["-m", "pytest", *(arguments[1:] or ALL_TESTS)], offscreen=True)
    if display or {"-h", "--help", "--version", "--smoke"} & set(arguments):
        return start(["-m", "app", *arguments], offscreen=not display)
    say(f"No window can open ({absent}), so the same training runs off-screen and leaves its pictures in ./demo.")
    return start(["-m", "app.demo", "--out", "demo", *arguments], offscreen=True)


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except (Stop, OSError) as reason:
        sys.exit(f"run.py: {reason}")
    except KeyboardInterrupt:
        say("\nStopped.")
        sys.exit(130)
