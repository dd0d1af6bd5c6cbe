"""The PixelCNN: how much drawing gains by remembering."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import pytest
import torch

from gm_core.model import build
from gm_core.parts.autoregressive import Autoregressive, FullPasses
from gm_core.presets import find_preset
from gm_core.protocol.cards import DataCard

BINARY = DataCard("b", "Binary 28x28", (1, 28, 28), "binary", (0.0, 1.0), levels=2)
ROUNDS, PASSES = 3, 16

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
