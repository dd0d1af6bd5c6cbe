"""Quality as a window asks for it: a perfect, a collapsed and a broken generator, on points and on digits."""

from __future__ import annotations

import pickle
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from gm_core.capabilities.base import Scene, answer
from gm_core.capabilities.metrics import ALL_DATA, KEYS, METRICS, OF_CLASSES, OF_MODES
from gm_core.capabilities.metrics import better_than as better
from gm_core.capabilities.quality import Quality, QualityQuery
from gm_core.capabilities.references import KEPT
from gm_core.capabilities.samples import Samples
from gm_core.capabilities.stepwise import Route, StepState, Stepwise
from gm_core.data.base import Data
from gm_core.data.feed import Feed
from gm_core.data.registry import make_data
from gm_core.protocol.cards import DataCard
from gm_core.spec import SpecError

Draw = Callable[[int, torch.Generator, Tensor | None], Tensor]


@dataclass
class Made(Samples):
    """A generator that is a function."""

    card: DataCard
    draw: Draw
    words: frozenset[str] = frozenset({"samples"})
    title: str = "Made up"

    def sample(self, n: int, rng: torch.Generator, y: Tensor | None = None) -> Tensor:
        return self.draw(n, rng, y)

    def offers(self) -> frozenset[str]:
        return self.words


@dataclass
class Walker(Stepwise):
    """Noise that is real after as many steps as were asked for."""

    card: DataCard
    real: Callable[[int], Tensor]
    title: str = "Walker"

    def trajectory(
        self,
        n: int,
        rng: torch.Generator,
        y: Tensor | None = None,
        route: Route = Route(),  # noqa: B008
    ) -> Iterator[StepState]:
        steps = route.steps or 4
        x = torch.randn(n, *self.card.shape, generator=rng)
        for step in range(steps + 1):
            yield StepState(x if step < 3 else self.real(n), step / steps, "", {}, {}, 0.0, step)

    def samplers(self) -> tuple[str, ...]:
        return ("own",)

    def curves(self) -> dict[str, Any]:
        return {}

    @property
    def default_steps(self) -> int:
        return 4

    def offers(self) -> frozenset[str]:
        return frozenset({"samples", "stepwise"})


def measured(model: Any, feed: Feed, query: QualityQuery) -> Quality:
    scene = Scene(model, feed, torch.Generator().manual_seed(query.seed), torch.device("cpu"))
    with torch.no_grad():
        last = deque(answer(query, scene), maxlen=1).pop()
    assert isinstance(last, Quality)
    return last


def feed_of(**wish: Any) -> Feed:
    return Feed(make_data(wish), 100)


def value(found: Quality, name: str) -> float:
    return float(found.values[found.names.index(name)])


def floor(found: Quality, name: str) -> float:
    return float(found.floors[found.names.index(name)])


def real_points(data: Data) -> Draw:
    assert data.exact is not None
    return lambda n, rng, y: data.exact.sample(n, rng)  # type: ignore[union-attr]


@pytest.fixture(scope="module")
def ring() -> Feed:
    return feed_of(kind="ring")


@pytest.fixture(scope="module")
def perfect(ring: Feed) -> Quality:
    return measured(Made(ring.card, real_points(ring.data)), ring, QualityQuery(n=1000))


def test_a_perfect_generator_reaches_the_floor_in_every_metric(perfect: Quality) -> None:
    """Within five standard errors of two draws, or where there is no error, within a half of the floor's size."""
    assert perfect.names == (*ALL_DATA, *OF_MODES)
    for name, found, error, least in zip(perfect.names, perfect.values, perfect.errors, perfect.floors):
        room = 0.5 * abs(least) + 0.01 if np.isnan(error) else 5 * np.sqrt(2) * error + 0.02
        assert abs(found - least) < room, name
    assert value(perfect, "modes") == 8
    assert perfect.n == 1000 and perfect.cost == 1


def test_a_collapsed_generator_is_told_by_every_metric_but_precision(ring: Feed, perfect: Quality) -> None:
    """Two of eight modes, drawn perfectly."""

    def two(n: int, rng: torch.Generator, y: Tensor | None) -> Tensor:
        x = real_points(ring.data)(8 * n + 200, rng, y)
        return x[(x[:, 0] > 1.0) & (x[:, 1] > -0.7)][:n]

    found = measured(Made(ring.card, two), ring, QualityQuery(n=1000))
    assert value(found, "modes") == 2
    assert value(found, "precision") > 0.95 and value(found, "high_quality") > 0.97
    for name in ("mmd", "sliced", "c2st", "recall", "coverage", "frechet", "kid", "mode_kl"):
        assert better(name, value(perfect, name), value(found, name)), name
        assert better(name, floor(found, name), value(found, name)), name


def test_the_same_seed_measures_the_same_and_floors_do_not_depend_on_it(ring: Feed, perfect: Quality) -> None:
    model = Made(ring.card, real_points(ring.data))
    again, other = (measured(model, ring, QualityQuery(n=1000, seed=seed)) for seed in (0, 5))
    assert np.array_equal(again.values, perfect.values)
    assert not np.array_equal(other.values, perfect.values)
    assert np.array_equal(other.floors, perfect.floors)


def test_asking_again_uses_what_was_learned_of_the_data_and_two_feeds_of_one_data_set_share_it(ring: Feed) -> None:
    model = Made(ring.card, real_points(ring.data))
    first = measured(model, ring, QualityQuery(n=300))
    before = dict(KEPT)
    second = measured(model, feed_of(kind="ring"), QualityQuery(n=300))
    assert KEPT.keys() == before.keys() and np.array_equal(first.floors, second.floors)
    measured(model, feed_of(kind="ring", seed=3), QualityQuery(n=300))
    assert len(KEPT) == min(6, len(before) + 1)


