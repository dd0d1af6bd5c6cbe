"""Turn a finished run into a shipped example: its weights alone, and recorded frames for the first screen.

    python packaging/record_example.py RUNS_FOLDER/vae-mnist [--past]

writes resources/pretrained/vae-mnist: spec.yaml, checkpoints/ (weights only; with --past the kept past as well) and
frames.npz, which the window shows before torch has loaded (its format is described in app/bridge/recorded.py).
"""

from __future__ import annotations

import argparse
import dataclasses
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np

from app.bridge.recorded import as_text, write_recording
from gm_core import api
from gm_core.engine.saving import for_viewing, open_run
from gm_core.resources import resource
from gm_core.runs.shelf import checkpoints
from gm_core.weights.checkpoint import read, write

FILM_FRAMES = 50
CURVE_POINTS = 600
SHEET = 144


def main() -> None:
    """Record one example."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("--past", action="store_true", help="keep the past too; for very small models")
    given = parser.parse_args()
    target = resource("pretrained", given.run.name)
    shutil.rmtree(target, ignore_errors=True)
    (target / "checkpoints").mkdir(parents=True)
    shutil.copy(given.run / "spec.yaml", target / "spec.yaml")
    last = open_run(given.run).last.step
    for step, path in checkpoints(given.run).items():
        if step == last or given.past:
            snapshot, header = read(path)
            card = {**header["card"], "note": impersonal(header["card"]["note"])}
            write(target / "checkpoints" / path.name, for_viewing(snapshot), {**header, "card": card, "kind": "past"})
    record(given.run, target)
    size = sum(file.stat().st_size for file in target.rglob("*") if file.is_file())
    print(f"{target.name}: {size / 1e6:.2f} MB")


def record(run: Path, target: Path) -> None:
    """Ask the run everything that the first screen shows."""
    engine = api.open_engine(run.parent, "inline")
    engine.start()
    engine.send(api.OpenRun(str(run)))
    events = turn(engine)
    card = next(event.card for event in reversed(events) if isinstance(event, api.RunChanged))
    arrays: dict[str, np.ndarray] = {}

    def ask(query: api.Query) -> list[Any]:
        engine.send(api.Ask(card.run, "record", 0, query))
        heard = turn(engine)
        for event in heard:
            if isinstance(event, api.Trouble):
                raise SystemExit(event.words)
        return [event.frame for event in heard if isinstance(event, api.Answered) and event.frame is not None]

    if "samples" in card.offers:
        arrays["samples"] = ask(api.SampleQuery(n=SHEET))[-1].items
    if "reconstructs" in card.offers:
        pairs = ask(api.ReconstructQuery(n=16))[0]
        arrays |= {"originals": pairs.originals, "reconstructions": pairs.reconstructions, "errors": pairs.errors}
    if "encodes" in card.offers:
        found = ask(api.MapQuery(n=2000))[0]
        arrays |= {f"map_{field.name}": getattr(found, field.name) for field in dataclasses.fields(found)}
    if "latent" in card.offers:
        walk = ask(api.WalkQuery(seed=4, n=24))[0]
        arrays |= {"walk": walk.items, "walk_z": walk.z}
    if "stepwise" in card.offers:
        frames = ask(api.TrajectoryQuery(n=16, frames=FILM_FRAMES))
        arrays["film_x"] = np.stack([frame.x for frame in frames])
        for name in frames[0].views:
            arrays[f"film_views_{name}"] = np.stack([frame.views.get(name, frame.x) for frame in frames])
        arrays["film_progress"] = np.array([frame.progress for frame in frames])
        arrays["film_time"] = as_text([frame.time for frame in frames])
        arrays["film_numbers"] = as_text([{**frame.numbers, "number": frame.number} for frame in frames])
        arrays["film_total"] = np.array(frames[0].total)
        arrays["film_samplers"] = as_text(list(frames[0].samplers))
        for name, curve in (frames[0].curves or {}).items():
            arrays[f"film_curves_{name}"] = np.asarray(curve, np.float32)
    if "sitewise" in card.offers and card.data.kind == "images":
        opening, *drawn = ask(api.FillQuery(n=16))
        arrays |= {
            "fill_start": opening.start,
            "fill_order": opening.order,
            "fill_orders": as_text(list(opening.orders)),
            "fill_sites": np.concatenate([frame.sites for frame in drawn]),
            "fill_values": np.concatenate([frame.values for frame in drawn], 1),
            "fill_log_probs": np.concatenate([frame.log_probs for frame in drawn], 1).astype(np.float16),
            "fill_entropies": np.concatenate([frame.entropies for frame in drawn], 1).astype(np.float16),
        }
    engine.send(api.ReadHistory(card.run))
    history = next(event for event in turn(engine) if isinstance(event, api.History))
    names: dict[str, list[str]] = {}
    for curve in history.curves:
        chosen = np.unique(np.geomspace(1, len(curve.steps), CURVE_POINTS).astype(int) - 1)
        names[curve.split] = list(curve.names)
        arrays[f"curve_{curve.split}_steps"] = curve.steps[chosen]
        arrays[f"curve_{curve.split}_seconds"] = curve.seconds[chosen]
        arrays[f"curve_{curve.split}_values"] = curve.values[chosen]
    arrays["names"] = as_text(names)
    held = tuple(checkpoints(target))
    data = dataclasses.replace(card.data, note=impersonal(card.data.note))
    shown = dataclasses.replace(card, data=data, kept=held, pinned=(), folder="", facts={})
    write_recording(target / "frames.npz", shown, arrays)
    engine.close()


def impersonal(note: str) -> str:
    """A data card's note without the folder that the data lay in on the machine of whoever trained."""
    return re.sub(r"Read from .*?\.(?=\s|$)\s*", "", note)


def turn(engine: api.Engine) -> list[api.Event]:
    """Turn the engine until it rests."""
    events = engine.drain()
    while engine.pump():
        events += engine.drain()
    return events + engine.drain()


if __name__ == "__main__":
    main()
