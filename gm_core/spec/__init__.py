"""What the user chose: frozen, validated values that know their own bounds and explain themselves. No torch, no Qt."""

from gm_core.spec.base import Spec, SpecError, param
from gm_core.spec.describe import Row, describe
from gm_core.spec.run import DeviceName, RunSpec, TrainSpec
from gm_core.spec.text import dump_mapping, dump_yaml, load_mapping, load_yaml

__all__ = [
    "DeviceName",
    "Row",
    "RunSpec",
    "Spec",
    "SpecError",
    "TrainSpec",
    "describe",
    "dump_mapping",
    "dump_yaml",
    "load_mapping",
    "load_yaml",
    "param",
]
