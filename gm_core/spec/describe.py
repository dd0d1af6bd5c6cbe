"""A Spec described as rows, from which forms, flags, help and documentation are made."""

from __future__ import annotations

import types
import typing
from dataclasses import dataclass
from typing import Any

from gm_core.spec.base import Spec, choices, knob


@dataclass(frozen=True, slots=True)
class Row:
    """One parameter as a form needs it; plain values only, so that it crosses threads and files.

    `kind` is one of: int, float, bool, text, choice, ints, floats. `path` is dotted.
    """

    path: str
    kind: str
    default: Any
    tip: str
    lo: float | None = None
    hi: float | None = None
    log: bool = False
    unit: str = ""
    live: bool = False
    choices: tuple[str, ...] = ()


def describe(spec: type[Spec], path: str = "") -> tuple[Row, ...]:
    """All parameters of a Spec in the order of their declaration, nested specs in place."""
    rows: list[Row] = []
    for name, field in spec.model_fields.items():
        at = f"{path}.{name}" if path else name
        annotation = field.annotation
        if isinstance(annotation, type) and issubclass(annotation, Spec):
            rows.extend(describe(annotation, at))
            continue
        if _holds_specs(annotation):
            continue  # such as the marks of a drawing: no row of a form can edit them
        rule = knob(spec, name)
        default = field.get_default(call_default_factory=True, validated_data={})
        rows.append(
            Row(
                at,
                _kind(annotation),
                default,
                rule.tip,
                rule.lo,
                rule.hi,
                rule.log,
                rule.unit,
                rule.live,
                choices(annotation),
            )
        )
    return tuple(rows)


def _holds_specs(annotation: Any) -> bool:
    """Whether a parameter is a list of specs, perhaps of several kinds."""
    if typing.get_origin(annotation) is not tuple:
        return False
    inner = typing.get_args(annotation)[0]
    if typing.get_origin(inner) is typing.Annotated:
        inner = typing.get_args(inner)[0]
    kinds = typing.get_args(inner) if isinstance(inner, types.UnionType) else (inner,)
    return all(isinstance(kind, type) and issubclass(kind, Spec) for kind in kinds)


def _kind(annotation: Any) -> str:
    if choices(annotation):
        return "choice"
    if typing.get_origin(annotation) is tuple:
        return "ints" if typing.get_args(annotation)[0] is int else "floats"
    if isinstance(annotation, types.UnionType):
        return _kind(next(part for part in typing.get_args(annotation) if part is not type(None)))
    return {bool: "bool", int: "int", float: "float", str: "text"}.get(annotation, "text")
