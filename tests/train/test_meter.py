"""The meter keeps every step's value, however long nobody reads it."""

from __future__ import annotations

import numpy as np
import torch

from gm_core.train.meter import CAPACITY, Mean, Meter


def test_every_value_comes_back_in_order_even_when_the_device_was_full_several_times() -> None:
    meter = Meter()
    count = 2 * CAPACITY + 17
    for step in range(count):
        meter.write(step, step / 10, {"a": torch.tensor(float(step)), "v": torch.full((3,), float(step))})
    reading = meter.flush()
    assert reading is not None
    assert reading.steps.tolist() == list(range(count))
    assert np.array_equal(reading.values[:, 0], np.arange(count, dtype=np.float32))
    assert reading.vectors["v"].tolist() == [count - 1.0] * 3
    assert meter.flush() is None


def test_the_first_value_that_is_no_number_is_named_with_its_step() -> None:
    meter = Meter()
    for step, (a, b) in enumerate([(1.0, 2.0), (1.0, float("inf")), (float("nan"), float("nan"))], start=5):
        meter.write(step, 0.0, {"a": torch.tensor(a), "b": torch.tensor(b)})
    reading = meter.flush()
    assert reading is not None and reading.first_bad() == (6, ("b",))


def test_a_mean_weighs_portions_by_their_examples() -> None:
    mean = Mean()
    mean.add({"a": torch.tensor(1.0)}, 3)
    mean.add({"a": torch.tensor(5.0)}, 1)
    assert mean.result() == {"a": 2.0}
