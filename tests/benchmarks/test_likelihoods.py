"""Test nats of autoregressive models on MNIST, dynamic binarisation, after a stated budget: median of three seeds."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

GOALS = {"fvsbn-mnist": (10, 104.0), "made-mnist": (10, 96.5), "nade-mnist": (2, 109.0), "pixel_cnn-mnist": (2, 94.0)}
SEEDS = (0, 1, 2)


@pytest.mark.parametrize("preset", GOALS)
def test_nats_after_a_stated_budget(preset: str, mnist_folder: Path, note: Callable[[str, str, str], None]) -> None:
    epochs, goal = GOALS[preset]
    env = {**os.environ, "GM_DATA": str(mnist_folder)}
    found = []
    for seed in SEEDS:
        command = [sys.executable, "-m", "tests.benchmarks.likelihood_probe", preset, str(epochs), str(seed)]
        done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=3600)
        assert done.returncode == 0, done.stderr
        found.append(json.loads(done.stdout.splitlines()[-1]))
    nats = statistics.median(f["nats"] for f in found)
    spread = " / ".join(f"{f['nats']:.1f}" for f in found)
    seconds = statistics.median(f["seconds"] for f in found)
    note(
        f"{preset}: test nats after {epochs} epochs, dynamic binarisation, median of 3 seeds",
        f"{nats:.1f} ({spread}; {seconds:.0f} s)",
        f"at most {goal:g}",
    )
    assert nats <= goal
