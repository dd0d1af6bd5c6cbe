"""Drawing by the Transformer: remembered keys and values against a full pass for each pixel."""

from __future__ import annotations

import time
from collections.abc import Callable

import torch

from gm_core.model import build
from gm_core.parts.autoregressive import Autoregressive, FullPasses
from gm_core.protocol.cards import DataCard

PASSES = 3
"""Full passes that are timed; one costs what any other does."""


def test_a_transformer_draws_from_its_memory(note: Callable[[str, str, str], None]) -> None:
    """16 images of 28x28 by a network of the preset's size; both ways state the same conditionals."""
    torch.set_num_threads(2)
    card = DataCard("binary", "Binary 28x28", (1, 28, 28), "binary", (0.0, 1.0), levels=2)
    model = build({"kind": "pixel_transformer", "layers": 2, "size": 32, "heads": 4}, card).eval()
    assert isinstance(model, Autoregressive)
    began = time.perf_counter()
    x = model.sample(16, torch.Generator().manual_seed(0))
    fast = time.perf_counter() - began
    with torch.no_grad():
        full, kept = FullPasses(model, 16, None), model.begin(16, None)
        values = model.to_values(x)
        for rank in range(PASSES):
            full.put(rank, values[:, rank])
            kept.put(rank, values[:, rank])
        began = time.perf_counter()
        for _ in range(PASSES):
            told = full.at(PASSES)
        each = (time.perf_counter() - began) / PASSES
        gap = told.log_prob(values[:, PASSES]) - kept.at(PASSES).log_prob(values[:, PASSES])
    assert float(gap.abs().max()) < 1e-5
    figure = f"{784 * each / fast:.0f} times ({fast:.2f} s)"
    note("drawing 16 images of 28x28, pixel_transformer: 784 full passes (from 3) / key-value memory", figure, "")
