"""Shows that an installation (or a frozen program) works: lists models and panels, makes every page of the notes,
trains ten steps, asks what needs each library that is imported late, and leaves."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

STEPS = 10
WITHIN = 120.0
TRAINED = ("flow_matching-ot-moons", "vae-digits")
"""The first pairs points by SciPy; of the second, codes are laid out by scikit-learn."""


def smoke(runs: Path | None = None) -> int:
    """Returns 0 where all of it went well; says on the way what it found."""
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    from app.shell.session import api_spec, make_application

    app = make_application(["smoke"])
    from app import contents
    from app.pages import load_page
    from app.panel import find_panels
    from app.shell import theme
    from gm_core import api

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


def _events(engine: object, what: str) -> Iterator[object]:
    """What the engine says, until the time is up; a trouble of it ends the test."""
    from gm_core import api

    assert isinstance(engine, api.Engine)
    until = time.monotonic() + WITHIN
    while time.monotonic() < until:
        engine.pump()
        for event in engine.drain():
            if isinstance(event, api.Trouble):
                raise RuntimeError(event.words)
            yield event
    raise RuntimeError(f"{what} within {WITHIN:.0f} s")


def _train(engine: object, spec: dict[str, object]) -> str:
    """Ten steps of a preset; the name of the run."""
    from gm_core import api

    assert isinstance(engine, api.Engine)
    spec = {**spec, "train": {**dict(spec.get("train", {})), "steps": STEPS}}  # type: ignore[call-overload]
    engine.send(api.Start(spec))
    for event in _events(engine, "ten steps were not trained"):
        match event:
            case api.Ready():
                print("models:", ", ".join(card.name for card in event.catalogue.models))
            case api.RunChanged() if event.card.state == "finished":
                print(f"trained {event.card.step} steps of {event.card.title} on {event.card.device}")
                return event.card.run
    raise AssertionError("the events end by an exception")


def _embed(engine: object, run: str) -> None:
    """Some codes on the plane."""
    import numpy as np

    from gm_core import api

    assert isinstance(engine, api.Engine)
    codes = np.random.default_rng(0).normal(size=(50, 8)).astype(np.float32)
    engine.send(api.Ask(run, "smoke", 1, api.EmbedQuery(codes=codes)))
    for event in _events(engine, "50 codes were not laid out"):
        if isinstance(event, api.Answered) and event.last:
            print("laid out 50 codes")
            return
