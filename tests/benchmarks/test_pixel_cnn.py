"""The PixelCNN: how much drawing gains by remembering, and nats on MNIST after two epochs."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from gm_core.data.feed import Feed
from gm_core.data.registry import make_data
from gm_core.model import build
from gm_core.parts.autoregressive import Autoregressive, FullPasses
from gm_core.presets import find_preset
from gm_core.protocol.cards import DataCard
from gm_core.spec import TrainSpec
from gm_core.train.loop import Training

BINARY = DataCard("b", "Binary 28x28", (1, 28, 28), "binary", (0.0, 1.0), levels=2)
ROUNDS, PASSES, SEEDS = 3, 16, 3

Note = Callable[[str, str, str], None]


@pytest.mark.parametrize("kind", ["pixel_cnn", "gated_pixel_cnn"])
def test_drawing_16_images_against_784_full_passes(kind: str, note: Note) -> None:
    """Interleaved rounds; a round times a few of the full passes, which all cost the same, and one whole drawing."""
    torch.set_num_threads(2)
    model = build(find_preset(f"{kind}-mnist").spec["model"], BINARY).eval()
    assert isinstance(model, Autoregressive)
    slow, fast = [], []
    with torch.no_grad():
        full = FullPasses(model, 16, None)
        full.at(0)
        for seed in range(ROUNDS):
            began = time.perf_counter()
            for rank in range(PASSES):
                full.at(rank)
            slow.append((time.perf_counter() - began) / PASSES * model.sites)
            began = time.perf_counter()
            model.sample(16, torch.Generator().manual_seed(seed))
            fast.append(time.perf_counter() - began)
    ratio = statistics.median(a / b for a, b in zip(slow, fast, strict=True))
    note(f"{model.title}, 16 images of 28x28, drawn", f"{statistics.median(fast):.2f} s", "")
    note(f"the same, 784 full passes (from {PASSES}) / ours", f"{ratio:.1f} times", "at least 10")
    assert ratio > 1.0


def test_nats_on_mnist_after_two_epochs(mnist_folder: Path, note: Note) -> None:
    """The preset as it is, on another seed each time; all 10,000 test images, binarised dynamically (one draw)."""
    preset = find_preset("pixel_cnn-mnist").spec
    data = make_data({**preset["data"], "folder": str(mnist_folder)})
    nats, seconds = [], []
    for seed in range(SEEDS):
        spec = TrainSpec.read({**preset["train"], "seed": seed, "device": "cpu", "validate_every": 10**6})
        model = build(preset["model"], data.card, seed)
        assert isinstance(model, Autoregressive)
        training = Training(model, Feed(data, spec.batch, "cpu", seed), spec, torch.device("cpu"))
        for _ in training.steps():
            pass
        seconds.append(training.seconds)
        model.eval()
        with torch.no_grad():
            scores = [model.log_prob_given(batch.x, None) for batch in training.feed.fixed("test", 10_000, seed, 200)]
        nats.append(-float(torch.cat(scores).double().mean()))
    each = ", ".join(f"{value:.2f}" for value in nats)
    note(
        f"PixelCNN 7x7-A, 5 x 3x3-B, 32 channels: test nats, MNIST dynamic, 2 epochs, median of {SEEDS} ({each})",
        f"{statistics.median(nats):.2f} in {statistics.median(seconds):.0f} s",
        "at most 94",
    )
    assert statistics.median(nats) < 120.0
