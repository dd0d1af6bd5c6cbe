"""The catalogue: every model and data set that the worker knows, as plain cards."""

from __future__ import annotations

from gm_core.data.registry import data_kinds
from gm_core.model import card_of, find_models
from gm_core.presets import read_presets
from gm_core.protocol.cards import Catalogue
from gm_core.spec import TrainSpec, describe
from gm_core.train.device import choose_device, device_card


def make_catalogue() -> Catalogue:
    """Look at everything that is registered."""
    return Catalogue(
        models=tuple(card_of(cls) for cls in find_models().values()),
        data=data_kinds(),
        train=describe(TrainSpec, "train"),
        device=device_card(choose_device("auto")),
        presets=read_presets(),
    )
