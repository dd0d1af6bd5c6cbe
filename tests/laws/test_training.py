"""The laws of training, for every registered model: learning, resume, rollback, quiet."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from gm_core.capabilities.base import Scene, answer
from gm_core.capabilities.critic import CriticQuery
from gm_core.capabilities.encodes import MapQuery
from gm_core.capabilities.latent import DecodeQuery
from gm_core.capabilities.samples import SampleQuery
from gm_core.capabilities.sitewise import FillQuery
from gm_core.capabilities.stepwise import TrajectoryQuery
from gm_core.data.feed import Feed
from gm_core.data.registry import make_data
from gm_core.model import build, find_models
from gm_core.spec import TrainSpec
from gm_core.train.loop import Training

DATA = {
    "points": {"kind": "moons", "train": 500, "validation": 200, "test": 200},
    "images": {"kind": "digits", "limit": 300},
}
CASES = [(kind, data) for kind in find_models() for data in DATA]
QUERIES = {
    "samples": SampleQuery(seed=3, n=4),
    "latent": DecodeQuery(seed=3),
    "encodes": MapQuery(seed=3, n=20),
    "critic": CriticQuery(seed=3, n=4, size=6, lattice=4),
    "stepwise": TrajectoryQuery(seed=3, n=2, steps=5),
    "sitewise": FillQuery(seed=3, n=2, frames=4),
}


def training(
    kind: str, data: str, steps: int, scores: list[dict[str, float]] | None = None, **options: float
) -> Training:
    """A small training of a model on points or on 8x8 digits."""
    made = make_data(DATA[data])
    why = find_models()[kind].fits(made.card)
    if why:
        pytest.skip(why)
    spec = TrainSpec.read({"steps": steps, "batch": 32, "ema": 500.0, "validate_every": 1000, **options})
    feed = Feed(made, spec.batch, "cpu", spec.seed)
    kept = scores if scores is not None else []
    return Training(
        build({"kind": kind}, made.card, 0),
        feed,
        spec,
        torch.device("cpu"),
        lambda step, seconds, found: kept.append(dict(found)),
    )


def run(it: Training, until: int | None = None) -> Training:
    """Take steps to the end, or until a step."""
    for _ in it.steps():
        if until is not None and it.step >= until:
            break
    return it


@pytest.fixture
def ahead(monkeypatch: pytest.MonkeyPatch) -> Callable[[bool], None]:
    """Say whether the batches of all feeds from now on are drawn ahead, however small they are and few the cores."""
    monkeypatch.setattr("gm_core.data.feed.WORTH", 0)
    return lambda wish: monkeypatch.setattr("gm_core.train.loop.spare_core", lambda: wish)


def same(first: Training, second: Training) -> bool:
    """Whether two trainings stand at the same bits: weights, averages, optimiser and random state."""
    a, b = first.snapshot(), second.snapshot()
    return (
        a.step == b.step
        and a.tensors.keys() == b.tensors.keys()
        and all(torch.equal(a.tensors[k], b.tensors[k]) for k in a.tensors)
    )


@pytest.mark.parametrize(("kind", "data"), CASES)
def test_two_hundred_steps_lower_the_validation_loss(kind: str, data: str) -> None:
    scores: list[dict[str, float]] = []
    run(training(kind, data, 200, scores))
    assert scores[-1]["total"] < scores[0]["total"]


@pytest.mark.parametrize(("kind", "data"), CASES)
def test_ten_steps_equal_five_and_a_snapshot_and_five(kind: str, data: str, ahead: Callable[[bool], None]) -> None:
    ahead(False)
    whole = run(training(kind, data, 10))
    ahead(True)
    half = run(training(kind, data, 10), until=5)
    other = training(kind, data, 10)
    other.restore(half.snapshot())
    assert same(whole, run(other))
    assert other.feed._thread is not None and whole.feed._thread is None


@pytest.mark.parametrize(("kind", "data"), CASES)
def test_a_snapshot_never_changes_after_birth_and_rollback_returns_to_it(
    kind: str, data: str, ahead: Callable[[bool], None]
) -> None:
    ahead(True)
    it = run(training(kind, data, 12), until=4)
    taken = it.snapshot()
    kept = {name: tensor.clone() for name, tensor in taken.tensors.items()}
    run(it)
    assert all(torch.equal(kept[name], taken.tensors[name]) for name in kept)
    first = it.snapshot()
    it.restore(taken)
    run(it)
    second = it.snapshot()
    assert all(torch.equal(first.tensors[name], second.tensors[name]) for name in first.tensors)


@pytest.mark.parametrize(("kind", "data"), CASES)
def test_the_numbers_of_a_step_are_its_own(kind: str, data: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The meter reads them many steps later: nothing may be written into them, and no graph may hang on them."""
    told: list[dict[str, torch.Tensor]] = []
    then: list[dict[str, torch.Tensor]] = []
    it = training(kind, data, 5)
    monkeypatch.setattr(
        it.meter,
        "write",
        lambda step, seconds, values: (
            told.append(dict(values)), then.append({name: value.clone() for name, value in values.items()})
        ),
    )  # fmt: skip
    run(it)
    assert told and all(not value.requires_grad for values in told for value in values.values())
    torch.testing.assert_close(told, then, rtol=0, atol=0, equal_nan=True)


@pytest.mark.parametrize(("kind", "data"), CASES)
def test_training_is_bit_identical_with_every_viewer_open_and_with_none(
    kind: str, data: str, ahead: Callable[[bool], None]
) -> None:
    ahead(False)
    alone = run(training(kind, data, 8))
    ahead(True)
    watched = training(kind, data, 8)
    before = torch.random.get_rng_state()
    for _ in watched.steps():
        with watched.mirrors.lease(watched.weights(), watched.step) as twin, torch.no_grad():
            for word in watched.model.offers() & QUERIES.keys():
                rng = torch.Generator().manual_seed(3)
                scene = Scene(twin, watched.feed, rng, watched.device)
                assert any(frame is not None for frame in answer(QUERIES[word], scene))
    assert same(alone, watched)
    assert torch.equal(before, torch.random.get_rng_state()), "a view drew from torch's global generator"
    assert watched.mirrors.lent == 0
