"""What the latent explorer writes to files: the interpolation as a strip and as a film, the picture, the map."""

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

    def strip(path: Path) -> None:
        both = panel.walks.pictures()
        if both is not None:
            export.export_png(both, path, panel.settings_text(), 1.0)

    def walk(path: Path) -> None:
        export.save_animation(panel.walks.frames(), path, fps=8, settings=panel.settings_text())

    def picture(path: Path) -> None:
        shown = panel.picture_view.image()
        if shown is not None:
            export.export_png(film.enlarge(shown, 400), path, panel.settings_text(), 1.0)

    def chart(path: Path) -> None:
        export.export_png(panel.pad, path, panel.settings_text())

    made = []
    if panel.walks.pictures() is not None:
        made.append(Export("Interpolation as PNG", ".png", strip))
        made += [
            Export(f"Interpolation as {words}", suffix, walk) for words, suffix in (("GIF", ".gif"), ("WebP", ".webp"))
        ]
    if panel.picture_view.image() is not None:
        made.append(Export("Decoded picture as PNG", ".png", picture))
    if panel.pad.has_content():
        made.append(Export("Latent map as PNG", ".png", chart))
    return made
