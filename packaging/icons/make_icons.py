"""Renders resources/icons/app.svg into the sizes and formats that desktops ask for: PNG, .ico and .icns.

.venv/bin/python packaging/icons/make_icons.py
"""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
SOURCE = HERE.parents[1] / "resources" / "icons" / "app.svg"
PNG_SIZES = (16, 24, 32, 48, 64, 128, 256, 512)
ICO_SIZES = (16, 24, 32, 48, 64, 128, 256)
ICNS_SIZES = (16, 32, 64, 128, 256, 512, 1024)


def render(size: int) -> bytes:
    """The icon as a PNG of that many pixels, drawn at that size rather than scaled down."""
    from PySide6.QtCore import QBuffer, QIODevice, Qt
    from PySide6.QtGui import QImage, QPainter
    from PySide6.QtSvg import QSvgRenderer

    renderer = QSvgRenderer(str(SOURCE))
    if not renderer.isValid():
        sys.exit(f"{SOURCE} cannot be read as SVG; open it in a browser to see what is wrong with it.")
    image = QImage(size, size, QImage.Format.Format_ARGB32_Premultiplied)
    image.fill(Qt.GlobalColor.transparent)
    painter = QPainter(image)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    renderer.render(painter)
    painter.end()
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    image.save(buffer, "PNG")
    return bytes(buffer.data().data())


def main() -> None:
    """Write every size beside this file."""
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    from PIL import Image
    from PySide6.QtGui import QGuiApplication

    app = QGuiApplication([])
    pictures = {size: Image.open(io.BytesIO(render(size))).copy() for size in {*PNG_SIZES, *ICO_SIZES, *ICNS_SIZES}}
    for size in PNG_SIZES:
        pictures[size].save(HERE / f"app-{size}.png", optimize=True)
    # Pillow scales the largest down for sizes that it is not given, so it is given all of them.
    for name, sizes in (("app.ico", ICO_SIZES), ("app.icns", ICNS_SIZES)):
        *smaller, largest = [pictures[size] for size in sizes]
        largest.save(HERE / name, sizes=[(size, size) for size in sizes], append_images=smaller)
    app.quit()
    for path in sorted(HERE.glob("app*.*")):
        print(f"{path.stat().st_size:>8} bytes  {path.name}")


if __name__ == "__main__":
    main()
