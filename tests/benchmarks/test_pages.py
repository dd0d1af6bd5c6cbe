"""The notes: how soon every section of every page answers a drag."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from pathlib import Path

from tests.benchmarks.test_window import probe

Note = Callable[[str, str, str], None]
GOAL = 33.0


def test_a_page_answers_a_drag(tmp_path: Path, note: Note) -> None:
    """One slider of each section, moved 60 times a second; from the move to the end of the paint of its answer."""
    found: dict[str, list[float]] = probe("pages_probe", str(tmp_path))
    late = {name: p95 for name, (_, p95) in found.items() if p95 > GOAL}
    middle, worst = (statistics.median(f[1] for f in found.values()), max(f[1] for f in found.values()))
    note(
        f"drag to paint on {len(found)} sections of the notes: p95 of the median section / of the slowest",
        f"{middle:.0f} / {worst:.0f} ms",
        f"{GOAL:.0f} ms; above it: {', '.join(late) or 'none'}",
    )
    assert len(found) > 40 and middle < 4 * GOAL
