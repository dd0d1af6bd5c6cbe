"""Presets and the stored catalogue: what the window can show before torch is there."""

from __future__ import annotations

import dataclasses
import json
from functools import lru_cache
from pathlib import Path
from typing import Any

from gm_core.protocol.cards import Catalogue, Chart, DataKind, DeviceCard, ModelCard, Preset
from gm_core.resources import resource
from gm_core.spec import Row, SpecError, load_yaml


def read_presets(folder: Path | None = None) -> tuple[Preset, ...]:
    """Every YAML file of resources/presets as a Preset, by name."""
    place = folder if folder is not None else resource("presets")
    made = []
    for path in sorted(place.glob("*.yaml")):
        spec = load_yaml(path)
        made.append(Preset(spec.name, spec.title or spec.name, spec.note, spec.plain(), str(path)))
    return tuple(made)


def find_preset(name: str) -> Preset:
    """The preset of that name; raises SpecError that lists the names where there is none."""
    presets = {preset.name: preset for preset in read_presets()}
    if name not in presets:
        raise SpecError("preset", f"{name!r} is neither a preset nor a YAML file; presets are: {', '.join(presets)}")
    return presets[name]


def write_catalogue(catalogue: Catalogue, path: Path) -> None:
    """Store a catalogue as JSON, so that forms can be drawn before the worker is ready."""

    def plain(value: Any) -> Any:
        return sorted(value) if isinstance(value, frozenset) else list(value)

    presets = tuple(dataclasses.replace(preset, path="") for preset in catalogue.presets)
    stored = dataclasses.replace(catalogue, device=DeviceCard("cpu", "CPU", 0), presets=presets)
    path.write_text(json.dumps(dataclasses.asdict(stored), default=plain, indent=1, sort_keys=True) + "\n")


def read_catalogue(path: Path | None = None) -> Catalogue:
    """The stored catalogue; the worker's own replaces it when torch has loaded."""
    found = path or resource("catalogue.json")
    return _read_catalogue(found, found.stat().st_mtime_ns)


def stored_presets() -> tuple[Preset, ...]:
    """The presets as the stored catalogue has them, which takes a millisecond and not one for each file.

    Where it cannot be read, the files themselves are.
    """
    try:
        return read_catalogue().presets or read_presets()
    except (OSError, ValueError, KeyError, TypeError):
        return read_presets()


@lru_cache(maxsize=2)
def _read_catalogue(path: Path, _written: int) -> Catalogue:
    raw = json.loads(path.read_text())
    return Catalogue(
        models=tuple(_model(card) for card in raw["models"]),
        data=tuple(DataKind(**{**kind, "rows": _rows(kind["rows"])}) for kind in raw["data"]),
        train=_rows(raw["train"]),
        device=DeviceCard(**raw["device"]),
        presets=tuple(Preset(**{**held, "path": str(_file(held["name"]))}) for held in raw["presets"]),
    )


def _file(preset: str) -> Path:
    return resource("presets", f"{preset}.yaml")


def _rows(raw: list[dict[str, Any]]) -> tuple[Row, ...]:
    return tuple(Row(**{**row, "choices": tuple(row["choices"])}) for row in raw)


def _model(raw: dict[str, Any]) -> ModelCard:
    made = dict(raw)
    made["rows"] = _rows(raw["rows"])
    made["charts"] = tuple(Chart(**chart) for chart in raw["charts"])
    made["offers"] = frozenset(raw["offers"])
    made["accepts"] = frozenset(raw["accepts"])
    return ModelCard(**made)
