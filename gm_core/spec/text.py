"""Specs as YAML text, in both directions; faults are sentences, never parser dumps."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from gm_core.spec.base import SpecError
from gm_core.spec.run import RunSpec

_Safe: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the one in C is ten times as fast, but not everywhere


class _Loader(_Safe):  # type: ignore[misc]  # one of two classes, known when it runs
    """YAML 1.2 numbers: `1e-3` is a float, as everyone expects."""


_FLOAT = (
    "tag:yaml.org,2002:float",
    re.compile(r"^[-+]?(\d[\d_]*\.?\d*([eE][-+]?\d+)|\.\d+([eE][-+]?\d+)?|\d[\d_]*\.\d*)$"),
    list("-+0123456789."),
)
_Loader.add_implicit_resolver(*_FLOAT)


class _Dumper(yaml.SafeDumper):
    """Lists of numbers stand in rows: the points of a drawing would fill pages, one below the other."""


def _list(dumper: yaml.SafeDumper, values: list[Any]) -> yaml.Node:
    numbers = bool(values) and all(isinstance(value, int | float) for value in values)
    return dumper.represent_sequence("tag:yaml.org,2002:seq", values, flow_style=numbers)


_Dumper.add_representer(list, _list)
_Dumper.add_implicit_resolver(*_FLOAT)  # so that a text such as "1e3" is written in quotes, and stays a text


def load_mapping(text: str, source: str = "the text", keys: str = "model, data and train") -> dict[str, Any]:
    """Parse YAML into a mapping; raises SpecError that names the line of the fault, or the keys that are expected."""
    try:
        loaded = yaml.load(text, Loader=_Loader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        lines = max(1, len(text.splitlines()))  # a fault at the very end is counted as one line further
        where = f"line {min(mark.line + 1, lines)}" if mark is not None else "its text"
        problem = getattr(error, "problem", None) or "not YAML"
        raise SpecError("", f"{source} is not valid YAML at {where}: {problem}; mend that line") from None
    if not isinstance(loaded, dict) or not all(isinstance(key, str) for key in loaded):
        raise SpecError("", f"{source} holds {type(loaded).__name__}; expected a mapping with {keys}")
    return loaded


def load_yaml(path: Path) -> RunSpec:
    """Read a RunSpec from a YAML file; raises SpecError with one sentence."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise SpecError("", f"{path} cannot be read ({error.strerror}); give the path of a YAML file") from None
    except UnicodeDecodeError:
        raise SpecError("", f"{path} is not text; expected a YAML file in UTF-8") from None
    return RunSpec.read(load_mapping(text, str(path)))


def dump_yaml(spec: RunSpec) -> str:
    """A RunSpec as YAML text, in the order of its declaration; reading it back gives the same spec."""
    return dump_mapping(spec.plain())


def dump_mapping(plain: Mapping[str, Any]) -> str:
    """Plain values as YAML text in their order; `load_mapping` gives them back."""
    return yaml.dump(dict(plain), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110)
