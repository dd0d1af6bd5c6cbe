"""A training step of NADE against the plain loop over pixels, and where two passes over MNIST bring it."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor

from gm_core.data.feed import Feed
from gm_core.data.registry import make_data
from gm_core.model import build
from gm_core.models.nade import NADE
from gm_core.parts.conditionals import pick

ROUNDS = 7
Note = Callable[[str, str, str], None]


def plain_logits(model: NADE, x: Tensor) -> Tensor:
    """The textbook loop: one pixel after another, with automatic differentiation."""
    a = model.hidden_bias.expand(len(x), -1)
    logits = []
    for site in range(x.shape[1]):
        h = torch.sigmoid(a)
        logits.append(h @ model.out[site, 0] + model.out_bias[site, 0])
        a = a + x[:, site : site + 1] * model.weight[site, 0]
    return torch.stack(logits, 1).unsqueeze(-1)


@pytest.mark.parametrize("threads", [1, 2])
def test_a_training_step_against_the_loop_over_pixels(mnist_folder: Path, note: Note, threads: int) -> None:
    """Batch 64, 784 x 500, binarised digits; forward and backward; interleaved rounds, median of their ratios.

    Gradients must be equal within 1e-5. How much faster depends on how many pixels are ink, so real digits are used,
    and noise in which no pixel is 0, the worst case, is noted beside them.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    data = make_data({"kind": "mnist", "binarisation": "dynamic", "folder": str(mnist_folder)})
    model = build({"kind": "nade", "hidden": [500]}, data.card)
    assert isinstance(model, NADE)
    digits = model.to_values(Feed(data, 64, "cpu").next().x)
    for what, values in (("real digits", digits), ("no pixel 0", torch.ones_like(digits))):
        u = model.embed(values)

        def step(logits: Callable[[], Tensor], values: Tensor = values) -> tuple[float, list[Tensor]]:
            model.zero_grad(set_to_none=True)
            began = time.perf_counter()
            (-pick(logits(), values).sum(-1).mean()).backward()
            seconds = time.perf_counter() - began
            return seconds, [parameter.grad.clone() for parameter in model.parameters() if parameter.grad is not None]

        times: list[tuple[float, float]] = []
        for _ in range(ROUNDS):
            plain, expected = step(lambda u=u: plain_logits(model, u[..., 0]))  # type: ignore[misc]
            ours, found = step(lambda u=u: model.logits(u, None))  # type: ignore[misc]
            times.append((plain, ours))
            assert len(found) == len(expected) == 4
            assert all(torch.allclose(a, b, rtol=0, atol=1e-5) for a, b in zip(found, expected, strict=True))
        ratio = statistics.median(plain / ours for plain, ours in times)
        note(
            f"NADE step, batch 64, 784 x 500, {threads} thread(s), {what}: loop over pixels / ours",
            f"{ratio:.1f} times ({1000 * statistics.median(ours for _, ours in times):.0f} ms)",
            "at least 2.5, goal 4" if what == "real digits" else "printed",
        )
        assert ratio > 1.0
    torch.set_num_threads(before)
