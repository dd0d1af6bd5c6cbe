"""The latent map with 10,000 points: how long a frame takes while one pans, and how long a lattice of 20x20 decodes."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable

import numpy as np
import pytest

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
POINTS = 10_000
FRAMES = 240
SIDE = 20


def at(seconds: list[float], q: float) -> float:
    """A quantile in milliseconds."""
    return 1000 * sorted(seconds)[int(len(seconds) * q)]


def test_a_map_of_ten_thousand_points_pans(qapp: object, note: Callable[[str, str, str], None]) -> None:
    """Every layer on, in a window of 800 x 700; each frame is moved and painted whole, as the right button does."""
    from PySide6.QtCore import QPointF
    from PySide6.QtGui import QImage

    from app.shell import theme
    from app.widgets.pad import LatentPad

    theme.load_fonts()
    theme.apply(qapp, "dark")  # type: ignore[arg-type]
    rng = np.random.default_rng(0)
    pad = LatentPad()
    pad.resize(800, 700)
    labels = rng.integers(0, 10, POINTS)
    pad.set_points(rng.normal(size=(POINTS, 2)), labels)
    pad.set_background(rng.random((72, 72)))
    pad.set_ellipses(rng.normal(size=(100, 2)), np.tile(0.02 * np.eye(2), (100, 1, 1)), labels[:100])
    picture = rng.integers(0, 255, (SIDE * 28, SIDE * 28, 4)).astype(np.uint8)
    pad.set_lattice(picture, (-3.2, 3.2, -3.2, 3.2))
    pad.show()
    target = QImage(800, 700, QImage.Format.Format_RGB32)
    pad.render(target)
    took = []
    for k in range(FRAMES):
        began = time.perf_counter()
        pad._center += QPointF(6 * pad._per_px * (1 if k // 60 % 2 == 0 else -1), 2 * pad._per_px)
        pad.rebuild()
        pad.render(target)
        took.append(time.perf_counter() - began)
    figure = f"{at(took, 0.5):.1f}, {at(took, 0.95):.1f}, {1000 * max(took):.1f} ms"
    note("panning a map of 10,000 points, a frame: median, p95, longest", figure, "33 ms")
    pad.close()


@pytest.mark.parametrize("preset", ["vae-mnist"])
def test_a_lattice_decodes(preset: str, note: Callable[[str, str, str], None]) -> None:
    """20 x 20 pictures by the preset's decoder, on one thread."""
    import torch

    from gm_core.capabilities.base import Scene, answer
    from gm_core.capabilities.lattice import LatticeQuery
    from gm_core.data.feed import Feed
    from gm_core.data.registry import make_data
    from gm_core.model import build
    from gm_core.presets import find_preset

    spec = find_preset(preset).spec
    data = make_data(spec["data"])
    model = build(spec["model"], data.card).eval()
    took = []
    for _ in range(20):
        scene = Scene(model, Feed(data, 64), torch.Generator().manual_seed(0), torch.device("cpu"))
        began = time.perf_counter()
        with torch.no_grad():
            *_, last = answer(LatticeQuery(size=SIDE), scene)
        took.append(time.perf_counter() - began)
        assert last is not None and last.items.shape[:2] == (SIDE, SIDE)  # type: ignore[attr-defined]
    note(f"a lattice of {SIDE}x{SIDE}, {preset}", f"{1000 * statistics.median(took):.1f} ms", "100 ms")
