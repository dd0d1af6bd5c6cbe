"""Specs as YAML text, in both directions; faults are sentences, never parser dumps."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gm_core.spec.base import SpecError
from gm_core.spec.run import RunSpec


def load_mapping(text: str, source: str = "the text", keys: str = "model, data and train") -> dict[str, Any]:
    """Parse YAML into a mapping; raises SpecError that names the line of the fault, or the keys that are expected."""
    from gm_core.spec import dialect

    try:
        loaded = dialect.read(text)
    except dialect.Fault as error:
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
    from gm_core.spec import dialect

    return dialect.write(dict(plain))
