"""`--model.beta 4 --train.lr 3e-4`: single parameters changed on the command line, as a form would change them."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from typing import Any

from gm_core.cli.output import CommandError
from gm_core.presets import read_catalogue
from gm_core.protocol.cards import Catalogue
from gm_core.spec import Row, RunSpec, SpecError, load_mapping
from gm_core.spec.base import put

PARTS = ("model.", "data.", "train.")
YES, NO = {"true", "yes", "on", "1"}, {"false", "no", "off", "0"}


def split_overrides(words: Sequence[str], command: str, options: Sequence[str] = ()) -> dict[str, str]:
    """`--path value` and `--path=value` as a mapping; anything else is a CommandError with the nearest option."""
    found: dict[str, str] = {}
    rest = list(words)
    while rest:
        word = rest.pop(0)
        path, equals, value = word.removeprefix("--").partition("=")
        if not word.startswith("--") or not path.startswith(PARTS):
            near = difflib.get_close_matches(word, [*options, "--model.", "--data.", "--train."], 1)
            hint = f"did you mean {near[0]}?" if near else f"see gm-core {command} --help"
            raise CommandError(f"{word!r} is not an option of {command}; {hint}")
        if not equals:
            if not rest or rest[0].startswith("--"):
                raise CommandError(f"{word} has no value; write {word} VALUE")
            value = rest.pop(0)
        found[path] = value
    return found


def with_overrides(spec: RunSpec, overrides: Mapping[str, str]) -> RunSpec:
    """The spec with its parameters changed; raises SpecError for a value of the wrong kind or out of range."""
    mapping = spec.plain()
    for path in ("model.kind", "data.kind"):
        part = path.split(".")[0]
        if path in overrides and overrides[path] != mapping[part]["kind"]:
            mapping[part] = {"kind": overrides[path]}  # parameters of another kind mean nothing here
    rows = {row.path: row for row in rows_of(mapping)}
    for path, text in overrides.items():
        value = text if path.endswith(".kind") else convert(path, text, rows.get(path))
        put(mapping, path, value)
    return RunSpec.read(mapping)


def rows_of(spec: Mapping[str, Any]) -> list[Row]:
    """Every parameter of a run's model, data and training, with paths as the command line writes them."""
    catalogue = catalogue_now()
    rows: list[Row] = []
    for part, cards in (("model", catalogue.models), ("data", catalogue.data)):
        card = next((card for card in cards if card.name == spec[part].get("kind")), None)
        if card is not None:
            rows += [_prefixed(row, part) for row in card.rows]
    return [*rows, *catalogue.train]


def _prefixed(row: Row, part: str) -> Row:
    path = f"{part}.{row.path}"
    return Row(path, row.kind, row.default, row.tip, row.lo, row.hi, row.log, row.unit, row.live, row.choices)


def catalogue_now() -> Catalogue:
    """The stored catalogue, at once; where it was not made, or other packages bring models, torch is loaded to look."""
    from importlib.metadata import entry_points

    if not entry_points(group="gm_core.models") and not entry_points(group="gm_core.data"):
        try:
            return read_catalogue()
        except (OSError, ValueError, KeyError, TypeError):
            pass  # missing, or of an older program
    from gm_core.engine.catalogue import make_catalogue

    return make_catalogue()


def convert(path: str, text: str, row: Row | None) -> Any:
    """The value that a text means for a parameter; without its row, what YAML would read."""
    if row is None:
        return load_mapping(f"value: {text}", f"the value of {path}")["value"]
    if row.kind in {"text", "choice"}:
        return text
    expected = {
        "int": "a whole number",
        "float": "a number",
        "bool": "true or false",
        "ints": "whole numbers with commas between, such as 256,128",
        "floats": "numbers with commas between, such as 0.5,1",
    }[row.kind]
    try:
        if row.kind == "bool":
            return {**dict.fromkeys(YES, True), **dict.fromkeys(NO, False)}[text.lower()]
        if row.kind in {"int", "float"}:
            return _whole(text) if row.kind == "int" else float(text)
        inside = text.strip().removeprefix("[").removesuffix("]").strip().rstrip(",")
        pieces = [piece.strip() for piece in inside.split(",")] if inside else []
        return [_whole(piece) if row.kind == "ints" else float(piece) for piece in pieces]
    except (ValueError, KeyError):
        raise SpecError(path, f"{path} is {text!r}; expected {expected}") from None


def _whole(text: str) -> int:
    """A whole number, also as 2e4 or 20_000."""
    try:
        return int(text)
    except ValueError:
        number = float(text)
        if not number.is_integer():
            raise ValueError(text) from None
        return int(number)


def parameter_help(rows: Sequence[Row], spec: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """Each parameter as (flag, value in this spec and range, tip)."""
    lines = []
    for row in rows:
        part, _, name = row.path.partition(".")
        value = spec[part].get(name, row.default)
        limits = "|".join(row.choices)
        if not limits and (row.lo is not None or row.hi is not None):
            limits = f"{row.lo:g}..{row.hi:g}" if row.lo is not None and row.hi is not None else ""
        unit = f" {row.unit}" if row.unit else ""
        shown = ",".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
        live = " (live)" if row.live else ""
        lines.append((f"--{row.path}", f"{shown}{unit}", f"{row.tip}{f' [{limits}]' if limits else ''}{live}"))
    return lines
