"""Which data sets there are, and how one is made from its plain spec."""

from __future__ import annotations

import difflib
import importlib
import pkgutil
from collections.abc import Generator, Mapping
from importlib.metadata import entry_points
from typing import Any

from gm_core.capabilities.preview import Preview
from gm_core.data.base import DATA, Data
from gm_core.protocol.cards import DataKind
from gm_core.spec import SpecError, describe


def find_data() -> dict[str, type[Data]]:
    """Import every file of gm_core.data and every entry point in the group `gm_core.data`; names to classes."""
    package = importlib.import_module("gm_core.data")
    for found in pkgutil.iter_modules(package.__path__):
        importlib.import_module(f"gm_core.data.{found.name}")
    for point in entry_points(group="gm_core.data"):
        point.load()
    return dict(sorted(DATA.items()))


def data_class(kind: object) -> type[Data]:
    """The class of a kind; raises SpecError that lists the names where there is none."""
    known = find_data()
    if not isinstance(kind, str) or kind not in known:
        near = difflib.get_close_matches(str(kind), known, 1)
        hint = f"did you mean {near[0]}? " if near else ""
        raise SpecError("data.kind", f"data.kind is {kind!r}; {hint}expected one of: {', '.join(known)}")
    return known[kind]


def make_data(mapping: Mapping[str, Any]) -> Data:
    """Make a data set from its plain spec (with `kind`).

    Raises SpecError with a path under "data" for a wrong choice, DataError where files are absent or damaged.
    """
    cls = data_class(mapping.get("kind"))
    return cls(cls.Spec.read({name: value for name, value in mapping.items() if name != "kind"}, "data"))


def prepare_data(mapping: Mapping[str, Any]) -> Generator[Preview | None, None, None]:
    """Read in portions what takes long of a data set's plain spec, so that `make_data` is quick afterwards.

    Raises as `make_data` does.
    """
    cls = data_class(mapping.get("kind"))
    yield from cls.prepare(cls.Spec.read({name: value for name, value in mapping.items() if name != "kind"}, "data"))


def data_kinds() -> tuple[DataKind, ...]:
    """Every kind of data set with its parameters, for the catalogue; those that need no files come first."""
    kinds = []
    for name, cls in find_data().items():
        summary = (cls.__doc__ or cls.title).strip().splitlines()[0]
        rows = describe(cls.Spec)
        if cls.group == "yours":  # which file it is comes before what all sets share
            rows = tuple(sorted(rows, key=lambda row: row.path not in cls.Spec.__annotations__))
        kinds.append(DataKind(name, cls.title, summary, rows, cls.ready, cls.group))
    return tuple(sorted(kinds, key=lambda kind: (not kind.ready, kind.group, kind.name)))
