"""What the comparison of ways writes to files: all ways as one picture, and films of all of them or of one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from app import export
from app.panel import Export, films
from app.panels.interpolation.planes import WaysPlane, shows_items
from app.widgets import film, images
from gm_core import api

if TYPE_CHECKING:
    from app.panels.interpolation import InterpolationPanel

SMALL, LARGE = 168, 336
"""Sides of the pictures in a film of several ways, and of one."""
STRIP, PLANE = 1200, 420


def exports(panel: InterpolationPanel) -> list[Export]:
    """Everything that there is to write at the moment."""
    ways = panel.shown_ways()
    if not ways:
        return []

    def strip(path: Path) -> None:
        export.export_png(strips(ways), path, panel.settings_text(), 1.0)

    def view(path: Path) -> None:
        export.export_png(panel, path, panel.settings_text())

    pictures = ways[0].items.ndim == 4
    made = [Export("All ways as a strip, PNG", ".png", strip)] if pictures else []
    made.append(Export("This view as PNG", ".png", view))
    if not pictures and not shows_items(panel.found()):
        return made
    names = {"All ways": "", f"The {panel.chosen()} way": panel.chosen()}
    for words, only in names.items():
        # A film that has no end rests nowhere.
        hold = 1.0 if panel.controls.round.currentText() == "once" else 0.0
        made += films(words, lambda only=only: pages(panel, only), panel.transport.fps, panel.settings_text, hold)  # type: ignore[misc]
    return made


def strips(ways: list[api.PathWay]) -> np.ndarray:
    """All ways below each other, each with its name, length and energy."""
    rows = []
    for way in ways:
        row = film.enlarge(images.tile(way.items, len(way.items), gap=1), STRIP)
        rows.append(film.captioned(row, f"{way.way}   length {way.length:.4g}   energy {way.energy:.4g}"))
    return film.below(rows)


def pages(panel: InterpolationPanel, only: str = "") -> list[np.ndarray]:
    """The frames of a film in the order in which they are played: all ways side by side, or one of them."""
    ways = [way for way in panel.shown_ways() if not only or way.way == only]
    order = panel.film_order()
    if ways[0].items.ndim != 4:
        return _planes(panel, order, only)
    columns = [_column(way, SMALL if len(ways) > 1 else LARGE) for way in ways]
    return [film.beside([column[frame] for column in columns]) for frame in order]


def _column(way: api.PathWay, least: int) -> list[np.ndarray]:
    """The pictures of one way, enlarged, its name under each; the name is drawn once."""
    enlarged = [images.as_rgb(film.enlarge(item, least))[..., :3] for item in way.items]
    high = enlarged[0].shape[0]
    name = film.captioned(enlarged[0], way.way)[high:]
    return [np.concatenate([picture, name]) for picture in enlarged]


def _planes(panel: InterpolationPanel, order: list[int], only: str) -> list[np.ndarray]:
    """Points: the plane at each frame, drawn off-screen at a size of its own."""
    plane = WaysPlane()
    plane.resize(PLANE, PLANE)
    if panel.card is not None and panel.card.data.kind == "points":
        plane.set_box(*panel.card.data.range)
    plane.set_found(panel.found())
    plane.set_chosen(panel.chosen())
    plane.show_only(only)
    made = []
    for frame in order:
        plane.set_place(frame)
        made.append(film.grab(plane))
    plane.deleteLater()
    return made
