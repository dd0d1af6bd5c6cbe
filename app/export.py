"""Saves what a panel shows: PNG with its settings inside, SVG and PDF for plots, films, and the clipboard."""

from __future__ import annotations

import atexit
import contextlib
import json
import math
import os
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from PySide6.QtCore import QBuffer, QByteArray, QIODevice, QMarginsF, QMimeData, QPoint, QRect, QRectF, QSizeF, Qt
from PySide6.QtGui import QGuiApplication, QImage, QImageReader, QPainter
from PySide6.QtSvg import QSvgGenerator
from PySide6.QtWidgets import QWidget

from app.widgets.images import as_rgb, to_qimage
from gm_core import api

SETTINGS_KEY = "gm-settings"
LARGEST_SIDE = 16_000
PALETTE_PIXELS = 150_000

Picture = QWidget | QImage | np.ndarray


def picture_of(source: Picture, scale: float = 2.0) -> QImage:
    """What a widget shows (drawn anew, `scale` times larger), or an image as it is."""
    if isinstance(source, QImage):
        return source
    if isinstance(source, np.ndarray):
        return to_qimage(source)
    size = source.size() * scale
    if size.isEmpty() or max(size.width(), size.height()) > LARGEST_SIDE:
        raise ValueError(
            f"a picture of {size.width()} x {size.height()} pixels cannot be made; the limit is {LARGEST_SIDE}"
        )
    image = QImage(size, QImage.Format.Format_ARGB32_Premultiplied)
    image.setDevicePixelRatio(scale)
    image.fill(Qt.GlobalColor.transparent)
    # Rendering off-screen keeps the pointer, toasts and other windows out of the picture.
    source.render(image, QPoint(0, 0))
    return image


def export_png(source: Picture, path: str | os.PathLike[str], settings: str = "", scale: float = 2.0) -> Path:
    """Write a PNG; `settings` (JSON text) travels in a text chunk and comes back from `read_settings`."""
    _check_settings(settings)
    data = _png(picture_of(source, scale), settings)
    return _write(path, (".png",), lambda temporary: temporary.write_bytes(data))


def read_settings(path: str | os.PathLike[str]) -> str | None:
    """The settings inside a picture that this program has saved; None where there are none."""
    file = Path(path)
    if not file.is_file():
        raise OSError(f"{file} does not exist")
    if file.suffix.lower() in (".gif", ".webp"):
        return _film_settings(file)
    reader = QImageReader(str(file))
    if not reader.canRead():
        raise ValueError(f"{file.name} is not a picture that can be read: {reader.errorString()}")
    return reader.text(SETTINGS_KEY) or None


def export_svg(view: QWidget, path: str | os.PathLike[str]) -> Path:
    """Write a plot as vectors for the web or a drawing program."""

    def save(temporary: Path) -> None:
        generator = QSvgGenerator()
        generator.setFileName(str(temporary))
        generator.setSize(view.size())
        generator.setViewBox(view.rect())
        generator.setResolution(view.logicalDpiX())  # without this axes and curves do not line up
        generator.setTitle(view.accessibleName() or "figure")
        painter = QPainter()
        if not painter.begin(generator):
            raise OSError(f"{path} cannot be written")
        _render(view, painter, QRectF(view.rect()))
        painter.end()

    return _write(path, (".svg",), save)


def export_pdf(view: QWidget, path: str | os.PathLike[str], width_mm: float = 200.0) -> Path:
    """Write a plot as vectors for a paper, on a page of its own shape."""
    from PySide6.QtGui import QPageSize, QPdfWriter  # with a hundred sizes of paper

    def save(temporary: Path) -> None:
        writer = QPdfWriter(str(temporary))
        height = width_mm * view.height() / max(1, view.width())
        writer.setPageSize(QPageSize(QSizeF(width_mm, height), QPageSize.Unit.Millimeter))
        writer.setPageMargins(QMarginsF(0, 0, 0, 0))
        writer.setResolution(96)
        painter = QPainter()
        if not painter.begin(writer):
            raise OSError(f"{path} cannot be written")
        _render(view, painter, QRectF(0, 0, writer.width(), writer.height()))
        painter.end()

    return _write(path, (".pdf",), save)


