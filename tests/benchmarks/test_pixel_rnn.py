"""Drawing with recurrent networks of pixels: states carried along against a full pass for each pixel."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import pytest
import torch

from gm_core.model import build
from gm_core.parts.autoregressive import Autoregressive, FullPasses
from gm_core.protocol.cards import DataCard

MNIST = DataCard("mnist", "MNIST", (1, 28, 28), "binary", (0.0, 1.0), levels=2)
IMAGES = 16
ROUNDS = 5
PASSES = 10


@pytest.mark.parametrize(("kind", "layers"), [("row_lstm", 3), ("diagonal_bilstm", 1), ("diagonal_bilstm", 3)])
def test_drawing_by_carried_states(kind: str, layers: int, note: Callable[[str, str, str], None]) -> None:
    """Interleaved rounds; each draws all images by carried states, and times a few of the 784 full passes."""
    torch.set_num_threads(2)
    model = build({"kind": kind, "layers": layers}, MNIST).eval()
    assert isinstance(model, Autoregressive)
    carried, full = [], []
    with torch.no_grad():
        for seed in range(ROUNDS):
            began = time.perf_counter()
            model.sample(IMAGES, torch.Generator().manual_seed(seed))
            carried.append(time.perf_counter() - began)
            slow = FullPasses(model, IMAGES, None)
            began = time.perf_counter()
            for rank in range(PASSES):
                slow.at(rank)
            full.append((time.perf_counter() - began) * model.sites / PASSES)
    ratio = statistics.median(f / c for f, c in zip(full, carried, strict=True))
    what = f"{model.title}, {layers} x 16: drawing {IMAGES} images of 28x28"
    note(what, f"{statistics.median(carried):.2f} s", "")
    note("the same, 784 full passes / carried states", f"{ratio:.0f} times", "more than 1")
    assert ratio > 1.0
