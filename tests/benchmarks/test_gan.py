"""What a GAN makes of a ring of eight Gaussians, and how it collapses where nothing holds it.

Protocol: the presets `gan-ring` and `gan-ring-collapse` as they are, three seeds each; 10 000 samples of the averaged
generator at the end. A mode is found where it gets at least 1 % of the samples within 3 sigma of its centre; the share
of all samples within 3 sigma of some centre is their quality (a perfect generator has 0.989). Medians of the seeds.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable
from typing import Any

import pytest
import torch

from gm_core.data.feed import Feed
from gm_core.data.registry import make_data
from gm_core.maths.coverage import mode_coverage
from gm_core.model import GenerativeModel, build
from gm_core.presets import find_preset
from gm_core.spec import RunSpec
from gm_core.train.loop import Training

SEEDS = (0, 1, 2)
SAMPLES = 10_000
Note = Callable[[str, str, str], None]


def played(preset: str, seed: int) -> tuple[int, float, float]:
    """Modes found, share of good samples and seconds of training."""
    spec = RunSpec.read(find_preset(preset).spec).replace("train.seed", seed).replace("train.validate_every", 1_000_000)
    data = make_data(spec.data)
    feed = Feed(data, spec.train.batch, "cpu", spec.train.seed + 2)
    it = Training(build(spec.model, data.card, seed), feed, spec.train, torch.device("cpu"))
    for _ in it.steps():
        pass
    with it.mirrors.lease(it.weights(), None) as twin, torch.no_grad():
        assert isinstance(twin, GenerativeModel)
        x: Any = twin.sample(SAMPLES, torch.Generator().manual_seed(1))  # type: ignore[operator]
    angle = torch.arange(8, dtype=torch.float64) * (2 * math.pi / 8)
    centres = 2.0 * torch.stack([angle.cos(), angle.sin()], -1)
    found = mode_coverage(x, centres, float(spec.data.get("sigma", 0.2)))
    return found.hit, float(found.high_quality), it.seconds


@pytest.mark.parametrize(("preset", "goal"), [("gan-ring", "8 modes, >= 0.93"), ("gan-ring-collapse", "collapses")])
def test_modes_that_a_gan_finds_on_a_ring(note: Note, preset: str, goal: str) -> None:
    rows = [played(preset, seed) for seed in SEEDS]
    modes, good, seconds = (statistics.median(column) for column in zip(*rows, strict=True))
    each = ", ".join(f"{m} / {q:.3f}" for m, q, _ in rows)
    steps = RunSpec.read(find_preset(preset).spec).train.steps
    note(f"{preset}, {steps:,} steps: modes, within 3 sigma", f"{modes:g}, {good:.3f} ({each}); {seconds:.0f} s", goal)
    assert all(math.isfinite(good) for _, good, _ in rows)
