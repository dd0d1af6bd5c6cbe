"""run.py sets up once, starts at once after that, and says plainly what is missing."""

from __future__ import annotations

import ast
import importlib.util
import socket
import struct
import sys
import threading
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]
linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="X11 and Wayland are looked for on Linux only")


@pytest.fixture
def run(tmp_path: Path) -> ModuleType:
    """A fresh run.py, whose environment is an empty folder."""
    found = importlib.util.spec_from_file_location("run_py", ROOT / "run.py")
    assert found and found.loader
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    module.ROOT, module.VENV = tmp_path, tmp_path / ".venv"
    return module


def made(run: ModuleType, torch: str = "default") -> None:
    """What make_venv leaves behind, without making anything."""
    python = run.venv_python()
    python.parent.mkdir(parents=True, exist_ok=True)
    python.write_text("")
    (run.VENV / "made.for").write_text(f"{run.MINOR} {torch}")


def test_an_old_python_can_read_the_file_that_turns_it_away() -> None:
    source = (ROOT / "run.py").read_text(encoding="utf-8")
    ast.parse(source, feature_version=(3, 8))
    check = source.index("sys.exit(")
    assert "sys.version_info < (3, 11)" in source[:check] and "def " not in source[:check]


def test_run_py_needs_the_standard_library_alone() -> None:
    for node in ast.walk(ast.parse((ROOT / "run.py").read_text(encoding="utf-8"))):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        assert {name.split(".")[0] for name in names} <= sys.stdlib_module_names


@linux
@pytest.mark.parametrize(
    ("display", "last", "number"),
    [
        (":0", (socket.AF_UNIX, "/tmp/.X11-unix/X0"), "0"),
        (":99.1", (socket.AF_UNIX, "/tmp/.X11-unix/X99"), "99"),
        ("unix:1", (socket.AF_UNIX, "/tmp/.X11-unix/X1"), "1"),
        ("localhost:10.0", (socket.AF_INET, ("localhost", 6010)), "10"),
        ("tcp/far.example:2", (socket.AF_INET, ("far.example", 6002)), "2"),
    ],
)
def test_a_display_name_says_where_to_knock(run: ModuleType, display: str, last: object, number: str) -> None:
    addresses, found = run.parse_display(display)
    assert addresses[-1] == last
    assert found == number


@linux
def test_nonsense_is_no_display(run: ModuleType) -> None:
    assert run.parse_display("nonsense") == ([], "")


@linux
def test_without_variables_there_is_no_display(run: ModuleType) -> None:
    assert run.find_display({}, "linux") == ("", "there is no display here")


@linux
def test_a_display_that_does_not_answer_is_none(run: ModuleType) -> None:
    assert run.find_display({"DISPLAY": ":64999"}, "linux") == ("", "no display answers at :64999")
    assert run.find_display({"WAYLAND_DISPLAY": "gone", "XDG_RUNTIME_DIR": "/nowhere"}, "linux")[0] == ""


def test_a_chosen_platform_is_respected(run: ModuleType) -> None:
    assert run.find_display({"QT_QPA_PLATFORM": "offscreen", "DISPLAY": ":0"}, "linux")[0] == ""
    assert run.find_display({"QT_QPA_PLATFORM": "vnc:port=5"}, "linux") == ("native", "")
    assert run.find_display({}, "darwin") == ("native", "")


@linux
@pytest.mark.parametrize(("answer", "opens"), [(b"\1", True), (b"\0", False)])
def test_the_server_must_let_us_in(
    run: ModuleType, monkeypatch: pytest.MonkeyPatch, answer: bytes, opens: bool
) -> None:
    server = socket.create_server(("127.0.0.1", 0))
    greetings: list[bytes] = []

    def serve() -> None:
        client, _ = server.accept()
        with client:
            greetings.append(client.recv(100))
            client.sendall(answer)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    monkeypatch.setattr(run, "parse_display", lambda display: ([(socket.AF_INET, server.getsockname())], "0"))
    monkeypatch.setattr(run, "x_cookies", lambda number: [(b"MIT-MAGIC-COOKIE-1", b"k" * 16)])
    assert run.x_answers(":0") is opens
    thread.join(5)
    server.close()
    (greeting,) = greetings
    assert struct.unpack_from("<BxHHHH", greeting) == (ord("l"), 11, 0, 18, 16)
    assert greeting[12:30] == b"MIT-MAGIC-COOKIE-1" and greeting[32:48] == b"k" * 16


