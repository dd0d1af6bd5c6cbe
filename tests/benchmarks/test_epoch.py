"""One MNIST epoch of the VAE: our loop against the usual script and against a TensorDataset."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import torch
from torch import Tensor

from gm_core.data.feed import Feed
from gm_core.data.registry import make_data
from gm_core.model import Batch, GenerativeModel, build
from gm_core.presets import find_preset
from gm_core.spec import TrainSpec
from gm_core.train.loop import Training

STEPS = 100
ROUNDS = 5


def plain_loop(model: GenerativeModel, batches: Iterable[Tensor], steps: int) -> float:
    """The textbook loop: seconds for so many steps."""
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-3)
    rng = torch.Generator().manual_seed(0)
    began = time.perf_counter()
    for step, x in enumerate(batches):
        if step == steps:
            break
        optimiser.zero_grad()
        loss = model.loss(Batch(torch.bernoulli(x, generator=rng)), rng)["total"]
        loss.backward()
        optimiser.step()
        loss.item()
    return time.perf_counter() - began


def test_one_epoch_of_the_vae(mnist_folder: Path, note: Callable[[str, str, str], None]) -> None:
    """Interleaved rounds, so that a drift of the machine meets all three; medians of the rounds' ratios."""
    cores = os.cpu_count() or 1
    preset = find_preset("vae-mnist").spec
    data = make_data({**preset["data"], "folder": str(mnist_folder)})
    images = data.part("train").x
    n = len(images)

    from torchvision.datasets import MNIST
    from torchvision.transforms import ToTensor

    class Usual(MNIST):
        """torchvision's MNIST with its own item access, on arrays that are in memory already."""

        def __init__(self) -> None:
            torch.utils.data.Dataset.__init__(self)
            self.data, self.targets = images[:, 0], torch.zeros(n, dtype=torch.int64)
            self.transform, self.target_transform = ToTensor(), None

    def usual() -> Iterable[Tensor]:
        for x, _ in torch.utils.data.DataLoader(Usual(), batch_size=100, shuffle=True):
            yield x

    def tensors() -> Iterable[Tensor]:
        stored = torch.utils.data.TensorDataset(images.float() / 255)
        for (x,) in torch.utils.data.DataLoader(stored, batch_size=100, shuffle=True):
            yield x

    times: dict[str, list[float]] = {"ours": [], "usual": [], "tensors": []}
    for _ in range(ROUNDS):
        spec = TrainSpec(steps=STEPS + 5, batch=100, validate_every=10**6, validate_examples=1)
        ours = Training(build(preset["model"], data.card), Feed(data, 100, "cpu"), spec, torch.device("cpu"))
        job = ours.steps()
        while ours.step < 5:
            next(job)
        began = time.perf_counter()
        while ours.step < STEPS + 5:
            next(job)
        times["ours"].append(time.perf_counter() - began)
        torch.set_num_threads(cores)  # as a plain script has; ours took its own number
        times["usual"].append(plain_loop(build(preset["model"], data.card), usual(), STEPS))
        times["tensors"].append(plain_loop(build(preset["model"], data.card), tensors(), STEPS))
    epoch = n / 100 / STEPS * statistics.median(times["ours"])
    against_usual = statistics.median(u / o for u, o in zip(times["usual"], times["ours"], strict=True))
    against_tensors = statistics.median(t / o for t, o in zip(times["tensors"], times["ours"], strict=True))
    note("VAE 784-400-20, one MNIST epoch (600 steps of 100), from 100 steps", f"{epoch:.1f} s", "")
    note("the same, usual script (ToTensor, DataLoader) / ours", f"{against_usual:.2f} times", "at least 2")
    note("the same, TensorDataset loop / ours", f"{against_tensors:.2f} times", "printed")
    assert against_usual > 1.0
