"""Benchmarks gather rows and print one table at the end; they compare within one run and never judge a time.

Run them by name: `python3 run.py test tests/benchmarks`. The README keeps the table.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Iterator

import pytest

ROWS: list[tuple[str, str, str]] = []


@pytest.fixture
def note() -> Callable[[str, str, str], None]:
    """Add a row: what was measured, the figure, the goal."""

    def add(what: str, figure: str, goal: str = "") -> None:
        ROWS.append((what, figure, goal))

    return add


@pytest.fixture(autouse=True)
def _mark(request: pytest.FixtureRequest) -> Iterator[None]:
    yield


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the table as Markdown."""
    if not ROWS:
        return
    import torch

    out = terminalreporter
    out.write_line("")
    out.write_line(
        f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}, torch {torch.__version__}"
    )
    out.write_line("| measured | figure | goal |")
    out.write_line("| --- | --- | --- |")
    for row in ROWS:
        out.write_line("| " + " | ".join(row) + " |")
