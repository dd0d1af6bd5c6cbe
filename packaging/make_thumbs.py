"""Film each preset learning, for its card in the window: resources/presets/thumbs/NAME.webp.

    python packaging/make_thumbs.py RUNS_FOLDER [PRESET ...]

trains every preset whose run is not in the folder yet, then draws the same noise at each step of its kept past:
nine pictures, or a cloud of points, 96 pixels square.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # before torch

import numpy as np
from PIL import Image

import gm_core
from gm_core import api
from gm_core.capabilities.base import to_picture
from gm_core.model import GenerativeModel
from gm_core.presets import read_presets
from gm_core.resources import resource
from gm_core.runs.shelf import checkpoints

SIDE = 96
FRAMES = 10
POINTS = 3000


def main(runs: Path, wanted: list[str]) -> None:
    """Train what is missing, then film everything."""
    target = resource("presets", "thumbs")
    target.mkdir(exist_ok=True)
    for preset in read_presets():
        if wanted and preset.name not in wanted:
            continue
        if not checkpoints(runs / preset.name):
            train(runs, dict(preset.spec))
        steps = list(checkpoints(runs / preset.name))
        chosen = [steps[i] for i in np.unique(np.linspace(0, len(steps) - 1, FRAMES).round().astype(int))]
        frames = [frame(gm_core.load(runs / preset.name, step=step)) for step in chosen]
        first, *rest = [Image.fromarray(f) for f in frames]
        path = target / f"{preset.name}.webp"
        first.save(path, save_all=True, append_images=rest, duration=220, loop=0, quality=60)
        print(f"{preset.name}: {len(frames)} frames, {path.stat().st_size / 1000:.0f} kB", flush=True)


def train(runs: Path, spec: dict[str, object]) -> None:
    """Train a preset to its end."""
    engine = api.open_engine(runs, "inline")
    engine.start()
    engine.send(api.Start(spec))
    while engine.pump():
        for event in engine.drain():
            if isinstance(event, api.Trouble):
                raise SystemExit(event.words)
    engine.close()


def frame(model: GenerativeModel) -> np.ndarray:
    """Nine pictures of a model as one, or its points as a cloud: uint8 (SIDE, SIDE, 3)."""
    if model.card.kind == "images":
        items = to_picture(model.sample(9, gm_core.rng(3)), model.card)
        _, h, w, c = items.shape
        tiled = items.reshape(3, 3, h, w, c).transpose(0, 2, 1, 3, 4).reshape(3 * h, 3 * w, c)
        picture = Image.fromarray(np.repeat(tiled, 3 // c, -1) if c == 1 else tiled)
        sharp = Image.Resampling.NEAREST if h < 16 else Image.Resampling.BILINEAR
        return np.asarray(picture.resize((SIDE, SIDE), sharp))
    points = model.sample(POINTS, gm_core.rng(3)).numpy()
    lo, hi = model.card.range
    at = np.floor((points - lo) / (hi - lo) * SIDE).astype(int)
    inside = ((at >= 0) & (at < SIDE)).all(1)
    image = np.zeros((SIDE, SIDE))
    np.add.at(image, (SIDE - 1 - at[inside, 1], at[inside, 0]), 0.45)
    grey = (255 * np.clip(image, 0, 1)).astype(np.uint8)
    return np.repeat(grey[..., None], 3, -1)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
