"""What can be written of the plane: a picture of what is seen, and the one plane with its layers as vectors."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtWidgets import QWidget

from app import export
from app.panel import Export
from app.widgets.plane import PlaneView


def exports(seen: QWidget, view: PlaneView, settings: Callable[[], str]) -> list[Export]:
    """`seen` is the plane, or the three; vectors are of the plane, and greyed while three are seen."""

    def png(path: Path) -> None:
        export.export_png(seen, path, settings())

    def svg(path: Path) -> None:
        export.export_svg(view.canvas, path)

    def pdf(path: Path) -> None:
        export.export_pdf(view.canvas, path)

    reason = "" if seen is view else "Show one plane instead of three first."
    return [
        Export("Plane as PNG", ".png", png),
        Export("Plane as SVG", ".svg", svg, reason=reason),
        Export("Plane as PDF", ".pdf", pdf, reason=reason),
    ]
