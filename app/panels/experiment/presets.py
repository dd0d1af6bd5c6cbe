"""The presets as cards: recorded frames where there are some, else a small drawing of what kind of run it is."""

from __future__ import annotations

import hashlib
from functools import cache, partial
from pathlib import Path

import numpy as np

from app.bridge.recorded import FILE, read_recording
from app.widgets.thumb import Film
from gm_core import api
from gm_core.resources import resource

SIDE = 64


def preset_cards(presets: tuple[api.Preset, ...]) -> list[tuple[str, str, str, Film]]:
    """(key, title, subtitle, film) for each preset, those that need no download first; films are read when seen."""
    ready = {"digits"}
    ordered = sorted(
        presets, key=lambda p: (p.name != "vae-digits", _on_image_files(p) and _data(p) not in ready, p.name)
    )
    return [(p.name, p.title, _subtitle(p), partial(frames_of, p.name, _data(p))) for p in ordered]


def _data(preset: api.Preset) -> str:
    return str(preset.spec.get("data", {}).get("kind", ""))


def _on_image_files(preset: api.Preset) -> bool:
    return any(word in _data(preset) for word in ("mnist", "cifar", "idx", "arrays"))


def _subtitle(preset: api.Preset) -> str:
    return f"{preset.spec.get('model', {}).get('kind', '')} on {_data(preset).replace('_', ' ')}"


@cache
def frames_of(name: str, data: str) -> np.ndarray | None:
    """Frames (t, h, w, c) for a card: a stored film, a recording of that run, or a drawing of its data."""
    for suffix in ("webp", "png"):
        stored = resource("presets", "thumbs", f"{name}.{suffix}")
        if stored.is_file():
            return _read_film(stored)
    recording = read_recording(resource("pretrained", name, FILE))
    if recording is not None:
        if "film_x" in recording.arrays:
            return recording.arrays["film_x"][::4, 0]
        if "walk" in recording.arrays:
            return recording.arrays["walk"]
    return drawing(name, data)


def _read_film(path: Path) -> np.ndarray | None:
    from PIL import Image, ImageSequence, UnidentifiedImageError

    try:
        with Image.open(path) as film:
            return np.stack([np.asarray(frame.convert("RGB")) for frame in ImageSequence.Iterator(film)])
    except (OSError, UnidentifiedImageError, ValueError):
        return None


def drawing(name: str, data: str) -> np.ndarray:
    """A stand-in: points of the plane coming together for toy data, blocks of grey coming clear for images."""
    rng = np.random.default_rng(int.from_bytes(hashlib.sha1(name.encode()).digest()[:4], "little"))
    if any(word in data for word in ("digits", "mnist", "cifar", "idx", "arrays", "folder", "sprites", "strokes")):
        return _blocks(rng)
    return _cloud(rng, data)


def _blocks(rng: np.random.Generator) -> np.ndarray:
    yy, xx = np.mgrid[-1:1:8j, -1:1:8j]
    target = np.clip(1.4 - 3.2 * np.abs(np.hypot(xx, yy * 0.8) - 0.62), 0, 1)
    noise = rng.random((8, 8))
    frames = [np.repeat(np.repeat(a * target + (1 - a) * noise, 8, 0), 8, 1) for a in np.linspace(0.15, 1, 12)]
    return (255 * np.stack(frames)[..., None]).astype(np.uint8)


def _cloud(rng: np.random.Generator, data: str) -> np.ndarray:
    n = 500
    turn = rng.random(n) * np.pi
    side = rng.integers(0, 2, n)
    if "moon" in data:
        target = np.stack(
            [
                np.where(side, np.cos(turn) - 0.5, 0.5 - np.cos(turn)),
                np.where(side, np.sin(turn) - 0.25, 0.25 - np.sin(turn)),
            ],
            1,
        )
    else:
        k = rng.integers(0, 8, n) * np.pi / 4
        target = np.stack([np.cos(k), np.sin(k)], 1)
    target = target * 0.62 + rng.normal(0, 0.05, (n, 2))
    noise = rng.normal(0, 0.45, (n, 2))
    frames = []
    for a in np.linspace(0, 1, 12):
        where = a * target + (1 - a) * noise
        at = np.clip(((where + 1) * 0.5 * SIDE).astype(int), 0, SIDE - 1)
        image = np.zeros((SIDE, SIDE))
        np.add.at(image, (SIDE - 1 - at[:, 1], at[:, 0]), 0.5)
        frames.append(np.clip(image, 0, 1))
    return (255 * np.stack(frames)[..., None]).astype(np.uint8)
