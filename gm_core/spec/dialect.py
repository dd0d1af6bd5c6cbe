"""The YAML that specs are written in: version 1.2's numbers, and lists of numbers in one row.

Apart from `text`, since the YAML library takes a while to load and a window opens without it.
"""

from __future__ import annotations

import re
from typing import Any

import yaml

_Safe: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the one in C is ten times as fast, but not everywhere

Fault = yaml.YAMLError


class Loader(_Safe):  # type: ignore[misc]  # one of two classes, known when it runs
    """`1e-3` is a float, as everyone expects."""


class Dumper(yaml.SafeDumper):
    """Lists of numbers stand in rows: the points of a drawing would fill pages, one below the other."""


def _list(dumper: yaml.SafeDumper, values: list[Any]) -> yaml.Node:
    numbers = bool(values) and all(isinstance(value, int | float) for value in values)
    return dumper.represent_sequence("tag:yaml.org,2002:seq", values, flow_style=numbers)


_FLOAT = (
    "tag:yaml.org,2002:float",
    re.compile(r"^[-+]?(\d[\d_]*\.?\d*([eE][-+]?\d+)|\.\d+([eE][-+]?\d+)?|\d[\d_]*\.\d*)$"),
    list("-+0123456789."),
)
Loader.add_implicit_resolver(*_FLOAT)
Dumper.add_implicit_resolver(*_FLOAT)  # so that a text such as "1e3" is written in quotes, and stays a text
Dumper.add_representer(list, _list)


def read(text: str) -> Any:
    """What the text says; raises Fault."""
    return yaml.load(text, Loader=Loader)


def write(plain: dict[str, Any]) -> str:
    """The text that says this, in its order."""
    return yaml.dump(plain, Dumper=Dumper, sort_keys=False, allow_unicode=True, width=110)
