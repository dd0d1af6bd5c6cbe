"""Averages in log space: laws that hold for any weights, and cases worked out by hand."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from gm_core.maths.estimators import effective_sample_size, importance_bound, log_mean_exp, standard_error

LOGS = st.lists(st.floats(-700.0, 700.0), min_size=2, max_size=12)


def column(values: list[float]) -> Tensor:
    """Log weights of one example: (k, 1)."""
    return torch.tensor(values, dtype=torch.float64).unsqueeze(1)


def test_the_mean_is_taken_over_the_draws_and_not_over_the_examples() -> None:
    weights = torch.tensor([[1.0, 8.0, 3.0], [3.0, 2.0, 3.0]], dtype=torch.float64)
    expected = torch.tensor([2.0, 5.0, 3.0], dtype=torch.float64).log()
    torch.testing.assert_close(importance_bound(weights.log()), expected, rtol=0, atol=1e-14)


def test_the_axis_of_a_log_mean_can_be_chosen() -> None:
    values = torch.tensor([[0.0, math.log(3.0)], [0.0, 0.0]], dtype=torch.float64)
    assert log_mean_exp(values, 1).tolist() == pytest.approx([math.log(2.0), 0.0])


@given(LOGS)
def test_a_log_mean_lies_between_the_mean_of_the_logs_and_their_largest(values: list[float]) -> None:
    found = float(log_mean_exp(column(values)))
    assert sum(values) / len(values) - 1e-9 <= found <= max(values) + 1e-9


@given(LOGS.filter(lambda values: len(values) % 2 == 0))
def test_the_mean_bound_of_the_halves_never_exceeds_the_bound_of_the_whole(values: list[float]) -> None:
    half = len(values) // 2
    whole = importance_bound(column(values))
    halves = 0.5 * (importance_bound(column(values[:half])) + importance_bound(column(values[half:])))
    assert float(halves) <= float(whole) + 1e-10 * (1 + abs(float(whole)))


@given(st.floats(-1e4, 1e4), st.integers(1, 50))
def test_equal_weights_all_count_and_give_themselves(value: float, k: int) -> None:
    weights = column([value] * k)
    assert float(importance_bound(weights)) == pytest.approx(value, abs=1e-9)
    assert float(effective_sample_size(weights)) == pytest.approx(k, rel=1e-9)


@given(LOGS)
def test_the_effective_sample_size_lies_between_one_and_all(values: list[float]) -> None:
    assert 1.0 - 1e-9 <= float(effective_sample_size(column(values))) <= len(values) * (1 + 1e-9)


def test_one_weight_that_outweighs_all_others_leaves_an_effective_sample_of_one() -> None:
    assert float(effective_sample_size(column([500.0, 0.0, 0.0, 0.0]))) == pytest.approx(1.0)


def test_the_standard_error_shrinks_with_the_root_of_the_number() -> None:
    values = torch.tensor([1.0, 3.0], dtype=torch.float64)
    assert float(standard_error(values)) == pytest.approx(math.sqrt(2.0) / math.sqrt(2.0))
    assert float(standard_error(values.repeat(50))) == pytest.approx(1.0050378 / 10.0, rel=1e-6)
