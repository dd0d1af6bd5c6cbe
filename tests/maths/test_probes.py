"""The probes find what scikit-learn's own classifiers find, can be interrupted, and survive odd labels."""

from __future__ import annotations

import math
from collections.abc import Generator
from typing import TypeVar

import pytest
import torch
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.preprocessing import StandardScaler
from torch import Tensor

from gm_core.maths.probes import accuracy, linear_probe, majority, neighbour_votes, standardise

Result = TypeVar("Result")


def finished(steps: Generator[None, None, Result]) -> tuple[Result, int]:
    """What a generator returns, and how often it offered a safe point."""
    count = 0
    while True:
        try:
            next(steps)
        except StopIteration as stop:
            return stop.value, count
        count += 1


def digits() -> tuple[Tensor, Tensor, Tensor, Tensor]:
    x, y = load_digits(return_X_y=True)
    x, y = torch.from_numpy(x), torch.from_numpy(y).long()
    return x[:1000], y[:1000], x[1000:], y[1000:]


def codes() -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The digits as ten numbers of different size, and an eleventh that never changes."""
    x, y, held, held_y = digits()
    turn = torch.randn(64, 11, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    turn *= torch.logspace(-2, 2, 11, dtype=torch.float64)
    turn[:, 10] = 0.0
    return x @ turn, y, held @ turn, held_y


@pytest.mark.parametrize("data", [digits, codes])
def test_the_linear_probe_guesses_as_logistic_regression_of_scikit_learn_does(data) -> None:  # type: ignore[no-untyped-def]
    """The same convex objective: at most 2 of 797 guesses, near a boundary, may fall otherwise."""
    x, y, held, held_y = data()
    guesses, safe_points = finished(linear_probe(x, y, 10, held))
    scaler = StandardScaler().fit(x)
    other = LogisticRegression(C=1.0, max_iter=5000, tol=1e-8).fit(scaler.transform(x), y)
    wished = torch.from_numpy(other.predict(scaler.transform(held)))
    assert (guesses != wished).sum() <= 2
    assert accuracy(guesses, held_y).share == pytest.approx(other.score(scaler.transform(held), held_y), abs=0.0026)
    assert safe_points >= 3


def test_neighbours_vote_as_those_of_scikit_learn_do() -> None:
    x, y, held, _ = codes()
    guesses, safe_points = finished(neighbour_votes(x, y, 10, held))
    other = KNeighborsClassifier(5, algorithm="brute").fit(x, y)
    assert torch.equal(guesses, torch.from_numpy(other.predict(held)))
    assert safe_points >= 3


def test_numbers_are_standardised_by_what_is_learned_from_and_dead_ones_stay_at_zero() -> None:
    x, _, held, _ = codes()
    found, found_held = standardise(x, held)
    scaler = StandardScaler().fit(x)
    assert torch.allclose(found, torch.from_numpy(scaler.transform(x)), atol=1e-9)
    assert torch.allclose(found_held, torch.from_numpy(scaler.transform(held)), atol=1e-9)
    assert (found[:, 10] == 0).all()


def test_the_same_codes_give_the_same_guesses_and_nothing_is_drawn() -> None:
    x, y, held, _ = codes()
    before = torch.random.get_rng_state()
    first, again = (finished(linear_probe(x, y, 10, held))[0] for _ in range(2))
    assert torch.equal(first, again)
    assert torch.equal(before, torch.random.get_rng_state())


def test_probes_run_where_gradients_are_switched_off_and_leave_that_as_it_was() -> None:
    x, y, held, held_y = codes()
    with torch.no_grad():
        steps = linear_probe(x, y, 10, held)
        next(steps)
        assert not torch.is_grad_enabled()
        guesses, _ = finished(steps)
    assert accuracy(guesses, held_y).share > 0.7


def test_the_error_of_an_accuracy_is_the_binomial_one() -> None:
    found = accuracy(torch.tensor([1, 1, 0, 0]), torch.tensor([1, 1, 1, 0]))
    assert found.share == 0.75 and found.error == pytest.approx(math.sqrt(0.75 * 0.25 / 4)) and found.count == 4


def test_the_majority_is_that_of_the_learned_labels() -> None:
    assert majority(torch.tensor([2, 2, 1]), torch.tensor([2, 1, 1, 1])).share == 0.25


@pytest.mark.parametrize("probe", [linear_probe, neighbour_votes])
def test_one_class_and_fewer_examples_than_neighbours_are_no_trouble(probe) -> None:  # type: ignore[no-untyped-def]
    x, y = torch.zeros(3, 2, dtype=torch.float64), torch.tensor([1, 1, 1])
    guesses, _ = finished(probe(x, y, 3, torch.ones(2, 2, dtype=torch.float64)))
    assert guesses.tolist() == [1, 1]
