"""Presets and the stored catalogue: what the window can show before torch is there."""

from __future__ import annotations

import dataclasses
import json
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

    stored = dataclasses.replace(catalogue, device=DeviceCard("cpu", "CPU", 0))
    path.write_text(json.dumps(dataclasses.asdict(stored), default=plain, indent=1, sort_keys=True) + "\n")


def read_catalogue(path: Path | None = None) -> Catalogue:
    """The stored catalogue; the worker's own replaces it when torch has loaded."""
    raw = json.loads((path or resource("catalogue.json")).read_text())
    return Catalogue(
        models=tuple(_model(card) for card in raw["models"]),
        data=tuple(DataKind(**{**kind, "rows": _rows(kind["rows"])}) for kind in raw["data"]),
        train=_rows(raw["train"]),
        device=DeviceCard(**raw["device"]),
        queries={name: _rows(rows) for name, rows in raw["queries"].items()},
    )


def _rows(raw: list[dict[str, Any]]) -> tuple[Row, ...]:
    return tuple(Row(**{**row, "choices": tuple(row["choices"])}) for row in raw)


def _model(raw: dict[str, Any]) -> ModelCard:
    made = dict(raw)
    made["rows"] = _rows(raw["rows"])
    made["charts"] = tuple(Chart(**chart) for chart in raw["charts"])
    made["offers"] = frozenset(raw["offers"])
    made["accepts"] = frozenset(raw["accepts"])
    return ModelCard(**made)
