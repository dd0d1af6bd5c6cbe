"""A Spec is one choice of the user: frozen, validated, and able to say what is wrong with it in one sentence."""

from __future__ import annotations

import difflib
import math
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails


class SpecError(ValueError):
    """A choice that cannot be: says what was found, what was expected and where.

    `path` is the dotted place ("train.lr"), so that a form can put the sentence beside its field.
    """

    def __init__(self, path: str, message: str) -> None:
        super().__init__(message)
        self.path = path
        self.message = message


@dataclass(frozen=True, slots=True)
class Knob:
    """What a parameter says of itself beside its type: the source of form rows, flags, bounds and help."""

    tip: str
    lo: float | None = None
    hi: float | None = None
    log: bool = False
    unit: str = ""
    live: bool = False


def param(
    default: Any,
    tip: str,
    *,
    lo: float | None = None,
    hi: float | None = None,
    log: bool = False,
    unit: str = "",
    live: bool = False,
) -> Any:
    """Declare one parameter of a Spec: `lr: float = param(1e-3, "Step size of Adam.", lo=1e-6, hi=0.1, log=True)`.

    `tip` is a sentence for a student. `lo` and `hi` are inclusive and required for numbers. `log` asks for a
    logarithmic slider, `live` says that it may be edited while training runs.
    """
    return Field(default=default, description=tip, json_schema_extra={"knob": [lo, hi, log, unit, live]})


def knob(spec: type[BaseModel], name: str) -> Knob:
    """The Knob that `param()` gave to the field `name`."""
    field = spec.model_fields[name]
    extra = field.json_schema_extra
    if not isinstance(extra, dict) or "knob" not in extra:
        return Knob(field.description or "")
    lo, hi, log, unit, live = typing.cast(tuple[Any, ...], extra["knob"])
    return Knob(field.description or "", lo, hi, bool(log), str(unit), bool(live))


class Spec(BaseModel):
    """A frozen value whose fields are declared with `param()`; bounds and unknown names are checked at birth."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True, allow_inf_nan=False)

    @classmethod
    def read(cls, mapping: Mapping[str, Any], path: str = "") -> Self:
        """Build a spec from plain values; raises SpecError with one sentence about the first fault."""
        try:
            made = cls.model_validate(dict(mapping))
        except ValidationError as error:
            raise _sentence(cls, error.errors()[0], path) from None
        made.check_bounds(path)
        return made

    def model_post_init(self, context: Any, /) -> None:
        """Bounds hold for values made in code too."""
        self.check_bounds("")

    def check_bounds(self, path: str) -> None:
        """Raise SpecError for the first number outside the range that its `param()` states."""
        for name in type(self).model_fields:
            at, value, rule = _join(path, name), getattr(self, name), knob(type(self), name)
            if isinstance(value, Spec):
                value.check_bounds(at)
            for number in value if isinstance(value, tuple) else (value,):
                if isinstance(number, bool) or not isinstance(number, int | float):
                    continue
                below = rule.lo is not None and number < rule.lo
                above = rule.hi is not None and number > rule.hi
                if below or above or not math.isfinite(number):
                    raise SpecError(at, f"{at} is {number:g}; the range is {_range(rule)}")

    def plain(self) -> dict[str, Any]:
        """The spec as builtins only, ready for YAML, JSON or another thread."""
        return self.model_dump(mode="json")

    def replace(self, path: str, value: Any) -> Self:
        """A copy with one dotted path changed, validated again: `spec.replace("train.lr", 3e-4)`."""
        mapping = self.plain()
        put(mapping, path, value)
        return type(self).read(mapping)


def put(mapping: dict[str, Any], path: str, value: Any) -> None:
    """Set a dotted path inside nested mappings; raises SpecError where the path leads nowhere."""
    *parents, last = path.split(".")
    at = mapping
    for name in parents:
        inner = at.get(name)
        if not isinstance(inner, dict):
            raise SpecError(path, f"{path} is not a parameter; {_known(name, at)}")
        at = inner
    at[last] = value


def fetch(mapping: Mapping[str, Any], path: str) -> Any:
    """Read a dotted path inside nested mappings; raises SpecError where the path leads nowhere."""
    at: Any = mapping
    for name in path.split("."):
        if not isinstance(at, Mapping) or name not in at:
            raise SpecError(path, f"{path} is not a parameter; {_known(name, at if isinstance(at, Mapping) else {})}")
        at = at[name]
    return at


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _range(rule: Knob) -> str:
    unit = f" {rule.unit}" if rule.unit else ""
    if rule.hi is None:
        return f"{rule.lo:g}{unit} and above"
    if rule.lo is None:
        return f"{rule.hi:g}{unit} and below"
    return f"{rule.lo:g} to {rule.hi:g}{unit}"


def _known(name: str, names: Mapping[str, Any] | list[str]) -> str:
    options = list(names)
    near = difflib.get_close_matches(name, options, 1)
    listed = ", ".join(options) if options else "nothing"
    return f"did you mean {near[0]}?" if near else f"expected one of: {listed}"


def choices(annotation: Any) -> tuple[str, ...]:
    """The words that a Literal type allows, or nothing."""
    if typing.get_origin(annotation) is Literal:
        return tuple(str(word) for word in typing.get_args(annotation))
    if isinstance(annotation, types.UnionType):
        return tuple(word for part in typing.get_args(annotation) for word in choices(part))
    return ()


def _sentence(cls: type[BaseModel], fault: ErrorDetails, path: str) -> SpecError:
    """Turn pydantic's report of one fault into found, expected, what to do."""
    place = [str(part) for part in fault["loc"]]
    at = ".".join([path, *place] if path else place)
    if isinstance(inner := fault.get("ctx", {}).get("error"), SpecError):
        owner_path = at.removesuffix(inner.path).rstrip(".")
        whole = _join(owner_path, inner.path)
        return SpecError(whole, whole + inner.message.removeprefix(inner.path))
    owner = cls
    for name in place[:-1]:
        annotation = owner.model_fields[name].annotation if name in owner.model_fields else None
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            owner = annotation
    found = fault.get("input")
    if fault["type"] == "extra_forbidden":
        return SpecError(at, f"{at} is not a parameter; {_known(place[-1], list(owner.model_fields))}")
    if fault["type"] == "missing":
        return SpecError(at, f"{at} is missing; give it a value")
    words = choices(owner.model_fields[place[-1]].annotation) if place and place[-1] in owner.model_fields else ()
    if words:
        return SpecError(at, f"{at} is {found!r}; expected one of: {', '.join(words)}")
    expected = fault["msg"].removeprefix("Input should be ").removeprefix("Value error, ")
    return SpecError(at or "the spec", f"{at or 'the spec'} is {found!r}; expected {expected}")
