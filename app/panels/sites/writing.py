"""What the pixel-by-pixel viewer writes to files: views, the examples, the filling as a film, and its numbers."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from app import export
from app.panel import Export, films
from app.panels.sites.filling import Filling, Screen
from app.widgets import film, images

if TYPE_CHECKING:
    from app.panels.sites import SitesPanel

MOST = 120
"""Frames of a film; more only make the file large."""
GROUND = (92, 98, 116)
"""What is not drawn yet, as red, green, blue."""


def exports(panel: SitesPanel) -> list[Export]:
    """Everything that there is to write at the moment."""
    if panel.film is None:
        return []

    def view(path: Path) -> None:
        export.export_png(panel, path, panel.settings_text())

    def stage(path: Path) -> None:
        export.export_png(panel.picture(), path, panel.settings_text(), 1.0)

    def sheet(path: Path) -> None:
        shown = _opaque(Screen().show(_film(panel), panel.place))
        export.export_png(film.sheet(shown, least=560), path, panel.settings_text(), 1.0)

    def strip(path: Path) -> None:
        found = _film(panel)
        export.export_png(strip_of(found, panel.row), path, panel.settings_text(), 1.0)

    def table(path: Path) -> None:
        path.write_text(table_of(_film(panel), panel.row, panel.levels()), encoding="utf-8")

    return [
        Export("Picture with its overlay as PNG", ".png", stage),
        Export("This view as PNG", ".png", view),
        Export("All examples as PNG", ".png", sheet),
        Export("Filling as a strip, PNG", ".png", strip),
        *films("Filling", lambda: pictures(_film(panel), panel.row), lambda: 20.0, panel.settings_text),
        Export("Log-probabilities of each pixel as CSV", ".csv", table),
    ]


def _film(panel: SitesPanel) -> Filling:
    assert panel.film is not None
    return panel.film


def _opaque(rgba: np.ndarray) -> np.ndarray:
    """Pictures (..., 4) as (..., 3), with what is not drawn yet in a quiet colour of its own."""
    return np.where(rgba[..., 3:] > 0, rgba[..., :3], np.array(GROUND, np.uint8)).astype(np.uint8)


def pictures(filling: Filling, row: int) -> list[np.ndarray]:
    """One example growing, at most so many moments of it, each with a line of words."""
    units = filling.units()
    made, screen = [], Screen()
    for unit in np.unique(np.linspace(0, units, min(MOST, units + 1)).round().astype(int)):
        shown = _opaque(screen.show(filling, filling.place_of(int(unit)))[row])
        made.append(film.captioned(film.enlarge(shown), f"pixel {unit:,} of {filling.pixels:,}"))
    return made


def strip_of(filling: Filling, row: int, columns: int = 10) -> np.ndarray:
    """One example at some moments, side by side."""
    screen = Screen()
    moments = np.linspace(0, filling.units(), columns).round().astype(int)
    shown = np.stack([_opaque(screen.show(filling, filling.place_of(int(u)))[row]) for u in moments])
    return film.enlarge(images.tile(shown, columns, gap=1), 900)


def table_of(filling: Filling, row: int, levels: int) -> str:
    """Each number of one example in the order in which it was drawn, as CSV; in nats."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["place", "site", "channel", "row", "column", "value", "log_prob_nats", "entropy_nats", "by_hand"])
    width = filling.shape[2]
    for place, site in enumerate(filling.order[: filling.reached].tolist()):
        channel, pixel = divmod(site, filling.pixels)
        writer.writerow([
            place + 1, site, channel, pixel // width + 1, pixel % width + 1, int(filling.values[row, site]),
            float(filling.log_probs[row, site]), float(filling.entropies[row, site]), int((row, site) in filling.marks),
        ])  # fmt: skip
    return text.getvalue()
