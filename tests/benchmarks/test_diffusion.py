"""What diffusions reach: the ring of eight by ddpm-ring, the digits of ddpm-conditional-mnist, the cost of sampling."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Note = Callable[[str, str, str], None]
RUN = os.environ.get("GM_DIFFUSION_RUN", "")
"""A folder with a finished run of ddpm-conditional-mnist (`gm-core train`, 6 epochs)."""


def probe(*arguments: str, folder: Path | None = None) -> dict[str, float]:
    """The line that the probe prints."""
    command = [sys.executable, "-m", "tests.benchmarks.diffusion_probe", *arguments]
    env = {**os.environ, **({"GM_DATA": str(folder)} if folder else {})}
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=3600)
    assert done.returncode == 0, done.stderr
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def test_ddpm_finds_all_eight_spots_of_the_ring_after_12000_steps(note: Note) -> None:
    found = [probe("ring", str(seed)) for seed in range(3)]
    middle = {name: statistics.median(run[name] for run in found) for name in found[0]}
    note(
        "ddpm-ring: modes and share within 3 sigma of one, 12,000 steps of 512, median of three seeds",
        f"{middle['modes']:g} modes, {middle['quality']:.3f} ({middle['seconds']:.0f} s)",
        "8 modes, at least 0.93",
    )
    assert all(run["steps"] == 12_000 for run in found)
    assert middle["modes"] == 8 and middle["quality"] >= 0.93


@pytest.mark.parametrize("kind", ["images", "points"])
def test_sampling_costs_little_beside_its_network(kind: str, note: Note) -> None:
    found = probe("overhead", kind)
    what = "16 images of MNIST, U-Net" if kind == "images" else "2000 points, perceptron"
    shares = ", ".join(f"{name} {100 * one['overhead']:.1f} %" for name, one in found.items())
    note(f"25 steps, {what}: more than the bare evaluations", shares, "at most 5 %")


@pytest.mark.skipif(not RUN, reason="GM_DIFFUSION_RUN names no finished run of ddpm-conditional-mnist")
def test_the_digits_of_the_conditional_diffusion_are_those_asked_for(mnist_folder: Path, note: Note) -> None:
    found = probe("digits", RUN, folder=mnist_folder)
    for guidance in ("1", "2"):
        note(
            f"ddpm-conditional-mnist, 6 epochs, guidance {guidance}: 1000 digits by a classifier of our own",
            f"{found[f'right_{guidance}']:.3f} as asked, score {found[f'score_{guidance}']:.2f}, "
            f"Frechet {found[f'frechet_{guidance}']:.2f}",
            f"test digits: {found['real_right']:.3f}, Frechet {found['real_frechet']:.2f}",
        )
    assert found["right_1"] > 0.9 and found["right_2"] >= found["right_1"] - 0.02
