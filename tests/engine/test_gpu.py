"""What only a GPU can show; skipped, visibly, where there is none. The README says when these last ran and on what."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from gm_core import api
from tests.engine.conftest import Bench

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device, and this machine has none"),
]


def last_totals(bench: Bench, n: int) -> float:
    values = np.concatenate([e.values[:, 0] for e in bench.of(api.Scalars) if e.split == "train"])
    return float(values[-n:].mean())


def test_training_on_cuda_reaches_what_the_cpu_reaches(bench: Bench) -> None:
    totals = {}
    for device in ("cpu", "cuda"):
        bench.events.clear()
        bench.start(train__steps=300, train__device=device, data__limit=0)
        bench.rest()
        assert bench.card.device == device
        totals[device] = last_totals(bench, 50)
    assert totals["cuda"] == pytest.approx(totals["cpu"], rel=0.03)


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_mixed_precision_trains_as_far_as_full_precision(bench: Bench, precision: str) -> None:
    totals = {}
    for kind in ("float32", precision):
        bench.events.clear()
        bench.start(train__steps=300, train__device="cuda", train__precision=kind, data__limit=0)
        bench.rest()
        totals[kind] = last_totals(bench, 50)
    assert totals[precision] == pytest.approx(totals["float32"], rel=0.05)


def test_a_run_from_cuda_is_opened_on_the_cpu(bench: Bench) -> None:
    run = bench.start(train__device="cuda")
    bench.rest()
    folder = bench.card.folder
    bench.send(api.CloseRun(run))
    import gm_core

    images = gm_core.load(folder, device="cpu").sample(4, gm_core.rng(0))
    assert images.device.type == "cpu" and torch.isfinite(images).all()


def test_real_out_of_memory_is_survived(bench: Bench) -> None:
    bench.start(model__hidden=[4096] * 12, train__batch=60_000, train__device="cuda", train__steps=2)
    bench.rest()
    bench.start(name="after", train__device="cuda")
    bench.rest()
    assert bench.card.state == "finished"
