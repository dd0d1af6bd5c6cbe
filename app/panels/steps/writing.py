"""What the step viewer writes to files: the trajectory as a film or as a strip, and the view itself."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from app import export
from app.panel import Export, films
from app.widgets import film

if TYPE_CHECKING:
    from app.panels.steps import StepsPanel


MOST_PICTURES, MOST_PLANES = 120, 50
"""Frames of a film: a plane takes longer to draw than pictures, and the window waits meanwhile."""


def exports(panel: StepsPanel) -> list[Export]:
    """Everything that there is to write at the moment."""
    if not panel.lanes["a"].track.frames:
        return []

    def view(path: Path) -> None:
        export.export_png(panel, path, panel.settings_text())

    def strip(path: Path) -> None:
        strips = [s for lane in panel.lanes_shown() if (s := lane.strip()) is not None]
        if strips:
            wide = min(s.shape[1] for s in strips)
            export.export_png(np.concatenate([s[:, :wide] for s in strips]), path, panel.settings_text(), 1.0)

    made = [Export("This view as PNG", ".png", view)]
    if panel.lanes["a"].strip() is not None:
        made.append(Export("Trajectory as a strip, PNG", ".png", strip))
    return [*made, *films("Trajectory", lambda: pictures(panel), lambda: 15.0, panel.settings_text)]


def pictures(panel: StepsPanel) -> list[np.ndarray]:
    """The frames of the longer lane, at most so many, with the frames of the same progress of the other lanes."""
    made = []
    frames = panel.longer_lane().track.frames
    most = MOST_PICTURES if frames[0].x.ndim == 4 else MOST_PLANES
    chosen = np.unique(np.linspace(0, len(frames) - 1, min(most, len(frames))).round().astype(int))
    for frame in (frames[i] for i in chosen):
        parts = []
        for lane in panel.lanes_shown():
            if not lane.track.frames:
                continue
            place = lane.track.nearest(frame.progress)
            found = lane.picture_of(lane.track.frames[place])
            if found is None:  # points: the plane is drawn at that moment and put back below
                lane.show_at(place)
                found = film.captioned(film.grab(lane.plane.canvas), lane.words.text())
            parts.append(found)
        made.append(together(parts))
    panel.redraw()
    return made


def together(parts: list[np.ndarray]) -> np.ndarray:
    """The pictures of the lanes as one: below each other, or two by two where there are more than two."""
    if len(parts) < 3:
        return film.below(parts)
    return film.below([film.beside(parts[i : i + 2]) for i in range(0, len(parts), 2)])
