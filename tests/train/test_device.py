"""How many threads torch is given on how many cores."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from gm_core.model import find_models
from gm_core.train import device
from gm_core.train.device import spare_core, use_threads


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize(
    ("cores", "small", "long_operations", "threads"),
    [
        (8, True, False, 1),
        (8, False, False, 7),
        (8, False, True, 7),
        (2, False, False, 1),
        (2, False, True, 2),
        (1, False, True, 1),
        (1, False, False, 1),
    ],
)
def test_threads_follow_cores_and_the_length_of_operations(
    monkeypatch: pytest.MonkeyPatch, cores: int, small: bool, long_operations: bool, threads: int
) -> None:
    monkeypatch.setattr(device.os, "cpu_count", lambda: cores)
    use_threads(0, small, long_operations)
    assert torch.get_num_threads() == threads
    assert spare_core() == (threads < cores)
    use_threads(3, small, long_operations)
    assert torch.get_num_threads() == 3, "a wish counts more than any rule"


def test_what_convolves_or_attends_says_so_and_what_recurs_does_not() -> None:
    models = find_models()
    long = {name for name, cls in models.items() if cls.long_operations}
    assert long == {"pixel_cnn", "gated_pixel_cnn", "pixel_transformer", "vqvae"}  # others decide by their networks
