"""A run on one's own data: the present settings with other data, and a model that can learn such data."""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gm_core import api

CONVOLUTIONAL: dict[str, Any] = {"kind": "vae", "latent": 20, "network": "conv", "channels": [32, 64]}
PLAIN: dict[str, Any] = {"kind": "vae", "latent": 8, "hidden": [256]}
LEAST = 8
"""Convolutions need pictures of at least this side."""


def own_spec(spec: Mapping[str, Any], data: Mapping[str, Any], place: Path) -> dict[str, Any]:
    """The settings with one's own data in place of theirs, under a name of its own."""
    made = copy.deepcopy(dict(spec))
    model = made.setdefault("model", dict(PLAIN))
    model.pop("likelihood", None)  # it was chosen for other data; auto looks at these
    stem = place.stem or "data"
    slug = re.sub(r"[^A-Za-z0-9_.-]+", "-", stem).strip("-.").lower()[:40] or "data"
    made["data"] = dict(data)
    made["name"] = f"{model.get('kind', 'run')}-{slug}"
    made["title"] = f"{model.get('kind', 'run')} on {stem}"
    made["note"] = f"Your own data: {stem}."
    return made


def drawn_spec(
    spec: Mapping[str, Any],
    data: Mapping[str, Any],
    catalogue: api.Catalogue | None,
    other: Mapping[str, Any] | None,
) -> dict[str, Any]:
    """Settings with a drawing in place of their data; `other` stands in where they are those of pictures."""
    toys = {kind.name for kind in catalogue.data if kind.group == "toys"} if catalogue is not None else set()
    fits = other is None or spec.get("data", {}).get("kind") in toys
    made = copy.deepcopy(dict(spec if fits or other is None else other))
    model = made.setdefault("model", dict(PLAIN))
    made["data"] = dict(data)
    made["name"] = f"{model.get('kind', 'run')}-drawing"
    made["title"] = f"{model.get('kind', 'run')} on a drawing"
    made["note"] = "Your own drawing: change it while this run trains, and watch the model follow."
    return made


def fitting_model(model: Mapping[str, Any], card: api.DataCard, catalogue: api.Catalogue) -> dict[str, Any] | None:
    """The first of these that can learn such data: the present model, a convolutional VAE, a plain one; else None."""
    cards = {held.name: held for held in catalogue.models}
    for choice in (model, CONVOLUTIONAL, PLAIN):
        held = cards.get(str(choice.get("kind")))
        if held is None or not {card.kind, card.values} <= held.accepts:
            continue
        if choice.get("network") == "conv" and (card.kind != "images" or min(card.shape[1:]) < LEAST):
            continue
        return dict(choice)
    return None


@dataclass(frozen=True)
class Fitted:
    """What follows from data that were read: perhaps another plan, and what to say."""

    spec: dict[str, Any] | None = None
    words: str = ""
    level: str = "info"


class OwnData:
    """Follows data of one's own from the moment when they are dropped or chosen until they are read."""

    def __init__(self) -> None:
        self._arrived = False

    def arrive(self, spec: Mapping[str, Any], data: Mapping[str, Any], place: Path) -> dict[str, Any]:
        """The plan for data that have just come; whether its model can learn them is seen once they are read."""
        self._arrived = True
        return own_spec(spec, data, place)

    def fit(self, spec: Mapping[str, Any], card: api.DataCard, catalogue: api.Catalogue) -> Fitted:
        """Data are read: if they have just come, keep the model if it can learn them, and say what is set up."""
        if not self._arrived:
            return Fitted()
        self._arrived = False
        model = fitting_model(spec["model"], card, catalogue)
        if model is None:
            return Fitted(None, f"No model here takes {card.kind} that are {card.values}; choose other data.", "warn")
        changed = model != spec["model"]
        title = next((held.title for held in catalogue.models if held.name == model["kind"]), model["kind"])
        plan = own_spec({**spec, "model": model}, spec["data"], Path(card.title)) if changed else None
        return Fitted(plan, announce(card, title, changed))


def announce(card: api.DataCard, model: str, changed: bool) -> str:
    """What was set, in one sentence."""
    kinds = {"images": "pictures", "points": "points", "vectors": "vectors"}
    count = card.splits.get("train", 0)
    kept = f"{card.title} does not suit the model chosen before, so it is {model} now" if changed else f"{model} stays"
    return f"{count:,} {kinds[card.kind]} of {card.title} are set up for a new run; {kept}. Press Train."
