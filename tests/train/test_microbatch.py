"""A batch in parts: the same step, with safe places in between where others may look."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from gm_core.data.feed import Feed
from gm_core.data.registry import make_data
from gm_core.model import Batch, GenerativeModel, ModelSpec, build
from gm_core.protocol.cards import Chart, DataCard
from gm_core.spec import SpecError, TrainSpec
from gm_core.train.loop import Training

DIGITS = {"kind": "digits", "limit": 200}


class Line(GenerativeModel):
    """A linear map of each example to itself, whose loss draws nothing."""

    Spec = ModelSpec
    title = "Line"
    charts = (Chart("size", "Size"), Chart("pixels", "Pixels", vector=True))
    accepts = frozenset({"images", "levels"})

    def __init__(self, spec: ModelSpec, card: DataCard) -> None:
        super().__init__(spec, card)
        self.map = nn.Linear(card.size, card.size)

    def loss(self, batch: Batch, rng: torch.Generator) -> dict[str, Tensor]:
        x = batch.x.flatten(1)
        error = (self.map(x) - x).square()
        return {"total": error.sum(1).mean(), "size": x.sum(1).mean(), "pixels": error.mean(0).detach()}


class Comparing(Line):
    """As above, but its loss is said to compare examples."""

    title = "Comparing"
    splittable = False


def line(microbatch: int, kind: type[Line] = Line, **options: float) -> Training:
    """A line on small digits; the same weights at birth whatever the options."""
    data = make_data(DIGITS)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = kind(ModelSpec(), data.card)
    spec = TrainSpec.read({"steps": 5, "batch": 10, "microbatch": microbatch, "validate_every": 1000, **options})
    return Training(model, Feed(data, spec.batch, "cpu"), spec, torch.device("cpu"))


def vae(microbatch: int, **options: float) -> Training:
    """A small VAE on small digits, which draws noise for each example."""
    data = make_data(DIGITS)
    spec = TrainSpec.read({"steps": 10, "batch": 20, "microbatch": microbatch, "ema": 500.0, **options})
    model = build({"kind": "vae", "hidden": [16], "latent": 2}, data.card, 0)
    return Training(model, Feed(data, spec.batch, "cpu"), spec, torch.device("cpu"))


def same(first: Training, second: Training) -> bool:
    a, b = first.snapshot().tensors, second.snapshot().tensors
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


@pytest.mark.parametrize("microbatch", [1, 4, 5])
@pytest.mark.parametrize("clip", [0.0, 0.5])
def test_a_batch_in_parts_makes_the_step_of_the_whole_batch(microbatch: int, clip: float) -> None:
    whole, parts = line(0, clip=clip), line(microbatch, clip=clip)
    for training in (whole, parts):
        for _ in training.steps():
            pass
    for (name, a), b in zip(whole.model.state_dict().items(), parts.model.state_dict().values(), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-5, msg=lambda text, name=name: f"{name}: {text}")
    one, other = whole.meter.flush(), parts.meter.flush()
    assert one is not None and other is not None and one.names == other.names
    torch.testing.assert_close(torch.from_numpy(one.values), torch.from_numpy(other.values), rtol=1e-5, atol=1e-5)
    pixels = torch.from_numpy(one.vectors["pixels"]), torch.from_numpy(other.vectors["pixels"])
    torch.testing.assert_close(*pixels, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("microbatch", [20, 64])
def test_parts_as_large_as_the_batch_change_no_bit(microbatch: int) -> None:
    whole, parts = vae(0), vae(microbatch)
    for training in (whole, parts):
        for _ in training.steps():
            assert not training.midway
    assert same(whole, parts)


def test_between_parts_the_training_is_midway_and_no_weight_moves() -> None:
    training = line(4)
    before = {name: tensor.clone() for name, tensor in training.model.state_dict().items()}
    job = training.steps()
    seen = []
    while training.step < 1:
        next(job)
        seen.append(training.midway)
        if training.midway:
            assert all(torch.equal(before[name], tensor) for name, tensor in training.model.state_dict().items())
    assert seen[-3:] == [True, True, False] and sum(seen) == 2
    assert any(not torch.equal(before[name], tensor) for name, tensor in training.model.state_dict().items())


def test_ten_steps_in_parts_equal_five_and_a_snapshot_and_five() -> None:
    whole, half, other = vae(6), vae(6), vae(6)
    for _ in whole.steps():
        pass
    for _ in half.steps():
        if half.step == 5:
            break
    other.restore(half.snapshot())
    for _ in other.steps():
        pass
    assert same(whole, other)


def test_a_generator_closed_in_the_middle_of_a_step_is_not_midway_any_more() -> None:
    training = line(4)
    job = training.steps()
    while not training.midway:
        next(job)
    job.close()  # type: ignore[attr-defined]  # a generator
    assert not training.midway and training.step == 0


def test_a_loss_that_compares_examples_refuses_parts() -> None:
    assert line(0, Comparing).step == 0
    with pytest.raises(SpecError, match=r"train\.microbatch is 4, but the loss of Comparing compares .*; set it to 0"):
        line(4, Comparing)
