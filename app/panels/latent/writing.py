"""What the latent explorer writes to files: the picture, the map, what a lasso has caught."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from app import export
from app.panel import Export
from app.widgets import film

if TYPE_CHECKING:
    from app.panels.latent import LatentPanel


def exports(panel: LatentPanel) -> list[Export]:
    """Everything that there is to write at the moment."""

    def caught(path: Path) -> None:
        shown = panel.caught.mosaic.image()
        if shown is not None:
            export.export_png(film.enlarge(shown, 800), path, panel.settings_text(), 1.0)

    def picture(path: Path) -> None:
        shown = panel.picture_view.image()
        if shown is not None:
            export.export_png(film.enlarge(shown, 400), path, panel.settings_text(), 1.0)

    def chart(path: Path) -> None:
        export.export_png(panel.pad, path, panel.settings_text())

    made = []
    if panel.picture_view.image() is not None:
        made.append(Export("Decoded picture as PNG", ".png", picture))
    if panel.pad.has_content():
        made.append(Export("Latent map as PNG", ".png", chart))
    if panel.caught.count() and panel.caught.mosaic.image() is not None:
        made.append(Export("Examples within the lasso as PNG", ".png", caught))
    return made
