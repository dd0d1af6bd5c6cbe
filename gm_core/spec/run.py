"""A run as the user wishes it: a model, data and how to train; a preset is exactly this in a YAML file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, Self

from pydantic import field_validator

from gm_core.spec.base import Spec, SpecError, param

DeviceName = Literal["auto", "cpu", "cuda", "mps"]


class TrainSpec(Spec):
    """How to train, the same for every model."""

    steps: int = param(2000, "How many optimiser steps the run takes in all.", lo=1, hi=10_000_000, log=True, live=True)
    batch: int = param(100, "Examples in one step.", lo=1, hi=65_536, log=True)
    microbatch: int = param(
        0, "Examples computed at once; a larger batch comes in parts, for long steps and little memory; 0: whole.",
        lo=0, hi=65_536, unit="examples",
    )  # fmt: skip
    lr: float = param(1e-3, "Step size of the optimiser.", lo=1e-7, hi=1.0, log=True, live=True)
    optimiser: Literal["adam", "adamw", "sgd"] = param("adam", "The rule that turns gradients into steps.")
    beta1: float = param(0.9, "Memory of the gradient's mean (momentum for sgd).", lo=0.0, hi=0.9999, live=True)
    beta2: float = param(0.999, "Memory of the gradient's square.", lo=0.0, hi=0.99999, live=True)
    weight_decay: float = param(0.0, "Pull of the weights towards zero.", lo=0.0, hi=1.0, live=True)
    schedule: Literal["constant", "cosine"] = param("constant", "How the step size changes over the run.")
    warmup: int = param(0, "Steps over which the step size grows from zero.", lo=0, hi=100_000, unit="steps")
    clip: float = param(0.0, "Largest norm of the gradient; 0 leaves it alone.", lo=0.0, hi=1000.0, live=True)
    ema: float = param(
        0.0, "Half-life of the averaged weights, in examples; 0 keeps no average.", lo=0.0, hi=1e8, unit="examples"
    )
    precision: Literal["float32", "bfloat16", "float16"] = param("float32", "Arithmetic of the forward pass on CUDA.")
    validate_every: int = param(
        200, "Steps between two validations.", lo=1, hi=1_000_000, log=True, unit="steps", live=True
    )
    validate_examples: int = param(1000, "Examples scored at each validation.", lo=1, hi=100_000, log=True)
    device: DeviceName = param("auto", "Where to train; auto takes CUDA, then MPS, then the CPU.")
    threads: int = param(0, "CPU threads; 0 chooses by the size of the model.", lo=0, hi=256)
    seed: int = param(0, "Everything random in the run follows from this number.", lo=0, hi=2**31 - 1)
    memory: int = param(256, "Memory for the snapshots of the past.", lo=1, hi=65_536, log=True, unit="MiB")


class RunSpec(Spec):
    """Everything that a run is made from.

    `model` and `data` are plain mappings with a key `kind`; the model's and the data's own files, which may need
    torch, check the rest. So a RunSpec can be read, written and compared anywhere.
    """

    name: str = param("run", "What the run is called; a number is added where the name is taken.")
    title: str = param("", "The name that people read.")
    note: str = param("", "One sentence about what to look for.")
    model: dict[str, Any] = param({"kind": "vae"}, "The model and its parameters.")
    data: dict[str, Any] = param({"kind": "digits"}, "The data set and its parameters.")
    train: TrainSpec = param(TrainSpec(), "How to train.")

    @field_validator("model", "data")
    @classmethod
    def _has_kind(cls, value: dict[str, Any]) -> dict[str, Any]:
        if not isinstance(value.get("kind"), str):
            raise SpecError("kind", "kind is missing; say which model or data set, for example kind: vae")
        return value

    @field_validator("name")
    @classmethod
    def _is_a_file_name(cls, value: str) -> str:
        if not value or len(value) > 80 or any(not (c.isalnum() or c in "-_.") for c in value) or value.startswith("."):
            raise SpecError("name", f"name is {value!r}; use letters, digits, '-', '_' and '.', at most 80 of them")
        return value

    @classmethod
    def read(cls, mapping: Mapping[str, Any], path: str = "") -> Self:
        """Build a RunSpec from plain values; raises SpecError with one sentence."""
        if not isinstance(mapping, Mapping):
            raise SpecError(path, f"the run is {mapping!r}; expected a mapping with model, data and train")
        return super().read(mapping, path)


def flatten(mapping: Mapping[str, Any], path: str = "") -> dict[str, Any]:
    """Nested mappings as dotted paths: {"train.lr": 0.001, ...}."""
    flat: dict[str, Any] = {}
    for name, value in mapping.items():
        at = f"{path}.{name}" if path else name
        if isinstance(value, Mapping):
            flat.update(flatten(value, at))
        else:
            flat[at] = value
    return flat


def difference(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """What changed between two specs in plain form: path -> (old value, new value); None where absent."""
    before, after = flatten(old), flatten(new)
    paths = list(dict.fromkeys([*before, *after]))
    return {p: (before.get(p), after.get(p)) for p in paths if before.get(p) != after.get(p)}
