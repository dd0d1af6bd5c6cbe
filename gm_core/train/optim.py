"""Optimisers: made from the spec, edited live, and flattened to plain tensors for snapshots."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

import torch
from torch import Tensor, nn

from gm_core.maths.optimisers import SGD, Adam, AdamW
from gm_core.spec import TrainSpec


def make_optimiser(parameters: Iterable[nn.Parameter], spec: TrainSpec, device: torch.device) -> torch.optim.Optimizer:
    """The optimiser that the spec names; fused where torch has it, which counts for small models."""
    chosen = list(parameters)
    if spec.optimiser == "sgd":
        return SGD(chosen, lr=spec.lr, momentum=spec.beta1, weight_decay=spec.weight_decay)
    kind = AdamW if spec.optimiser == "adamw" else Adam
    fused = device.type in {"cpu", "cuda", "mps"}
    return kind(chosen, lr=spec.lr, betas=(spec.beta1, spec.beta2), weight_decay=spec.weight_decay, fused=fused)


def step_size(spec: TrainSpec, step: int, steps: int) -> float:
    """The learning rate of the step numbered `step` from 0 of `steps`: warm-up, then constant or half a cosine to zero.

    Both count within one stage of training, so that the second begins as the first did.
    """
    ramp = min(1.0, (step + 1) / spec.warmup) if spec.warmup else 1.0
    if spec.schedule == "cosine":
        ramp *= 0.5 * (1.0 + math.cos(math.pi * min(1.0, step / max(steps, 1))))
    return spec.lr * ramp


def adjust(optimiser: torch.optim.Optimizer, spec: TrainSpec, step: int, steps: int) -> None:
    """Set everything that may change while training, for the step numbered `step` of a stage of `steps`."""
    for group in optimiser.param_groups:
        group["lr"] = step_size(spec, step, steps)
        group["weight_decay"] = spec.weight_decay
        if spec.optimiser == "sgd":
            group["momentum"] = spec.beta1
        else:
            group["betas"] = (spec.beta1, spec.beta2)


def flatten_state(optimiser: torch.optim.Optimizer) -> dict[str, Tensor]:
    """The optimiser's memory as tensors named "<parameter number>.<what>", copied."""
    flat: dict[str, Tensor] = {}
    for number, memory in optimiser.state_dict()["state"].items():
        for what, value in memory.items():
            if isinstance(value, Tensor):
                flat[f"{number}.{what}"] = value.detach().clone()
    return flat


def restore_state(optimiser: torch.optim.Optimizer, flat: Mapping[str, Tensor]) -> None:
    """Put a flattened memory back; an empty one resets the optimiser to its birth."""
    state: dict[int, dict[str, Tensor]] = {}
    for name, value in flat.items():
        number, what = name.split(".", 1)
        state.setdefault(int(number), {})[what] = value.clone()
    optimiser.load_state_dict({"state": state, "param_groups": optimiser.state_dict()["param_groups"]})
