"""Runs one widget alone, for a look at it: `python -m app.widgets.mosaic [--theme light] [--shot FILE]`."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Callable

import numpy as np
from PySide6.QtWidgets import QApplication, QVBoxLayout, QWidget

from app.shell import theme


def run(build: Callable[[], QWidget], size: tuple[int, int] = (640, 440)) -> int:
    """Show what `build` makes in a window of its own, or save a picture of it and leave."""
    parser = argparse.ArgumentParser(description="Preview of one widget")
    parser.add_argument("--shot", metavar="FILE", help="save a picture of the widget and leave")
    parser.add_argument("--theme", choices=("system", "light", "dark"), default="dark")
    parser.add_argument("--scale", type=float, default=1.0, help="text scale")
    parser.add_argument("--size", default="", help="width x height, for example 640x440")
    args = parser.parse_args()
    app = QApplication.instance() or QApplication(sys.argv[:1])
    assert isinstance(app, QApplication)
    theme.load_fonts()
    theme.set_scale(app, args.scale)
    theme.apply(app, args.theme)
    window = QWidget()
    box = QVBoxLayout(window)
    box.setContentsMargins(12, 12, 12, 12)
    box.addWidget(build())
    width, height = (int(v) for v in args.size.split("x")) if args.size else size
    window.resize(width, height)
    window.show()

    async def live() -> int:
        closed = asyncio.Event()
        app.lastWindowClosed.connect(closed.set)
        if args.shot:
            await asyncio.sleep(0.35)
            return 0 if window.grab().save(args.shot) else 1
        await closed.wait()
        return 0

    import qasync  # after PySide6, so that it takes that one

    app.setQuitOnLastWindowClosed(False)
    with asyncio.Runner(loop_factory=lambda: qasync.QEventLoop(app)) as runner:
        return runner.run(live())


def digits(n: int = 64, side: int = 28, seed: int = 0) -> np.ndarray:
    """Pretend digits (n, side, side, 1): soft rings and strokes, enough to judge a layout by."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:side, 0:side] / (side - 1) * 2 - 1
    a, b = rng.uniform(0.25, 0.6, (2, n, 1, 1))
    tilt = rng.uniform(-0.5, 0.5, (n, 1, 1))
    u = x[None] + tilt * y[None]
    ring = np.exp(-(((np.hypot(u / a, y[None] / b) - 1.0) / 0.28) ** 2))
    bar = np.exp(-((u / 0.16) ** 2)) * (np.abs(y[None]) < 0.7)
    pick = rng.integers(0, 3, (n, 1, 1))
    mixed = np.where(pick == 0, ring, np.where(pick == 1, bar, np.maximum(ring * (y[None] < 0.1), bar)))
    return (np.clip(mixed, 0, 1) * 255).astype(np.uint8)[..., None]