@linux
def test_keys_are_read_from_the_authority_file(
    run: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def entry(number: bytes, key: bytes) -> bytes:
        fields = (b"host", number, b"MIT-MAGIC-COOKIE-1", key)
        return struct.pack(">H", 256) + b"".join(struct.pack(">H", len(field)) + field for field in fields)

    authority = tmp_path / "authority"
    authority.write_bytes(entry(b"0", b"mine") + entry(b"7", b"other") + b"\0")
    monkeypatch.setenv("XAUTHORITY", str(authority))
    assert run.x_cookies("0") == [(b"", b""), (b"MIT-MAGIC-COOKIE-1", b"mine")]


@linux
def test_libraries_that_the_loader_does_not_find_are_missing(run: ModuleType) -> None:
    assert run.missing_libraries(["libc.so.6", "libthereisnone.so.1"]) == ["libthereisnone.so.1"]


@pytest.mark.parametrize(
    ("manager", "line"),
    [
        ("apt-get", "apt-get install -y --no-install-recommends libegl1 libgl1"),
        ("dnf", "dnf install -y mesa-libEGL mesa-libGL"),
        ("pacman", "pacman -S --needed libglvnd"),
        ("none", ""),
    ],
)
def test_the_line_to_type_is_in_the_words_of_the_system(run: ModuleType, manager: str, line: str) -> None:
    packages = [run.ALWAYS["libGL.so.1"], run.ALWAYS["libEGL.so.1"]]
    assert " ".join(run.install_line(packages, which=lambda name: name == manager)) == line


@linux
def test_missing_libraries_that_may_not_be_installed_stop_with_the_line(
    run: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "missing_libraries", lambda wanted: ["libxcb-cursor.so.0"])
    monkeypatch.setattr(run, "root_prefix", lambda: None)
    monkeypatch.setattr(run.shutil, "which", lambda name: name if name == "apt-get" else None)
    monkeypatch.setattr(run.os, "getuid", lambda: 1000)
    with pytest.raises(run.Stop) as stopped:
        run.need_libraries("x11")
    assert "libxcb-cursor.so.0" in str(stopped.value)
    assert "  sudo apt-get install -y --no-install-recommends libxcb-cursor0" in str(stopped.value)


@linux
def test_missing_libraries_are_installed_where_that_is_allowed(
    run: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    typed: list[list[str]] = []
    answers = iter([["libxcb-cursor.so.0"], []])
    monkeypatch.setattr(run, "missing_libraries", lambda wanted: next(answers))
    monkeypatch.setattr(run, "root_prefix", lambda: ["sudo", "-n"])
    monkeypatch.setattr(run.shutil, "which", lambda name: name)
    monkeypatch.setattr(run.subprocess, "call", lambda command, **rest: typed.append(command) or 0)
    run.need_libraries("x11")
    assert [command[4:6] for command in typed] == [["apt-get", "update"], ["apt-get", "install"]]
    assert all(command[:4] == ["sudo", "-n", "env", "DEBIAN_FRONTEND=noninteractive"] for command in typed)


def test_the_stamp_follows_pyproject_and_python(run: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("a")
    first = run.stamp_of(tmp_path, (3, 11, 7))
    assert run.stamp_of(tmp_path, (3, 11, 7)) == first
    assert run.stamp_of(tmp_path, (3, 12, 0)) != first
    (tmp_path / "pyproject.toml").write_text("b")
    assert run.stamp_of(tmp_path, (3, 11, 7)) != first


def test_an_environment_is_ready_only_with_its_stamp_its_python_and_its_torch(run: ModuleType) -> None:
    assert not run.is_ready("stamp", "")
    made(run, "cpu")
    assert run.fits("") and not run.is_ready("stamp", "")
    (run.VENV / "run.stamp").write_text("stamp")
    assert run.is_ready("stamp", "") and run.is_ready("stamp", "cpu")
    assert not run.is_ready("stamp", "default")
    assert not run.is_ready("other", "")
    run.venv_python().unlink()
    assert not run.is_ready("stamp", "")


@pytest.mark.parametrize("interruption", [KeyboardInterrupt, RuntimeError])
def test_an_interrupted_installation_leaves_no_stamp(
    run: ModuleType, monkeypatch: pytest.MonkeyPatch, interruption: type[BaseException]
) -> None:
    made(run)
    (run.VENV / "run.stamp").write_text("an older one")

    def interrupted(arguments: list[str]) -> None:
        raise interruption

    monkeypatch.setattr(run, "stamp_of", lambda: "new")
    monkeypatch.setattr(run, "install", interrupted)
    with pytest.raises(interruption):
        run.prepare()
    assert not (run.VENV / "run.stamp").exists()


def test_a_finished_installation_is_not_repeated(run: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    installed: list[list[str]] = []
    made(run)
    monkeypatch.delenv("GM_TORCH", raising=False)
    monkeypatch.setattr(run, "stamp_of", lambda: "new")
    monkeypatch.setattr(run, "install", installed.append)
    run.prepare()
    run.prepare()
    assert installed == [["--editable", ".[dev]"]]


def test_the_cpu_build_takes_both_from_one_index(run: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    installed: list[list[str]] = []
    monkeypatch.setenv("GM_TORCH", "cpu")
    monkeypatch.setattr(run, "stamp_of", lambda: "new")
    monkeypatch.setattr(run, "install", installed.append)
    monkeypatch.setattr(run, "make_venv", lambda choice: made(run, choice))
    run.prepare()
    assert installed[0] == ["--index-url", run.CPU_INDEX, "torch>=2.13", "torchvision>=0.28"]
    assert installed[1] == ["--editable", ".[dev]"]


def test_a_wrong_choice_of_torch_is_named(run: ModuleType) -> None:
    with pytest.raises(run.Stop, match="'rocm'; it can be cpu"):
        run.torch_choice({"GM_TORCH": "rocm"})


@pytest.mark.parametrize(
    ("log", "cause"),
    [
        ("... NewConnectionError(...): Name or service not known", "offline"),
        ("OSError: [Errno 28] No space left on device", "disk is full"),
        ("ERROR: No matching distribution found for PySide6", "no build for this system"),
        ("something else", "pip stopped"),
    ],
)
def test_the_likely_cause_of_a_failed_installation_is_one_clause(run: ModuleType, log: str, cause: str) -> None:
    assert cause in run.explain(log)


def test_tests_run_off_screen_with_their_arguments(run: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[tuple[list[str], bool]] = []
    monkeypatch.setattr(run, "prepare", lambda: None)
    monkeypatch.setattr(run, "need_libraries", lambda display: None)
    monkeypatch.setattr(run, "start", lambda arguments, offscreen: started.append((arguments, offscreen)) or 0)
    monkeypatch.setattr(run, "find_display", lambda: ("", "there is no display here"))
    assert run.main(["test", "-k", "x"]) == run.main(["test"]) == run.main([]) == 0
    monkeypatch.setattr(run, "find_display", lambda: ("x11", ""))
    assert run.main(["--preset", "vae-digits"]) == 0
    assert started == [
        (["-m", "pytest", "-k", "x"], True),
        (["-m", "pytest", *run.ALL_TESTS], True),
        (["-m", "app.demo", "--out", "demo"], True),
        (["-m", "app", "--preset", "vae-digits"], False),
    ]


@linux
def test_a_python_without_ensurepip_stops_with_the_package_to_install(
    run: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run.importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(run, "root_prefix", lambda: None)
    monkeypatch.setattr(run.shutil, "which", lambda name: name if name == "apt-get" else None)
    with pytest.raises(run.Stop, match=rf"apt-get install -y --no-install-recommends python{run.MINOR}-venv"):
        run.make_venv("")
    assert not run.VENV.exists()


def test_the_exit_status_of_the_program_comes_through(run: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run.signal, "signal", lambda *_: None)  # this process keeps its own answer to SIGTERM
    run.venv_python = lambda: Path(sys.executable)
    assert run.start(["-c", "raise SystemExit(7)"], offscreen=True) == 7
    printed = "import os; raise SystemExit(os.environ['QT_QPA_PLATFORM'] != 'offscreen')"
    assert run.start(["-c", printed], offscreen=True) == 0
    if sys.platform != "win32":
        assert run.start(["-c", "import os, signal; os.kill(os.getpid(), signal.SIGABRT)"], offscreen=True) == 134