def save_animation(
    frames: Sequence[np.ndarray] | np.ndarray, path: str | os.PathLike[str], fps: float = 12.0, settings: str = "",
    hold_last: float = 1.0, enlarge: int = 1,
) -> Path:  # fmt: skip
    """Write frames, uint8 (h, w) or (h, w, c), as .gif, .webp or .mp4 film, or as one .png strip.

    The last frame is held for `hold_last` seconds before the film begins again. `enlarge` repeats pixels. It touches no
    widget, so that it may run on any thread.
    """
    from PIL import Image, PngImagePlugin

    _check_settings(settings)
    if len(frames) == 0:
        raise ValueError("an animation needs at least one frame")
    arrays = [np.repeat(np.repeat(as_rgb(f)[..., :3], enlarge, axis=0), enlarge, axis=1) for f in frames]
    if len({a.shape for a in arrays}) != 1:
        raise ValueError("all frames of an animation must have the same size")
    if not 0 < fps <= 100:
        raise ValueError(f"fps is {fps}; the range is above 0 to 100")
    kind = Path(path).suffix.lower()
    step = round(1000 / fps)
    times = [step] * (len(arrays) - 1) + [step + round(1000 * hold_last)]

    def save(temporary: Path) -> None:
        if kind == ".png":
            notes = PngImagePlugin.PngInfo()
            if settings:
                notes.add_itxt(SETTINGS_KEY, settings)
            Image.fromarray(np.concatenate(arrays, axis=1)).save(temporary, format="PNG", pnginfo=notes)
            return
        if kind == ".mp4":
            held = [arrays[-1]] * round(hold_last * fps)
            temporary.write_bytes(api.mp4([*arrays, *held], fps, settings))
            return
        images = [Image.fromarray(a) for a in arrays]
        first, rest = images[0], images[1:]
        if kind == ".gif":
            # One palette for the whole film: separate ones make flat grounds flicker.
            some = np.concatenate(arrays[:: max(1, len(arrays) // 16)], axis=1)
            # Pillow holds up the other threads while it counts colours, so it is given no more than it takes.
            stride = max(1, math.isqrt(some.shape[0] * some.shape[1] // PALETTE_PIXELS))
            sheet = Image.fromarray(np.ascontiguousarray(some[::stride, ::stride]))
            palette = sheet.quantize(256, method=Image.Quantize.MEDIANCUT)
            images = [i.quantize(palette=palette, dither=Image.Dither.NONE) for i in images]
            # Pillow joins equal frames, which would change the count; the times stay right either way.
            images[0].save(
                temporary, format="GIF", save_all=True, append_images=images[1:], duration=times, loop=0,
                comment=settings.encode(), optimize=False, disposal=1,
            )  # fmt: skip
        else:
            exif = Image.Exif()
            if settings:
                exif[0x010E] = settings  # ImageDescription
            first.save(
                temporary, format="WEBP", save_all=True, append_images=rest, duration=times, loop=0, lossless=True,
                quality=60, method=3, exif=exif.tobytes() if settings else b"",
            )  # fmt: skip

    return _write(path, (".gif", ".webp", ".mp4", ".png"), save)


def copy_to_clipboard(source: Picture, settings: str = "", scale: float = 2.0) -> None:
    """Put what is shown on the clipboard, as an image and as PNG bytes with the settings inside."""
    _check_settings(settings)
    image = picture_of(source, scale)
    data = QMimeData()
    data.setImageData(image)
    data.setData("image/png", QByteArray(_png(image, settings)))
    if settings:
        data.setData("application/json", QByteArray(settings.encode()))
    QGuiApplication.clipboard().setMimeData(data)  # the clipboard owns it from here on
    atexit.unregister(_release_clipboard)
    atexit.register(_release_clipboard)


def _release_clipboard() -> None:
    # Qt deletes its clipboard after Python has gone, and data made by Python crash it there. On X11 and Wayland what is
    # on the clipboard ends with the program anyway; Windows and macOS keep a copy, which clearing would take away.
    if QGuiApplication.instance() is not None and QGuiApplication.platformName() not in ("windows", "cocoa"):
        QGuiApplication.clipboard().clear()


def _render(view: QWidget, painter: QPainter, target: QRectF) -> None:
    painter.save()
    painter.scale(target.width() / max(1, view.width()), target.height() / max(1, view.height()))
    view.render(painter, QPoint(0, 0), QRect(view.rect()))
    painter.restore()


def _check_settings(settings: str) -> None:
    if settings:
        try:
            json.loads(settings)
        except ValueError as error:
            raise ValueError(f"the settings for a picture must be JSON: {error}") from error


def _png(image: QImage, settings: str) -> bytes:
    copy = image.copy()
    copy.setDevicePixelRatio(1.0)
    if settings:
        copy.setText(SETTINGS_KEY, settings)
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    if not copy.save(buffer, "PNG"):  # type: ignore[call-overload]
        raise ValueError("the picture is empty and cannot be saved")
    return bytes(buffer.data().data())


def _film_settings(file: Path) -> str | None:
    from PIL import Image

    try:
        with Image.open(file) as image:
            comment = image.info.get("comment")
            text = comment.decode() if isinstance(comment, bytes) else image.getexif().get(0x010E)
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"{file.name} is not a film that can be read") from error
    return str(text) if text else None


def _write(path: str | os.PathLike[str], suffixes: tuple[str, ...], save: Callable[[Path], object]) -> Path:
    """Let `save` write a temporary file beside the target and put it in place, so that no half file is ever left."""
    target = Path(path)
    if target.suffix.lower() not in suffixes:
        raise ValueError(f"the file is called {target.name!r}; its name must end in {' or '.join(suffixes)}")
    if not target.parent.is_dir():
        raise OSError(f"the folder {target.parent} does not exist")
    try:
        handle, name = tempfile.mkstemp(prefix=f".{target.stem}-", suffix=target.suffix, dir=target.parent)
    except OSError as error:
        raise OSError(f"{target} cannot be written: {error.strerror or error}") from error
    os.close(handle)
    temporary = Path(name)
    try:
        save(temporary)
        if temporary.stat().st_size == 0:
            raise OSError(f"{target} cannot be written: nothing was saved (is the disk full?)")
        os.chmod(temporary, 0o644)
        os.replace(temporary, target)
    except OSError as error:
        raise OSError(f"{target} cannot be written: {error.strerror or error}") from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
    return target
