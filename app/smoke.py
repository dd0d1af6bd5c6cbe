"""Shows that an installation (or a frozen program) works: lists models and panels, trains ten steps, and leaves."""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path

STEPS = 10
WITHIN = 120.0


def smoke(runs: Path | None = None) -> int:
    """Returns 0 where ten steps of the default preset were trained; says on the way what it found."""
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    from app.shell.session import api_spec, make_application

    app = make_application(["smoke"])
    from app.panel import find_panels
    from app.shell import theme
    from gm_core import api

    theme.load_fonts()
    theme.apply(app, "dark")
    panels = find_panels()
    print("panels:", ", ".join(panels))
    for kind in panels.values():
        kind().deleteLater()
    with tempfile.TemporaryDirectory(prefix="gm-smoke-") as folder:
        engine = api.open_engine(runs or Path(folder), transport="inline")
        engine.start()
        status = _train(engine, api_spec("vae-digits"))
        engine.close()
    return status


def _train(engine: object, spec: dict[str, object]) -> int:
    from gm_core import api

    assert isinstance(engine, api.Engine)
    spec = {**spec, "train": {**dict(spec.get("train", {})), "steps": STEPS}}  # type: ignore[call-overload]
    engine.send(api.Start(spec))
    until = time.monotonic() + WITHIN
    while time.monotonic() < until:
        engine.pump()
        for event in engine.drain():
            match event:
                case api.Ready():
                    print("models:", ", ".join(card.name for card in event.catalogue.models))
                case api.Trouble():
                    print("trouble:", event.words)
                    return 1
                case api.RunChanged() if event.card.state == "finished":
                    print(f"trained {event.card.step} steps of {event.card.title} on {event.card.device}")
                    return 0
    print(f"ten steps were not trained within {WITHIN:.0f} s")
    return 1
