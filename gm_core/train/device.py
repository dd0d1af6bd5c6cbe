"""Where to compute: CUDA, MPS or the CPU, and with how many threads."""

from __future__ import annotations

import os

import torch

from gm_core.protocol.cards import DeviceCard
from gm_core.spec import SpecError


def available() -> list[str]:
    """The devices of this machine, best first."""
    found = []
    if torch.cuda.is_available():
        found.append("cuda")
    if torch.backends.mps.is_available():
        found.append("mps")
    return [*found, "cpu"]


def choose_device(wish: str) -> torch.device:
    """The device for a wish; "auto" takes the best. Raises SpecError when the wished one is absent."""
    have = available()
    if wish == "auto":
        return torch.device(have[0])
    if wish not in have:
        raise SpecError(
            "train.device", f"train.device is {wish}; this machine has {', '.join(have)}: choose one of them or auto"
        )
    return torch.device(wish)


def device_card(device: torch.device) -> DeviceCard:
    """The device in words."""
    if device.type == "cuda":
        properties = torch.cuda.get_device_properties(device)
        return DeviceCard("cuda", properties.name, torch.get_num_threads(), properties.total_memory)
    title = "Apple GPU" if device.type == "mps" else "CPU"
    return DeviceCard(device.type, title, torch.get_num_threads())


def use_threads(wish: int, small: bool, long_operations: bool) -> None:
    """Give torch its CPU threads: one for small models (more would wait for each other), else all but one core.

    Of two cores both are taken only for operations that are long enough. Measured on two virtual cores, steps a second
    with two threads against one: convolutions and attention 1.2 to 1.4, perceptrons 0.9 to 1.1, NADE 0.4, recurrent
    networks 0.55 to 0.65; and the window needs a core of its own.
    """
    cores = os.cpu_count() or 1
    count = wish or (1 if small else cores if cores <= 2 and long_operations else max(1, cores - 1))
    if torch.get_num_threads() != count:
        torch.set_num_threads(count)


def spare_core() -> bool:
    """Whether torch leaves a core of the CPU to others."""
    return torch.get_num_threads() < (os.cpu_count() or 1)
