"""Drawings as files and as texts: written and read with care. No Qt."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from app.widgets.sketchmarks import Marks
from gm_core import api

KINDS = ("brush", "spray", "points", "gaussian", "text", "picture")
NEEDED = {
    "brush": ("width", "points"),
    "spray": ("width", "points"),
    "points": ("points",),
    "gaussian": (),
    "text": ("text",),
    "picture": ("columns", "ink"),
}
DEFAULTS: dict[str, Mapping[str, Any]] = {
    "points": {"width": 0.0},
    "gaussian": {"at": [0.0, 0.0], "axes": [0.5, 0.5], "angle": 0.0},
    "text": {"at": [0.0, 0.0], "size": 1.5, "angle": 0.0},
    "picture": {"at": [0.0, 0.0], "size": 3.0, "angle": 0.0},
}
LARGEST = 5_000_000


def plain(marks: Marks) -> list[dict[str, Any]]:
    """Marks as the data set "drawn" takes them."""
    return [dict(mark) for mark in marks]


def whole(raw: object) -> Marks:
    """Marks from elsewhere with everything that a sheet needs said; raises ValueError with a sentence."""
    if not isinstance(raw, list | tuple):
        raise ValueError("there is no drawing in it; expected a list of marks")
    made: list[dict[str, Any]] = []
    for number, mark in enumerate(raw):
        if not isinstance(mark, Mapping) or mark.get("kind") not in KINDS:
            raise ValueError(f"mark {number + 1} is of no known kind; expected one of: {', '.join(KINDS)}")
        kind = str(mark["kind"])
        lacking = [name for name in NEEDED[kind] if name not in mark]
        if lacking:
            raise ValueError(f"mark {number + 1} ({kind}) has no {lacking[0]}; add it")
        found = {"label": 0, "weight": 1.0, "mirror": "none", **DEFAULTS.get(kind, {}), **mark}
        _check_numbers(found, f"mark {number + 1} ({kind})")
        made.append(found)
    return tuple(made)


def _check_numbers(mark: Mapping[str, Any], name: str) -> None:
    """Raise ValueError where a number is none, before anything is painted with it."""
    lists = {"points": None, "at": 2, "axes": 2}
    for key, value in mark.items():
        if key in lists:
            good = isinstance(value, list | tuple) and all(_number(x) for x in value)
            good = good and (len(value) == lists[key] if lists[key] else len(value) % 2 == 0)
        elif key in ("kind", "mirror", "text", "ink"):
            good = isinstance(value, str)
        else:
            good = _number(value)
        if not good:
            raise ValueError(f"the {key} of {name} cannot be read; expected numbers")
    if mark["kind"] == "picture":
        rows, rest = divmod(len(mark["ink"]), max(1, int(mark["columns"])))
        if rest or not rows or mark["ink"].strip("0123456789abcdef"):
            raise ValueError(f"the ink of {name} cannot be read; expected whole rows of digits from 0 to f")


def _number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e9


def write(path: Path, data: Mapping[str, Any]) -> None:
    """Save a drawing as JSON, which is YAML too."""
    path.write_text(json.dumps(dict(data), indent=1) + "\n", encoding="utf-8")


def read(path: Path) -> Mapping[str, Any]:
    """Read a drawing, or a run's settings that hold one; raises ValueError or OSError with a sentence."""
    if path.stat().st_size > LARGEST:
        raise ValueError(f"{path.name} is larger than any drawing; choose a file that was saved here")
    try:
        found: Any = api.load_mapping(path.read_text(encoding="utf-8"), path.name)
    except UnicodeDecodeError:
        raise ValueError(f"{path.name} is not text; choose a drawing that was saved here") from None
    if isinstance(found.get("data"), Mapping):
        found = found["data"]
    if found.get("kind") != "drawn":
        raise ValueError(f"{path.name} holds no drawing (kind: drawn); choose one that was saved here")
    return {**found, "marks": whole(found.get("marks"))}


def from_text(text: str) -> Any:
    """What a setting remembers as JSON; None where it cannot be read."""
    try:
        return json.loads(text) if text else None
    except ValueError:
        return None
