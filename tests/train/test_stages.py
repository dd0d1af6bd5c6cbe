"""Stages in the training loop: each ends at its share of the steps, and where a run stands is part of its snapshot."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from gm_core.data.feed import Feed
from gm_core.data.registry import make_data
from gm_core.model import Batch, GenerativeModel, ModelSpec, Phase, Stage
from gm_core.protocol.cards import Chart, DataCard
from gm_core.spec import TrainSpec
from gm_core.train.loop import Training
from gm_core.train.meter import Meter

DIGITS = {"kind": "digits", "limit": 60}


class Twofold(GenerativeModel):
    """Two linear maps, learned one after the other; a buffer that takes a random number after each step of the first.

    The first stage lasts 0.6 of all steps.
    """

    Spec = ModelSpec
    title = "Twofold"
    charts = (Chart("first", "First"), Chart("second", "Second"))
    accepts = frozenset({"images", "levels"})
    trace: Tensor

    def __init__(self, spec: ModelSpec, card: DataCard) -> None:
        super().__init__(spec, card)
        self.one, self.other = nn.Linear(card.size, 4), nn.Linear(card.size, 4)
        self.register_buffer("trace", torch.zeros(2))

    def stages(self) -> list[Stage]:
        one, other = list(self.one.parameters()), list(self.other.parameters())
        return [
            Stage("first", [Phase("one", one, self.loss, after=self.settle)], share=0.6),
            Stage("second", [Phase("other", other, self.later)]),
        ]

    def loss(self, batch: Batch, rng: torch.Generator) -> dict[str, Tensor]:
        value = (self.one(batch.x.flatten(1)) - 1.0).square().mean()
        return {"total": value, "first": value.detach()}

    def later(self, batch: Batch, rng: torch.Generator) -> dict[str, Tensor]:
        value = (self.other(batch.x.flatten(1)) + 1.0).square().mean()
        return {"total": value, "second": value.detach()}

    def settle(self, rng: torch.Generator) -> None:
        self.trace += torch.stack([torch.ones(()), torch.rand((), generator=rng)])

    def scores(self, batch: Batch, rng: torch.Generator) -> dict[str, Tensor]:
        return {**self.loss(batch, rng), **self.later(batch, rng)}


def training(
    steps: int = 10, seen: list[int] | None = None, kind: type[Twofold] = Twofold, **options: Any
) -> Training:
    """A short training of a model of two stages; `seen` gathers the steps of its validations."""
    data = make_data(DIGITS)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = kind(ModelSpec(), data.card)
    spec = TrainSpec.read({"steps": steps, "batch": 12, "validate_every": 1000, "ema": 100.0, "threads": 1, **options})
    kept = [] if seen is None else seen
    feed = Feed(data, spec.batch, "cpu", 0)
    return Training(model, feed, spec, torch.device("cpu"), lambda step, seconds, found: kept.append(step))


def run(it: Training, until: int | None = None) -> Training:
    """Take steps to the end, or until a step."""
    for _ in it.steps():
        if until is not None and it.step >= until:
            break
    return it


def same(first: Training, second: Training) -> bool:
    """Whether two trainings stand at the same bits and in the same stage."""
    a, b = first.snapshot(), second.snapshot()
    alike = a.tensors.keys() == b.tensors.keys() and all(torch.equal(a.tensors[k], b.tensors[k]) for k in a.tensors)
    return alike and (a.step, a.facts["stage"], a.facts["began"]) == (b.step, b.facts["stage"], b.facts["began"])


def readings(it: Training) -> list[tuple[tuple[str, ...], list[int]]]:
    """What the meter holds: names, and the steps at which they were reported."""
    found = []
    while (reading := it.meter.flush()) is not None:
        found.append((reading.names, reading.steps.tolist()))
    return found


@pytest.mark.parametrize(("steps", "end"), [(10, 6), (5, 3), (4, 2), (1, 1)])
def test_a_stage_ends_at_its_share_of_the_steps_and_each_reports_its_own_charts(steps: int, end: int) -> None:
    it = run(training(steps))
    first, second = list(range(1, end + 1)), list(range(end + 1, steps + 1))
    wanted = [(("one_total", "first"), first), (("other_total", "second"), second)]
    assert readings(it) == [(names, held) for names, held in wanted if held]
    assert (it.stage, it.step) == (1, steps)


def test_the_end_of_a_stage_is_validated_and_so_are_the_beginning_and_the_end_of_the_run() -> None:
    seen: list[int] = []
    run(training(10, seen))
    assert seen == [0, 6, 10]


def test_each_stage_moves_its_own_parameters_alone() -> None:
    it = training(10)
    model = it.model
    assert isinstance(model, Twofold)
    born = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    run(it, 6)
    assert not torch.equal(born["one.weight"], model.one.weight)
    assert torch.equal(born["other.weight"], model.other.weight)
    half = model.one.weight.clone()
    run(it)
    assert torch.equal(half, model.one.weight) and not torch.equal(born["other.weight"], model.other.weight)


@pytest.mark.parametrize("at", range(1, 10))
def test_ten_steps_equal_some_and_a_snapshot_and_the_rest_wherever_the_snapshot_was_taken(at: int) -> None:
    whole, half, other = run(training()), run(training(), at), training()
    other.restore(half.snapshot())
    assert same(whole, run(other))


@pytest.mark.parametrize("at", [1, 5, 6])
def test_a_return_from_the_second_stage_into_the_first_is_followed_by_what_followed_then(at: int) -> None:
    it = run(training(), at)
    taken = it.snapshot()
    run(it)
    ended = it.snapshot()
    assert ended.facts["stage"] == 1
    it.restore(taken)
    assert (it.stage, it.step) == (0, at)
    run(it)
    again = it.snapshot()
    assert all(torch.equal(ended.tensors[name], again.tensors[name]) for name in ended.tensors)


def test_a_run_in_its_second_stage_stays_there_when_more_steps_are_given() -> None:
    done, later = run(training(10)), training(30)
    later.restore(done.snapshot())
    one = later.model.get_parameter("one.weight").clone()
    run(later)
    assert (later.step, later.stage, later.began) == (30, 1, 6)
    assert torch.equal(one, later.model.get_parameter("one.weight"))
    assert readings(later) == [(("other_total", "second"), list(range(11, 31)))]


def test_a_run_in_its_first_stage_has_more_of_it_when_more_steps_are_given() -> None:
    early, later = run(training(10), 4), training(30)
    later.restore(early.snapshot())
    run(later)
    assert readings(later)[0] == (("one_total", "first"), list(range(5, 19)))


def test_fewer_steps_end_the_first_stage_at_once_where_its_share_is_already_passed() -> None:
    it = training(30)
    for _ in it.steps():
        if it.step == 9:
            it.edit(it.spec.replace("steps", 12), ModelSpec())  # 0.6 of them are 7
    assert it.step == 12 and it.began == 9


def test_warm_up_and_cosine_begin_anew_in_each_stage() -> None:
    it = training(20, lr=0.1, schedule="cosine", warmup=2)
    rates = {}
    for _ in it.steps():
        name = "one" if it.step <= 12 else "other"
        rates[it.step] = it.optimisers[name].param_groups[0]["lr"]
    for began, long in ((0, 12), (12, 8)):
        for k in range(long):
            wanted = 0.1 * min(1.0, (k + 1) / 2) * 0.5 * (1 + np.cos(np.pi * k / long))
            assert rates[began + k + 1] == pytest.approx(wanted, rel=1e-12)


@pytest.mark.parametrize("microbatch", [0, 5])
def test_what_comes_after_a_step_comes_once_a_step_also_where_the_batch_comes_in_parts(microbatch: int) -> None:
    it = run(training(10, microbatch=microbatch))
    rng = torch.Generator().manual_seed(it.spec.seed)
    drawn = sum(float(torch.rand((), generator=rng)) for _ in range(6))
    trace = it.model.get_buffer("trace")
    assert float(trace[0]) == 6.0 and float(trace[1]) == pytest.approx(drawn, rel=1e-6)


class Counted(Twofold):
    """The first stage counts batches, without end."""

    def stages(self) -> list[Stage]:
        return [Stage("count", fit=self.fit, share=0.3), super().stages()[1]]

    def fit(self, feed: Feed) -> Iterator[Mapping[str, Tensor]]:
        while True:
            feed.next()
            self.trace += 1
            yield {"total": self.trace[0].clone(), "first": self.trace[0].clone()}


def test_exact_passes_that_would_go_on_for_ever_end_at_their_share_too() -> None:
    it = run(training(10, kind=Counted))
    assert float(it.model.get_buffer("trace")[0]) == 3.0
    assert readings(it) == [(("count_total", "first"), [1, 2, 3]), (("other_total", "second"), list(range(4, 11)))]


def test_the_meter_keeps_what_came_under_other_names_and_gives_the_oldest_first() -> None:
    meter = Meter()
    for step, name in enumerate(["a", "a", "b", "a"]):
        meter.write(step, 0.0, {name: torch.tensor(float(step)), "v": torch.full((2,), float(step))})
    found = []
    while (reading := meter.flush()) is not None:
        found.append((reading.names, reading.steps.tolist(), reading.values[:, 0].tolist(), reading.vectors["v"][0]))
    assert found == [(("a",), [0, 1], [0.0, 1.0], 1.0), (("b",), [2], [2.0], 2.0), (("a",), [3], [3.0], 3.0)]
    assert meter.flush() is None
