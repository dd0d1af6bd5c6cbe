"""The catalogue: every model, data set and query that the worker knows, as plain cards."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from gm_core.capabilities.base import find_answers
from gm_core.data.registry import data_kinds
from gm_core.model import card_of, find_models
from gm_core.presets import read_presets
from gm_core.protocol.cards import Catalogue
from gm_core.spec import Row, TrainSpec, describe
from gm_core.train.device import choose_device, device_card


def make_catalogue() -> Catalogue:
    """Look at everything that is registered."""
    return Catalogue(
        models=tuple(card_of(cls) for cls in find_models().values()),
        data=data_kinds(),
        train=describe(TrainSpec, "train"),
        device=device_card(choose_device("auto")),
        queries={query.__name__: _query_rows(query) for query in find_answers()},
        presets=read_presets(),
    )


def _query_rows(query: type[Any]) -> tuple[Row, ...]:
    """The settings of a query that are plain numbers, words or switches."""
    rows = []
    for field in dataclasses.fields(query):
        kind = {bool: "bool", int: "int", float: "float", str: "text"}.get(type(field.default))
        if kind is not None and not isinstance(field.default, np.ndarray):
            rows.append(Row(field.name, kind, field.default, ""))
    return tuple(rows)
