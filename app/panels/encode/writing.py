"""What the panel writes to files: the page as a picture, the strip of sums, the code as numbers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from app import export
from app.panel import Export
from app.widgets import film

if TYPE_CHECKING:
    from app.panels.encode import EncodePanel


def exports(panel: EncodePanel) -> list[Export]:
    """Everything that there is to write at the moment, on the page that is seen."""

    def results(path: Path) -> None:
        export.export_png(panel.drawn.results, path, panel.settings_text())

    def code(path: Path) -> None:
        found = panel.found.code
        if found is not None:
            pairs = zip(found.mu[0], found.std[0], strict=True)
            lines = [f"{i + 1},{mean:.6g},{std:.6g}" for i, (mean, std) in enumerate(pairs)]
            path.write_text("\n".join(["dimension,mean,std", *lines]) + "\n", encoding="utf-8")

    def strip(path: Path) -> None:
        shown = panel.sums.strip.image()
        if shown is not None:
            export.export_png(film.enlarge(shown, 560), path, panel.settings_text(), 1.0)

    def page(path: Path) -> None:
        export.export_png(panel.sums, path, panel.settings_text())

    if panel.controls.page() == 1:
        done = panel.sums.sums is not None
        made = [Export("Strip of sums as PNG", ".png", strip), Export("Arithmetic as PNG", ".png", page)]
        return made if done else []
    if panel.drawn.given() is None:
        return []
    made = [Export("Encoding as PNG", ".png", results)]
    if panel.found.code is not None:
        made.append(Export("Code as CSV", ".csv", code))
    return made
