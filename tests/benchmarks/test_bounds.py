"""What a VAE reaches on MNIST, dynamic binarisation: the IWAE-50 bound after stated budgets, and active units by beta.

One seed: a run takes a minute on two cores. The early points of such a VAE are known (102.0 for -ELBO after 10 epochs,
100.8 after 16), the bounds with 50 draws about six nats below.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

Note = Callable[[str, str, str], None]
GOALS = {10.0: 98.5, 16.0: 97.0}
BETAS = (1.0, 4.0, 8.0, 16.0)
SWEEP_EPOCHS = 3


def probe(folder: Path, *arguments: str) -> list[dict[str, Any]]:
    """The lines that the probe prints."""
    command = [sys.executable, "-m", "tests.benchmarks.bounds_probe", *arguments]
    env = {**os.environ, "GM_DATA": str(folder)}
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=3600)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def test_the_bound_with_50_draws_after_10_and_after_16_epochs(mnist_folder: Path, note: Note) -> None:
    found = probe(mnist_folder, "vae-mnist", "0", ",".join(f"{epochs:g}" for epochs in GOALS), "50")
    assert [line["epochs"] for line in found] == list(GOALS)
    for line in found:
        note(
            f"vae-mnist: IWAE-50 bound on the test set after {line['epochs']:g} epochs, dynamic binarisation, seed 0",
            f"{line['nats']:.2f} nats (-ELBO {line['elbo']:.1f}, {line['active']} of {line['units']} units active; "
            f"{line['seconds']:.0f} s)",
            f"at most {GOALS[line['epochs']]:g}",
        )
    for line in found:
        assert line["active"] == line["units"], "the textbook VAE uses all its 20 numbers"
        assert line["nats"] < line["elbo"], "more draws lie closer to the truth"
        assert line["nats"] <= GOALS[line["epochs"]]


def test_fewer_units_are_active_the_more_they_cost(mnist_folder: Path, note: Note) -> None:
    active, nats = [], []
    for beta in BETAS:
        (line,) = probe(mnist_folder, "vae-mnist", "0", str(SWEEP_EPOCHS), "1", f"model.beta={beta:g}")
        active.append(line["active"])
        nats.append(line["elbo"])
    note(
        f"vae-mnist: active units of 20 with beta {', '.join(f'{beta:g}' for beta in BETAS)}, {SWEEP_EPOCHS} epochs",
        f"{', '.join(str(n) for n in active)} (-ELBO {', '.join(f'{n:.1f}' for n in nats)})",
        "falling",
    )
    assert active == sorted(active, reverse=True) and active[0] > 2 * active[-1]
    assert nats == sorted(nats), "beta = 1 alone is the bound"