def test_metrics_are_chosen_by_name_and_kept_in_their_order(ring: Feed) -> None:
    model = Made(ring.card, real_points(ring.data))
    found = measured(model, ring, QualityQuery(n=200, metrics=("modes", "mmd"), shown=7))
    assert found.names == ("mmd", "modes")
    assert found.items is not None and found.items.shape == (7, 2) and found.items.dtype == np.float32
    pickle.loads(pickle.dumps(found))


def test_modes_are_counted_only_where_they_are_known_and_apart() -> None:
    for wish in ({"kind": "moons"}, {"kind": "ring", "sigma": 1.0}):
        feed = feed_of(**wish)
        found = measured(Made(feed.card, real_points(feed.data)), feed, QualityQuery(n=100))
        assert found.names == ALL_DATA
        with pytest.raises(SpecError, match="modes needs data whose modes are known"):
            measured(Made(feed.card, real_points(feed.data)), feed, QualityQuery(n=100, metrics=("modes",)))


def test_what_cannot_be_measured_is_said_in_a_sentence(ring: Feed) -> None:
    model = Made(ring.card, real_points(ring.data))
    for query, words in (
        (QualityQuery(n=3), "n is 3; expected at least 20"),
        (QualityQuery(metrics=("beauty",)), "metrics has 'beauty'; expected some of: mmd"),
        (QualityQuery(metrics=("recognised",)), "needs pictures with labels"),
        (QualityQuery(labelled=True), "draws for no label"),
        (QualityQuery(steps=5), "does not draw step by step"),
        (QualityQuery(y=11), "y is 11; expected 0 to 7"),
    ):
        with pytest.raises(SpecError, match=words):
            measured(model, ring, query)


def test_a_generator_that_gives_nan_is_said_and_not_measured(ring: Feed) -> None:
    def broken(n: int, rng: torch.Generator, y: Tensor | None) -> Tensor:
        x = real_points(ring.data)(n, rng, y)
        x[3] = torch.nan
        return x

    with pytest.raises(SpecError, match="1 of 200 drawn examples are not finite"):
        measured(Made(ring.card, broken), ring, QualityQuery(n=200))


def test_stepwise_models_tell_their_cost_and_take_another_number_of_steps(ring: Feed) -> None:
    model = Walker(ring.card, lambda n: real_points(ring.data)(n, torch.Generator().manual_seed(9), None))
    short, own = (measured(model, ring, QualityQuery(n=300, steps=steps)) for steps in (2, 0))
    assert (short.cost, own.cost) == (2, 4)
    assert value(short, "mmd") > 0.05 > value(own, "mmd")


def test_one_class_is_compared_with_real_examples_of_that_class(ring: Feed) -> None:
    def first(n: int, rng: torch.Generator, y: Tensor | None) -> Tensor:
        assert y is not None and (y == 0).all()
        return torch.tensor([2.0, 0.0]) + 0.2 * torch.randn(n, 2, generator=rng)

    found = measured(Made(ring.card, first), ring, QualityQuery(n=400, y=0))
    assert found.n == 400 and value(found, "coverage") > 0.9 and abs(value(found, "mmd")) < 0.02


# ---- digits


def test_digits_are_looked_at_by_components_and_by_a_classifier() -> None:
    """Training digits again pass for real; blank ones do not; with labels the right class is known."""
    feed = feed_of(kind="digits")
    everything, labels = feed.examples("validation", torch.arange(147), torch.Generator())

    def again(n: int, rng: torch.Generator, y: Tensor | None) -> Tensor:
        if y is None:
            return everything[torch.randint(147, (n,), generator=rng)]
        assert labels is not None
        return torch.stack([everything[labels == int(k)][0] for k in y])

    copies = measured(Made(feed.card, again), feed, QualityQuery(shown=4))
    assert copies.n == 450  # as many as the test split has
    assert copies.names == (*ALL_DATA, *(name for name in OF_CLASSES if name != "accuracy"))
    assert copies.items is not None and copies.items.shape == (4, 8, 8, 1) and copies.items.dtype == np.uint8
    assert "whitened principal components" in copies.notes[""] and "classifier" in copies.notes["recognised"]

    blank = measured(Made(feed.card, lambda n, rng, y: torch.zeros(n, 1, 8, 8)), feed, QualityQuery())
    for name in ("frechet", "frechet_classes", "c2st", "recognised", "class_kl", "coverage"):
        assert better(name, value(copies, name), value(blank, name)), name
    assert value(blank, "recognised") == pytest.approx(1.0, abs=1e-6)

    able = frozenset({"samples", "conditional"})
    asked = measured(Made(feed.card, again, able), feed, QualityQuery(labelled=True, metrics=("accuracy",)))
    assert value(asked, "accuracy") > 0.8 and floor(asked, "accuracy") > 0.8
    with pytest.raises(SpecError, match="accuracy needs examples drawn for a label"):
        measured(Made(feed.card, again, able), feed, QualityQuery(metrics=("accuracy",)))


def test_each_metric_has_words_and_a_direction() -> None:
    assert len(set(KEYS)) == len(KEYS) == len(METRICS)
    assert all(metric.title and metric.tip.endswith(".") for metric in METRICS)
    assert better("mmd", 0.1, 0.2) and better("coverage", 0.2, 0.1)
    assert better("mmd", 0.1, float("nan")) and not better("mmd", float("nan"), 0.1)
