"""ln Z by a grid against closed forms, wherever the mass lies, and a memory that forgets when weights change."""

from __future__ import annotations

import copy
import math

import pytest
import torch
from torch import Tensor, nn

from gm_core.data.exact import Blobs
from gm_core.parts.partition import Remembered, log_partition
from gm_core.spec import SpecError

DOUBLE = torch.zeros((), dtype=torch.float64)


@pytest.mark.parametrize(
    ("centre", "widths", "reach"),
    [((0.0, 0.0), (1.0, 1.0), 6.0), ((0.3, -0.7), (0.05, 2.0), 5.0), ((40.0, -9.0), (0.5, 0.5), 6.0)],
)
def test_the_integral_of_a_gaussian_is_had_to_a_millionth_wherever_it_lies(
    centre: tuple[float, float], widths: tuple[float, float], reach: float
) -> None:
    def log_density(x: Tensor) -> Tensor:
        return -0.5 * ((x - x.new_tensor(centre)) / x.new_tensor(widths)).square().sum(1) + 3.0

    value, change = log_partition(log_density, reach, DOUBLE)
    assert value == pytest.approx(3.0 + math.log(2 * math.pi * widths[0] * widths[1]), abs=1e-6)
    assert change < 1e-6


def test_a_density_that_is_known_integrates_to_one_and_single_precision_is_enough() -> None:
    truth = Blobs(torch.tensor([[-2.0, 0.0], [2.0, 1.0], [0.0, -1.5]]), 0.2, torch.tensor([1.0, 2.0, 5.0]))
    assert log_partition(truth.log_prob, 4.0, DOUBLE)[0] == pytest.approx(0.0, abs=1e-6)
    assert log_partition(truth.log_prob, 4.0, torch.zeros(()))[0] == pytest.approx(0.0, abs=1e-5)


def test_a_density_without_an_end_and_one_that_is_no_number_are_refused() -> None:
    with pytest.raises(SpecError, match=r"may have no integral; lower model\.confine"):
        log_partition(lambda x: -0.001 * x.square().sum(1).add(1.0).log(), 1.0, DOUBLE)
    with pytest.raises(SpecError, match=r"not a number everywhere; go back to an earlier step and lower train\.lr"):
        log_partition(lambda x: x.sum(1) * math.nan, 1.0, DOUBLE)


def test_a_number_is_computed_anew_when_weights_change_and_a_copy_remembers_nothing() -> None:
    network = nn.Linear(2, 1)
    asked: list[int] = []

    def compute() -> tuple[float, float]:
        asked.append(1)
        return float(network.weight.detach().sum()), 0.0

    memory = Remembered()
    first = memory.of(network, compute)
    assert memory.of(network, compute) == first and len(asked) == 1
    with torch.no_grad():
        network.weight.add_(1.0)
    assert memory.of(network, compute) != first and len(asked) == 2
    network.load_state_dict({name: tensor + 1.0 for name, tensor in network.state_dict().items()})
    memory.of(network, compute)
    copy.deepcopy(memory).of(network, compute)
    assert len(asked) == 4
