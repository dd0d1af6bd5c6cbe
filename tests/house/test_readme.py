"""What the README says is so."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_python_example_runs_and_prints_its_ten_steps(tmp_path: Path) -> None:
    (example,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    done = subprocess.run([sys.executable, "-c", example], cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 11, done.stdout


def test_every_command_of_the_readme_is_known_to_the_command_line() -> None:
    done = subprocess.run([sys.executable, "-m", "gm_core.cli", "--help"], capture_output=True, text=True, timeout=120)
    named = set(re.findall(r"^gm-core (.*?)(?:#|$)", README, re.MULTILINE))
    words = {part.split()[0] for line in named for part in line.split("|") if part.split()}
    assert len(words) > 8
    for word in words:
        assert re.search(rf"\b{word}\b", done.stdout), f"gm-core --help does not name {word}"


def test_pictures_of_the_readme_are_there_and_small() -> None:
    for name in re.findall(r"!\[.*?\]\((.*?)\)", README):
        picture = ROOT / name
        assert picture.is_file(), name
        assert picture.stat().st_size < 500_000, name


def test_the_table_of_measurements_is_filled() -> None:
    assert "MEASURED_TABLE" not in README
    assert README.count("| --- |") >= 2
