"""Who may race on which data: presets of that data set, and families that fit it without one. No Qt."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from gm_core import api

TOYS = "toys"
FAVOURITES = ("flow_matching", "ddpm", "gan", "realnvp", "vae", "rnade", "score", "ppca", "vqvae", "pixel_cnn")
TICKED = 4
"""So many families are ticked to begin with."""
POINTS = frozenset({"points", "continuous"})


@dataclass(frozen=True)
class Entrant:
    """One family that can start: a key (also its name in the race), words, and the plain spec that it starts from."""

    key: str
    title: str
    note: str
    kind: str
    spec: Mapping[str, Any]


def data_choices(catalogue: api.Catalogue, presets: Iterable[api.Preset]) -> list[tuple[str, str]]:
    """(kind, title) of the data sets on which at least two can race: the plane first."""
    used = {_kind(preset.spec, "data") for preset in presets}
    toys = [(data.name, data.title) for data in catalogue.data if data.group == TOYS and data.ready]
    toys.sort(key=lambda row: (row[0] not in used, row[1]))
    pictures = [(data.name, data.title) for data in catalogue.data if data.group != TOYS and data.name in used]
    return [row for row in (*toys, *pictures) if len(entrants(row[0], catalogue, presets)) > 1]


def entrants(data: str, catalogue: api.Catalogue, presets: Iterable[api.Preset]) -> list[Entrant]:
    """All that can race on a data set, the favourites first.

    A preset brings its own settings, unless it was made for data of another shape. On the plane, a family without a
    preset there starts as its preset on another toy does, else from its defaults; all get the same data.
    """
    models = {model.name: model for model in catalogue.models}
    toys = {kind.name for kind in catalogue.data if kind.group == TOYS}
    found: dict[str, Entrant] = {}
    for preset in presets:
        model = models.get(_kind(preset.spec, "model"))
        if model is not None and "samples" in model.offers and _kind(preset.spec, "data") == data:
            if data in toys and set(preset.spec.get("data", {})) > {"kind"}:
                continue  # made for data of another shape, such as narrower spots
            key = preset.name.removesuffix(f"-{data}").replace("_", " ").replace("-", " ")
            found[key] = Entrant(key, preset.title, preset.note, model.name, _plain(preset.spec, data in toys, data))
    if data in toys:
        there = {entrant.kind for entrant in found.values()}
        for model in catalogue.models:
            if model.name in there or "samples" not in model.offers or not model.accepts >= POINTS:
                continue
            elsewhere = [
                preset.spec
                for preset in presets
                if _kind(preset.spec, "model") == model.name and _kind(preset.spec, "data") in toys
            ]
            spec = elsewhere[0] if elsewhere else {"model": {"kind": model.name}, "train": {}}
            key = model.name.replace("_", " ")
            found[key] = Entrant(key, model.title, model.summary, model.name, _plain(spec, True, data))
    rank = {name: place for place, name in enumerate(FAVOURITES)}
    return sorted(found.values(), key=lambda one: (rank.get(one.kind, len(rank)), len(one.key), one.key))


def first_ticked(found: Iterable[Entrant]) -> tuple[str, ...]:
    """The keys that are ticked until a hand chooses: one preset of each of the first families."""
    chosen: dict[str, str] = {}
    for entrant in found:
        if not entrant.key.endswith("gpu"):
            chosen.setdefault(entrant.kind, entrant.key)
    return tuple(chosen.values())[:TICKED]


def spec_of(entrant: Entrant, name: str, steps: int, batch: int, seed: int) -> dict[str, Any]:
    """The run that an entrant starts: its own settings with the name, budget, batch and seed of the race."""
    train = {**entrant.spec.get("train", {}), "steps": steps, "seed": seed}
    if batch:
        train["batch"] = batch
    return {
        **entrant.spec,
        "name": name,
        "title": f"{entrant.key} (race)",
        "note": entrant.note,
        "train": train,
    }


def unequal_data(specs: Iterable[Mapping[str, Any]]) -> bool:
    """Whether some race on other data than the rest, such as binary instead of grey pixels."""
    kinds = {repr(sorted({k: v for k, v in s.get("data", {}).items() if k != "centred"}.items())) for s in specs}
    return len(kinds) > 1


def _plain(spec: Mapping[str, Any], toy: bool, data: str) -> dict[str, Any]:
    """The parts of a spec that a race keeps; on the plane the data are the same for all."""
    own = {"kind": data} if toy else dict(spec.get("data", {}))
    return {"model": dict(spec.get("model", {})), "data": own, "train": dict(spec.get("train", {}))}


def _kind(spec: Mapping[str, Any], part: str) -> str:
    return str(spec.get(part, {}).get("kind", ""))
