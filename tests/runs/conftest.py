"""Runs without models: cards and curves made by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gm_core.protocol.cards import DataCard, RunCard
from gm_core.protocol.events import Scalars
from gm_core.runs.store import Store

DIGITS = DataCard("digits", "Digits 8x8", (1, 8, 8), "levels", (0.0, 1.0), 17)


def spec_of(name: str = "vae-digits", steps: int = 100) -> dict[str, Any]:
    return {"name": name, "model": {"kind": "vae"}, "data": {"kind": "digits"}, "train": {"steps": steps}}


def card_of(run: str = "", **changes: Any) -> RunCard:
    values: dict[str, Any] = {
        "run": run,
        "title": "A title",
        "spec": spec_of(),
        "data": DIGITS,
        "offers": frozenset({"samples"}),
        "charts": (),
        "parameters": 10,
        "step": 0,
        "steps": 100,
        "state": "training",
    }
    return RunCard(**{**values, **changes})


def curve(run: str, first: int, n: int, split: str = "train", names: tuple[str, ...] = ("total", "kl")) -> Scalars:
    rng = np.random.default_rng(first * 7919 + n)
    steps = np.arange(first, first + n, dtype=np.int64)
    seconds = np.cumsum(rng.random(n)) + first
    values = rng.standard_normal((n, len(names))).astype(np.float32)
    return Scalars(run, names, steps, seconds, values, split)  # type: ignore[arg-type]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "runs")
