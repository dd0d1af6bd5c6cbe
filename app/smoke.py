"""Shows that an installation (or a frozen program) works: lists models and panels, makes every page of the notes,
trains ten steps, asks what needs each library that is imported late, and leaves."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from app import contents
from app.pages import load_page
from app.panel import find_panels
from app.shell import theme
from app.shell.session import api_spec, make_application
from gm_core import api

STEPS = 10
WITHIN = 120.0
TRAINED = ("flow_matching-ot-moons", "vae-digits")
"""The first pairs points by SciPy; of the second, codes are laid out by scikit-learn."""


def smoke(runs: Path | None = None) -> int:
    """Returns 0 where all of it went well; says on the way what it found."""
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    app = make_application(["smoke"])
    theme.load_fonts()
    theme.apply(app, "dark")
    panels = find_panels()
    print("panels:", ", ".join(panels))
    for kind in panels.values():
        kind().deleteLater()
    for name in contents.ORDER:
        load_page(name)().deleteLater()
    print("pages:", ", ".join(contents.ORDER))
    with tempfile.TemporaryDirectory(prefix="gm-smoke-") as folder:
        engine = api.open_engine(runs or Path(folder), transport="inline")
        engine.start()
        try:
            run = ""
            for preset in TRAINED:
                run = _train(engine, api_spec(preset))
            _embed(engine, run)
        except RuntimeError as fault:
            print("trouble:", fault)
            return 1
        finally:
            engine.close()
    return 0


def _await(engine: api.Engine, what: str, found: Callable[[api.Event], bool]) -> api.Event:
    """The first such event; raises RuntimeError where there is a trouble before it, or none in time."""
    until = time.monotonic() + WITHIN
    while time.monotonic() < until:
        engine.pump()
        for event in engine.drain():
            if isinstance(event, api.Trouble):
                raise RuntimeError(event.words)
            if isinstance(event, api.Ready):
                print("models:", ", ".join(card.name for card in event.catalogue.models))
            if found(event):
                return event
    raise RuntimeError(f"{what} within {WITHIN:.0f} s")


def _train(engine: api.Engine, spec: dict[str, Any]) -> str:
    """Ten steps of a preset; the name of the run."""
    engine.send(api.Start({**spec, "train": {**spec.get("train", {}), "steps": STEPS}}))
    event = _await(
        engine,
        "ten steps were not trained",
        lambda event: isinstance(event, api.RunChanged) and event.card.state == "finished",
    )
    assert isinstance(event, api.RunChanged)
    print(f"trained {event.card.step} steps of {event.card.title} on {event.card.device}")
    return event.card.run


def _embed(engine: api.Engine, run: str) -> None:
    """Some codes on the plane."""
    codes = np.random.default_rng(0).normal(size=(50, 8)).astype(np.float32)
    engine.send(api.Ask(run, "smoke", 1, api.EmbedQuery(codes=codes)))
    _await(engine, "50 codes were not laid out", lambda event: isinstance(event, api.Answered) and event.last)
    print("laid out 50 codes")
