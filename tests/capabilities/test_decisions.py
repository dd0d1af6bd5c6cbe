"""When the class is decided: against the arcsine law of the Brownian motion, whose answer is known at every moment."""

from __future__ import annotations

import math
import pickle
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from gm_core.capabilities.base import answer
from gm_core.capabilities.decisions import Decision, DecisionQuery, standard_error
from gm_core.capabilities.stepwise import Renoises, StepFrame, TrajectoryQuery
from gm_core.spec import SpecError

from .walker import Signs, Walker, scene

MANY = DecisionQuery(seed=3, n=400, forks=10, moments=5, steps=20)


def decided(query: DecisionQuery, model: Walker | None = None, labelled: bool = True) -> list[Decision]:
    """The frames of a query."""
    found = answer(query, scene(model or Walker(), query.seed, labelled))
    return [frame for frame in found if isinstance(frame, Decision)]


@pytest.mark.parametrize("way", ["fork", "return"])
def test_the_agreement_of_a_brownian_motion_is_the_arcsine_law(way: Any) -> None:
    """P(sign B_1 = sign B'_1) = 1/2 + arcsin(s) / pi where two motions share their way up to s, or their noise is that
    of a bridge back to s: both pairs have the correlation s."""
    *_, last = decided(replace(MANY, way=way))
    assert last.progress == pytest.approx([0.0, 0.2, 0.4, 0.6, 0.8])
    expected = 0.5 + np.arcsin(last.progress) / math.pi
    assert (last.errors > 0).all() and (last.errors < 0.03).all()
    assert (np.abs(last.agreement - expected) < 4 * last.errors + 0.01).all(), (
        "0.01: the vote is not perfectly the sign"
    )
    assert (np.diff(last.agreement) > 0).all()


def test_moments_come_from_the_end_backwards_and_those_to_come_are_not_numbers() -> None:
    found = decided(replace(MANY, n=4, forks=2))
    assert [frame.done for frame in found] == [1, 2, 3, 4, 5] and {frame.total for frame in found} == {5}
    for frame in found:
        assert np.isnan(frame.agreement).sum() == np.isnan(frame.errors).sum() == 5 - frame.done
        assert not np.isnan(frame.agreement[5 - frame.done :]).any()
        assert frame.ends.sum() == frame.done * 4 * 2
        assert np.isnan(frame.each).sum() == 4 * (5 - frame.done)
    assert np.array_equal(found[-1].each.mean(1) >= 0, np.ones(4, bool))
    assert pickle.loads(pickle.dumps(found[0])).done == 1


def test_it_speaks_of_the_examples_that_the_trajectory_with_this_seed_draws() -> None:
    *_, last = decided(replace(MANY, n=12, forks=1))
    query = TrajectoryQuery(seed=3, n=12, steps=20)
    *_, drawn = (frame for frame in answer(query, scene(Walker(), 3)) if isinstance(frame, StepFrame))
    near = np.abs(drawn.x[:, 0]) > 0.1
    assert near.sum() > 6 and np.array_equal(last.classes[near], (drawn.x[near, 0] > 0).astype(int))


def test_a_sampler_without_noise_of_its_own_decides_at_the_beginning_and_the_answer_says_why() -> None:
    model = Walker(spread=1.0)
    *_, last = decided(replace(MANY, n=30, forks=2, sampler="still"), model)
    assert (last.agreement == 1.0).all() and not last.fresh
    *_, noisy = decided(replace(MANY, n=30, forks=2), model)
    assert noisy.fresh
    *_, back = decided(replace(MANY, n=30, forks=2, sampler="still", way="return"), model)
    assert back.fresh, "put back with new noise, it goes elsewhere all the same"


def test_the_judge_says_how_often_it_is_right_on_examples_that_it_never_saw() -> None:
    *_, last = decided(replace(MANY, n=2, forks=1))
    assert last.held == 500 and 0.93 < last.accuracy < 1.0
    assert last.accuracy_error == pytest.approx(math.sqrt(last.accuracy * (1 - last.accuracy) / 500))
    assert last.chance == pytest.approx(0.5, abs=0.01)


def test_data_without_a_validation_split_are_examined_on_the_test_split() -> None:
    class Whole(Signs):
        def count(self, split: str) -> int:
            return 0 if split == "validation" else self.n

    plain = scene(Walker(), 3)
    found = answer(replace(MANY, n=2, forks=1), replace(plain, data=Whole()))
    *_, last = (frame for frame in found if isinstance(frame, Decision))
    assert last.held == 500 and 0.93 < last.accuracy < 1.0


def test_the_same_seed_gives_the_same_answer() -> None:
    query = replace(MANY, n=5, forks=3)
    *_, first = decided(query)
    *_, second = decided(query)
    assert np.array_equal(first.each, second.each)


def test_the_standard_error_counts_examples_not_forks() -> None:
    shares = torch.tensor([0.0, 1.0, 1.0, 0.5], dtype=torch.float64)
    assert standard_error(shares, 100) == pytest.approx(float(np.std(shares.numpy(), ddof=1)) / 2)
    assert standard_error(torch.tensor([0.25]), 16) == pytest.approx(math.sqrt(0.25 * 0.75 / 16))


def test_there_are_safe_points_between_all_steps_and_nothing_leaks_when_it_is_left() -> None:
    found = answer(replace(MANY, n=4, forks=2), scene(Walker(), 3))
    quiet = [next(found) for _ in range(40)]
    assert quiet.count(None) >= 38
    found.close()  # type: ignore[attr-defined]


class Bare(Walker):
    """A walk that cannot put examples back."""

    def offers(self) -> frozenset[str]:
        return super().offers() - {Renoises.word}


@pytest.mark.parametrize(
    ("change", "model", "labelled", "words"),
    [
        ({}, Walker(), False, "Bare: the training data have no labels"),
        ({"forks": 0}, Walker(), True, "forks is 0; expected at least 1"),
        ({"moments": 1}, Walker(), True, "moments is 1; expected at least 2"),
        ({"moments": 30}, Walker(), True, "moments is 30, but the way has 20 steps: choose fewer moments"),
        ({"way": "return"}, Bare(), True, "way is 'return', but Random walk cannot put examples back"),
        ({"guidance": 2.0}, Walker(knows=False), True, "learned no classes"),
        ({"steps": 99}, Walker(), True, "steps is 99"),
        ({"sampler": "fast"}, Walker(), True, "expected one of: noisy, still"),
        ({"y": 4}, Walker(), True, "y is 4; expected 0 to 1"),
    ],
)
def test_what_cannot_be_asked_is_said_in_one_sentence(
    change: dict[str, Any], model: Walker, labelled: bool, words: str
) -> None:
    with pytest.raises(SpecError, match=words):
        decided(replace(MANY, n=2, **change), model, labelled)


def test_a_guided_way_is_decided_by_its_class() -> None:
    *_, last = decided(replace(MANY, n=40, forks=4, y=1, guidance=6.0))
    assert (last.classes == 1).all() and (last.agreement > 0.99).all()
