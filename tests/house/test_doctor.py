"""The doctor finds what is there, names what is missing, and says what to do."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import pytest

from gm_core import doctor
from gm_core.doctor import Finding
from gm_core.resources import resource, resource_folder

LDD = """
	linux-vdso.so.1 (0x00007ffd)
	libxcb-cursor.so.0 => not found
	libX11.so.6 => /lib/x86_64-linux-gnu/libX11.so.6 (0x00007f)
	libxcb-icccm.so.4 => not found
	libxcb-cursor.so.0 => not found
"""


def test_every_finding_has_a_state_and_every_fault_or_warning_has_advice(tmp_path: Path) -> None:
    findings = doctor.diagnose(runs=tmp_path / "runs", data=[tmp_path])
    assert {"Python", "torch", "torchvision", "device", "Qt", "display", "fonts", "disk", "runs", "data"} <= {
        finding.topic for finding in findings
    }
    assert all(finding.found for finding in findings)
    assert all(finding.advice for finding in findings if finding.state != "ok")


def test_this_machine_is_healthy(tmp_path: Path) -> None:
    findings = [*doctor.check_torch(), doctor.check_fonts(resource), doctor.check_runs(tmp_path)]
    assert doctor.healthy(findings), doctor.report(findings)


def test_findings_become_json() -> None:
    plain = [dataclasses.asdict(Finding("disk", "warn", "little", "delete"))]
    assert json.loads(json.dumps(plain)) == plain


def test_the_report_shows_the_advice_under_its_finding_and_counts() -> None:
    text = doctor.report([Finding("torch", "fault", "absent", "install it"), Finding("disk", "ok", "9 GiB free")])
    lines = text.splitlines()
    assert lines[0].split() == ["fault", "torch", "absent"]
    assert lines[1].strip() == "-> install it"
    assert lines[-1] == "faults: 1, warnings: 0"


def test_the_report_is_glad_when_nothing_is_wrong() -> None:
    assert doctor.report([Finding("disk", "ok", "much")]).endswith("everything is as it should be")


def test_missing_libraries_are_read_from_ldd_once_each() -> None:
    assert doctor.missing_from(LDD) == ["libxcb-cursor.so.0", "libxcb-icccm.so.4"]


def test_a_missing_xcb_library_comes_with_the_line_that_installs_it(tmp_path: Path) -> None:
    plugin = tmp_path / "libqxcb.so"
    plugin.write_text("")
    ldd = tmp_path / "ldd"
    ldd.write_text("#!/bin/sh\necho '\tlibxcb-cursor.so.0 => not found'\n")
    ldd.chmod(0o755)
    finding = doctor.check_xcb(plugin, ldd=str(ldd))
    assert finding.state == "warn"
    assert "libxcb-cursor.so.0" in finding.found
    assert "apt-get install libxcb-cursor0" in finding.advice


def test_a_machine_without_a_display_is_warned_not_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(sys, "platform", "linux")
    finding = doctor.check_display(lambda plugin: ({}, "never asked"))
    assert (finding.state, finding.found) == ("warn", "none")


def test_a_display_that_does_not_answer_is_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISPLAY", ":4711")
    finding = doctor.check_display(lambda plugin: ({}, "could not connect to display :4711"))
    assert finding.state == "fault"
    assert ":4711" in finding.found


def test_missing_fonts_are_named(tmp_path: Path) -> None:
    (tmp_path / "Inter-Regular.otf").write_bytes(b"")
    finding = doctor.check_fonts(lambda *parts: tmp_path)
    assert finding.state == "warn"
    assert "DejaVuSans.ttf" in finding.found and "Inter-Regular.otf" not in finding.found


def test_a_file_where_the_runs_should_be_is_a_fault(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("not a folder")
    assert doctor.check_runs(tmp_path / "runs").state == "fault"
    assert doctor.check_runs(tmp_path / "runs" / "deeper").state == "fault"


def test_looking_leaves_nothing_behind(tmp_path: Path) -> None:
    doctor.check_runs(tmp_path / "runs")
    assert list(tmp_path.iterdir()) == []


def test_a_data_folder_that_is_named_but_absent_is_a_warning(tmp_path: Path) -> None:
    (tmp_path / "mnist").mkdir()
    present, absent = doctor.check_data([tmp_path, tmp_path / "gone"])
    assert (present.state, absent.state) == ("ok", "warn")
    assert "mnist" in present.found and "GM_DATA" in absent.advice


def test_little_room_is_a_warning_and_none_a_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for free, state in ((5 * 2**30, "ok"), (2**29, "warn"), (2**20, "fault")):
        usage = type("usage", (), {"free": free})
        monkeypatch.setattr(doctor.shutil, "disk_usage", lambda place, usage=usage: usage)
        assert doctor.check_disk(tmp_path / "runs").state == state


def test_the_doctor_brings_no_qt_into_this_process(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from gm_core import doctor;"
        f"doctor.diagnose(Path({str(tmp_path)!r}), []); print(any(name.startswith('PySide6') for name in sys.modules))"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert said.strip() == "False"


def test_resources_are_found_from_any_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    resource_folder.cache_clear()
    assert resource("icons").is_dir()
